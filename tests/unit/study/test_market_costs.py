from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.study.market_costs import Counted, blind_units, unit_costs, with_tariff
from rexdynnet.timeline import PriceSurface, TimeUnit

amounts = st.floats(-1e4, 1e4)


@given(spent=amounts, missed=st.floats(-1e6, 1e6), mean=st.integers(-(10**6), 10**6))
def test_supply_and_balancing_sum_to_what_was_spent(spent: float, missed: float, mean: int):
    costs = unit_costs(Counted(5.0), Counted(5.0 + spent), missed, mean)
    whole = round((5.0 + spent - 5.0) * 1e6)
    assert costs.supply_uEUR + costs.balancing_uEUR == whole
    assert 0 <= costs.balancing_uEUR <= max(whole, 0)


def test_nothing_is_balanced_where_no_more_was_drawn_than_reserved():
    assert unit_costs(Counted(), Counted(2.0), -3.0, 10**5).balancing_uEUR == 0


def test_a_meter_that_runs_backwards_loses_no_heat():
    costs = unit_costs(Counted(lost_J=3.6e6), Counted(dumped_J=3.6e6), 0.0, 1)
    assert (costs.losses_Wh, costs.discarded_Wh) == (0, 1000)


@pytest.fixture
def half_certified() -> PriceSurface:
    start = datetime(2022, 1, 1, tzinfo=UTC)
    units = tuple(TimeUnit(start + k * timedelta(hours=1), 3600.0) for k in range(2))
    parts = [np.full((2, 2), value) for value in (70.0, 50.0, 5.0, 10.0, 5.0)]
    valid = np.array([[True, False], [False, False]])
    return PriceSurface(("a", "b"), units, *parts, valid, np.zeros(2))


def test_the_tariff_stands_in_only_where_no_place_of_a_unit_has_a_price(
    half_certified: PriceSurface,
):
    assert blind_units(half_certified).tolist() == [False, True]
    quoted = with_tariff(half_certified, 90.0)
    assert quoted.price_EUR_per_MWh.tolist() == [[70.0, 70.0], [90.0, 90.0]]
    assert quoted.valid.tolist() == [[True, False], [True, True]]
    parts = quoted.energy + quoted.loss + quoted.congestion + quoted.scarcity
    assert np.array_equal(parts, quoted.price_EUR_per_MWh)
