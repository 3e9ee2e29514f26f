"""Continuous double auction: a limit order book with price-time priority."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush

from rexdynnet.market.mechanism import Ask, Fill, Level, Outcome, Quote, new_tuple
from rexdynnet.market.refusals import Reason, Refusal


class Waiting:
    """The rest of an order in the book."""

    __slots__ = ("limit_uEUR", "lots", "order", "owner", "sign")

    def __init__(self, order: int, owner: int, sign: int, lots: int, limit_uEUR: int) -> None:
        self.order = order
        self.owner = owner
        self.sign = sign
        self.lots = lots
        self.limit_uEUR = limit_uEUR


class BookSide:
    """All bids, or all asks, of one book.

    Keys are −price for bids and price for asks, so that the smallest is the best. A
    cancelled order stays in its queue with 0 lots until it comes to the front.
    """

    __slots__ = ("heap", "queues")

    def __init__(self) -> None:
        self.heap: list[int] = []
        self.queues: dict[int, deque[Waiting]] = {}

    def add(self, key: int, waiting: Waiting) -> None:
        """Queue an order behind those of the same price."""
        queue = self.queues.get(key)
        if queue is None:
            self.queues[key] = deque((waiting,))
            heappush(self.heap, key)
        else:
            queue.append(waiting)

    def front(self) -> tuple[int, deque[Waiting]] | None:
        """Best price that has lots, and its queue; empty ones are dropped on the way."""
        heap, queues = self.heap, self.queues
        while heap:
            key = heap[0]
            queue = queues[key]
            while queue and not queue[0].lots:
                queue.popleft()
            if queue:
                return key, queue
            heappop(heap)
            del queues[key]
        return None

    def waiting(self) -> Iterator[tuple[int, Waiting]]:
        """Every order with lots left, best first."""
        for key in sorted(self.queues):
            for each in self.queues[key]:
                if each.lots:
                    yield key, each

    def levels(self, sign: int) -> tuple[Level, ...]:
        """Lots per price, best first."""
        lots: dict[int, int] = {}
        for key, each in self.waiting():
            lots[key] = lots.get(key, 0) + each.lots
        return tuple(Level(-sign * key, lots[key]) for key in lots)


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
        self._books: dict[tuple[int, int], tuple[BookSide, BookSide]] = {}
        self._waiting: dict[int, Waiting] = {}

    def worst(self, ask: Ask) -> int | Refusal:
        """At the limit; a market order is walked through the book."""
        _, _, sign, _, _, wanted, limit = ask
        if limit is not None:
            return sign * limit * wanted
        book = self._books.get((self.areas[ask.node], ask.unit))
        left, cost = ask.lots, 0
        if book is not None:
            against = book[1] if ask.sign > 0 else book[0]
            for _, each in against.waiting():
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
            book = self._books[place] = (BookSide(), BookSide())
        own, against = book if sign > 0 else (book[1], book[0])
        fills: list[Fill] = []
        withdrawn: list[int] = []
        while lots:
            best = against.front()
            if best is None or (limit is not None and best[0] > sign * limit):
                break
            price, queue = sign * best[0], best[1]
            while lots and queue:
                first = queue[0]
                if first.lots and first.owner != owner:
                    traded = first.lots if first.lots < lots else lots
                    first.lots -= traded
                    lots -= traded
                    buy, sell = (order, first.order) if sign > 0 else (first.order, order)
                    fills.append(new_tuple(Fill, (buy, sell, traded, traded * price)))
                elif first.lots:
                    first.lots = 0
                    withdrawn.append(first.order)
                if not first.lots:
                    queue.popleft()
                    self._waiting.pop(first.order, None)
        if not lots or limit is None:
            return new_tuple(Outcome, (fills, 0, withdrawn))
        waiting = self._waiting[order] = Waiting(order, owner, sign, lots, limit)
        own.add(-sign * limit, waiting)
        return new_tuple(Outcome, (fills, lots, withdrawn))

    def cancel(self, order: int) -> None:
        """Take an order out of the book."""
        waiting = self._waiting.pop(order, None)
        if waiting is not None:
            waiting.lots = 0

    def close(self, unit: int) -> Outcome:
        """Drop the books of a unit; nothing trades any more."""
        for place in [place for place in self._books if place[1] == unit]:
            for side in self._books.pop(place):
                for _, each in side.waiting():
                    self._waiting.pop(each.order, None)
        return Outcome(())

    def quote(self, node: int, unit: int, depth: tuple[int, int]) -> Quote:
        """The book of the node's area, all levels."""
        del depth
        book = self._books.get((self.areas[node], unit))
        if book is None:
            return Quote((), ())
        return Quote(book[0].levels(1), book[1].levels(-1))
