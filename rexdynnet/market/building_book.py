"""The books of a building: reservations of its flats, and a ledger that mirrors the area's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.building import Building, cross, share_out
from rexdynnet.market.building_bill import Bill, Use, bill_of, uses_of
from rexdynnet.market.contracts import Flow, Order
from rexdynnet.market.deviation import Cascade
from rexdynnet.market.ledger import Account, Cause, Ledger, LedgerError
from rexdynnet.market.mechanism import Quote
from rexdynnet.market.policies import Memory, View, Wish
from rexdynnet.market.prosumer import Prosumer, contracts
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import TRUE_UP_UNIT, Line, Terms

Floats = NDArray[np.float64]
_CONSUMES = frozenset({Flow.EJECTION})


class Settled(NamedTuple):
    """What a building must know, beside its line, to pass a settled unit on.

    Parameters
    ----------
    needs : mapping of flat to int
        What allocators counted.
    marginal_uEUR : int
        Per lot.
    cascade : Cascade
        By which penalties were charged.
    """

    needs: Mapping[str, int]
    marginal_uEUR: int
    cascade: Cascade


@dataclass
class BuildingBook:
    """What moves behind one participant of the area's exchange; begin with `open_book`.

    Parameters
    ----------
    building : Building
    ledger : Ledger
        Accounts of the flats and one named like the participant, which holds what flats owe
        the area: the negative of the participant's balance in the area's ledger.
    memories : dict of str to Memory
        Of the flats' policies.
    held : dict of int to dict of str to int
        Lots by unit and flat; they sum to what the building holds.
    wanted : dict of int to dict of str to int
        Lots by unit and flat that were sent to the area last, positive bought.
    uses : dict of int to dict of str to Use
        By settled unit and flat.
    bills : dict of int to Bill
        As they stand, by settled unit.
    lines : dict of int to Line
        Of the building, that the bills rest on.
    number : int
        Of the building's last order.
    seen : int
        Transfers of the area's ledger that were passed on.
    """

    building: Building
    ledger: Ledger
    memories: dict[str, Memory]
    held: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])
    wanted: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])
    uses: dict[int, dict[str, Use]] = field(default_factory=dict[int, dict[str, Use]])
    bills: dict[int, Bill] = field(default_factory=dict[int, Bill])
    lines: dict[int, Line] = field(default_factory=dict[int, Line])
    number: int = 0
    seen: int = 0

    def held_in(self, unit: int) -> dict[str, int]:
        """Lots of every flat."""
        return self.held.get(unit) or dict.fromkeys(self.building.shares, 0)

    def orders(
        self,
        exchange: Reservex,
        mean_Wh: Mapping[str, Floats],
        spread_Wh: Mapping[str, Floats],
        terms: Terms,
        closing: int = 1,
    ) -> list[Order]:
        """Let the flats trade among themselves, and say what the building orders.

        Parameters
        ----------
        exchange : Reservex
            Of the area; only read.
        mean_Wh, spread_Wh : mapping of flat to ndarray, shape (n,)
            Their forecasts of the first n open units.
        terms : Terms
        closing : int
            Units that close before anybody trades again.

        Returns
        -------
        list of Order
            At most one per unit, to submit before the next call of `follow`.
        """
        wishes = self._wishes(exchange, mean_Wh, spread_Wh, terms, closing)
        found: list[Order] = []
        self.wanted = {}
        for unit in sorted(wishes):
            quote = exchange.quote(self.building.participant, unit)
            middle = quote.middle_uEUR
            if middle is None:
                continue
            price = int(middle // 1)
            lots = {
                name: wish.change_Wh // exchange.rules.lot_Wh
                for name, wish in wishes[unit].items()
                if wish.limit_uEUR is None or (wish.limit_uEUR - price) * wish.change_Wh >= 0
            }
            crossing = cross(lots)
            self._move(unit, crossing.inside)
            paid = {name: -count * price for name, count in crossing.inside.items()}
            self._pay_inside(exchange.event, unit, Cause.TRADE, paid)
            order = self._order(exchange, unit, crossing.outside, wishes[unit], quote)
            if order is not None:
                self.wanted[unit] = crossing.outside
                self.number = order.number
                found.append(order)
        return found

    def follow(
        self, exchange: Reservex, lines: Mapping[int, Line], settled: Callable[[int], Settled]
    ) -> None:
        """Pass on to the flats all that the area's ledger says of the building since.

        Parameters
        ----------
        exchange : Reservex
        lines : mapping of int to Line
            The building's in all statements that stand, by unit of the market.
        settled : callable
            Tells what was counted in such a unit.

        Raises
        ------
        LedgerError
            The two ledgers do not agree.
        """
        amounts = self._news(exchange)
        for cause, amount in amounts.pop(TRUE_UP_UNIT, {}).items():
            shares = share_out(amount, self._used_Wh())
            self._pay_area(exchange.event, TRUE_UP_UNIT, cause, shares)
        traded = {unit: of.pop(Cause.TRADE, 0) for unit, of in amounts.items()}
        # what was bought for nothing has left no transfer
        for unit in sorted(traded.keys() | self.wanted.keys()):
            self._fill(exchange, unit, traded.get(unit, 0))
        for unit, line in lines.items():
            of_unit = amounts.get(unit, {})
            if of_unit or line != self.lines.get(unit):
                self._undo(exchange.event, unit)
                of_unit.pop(Cause.CORRECTION, None)
                self._settle(exchange, unit, line, of_unit, settled(unit))
        name = self.building.participant
        owed = self.ledger.balance[self.ledger.account(name)]
        stands = exchange.ledger.balance[exchange.ledger.account(name)]
        if owed + stands:
            raise LedgerError(
                f"flats of {self.building.name} owe the area {owed} µEUR and it stands at "
                f"{stands}; recover the run from its checkpoint"
            )

    def settled_uEUR(self, units: frozenset[int]) -> dict[str, int]:
        """What every flat gained by some units, the true-up's number among them or not."""
        gains = self.ledger.gains_uEUR(units)
        return {name: gains[name] for name in self.building.shares}

    def _wishes(
        self,
        exchange: Reservex,
        mean_Wh: Mapping[str, Floats],
        spread_Wh: Mapping[str, Floats],
        terms: Terms,
        closing: int,
    ) -> dict[int, dict[str, Wish]]:
        rules, node = exchange.rules, self.building.participant
        first = rules.first_open(exchange.now_s)
        quotes: dict[int, Quote] = {}

        def quote(unit: int) -> Quote:
            if unit not in quotes:
                quotes[unit] = exchange.quote(node, unit)
            return quotes[unit]

        found: dict[int, dict[str, Wish]] = {}
        for flat in self.building.flats:
            count = len(mean_Wh[flat.name])
            held = [self.held_in(unit)[flat.name] for unit in range(first, first + count)]
            view = View(
                rules,
                terms,
                exchange.now_s,
                first,
                np.asarray(mean_Wh[flat.name], dtype=np.float64),
                np.asarray(spread_Wh[flat.name], dtype=np.float64),
                np.array(held, dtype=np.int64) * rules.lot_Wh,
                quote,
                closing,
            )
            wishes, self.memories[flat.name] = flat.policy.trade(view, self.memories[flat.name])
            for wish in wishes:
                if not first <= wish.unit < first + count:
                    continue
                before = found.setdefault(wish.unit, {}).get(flat.name)
                change = wish.change_Wh + (before.change_Wh if before is not None else 0)
                # no flat gives back more than it has
                change = max(change, -held[wish.unit - first] * rules.lot_Wh)
                found[wish.unit][flat.name] = wish._replace(change_Wh=change)
        return found

    def _order(
        self,
        exchange: Reservex,
        unit: int,
        outside: Mapping[str, int],
        wishes: Mapping[str, Wish],
        quote: Quote,
    ) -> Order | None:
        net = sum(outside.values())
        depth = sum(level.lots for level in (quote.asks if net > 0 else quote.bids))
        lots = min(abs(net), depth)
        if not lots:
            return None
        name, rules = self.building.participant, exchange.rules
        limits = [
            limit
            for flat, own in outside.items()
            if own and (limit := wishes[flat].limit_uEUR) is not None
        ]
        limit = (min(limits) if net > 0 else max(limits)) if limits else None
        wish = Wish(unit, lots * rules.lot_Wh * (1 if net > 0 else -1), limit)
        building = Prosumer(name, name, flows=_CONSUMES)
        position = exchange.position(name, name, unit)
        sent: Sequence[Order] = contracts(building, wish, position, rules.lot_Wh, self.number)
        return sent[0] if sent else None

    def _news(self, exchange: Reservex) -> dict[int, dict[Cause, int]]:
        """What the building gained since the last look, by unit and cause."""
        name = self.building.participant
        found: dict[int, dict[Cause, int]] = {}
        for entry in exchange.ledger.entries(self.seen):
            sign = (entry.credit == name) - (entry.debit == name)
            if sign:
                of_unit = found.setdefault(entry.unit, {})
                of_unit[entry.cause] = of_unit.get(entry.cause, 0) + sign * entry.amount_uEUR
        self.seen = len(exchange.ledger)
        return found

    def _used_Wh(self) -> dict[str, int]:
        used = dict.fromkeys(self.building.shares, 0)
        for uses in self.uses.values():
            for name, use in uses.items():
                used[name] += max(use.delivered_Wh, 0)
        return used

    def _fill(self, exchange: Reservex, unit: int, amount_uEUR: int) -> None:
        """Share a trade of the building among those flats that wanted it."""
        name = self.building.participant
        position = exchange.position(name, name, unit)
        held = self.held_in(unit)
        lots = position[Flow.EJECTION] - position[Flow.INJECTION] - sum(held.values())
        if not (lots or amount_uEUR):
            return
        wanted = {flat: abs(own) for flat, own in self.wanted.get(unit, held).items()}
        got = share_out(lots, wanted)
        self._move(unit, got)
        shares = share_out(amount_uEUR, {flat: abs(each) for flat, each in got.items()})
        self._pay_area(exchange.event, unit, Cause.TRADE, shares)

    def _settle(
        self, exchange: Reservex, unit: int, line: Line, amounts: dict[Cause, int], known: Settled
    ) -> None:
        event, lot_Wh = exchange.event, exchange.rules.lot_Wh
        reserved = {name: lots * lot_Wh for name, lots in self.held_in(unit).items()}
        uses = uses_of(line, reserved, known.needs)
        bill = bill_of(line, uses, amounts, known.marginal_uEUR, lot_Wh, known.cascade)
        self._pay_inside(event, unit, Cause.IMBALANCE, bill.netted_uEUR)
        for cause, shares in bill.area_uEUR.items():
            self._pay_area(event, unit, cause, shares)
        self.lines[unit], self.uses[unit], self.bills[unit] = line, uses, bill

    def _undo(self, event: int, unit: int) -> None:
        bill = self.bills.pop(unit, None)
        if bill is None:
            return
        self._pay_inside(event, unit, Cause.CORRECTION, _reversed(bill.netted_uEUR))
        for shares in bill.area_uEUR.values():
            self._pay_area(event, unit, Cause.CORRECTION, _reversed(shares))

    def _move(self, unit: int, lots: Mapping[str, int]) -> None:
        held = self.held_in(unit)
        self.held[unit] = {name: own + lots.get(name, 0) for name, own in held.items()}

    def _pay_area(self, event: int, unit: int, cause: Cause, gained: Mapping[str, int]) -> None:
        area = self.ledger.account(self.building.participant)
        self._pay(event, unit, cause, area, gained)

    def _pay_inside(self, event: int, unit: int, cause: Cause, gained: Mapping[str, int]) -> None:
        self._pay(event, unit, cause, int(Account.POOL), gained)

    def _pay(
        self, event: int, unit: int, cause: Cause, other: int, gained: Mapping[str, int]
    ) -> None:
        # in the order of names: who is listed first must not change a byte
        for name in sorted(gained):
            if gained[name]:
                flat = self.ledger.account(name)
                self.ledger.transfer(event, unit, cause, other, flat, gained[name])


def open_book(building: Building) -> BuildingBook:
    """Begin the books of a building.

    Parameters
    ----------
    building : Building

    Returns
    -------
    BuildingBook
    """
    names = [flat.name for flat in building.flats]
    memories = {flat.name: flat.policy.begin() for flat in building.flats}
    return BuildingBook(building, Ledger([building.participant, *names]), memories)


def check_mirror(area_uEUR: Mapping[str, int], own_uEUR: Mapping[str, int], file: Path) -> str:
    """Compare balances of a building's exported ledger with those of the area's.

    Parameters
    ----------
    area_uEUR, own_uEUR : mapping of account to int
        As `audit_csv` returns them.
    file : Path
        The building's ledger, for the message.

    Returns
    -------
    str
        The participant that the building is.

    Raises
    ------
    InputError
        No account, or more than one, stands in both; or what flats owe is not what the area says.
    """
    common = set(area_uEUR) & set(own_uEUR) - {account.name.lower() for account in Account}
    places = sorted(common)
    if len(places) != 1:
        raise InputError(
            Finding(
                f"the ledgers share {len(places)} accounts, not one",
                "audit a folder whose ledgers are of one run",
                file=file,
            )
        )
    (place,) = places
    if area_uEUR[place] + own_uEUR[place]:
        raise InputError(
            Finding(
                f"flats owe {place} {own_uEUR[place]} µEUR and the area says {area_uEUR[place]}",
                "export both ledgers of the same run again",
                file=file,
                component=place,
            )
        )
    return place


def _reversed(gained: Mapping[str, int]) -> dict[str, int]:
    return {name: -amount for name, amount in gained.items()}
