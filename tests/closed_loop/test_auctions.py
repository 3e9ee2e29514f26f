"""Auctions in a run: the operator sells the network's heat, and the rest is as with the maker."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rexdynnet.errors import InputError
from rexdynnet.market.contracts import Flow, Order, Side
from rexdynnet.market.ledger import audit_csv
from rexdynnet.market.policies import AtCall
from rexdynnet.market.refusals import Reason
from rexdynnet.market.setup import MechanismKind
from rexdynnet.market.strategies import LastInstant
from rexdynnet.study.auction_operator import OPERATOR
from rexdynnet.study.checkpoint import Keep
from rexdynnet.study.loop import Run, run
from rexdynnet.study.market_producers import check_participants
from rexdynnet.study.market_session import MarketSession
from rexdynnet.study.market_settings import MarketSettings, MeterGaps
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_reservex.toml"
AUCTIONS = (MechanismKind.CONTINUOUS, MechanismKind.CALL)


def scenario(mechanism: MechanismKind, **changes: object) -> SimulationScenario:
    whole = read_scenario(FILE)
    settings = whole.closed_loop
    assert settings is not None
    assert settings.market is not None
    if mechanism is MechanismKind.CALL:
        changes = {"policy": AtCall(300_000), **changes}
    market = replace(settings.market, mechanism=mechanism, **changes)
    settings = replace(settings, market=market)
    return replace(whole, duration_s=2 * 3600.0, closed_loop=settings)


@pytest.fixture(scope="module")
def runs() -> dict[MechanismKind, Run]:
    return {kind: run(scenario(kind)) for kind in MechanismKind}


def market_of(done: Run) -> MarketSession:
    assert done.market is not None
    return done.market


@pytest.mark.parametrize("kind", AUCTIONS)
def test_who_follows_a_forecast_reserves_the_same_under_every_mechanism(
    runs: dict[MechanismKind, Run], kind: MechanismKind
) -> None:
    auction, maker = market_of(runs[kind]), market_of(runs[MechanismKind.MAKER])
    np.testing.assert_array_equal(
        auction.whole_schedule().energy_J, maker.whole_schedule().energy_J
    )
    assert auction.whole_schedule().participants == maker.whole_schedule().participants
    bills, others = auction.bills_EUR(), maker.bills_EUR()
    assert bills.keys() == others.keys()
    # prices of places lie apart by what heat loses on its way; an auction has one for all
    for name, bill in bills.items():
        assert bill == pytest.approx(others[name], rel=0.03)
    assert sum(bills.values()) == pytest.approx(sum(others.values()), rel=5e-3)


@pytest.mark.parametrize("kind", AUCTIONS)
def test_the_operator_sells_what_is_reserved_and_keeps_no_money(
    runs: dict[MechanismKind, Run], kind: MechanismKind, tmp_path: Path
) -> None:
    market = market_of(runs[kind])
    exchange = market.exchange
    for row, unit in enumerate(market.statements):
        sold = exchange.position(OPERATOR, OPERATOR, unit.unit)[Flow.INJECTION]
        reserved_J = market.whole_schedule().energy_J[row].sum()
        assert sold * exchange.rules.lot_J == reserved_J > 0
    assert exchange.ledger.total == 0
    assert market.bills.settled_uEUR(exchange)[OPERATOR] == 0
    assert market.refused == {}
    assert OPERATOR not in runs[kind].data["participant"].values
    exchange.ledger.to_csv(tmp_path / "ledger.csv")
    assert audit_csv(tmp_path / "ledger.csv")[OPERATOR] == exchange.ledger.balances()[OPERATOR]


@pytest.mark.parametrize("kind", AUCTIONS)
def test_what_an_auction_publishes_brackets_what_is_traded(
    runs: dict[MechanismKind, Run], kind: MechanismKind
) -> None:
    data = runs[kind].data
    ask, bid = data["forward_ask"].values, data["forward_bid"].values
    assert np.isfinite(ask).all()
    if kind is MechanismKind.CONTINUOUS:
        assert np.isfinite(bid).any()
    assert not (bid > ask).any()
    trades = list(market_of(runs[kind]).exchange.trades())
    rules = market_of(runs[kind]).exchange.rules
    prices = [rules.EUR_per_MWh(trade.amount_uEUR / trade.lots) for trade in trades]
    assert ask.min() - 1.0 <= min(prices) <= max(prices) <= ask.max() + 1.0


@pytest.mark.parametrize("kind", AUCTIONS)
def test_an_auction_quotes_no_more_than_the_envelope_allows_at_a_place(kind: MechanismKind) -> None:
    what = scenario(kind)
    exchange = market_of(run(replace(what, duration_s=3600.0))).exchange
    place, unit = "substation_14", exchange.rules.first_open(exchange.now_s) + 2
    depth = sum(level.lots for level in exchange.quote(place, unit).asks)
    worth = 10**6
    sizes = (depth + 1, depth)
    replies = [
        exchange.place(
            Order(place, 10**6 + n, Flow.EJECTION, Side.BUY, place, unit, lots * 100, worth)
        )
        for n, lots in enumerate(sizes)
    ]
    refused, taken = (reply.refusal for reply in replies)
    assert refused is not None
    assert refused.reason is Reason.BEYOND_DEPTH
    assert taken is None


def test_who_trades_at_the_last_instant_has_every_unit(runs: dict[MechanismKind, Run]) -> None:
    late = market_of(run(scenario(MechanismKind.MAKER, policy=LastInstant(1)))).whole_schedule()
    usual = market_of(runs[MechanismKind.MAKER]).whole_schedule()
    np.testing.assert_allclose(late.energy_J, usual.energy_J, atol=2 * 360e3)


def test_every_unit_of_a_call_clears_once_at_one_price(runs: dict[MechanismKind, Run]) -> None:
    trades = list(market_of(runs[MechanismKind.CALL]).exchange.trades())
    for unit in {trade.unit for trade in trades}:
        prices = {trade.amount_uEUR / trade.lots for trade in trades if trade.unit == unit}
        assert len(prices) == 1


class _Killed(Exception):
    """Stands for the loss of power."""


def _kill(done_s: float, total_s: float) -> None:
    if done_s == 4500.0:
        raise _Killed


@pytest.mark.parametrize("kind", AUCTIONS)
def test_an_auction_killed_amid_a_unit_ends_like_one_that_was_not(
    kind: MechanismKind, tmp_path: Path
) -> None:
    what = scenario(kind, gaps=MeterGaps(0.3, 1))
    keep = Keep(tmp_path, every_s=0.0)
    with pytest.raises(_Killed):
        run(what, keep=keep, progress=_kill)
    broken, whole = run(what, keep=keep), run(what)
    xr.testing.assert_identical(broken.data, whole.data)
    one, other = (market_of(each).exchange.ledger for each in (broken, whole))
    assert list(one.entries()) == list(other.entries())
    assert market_of(broken).bills.resettled > 0


def test_nobody_may_bear_the_operators_name_in_an_auction() -> None:
    whole = scenario(MechanismKind.CONTINUOUS)
    plant = replace(whole.network.plants[0], name=OPERATOR)
    settings = MarketSettings(mechanism=MechanismKind.CONTINUOUS, producers=(plant.name,))
    with pytest.raises(InputError, match="rename the component"):
        check_participants(settings, whole.network, None)
