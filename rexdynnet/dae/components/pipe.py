"""Pipe: friction, advection through water cells, wall and loss."""

from __future__ import annotations

import casadi as ca

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, mean, nominal_flow, through, value
from rexdynnet.dae.contribution import DATUM_K, Account, Contribution, Draw, Port, Unknowns
from rexdynnet.dae.transport import advection
from rexdynnet.network.spec import Pipe, PipeWall
from rexdynnet.physics.devices import BAR_Pa, leak_flow
from rexdynnet.physics.friction import FrictionLaw, pressure_loss
from rexdynnet.physics.heat import film_conductance
from rexdynnet.signals import Signal


@contribute.register
def _(component: Pipe, tail: Port, head: Port, context: Context) -> Contribution:
    pipe = component
    flow = context.symbols(pipe.name, "mass_flow")
    count = _cells(pipe, context)
    length = pipe.length_m / count
    water = context.symbols(pipe.name, "water_temperature", count)
    into, leaves_tail, leaves_head = advection(
        water, flow, tail.temperature, head.temperature, context.options.scheme
    )
    ground = context.inputs["ground.temperature"]
    loss = pipe.loss_W_per_mK * context.inputs[f"{pipe.name}.loss_factor"]
    mean_K = 0.5 * (tail.temperature + head.temperature)
    capacity = context.density * pipe.area_m2 * context.specific_heat * length
    stored = capacity * ca.sum1(water - DATUM_K)
    carried = context.specific_heat * into
    states: tuple[Unknowns, ...]
    if pipe.wall is None:
        lost = loss * length * (water - ground)
        rates = (carried - lost) / capacity
        states = (context.temperatures(pipe.name, "water_temperature", water, rates),)
    else:
        wall = context.symbols(pipe.name, "wall_temperature", count)
        film = _film(pipe, pipe.wall, flow, mean_K, context)
        to_wall = film * length * (water - wall)
        lost = loss * length * (wall - ground)
        to_partner = pipe.coupling_W_per_mK * length * (wall - _partner_wall(pipe, wall, context))
        wall_capacity = pipe.wall_heat_capacity_J_per_mK * length
        stored += wall_capacity * ca.sum1(wall - DATUM_K)
        states = (
            context.temperatures(
                pipe.name, "water_temperature", water, (carried - to_wall) / capacity
            ),
            context.temperatures(
                pipe.name, "wall_temperature", wall, (to_wall - lost - to_partner) / wall_capacity
            ),
        )
    friction = _pressure_loss(pipe, flow, mean_K, context)
    residual = (tail.pressure - head.pressure - friction) / BAR_Pa
    name = pipe.name
    # a leak is an unknown of its own, so that mass balances are linear and hold exactly
    leak = context.symbols(name, "leak_flow")
    law = leak_flow(head.absolute_pressure, context.inputs[f"{name}.leak"])
    leaking = Unknowns((Signal(name, "leak_flow", "kg/s"),), leak, leak - law)
    leaked = -context.specific_heat * leak * (head.temperature - DATUM_K)
    forward = flow >= 0
    return Contribution(
        states=states,
        algebraics=(
            context.mass_flow(name, residual, nominal_flow(context.density, pipe.inner_diameter_m)),
            leaking,
        ),
        draws=(
            *through(tail, head, flow, leaves_tail, leaves_head),
            Draw(head.node, leak, head.temperature),
        ),
        outputs=(
            value("pipe", name, "mass_flow", "kg/s", flow),
            value(
                "pipe",
                name,
                "inlet_temperature",
                "K",
                ca.if_else(forward, tail.temperature, leaves_tail),
            ),
            value(
                "pipe",
                name,
                "outlet_temperature",
                "K",
                ca.if_else(forward, leaves_head, head.temperature),
            ),
            mean("pipe", name, "heat_loss", ca.sum1(lost), account=Account.LOST),
            mean("pipe", name, "leak_heat", leaked, account=Account.MAKEUP),
        ),
        stored_J=stored,
    )


def _cells(pipe: Pipe, context: Context) -> int:
    count = context.options.cells(pipe)
    if pipe.partner is None:
        return count
    partner = context.network.component_by_name[pipe.partner]
    return max(count, context.options.cells(partner)) if isinstance(partner, Pipe) else count


def _pressure_loss(pipe: Pipe, flow: ca.SX, temperature: ca.SX, context: Context) -> ca.SX:
    return pressure_loss(
        flow,
        pipe.length_m,
        pipe.inner_diameter_m,
        pipe.roughness_m * context.inputs[f"{pipe.name}.roughness_factor"],
        pipe.minor_loss,
        context.density,
        context.viscosity(temperature),
        context.options.friction is FrictionLaw.NIKURADSE,
    )


def _film(pipe: Pipe, wall: PipeWall, flow: ca.SX, temperature: ca.SX, context: Context) -> ca.SX:
    # one film per pipe, at the mean of its ends: a film per cell would cost most of the model
    return film_conductance(
        flow,
        pipe.inner_diameter_m,
        pipe.roughness_m * context.inputs[f"{pipe.name}.roughness_factor"],
        wall.thickness_m,
        wall.conductivity_W_per_mK,
        context.viscosity(temperature),
        context.conductivity(temperature),
        context.specific_heat,
    )


def _partner_wall(pipe: Pipe, wall: ca.SX, context: Context) -> ca.SX:
    if pipe.partner is None or pipe.coupling_W_per_mK == 0.0:
        return wall
    partner = context.network.component_by_name[pipe.partner]
    if not isinstance(partner, Pipe) or partner.wall is None:
        raise ValueError(f"partner {pipe.partner} of {pipe.name} is no pipe with a wall")
    count = wall.numel()
    other = context.symbols(partner.name, "wall_temperature", count)
    nodes = context.network.node_by_name
    place = nodes[pipe.from_node].place
    same_way = bool(place) and place == nodes[partner.from_node].place
    return other if same_way else ca.vertcat(*[other[count - 1 - i] for i in range(count)])
