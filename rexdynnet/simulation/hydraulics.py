"""Flows and pressures by Newton's method, with exact mass balances.

The flows of the chords (edges off the spanning tree) are the unknowns that
close the independent cycles; the tree's flows follow from them by summation
from the leaves, so mass is balanced to round-off in every iterate. The Newton
step is solved on the nodes, where its matrix is a sparse weighted Laplacian,
instead of on the cycles, where it is dense for trees with many consumers
(both give the same step: Todini and Pilati, 1988).
"""

from __future__ import annotations

import numpy as np

from rexdynnet.physics.devices import (
    SEAT_LEAK_kg_per_s_Pa,
    driven_share,
    leak_flow,
    pumped_flow,
    saturated_flow,
    valve_flow,
)
from rexdynnet.physics.friction import pressure_loss_and_slope
from rexdynnet.physics.water import viscosity
from rexdynnet.simulation.compiled import entry, hot, inner
from rexdynnet.simulation.elimination import solve_in_place
from rexdynnet.simulation.layout import CONTROL_VALVE, Layout
from rexdynnet.simulation.state import State

PLANT_CONDUCTANCE = 10.0
LEAST_CONDUCTANCE = 1e-12
MOST_ITERATIONS = 200
CAREFUL_AFTER = 8
HALVE_AFTER = 40
FARTHEST_Pa = 3e6
MOST_STEP_Pa = 3e5
LEAPING_Pa = 1e4
SMALL_DROP_Pa = 100.0
SETTLED = 1e-4
OBEYED = 1e-5
CONVERGED = 0
NOT_CONVERGED = 1
SINGULAR = 2


@inner
def update_viscosity(layout: Layout, state: State) -> None:
    """Evaluate each pipe's viscosity at the mean of its ends' guessed temperatures."""
    graph, water = layout.graph, layout.water
    for pipe in range(graph.first_substation):
        if water.viscosity > 0.0:
            state.conduits[pipe].viscosity = water.viscosity
        else:
            tail, head = graph.edges[pipe].tail, graph.edges[pipe].head
            mean = 0.5 * (state.nodes[tail].guess_K + state.nodes[head].guess_K)
            state.conduits[pipe].viscosity = viscosity(min(max(mean, 273.15), 453.15))


@hot
def pressure_drop(layout: Layout, state: State, edge: int) -> float:
    """Piezometric pressure at an edge's tail less that at its head, Pa."""
    ends = layout.graph.edges[edge]
    return state.nodes[ends.tail].pressure - state.nodes[ends.head].pressure


@hot
def holds_pressure(layout: Layout, edge: int) -> bool:
    """Whether an edge is a plant that holds a differential pressure."""
    graph = layout.graph
    if not graph.first_plant <= edge < graph.first_tank:
        return False
    return layout.plants[edge - graph.first_plant].holds_pressure != 0


@hot
def _flow_through_device(layout: Layout, state: State, edge: int, drop_Pa: float) -> float:
    """Flow of a device that pressure drives, as an explicit function of its pressure drop."""
    graph = layout.graph
    if edge < graph.first_plant:
        i = edge - graph.first_substation
        back = SEAT_LEAK_kg_per_s_Pa * min(drop_Pa, 0.0)
        if layout.substations[i].control == CONTROL_VALVE:
            return valve_flow(max(drop_Pa, 0.0), state.substations[i].kv) + back
        wanted = state.substations[i].wanted
        return saturated_flow(wanted, drop_Pa, state.substations[i].kv) + back
    if edge < graph.first_pump:
        fixed, most = state.edges[edge].fixed, graph.edges[edge].most_Pa
        if edge < graph.first_tank:
            return pumped_flow(fixed, -drop_Pa, most)
        if fixed >= 0.0:
            return fixed * driven_share(drop_Pa)
        return -pumped_flow(-fixed, drop_Pa, most)
    if edge < graph.first_valve:
        i = edge - graph.first_pump
        speed = state.pumps[i].speed
        drive = drop_Pa + layout.others.pumps[i].shut_off * speed * speed
        kv = np.sqrt(1e5 / layout.others.pumps[i].curvature)
        return valve_flow(max(drive, 0.0), kv) + SEAT_LEAK_kg_per_s_Pa * min(drive, 0.0)
    if edge < graph.first_bypass:
        i = edge - graph.first_valve
        kv = state.valves[i].kv
        if layout.others.valves[i].check:
            return valve_flow(max(drop_Pa, 0.0), kv) + SEAT_LEAK_kg_per_s_Pa * min(drop_Pa, 0.0)
        return valve_flow(drop_Pa, kv)
    return valve_flow(max(drop_Pa, 0.0), state.bypasses[edge - graph.first_bypass].kv)


@hot
def _secant_slope(layout: Layout, state: State, edge: int, drop_Pa: float) -> float:
    """Slope that keeps a Newton step within reach where a device's own is next to nothing."""
    graph = layout.graph
    if graph.first_plant <= edge < graph.first_pump:
        most = graph.edges[edge].most_Pa
        reach = most if edge < graph.first_tank or state.edges[edge].fixed < 0.0 else 5e3
        return 0.5 * abs(state.edges[edge].fixed) / (abs(drop_Pa) + reach)
    if _flow_through_device(layout, state, edge, drop_Pa) < 0.0:
        # shut against back flow: the way to its opening, not what it would pass beyond
        return 0.5 * abs(state.edges[edge].flow) / (abs(drop_Pa) + SMALL_DROP_Pa)
    passed = _flow_through_device(layout, state, edge, abs(drop_Pa))
    return 0.5 * abs(passed) / (abs(drop_Pa) + SMALL_DROP_Pa)


@inner
def _linearise(layout: Layout, state: State, careful: bool) -> None:
    """Write every edge as flow = constant + slope·(pressure at tail − pressure at head).

    `careful` steps follow secants where devices saturate: slower, but they cannot overshoot far.
    """
    graph = layout.graph
    edges = state.edges
    for edge in range(len(edges)):
        drop = pressure_drop(layout, state, edge)
        if edge < graph.first_substation:
            m = state.edges[edge].flow
            loss, rise = pressure_loss_and_slope(
                m,
                layout.pipes[edge].length,
                layout.pipes[edge].diameter,
                state.conduits[edge].roughness,
                layout.pipes[edge].minor_loss,
                layout.water.density,
                state.conduits[edge].viscosity,
                layout.water.nikuradse,
            )
            edges[edge].slope = 1.0 / max(rise, 1e-12)
            edges[edge].constant = m - edges[edge].slope * loss
        elif holds_pressure(layout, edge):
            i = edge - graph.first_plant
            if state.plants[i].bound_Pa < 0.0:
                edges[edge].constant = 0.0
                edges[edge].slope = SEAT_LEAK_kg_per_s_Pa
            else:
                edges[edge].slope = PLANT_CONDUCTANCE
                head = state.plants[i].head_Pa
                edges[edge].constant = PLANT_CONDUCTANCE * head + edges[edge].flow
        else:
            now = _flow_through_device(layout, state, edge, drop)
            nudge = 1e-6 * abs(drop) + 1e-4
            more = _flow_through_device(layout, state, edge, drop + nudge)
            edges[edge].slope = max((more - now) / nudge, LEAST_CONDUCTANCE)
            if careful:
                secant = _secant_slope(layout, state, edge, drop)
                edges[edge].slope = max(edges[edge].slope, secant)
            edges[edge].constant = now - edges[edge].slope * drop


@inner
def balance_tree(layout: Layout, state: State) -> None:
    """Recompute the tree's flows from the chords', so that each node balances to round-off."""
    graph = layout.graph
    edges = state.edges
    surplus = np.zeros(len(graph.nodes))
    for node in range(len(surplus)):
        surplus[node] = -state.nodes[node].leak
    for node in range(len(surplus)):
        if graph.nodes[node].tree_edge >= 0:
            state.edges[graph.nodes[node].tree_edge].flow = 0.0
    for edge in range(len(edges)):
        surplus[graph.edges[edge].tail] -= state.edges[edge].flow
        surplus[graph.edges[edge].head] += state.edges[edge].flow
    for k in range(len(graph.tree_order) - 1, -1, -1):
        node = graph.tree_order[k]
        edge = graph.nodes[node].tree_edge
        if edge < 0:
            continue
        if graph.edges[edge].tail == node:
            state.edges[edge].flow = surplus[node]
            surplus[graph.edges[edge].head] += surplus[node]
        else:
            state.edges[edge].flow = -surplus[node]
            surplus[graph.edges[edge].tail] += surplus[node]
        surplus[node] = 0.0


@inner
def _newton_step(
    layout: Layout, state: State, share: float, farthest_Pa: float
) -> tuple[int, float]:
    """Solve the linearised nodes and move pressures and flows by `share`, no pressure too far.

    Returns
    -------
    edge : int
        The edge that moved most; −1 if the matrix is singular.
    moved : float
        Its change over the largest flow; 1 if the pressures were kept from leaping.
    """
    graph = layout.graph
    diagonal, off, right = state.diagonal, state.off_diagonal, state.right_side
    diagonal[:] = 0.0
    off[:] = 0.0
    right[:] = 0.0
    for node in range(len(graph.nodes)):
        if graph.nodes[node].unknown >= 0:
            right[graph.nodes[node].unknown] -= state.nodes[node].leak
    for edge in range(len(graph.edges)):
        i = graph.nodes[graph.edges[edge].tail].unknown
        j = graph.nodes[graph.edges[edge].head].unknown
        y, g = state.edges[edge].slope, state.edges[edge].constant
        if i >= 0:
            diagonal[i] += y
            right[i] -= g
        if j >= 0:
            diagonal[j] += y
            right[j] += g
        if graph.edges[edge].slot >= 0:
            off[graph.edges[edge].slot] -= y
    if not solve_in_place(layout.elimination, diagonal, off, right):
        return -1, 0.0
    furthest = 0.0
    for node in range(len(graph.nodes)):
        k = graph.nodes[node].unknown
        if k >= 0:
            old = state.nodes[node].pressure
            furthest = max(furthest, abs(right[k] - old))
            state.nodes[node].pressure, right[k] = right[k], old
    limited = share * furthest > farthest_Pa
    if limited:
        share = farthest_Pa / furthest
    for edge in range(len(graph.edges)):
        drop = pressure_drop(layout, state, edge)
        new = state.edges[edge].constant + state.edges[edge].slope * drop
        old = state.edges[edge].flow
        state.edges[edge].flow = old + share * (new - old) if share < 1.0 else new
        state.edges[edge].constant = old
    if share < 1.0:
        for node in range(len(graph.nodes)):
            k = graph.nodes[node].unknown
            if k >= 0:
                moved_Pa = share * (state.nodes[node].pressure - right[k])
                state.nodes[node].pressure = right[k] + moved_Pa
    # sums from the leaves: no round-off of pressures over short wide pipes in the flows
    balance_tree(layout, state)
    worst, moved, largest = 0, 0.0, 1e-3
    for edge in range(len(graph.edges)):
        change = abs(state.edges[edge].flow - state.edges[edge].constant)
        largest = max(largest, abs(state.edges[edge].flow))
        if change > moved:
            moved = change
            worst = edge
    # flows that stand still while pressures leap are no solution yet
    return worst, 1.0 if limited or furthest > LEAPING_Pa else moved / largest


@inner
def _next_head(state: State, plant: int, margin: float) -> float:
    """Secant step towards a worst-point margin of zero; more head never lowers the margin."""
    record = state.plants[plant]
    head, slope = record.head_Pa, 1.0
    if record.tried_Pa >= 0.0 and abs(head - record.tried_Pa) > 1e-6:
        slope = (margin - record.margin_Pa) / (head - record.tried_Pa)
    state.plants[plant].tried_Pa = head
    state.plants[plant].margin_Pa = margin
    return head - margin / min(max(slope, 0.05), 1.0)


@inner
def _raise_heads(layout: Layout, state: State) -> float:
    """Move pressure plants to their set-point or to the worst point; return the change in Pa."""
    graph, plants, substations = layout.graph, layout.plants, layout.substations
    changed = 0.0
    for i in range(len(plants)):
        if plants[i].holds_pressure == 0 or state.plants[i].bound_Pa < 0.0:
            continue
        head = state.plants[i].bound_Pa
        if plants[i].worst_point:
            island = graph.nodes[graph.edges[graph.first_plant + i].tail].island
            margin = 1e30
            for s in range(len(substations)):
                edge = graph.first_substation + s
                if graph.nodes[graph.edges[edge].tail].island == island:
                    drop = pressure_drop(layout, state, edge)
                    margin = min(margin, drop - substations[s].minimum_dp)
            wanted = _next_head(state, i, margin) if margin < 1e29 else head
            head = min(max(wanted, head), plants[i].maximum_dp)
        changed = max(changed, abs(head - state.plants[i].head_Pa))
        state.plants[i].head_Pa = head
    return changed


@inner
def _update_leaks(layout: Layout, state: State) -> None:
    graph = layout.graph
    for node in range(len(graph.nodes)):
        state.nodes[node].leak = 0.0
    for pipe in range(graph.first_substation):
        if state.conduits[pipe].leak_kv > 0.0:
            forward = state.edges[pipe].flow >= 0.0
            node = graph.edges[pipe].head if forward else graph.edges[pipe].tail
            state.nodes[node].leak += leak_flow(
                absolute_pressure(layout, state, node), state.conduits[pipe].leak_kv
            )


@entry
def absolute_pressure(layout: Layout, state: State, node: int) -> float:
    """Absolute pressure of a node, Pa: piezometric, plus the holding, less its elevation."""
    graph = layout.graph
    island = graph.nodes[node].island
    root = graph.islands[island].root
    return (
        graph.islands[island].pressure_Pa
        + state.nodes[node].pressure
        + graph.nodes[root].potential_Pa
        - graph.nodes[node].potential_Pa
    )


@inner
def _devices_obey(layout: Layout, state: State) -> bool:
    """Whether every device passes what its own law says; steps along secants do not see to it."""
    graph = layout.graph
    largest = 1e-3
    for edge in range(len(state.edges)):
        largest = max(largest, abs(state.edges[edge].flow))
    for edge in range(graph.first_substation, len(state.edges)):
        if not holds_pressure(layout, edge):
            drop = pressure_drop(layout, state, edge)
            law = _flow_through_device(layout, state, edge, drop)
            if abs(law - state.edges[edge].flow) > OBEYED * largest:
                return False
    return True


@inner
def _at_rest(state: State) -> bool:
    largest = 0.0
    for edge in range(len(state.edges)):
        largest = max(largest, abs(state.edges[edge].flow))
    return largest == 0.0


@inner
def _start_from_demands(layout: Layout, state: State) -> None:
    """Give a network at rest the flows that its devices ask for, as a first guess."""
    graph = layout.graph
    for i in range(len(layout.substations)):
        state.edges[graph.first_substation + i].flow = state.substations[i].wanted
    for edge in range(graph.first_plant, graph.first_pump):
        state.edges[edge].flow = state.edges[edge].fixed
    balance_tree(layout, state)


@inner
def _recall_pressures(state: State) -> None:
    """Bring pressures back within reach that Newton's steps threw away from saturated devices."""
    for node in range(len(state.nodes)):
        pressure = state.nodes[node].pressure
        state.nodes[node].pressure = min(max(pressure, -FARTHEST_Pa), FARTHEST_Pa)


@entry
def solve_hydraulics(layout: Layout, state: State) -> tuple[int, int]:
    """Solve for all flows and pressures, starting from the present ones.

    Parameters
    ----------
    layout : Layout
    state : State
        Its edges' flows and nodes' pressures are overwritten.

    Returns
    -------
    outcome : int
        CONVERGED, NOT_CONVERGED or SINGULAR.
    edge : int
        The edge that moved most in the last iteration.
    """
    if _at_rest(state):
        _start_from_demands(layout, state)
    for i in range(len(layout.plants)):
        state.plants[i].tried_Pa = -1.0
    lift = _raise_heads(layout, state)
    worst = 0
    share = 1.0
    before = 1e30
    since = 0
    for _ in range(MOST_ITERATIONS):
        _update_leaks(layout, state)
        if since == CAREFUL_AFTER:
            _recall_pressures(state)
        careful = since >= CAREFUL_AFTER
        _linearise(layout, state, careful and before > SETTLED)
        worst, moved = _newton_step(layout, state, share, MOST_STEP_Pa if careful else np.inf)
        if worst < 0:
            return SINGULAR, 0
        # a worst point read off unsettled pressures would send the heads astray
        since += 1
        if moved <= SETTLED:
            lift = _raise_heads(layout, state)
            if lift > 1e-4:
                since, share, before = 0, 1.0, 1e30
                continue
        # Newton's moves shrink ever faster: the next one is less than the last ratio promises
        left = moved * moved / before if before <= 1.0 else moved
        still = (moved <= 1e-8 or left <= 1e-7) and moved <= 1e-4 and share == 1.0
        if still and lift <= 1e-4 and _devices_obey(layout, state):
            return CONVERGED, worst
        if since >= HALVE_AFTER:
            share = 0.5 if moved > 0.5 * before else min(1.0, 2.0 * share)
        before = moved
    if before <= 1e-8 and lift <= 1.0 and _devices_obey(layout, state):
        return CONVERGED, worst
    return NOT_CONVERGED, worst
