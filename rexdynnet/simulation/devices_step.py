"""What plants, substations, tanks and the rest ask for and give within one step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.physics.devices import (
    bypass_opening,
    carnot_cop,
    feed_in_flow,
    flow_for_heat,
    solar_heat,
    thermostat_demand,
)
from rexdynnet.physics.substation import demanded_flow, given_heat
from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.layout import (
    CONTROL_FLOW,
    CONTROL_VALVE,
    KIND_HEAT_PUMP,
    KIND_SOLAR,
    KIND_WASTE_HEAT,
    Layout,
)
from rexdynnet.simulation.state import State

Floats = NDArray[np.float64]
UNMIXED_CONDUCTIVITY = 0.6


@inner
def ask(layout: Layout, state: State, u: Floats, d: Floats, p: Floats) -> bool:
    """Write what every device asks of the hydraulics at the guessed node temperatures.

    Returns
    -------
    bool
        Whether anything is asked that was not asked before.
    """
    graph, plants, substations, others = (
        layout.graph,
        layout.plants,
        layout.substations,
        layout.others,
    )
    cp = layout.water.specific_heat
    changed = False
    for i in range(len(plants)):
        edge = graph.first_plant + i
        back = state.nodes[graph.edges[edge].tail].guess_K
        setpoint = u[plants[i].temperature_at]
        state.plants[i].setpoint_K = setpoint
        capacity = plants[i].capacity
        if plants[i].kind == KIND_WASTE_HEAT and plants[i].available_at >= 0:
            capacity = min(capacity, d[plants[i].available_at])
        elif plants[i].kind == KIND_SOLAR:
            sun = solar_heat(
                d[others.radiation_at],
                0.5 * (setpoint + back),
                d[others.outdoor_at],
                plants[i].collector_area,
                plants[i].collector_optical,
                plants[i].collector_loss,
            )
            capacity = min(capacity, sun)
        available = d[plants[i].availability_at]
        capacity *= available
        state.plants[i].capacity_W = capacity
        if plants[i].holds_pressure:
            bound = u[plants[i].setpoint_at] if available > 0.0 else -1.0
            changed |= bound != state.plants[i].bound_Pa
            state.plants[i].bound_Pa = bound
        else:
            heat = min(u[plants[i].setpoint_at], capacity)
            flow = feed_in_flow(heat, setpoint, back, plants[i].capacity, cp)
            changed |= flow != state.edges[edge].fixed
            state.edges[edge].fixed = flow
    for i in range(len(substations)):
        supply = state.nodes[graph.edges[graph.first_substation + i].tail].guess_K
        demand = d[substations[i].heat_at] if substations[i].heat_at >= 0 else 0.0
        if substations[i].has_building:
            demand = thermostat_demand(
                state.substations[i].room_K,
                substations[i].room_setpoint,
                substations[i].room_band,
                substations[i].design_heat,
            )
        setting = substations[i].setting
        if substations[i].fouling_at >= 0:
            setting *= max(1.0 - p[substations[i].fouling_at], 1e-3)
        state.substations[i].demand_W = demand
        state.substations[i].setting = setting
        wanted, kv = 0.0, substations[i].kv
        if substations[i].control == CONTROL_VALVE:
            kv *= u[substations[i].opening_at]
        elif substations[i].control == CONTROL_FLOW:
            wanted = d[substations[i].flow_at]
        else:
            wanted = demanded_flow(
                substations[i].return_kind,
                demand,
                supply,
                setting,
                substations[i].secondary_supply,
                substations[i].secondary_return,
                cp,
            )
        changed |= wanted != state.substations[i].wanted or kv != state.substations[i].kv
        state.substations[i].wanted = wanted
        state.substations[i].kv = kv
    return _ask_others(layout, state, u, d) or changed


@inner
def _ask_others(layout: Layout, state: State, u: Floats, d: Floats) -> bool:
    graph, others = layout.graph, layout.others
    changed = False
    for i in range(len(others.tanks)):
        tank = others.tanks[i]
        flow = min(max(u[tank.flow_at], -tank.maximum_flow), tank.maximum_flow)
        flow *= d[tank.availability_at]
        changed |= flow != state.edges[graph.first_tank + i].fixed
        state.edges[graph.first_tank + i].fixed = flow
    for i in range(len(others.dumps)):
        dump, edge = others.dumps[i], graph.first_dump + i
        supply = state.nodes[graph.edges[edge].tail].guess_K
        heat = min(u[dump.heat_at], dump.capacity) * d[dump.availability_at]
        flow = flow_for_heat(heat, supply, dump.return_K, layout.water.specific_heat)
        flow = flow if supply > dump.return_K else 0.0
        changed |= flow != state.edges[edge].fixed
        state.edges[edge].fixed = flow
    for i in range(len(others.pumps)):
        speed = u[others.pumps[i].speed_at] * d[others.pumps[i].availability_at]
        changed |= speed != state.pumps[i].speed
        state.pumps[i].speed = speed
    for i in range(len(others.valves)):
        valve = others.valves[i]
        opening = u[valve.opening_at] if valve.opening_at >= 0 else 1.0
        kv = valve.kv * opening * d[valve.availability_at]
        changed |= kv != state.valves[i].kv
        state.valves[i].kv = kv
    for i in range(len(others.bypasses)):
        bypass = others.bypasses[i]
        supply = state.nodes[graph.edges[graph.first_bypass + i].tail].guess_K
        kv = bypass.kv * bypass_opening(supply, bypass.setpoint, bypass.band)
        changed |= kv != state.bypasses[i].kv
        state.bypasses[i].kv = kv
    return changed


@inner
def settle_heat(layout: Layout, state: State) -> None:
    """Fix the heat of plants, substations and dumps from the flows just solved."""
    graph, substations, plants, others = (
        layout.graph,
        layout.substations,
        layout.plants,
        layout.others,
    )
    cp = layout.water.specific_heat
    for i in range(len(substations)):
        edge = graph.first_substation + i
        m = max(state.edges[edge].flow, 0.0)
        supply = state.nodes[graph.edges[edge].tail].guess_K
        state.substations[i].heat_W = given_heat(
            substations[i].return_kind,
            m,
            supply,
            state.substations[i].demand_W,
            state.substations[i].setting,
            substations[i].secondary_supply,
            substations[i].secondary_return,
            cp,
        )
        if substations[i].control == CONTROL_FLOW and substations[i].heat_at < 0:
            wanted = max(m, state.substations[i].wanted)
            state.substations[i].demand_W = state.substations[i].heat_W * (
                wanted / m if m > 0.0 else 1.0
            )
        elif substations[i].control == CONTROL_VALVE and substations[i].heat_at < 0:
            state.substations[i].demand_W = state.substations[i].heat_W
    for i in range(len(plants)):
        edge = graph.first_plant + i
        back = state.nodes[graph.edges[edge].tail].guess_K
        rate = max(state.edges[edge].flow, 0.0) * cp
        lift = max(state.plants[i].setpoint_K - back, 0.0)
        if rate * lift > state.plants[i].capacity_W:
            lift = state.plants[i].capacity_W / rate
            state.plants[i].tilt_K = 0.0
        state.plants[i].outlet_K = back + lift
    for i in range(len(others.dumps)):
        edge = graph.first_dump + i
        lift = max(state.nodes[graph.edges[edge].tail].guess_K - others.dumps[i].return_K, 0.0)
        state.dumps[i].heat_W = state.edges[edge].flow * cp * lift


@inner
def advance_rooms(layout: Layout, state: State, d: Floats, step_s: float) -> None:
    """Warm or cool the buildings over one step at constant heat."""
    substations, others = layout.substations, layout.others
    for i in range(len(substations)):
        if not substations[i].has_building:
            continue
        gain = state.substations[i].heat_W + substations[i].room_solar_area * d[others.radiation_at]
        loss = substations[i].room_loss
        decay = np.exp(-loss * step_s / substations[i].room_capacity)
        if loss > 0.0:
            final = d[others.outdoor_at] + gain / loss
            state.substations[i].room_K = final + (state.substations[i].room_K - final) * decay
        else:
            state.substations[i].room_K += gain * step_s / substations[i].room_capacity


@inner
def advance_tank(
    layout: Layout,
    state: State,
    i: int,
    flow: float,
    inlet_K: float,
    outdoor_K: float,
    step_s: float,
) -> tuple[float, float]:
    """Push water through the layers of a tank.

    Returns
    -------
    outlet_K : float
        Mean temperature of what leaves over the step.
    lost_J : float
        Heat lost to the surroundings.
    """
    others = layout.others
    cp = layout.water.specific_heat
    n = others.tanks[i].layers
    start = others.tanks[i].start
    mass = others.tanks[i].layer_mass
    lost = _conduct_and_lose(layout, state, i, outdoor_K, step_s)
    incoming = inlet_K
    through = abs(flow) * step_s / mass
    if through > 0.0:
        turns = int(np.ceil(through / 0.1))
        share = through / turns
        decay = np.exp(-share)
        total = 0.0
        for _ in range(turns):
            incoming = inlet_K
            for k in range(n):
                at = start + k if flow > 0.0 else start + n - 1 - k
                old = state.tank_K[at]
                new = incoming + (old - incoming) * decay
                state.tank_K[at] = new
                incoming = incoming - (new - old) / share
            total += incoming
        incoming = total / turns
    _mix_inversions(state.tank_K, start, n)
    state.tanks[i].heat_W = flow * cp * (inlet_K - incoming)
    if flow < 0.0:
        state.tanks[i].heat_W = -flow * cp * (inlet_K - incoming)
    return incoming, lost


@inner
def _conduct_and_lose(
    layout: Layout, state: State, i: int, outdoor_K: float, step_s: float
) -> float:
    others = layout.others
    n, start = others.tanks[i].layers, others.tanks[i].start
    capacity = others.tanks[i].layer_mass * layout.water.specific_heat
    between = UNMIXED_CONDUCTIVITY * others.tanks[i].end_area / others.tanks[i].layer_height
    carried = 0.0
    for k in range(n):
        at = start + k
        down = between * (state.tank_K[at] - state.tank_K[at + 1]) if k < n - 1 else 0.0
        state.tank_K[at] += (carried - down) * step_s / capacity
        carried = down
    lost = 0.0
    for k in range(n):
        area = others.tanks[i].layer_area
        if k in (0, n - 1):
            area += others.tanks[i].end_area
        if n == 1:
            area += others.tanks[i].end_area
        keep = np.exp(-others.tanks[i].loss * area * step_s / capacity)
        old = state.tank_K[start + k]
        state.tank_K[start + k] = outdoor_K + (old - outdoor_K) * keep
        lost += capacity * (old - state.tank_K[start + k])
    return lost


@inner
def _mix_inversions(tank_K: Floats, start: int, n: int) -> None:
    """Average neighbouring layers until none is colder than the one below (equal masses)."""
    for last in range(1, n):
        k = last
        total = tank_K[start + k]
        count = 1
        while k > 0 and tank_K[start + k - 1] < total / count - 1e-12:
            k -= 1
            total += tank_K[start + k]
            count += 1
        if count > 1:
            for j in range(k, last + 1):
                tank_K[start + j] = total / count


@entry
def fuel_power(
    layout: Layout, plant: int, heat_W: float, outlet_K: float, outdoor_K: float
) -> float:
    """Fuel, or electricity of a heat pump, that a heat takes, W."""
    plants = layout.plants
    if plants[plant].kind == KIND_HEAT_PUMP:
        source = plants[plant].source if plants[plant].source > 0.0 else outdoor_K
        return max(heat_W, 0.0) / carnot_cop(outlet_K, source, plants[plant].efficiency)
    if plants[plant].kind == KIND_WASTE_HEAT or plants[plant].kind == KIND_SOLAR:
        return 0.0
    return max(heat_W, 0.0) / plants[plant].efficiency
