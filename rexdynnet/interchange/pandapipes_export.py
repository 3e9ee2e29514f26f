"""Write a `Network` as a heat network of pandapipes.

pandapipes is an optional package; it is imported only when a net is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from math import pi
from typing import Any

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.interchange.pandapipes import ATMOSPHERE_Pa
from rexdynnet.network.design import solve_design
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import FixedCooling, FixedReturn, PlantControl
from rexdynnet.physics.water import VALID_FROM_K, VALID_TO_K, viscosity

BORE_m = 0.1
"""Inner diameter to which the loss coefficient of a written valve relates."""


def to_pandapipes(network: Network, heat_W: Mapping[str, float] | None = None) -> Any:
    """Write a network as a pandapipes net.

    Parameters
    ----------
    network : Network
        With one plant; without stores, dumps, pumps, check valves and bypasses.
    heat_W : mapping of str to float or None
        Heat by substation; the design heat where it is not given.

    Returns
    -------
    pandapipesNet
        Junctions, pipes and heat consumers in the order of the network's nodes,
        pipes and substations. Substations with a fixed return draw their heat at
        that temperature, those with a fixed cooling at that difference; the valve's
        resistance and saturation do not exist there.

    Raises
    ------
    InputError
        The network holds what pandapipes cannot say.

    Notes
    -----
    Density and specific heat are constants; a viscosity that follows the temperature is
    written as a table of `rexdynnet.physics.water.viscosity`. Valves stand fully open.
    `not_carried` says what has no place in pandapipes.
    """
    pp = import_pandapipes()
    _check_exportable(network)
    fluid = network.fluid
    net = pp.create_empty_network(name=network.name)
    water = pp.create_constant_fluid(
        "water",
        "liquid",
        density=fluid.density_kg_per_m3,
        viscosity=fluid.viscosity_Pa_s or float(viscosity(fluid.reference_temperature_K)),
        heat_capacity=fluid.specific_heat_J_per_kgK,
    )
    if fluid.viscosity_Pa_s is None:
        at = np.linspace(VALID_FROM_K, VALID_TO_K, 361)
        table = import_module("pandapipes.properties.fluids").FluidPropertyInterExtra
        water.add_property(
            "viscosity", table(at, viscosity(at)), overwrite=True, warn_on_duplicates=False
        )
    pp.create_fluid_from_lib(net, "water", overwrite=True)
    net["fluid"] = water
    index = {
        node.name: int(
            pp.create_junction(
                net,
                5.0,
                330.0,
                node.elevation_m,
                name=node.name,
                geodata=(node.x_m, node.y_m),
            )
        )
        for node in network.nodes
    }
    for pipe in network.pipes:
        pp.create_pipe_from_parameters(
            net,
            index[pipe.from_node],
            index[pipe.to_node],
            pipe.length_m / 1000,
            inner_diameter_mm=pipe.inner_diameter_m * 1000,
            k_mm=pipe.roughness_m * 1000,
            loss_coefficient=pipe.minor_loss,
            u_w_per_m2k=pipe.loss_W_per_mK / (pi * pipe.inner_diameter_m),
            text_k=network.ground.temperature_K,
            name=pipe.name,
        )
    for substation in network.substations:
        law = substation.return_law
        pp.create_heat_consumer(
            net,
            index[substation.supply_node],
            index[substation.return_node],
            qext_w=(heat_W or {}).get(substation.name, substation.design_heat_W),
            treturn_k=law.temperature_K if isinstance(law, FixedReturn) else None,
            deltat_k=law.difference_K if isinstance(law, FixedCooling) else None,
            name=substation.name,
        )
    area = pi * BORE_m**2 / 4
    for valve in network.valves:
        pp.create_valve(
            net,
            index[valve.from_node],
            index[valve.to_node],
            et="ju",
            inner_diameter_mm=BORE_m * 1000,
            opened=True,
            loss_coefficient=2e5 * fluid.density_kg_per_m3 * (area / valve.kv_kg_per_s) ** 2,
            name=valve.name,
        )
    plant = network.plants[0]
    held = network.holdings[0]
    lift = _lift_Pa(network)
    above = lift if held.node == plant.return_node else 0.0
    pp.create_circ_pump_const_pressure(
        net,
        index[plant.return_node],
        index[plant.supply_node],
        p_flow_bar=(held.pressure_Pa + above - ATMOSPHERE_Pa) / 1e5,
        plift_bar=lift / 1e5,
        t_flow_k=plant.supply_temperature_K,
        name=plant.name,
    )
    return net


def not_carried(network: Network) -> tuple[str, ...]:
    """Name what a network has and a pandapipes net cannot hold, though it can be written.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of str
        One sentence each; empty when nothing is lost.

    Examples
    --------
    >>> from rexdynnet.network.read import read_network
    >>> not_carried(read_network("models/networks/destest8"))[0]
    'the heat capacity of 24 pipe walls and the film between water and wall'
    """
    walls = sum(pipe.wall is not None for pipe in network.pipes)
    coupled = sum(pipe.coupling_W_per_mK > 0 for pipe in network.pipes)
    buildings = sum(item.building is not None for item in network.substations)
    lost = {
        f"the heat capacity of {walls} pipe walls and the film between water and wall": walls,
        f"the coupling of {coupled} pipes to the other pipe of their trench": coupled,
        f"{buildings} buildings behind substations: their design heat is drawn": buildings,
        "the pump's control by the worst substation: its lift is that of the design state": (
            network.plants[0].worst_point if network.plants else False
        ),
        "valve sizes, limits and prices": True,
    }
    return tuple(text for text, there in lost.items() if there)


def _lift_Pa(network: Network) -> float:
    plant = network.plants[0]
    if not plant.worst_point:
        return plant.differential_pressure_Pa
    state = solve_design(network, frozenset(network.node_by_name))
    lift = 0.0 if state is None else state.head_Pa[plant.name]
    return max(lift, plant.differential_pressure_Pa)


def import_pandapipes() -> Any:
    """Import pandapipes, or say how to get it.

    Returns
    -------
    module

    Raises
    ------
    InputError
        The extra `pandapipes` is not installed.
    """
    try:
        return import_module("pandapipes")
    except ImportError as error:
        raise InputError(
            Finding("pandapipes is not installed", "run `pip install 'rexdynnet[pandapipes]'`")
        ) from error


def _check_exportable(network: Network) -> None:
    findings = [
        Finding("pandapipes has no counterpart", "remove it", component=component.name)
        for component in (
            *network.tanks,
            *network.dumps,
            *network.pumps,
            *(valve for valve in network.valves if valve.check),
            *network.bypasses,
        )
    ]
    if len(network.plants) != 1 or network.plants[0].control is not PlantControl.PRESSURE:
        findings.append(
            Finding("only a single plant can be written", "keep one plant under pressure control")
        )
    ends = {node for plant in network.plants for node in (plant.supply_node, plant.return_node)}
    findings += [
        Finding("pressure is not held at the plant", "hold it at an end of the plant", component=at)
        for at in (holding.node for holding in network.holdings)
        if at not in ends
    ]
    findings += [
        Finding(
            "only fixed return temperatures and fixed coolings can be written",
            "choose one of those",
            component=substation.name,
        )
        for substation in network.substations
        if not isinstance(substation.return_law, FixedReturn | FixedCooling)
    ]
    if findings:
        raise InputError(*findings)
