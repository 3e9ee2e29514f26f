"""What is sold when prices are published is where the maker's risk starts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.market.contracts import Side
from rexdynnet.market.examples import plant_limit
from rexdynnet.market.pricing import MarginalCost
from rexdynnet.market.reservex import Reservex
from rexdynnet.timeline import PriceSurface
from tests.unit.market.small_market import UNITS, order, small_market


def opened(pricing: MarginalCost, journal: Path | None = None) -> Reservex:
    exchange = Reservex(replace(small_market(), pricing=pricing), journal)
    exchange.publish_envelope(plant_limit(exchange.market, 1, UNITS + 2, 3.6e11))
    publish(exchange, 60.0)
    return exchange


def publish(exchange: Reservex, price: float) -> None:
    units = tuple(exchange.rules.time_units(1, UNITS + 2))
    flat = np.full((len(units), 2), price)
    none = np.zeros_like(flat)
    exchange.publish_prices(
        PriceSurface(
            ("a", "b"), units, flat, flat, none, none, none, flat > 0, np.zeros(len(units))
        )
    )
    exchange.commit()


def test_a_unit_opens_each_publication_at_the_plans_price_however_much_is_sold():
    exchange = opened(MarginalCost(100.0))
    before = exchange.quote("a", 3)
    exchange.place(order("bert", 1, lots=500))
    assert exchange.quote("a", 3).asks[0].price_uEUR > before.asks[0].price_uEUR
    publish(exchange, 60.0)
    assert exchange.quote("a", 3).asks[0].price_uEUR == before.asks[0].price_uEUR


def test_a_fixed_neutral_inventory_stays_where_it_was_given():
    exchange = opened(MarginalCost(100.0, neutral_MWh=0.0))
    exchange.place(order("bert", 1, lots=500))
    raised = exchange.quote("a", 3)
    publish(exchange, 60.0)
    assert exchange.quote("a", 3) == raised


@given(st.integers(1, 400), st.integers(0, 400), st.integers(0, 200), st.integers(0, 5))
def test_buying_before_others_and_giving_back_after_a_publication_brings_nothing(
    mine: int, others: int, skew: int, premium: int
):
    exchange = opened(MarginalCost(float(skew), float(premium)))
    exchange.place(order("anna", 1, lots=mine))
    if others:
        exchange.place(order("bert", 1, lots=others))
    publish(exchange, 60.0)
    exchange.place(order("anna", 2, side=Side.SELL, lots=mine))
    assert exchange.ledger.balances()["anna"] <= 0


def test_a_journal_played_again_quotes_the_same(tmp_path: Path):
    exchange = opened(MarginalCost(100.0), tmp_path / "market.journal")
    exchange.place(order("bert", 1, lots=50))
    publish(exchange, 61.0)
    exchange.place(order("anna", 1, lots=5))
    exchange.close()
    again = Reservex(exchange.market, tmp_path / "market.journal")
    again.close()
    for node in ("a", "b"):
        assert list(again.forward_curve(node)) == list(exchange.forward_curve(node))
