"""Flats behind one substation in the closed loop: one participant outside, twelve bills inside."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rexdynnet.cli_output import audited, balance_lines
from rexdynnet.errors import InputError
from rexdynnet.market.building import Building, Flat
from rexdynnet.market.ledger import Cause, seal_path
from rexdynnet.study.building_tables import flat_accounts, remove_flats, write_flats
from rexdynnet.study.checkpoint import Keep
from rexdynnet.study.loop import Run, check_run, run
from rexdynnet.study.market_session import MarketSession
from rexdynnet.study.market_settings import Arrangement, MarketSettings, MeterGaps
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_building.toml"
PLACE = "substation_3"


class _Killed(Exception):
    """Stands for the loss of power."""


def scenario(hours: float = 3.0, **changes: object) -> SimulationScenario:
    whole = read_scenario(FILE)
    settings = whole.closed_loop
    assert settings is not None
    assert settings.market is not None
    # late meters: units are undone and settled again
    market = replace(settings.market, **{"gaps": MeterGaps(0.4, 1), **changes})
    settings = replace(settings, market=market)
    return replace(whole, duration_s=hours * 3600.0, closed_loop=settings)


def market_of(done: Run) -> MarketSession:
    assert done.market is not None
    return done.market


@pytest.fixture(scope="module")
def whole() -> Run:
    return run(scenario())


def _killer(at_s: float) -> Callable[[float, float], None]:
    def progress(done_s: float, total_s: float) -> None:
        if done_s == at_s:
            raise _Killed

    return progress


def test_flats_pay_to_the_micro_euro_what_the_area_bills_their_building(whole: Run) -> None:
    market = market_of(whole)
    accounts = flat_accounts(market)
    assert len(accounts) == 12
    billed = -market.bills.settled_uEUR(market.exchange)[PLACE]
    assert sum(each.paid_uEUR for each in accounts) == billed > 0
    (book,) = market.buildings.books
    assert Cause.CORRECTION in book.ledger.by_cause()
    gained = book.settled_uEUR(market.bills.settled_units)
    assert [each.paid_uEUR for each in accounts] == [-gained[each.flat] for each in accounts]


def test_the_area_knows_the_building_as_one_participant(whole: Run) -> None:
    market = market_of(whole)
    (book,) = market.buildings.books
    assert PLACE in market.places
    assert not set(book.building.shares) & set(market.exchange.ledger.names)
    for line in market.lines_of(PLACE):
        assert line.reserved_Wh % market.exchange.rules.lot_Wh == 0
    held = [sum(book.held_in(unit).values()) * 10 for unit in book.uses]
    assert held == [line.reserved_Wh for line in market.lines_of(PLACE)]


def test_flats_trade_inside_and_net_what_they_miss(whole: Run) -> None:
    market = market_of(whole)
    (book,) = market.buildings.books
    inside = [e for e in book.ledger.entries() if e.cause is Cause.TRADE and e.debit == "pool"]
    assert inside
    accounts = flat_accounts(market)
    assert sum(max(each.netted_Wh, 0) for each in accounts) > 0
    assert sum(each.netted_Wh for each in accounts) == 0


def test_the_result_holds_every_flat(whole: Run) -> None:
    data = whole.data
    for word in ("reserved", "demanded", "delivered"):
        flats = data[f"flat_{word}_energy"].sum("flat")
        area = data[f"market_{word}_energy"].sel(participant=PLACE)
        np.testing.assert_allclose(flats, area)
    np.testing.assert_allclose(
        data["flat_paid"].sum("flat"), data["market_paid"].sel(participant=PLACE), atol=1e-9
    )
    by_flat = data["flat_cost"].sum("flat_cause").values
    true_up = data["flat_cost"].sel(flat_cause="true_up").values
    np.testing.assert_allclose(by_flat, data["flat_paid"].sum("market_unit") + true_up)


def test_a_run_killed_amid_trading_ends_like_one_that_was_not(whole: Run, tmp_path: Path) -> None:
    keep = Keep(tmp_path, every_s=0.0)
    with pytest.raises(_Killed):
        run(scenario(), keep=keep, progress=_killer(8100.0))
    done = run(scenario(), keep=keep)
    xr.testing.assert_identical(done.data, whole.data)
    one, other = (market_of(each).buildings.books[0] for each in (done, whole))
    assert list(one.ledger.entries()) == list(other.ledger.entries())


def test_an_audit_adds_up_the_buildings_ledger_too(whole: Run, tmp_path: Path) -> None:
    market = market_of(whole)
    market.exchange.ledger.to_csv(tmp_path / "ledger.csv")
    write_flats(market, tmp_path)
    told = balance_lines(audited(tmp_path))
    assert any("ledger_tower.csv" in line and PLACE in line for line in told)
    with (tmp_path / "flats.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    paid = sum(round(1e6 * float(row["paid_EUR"])) for row in rows)
    assert paid == -market.bills.settled_uEUR(market.exchange)[PLACE]
    assert float(rows[0]["delivered_kWh"]) > 0
    ledger = tmp_path / "ledger_tower.csv"
    kept = market.buildings.books[0].ledger
    kept.transfer(0, 0, Cause.TRADE, kept.account(PLACE), kept.account("floor_1_left"), 1)
    kept.to_csv(ledger)
    kept.transfer(0, 0, Cause.TRADE, kept.account("floor_1_left"), kept.account(PLACE), 1)
    with pytest.raises(InputError, match="flats owe substation_3"):
        audited(tmp_path)
    remove_flats(tmp_path, None)
    assert not ledger.exists()
    assert not seal_path(ledger).exists()


@pytest.mark.slow
def test_without_reservation_flats_pay_for_what_they_draw() -> None:
    market = market_of(run(scenario(2.0, arrangement=Arrangement.OPERATOR_FORECAST)))
    accounts = flat_accounts(market)
    billed = -market.bills.settled_uEUR(market.exchange)[PLACE]
    assert sum(each.paid_uEUR for each in accounts) == billed
    per_Wh = [each.paid_uEUR / each.delivered_Wh for each in accounts]
    np.testing.assert_allclose(per_Wh, billed / sum(a.delivered_Wh for a in accounts), rtol=2e-3)


FLATS = (Flat("left", 0.5), Flat("right", 0.5))


@pytest.mark.parametrize(
    ("buildings", "said"),
    [
        ((Building("tower", "substation_33", FLATS),), "substation_33.*did you mean"),
        (
            (Building("tower", PLACE, (Flat("left", 0.5), Flat("substation_4", 0.5))),),
            "substation_4 is a participant of the area too",
        ),
        ((Building("substation_4", PLACE, FLATS),), "substation_4 is a participant"),
    ],
)
def test_buildings_stand_where_somebody_reserves_and_keep_names_apart(
    buildings: tuple[Building, ...], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        check_run(scenario(buildings=buildings))


def test_two_buildings_share_neither_name_nor_substation() -> None:
    with pytest.raises(InputError, match="are called tower") as caught:
        MarketSettings(
            buildings=(Building("tower", PLACE, FLATS), Building("tower", PLACE, FLATS)),
            policies={PLACE: FLATS[0].policy},
        )
    fields = [finding.field for finding in caught.value.findings]
    assert fields == [
        "market.buildings.name",
        "market.buildings.substation",
        f"market.policies.{PLACE}",
        f"market.policies.{PLACE}",
    ]
