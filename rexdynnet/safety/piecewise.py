"""Continuous piecewise-linear functions of time: exact minima, sliding windows, until."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.safety.guards import Floats

Places = NDArray[np.intp]


@dataclass(frozen=True)
class Broken:
    """A broken line, straight between its knots.

    Parameters
    ----------
    times_s : (n,) array
        Strictly increasing; n >= 1.
    values : (n,) array
    """

    times_s: Floats
    values: Floats

    def at(self, times_s: Floats) -> Floats:
        """Values at times within the span."""
        return np.interp(times_s, self.times_s, self.values)


def negate(line: Broken) -> Broken:
    """Minus a line."""
    return Broken(line.times_s, -line.values)


def lowest(first: Broken, second: Broken) -> Broken:
    """The smaller of two lines, where both are defined.

    Parameters
    ----------
    first, second : Broken

    Returns
    -------
    Broken
        With a knot where they cross.
    """
    start = max(first.times_s[0], second.times_s[0])
    end = min(first.times_s[-1], second.times_s[-1])
    if np.array_equal(first.times_s, second.times_s):
        return _envelope(first.times_s, np.stack([first.values, second.values]))
    knots = np.union1d(first.times_s, second.times_s)
    knots = np.concatenate([[start], knots[(knots > start) & (knots < end)], [end]])
    knots = knots if end > start else knots[:1]
    return _envelope(knots, np.stack([first.at(knots), second.at(knots)]))


def sliding_lowest(line: Broken, from_s: float, to_s: float) -> Broken:
    """The minimum over the window [t + from, t + to] ahead of each time t.

    Parameters
    ----------
    line : Broken
    from_s, to_s : float
        Not negative and in order; the span must be at least `to_s`.

    Returns
    -------
    Broken
        Over the times whose whole window lies within the span.

    Notes
    -----
    Between the times at which a knot enters or leaves the window, the minimum is that of the
    two moving ends, which are straight, and of the knots inside, which are constant.
    """
    start, end = line.times_s[0] - from_s, line.times_s[-1] - to_s
    end = max(start, end) if abs(start - end) <= 1e-8 + 1e-12 * abs(end) else end
    start = max(start, line.times_s[0])
    knots = np.concatenate([line.times_s - from_s, line.times_s - to_s, [start, end]])
    knots = np.unique(knots[(knots >= start) & (knots <= end)])
    if len(knots) == 1:
        inside = (line.times_s > knots[0] + from_s) & (line.times_s < knots[0] + to_s)
        ends = line.at(np.array([knots[0] + from_s, knots[0] + to_s]))
        return Broken(knots, np.array([np.min(np.concatenate([ends, line.values[inside]]))]))
    middle = 0.5 * (knots[1:] + knots[:-1])
    first = np.searchsorted(line.times_s, middle + from_s, side="left")
    last = np.searchsorted(line.times_s, middle + to_s, side="right")
    inner = np.minimum(_range_lowest(line.values, first, last), line.values.max())
    lines = np.stack([line.at(knots + from_s), line.at(knots + to_s)])
    return _envelope(knots, lines, inner)


def from_now_on(line: Broken) -> Broken:
    """The minimum over all that is left of the span.

    Parameters
    ----------
    line : Broken

    Returns
    -------
    Broken
    """
    after = np.minimum.accumulate(line.values[::-1])[::-1]
    if len(line.times_s) == 1:
        return line
    lines = np.stack([line.values, line.values])
    return _envelope(line.times_s, lines, after[1:])


def until(first: Broken, second: Broken) -> Broken:
    """Sup over t' >= t of min(second(t'), min of first over [t, t']), over what is left.

    Parameters
    ----------
    first, second : Broken

    Returns
    -------
    Broken

    Notes
    -----
    Backwards over pieces on which neither the order nor the slope of the two lines changes.
    Donzé, Ferrère, Maler, *Efficient robust monitoring for STL*, CAV 2013.
    """
    crossings = lowest(first, second).times_s
    x, y = first.at(crossings), second.at(crossings)
    ahead = min(float(x[-1]), float(y[-1]))
    times: list[float] = [float(crossings[-1])]
    values: list[float] = [ahead]
    for k in range(len(crossings) - 2, -1, -1):
        span, x_k, y_k = crossings[k : k + 2], x[k : k + 2], y[k : k + 2]
        # it bends only where two of the straight lines that compose it meet
        level = np.array([[x_k[1]], [y_k[1]], [ahead]]) * np.ones(2)
        bends = _meetings(span, np.vstack([x_k, y_k, level]))
        knots = np.unique(np.concatenate([span, bends]))
        x_t, y_t = np.interp(knots, span, x_k), np.interp(knots, span, y_k)
        if x_k[1] >= x_k[0]:
            here = np.minimum(x_t, np.maximum(y_t, y_k[1]))
        else:
            here = np.maximum(np.minimum(x_t, y_t), min(x_k[1], y_k[1]))
        later = np.minimum(np.minimum(x_t, x_k[1]), ahead)
        whole = np.maximum(here, later)
        times += knots[-2::-1].tolist()
        values += whole[-2::-1].tolist()
        ahead = float(whole[0])
    return Broken(np.array(times[::-1]), np.array(values[::-1]))


def _meetings(span: Floats, lines: Floats) -> Floats:
    found: list[float] = []
    for i in range(len(lines)):
        for j in range(i):
            left, right = lines[i] - lines[j]
            if left * right < 0.0:
                found.append(float(span[0] + (span[1] - span[0]) * left / (left - right)))
    return np.array(found, dtype=np.float64)


def _envelope(knots: Floats, lines: Floats, inner: Floats | None = None) -> Broken:
    # lower envelope of two lines given at the knots, and of a constant per interval
    if len(knots) == 1:
        return Broken(knots, lines.min(axis=0))
    left, right = lines[:, :-1], lines[:, 1:]
    if inner is not None:
        left = np.vstack([left, inner])
        right = np.vstack([right, inner])
    width = np.diff(knots)
    extra: list[Floats] = []
    for i in range(len(left)):
        for j in range(i):
            before, after = left[i] - left[j], right[i] - right[j]
            at = np.flatnonzero(before * after < 0.0)
            if len(at):
                extra.append(knots[at] + width[at] * before[at] / (before[at] - after[at]))
    if not extra:
        return Broken(knots, np.append(left.min(axis=0), right[:, -1].min()))
    times = np.unique(np.concatenate([knots, *extra]))
    piece = np.clip(np.searchsorted(knots, times, side="right") - 1, 0, len(width) - 1)
    weight = (times - knots[piece]) / width[piece]
    values = np.full(len(times), np.inf)
    for start, end in zip(left, right, strict=True):
        values = np.minimum(values, (1.0 - weight) * start[piece] + weight * end[piece])
    return Broken(times, values)


def _range_lowest(values: Floats, first: Places, last: Places) -> Floats:
    # minima over spans of every power of two, two of which cover any range
    found = np.full(len(first), np.inf)
    count = last - first
    most = int(count.max(initial=0))
    minima, width = values, 1
    while width <= most:
        mine = np.flatnonzero((count >= width) & (count < 2 * width))
        if len(mine):
            found[mine] = np.minimum(minima[first[mine]], minima[last[mine] - width])
        if 2 * width <= most:
            minima = np.minimum(minima[:-width], minima[width:])
        width *= 2
    return found
