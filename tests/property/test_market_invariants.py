"""What no sequence of orders may break: sums, lots, recovery, and the maker's purse."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.market.contracts import Flow, Order, Reference, Side
from rexdynnet.market.pricing import Curve
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import NAMES, open_market, order, small_market, state

kinds = st.sampled_from(MechanismKind)
wishes = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(Flow),
    st.sampled_from(Side),
    st.sampled_from(("a", "b")),
    st.integers(1, 10),
    st.integers(1, 400),
    st.none() | st.integers(550, 650).map(lambda ticks: 10 * ticks),
)
steps = st.lists(
    wishes | st.tuples(st.just("cancel"), st.integers(1, 30)) | st.just(("clock",)),
    max_size=30,
)


def play(exchange: Reservex, wanted: list[tuple]) -> None:
    """Send orders numbered by their place, cancel some of them, let time pass."""
    for number, step in enumerate(wanted, start=1):
        if step[0] == "clock":
            exchange.advance(exchange.now_s + 450.0)
        elif step[0] == "cancel":
            for name in NAMES:
                exchange.cancel(Reference(name, step[1]))
        else:
            name, flow, side, node, unit, lots, limit = step
            exchange.submit(order(name, number, flow, side, node, unit, lots, limit))
        assert exchange.ledger.total == 0


@given(kinds, steps)
def test_money_sums_to_zero_and_lots_are_conserved(kind: MechanismKind, wanted: list[tuple]):
    exchange = open_market(kind)
    play(exchange, wanted)
    exchange.ledger.audit()
    bought = sum(trade.lots for trade in exchange.trades() if trade.seller < 0)
    given_back = sum(trade.lots for trade in exchange.trades() if trade.buyer < 0)
    net = 0
    for unit in range(20):
        for node in ("a", "b"):
            for name in NAMES:
                held = exchange.position(name, node, unit)
                assert min(held.values()) >= 0
                net += held[Flow.EJECTION] - held[Flow.INJECTION]
    assert net == bought - given_back == sum(exchange.holdings.sold.values())
    if kind is not MechanismKind.MAKER:
        assert net == 0


@given(kinds, steps)
def test_what_was_promised_is_never_beyond_the_envelope(kind: MechanismKind, wanted: list[tuple]):
    exchange = open_market(kind, energy_kWh=30.0)
    play(exchange, wanted)
    promise = exchange._desk.promise
    assert promise is not None
    assert min(promise.free) >= 0
    energy_J = exchange.schedule(1, 10).energy_J.sum(axis=1)
    assert energy_J.max() <= 30.0 * 3.6e6


@given(kinds, steps)
def test_credit_held_returns_when_nothing_waits(kind: MechanismKind, wanted: list[tuple]):
    exchange = open_market(kind)
    play(exchange, wanted)
    exchange.advance(exchange.now_s + 20 * 900.0)
    margin = exchange.rules.margin_uEUR
    for at, name in enumerate(NAMES):
        injections = sum(
            exchange.position(name, node, unit)[Flow.INJECTION]
            for unit in range(20)
            for node in ("a", "b")
        )
        assert exchange.holdings.held[at] == margin * injections
    assert not exchange._desk.open


@given(kinds, steps)
def test_a_journal_played_again_leads_to_the_same_state(kind: MechanismKind, wanted: list[tuple]):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "market.journal"
        exchange = open_market(kind, path)
        play(exchange, wanted)
        exchange.close()
        told = path.read_bytes()
        again = Reservex(small_market(kind), path)
        again.close()
        assert state(again) == state(exchange)
        assert path.read_bytes() == told


@given(
    st.tuples(st.integers(-50, 9000), st.integers(-50, 9000)),
    st.integers(0, 500),
    st.integers(0, 50_000),
    st.integers(-2000, 2000),
    st.integers(-2000, 2000),
    st.lists(st.tuples(st.integers(0, 1), st.integers(-500, 500)), max_size=12),
)
def test_no_way_there_and_back_through_a_cost_function_brings_anything(
    base: tuple[int, int],
    premium: int,
    skew: int,
    neutral: int,
    inventory: int,
    moves: list[tuple[int, int]],
):
    curve = Curve(base, premium, skew, neutral)
    at, paid, open_lots = inventory, 0, [0, 0]
    for node, lots in moves:
        paid += curve.cost(at, node, lots)
        at += lots
        open_lots[node] += lots
    for node, lots in enumerate(open_lots):
        paid += curve.cost(at, node, -lots)
        at -= lots
    assert at == inventory
    assert paid >= 0
    for node in (0, 1):
        assert -curve.cost(inventory, node, -1) <= curve.cost(inventory, node, 1)


@given(st.lists(wishes, max_size=25))
def test_nobody_who_ends_without_a_position_has_gained_from_the_maker(wanted: list[tuple]):
    exchange = open_market()
    number = 0
    for number, (_, flow, side, node, _, lots, limit) in enumerate(wanted, start=1):
        exchange.submit(order("anna", number, flow, side, node, 3, lots, limit))
    for node in ("a", "b"):
        for flow, lots in exchange.position("anna", node, 3).items():
            if lots:
                number += 1
                side = Side.SELL if flow is Flow.EJECTION else Side.BUY
                reply = exchange.place(order("anna", number, flow, side, node, 3, lots))
                # giving back an injection takes heat, which others may have bought
                if reply.refusal is not None:
                    return
    assert exchange.ledger.balances()["anna"] <= 0


@pytest.mark.parametrize("kind", MechanismKind)
def test_a_crash_at_any_byte_of_the_journal_keeps_whole_groups_and_nothing_else(
    kind: MechanismKind, tmp_path: Path
):
    path = tmp_path / "market.journal"
    exchange = open_market(kind, path)
    exchange.commit()
    ends, states = [path.stat().st_size], [state(exchange)]
    groups: list[list[Order]] = [
        [order("anna", 1, limit_uEUR=6100), order("bert", 1, limit_uEUR=6050)],
        [order("sun", 1, Flow.INJECTION, Side.SELL, limit_uEUR=5900, lots=15)],
        [order("bert", 2, node="b", unit=4, limit_uEUR=6100)],
    ]
    for group in groups:
        for wish in group:
            exchange.submit(wish)
        exchange.commit()
        ends.append(path.stat().st_size)
        states.append(state(exchange))
    exchange.advance(2000.0)
    exchange.commit()
    ends.append(path.stat().st_size)
    states.append(state(exchange))
    exchange.close()
    whole = path.read_bytes()
    broken = tmp_path / "broken.journal"
    for length in range(ends[0], len(whole) + 1):
        broken.write_bytes(whole[:length])
        found = Reservex(small_market(kind), broken)
        kept = sum(end <= length for end in ends) - 1
        assert state(found) == states[kept], length
        found.close()
        assert broken.stat().st_size == ends[kept]
