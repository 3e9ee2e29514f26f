"""Forecasts of a district that are as wrong as measured ones, and the load they are of.

Every quantity errs by a process of its own (`rexdynnet.study.error_process`); what a district's
loads have in common may instead follow a fitted evolution (`rexdynnet.market.forecast`), whose
revisions are as measured too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.forecast import EvolutionPath, ForecastEvolution
from rexdynnet.network.entries import read_toml
from rexdynnet.study.error_process import ErrorPath, ErrorProcess
from rexdynnet.study.forecast_evolution import read_evolution
from rexdynnet.study.sunshine import SunshineErrors
from rexdynnet.timeline import as_utc

Floats = NDArray[np.float64]

_DAY_H = 24


@dataclass(frozen=True)
class ForecastErrors:
    """Error processes of a district's forecasts.

    Parameters
    ----------
    load_common : ErrorProcess or ForecastEvolution
        Shared by all substations, as a share of the mean load.
    load_own : ErrorProcess
        Each substation's own, as a share of its mean load.
    outdoor : ErrorProcess
        Air temperature in K.
    sunshine : SunshineErrors or None
        Global radiation; None takes it as known.
    """

    load_common: ErrorProcess | ForecastEvolution
    load_own: ErrorProcess
    outdoor: ErrorProcess
    sunshine: SunshineErrors | None = None

    def scaled(self, factor: float) -> ForecastErrors:
        """Errors `factor` times as large; 0 makes forecasts perfect."""
        return ForecastErrors(
            self.load_common.scaled(factor),
            self.load_own.scaled(factor),
            self.outdoor.scaled(factor),
            None if self.sunshine is None else self.sunshine.scaled(factor),
        )

    def common_path(
        self, seed: int, key: str, start_utc: datetime | None
    ) -> ErrorPath | EvolutionPath:
        """One realisation of what all substations have in common.

        Parameters
        ----------
        seed : int
        key : str
            Whose errors; another key is independent.
        start_utc : datetime or None
            Of hour 0: weather forecasts come at hours of the day; None takes midnight.
        """
        if isinstance(self.load_common, ErrorProcess):
            return ErrorPath(self.load_common, seed, key)
        first = 1 if start_utc is None else as_utc(start_utc).hour + 1
        return EvolutionPath(self.load_common, seed, key, first % _DAY_H)


@dataclass(frozen=True)
class LoadModel:
    """Regression of a heat load, as a share of its mean over the fitted span.

    Parameters
    ----------
    constant, outdoor_per_K, radiation_per_W_per_m2 : float
        Of the outdoor temperature in degC and the global radiation, both behind a lag.
    outdoor_lag_h, radiation_lag_h : float
    harmonics : tuple of (cosine, sine)
        Of the hour of the day (UTC), from once a day on.
    """

    constant: float
    outdoor_per_K: float
    radiation_per_W_per_m2: float
    outdoor_lag_h: float
    radiation_lag_h: float
    harmonics: tuple[tuple[float, float], ...] = ()

    def load(self, outdoor_degC: Floats, radiation_W_per_m2: Floats, hour: Floats) -> Floats:
        """Predict hourly loads, relative to the mean.

        Parameters
        ----------
        outdoor_degC, radiation_W_per_m2 : ndarray, shape (n,)
            Hourly means, the past first (the lag starts at the first value).
        hour : ndarray, shape (n,)
            Hour of the day (UTC) at the end of each mean.

        Returns
        -------
        ndarray, shape (n,)
            Not negative.
        """
        value = self.constant + self.outdoor_per_K * lagged(outdoor_degC, self.outdoor_lag_h)
        value = value + self.radiation_per_W_per_m2 * lagged(
            radiation_W_per_m2, self.radiation_lag_h
        )
        for count, (cosine, sine) in enumerate(self.harmonics, start=1):
            angle = 2 * np.pi * count * np.asarray(hour, dtype=np.float64) / 24.0
            value = value + cosine * np.cos(angle) + sine * np.sin(angle)
        return np.maximum(value, 0.0)


@dataclass(frozen=True)
class FittedForecast:
    """What a file of fitted figures holds.

    Parameters
    ----------
    load : LoadModel
    errors : ForecastErrors
    """

    load: LoadModel
    errors: ForecastErrors


def lagged(values: Floats, lag_h: float) -> Floats:
    """First-order lag of hourly values, starting at the first one; 0 leaves them.

    Examples
    --------
    >>> lagged(np.array([1.0, 1.0, 2.0]), 0.0)
    array([1., 1., 2.])
    """
    if lag_h <= 0:
        return np.asarray(values, dtype=np.float64)
    share = float(np.exp(-1.0 / lag_h))
    out = np.empty(len(values))
    held = float(values[0])
    for index, value in enumerate(values):
        held = share * held + (1.0 - share) * float(value)
        out[index] = held
    return out


def read_forecast(path: str | Path) -> FittedForecast:
    """Read fitted figures of a load forecast from a TOML file.

    Parameters
    ----------
    path : path
        As `models/series/heat_load_forecast.toml`.

    Returns
    -------
    FittedForecast

    Raises
    ------
    InputError
        A section or figure is missing or no number.

    Examples
    --------
    >>> fitted = read_forecast("models/series/heat_load_forecast.toml")
    >>> fitted.load.outdoor_per_K < 0
    True
    """
    file = Path(path)
    findings: list[Finding] = []
    document = read_toml(file, findings)
    if document is None:
        raise InputError(*findings)
    content = document.values
    try:
        load = content["load"]
        common = _common(content["errors"]["load_common"], file)
        own = _process(content["errors"]["load_own"])
        outdoor = _process(content["errors"]["outdoor_K"])
        sunshine = _sunshine(content["errors"].get("sunshine"))
        model = LoadModel(
            float(load["constant"]),
            float(load["outdoor_per_K"]),
            float(load["radiation_per_W_per_m2"]),
            float(load["outdoor_lag_h"]),
            float(load["radiation_lag_h"]),
            tuple((float(a), float(b)) for a, b in load["harmonics"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"the figure {error} is missing or no number"
        remedy = "write the file anew with benchmarks/tools/fit_heat_load.py"
        raise InputError(Finding(what, remedy, file)) from None
    return FittedForecast(model, ForecastErrors(common, own, outdoor, sunshine))


def _common(values: Mapping[str, Any], file: Path) -> ErrorProcess | ForecastEvolution:
    if "evolution" not in values:
        return _process(values)
    return read_evolution(file.parent / str(values["evolution"])).scaled(float(values["share"]))


def _sunshine(values: Mapping[str, float] | None) -> SunshineErrors | None:
    if values is None:
        return None
    offset, slope, spread = (float(values[key]) for key in ("offset", "slope", "spread"))
    return SunshineErrors(_process(values), offset, slope, spread)


def _process(values: Mapping[str, float]) -> ErrorProcess:
    return ErrorProcess(
        float(values["persistence"]),
        float(values["innovation"]),
        float(values["noise"]),
        float(values.get("known", 1.0)),
    )
