"""Continuous double auction: a limit order book with price-time priority."""

from __future__ import annotations

from heapq import heappop, heappush

from rexdynnet.market.mechanism import Ask, Fill, Level, Outcome, Quote, new_tuple, within
from rexdynnet.market.refusals import Reason, Refusal

# one side of a book is a heap of codes: the price (negated for bids) above the order's number,
# so that the smallest has priority; those of orders that are gone are dropped at the front
_SHIFT = 62
_NUMBER = (1 << _SHIFT) - 1


class ContinuousAuction:
    """Trades each order at once with the best that wait, at their prices.

    Parameters
    ----------
    tick_uEUR : int
    areas : tuple of int
        Area of each node; orders of one area and unit meet in one book.

    Notes
    -----
    An order that would meet one of its own sender takes that one out of the book.

    Examples
    --------
    >>> book = ContinuousAuction(10, (0,))
    >>> book.take(Ask(1, 0, -1, 0, 5, 10, 500)).resting
    10
    >>> book.take(Ask(2, 1, 1, 0, 5, 4, 520)).fills
    [Fill(buy=2, sell=1, lots=4, amount_uEUR=2000)]
    """

    def __init__(self, tick_uEUR: int, areas: tuple[int, ...]) -> None:
        self.tick_uEUR = tick_uEUR
        self.areas = areas
        self._books: dict[tuple[int, int], tuple[list[int], list[int]]] = {}
        self._lots: dict[int, int] = {}
        """Of every order in the book; what is not here is gone."""
        self._owners: dict[int, int] = {}

    def worst(self, ask: Ask) -> int | Refusal:
        """At the limit; a market order is walked through the book."""
        _, owner, sign, node, unit, wanted, limit = ask
        if limit is not None:
            return sign * limit * wanted
        book = self._books.get((self.areas[node], unit), ([], []))
        against = book[1 if sign > 0 else 0].copy()
        left, cost = wanted, 0
        while left and against:
            code = heappop(against)
            number = code & _NUMBER
            lots = self._lots.get(number, 0)
            if lots and self._owners[number] != owner:
                lots = min(left, lots)
                left -= lots
                cost += (code >> _SHIFT) * lots
        if left == wanted:
            return Refusal(Reason.NO_COUNTERPARTY, "the other side of the book is empty")
        return cost

    def take(self, ask: Ask) -> Outcome:
        """Match, then keep the rest of a limit order."""
        order, owner, sign, node, unit, lots, limit = ask
        place = (self.areas[node], unit)
        book = self._books.get(place)
        if book is None:
            book = self._books[place] = ([], [])
        own, against = book if sign > 0 else (book[1], book[0])
        lots_of, owners = self._lots, self._owners
        worst = None if limit is None else sign * limit
        fills: list[Fill] = []
        withdrawn: list[int] = []
        while lots and against:
            code = against[0]
            number = code & _NUMBER
            there = lots_of.get(number)
            if there is None:
                heappop(against)
                continue
            key = code >> _SHIFT
            if worst is not None and key > worst:
                break
            if owners[number] == owner:
                withdrawn.append(number)
                del lots_of[number], owners[number]
                continue
            if there > lots:
                traded = lots
                lots_of[number] = there - lots
            else:
                traded = there
                heappop(against)
                del lots_of[number], owners[number]
            lots -= traded
            buy, sell = (order, number) if sign > 0 else (number, order)
            fills.append(new_tuple(Fill, (buy, sell, traded, traded * sign * key)))
        if not lots or worst is None:
            return new_tuple(Outcome, (fills, 0, withdrawn))
        lots_of[order] = lots
        owners[order] = owner
        heappush(own, (-worst << _SHIFT) + order)
        return new_tuple(Outcome, (fills, lots, withdrawn))

    def cancel(self, order: int) -> None:
        """Take an order out of the book."""
        if self._lots.pop(order, None) is not None:
            del self._owners[order]

    def close(self, unit: int) -> Outcome:
        """Drop the books of a unit; nothing trades any more."""
        for place in [place for place in self._books if place[1] == unit]:
            for side in self._books.pop(place):
                for code in side:
                    self.cancel(code & _NUMBER)
        return Outcome(())

    def quote(self, node: int, unit: int, depth: tuple[int, int]) -> Quote:
        """The book of the node's area, level by level, as far as the envelope allows there."""
        buy, sell = depth
        bids, asks = self._books.get((self.areas[node], unit), ([], []))
        return Quote(within(self._levels(bids, 1), sell), within(self._levels(asks, -1), buy))

    def _levels(self, side: list[int], sign: int) -> tuple[Level, ...]:
        """Lots per price, best first."""
        lots: dict[int, int] = {}
        for code in sorted(side):
            left = self._lots.get(code & _NUMBER)
            if left is not None:
                price = -sign * (code >> _SHIFT)
                lots[price] = lots.get(price, 0) + left
        return tuple(Level(price, lots[price]) for price in lots)
