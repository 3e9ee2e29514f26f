"""Generated load forecasts are as wrong as those of the measured houses."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rexdynnet.network.entries import read_toml
from rexdynnet.study.error_process import ErrorPath
from rexdynnet.study.forecast_error import read_forecast
from rexdynnet.study.sunshine import clearest
from tests.data import ROOT, needs_validation, validation

FILE = ROOT / "models/series/heat_load_forecast.toml"


def measured(key: str) -> np.ndarray:
    document = read_toml(FILE, [])
    assert document is not None
    return np.array(document.values["measured"][key], dtype=float)


def test_errors_of_a_district_of_16_houses_are_as_large_as_measured() -> None:
    errors = read_forecast(FILE).errors
    lead = measured("lead_h")
    own = errors.load_own.standard_deviation(lead) / 4.0
    district = np.hypot(errors.load_common.standard_deviation(lead), own)
    np.testing.assert_allclose(100 * district, measured("houses16_percent_of_mean"), rtol=0.1)


def test_errors_of_one_house_are_as_large_as_measured() -> None:
    errors = read_forecast(FILE).errors
    lead = measured("lead_h")
    own, common = errors.load_own, errors.load_common
    house = np.hypot(common.standard_deviation(lead), own.standard_deviation(lead))
    np.testing.assert_allclose(100 * house, measured("house1_percent_of_mean"), rtol=0.1)


@pytest.mark.slow
@needs_validation
def test_the_shipped_figures_are_those_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmarks.tools import fit_heat_load

    made = tmp_path / "made.toml"
    shutil.copy(FILE.with_name("heat_load_evolution.toml"), tmp_path)
    data = validation("heat_load", "houses_2010_2011.csv")
    monkeypatch.setattr(sys, "argv", ["fit", str(data), "-o", str(made)])
    fit_heat_load.main()
    ours, anew = read_forecast(FILE), read_forecast(made)
    assert anew.load.outdoor_per_K == pytest.approx(ours.load.outdoor_per_K, rel=1e-3)
    lead = measured("lead_h")
    for one, other in (
        (anew.errors.load_common, ours.errors.load_common),
        (anew.errors.load_own, ours.errors.load_own),
    ):
        found = one.standard_deviation(lead)
        np.testing.assert_allclose(found, other.standard_deviation(lead), rtol=1e-2)


def test_outdoor_forecasts_are_as_wrong_as_the_weather_services() -> None:
    outdoor = read_forecast(FILE).errors.outdoor
    lead = measured("lead_h")
    np.testing.assert_allclose(outdoor.standard_deviation(lead), measured("outdoor_K"), rtol=0.1)
    between = np.mean([outdoor.correlation(float(k)) for k in range(1, 36)])
    assert between == pytest.approx(float(measured("outdoor_neighbour_correlation")), abs=0.02)


def test_a_districts_errors_hang_together_from_hour_to_hour_as_measured() -> None:
    errors = read_forecast(FILE).errors
    leads = np.arange(36)
    found = []
    for seed in range(20):
        common = errors.common_path(seed, "district", None)
        houses = [ErrorPath(errors.load_own, seed, f"house {i}") for i in range(16)]
        for issue in range(1, 300, 7):
            hours = issue + leads
            own = np.mean([house.error(issue, hours) for house in houses], axis=0)
            found.append(common.error(issue, hours) + own)
    correlation = np.corrcoef(np.array(found).T)
    assert np.mean(np.diag(correlation, 1)) == pytest.approx(
        float(measured("houses16_neighbour_correlation")), abs=0.05
    )


@needs_validation
def test_sunshine_is_foreseen_as_well_and_as_badly_as_it_was() -> None:
    data = pd.read_csv(validation("heat_load", "houses_2010_2011.csv"), parse_dates=["time_utc"])
    came = np.nan_to_num(data["global_radiation_observed_W_per_m2"].to_numpy())
    clear = clearest(came)
    day = clear > 20.0
    sunshine = read_forecast(FILE).errors.sunshine
    assert sunshine is not None
    told, issued = [], []
    for seed in range(20):
        missed = ErrorPath(sunshine.process, seed, "sun").error(0, np.arange(len(came)))
        told.append((came - sunshine.forecast(came, clear, missed))[day] / clear[day])
        issued.append(np.clip(came / np.where(day, clear, 1.0) - missed, 0.0, 1.0)[day])
    assert abs(np.mean(told)) < 0.03
    assert np.std(told) == pytest.approx(sunshine.spread, rel=0.03)
    truth = np.tile(came[day] / clear[day], 20)
    together = np.corrcoef(np.concatenate(issued), truth)[0, 1]
    assert together == pytest.approx(float(measured("sunshine_correlation_with_truth")), abs=0.08)
