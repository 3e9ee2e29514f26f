"""Plug flow without wall: a queue of parcels a pipe, exact advection and exponential loss.

A parcel knows its mass, the mean of its temperature and its slope over the
mass (van Leer, J. Comput. Phys. 23 (1977) 276, scheme III, in Lagrangian
form). Temperatures are stored as the excess over what the pipe's ground would
make of stagnant water, scaled by the growth exp(∫k dt): so a parcel is never
touched while it travels, however long.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.state import PARCEL_ROOM, State

Floats = NDArray[np.float64]

FINEST = 1.0 / 50.0


@inner
def fill(
    state: State, pipe: int, row: int, mass: float, profile_K: Floats, ground_K: float
) -> None:
    """Fill a pipe with equal parcels of given temperatures, inlet first."""
    n = len(profile_K)
    state.pipes[pipe].first = 0
    state.pipes[pipe].count = n
    state.pipes[pipe].growth = 1.0
    state.pipes[pipe].ground_K = ground_K
    total = 0.0
    for i in range(n):
        value = profile_K[n - 1 - i] - ground_K
        state.parcel_mass[row, i] = mass / n
        state.parcel_mean[row, i] = value
        total += value
        if 0 < i < n - 1:
            ahead = profile_K[n - i] - ground_K
            behind = profile_K[n - 2 - i] - ground_K
            state.parcel_slope[row, i] = 0.5 * (behind - ahead)
        else:
            state.parcel_slope[row, i] = 0.0
    state.pipes[pipe].excess_K = total / n


@inner
def content_excess(state: State, pipe: int, row: int, mass: float) -> float:
    """Mean excess over ground of a pipe's content, recounted from its parcels, K."""
    total = 0.0
    for k in range(state.pipes[pipe].count):
        at = (state.pipes[pipe].first + k) % PARCEL_ROOM
        total += state.parcel_mass[row, at] * state.parcel_mean[row, at]
    return total / (state.pipes[pipe].growth * mass)


@entry
def profile(state: State, pipe: int, row: int, mass: float, out_K: Floats) -> None:
    """Sample the content at equal spacing from the upstream to the downstream end, K."""
    n = len(out_K)
    at = state.pipes[pipe].count - 1
    passed = 0.0
    for j in range(n):
        place = (j + 0.5) / n * mass
        while at > 0:
            k = (state.pipes[pipe].first + at) % PARCEL_ROOM
            if passed + state.parcel_mass[row, k] >= place:
                break
            passed += state.parcel_mass[row, k]
            at -= 1
        k = (state.pipes[pipe].first + max(at, 0)) % PARCEL_ROOM
        # slope counts from the outlet side to the inlet side
        inside = 0.5 - (place - passed) / state.parcel_mass[row, k]
        value = state.parcel_mean[row, k] + state.parcel_slope[row, k] * inside
        out_K[j] = state.pipes[pipe].ground_K + value / state.pipes[pipe].growth


@inner
def _join(w1: float, m1: float, s1: float, w2: float, m2: float, s2: float) -> tuple[float, float]:
    """Mean and slope of two linear pieces in a row that keep both moments; weights are masses."""
    w = w1 + w2
    a, b = w1 / w, w2 / w
    mean = a * m1 + b * m2
    slope = 6.0 * a * b * (m2 - m1) + a * a * s1 + b * b * s2
    low = min(m1 - 0.5 * abs(s1), m2 - 0.5 * abs(s2))
    high = max(m1 + 0.5 * abs(s1), m2 + 0.5 * abs(s2))
    # the small addition lets smooth curved profiles through, but not fronts (no slopes there)
    bound = 2.0 * min(mean - low, high - mean) + 0.02 * (abs(s1) + abs(s2))
    return mean, min(max(slope, -bound), bound)


@inner
def advance_pipe(
    state: State,
    pipe: int,
    row: int,
    pipe_mass: float,
    moved: float,
    forward: bool,
    inlet_K: float,
    inlet_slope_K: float,
    rate_per_s: float,
    half_growth: float,
    step_s: float,
    ground_K: float,
) -> tuple[float, float]:
    """Push one step's inflow into a pipe and take as much out at the other end.

    Parameters
    ----------
    state, pipe, row
        The queue.
    pipe_mass, moved : float
        Water in the pipe and inflow during the step, kg.
    forward : bool
        False: the water enters at the outlet.
    inlet_K, inlet_slope_K : float
        Mean of the inflow's temperature over the step, and its change from start to end.
    rate_per_s, half_growth : float
        Loss rate k and exp(k·step/2).
    step_s, ground_K : float

    Returns
    -------
    mean_K, slope_K : float
        Outflow's temperature over the step and its change from start to end.
    """
    ground = state.pipes[pipe].ground_K
    relaxed = ground_K + (ground - ground_K) / half_growth
    final = ground_K + (relaxed - ground_K) / half_growth
    growth = state.pipes[pipe].growth * half_growth
    state.pipes[pipe].ground_K = final
    state.pipes[pipe].growth = growth * half_growth
    decay = rate_per_s * step_s
    inflow = inlet_K - relaxed
    if moved <= 1e-9 * pipe_mass:
        state.pipes[pipe].excess_K /= half_growth * half_growth
        return final + state.pipes[pipe].excess_K, 0.0
    if moved >= pipe_mass:
        mean, slope = _flush(
            state, pipe, row, pipe_mass, moved, forward, inflow, inlet_slope_K, decay, growth
        )
    else:
        # moments of inflow * exp(k t): what enters later is scaled more
        tilt = (inlet_slope_K + inflow * decay) * growth
        entered = inflow * (1.0 + decay * decay / 24.0) + inlet_slope_K * decay / 12.0
        _push(state, pipe, row, pipe_mass, moved, forward, entered * growth, tilt)
        mean, slope = _pop(state, pipe, row, moved, forward)
        tilt = slope / growth
        mean = mean / growth * (1.0 + decay * decay / 24.0) - tilt * decay / 12.0
        slope = tilt - mean * decay
    share = moved / pipe_mass
    state.pipes[pipe].excess_K = (
        state.pipes[pipe].excess_K * (1.0 - 0.5 * decay) + share * (inflow - mean)
    ) / (1.0 + 0.5 * decay)
    if growth > 1e6:
        _rescale(state, pipe, row)
    return relaxed + mean, slope


@inner
def _rescale(state: State, pipe: int, row: int) -> None:
    growth = state.pipes[pipe].growth
    for k in range(state.pipes[pipe].count):
        at = (state.pipes[pipe].first + k) % PARCEL_ROOM
        state.parcel_mean[row, at] /= growth
        state.parcel_slope[row, at] /= growth
    state.pipes[pipe].growth = 1.0


@inner
def _push(
    state: State,
    pipe: int,
    row: int,
    pipe_mass: float,
    moved: float,
    forward: bool,
    mean: float,
    slope: float,
) -> None:
    count = state.pipes[pipe].count
    if forward:
        last = (state.pipes[pipe].first + count - 1) % PARCEL_ROOM
    else:
        last = state.pipes[pipe].first
    if state.parcel_mass[row, last] + moved <= FINEST * pipe_mass or count >= PARCEL_ROOM - 1:
        w, m, s = (
            state.parcel_mass[row, last],
            state.parcel_mean[row, last],
            state.parcel_slope[row, last],
        )
        if forward:
            m, s = _join(w, m, s, moved, mean, slope)
        else:
            m, s = _join(moved, mean, -slope, w, m, s)
        state.parcel_mass[row, last] = w + moved
        state.parcel_mean[row, last] = m
        state.parcel_slope[row, last] = s
        return
    if forward:
        at = (state.pipes[pipe].first + count) % PARCEL_ROOM
        state.parcel_slope[row, at] = slope
    else:
        at = (state.pipes[pipe].first - 1) % PARCEL_ROOM
        state.pipes[pipe].first = at
        state.parcel_slope[row, at] = -slope
    state.pipes[pipe].count = count + 1
    state.parcel_mass[row, at] = moved
    state.parcel_mean[row, at] = mean


@inner
def _pop(state: State, pipe: int, row: int, moved: float, forward: bool) -> tuple[float, float]:
    """Take `moved` from the far end; mean and slope in the order in which it leaves."""
    need = moved
    taken = 0.0
    mean = 0.0
    slope = 0.0
    while need > 0.0 and state.pipes[pipe].count > 0:
        count = state.pipes[pipe].count
        at = (
            state.pipes[pipe].first
            if forward
            else (state.pipes[pipe].first + count - 1) % PARCEL_ROOM
        )
        w = state.parcel_mass[row, at]
        m = state.parcel_mean[row, at]
        s = state.parcel_slope[row, at] if forward else -state.parcel_slope[row, at]
        if w <= need * (1.0 + 1e-12):
            piece = w
            piece_mean = m
            piece_slope = s
            state.pipes[pipe].count = count - 1
            if forward:
                state.pipes[pipe].first = (at + 1) % PARCEL_ROOM
        else:
            piece = need
            share = piece / w
            piece_mean = m + 0.5 * s * (share - 1.0)
            piece_slope = s * share
            state.parcel_mass[row, at] = w - piece
            state.parcel_mean[row, at] = m + 0.5 * s * share
            rest = s * (1.0 - share)
            state.parcel_slope[row, at] = rest if forward else -rest
        if taken > 0.0:
            mean, slope = _join(taken, mean, slope, piece, piece_mean, piece_slope)
        else:
            mean = piece_mean
            slope = piece_slope
        taken += piece
        need -= piece
    return mean, slope


@inner
def _flush(
    state: State,
    pipe: int,
    row: int,
    pipe_mass: float,
    moved: float,
    forward: bool,
    inflow: float,
    inflow_slope: float,
    decay: float,
    growth: float,
) -> tuple[float, float]:
    """Step in which the whole content leaves and part of the inflow passes right through."""
    old, old_slope = _pop(state, pipe, row, pipe_mass * 2.0, forward)
    share = pipe_mass / moved
    through = 1.0 - share
    # residence of what passes is share·step; what was inside leaves around share·step/2
    start = growth * np.exp(-0.5 * decay)
    leave = np.exp(-0.5 * decay * share)
    old = old / start * leave
    old_slope = old_slope / start * leave - old * decay * share
    fade = np.exp(-decay * share)
    early = inflow + 0.5 * inflow_slope * (through - 1.0)
    late = inflow + 0.5 * inflow_slope * through
    state.pipes[pipe].first = 0
    state.pipes[pipe].count = 1
    state.parcel_mass[row, 0] = pipe_mass
    # entered around step − share·step/2
    scale = growth * np.exp(0.5 * decay * (1.0 - share))
    kept = (inflow_slope + late * decay) * share * scale
    state.parcel_mean[row, 0] = late * scale
    state.parcel_slope[row, 0] = kept if forward else -kept
    if through <= 1e-12:
        return old, old_slope
    passed = inflow_slope * fade * through
    return _join(pipe_mass, old, old_slope, moved - pipe_mass, early * fade, passed)
