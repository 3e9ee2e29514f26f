"""Units, gates and the journal's identity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.contracts import Flow, Participant, Rules, Side
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import Market, MechanismKind
from tests.unit.market.small_market import UNITS, open_market, order, small_market, state

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("day", "hours"), [((3, 29), 23), ((10, 25), 25), ((6, 1), 24)])
def test_a_local_day_has_as_many_units_as_it_has_time(day: tuple[int, int], hours: int):
    begin = datetime(2026, *day, tzinfo=BERLIN)
    end = (begin + timedelta(days=1)).replace(tzinfo=BERLIN)
    rules = Rules(begin.astimezone(UTC), 900)
    assert rules.unit_at(end.astimezone(UTC)) == 4 * hours
    spans = list(rules.time_units(0, 4 * hours))
    assert all(a.start + timedelta(seconds=900) == b.start for a, b in pairwise(spans))


@pytest.mark.parametrize("unit_s", [300, 600, 900, 1800, 3600])
def test_the_window_rolls_with_the_gate(unit_s: int):
    rules = Rules(datetime(2026, 3, 28, tzinfo=UTC), unit_s, window=12, gate_s=600)
    for now_s in range(0, 4 * unit_s, 60):
        first = rules.first_open(now_s)
        assert rules.gate_of(first) > now_s >= rules.gate_of(first - 1)
        assert rules.beyond(now_s) == first + 12


@pytest.mark.parametrize(
    "changes",
    [{"unit_s": 60}, {"unit_s": 7200}, {"unit_s": 700}, {"window": 0}, {"lot_Wh": 0},
     {"tick_uEUR": 0}, {"gate_s": -1}, {"margin_uEUR": -1}],
)  # fmt: skip
def test_rules_out_of_range_are_refused(changes: dict[str, Any]):
    with pytest.raises(InputError, match=next(iter(changes))):
        Rules(datetime(2026, 1, 1, tzinfo=UTC), **changes)


def test_a_market_names_everybody_and_every_node_once():
    rules = Rules(datetime(2026, 1, 1, tzinfo=UTC))
    anna = Participant("anna")
    for nodes, people in ((("a", "a"), (anna,)), (("a",), (anna, anna)), ((), (anna,))):
        with pytest.raises(InputError):
            Market(rules, nodes, people)
    with pytest.raises(InputError, match="areas"):
        Market(rules, ("a",), (anna,), areas=(0, 1))


@pytest.mark.parametrize("kind", MechanismKind)
def test_gates_close_one_after_another_over_midnight_and_summer_time(kind: MechanismKind):
    exchange = open_market(kind)
    closed: list[int] = []
    for quarter in range(1, UNITS + 1):
        closed += exchange.advance(quarter * 900.0)
    assert closed == list(range(2, UNITS + 2))


def test_a_call_clears_at_one_price_when_its_gate_closes():
    exchange = open_market(MechanismKind.CALL)
    exchange.place(order("anna", limit_uEUR=6200))
    exchange.place(order("bert", limit_uEUR=6000, node="b"))
    sell = order("sun", flow=Flow.INJECTION, side=Side.SELL, lots=15, limit_uEUR=5800)
    assert exchange.place(sell).resting == 15
    exchange.advance(1800.0)
    found = [(t.buyer, t.seller, t.lots, t.amount_uEUR) for t in exchange.trades()]
    assert found == [(0, 2, 10, 60_000), (1, 2, 5, 30_000)]
    assert [notice.lots for notice in exchange.notices] == [5]


def test_orders_that_would_meet_their_sender_leave_the_book():
    exchange = open_market(MechanismKind.CONTINUOUS)
    exchange.place(order("sun", 1, Flow.INJECTION, Side.SELL, limit_uEUR=5900))
    reply = exchange.place(order("sun", 2, limit_uEUR=6000))
    assert (reply.lots, reply.resting) == (0, 10)
    assert exchange.notices[0].number == 1
    assert not list(exchange.trades())


def test_a_narrower_envelope_sends_the_latest_orders_home():
    exchange = open_market(MechanismKind.CONTINUOUS)
    for number in (1, 2):
        exchange.place(order("anna", number, limit_uEUR=6000))
    tight = open_market(energy_kWh=1.5)._desk.promise
    assert tight is not None
    exchange._renew(tight)
    assert [notice.number for notice in exchange.notices] == [2]
    assert "plant in unit 3" in exchange.notices[0].why


def test_damage_before_the_last_group_is_refused_and_the_file_left_alone(tmp_path: Path):
    path = tmp_path / "market.journal"
    exchange = open_market(journal=path)
    exchange.commit()
    middle = path.stat().st_size
    exchange.place(order())
    exchange.place(order(number=2))
    exchange.close()
    data = bytearray(path.read_bytes())
    data[middle + 12] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        Reservex(small_market(), path)
    assert path.read_bytes() == bytes(data)


def test_a_journal_of_other_rules_is_not_continued(tmp_path: Path):
    path = tmp_path / "market.journal"
    open_market(journal=path).close()
    with pytest.raises(InputError, match="another market"):
        Reservex(small_market(credit_uEUR=1), path)


def test_the_same_orders_write_the_same_bytes(tmp_path: Path):
    files = [tmp_path / "1.journal", tmp_path / "2.journal"]
    states = []
    for path in files:
        exchange = open_market(journal=path)
        exchange.place(order())
        exchange.close()
        states.append(state(exchange))
    assert files[0].read_bytes() == files[1].read_bytes()
    assert states[0] == states[1]


def test_an_order_is_acknowledged_only_after_it_is_durable(tmp_path: Path):
    path = tmp_path / "market.journal"
    exchange = open_market(journal=path)
    exchange.commit()
    size = path.stat().st_size
    exchange.submit(order())
    assert path.stat().st_size == size
    assert len(exchange.commit()) == 1
    assert path.stat().st_size > size
    exchange.close()
