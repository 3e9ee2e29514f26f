"""Steady temperatures along the flow, and filling the pipes with them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.devices_step import settle_heat
from rexdynnet.simulation.flow_order import order_nodes
from rexdynnet.simulation.hydraulics import CONVERGED
from rexdynnet.simulation.kernel import recount_parcels, refresh_films, solve_flows
from rexdynnet.simulation.layout import Layout
from rexdynnet.simulation.parcels import fill
from rexdynnet.simulation.state import State
from rexdynnet.simulation.transport import STANDSTILL_kg

Floats = NDArray[np.float64]
MOST_SWEEPS = 500
SETTLED_K = 1e-9
PROFILE_PARCELS = 24


class SteadyOutcome(NamedTuple):
    """How the sweeps ended: hydraulic outcome, its worst edge, last change of temperature."""

    outcome: int
    edge: int
    change_K: float


@inner
def _total_conductance(layout: Layout, state: State, p: Floats, pipe: int) -> float:
    loss = layout.pipes[pipe].loss * p[layout.pipes[pipe].loss_factor_at]
    if layout.pipes[pipe].wall_start < 0 or loss <= 0.0:
        return loss
    film = state.conduits[pipe].film
    return film * loss / (film + loss)


@entry
def sweep_to_steady(layout: Layout, state: State, u: Floats, d: Floats, p: Floats) -> SteadyOutcome:
    """Alternate hydraulics and heat along the flow until the node temperatures stand still.

    Tanks keep their layers and buildings their rooms; stagnant nodes take the ground's
    temperature. Overwrites the model's node temperatures.
    """
    graph = layout.graph
    cp = layout.water.specific_heat
    ground = d[layout.others.ground_at]
    change = 1e30
    for sweep in range(MOST_SWEEPS):
        for node in range(len(graph.nodes)):
            state.nodes[node].guess_K = state.nodes[node].K
        outcome, edge = solve_flows(layout, state, u, d, p)
        if outcome != CONVERGED:
            return SteadyOutcome(outcome, edge, change)
        order_nodes(layout, state)
        refresh_films(layout, state, 0.0)
        settle_heat(layout, state)
        for node in range(len(graph.nodes)):
            state.nodes[node].inflow = 0.0
            state.nodes[node].inflow_heat = 0.0
        _send_sources(layout, state)
        change = 0.0
        for k in range(len(state.order)):
            node = state.order[k]
            new = ground
            if state.nodes[node].inflow > STANDSTILL_kg:
                new = state.nodes[node].inflow_heat / state.nodes[node].inflow
            change = max(change, abs(new - state.nodes[node].K))
            state.nodes[node].K = new
            for j in range(graph.incident_start[node], graph.incident_start[node + 1]):
                e = graph.incident[j]
                m = state.edges[e].flow
                leaves = (m > 0.0 and graph.edges[e].tail == node) or (
                    m < 0.0 and graph.edges[e].head == node
                )
                lags = graph.first_plant <= e < graph.first_tank and m > 0.0
                if not leaves or lags or graph.first_tank <= e < graph.first_dump:
                    continue
                sink = graph.edges[e].head if m > 0.0 else graph.edges[e].tail
                out = new
                if e < graph.first_substation:
                    total = _total_conductance(layout, state, p, e)
                    fade = np.exp(-min(total * layout.pipes[e].length / (abs(m) * cp), 700.0))
                    out = ground + (new - ground) * fade
                    ends_out = out
                    state.pipes[e].in_K = new if m > 0.0 else ends_out
                    state.pipes[e].out_K = ends_out if m > 0.0 else new
                elif e < graph.first_plant:
                    out = new - state.substations[e - graph.first_substation].heat_W / (m * cp)
                    state.substations[e - graph.first_substation].return_K = out
                elif graph.first_dump <= e < graph.first_pump:
                    out = new - state.dumps[e - graph.first_dump].heat_W / (m * cp)
                state.nodes[sink].inflow += abs(m)
                state.nodes[sink].inflow_heat += abs(m) * out
        if change <= SETTLED_K and sweep > 2:
            break
    for node in range(len(graph.nodes)):
        state.nodes[node].inflow = 0.0
        state.nodes[node].inflow_heat = 0.0
    return SteadyOutcome(CONVERGED, 0, change)


@inner
def _send_sources(layout: Layout, state: State) -> None:
    graph, others = layout.graph, layout.others
    for edge in range(graph.first_plant, graph.first_tank):
        if state.edges[edge].flow > 0.0:
            node = graph.edges[edge].head
            state.nodes[node].inflow += state.edges[edge].flow
            state.nodes[node].inflow_heat += (
                state.edges[edge].flow * state.plants[edge - graph.first_plant].outlet_K
            )
    for i in range(len(others.tanks)):
        m = state.edges[graph.first_tank + i].flow
        if m != 0.0:
            charging = m > 0.0
            node = (
                graph.edges[graph.first_tank + i].head
                if charging
                else graph.edges[graph.first_tank + i].tail
            )
            first = others.tanks[i].start
            layer = first + others.tanks[i].layers - 1 if charging else first
            state.nodes[node].inflow += abs(m)
            state.nodes[node].inflow_heat += abs(m) * state.tank_K[layer]
    for island in range(len(graph.islands)):
        leaked = 0.0
        for node in range(len(graph.nodes)):
            if graph.nodes[node].island == island:
                leaked += state.nodes[node].leak
        state.nodes[graph.islands[island].root].inflow += leaked
        state.nodes[graph.islands[island].root].inflow_heat += (
            leaked * graph.islands[island].makeup_K
        )


@entry
def fill_pipes(layout: Layout, state: State, d: Floats, p: Floats, along_flow: bool) -> None:
    """Fill pipes and walls: exponential along the flow, or linear between the end nodes."""
    graph, pipes = layout.graph, layout.pipes
    cp = layout.water.specific_heat
    ground = d[layout.others.ground_at]
    for pipe in range(len(pipes)):
        m = state.edges[pipe].flow
        first = state.nodes[graph.edges[pipe].tail].K
        last = state.nodes[graph.edges[pipe].head].K
        total = _total_conductance(layout, state, p, pipe)
        walled = pipes[pipe].wall_start >= 0
        n = pipes[pipe].cells if walled else PROFILE_PARCELS
        values = np.empty(n)
        for j in range(n):
            x = (j + 0.5) / n
            if along_flow and abs(m) > STANDSTILL_kg:
                way = x if m > 0.0 else 1.0 - x
                source = first if m > 0.0 else last
                fade = total * pipes[pipe].length * way / (abs(m) * cp)
                values[j] = ground + (source - ground) * np.exp(-min(fade, 700.0))
            else:
                values[j] = first + x * (last - first)
        if not walled:
            fill(state, pipe, pipes[pipe].parcel_row, pipes[pipe].water_mass, values, ground)
        else:
            loss = pipes[pipe].loss * p[pipes[pipe].loss_factor_at]
            film = state.conduits[pipe].film
            share = film / (film + loss) if along_flow else 1.0
            water_at, wall_at = pipes[pipe].water_start, pipes[pipe].wall_start
            state.conduits[pipe].phase = 0.5
            for j in range(n):
                state.wall_K[wall_at + j] = ground + share * (values[j] - ground)
                if j > 0:
                    state.water_K[water_at + j] = 0.5 * (values[j - 1] + values[j])
            state.water_K[water_at] = values[0]
            state.water_K[water_at + n] = values[n - 1]
        if not along_flow or abs(m) <= STANDSTILL_kg:
            state.pipes[pipe].in_K = first
            state.pipes[pipe].out_K = last
    recount_parcels(layout, state)
