"""The fast forms of the order path against the plain ones that say what they mean."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.market.auction import ContinuousAuction
from rexdynnet.market.ledger import Cause, Ledger
from rexdynnet.market.mechanism import NO_BOUND, Ask
from rexdynnet.market.promise import Promise

ROWS, UNITS, NODES = 3, 2, 2
coefficients = st.lists(
    st.integers(-(2**62), 2**62) | st.integers(-5, 5),
    min_size=ROWS * UNITS * NODES,
    max_size=ROWS * UNITS * NODES,
)
limits = st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 100), min_size=ROWS, max_size=ROWS)
moves = st.lists(
    st.tuples(
        st.sampled_from(("after", "held", "fill", "release")),
        st.integers(0, UNITS - 1),
        st.integers(0, NODES - 1),
        st.sampled_from((1, -1)),
        st.integers(1, 2**31 - 1) | st.integers(1, 5),
    ),
    max_size=12,
)


def plain_step(kind: str, column: list[int], sign: int, lots: int) -> list[int]:
    """What a step takes from every row, worked out one row after the other."""
    if kind == "after":
        return [c * sign * lots for c in column]
    taken = [max(0, sign * c) * lots for c in column]
    freed = [-max(0, -sign * c) * lots for c in column]
    return {"held": taken, "fill": freed, "release": [-t for t in taken]}[kind]


@given(coefficients, limits, moves)
def test_rows_side_by_side_in_one_integer_count_like_rows_one_by_one(
    flat: list[int], limit: list[int], steps: list[tuple[str, int, int, int, int]]
):
    rows = np.array(flat, dtype=np.int64).reshape(ROWS, UNITS, NODES)
    promise = Promise(("x", "y", "z"), 7, rows, np.array(limit, dtype=np.int64))
    plain = list(limit)
    for kind, unit, node, sign, lots in steps:
        column = [int(rows[row, unit, node]) for row in range(ROWS)]
        plain = [a - b for a, b in zip(plain, plain_step(kind, column, sign, lots), strict=True)]
        if kind == "after":
            left = promise.after(7 + unit, node, sign * lots)
        elif kind == "held":
            left = promise.held(7 + unit, node, sign, lots)
        else:
            change = promise.fill if kind == "fill" else promise.release
            change(7 + unit, node, sign, lots)
            left = promise.left
        assert left is not None
        assert promise.lanes(left) == plain
        assert promise.overdrawn(left) == (min(plain) < 0)
        promise.left = left
    for unit in range(UNITS):
        for node in range(NODES):
            column = [int(rows[row, unit, node]) for row in range(ROWS)]
            buy = [free // c for free, c in zip(plain, column, strict=True) if c > 0]
            sell = [free // -c for free, c in zip(plain, column, strict=True) if c < 0]
            told = promise.depth(7 + unit, node)
            assert told == tuple(max(0, min((*each, NO_BOUND))) for each in (buy, sell))


def test_a_unit_outside_the_envelope_has_neither_rows_nor_depth():
    promise = Promise(("x",), 7, np.ones((1, 2, 1), dtype=np.int64), np.array([10]))
    for unit in (6, 9):
        assert promise.after(unit, 0, 1) is None
        assert promise.held(unit, 0, 1, 1) is None
        assert promise.depth(unit, 0) == (0, 0)
    assert promise.depth(8, 0) == (10, NO_BOUND)


class PlainBook:
    """Price-time priority by sorting everything anew for every order."""

    def __init__(self) -> None:
        self.waiting: list[list[int]] = []  # number, owner, sign, lots, limit

    def take(self, ask: Ask) -> tuple[list[tuple[int, int, int, int]], int, list[int]]:
        fills: list[tuple[int, int, int, int]] = []
        withdrawn: list[int] = []
        left = ask.lots
        against = [each for each in self.waiting if each[2] == -ask.sign]
        for each in sorted(against, key=lambda each: (ask.sign * each[4], each[0])):
            number, owner, _, lots, limit = each
            beyond = ask.limit_uEUR is not None and ask.sign * (limit - ask.limit_uEUR) > 0
            if not left or beyond:
                break
            if owner == ask.owner:
                withdrawn.append(number)
                each[3] = 0
                continue
            traded = min(left, lots)
            left -= traded
            each[3] -= traded
            pair = (ask.order, number) if ask.sign > 0 else (number, ask.order)
            fills.append((*pair, traded, traded * limit))
        self.waiting = [each for each in self.waiting if each[3]]
        if ask.limit_uEUR is None:
            return fills, 0, withdrawn
        if left:
            self.waiting.append([ask.order, ask.owner, ask.sign, left, ask.limit_uEUR])
        return fills, left, withdrawn

    def cancel(self, order: int) -> None:
        self.waiting = [each for each in self.waiting if each[0] != order]

    def levels(self, sign: int) -> list[tuple[int, int]]:
        lots: dict[int, int] = {}
        for _, _, of, count, limit in self.waiting:
            if of == sign:
                lots[limit] = lots.get(limit, 0) + count
        return sorted(lots.items(), key=lambda level: -sign * level[0])


def best_within(levels: list[tuple[int, int]], lots: int) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for price, offered in levels:
        taken = min(offered, lots - sum(each for _, each in kept))
        if taken > 0:
            kept.append((price, taken))
    return kept


wishes = st.tuples(
    st.integers(0, 2),
    st.sampled_from((1, -1)),
    st.integers(1, 20),
    st.none() | st.integers(-3, 3).map(lambda ticks: 10 * ticks),
)


@given(st.lists(wishes | st.integers(1, 40), max_size=40))
def test_the_book_trades_like_one_that_sorts_everything_for_every_order(
    steps: list[tuple[int, int, int, int | None] | int],
):
    book, plain = ContinuousAuction(10, (0,)), PlainBook()
    for number, step in enumerate(steps, start=1):
        if isinstance(step, int):
            book.cancel(step)
            plain.cancel(step)
        else:
            owner, sign, lots, limit = step
            ask = Ask(number, owner, sign, 0, 5, lots, limit)
            found = book.take(ask)
            assert (found.fills, found.resting, found.withdrawn) == plain.take(ask)
        whole = book.quote(0, 5, (NO_BOUND, NO_BOUND))
        assert list(whole.bids) == plain.levels(1)
        assert list(whole.asks) == plain.levels(-1)
        cut = book.quote(0, 5, (7, 3))
        assert list(cut.asks) == best_within(plain.levels(-1), 7)
        assert list(cut.bids) == best_within(plain.levels(1), 3)


@given(coefficients, limits, st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4))
def test_depths_of_all_cells_at_once_are_those_of_each(
    flat: list[int], limit: list[int], sold: list[int]
) -> None:
    rows = np.array(flat, dtype=np.int64).reshape(ROWS, UNITS, NODES)
    promise = Promise(("x", "y", "z"), 7, rows, np.array(limit, dtype=np.int64))
    promise.take_all(np.array(sold, dtype=np.int64).reshape(UNITS, NODES))
    free = promise.free
    for row, rest in enumerate(free):
        taken = sum(int(c) * s for c, s in zip(rows[row].ravel(), sold, strict=True))
        assert rest == limit[row] - taken
    cells = [(unit, node) for unit in range(UNITS) for node in range(NODES)]
    for _ in range(4):  # one by one at first, then read from the table of all
        for unit, node in cells:
            column = [int(c) for c in rows[:, unit, node]]
            buys = [f // c for f, c in zip(free, column, strict=True) if c > 0]
            sells = [f // -c for f, c in zip(free, column, strict=True) if c < 0]
            expected = tuple(max(0, min([*found, NO_BOUND])) for found in (buys, sells))
            assert promise.depth(7 + unit, node) == expected


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 4), st.integers(0, 4), st.integers(-(2**40), 2**40)
        ),
        max_size=20,
    ),
    st.frozensets(st.integers(0, 3)),
)
def test_gains_of_some_units_are_those_of_their_entries(
    transfers: list[tuple[int, int, int, int]], units: frozenset[int]
) -> None:
    ledger = Ledger(("a", "b"))
    for unit, debit, credit, amount in transfers:
        ledger.transfer(0, unit, int(Cause.TRADE), debit, credit, amount)
    expected = dict.fromkeys(ledger.names, 0)
    for entry in ledger.entries():
        if entry.unit in units:
            expected[entry.debit] -= entry.amount_uEUR
            expected[entry.credit] += entry.amount_uEUR
    assert ledger.gains_uEUR(units) == expected
    assert sum(expected.values()) == 0
