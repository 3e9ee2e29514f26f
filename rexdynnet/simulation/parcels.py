"""Plug flow without wall: a queue of parcels a pipe, exact advection and exponential loss.

A parcel knows its mass, the mean of its temperature and its slope over the
mass (van Leer, J. Comput. Phys. 23 (1977) 276, scheme III, in Lagrangian
form). Temperatures are stored as the excess over what the pipe's ground would
make of stagnant water, scaled by the growth exp(∫k dt): so a parcel is never
touched while it travels, however long. Parcels that continue each other in a
straight line are joined; fronts keep their kinks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import entry, hot, inner
from rexdynnet.simulation.state import PARCEL_ROOM, PIECES, Records, State

Floats = NDArray[np.float64]

FINEST = 1.0 / 50.0
CROWDED = 3 * PARCEL_ROOM // 4
STRAIGHT_K = 3e-4
CURVED = 0.008
STANDSTILL = 1e-9
LARGE = 1e6
WRAP = PARCEL_ROOM - 1
SIXTH = 1.0 / 6.0
NEAR = 8


@inner
def fill(
    state: State, pipe: int, row: int, mass: float, profile_K: Floats, ground_K: float
) -> None:
    """Fill a pipe with equal parcels of given temperatures, inlet first."""
    n = len(profile_K)
    here = state.pipes[pipe]
    here.first = 0
    here.count = n
    here.growth, here.fade = 1.0, 1.0
    here.decay = -1.0
    here.ground_K = ground_K
    for i in range(n):
        parcel = state.parcels[row, i]
        ahead = profile_K[min(n - i, n - 1)]
        behind = profile_K[max(n - 2 - i, 0)]
        parcel.mass = mass / n
        parcel.mean = profile_K[n - 1 - i] - ground_K
        parcel.slope = (behind - ahead) * (0.5 if 0 < i < n - 1 else 1.0)
    recount(state, pipe, row, mass)


@inner
def recount(state: State, pipe: int, row: int, mass: float) -> None:
    """Sum a pipe's content over its parcels."""
    here = state.pipes[pipe]
    total = 0.0
    for k in range(here.count):
        parcel = state.parcels[row, (here.first + k) & WRAP]
        total += parcel.mass * parcel.mean
    here.content = total
    here.excess_K = total * here.fade / mass


@entry
def profile(state: State, pipe: int, row: int, mass: float, out_K: Floats) -> None:
    """Sample the content at equal spacing from the upstream to the downstream end, K."""
    n = len(out_K)
    here = state.pipes[pipe]
    at = here.count - 1
    passed = 0.0
    for j in range(n):
        place = (j + 0.5) / n * mass
        while at > 0:
            parcel = state.parcels[row, (here.first + at) & WRAP]
            if passed + parcel.mass >= place:
                break
            passed += parcel.mass
            at -= 1
        parcel = state.parcels[row, (here.first + max(at, 0)) & WRAP]
        # slope counts from the outlet side to the inlet side
        inside = 0.5 - (place - passed) / parcel.mass
        out_K[j] = here.ground_K + (parcel.mean + parcel.slope * inside) / here.growth


@hot
def _join(w1: float, m1: float, s1: float, w2: float, m2: float, s2: float) -> tuple[float, float]:
    """Mean and slope of two linear pieces in a row that keep both moments; weights are masses."""
    w = 1.0 / (w1 + w2)
    a, b = w1 * w, w2 * w
    mean = a * m1 + b * m2
    slope = 6.0 * a * b * (m2 - m1) + a * a * s1 + b * b * s2
    low = min(m1 - 0.5 * abs(s1), m2 - 0.5 * abs(s2))
    high = max(m1 + 0.5 * abs(s1), m2 + 0.5 * abs(s2))
    bound = 2.0 * min(mean - low, high - mean)
    return mean, min(max(slope, -bound), bound)


@hot
def _growth(x: float) -> float:
    """exp(x), by its series where that is good to the round-off of a temperature."""
    if abs(x) < 0.03:
        return 1.0 + x * (1.0 + x * (0.5 + x * (SIXTH + x * 0.25 * SIXTH)))
    return np.exp(x)


@hot
def _straight(
    w1: float, m1: float, s1: float, w2: float, m2: float, s2: float, tolerance: float
) -> bool:
    """Whether two pieces in a row differ from one line by no more than `tolerance`."""
    jump = abs(m1 + 0.5 * s1 - m2 + 0.5 * s2)
    bend = abs(s1 * w2 - s2 * w1)
    return jump * (w1 + w2) + bend <= tolerance * (w1 + w2)


@hot
def reserve_slot(state: State, at: int) -> int:
    """Give a node that has none a place for the pieces of its outflow."""
    node = state.nodes[at]
    if node.slot < 0:
        last = len(state.free_slots) - 1
        state.free_slots[last] -= 1
        slot = int(state.free_slots[state.free_slots[last]])
        node.slot = slot
        return slot
    return node.slot


@hot
def release_slot(state: State, at: int) -> None:
    """Take the pieces of a node's outflow back once all of it has gone on."""
    last = len(state.free_slots) - 1
    state.free_slots[state.free_slots[last]] = state.nodes[at].slot
    state.free_slots[last] += 1
    state.nodes[at].slot = -1


@hot
def add_inflow(node: Records, mass: float, mean_K: float, tilt_K: float, end_K: float) -> None:
    """Add to the sums of a node's inflow; the pieces are the caller's business."""
    node.arrivals += 1
    node.inflow += mass
    node.inflow_heat += mass * mean_K
    node.inflow_tilt += mass * tilt_K
    node.inflow_end += mass * end_K


@hot
def advance_pipe(
    state: State,
    here: Records,
    row: int,
    moved: float,
    forward: bool,
    source: int,
    sink: int,
    decay: float,
    ground_K: float,
) -> tuple[float, float]:
    """Push a step's outflow of one node into a pipe and as much out of it to the other node.

    Parameters
    ----------
    state : State
    here, row
        The pipe's record and its row among the parcels.
    moved : float
        Inflow during the step, kg.
    forward : bool
        False: the water enters at the outlet.
    source, sink : int
        Nodes that the water comes from and goes to.
    decay : float
        Loss rate times the step.
    ground_K : float

    Returns
    -------
    mean_K, end_K : float
        Of the outflow over the step and at its end (without flow: of the content).
    """
    pipe_mass = here.mass
    if here.decay != decay:
        here.decay = decay
        here.half_growth = np.exp(0.5 * decay)
    half = 1.0 / here.half_growth
    relaxed, final = ground_K, ground_K
    if here.ground_K != ground_K:
        relaxed += (here.ground_K - ground_K) * half
        final += (relaxed - ground_K) * half
        here.ground_K = final
    middle = here.growth * here.half_growth
    inverse = here.fade * half
    here.growth = middle * here.half_growth
    here.fade = inverse * half
    if moved <= STANDSTILL * pipe_mass:
        if here.growth > LARGE:
            _rescale(state, here, row)
        here.excess_K = here.content * here.fade / pipe_mass
        return final + here.excess_K, final + here.excess_K
    _push_pieces(state, here, row, pipe_mass, moved, forward, source, decay, relaxed, middle)
    mean, end = _pop_pieces(state, here, row, moved, forward, sink, decay, relaxed, inverse)
    if here.growth > LARGE:
        _rescale(state, here, row)
    here.excess_K = here.content * here.fade / pipe_mass
    return mean, end


@inner
def _rescale(state: State, here: Records, row: int) -> None:
    for k in range(here.count):
        parcel = state.parcels[row, (here.first + k) & WRAP]
        parcel.mean /= here.growth
        parcel.slope /= here.growth
    here.content /= here.growth
    here.growth, here.fade = 1.0, 1.0


@hot
def _move_to_front(state: State, here: Records, row: int) -> None:
    """Keep short queues within few lines of memory."""
    for k in range(here.count):
        old = state.parcels[row, (here.first + k) & WRAP]
        new = state.parcels[row, k]
        new.mass, new.mean, new.slope = old.mass, old.mean, old.slope
    here.first = 0


@hot
def _push_pieces(
    state: State,
    here: Records,
    row: int,
    pipe_mass: float,
    moved: float,
    forward: bool,
    source: int,
    decay: float,
    relaxed: float,
    middle: float,
) -> None:
    """Append the source's outflow as moments of (inflow − ground)·exp(k t)."""
    if 0 < here.count <= NEAR <= here.first <= PARCEL_ROOM - here.count:
        _move_to_front(state, here, row)
    tolerance = STRAIGHT_K * middle
    longest = min(pipe_mass, moved * CURVED / max(decay, 1e-9))
    content = here.content
    begin = 0.0
    slot = state.nodes[source].slot
    for i in range(state.nodes[source].pieces):
        piece = state.pieces[slot, i]
        share = piece.share
        part = decay * share
        scale = middle
        if share < 1.0:
            scale *= _growth(decay * (begin + 0.5 * share - 0.5))
        excess = piece.mean_K - relaxed
        bulge = part * part * (0.25 * SIXTH)
        mean = (excess * (1.0 + bulge) + piece.slope_K * part * (0.5 * SIXTH)) * scale
        slope = (piece.slope_K + excess * part) * scale
        mass = share * moved
        content += mass * mean
        begin += share
        count = here.count
        last = state.parcels[row, (here.first + count - 1) & WRAP if forward else here.first]
        w, m = last.mass, last.mean
        s = last.slope if forward else -last.slope
        fits = w + mass <= longest and _straight(w, m, s, mass, mean, slope, tolerance)
        if fits or (count >= CROWDED and w + mass <= FINEST * pipe_mass) or count == PARCEL_ROOM:
            mean, slope = _join(w, m, s, mass, mean, slope)
            mass += w
        else:
            if not forward:
                here.first = (here.first - 1) & WRAP
            here.count = count + 1
            last = state.parcels[row, (here.first + count) & WRAP if forward else here.first]
        last.mass = mass
        last.mean = mean
        last.slope = slope if forward else -slope
    here.content = content


@hot
def _pop_pieces(
    state: State,
    here: Records,
    row: int,
    moved: float,
    forward: bool,
    sink: int,
    decay: float,
    relaxed: float,
    inverse: float,
) -> tuple[float, float]:
    """Take `moved` from the far end and send it to the sink, in the order in which it leaves."""
    node = state.nodes[sink]
    alone = node.arrivals == 0
    slot = reserve_slot(state, sink)
    content = here.content
    need, begin = moved, 0.0
    listed = 0
    total, moment, end = 0.0, 0.0, 0.0
    low, high = 1e30, -1e30
    while begin < 1.0 and here.count > 0:
        at = here.first if forward else (here.first + here.count - 1) & WRAP
        parcel = state.parcels[row, at]
        w, m = parcel.mass, parcel.mean
        s = parcel.slope if forward else -parcel.slope
        if w < need * (1.0 - 1e-12):
            here.count -= 1
            if forward:
                here.first = (at + 1) & WRAP
            content -= w * m
            need -= w
            share = w / moved
        elif w <= need * (1.0 + 1e-12):
            here.count -= 1
            if forward:
                here.first = (at + 1) & WRAP
            content -= w * m
            share = 1.0 - begin
        else:
            x = need / w
            parcel.mass = w - need
            parcel.mean = m + 0.5 * s * x
            parcel.slope = (s if forward else -s) * (1.0 - x)
            m -= 0.5 * s * (1.0 - x)
            s *= x
            content -= need * m
            share = 1.0 - begin
        fade = inverse
        middle_of = begin + 0.5 * share - 0.5
        if share < 1.0:
            fade *= _growth(-decay * middle_of)
        part = decay * share
        tilt = s * fade
        mean = m * fade * (1.0 + part * part * (0.25 * SIXTH)) - tilt * part * (0.5 * SIXTH)
        tilt -= mean * part
        total += share * mean
        moment += share * (12.0 * middle_of * mean + share * tilt)
        half = 0.5 * abs(tilt)
        low, high = min(low, mean - half), max(high, mean + half)
        end = mean + 0.5 * tilt
        begin = 1.0 if share == 1.0 - begin else begin + share
        if alone:
            listed = _list(state, slot, listed, share, relaxed + mean, tilt)
    here.content = content
    if alone:
        node.pieces = listed
    bound = 2.0 * min(total - low, high - total)
    moment = min(max(moment, -bound), bound)
    add_inflow(node, moved, relaxed + total, moment, relaxed + end)
    return relaxed + total, relaxed + end


@hot
def _list(state: State, slot: int, listed: int, share: float, mean_K: float, slope_K: float) -> int:
    """Append a piece to a node's list, or to its last piece if that goes on straight."""
    if listed > 0:
        last = state.pieces[slot, listed - 1]
        w, m, s = last.share, last.mean_K, last.slope_K
        if listed == PIECES or _straight(w, m, s, share, mean_K, slope_K, STRAIGHT_K):
            mean_K, slope_K = _join(w, m, s, share, mean_K, slope_K)
            share += w
            listed -= 1
    piece = state.pieces[slot, listed]
    piece.share = share
    piece.mean_K = mean_K
    piece.slope_K = slope_K
    return listed + 1
