"""Flats: the thermal network of a building whose zones are heated by substations.

The equations are those of `rexdynnet.network.rc`: C·dT/dt of every node, with
the heat that each flat's substation gives into the air of its zone. What no
meter shows (noise, common and unmetered heats) is left out: it has mean zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import casadi as ca

from rexdynnet.dae.components.registry import contribute, disturbances_of, terminals
from rexdynnet.dae.components.substation import delivered_heat
from rexdynnet.dae.context import Context, value
from rexdynnet.dae.contribution import Contribution, Port, Unknowns
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.rc import RCNetwork
from rexdynnet.network.spec import Substation
from rexdynnet.signals import Hold, Signal


@dataclass(frozen=True)
class Flats:
    """A building of several flats, each heated by a substation of its own.

    Parameters
    ----------
    name : str
    thermal : RCNetwork
        What was identified, or drawn up.
    substations : tuple of Substation
        Without buildings of their own; their heat demand is an input.
    zones : mapping of str to str
        Zone that each substation heats, by the substation's name.

    Raises
    ------
    InputError
        A zone is unknown or heated twice, a substation has a building already.

    Notes
    -----
    Give it to `build_dae(network, extras=(flats,))`. States are named
    `NAME.ZONE_temperature` and `NAME.ZONE_mass_temperature`; the disturbances are
    `NAME.radiation_K` (W/m², by solar sector: global radiation times the share
    that `identify.record.sector_weights` gives it) and `NAME.ZONE_gain` (W, other heat).
    """

    name: str
    thermal: RCNetwork
    substations: tuple[Substation, ...]
    zones: Mapping[str, str]

    def __post_init__(self) -> None:
        findings = [
            Finding(f"{unit.name} has a building of its own", "take it out", component=unit.name)
            for unit in self.substations
            if unit.building is not None
        ]
        findings += [
            Finding(
                f"{unit.name} heats no zone of {self.name}",
                f"name one of {', '.join(self.thermal.zones)}",
                component=unit.name,
            )
            for unit in self.substations
            if self.zones.get(unit.name) not in self.thermal.zones
        ]
        heated = list(self.zones.values())
        findings += [
            Finding(f"{zone} is heated by two substations", "leave one", component=self.name)
            for zone in sorted({zone for zone in heated if heated.count(zone) > 1})
        ]
        if not self.substations:
            findings.append(Finding(f"{self.name} has no substation", "name at least one"))
        if findings:
            raise InputError(*findings)


@terminals.register
def _(component: Flats) -> tuple[str, str]:
    unit = component.substations[0]
    return unit.supply_node, unit.return_node


@disturbances_of.register
def _(component: Flats) -> tuple[Signal, ...]:
    suns = tuple(
        Signal(component.name, f"radiation_{sector}", "W/m2", 1e3, 0.0, 1500.0, default=0.0)
        for sector in range(len(component.thermal.sectors_h))
    )
    gains = tuple(
        Signal(component.name, f"{zone}_gain", "W", 1e3, hold=Hold.STEP, default=0.0)
        for zone in component.thermal.zones
    )
    return suns + gains


@contribute.register
def _(component: Flats, tail: Port, head: Port, context: Context) -> Contribution:
    del tail, head
    thermal, name = component.thermal, component.name
    count = len(thermal.zones)
    nodes = count * (2 if thermal.mass else 1)
    space = thermal.state_space()
    heat = [context.inputs[f"{name}.{zone}_gain"] for zone in thermal.zones]
    for unit in component.substations:
        at = thermal.zones.index(component.zones[unit.name])
        heat[at] = heat[at] + delivered_heat(unit, context)
    suns = [context.inputs[f"{name}.radiation_{s}"] for s in range(len(thermal.sectors_h))]
    u = ca.vertcat(context.inputs["outdoor.temperature"], *heat, *suns, 1.0)
    x = context.symbols(name, "temperatures", nodes)
    # unmeasured heats follow the nodes in the state space; their mean is zero
    rates = ca.DM(space.A[:nodes, :nodes]) @ x + ca.DM(space.B[:nodes]) @ u
    kinds = [f"{zone}_temperature" for zone in thermal.zones]
    kinds += [f"{zone}_mass_temperature" for zone in thermal.zones][: nodes - count]
    signals = tuple(Signal(name, kind, "K", 100.0, 200.0, 600.0) for kind in kinds)
    return Contribution(
        states=(Unknowns(signals, x, rates),),
        outputs=tuple(
            value("flats", name, kind, "K", x[row]) for row, kind in enumerate(kinds[:count])
        ),
    )
