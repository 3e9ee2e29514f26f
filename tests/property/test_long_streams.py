"""A million postings and wash trades: money and lots stay what they were."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.market.contracts import Flow, Side
from rexdynnet.market.ledger import Account
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import NAMES, open_market, order

MILLION = 1_000_000


@given(
    st.sampled_from(MechanismKind),
    st.lists(
        st.tuples(
            st.sampled_from(Side), st.integers(1, 50), st.integers(550, 650).map(lambda t: 10 * t)
        ),
        min_size=2,
        max_size=20,
    ),
)
def test_who_trades_with_nobody_but_itself_gains_nothing(
    kind: MechanismKind, wanted: list[tuple[Side, int, int]]
):
    exchange = open_market(kind)
    for number, (side, lots, limit) in enumerate(wanted, start=1):
        exchange.submit(order("anna", number, Flow.EJECTION, side, "a", 3, lots, limit))
    exchange.advance(exchange.now_s + 20 * 900.0)
    held = exchange.position("anna", "a", 3)
    if not any(held.values()):
        assert exchange.ledger.balances()["anna"] <= 0
    assert exchange.ledger.total == 0


@pytest.mark.slow
def test_a_million_postings_sum_to_zero_and_every_lot_is_in_somebodys_hands():
    exchange = open_market()
    rng = random.Random(20261123)
    number, checked = 0, 0
    while len(exchange.ledger) < MILLION:
        number += 1
        exchange.submit(
            order(
                rng.choice(NAMES),
                number,
                rng.choice(list(Flow)),
                rng.choice(list(Side)),
                rng.choice("ab"),
                rng.randint(1, 8),
                rng.randint(1, 40),
            )
        )
        if number % 500 == 0:
            balance = exchange.ledger.balance
            pay = [(0, int(Account.MAKER), rng.randrange(len(balance)), rng.randint(-9, 9))]
            exchange.post(0, pay * 2000)
            assert exchange.ledger.total == 0
            checked += 1
    assert checked > 100
    exchange.ledger.audit()
    net = sum(
        exchange.position(name, node, unit)[Flow.EJECTION]
        - exchange.position(name, node, unit)[Flow.INJECTION]
        for name in NAMES
        for node in "ab"
        for unit in range(20)
    )
    assert net == sum(exchange.holdings.sold.values())
