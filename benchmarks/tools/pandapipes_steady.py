"""Steady states by the plug-flow plant and by pandapipes, an independent program, side by side."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.pandapipes_day import GROUND_K, schutterwald_net
from rexdynnet.interchange.pandapipes import (
    from_pandapipes,
    junction_nodes,
)
from rexdynnet.interchange.pandapipes_export import to_pandapipes
from rexdynnet.network.graph import Network
from rexdynnet.network.random import RandomOptions, random_mesh
from rexdynnet.network.spec import FixedCooling, FixedReturn, Fluid, ReturnLaw
from rexdynnet.physics.friction import FrictionLaw
from rexdynnet.simulation.plant import DenseOutput, Inputs
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant

Floats = NDArray[np.float64]

WATER = Fluid(viscosity_Pa_s=4.0e-4, conductivity_W_per_mK=0.65)
LEAST_FLOW_kg_per_s = 1e-6
"""Below it a flow counts as this large when a deviation is related to it."""


@dataclass(frozen=True)
class Deviation:
    """Largest differences between two steady states of one network.

    Parameters
    ----------
    flow : float
        Over all pipes and substations, each related to its own flow.
    temperature_K : float
        Over all nodes and the downstream ends of all pipes.
    pressure_Pa : float
        Over all nodes, after the difference that they share.
    junctions, pipes : int
        How many were compared.
    """

    flow: float
    temperature_K: float
    pressure_Pa: float
    junctions: int
    pipes: int


@dataclass(frozen=True)
class RandomCase:
    """A random network at a random part load.

    Parameters
    ----------
    substations, seed, chords : int
    law : ReturnLaw
    """

    substations: int
    seed: int
    chords: int
    law: ReturnLaw

    @property
    def label(self) -> str:
        """What it is, for people."""
        kind = f"mesh with {self.chords} chords" if self.chords else "tree"
        held = "return temperature" if isinstance(self.law, FixedReturn) else "cooling"
        return f"{kind} of {self.substations} substations, fixed {held}, seed {self.seed}"


RANDOM_CASES = (
    RandomCase(20, 1, 0, FixedReturn(313.15)),
    RandomCase(60, 3, 0, FixedCooling(30.0)),
    RandomCase(150, 7, 0, FixedReturn(313.15)),
    RandomCase(20, 2, 4, FixedReturn(313.15)),
    RandomCase(60, 4, 8, FixedCooling(30.0)),
    RandomCase(60, 4, 8, FixedReturn(313.15)),
    RandomCase(150, 5, 15, FixedCooling(30.0)),
)


def compare_random(case: RandomCase) -> Deviation:
    """Solve a random network under random heats of 20 to 90 % of the design by both programs."""
    network = random_mesh(
        case.substations, case.seed, case.chords, RandomOptions(return_law=case.law, fluid=WATER)
    )
    rng = np.random.default_rng(case.seed)
    heat_W = {s.name: s.design_heat_W * rng.uniform(0.2, 0.9) for s in network.substations}
    return compare_written(network, heat_W)


def compare_written(network: Network, heat_W: Mapping[str, float]) -> Deviation:
    """Solve a network and what `to_pandapipes` writes of it, under one heat each substation."""
    net = to_pandapipes(network, heat_W)
    _solve(net, "bidirectional", network.ground.temperature_K)
    return _compare(
        network,
        steady_records(network, {f"{name}.heat_demand": heat for name, heat in heat_W.items()}),
        net,
        dict(net.junction["name"].items()),
        dict(net.pipe["name"].items()),
        dict(net.heat_consumer["name"].items()),
    )


def compare_schutterwald(*, by_heat: bool, seed: int = 3) -> Deviation:
    """Solve pandapipes' Schutterwald network (488 junctions) by both programs.

    Parameters
    ----------
    by_heat : bool
        Consumers draw a heat at a common cooling, else a flow at a cooling of their own.
    seed : int
        Of the consumers' draws.
    """
    net = schutterwald_net()
    rng = np.random.default_rng(seed)
    count = len(net.heat_consumer)
    if by_heat:
        net.heat_consumer["controlled_mdot_kg_per_s"] = np.nan
        net.heat_consumer["qext_w"] = rng.uniform(15e3, 45e3, count)
    else:
        net.heat_consumer["controlled_mdot_kg_per_s"] = rng.uniform(0.15, 0.5, count)
        net.heat_consumer["deltat_k"] = rng.uniform(15.0, 30.0, count)
    network = from_pandapipes(net, "schutterwald")
    _solve(net, "bidirectional" if by_heat else "sequential", GROUND_K)
    quantity = "heat_demand" if by_heat else "mass_flow_demand"
    column = "qext_w" if by_heat else "controlled_mdot_kg_per_s"
    drawn = {f"consumer_{i}.{quantity}": float(v) for i, v in net.heat_consumer[column].items()}
    known = {pipe.name for pipe in network.pipes}
    return _compare(
        network,
        steady_records(network, drawn),
        net,
        _mixing(net),
        {i: f"pipe_{i}" for i in net.pipe.index if f"pipe_{i}" in known},
        {i: f"consumer_{i}" for i in net.heat_consumer.index},
    )


def steady_records(network: Network, disturbances: Mapping[str, float]) -> Mapping[str, Floats]:
    """First row of the plug-flow plant's records from its steady start.

    Parameters
    ----------
    network : Network
    disturbances : mapping of signal name to value
        The defaults where none is given.
    """
    plant = PlugFlowPlant(network, PlugFlowOptions(friction=FrictionLaw.NIKURADSE))
    inputs = Inputs(
        np.array([signal.default for signal in plant.controls], dtype=float),
        np.array([disturbances.get(s.name, s.default) for s in plant.disturbances], dtype=float),
    )
    output: DenseOutput = plant.advance(plant.init(inputs), inputs, inputs, 1.0)[1]
    return {name: values[0] for name, values in output.records.items()}


def _solve(net: Any, mode: str, stagnant_K: float) -> None:
    import pandapipes as pp

    logging.getLogger("pandapipes").setLevel(logging.ERROR)
    # water at rest takes one temperature for the whole net there, not the pipe's own
    pp.pipeflow(
        net,
        mode=mode,
        friction_model="nikuradse",
        ambient_temperature=stagnant_K,
        tol_m=1e-8,
        tol_p=1e-8,
        tol_T=1e-6,
        tol_res=1e-6,
        iter=300,
    )


def _mixing(net: Any) -> dict[int, str]:
    """Node names of the junctions that both programs mix alike.

    An open valve without resistance joins two junctions into one node of ours. There the
    water ahead of the valve is not mixed yet; it is compared where its pipe ends.
    """
    flow = net.res_valve.mdot_from_kg_per_s
    ahead = set(net.valve.junction.where(flow > 0, net.valve.element))
    unmixed = ahead - set(net.circ_pump_pressure.flow_junction)
    return {index: name for index, name in junction_nodes(net).items() if index not in unmixed}


def _compare(
    network: Network,
    ours: Mapping[str, Floats],
    net: Any,
    nodes: Mapping[int, str],
    pipes: Mapping[int, str],
    consumers: Mapping[int, str],
) -> Deviation:
    def of(record: str, components: Any, names: Mapping[int, str]) -> Floats:
        place = {item.name: i for i, item in enumerate(components)}
        return ours[record][[place[name] for name in names.values()]]

    flows = np.concatenate(
        [
            of("pipe_mass_flow", network.pipes, pipes),
            of("substation_mass_flow", network.substations, consumers),
        ]
    )
    theirs = np.concatenate(
        [
            net.res_pipe.mdot_from_kg_per_s[list(pipes)].to_numpy(),
            net.res_heat_consumer.mdot_from_kg_per_s[list(consumers)].to_numpy(),
        ]
    )
    at = net.res_junction.loc[list(nodes)]
    forward = net.res_pipe.mdot_from_kg_per_s[list(pipes)].to_numpy() >= 0.0
    ends = np.where(
        forward,
        of("pipe_outlet_temperature", network.pipes, pipes),
        of("pipe_inlet_temperature", network.pipes, pipes),
    )
    temperatures = np.concatenate(
        [
            of("node_temperature", network.nodes, nodes) - at.t_k.to_numpy(),
            ends - net.res_pipe.t_outlet_k[list(pipes)].to_numpy(),
        ]
    )
    pressure = of("node_pressure", network.nodes, nodes) - at.p_bar.to_numpy() * 1e5
    return Deviation(
        float(np.max(np.abs(flows - theirs) / np.maximum(np.abs(theirs), LEAST_FLOW_kg_per_s))),
        float(np.max(np.abs(temperatures))),
        float(np.ptp(pressure)),
        len(nodes),
        len(pipes),
    )
