"""Sensors: what a controller or a log sees of a plant, not what is.

Each sensor reads one element of one result variable through a first-order lag, adds
noise, rounds to its resolution and may drop out. Its random numbers are keyed by the
scenario's seed, the sensor's name and the sample's index, so that reading step by step
or at once, with more or fewer sensors, gives the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.seeds import Purpose, stream

Floats: TypeAlias = NDArray[np.float64]

_BLOCK = 1024


@dataclass(frozen=True)
class Sensor:
    """One measuring point.

    Parameters
    ----------
    name : str
        Key of its random numbers; unique in a set.
    variable : str
        Result variable, for example `substation_supply_temperature`.
    component : str
        Which element of it, by name.
    noise : float
        Standard deviation, in the variable's SI unit.
    resolution : float
        Readings are multiples of it; 0 for none.
    lag_s : float
        Time constant of the first-order lag; 0 for none.
    dropout : float
        Probability that a sample is missing.
    """

    name: str
    variable: str
    component: str
    noise: float = 0.0
    resolution: float = 0.0
    lag_s: float = 0.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        findings = [
            Finding(
                f"{key} is {getattr(self, key)}",
                "give a number from 0 up" + (" to 1" if key == "dropout" else ""),
                field=key,
                component=self.name,
            )
            for key in ("noise", "resolution", "lag_s", "dropout")
            if not 0 <= getattr(self, key) < (1 + 1e-12 if key == "dropout" else np.inf)
        ]
        if findings:
            raise InputError(*findings)


@dataclass(frozen=True)
class SensorState:
    """What sensors remember between readings.

    Parameters
    ----------
    time_s : float
    lagged : ndarray, shape (sensors,)
        Value behind the lag.
    held : ndarray, shape (sensors,)
        Last valid sample; at the start the value without noise.
    samples : int
        How many samples have been read.
    """

    time_s: float
    lagged: Floats
    held: Floats
    samples: int = 0


@dataclass(frozen=True)
class Reading:
    """Samples of a set of sensors.

    Parameters
    ----------
    time_s : ndarray, shape (n,)
    values : ndarray, shape (n, sensors)
        SI; the last valid sample stands where `available` is False.
    available : ndarray of bool, shape (n, sensors)
    names : tuple of str
    """

    time_s: Floats
    values: Floats
    available: NDArray[np.bool_]
    names: tuple[str, ...]


@dataclass(frozen=True)
class SensorSet:
    """The declared sensors of one plant.

    Parameters
    ----------
    sensors : tuple of Sensor
    index : tuple of int
        Position of each sensor's component in its variable.
    seed : int
    """

    sensors: tuple[Sensor, ...]
    index: tuple[int, ...]
    seed: int = 0

    def init(self, time_s: float, records: Mapping[str, Floats]) -> SensorState:
        """Start in equilibrium with the first row of the records."""
        lagged = np.array([self._column(records, j)[0] for j in range(len(self.sensors))])
        return SensorState(time_s, lagged, lagged.copy())

    def read(
        self,
        state: SensorState,
        times_s: Floats,
        records: Mapping[str, Floats],
        samples_s: Sequence[float] | Floats,
        *,
        availability: Mapping[str, float] = MappingProxyType({}),
    ) -> tuple[Reading, SensorState]:
        """Sample a stretch of a plant's dense output.

        Parameters
        ----------
        state : SensorState
        times_s : ndarray, shape (n,)
            Times of the records, increasing, from `state.time_s` on; a time that
            stands twice is a jump.
        records : mapping of variable name to ndarray, shape (n, components)
            As in `DenseOutput.records`; values between the times are linear.
        samples_s : sequence of float
            Increasing, within the records.
        availability : mapping of sensor name to 0..1
            Sensors that have failed (below 1/2) during this stretch.

        Returns
        -------
        (Reading, SensorState)

        Raises
        ------
        InputError
            A variable is missing, or the samples lie outside the records.
        """
        wanted = np.asarray(samples_s, dtype=float)
        if wanted.size and not (
            times_s[0] - 1e-9 <= wanted[0] and wanted[-1] <= times_s[-1] + 1e-9
        ):
            raise InputError(
                Finding(
                    f"samples from {wanted[0]:g} to {wanted[-1]:g} s lie outside the output, "
                    f"{times_s[0]:g} to {times_s[-1]:g} s",
                    "sample only what has been simulated",
                )
            )
        count, size = len(wanted), len(self.sensors)
        values = np.empty((count, size))
        available = np.empty((count, size), dtype=bool)
        lagged = np.empty(size)
        first = state.samples
        for j, sensor in enumerate(self.sensors):
            through = _lag(times_s, self._column(records, j), sensor.lag_s, float(state.lagged[j]))
            lagged[j] = through[-1]
            clean = np.interp(wanted, times_s, through)
            noisy = clean + sensor.noise * self._normal(sensor, first, count)
            values[:, j] = quantised(noisy, sensor.resolution)
            alive = availability.get(sensor.name, 1.0) >= 0.5
            draws = self._uniform(sensor, first, count) if sensor.dropout else np.ones(count)
            available[:, j] = alive & (draws >= sensor.dropout)
        values = _hold_last(values, available, state.held)
        held = values[-1].copy() if count else state.held
        reading = Reading(wanted, values, available, tuple(s.name for s in self.sensors))
        return reading, SensorState(float(times_s[-1]), lagged, held, first + count)

    def _column(self, records: Mapping[str, Floats], j: int) -> Floats:
        sensor = self.sensors[j]
        if sensor.variable not in records:
            raise InputError(
                Finding(
                    f"the output has no {sensor.variable}",
                    f"use one of {', '.join(sorted(records))}",
                    component=sensor.name,
                )
            )
        return np.asarray(records[sensor.variable], dtype=float)[:, self.index[j]]

    def _normal(self, sensor: Sensor, first: int, count: int) -> Floats:
        return _blocks(self.seed, Purpose.SENSOR_NOISE, sensor.name, first, count)

    def _uniform(self, sensor: Sensor, first: int, count: int) -> Floats:
        return _blocks(self.seed, Purpose.SENSOR_DROPOUT, sensor.name, first, count)


_KINDS = {
    "node": "nodes",
    "pipe": "pipes",
    "substation": "substations",
    "plant": "plants",
    "tank": "tanks",
    "dump": "dumps",
    "pump": "pumps",
    "valve": "valves",
    "bypass": "bypasses",
}


def make_sensors(network: Network, sensors: Iterable[Sensor], *, seed: int = 0) -> SensorSet:
    """Bind sensors to a network.

    Parameters
    ----------
    network : Network
    sensors : iterable of Sensor
    seed : int

    Returns
    -------
    SensorSet

    Raises
    ------
    InputError
        A name twice, a variable of no known kind or a component that is not there.
    """
    declared = tuple(sensors)
    names = [sensor.name for sensor in declared]
    findings = [
        Finding(f"the sensor {name} is declared twice", "rename one", component=name)
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    index: list[int] = []
    for sensor in declared:
        kind = sensor.variable.partition("_")[0]
        if kind not in _KINDS:
            findings.append(
                Finding(
                    f"{sensor.variable} is no variable of a component",
                    f"begin it with {', '.join(_KINDS)}",
                    field="variable",
                    component=sensor.name,
                )
            )
            continue
        present = [component.name for component in getattr(network, _KINDS[kind])]
        if sensor.component not in present:
            findings.append(
                Finding(
                    f"the network has no {kind} {sensor.component!r}",
                    f"use one of {', '.join(present[:12])}",
                    field="component",
                    component=sensor.name,
                )
            )
            continue
        index.append(present.index(sensor.component))
    if findings:
        raise InputError(*findings)
    return SensorSet(declared, tuple(index), seed)


def quantised(values: Floats, resolution: float) -> Floats:
    """Round to multiples of a resolution; 0 leaves the values.

    Examples
    --------
    >>> quantised(np.array([0.24, 0.26]), 0.5)
    array([0. , 0.5])
    """
    return np.round(values / resolution) * resolution if resolution > 0 else values


def _lag(times_s: Floats, values: Floats, lag_s: float, start: float) -> Floats:
    # Exact for an input that is linear between the times.
    if lag_s == 0:
        return values
    out = np.empty(len(values))
    out[0] = start
    for i in range(1, len(values)):
        span = times_s[i] - times_s[i - 1]
        if span <= 0:
            out[i] = out[i - 1]
            continue
        decay = np.exp(-span / lag_s)
        slope = (values[i] - values[i - 1]) / span
        behind = slope * lag_s
        out[i] = values[i] - behind + (out[i - 1] - values[i - 1] + behind) * decay
    return out


def _hold_last(values: Floats, available: NDArray[np.bool_], before: Floats) -> Floats:
    if not len(values):
        return values
    rows = np.where(available, np.arange(len(values))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    held = np.take_along_axis(values, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, held, before)


def _blocks(seed: int, purpose: Purpose, name: str, first: int, count: int) -> Floats:
    if count == 0:
        return np.empty(0)
    low, high = first // _BLOCK, (first + count - 1) // _BLOCK
    drawn = [_block(seed, purpose, name, block) for block in range(low, high + 1)]
    offset = first - low * _BLOCK
    return np.concatenate(drawn)[offset : offset + count]


@lru_cache(maxsize=4096)
def _block(seed: int, purpose: Purpose, name: str, block: int) -> Floats:
    generator = stream(seed, purpose, name, block)
    normal = purpose is Purpose.SENSOR_NOISE
    return generator.normal(size=_BLOCK) if normal else generator.random(_BLOCK)
