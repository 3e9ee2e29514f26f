"""From meter series to what the filter takes: inputs held, gaps filled and charged as noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.identify.kernel import Rows
from rexdynnet.identify.meters import Meters
from rexdynnet.network.rc import RowLabel

Array = NDArray[np.float64]

# before the first row: a zone is at its first reading within 1 K, its mass within 2 K
_START_AIR_K, _START_MASS_K = 1.0, 2.0


@dataclass(frozen=True)
class Record:
    """Meter series as the filter takes them.

    Parameters
    ----------
    steps_s : (d,)
        The step lengths that occur.
    rows : Rows
    inputs : (t, k)
        Outdoor temperature, heats, radiation by sector, 1, held from each row to the next.
    filled : (f, k)
        The patterns of filled-in inputs that occur; the first has none.
    noise_of : (q, 2) int
        Step length and pattern of each noise covariance that `rows.noise` counts.
    input_variance : (k,)
        Of a filled-in input.
    coarse : tuple of (int, float)
        Zone and resolution in J of heat meters that count coarsely.
    mean : (n,)
        State before the first row.
    deviation : (n,)
        Its standard deviation.
    origins : (o,) int
        Rows from which open-loop predictions are scored.
    horizon : int
        Rows each of them covers.
    """

    steps_s: Array
    rows: Rows
    inputs: Array
    filled: NDArray[np.bool_]
    noise_of: NDArray[np.int64]
    input_variance: Array
    coarse: tuple[tuple[int, float], ...]
    mean: Array
    deviation: Array
    origins: NDArray[np.int64]
    horizon: int


def sector_weights(time: pd.DatetimeIndex, step_s: Array, sectors_h: tuple[float, ...]) -> Array:
    """Share of each solar sector in the radiation of each row.

    Parameters
    ----------
    time : DatetimeIndex of length t
        Start of the interval.
    step_s : (t,)
    sectors_h : tuple of float
        Increasing local hours; before the first and after the last the share is whole.

    Returns
    -------
    (t, sectors)
    """
    if len(sectors_h) == 1:
        return np.ones((len(time), 1))
    clock: Any = time
    seconds = (clock - clock.normalize()).total_seconds().to_numpy()
    middle = (seconds + 0.5 * step_s) / 3600.0 % 24.0
    peaks = np.asarray(sectors_h)
    return np.array([np.interp(middle, peaks, unit) for unit in np.eye(len(peaks))]).T


def make_record(
    meters: Meters,
    mass: bool,
    sectors_h: tuple[float, ...],
    unmeasured: int,
    *,
    horizon_s: float = 86400.0,
    every_s: float = 6 * 3600.0,
    from_s: float = 86400.0,
) -> Record:
    """Prepare meter series for the filter.

    Parameters
    ----------
    meters : Meters
    mass : bool
        The model has mass nodes.
    sectors_h : tuple of float
    unmeasured : int
        Number of states of unmeasured heats.
    horizon_s, every_s, from_s : float
        Open-loop predictions that are scored: how far, how often, from when on.

    Returns
    -------
    Record

    Raises
    ------
    InputError
        The weather is missing altogether, or no row has a temperature.
    """
    step_s = meters.steps_s
    weights = sector_weights(meters.time, step_s, sectors_h)
    metered = [zone not in meters.unmetered for zone in meters.zones]
    channels = [meters.outdoor_K, *meters.heat_W.T]
    sun = shifted(meters.radiation_W_per_m2, meters.rows)
    table, gaps, variance = [], [], []
    for place, channel in enumerate(channels):
        if place and not metered[place - 1]:
            full, missing, spread = np.zeros(len(step_s)), np.zeros(len(step_s), bool), 0.0
        else:
            name = "T_outdoor" if place == 0 else f"{meters.zones[place - 1]}_heat"
            full, missing, spread = _fill(shifted(channel, meters.rows), name)
        table.append(full)
        gaps.append(missing)
        variance.append(spread)
    full, missing, spread = _fill(sun, "global_radiation")
    for sector in weights.T:
        table.append(full * sector)
        gaps.append(missing & (sector > 0))
        variance.append(spread)
    table.append(np.ones(len(step_s)))
    gaps.append(np.zeros(len(step_s), bool))
    variance.append(0.0)
    steps, step = np.unique(np.round(step_s, 3), return_inverse=True)
    filled, pattern = np.unique(np.array(gaps).T, axis=0, return_inverse=True)
    pairs = np.column_stack([step.ravel(), pattern.ravel()])
    noise_of, noise = np.unique(pairs, axis=0, return_inverse=True)
    noise = noise.ravel()
    observed = meters.temperature_K
    pattern_of_sensors = np.isnan(observed)
    same = np.zeros(len(step_s), bool)
    same[1:] = (noise[1:] == noise[:-1]) & (pattern_of_sensors[1:] == pattern_of_sensors[:-1]).all(
        axis=1
    )
    start, deviation = _start(meters, mass, unmeasured)
    seconds = np.append(0.0, np.cumsum(step_s)[:-1])
    due = np.flatnonzero(
        np.append(True, np.diff(np.floor(seconds / every_s)) > 0) & (seconds >= from_s)
    )
    usual = float(np.median(step_s))
    return Record(
        steps,
        Rows(
            step.ravel().astype(np.int64),
            noise.astype(np.int64),
            same,
            np.ascontiguousarray(observed),
            np.ones_like(observed),
        ),
        np.array(table).T.copy(),
        filled.astype(bool),
        noise_of.astype(np.int64),
        np.array(variance),
        tuple((j, q) for j, q in enumerate(meters.resolution_J) if q > 0 and metered[j]),
        start,
        deviation,
        due[due < len(step_s) - 1].astype(np.int64),
        max(1, round(horizon_s / usual)),
    )


def shifted(values: Array, rows: RowLabel) -> Array:
    """Values as they act from each row to the next."""
    return values if rows is RowLabel.START else np.append(values[1:], values[-1])


def _fill(values: Array, name: str) -> tuple[Array, NDArray[np.bool_], float]:
    """Gaps interpolated, with the variance of the interpolation where values are known."""
    missing = np.isnan(values)
    known = np.flatnonzero(~missing)
    if len(known) < 2:
        raise InputError(
            Finding(f"{name} is missing in nearly all rows", "give the series, or drop the column")
        )
    if not missing.any():
        return values.copy(), missing, 0.0
    full = np.interp(np.arange(len(values)), known, values[known])
    left_out = values[known][1:-1] - 0.5 * (values[known][:-2] + values[known][2:])
    spread = float(np.mean(left_out**2)) if len(left_out) else 0.0
    return full, missing, spread


def _start(meters: Meters, mass: bool, unmeasured: int) -> tuple[Array, Array]:
    first: list[float] = []
    for zone, column in zip(meters.zones, meters.temperature_K.T, strict=True):
        known = column[np.isfinite(column)]
        if not len(known):
            raise InputError(
                Finding(f"{zone} has no temperature in any row", "give some of its past")
            )
        first.append(float(known[0]))
    air = np.array(first)
    means = [air, air] if mass else [air]
    spreads = [np.full_like(air, _START_AIR_K)]
    if mass:
        spreads.append(np.full_like(air, _START_MASS_K))
    return (
        np.concatenate([*means, np.zeros(unmeasured)]),
        np.concatenate([*spreads, np.ones(unmeasured)]),
    )


def weighted(record: Record, scale: Array) -> Record:
    """The record with the variance of each measurement multiplied.

    Parameters
    ----------
    record : Record
    scale : (t, zones)
        1 for an ordinary measurement.

    Returns
    -------
    Record
    """
    same = record.rows.same.copy()
    same[1:] &= (scale[1:] == scale[:-1]).all(axis=1)
    return replace(record, rows=record.rows._replace(scale=scale, same=same))


def with_rows(record: Record, shown: NDArray[np.bool_]) -> Record:
    """The record with the thermometers of all other rows hidden.

    Parameters
    ----------
    record : Record
    shown : (t,) bool

    Returns
    -------
    Record
    """
    rows = record.rows
    observed = np.where(shown[:, None], rows.observed, np.nan)
    missing = np.isnan(observed)
    same = np.zeros(len(shown), bool)
    same[1:] = (
        (rows.step[1:] == rows.step[:-1])
        & (rows.noise[1:] == rows.noise[:-1])
        & (missing[1:] == missing[:-1]).all(axis=1)
        & (rows.scale[1:] == rows.scale[:-1]).all(axis=1)
    )
    return replace(record, rows=rows._replace(observed=observed, same=same))


def seen_rows(record: Record) -> int:
    """Number of rows in which a thermometer was read."""
    return int(np.isfinite(record.rows.observed).any(axis=1).sum())
