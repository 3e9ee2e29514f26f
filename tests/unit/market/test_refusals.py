"""Orders that must change nothing, and what the sender is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.contracts import Flow, Order, Reference, Side
from rexdynnet.market.refusals import Reason
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import UNITS, open_market, order, state


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"participant": "nobody"}, Reason.UNKNOWN_PARTICIPANT),
        ({"node": "nowhere"}, Reason.UNKNOWN_NODE),
        ({"unit": 0}, Reason.PAST_UNIT),
        ({"unit": -3}, Reason.PAST_UNIT),
        ({"unit": 1}, Reason.GATE_CLOSED),
        ({"unit": UNITS + 2}, Reason.BEYOND_WINDOW),
        ({"lots": 0}, Reason.OFF_LOT),
        ({"lots": -1}, Reason.OFF_LOT),
        ({"limit_uEUR": 6005}, Reason.OFF_TICK),
        ({"lots": 2**31}, Reason.OUT_OF_RANGE),
        ({"limit_uEUR": 10 * 2**31}, Reason.OUT_OF_RANGE),
        ({"number": 0}, Reason.REPLAYED),
        ({"number": 2**62}, Reason.OUT_OF_RANGE),
        ({"lots": 1001}, Reason.BEYOND_DEPTH),
        ({"limit_uEUR": 5000}, Reason.BEYOND_LIMIT),
        ({"side": Side.SELL}, Reason.BEYOND_POSITION),
        ({"flow": Flow.INJECTION, "side": Side.BUY}, Reason.BEYOND_POSITION),
    ],
)
def test_a_bad_order_changes_nothing_and_is_told_why(changes: dict[str, Any], reason: Reason):
    exchange = open_market()
    before = state(exchange)
    reply = exchange.place(order(**changes))
    assert reply.refusal is not None
    assert reply.refusal.reason is reason
    assert reason.value in str(reply.refusal)
    assert state(exchange) == before


@pytest.mark.parametrize("kind", [MechanismKind.CONTINUOUS, MechanismKind.CALL])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"participant": "nobody"}, Reason.UNKNOWN_PARTICIPANT),
        ({"node": "nowhere"}, Reason.UNKNOWN_NODE),
        ({"unit": 0}, Reason.PAST_UNIT),
        ({"unit": 1}, Reason.GATE_CLOSED),
        ({"unit": UNITS + 2}, Reason.BEYOND_WINDOW),
        ({"lots": 0}, Reason.OFF_LOT),
        ({"limit_uEUR": 6005}, Reason.OFF_TICK),
        ({"number": 0}, Reason.REPLAYED),
        ({"lots": 1001}, Reason.BEYOND_DEPTH),
        ({"lots": 900, "limit_uEUR": 60_000}, Reason.BEYOND_CREDIT),
        ({"side": Side.SELL}, Reason.BEYOND_POSITION),
    ],
)
def test_an_auction_refuses_what_the_maker_refuses(
    kind: MechanismKind, changes: dict[str, Any], reason: Reason
):
    exchange = open_market(kind)
    before = state(exchange)
    reply = exchange.place(order(**{"limit_uEUR": 6000, **changes}))
    assert reply.refusal is not None
    assert reply.refusal.reason is reason
    assert state(exchange) == before


@pytest.mark.parametrize("kind", MechanismKind)
def test_an_order_that_comes_after_its_gate_closed_is_refused(kind: MechanismKind):
    exchange = open_market(kind)
    gate_s = exchange.rules.gate_of(3)
    exchange.advance(gate_s - 0.001)
    assert exchange.place(order(limit_uEUR=6100)).refusal is None
    exchange.advance(float(gate_s))
    before = state(exchange)
    refusal = exchange.place(order(number=2, limit_uEUR=6100)).refusal
    assert refusal is not None
    assert refusal.reason is Reason.GATE_CLOSED
    assert "its gate is 900 s before" in str(refusal)
    assert state(exchange) == before


def test_energy_off_the_lot_is_refused():
    wish = Order("anna", 1, Flow.EJECTION, Side.BUY, "a", 3, 150)
    refusal = open_market().place(wish).refusal
    assert refusal is not None
    assert refusal.reason is Reason.OFF_LOT


@pytest.mark.parametrize("energy", [100.0, float("nan"), "100", None, [100]])
def test_an_energy_that_is_no_whole_number_is_refused(energy: Any):
    wish = Order("anna", 1, Flow.EJECTION, Side.BUY, "a", 3, energy)
    refusal = open_market().place(wish).refusal
    assert refusal is not None
    assert refusal.reason is Reason.OUT_OF_RANGE


def test_whole_numbers_of_numpy_are_taken():
    wish = Order("anna", np.int64(1), Flow.EJECTION, Side.BUY, "a", np.int32(3), np.int64(500))
    assert open_market().place(wish).lots == 5


def test_an_order_sent_twice_trades_once():
    exchange = open_market()
    assert exchange.place(order()).lots == 10
    again = exchange.place(order())
    assert again.refusal is not None
    assert again.refusal.reason is Reason.REPLAYED
    assert exchange.position("anna", "a", 3)[Flow.EJECTION] == 10


def test_an_order_beyond_credit_is_refused_until_money_is_paid_in():
    exchange = open_market(credit_uEUR=50_000)
    refusal = exchange.place(order()).refusal
    assert refusal is not None
    assert refusal.reason is Reason.BEYOND_CREDIT
    exchange.pay("anna", 1_000_000)
    assert exchange.place(order()).lots == 10


def test_resting_orders_hold_the_credit_they_may_need():
    exchange = open_market(MechanismKind.CONTINUOUS, credit_uEUR=100_000)
    assert exchange.place(order(limit_uEUR=6000)).resting == 10
    refusal = exchange.place(order(number=2, limit_uEUR=6000)).refusal
    assert refusal is not None
    assert refusal.reason is Reason.BEYOND_CREDIT
    exchange.cancel(Reference("anna", 1))
    assert exchange.place(order(number=2, limit_uEUR=6000)).resting == 10


def test_a_refusal_beyond_depth_names_the_binding_row_and_what_it_has_left():
    exchange = open_market(energy_kWh=0.7)
    refusal = exchange.place(order()).refusal
    assert refusal is not None
    assert "'plant in unit 3' has 0.7 kWh left and the order takes 1" in refusal.detail
    assert exchange.quote("a", 3).asks[0].lots == 7
    assert exchange.place(order(number=2, lots=7)).lots == 7


def test_nothing_is_sold_before_the_first_envelope():
    exchange = open_market()
    exchange._desk.promise = None
    refusal = exchange.place(order()).refusal
    assert refusal is not None
    assert refusal.reason is Reason.NOT_CERTIFIED


def test_market_orders_need_a_counterparty_and_calls_need_limits():
    for kind, reason in (
        (MechanismKind.CONTINUOUS, Reason.NO_COUNTERPARTY),
        (MechanismKind.CALL, Reason.NO_LIMIT),
    ):
        refusal = open_market(kind).place(order()).refusal
        assert refusal is not None
        assert refusal.reason is reason


def test_only_an_own_order_that_waits_can_be_cancelled():
    exchange = open_market(MechanismKind.CONTINUOUS)
    exchange.place(order(limit_uEUR=6000))
    for wish in (Reference("bert", 1), Reference("anna", 2), Reference("nobody", 1)):
        exchange.cancel(wish)
        refusal = exchange.commit()[-1].refusal
        assert refusal is not None
        assert refusal.reason is Reason.UNKNOWN_ORDER
    assert exchange.quote("a", 3).bids[0].lots == 10


@pytest.mark.parametrize("now_s", [-1.0, float("nan")])
def test_time_goes_only_forward(now_s: float):
    with pytest.raises(InputError, match="forward"):
        open_market().advance(now_s)


def test_an_order_of_a_list_and_a_time_that_never_comes_are_refused():
    exchange = open_market()
    for wrong in (order()._replace(participant=["anna"]), order()._replace(node=["a"])):
        reply = exchange.place(wrong)
        assert reply.refusal is not None
    for now_s in (float("inf"), float("nan"), -1.0):
        with pytest.raises(InputError, match="only go forward"):
            exchange.advance(now_s)
