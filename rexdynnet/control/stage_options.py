"""Choices of the control model of a network, and the names of its signals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf, isfinite

from rexdynnet.control.arrivals import kept_nodes
from rexdynnet.control.flows import FlowTree
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line, Pipe, Plant, PlantControl, PlantKind, SubstationControl
from rexdynnet.signals import Signal

NOMINAL_K = 50.0
TYPICAL_SPEED_m_per_s = 0.5
STORED_SHARE = 0.95
"""Share of its cost that stored heat is worth at the end: some of it never reaches anybody."""


class WallModel(Enum):
    """How a control model keeps the heat of the pipe walls."""

    LUMPED = "the wall's heat capacity joins its water cell; fewest states, delay and loss kept"
    STATE = "the wall is a state of its own behind the film; for thick or plastic walls"


@dataclass(frozen=True)
class StageOptions:
    """How a network becomes a control model.

    Parameters
    ----------
    cells : int
        Finite volumes per pipe, at most.
    cell_residence_s : float
        A pipe has no more cells than needed for each to hold the water of this span at
        0.5 m/s; 0: every pipe has `cells`.
    substeps : int
        Implicit Euler steps per stage; each more makes the derivatives several times as long.
    tank_layers : int
        At most this many layers per tank.
    wall : WallModel
    lowest_supply_K : float or None
        Bound on plants' set-points; None: the least that any contract promises.
    temperature_penalty_EUR_per_Kh, pressure_penalty_EUR_per_barh : float
        For each kelvin (bar) and hour below a substation's contract.
    minimum_load_penalty_EUR_per_MWh : float
        For heat of a running plant below its minimum load.
    steadiness_EUR_per_h : float
        For each control at one nominal value from its default, growing with the square: so
        little that it only settles what costs nothing either way.
    lost_load_EUR_per_MWh, electricity_EUR_per_MWh : float
        Defaults of the run-time prices.
    """

    cells: int = 3
    cell_residence_s: float = 0.0
    substeps: int = 1
    tank_layers: int = 4
    wall: WallModel = WallModel.LUMPED
    lowest_supply_K: float | None = None
    temperature_penalty_EUR_per_Kh: float = 5.0
    pressure_penalty_EUR_per_barh: float = 50.0
    minimum_load_penalty_EUR_per_MWh: float = 500.0
    steadiness_EUR_per_h: float = 1e-2
    lost_load_EUR_per_MWh: float = 3000.0
    electricity_EUR_per_MWh: float = 150.0

    def __post_init__(self) -> None:
        counts = {"cells": self.cells, "substeps": self.substeps, "tank_layers": self.tank_layers}
        weights = {
            name: getattr(self, name)
            for name in (
                "temperature_penalty_EUR_per_Kh",
                "pressure_penalty_EUR_per_barh",
                "minimum_load_penalty_EUR_per_MWh",
                "steadiness_EUR_per_h",
                "lost_load_EUR_per_MWh",
            )
        }
        findings = [
            Finding(f"{name} is {count}", "give at least 1", field=name)
            for name, count in counts.items()
            if count < 1
        ]
        findings += [
            Finding(
                f"the weight {name} is {weight}",
                "give a finite weight that is not negative",
                field=name,
            )
            for name, weight in weights.items()
            if not (weight >= 0 and isfinite(weight))
        ]
        if findings:
            raise InputError(*findings)

    def cells_of(self, pipe: Pipe) -> int:
        """Number of finite volumes of a pipe."""
        if self.cell_residence_s <= 0:
            return self.cells
        residence_s = pipe.length_m / TYPICAL_SPEED_m_per_s
        return min(max(round(residence_s / self.cell_residence_s), 1), self.cells)


def pipes_of(network: Network, line: Line) -> tuple[Pipe, ...]:
    """Pipes of one line in the network's order."""
    return tuple(pipe for pipe in network.pipes if pipe.line is line)


def ramped(network: Network) -> tuple[Plant, ...]:
    """Plants whose heat may not change at will."""
    return tuple(plant for plant in network.plants if isfinite(plant.ramp_W_per_s))


def state_signals(network: Network, tree: FlowTree, options: StageOptions) -> tuple[Signal, ...]:
    """Signals of x: cells of the supply line, of the return line, tanks, nodes, former heats."""
    signals: list[Signal] = []
    for line in (Line.SUPPLY, Line.RETURN):
        for pipe in pipes_of(network, line):
            signals += [
                _temperature(pipe.name, f"temperature_{i}") for i in range(options.cells_of(pipe))
            ]
            if options.wall is WallModel.STATE and pipe.wall is not None:
                signals += [
                    _temperature(pipe.name, f"wall_temperature_{i}")
                    for i in range(options.cells_of(pipe))
                ]
    for tank in network.tanks:
        layers = min(tank.layers, options.tank_layers)
        signals += [_temperature(tank.name, f"temperature_{i}") for i in range(layers)]
    signals += [_temperature(node, "temperature") for node in kept_nodes(tree)]
    signals += [
        Signal(plant.name, "previous_heat", "W", plant.capacity_W) for plant in ramped(network)
    ]
    return tuple(signals)


def control_signals(network: Network, tree: FlowTree, options: StageOptions) -> tuple[Signal, ...]:
    """Signals of u; the bounds are those without outages and dated limits."""
    lowest = options.lowest_supply_K or min(
        (unit.minimum_supply_temperature_K for unit in network.substations), default=333.15
    )
    signals: list[Signal] = []
    for plant in network.plants:
        least = min(lowest, plant.maximum_supply_temperature_K)
        signals.append(
            Signal(
                plant.name,
                "supply_temperature",
                "K",
                NOMINAL_K,
                least,
                plant.maximum_supply_temperature_K,
                default=min(
                    max(plant.supply_temperature_K, least), plant.maximum_supply_temperature_K
                ),
            )
        )
        if plant.control is PlantControl.HEAT:
            capacity = plant.capacity_W
            signals.append(Signal(plant.name, "heat", "W", capacity, 0.0, capacity, default=0.0))
        elif plant in tree.references:
            most = plant.maximum_differential_pressure_Pa
            least = 0.0 if plant.worst_point else min(plant.differential_pressure_Pa, most)
            signals.append(
                Signal(plant.name, "differential_pressure", "Pa", 1e5, least, most, default=most)
            )
        else:
            flow = _flow_at_capacity(plant, network)
            signals.append(
                Signal(plant.name, "mass_flow", "kg/s", flow, 0.0, 2.0 * flow, default=0.0)
            )
    for tank in network.tanks:
        most = tank.maximum_flow_kg_per_s
        nominal = most if isfinite(most) else 1.0
        signals.append(Signal(tank.name, "mass_flow", "kg/s", nominal, -most, most, default=0.0))
    for dump in network.dumps:
        capacity = dump.capacity_W
        signals.append(Signal(dump.name, "heat", "W", capacity, 0.0, capacity, default=0.0))
    for chord in tree.chords:
        signals.append(Signal(chord.name, "mass_flow", "kg/s", 1.0, -inf, inf, default=0.01))
    for unit in network.substations:
        signals.append(Signal(unit.name, "curtailed_share", "1", 1.0, 0.0, 1.0, default=0.0))
    return tuple(signals)


def parameter_signals(network: Network, options: StageOptions) -> tuple[Signal, ...]:
    """Signals of p: disturbances of the stage, prices, limits, corrections of an observer."""
    ground = network.ground.temperature_K
    marginal = STORED_SHARE * min(
        (
            plant.fuel_price_EUR_per_MWh / plant.efficiency
            for plant in network.plants
            if plant.control is PlantControl.PRESSURE
        ),
        default=60.0,
    )
    price = options.electricity_EUR_per_MWh
    signals = [
        Signal("ground", "temperature", "K", NOMINAL_K, default=ground),
        Signal("outdoor", "temperature", "K", NOMINAL_K, default=283.15),
        Signal("electricity", "price", "EUR/MWh", 100.0, default=price),
        Signal(
            "network", "lost_load_price", "EUR/MWh", 1000.0, default=options.lost_load_EUR_per_MWh
        ),
        Signal("network", "stored_heat_value", "EUR/MWh", 100.0, default=marginal),
        Signal("network", "loss_price", "EUR/MWh", 100.0, default=0.0),
        Signal("network", "loss_factor", "1", default=1.0),
    ]
    for unit in network.substations:
        if unit.control is SubstationControl.FLOW:
            kv = unit.valve_kv_kg_per_s
            signals.append(Signal(unit.name, "mass_flow_demand", "kg/s", kv, 0.0))
        else:
            signals.append(Signal(unit.name, "heat_demand", "W", max(unit.design_heat_W, 1.0), 0.0))
        signals.append(Signal(unit.name, "supply_temperature_offset", "K", 1.0, default=0.0))
    for plant in network.plants:
        fuel = 0.0 if plant.kind is PlantKind.SOLAR else plant.fuel_price_EUR_per_MWh
        signals.append(Signal(plant.name, "fuel_price", "EUR/MWh", 100.0, default=fuel))
        if plant.control is PlantControl.PRESSURE:
            capacity = plant.capacity_W
            signals.append(Signal(plant.name, "heat_lower", "W", capacity, default=0.0))
            signals.append(Signal(plant.name, "heat_upper", "W", capacity, default=capacity))
        signals.append(Signal(plant.name, "return_temperature_offset", "K", 1.0, default=0.0))
    signals += [
        Signal(valve.name, "opening", "1", default=1.0)
        for valve in network.valves
        if not valve.check
    ]
    signals += [Signal(pump.name, "speed", "1", default=1.0) for pump in network.pumps]
    return tuple(signals)


def refuse_commanded_valves(network: Network) -> None:
    """Raise where a substation's opening is commanded: such a demand cannot be planned.

    Raises
    ------
    InputError
    """
    findings = [
        Finding(
            f"{unit.name} has a commanded valve, so nobody knows what it will draw",
            "give it control = 'heat' or 'flow' for a network that is planned",
            component=unit.name,
        )
        for unit in network.substations
        if unit.control is SubstationControl.VALVE
    ]
    if findings:
        raise InputError(*findings)


def _temperature(component: str, quantity: str) -> Signal:
    return Signal(component, quantity, "K", NOMINAL_K, 253.15, 473.15)


def _flow_at_capacity(plant: Plant, network: Network) -> float:
    return plant.capacity_W / (network.fluid.specific_heat_J_per_kgK * 30.0)
