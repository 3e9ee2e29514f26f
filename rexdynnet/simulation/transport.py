"""Heat along the flow over one step: nodes mix, pipes delay and lose, devices give and take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import hot, inner
from rexdynnet.simulation.devices_step import advance_rooms, advance_tank
from rexdynnet.simulation.layout import Layout
from rexdynnet.simulation.parcels import add_inflow, advance_pipe, release_slot, reserve_slot
from rexdynnet.simulation.state import State
from rexdynnet.simulation.walls import advance_walled, content

Floats = NDArray[np.float64]
ZERO_K = 273.15
STANDSTILL_kg = 1e-9
NEGLIGIBLE = 1.0 / 40.0
ENERGY_PLANTS, ENERGY_DELIVERED, ENERGY_DUMPED = 0, 1, 2
ENERGY_LOST, ENERGY_MAKEUP, ENERGY_START = 3, 4, 5


@hot
def _send(state: State, sink: int, mass: float, mean_K: float, tilt_K: float) -> None:
    """Add an inflow that is one linear piece over the step."""
    node = state.nodes[sink]
    if node.arrivals == 0:
        first = state.pieces[reserve_slot(state, sink), 0]
        first.share, first.mean_K, first.slope_K = 1.0, mean_K, tilt_K
        node.pieces = 1
    add_inflow(node, mass, mean_K, tilt_K, mean_K + 0.5 * tilt_K)


@hot
def _send_on(state: State, source: int, sink: int, mass: float, drop_K: float) -> None:
    """Hand a node's outflow, cooled by `drop_K`, to another node."""
    node, before = state.nodes[sink], state.nodes[source]
    if node.arrivals == 0:
        slot = reserve_slot(state, sink)
        for i in range(before.pieces):
            here, there = state.pieces[before.slot, i], state.pieces[slot, i]
            there.share = here.share
            there.mean_K = here.mean_K - drop_K
            there.slope_K = here.slope_K
        node.pieces = before.pieces
    add_inflow(node, mass, before.out_K - drop_K, before.out_tilt, before.K - drop_K)


@hot
def _mix_node(layout: Layout, state: State, at: int) -> None:
    """Mix a node's inflow with its content over the step; exact for a constant inflow.

    Inflow from one edge passes a node of negligible volume as it came, piece by piece.
    """
    node = state.nodes[at]
    old, mass = node.K, node.inflow
    slot = reserve_slot(state, at)
    first = state.pieces[slot, 0]
    if mass <= 0.0:
        node.pieces = 1
        first.share, first.mean_K, first.slope_K = 1.0, old, 0.0
        node.out_K, node.out_tilt = old, 0.0
        return
    per_mass = 1.0 / mass
    inflow = node.inflow_heat * per_mass
    tilt = node.inflow_tilt * per_mass
    held = layout.graph.nodes[at].mass * per_mass
    if held < NEGLIGIBLE:
        new = node.inflow_end * per_mass
        shift = (new - old) * held
        mean, slope = inflow - shift, tilt
        if node.arrivals == 1:
            for i in range(node.pieces):
                state.pieces[slot, i].mean_K -= shift
    else:
        turnover = 1.0 / held
        decay = np.exp(-turnover)
        if turnover > 1e-4:
            filled = 1.0 - (1.0 - decay) * held - 0.5 * (1.0 - decay)
        else:
            filled = turnover * turnover / 12.0
        new = inflow + (old - inflow) * decay + tilt * filled
        mean = inflow - (new - old) * held
        weight = turnover / (turnover + 4.0)
        slope = weight * tilt + (1.0 - weight) * (new - old)
    if held >= NEGLIGIBLE or node.arrivals > 1:
        node.pieces = 1
        first.share, first.mean_K, first.slope_K = 1.0, mean, slope
    node.K, node.out_K, node.out_tilt = new, mean, slope
    # what still arrives (a circle of flow is cut somewhere) waits for the next step
    node.inflow, node.inflow_heat, node.inflow_tilt, node.inflow_end = 0.0, 0.0, 0.0, 0.0
    node.arrivals = 0


@hot
def _pass_pipe(
    layout: Layout, state: State, edge: int, source: int, sink: int, step_s: float, ground_K: float
) -> None:
    here = state.pipes[edge]
    flow = state.edges[edge].flow
    # At rest the sign of the flow is noise.
    moved = abs(flow) * step_s if state.edges[edge].sign != 0 else 0.0
    forward = state.edges[edge].sign >= 0
    if here.row >= 0:
        before = here.ground_K + here.excess_K
        mean, end = advance_pipe(
            state, here, here.row, moved, forward, source, sink, here.rate * step_s, ground_K
        )
        after = here.ground_K + here.excess_K
        gained = moved * (state.nodes[source].out_K - mean) if moved > 0.0 else 0.0
        here.loss_J = layout.water.specific_heat * (gained - here.mass * (after - before))
    else:
        end = _pass_walled(layout, state, edge, source, sink, moved, forward, step_s, ground_K)
    entered = state.nodes[source].K
    here.in_K = entered if forward else end
    here.out_K = end if forward else entered


@inner
def _pass_walled(
    layout: Layout,
    state: State,
    pipe: int,
    source: int,
    sink: int,
    moved: float,
    forward: bool,
    step_s: float,
    ground_K: float,
) -> float:
    """Push the step's inflow through a pipe with wall; return the temperature at its end."""
    fixed, cold = layout.pipes[pipe], state.conduits[pipe]
    cp = layout.water.specific_heat
    inlet, tilt = state.nodes[source].out_K, state.nodes[source].out_tilt
    mass, cells = fixed.water_mass, fixed.cells
    water_at, wall_at = fixed.water_start, fixed.wall_start
    water, metal = content(state, water_at, wall_at, cells, cold.phase)
    mean, slope = advance_walled(
        state,
        pipe,
        water_at,
        wall_at,
        cells,
        moved / mass * cells,
        forward,
        inlet,
        tilt,
        cold.film,
        cold.loss,
        fixed.water_capacity,
        fixed.wall_capacity,
        step_s,
        ground_K,
    )
    new_water, new_metal = content(state, water_at, wall_at, cells, cold.phase)
    gained = moved * (inlet - mean) if moved > 0.0 else 0.0
    stored = cp * mass * (new_water - water)
    stored += fixed.wall_capacity * fixed.length * (new_metal - metal)
    state.pipes[pipe].loss_J = cp * gained - stored
    if moved > 0.0:
        _send(state, sink, moved, mean, slope)
    return mean + 0.5 * slope


@inner
def _couple_twins(layout: Layout, state: State, step_s: float) -> None:
    """Exchange heat between the walls of the two pipes of a trench."""
    pipes, wall = layout.pipes, state.wall_K
    for pipe in layout.walled:
        other = pipes[pipe].partner
        if pipes[pipe].coupling <= 0.0 or other < pipe:
            continue
        n = pipes[pipe].cells
        a, b = pipes[pipe].wall_capacity, pipes[other].wall_capacity
        reduced = a * b / (a + b)
        share = 1.0 - np.exp(-pipes[pipe].coupling * step_s / reduced)
        for j in range(n):
            i, k = pipes[pipe].wall_start + j, pipes[other].wall_start + n - 1 - j
            heat = reduced * (wall[i] - wall[k]) * share
            wall[i] -= heat / a
            wall[k] += heat / b


@inner
def heat_step(layout: Layout, state: State, d: Floats, step_s: float) -> None:
    """Carry heat along the flow over one step and book it."""
    graph, others = layout.graph, layout.others
    energy = state.energy_J
    cp = layout.water.specific_heat
    ground_K, outdoor_K = d[others.ground_at], d[others.outdoor_at]
    for edge in range(graph.first_plant, graph.first_tank):
        if state.edges[edge].flow > 0.0:
            plant = state.plants[edge - graph.first_plant]
            mass = state.edges[edge].flow * step_s
            _send(state, graph.edges[edge].head, mass, plant.outlet_K, plant.tilt_K)
    for i in range(len(others.tanks)):
        edge = graph.first_tank + i
        charging = state.edges[edge].flow > 0.0
        source = graph.edges[edge].tail if charging else graph.edges[edge].head
        state.tanks[i].inlet_K = state.nodes[source].K
        outlet, lost = advance_tank(
            layout, state, i, state.edges[edge].flow, state.tanks[i].inlet_K, outdoor_K, step_s
        )
        energy[ENERGY_LOST] += lost
        if state.edges[edge].flow != 0.0:
            sink = graph.edges[edge].head if charging else graph.edges[edge].tail
            _send(state, sink, abs(state.edges[edge].flow) * step_s, outlet, 0.0)
    for island in range(len(graph.islands)):
        total = 0.0
        for node in range(len(graph.nodes)):
            if graph.nodes[node].island == island:
                total += state.nodes[node].leak
        if total > 0.0:
            makeup = graph.islands[island].makeup_K
            _send(state, graph.islands[island].root, total * step_s, makeup, 0.0)
            energy[ENERGY_MAKEUP] += total * step_s * cp * (makeup - ZERO_K)
    for k in range(len(state.order)):
        node = state.order[k]
        _mix_node(layout, state, node)
        if state.nodes[node].leak > 0.0:
            lost = state.nodes[node].leak * step_s * cp * (state.nodes[node].out_K - ZERO_K)
            energy[ENERGY_MAKEUP] -= lost
        for j in range(state.way_start[k], state.way_start[k + 1]):
            way = state.ways[j]
            if way.edge < graph.first_substation:
                _pass_pipe(layout, state, way.edge, node, way.sink, step_s, ground_K)
                energy[ENERGY_LOST] += state.pipes[way.edge].loss_J
            else:
                _pass_device(layout, state, way.edge, node, way.sink, step_s)
        release_slot(state, node)
    _settle_lagging(layout, state, step_s)
    _couple_twins(layout, state, step_s)
    advance_rooms(layout, state, d, step_s)


@hot
def _pass_device(
    layout: Layout, state: State, edge: int, node: int, sink: int, step_s: float
) -> None:
    """Let a step's outflow through anything but a pipe; substations and dumps cool it."""
    graph, energy = layout.graph, state.energy_J
    cp = layout.water.specific_heat
    mass = abs(state.edges[edge].flow) * step_s
    drop = 0.0
    if edge < graph.first_plant:
        i = edge - graph.first_substation
        drop = state.substations[i].heat_W * step_s / (mass * cp)
        state.substations[i].return_K = state.nodes[node].K - drop
        energy[ENERGY_DELIVERED] += state.substations[i].heat_W * step_s
    elif graph.first_dump <= edge < graph.first_pump:
        i = edge - graph.first_dump
        drop = state.dumps[i].heat_W * step_s / (mass * cp)
        state.dumps[i].outlet_K = state.nodes[node].out_K - drop
        energy[ENERGY_DUMPED] += state.dumps[i].heat_W * step_s
    _send_on(state, node, sink, mass, drop)


@inner
def _settle_lagging(layout: Layout, state: State, step_s: float) -> None:
    """Book plants against what really came back, and give tanks the heat of their inflow."""
    graph = layout.graph
    energy = state.energy_J
    cp = layout.water.specific_heat
    for i in range(len(layout.plants)):
        edge = graph.first_plant + i
        m = max(state.edges[edge].flow, 0.0)
        state.plants[i].heat_W = (
            m * cp * (state.plants[i].outlet_K - state.nodes[graph.edges[edge].tail].out_K)
        )
        energy[ENERGY_PLANTS] += state.plants[i].heat_W * step_s
    for i in range(len(layout.others.tanks)):
        edge = graph.first_tank + i
        m = state.edges[edge].flow
        if m == 0.0:
            continue
        source = graph.edges[edge].tail if m > 0.0 else graph.edges[edge].head
        # the layer that the water entered gets the difference to the lagged temperature
        start, n = layout.others.tanks[i].start, layout.others.tanks[i].layers
        entered = start if m > 0.0 else start + n - 1
        error = state.nodes[source].out_K - state.tanks[i].inlet_K
        mass = abs(m) * step_s
        state.tank_K[entered] += error * mass / layout.others.tanks[i].layer_mass
        state.tanks[i].heat_W += abs(m) * cp * error
