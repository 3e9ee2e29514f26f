"""Sunshine is forecast as well as weather services do, and no better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.simulation.weather import read_reference_year, weather_forcing
from rexdynnet.study.error_process import ErrorProcess
from rexdynnet.study.forecast_error import read_forecast
from rexdynnet.study.run_preview import Forecaster
from rexdynnet.study.run_settings import ForecastKind, ForecastSettings
from rexdynnet.study.run_world import make_forecaster
from rexdynnet.study.scenario import forcing_of, read_scenario
from rexdynnet.study.sunshine import SUN, SunshineErrors, clear_of_year, clearest
from tests.data import ROOT

ERRORS = SunshineErrors(ErrorProcess(0.7, 0.2), 0.25, 0.5, 0.2)
SOLAR = ROOT / "models/scenarios/destest16_producers.toml"


@pytest.fixture(scope="module")
def forecaster() -> Forecaster:
    scenario = replace(read_scenario(SOLAR), duration_s=10 * 86400.0)
    assert scenario.closed_loop is not None
    return make_forecaster(scenario, scenario.closed_loop.forecast, forcing_of(scenario))


def hourly(forecaster: Forecaster, issued_h: int, count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Forecast and truth of hours from an issue on."""
    column = [signal.name for signal in forecaster.truth.signals].index(SUN)
    edges = 3600.0 * (issued_h + np.arange(count + 1, dtype=float))
    told = forecaster.forecast(3600.0 * issued_h, edges)
    return told[:, column], forecaster.means(edges)[:, column]


def test_a_run_does_not_know_tomorrows_sun(forecaster: Forecaster) -> None:
    told, came = hourly(forecaster, 6)
    assert np.abs(told - came).max() > 50.0
    assert (told >= 0).all()
    assert not told[clear_of_year(4, forecaster.truth.start_utc, 30)[6:] == 0].any()


def test_what_is_told_of_an_hour_changes_while_nothing_of_it_is_seen(
    forecaster: Forecaster,
) -> None:
    # measured errors do not shrink with lead time, so neither do these
    early, _ = hourly(forecaster, 0, 36)
    late, _ = hourly(forecaster, 10, 26)
    np.testing.assert_allclose(early[10:], late)


def test_errors_are_as_large_as_the_fit_says(forecaster: Forecaster) -> None:
    sunshine = read_forecast(ROOT / "models/series/heat_load_forecast.toml").errors.sunshine
    assert sunshine is not None
    hours = np.arange(9 * 24)
    clear = clear_of_year(4, forecaster.truth.start_utc, len(hours))
    day = clear > 100.0
    found = []
    for seed in range(30):
        told, came = hourly(replace(forecaster, seed=seed), 0, len(hours))
        found.append(((came - told) / np.where(day, clear, 1.0))[day])
    # these ten days are sunnier than the weeks of the fit, so that its climate is too dark
    assert np.std(np.concatenate(found)) == pytest.approx(sunshine.spread, rel=0.25)


def test_a_perfect_forecast_and_errors_of_no_size_tell_the_truth(forecaster: Forecaster) -> None:
    perfect = replace(forecaster, settings=ForecastSettings(ForecastKind.PERFECT))
    none = replace(forecaster, settings=replace(forecaster.settings, scale=0.0))
    for one in (perfect, none):
        told, came = hourly(one, 6)
        np.testing.assert_allclose(told, came)
    edges = 3600.0 * np.arange(25, dtype=float)
    assert not perfect.sunshine_spread(edges).any()
    assert forecaster.sunshine_spread(edges).max() > 100.0


def test_the_past_is_known(forecaster: Forecaster) -> None:
    edges = 3600.0 * np.arange(31, dtype=float)
    column = [signal.name for signal in forecaster.truth.signals].index(SUN)
    told = forecaster.forecast(20 * 3600.0, edges)[:20, column]
    np.testing.assert_allclose(told, forecaster.means(edges)[:20, column])


def test_without_a_reference_year_the_brightest_days_of_the_truth_stand_for_a_clear_sky(
    forecaster: Forecaster,
) -> None:
    alone = replace(forecaster, clear_W_per_m2=None)
    told, came = hourly(alone, 6)
    assert np.abs(told - came).max() > 20.0
    days = 3600.0 * np.arange(11 * 24 + 1, dtype=float)
    column = [signal.name for signal in alone.truth.signals].index(SUN)
    bright = clearest(alone.means(days)[:, column])[6:30]
    assert not told[bright == 0].any()
    assert (told <= bright).all()


@given(
    st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=24),
    st.floats(-1.0, 1.0),
    st.floats(0.0, 3.0),
)
def test_forecasts_are_never_negative_and_dark_hours_stay_dark(
    came: list[float], missed: float, scale: float
) -> None:
    truth = np.array(came)
    clear = np.where(truth > 100.0, truth + 50.0, 0.0)
    told = ERRORS.scaled(scale).forecast(truth, clear, np.full(len(truth), missed))
    assert (told >= 0).all()
    np.testing.assert_array_equal(told[clear == 0], truth[clear == 0])


@given(st.lists(st.floats(0.0, 1000.0), min_size=1, max_size=100))
def test_the_clearest_hour_is_no_darker_than_any_of_its_fortnight(values: list[float]) -> None:
    series = np.array(values)
    most = clearest(series)
    assert (most >= series).all()
    assert set(most) <= {*values, 0.0}


def test_clear_sky_of_a_year_bounds_its_radiation_whenever_a_run_starts() -> None:
    year = read_reference_year(4)
    for start in (datetime(2027, 12, 31, 20, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)):
        laid = weather_forcing(year, start, 48 * 3600.0)
        column = [signal.name for signal in laid.signals].index(SUN)
        clear = clear_of_year(4, start, 48)
        assert (clear >= laid.values[:48, column]).all()
        shifted = clear_of_year(4, start + timedelta(minutes=20), 47)
        np.testing.assert_array_equal(shifted, clear[:47])


@pytest.mark.parametrize("field", ["spread", "scale"])
def test_negative_sizes_are_refused(field: str) -> None:
    with pytest.raises(InputError, match="from 0 up"):
        replace(ERRORS, **{field: -0.1})
