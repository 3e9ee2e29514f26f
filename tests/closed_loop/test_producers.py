"""Producers in the market of a run: what they promise, what is taken, what they are paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.ledger import Cause
from rexdynnet.study.loop import Run, check_run, run
from rexdynnet.study.market_producers import make_producers, producer_rows
from rexdynnet.study.market_settings import Arrangement, MarketSettings
from rexdynnet.study.run_preview import Forecaster
from rexdynnet.study.run_world import make_world
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_producers.toml"


def scenario(hours: float = 3.0, **changes: object) -> SimulationScenario:
    whole = read_scenario(FILE)
    settings = whole.closed_loop
    assert settings is not None
    assert settings.market is not None
    market = replace(settings.market, **changes)
    morning = whole.start_utc + timedelta(hours=11)
    settings = replace(settings, market=market)
    return replace(whole, start_utc=morning, duration_s=hours * 3600.0, closed_loop=settings)


@pytest.fixture(scope="module")
def traded() -> Run:
    return run(scenario())


def test_producers_and_consumers_trade_on_one_exchange(traded: Run) -> None:
    assert traded.market is not None
    assert traded.market.places[-3:] == ("solar", "heat_pump", "bakery")
    promised, drawn = traded.market.promised, traded.market.whole_schedule()
    assert promised is not None
    assert (promised.energy_J[:3].sum(axis=0) > 0).all()
    assert drawn.energy_J.min() >= 0
    assert "solar" not in drawn.participants


def test_a_heat_pump_is_asked_for_what_its_owner_promised(traded: Run) -> None:
    assert traded.market is not None
    lines = traded.market.lines_of("heat_pump")
    assert {line.delivered_Wh for line in lines} == {line.reserved_Wh for line in lines}
    assert min(line.reserved_Wh for line in lines) == -20_000


def test_what_is_fed_in_is_what_the_plant_gave(traded: Run) -> None:
    assert traded.market is not None
    heat = traded.data["plant_heat"].sel(plant="solar")
    whole_Wh = float(heat[1:].mean()) * 3.0
    metered = -sum(line.delivered_Wh for line in traded.market.lines_of("solar"))
    assert metered == pytest.approx(whole_Wh, rel=1e-3)
    for line in traded.market.lines_of("bakery"):
        assert line.reserved_Wh - 1 <= line.delivered_Wh <= 0
        assert line.demanded_Wh <= -5_000  # the ovens' waste heat at that time of the day


def test_a_solar_field_feeds_in_all_that_it_collects_though_the_forecast_was_too_low(
    traded: Run,
) -> None:
    assert traded.market is not None
    lines = traded.market.lines_of("solar")
    on_offer, fed = (
        sum(getattr(e, f"{key}_Wh") for e in lines) for key in ("demanded", "delivered")
    )
    assert fed == pytest.approx(on_offer, rel=0.05)
    controls = traded.data["control_input"].sel(control="solar.heat")
    planned = traded.data["control_reference"].sel(control="solar.heat")
    assert (controls > 1.5 * planned).all()


def test_the_operator_pays_for_fed_in_heat_by_the_ledger_and_for_no_fuel_of_others(
    traded: Run,
) -> None:
    assert traded.market is not None
    ledger = traded.market.exchange.ledger
    assert ledger.total == 0
    bills = traded.market.bills_EUR()
    assert all(bills[name] < 0 for name in ("solar", "heat_pump", "bakery"))
    supply = sum(e.amount_uEUR for e in ledger.entries() if e.cause is Cause.SUPPLY) / 1e6
    assert 0 < supply < traded.kpis.numbers()["cost_EUR"] - 1.0


def test_without_reservation_fed_in_heat_is_paid_as_metered() -> None:
    done = run(scenario(1.0, arrangement=Arrangement.OPERATOR_FORECAST)).market
    assert done is not None
    assert done.promised is None
    (line,) = done.lines_of("solar")
    assert line.reserved_Wh == 0
    assert line.delivered_Wh < -10_000
    paid_uEUR = -line.imbalance_uEUR
    assert paid_uEUR / -line.delivered_Wh == pytest.approx(60.0, rel=1e-3)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("sun",), "'sun' is no plant.*solar, heat_pump, bakery"),
        (("boiler",), "boiler.*cannot be"),
        ((), "there is no participant 'solar'"),  # its policy is left over
    ],
)
def test_only_plants_that_can_promise_heat_are_producers(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_run(scenario(producers=names))


def test_heat_fed_in_is_priced_at_the_nearest_substation() -> None:
    what = scenario()
    settings = what.closed_loop
    assert settings is not None
    market = MarketSettings(producers=("bakery",))
    world = make_world(what, settings)
    forecaster = Forecaster(what.network, world.truth, settings.forecast, what.seed)
    made = make_producers(market, what.network, forecaster, settings.prices, what.start_utc)
    place = made.beside["bakery"]
    at = {node.name: np.array([node.x_m, node.y_m]) for node in what.network.nodes}
    units = {unit.name: unit for unit in what.network.substations}
    bakery = what.network.plants[producer_rows(market, what.network)[0]].supply_node
    far = {name: np.abs(at[unit.supply_node] - at[bakery]).sum() for name, unit in units.items()}
    assert far[place] == min(far.values())
