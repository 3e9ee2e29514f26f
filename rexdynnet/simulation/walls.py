"""Plug flow with a pipe wall: equal parcels that slide over fixed wall cells.

The water of a pipe with n wall cells is n + 1 parcels of equal mass, the two
at the ends partly filled; `phase` is the filled share of the first. Advection
moves the phase, so there is no numerical diffusion while water travels. Water
and wall of a cell exchange heat by the exact solution of their two coupled
equations; advection and exchange alternate symmetrically (Strang, 1968).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.state import State

Floats = NDArray[np.float64]


class Exchange(NamedTuple):
    """Solution operator of one cell over one duration, for excesses over ground.

    water' = ww·water + wm·wall, wall' = mw·water + mm·wall for the cell's mean water;
    a parcel's deviation from that mean fades by `fade`.
    """

    ww: float
    wm: float
    mw: float
    mm: float
    fade: float


@entry
def exchange_over(
    film: float, loss: float, water_capacity: float, wall_capacity: float, step_s: float
) -> Exchange:
    """Exact operator of C dT/dt = −g(T − W), Cw dW/dt = g(T − W) − U·W over a step.

    Parameters
    ----------
    film, loss : float
        g and U, W/(m K).
    water_capacity, wall_capacity : float
        C and Cw, J/(m K).
    step_s : float

    Returns
    -------
    Exchange
    """
    a = film / water_capacity
    b = film / wall_capacity
    c = loss / wall_capacity
    half = 0.5 * (a + b + c)
    root = np.sqrt(half * half - a * c)
    slow = a * c / (half + root)
    fast = half + root
    slow_decay = np.exp(-slow * step_s)
    fast_decay = np.exp(-fast * step_s)
    difference = (slow_decay - fast_decay) / (fast - slow)
    # e^{At} = (fast·e^{-slow t} − slow·e^{-fast t})/(fast − slow)·I + difference·A
    common = (fast * slow_decay - slow * fast_decay) / (fast - slow)
    return Exchange(
        common - difference * a,
        difference * a,
        difference * b,
        common - difference * (b + c),
        np.exp(-a * step_s),
    )


@inner
def _apply_exchange(
    water: Floats,
    wall: Floats,
    mean: Floats,
    gain: Floats,
    cells: int,
    phase: float,
    op: Exchange,
    ground: float,
) -> None:
    """Let water and wall of one pipe exchange heat for the operator's duration.

    `mean` and `gain` are room to work in: two plain loops that the compiler vectorises.
    """
    rest = 1.0 - phase
    for j in range(cells):
        now = phase * water[j] + rest * water[j + 1] - ground
        metal = wall[j] - ground
        mean[j] = ground + now
        gain[j] = op.ww * now + op.wm * metal - now
        wall[j] = ground + op.mw * now + op.mm * metal
    faded = op.fade - 1.0
    first, last = water[0], water[cells]
    for j in range(1, cells):
        here = water[j]
        ahead = gain[j - 1] + (here - mean[j - 1]) * faded
        behind = gain[j] + (here - mean[j]) * faded
        water[j] = here + phase * behind + rest * ahead
    water[0] = first + gain[0] + (first - mean[0]) * faded
    if rest > 0.0:
        water[cells] = last + gain[cells - 1] + (last - mean[cells - 1]) * faded


@inner
def _push_forward(
    line: Floats, head: int, cells: int, phase: float, moved: float, inlet: float
) -> tuple[int, float, float]:
    """Move the water by `moved` ≤ 1 parcels to its end; new head, phase and outflow."""
    last = head + cells
    room = 1.0 - phase
    if moved < room:
        line[head] = (phase * line[head] + moved * inlet) / (phase + moved)
        return head, phase + moved, line[last]
    left = moved - room
    out = room * line[last]
    line[head] = phase * line[head] + room * inlet
    line[head - 1] = inlet
    out += left * line[last - 1]
    return head - 1, left, out / moved


@inner
def _push_backward(
    line: Floats, head: int, cells: int, phase: float, moved: float, inlet: float
) -> tuple[int, float, float]:
    """Move the water from `line[head]` on by `moved` ≤ 1 parcels to its start."""
    last = head + cells
    if moved <= phase:
        rest = 1.0 - phase
        line[last] = (rest * line[last] + moved * inlet) / (rest + moved)
        return head, phase - moved, line[head]
    left = moved - phase
    out = phase * line[head]
    line[last] = (1.0 - phase) * line[last] + phase * inlet
    out += left * line[head + 1]
    line[last + 1] = inlet
    return head + 1, 1.0 - left, out / moved


@inner
def content(
    state: State, water_at: int, wall_at: int, cells: int, phase: float
) -> tuple[float, float]:
    """Mean temperature of the water and of the wall of one pipe, K."""
    water = phase * state.water_K[water_at] + (1.0 - phase) * state.water_K[water_at + cells]
    for j in range(1, cells):
        water += state.water_K[water_at + j]
    metal = 0.0
    for j in range(cells):
        metal += state.wall_K[wall_at + j]
    return water / cells, metal / cells


@inner
def _load(line: Floats, state: State, water_at: int, cells: int, forward: bool) -> int:
    """Copy a pipe's water to the side of the line that leaves it room to move; its first place."""
    head = len(line) - cells - 1 if forward else 0
    for j in range(cells + 1):
        line[head + j] = state.water_K[water_at + j]
    return head


@inner
def _store(line: Floats, head: int, state: State, water_at: int, cells: int) -> None:
    for j in range(cells + 1):
        state.water_K[water_at + j] = line[head + j]


@inner
def advance_walled(
    state: State,
    pipe: int,
    water_at: int,
    wall_at: int,
    cells: int,
    parcels_moved: float,
    forward: bool,
    inlet_K: float,
    inlet_slope_K: float,
    film: float,
    loss: float,
    water_capacity: float,
    wall_capacity: float,
    step_s: float,
    ground_K: float,
) -> tuple[float, float]:
    """Advance one pipe with wall over a step.

    Parameters
    ----------
    state, pipe, water_at, wall_at, cells
        Where the pipe's temperatures stand.
    parcels_moved : float
        Inflow in parcel masses (1/cells of the pipe's water).
    forward : bool
    inlet_K, inlet_slope_K : float
        Mean of the inflow's temperature over the step and its change from start to end.
    film, loss, water_capacity, wall_capacity : float
        Per metre.
    step_s, ground_K : float

    Returns
    -------
    mean_K, slope_K : float
        Outflow over the step (without inflow: the end's temperature and 0).
    """
    phase = state.conduits[pipe].phase
    wall = state.wall_K[wall_at : wall_at + cells]
    room = len(state.workspace) // 3
    mean_K = state.workspace[room : room + cells]
    gain_K = state.workspace[2 * room : 2 * room + cells]
    if parcels_moved <= 1e-9:
        op = exchange_over(film, loss, water_capacity, wall_capacity, step_s)
        water = state.water_K[water_at : water_at + cells + 1]
        _apply_exchange(water, wall, mean_K, gain_K, cells, phase, op, ground_K)
        return state.water_K[water_at + cells if forward else water_at], 0.0
    turns = int(np.ceil(parcels_moved - 1e-9))
    moved = parcels_moved / turns
    half = exchange_over(film, loss, water_capacity, wall_capacity, 0.5 * step_s / turns)
    whole = Exchange(
        half.ww * half.ww + half.wm * half.mw,
        half.ww * half.wm + half.wm * half.mm,
        half.mw * half.ww + half.mm * half.mw,
        half.mw * half.wm + half.mm * half.mm,
        half.fade * half.fade,
    )
    line = state.workspace[:room]
    head = _load(line, state, water_at, cells, forward)
    _apply_exchange(
        line[head : head + cells + 1], wall, mean_K, gain_K, cells, phase, half, ground_K
    )
    mean = 0.0
    moment = 0.0
    low = 1e30
    high = -1e30
    for turn in range(turns):
        place = (turn + 0.5) / turns - 0.5
        inlet = inlet_K + inlet_slope_K * place
        if forward:
            if head == 0:
                _store(line, head, state, water_at, cells)
                head = _load(line, state, water_at, cells, forward)
            head, phase, out = _push_forward(line, head, cells, phase, moved, inlet)
        else:
            if head + cells + 1 == room:
                _store(line, head, state, water_at, cells)
                head = _load(line, state, water_at, cells, forward)
            head, phase, out = _push_backward(line, head, cells, phase, moved, inlet)
        mean += out
        moment += out * place
        low = min(low, out)
        high = max(high, out)
        op = whole if turn < turns - 1 else half
        _apply_exchange(
            line[head : head + cells + 1], wall, mean_K, gain_K, cells, phase, op, ground_K
        )
    _store(line, head, state, water_at, cells)
    state.conduits[pipe].phase = phase
    mean /= turns
    slope = 0.0
    if turns > 1:
        slope = 12.0 * moment / (turns * (1.0 - 1.0 / (turns * turns)))
        bound = 2.0 * min(mean - low, high - mean)
        slope = min(max(slope, -bound), bound)
    return mean, slope
