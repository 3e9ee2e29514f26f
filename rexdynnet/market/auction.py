"""Continuous double auction: a limit order book with price-time priority."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from rexdynnet.market.mechanism import Ask, Fill, Level, Outcome, Quote, new_tuple
from rexdynnet.market.refusals import Reason, Refusal

# one side of a book is a heap of codes: the price (negated for bids) above the order's number,
# so that the smallest has priority; those of orders that are gone are dropped at the front
_SHIFT = 62
_NUMBER = (1 << _SHIFT) - 1


class Waiting:
    """The rest of an order in the book."""

    __slots__ = ("limit_uEUR", "lots", "order", "owner", "sign")

    def __init__(self, order: int, owner: int, sign: int, lots: int, limit_uEUR: int) -> None:
        self.order = order
        self.owner = owner
        self.sign = sign
        self.lots = lots
        self.limit_uEUR = limit_uEUR


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
        self._waiting: dict[int, Waiting] = {}

    def worst(self, ask: Ask) -> int | Refusal:
        """At the limit; a market order is walked through the book."""
        _, _, sign, _, _, wanted, limit = ask
        if limit is not None:
            return sign * limit * wanted
        book = self._books.get((self.areas[ask.node], ask.unit))
        left, cost = ask.lots, 0
        if book is not None:
            for each in self._in_order(book[1] if sign > 0 else book[0]):
                if each.owner != ask.owner:
                    lots = min(left, each.lots)
                    left -= lots
                    cost += each.limit_uEUR * lots
                    if not left:
                        break
        if left == ask.lots:
            return Refusal(Reason.NO_COUNTERPARTY, "the other side of the book is empty")
        return ask.sign * cost

    def take(self, ask: Ask) -> Outcome:
        """Match, then keep the rest of a limit order."""
        order, owner, sign, node, unit, lots, limit = ask
        place = (self.areas[node], unit)
        book = self._books.get(place)
        if book is None:
            book = self._books[place] = ([], [])
        own, against = book if sign > 0 else (book[1], book[0])
        waiting = self._waiting
        fills: list[Fill] = []
        withdrawn: list[int] = []
        while lots and against:
            number = against[0] & _NUMBER
            first = waiting.get(number)
            if first is None:
                heappop(against)
                continue
            price = first.limit_uEUR
            if limit is not None and (price > limit if sign > 0 else price < limit):
                break
            if first.owner == owner:
                withdrawn.append(number)
                del waiting[number]
                continue
            traded = first.lots if first.lots < lots else lots
            lots -= traded
            first.lots -= traded
            if not first.lots:
                heappop(against)
                del waiting[number]
            buy, sell = (order, number) if sign > 0 else (number, order)
            fills.append(new_tuple(Fill, (buy, sell, traded, traded * price)))
        if not lots or limit is None:
            return new_tuple(Outcome, (fills, 0, withdrawn))
        waiting[order] = Waiting(order, owner, sign, lots, limit)
        heappush(own, (-sign * limit << _SHIFT) + order)
        return new_tuple(Outcome, (fills, lots, withdrawn))

    def cancel(self, order: int) -> None:
        """Take an order out of the book."""
        self._waiting.pop(order, None)

    def close(self, unit: int) -> Outcome:
        """Drop the books of a unit; nothing trades any more."""
        for place in [place for place in self._books if place[1] == unit]:
            for side in self._books.pop(place):
                for code in side:
                    self._waiting.pop(code & _NUMBER, None)
        return Outcome(())

    def quote(self, node: int, unit: int, depth: tuple[int, int]) -> Quote:
        """The book of the node's area, all levels."""
        del depth
        bids, asks = self._books.get((self.areas[node], unit), ([], []))
        return Quote(self._levels(bids), self._levels(asks))

    def _in_order(self, side: list[int]) -> Iterator[Waiting]:
        """Orders of one side, best first."""
        for code in sorted(side):
            each = self._waiting.get(code & _NUMBER)
            if each is not None:
                yield each

    def _levels(self, side: list[int]) -> tuple[Level, ...]:
        """Lots per price, best first."""
        lots: dict[int, int] = {}
        for each in self._in_order(side):
            lots[each.limit_uEUR] = lots.get(each.limit_uEUR, 0) + each.lots
        return tuple(Level(price, lots[price]) for price in lots)
