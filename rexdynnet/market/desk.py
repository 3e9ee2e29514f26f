"""The desk behind the counter: books what mechanisms decide, on both sides of every fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rexdynnet.market.holdings import Holdings
from rexdynnet.market.ledger import Account, Cause, Ledger
from rexdynnet.market.mechanism import MAKER, Fill, Outcome
from rexdynnet.market.promise import Promise

FIRST_ACCOUNT = len(Account)
"""Accounts of the ledger before those of participants."""
MAKER_ACCOUNT, TRADE = int(Account.MAKER), int(Cause.TRADE)


class Trade(NamedTuple):
    """Lots that changed hands, as published; `MAKER` (−1) stands for the reservation maker."""

    event: int
    unit: int
    buyer: int
    seller: int
    buyer_node: int
    seller_node: int
    lots: int
    amount_uEUR: int


class Notice(NamedTuple):
    """An order that left the book without its sender asking."""

    participant: str
    number: int
    lots: int
    why: str


class OpenOrder:
    """An order the exchange took, as long as lots of it may trade."""

    __slots__ = (
        "closing",
        "flow",
        "hold",
        "key",
        "lots",
        "node",
        "number",
        "owner",
        "sign",
        "unit",
    )

    def __init__(
        self, owner: int, number: int, flow: int, sign: int, node: int, unit: int, lots: int,
        key: int, hold: int, closing: bool,
    ) -> None:  # fmt: skip
        self.owner = owner
        self.number = number
        self.flow = flow
        self.sign = sign
        self.node = node
        self.unit = unit
        self.lots = lots
        self.key = key
        self.hold = hold
        self.closing = closing


class Desk:
    """Orders that wait, and the books that every fill changes together.

    Parameters
    ----------
    names : sequence of str
        Of the participants.
    holdings : Holdings
    ledger : Ledger
    """

    def __init__(self, names: Sequence[str], holdings: Holdings, ledger: Ledger) -> None:
        self.names = names
        self.holdings = holdings
        self.ledger = ledger
        self.promise: Promise | None = None
        self.open: dict[int, OpenOrder] = {}
        self.numbers: dict[tuple[int, int], int] = {}
        """Exchange's number of every waiting order, by owner and owner's number."""
        self.trades: list[tuple[int, ...]] = []
        self.notices: list[Notice] = []

    def sell(
        self,
        event: int,
        key: int,
        owner: int,
        flow: int,
        sign: int,
        node: int,
        unit: int,
        lots: int,
        cost_uEUR: int,
    ) -> None:
        """Book a trade with the reservation maker, who is no participant."""
        holdings = self.holdings
        cell = unit * holdings.nodes + node
        holdings.trade(key, owner, flow, sign, cell, lots, sign * cost_uEUR)
        self.ledger.transfer(event, unit, TRADE, FIRST_ACCOUNT + owner, MAKER_ACCOUNT, cost_uEUR)
        if sign > 0:
            trade = (event, unit, owner, MAKER, node, node, lots, cost_uEUR)
        else:
            trade = (event, unit, MAKER, owner, node, node, lots, -cost_uEUR)
        self.trades.append(trade)

    def renew(self, promise: Promise) -> list[int]:
        """Promise within a new envelope: what was sold counts first, then orders by age.

        Returns
        -------
        list of int
            Orders that no longer fit; they have left the desk.
        """
        nodes = self.holdings.nodes
        sold = np.zeros((promise.count, nodes), dtype=np.int64)
        for cell, lots in self.holdings.sold.items():
            unit, node = divmod(cell, nodes)
            if 0 <= unit - promise.first < promise.count:
                sold[unit - promise.first, node] = lots
        promise.take_all(sold)
        self.promise = promise
        gone: list[int] = []
        for number, each in list(self.open.items()):
            left = promise.held(each.unit, each.node, each.sign, each.lots)
            if left is None:
                binding = "no envelope covers it"
            else:
                binding = promise.refusal(left)
                promise.left = promise.left if binding else left
            if binding:
                self.withdraw(number, binding, held=False)
                gone.append(number)
        return gone

    def matched(
        self, event: int, taken: OpenOrder, outcome: Outcome, may_wait: bool
    ) -> tuple[int, int, int]:
        """Book what an order met on its way into the book, and hold what waits there.

        Parameters
        ----------
        event : int
            Number of the order.
        taken : OpenOrder
        outcome : Outcome
            Of the mechanism.
        may_wait : bool
            False for market orders, the rest of which is dropped.

        Returns
        -------
        lots, amount_uEUR, resting : int
            Traded, paid for them (negative: received), and left in the book.
        """
        holdings = self.holdings
        wanted = taken.lots
        done = paid = 0
        fills, _, withdrawn = outcome
        promise, sign = self.promise, taken.sign
        if fills:
            owner, node, unit = taken.owner, taken.node, taken.unit
            met, pay = self._met, self._pay
            for buy, sell, lots, amount_uEUR in fills:
                done += lots
                paid += amount_uEUR
                if sign > 0:
                    other = met(sell, lots, amount_uEUR)
                    pay(event, unit, owner, other.owner, node, other.node, lots, amount_uEUR)
                else:
                    other = met(buy, lots, amount_uEUR)
                    pay(event, unit, other.owner, owner, other.node, node, lots, amount_uEUR)
            cell = unit * holdings.nodes + node
            holdings.trade(taken.key, owner, taken.flow, sign, cell, done, paid)
            if promise is not None:
                promise.fill(unit, node, sign, done)
        rest = wanted - done
        if rest and may_wait:
            taken.lots = rest
            self.open[event] = taken
            self.numbers[taken.owner, taken.number] = event
            if taken.closing:
                holdings.closing[taken.key] = holdings.closing.get(taken.key, 0) + rest
            holdings.held[taken.owner] += taken.hold * rest
        elif rest:
            if promise is not None:
                promise.release(taken.unit, taken.node, sign, rest)
            rest = 0
        for number in withdrawn:
            self.withdraw(number, "it would have met another order of its own sender")
        return done, sign * paid, rest

    def trade(self, event: int, fill: Fill) -> None:
        """Book a fill between two orders that wait, on both sides."""
        buy, sell, lots, amount_uEUR = fill
        one, other = self._met(buy, lots, amount_uEUR), self._met(sell, lots, amount_uEUR)
        who = (one.owner, other.owner, one.node, other.node)
        self._pay(event, one.unit, *who, lots, amount_uEUR)

    def _met(self, number: int, lots: int, amount_uEUR: int) -> OpenOrder:
        """Book lots, credit and envelope for an order of which a part no longer waits."""
        each, holdings, promise = self.open[number], self.holdings, self.promise
        owner, key, sign, unit, node = each.owner, each.key, each.sign, each.unit, each.node
        holdings.held[owner] -= each.hold * lots
        if each.closing:
            holdings.closing[key] -= lots
        cell = unit * holdings.nodes + node
        holdings.trade(key, owner, each.flow, sign, cell, lots, amount_uEUR)
        if promise is not None:
            promise.fill(unit, node, sign, lots)
        each.lots -= lots
        if not each.lots:
            del self.open[number]
            del self.numbers[owner, each.number]
        return each

    def _pay(
        self, event: int, unit: int, buyer: int, seller: int, buyer_node: int, seller_node: int,
        lots: int, amount_uEUR: int,
    ) -> None:  # fmt: skip
        """Let the buyer of a fill pay its seller, and publish the trade."""
        self.ledger.transfer(
            event, unit, TRADE, FIRST_ACCOUNT + buyer, FIRST_ACCOUNT + seller, amount_uEUR
        )
        self.trades.append((event, unit, buyer, seller, buyer_node, seller_node, lots, amount_uEUR))

    def withdraw(self, number: int, why: str = "", held: bool = True) -> None:
        """Give back everything that the rest of an order holds."""
        each = self.open.pop(number)
        del self.numbers[each.owner, each.number]
        holdings = self.holdings
        holdings.held[each.owner] -= each.hold * each.lots
        if each.closing:
            holdings.closing[each.key] -= each.lots
        if held and self.promise is not None:
            self.promise.release(each.unit, each.node, each.sign, each.lots)
        if why:
            self.notices.append(Notice(self.names[each.owner], each.number, each.lots, why))
