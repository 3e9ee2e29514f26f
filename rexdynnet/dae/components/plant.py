"""Plant: heat source with pump, holding a differential pressure or feeding a heat."""

from __future__ import annotations

from functools import reduce

import casadi as ca
import networkx as nx

from rexdynnet.dae.components.registry import contribute
from rexdynnet.dae.context import Context, mean, through, value
from rexdynnet.dae.contribution import Account, Contribution, Port
from rexdynnet.network.spec import Plant, PlantControl, PlantKind
from rexdynnet.physics.devices import (
    BAR_Pa,
    SEAT_LEAK_kg_per_s_Pa,
    carnot_cop,
    feed_in_flow,
    pumped_flow,
    solar_heat,
    supply_temperature,
)
from rexdynnet.physics.ops import maximum, minimum


@contribute.register
def _(component: Plant, tail: Port, head: Port, context: Context) -> Contribution:
    plant = component
    name, specific_heat = plant.name, context.specific_heat
    flow = context.symbols(name, "mass_flow")
    back, set_point = tail.temperature, context.inputs[f"{name}.supply_temperature"]
    availability = context.inputs[f"{name}.availability"]
    capacity = availability * available_heat(plant, back, set_point, context)
    lift = head.pressure - tail.pressure
    if plant.control is PlantControl.HEAT:
        capacity = minimum(maximum(context.inputs[f"{name}.heat"], 0.0), capacity)
        rated = plant.capacity_W
        fed = feed_in_flow(capacity, set_point, back, rated, specific_heat)
        residual = flow - pumped_flow(fed, lift, plant.maximum_differential_pressure_Pa)
    else:
        # surplus of other plants flows back unheated (hydraulic separator); a tripped plant shuts
        stopped = flow + SEAT_LEAK_kg_per_s_Pa * lift
        residual = ca.if_else(availability > 0, _excess_pressure(plant, lift, context), stopped)
    supply = supply_temperature(set_point, back, flow, capacity, specific_heat)
    heat = specific_heat * maximum(flow, 0.0) * (supply - back)
    pump = maximum(flow, 0.0) * maximum(lift, 0.0) / (context.density * plant.pump_efficiency)
    return Contribution(
        algebraics=(context.mass_flow(name, residual, _nominal(plant, context)),),
        draws=through(tail, head, flow, head.temperature, supply),
        outputs=(
            value("plant", name, "supply_temperature", "K", supply),
            value("plant", name, "return_temperature", "K", back),
            value("plant", name, "mass_flow", "kg/s", flow),
            value("plant", name, "differential_pressure", "Pa", lift),
            mean("plant", name, "heat", heat, account=Account.PLANTS),
            mean("plant", name, "pump_power", pump),
            mean("plant", name, "fuel_power", _input_power(plant, heat, supply, context)),
        ),
    )


def available_heat(plant: Plant, back: ca.SX, set_point: ca.SX, context: Context) -> ca.SX | float:
    """Heat that a plant could give now, W, before its availability.

    Parameters
    ----------
    plant : Plant
    back, set_point : SX scalar
        Return temperature and supply set-point, K.
    context : Context

    Returns
    -------
    SX scalar or float
    """
    if plant.kind is PlantKind.WASTE_HEAT:
        offered = maximum(context.inputs[f"{plant.name}.available_heat"], 0.0)
        return minimum(offered, plant.capacity_W)
    if plant.kind is PlantKind.SOLAR:
        sun = solar_heat(
            context.inputs["outdoor.global_radiation"],
            0.5 * (back + set_point),
            context.inputs["outdoor.temperature"],
            plant.collector_area_m2,
            plant.optical_efficiency,
            plant.collector_loss_W_per_m2K,
        )
        return minimum(sun, plant.capacity_W)
    return plant.capacity_W


def _excess_pressure(plant: Plant, lift: ca.SX, context: Context) -> ca.SX:
    """Bar by which the held differential pressure is too high: zero where it is held."""
    most = plant.maximum_differential_pressure_Pa
    set_point = minimum(context.inputs[f"{plant.name}.differential_pressure"], most)
    if not plant.worst_point:
        return (lift - set_point) / BAR_Pa
    margins = [
        context.ports[unit.supply_node].pressure
        - context.ports[unit.return_node].pressure
        - unit.minimum_differential_pressure_Pa
        for unit in context.network.substations
        if unit.supply_node in _island(plant, context)
    ]
    worst = reduce(minimum, margins, lift - set_point)
    return maximum(worst, lift - most) / BAR_Pa


def _island(plant: Plant, context: Context) -> set[str]:
    graph = nx.Graph()
    graph.add_edges_from(context.network.graph().edges())
    return set(nx.node_connected_component(graph, plant.supply_node))


def _nominal(plant: Plant, context: Context) -> float:
    return max(1e-2, plant.capacity_W / (context.specific_heat * 30.0))


def _input_power(plant: Plant, heat: ca.SX, supply: ca.SX, context: Context) -> ca.SX | float:
    if plant.kind in (PlantKind.WASTE_HEAT, PlantKind.SOLAR):
        return 0.0
    if plant.kind is PlantKind.HEAT_PUMP:
        given = plant.source_temperature_K
        source = context.inputs["outdoor.temperature"] if given is None else given
        return heat / carnot_cop(supply, source, plant.efficiency)
    return heat / plant.efficiency
