"""Discrete-time control model of a network: finite volumes, implicit Euler along the flow."""

from __future__ import annotations

from collections.abc import Mapping

import casadi as ca
import numpy as np

from rexdynnet.control.flows import FlowTree, flow_tree
from rexdynnet.control.line_heat import pipe_heat
from rexdynnet.control.stage import Floats, StageModel
from rexdynnet.control.stage_options import (
    StageOptions,
    WallModel,
    control_signals,
    parameter_signals,
    ramped,
    refuse_commanded_valves,
    state_signals,
)
from rexdynnet.control.stage_rows import By, lift_of, outputs_of, rows_of
from rexdynnet.control.substep import Account, advance_substep, mean_account
from rexdynnet.errors import SolverError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    FixedCooling,
    FixedReturn,
    Plant,
    PlantKind,
    Substation,
)
from rexdynnet.physics.devices import carnot_cop
from rexdynnet.signals import Signal

HOUR_S = 3600.0
MWH_J = 3.6e9
COST_TERMS = ("fuel", "power_sold", "pump", "loss", "unserved", "steadiness")
STORED_ABOVE_K = 313.15
"""Heat in the water counts from here; a constant that no decision depends on."""


def network_stage(
    network: Network, step_s: float = 900.0, options: StageOptions | None = None
) -> StageModel:
    """Make the control model of a network.

    Parameters
    ----------
    network : Network
    step_s : float
        Length of a stage.
    options : StageOptions or None

    Returns
    -------
    StageModel
        Controls: `<plant>.supply_temperature`; `<plant>.differential_pressure` of the
        reference plant of each island, `<plant>.heat` of plants that feed in,
        `<plant>.mass_flow` of further plants that hold a pressure; `<tank>.mass_flow`;
        `<dump>.heat`; `<pipe>.mass_flow` of one pipe per ring; and per substation
        `curtailed_share` of its demand (0 unless capacity lacks).

    Raises
    ------
    InputError
        An island without a balancing plant, or a substation whose valve is commanded.

    Notes
    -----
    A substation draws the flow that its return law needs at the temperature that arrived
    before the substep, and takes exactly the heat that it asks for. Booking of costs: waste
    heat is bought at its fuel price per heat, solar heat is free, a heat pump's price is that of
    the electricity that it draws. Not modelled: buoyancy in tanks, heat of buildings (their
    demand is a forecast), vapour pressure, and leaks.

    Examples
    --------
    >>> from rexdynnet.network.random import random_tree
    >>> stage = network_stage(random_tree(2, seed=1))
    >>> stage.sizes[0], [signal.name for signal in stage.controls][:2]
    (12, ['plant.supply_temperature', 'plant.differential_pressure'])
    """
    options = options or StageOptions()
    refuse_commanded_valves(network)
    tree = flow_tree(network)
    states = state_signals(network, tree, options)
    controls = control_signals(network, tree, options)
    parameters = parameter_signals(network, options)
    x, u, p = (
        ca.SX.sym(label, len(signals))
        for label, signals in (("x", states), ("u", controls), ("p", parameters))
    )
    old = {signal.name: x[i] for i, signal in enumerate(states)}
    by_u = {signal.name: u[i] for i, signal in enumerate(controls)}
    by_p = {signal.name: p[i] for i, signal in enumerate(parameters)}
    now, accounts = dict(old), list[Account]()
    for _ in range(options.substeps):
        now, account = advance_substep(tree, options, step_s / options.substeps, now, by_u, by_p)
        accounts.append(account)
    account = mean_account(accounts)
    for plant in ramped(network):
        now[f"{plant.name}.previous_heat"] = account.heat[plant.name]
    stored = stored_heat(tree, options, now)
    fuel = {
        plant.name: input_power(plant, account.heat[plant.name], by_u, by_p)
        for plant in network.plants
    }
    pressure = tree.pressures(
        {plant.name: by_u[f"{plant.name}.differential_pressure"] for plant in tree.references},
        account.leads,
        by_p,
    )
    outputs = outputs_of(tree, account, pressure, fuel, stored, by_p)
    rows = rows_of(tree, options, account, pressure, old, by_p, step_s)
    cost = ca.vertcat(
        _costs(tree, account, pressure, fuel, by_p) * (step_s / MWH_J),
        _unsteady(controls, u) * (options.steadiness_EUR_per_h * step_s / HOUR_S),
    )
    y = ca.vertcat(*(value for _, value in outputs))
    g = ca.vertcat(*(value for _, value in rows))
    x_next = ca.vertcat(*(now[signal.name] for signal in states))
    value = by_p["network.stored_heat_value"] / MWH_J
    return StageModel(
        name=network.name,
        states=states,
        controls=controls,
        parameters=parameters,
        output_signals=tuple(signal for signal, _ in outputs),
        rows=tuple(row for row, _ in rows),
        cost_terms=COST_TERMS,
        step_s=step_s,
        evaluate=ca.Function(
            "stage", [x, u, p], [x_next, y, g, cost], ["x", "u", "p"], ["x_next", "y", "g", "cost"]
        ),
        terminal=ca.Function(
            "terminal", [x, p], [-value * stored_heat(tree, options, old)], ["x", "p"], ["cost"]
        ),
        delay_s=transport_delay(network, options=options),
    )


def stored_heat(tree: FlowTree, options: StageOptions, at: By) -> ca.SX:
    """Heat in pipes and tanks above 40 °C, J."""
    network, total = tree.network, ca.SX(0.0)
    for pipe in network.pipes:
        heat = pipe_heat(pipe, network, options)
        for i in range(options.cells_of(pipe)):
            warm = at[f"{pipe.name}.temperature_{i}"] - STORED_ABOVE_K
            total = total + heat.water_J_per_K * warm
            if options.wall is WallModel.STATE and pipe.wall is not None:
                wall = at[f"{pipe.name}.wall_temperature_{i}"] - STORED_ABOVE_K
                total = total + heat.wall_J_per_K * wall
    fluid = network.fluid
    for tank in network.tanks:
        layers = min(tank.layers, options.tank_layers)
        capacity = fluid.density_kg_per_m3 * fluid.specific_heat_J_per_kgK * tank.volume_m3 / layers
        for i in range(layers):
            total = total + capacity * (at[f"{tank.name}.temperature_{i}"] - STORED_ABOVE_K)
    return total


def input_power(plant: Plant, heat: ca.SX, u: By, p: By) -> ca.SX:
    """Fuel or electricity that a plant takes (waste heat: the heat itself), W."""
    if plant.kind is PlantKind.HEAT_PUMP:
        given = plant.source_temperature_K
        source = p["outdoor.temperature"] if given is None else given
        return heat / carnot_cop(u[f"{plant.name}.supply_temperature"], source, plant.efficiency)
    if plant.kind in (PlantKind.WASTE_HEAT, PlantKind.SOLAR):
        return heat
    return heat / plant.efficiency


def transport_delay(
    network: Network,
    demands_W: Mapping[str, float] | None = None,
    options: StageOptions | None = None,
) -> float:
    """Longest time from a reference plant to a substation at given demands.

    Parameters
    ----------
    network : Network
    demands_W : mapping of substation name to float or None
        None: the connected capacities. Other plants and tanks are taken at rest.
    options : StageOptions or None

    Returns
    -------
    float
        Seconds; the heat capacity of the walls slows a change of temperature as it does here.
    """
    options = options or StageOptions()
    tree = flow_tree(network)
    into: dict[str, ca.SX] = {}
    cp = network.fluid.specific_heat_J_per_kgK
    hottest = max(plant.supply_temperature_K for plant in tree.references)
    for unit in network.substations:
        heat = unit.design_heat_W if demands_W is None else demands_W.get(unit.name, 0.0)
        flow = max(heat, 1.0) / (cp * _design_cooling(unit, hottest))
        into[unit.supply_node] = into.get(unit.supply_node, ca.SX(0.0)) - flow
        into[unit.return_node] = into.get(unit.return_node, ca.SX(0.0)) + flow
    resting = {chord.name: ca.SX(1e-6) for chord in tree.chords}
    flows, _ = tree.flows(into, resting)
    pipes = {pipe.name: pipe for pipe in network.pipes}
    reached = {
        node: 0.0 for plant in tree.references for node in (plant.supply_node, plant.return_node)
    }
    for branch in reversed(tree.branches):
        reached[branch.child] = reached[branch.parent]
        if branch.component.name in pipes:
            pipe = pipes[branch.component.name]
            heat = pipe_heat(pipe, network, options)
            capacity = options.cells_of(pipe) * (heat.water_J_per_K + heat.wall_J_per_K)
            rate = cp * max(abs(float(flows[pipe.name])), 1e-9)
            reached[branch.child] += capacity / rate
    return max((reached[unit.supply_node] for unit in network.substations), default=0.0)


def steady_state(
    stage: StageModel,
    controls: Floats,
    parameters: Floats,
    known: Mapping[str, float] | None = None,
) -> Floats:
    """States at which a stage repeats itself under constant controls.

    Parameters
    ----------
    stage : StageModel
    controls, parameters : ndarray, shapes (n_u,) and (n_p,)
    known : mapping of state name to float or None
        States to hold, for example those of a tank that would take weeks to settle.

    Returns
    -------
    ndarray, shape (n_x,)

    Raises
    ------
    SolverError
        No steady state within 2000 stages.
    """
    hottest = max(
        (
            float(value)
            for signal, value in zip(stage.controls, controls, strict=True)
            if signal.quantity == "supply_temperature"
        ),
        default=343.15,
    )
    x = np.array([hottest - 15.0 if s.unit == "K" else 0.0 for s in stage.states])
    nominal = np.array([signal.nominal for signal in stage.states])
    held = {stage.index(stage.states, name): value for name, value in (known or {}).items()}
    for _ in range(2000):
        x[list(held)] = list(held.values())
        following = np.asarray(stage.advance(x, controls, parameters), dtype=float).ravel()
        following[list(held)] = list(held.values())
        change = float(np.max(np.abs(following - x) / nominal))
        x = following
        if change < 1e-7:
            return x
        if not np.isfinite(change):
            break
    raise SolverError(
        "the control model finds no steady state",
        "give demands that move the water, hold the tanks, or start from measured temperatures",
    )


def _costs(tree: FlowTree, account: Account, pressure: By, fuel: By, p: By) -> ca.SX:
    """Cost terms as EUR/MWh times W."""
    network = tree.network
    burnt = sold = pumped = unserved = ca.SX(0.0)
    for plant in network.plants:
        burnt = burnt + fuel[plant.name] * p[f"{plant.name}.fuel_price"]
        if plant.kind is PlantKind.CHP:
            sold = sold - plant.electric_efficiency * fuel[plant.name]
        work = account.flow[plant.name] * lift_of(plant, pressure)
        pumped = pumped + work / (network.fluid.density_kg_per_m3 * plant.pump_efficiency)
    for unit in network.substations:
        unserved = unserved + account.demanded[unit.name] - account.heat[unit.name]
    power = p["electricity.price"]
    return ca.vertcat(
        burnt,
        sold * power,
        pumped * power,
        account.lost_W * p["network.loss_price"],
        unserved * p["network.lost_load_price"],
    )


def _unsteady(controls: tuple[Signal, ...], u: ca.SX) -> ca.SX:
    """Squared distances of temperatures and flows from their defaults, in nominals."""
    total = ca.SX(0.0)
    for i, signal in enumerate(controls):
        if signal.quantity in ("supply_temperature", "mass_flow"):
            total = total + ((u[i] - (signal.default or 0.0)) / signal.nominal) ** 2
    return total


def _design_cooling(unit: Substation, supply_K: float) -> float:
    law = unit.return_law
    if isinstance(law, FixedCooling):
        return law.difference_K
    back = law.temperature_K if isinstance(law, FixedReturn) else law.secondary_return_K + 5.0
    return max(supply_K - back, 5.0)
