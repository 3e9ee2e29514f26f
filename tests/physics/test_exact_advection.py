"""Plug flow through a pipe without wall against its exact solution."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from tests.physics.bench import GROUND_K, WATER, drive, one_pipe
from tests.physics.exact import delay_s, plug_flow

FLOW = 5.0
LOSS = 0.5
COLD, HOT = 320.0, 360.0


def test_a_step_arrives_after_length_over_speed_and_keeps_its_shape() -> None:
    network = one_pipe(loss_W_per_mK=LOSS)
    pipe = network.pipes[0]
    delay = delay_s(pipe, WATER, FLOW)
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=5.0))
    times = np.arange(0.0, 1.5 * delay, 5.0)
    trace = drive(plant, times, lambda _: HOT, FLOW, initial_K=COLD)
    exact = plug_flow(pipe, WATER, FLOW, lambda t: np.full_like(t, HOT), COLD, GROUND_K, times)
    half_way = 0.5 * (exact[0] + exact[-1])
    arrival = float(np.interp(half_way, trace.outlet_K, times))
    assert abs(arrival - delay) < 5.0
    away = np.abs(times - delay) > 0.01 * delay + 5.0
    assert np.max(np.abs(trace.outlet_K - exact)[away]) < 1e-3
    # What the front smears, it smears symmetrically: no heat is lost or made.
    assert abs(np.trapezoid(trace.outlet_K - exact, times)) < (HOT - COLD) * 5.0


def test_a_ramp_keeps_its_slope_and_loses_what_newton_says() -> None:
    network = one_pipe(loss_W_per_mK=LOSS)
    pipe = network.pipes[0]
    delay = delay_s(pipe, WATER, FLOW)
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=10.0))
    times = np.arange(0.0, 3.0 * delay, 10.0)

    def ramp(t: float | np.ndarray) -> np.ndarray:
        return COLD + (HOT - COLD) * np.clip(np.asarray(t) / delay, 0.0, 1.0)

    trace = drive(plant, times, lambda t: float(ramp(t)), FLOW, initial_K=COLD)
    exact = plug_flow(pipe, WATER, FLOW, ramp, COLD, GROUND_K, times)
    assert np.max(np.abs(trace.outlet_K - exact)) < 0.3
    inside = (times > 1.05 * delay) & (times < 1.95 * delay)
    assert np.max(np.abs(trace.outlet_K - exact)[inside]) < 0.02


def test_the_loss_at_steady_flow_is_exponential_in_the_residence_time() -> None:
    network = one_pipe(loss_W_per_mK=LOSS)
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=30.0))
    flow = 0.8
    times = np.array([0.0, 6 * 3600.0])
    trace = drive(plant, times, lambda _: HOT, flow, initial_K=HOT)
    ntu = LOSS * 1000.0 / (flow * WATER.specific_heat_J_per_kgK)
    exact = GROUND_K + (HOT - GROUND_K) * np.exp(-ntu)
    assert trace.outlet_K[-1] == pytest.approx(exact, abs=1e-4)


def test_water_at_rest_cools_exponentially_towards_the_ground() -> None:
    network = one_pipe(loss_W_per_mK=LOSS)
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=60.0))
    times = np.arange(0.0, 86400.0, 3600.0)
    trace = drive(plant, times, lambda _: HOT, 0.0, initial_K=HOT)
    capacity = WATER.density_kg_per_m3 * WATER.specific_heat_J_per_kgK * network.pipes[0].area_m2
    exact = GROUND_K + (HOT - GROUND_K) * np.exp(-LOSS / capacity * times)
    assert np.max(np.abs(trace.outlet_K - exact)) < 1e-3


def test_water_at_rest_follows_a_ramp_of_the_ground_temperature() -> None:
    network = one_pipe(loss_W_per_mK=LOSS)
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=60.0))
    times = np.arange(0.0, 86400.0, 3600.0)
    rise = 10.0 / 86400.0
    trace = drive(
        plant, times, lambda _: HOT, 0.0, initial_K=HOT, ground_K=lambda t: GROUND_K + rise * t
    )
    capacity = WATER.density_kg_per_m3 * WATER.specific_heat_J_per_kgK * network.pipes[0].area_m2
    rate = LOSS / capacity
    lag = rise / rate
    exact = GROUND_K + rise * times - lag + (HOT - GROUND_K + lag) * np.exp(-rate * times)
    assert np.max(np.abs(trace.outlet_K - exact)) < 1e-3


@pytest.mark.parametrize("step_s", [5.0, 20.0, 60.0])
def test_what_leaves_a_pipe_is_what_entered_minus_loss_whatever_the_step(step_s: float) -> None:
    network = one_pipe(loss_W_per_mK=LOSS)
    plant = PlugFlowPlant(network, PlugFlowOptions(step_s=step_s))
    delay = delay_s(network.pipes[0], WATER, FLOW)
    times = np.arange(0.0, 4 * delay, 60.0)

    def wave(t: float) -> float:
        return 340.0 + 10.0 * float(np.sin(2 * np.pi * t / delay))

    trace = drive(plant, times, wave, FLOW, initial_K=340.0)
    settled = times > 1.2 * delay
    shape = np.array([wave(t - delay) for t in times])
    fade = np.exp(
        -LOSS
        * delay
        / (WATER.density_kg_per_m3 * WATER.specific_heat_J_per_kgK)
        / network.pipes[0].area_m2
    )
    # The inlet is linear between rows of 60 s, a chord that stays below the sine.
    exact = GROUND_K + (shape - GROUND_K) * fade
    error = np.sqrt(np.mean((trace.outlet_K - exact)[settled] ** 2))
    assert error < 0.005 * 10.0 + 0.02 * step_s / 60.0 * 10.0


@pytest.mark.parametrize("step_s", [240.0, 120.0, 60.0, 30.0])
def test_a_wave_arrives_as_it_was_sent_whatever_the_step(step_s: float) -> None:
    assert wave_error(step_s) < 0.003


def test_a_wave_in_more_pieces_than_a_pipe_can_hold_is_smoothed_by_hundredths_of_a_kelvin() -> None:
    assert wave_error(7.5) < 0.02


def wave_error(step_s: float) -> float:
    """RMS error behind the pipe of a wave of 10 K; the inlet is linear between the steps."""
    network = one_pipe(loss_W_per_mK=LOSS)
    pipe = network.pipes[0]
    delay = delay_s(pipe, WATER, FLOW)
    times = np.arange(0.0, 4 * delay, step_s)
    sent = 340.0 + 10.0 * np.sin(2 * np.pi * times / delay)

    def inlet(t: float | np.ndarray) -> np.ndarray:
        return np.interp(t, times, sent)

    plant = PlugFlowPlant(network, PlugFlowOptions(step_s))
    trace = drive(plant, times, lambda t: float(inlet(t)), FLOW, initial_K=340.0)
    exact = plug_flow(pipe, WATER, FLOW, inlet, 340.0, GROUND_K, times)
    settled = times > 1.2 * delay
    return float(np.sqrt(np.mean((trace.outlet_K - exact)[settled] ** 2)))
