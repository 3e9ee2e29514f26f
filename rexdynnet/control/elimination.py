"""Solve a sparse linear system in symbols, along the flow where the flow gives an order."""

from __future__ import annotations

from typing import TypeAlias

import casadi as ca

Entries: TypeAlias = dict[int, ca.SX]


def pivot_order(rows: list[set[int]]) -> list[int]:
    """Order in which to eliminate diagonal pivots with little fill-in.

    Parameters
    ----------
    rows : list of set of int
        Columns of each row's entries, its own among them.

    Returns
    -------
    list of int
        Upstream before downstream where flows have one direction (no fill-in at all),
        leaves before the stem in a tree whose flows may reverse.

    Notes
    -----
    Markowitz, Management Science 3 (1957) 255, on the diagonal; upwind matrices are
    M-matrices, so that any diagonal order is stable.

    Examples
    --------
    >>> pivot_order([{0, 1}, {1, 2}, {2}])
    [2, 1, 0]
    """
    left = [set(row) - {i} for i, row in enumerate(rows)]
    users: list[set[int]] = [set() for _ in rows]
    for i, row in enumerate(left):
        for j in row:
            users[j].add(i)
    todo = set(range(len(rows)))
    order: list[int] = []
    while todo:
        pivot = min(todo, key=lambda i: (len(left[i]) * len(users[i]), len(left[i]), i))
        todo.remove(pivot)
        order.append(pivot)
        for user in users[pivot]:
            left[user].discard(pivot)
            for j in left[pivot] - {user}:
                left[user].add(j)
                users[j].add(user)
        for j in left[pivot]:
            users[j].discard(pivot)
    return order


def solve_symbolic(rows: list[Entries], right: list[ca.SX], order: list[int]) -> list[ca.SX]:
    """Solve A x = b by elimination on the diagonal.

    Parameters
    ----------
    rows : list of dict of column to SX scalar
        A; each row has its diagonal entry.
    right : list of SX scalar
        b.
    order : list of int
        Of `pivot_order`.

    Returns
    -------
    list of SX scalar
        x as expressions, one division per unknown.
    """
    work = [dict(row) for row in rows]
    b = list(right)
    users: list[set[int]] = [set() for _ in rows]
    for i, row in enumerate(work):
        for j in row:
            users[j].add(i)
    done: set[int] = set()
    inverse: dict[int, ca.SX] = {}
    for pivot in order:
        done.add(pivot)
        inverse[pivot] = 1.0 / work[pivot][pivot]
        scaled = {j: a * inverse[pivot] for j, a in work[pivot].items() if j not in done}
        known = b[pivot] * inverse[pivot]
        for user in users[pivot] - done:
            factor = work[user].pop(pivot)
            b[user] = b[user] - factor * known
            for j, a in scaled.items():
                old = work[user].get(j)
                work[user][j] = -factor * a if old is None else old - factor * a
                users[j].add(user)
        work[pivot] = scaled
        b[pivot] = known
    x: dict[int, ca.SX] = {}
    for pivot in reversed(order):
        value = b[pivot]
        for j, a in work[pivot].items():
            value = value - a * x[j]
        x[pivot] = value
    return [x[i] for i in range(len(rows))]
