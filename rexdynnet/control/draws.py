"""What stands between the lines takes and gives during one substep of a control model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import casadi as ca

from rexdynnet.control.arrivals import arrival
from rexdynnet.control.flows import FlowTree
from rexdynnet.control.stage_options import StageOptions
from rexdynnet.network.spec import (
    Exchanger,
    FixedCooling,
    FixedReturn,
    PlantControl,
    Substation,
    SubstationControl,
)
from rexdynnet.physics.devices import FEED_IN_LIFT_K, BAR_Pa, bypass_opening
from rexdynnet.physics.substation import ReturnKind, demanded_flow

LEAST_COOLING_K = 3.0
"""Below this difference between supply and return a substation's flow no longer grows."""


@dataclass(frozen=True)
class Draws:
    """Flows and heats between the lines, by component.

    Parameters
    ----------
    flow : dict of component name to SX scalar
        kg/s in the component's positive direction (tanks: charging).
    heat : dict of component name to SX scalar
        W taken from the water by substations and dumps; 0 for bypasses.
    demanded : dict of substation name to SX scalar
        W.
    """

    flow: dict[str, ca.SX]
    heat: dict[str, ca.SX]
    demanded: dict[str, ca.SX]


def above(value: ca.SX, floor: float) -> ca.SX:
    """Smooth maximum of a value and a floor, rounded over a fifth of the floor.

    Parameters
    ----------
    value : SX scalar
    floor : float
        Positive.
    """
    difference = value - floor
    return floor + 0.5 * (difference + ca.sqrt(difference * difference + (0.2 * floor) ** 2))


def positive(value: ca.SX, rounding: float) -> ca.SX:
    """Smooth positive part; `positive(x) - positive(-x)` is x exactly.

    Parameters
    ----------
    value : SX scalar
    rounding : float
    """
    return 0.5 * (value + ca.sqrt(value * value + rounding * rounding))


def draw(
    tree: FlowTree,
    options: StageOptions,
    old: Mapping[str, ca.SX],
    u: Mapping[str, ca.SX],
    p: Mapping[str, ca.SX],
) -> Draws:
    """Flows that follow from demands, commands and the temperatures before the substep.

    Parameters
    ----------
    tree : FlowTree
    options : StageOptions
    old, u, p : mapping of signal name to SX scalar

    Returns
    -------
    Draws
        Of all components between the lines but the reference plants.
    """
    network = tree.network
    cp = network.fluid.specific_heat_J_per_kgK
    flow: dict[str, ca.SX] = {}
    heat: dict[str, ca.SX] = {}
    demanded: dict[str, ca.SX] = {}

    def before(node: str) -> ca.SX:
        return arrival(tree, node, old, u, options)

    for unit in network.substations:
        supply = before(unit.supply_node) + p[f"{unit.name}.supply_temperature_offset"]
        share = 1.0 - u[f"{unit.name}.curtailed_share"]
        if unit.control is SubstationControl.FLOW:
            wanted = p[f"{unit.name}.mass_flow_demand"]
            flow[unit.name] = share * wanted
            per_flow = cp * _cooling(unit, supply)
            heat[unit.name], demanded[unit.name] = flow[unit.name] * per_flow, wanted * per_flow
        else:
            demanded[unit.name] = p[f"{unit.name}.heat_demand"]
            heat[unit.name] = share * demanded[unit.name]
            flow[unit.name] = _flow(unit, heat[unit.name], supply, cp)
    for plant in network.plants:
        if plant.control is PlantControl.HEAT:
            back = before(plant.return_node) + p[f"{plant.name}.return_temperature_offset"]
            lift = above(u[f"{plant.name}.supply_temperature"] - back, FEED_IN_LIFT_K)
            flow[plant.name] = u[f"{plant.name}.heat"] / (cp * lift)
        elif plant not in tree.references:
            flow[plant.name] = u[f"{plant.name}.mass_flow"]
    for tank in network.tanks:
        flow[tank.name] = u[f"{tank.name}.mass_flow"]
    for dump in network.dumps:
        heat[dump.name] = u[f"{dump.name}.heat"]
        cooling = above(before(dump.supply_node) - dump.return_temperature_K, LEAST_COOLING_K)
        flow[dump.name] = heat[dump.name] / (cp * cooling)
    least_Pa = min((s.minimum_differential_pressure_Pa for s in network.substations), default=0.0)
    for bypass in network.bypasses:
        supply = before(bypass.supply_node)
        # its differential pressure is not known before the flows are; it is small near a plant's
        share = bypass_opening(supply, bypass.setpoint_K, bypass.band_K)
        flow[bypass.name] = bypass.kv_kg_per_s * (least_Pa / BAR_Pa) ** 0.5 * share
        heat[bypass.name] = ca.SX(0.0)
    return Draws(flow, heat, demanded)


def _flow(unit: Substation, heat: ca.SX, supply: ca.SX, cp: float) -> ca.SX:
    law = unit.return_law
    if isinstance(law, FixedCooling):
        return heat / (cp * law.difference_K)
    if isinstance(law, FixedReturn):
        return heat / (cp * above(supply - law.temperature_K, LEAST_COOLING_K))
    secondary = (law.secondary_supply_K, law.secondary_return_K)
    kind = int(ReturnKind.EXCHANGER)
    return demanded_flow(kind, heat, supply, law.ua_W_per_K, *secondary, cp)


def _cooling(unit: Substation, supply: ca.SX) -> ca.SX:
    """Difference by which a substation with prescribed flow cools, K."""
    law = unit.return_law
    if isinstance(law, FixedCooling):
        return ca.SX(law.difference_K)
    back = law.secondary_return_K if isinstance(law, Exchanger) else law.temperature_K
    return above(supply - back, LEAST_COOLING_K)
