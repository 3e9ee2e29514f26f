"""What every mechanism offers the exchange: quotes, matching, a book and a forward curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar, cast

from rexdynnet.market.refusals import Refusal

T = TypeVar("T")


class NewTuple(Protocol):
    """Makes a named tuple from all its fields."""

    def __call__(self, kind: type[T], fields: tuple[object, ...], /) -> T:
        """Make it."""
        ...


# half the time of calling the class, for those that are made for every order
new_tuple = cast("NewTuple", tuple.__new__)  # pyright: ignore[reportUnknownMemberType]

NO_BOUND = 2**31
"""Lots that stand for no bound; no order is as large."""

MAKER = -1
"""Owner of a fill's other side when the reservation maker takes it."""


class Ask(NamedTuple):
    """A checked order as mechanisms see it.

    Parameters
    ----------
    order : int
        Number that the exchange gave.
    owner : int
        Index of the participant.
    sign : int
        +1 buys heat, -1 sells it.
    node, unit : int
    lots : int
    limit_uEUR : int or None
        Per lot.
    """

    order: int
    owner: int
    sign: int
    node: int
    unit: int
    lots: int
    limit_uEUR: int | None


class Fill(NamedTuple):
    """Lots that changed hands.

    Parameters
    ----------
    buy, sell : int
        Numbers of the orders; `MAKER` where the reservation maker is the other side.
    lots : int
    amount_uEUR : int
        What the buyer pays the seller.
    """

    buy: int
    sell: int
    lots: int
    amount_uEUR: int


class Outcome(NamedTuple):
    """What an order, or a clearing, led to.

    Parameters
    ----------
    fills : sequence of Fill
    resting : int
        Lots of the order that wait in the book now.
    withdrawn : sequence of int
        Orders taken out of the book because they would have met their own sender.
    """

    fills: Sequence[Fill]
    resting: int = 0
    withdrawn: Sequence[int] = ()


class Level(NamedTuple):
    """Everything in a book at one price (µEUR per lot)."""

    price_uEUR: int
    lots: int


def within(levels: Sequence[Level], lots: int) -> tuple[Level, ...]:
    """The best levels, as far as so many lots.

    Examples
    --------
    >>> within([Level(500, 10), Level(510, 10)], 12)
    (Level(price_uEUR=500, lots=10), Level(price_uEUR=510, lots=2))
    """
    found: list[Level] = []
    for level in levels:
        if lots <= 0:
            break
        found.append(Level(level.price_uEUR, min(level.lots, lots)))
        lots -= level.lots
    return tuple(found)


class Quote(NamedTuple):
    """What is published for one node and unit; None where nobody trades.

    Parameters
    ----------
    bids, asks : tuple of Level
        Best first.
    """

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def middle_uEUR(self) -> float | None:
        """Between best bid and ask, or the one there is."""
        best = [side[0].price_uEUR for side in (self.bids, self.asks) if side]
        return sum(best) / len(best) if best else None


class Mechanism(Protocol):
    """Turns orders into fills; the exchange checks, holds credit, posts and records."""

    def worst(self, ask: Ask) -> int | Refusal:
        """Most money (µEUR) the order can cost; negative is the least it brings."""
        ...

    def take(self, ask: Ask) -> Outcome:
        """Match an order that was found good; keep the rest if the mechanism has a book."""
        ...

    def cancel(self, order: int) -> None:
        """Take an order out of the book."""
        ...

    def close(self, unit: int) -> Outcome:
        """Trade what is left of a unit whose gate closes."""
        ...

    def quote(self, node: int, unit: int, depth: tuple[int, int]) -> Quote:
        """Publish bids and asks; `depth` is how many lots may be bought and sold."""
        ...
