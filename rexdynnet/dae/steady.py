"""Steady states by pseudo-transient continuation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.consistent import consistent
from rexdynnet.dae.model import Dae
from rexdynnet.dae.newton import Outcome, solve
from rexdynnet.errors import SolverError
from rexdynnet.network.spec import Line

Floats = NDArray[np.float64]

STEADY_TOLERANCE_K_PER_S = 1e-9
"""One kelvin in thirty years."""
INDIFFERENT_PER_S = 1e-10


def steady_state(
    dae: Dae,
    u: Floats,
    d: Floats,
    p: Floats,
    *,
    t: float = 0.0,
    held: Mapping[str, float] | None = None,
) -> tuple[Floats, Floats]:
    """Find the temperatures and flows that constant inputs lead to.

    Parameters
    ----------
    dae : Dae
    u, d, p : arrays
    t : float
    held : mapping of str to float, optional
        States that do not follow their equations but stay at these temperatures, by name
        (the layers of a tank, a room).

    Returns
    -------
    x, z : arrays
        With rates below 1e-9 K/s (but those of held states) and residuals below 1e-10.

    Raises
    ------
    SolverError
        If the pseudo-transient iteration does not settle.
    KeyError
        If a held name is no state.

    Notes
    -----
    Implicit Euler with growing steps, each solved for x and z together (pseudo-transient
    continuation; Kelley and Keyes, SIAM J. Numer. Anal. 35 (1998) 508). Water that neither
    moves nor loses heat may have any temperature; it is given the ground's.
    """
    x, free = warm_start(dae, u, d), np.ones(len(dae.x))
    rows = {name: row for row, name in enumerate(dae.x_names)}
    for name, value in (held or {}).items():
        x[rows[name]], free[rows[name]] = value, 0.0
    z = consistent(dae, x, u, d, p, t)
    x, z = _settle(dae, x, z, (u, d, p), t, free)
    matrix = dae.implicit_system.jacobian(
        np.concatenate([x, z / dae.z_nominal]), t, u, d, p, x, free, 0.0
    )
    indifferent = np.abs(matrix.diagonal()[: len(x)]) < INDIFFERENT_PER_S
    if indifferent.any():
        ground = {signal.name: value for signal, value in zip(dae.d, d, strict=True)}
        x = np.where(indifferent & (free > 0), ground["ground.temperature"], x)
        x, z = _settle(dae, x, consistent(dae, x, u, d, p, t, z), (u, d, p), t, free)
    return x, z


def _settle(
    dae: Dae,
    x: Floats,
    z: Floats,
    inputs: tuple[Floats, Floats, Floats],
    t: float,
    free: Floats,
) -> tuple[Floats, Floats]:
    u, d, p = inputs
    count, nominal = len(x), dae.z_nominal
    step = 60.0
    at = np.concatenate([x, z / nominal])
    outcome: Outcome | None = None
    for _ in range(200):
        arguments = (t, u, d, p, at[:count], free, 1.0 / step)
        outcome = solve(dae.implicit_system, at, arguments, tolerance=1e-9, iterations=15)
        if not outcome.converged:
            step *= 0.2
            if step < 1e-3:
                break
            continue
        at = outcome.unknowns
        x, z = at[:count], at[count:] * nominal
        rates = free * np.asarray(dae.ode(t, x, z, u, d, p)).ravel()
        if np.max(np.abs(rates), initial=0.0) <= STEADY_TOLERANCE_K_PER_S:
            return x, consistent(dae, x, u, d, p, t, z)
        step = min(step * 5.0, 1e9)
    row = 0 if outcome is None else outcome.worst
    signal = (*dae.x, *dae.z)[row]
    raise SolverError(
        f"no steady state was found (largest change at {signal.name})",
        "start from given temperatures, or from inputs that can last",
        time_s=t,
        component=signal.component,
    )


def warm_start(dae: Dae, u: Floats, d: Floats) -> Floats:
    """Temperatures to begin with: supply line at the set-point, return line 30 K below.

    Parameters
    ----------
    dae : Dae
    u, d : arrays

    Returns
    -------
    (n_x,) array
    """
    set_points = [v for s, v in zip(dae.u, u, strict=True) if s.quantity == "supply_temperature"]
    outdoor = {s.name: v for s, v in zip(dae.d, d, strict=True)}["outdoor.temperature"]
    hot = max(set_points, default=343.15)
    cold = max(hot - 30.0, min(hot, 303.15))
    lines = {node.name: node.line for node in dae.network.nodes}
    lines |= {pipe.name: pipe.line for pipe in dae.network.pipes}
    buildings = {
        unit.name: unit.building for unit in dae.network.substations if unit.building is not None
    }
    start = np.empty(len(dae.x))
    for row, signal in enumerate(dae.x):
        line, building = lines.get(signal.component), buildings.get(signal.component)
        if building is not None:
            start[row] = max(building.setpoint_K, outdoor)
        elif line is Line.RETURN:
            start[row] = cold
        else:
            start[row] = hot
    return start
