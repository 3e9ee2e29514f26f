"""Policies reserve what their description says, against independent minimisation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import ndtri

from rexdynnet.errors import InputError
from rexdynnet.market.contracts import Flow
from rexdynnet.market.hedging import Hedging, least_risk
from rexdynnet.market.policies import Policy
from rexdynnet.market.prosumer import Prosumer, begin, orders
from rexdynnet.market.settle import Terms
from rexdynnet.market.strategies import LastInstant, Resale, Scaled
from tests.unit.market.small_market import UNITS, open_market


def reserved(policy: Policy, spread_Wh: float = 0.0) -> list[int]:
    """Lots held in each open unit after one decision on a forecast of 10 lots."""
    exchange, anna = open_market(), Prosumer("anna", "a", policy)
    mean = np.full(UNITS, 1000.0)
    found, _ = orders(exchange, anna, begin(anna), mean, np.full(UNITS, spread_Wh), Terms())
    for order in found:
        assert exchange.place(order).refusal is None
    first = exchange.rules.first_open(0.0)
    return [exchange.position("anna", "a", first + at)[Flow.EJECTION] for at in range(UNITS)]


@pytest.mark.parametrize("level", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("costs", [(3.0, 1.0), (1.0, 4.0)])
def test_the_hedge_has_the_least_risk_of_all_reservations(costs, level):
    short, long = costs
    z = ndtri((np.arange(20_000) + 0.5) / 20_000)

    def risk(r):
        worst = np.sort(short * np.maximum(z - r, 0) + long * np.maximum(r - z, 0))
        return worst[int(level * len(worst)) :].mean()

    found = minimize_scalar(risk, bounds=(-3, 3), method="bounded")
    assert least_risk(short, long, level) == pytest.approx(found.x, abs=0.01)


def test_who_expects_dear_heat_reserves_more_than_the_forecast_and_less_if_cheap():
    assert min(reserved(Hedging(90.0), 200.0)) > 10 > max(reserved(Hedging(30.0), 200.0))


def test_strategies_reserve_what_they_are_named_for():
    assert reserved(Scaled(0.5)) == [5] * UNITS
    assert reserved(Scaled(1.5)) == [15] * UNITS
    assert reserved(LastInstant(2)) == [10, 10] + [0] * (UNITS - 2)
    assert reserved(Resale(3.0, back=1)) == [10] + [30] * (UNITS - 1)


@pytest.mark.parametrize(
    "make",
    [lambda: Scaled(-1.0), lambda: LastInstant(0), lambda: Resale(0.5), lambda: Hedging(60.0, 1.0)],
)
def test_a_setting_that_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()
