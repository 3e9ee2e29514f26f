"""An aggregated network moves like its original: plug flow of both, over a day."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from rexdynnet.network.aggregate import aggregate
from rexdynnet.network.graph import Network
from rexdynnet.network.random import random_tree
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.plugflow import PlugFlowPlant

STEP_s = 900.0
STEPS = 96


def test_the_plant_of_a_reduced_network_feels_the_same_network() -> None:
    network = random_tree(60, seed=7)
    small = aggregate(network, 8)
    names = [item.name for item in network.substations]
    shape = 0.55 + 0.2 * np.sin(2 * np.pi * np.arange(STEPS) / STEPS)
    own = 1.0 + 0.1 * np.random.default_rng(3).standard_normal((STEPS, len(names)))
    design = np.array([item.design_heat_W for item in network.substations])
    demands = [dict(zip(names, row, strict=True)) for row in shape[:, None] * own * design]
    heat, back = run(network, demands)
    heat_small, back_small = run(small.network, [small.collect(row) for row in demands])
    assert rms(heat_small - heat) < 0.01 * heat.mean()
    assert abs(heat_small.mean() / heat.mean() - 1.0) < 0.001
    assert rms(back_small - back) < 0.05


def run(network: Network, demands: list[dict[str, float]]) -> tuple[NDArray, NDArray]:
    """Plant heat and return temperature under a supply temperature that steps twice."""
    plant = PlugFlowPlant(network)
    rows = [
        Inputs(
            np.array(
                [hot if s.quantity == "supply_temperature" else s.default for s in plant.controls],
                dtype=float,
            ),
            np.array(
                [
                    row[s.component] if s.quantity == "heat_demand" else s.default
                    for s in plant.disturbances
                ],
                dtype=float,
            ),
        )
        for row, hot in zip(demands, [353.15] * 48 + [358.15] * 24 + [353.15] * 24, strict=True)
    ]
    pieces = [(row, row, (i + 1) * STEP_s) for i, row in enumerate(rows)]
    output = plant.advance_over(plant.init(rows[0]), pieces)[1]
    times = np.arange(4 * 3600.0, STEPS * STEP_s, 300.0)
    return (
        output.at("plant_heat", times)[:, 0],
        output.at("plant_return_temperature", times)[:, 0],
    )


def rms(values: NDArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.slow
def test_a_thousand_substations_become_twenty() -> None:
    network = random_tree(1000, seed=1)
    small = aggregate(network, 20)
    assert len(small.network.substations) == 20
    assert abs(small.errors.volume) < 1e-9
    assert small.errors.mean_delay_s < 0.05 * small.errors.longest_delay_s
