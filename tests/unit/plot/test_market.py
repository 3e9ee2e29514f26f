"""Pictures of a run's market."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import rexdynnet as rdn
from rexdynnet.errors import InputError
from rexdynnet.market.risk import conditional_value_at_risk
from rexdynnet.plot import (
    bills,
    forward_curves,
    inventory,
    ledger_by_cause,
    order_book,
    price_map,
    reservations,
)
from rexdynnet.plot.style import new_picture
from rexdynnet.study.loop import Run
from tests.data import ROOT


@pytest.fixture(scope="module")
def traded() -> Run:
    scenario = rdn.read_scenario(ROOT / "models/scenarios/destest16_producers.toml")
    morning = scenario.start_utc + timedelta(hours=11)
    return rdn.run(replace(scenario, start_utc=morning, duration_s=2 * 3600.0))


def test_forward_curves_end_in_what_heat_cost(traded: Run) -> None:
    figure = forward_curves(traded.data, participant="substation_4")
    steps = [patch.get_data() for patch in figure.axes[0].patches]
    gates = traded.data["forward_ask"].sel(participant="substation_4").values
    assert len(steps) == len(gates) + 1
    np.testing.assert_array_equal(steps[0].values, gates[0])
    settled = traded.data["market_marginal_price"].sel(participant="substation_4").values
    np.testing.assert_array_equal(steps[-1].values, settled)


def test_the_inventory_of_a_closed_unit_is_what_was_reserved(traded: Run) -> None:
    figure = inventory(traded.data)
    reserved = figure.axes[0].patches[-1].get_data().values
    assert traded.market is not None
    exchange, lead = traded.market.exchange, traded.market.lead
    np.testing.assert_allclose(reserved, exchange.schedule(lead, 2).energy_J.sum(axis=1) / 3.6e6)


def test_the_book_shows_prices_and_depths(traded: Run) -> None:
    figure = order_book(traded.data, participant="substation_4", gate=1)
    words = [text.get_text() for ax in figure.axes for text in ax.get_legend().get_texts()]
    assert words == ["ask", "bid", "can be bought", "can be given back: no bound"]
    ask, bid = (patch.get_data().values for patch in figure.axes[0].patches)
    assert (ask >= bid).all()


def test_reservations_have_a_panel_for_everybody_and_say_who_feeds_in(traded: Run) -> None:
    figure = reservations(traded.data)
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.get_visible()]
    assert len(titles) == 19
    assert titles[-3:] == ["solar, fed in", "heat_pump, fed in", "bakery, fed in"]


def test_the_ledger_by_cause_sums_to_each_accounts_gain(traded: Run) -> None:
    gains = traded.data["ledger_gain"].sum("cause")
    assert float(gains.sum()) == pytest.approx(0.0, abs=1e-9)
    panels = ledger_by_cause(traded.data).axes
    titles = [panel.get_title() for panel in panels]
    assert titles[-1] == "sum"
    assert {"trade", "imbalance", "penalty"} <= set(titles)
    accounts = [text.get_text() for text in panels[0].get_yticklabels()]
    for panel, title in zip(panels[:-1], titles[:-1], strict=True):
        one = traded.data["ledger_gain"].sel(account=accounts, cause=title.replace(" ", "_"))
        np.testing.assert_allclose([bar.get_width() for bar in panel.patches], one)
    widths = [bar.get_width() for bar in panels[-1].patches]
    np.testing.assert_allclose(widths, gains.sel(account=accounts))
    figure = ledger_by_cause(traded.data, new_picture().subplots())
    (sums,) = [line for line in figure.axes[0].lines if line.get_label() == "sum"]
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    np.testing.assert_allclose(sums.get_xdata(), gains.sel(account=names))


def test_bills_are_those_of_the_market_per_metered_MWh(traded: Run) -> None:
    figure = bills(traded.data)
    heights = sorted(figure.axes[0].lines[0].get_ydata())
    assert traded.market is not None
    taken = traded.data["market_delivered_energy"].sum("market_unit") / 3.6e9
    paid = traded.market.bills_EUR()
    each = sorted(paid[n] / float(taken.sel(participant=n)) for n in traded.market.names)
    np.testing.assert_allclose(heights, each)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.floats(0.05, 0.95))
def test_the_value_at_risk_lies_between_mean_and_largest(found: list[float], level: float) -> None:
    values = np.array(found)
    risk = conditional_value_at_risk(values, level)
    assert values.mean() - 1e-6 <= risk <= values.max() + 1e-6
    # Rockafellar and Uryasev: the least over t of t + E(x - t)+ / (1 - level)
    excess = [t + np.maximum(values - t, 0.0).mean() / (1.0 - level) for t in values]
    assert risk == pytest.approx(min(excess), abs=1e-6)


def test_prices_stand_on_the_map_where_their_places_are(traded: Run) -> None:
    figure = price_map(traded.data, unit=1)
    (dots,) = [one for one in figure.axes[0].collections if one.get_gid() == "prices"]
    prices = traded.data["market_marginal_price"].values[1]
    assert sorted(np.asarray(dots.get_array())) == pytest.approx(sorted(prices))
    with pytest.raises(InputError, match="no unit 7"):
        price_map(traded.data, unit=7)


def test_every_picture_draws_into_given_axes(traded: Run) -> None:
    for draw in (forward_curves, inventory, order_book, reservations, ledger_by_cause, bills):
        ax = new_picture().subplots()
        assert draw(traded.data, ax) is ax.get_figure()


def test_a_run_without_a_market_is_refused_with_the_remedy(traded: Run) -> None:
    bare = xr.Dataset(attrs=traded.data.attrs)
    for draw in (forward_curves, inventory, order_book, reservations, ledger_by_cause, bills):
        with pytest.raises(InputError, match=r"section \[market\]"):
            draw(bare)
    with pytest.raises(InputError, match="did you mean substation_4"):
        forward_curves(traded.data, participant="substaton_4")
