"""Available to promise: what the delivery envelope still lets the exchange sell.

Every row of the envelope is kept in whole microjoules, so that what a trade takes and its
reversal gives back are the same number, however often.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.timeline import DeliveryEnvelope

UNITS_PER_J = 1_000_000
"""Whole microjoules; 2**53 of them are 9 GJ, and Python's integers do not end there."""

# Per lot: what a trade takes net, what a purchase and a sale hold; None holds nothing.
Column = tuple[list[int], list[int] | None, list[int] | None]
Ints = NDArray[np.int64]


class Promise:
    """What is left in every row of one envelope.

    Parameters
    ----------
    names : tuple of str, length m
    first : int
        Unit of the first columns.
    rows_uJ : ndarray of int64, shape (m, n, k)
        Per lot sold.
    limit_uJ : ndarray of int64, shape (m,)
    """

    def __init__(self, names: tuple[str, ...], first: int, rows_uJ: Ints, limit_uJ: Ints) -> None:
        self.names = names
        self.first = first
        self.rows_uJ = rows_uJ
        self.limit_uJ = limit_uJ
        self.count = int(rows_uJ.shape[1])
        self.free: list[int] = limit_uJ.tolist()
        self._columns: dict[tuple[int, int], Column] = {}

    def _find(self, unit: int, node: int) -> Column | None:
        found = self._columns.get((unit, node))
        if found is None and 0 <= unit - self.first < self.count:
            net: list[int] = self.rows_uJ[:, unit - self.first, node].tolist()
            # what a lot bought, and a lot sold, may take while it waits in a book
            buys = [c if c > 0 else 0 for c in net]
            sells = [-c if c < 0 else 0 for c in net]
            found = self._columns[unit, node] = (
                net,
                buys if any(buys) else None,
                sells if any(sells) else None,
            )
        return found

    def column(self, unit: int, node: int) -> list[int] | None:
        """What one lot bought takes of every row; None outside the envelope."""
        found = self._find(unit, node)
        return None if found is None else found[0]

    def take_all(self, sold: Ints) -> None:
        """Count everything sold so far, shape (n, k) in lots."""
        taken = np.einsum("mnk,nk->m", self.rows_uJ.astype(object), sold.astype(object))
        self.free = [free - int(c) for free, c in zip(self.free, taken, strict=True)]

    def refusal(self, left: list[int], before: list[int]) -> str | None:
        """Name the row that a step from `before` to `left` breaks; None if it breaks none.

        A row that was overdrawn by an earlier, wider envelope may be relieved at any time.
        """
        worst, name = 0, None
        for row, (new, old) in enumerate(zip(left, before, strict=True)):
            if new < 0 and new < old and new < worst:
                worst, name = new, row
        if name is None:
            return None
        have = max(0, before[name]) / UNITS_PER_J / 3.6e6
        want = (before[name] - left[name]) / UNITS_PER_J / 3.6e6
        return f"row {self.names[name]!r} has {have:.4g} kWh left and the order takes {want:.4g}"

    def after(self, unit: int, node: int, lots: int) -> list[int] | None:
        """Rows after `lots` (signed, bought positive) trade at once; None outside."""
        found = self._columns.get((unit, node)) or self._find(unit, node)
        if found is None:
            return None
        return [free - c * lots for free, c in zip(self.free, found[0], strict=True)]

    def held(self, unit: int, node: int, sign: int, lots: int) -> list[int] | None:
        """Rows while `lots` wait in a book, each of which may trade or not; None outside."""
        found = self._columns.get((unit, node)) or self._find(unit, node)
        if found is None:
            return None
        column = found[1 if sign > 0 else 2]
        if column is None:
            return self.free
        return [free - c * lots for free, c in zip(self.free, column, strict=True)]

    def fill(self, unit: int, node: int, sign: int, lots: int) -> None:
        """Turn held lots into traded ones: what they relieve becomes free."""
        found = self._find(unit, node)
        relief = None if found is None else found[2 if sign > 0 else 1]
        if relief is not None:
            self.free = [free + c * lots for free, c in zip(self.free, relief, strict=True)]

    def release(self, unit: int, node: int, sign: int, lots: int) -> None:
        """Give back what lots that leave the book untraded had held."""
        found = self._find(unit, node)
        column = None if found is None else found[1 if sign > 0 else 2]
        if column is not None:
            self.free = [free + c * lots for free, c in zip(self.free, column, strict=True)]

    def depth(self, unit: int, node: int) -> tuple[int, int]:
        """Lots that can still be bought and sold at once; 2**31 stands for no bound."""
        column = self.column(unit, node)
        if column is None:
            return 0, 0
        buy = sell = 2**31
        for free, c in zip(self.free, column, strict=True):
            if c > 0:
                buy = min(buy, max(0, free // c))
            elif c < 0:
                sell = min(sell, max(0, free // -c))
        return buy, sell


def promise_rows(
    envelope: DeliveryEnvelope, nodes: tuple[str, ...], lot_J: int
) -> tuple[Ints, Ints]:
    """Put an envelope into whole microjoules per lot, in the order of the market's nodes.

    Coefficients are rounded up and limits down, so that rounding never widens it.

    Raises
    ------
    InputError
        A node without column, a limit or coefficient that is no number.
    """
    missing = [node for node in nodes if node not in envelope.participants]
    findings = [
        Finding(f"the delivery envelope does not cover {node}", "add a column", component=node)
        for node in missing
    ]
    if not (np.all(np.isfinite(envelope.rows)) and np.all(np.isfinite(envelope.limit_J))):
        findings.append(
            Finding("the delivery envelope holds NaN or infinity", "leave unbounded rows out")
        )
    if findings:
        raise InputError(*findings)
    order = [envelope.participants.index(node) for node in nodes]
    rows = np.ceil(envelope.rows[:, :, order] * (lot_J * float(UNITS_PER_J)))
    limit = np.floor(np.clip(envelope.limit_J, -4e12, 4e12) * UNITS_PER_J)
    return rows.astype(np.int64), limit.astype(np.int64)
