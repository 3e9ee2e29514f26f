"""The market in the closed loop: what is reserved, delivered, billed, and left in the books."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import InputError
from rexdynnet.market.flexible import Flexible, room_store
from rexdynnet.market.ledger import Cause, audit_csv
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.strategies import Scaled
from rexdynnet.study.checkpoint import Keep
from rexdynnet.study.loop import Run, run
from rexdynnet.study.market_settings import Arrangement, MarketSettings, MeterGaps, market_of
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_reservex.toml"
HOUR_S = 3600.0


def scenario(hours: float = 2.0, **changes: object) -> SimulationScenario:
    whole = read_scenario(FILE)
    assert whole.closed_loop is not None
    assert whole.closed_loop.market is not None
    market = replace(whole.closed_loop.market, **changes)
    settings = replace(whole.closed_loop, market=market)
    return replace(whole, duration_s=hours * HOUR_S, closed_loop=settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("market")


@pytest.fixture(scope="module")
def traded(folder: Path) -> Run:
    return run(scenario(), keep=Keep(folder))


def test_what_was_reserved_is_what_the_controller_was_told_to_deliver(traded: Run) -> None:
    assert traded.market is not None
    told = traded.market.whole_schedule()
    exchange = traded.market.exchange
    sold = exchange.schedule(traded.market.lead, len(told.units))
    np.testing.assert_array_equal(told.energy_J, sold.energy_J)
    assert told.energy_J.sum() > 0
    reserved = traded.data["unit_reserved_energy"].sel(substation=list(told.participants))
    np.testing.assert_array_equal(reserved.values, told.energy_J)


def test_every_quote_rests_on_a_certified_price(traded: Run) -> None:
    assert traded.market is not None
    assert (traded.market.uncertified, traded.market.by_tariff) == (0, 0)


@pytest.mark.slow
def test_prices_at_the_markets_tolerance_are_those_of_a_much_finer_plan() -> None:
    usual, finer = (run(scenario(1.0, plan_tolerance=each)).market for each in (1e-2, 1e-3))
    assert usual is not None
    assert finer is not None
    assert (usual.by_tariff, finer.by_tariff) == (0, 0)
    # nothing is traded before the first curve; ticks are 0.1 EUR/MWh
    np.testing.assert_allclose(usual.published[0].ask, finer.published[0].ask, rtol=2e-3, atol=0.11)


def test_bills_rest_on_what_the_plant_delivered(traded: Run) -> None:
    assert traded.market is not None
    delivered = traded.data["unit_delivered_energy"]
    for row, statement in enumerate(traded.market.statements):
        for line in statement.lines:
            metered = float(delivered.sel(substation=line.participant)[row]) / 3600.0
            assert line.delivered_Wh == pytest.approx(metered, abs=0.51)


def test_the_books_of_a_run_sum_to_zero_and_can_be_added_up_again(
    traded: Run, folder: Path
) -> None:
    assert traded.market is not None
    ledger = traded.market.exchange.ledger
    assert ledger.total == 0
    ledger.to_csv(folder / "ledger.csv")
    again = audit_csv(folder / "ledger.csv")
    assert again == {name: uEUR for name, uEUR in ledger.balances().items() if name in again}
    assert {Cause.TRADE, Cause.SUPPLY, Cause.LOSSES} <= set(ledger.by_cause())


def test_bills_leave_out_what_was_paid_for_units_after_the_run(traded: Run) -> None:
    assert traded.market is not None
    ledger = traded.market.exchange.ledger
    later = traded.market.lead + len(traded.market.statements)
    ahead = sum(e.amount_uEUR for e in ledger.entries() if e.unit >= later and e.credit == "maker")
    back = sum(e.amount_uEUR for e in ledger.entries() if e.unit >= later and e.debit == "maker")
    assert ahead > back
    gained = traded.market.bills.settled_uEUR(traded.market.exchange)
    assert sum(gained.values()) == 0
    assert gained["maker"] == ledger.balances()["maker"] - (ahead - back)


def test_the_makers_surplus_of_settled_units_is_shared_out(traded: Run) -> None:
    assert traded.market is not None
    bills = traded.market.bills
    assert bills.surplus_uEUR is not None
    assert bills.settled_uEUR(traded.market.exchange)["maker"] == 0
    spent = -sum(traded.market.bills_EUR().values())
    supply = bills.settled_uEUR(traded.market.exchange)
    rest = sum(supply[name] for name in ("network", "supply", "pool", "remainder"))
    assert spent == pytest.approx(-rest / 1e6, abs=1e-6)


def test_meters_read_late_lead_to_the_bills_of_meters_read_at_once(traded: Run) -> None:
    assert traded.market is not None
    late = run(scenario(gaps=MeterGaps(0.3, 1))).market
    assert late is not None
    assert late.bills.resettled == 2
    assert late.bills_EUR() == traded.market.bills_EUR()
    assert not any(statement.provisional for statement in late.statements)
    assert Cause.CORRECTION in late.exchange.ledger.by_cause()


def test_a_prosumer_trades_as_its_policy_says(traded: Run) -> None:
    assert traded.market is not None
    short = run(scenario(1.0, policies={"substation_3": Scaled(0.5)})).market
    assert short is not None
    usual, now = (m.whole_schedule() for m in (traded.market, short))
    at = usual.participants.index("substation_3")
    assert now.energy_J[0, at] == pytest.approx(0.5 * usual.energy_J[0, at], abs=1.5 * 100 * 3600)
    others = [i for i in range(len(usual.participants)) if i != at]
    np.testing.assert_allclose(now.energy_J[0, others], usual.energy_J[0, others], atol=3.7e5)


def test_the_journal_of_a_run_leads_to_the_same_books(traded: Run, folder: Path) -> None:
    assert traded.market is not None
    before = traded.market.exchange
    again = Reservex(before.market, folder / "market.journal")
    assert again.ledger.balances() == before.ledger.balances()
    again.close()


def test_the_gate_of_a_run_covers_its_first_unit() -> None:
    whole = scenario()
    settings = MarketSettings(gate_s=2 * HOUR_S)
    market = market_of(settings, whole.network, whole.start_utc)
    first = market.rules.first_open(0.0)
    assert market.rules.time_unit(first).start == whole.start_utc


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"gate_s": 5400.0}, "market.gate"), ({"window": 30}, "market.window")],
)
def test_a_market_that_cannot_work_is_refused(changes: dict[str, float], field: str) -> None:
    with pytest.raises(InputError) as caught:
        MarketSettings(**changes)
    assert [finding.field for finding in caught.value.findings] == [field]


@pytest.mark.slow
@pytest.mark.parametrize("arrangement", [Arrangement.OPERATOR_FORECAST, Arrangement.SPOT])
def test_without_reservation_everybody_pays_for_what_the_meter_says(
    arrangement: Arrangement,
) -> None:
    done = run(scenario(arrangement=arrangement))
    assert done.market is not None
    assert not list(done.market.exchange.trades())
    lines = [line for statement in done.market.statements for line in statement.lines]
    assert sum(line.penalty_uEUR for line in lines) == 0
    if arrangement is Arrangement.OPERATOR_FORECAST:
        tariff = done.market.settings.tariff_EUR_per_MWh
        for line in lines:
            assert line.imbalance_uEUR == pytest.approx(line.delivered_Wh * tariff, abs=2)


@pytest.mark.slow
def test_the_predictive_controller_delivers_what_was_traded() -> None:
    whole = scenario()
    assert whole.closed_loop is not None
    control = replace(whole.closed_loop.control, kind=ControllerKind.MPC)
    done = run(replace(whole, closed_loop=replace(whole.closed_loop, control=control)))
    assert done.market is not None
    assert done.market.exchange.ledger.total == 0
    assert done.data["unit_reserved_energy"].sum() > 0
    assert set(done.data["control_outcome_name"].values) == {"ok"}


def test_a_flexible_prosumer_draws_at_other_times_and_keeps_its_rooms_in_their_band(
    traded: Run,
) -> None:
    store = room_store(3.6e7, 150.0, HOUR_S, 0.5, 20e3)
    name = "substation_3"
    moved = run(scenario(policies={name: Flexible(store)}))
    assert moved.market is not None
    assert traded.market is not None
    usual, now = traded.data["unit_demanded_energy"], moved.data["unit_demanded_energy"]
    shift_Wh = (now - usual).sel(substation=name).values / 3600.0
    assert np.abs(shift_Wh).max() > 500.0
    others = [each for each in traded.market.names if each != name]
    xr.testing.assert_allclose(now.sel(substation=others), usual.sel(substation=others))
    room_K = 0.0
    for each, line in zip(shift_Wh, moved.market.lines_of(name), strict=True):
        room_K = store.transition[0, 0] * room_K + store.gain_K_per_Wh[0] * each
        assert abs(room_K) <= 0.5 + 1e-6
        # it draws what it reserved, unless its rooms forbid that
        as_reserved = line.demanded_Wh == pytest.approx(line.reserved_Wh, abs=2)
        assert as_reserved or abs(room_K) > 0.5 - 1e-3
    figures = moved.market.figures()
    assert figures["shifted_kWh"] == pytest.approx(np.abs(shift_Wh).sum() / 1e3, rel=1e-6)
