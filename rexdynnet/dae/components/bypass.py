"""Bypass: thermostatic valve from supply to return that keeps a branch warm."""

from __future__ import annotations

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, through, value
from rexdynnet.dae.contribution import Contribution, Port
from rexdynnet.network.spec import Bypass
from rexdynnet.physics.devices import bypass_opening, valve_flow
from rexdynnet.physics.ops import maximum


@contribute.register
def _(component: Bypass, tail: Port, head: Port, context: Context) -> Contribution:
    bypass = component
    name = bypass.name
    flow = context.symbols(name, "mass_flow")
    opening = bypass_opening(tail.temperature, bypass.setpoint_K, bypass.band_K)
    drop = maximum(tail.pressure - head.pressure, 0.0)
    passed = valve_flow(drop, bypass.kv_kg_per_s * opening)
    return Contribution(
        algebraics=(context.mass_flow(name, flow - passed, bypass.kv_kg_per_s),),
        draws=through(tail, head, flow, head.temperature, tail.temperature),
        outputs=(value("bypass", name, "mass_flow", "kg/s", flow),),
    )
