"""Heat along the flow over one step: nodes mix, pipes delay and lose, devices give and take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import inner
from rexdynnet.simulation.devices_step import advance_rooms, advance_tank
from rexdynnet.simulation.flow_order import lags
from rexdynnet.simulation.layout import Layout
from rexdynnet.simulation.parcels import advance_pipe
from rexdynnet.simulation.state import State
from rexdynnet.simulation.walls import advance_walled, content

Floats = NDArray[np.float64]
ZERO_K = 273.15
STANDSTILL_kg = 1e-9
ENERGY_PLANTS, ENERGY_DELIVERED, ENERGY_DUMPED = 0, 1, 2
ENERGY_LOST, ENERGY_MAKEUP, ENERGY_START = 3, 4, 5


@inner
def _send(state: State, node: int, mass: float, mean_K: float, tilt_K: float) -> None:
    state.nodes[node].inflow += mass
    state.nodes[node].inflow_heat += mass * mean_K
    state.nodes[node].inflow_tilt += mass * tilt_K


@inner
def _mix_node(layout: Layout, state: State, node: int) -> None:
    """Mix a node's inflow with its content over the step; exact for a constant inflow."""
    old = state.nodes[node].K
    mass = state.nodes[node].inflow
    if mass <= 0.0:
        state.nodes[node].out_K = old
        state.nodes[node].out_tilt = 0.0
        return
    inflow = state.nodes[node].inflow_heat / mass
    tilt = state.nodes[node].inflow_tilt / mass
    turnover = mass / layout.graph.nodes[node].mass
    decay = np.exp(-turnover)
    if turnover > 1e-4:
        filled = 1.0 - (1.0 - decay) / turnover - 0.5 * (1.0 - decay)
    else:
        filled = turnover * turnover / 12.0
    new = inflow + (old - inflow) * decay + tilt * filled
    mean = inflow - (new - old) / turnover
    weight = turnover / (turnover + 4.0)
    slope = weight * tilt + (1.0 - weight) * (new - old)
    state.nodes[node].K = new
    state.nodes[node].out_K = mean
    state.nodes[node].out_tilt = slope


@inner
def _pass_pipe(
    layout: Layout, state: State, pipe: int, step_s: float, ground_K: float, loss: float
) -> None:
    graph, pipes = layout.graph, layout.pipes
    cp = layout.water.specific_heat
    flow = state.edges[pipe].flow
    moved = abs(flow) * step_s
    if moved < STANDSTILL_kg:
        moved = 0.0
    # At rest the sign of the flow is noise.
    forward = flow >= 0.0 or moved == 0.0
    source = graph.edges[pipe].tail if forward else graph.edges[pipe].head
    sink = graph.edges[pipe].head if forward else graph.edges[pipe].tail
    inlet, tilt = state.nodes[source].out_K, state.nodes[source].out_tilt
    mass = pipes[pipe].water_mass
    if pipes[pipe].parcel_row >= 0:
        row = pipes[pipe].parcel_row
        rate = loss / pipes[pipe].water_capacity
        before = state.pipes[pipe].ground_K + state.pipes[pipe].excess_K
        mean, slope = advance_pipe(
            state,
            pipe,
            row,
            mass,
            moved,
            forward,
            inlet,
            tilt,
            rate,
            np.exp(0.5 * rate * step_s),
            step_s,
            ground_K,
        )
        after = state.pipes[pipe].ground_K + state.pipes[pipe].excess_K
        gained = moved * (inlet - mean) if moved > 0.0 else 0.0
        state.pipes[pipe].loss_J = cp * (gained - mass * (after - before))
    else:
        water_at, wall_at = pipes[pipe].water_start, pipes[pipe].wall_start
        cells = pipes[pipe].cells
        water, metal = content(state, water_at, wall_at, cells, state.pipes[pipe].phase)
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
            state.pipes[pipe].film,
            loss,
            pipes[pipe].water_capacity,
            pipes[pipe].wall_capacity,
            step_s,
            ground_K,
        )
        new_water, new_metal = content(state, water_at, wall_at, cells, state.pipes[pipe].phase)
        gained = moved * (inlet - mean) if moved > 0.0 else 0.0
        state.pipes[pipe].loss_J = cp * (gained - mass * (new_water - water)) - pipes[
            pipe
        ].wall_capacity * pipes[pipe].length * (new_metal - metal)
    state.pipes[pipe].out_K = mean + 0.5 * slope
    state.pipes[pipe].in_K = state.nodes[source].K
    if not forward:
        state.pipes[pipe].in_K, state.pipes[pipe].out_K = (
            state.pipes[pipe].out_K,
            state.pipes[pipe].in_K,
        )
    if moved > 0.0:
        _send(state, sink, moved, mean, slope)


@inner
def _couple_twins(layout: Layout, state: State, step_s: float) -> None:
    """Exchange heat between the walls of the two pipes of a trench."""
    pipes, wall = layout.pipes, state.wall_K
    for pipe in range(len(pipes)):
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
def heat_step(layout: Layout, state: State, d: Floats, p: Floats, step_s: float) -> None:
    """Carry heat along the flow over one step and book it."""
    graph, pipes, others = layout.graph, layout.pipes, layout.others
    energy = state.energy_J
    cp = layout.water.specific_heat
    ground_K, outdoor_K = d[others.ground_at], d[others.outdoor_at]
    for node in range(len(graph.nodes)):
        state.nodes[node].inflow = 0.0
        state.nodes[node].inflow_heat = 0.0
        state.nodes[node].inflow_tilt = 0.0
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
        _leave_node(layout, state, node, p, step_s, ground_K)
    _settle_lagging(layout, state, step_s)
    _couple_twins(layout, state, step_s)
    for pipe in range(len(pipes)):
        energy[ENERGY_LOST] += state.pipes[pipe].loss_J
    advance_rooms(layout, state, d, step_s)


@inner
def _leave_node(
    layout: Layout, state: State, node: int, p: Floats, step_s: float, ground_K: float
) -> None:
    graph, pipes = layout.graph, layout.pipes
    energy = state.energy_J
    cp = layout.water.specific_heat
    for k in range(graph.incident_start[node], graph.incident_start[node + 1]):
        edge = graph.incident[k]
        m = state.edges[edge].flow
        leaves = (m > 0.0 and graph.edges[edge].tail == node) or (
            m < 0.0 and graph.edges[edge].head == node
        )
        if edge < graph.first_substation:
            if leaves or (m == 0.0 and graph.edges[edge].tail == node):
                loss = pipes[edge].loss * p[pipes[edge].loss_factor_at]
                _pass_pipe(layout, state, edge, step_s, ground_K, loss)
            continue
        if not leaves or lags(layout, edge, m):
            continue
        sink = graph.edges[edge].head if m > 0.0 else graph.edges[edge].tail
        mass = abs(m) * step_s
        mean, tilt = state.nodes[node].out_K, state.nodes[node].out_tilt
        if edge < graph.first_plant:
            i = edge - graph.first_substation
            mean -= state.substations[i].heat_W * step_s / (mass * cp)
            state.substations[i].return_K = mean + 0.5 * tilt
            energy[ENERGY_DELIVERED] += state.substations[i].heat_W * step_s
        elif graph.first_dump <= edge < graph.first_pump:
            i = edge - graph.first_dump
            mean -= state.dumps[i].heat_W * step_s / (mass * cp)
            state.dumps[i].outlet_K = mean
            energy[ENERGY_DUMPED] += state.dumps[i].heat_W * step_s
        _send(state, sink, mass, mean, tilt)


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
