"""Rows that the plug-flow kernel writes, and the heat stored in a state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.devices_step import fuel_power
from rexdynnet.simulation.hydraulics import absolute_pressure, pressure_drop
from rexdynnet.simulation.layout import Layout
from rexdynnet.simulation.state import State
from rexdynnet.simulation.transport import ENERGY_START, ZERO_K
from rexdynnet.simulation.walls import content

Floats = NDArray[np.float64]


class Records(NamedTuple):
    """Rows that a segment writes, one per step and one for its start."""

    time_s: Floats
    node_K: Floats
    pressure_Pa: Floats
    flow: Floats
    pipe_in_K: Floats
    pipe_out_K: Floats
    pipe_loss_W: Floats
    substation_return_K: Floats
    substation_W: Floats
    substation_demand_W: Floats
    plant_K: Floats
    plant_W: Floats
    plant_fuel_W: Floats
    plant_pump_W: Floats
    tank_K: Floats
    tank_W: Floats
    dump_W: Floats
    room_K: Floats
    outside_K: Floats
    energy_J: Floats
    mass_residual: Floats


@entry
def stored_heat(layout: Layout, state: State) -> float:
    """Heat in water, walls and tanks over 0 degC, J; rooms belong to the customers."""
    graph, pipes, others = layout.graph, layout.pipes, layout.others
    cp = layout.water.specific_heat
    total = 0.0
    for node in range(len(graph.nodes)):
        total += graph.nodes[node].mass * cp * (state.nodes[node].K - ZERO_K)
    for pipe in range(len(pipes)):
        if pipes[pipe].parcel_row >= 0:
            mean = state.pipes[pipe].ground_K + state.pipes[pipe].excess_K
            total += pipes[pipe].water_mass * cp * (mean - ZERO_K)
        else:
            water, metal = content(
                state,
                pipes[pipe].water_start,
                pipes[pipe].wall_start,
                pipes[pipe].cells,
                state.conduits[pipe].phase,
            )
            total += pipes[pipe].water_mass * cp * (water - ZERO_K)
            total += pipes[pipe].wall_capacity * pipes[pipe].length * (metal - ZERO_K)
    for i in range(len(others.tanks)):
        start = others.tanks[i].start
        for k in range(start, start + others.tanks[i].layers):
            total += others.tanks[i].layer_mass * cp * (state.tank_K[k] - ZERO_K)
    return total


@inner
def book(
    layout: Layout,
    state: State,
    records: Records,
    row: int,
    time_s: float,
    d: Floats,
    step_s: float,
) -> None:
    """Write one row: the state and flows now, the heats of the step that ends now."""
    graph = layout.graph
    records.time_s[row] = time_s
    for node in range(len(graph.nodes)):
        column = graph.node_column[node]
        records.node_K[row, column] = state.nodes[node].K
        records.pressure_Pa[row, column] = absolute_pressure(layout, state, node)
    worst = 0.0
    balance = np.zeros(len(graph.nodes))
    for edge in range(len(graph.edges)):
        m = state.edges[edge].flow
        column = graph.pipe_column[edge] if edge < graph.first_substation else edge
        records.flow[row, column] = m
        balance[graph.edges[edge].tail] -= m
        balance[graph.edges[edge].head] += m
    for node in range(len(graph.nodes)):
        if graph.nodes[node].tree_edge >= 0:
            worst = max(worst, abs(balance[node] - state.nodes[node].leak))
    records.mass_residual[row] = worst
    for pipe in range(graph.first_substation):
        column = graph.pipe_column[pipe]
        records.pipe_in_K[row, column] = state.pipes[pipe].in_K
        records.pipe_out_K[row, column] = state.pipes[pipe].out_K
        records.pipe_loss_W[row, column] = state.pipes[pipe].loss_J / step_s
    for i in range(len(layout.substations)):
        records.substation_return_K[row, i] = state.substations[i].return_K
        records.substation_W[row, i] = state.substations[i].heat_W
        records.substation_demand_W[row, i] = state.substations[i].demand_W
        records.room_K[row, i] = state.substations[i].room_K
    for i in range(len(layout.plants)):
        edge = graph.first_plant + i
        head = -pressure_drop(layout, state, edge)
        m = max(state.edges[edge].flow, 0.0)
        records.plant_K[row, i] = state.plants[i].outlet_K + 0.5 * state.plants[i].tilt_K
        records.plant_W[row, i] = state.plants[i].heat_W
        records.plant_fuel_W[row, i] = fuel_power(
            layout, i, state.plants[i].heat_W, state.plants[i].outlet_K, d[layout.others.outdoor_at]
        )
        records.plant_pump_W[row, i] = (
            m * max(head, 0.0) / (layout.water.density * layout.plants[i].pump_efficiency)
        )
    records.tank_K[row, :] = state.tank_K
    for i in range(len(layout.others.tanks)):
        records.tank_W[row, i] = state.tanks[i].heat_W
    for i in range(len(layout.others.dumps)):
        records.dump_W[row, i] = state.dumps[i].heat_W
    records.outside_K[row, 0] = d[layout.others.outdoor_at]
    records.outside_K[row, 1] = d[layout.others.ground_at]
    for k in range(5):
        records.energy_J[row, k] = state.energy_J[k]
    records.energy_J[row, 5] = stored_heat(layout, state) - state.energy_J[ENERGY_START]


@inner
def open_rows(
    layout: Layout, state: State, records: Records, row: int, time_s: float, d: Floats
) -> None:
    """Write the states at the start of a segment into its first row."""
    graph = layout.graph
    records.time_s[row] = time_s
    for node in range(len(graph.nodes)):
        records.node_K[row, graph.node_column[node]] = state.nodes[node].K
    for pipe in range(graph.first_substation):
        records.pipe_in_K[row, graph.pipe_column[pipe]] = state.pipes[pipe].in_K
        records.pipe_out_K[row, graph.pipe_column[pipe]] = state.pipes[pipe].out_K
    for i in range(len(layout.substations)):
        records.room_K[row, i] = state.substations[i].room_K
    records.tank_K[row, :] = state.tank_K
    records.outside_K[row, 0] = d[layout.others.outdoor_at]
    records.outside_K[row, 1] = d[layout.others.ground_at]
    for k in range(5):
        records.energy_J[row, k] = state.energy_J[k]
    records.energy_J[row, 5] = stored_heat(layout, state) - state.energy_J[ENERGY_START]


@inner
def close_first_row(records: Records, row: int) -> None:
    """Repeat in a segment's first row what the first step found: flows, pressures, heats."""
    records.pressure_Pa[row] = records.pressure_Pa[row + 1]
    records.flow[row] = records.flow[row + 1]
    records.pipe_loss_W[row] = records.pipe_loss_W[row + 1]
    records.substation_return_K[row] = records.substation_return_K[row + 1]
    records.substation_W[row] = records.substation_W[row + 1]
    records.substation_demand_W[row] = records.substation_demand_W[row + 1]
    records.plant_K[row] = records.plant_K[row + 1]
    records.plant_W[row] = records.plant_W[row + 1]
    records.plant_fuel_W[row] = records.plant_fuel_W[row + 1]
    records.plant_pump_W[row] = records.plant_pump_W[row + 1]
    records.tank_W[row] = records.tank_W[row + 1]
    records.dump_W[row] = records.dump_W[row + 1]
    records.mass_residual[row] = records.mass_residual[row + 1]
