from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.simulation.sensors import Sensor, SensorSet, make_sensors
from tests.unit.small_network import small_network

VARIABLE = "substation_supply_temperature"


def declared(*sensors: Sensor, seed: int = 5) -> SensorSet:
    return make_sensors(small_network(), sensors, seed=seed)


def records(times: np.ndarray) -> dict[str, np.ndarray]:
    return {VARIABLE: np.column_stack((340.0 + 0.01 * times, np.full(len(times), 330.0)))}


def read_all(sensors: SensorSet, times: np.ndarray, samples: np.ndarray, **options: object):
    state = sensors.init(float(times[0]), records(times))
    return sensors.read(state, times, records(times), samples, **options)  # type: ignore[arg-type]


def test_a_perfect_sensor_reads_the_truth() -> None:
    times = np.linspace(0.0, 100.0, 11)
    reading, _ = read_all(declared(Sensor("s", VARIABLE, "house_1")), times, np.array([5.0, 95.0]))
    np.testing.assert_allclose(reading.values[:, 0], [340.05, 340.95])
    assert reading.available.all()


def test_noise_has_the_declared_spread_and_no_bias() -> None:
    times = np.array([0.0, 1e5])
    sensor = Sensor("s", VARIABLE, "house_2", noise=0.3)
    reading, _ = read_all(declared(sensor), times, np.linspace(1.0, 1e5, 20000))
    assert reading.values.std() == pytest.approx(0.3, rel=0.02)
    assert reading.values.mean() == pytest.approx(330.0, abs=0.01)


def test_readings_are_multiples_of_the_resolution() -> None:
    times = np.linspace(0.0, 1000.0, 11)
    sensor = Sensor("s", VARIABLE, "house_1", noise=0.2, resolution=0.5)
    reading, _ = read_all(declared(sensor), times, np.linspace(0.0, 1000.0, 50))
    np.testing.assert_allclose(reading.values % 0.5, 0.0, atol=1e-9)


def test_the_lag_answers_a_ramp_by_its_exact_solution() -> None:
    lag = 60.0
    times = np.linspace(0.0, 600.0, 7)
    sensor = Sensor("s", VARIABLE, "house_1", lag_s=lag)
    reading, state = read_all(declared(sensor), times, times)
    exact = 340.0 + 0.01 * (times - lag + lag * np.exp(-times / lag))
    np.testing.assert_allclose(reading.values[:, 0], exact, atol=1e-9)
    assert state.lagged[0] == pytest.approx(exact[-1])


@given(st.integers(1, 60))
def test_reading_step_by_step_gives_what_reading_at_once_gives(cut: int) -> None:
    times = np.linspace(0.0, 600.0, 61)
    samples = times[1:]
    sensor = Sensor("s", VARIABLE, "house_1", 0.1, 0.01, 90.0, 0.2)
    sensors = declared(sensor)
    whole, _ = read_all(sensors, times, samples)
    state = sensors.init(0.0, records(times))
    first, state = sensors.read(state, times[: cut + 1], records(times[: cut + 1]), samples[:cut])
    parts = [first.values]
    if cut < 60:
        rest, _ = sensors.read(state, times[cut:], records(times[cut:]), samples[cut:])
        parts.append(rest.values)
    np.testing.assert_allclose(np.vstack(parts), whole.values, atol=1e-9)


def test_another_sensor_does_not_change_the_first_ones_noise() -> None:
    times = np.array([0.0, 100.0])
    one = Sensor("one", VARIABLE, "house_1", noise=1.0)
    two = Sensor("two", VARIABLE, "house_2", noise=1.0)
    alone, _ = read_all(declared(one), times, times)
    both, _ = read_all(declared(two, one), times, times)
    assert np.array_equal(alone.values[:, 0], both.values[:, 1])
    other, _ = read_all(declared(one, seed=6), times, times)
    assert not np.array_equal(alone.values, other.values)


def test_a_dropped_sample_keeps_the_last_valid_one_and_says_so() -> None:
    times = np.linspace(0.0, 5000.0, 501)
    sensor = Sensor("s", VARIABLE, "house_1", dropout=0.3)
    reading, _ = read_all(declared(sensor), times, times)
    lost = ~reading.available[:, 0]
    assert lost.mean() == pytest.approx(0.3, abs=0.06)
    after = np.flatnonzero(lost[1:]) + 1
    assert np.array_equal(reading.values[after, 0], reading.values[after - 1, 0])
    assert np.all(np.isfinite(reading.values))


def test_a_failed_sensor_is_marked_for_the_whole_stretch() -> None:
    times = np.linspace(0.0, 100.0, 11)
    sensors = declared(Sensor("s", VARIABLE, "house_1"))
    reading, _ = read_all(sensors, times, times, availability={"s": 0.0})
    assert not reading.available.any()
    assert np.all(reading.values == 340.0)


@pytest.mark.parametrize(
    ("sensors", "word"),
    [
        ([Sensor("s", VARIABLE, "house_9")], "house_1"),
        ([Sensor("s", "weather_mood", "house_1")], "begin it with"),
        ([Sensor("s", VARIABLE, "house_1"), Sensor("s", VARIABLE, "house_2")], "twice"),
    ],
)
def test_a_wrong_declaration_is_refused(sensors: list[Sensor], word: str) -> None:
    with pytest.raises(InputError, match=word):
        declared(*sensors)


def test_wrong_figures_and_samples_outside_the_output_are_refused() -> None:
    with pytest.raises(InputError, match="noise"):
        Sensor("s", VARIABLE, "house_1", noise=-1.0)
    with pytest.raises(InputError, match="0 up to 1"):
        Sensor("s", VARIABLE, "house_1", dropout=1.5)
    times = np.array([0.0, 10.0])
    with pytest.raises(InputError, match="outside the output"):
        read_all(declared(Sensor("s", VARIABLE, "house_1")), times, np.array([11.0]))
    with pytest.raises(InputError, match="has no substation_heat"):
        read_all(declared(Sensor("s", "substation_heat", "house_1")), times, times)
