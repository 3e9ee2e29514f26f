"""Heat demand from a fitted regression on the weather, and its forecast on issued weather.

A substation's load is its mean load times

    regression(weather) + common deviation + own deviation

with the deviations of `rexdynnet.study.error_process`. The forecast is the same regression on
the weather as issued, plus what the issuer knows of the present deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Signal
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.weather import (
    HOUR_S,
    full_hours,
    read_reference_year,
    weather_forcing,
)
from rexdynnet.study.error_process import ErrorPath, ErrorProcess
from rexdynnet.study.forecast_error import FittedForecast, ForecastErrors, LoadModel

Floats = NDArray[np.float64]

DISTRICT = "district"
_ZERO_C = 273.15
# Weather before the run, so that the lags have forgotten their first value.
_SPIN_UP = timedelta(days=5)
_LEADS_H = 36


@dataclass(frozen=True)
class FittedLoads:
    """What a forecaster must know of loads that follow a regression.

    Parameters
    ----------
    model : LoadModel
    mean_W : mapping of substation name to float
        Load at which the regression gives 1.
    """

    model: LoadModel
    mean_W: Mapping[str, float]

    def weather_miss(self, outdoor_miss_K: Floats) -> Floats:
        """Relative load that a forecast misses because the issued weather is wrong.

        Parameters
        ----------
        outdoor_miss_K : ndarray, shape (n,)
            Truth minus forecast of whole hours, from the hour of the issue on.

        Returns
        -------
        ndarray, shape (n,)
        """
        return self.model.outdoor_per_K * _from_rest(outdoor_miss_K, self.model.outdoor_lag_h)


def mean_loads(
    fitted: FittedForecast, annual_heat_J: Mapping[str, float], weather: int | Path
) -> FittedLoads:
    """Scale the regression so that a reference year needs the annual heat.

    Parameters
    ----------
    fitted : FittedForecast
    annual_heat_J : mapping of substation name to float
    weather : int or Path
        Of the test reference year.

    Returns
    -------
    FittedLoads
    """
    year = read_reference_year(weather)
    celsius = year.temperature_K - _ZERO_C
    # the year begins at local midnight, 23 h UTC, so that hour h ends at h h UTC
    hours = np.arange(len(celsius), dtype=np.float64) % 24
    relative = fitted.load.load(celsius, year.global_radiation_W_per_m2, hours)
    per_unit_J = float(relative.sum()) * HOUR_S
    scales = {name: heat / per_unit_J for name, heat in annual_heat_J.items()}
    return FittedLoads(fitted.load, scales)


def fitted_forcing(
    fitted: FittedForecast,
    annual_heat_J: Mapping[str, float],
    weather: int | Path,
    start_utc: datetime,
    duration_s: float,
    seed: int,
) -> Forcing:
    """Hourly heat demand by the regression and its deviations.

    Parameters
    ----------
    fitted : FittedForecast
    annual_heat_J : mapping of substation name to float
        In a reference year, at least one.
    weather : int or Path
    start_utc : datetime
        On a full hour.
    duration_s : float
    seed : int
        Of the deviations: the forecaster of the same seed knows its share of them.

    Returns
    -------
    Forcing
        `<substation>.heat_demand` in W, hourly means.

    Raises
    ------
    InputError
        The run does not start on a full hour.
    """
    instants, times = full_hours(start_utc, duration_s)
    if abs(times[0]) > 1e-6:
        raise InputError(
            Finding(
                f"a fitted load is hourly, but the run starts at {start_utc:%H:%M:%S} UTC",
                "start it on a full hour",
                field="time.start_utc",
            )
        )
    loads = mean_loads(fitted, annual_heat_J, weather)
    relative = _regression(fitted.load, weather, instants)
    errors = without_weather(fitted.errors, fitted.load)
    hours = np.arange(len(instants))
    common = errors.common_path(seed, DISTRICT, start_utc).deviation(hours)
    columns = [
        mean_W
        * np.maximum(
            relative + common + ErrorPath(errors.load_own, seed, name).deviation(hours), 0.0
        )
        for name, mean_W in loads.mean_W.items()
    ]
    signals = tuple(
        Signal(name, "heat_demand", "W", max(mean_W, 1.0)) for name, mean_W in loads.mean_W.items()
    )
    return Forcing(times, np.column_stack(columns), signals, start_utc)


def without_weather(errors: ForecastErrors, model: LoadModel) -> ForecastErrors:
    """Take out of the common errors what the errors of issued weather already explain.

    Parameters
    ----------
    errors : ForecastErrors
        The load's as measured, with a regression on issued weather.
    model : LoadModel

    Returns
    -------
    ForecastErrors
        With common deviations so much smaller that, together with the weather's, the mean
        variance over leads of 1 to 36 h is the measured one; of an evolution only what new
        weather forecasts bring is made smaller.
    """
    lead = np.arange(1, _LEADS_H + 1, dtype=np.float64)
    lagged = np.stack(
        [_from_rest(column, model.outdoor_lag_h) for column in np.eye(_LEADS_H)], axis=1
    )
    spread = lagged @ _covariance(errors.outdoor, lead) @ lagged.T
    weather = model.outdoor_per_K**2 * float(np.mean(np.diag(spread)))
    common = errors.load_common
    if isinstance(common, ErrorProcess):
        share = _share_left(weather, float(np.mean(common.standard_deviation(lead) ** 2)))
        return replace(errors, load_common=common.scaled(share))
    other = common.weather_scaled(0.0).error_variance()
    share = _share_left(weather, float(np.mean(common.error_variance() - other)))
    return replace(errors, load_common=common.weather_scaled(share))


def _share_left(taken: float, variance: float) -> float:
    """Factor on a standard deviation that takes a part out of its variance."""
    return float(np.sqrt(max(1.0 - taken / variance, 0.0))) if variance > 0 else 0.0


def _covariance(process: ErrorProcess, lead_h: Floats) -> Floats:
    """Covariance of one issue's errors between leads."""
    size = process.standard_deviation(lead_h)
    out = np.diag(size**2)
    for i, one in enumerate(lead_h):
        for j in range(i + 1, len(lead_h)):
            shared = process.correlation(float(one), float(lead_h[j] - one)) * size[i] * size[j]
            out[i, j] = out[j, i] = shared
    return out


def _regression(model: LoadModel, source: int | Path, instants: list[datetime]) -> Floats:
    """Relative loads of the hours that begin at the instants."""
    first = instants[0] - _SPIN_UP
    span_s = (instants[-1] - first).total_seconds() + HOUR_S
    weather = weather_forcing(read_reference_year(source), first, span_s)
    outdoor, radiation = weather.values[:, 0] - _ZERO_C, weather.values[:, 1]
    means = 0.5 * (outdoor[1:] + outdoor[:-1])
    ends = (first.hour + 1 + np.arange(len(means), dtype=np.float64)) % 24
    return model.load(means, radiation[:-1], ends)[-len(instants) :]


def _from_rest(values: Floats, lag_h: float) -> Floats:
    """First-order lag of hourly values that starts at zero before the first of them."""
    share = float(np.exp(-1.0 / lag_h)) if lag_h > 0 else 0.0
    out, held = np.empty(len(values)), 0.0
    for index, value in enumerate(values):
        held = share * held + (1.0 - share) * float(value)
        out[index] = held
    return out
