"""One segment of the plug-flow plant: steps of hydraulics, then heat along the flow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.physics.heat import film_conductance
from rexdynnet.physics.water import conductivity, viscosity
from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.devices_step import ask, settle_heat
from rexdynnet.simulation.flow_order import reorder
from rexdynnet.simulation.hydraulics import (
    CONVERGED,
    balance_tree,
    holds_pressure,
    solve_hydraulics,
    update_viscosity,
)
from rexdynnet.simulation.layout import CONTROL_VALVE, Layout
from rexdynnet.simulation.parcels import recount
from rexdynnet.simulation.rows import Records, book, close_first_row, open_rows
from rexdynnet.simulation.state import State
from rexdynnet.simulation.transport import heat_step

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REFRESH_AFTER_s = 300.0
REFRESH_ON_CHANGE = 0.02
KELVIN_PER_SHARE = 100.0


@inner
def recount_parcels(layout: Layout, state: State) -> None:
    """Sum each queue's content anew, so that round-off does not pile up."""
    for pipe in range(len(layout.pipes)):
        row = layout.pipes[pipe].parcel_row
        if row >= 0:
            recount(state, pipe, row, layout.pipes[pipe].water_mass)


@inner
def _quick_flows(layout: Layout, state: State) -> None:
    """Follow the demands between full solutions where pressure decides no flow."""
    graph = layout.graph
    for i in range(len(layout.substations)):
        if state.substations[i].followed > 0.0:
            substation = state.substations[i]
            edge = graph.first_substation + i
            state.edges[edge].flow *= substation.wanted / substation.followed
            state.substations[i].followed = substation.wanted
    for i in range(len(layout.plants)):
        if layout.plants[i].holds_pressure == 0:
            state.edges[graph.first_plant + i].flow = state.edges[graph.first_plant + i].fixed
    for edge in range(graph.first_tank, graph.first_pump):
        state.edges[edge].flow = state.edges[edge].fixed
    balance_tree(layout, state)


@inner
def _needs_solution(layout: Layout, state: State) -> bool:
    graph = layout.graph
    if graph.loops > 0:
        return True
    for edge in range(graph.first_plant, graph.first_pump):
        short = abs(state.edges[edge].flow - state.edges[edge].fixed)
        if short > 1e-3 * abs(state.edges[edge].fixed) and not holds_pressure(layout, edge):
            return True
    for i in range(len(layout.substations)):
        if layout.substations[i].control == CONTROL_VALVE:
            return True
        wanted, anchor = state.substations[i].wanted, state.substations[i].anchor
        if abs(wanted - anchor) > REFRESH_ON_CHANGE * anchor:
            return True
        flow = state.edges[graph.first_substation + i].flow
        if flow < 0.999 * state.substations[i].followed:
            return True
    return False


@inner
def refresh_films(layout: Layout, state: State, tolerance: float) -> None:
    """Evaluate the film of every pipe whose flow changed by more than the given share.

    A change of temperature counts like one of the flow: a kelvin alters the film by a hundredth.
    """
    pipes, water = layout.pipes, layout.water
    for pipe in layout.walled:
        flow = abs(state.edges[pipe].flow)
        mean = 0.5 * (state.pipes[pipe].in_K + state.pipes[pipe].out_K)
        if (
            abs(flow - state.conduits[pipe].film_flow) <= tolerance * flow
            and abs(mean - state.conduits[pipe].film_K) <= KELVIN_PER_SHARE * tolerance
        ):
            continue
        k = water.conductivity
        if k <= 0.0:
            k = conductivity(min(max(mean, 273.15), 453.15))
        mu = water.viscosity
        if mu <= 0.0:
            mu = viscosity(min(max(mean, 273.15), 453.15))
        state.conduits[pipe].film = film_conductance(
            flow,
            pipes[pipe].diameter,
            state.conduits[pipe].roughness,
            pipes[pipe].wall_thickness,
            pipes[pipe].wall_conductivity,
            mu,
            k,
            water.specific_heat,
        )
        state.conduits[pipe].film_flow = flow
        state.conduits[pipe].film_K = mean


@entry
def solve_flows(layout: Layout, state: State, u: Floats, d: Floats, p: Floats) -> tuple[int, int]:
    """Full hydraulic solution for the guessed node temperatures and the inputs."""
    for pipe in range(layout.graph.first_substation):
        factor = p[layout.pipes[pipe].roughness_factor_at]
        state.conduits[pipe].roughness = layout.pipes[pipe].roughness * factor
        state.conduits[pipe].leak_kv = p[layout.pipes[pipe].leak_at]
        loss = layout.pipes[pipe].loss * p[layout.pipes[pipe].loss_factor_at]
        state.conduits[pipe].loss = loss
        state.pipes[pipe].rate = loss / layout.pipes[pipe].water_capacity
    update_viscosity(layout, state)
    ask(layout, state, u, d, p)
    outcome, edge = solve_hydraulics(layout, state)
    for i in range(len(layout.substations)):
        state.substations[i].followed = state.substations[i].wanted
    return outcome, edge


@entry
def run_segments(
    layout: Layout,
    state: State,
    records: Records,
    u_start: Floats,
    u_end: Floats,
    d_start: Floats,
    d_end: Floats,
    p: Floats,
    times_s: Floats,
    steps: Ints,
) -> tuple[int, int, float]:
    """Run over segments in a row, with inputs by segment; segment k ends at `times_s[k + 1]`.

    Returns
    -------
    outcome, edge, time_s
        Of the last hydraulic solution, see `solve_hydraulics`.
    """
    row = 0
    for k in range(len(steps)):
        outcome, edge, time_s = _run_segment(
            layout,
            state,
            records,
            row,
            u_start[k],
            u_end[k],
            d_start[k],
            d_end[k],
            p,
            times_s[k],
            times_s[k + 1],
            steps[k],
        )
        if outcome != CONVERGED:
            return outcome, edge, time_s
        row += steps[k] + 1
    return CONVERGED, 0, times_s[len(steps)]


@inner
def _run_segment(
    layout: Layout,
    state: State,
    records: Records,
    row: int,
    u_start: Floats,
    u_end: Floats,
    d_start: Floats,
    d_end: Floats,
    p: Floats,
    start_s: float,
    end_s: float,
    steps: int,
) -> tuple[int, int, float]:
    """Step from `start_s` to `end_s` and write rows from `row` on."""
    step_s = (end_s - start_s) / steps
    follows_temperature = layout.water.viscosity <= 0.0
    nodes = len(layout.graph.nodes)
    open_rows(layout, state, records, row, start_s, d_start)
    for step in range(steps):
        share = (step + 0.5) / steps
        time_s = start_s + step * step_s
        u = u_start + share * (u_end - u_start)
        d = d_start + share * (d_end - d_start)
        for node in range(nodes):
            ahead = 0.5 * (state.nodes[node].K - state.nodes[node].before_K)
            state.nodes[node].guess_K = state.nodes[node].K + min(max(ahead, -1.0), 1.0)
            state.nodes[node].before_K = state.nodes[node].K
        new = state.since_s[0] == np.inf
        changed = ask(layout, state, u, d, p) or new
        stale = state.since_s[0] >= REFRESH_AFTER_s and (changed or follows_temperature)
        at_edge = step in (0, steps - 1)
        if new or stale or (changed and (at_edge or _needs_solution(layout, state))):
            outcome, edge = solve_flows(layout, state, u, d, p)
            if outcome != CONVERGED:
                return outcome, edge, time_s
            for i in range(len(layout.substations)):
                state.substations[i].anchor = state.substations[i].wanted
            state.since_s[0] = 0.0
            reorder(layout, state)
        elif changed:
            _quick_flows(layout, state)
            reorder(layout, state)
        refresh_films(layout, state, 0.01)
        for i in range(len(layout.plants)):
            at = layout.plants[i].temperature_at
            state.plants[i].tilt_K = (u_end[at] - u_start[at]) / steps
        settle_heat(layout, state)
        heat_step(layout, state, d, step_s)
        state.since_s[0] += step_s
        if step == steps - 1:
            recount_parcels(layout, state)
        book(layout, state, records, row + step + 1, time_s + step_s, d, step_s)
    close_first_row(records, row)
    return CONVERGED, 0, end_s
