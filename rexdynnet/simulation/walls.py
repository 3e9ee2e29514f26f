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

from rexdynnet.simulation.compiled import entry, inner
from rexdynnet.simulation.state import State


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
def apply_exchange(
    state: State, water_at: int, wall_at: int, cells: int, phase: float, op: Exchange, ground: float
) -> None:
    """Let water and wall of one pipe exchange heat for the operator's duration."""
    water, wall = state.water_K, state.wall_K
    rest = 1.0 - phase
    # what the parcel gains from the cell behind it is carried to the next turn
    carried = 0.0
    for j in range(cells):
        back = water[water_at + j] - ground
        front = water[water_at + j + 1] - ground
        mean = phase * back + rest * front
        metal = wall[wall_at + j] - ground
        new_mean = op.ww * mean + op.wm * metal
        wall[wall_at + j] = ground + op.mw * mean + op.mm * metal
        gain_back = new_mean - mean + (back - mean) * (op.fade - 1.0)
        gain_front = new_mean - mean + (front - mean) * (op.fade - 1.0)
        if j == 0:
            water[water_at] += gain_back
        else:
            water[water_at + j] += phase * gain_back + carried
        carried = rest * gain_front
    water[water_at + cells] += carried / rest if rest > 0.0 else 0.0


@inner
def shift_forward(
    state: State, water_at: int, cells: int, phase: float, moved: float, inlet: float
) -> tuple[float, float]:
    """Move the water of one pipe by `moved` ≤ 1 parcels towards its end; new phase and outflow."""
    water = state.water_K
    last = water_at + cells
    room = 1.0 - phase
    if moved < room:
        water[water_at] = (phase * water[water_at] + moved * inlet) / (phase + moved)
        return phase + moved, water[last]
    out = room * water[last]
    water[water_at] = phase * water[water_at] + room * inlet
    for j in range(last, water_at, -1):
        water[j] = water[j - 1]
    water[water_at] = inlet
    left = moved - room
    out += left * water[last]
    return left, out / moved


@inner
def shift_backward(
    state: State, water_at: int, cells: int, phase: float, moved: float, inlet: float
) -> tuple[float, float]:
    """Move the water of one pipe by `moved` ≤ 1 parcels to its start; new phase and outflow."""
    water = state.water_K
    last = water_at + cells
    if moved <= phase:
        rest = 1.0 - phase
        water[last] = (rest * water[last] + moved * inlet) / (rest + moved)
        return phase - moved, water[water_at]
    out = phase * water[water_at]
    water[last] = (1.0 - phase) * water[last] + phase * inlet
    for j in range(water_at, last):
        water[j] = water[j + 1]
    water[last] = inlet
    left = moved - phase
    out += left * water[water_at]
    return 1.0 - left, out / moved


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
    if parcels_moved <= 1e-9:
        op = exchange_over(film, loss, water_capacity, wall_capacity, step_s)
        apply_exchange(state, water_at, wall_at, cells, phase, op, ground_K)
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
    apply_exchange(state, water_at, wall_at, cells, phase, half, ground_K)
    mean = 0.0
    moment = 0.0
    low = 1e30
    high = -1e30
    for turn in range(turns):
        place = (turn + 0.5) / turns - 0.5
        inlet = inlet_K + inlet_slope_K * place
        if forward:
            phase, out = shift_forward(state, water_at, cells, phase, moved, inlet)
        else:
            phase, out = shift_backward(state, water_at, cells, phase, moved, inlet)
        mean += out
        moment += out * place
        low = min(low, out)
        high = max(high, out)
        op = whole if turn < turns - 1 else half
        apply_exchange(state, water_at, wall_at, cells, phase, op, ground_K)
    state.conduits[pipe].phase = phase
    mean /= turns
    slope = 0.0
    if turns > 1:
        slope = 12.0 * moment / (turns * (1.0 - 1.0 / (turns * turns)))
        bound = 2.0 * min(mean - low, high - mean)
        slope = min(max(slope, -bound), bound)
    return mean, slope
