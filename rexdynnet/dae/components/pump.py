"""Pump in a line: quadratic curve, no back flow."""

from __future__ import annotations

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, mean, through, value
from rexdynnet.dae.contribution import Contribution, Port
from rexdynnet.network.spec import Pump
from rexdynnet.physics.devices import BAR_Pa, pump_head, smooth_minimum
from rexdynnet.physics.ops import maximum

CHECK_SOFTNESS = 1e-6


@contribute.register
def _(component: Pump, tail: Port, head: Port, context: Context) -> Contribution:
    pump = component
    name, curve = pump.name, pump.curve
    flow = context.symbols(name, "mass_flow")
    speed = context.inputs[f"{name}.speed"] * context.inputs[f"{name}.availability"]
    lift = head.pressure - tail.pressure
    given = pump_head(flow, speed, curve.shut_off_Pa, curve.curvature_Pa_per_kg2s2)
    # a check valve: forward flow on the curve, or none and a head above it
    residual = smooth_minimum(flow, (lift - given) / BAR_Pa, CHECK_SOFTNESS)
    power = maximum(flow, 0.0) * maximum(lift, 0.0) / (context.density * curve.efficiency)
    return Contribution(
        algebraics=(context.mass_flow(name, residual, 1.0),),
        draws=through(tail, head, flow, head.temperature, tail.temperature),
        outputs=(
            value("pump", name, "mass_flow", "kg/s", flow),
            value("pump", name, "head", "Pa", lift),
            mean("pump", name, "power", power),
        ),
    )
