"""The surrogate's costs agree with its prices, and its weeks repeat and add up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.setup import MechanismKind
from rexdynnet.study.surrogate import Surrogate, draw_demands, merit, plant_load_Wh, trade_week

SMALL = Surrogate(participants=4, hours=36, mean_Wh=50e3)


def test_the_price_is_the_slope_of_the_cost():
    load = np.linspace(1e3, 600e3, 57)
    _, price = merit(SMALL, load)
    above, below = merit(SMALL, load + 0.5)[0], merit(SMALL, load - 0.5)[0]
    assert (above - below) * 1e6 == pytest.approx(price, rel=1e-4)


def test_delay_moves_heat_and_loses_only_the_stated_losses():
    heat = np.array([1.0, 5.0, 2.0, 2.0]) * 1e5
    heat[0] = heat[-1]
    load = plant_load_Wh(SMALL, heat)
    assert load.sum() == pytest.approx(heat.sum() + 4 * SMALL.lost_Wh)


@pytest.mark.parametrize("mechanism", list(MechanismKind))
def test_bills_pay_exactly_what_heat_cost_and_losses_leave_with_the_network(mechanism):
    demands = draw_demands(SMALL, 3)
    week = trade_week(replace(SMALL, mechanism=mechanism), demands)
    loads = plant_load_Wh(SMALL, demands.truth_Wh.sum(axis=1))
    cost, price = merit(SMALL, loads)
    losses = SMALL.lost_Wh * price.sum() * 1e-6
    assert week.bill_EUR.sum() == pytest.approx(cost.sum() - losses, abs=1e-2)


def test_the_same_seed_gives_the_same_bills():
    weeks = [trade_week(SMALL, draw_demands(SMALL, 5)) for _ in range(2)]
    assert weeks[0].bill_EUR.tobytes() == weeks[1].bill_EUR.tobytes()


def test_revisions_of_the_forecast_have_no_drift():
    found = [draw_demands(SMALL, seed) for seed in range(100)]
    last = np.mean([(d.truth_Wh - d.forecast_Wh[-1]).mean() for d in found])
    spread = np.std([(d.truth_Wh - d.forecast_Wh[-1]).mean() for d in found]) / 10.0
    assert abs(last) < 4.0 * spread


def test_a_window_shorter_than_a_cycle_is_refused():
    with pytest.raises(InputError, match="window"):
        Surrogate(window=3, cycle=6)


def test_in_a_continuous_auction_it_pays_to_come_first():
    auction = replace(SMALL, mechanism=MechanismKind.CONTINUOUS)
    gains = []
    for seed in range(5):
        demands = draw_demands(auction, seed)
        last, first = (trade_week(auction, demands, first=who).bill_EUR[0] for who in (1, 0))
        gains.append(last - first)
    assert min(gains) > 0


def test_in_a_call_it_does_not_matter_who_comes_first():
    auction = replace(SMALL, mechanism=MechanismKind.CALL)
    demands = draw_demands(auction, 2)
    weeks = [trade_week(auction, demands, first=who) for who in (0, 3)]
    assert weeks[0].bill_EUR == pytest.approx(weeks[1].bill_EUR, abs=1e-3)
