"""Where guards begin and cease to hold along a dense output, jumps included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

import numpy as np
from numpy.polynomial import chebyshev

from rexdynnet.errors import SolverError
from rexdynnet.safety.guards import TIME, Condition, Floats, Guard, Join, Trigger

AGAIN_S = 1e-9
"""An edge this soon after a transition is the one that fired it."""

_DEGREE = 16
_SECTIONS = 32
_FINE_S = 1e-13


class Side(Enum):
    """How a guard came to fire."""

    START = "it already held where the search began"
    CROSSING = "its margin went continuously through zero"
    JUMP = "a signal jumped; the guard changes on the right side of the jump"


@dataclass(frozen=True)
class Event:
    """A guard that fires.

    Parameters
    ----------
    time_s : float
        First floating-point time, to `1e-12` s or the spacing of floats, of the new truth.
    side : Side
    holds : bool
        Whether the guard holds from here on.
    """

    time_s: float
    side: Side
    holds: bool


@dataclass(frozen=True)
class Trace:
    """Named signals over a time span, smooth within pieces, free to jump between them.

    Parameters
    ----------
    edges_s : (n+1,) array
        Strictly increasing ends of the pieces.
    names : tuple of str
        Columns of the values.
    piece : callable
        `piece(i, times_s)` gives the (k, m) values of piece `i` at times within it, its own
        limits at both ends.
    ends : pair of (n, m) arrays or None
        Values at the left and right ends of the pieces, where signals are straight lines
        within every piece.
    """

    edges_s: Floats
    names: tuple[str, ...]
    piece: Callable[[int, Floats], Floats]
    ends: tuple[Floats, Floats] | None = None

    @property
    def start_s(self) -> float:
        """Where it begins."""
        return float(self.edges_s[0])

    @property
    def end_s(self) -> float:
        """Where it ends."""
        return float(self.edges_s[-1])

    def index_after(self, time_s: float) -> int:
        """The piece that holds the right limit at a time."""
        found = int(np.searchsorted(self.edges_s, time_s, side="right")) - 1
        return min(max(found, 0), len(self.edges_s) - 2)

    def values(self, time_s: float, *, before: bool = False) -> Floats:
        """Values at a time.

        Parameters
        ----------
        time_s : float
            Within the span.
        before : bool
            Whether the left limit is meant where signals jump; the right one otherwise.

        Returns
        -------
        (m,) array
        """
        index = self.index_after(time_s)
        if before and index > 0 and time_s <= self.edges_s[index]:
            index -= 1
        return self.piece(index, np.array([time_s]))[0]


def straight_trace(edges_s: Floats, names: tuple[str, ...], left: Floats, right: Floats) -> Trace:
    """A trace of straight pieces.

    Parameters
    ----------
    edges_s : (n+1,) array
    names : tuple of str
    left, right : (n, m) arrays
        Values at the ends of each piece; they jump where one's right is not the next one's left.

    Returns
    -------
    Trace

    Examples
    --------
    >>> trace = straight_trace(np.array([0.0, 2.0]), ("x",), np.array([[0.0]]), np.array([[4.0]]))
    >>> trace.values(0.5).tolist()
    [1.0]
    """

    def piece(index: int, times_s: Floats) -> Floats:
        start, end = float(edges_s[index]), float(edges_s[index + 1])
        weight = ((times_s - start) / (end - start))[:, np.newaxis]
        return (1.0 - weight) * left[index] + weight * right[index]

    return Trace(edges_s, names, piece, (left, right))


def smooth_trace(edges_s: Floats, names: tuple[str, ...], left: Floats, right: Floats) -> Trace:
    """A trace of monotone cubics through rows that an integrator of higher order left.

    Parameters
    ----------
    edges_s : (n+1,) array
    names : tuple of str
    left, right : (n, m) arrays
        As for `straight_trace`; signals that jump stay straight.

    Returns
    -------
    Trace

    Notes
    -----
    F. N. Fritsch and R. E. Carlson, SIAM J. Numer. Anal. 17 (1980) 238: no overshoot, so no
    crossing that the rows do not have.

    Examples
    --------
    >>> times = np.linspace(0.0, 1.0, 11)
    >>> rows = np.exp(times)[:, np.newaxis]
    >>> trace = smooth_trace(times, ("x",), rows[:-1], rows[1:])
    >>> bool(abs(trace.values(0.55)[0] - np.exp(0.55)) < 1e-4)
    True
    """
    from scipy import interpolate  # pyright: ignore[reportMissingTypeStubs]

    straight = straight_trace(edges_s, names, left, right)
    whole = np.flatnonzero(np.all(left[1:] == right[:-1], axis=0))
    if len(edges_s) < 3 or not len(whole):
        return straight
    rows = np.vstack([left[:, whole], right[-1:, whole]])
    through = interpolate.PchipInterpolator(edges_s, rows)

    def piece(index: int, times_s: Floats) -> Floats:
        values = straight.piece(index, times_s)
        values[:, whole] = through(times_s)
        return values

    return Trace(edges_s, names, piece)


def holds_at(trace: Trace, guard: Guard, time_s: float, *, before: bool = False) -> bool:
    """Whether a guard holds at a time.

    Parameters
    ----------
    trace : Trace
    guard : Guard
    time_s : float
    before : bool
        Take the left limit at a jump.

    Returns
    -------
    bool
    """
    index = trace.index_after(time_s)
    if before and index > 0 and time_s <= trace.edges_s[index]:
        index -= 1
    at = np.array([time_s])
    return _join(guard, [_margins(trace, index, each, at)[0] >= 0.0 for each in guard.conditions])


def switches(trace: Trace, guard: Guard, from_s: float) -> Iterator[Event]:
    """Every change of a guard's truth after a time, in order.

    Parameters
    ----------
    trace : Trace
    guard : Guard
    from_s : float
        Changes after this time; what holds there is the beginning.

    Yields
    ------
    Event

    Notes
    -----
    Within a piece the margin is bracketed between the extrema of its Chebyshev interpolant
    (degree 16, exact for the polynomials of the usual integrators), so that two crossings
    within a step are both seen, and located by nested section of the margin itself.
    A piece on which margins are straight needs its two ends only.
    """
    start = trace.index_after(from_s)
    if _stays(trace, guard, start):
        return
    held: list[bool] | None = None
    for index in range(start, len(trace.edges_s) - 1):
        left, right = max(from_s, float(trace.edges_s[index])), float(trace.edges_s[index + 1])
        if not left < right:
            continue
        runs = [_truth(trace, index, each, left, right) for each in guard.conditions]
        now = [first for first, _ in runs]
        if held is not None and _join(guard, held) != _join(guard, now):
            yield Event(left, Side.JUMP, _join(guard, now))
        flips = sorted((time, which) for which, (_, times) in enumerate(runs) for time in times)
        at = 0
        while at < len(flips):
            was, time = _join(guard, now), flips[at][0]
            while at < len(flips) and flips[at][0] == time:
                now[flips[at][1]] = not now[flips[at][1]]
                at += 1
            if _join(guard, now) != was:
                yield Event(time, Side.CROSSING, not was)
        held = now


def first_event(
    trace: Trace, guard: Guard, entered_s: float, ready_s: float, held: bool | None = None
) -> Event | None:
    """The first time at which a guard fires by its trigger.

    Parameters
    ----------
    trace : Trace
    guard : Guard
    entered_s : float
        When the mode was entered; an edge within `AGAIN_S` of it is the one that led here.
    ready_s : float
        Nothing fires before this time (dwell).
    held : bool or None
        Whether the guard held at the end of the trace before this one, in the same mode;
        a change since then is a jump at the start.

    Returns
    -------
    Event or None
    """
    start = max(trace.start_s, ready_s) if guard.trigger is Trigger.LEVEL else trace.start_s
    if start > trace.end_s:
        return None
    holds = holds_at(trace, guard, start)
    if guard.trigger is Trigger.LEVEL:
        if holds:
            jumped = held is False and start == trace.start_s
            return Event(start, Side.JUMP if jumped else Side.START, holds=True)
        return next((each for each in switches(trace, guard, start) if each.holds), None)
    if held is not None and held != holds and _fires(guard, holds) and ready_s <= start:
        return Event(start, Side.JUMP, holds)
    for event in switches(trace, guard, start):
        late_enough = event.time_s >= ready_s and event.time_s > entered_s + AGAIN_S
        if late_enough and _fires(guard, event.holds):
            return event
    return None


def _fires(guard: Guard, holds: bool) -> bool:
    wanted = {Trigger.LEVEL: True, Trigger.RISING: True, Trigger.FALLING: False}
    return guard.trigger is Trigger.EITHER or wanted[guard.trigger] is holds


def _join(guard: Guard, truths: list[bool]) -> bool:
    if not truths:
        return True
    return all(truths) if guard.join is Join.ALL else any(truths)


def _stays(trace: Trace, guard: Guard, start: int) -> bool:
    # the usual case at little cost: straight margins, no change of sign at any end of a piece
    if trace.ends is None or not all(each.affine for each in guard.conditions):
        return False
    for condition in guard.conditions:
        if TIME in condition.signals:
            return False
        columns = [trace.names.index(name) for name in condition.signals]
        values = np.concatenate([side[start:, columns] for side in trace.ends])
        margins = condition.margin(values)
        # NaN is neither, so that the careful path meets and reports it
        if not (np.all(margins >= 0.0) or np.all(margins < 0.0)):
            return False
    return True


def _margins(trace: Trace, index: int, condition: Condition, times_s: Floats) -> Floats:
    needed = [name for name in condition.signals if name != TIME]
    whole = trace.piece(index, times_s) if needed else np.empty((len(times_s), 0))
    columns = [
        times_s if name == TIME else whole[:, trace.names.index(name)] for name in condition.signals
    ]
    margins = np.asarray(condition.margin(np.stack(columns, axis=1)), dtype=np.float64)
    if not np.all(np.isfinite(margins)):
        worst = float(times_s[int(np.argmin(np.isfinite(margins)))])
        raise SolverError(
            f"guard '{condition.text}' has a margin that is no number",
            f"see why {', '.join(condition.signals)} leaves its range there",
            time_s=worst,
        )
    return margins


def _truth(
    trace: Trace, index: int, condition: Condition, left: float, right: float
) -> tuple[bool, list[float]]:
    # truth at the left end, then the times at which it flips
    if trace.ends is not None and condition.affine:
        times = np.array([left, right])
        margins = _margins(trace, index, condition, times)
    else:
        times, margins = _scan(trace, index, condition, left, right)
    truths = margins >= 0.0
    flips = np.flatnonzero(truths[1:] != truths[:-1])
    return bool(truths[0]), [
        _locate(trace, index, condition, float(times[k]), float(times[k + 1]), bool(truths[k + 1]))
        for k in flips
    ]


def _scan(
    trace: Trace, index: int, condition: Condition, left: float, right: float
) -> tuple[Floats, Floats]:
    nodes, transform = _chebyshev()
    times = np.clip(left + (right - left) * 0.5 * (nodes + 1.0), left, right)
    margins = _margins(trace, index, condition, times)
    if margins.min() - np.ptp(margins) > 0.0 or margins.max() + np.ptp(margins) < 0.0:
        return times, margins
    slope = chebyshev.chebder(transform @ margins)
    slope = np.trim_zeros(np.where(np.abs(slope) > 1e-14 * np.abs(slope).max(), slope, 0.0), "b")
    if len(slope) < 2:
        return times, margins
    roots = chebyshev.chebroots(slope)
    real = np.real(roots[(np.abs(np.imag(roots)) < 1e-6) & (np.abs(np.real(roots)) < 1.0)])
    extrema = np.clip(left + (right - left) * 0.5 * (real + 1.0), left, right)
    times = np.unique(np.concatenate([times, extrema]))
    return times, _margins(trace, index, condition, times)


@cache
def _chebyshev() -> tuple[Floats, Floats]:
    # points of the second kind include both ends, where truths must agree with the margin
    nodes = np.cos(np.pi * np.arange(_DEGREE, -1, -1) / _DEGREE)
    inverse = np.linalg.inv(chebyshev.chebvander(nodes, _DEGREE))
    return nodes, np.asarray(inverse, dtype=np.float64)


def _locate(
    trace: Trace, index: int, condition: Condition, left: float, right: float, after: bool
) -> float:
    # nested section keeps the old truth at `left` and the new one at `right`
    if trace.ends is not None and condition.affine:
        ends = _margins(trace, index, condition, np.array([left, right]))
        guess = left + (right - left) * float(ends[0] / (ends[0] - ends[1]))
        reach = max(_FINE_S, 4.0 * float(np.spacing(right)))
        near = np.array([max(left, guess - reach), min(right, guess + reach)])
        truths = _margins(trace, index, condition, near) >= 0.0
        left = float(near[0]) if truths[0] != after else left
        right = float(near[1]) if truths[1] == after else right
    while right - left > max(_FINE_S, 2.0 * float(np.spacing(right))):
        times = np.linspace(left, right, _SECTIONS + 1)
        truths = _margins(trace, index, condition, times) >= 0.0
        truths[-1] = after
        first = int(np.argmax(truths == after))
        narrower = float(times[max(first - 1, 0)]), float(times[first])
        if narrower == (left, right) or first == 0:
            break
        left, right = narrower
    return right
