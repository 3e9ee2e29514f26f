"""Outputs and inequalities of a network's control model."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from typing import TypeAlias

import casadi as ca

from rexdynnet.control.flows import FlowTree
from rexdynnet.control.stage import Row
from rexdynnet.control.stage_options import NOMINAL_K, StageOptions, ramped
from rexdynnet.control.substep import Account
from rexdynnet.network.spec import Plant, PlantControl
from rexdynnet.physics.devices import BAR_Pa
from rexdynnet.signals import Signal

By: TypeAlias = Mapping[str, ca.SX]
BACK_FLOW_PENALTY_EUR_per_kg_per_s_h = 200.0
_WH_PER_MWH = 1e6

_WORST = "network.differential_pressure"


def outputs_of(
    tree: FlowTree,
    account: Account,
    pressure: By,
    fuel: By,
    stored_J: ca.SX,
    p: By,
) -> list[tuple[Signal, ca.SX]]:
    """Name what a stage gives, as the results of a simulation are named.

    Parameters
    ----------
    tree : FlowTree
    account : Account
        Means of the stage.
    pressure : mapping of node to SX scalar
    fuel : mapping of plant name to SX scalar
        Input power, W.
    stored_J : SX scalar
        At the end of the stage.
    p : mapping of parameter name to SX scalar

    Returns
    -------
    list of (Signal, SX scalar)
    """
    network = tree.network
    density = network.fluid.density_kg_per_m3
    found: list[tuple[Signal, ca.SX]] = []

    def put(component: str, quantity: str, unit: str, nominal: float, value: ca.SX) -> None:
        found.append((Signal(component, quantity, unit, nominal), value))

    for plant in network.plants:
        flow, lift = account.flow[plant.name], lift_of(plant, pressure)
        offset = p[f"{plant.name}.return_temperature_offset"]
        pump = flow * lift / (density * plant.pump_efficiency)
        put(plant.name, "heat", "W", plant.capacity_W, account.heat[plant.name])
        put(plant.name, "fuel_power", "W", plant.capacity_W, fuel[plant.name])
        put(plant.name, "pump_power", "W", 1e3, pump)
        put(plant.name, "mass_flow", "kg/s", 1.0, flow)
        back = account.nodes[plant.return_node] + offset
        put(plant.name, "return_temperature", "K", NOMINAL_K, back)
        put(plant.name, "differential_pressure", "Pa", BAR_Pa, lift)
    for unit in network.substations:
        arrived = account.nodes[unit.supply_node] + p[f"{unit.name}.supply_temperature_offset"]
        heat, demanded = account.heat[unit.name], account.demanded[unit.name]
        nominal = max(unit.design_heat_W, 1.0)
        put(unit.name, "supply_temperature", "K", NOMINAL_K, arrived)
        put(unit.name, "mass_flow", "kg/s", 1.0, account.flow[unit.name])
        put(unit.name, "heat", "W", nominal, heat)
        put(unit.name, "unserved_heat", "W", nominal, demanded - heat)
        difference = pressure[unit.supply_node] - pressure[unit.return_node]
        put(unit.name, "differential_pressure", "Pa", BAR_Pa, difference)
    for tank in network.tanks:
        put(tank.name, "heat", "W", 1e5, -account.heat[tank.name])
    for dump in network.dumps:
        put(dump.name, "mass_flow", "kg/s", 1.0, account.flow[dump.name])
    put("network", "heat_loss", "W", 1e4, account.lost_W)
    put("network", "stored_heat", "J", 1e9, stored_J)
    return found


def rows_of(
    tree: FlowTree,
    options: StageOptions,
    account: Account,
    pressure: By,
    former: By,
    p: By,
    step_s: float,
) -> list[tuple[Row, ca.SX]]:
    """State what every stage must respect.

    Parameters
    ----------
    tree : FlowTree
    options : StageOptions
    account : Account
    pressure : mapping of node to SX scalar
    former : mapping of state name to SX scalar
        At the start of the stage.
    p : mapping of parameter name to SX scalar
    step_s : float

    Returns
    -------
    list of (Row, SX scalar)
    """
    rows = [
        row
        for plant in tree.network.plants
        for row in _plant_rows(plant, tree, options, account, pressure, p)
    ]
    load = options.minimum_load_penalty_EUR_per_MWh / _WH_PER_MWH
    for plant in ramped(tree.network):
        most = plant.ramp_W_per_s * step_s
        change = account.heat[plant.name] - former[f"{plant.name}.previous_heat"]
        row = Row(plant.name, "heat_change", "W", -most, most, plant.capacity_W, load)
        rows.append((row, change))
    warmth = options.temperature_penalty_EUR_per_Kh
    push = options.pressure_penalty_EUR_per_barh / BAR_Pa
    for unit in tree.network.substations:
        arrived = account.nodes[unit.supply_node] + p[f"{unit.name}.supply_temperature_offset"]
        least = unit.minimum_supply_temperature_K
        row = Row(unit.name, "supply_temperature", "K", least, inf, 10.0, warmth)
        rows.append((row, arrived))
        difference = pressure[unit.supply_node] - pressure[unit.return_node]
        least = unit.minimum_differential_pressure_Pa
        row = Row(unit.name, "differential_pressure", "Pa", least, inf, BAR_Pa, push, _WORST)
        rows.append((row, difference))
        passed = account.flow[unit.name] / unit.valve_kv_kg_per_s
        row = Row(unit.name, "valve_authority", "Pa", 0.0, inf, BAR_Pa, push, _WORST)
        rows.append((row, difference - BAR_Pa * passed * passed))
    for pipe in tree.network.pipes:
        most = pipe.maximum_flow_kg_per_s
        if isfinite(most):
            row = Row(pipe.name, "mass_flow", "kg/s", -most, most, most)
            rows.append((row, account.leads[pipe.name]))
    for chord in tree.chords:
        drop = tree.drop(chord, account.leads, p)
        around = pressure[chord.from_node] - pressure[chord.to_node] - drop
        rows.append((Row(chord.name, "ring_pressure", "Pa", 0.0, 0.0, 1e4), around))
    for valve in tree.network.valves:
        if valve.check and tree.direction[valve.name] <= 0:
            row = Row(valve.name, "mass_flow", "kg/s", 0.0, inf, 1.0)
            rows.append((row, account.leads[valve.name]))
    return rows


def lift_of(plant: Plant, pressure: By) -> ca.SX:
    """Differential pressure of a plant, Pa."""
    return pressure[plant.supply_node] - pressure[plant.return_node]


def _plant_rows(
    plant: Plant,
    tree: FlowTree,
    options: StageOptions,
    account: Account,
    pressure: By,
    p: By,
) -> list[tuple[Row, ca.SX]]:
    rows: list[tuple[Row, ca.SX]] = []
    heat, capacity = account.heat[plant.name], plant.capacity_W
    load = options.minimum_load_penalty_EUR_per_MWh / _WH_PER_MWH
    if plant.control is PlantControl.PRESSURE:
        spare = p[f"{plant.name}.heat_upper"] - heat
        rows.append((Row(plant.name, "spare_capacity", "W", 0.0, inf, capacity), spare))
        over = heat - p[f"{plant.name}.heat_lower"]
        rows.append((Row(plant.name, "minimum_load", "W", 0.0, inf, capacity, load), over))
    if plant.name in tree.balances_surplus:
        penalty = BACK_FLOW_PENALTY_EUR_per_kg_per_s_h
        row = Row(plant.name, "mass_flow", "kg/s", 0.0, inf, 1.0, penalty)
        rows.append((row, account.flow[plant.name]))
    if plant not in tree.references:
        push = options.pressure_penalty_EUR_per_barh / BAR_Pa
        most = plant.maximum_differential_pressure_Pa
        row = Row(plant.name, "differential_pressure", "Pa", -inf, most, BAR_Pa, push)
        rows.append((row, lift_of(plant, pressure)))
    return rows
