"""Fit the load forecast of models/series/heat_load_forecast.toml to measured heat loads.

    python -m benchmarks.tools.fit_heat_load [CSV] [-o TOML]

The load of the coming 36 hours is regressed on the weather forecasts as they were issued
(before: observed weather), behind first-order lags, and on the hour of the day; what is
known of the present deviation is carried on. Errors are those of the half of the weeks that
the regression has not seen. What houses have in common evolves as `fit_forecast_evolution` has
found. Only these figures are written; the data are not.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq, least_squares

from rexdynnet.study.error_process import ErrorPath, ErrorProcess
from rexdynnet.study.forecast_error import LoadModel
from rexdynnet.study.forecast_evolution import read_evolution
from rexdynnet.study.sunshine import SunshineErrors, clearest

LEADS = np.arange(1, 37)
HARMONICS = 4
OUTDOOR_LAGS_H = (0.0, 3.0, 6.0, 12.0, 24.0)
RADIATION_LAGS_H = (0.0, 2.0, 4.0, 8.0)
DATA = Path("../shared/validation/heat_load/houses_2010_2011.csv")
TARGET = Path("models/series/heat_load_forecast.toml")
EVOLUTION = Path("models/series/heat_load_evolution.toml")
HOUSES = 16
DAYLIGHT_W_per_m2 = 20.0


@dataclass(frozen=True)
class Weather:
    """Weather as known at each issue: rows are issues, columns leads 1 to 36."""

    outdoor: np.ndarray
    radiation: np.ndarray
    outdoor_before: np.ndarray
    radiation_before: np.ndarray


def weather_of(data: pd.DataFrame) -> Weather:
    """Forecasts by lead, and observations with gaps filled by the next hour's forecast."""

    def leads(stem: str, unit: str) -> np.ndarray:
        return data[[f"{stem}_forecast_k{k}_{unit}" for k in LEADS]].to_numpy()

    outdoor = leads("T_ambient", "degC")
    sun = leads("global_radiation", "W_per_m2")
    seen = data["T_ambient_observed_degC"].to_numpy()
    seen_sun = data["global_radiation_observed_W_per_m2"].to_numpy()
    before = np.concatenate([[seen[0]], outdoor[:-1, 0]])
    before_sun = np.concatenate([[0.0], sun[:-1, 0]])
    return Weather(
        outdoor,
        sun,
        np.where(np.isnan(seen), before, seen),
        np.where(np.isnan(seen_sun), before_sun, seen_sun),
    )


def lagged(before: np.ndarray, ahead: np.ndarray, lag_h: float) -> np.ndarray:
    """Lag that has followed the observations up to each issue and then the forecasts."""
    share = np.exp(-1.0 / lag_h) if lag_h > 0 else 0.0
    held = np.empty(len(before))
    value = before[0]
    for i, one in enumerate(before):
        value = share * value + (1 - share) * one
        held[i] = value
    out = np.empty_like(ahead)
    for k in range(ahead.shape[1]):
        held = share * held + (1 - share) * ahead[:, k]
        out[:, k] = held
    return out


def features(weather: Weather, hours: np.ndarray, lags: tuple[float, float]) -> np.ndarray:
    """Regressors, shape (issues, leads, n)."""
    columns = [np.ones_like(weather.outdoor)]
    columns.append(lagged(weather.outdoor_before, weather.outdoor, lags[0]))
    columns.append(lagged(weather.radiation_before, weather.radiation, lags[1]))
    valid = (hours[:, None] + LEADS) % 24
    for count in range(1, HARMONICS + 1):
        angle = 2 * np.pi * count * valid / 24
        columns += [np.cos(angle), np.sin(angle)]
    return np.stack(columns, axis=2)


def solve(x: np.ndarray, y: np.ndarray, use: np.ndarray) -> np.ndarray:
    """Least squares over all issues and leads that are marked."""
    good = use & np.isfinite(y) & np.isfinite(x).all(axis=2)
    return np.linalg.lstsq(x[good], y[good], rcond=None)[0]


def ahead_of(values: np.ndarray) -> np.ndarray:
    """Value at each lead after each issue; NaN beyond the end."""
    padded = np.concatenate([values, np.full(len(LEADS), np.nan)])
    return np.stack([padded[k : k + len(values)] for k in LEADS], axis=1)


def cross_validated(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Errors of each half of the weeks by the regression of the other half."""
    week = (np.arange(len(y)) // 168) % 2
    errors = np.full_like(y, np.nan)
    for own in (0, 1):
        mine = np.broadcast_to((week == own)[:, None], y.shape)
        errors[mine] = (y - x @ solve(x, y, ~mine))[mine]
    return errors


def carried_on(errors: np.ndarray, persistence: float, gain: float) -> np.ndarray:
    """Errors after the present deviation, filtered, is carried on."""
    deviation = np.zeros(len(errors))
    for i in range(1, len(errors)):
        guess = persistence * deviation[i - 1]
        seen = errors[i - 1, 0]
        deviation[i] = guess + (gain * (seen - guess) if np.isfinite(seen) else 0.0)
    return errors - deviation[:, None] * persistence ** LEADS[None, :]


def best_correction(errors: np.ndarray) -> tuple[float, float]:
    """Persistence and gain with the least square error over all leads."""
    grid = [
        (r, g) for r in (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98) for g in (0.05, 0.1, 0.2, 0.4, 0.7)
    ]
    return min(grid, key=lambda pair: float(np.nanmean(carried_on(errors, *pair) ** 2)))


def neighbours(errors: np.ndarray) -> float:
    """Mean correlation of errors one hour of lead apart within one issue."""
    values = []
    for k in range(errors.shape[1] - 1):
        pair = errors[:, k : k + 2]
        pair = pair[np.isfinite(pair).all(axis=1)]
        values.append(np.corrcoef(pair.T)[0, 1])
    return float(np.mean(values))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of all entries that both have."""
    good = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[good], other[good])[0, 1])


def fit_process(variance: np.ndarray, correlation: float) -> ErrorProcess:
    """Process whose variance by lead and neighbour correlation are nearest to the measured ones."""

    def process(p: np.ndarray) -> ErrorProcess:
        r, known = 1 / (1 + np.exp(-p[[0, 3]]))
        sizes = float(np.exp(p[1])), float(np.exp(p[2]))
        return ErrorProcess(min(float(r), 0.999), *sizes, float(known))

    def miss(p: np.ndarray) -> np.ndarray:
        one = process(p)
        relative = one.standard_deviation(LEADS.astype(float)) ** 2 / variance - 1
        between = [one.correlation(float(k)) for k in LEADS[:-1]]
        return np.concatenate(
            [relative / np.sqrt(len(LEADS)), [2 * (np.mean(between) - correlation)]]
        )

    size = np.sqrt(float(np.mean(variance)))
    starts = [
        np.array([r, np.log(0.3 * size), np.log(0.5 * size), known])
        for r in (0.0, 2.0, 4.0)
        for known in (-2.0, 2.0)
    ]
    found = min((least_squares(miss, start) for start in starts), key=lambda one: one.cost)
    return process(found.x)


@dataclass(frozen=True)
class Sunshine:
    """Shares of clear-sky radiation, rows issues and columns leads; NaN at night."""

    came: np.ndarray
    issued: np.ndarray

    @property
    def missed(self) -> np.ndarray:
        """Of the issued forecast."""
        return self.came - self.issued

    @property
    def errors(self) -> SunshineErrors:
        """Fitted to all leads together: they hardly differ."""
        good = np.isfinite(self.missed)
        slope, offset = np.polyfit(self.issued[good], self.came[good], 1)
        left = self.came[good] - offset - slope * self.issued[good]
        process = fit_process(np.nanvar(self.missed, axis=0), neighbours(self.missed))
        fitted = SunshineErrors(process, float(offset), float(slope), float(left.std()))
        return replace(fitted, process=process.scaled(self._widening(fitted)))

    def _widening(self, fitted: SunshineErrors) -> float:
        """Factor on the process that makes up for its forecasts being kept within 0 and 1."""
        came = self.came[:, 0]
        hours, day = np.arange(len(came)), np.isfinite(came)
        paths = [ErrorPath(fitted.process, seed, "sun").error(0, hours)[day] for seed in range(50)]
        truth = np.tile(came[day], len(paths))

        def excess(factor: float) -> float:
            told = fitted.forecast(truth, np.ones_like(truth), factor * np.concatenate(paths))
            return float(np.std(truth - told)) - fitted.spread

        return brentq(excess, 0.5, 4.0, xtol=1e-4)


def sunshine_of(data: pd.DataFrame, weather: Weather) -> Sunshine:
    """Radiation by lead where the hour's clear sky gives light enough to tell clouds."""
    seen = data["global_radiation_observed_W_per_m2"].to_numpy()
    clear = ahead_of(clearest(np.nan_to_num(seen)))
    day = clear > DAYLIGHT_W_per_m2
    clear = np.where(day, clear, np.nan)
    return Sunshine(ahead_of(seen) / clear, weather.radiation / clear)


def common_share(own: ErrorProcess) -> float:
    """Factor on the evolution of the houses' mean that takes their own errors out of it."""
    evolution = read_evolution(EVOLUTION)
    left = np.mean(own.standard_deviation(LEADS.astype(float)) ** 2) / HOUSES
    return float(np.sqrt(1.0 - left / np.mean(evolution.error_variance())))


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("-o", "--out", type=Path, default=TARGET)
    options = parser.parse_args()
    data = pd.read_csv(options.data, parse_dates=["time_utc"])
    hours = data["time_utc"].dt.hour.to_numpy()
    weather = weather_of(data)
    loads = {
        "mean of 16 houses": data["heat_load_mean_of_16_houses_kW"].to_numpy(),
        "one house": data["heat_load_one_house_kW"].to_numpy(),
    }
    mean = {name: float(np.nanmean(load)) for name, load in loads.items()}
    y = {name: ahead_of(load / mean[name]) for name, load in loads.items()}
    district = y["mean of 16 houses"]
    lags = min(
        ((a, b) for a in OUTDOOR_LAGS_H for b in RADIATION_LAGS_H),
        key=lambda pair: float(
            np.nanmean(cross_validated(features(weather, hours, pair), district) ** 2)
        ),
    )
    x = features(weather, hours, lags)
    everything = np.ones(district.shape, dtype=bool)
    c = solve(x, district, everything)
    pairs = tuple((float(a), float(b)) for a, b in zip(c[3::2], c[4::2], strict=True))
    model = LoadModel(float(c[0]), float(c[1]), float(c[2]), lags[0], lags[1], pairs)
    errors, raw = {}, {}
    for name, target in y.items():
        raw[name] = cross_validated(x, target)
        errors[name] = carried_on(raw[name], *best_correction(raw[name]))
    size = {name: np.nanvar(one, axis=0) for name, one in errors.items()}
    own = (size["one house"] - size["mean of 16 houses"]) * HOUSES / (HOUSES - 1)
    outdoor = ahead_of(data["T_ambient_observed_degC"].to_numpy()) - weather.outdoor
    bias_K = float(np.nanmean(outdoor))
    processes = {
        "load_own": fit_process(own, neighbours(errors["one house"])),
        "outdoor_K": fit_process(np.nanvar(outdoor, axis=0), neighbours(outdoor - bias_K)),
    }
    share = common_share(processes["load_own"])
    sun = sunshine_of(data, weather)
    text = text_of(model, share, processes, sun, errors, raw, outdoor, mean, bias_K, len(data))
    options.out.write_text(text, encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


def process_text(one: ErrorProcess) -> str:
    """The lines of one process."""
    return (
        f"persistence = {one.persistence:.5f}\ninnovation = {one.innovation:.5f}\n"
        f"noise = {one.noise:.5f}\nknown = {one.known:.5f}"
    )


def text_of(
    model: LoadModel,
    share: float,
    processes: dict[str, ErrorProcess],
    sun: Sunshine,
    errors: dict[str, np.ndarray],
    raw: dict[str, np.ndarray],
    outdoor: np.ndarray,
    mean: dict[str, float],
    bias_K: float,
    rows: int,
) -> str:
    """The file's text."""
    shown = (1, 3, 6, 12, 24, 36)

    def sizes(one: np.ndarray, factor: float) -> str:
        return ", ".join(f"{factor * np.nanstd(one[:, k - 1]):.2f}" for k in shown)

    lines = [
        "# Load forecast and its errors; made by `python -m benchmarks.tools.fit_heat_load`.",
        "[provenance]",
        'title = "Regression of the heat load of 16 Danish houses on issued weather forecasts"',
        'source = "onlineforecast, DTU Compute and Danish Meteorological Institute '
        '(Bacher et al. 2013, Energy and Buildings 65:101-112); fitted figures only"',
        f'note = "{rows} hours from 15 Dec 2010 to 6 Feb 2011; shares of the mean load; '
        'errors of weeks that the regression had not seen"',
        "",
        "[load]                  # relative to the mean load",
        f"constant = {model.constant:.5f}",
        f"outdoor_per_K = {model.outdoor_per_K:.6f}        # outdoor temperature in degC, lagged",
        f"radiation_per_W_per_m2 = {model.radiation_per_W_per_m2:.7f}",
        f"outdoor_lag_h = {model.outdoor_lag_h:g}",
        f"radiation_lag_h = {model.radiation_lag_h:g}",
        "harmonics = [           # cosine, sine of the hour (UTC): once a day, twice, ...",
        *(f"  [{a:.5f}, {b:.5f}]," for a, b in model.harmonics),
        "]",
        "",
        "[errors.load_common]    # share: without what the 16 houses' own leave in their mean",
        f'evolution = "{EVOLUTION.name}"',
        f"share = {share:.5f}",
        "",
        "# e(v | i) = m(v) - c r^(v - i) m(i) + n(v): persistence r, sizes per hour, known c",
        *(f"[errors.{name}]\n{process_text(one)}\n" for name, one in processes.items()),
        "# shares of clear-sky radiation: clear (offset + slope (truth / clear - e, from 0 to 1))",
        f"[errors.sunshine]\n{process_text(sun.errors.process)}",
        f"offset = {sun.errors.offset:.4f}",
        f"slope = {sun.errors.slope:.4f}",
        f"spread = {sun.errors.spread:.4f}         # standard deviation of what is left",
        "",
        "[measured]              # standard deviation by lead time",
        f"lead_h = [{', '.join(str(k) for k in shown)}]",
    ]
    keys = {"mean of 16 houses": "houses16", "one house": "house1"}
    for name, key in keys.items():
        lines += [
            f"{key}_percent_of_mean = [{sizes(errors[name], 100)}]",
            f"{key}_regression_only_percent = [{sizes(raw[name], 100)}]",
            f"{key}_neighbour_correlation = {neighbours(errors[name]):.3f}",
            f"{key}_mean_load_kW = {mean[name]:.3f}",
        ]
    lines += [
        f"outdoor_K = [{sizes(outdoor, 1)}]",
        f"outdoor_neighbour_correlation = {neighbours(outdoor - bias_K):.3f}",
        f"outdoor_bias_K = {bias_K:.3f}         # observed minus forecast; not part of the errors",
        f"sunshine_percent_of_clear_sky = [{sizes(sun.missed, 100)}]",
        f"sunshine_neighbour_correlation = {neighbours(sun.missed):.3f}",
        f"sunshine_correlation_with_truth = {correlation(sun.issued, sun.came):.3f}",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
