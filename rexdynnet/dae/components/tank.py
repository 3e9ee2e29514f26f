"""Tank: layers that mix by flow, conduction and buoyancy."""

from __future__ import annotations

from math import pi, sqrt

import casadi as ca

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, mean, through, value
from rexdynnet.dae.contribution import DATUM_K, Account, Contribution, Port
from rexdynnet.network.spec import Tank
from rexdynnet.physics.devices import driven_share, pumped_flow
from rexdynnet.physics.ops import maximum, minimum

WATER_CONDUCTIVITY_W_per_mK = 0.6
OVERTURN_s = 100.0


@contribute.register
def _(component: Tank, tail: Port, head: Port, context: Context) -> Contribution:
    tank = component
    name, specific_heat = tank.name, context.specific_heat
    flow = context.symbols(name, "mass_flow")
    wanted = context.inputs[f"{name}.mass_flow"] * context.inputs[f"{name}.availability"]
    limit = tank.maximum_flow_kg_per_s
    asked = maximum(minimum(wanted, limit), -limit)
    drop = tail.pressure - head.pressure
    most = max(plant.maximum_differential_pressure_Pa for plant in context.network.plants)
    charged = maximum(asked, 0.0) * driven_share(drop)
    passed = charged - pumped_flow(maximum(-asked, 0.0), drop, most)
    layers = context.symbols(name, "temperature", tank.layers)
    rows = [layers[i] for i in range(tank.layers)]
    charge, discharge = maximum(flow, 0.0), maximum(-flow, 0.0)
    above = [tail.temperature, *rows[:-1]]
    below = [*rows[1:], head.temperature]
    advected = [
        specific_heat * (charge * (up - here) + discharge * (down - here))
        for up, here, down in zip(above, rows, below, strict=True)
    ]
    capacity = context.density * specific_heat * tank.volume_m3 / tank.layers
    exchanged = _exchange(tank, rows, capacity)
    outdoor = context.inputs["outdoor.temperature"]
    lost = [
        tank.loss_W_per_m2K * area * (here - outdoor)
        for area, here in zip(_surfaces(tank), rows, strict=True)
    ]
    rates = ca.vertcat(
        *[(a + e - q) / capacity for a, e, q in zip(advected, exchanged, lost, strict=True)]
    )
    heat = specific_heat * (
        charge * (tail.temperature - rows[-1]) - discharge * (rows[0] - head.temperature)
    )
    return Contribution(
        states=(context.temperatures(name, "temperature", layers, rates),),
        algebraics=(context.mass_flow(name, flow - passed, 1.0),),
        draws=through(tail, head, flow, rows[0], rows[-1]),
        outputs=(
            *(value("tank", name, f"temperature_{i}", "K", here) for i, here in enumerate(rows)),
            value("tank", name, "mass_flow", "kg/s", flow),
            mean("tank", name, "heat", heat),
            mean("tank", name, "heat_loss", sum(lost[1:], lost[0]), account=Account.LOST),
        ),
        stored_J=capacity * ca.sum1(layers - DATUM_K),
    )


def _exchange(tank: Tank, rows: list[ca.SX], capacity: float) -> list[ca.SX]:
    """Heat into each layer from its neighbours: conduction, and overturning where inverted."""
    area, height = tank.volume_m3 / tank.height_m, tank.height_m / tank.layers
    conduction = WATER_CONDUCTIVITY_W_per_mK * area / height
    gained: list[ca.SX] = [ca.SX(0.0) for _ in rows]
    for i in range(len(rows) - 1):
        upward = conduction * (rows[i + 1] - rows[i])
        upward += capacity / OVERTURN_s * maximum(rows[i + 1] - rows[i], 0.0)
        gained[i] += upward
        gained[i + 1] -= upward
    return gained


def _surfaces(tank: Tank) -> list[float]:
    """Outer surface of each layer of an upright cylinder, m²."""
    area = tank.volume_m3 / tank.height_m
    side = 2.0 * sqrt(pi * area) * tank.height_m / tank.layers
    surfaces = [side] * tank.layers
    surfaces[0] += area
    surfaces[-1] += area
    return surfaces
