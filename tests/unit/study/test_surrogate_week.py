"""A scenario over the surrogate: the same demands for all arrangements, and bills that add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.building import Building, Flat
from rexdynnet.study.market_settings import Arrangement
from rexdynnet.study.run_settings import ForecastKind
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from rexdynnet.study.surrogate import merit
from rexdynnet.study.surrogate_week import demands_of, pay_week, surrogate_of

MODELS = Path(__file__).parents[3] / "models" / "scenarios"


@pytest.fixture(scope="module")
def day() -> SimulationScenario:
    return replace(read_scenario(MODELS / "destest16_claim.toml"), duration_s=86400.0)


def test_plants_stand_in_the_order_of_what_their_heat_costs(day: SimulationScenario):
    surrogate = surrogate_of(day, Arrangement.SPOT)
    _, price = merit(surrogate, np.array([50e3, 130e3, 330e3]))
    assert price == pytest.approx([60.0 / 0.95, 60.0 / 0.94, 60.0 / 0.925])
    assert 3e3 < surrogate.lost_Wh < 10e3
    assert 0.0 < surrogate.delayed < 0.2


def test_who_foresees_all_is_told_of_every_open_hour_what_will_be_drawn(day: SimulationScenario):
    loop = day.closed_loop
    assert loop is not None
    perfect = replace(loop, forecast=replace(loop.forecast, kind=ForecastKind.PERFECT))
    demands = demands_of(replace(day, closed_loop=perfect), 1)
    assert np.all(demands.truth_Wh.sum(axis=0) > 0.0)
    for issue, known in enumerate(demands.forecast_Wh):
        first = 0 if issue == 0 else issue + 1
        told = slice(first, first + 14)
        assert known[told] == pytest.approx(demands.truth_Wh[told])
        assert not known[:first].any()


def test_arrangements_meet_the_same_demand_and_share_out_the_same_cost(day: SimulationScenario):
    week = pay_week(day, 2, tuple(Arrangement))
    tariff = week[Arrangement.OPERATOR_FORECAST]
    # meters are read in whole Wh
    rounding_EUR = 24 * 0.5 * 60e-6
    assert tariff.paid_EUR == pytest.approx(60.0 * tariff.delivered_MWh, abs=rounding_EUR)
    for paid in week.values():
        assert np.array_equal(paid.delivered_MWh, tariff.delivered_MWh)
    # division into whole micro-euros may leave one per participant in every unit and the true-up
    remainders_EUR = 25 * 16 * 1e-6
    spot, reserved = week[Arrangement.SPOT], week[Arrangement.RESERVATION]
    assert spot.bill_EUR.sum() == pytest.approx(reserved.bill_EUR.sum(), abs=remainders_EUR)
    again = pay_week(day, 2, (Arrangement.RESERVATION,))
    assert np.array_equal(again[Arrangement.RESERVATION].bill_EUR, reserved.bill_EUR)


def test_what_a_surrogate_cannot_stand_for_is_refused(day: SimulationScenario):
    loop = day.closed_loop
    assert loop is not None
    with pytest.raises(InputError, match="no market"):
        demands_of(replace(day, closed_loop=replace(loop, market=None)), 1)
    assert loop.market is not None
    quarter = replace(loop.market, unit_s=900.0, gate_s=900.0)
    with pytest.raises(InputError, match="not one hour"):
        surrogate_of(replace(day, closed_loop=replace(loop, market=quarter)), Arrangement.SPOT)
    flats = (Flat("left", 0.5), Flat("right", 0.5))
    tower = replace(loop.market, buildings=(Building("tower", "substation_3", flats),))
    with pytest.raises(InputError, match="no buildings whose flats trade"):
        surrogate_of(replace(day, closed_loop=replace(loop, market=tower)), Arrangement.SPOT)
