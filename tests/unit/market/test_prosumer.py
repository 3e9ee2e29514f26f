"""Prosumers order what their policy wants, in contracts that the exchange takes."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.contracts import Flow
from rexdynnet.market.policies import AtCall
from rexdynnet.market.prosumer import Prosumer, begin, orders
from rexdynnet.market.settle import Terms
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import UNITS, open_market

CALM = np.zeros(UNITS)


def play(exchange, prosumer, state, mean):
    found, state = orders(exchange, prosumer, state, np.array(mean, dtype=float), CALM, Terms())
    for order in found:
        assert exchange.place(order).refusal is None
    return state


def test_a_consumer_that_follows_its_forecast_holds_it_in_whole_lots():
    exchange, anna = open_market(), Prosumer("anna", "a")
    state = play(exchange, anna, begin(anna), [1000, 2040, 2060, 0, 0, 0, 0, 0])
    play(exchange, anna, state, [500, 2040, 2960, 0, 0, 0, 0, 100])
    first = exchange.rules.first_open(0.0)
    held = [exchange.position("anna", "a", first + at)[Flow.EJECTION] for at in range(UNITS)]
    assert held == [5, 20, 30, 0, 0, 0, 0, 1]


def test_a_prosumer_turns_from_taking_to_feeding_in_and_back():
    exchange, sun = open_market(), Prosumer("sun", "b")
    state = begin(sun)
    for mean, expected in ((800, (8, 0)), (-500, (0, 5)), (300, (3, 0))):
        state = play(exchange, sun, state, [mean] + [0] * (UNITS - 1))
        assert tuple(exchange.position("sun", "b", 2).values()) == expected


def test_a_consumer_never_promises_to_feed_in():
    exchange, anna = open_market(), Prosumer("anna", "a", flows=frozenset({Flow.EJECTION}))
    play(exchange, anna, begin(anna), [-500] * UNITS)
    assert not list(exchange.trades())


def test_what_the_envelope_does_not_allow_is_left_for_later():
    exchange, anna = open_market(energy_kWh=3.0), Prosumer("anna", "a")
    play(exchange, anna, begin(anna), [5000] + [0] * (UNITS - 1))
    assert exchange.position("anna", "a", 2)[Flow.EJECTION] == 30


@pytest.mark.parametrize("bad", [[np.nan] * UNITS, [0.0] * (UNITS + 1)])
def test_a_forecast_with_gaps_or_beyond_the_window_is_refused(bad):
    exchange, anna = open_market(), Prosumer("anna", "a")
    with pytest.raises(InputError):
        orders(exchange, anna, begin(anna), np.array(bad), np.zeros(len(bad)), Terms())


def test_at_a_call_only_the_next_unit_is_bid_for_and_only_once():
    exchange = open_market(mechanism=MechanismKind.CALL)
    anna = Prosumer("anna", "a", AtCall(limit_uEUR=12_345, share=0.5))
    found, _ = orders(exchange, anna, begin(anna), np.full(UNITS, 1000.0), CALM, Terms())
    assert [(o.unit, o.energy_Wh, o.limit_uEUR) for o in found] == [(2, 500, 12_340)]
    nothing, _ = orders(exchange, anna, begin(anna), np.zeros(UNITS), CALM, Terms())
    assert not nothing


def test_a_bid_at_a_call_without_worth_is_refused():
    with pytest.raises(InputError, match="from 0 up"):
        AtCall(-1)
