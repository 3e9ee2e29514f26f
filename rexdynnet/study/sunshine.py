"""Sunshine as weather services foresee it: debiased, and as wrong as issued forecasts were.

With k the share of clear-sky radiation that comes and e an error process in such shares, what
was issued is k - e, kept between 0 and 1; the debiased forecast is

    clear (offset + slope (k - e))

the regression of what came on what was issued. Clear-sky radiation is read off the weather
itself: the most that any day of the same fortnight saw in the same hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.inputs import OUTDOOR
from rexdynnet.simulation.weather import (
    HOUR_S,
    ReferenceYear,
    full_hours,
    read_reference_year,
    weather_forcing,
)
from rexdynnet.study.error_process import ErrorProcess

Floats = NDArray[np.float64]

SUN = f"{OUTDOOR}.global_radiation"
"""The signal that is forecast."""

_DAY_H = 24
_AROUND_D = 15


@dataclass(frozen=True)
class SunshineErrors:
    """How forecasts of global radiation err, in shares of clear-sky radiation.

    Parameters
    ----------
    process : ErrorProcess
        Of what weather services issue.
    offset, slope : float
        Of the regression of what came on what was issued.
    spread : float
        Standard deviation of what that regression misses.
    scale : float
        Factor on all errors; 0 makes forecasts perfect.

    Raises
    ------
    InputError
        A negative spread or scale, or a figure that is not finite.
    """

    process: ErrorProcess
    offset: float
    slope: float
    spread: float
    scale: float = 1.0

    def __post_init__(self) -> None:
        figures = (self.offset, self.slope, self.spread, self.scale)
        if not np.isfinite(figures).all() or self.spread < 0 or self.scale < 0:
            raise InputError(
                Finding(
                    f"forecasts of sunshine with offset, slope, spread, scale {figures}",
                    "give finite figures, spread and scale from 0 up",
                )
            )

    def scaled(self, factor: float) -> SunshineErrors:
        """The same with errors `factor` times as large."""
        return replace(self, scale=factor * self.scale)

    def forecast(self, truth: Floats, clear: Floats, missed: Floats) -> Floats:
        """Forecast radiation from what comes.

        Parameters
        ----------
        truth, clear : ndarray, shape (n,)
            W/m²; where the sky is never bright the truth is told.
        missed : ndarray, shape (n,)
            Of the process.

        Returns
        -------
        ndarray, shape (n,)
            Not negative.

        Examples
        --------
        >>> errors = SunshineErrors(ErrorProcess(0.7, 0.2), 0.25, 0.5, 0.2)
        >>> errors.forecast(np.array([200.0, 0.0]), np.array([400.0, 0.0]), np.array([0.3, 0.3]))
        array([140.,   0.])
        """
        day = clear > 0
        share = np.where(day, truth / np.where(day, clear, 1.0), 0.0)
        told = clear * (self.offset + self.slope * np.clip(share - missed, 0.0, 1.0))
        return np.where(day, np.maximum(truth + self.scale * (told - truth), 0.0), truth)


def clearest(hourly: Floats) -> Floats:
    """Most of each hour of the day within 15 days before and after.

    Parameters
    ----------
    hourly : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> clearest(np.array([0.0] * 24 + [5.0] + [0.0] * 30))[[0, 1, 24, 48]]
    array([5., 0., 5., 5.])
    """
    days = -(-len(hourly) // _DAY_H)
    table = np.zeros((days, _DAY_H))
    table.ravel()[: len(hourly)] = hourly
    most = [table[max(day - _AROUND_D, 0) : day + _AROUND_D + 1].max(axis=0) for day in range(days)]
    return np.concatenate(most)[: len(hourly)]


def clear_of_year(source: int | Path, start_utc: datetime, hours: int) -> Floats:
    """Clear-sky radiation (W/m²) of a run's hours by a reference year's fortnights.

    Parameters
    ----------
    source : int or Path
        As for `rexdynnet.simulation.weather.read_reference_year`.
    start_utc : datetime
    hours : int

    Returns
    -------
    ndarray, shape (hours,)

    Examples
    --------
    >>> from datetime import UTC
    >>> clear_of_year(4, datetime(2027, 6, 21, 10, tzinfo=UTC), 2) > 800.0
    array([ True,  True])
    """
    year = read_reference_year(source)
    edge = _AROUND_D * _DAY_H
    sun = year.global_radiation_W_per_m2
    around = np.concatenate([sun[-edge:], sun, sun[:edge]])
    clear = ReferenceYear(
        year.source, year.station, year.temperature_K, clearest(around)[edge:-edge]
    )
    instants, times = full_hours(start_utc, hours * HOUR_S)
    laid = weather_forcing(clear, instants[0], len(instants) * HOUR_S)
    column = [signal.quantity for signal in laid.signals].index("global_radiation")
    middles = (np.arange(hours) + 0.5) * HOUR_S - times[0]
    return laid.values[(middles // HOUR_S).astype(int), column]
