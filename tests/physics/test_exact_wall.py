"""Plug flow through a pipe with wall against the solution of Anzelius and Schumann."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.network.spec import Fluid
from rexdynnet.simulation.layout import CellRule
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from tests.physics.bench import COLD_K, GROUND_K, STEEL, WATER, drive, inputs, one_pipe
from tests.physics.exact import delay_s, film, step_with_wall, water_capacity

FLOW = 1.0
LENGTH = 100.0
COLD, HOT = 320.0, 360.0


def step_error(cells: int, step_s: float) -> float:
    """Mean magnitude of the outlet's error over the passage of a step, as a share of it."""
    network = one_pipe(length_m=LENGTH, diameter_m=0.06, wall=STEEL)
    pipe = network.pipes[0]
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s, CellRule(LENGTH / cells, cells, cells)))
    delay = delay_s(pipe, WATER, FLOW)
    times = np.arange(0.0, 2.0 * delay, step_s)
    trace = drive(plant, times, lambda _: HOT, FLOW, initial_K=COLD)
    exact = step_with_wall(pipe, WATER, FLOW, times)
    share = (trace.outlet_K - COLD) / (HOT - COLD)
    return float(np.mean(np.abs(share - exact)))


def test_a_step_through_a_pipe_with_wall_follows_anzelius() -> None:
    assert step_error(200, 0.5) < 1e-3


def test_the_error_falls_at_least_linearly_with_cells_and_step() -> None:
    errors = [step_error(cells, 100.0 / cells) for cells in (25, 50, 100, 200)]
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.mean(orders) > 0.9, (errors, orders)


def test_the_front_is_late_by_the_heat_that_the_wall_takes() -> None:
    network = one_pipe(length_m=LENGTH, diameter_m=0.06, wall=STEEL)
    pipe = network.pipes[0]
    plant = PlugFlowPlant(network, PlugFlowOptions(1.0, CellRule(1.0, 100, 100)))
    delay = delay_s(pipe, WATER, FLOW)
    times = np.arange(0.0, 3.0 * delay, 2.0)
    trace = drive(plant, times, lambda _: HOT, FLOW, initial_K=COLD)
    missing = np.trapezoid((HOT - trace.outlet_K) / (HOT - COLD), times)
    late = 1.0 + pipe.wall_heat_capacity_J_per_mK / water_capacity(pipe, WATER)
    assert missing == pytest.approx(delay * late, rel=2e-3)


def test_steady_flow_through_a_pipe_with_wall_loses_through_film_and_insulation() -> None:
    network = one_pipe(length_m=LENGTH, diameter_m=0.06, loss_W_per_mK=0.5, wall=STEEL)
    pipe = network.pipes[0]
    flow = 0.05
    plant = PlugFlowPlant(network, PlugFlowOptions(30.0, CellRule(2.5, 40, 40)))
    held = inputs(plant, {"source.supply_temperature": HOT, "draw.mass_flow_demand": flow})
    state = plant.init(held, temperatures_K={"start": HOT, "end": HOT, "return": COLD_K})
    state, _ = plant.advance(state, held, held, 64800.0)
    _, output = plant.advance(state, held, held, 86400.0)
    through = 1 / (1 / pipe.loss_W_per_mK + 1 / film(pipe, WATER, flow))
    capacity_flow = flow * WATER.specific_heat_J_per_kgK
    exact = GROUND_K + (HOT - GROUND_K) * np.exp(-through * LENGTH / capacity_flow)
    outlet = output.records["pipe_outlet_temperature"][1:, 0]
    # Parcel after parcel leaves, each at one temperature: the mean is exact, not the instant.
    assert np.mean(outlet) == pytest.approx(exact, abs=5e-3)
    assert np.ptp(outlet) < (HOT - exact) / 40
    lost = np.mean(output.records["pipe_heat_loss"][1:, 0])
    assert lost == pytest.approx(capacity_flow * (HOT - exact), rel=2e-4)


def test_water_and_wall_at_rest_cool_by_their_two_exponentials() -> None:
    network = one_pipe(length_m=LENGTH, diameter_m=0.06, loss_W_per_mK=2.0, wall=STEEL)
    pipe = network.pipes[0]
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=60.0))
    times = np.arange(0.0, 43200.0, 1800.0)
    trace = drive(plant, times, lambda _: HOT, 0.0, initial_K=HOT)
    g = film(pipe, WATER, 0.0)
    water, wall = water_capacity(pipe, WATER), pipe.wall_heat_capacity_J_per_mK
    matrix = np.array([[-g / water, g / water], [g / wall, -(g + pipe.loss_W_per_mK) / wall]])
    values, vectors = np.linalg.eig(matrix)
    weights = np.linalg.solve(vectors, np.full(2, HOT - GROUND_K))
    exact = GROUND_K + (vectors[0] * weights) @ np.exp(np.outer(values, times))
    assert np.max(np.abs(trace.outlet_K - exact)) < 1e-3


def test_a_thin_wall_changes_nothing() -> None:
    times = np.arange(0.0, 600.0, 5.0)
    foil = replace(STEEL, thickness_m=1e-7)
    traces = [
        drive(
            PlugFlowPlant(
                one_pipe(length_m=LENGTH, diameter_m=0.06, loss_W_per_mK=0.5, wall=wall),
                PlugFlowOptions(1.0, CellRule(0.5, 200, 200)),
            ),
            times,
            lambda t: COLD + 10.0 * float(np.sin(t / 60.0)),
            FLOW,
            initial_K=COLD,
        ).outlet_K
        for wall in (None, foil)
    ]
    assert np.sqrt(np.mean((traces[0] - traces[1]) ** 2)) < 0.05


def test_the_film_follows_the_temperature_while_the_flow_stands() -> None:
    bare = one_pipe(length_m=LENGTH, diameter_m=0.06, loss_W_per_mK=80.0, wall=STEEL)
    network = replace(bare, fluid=Fluid(1000.0, 4200.0))
    times = np.arange(0.0, 7200.0, 60.0)
    ends = [
        drive(PlugFlowPlant(network), times, lambda _: HOT, FLOW, initial_K=start).outlet_K[-1]
        for start in (280.0, HOT)
    ]
    # Cold water's film conducts a third less: a film kept from the start would be off by kelvins.
    assert ends[0] == pytest.approx(ends[1], abs=0.05)
