"""Available to promise: what the delivery envelope still lets the exchange sell.

Every row of the envelope is kept in whole microjoules, so that what a trade takes and its
reversal gives back are the same number, however often.

All rows stand side by side in one large integer, a lane of 128 bits each, shifted up by half
the lane so that none is ever negative. A trade is then one multiplication and one subtraction,
and the top bits of the lanes tell at once whether any row is overdrawn. A lane holds
coefficients below 2**63 times orders below 2**31 lots, 2**33 of them.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.mechanism import NO_BOUND
from rexdynnet.timeline import DeliveryEnvelope

UNITS_PER_J = 1_000_000
"""Whole microjoules; 2**53 of them are 9 GJ, and Python's integers do not end there."""

# Per lot: what a trade takes net, what a purchase and a sale hold while they wait.
Column = tuple[int, int, int]
Ints = NDArray[np.int64]

_BYTES = 16
_ZERO = 1 << 127
_WORD = np.iinfo(np.int64)
_ONE_BY_ONE = 8
"""So often the depth of one cell is read from the same rows, before that of all cells is."""


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

    Examples
    --------
    >>> rows, limit = np.array([[[2]], [[-1]]]), np.array([10, 0])
    >>> promise = Promise(("plant", "reverse"), 4, rows, limit)
    >>> left = promise.after(4, 0, 3)
    >>> promise.overdrawn(left), promise.lanes(left)
    (False, [4, 3])
    """

    def __init__(self, names: tuple[str, ...], first: int, rows_uJ: Ints, limit_uJ: Ints) -> None:
        self.names = names
        self.first = first
        self.rows_uJ = rows_uJ
        self.limit_uJ = limit_uJ
        self.count = int(rows_uJ.shape[1])
        self.nodes = int(rows_uJ.shape[2])
        self.left = _pack(limit_uJ.tolist())
        """Every row's rest, as one integer; `free` reads it."""
        self._zero = _pack([0] * len(names))
        self._columns: dict[int, Column | None] = {}
        self._looked_at, self._looks = self.left, 0
        self._depths: NDArray[Any] | None = None

    @property
    def free(self) -> list[int]:
        """What is left in every row, µJ."""
        return self.lanes(self.left)

    def lanes(self, left: int) -> list[int]:
        """Read rows that `after` or `held` returned, µJ."""
        return self._read(left).tolist()

    def _read(self, left: int) -> NDArray[Any]:
        """Rows as int64, or as Python's integers where one is too large for that."""
        flat = left.to_bytes(_BYTES * len(self.names), "little")
        words = np.frombuffer(flat, dtype="<i8").reshape(-1, 2)
        rows, above = words[:, 0], words[:, 1]
        # the upper word of a row that fits in one is 0 or -1, and the shift turns its sign bit
        if np.array_equal(above, np.where(rows < 0, _WORD.max, _WORD.min)):
            return rows
        starts = range(0, len(flat), _BYTES)
        found = [int.from_bytes(flat[at : at + _BYTES], "little") - _ZERO for at in starts]
        return np.array(found, dtype=object)

    def overdrawn(self, left: int) -> bool:
        """Whether any row is below zero."""
        return left & self._zero != self._zero

    def _find(self, unit: int, node: int) -> Column | None:
        cell = unit * self.nodes + node
        if cell not in self._columns:
            self._columns[cell] = None
            if 0 <= unit - self.first < self.count:
                # what a lot bought, and a lot sold, may take while it waits in a book
                buys, sells = (lanes[unit - self.first, node].tobytes() for lanes in self._lanes)
                buys, sells = (int.from_bytes(one, "little") for one in (buys, sells))
                self._columns[cell] = (buys - sells, buys, sells)
        return self._columns[cell]

    @cached_property
    def _lanes(self) -> tuple[Ints, Ints]:
        """Positive and negative parts by cell, each row in a lane of its own."""
        by_cell = np.moveaxis(self.rows_uJ, 0, -1)
        lanes = np.zeros((2, *by_cell.shape, 2), dtype="<i8")
        lanes[0, ..., 0] = np.maximum(by_cell, 0)
        lanes[1, ..., 0] = np.maximum(-by_cell, 0)
        return lanes[0], lanes[1]

    def take_all(self, sold: Ints) -> None:
        """Count everything sold so far, shape (n, k) in lots."""
        largest = int(np.abs(self.rows_uJ).max(initial=0)) * int(np.abs(sold).sum())
        kind = np.int64 if largest < _WORD.max else object
        taken = np.einsum("mnk,nk->m", self.rows_uJ.astype(kind), sold.astype(kind))
        self.left = _pack([free - int(c) for free, c in zip(self.free, taken, strict=True)])

    def refusal(self, left: int) -> str | None:
        """Name the row that a step from what is left to `left` breaks; None if it breaks none.

        A row that was overdrawn by an earlier, wider envelope may be relieved at any time.
        """
        worst, name = 0, None
        after, before = self.lanes(left), self.free
        for row, (new, old) in enumerate(zip(after, before, strict=True)):
            if new < 0 and new < old and new < worst:
                worst, name = new, row
        if name is None:
            return None
        have = max(0, before[name]) / UNITS_PER_J / 3.6e6
        want = (before[name] - after[name]) / UNITS_PER_J / 3.6e6
        return f"row {self.names[name]!r} has {have:.4g} kWh left and the order takes {want:.4g}"

    def after(self, unit: int, node: int, lots: int) -> int | None:
        """Rows after `lots` (signed, bought positive) trade at once; None outside."""
        found = self._columns.get(unit * self.nodes + node) or self._find(unit, node)
        return None if found is None else self.left - found[0] * lots

    def held(self, unit: int, node: int, sign: int, lots: int) -> int | None:
        """Rows while `lots` wait in a book, each of which may trade or not; None outside."""
        found = self._columns.get(unit * self.nodes + node) or self._find(unit, node)
        if found is None:
            return None
        column = found[sign]
        return self.left - column * lots if column else self.left

    def fill(self, unit: int, node: int, sign: int, lots: int) -> None:
        """Turn held lots into traded ones: what they relieve becomes free."""
        found = self._columns.get(unit * self.nodes + node) or self._find(unit, node)
        if found is not None and (column := found[-sign]):
            self.left += column * lots

    def release(self, unit: int, node: int, sign: int, lots: int) -> None:
        """Give back what lots that leave the book untraded had held."""
        found = self._find(unit, node)
        if found is not None:
            self.left += found[sign] * lots

    def depth(self, unit: int, node: int) -> tuple[int, int]:
        """Lots that can still be bought and sold at once; `NO_BOUND` stands for none."""
        if not 0 <= unit - self.first < self.count:
            return 0, 0
        if self._looked_at != self.left:
            self._looked_at, self._looks, self._depths = self.left, 0, None
        self._looks += 1
        if self._looks > _ONE_BY_ONE and self._depths is None:
            self._depths = _depth(self._read(self.left), self.rows_uJ)
        if self._depths is not None:
            buy, sell = self._depths[:, unit - self.first, node].tolist()
        else:
            column = self.rows_uJ[:, unit - self.first, node]
            buy, sell = _depth(self._read(self.left), column).tolist()
        return buy, sell


def _depth(free: NDArray[Any], rows: Ints) -> NDArray[Any]:
    """Lots that can still be bought and sold, by the row that ends first; shape (2, ...)."""
    free = free.reshape(-1, *(1 for _ in rows.shape[1:]))
    found = [
        np.where(part > 0, free // np.maximum(part, 1), NO_BOUND).min(axis=0, initial=NO_BOUND)
        for part in (rows, -rows)
    ]
    return np.maximum(np.array(found), 0)


def _pack(rows: list[int]) -> int:
    """Put signed rows side by side."""
    lanes = b"".join((row + _ZERO).to_bytes(_BYTES, "little") for row in rows)
    return int.from_bytes(lanes, "little")


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
