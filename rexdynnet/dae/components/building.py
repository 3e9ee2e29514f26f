"""Building: one heat capacity behind a substation, with a proportional thermostat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import casadi as ca

from rexdynnet.dae.context import Context
from rexdynnet.dae.contribution import Unknowns
from rexdynnet.network.spec import Building
from rexdynnet.physics.devices import thermostat_demand


@dataclass(frozen=True)
class Room:
    """What a substation needs of its building.

    Parameters
    ----------
    temperature, demand : SX scalar
        K and W.
    states : callable
        Room state with its rate, given the heat delivered.
    """

    temperature: ca.SX
    demand: ca.SX
    states: Callable[[ca.SX], Unknowns]


def room(name: str, building: Building, context: Context) -> Room:
    """State a building's equation: C dT/dt = heat − loss·(T − outdoor) + area·radiation.

    Parameters
    ----------
    name : str
        Of the substation.
    building : Building
    context : Context

    Returns
    -------
    Room
    """
    temperature = context.symbols(name, "room_temperature")
    unit = context.network.component_by_name[name]
    design = getattr(unit, "design_heat_W", 0.0)
    demand = thermostat_demand(temperature, building.setpoint_K, building.band_K, design)
    outdoor = context.inputs["outdoor.temperature"]
    sun = building.solar_area_m2 * context.inputs["outdoor.global_radiation"]

    def states(heat: ca.SX) -> Unknowns:
        gained = heat + sun - building.loss_W_per_K * (temperature - outdoor)
        rate = gained / building.capacity_J_per_K
        return context.temperatures(name, "room_temperature", temperature, rate)

    return Room(temperature, demand, states)
