"""What a run's market published, settled and booked, as variables of its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rexdynnet.market.contracts import J_PER_Wh
from rexdynnet.market.mechanism import NO_BOUND
from rexdynnet.market.reservex import Reservex

if TYPE_CHECKING:
    from rexdynnet.study.market_session import MarketSession

Floats = NDArray[np.float64]

_uEUR = 1e6
_PRICE = {"units": "EUR/MWh"}
_JOULE = {"units": "J"}
_MONEY = {"units": "EUR"}


class Published(NamedTuple):
    """The exchange after a gate, for every open unit.

    Parameters
    ----------
    first : int
        The first open unit, counted from the run's first.
    ask, bid : ndarray, shape (window, places)
        Best prices, EUR/MWh; NaN where there is none.
    for_sale_J, wanted_J : ndarray, shape (window, places)
        How much may follow at each place alone, the others untouched; infinite without a bound.
    sold_J : ndarray, shape (window,)
        Sold net over the network.
    """

    first: int
    ask: Floats
    bid: Floats
    for_sale_J: Floats
    wanted_J: Floats
    sold_J: Floats


def published(exchange: Reservex, places: tuple[str, ...], lead: int) -> Published:
    """Read the whole forward curve.

    Parameters
    ----------
    exchange : Reservex
    places : tuple of str
        The first nodes of the market: those of an auction's operator are left out.
    lead : int
        Number of the market's unit that begins with the run.
    """
    rules = exchange.rules
    first = rules.first_open(exchange.now_s)
    shape = (rules.window, len(places))
    price = np.full((2, *shape), np.nan)
    depth = np.zeros((2, *shape))
    for column, name in enumerate(places):
        for row, (_, quote) in enumerate(exchange.forward_curve(name)):
            for side, levels in enumerate((quote.asks, quote.bids)):
                if levels:
                    price[side, row, column] = rules.EUR_per_MWh(levels[0].price_uEUR)
                    lots = sum(level.lots for level in levels)
                    bounded = lots < NO_BOUND
                    depth[side, row, column] = lots * rules.lot_J if bounded else np.inf
    sold = exchange.schedule(first, rules.window).energy_J[:, : len(places)].sum(axis=1)
    return Published(first - lead, price[0], price[1], depth[0], depth[1], sold)


def with_market(data: xr.Dataset, market: MarketSession) -> xr.Dataset:
    """Add what a market did to the result of its run.

    Parameters
    ----------
    data : xarray.Dataset
    market : MarketSession
        Finished.

    Returns
    -------
    xarray.Dataset
        By `gate` (instant of publication) and `forward_unit` what was quoted and sold; by
        `market_unit` and `participant` what was reserved, demanded, delivered and paid (injection
        is negative); by `account` and `cause` what settled units brought.
    """
    unit_s, names = market.settings.unit_s, list(market.places)
    kept = market.published
    statements = market.statements
    quotes, cells = ("gate", "forward_unit", "participant"), ("market_unit", "participant")
    energy = np.zeros((3, len(statements), len(names)))
    for row, statement in enumerate(statements):
        for line in statement.lines:
            if line.participant not in names:  # an auction's operator
                continue
            column = names.index(line.participant)
            wh = (line.reserved_Wh, line.demanded_Wh, line.delivered_Wh)
            energy[:, row, column] = np.array(wh) * J_PER_Wh
    marginal = [[unit[name] for name in names] for unit in market.marginals]
    rules = market.exchange.rules
    prices = np.array([[rules.EUR_per_MWh(p) for p in row] for row in marginal])
    accounts, causes, amounts = _amounts(market)
    starts = np.array([each.first + np.arange(len(each.ask)) for each in kept]) * unit_s
    gates = unit_s * np.arange(len(kept), dtype=np.float64)
    # before the run begins, and with it: the first two are published at its start
    gates = np.maximum(gates - unit_s, 0.0)
    return data.assign(
        forward_start=(("gate", "forward_unit"), starts, {"units": "s"}),
        forward_ask=(quotes, np.array([each.ask for each in kept]), _PRICE),
        forward_bid=(quotes, np.array([each.bid for each in kept]), _PRICE),
        forward_for_sale=(quotes, np.array([each.for_sale_J for each in kept]), _JOULE),
        forward_wanted=(quotes, np.array([each.wanted_J for each in kept]), _JOULE),
        forward_sold=(("gate", "forward_unit"), np.array([each.sold_J for each in kept]), _JOULE),
        market_reserved_energy=(cells, energy[0], _JOULE),
        market_demanded_energy=(cells, energy[1], _JOULE),
        market_delivered_energy=(cells, energy[2], _JOULE),
        market_marginal_price=(cells, prices, _PRICE),
        market_paid=(cells, _paid(market), _MONEY),
        ledger_gain=(("account", "cause"), amounts, _MONEY),
    ).assign_coords(
        gate=("gate", gates, {"units": "s", "long_name": "instant of publication"}),
        market_unit=("market_unit", unit_s * np.arange(len(statements)), {"units": "s"}),
        market_unit_length_s=unit_s,
        participant=("participant", names),
        account=("account", accounts),
        cause=("cause", causes),
    )


def _paid(market: MarketSession) -> Floats:
    """EUR that each participant paid on each settled unit, true-up left out."""
    column = {name: i for i, name in enumerate(market.places)}
    row = {statement.unit: i for i, statement in enumerate(market.statements)}
    found = np.zeros((len(row), len(column)))
    for entry in market.exchange.ledger.entries():
        if entry.unit in row:
            for name, sign in ((entry.debit, 1.0), (entry.credit, -1.0)):
                if name in column:
                    found[row[entry.unit], column[name]] += sign * entry.amount_uEUR / _uEUR
    return found


def _amounts(market: MarketSession) -> tuple[list[str], list[str], Floats]:
    """EUR that every account gained on settled units and by true-up, by cause."""
    settled = market.bills.settled_units
    accounts = list(market.exchange.ledger.names)
    found: dict[str, Floats] = {}
    for entry in market.exchange.ledger.entries():
        if entry.unit in settled:
            each = found.setdefault(entry.cause.name.lower(), np.zeros(len(accounts)))
            each[accounts.index(entry.debit)] -= entry.amount_uEUR / _uEUR
            each[accounts.index(entry.credit)] += entry.amount_uEUR / _uEUR
    table = np.array(list(found.values())).reshape(len(found), len(accounts))
    return accounts, list(found), table.T
