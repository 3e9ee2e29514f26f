"""Who gets what when there is not enough: three policies over a linear envelope.

Heat is shared within rows A q <= b with A >= 0: the capacity of an island, the limit of a
zone, a connection. Each policy fills from below until a row is full, so that its answer is exact
and can be certified by its own definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Floats = NDArray[np.float64]
Places = NDArray[np.bool_]

_TIGHT = 1e-9


class Policy(Enum):
    """Who is curtailed first."""

    CASCADING = "whoever exceeds his reservation, then all pro rata"
    PRIORITY = "classes in order, 1 is served first; pro rata within a class"
    MAX_MIN = "the smallest share of what was demanded and reserved is made as large as can be"


@dataclass(frozen=True)
class Requests:
    """What participants ask for and have reserved.

    Parameters
    ----------
    names : tuple of str, length k
    demanded_W, reserved_W : (k,) array
        Not negative; without reservations, `reserved_W` is `demanded_W`.
    priority : (k,) array of int
        1 is served first.
    """

    names: tuple[str, ...]
    demanded_W: Floats
    reserved_W: Floats
    priority: NDArray[np.int64]

    def __post_init__(self) -> None:
        size = (len(self.names),)
        tables = {"demanded_W": self.demanded_W, "reserved_W": self.reserved_W}
        findings = [
            Finding(f"{name} holds a negative value or no number", "give zero or more watts")
            for name, table in tables.items()
            if np.shape(table) != size or not _is_amount(table)
        ]
        if np.shape(self.priority) != size:
            findings.append(Finding("not every participant has a priority", "give one for each"))
        if findings:
            raise InputError(*findings)

    @property
    def entitled_W(self) -> Floats:
        """min(demanded, reserved)."""
        return np.minimum(self.demanded_W, self.reserved_W)


def _is_amount(table: Floats) -> bool:
    # a NaN fails both comparisons
    return table.size == 0 or bool(table.min() >= 0.0 and table.max() < np.inf)


@dataclass(frozen=True)
class Rows:
    """Linear rows that served heat must satisfy, A q <= b.

    Parameters
    ----------
    names : tuple of str, length m
    matrix : (m, k) array
        Not negative: more heat for one never frees heat for another.
    limit_W : (m,) array
        Not negative; infinite where a row does not bind.
    """

    names: tuple[str, ...]
    matrix: Floats
    limit_W: Floats

    def __post_init__(self) -> None:
        shape = (len(self.names),)
        whole = np.shape(self.matrix)[:1] == shape and np.shape(self.limit_W) == shape
        if not whole or not _is_amount(self.matrix):
            raise InputError(
                Finding("rows of an envelope must not be negative", "give A >= 0, a row per name")
            )
        if not (self.limit_W >= 0.0).all():
            raise InputError(
                Finding("a limit is negative or no number", "0 is the least that can be served")
            )


@dataclass(frozen=True)
class Allocation:
    """What each participant is served.

    Parameters
    ----------
    served_W : (k,) array
    binding : tuple of str
        Rows that are full.
    """

    served_W: Floats
    binding: tuple[str, ...]


def allocate(policy: Policy, requests: Requests, rows: Rows) -> Allocation:
    """Share out heat.

    Parameters
    ----------
    policy : Policy
    requests : Requests
    rows : Rows

    Returns
    -------
    Allocation
        Feasible, and such that nobody can get more without somebody getting less.

    Notes
    -----
    Max-min: progressive filling (Bertsekas and Gallager, *Data Networks*, 1992, section 6.5.2) of
    served / min(demanded, reserved); for A >= 0 it is the lexicographic optimum. What is left goes
    to demands beyond the reservation. Cascading: the fullest row first, its members' excess goes,
    then their entitlement pro rata; what a later row frees goes to the entitled, and what is left
    then to the excess in proportion to it.

    Examples
    --------
    >>> asked = Requests(("a", "b"), np.array([8.0, 4.0]), np.array([4.0, 4.0]), np.array([1, 1]))
    >>> rows = Rows(("capacity",), np.ones((1, 2)), np.array([9.0]))
    >>> allocate(Policy.CASCADING, asked, rows).served_W.tolist()
    [5.0, 4.0]
    """
    demanded, entitled = requests.demanded_W, requests.entitled_W
    if policy is Policy.MAX_MIN:
        served = _fill(np.zeros_like(demanded), entitled, rows)
        served = _fill(served, demanded - served, rows)
    elif policy is Policy.PRIORITY:
        served = np.zeros_like(demanded)
        for level in np.unique(requests.priority):
            mine = requests.priority == level
            served = _fill(served, np.where(mine, entitled, 0.0), rows)
            served = _fill(served, np.where(mine, demanded - served, 0.0), rows)
    else:
        # excess is handed out last, or what a later row frees would miss the entitled
        served = np.minimum(_cut(demanded, entitled, rows), entitled)
        served = _fill(served, np.maximum(entitled - served, 0.0), rows)
        served = _fill(served, np.maximum(demanded - np.maximum(served, entitled), 0.0), rows)
    full = rows.matrix @ served >= rows.limit_W - _slack(rows)
    return Allocation(served, tuple(np.array(rows.names, dtype=object)[full]))


def objections(policy: Policy, requests: Requests, rows: Rows, served_W: Floats) -> tuple[str, ...]:
    """What speaks against an allocation, by the definition of its policy.

    Parameters
    ----------
    policy : Policy
    requests : Requests
    rows : Rows
    served_W : (k,) array

    Returns
    -------
    tuple of str
        Empty where it is certified.

    Notes
    -----
    Max-min: everybody short of his entitlement has a bottleneck, a full row in which nobody's share
    is larger. Cascading: in each full row that holds somebody short of his entitlement, nobody
    has any excess. Priority: in each full row of somebody short, nobody of a later class is served.
    """
    demanded, entitled = requests.demanded_W, requests.entitled_W
    scale = max(float(demanded.max(initial=0.0)), 1e-9)
    slack = 1e-7 * scale
    used = rows.matrix @ served_W
    told = [
        f"{name} is exceeded"
        for name, over in zip(rows.names, used - rows.limit_W, strict=True)
        if over > slack * max(float(rows.matrix.max(initial=1.0)), 1.0)
    ]
    if np.any(served_W > demanded + slack) or np.any(served_W < -slack):
        told.append("somebody gets more than he demands or less than nothing")
    full = used >= rows.limit_W - 10.0 * slack
    inside = (rows.matrix > 0.0) & full[:, None]
    unmet = served_W < demanded - slack
    alone = unmet & ~inside.any(axis=0)
    short = served_W < entitled - slack
    if policy is Policy.MAX_MIN:
        found = (short & ~_bottlenecked(inside, served_W, entitled), "has no bottleneck")
    elif policy is Policy.CASCADING:
        beside = _beside(inside, short, served_W > entitled + 10.0 * slack)
        found = (beside, "is curtailed within his reservation beside somebody's excess")
    else:
        served = served_W > 10.0 * slack
        beside = np.zeros_like(unmet)
        for level in np.unique(requests.priority[unmet]):
            mine = unmet & (requests.priority == level)
            beside |= _beside(inside, mine, served & (requests.priority > level))
        found = (beside, "is curtailed beside somebody of a later class")
    for i in np.flatnonzero(alone | found[0]):
        why = "could get more without anybody's loss" if alone[i] else found[1]
        told.append(f"{requests.names[i]} {why}")
    return tuple(told)


def _beside(inside: Places, curtailed: Places, served: Places) -> Places:
    # curtailed while somebody is served who stands in each of the full rows that curtail
    if not (curtailed.any() and served.any()):
        return np.zeros_like(curtailed)
    mine, theirs = inside[:, curtailed], inside[:, served]
    together = (theirs[:, None, :] | ~mine[:, :, None]).all(axis=0)
    found = np.zeros_like(curtailed)
    found[curtailed] = together.any(axis=-1)
    return found


def _bottlenecked(inside: Places, served: Floats, entitled: Floats) -> Places:
    # in one of the full rows nobody is served beyond his entitlement, and no share is larger
    share = np.divide(served, entitled, out=np.zeros_like(served), where=entitled > 0.0)
    beyond = served > entitled * (1.0 + 1e-6) + 1e-6 * served.max(initial=0.0)
    sound = ~(inside & beyond).any(axis=1)
    largest = np.where(inside, np.minimum(share, 1.0), 0.0).max(axis=1, initial=0.0)
    return (inside & sound[:, None] & (largest[:, None] <= share + 1e-6)).any(axis=0)


def _slack(rows: Rows) -> Floats:
    finite = np.where(np.isfinite(rows.limit_W), rows.limit_W, 0.0)
    return _TIGHT * np.maximum(finite, 1.0)


def _fill(served: Floats, wanted: Floats, rows: Rows) -> Floats:
    # raise everybody's share of `wanted` together; who meets a full row stays where he is
    served = served.copy()
    level = np.zeros_like(wanted)
    active = wanted > 0.0
    while active.any():
        rate = np.where(active, wanted, 0.0)
        room = np.maximum(rows.limit_W - rows.matrix @ served, 0.0)
        speed = rows.matrix @ rate
        steps = np.full_like(room, np.inf)
        with np.errstate(over="ignore"):
            np.divide(room, speed, out=steps, where=speed > 0.0)
        step = min(float(steps.min(initial=np.inf)), float((1.0 - level[active]).min()))
        served += step * rate
        level[active] += step
        met = (rows.matrix[steps <= step * (1.0 + _TIGHT) + 1e-15] > 0.0).any(axis=0)
        active &= ~met & (level < 1.0 - 1e-14)
    return served


def _cut(demanded: Floats, entitled: Floats, rows: Rows) -> Floats:
    served = demanded.copy()
    for _ in range(len(rows.names)):
        used = rows.matrix @ served
        over = used - rows.limit_W
        if not np.any(over > _slack(rows)):
            break
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            worst = int(
                np.argmax(np.where(over > _slack(rows), used / np.maximum(rows.limit_W, 1.0), 0.0))
            )
        row, gone = rows.matrix[worst], float(over[worst])
        excess = np.where(row > 0.0, np.maximum(served - entitled, 0.0), 0.0)
        spare = float(row @ excess)
        served -= excess * min(gone / spare, 1.0) if spare > 0.0 else 0.0
        left = gone - min(spare, gone)
        if left > 0.0:
            inside = float(row @ served)
            served *= np.where(row > 0.0, max(1.0 - left / inside, 0.0) if inside > 0.0 else 0.0, 1)
    return served
