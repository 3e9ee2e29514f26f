"""Small planning problems that tests share; each programme is built once."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from rexdynnet import read_network
from rexdynnet.control.base import Preview
from rexdynnet.control.network_stages import steady_state
from rexdynnet.control.trajectory import (
    Trajectory,
    TrajectoryGenerator,
    TrajectoryOptions,
    make_generator,
)
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.random import random_tree
from rexdynnet.testing import example_preview

HOURS = 2.0


@lru_cache(maxsize=4)
def network_of(name: str) -> Network:
    return random_tree(4, seed=1) if name == "tree" else read_network(f"models/networks/{name}")


@lru_cache(maxsize=4)
def generator_of(name: str) -> TrajectoryGenerator:
    return make_generator(network_of(name), TrajectoryOptions(horizon_s=HOURS * 3600.0))


def preview_at(network: Network, share: float) -> Preview:
    """Each substation takes a share of its capacity that wanders by a fifth."""
    preview = example_preview(network, steps=int(HOURS * 4))
    table = preview.disturbances.copy()
    names = [signal.name for signal in disturbances(network)]
    draws = np.random.default_rng(3)
    for unit in network.substations:
        wander = draws.uniform(0.8, 1.2, len(table))
        table[:, names.index(f"{unit.name}.heat_demand")] = unit.design_heat_W * share * wander
    return replace(preview, disturbances=table)


def start_of(generator: TrajectoryGenerator, preview: Preview) -> np.ndarray:
    stage = generator.stage
    acting = dict(
        zip(
            (signal.name for signal in disturbances(generator.network)),
            preview.disturbances[0],
            strict=True,
        )
    )
    known = {s.name: acting[s.name] for s in stage.parameters if s.name in acting}
    controls = np.array([signal.default or 0.0 for signal in stage.controls])
    tanks = {tank.name for tank in generator.network.tanks}
    held = {s.name: 333.15 for s in stage.states if s.component in tanks}
    return steady_state(stage, controls, stage.fill_parameters(1, known)[0], held)


@lru_cache(maxsize=8)
def plan_of(name: str, share: float) -> Trajectory:
    generator = generator_of(name)
    preview = preview_at(generator.network, share)
    return generator.plan(start_of(generator, preview), preview)
