"""Why an order was refused, and what its sender can do about it."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Reason(Enum):
    """Why an order changed nothing; the value tells the remedy."""

    UNKNOWN_PARTICIPANT = "enrol with the exchange first"
    UNKNOWN_NODE = "name a node that the market lists"
    REPLAYED = "it was taken before; give every new order a larger number"
    PAST_UNIT = "reserve a unit that has not begun"
    GATE_CLOSED = "reserve a later unit; what is left is settled as imbalance"
    BEYOND_WINDOW = "wait until the rolling window has reached the unit"
    OFF_LOT = "give whole lots, at least one"
    OFF_TICK = "give a limit that is a whole number of ticks"
    OUT_OF_RANGE = "give whole numbers: below 2**31 lots and µEUR, order numbers below 2**62"
    NO_LIMIT = "give a limit; a call auction takes no market orders"
    BEYOND_POSITION = "give back at most what you hold; to feed in, sell an injection"
    BEYOND_CREDIT = "pay in, add collateral, or order less"
    BEYOND_DEPTH = "order less, or choose another unit or node"
    NOT_CERTIFIED = "wait for the next delivery envelope and prices"
    BEYOND_LIMIT = "improve the limit or order less"
    NO_COUNTERPARTY = "send a limit order, which waits in the book"
    UNKNOWN_ORDER = "name an order of your own that still waits in the book"
    NOT_MEANT = "send it to a mechanism that keeps a book"


class Refusal(NamedTuple):
    """An order that changed nothing.

    Parameters
    ----------
    reason : Reason
    detail : str
        What stood against what: the binding row, the missing credit, the gate's time.

    Examples
    --------
    >>> print(Refusal(Reason.OFF_LOT, "150 Wh with lots of 100 Wh"))
    150 Wh with lots of 100 Wh; give whole lots, at least one
    """

    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.detail}; {self.reason.value}"
