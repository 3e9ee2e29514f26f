"""Loads that follow the fitted regression, and forecasts of them on issued weather."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.entries import read_toml
from rexdynnet.simulation.weather import read_reference_year, weather_forcing
from rexdynnet.study.error_process import ErrorPath
from rexdynnet.study.fitted_load import fitted_forcing, mean_loads, without_weather
from rexdynnet.study.forecast_error import read_forecast
from rexdynnet.study.run_preview import Forecaster, schedule_from_forecast
from rexdynnet.study.run_world import make_world
from rexdynnet.study.scenario import (
    SimulationScenario,
    fitted_loads,
    forcing_of,
    read_scenario,
)
from rexdynnet.timeline import parse_utc
from tests.data import ROOT

FIGURES = ROOT / "models/series/heat_load_forecast.toml"
FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"
START = parse_utc("2027-01-14T23:00Z")
HOUR_S = 3600.0


@pytest.fixture(scope="module")
def fitted():
    return read_forecast(FIGURES)


def by_hand(model, outdoor_K, radiation, first_hour: int):
    """The regression written out once more."""
    cold, sunny, out = outdoor_K[0] - 273.15, radiation[0], []
    for i in range(len(outdoor_K)):
        share = np.exp(-1 / model.outdoor_lag_h)
        cold = share * cold + (1 - share) * (outdoor_K[i] - 273.15)
        share = np.exp(-1 / model.radiation_lag_h)
        sunny = share * sunny + (1 - share) * radiation[i]
        angle = 2 * np.pi * (first_hour + 1 + i) / 24
        daily = sum(
            a * np.cos(n * angle) + b * np.sin(n * angle)
            for n, (a, b) in enumerate(model.harmonics, start=1)
        )
        out.append(
            model.constant
            + model.outdoor_per_K * cold
            + model.radiation_per_W_per_m2 * sunny
            + daily
        )
    return np.array(out)


def weather(days_before: int, hours: int) -> tuple[np.ndarray, np.ndarray]:
    begin = START - days_before * (parse_utc("2027-01-02") - parse_utc("2027-01-01"))
    series = weather_forcing(read_reference_year(4), begin, (24 * days_before + hours) * HOUR_S)
    outdoor = series.values[:, 0]
    return 0.5 * (outdoor[1:] + outdoor[:-1]), series.values[:-1, 1]


def test_without_deviations_a_load_is_the_regression_on_the_weather(fitted) -> None:
    calm = replace(fitted, errors=fitted.errors.scaled(0.0))
    heat = {"a": 3.6e10, "b": 7.2e10}
    found = fitted_forcing(calm, heat, 4, START, 48 * HOUR_S, seed=1)
    relative = by_hand(fitted.load, *weather(5, 48), first_hour=23)[-48:]
    scale = mean_loads(fitted, heat, 4).mean_W
    np.testing.assert_allclose(found.values[:48, 0], scale["a"] * relative, rtol=1e-9)
    np.testing.assert_allclose(found.values[:, 1], 2 * found.values[:, 0])


def test_a_year_of_the_regression_needs_the_annual_heat(fitted) -> None:
    calm = replace(fitted, errors=fitted.errors.scaled(0.0))
    begin = parse_utc("2026-12-31T23:00Z")
    found = fitted_forcing(calm, {"a": 1e11}, 4, begin, 8760 * HOUR_S, seed=1)
    assert found.values[:-1, 0].sum() * HOUR_S == pytest.approx(1e11, rel=2e-3)
    assert found.values.min() >= 0


def long(seed: int, fitted) -> SimulationScenario:
    whole = read_scenario(FILE)
    assert whole.demand is not None
    demand = replace(whole.demand, fitted=fitted)
    return replace(whole, demand=demand, duration_s=14 * 24 * HOUR_S, seed=seed)


def forecaster_of(scenario: SimulationScenario) -> Forecaster:
    assert scenario.closed_loop is not None
    truth = make_world(scenario, scenario.closed_loop).truth
    forecast = scenario.closed_loop.forecast
    return Forecaster(scenario.network, truth, forecast, scenario.seed, fitted_loads(scenario))


def test_a_forecast_is_the_regression_on_the_issued_weather_and_what_is_known(fitted) -> None:
    scenario = long(3, fitted)
    loads = fitted_loads(scenario)
    assert loads is not None
    forecaster = forecaster_of(scenario)
    issue, ahead = 30, 24
    found = forecaster.forecast(issue * HOUR_S, HOUR_S * (issue + np.arange(ahead + 1)))
    names = [signal.name for signal in forecaster.truth.signals]
    hours = issue + np.arange(ahead)
    errors = without_weather(fitted.errors, fitted.load)
    paths = (
        errors.common_path(3, "district", scenario.start_utc),
        ErrorPath(errors.load_own, 3, "substation_1"),
    )
    known = 0.0
    for path in paths:
        known = known + path.deviation(hours) - path.error(issue, hours)
    # the weather as issued: the truth up to the issue, then the service's forecast
    begin = scenario.start_utc
    series = weather_forcing(
        read_reference_year(4),
        begin - 5 * (parse_utc("2027-01-02") - parse_utc("2027-01-01")),
        (120 + 60) * HOUR_S,
    ).values
    outdoor = 0.5 * (series[1:, 0] + series[:-1, 0])
    missed = ErrorPath(fitted.errors.outdoor, 3, "outdoor").error(issue, hours)
    outdoor[120 + hours] -= missed
    relative = by_hand(fitted.load, outdoor, series[:-1, 1], first_hour=23)[120 + hours]
    expected = loads.mean_W["substation_1"] * (relative + known)
    column = names.index("substation_1.heat_demand")
    np.testing.assert_allclose(found[:, column], expected, rtol=1e-6)


def test_forecasts_are_as_wrong_as_those_of_the_measured_houses(fitted) -> None:
    document = read_toml(FIGURES, [])
    assert document is not None
    measured = document.values["measured"]
    district, house = [], []
    for seed in range(1, 17):
        scenario = long(seed, fitted)
        forecaster = forecaster_of(scenario)
        names = [signal.name for signal in forecaster.truth.signals]
        columns = [i for i, name in enumerate(names) if name.endswith("heat_demand")]
        mean_W = next(iter(forecaster.fitted.mean_W.values())) if forecaster.fitted else np.nan
        for issue in range(0, 12 * 24, 7):
            edges = HOUR_S * (issue + np.arange(37))
            missed = forecaster.means(edges) - forecaster.forecast(edges[0], edges)
            share = missed[:, columns] / mean_W
            district.append(share.mean(axis=1))
            house.append(share[:, 0])
    for key, errors in (("houses16", district), ("house1", house)):
        sizes = 100 * np.std(errors, axis=0)[np.array(measured["lead_h"]) - 1]
        np.testing.assert_allclose(sizes, measured[f"{key}_percent_of_mean"], rtol=0.15)


def test_the_shipped_run_commits_what_the_regression_foresaw() -> None:
    scenario = read_scenario(FILE)
    assert scenario.demand is not None
    assert scenario.demand.fitted is not None
    forecaster = forecaster_of(scenario)
    day = schedule_from_forecast(forecaster, scenario.start_utc, 86400.0, HOUR_S, 6 * HOUR_S)
    calm = replace(scenario.demand.fitted, errors=scenario.demand.fitted.errors.scaled(0.0))
    plain = forcing_of(replace(scenario, demand=replace(scenario.demand, fitted=calm)))
    loads = plain.pick(s for s in plain.signals if s.quantity == "heat_demand")
    expected = loads.values[:24].sum(axis=1)
    # 6 to 7 h ahead a forecast adds some percent of the present deviation to the regression
    total = day.energy_J.sum(axis=1) / HOUR_S
    assert np.corrcoef(total, expected)[0, 1] > 0.8
    np.testing.assert_allclose(total, expected, rtol=0.2)


def write(folder: Path, demand: str, start: str = "2027-02-14T23:00:00Z") -> Path:
    text = FILE.read_text(encoding="utf-8")
    head, _, rest = text.partition("[demand]")
    text = head + demand + rest[rest.index("[control]") :]
    text = text.replace("2027-02-14T23:00:00Z", start).replace('"../', f'"{ROOT}/models/')
    file = folder / "case.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("demand", "said"),
    [
        ('[demand]\nfitted = "../series/heat_load_forecast.toml"\nwindy = true\n', "windy"),
        (
            '[demand]\nfitted = "../series/heat_load_forecast.toml"\n'
            "[demand.diversity]\nshift_s = 0.0\n",
            "diversity",
        ),
        (
            '[demand]\nfitted = "../series/heat_load_forecast.toml"\n'
            "[demand.substations.substation_1]\nwindy = true\n",
            "substations.substation_1.windy",
        ),
    ],
)  # fmt: skip
def test_a_fitted_load_has_no_standard_profile(tmp_path: Path, demand: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_scenario(write(tmp_path, demand))
    assert "keep one of them" in str(caught.value)


def test_a_missing_file_of_figures_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing_here"):
        read_scenario(write(tmp_path, '[demand]\nfitted = "nothing_here.toml"\n'))


def test_a_fitted_load_starts_on_a_full_hour(tmp_path: Path) -> None:
    demand = '[demand]\nfitted = "../series/heat_load_forecast.toml"\n'
    scenario = read_scenario(write(tmp_path, demand, "2027-02-14T23:20:00Z"))
    with pytest.raises(InputError, match="start it on a full hour"):
        forcing_of(scenario)


def test_another_substation_changes_nobody_elses_load(fitted) -> None:
    one = fitted_forcing(fitted, {"a": 1e11}, 4, START, 24 * HOUR_S, seed=5)
    two = fitted_forcing(fitted, {"b": 1e11, "a": 1e11}, 4, START, 48 * HOUR_S, seed=5)
    np.testing.assert_array_equal(one.values[:24, 0], two.values[:24, 1])
    assert not np.allclose(two.values[:, 0], two.values[:, 1])
