"""Valve in a line: control valve of a given opening, or check valve."""

from __future__ import annotations

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, through, value
from rexdynnet.dae.contribution import Contribution, Port
from rexdynnet.network.spec import Valve
from rexdynnet.physics.devices import valve_flow
from rexdynnet.physics.ops import maximum

# seats leak (IEC 60534-4); a share of kv so small that no result shows it
# keeps the pressure of what lies behind a shut valve defined
SEAT_LEAK = 1e-6


@contribute.register
def _(component: Valve, tail: Port, head: Port, context: Context) -> Contribution:
    valve = component
    name, kv = valve.name, valve.kv_kg_per_s
    flow = context.symbols(name, "mass_flow")
    drop = tail.pressure - head.pressure
    available = context.inputs[f"{name}.availability"]
    if valve.check:
        passed = valve_flow(maximum(drop, 0.0), kv * available) + valve_flow(drop, kv * SEAT_LEAK)
    else:
        opening = context.inputs[f"{name}.opening"] * available
        passed = valve_flow(drop, kv * maximum(opening, SEAT_LEAK))
    return Contribution(
        algebraics=(context.mass_flow(name, flow - passed, kv),),
        draws=through(tail, head, flow, head.temperature, tail.temperature),
        outputs=(value("valve", name, "mass_flow", "kg/s", flow),),
    )
