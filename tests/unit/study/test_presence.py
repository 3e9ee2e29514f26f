"""Absences: how often, how long, whose, and who knows of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import InputError
from rexdynnet.study.presence import Presence, shares_of
from rexdynnet.study.run_preview import Forecaster
from rexdynnet.study.run_settings import ForecastKind
from rexdynnet.study.run_world import make_world
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_claim.toml"
HOURS = np.arange(24 * 365)
AWAY = Presence(0.1, 48.0, 0.4)


def paths(count: int, seed: int = 3) -> np.ndarray:
    return np.stack([AWAY.share(seed, f"house_{i}", HOURS) for i in range(count)])


def test_absences_are_as_frequent_and_as_long_as_asked() -> None:
    away = paths(60) < 1.0
    assert away.mean() == pytest.approx(0.1, abs=0.01)
    assert away[:, 0].mean() == pytest.approx(0.1, abs=0.12)
    lengths = [len(list(run)) for row in away for gone, run in groupby(row) if gone]
    assert np.mean(lengths) == pytest.approx(48.0, rel=0.08)
    assert paths(1).min() == 0.4


def test_absences_of_one_say_nothing_of_another_and_a_longer_run_changes_nothing() -> None:
    table = paths(60)
    apart = np.corrcoef(table)[np.triu_indices(60, 1)]
    assert abs(apart.mean()) < 0.01
    np.testing.assert_array_equal(AWAY.share(3, "house_0", HOURS[:100]), table[0, :100])
    assert not np.array_equal(AWAY.share(4, "house_0", HOURS), table[0])


def with_perfect_forecasts() -> SimulationScenario:
    whole = read_scenario(FILE)
    assert whole.closed_loop is not None
    loop = whole.closed_loop
    forecast = replace(loop.forecast, kind=ForecastKind.PERFECT)
    control = replace(loop.control, kind=ControllerKind.BASELINE)
    return replace(whole, closed_loop=replace(loop, forecast=forecast, control=control))


def test_prosumers_foresee_their_absences_and_the_operator_expects_them_on_average() -> None:
    scenario = with_perfect_forecasts()
    assert scenario.closed_loop is not None
    assert scenario.demand is not None
    truth = make_world(scenario, scenario.closed_loop).truth
    presence = scenario.demand.presence
    assert presence is not None
    settings = scenario.closed_loop.forecast
    own = Forecaster(scenario.network, truth, settings, scenario.seed, None, presence)
    edges = 3600.0 * np.arange(24.0 * 7 + 1)
    columns = [i for i, s in enumerate(truth.signals) if s.quantity == "heat_demand"]
    names = [truth.signals[i].component for i in columns]
    seen = own.forecast(0.0, edges)[:, columns]
    told = own.of_operator.forecast(0.0, edges)[:, columns]
    shares = shares_of(presence, scenario.seed, names, edges[:-1])
    assert shares.min() == presence.remaining_share
    np.testing.assert_allclose(told / presence.expected_share, seen / shares, rtol=1e-9)
    everybody = replace(scenario, demand=replace(scenario.demand, presence=None))
    at_home = make_world(everybody, scenario.closed_loop).truth
    full = Forecaster(scenario.network, at_home, settings, scenario.seed).forecast(0.0, edges)
    np.testing.assert_allclose(seen, full[:, columns] * shares, rtol=1e-9)


@pytest.mark.parametrize(
    "figures", [(-0.1, 48.0, 0.5), (1.0, 48.0, 0.5), (0.1, 0.5, 0.5), (0.1, 48.0, 0.0)]
)
def test_absences_that_cannot_be_are_refused(figures: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="cannot be"):
        Presence(*figures)


def test_a_building_is_away_as_far_as_its_flats_are() -> None:
    shares = {"left": 0.25, "right": 0.75}
    tower = replace(AWAY, flats={"tower": shares})
    parts = tower.parts(3, "tower", shares, HOURS)
    np.testing.assert_allclose(tower.share(3, "tower", HOURS), parts.sum(axis=1))
    np.testing.assert_array_equal(parts[:, 0], 0.25 * AWAY.share(3, "tower/left", HOURS))
    np.testing.assert_array_equal(tower.share(3, "house", HOURS), AWAY.share(3, "house", HOURS))


def test_flats_that_are_absent_one_by_one_spread_like_independent_draws() -> None:
    shares = {f"flat_{number}": 1.0 / 40 for number in range(40)}
    tower = replace(AWAY, flats={"tower": shares}).share(3, "tower", HOURS)
    # a share of 0.6 with chance 0.1, 40 times
    assert tower.std() == pytest.approx(0.6 * 0.3 / 40**0.5, rel=0.2)
    assert tower.mean() == pytest.approx(AWAY.expected_share, abs=0.01)
