"""Dump: a cooler that discards heat between supply and return."""

from __future__ import annotations

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, mean, through, value
from rexdynnet.dae.contribution import Account, Contribution, Port
from rexdynnet.network.spec import Dump
from rexdynnet.physics.devices import SMALLEST_DIFFERENCE_K, driven_share, flow_for_heat
from rexdynnet.physics.ops import maximum, minimum


@contribute.register
def _(component: Dump, tail: Port, head: Port, context: Context) -> Contribution:
    dump = component
    name, specific_heat = dump.name, context.specific_heat
    flow = context.symbols(name, "mass_flow")
    supply = tail.temperature
    asked = maximum(context.inputs[f"{name}.heat"], 0.0)
    wanted = minimum(asked, dump.capacity_W) * context.inputs[f"{name}.availability"]
    back = minimum(dump.return_temperature_K, supply)
    # no flow where there is nothing to cool; a ramp, because the law jumps there
    able = (supply - dump.return_temperature_K) / SMALLEST_DIFFERENCE_K
    able = maximum(minimum(able, 1.0), 0.0)
    drawn = able * flow_for_heat(wanted, supply, dump.return_temperature_K, specific_heat)
    drawn *= driven_share(tail.pressure - head.pressure)
    heat = specific_heat * flow * (supply - back)
    return Contribution(
        algebraics=(context.mass_flow(name, flow - drawn, 1.0),),
        draws=through(tail, head, flow, supply, back),
        outputs=(
            value("dump", name, "mass_flow", "kg/s", flow),
            mean("dump", name, "heat", heat, account=Account.DUMPED),
        ),
    )
