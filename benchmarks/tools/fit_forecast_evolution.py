"""Fit the forecast evolution of models/series/heat_load_evolution.toml to measured heat loads.

    python -m benchmarks.tools.fit_forecast_evolution [CSV] [-o TOML]

Forecasts of the mean load of 16 houses are issued every hour as a forecaster of the time would
have done: a regression on the weather forecasts as issued, on the hour and on days off, learnt
from the past alone by recursive least squares that forgets, plus the present deviation carried
on. The evolution is fitted to the first two thirds (its hyperparameters too) and checked on the
last third. Only figures are written; the data are not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.tools.fit_heat_load import (
    DATA,
    HARMONICS,
    LEADS,
    ahead_of,
    best_correction,
    carried_on,
    features,
    weather_of,
)
from rexdynnet.market.forecast import ForecastEvolution, RevisionLaw
from rexdynnet.market.forecast_fit import VarianceCheck, error_check, fit_evolution, revision_check
from rexdynnet.market.martingale import MartingaleTest, foreseen_revisions, mincer_zarnowitz

TARGET = Path("models/series/heat_load_evolution.toml")
CYCLE_H = 6
# Hours of learning before the first forecast that counts.
LEARNING_H = 240
OUTDOOR_LAGS_H = (6.0, 12.0, 24.0)
RADIATION_LAGS_H = (2.0, 4.0, 8.0)
FORGETTING = (0.993, 0.995, 0.997, 0.998, 0.999)
# Christmas, New Year's Eve and New Year's Day, Denmark.
DAYS_OFF = ("2010-12-24", "2010-12-25", "2010-12-26", "2010-12-31", "2011-01-01")
TESTED_H = (0, 1, 3, 6, 9, 12, 18, 23)
TRUTHS_H = (1, 3, 6, 12, 24, 36)


@dataclass(frozen=True)
class Issues:
    """Forecasts as issued: column 0 is the truth, column k of the hour k later."""

    issued: np.ndarray
    hour: np.ndarray
    radiation: np.ndarray
    settings: dict[str, float]
    split: int

    @property
    def early(self) -> np.ndarray:
        """Of the first two thirds; issues that are checked against truths among them."""
        return self.issued[LEARNING_H : self.split]

    @property
    def late(self) -> np.ndarray:
        """Of the last third."""
        return self.issued[self.split :]


@dataclass(frozen=True)
class Evidence:
    """What the fit shows."""

    issues: Issues
    evolution: ForecastEvolution
    errors: VarianceCheck
    revisions: VarianceCheck
    foreseen: tuple[MartingaleTest, ...]
    truths: tuple[MartingaleTest, ...]


def days_off(times: pd.Series) -> np.ndarray:
    """1 where the hour at each lead lies in a weekend or holiday."""
    found = []
    for lead in LEADS:
        middle = times + pd.Timedelta(minutes=60 * int(lead) - 30)
        weekend = middle.dt.dayofweek >= 5
        found.append(weekend | middle.dt.strftime("%Y-%m-%d").isin(DAYS_OFF))
    return np.stack(found, axis=1).astype(float)


def regressors(data: pd.DataFrame, lags: tuple[float, float]) -> np.ndarray:
    """Regressors of each issue and lead, shape (n, 36, p); column 2 is the lagged radiation."""
    hours = data["time_utc"].dt.hour.to_numpy()
    common = features(weather_of(data), hours, lags)
    off = days_off(data["time_utc"])
    angle = 2 * np.pi * ((hours[:, None] + LEADS) % 24) / 24
    waves = [w(m * angle) for m in range(1, HARMONICS + 1) for w in (np.cos, np.sin)]
    return np.concatenate([common, np.stack([off, *(off * w for w in waves)], axis=2)], axis=2)


def learnt(x: np.ndarray, load: np.ndarray, forgetting: float) -> np.ndarray:
    """Forecast of each issue by what the past alone taught, NaN while learning."""
    count, leads, width = x.shape
    ridge = 1e-3 * np.eye(width)
    normal, right = ridge.copy(), np.zeros(width)
    out = np.full((count, leads), np.nan)
    lead = np.arange(leads)
    for i in range(count):
        normal = forgetting * normal + (1 - forgetting) * ridge
        right = forgetting * right
        issue = i - 1 - lead
        seen = x[issue[issue >= 0], lead[issue >= 0]]
        normal += seen.T @ seen / leads
        right += seen.sum(axis=0) * load[i] / leads
        if i >= LEARNING_H:
            out[i] = x[i] @ np.linalg.solve(normal, right)
    return out


def issue(data: pd.DataFrame) -> Issues:
    """Issue a forecast every hour; what is chosen is chosen on the first two thirds."""
    load = data["heat_load_mean_of_16_houses_kW"].to_numpy()
    split = 2 * len(load) // 3
    relative = load / np.nanmean(load[:split])
    truth = ahead_of(relative)
    known = np.arange(len(load))[:, None] + LEADS < split
    best: tuple[float, Issues] | None = None
    for outdoor in OUTDOOR_LAGS_H:
        for radiation in RADIATION_LAGS_H:
            x = regressors(data, (outdoor, radiation))
            for forgetting in FORGETTING:
                missed = truth - learnt(x, relative, forgetting)
                fitted = np.where(known, missed, np.nan)[LEARNING_H:]
                persistence, gain = best_correction(fitted)
                errors = np.full_like(missed, np.nan)
                errors[LEARNING_H:] = carried_on(missed[LEARNING_H:], persistence, gain)
                square = float(np.nanmean(errors[known] ** 2))
                if best is None or square < best[0]:
                    best = (
                        square,
                        issues_of(
                            data,
                            relative,
                            truth - errors,
                            x,
                            split,
                            {
                                "outdoor_lag_h": outdoor,
                                "radiation_lag_h": radiation,
                                "forgetting_per_h": forgetting,
                                "deviation_persistence": persistence,
                                "deviation_gain": gain,
                            },
                        ),
                    )
    if best is None:
        raise ValueError("there is no forecast to choose from")
    return best[1]


def issues_of(
    data: pd.DataFrame,
    load: np.ndarray,
    forecast: np.ndarray,
    x: np.ndarray,
    split: int,
    settings: dict[str, float],
) -> Issues:
    """Put truth, forecasts and what they were told of the sun together."""
    sun = x[:, :, 2]
    now = np.concatenate([[sun[0, 0]], sun[:-1, 0]])
    return Issues(
        np.column_stack([load, forecast]),
        data["time_utc"].dt.hour.to_numpy(),
        np.column_stack([now, sun[:, :-1]]),
        settings,
        split,
    )


def evidence_of(issues: Issues) -> Evidence:
    """Fit to the first two thirds, check on the last, test the martingale on the first."""
    early, span = issues.early, slice(LEARNING_H, issues.split)
    evolution = fit_evolution(early, issues.hour[span], issues.radiation[span], cycle_h=CYCLE_H)
    sun = float(np.mean(issues.radiation[issues.split :]))
    return Evidence(
        issues,
        evolution,
        error_check(evolution, issues.late, sun),
        revision_check(evolution, issues.late, sun),
        tuple(foreseen_revisions(early, lead, (1, CYCLE_H, 2 * CYCLE_H)) for lead in TESTED_H),
        tuple(mincer_zarnowitz(early, lead) for lead in TRUTHS_H),
    )


def read(path: Path) -> pd.DataFrame:
    """Measured loads and the weather forecasts issued for them."""
    return pd.read_csv(path, parse_dates=["time_utc"])


def main() -> None:
    """Fit, show the evidence and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, default=DATA)
    parser.add_argument("-o", "--out", type=Path, default=TARGET)
    options = parser.parse_args()
    evidence = evidence_of(issue(read(options.data)))
    options.out.write_text(text_of(evidence), encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


def text_of(evidence: Evidence) -> str:
    """The file's text."""
    law, issues = evidence.evolution, evidence.issues
    inside = int(evidence.errors.inside.sum()), int(evidence.revisions.inside.sum())
    lines = [
        "# Forecast evolution; made by `python -m benchmarks.tools.fit_forecast_evolution`.",
        "[provenance]",
        'title = "How hourly forecasts of the heat load of 16 Danish houses evolve"',
        'source = "onlineforecast, DTU Compute and Danish Meteorological Institute '
        '(Bacher et al. 2013, Energy and Buildings 65:101-112); fitted figures only"',
        f'note = "fitted to hours {LEARNING_H} to {issues.split} of {len(issues.issued)} from '
        f'15 Dec 2010 on, checked on the others; shares of the mean load"',
        "",
        "[forecaster]            # chosen on the fitted hours",
        *(f"{name} = {value:g}" for name, value in issues.settings.items()),
        "",
        "[evolution]             # leads 0 to 35 h; shares of the mean load",
        f"size = {law.size:.5f}",
        f"usual = {law.usual:.3f}          # lagged global radiation, W/m2",
        f"cycle = {_row(law.cycle, 3)}",
        f"jump = {_law(law.jump)}",
        f"later = {_law(law.later)}",
        f"response = {_row(law.response, 4)}",
        f"own = {_row(law.own, 5)}",
        "loadings = [",
        *(f"  {_row(row, 5)}," for row in law.loadings),
        "]",
        "",
        "[later_third]           # variances; 90 % block bootstrap, blocks of a day",
        f"error_leads_inside = {inside[0]}",
        f"revision_leads_inside = {inside[1]}",
    ]
    for name, check in (("error", evidence.errors), ("revision", evidence.revisions)):
        lines.append(f"{name}_lead_h = [{', '.join(str(k) for k in check.lead_h)}]")
        for key in ("fitted", "measured", "low", "high"):
            lines.append(f"{name}_{key} = {_row(getattr(check, key), 6)}")
    for name, tests, what in (
        ("foreseen", evidence.foreseen, "constant, revision 1, 6, 12 h before, level"),
        ("mincer_zarnowitz", evidence.truths, "intercept at the mean, slope"),
    ):
        lines += ["", f"# coefficients: {what}"]
        for test in tests:
            lines += [
                f"[[{name}]]",
                f"lead_h = {test.lead_h}",
                f"coefficients = {_row(test.coefficients, 5)}",
                f"errors = {_row(test.errors, 5)}",
                f"statistic = {test.statistic:.2f}",
                f"p_value = {test.p_value:.3g}",
                f"count = {test.count}",
            ]
    return "\n".join(lines) + "\n"


def _row(values: Iterable[float], digits: int) -> str:
    return f"[{', '.join(f'{value:.{digits}f}' for value in values)}]"


def _law(law: RevisionLaw) -> str:
    carry = ", ".join(f"[{lag}, {share:.5f}]" for lag, share in law.carry)
    return f"{{ bias = {law.bias:.6f}, carry = [{carry}], growth = {law.growth:.6f} }}"


if __name__ == "__main__":
    main()
