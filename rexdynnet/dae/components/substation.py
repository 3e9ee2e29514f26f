"""Substation: self-acting valve, return law, optionally a building behind it."""

from __future__ import annotations

import casadi as ca

from rexdynnet.dae.components.building import room
from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, mean, through, value
from rexdynnet.dae.contribution import Account, Contribution, Port
from rexdynnet.network.spec import Exchanger, FixedReturn, Substation, SubstationControl
from rexdynnet.physics.devices import saturated_flow, valve_flow
from rexdynnet.physics.ops import maximum
from rexdynnet.physics.substation import ReturnKind, demanded_flow, given_heat

# a wholly fouled exchanger keeps this share of its UA, so that its law stays defined
LEAST_CLEAN = 1e-3


@contribute.register
def _(component: Substation, tail: Port, head: Port, context: Context) -> Contribution:
    unit = component
    name, specific_heat = unit.name, context.specific_heat
    flow = context.symbols(name, "mass_flow")
    supply, drop = tail.temperature, tail.pressure - head.pressure
    building = None if unit.building is None else room(name, unit.building, context)
    known = context.inputs.get(f"{name}.heat_demand")
    asked = building.demand if building is not None else known
    law = _return_law(unit, context)
    rate = ca.SX(0.0) if asked is None else asked
    if unit.control is SubstationControl.VALVE:
        opening = context.inputs[f"{name}.opening"]
        wanted = valve_flow(maximum(drop, 0.0), unit.valve_kv_kg_per_s * opening)
        drawn = wanted
    else:
        if unit.control is SubstationControl.FLOW:
            wanted = maximum(context.inputs[f"{name}.mass_flow_demand"], 0.0)
        else:
            wanted = demanded_flow(law.kind, rate, supply, law.setting, *law.secondary)
        drawn = saturated_flow(wanted, drop, unit.valve_kv_kg_per_s)

    def heat_at(mass_flow: ca.SX) -> ca.SX:
        return given_heat(law.kind, mass_flow, supply, rate, law.setting, *law.secondary)

    heat = heat_at(flow)
    back = supply - heat_at(maximum(flow, 1e-9)) / (specific_heat * maximum(flow, 1e-9))
    # what leaves must be what came minus what was given, to the last bit
    heat = specific_heat * flow * (supply - back)
    demanded = heat_at(wanted) if asked is None else asked
    states = () if building is None else (building.states(heat),)
    outputs = (
        value("substation", name, "supply_temperature", "K", supply),
        value("substation", name, "return_temperature", "K", back),
        value("substation", name, "mass_flow", "kg/s", flow),
        value("substation", name, "differential_pressure", "Pa", drop),
        mean("substation", name, "heat", heat, account=Account.DELIVERED),
        mean("substation", name, "heat_demand", demanded),
        mean("substation", name, "unserved_heat", maximum(demanded - heat, 0.0)),
    )
    if building is not None:
        outputs += (value("building", name, "temperature", "K", building.temperature),)
    return Contribution(
        states=states,
        algebraics=(context.mass_flow(name, flow - drawn, unit.valve_kv_kg_per_s),),
        draws=through(tail, head, flow, supply, back),
        outputs=outputs,
    )


def delivered_heat(unit: Substation, context: Context) -> ca.SX:
    """Heat that a substation without a building of its own gives, W.

    Parameters
    ----------
    unit : Substation
    context : Context

    Returns
    -------
    SX scalar
    """
    law, flow = _return_law(unit, context), context.symbols(unit.name, "mass_flow")
    asked = context.inputs.get(f"{unit.name}.heat_demand", ca.SX(0.0))
    supply = context.ports[unit.supply_node].temperature
    return given_heat(law.kind, flow, supply, asked, law.setting, *law.secondary)


class _Law:
    """A return law in the form of `rexdynnet.physics.substation`."""

    def __init__(
        self, kind: ReturnKind, setting: ca.SX | float, secondary: tuple[float, float, float]
    ) -> None:
        self.kind = int(kind)
        self.setting = setting
        self.secondary = secondary


def _return_law(unit: Substation, context: Context) -> _Law:
    law = unit.return_law
    if isinstance(law, Exchanger):
        clean = 1.0 - context.inputs[f"{unit.name}.fouling"]
        secondary = (law.secondary_supply_K, law.secondary_return_K, context.specific_heat)
        return _Law(ReturnKind.EXCHANGER, law.ua_W_per_K * maximum(clean, LEAST_CLEAN), secondary)
    unused = (0.0, 0.0, context.specific_heat)
    if isinstance(law, FixedReturn):
        return _Law(ReturnKind.FIXED_RETURN, law.temperature_K, unused)
    return _Law(ReturnKind.FIXED_COOLING, law.difference_K, unused)
