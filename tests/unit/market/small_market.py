"""A market of three participants, two nodes and eight forward units."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rexdynnet.market.contracts import Flow, Order, Participant, Rules, Side
from rexdynnet.market.examples import plant_limit
from rexdynnet.market.pricing import InventoryFeedback
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import Market, MechanismKind

NAMES = ("anna", "bert", "sun")
UNITS = 8


def small_market(
    mechanism: MechanismKind = MechanismKind.MAKER, credit_uEUR: int = 50_000_000
) -> Market:
    """60 EUR/MWh, rising by 100 EUR/MWh per MWh sold in a unit."""
    return Market(
        Rules(datetime(2026, 3, 28, 22, tzinfo=UTC), unit_s=900, window=UNITS),
        ("a", "b"),
        tuple(Participant(name, credit_uEUR) for name in NAMES),
        mechanism,
        InventoryFeedback(60.0, 100.0),
    )


def open_market(
    mechanism: MechanismKind = MechanismKind.MAKER,
    journal: Path | None = None,
    energy_kWh: float = 100.0,
    credit_uEUR: int = 50_000_000,
) -> Reservex:
    """Open it with so much to sell in each unit."""
    market = small_market(mechanism, credit_uEUR)
    exchange = Reservex(market, journal)
    exchange.publish_envelope(plant_limit(market, 1, UNITS + 2, energy_kWh * 3.6e6))
    return exchange


def order(
    participant: str = "anna",
    number: int = 1,
    flow: Flow = Flow.EJECTION,
    side: Side = Side.BUY,
    node: str = "a",
    unit: int = 3,
    lots: int = 10,
    limit_uEUR: int | None = None,
) -> Order:
    """An order in lots of 100 Wh."""
    return Order(participant, number, flow, side, node, unit, 100 * lots, limit_uEUR)


def state(exchange: Reservex) -> tuple[object, ...]:
    """Everything that trading changes."""
    holdings, promise = exchange.holdings, exchange._desk.promise
    return (
        exchange.ledger.balances(),
        list(exchange.ledger.entries()),
        list(exchange.trades()),
        {key: lots for key, lots in holdings.lots.items() if lots},
        list(holdings.held),
        {key: lots for key, lots in holdings.closing.items() if lots},
        None if promise is None else list(promise.free),
        [list(exchange.forward_curve(node)) for node in exchange.market.nodes],
        exchange.now_s,
    )
