"""What acts on a network from outside: its controls, disturbances and run-time parameters.

The symbolic model, the plug-flow plant and the forcing reader all take the
names, units, bounds and order of their inputs from here, without CasADi.
"""

from __future__ import annotations

from math import inf, isfinite

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Exchanger,
    Plant,
    PlantControl,
    PlantKind,
    Substation,
    SubstationControl,
)
from rexdynnet.signals import Hold, Signal

OUTDOOR = "outdoor"
GROUND = "ground"
_MILD_DAY_K = 283.15
_FULL_SUN_W_PER_M2 = 1000.0


def controls(network: Network) -> tuple[Signal, ...]:
    """List what an operator or controller may move, in the order of `u`.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of Signal
        By plant `supply_temperature` [K] and `differential_pressure` [Pa] or
        `heat` [W]; `<tank>.mass_flow` [kg/s]; `<dump>.heat` [W];
        `<valve>.opening` [0..1]; `<pump>.speed` [0..1.2]; `<substation>.opening`
        [0..1] where a substation's valve is commanded. A signal whose default
        is None must be given by the forcing.

    Examples
    --------
    >>> from rexdynnet.network.graph import Network
    >>> controls(Network("empty", (), (), (), (), ()))
    ()
    """
    signals: list[Signal] = []
    for plant in network.plants:
        signals.append(
            Signal(
                plant.name,
                "supply_temperature",
                "K",
                nominal=100.0,
                lower=273.15,
                upper=473.15,
                default=plant.supply_temperature_K,
            )
        )
        signals.append(_plant_set_point(plant))
    signals += [
        Signal(
            tank.name,
            "mass_flow",
            "kg/s",
            nominal=_finite_or(tank.maximum_flow_kg_per_s, 1.0),
            lower=-tank.maximum_flow_kg_per_s,
            upper=tank.maximum_flow_kg_per_s,
            default=0.0,
        )
        for tank in network.tanks
    ]
    signals += [
        Signal(
            dump.name,
            "heat",
            "W",
            nominal=_positive(dump.capacity_W),
            lower=0.0,
            upper=dump.capacity_W,
            default=0.0,
        )
        for dump in network.dumps
    ]
    signals += [
        Signal(valve.name, "opening", "1", lower=0.0, upper=1.0, default=1.0)
        for valve in network.valves
        if not valve.check
    ]
    signals += [
        Signal(pump.name, "speed", "1", lower=0.0, upper=1.2, default=1.0) for pump in network.pumps
    ]
    signals += [
        Signal(substation.name, "opening", "1", lower=0.0, upper=1.0)
        for substation in network.substations
        if substation.control is SubstationControl.VALVE
    ]
    return tuple(signals)


def disturbances(network: Network) -> tuple[Signal, ...]:
    """List what acts on the network without anybody's command, in the order of `d`.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of Signal
        `outdoor.temperature` [K], `outdoor.global_radiation` [W/m2],
        `ground.temperature` [K]; by substation `mass_flow_demand` [kg/s] and
        `heat_demand` [W] as far as its control needs them; `<plant>.available_heat`
        [W] of waste heat; then `availability` [0..1] of plants, pumps, valves,
        tanks and dumps. A signal whose default is None must be given.
    """
    signals = [
        Signal(
            OUTDOOR,
            "temperature",
            "K",
            nominal=10.0,
            lower=203.15,
            upper=333.15,
            hold=Hold.LINEAR,
            default=None if _needs_outdoor_temperature(network) else _MILD_DAY_K,
        ),
        Signal(
            OUTDOOR,
            "global_radiation",
            "W/m2",
            nominal=_FULL_SUN_W_PER_M2,
            lower=0.0,
            upper=1500.0,
            default=None if _needs_radiation(network) else 0.0,
        ),
        Signal(
            GROUND,
            "temperature",
            "K",
            nominal=10.0,
            lower=233.15,
            upper=373.15,
            hold=Hold.LINEAR,
            default=network.ground.temperature_K,
        ),
    ]
    for substation in network.substations:
        signals += _demands(substation)
    signals += [
        Signal(
            plant.name,
            "available_heat",
            "W",
            nominal=_positive(plant.capacity_W),
            lower=0.0,
            default=plant.capacity_W,
        )
        for plant in network.plants
        if plant.kind is PlantKind.WASTE_HEAT
    ]
    for kind in (network.plants, network.pumps, network.valves, network.tanks, network.dumps):
        signals += [
            Signal(component.name, "availability", "1", lower=0.0, upper=1.0, default=1.0)
            for component in kind
        ]
    return tuple(signals)


def parameters(network: Network) -> tuple[Signal, ...]:
    """List what may go wrong with pipes and substations at run time, in the order of `p`.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of Signal
        By pipe `loss_factor` [1] (1; wet insulation is above 1),
        `roughness_factor` [1] (1) and `leak` (kg/s at 1 bar; 0); by substation
        with an exchanger `fouling` (lost fraction of its UA; 0).
    """
    signals: list[Signal] = []
    for pipe in network.pipes:
        signals += [
            Signal(pipe.name, "loss_factor", "1", lower=0.0, upper=100.0, default=1.0),
            Signal(pipe.name, "roughness_factor", "1", lower=0.0, upper=1000.0, default=1.0),
            Signal(pipe.name, "leak", "kg/s", lower=0.0, default=0.0),
        ]
    signals += [
        Signal(substation.name, "fouling", "1", lower=0.0, upper=1.0, default=0.0)
        for substation in network.substations
        if isinstance(substation.return_law, Exchanger)
    ]
    return tuple(signals)


def _plant_set_point(plant: Plant) -> Signal:
    if plant.control is PlantControl.PRESSURE:
        return Signal(
            plant.name,
            "differential_pressure",
            "Pa",
            nominal=1e5,
            lower=0.0,
            upper=plant.maximum_differential_pressure_Pa,
            default=plant.differential_pressure_Pa,
        )
    return Signal(plant.name, "heat", "W", _positive(plant.capacity_W), 0.0, plant.capacity_W)


def _demands(substation: Substation) -> list[Signal]:
    signals: list[Signal] = []
    if substation.control is SubstationControl.FLOW:
        signals.append(
            Signal(
                substation.name,
                "mass_flow_demand",
                "kg/s",
                nominal=_positive(substation.valve_kv_kg_per_s),
                lower=0.0,
            )
        )
    by_heat = substation.control is SubstationControl.HEAT
    if substation.building is None and (by_heat or isinstance(substation.return_law, Exchanger)):
        nominal = _positive(substation.design_heat_W)
        signals.append(Signal(substation.name, "heat_demand", "W", nominal, lower=0.0))
    return signals


def _needs_outdoor_temperature(network: Network) -> bool:
    return any(substation.building is not None for substation in network.substations) or any(
        plant.kind is PlantKind.SOLAR
        or (plant.kind is PlantKind.HEAT_PUMP and plant.source_temperature_K is None)
        for plant in network.plants
    )


def _needs_radiation(network: Network) -> bool:
    return any(plant.kind is PlantKind.SOLAR for plant in network.plants) or any(
        substation.building is not None and substation.building.solar_area_m2 > 0
        for substation in network.substations
    )


def _positive(value: float) -> float:
    return value if 0 < value < inf else 1.0


def _finite_or(value: float, otherwise: float) -> float:
    return value if isfinite(value) and value > 0 else otherwise
