"""Midnight and both changes of the clocks: units are UTC, and no instant is traded twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from rexdynnet.market.contracts import Flow, Participant, Rules
from rexdynnet.market.deviation import Reading
from rexdynnet.market.examples import plant_limit
from rexdynnet.market.refusals import Reason
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import Terms, UnitCosts, book, settle
from rexdynnet.market.setup import Market, MechanismKind
from tests.unit.market.small_market import NAMES, order

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 10, 25, tzinfo=BERLIN)
HOURS = {SPRING: 23, AUTUMN: 25}
PEAK = 7
"""Local hour at which the household of these tests wants most."""


def market(midnight: datetime) -> Market:
    """Quarters of an hour from a local midnight, a window of a day."""
    people = tuple(Participant(name, 10**12) for name in NAMES)
    return Market(Rules(midnight, 900, window=96), ("a", "b"), people, MechanismKind.MAKER)


def opened(midnight: datetime, units: int) -> Reservex:
    exchange = Reservex(market(midnight))
    exchange.publish_envelope(plant_limit(exchange.market, 0, units, 100 * 3.6e6))
    return exchange


@pytest.mark.parametrize("midnight", [SPRING, AUTUMN])
def test_every_quarter_of_a_changed_day_is_traded_closed_and_settled_once(midnight: datetime):
    quarters = 4 * HOURS[midnight]
    exchange = opened(midnight, quarters + 100)
    rules = exchange.rules
    closed: list[int] = []
    for unit in range(2, quarters):
        # the last second before the gate, then the gate
        closed += exchange.advance(rules.gate_of(unit) - 1.0)
        assert exchange.place(order("anna", 2 * unit, unit=unit)).lots == 10
        closed += exchange.advance(float(rules.gate_of(unit)))
        late = exchange.place(order("anna", 2 * unit + 1, unit=unit)).refusal
        assert late is not None
        assert late.reason is Reason.GATE_CLOSED
    assert closed == list(range(2, quarters))
    exchange.advance(quarters * 900.0)
    for unit in range(2, quarters):
        read = [Reading("anna", "a", demanded_Wh=1000, delivered_Wh=1000)]
        book(exchange, settle(exchange, unit, read, {"a": 6000, "b": 6000}, UnitCosts(0), Terms()))
    starts = [rules.time_unit(trade.unit).start for trade in exchange.trades()]
    assert all(a + timedelta(seconds=900) == b for a, b in pairwise(starts))
    walls = [start.astimezone(BERLIN).strftime("%H:%M") for start in starts]
    # in autumn the hour from two to three comes twice, in spring never
    assert [walls.count(f"02:{at}") for at in ("00", "15", "30", "45")] == (
        [0] * 4 if midnight is SPRING else [2] * 4
    )
    assert all(exchange.is_settled(unit) for unit in range(2, quarters))
    # who takes what was reserved pays for the reservation and nothing else
    assert exchange.ledger.audit() == len(starts) == quarters - 2
    assert exchange.ledger.total == 0


def test_the_hour_that_comes_twice_is_two_hours_and_the_skipped_one_is_its_neighbour():
    rules = market(AUTUMN).rules
    first, again = (rules.unit_at(AUTUMN.replace(hour=2, fold=fold)) for fold in (0, 1))
    assert (first, again) == (8, 12)
    assert market(SPRING).rules.unit_at(SPRING.replace(hour=3)) == 8


@pytest.mark.parametrize("midnight", [SPRING, AUTUMN])
def test_a_daily_peak_stays_at_its_local_hour_across_the_change(midnight: datetime):
    eve = (midnight - timedelta(days=1)).replace(tzinfo=BERLIN)
    rules = Rules(eve, 900, window=96 * 3)
    peaks = [rules.unit_at((eve + timedelta(days=day)).replace(hour=PEAK)) for day in range(3)]
    assert [b - a for a, b in pairwise(peaks)] == [4 * HOURS[midnight], 96]
    people = (Participant("anna", 10**12),)
    exchange = Reservex(Market(rules, ("a", "b"), people, MechanismKind.MAKER))
    exchange.publish_envelope(plant_limit(exchange.market, 0, 96 * 3, 100 * 3.6e6))
    for number, unit in enumerate(peaks, start=1):
        assert exchange.place(order("anna", number, unit=unit)).lots == 10
    energy_J = exchange.schedule(0, 96 * 3).energy_J[:, 0]
    spans = list(rules.time_units(0, 96 * 3))
    walls = [spans[unit].start.astimezone(BERLIN) for unit in energy_J.nonzero()[0]]
    assert [(wall.day - eve.day, wall.hour, wall.minute) for wall in walls] == [
        ((eve + timedelta(days=day)).day - eve.day, PEAK, 0) for day in range(3)
    ]


def test_orders_around_midnight_belong_to_the_units_of_either_day():
    exchange = opened(datetime(2026, 12, 31, 20, tzinfo=UTC), 40)
    rules = exchange.rules
    last, first = (
        rules.unit_at(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)),
        rules.unit_at(datetime(2027, 1, 1, tzinfo=UTC)),
    )
    assert first == last + 1
    exchange.advance(rules.gate_of(first) - 1.0)
    refusal = exchange.place(order("anna", 1, unit=last)).refusal
    assert refusal is not None
    assert refusal.reason is Reason.GATE_CLOSED
    assert exchange.place(order("anna", 2, unit=first)).lots == 10
    assert exchange.position("anna", "a", first)[Flow.EJECTION] == 10
