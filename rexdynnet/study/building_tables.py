"""What flats reserved, got and paid, as variables of a run's result and as files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from rexdynnet.market.building_book import BuildingBook
from rexdynnet.market.contracts import J_PER_Wh
from rexdynnet.market.ledger import Account, Cause, seal_path
from rexdynnet.market.settle import TRUE_UP_UNIT

if TYPE_CHECKING:
    from rexdynnet.study.market_session import MarketSession

FLATS = "flats.csv"
"""Name of the table of all flats."""

_uEUR = 1e6
_BILLED = (
    Cause.IMBALANCE,
    Cause.PENALTY,
    Cause.COMPENSATION,
    Cause.DISCARD,
    Cause.QUALITY,
    Cause.SHARE,
)
_COLUMNS = (
    "building",
    "flat",
    "reserved_kWh",
    "demanded_kWh",
    "delivered_kWh",
    "netted_kWh",
    "reservations_EUR",
    "traded_inside_EUR",
    "netted_inside_EUR",
    *(f"{cause.name.lower()}_EUR" for cause in _BILLED),
    "true_up_EUR",
    "paid_EUR",
)


class FlatAccount(NamedTuple):
    """A flat's bill for the settled units; µEUR are positive where it pays.

    Parameters
    ----------
    building, flat : str
    reserved_Wh, demanded_Wh, delivered_Wh : int
    netted_Wh : int
        Taken from what other flats had reserved; negative was left to them.
    parts_uEUR : dict of str to int
        By column of the table, without the sum.
    """

    building: str
    flat: str
    reserved_Wh: int
    demanded_Wh: int
    delivered_Wh: int
    netted_Wh: int
    parts_uEUR: dict[str, int]

    @property
    def paid_uEUR(self) -> int:
        """Sum of the parts."""
        return sum(self.parts_uEUR.values())


def flat_accounts(market: MarketSession) -> list[FlatAccount]:
    """Bill every flat, building after building.

    Parameters
    ----------
    market : MarketSession
    """
    return [each for book in market.buildings.books for each in _accounts(book)]


def write_flats(market: MarketSession, folder: Path) -> None:
    """Write the table of flats and every building's ledger with its seal.

    Parameters
    ----------
    market : MarketSession
        Nothing is written where no flats trade.
    folder : Path
    """
    books = market.buildings.books
    if not books:
        return
    for book in books:
        book.ledger.to_csv(folder / _ledger(book))
    with (folder / FLATS).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for each in flat_accounts(market):
            energies = (each.reserved_Wh, each.demanded_Wh, each.delivered_Wh, each.netted_Wh)
            money = (*each.parts_uEUR.values(), each.paid_uEUR)
            writer.writerow(
                (
                    each.building,
                    each.flat,
                    *(f"{energy / 1e3:.3f}" for energy in energies),
                    *(f"{amount / _uEUR:.6f}" for amount in money),
                )
            )


def building_ledgers(folder: Path) -> list[Path]:
    """Ledgers of buildings that a run left in a folder."""
    return sorted(folder.glob("ledger_*.csv"))


def remove_flats(out: Path, market: MarketSession | None) -> None:
    """Delete what an earlier run wrote of flats that are not in this one.

    Parameters
    ----------
    out : Path
    market : MarketSession or None
        Of this run.
    """
    books = () if market is None else market.buildings.books
    stay = {_ledger(book) for book in books}
    for ledger in building_ledgers(out):
        if ledger.name not in stay:
            seal_path(ledger).unlink(missing_ok=True)
            ledger.unlink()
    if not stay:
        (out / FLATS).unlink(missing_ok=True)


def with_flats(data: xr.Dataset, market: MarketSession) -> xr.Dataset:
    """Add what flats did to the result of their run.

    Parameters
    ----------
    data : xarray.Dataset
        With the market's variables; see `with_market`.
    market : MarketSession
        Finished.

    Returns
    -------
    xarray.Dataset
        By `market_unit` and `flat` (`building/flat`) energies and what was paid, true-up left
        out; by `flat` and `flat_cause` what the settled units cost. Unchanged without buildings.
    """
    books = market.buildings.books
    if not books:
        return data
    units = [statement.unit for statement in market.statements]
    names = [f"{book.building.name}/{name}" for book in books for name in book.building.shares]
    energy = np.zeros((4, len(units), len(names)))
    paid = np.zeros((len(units), len(names)))
    for row, unit in enumerate(units):
        column = 0
        for book in books:
            gained = book.settled_uEUR(frozenset((unit,)))
            for name in book.building.shares:
                energy[:3, row, column] = book.uses[unit][name]
                energy[3, row, column] = book.bills[unit].netted_Wh[name]
                paid[row, column] = -gained[name] / _uEUR
                column += 1
    accounts = flat_accounts(market)
    causes = [name.removesuffix("_EUR") for name in accounts[0].parts_uEUR]
    parts = np.array([list(each.parts_uEUR.values()) for each in accounts]) / _uEUR
    cells, joule, money = ("market_unit", "flat"), {"units": "J"}, {"units": "EUR"}
    return data.assign(
        flat_reserved_energy=(cells, energy[0] * J_PER_Wh, joule),
        flat_demanded_energy=(cells, energy[1] * J_PER_Wh, joule),
        flat_delivered_energy=(cells, energy[2] * J_PER_Wh, joule),
        flat_netted_energy=(cells, energy[3] * J_PER_Wh, joule),
        flat_paid=(cells, paid, money),
        flat_cost=(("flat", "flat_cause"), parts, money),
    ).assign_coords(flat=("flat", names), flat_cause=("flat_cause", causes))


def flat_lines(market: MarketSession) -> list[str]:
    """What a person wants to read of buildings."""
    found: list[str] = []
    for book in market.buildings.books:
        accounts = list(_accounts(book))
        missed = [use.taken_Wh for of_unit in book.uses.values() for use in of_unit.values()]
        left = [line.delivered_Wh - line.reserved_Wh for line in book.lines.values()]
        alone, together = (sum(map(abs, each)) / 1e3 for each in (missed, left))
        inside = sum(max(each.parts_uEUR["traded_inside_EUR"], 0) for each in accounts) / _uEUR
        paid = sum(each.paid_uEUR for each in accounts) / _uEUR
        found.append(
            f"  building {book.building.name} at {book.building.participant}: "
            f"{len(accounts)} flats pay {paid:,.2f} EUR, what the area bills; "
            f"{inside:,.2f} EUR traded inside; their deviations sum to {alone:,.1f} kWh and the "
            f"building's to {together:,.1f} kWh"
        )
    return found


def _ledger(book: BuildingBook) -> str:
    return f"ledger_{book.building.name}.csv"


def _accounts(book: BuildingBook) -> Iterator[FlatAccount]:
    forward, inside, shared = _booked(book)
    for name in book.building.shares:
        uses = [of_unit[name] for of_unit in book.uses.values()]
        bills = book.bills.values()
        parts = {
            "reservations_EUR": -forward[name],
            "traded_inside_EUR": -inside[name],
            "netted_inside_EUR": -sum(bill.netted_uEUR[name] for bill in bills),
        }
        for cause in _BILLED:
            gained = sum(bill.area_uEUR.get(cause, {}).get(name, 0) for bill in bills)
            parts[f"{cause.name.lower()}_EUR"] = -gained
        yield FlatAccount(
            book.building.name,
            name,
            sum(use.reserved_Wh for use in uses),
            sum(use.demanded_Wh for use in uses),
            sum(use.delivered_Wh for use in uses),
            sum(bill.netted_Wh[name] for bill in bills),
            {**parts, "true_up_EUR": -shared[name]},
        )


def _booked(book: BuildingBook) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """What flats gained by trading with the area, inside, and by true-up, of settled units."""
    pool = Account.POOL.name.lower()
    tables = tuple(dict.fromkeys(book.ledger.names, 0) for _ in range(3))
    for entry in book.ledger.entries():
        if entry.unit == TRUE_UP_UNIT:
            table = tables[2]
        elif entry.cause is Cause.TRADE and entry.unit in book.uses:
            table = tables[1 if pool in (entry.debit, entry.credit) else 0]
        else:
            continue
        table[entry.debit] -= entry.amount_uEUR
        table[entry.credit] += entry.amount_uEUR
    return tables[0], tables[1], tables[2]
