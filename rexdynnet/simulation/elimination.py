"""Sparse symmetric elimination with a fixed pattern: analyse once, factorise often.

A network's nodal matrix is a weighted Laplacian; eliminated by minimum degree
its factor stays as sparse as the network. The analysis lists every update of
the factorisation, so that the numeric part is one flat loop.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import entry

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Elimination(NamedTuple):
    """Pattern of an LDLᵀ factorisation in elimination order.

    Attributes
    ----------
    order : (n,) row eliminated at each step
    start : (n + 1,) first off-diagonal slot of each step
    row : (k,) row of each off-diagonal slot
    update_start : (n + 1,) first update of each step
    update_left, update_right : (m,) slots whose product is subtracted
    update_into : (m,) target: a slot, or −1 − row for a diagonal
    """

    order: Ints
    start: Ints
    row: Ints
    update_start: Ints
    update_left: Ints
    update_right: Ints
    update_into: Ints


def analyse(size: int, pairs: Iterable[tuple[int, int]]) -> tuple[Elimination, Ints]:
    """Find a minimum-degree order and the updates it needs.

    Parameters
    ----------
    size : int
        Number of rows.
    pairs : iterable of (int, int)
        Off-diagonal entries, each in any order, repetitions allowed; −1 marks a grounded end.

    Returns
    -------
    elimination : Elimination
    slot : (len(pairs),) array
        Slot of each pair; −1 where an end is grounded or both are equal.

    Notes
    -----
    Tinney and Walker, Proc. IEEE 55 (1967) 1801, scheme 2.
    """
    listed = list(pairs)
    neighbours: list[set[int]] = [set() for _ in range(size)]
    for i, j in listed:
        if i != j and i >= 0 and j >= 0:
            neighbours[i].add(j)
            neighbours[j].add(i)
    order, columns = _minimum_degree(size, neighbours)
    start = np.zeros(size + 1, dtype=np.int64)
    rows: list[int] = []
    slot_of: dict[tuple[int, int], int] = {}
    for step, pivot in enumerate(order):
        for other in columns[step]:
            slot_of[(pivot, other)] = len(rows)
            slot_of[(other, pivot)] = len(rows)
            rows.append(other)
        start[step + 1] = len(rows)
    left: list[int] = []
    right: list[int] = []
    into: list[int] = []
    update_start = np.zeros(size + 1, dtype=np.int64)
    for step in range(size):
        column = columns[step]
        base = int(start[step])
        for a, row_a in enumerate(column):
            left.append(base + a)
            right.append(base + a)
            into.append(-1 - row_a)
            for b in range(a):
                left.append(base + a)
                right.append(base + b)
                into.append(slot_of[(row_a, column[b])])
        update_start[step + 1] = len(left)
    slots = [slot_of[(i, j)] if i != j and i >= 0 and j >= 0 else -1 for i, j in listed]
    return (
        Elimination(
            np.array(order, dtype=np.int64),
            start,
            np.array(rows, dtype=np.int64),
            update_start,
            np.array(left, dtype=np.int64),
            np.array(right, dtype=np.int64),
            np.array(into, dtype=np.int64),
        ),
        np.array(slots, dtype=np.int64),
    )


def _minimum_degree(size: int, neighbours: list[set[int]]) -> tuple[list[int], list[list[int]]]:
    heap = [(len(neighbours[i]), i) for i in range(size)]
    heapq.heapify(heap)
    done = [False] * size
    order: list[int] = []
    columns: list[list[int]] = []
    while heap:
        degree, pivot = heapq.heappop(heap)
        if done[pivot] or degree != len(neighbours[pivot]):
            continue
        done[pivot] = True
        column = sorted(neighbours[pivot])
        for other in column:
            neighbours[other].discard(pivot)
            neighbours[other].update(column)
            neighbours[other].discard(other)
        for other in column:
            heapq.heappush(heap, (len(neighbours[other]), other))
        order.append(pivot)
        columns.append(column)
    return order, columns


@entry
def solve_in_place(
    elimination: Elimination, diagonal: Floats, off_diagonal: Floats, right_side: Floats
) -> bool:
    """Factorise a symmetric positive definite matrix and solve; overwrites its arguments.

    Parameters
    ----------
    elimination : Elimination
    diagonal : (n,) array
    off_diagonal : (k,) array
        By slot; fill-in slots hold zero.
    right_side : (n,) array
        Becomes the solution.

    Returns
    -------
    bool
        False when a pivot is not positive.
    """
    order, start, row = elimination.order, elimination.start, elimination.row
    update_start, into = elimination.update_start, elimination.update_into
    left, right = elimination.update_left, elimination.update_right
    for step in range(len(order)):
        pivot = diagonal[order[step]]
        if not pivot > 0.0:
            return False
        inverse = 1.0 / pivot
        for k in range(update_start[step], update_start[step + 1]):
            change = off_diagonal[left[k]] * off_diagonal[right[k]] * inverse
            if into[k] < 0:
                diagonal[-1 - into[k]] -= change
            else:
                off_diagonal[into[k]] -= change
        value = right_side[order[step]] * inverse
        for k in range(start[step], start[step + 1]):
            right_side[row[k]] -= off_diagonal[k] * value
    for step in range(len(order) - 1, -1, -1):
        pivot = order[step]
        value = right_side[pivot]
        for k in range(start[step], start[step + 1]):
            value -= off_diagonal[k] * right_side[row[k]]
        right_side[pivot] = value / diagonal[pivot]
    return True
