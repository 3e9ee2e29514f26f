"""A prosumer with rooms: what it can shift by closed forms, and that comfort always holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.market.flexible import Flexible, HeatStore
from rexdynnet.market.mechanism import Level, Quote
from rexdynnet.market.policies import View
from rexdynnet.market.settle import Terms
from tests.unit.market.small_market import open_market


def room(keeps=1.0, gain=5e-4, band=1.0, most=5e3):
    return HeatStore(np.array([[keeps]]), np.array([gain]), 0, band, most)


def test_a_tight_room_shifts_from_the_dear_unit_into_the_cheap_one_before_it_up_to_its_band():
    shift = room().best_shift_Wh(np.array([1.0, 3.0]), np.full(2, 1500.0), np.zeros(1))
    assert shift == pytest.approx([2000.0, -1500.0])


def test_a_leaking_room_is_let_cool_where_prices_are_equal():
    shift = room(keeps=0.9).best_shift_Wh(np.ones(6), np.full(6, 1500.0), np.zeros(1))
    assert shift[0] == pytest.approx(-1500.0)
    assert np.all(np.cumsum(shift) <= 1e-6)


def test_a_leaking_room_is_not_charged_for_a_price_difference_smaller_than_the_leak():
    cost, need = np.array([1.0, 1.05]), np.full(2, 1500.0)
    assert room(keeps=0.9).best_shift_Wh(cost, need, np.zeros(1))[0] <= 1e-6
    assert room(keeps=0.99).best_shift_Wh(cost, need, np.zeros(1))[0] > 1000.0


costs = st.lists(st.floats(-50.0, 200.0), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(costs, st.floats(0.5, 1.0), st.floats(-2.0, 2.0))
def test_the_room_stays_within_its_band_whatever_the_prices_are(cost, keeps, now):
    store = room(keeps)
    need = np.full(len(cost), 1200.0)
    shift = store.best_shift_Wh(np.array(cost), need, np.array([now]))
    assert (need + shift >= -1e-6).all()
    assert (need + shift <= store.most_Wh + 1e-6).all()
    x, free = now, now
    for one in shift:
        x, free = keeps * x + 5e-4 * one, keeps * free
        assert abs(x) <= max(1.0, abs(free)) + 1e-6


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 4000.0), st.integers(0, 60)), min_size=1, max_size=20))
def test_what_is_drawn_follows_the_reservation_only_as_far_as_comfort_allows(units):
    policy = Flexible(room(keeps=0.95))
    memory, x = policy.begin(), 0.0
    for own, lots in units:
        demanded, memory = policy.draw(own, 100 * lots, memory)
        x = 0.95 * x + 5e-4 * (demanded - own)
        assert abs(x) <= 1.0 + 1e-9
        assert 0.0 <= demanded <= 5e3 + 1e-9
        assert memory[1] == pytest.approx(x, abs=1e-9)
    assert memory[0] == len(units)


def view_of(first, prices):
    """Units from `first` on, each with as deep a book as one likes at its price."""
    rules, lots = open_market().rules, 10**6
    need = np.full(len(prices), 2000.0)

    def quote(unit):
        level = Level(int(1e4 * prices[unit - first]), lots)
        return Quote(bids=(level,), asks=(level,))

    nothing = np.zeros(len(prices), dtype=np.int64)
    return View(rules, Terms(), 0.0, first, need, 0.0 * need, nothing, quote)


def test_the_cheap_unit_is_bought_up_to_the_comfort_band():
    policy = Flexible(room())
    wishes, memory = policy.trade(view_of(0, [1.0, 3.0, 3.0]), policy.begin())
    assert next(wish.change_Wh for wish in wishes) == 4000
    assert memory[2:] == pytest.approx([2000.0, *memory[3:]])


def test_shifts_agreed_for_closed_units_take_up_room_in_the_open_ones():
    policy = Flexible(room())
    agreed = (0.0, 0.0, 800.0, -200.0)
    wishes, memory = policy.trade(view_of(2, [1.0, 3.0, 3.0]), agreed)
    # 600 Wh are in the room already, 0.3 of the 1.0 K
    assert wishes[0].change_Wh == 2000 + 1400
    assert memory[:4] == agreed
    demanded, after = policy.draw(2000.0, 2800, memory)
    assert demanded == 2800.0
    assert after[:3] == pytest.approx((1.0, 0.4, -200.0))


def test_a_store_that_makes_no_sense_is_refused():
    for bad in ({"keeps": 1.1}, {"band": 0.0}, {"most": np.nan}):
        with pytest.raises(InputError):
            room(**bad)
    with pytest.raises(InputError, match="do not fit"):
        HeatStore(np.eye(2), np.ones(1), 0, 1.0, 1.0)
