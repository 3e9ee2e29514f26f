"""The observers agree with textbook formulas, and get by with what sensors give."""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from rexdynnet.control.augmented import (
    AugmentedModel,
    Disturbance,
    Entry,
    Noise,
    observe_with,
)
from rexdynnet.control.base import Observation, Outcome
from rexdynnet.control.mhe import MovingHorizon
from rexdynnet.control.observer import KalmanFilter, Sample, align, arrange
from rexdynnet.errors import InputError
from rexdynnet.simulation.sensors import Sensor
from tests.unit.control.linear_stage import A, B, C, D, E, linear_stage

MEASURED = ("meter_0.temperature", "meter_1.temperature")
NOISE = Noise(
    states={f"cell_{i}.temperature": 0.3 for i in range(3)}, inputs={"ground.temperature": 0.5}
)
R = np.diag([0.01, 0.04])


def linear_model(**changes) -> AugmentedModel:
    model = AugmentedModel(linear_stage(), MEASURED, (0.1, 0.2), (0.0, 0.0), noise=NOISE)
    return replace(model, **changes)


def drawn(steps: int):
    """Inputs and measurements of each step; every third lacks the second sensor."""
    rng = np.random.default_rng(4)
    for k in range(steps):
        u, p, y = rng.normal(size=1), rng.normal(size=1), rng.normal(size=2)
        if k % 3 == 0:
            y[1] = np.nan
        yield u, p, y


def test_on_a_linear_model_the_filter_is_the_textbook_kalman_filter():
    model = linear_model()
    observer = KalmanFilter(model)
    estimate = observer.init(np.zeros(3), 2.0)
    x, P = np.zeros(3), 4.0 * np.eye(3)
    Q = model.process_covariance + 0.25 * E @ E.T
    for u, p, y in drawn(30):
        estimate = observer.step(estimate, u, p, y)
        seen = np.isfinite(y)
        c = C[seen]
        gain = P @ c.T @ np.linalg.inv(c @ P @ c.T + R[np.ix_(seen, seen)])
        x = x + gain @ (y[seen] - c @ x - D[seen] @ u)
        P = P - gain @ c @ P
        x, P = A @ x + B @ u + E @ p, A @ P @ A.T + Q
        np.testing.assert_allclose(estimate.mean, x, rtol=0, atol=1e-13)
        np.testing.assert_allclose(estimate.covariance, P, rtol=0, atol=1e-13)


@pytest.mark.parametrize("lag_s", [0.0, 600.0])
def test_on_a_linear_model_the_moving_horizon_is_the_kalman_filter(lag_s):
    added = (Disturbance(Entry.STATE, "cell_2.temperature", 0.1, 1.0),)
    model = linear_model(disturbances=added, lag_s=(0.0, lag_s))
    observer, window = KalmanFilter(model), MovingHorizon(model, horizon=4)
    one, other = observer.init(np.zeros(3), 2.0), window.init(np.zeros(3), 2.0)
    for u, p, y in drawn(12):
        one, other = observer.step(one, u, p, y), window.step(other, u, p, y)
        assert other.outcome is Outcome.OK
        np.testing.assert_allclose(other.mean, one.mean, rtol=0, atol=1e-9)
        np.testing.assert_allclose(other.output, one.output, rtol=0, atol=1e-9)


def test_the_moving_horizon_keeps_the_bounds_that_the_filter_breaks():
    stage = linear_stage()
    states = tuple(replace(signal, lower=0.0) for signal in stage.states)
    model = replace(linear_model(), model=replace(stage, states=states))
    observer, window = KalmanFilter(model), MovingHorizon(model, horizon=3)
    one, other = observer.init(np.ones(3), 2.0), window.init(np.ones(3), 2.0)
    for _ in range(5):
        args = np.zeros(1), np.zeros(1), np.array([-3.0, -3.0])
        one, other = observer.step(one, *args), window.step(other, *args)
    assert one.mean.min() < -0.1
    assert other.mean.min() > -1e-6


def test_a_slow_sensor_is_seen_through_its_lag():
    model = linear_model(lag_s=(600.0, 0.0))
    assert model.size == 4
    keep = np.exp(-900.0 / 600.0)
    state = np.array([1.0, 2.0, 3.0, 5.0])
    _, output = model.evaluate(state, np.zeros(1), np.zeros(1))
    assert output[0] == pytest.approx(keep * 5.0 + (1 - keep) * 1.0, rel=1e-14)


def test_without_measurements_the_filter_predicts_and_says_so():
    observer = KalmanFilter(linear_model())
    start = observer.init(np.ones(3), 1.0)
    moved = observer.step(start, np.zeros(1), np.zeros(1), np.full(2, np.nan))
    np.testing.assert_allclose(moved.mean, A @ np.ones(3), atol=1e-15)
    assert moved.outcome is Outcome.BAD_MEASUREMENT
    assert "no measurement" in moved.cause
    assert np.all(np.isnan(start.output))


def test_an_outlier_beyond_the_gate_is_named_and_not_used():
    observer = KalmanFilter(linear_model(), gate=5.0)
    start = observer.init(np.zeros(3), 0.1)
    moved = observer.step(start, np.zeros(1), np.zeros(1), np.array([100.0, 0.0]))
    assert moved.innovation.rejected == ("meter_0.temperature",)
    assert moved.outcome is Outcome.BAD_MEASUREMENT
    assert np.abs(moved.mean).max() < 1.0


def test_a_model_that_fails_keeps_the_last_mean_and_widens_it():
    observer = KalmanFilter(linear_model())
    start = observer.init(np.ones(3), 1.0)
    moved = observer.step(start, np.array([np.nan]), np.zeros(1), np.zeros(2))
    assert moved.outcome is Outcome.MODEL_FAILURE
    np.testing.assert_array_equal(moved.mean, start.mean)
    assert np.all(np.diag(moved.covariance) > np.diag(start.covariance))


def test_samples_at_any_time_of_a_step_are_moved_to_its_end_and_averaged():
    model = linear_model()
    estimate = replace(KalmanFilter(model).init(np.zeros(3), 1.0), output=np.array([10.0, 0.0]))
    samples = [
        Sample(450.0, MEASURED[0], 15.5),
        Sample(900.0, MEASURED[0], 20.5),
        Sample(2000.0, MEASURED[1], 1.0),
        Sample(600.0, "stranger.temperature", 1.0),
    ]
    measured, scale = align(model, estimate, np.array([20.0, 0.0]), samples)
    assert measured[0] == pytest.approx(20.5)
    assert np.isnan(measured[1])
    assert scale[0] == pytest.approx(np.sqrt(0.5))


def test_declared_sensors_become_measurements_of_the_model():
    sensors = [
        Sensor("a", "node_temperature", "meter_1", noise=0.3, resolution=0.1),
        Sensor("b", "node_pressure", "meter_1", noise=5.0),
    ]
    model = observe_with(linear_stage(), sensors, samples=4)
    assert model.measured == ("meter_1.temperature",)
    assert model.deviation[0] == pytest.approx(np.hypot(0.3, 0.1 / np.sqrt(12)) / 2)
    seen = Observation(0.0, ("meter_1.temperature",), np.array([7.0]))
    np.testing.assert_array_equal(arrange(model, seen), [7.0])


def test_names_that_the_model_does_not_have_are_told_with_those_it_has():
    with pytest.raises(InputError, match=r"no 'boiler\.heat'.*meter_0\.temperature"):
        AugmentedModel(linear_stage(), ("boiler.heat",), (1.0,), (0.0,))
    with pytest.raises(InputError, match="no sensor reads an output"):
        observe_with(linear_stage(), [Sensor("b", "node_pressure", "meter_1", noise=5.0)])


def test_a_nonlinear_model_is_advanced_from_the_corrected_state():
    stage = linear_stage()
    x, u, p = ca.SX.sym("x", 3), ca.SX.sym("u", 1), ca.SX.sym("p", 1)
    none = ca.SX.zeros(0, 1)
    bent = ca.Function("bent", [x, u, p], [x + 0.1 * x**2, x[:2], none, none])
    model = replace(linear_model(), model=replace(stage, evaluate=bent), noise=Noise())
    observer = KalmanFilter(model)
    moved = observer.step(observer.init(np.ones(3), 1.0), np.zeros(1), np.zeros(1), np.full(2, 3.0))
    corrected = 1.0 + 2.0 / (1.0 + np.array([0.01, 0.04]))
    np.testing.assert_allclose(moved.mean[:2], corrected + 0.1 * corrected**2, rtol=1e-12)
