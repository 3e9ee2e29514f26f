"""The operator offers its merit order around what it has sold, and keeps nothing of it."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from rexdynnet.market.contracts import Flow, Order, Participant, Rules, Side
from rexdynnet.market.examples import plant_limit
from rexdynnet.market.ledger import Account
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import Market, MechanismKind
from rexdynnet.study.auction_operator import OPERATOR, Offers, hand_over, renew

UNIT = 3


def auction() -> Reservex:
    rules = Rules(datetime(2026, 1, 5, tzinfo=UTC), 3600, 6, 3600)
    people = (Participant("house", 10**12), Participant(OPERATOR, 10**12))
    market = Market(rules, ("house", OPERATOR), people, MechanismKind.CONTINUOUS)
    exchange = Reservex(market)
    exchange.publish_envelope(plant_limit(market, 0, 8, 100e3 * 3600.0))
    return exchange


def offered(exchange: Reservex, before: Offers | None = None) -> Offers:
    return renew(
        exchange,
        before or Offers(),
        range(UNIT, UNIT + 1),
        lambda _, heat_Wh: 40.0 + heat_Wh / 1000.0,
        room_Wh=50e3,
        step_Wh=10e3,
        premium_EUR_per_MWh=1.0,
    )


def steps(exchange: Reservex) -> tuple[list[tuple[float, int]], ...]:
    quote = exchange.quote("house", UNIT)
    sides = (quote.bids, quote.asks)
    return tuple([(level.price_uEUR / 100, level.lots) for level in side] for side in sides)


def test_steps_stand_at_the_cost_of_their_middle_and_the_premium() -> None:
    exchange = auction()
    offered(exchange)
    assert steps(exchange) == ([], [(46, 100), (56, 100), (66, 100), (76, 100), (86, 100)])


def test_what_is_sold_is_bid_for_below_its_cost_and_the_rest_is_offered() -> None:
    exchange = auction()
    first = offered(exchange)
    order = Order("house", 1, Flow.EJECTION, Side.BUY, "house", UNIT, 13_000)
    assert exchange.place(order).amount_uEUR == (100 * 46 + 30 * 56) * 100
    offered(exchange, first)
    assert steps(exchange) == (
        [(54, 30), (44, 100)],
        [(56, 70), (66, 100), (76, 100), (86, 100)],
    )
    back = Order("house", 2, Flow.EJECTION, Side.SELL, "house", UNIT, 13_000)
    assert exchange.place(back).amount_uEUR == -(30 * 54 + 100 * 44) * 100
    assert not exchange.position(OPERATOR, OPERATOR, UNIT)[Flow.INJECTION]


def test_what_it_earned_goes_to_the_account_that_is_trued_up() -> None:
    exchange = auction()
    offered(exchange)
    exchange.place(Order("house", 1, Flow.EJECTION, Side.BUY, "house", UNIT, 1_000))
    hand_over(exchange, -1)
    balances = exchange.ledger.balances()
    assert balances[OPERATOR] == 0
    assert exchange.ledger.balance[Account.MAKER] == -balances["house"] == 10 * 46 * 100


def test_a_premium_is_never_rounded_away() -> None:
    exchange = auction()
    renew(
        exchange,
        Offers(),
        range(UNIT, UNIT + 1),
        lambda _, heat_Wh: np.full_like(heat_Wh, 40.013),
        room_Wh=10e3,
        step_Wh=10e3,
        premium_EUR_per_MWh=0.0,
    )
    (ask,) = exchange.quote("house", UNIT).asks
    assert ask.price_uEUR == pytest.approx(4010)
