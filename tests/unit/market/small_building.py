"""A building of flats on a small exchange, and what can happen to both."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from rexdynnet.market.building import Building, Flat
from rexdynnet.market.building_book import BuildingBook, Settled, open_book
from rexdynnet.market.contracts import Flow, Participant, Rules
from rexdynnet.market.deviation import Reading
from rexdynnet.market.examples import plant_limit
from rexdynnet.market.policies import Policy
from rexdynnet.market.pricing import InventoryFeedback
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import Line, Statement, Terms, UnitCosts, book, settle, true_up
from rexdynnet.market.setup import Market

UNIT_S, WINDOW, LOT_Wh = 900, 3, 100
TERMS, MARGINAL_uEUR = Terms(), 7_000


class Hour(NamedTuple):
    """What happens between two gates: forecasts and needs by flat, and what the network lacks.

    `silent` leaves the building's meter unread until everything is over.
    """

    forecast_Wh: Sequence[Sequence[int]]
    needs_Wh: Sequence[int]
    delivered_permille: int = 1000
    silent: bool = False


class Played(NamedTuple):
    """An exchange and the book of its building after some hours."""

    exchange: Reservex
    book: BuildingBook
    statements: dict[int, Statement]

    @property
    def lines(self) -> dict[int, Line]:
        """The building's."""
        return {
            unit: next(line for line in statement.lines if line.participant == "tower_node")
            for unit, statement in self.statements.items()
        }


def tower(
    shares: Sequence[float], policies: Sequence[Policy] = (), name: str = "tower"
) -> Building:
    """Flats `a`, `b`, ... behind `tower_node`."""
    names = "abcdefghij"
    flats = [Flat(names[at], share, *policies[at : at + 1]) for at, share in enumerate(shares)]
    return Building("tower", "tower_node", tuple(flats))


def area() -> Reservex:
    """An exchange with the building, another house, and a price that rises with what is sold."""
    market = Market(
        Rules(datetime(2026, 1, 15, tzinfo=UTC), UNIT_S, WINDOW, UNIT_S, LOT_Wh),
        ("tower_node", "house"),
        (Participant("tower_node", 10**9), Participant("house", 10**9)),
        pricing=InventoryFeedback(60.0, 300.0),
    )
    exchange = Reservex(market)
    exchange.publish_envelope(plant_limit(market, 1, 40, 1e3 * 3.6e6))
    return exchange


def play(building: Building, hours: Sequence[Hour]) -> Played:
    """Trade, deliver and settle, and pass everything on to the flats at every instant."""
    exchange, flats = area(), open_book(building)
    found = Played(exchange, flats, {})
    names = sorted(building.shares)
    first = exchange.rules.first_open(0.0)
    late: list[tuple[int, list[Reading]]] = []

    def known(unit: int) -> Settled:
        hour = hours[unit - first]
        needs = dict(zip(names, hour.needs_Wh, strict=True))
        return Settled(needs, MARGINAL_uEUR, TERMS.cascade)

    def follow() -> None:
        flats.follow(exchange, found.lines, known)
        assert_agree(found)

    for at, hour in enumerate(hours):
        means = {
            name: np.array(own, dtype=np.float64)
            for name, own in zip(names, hour.forecast_Wh, strict=True)
        }
        none = {name: np.zeros(WINDOW) for name in names}
        for order in flats.orders(exchange, means, none, TERMS):
            exchange.submit(order)
        assert all(reply.refusal is None for reply in exchange.commit())
        follow()
        exchange.advance(at * UNIT_S + UNIT_S)
        if at >= first:
            late += _settle(found, at, hours[at - first])
            follow()
    for at in range(len(hours), len(hours) + first):
        exchange.advance(at * UNIT_S + UNIT_S)
        late += _settle(found, at, hours[at - first])
        follow()
    for unit, readings in late:
        whole = _statement(exchange, unit, readings)
        book(exchange, whole, before=found.statements[unit])
        found.statements[unit] = whole
        follow()
    used = {
        name: sum(
            line.delivered_Wh
            for statement in found.statements.values()
            for line in statement.lines
            if line.participant == name
        )
        for name in ("tower_node", "house")
    }
    if any(used.values()):
        true_up(exchange, used)
    follow()
    return found


def assert_agree(played: Played) -> None:
    """The two ledgers close with each other, and lots of flats sum to those of the building."""
    exchange, flats = played.exchange, played.book
    balances = flats.ledger.balances()
    assert flats.ledger.total == 0
    assert balances["pool"] == 0
    own = sum(balances[name] for name in flats.building.shares)
    assert own == exchange.ledger.balances()["tower_node"]
    for unit, held in flats.held.items():
        position = exchange.position("tower_node", "tower_node", unit)
        assert sum(held.values()) == position[Flow.EJECTION] - position[Flow.INJECTION]
        assert min(held.values()) >= 0


def _settle(played: Played, unit: int, hour: Hour) -> list[tuple[int, list[Reading]]]:
    demanded = sum(hour.needs_Wh)
    delivered = demanded * hour.delivered_permille // 1000
    whole = [
        Reading("tower_node", "tower_node", demanded, delivered),
        Reading("house", "house", 700, 700),
    ]
    seen = [whole[0]._replace(demanded_Wh=0, delivered_Wh=None), whole[1]] if hour.silent else whole
    statement = _statement(played.exchange, unit, seen)
    book(played.exchange, statement)
    played.statements[unit] = statement
    return [(unit, whole)] if hour.silent else []


def _statement(exchange: Reservex, unit: int, readings: Sequence[Reading]) -> Statement:
    costs = UnitCosts(supply_uEUR=123_457, discarded_Wh=300)
    marginal = dict.fromkeys(exchange.market.nodes, MARGINAL_uEUR)
    return settle(exchange, unit, readings, marginal, costs, TERMS)
