"""Consistent algebraics, steady states and the index-1 check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from rexdynnet.dae.model import Dae
from rexdynnet.dae.newton import Outcome, solve
from rexdynnet.errors import SolverError
from rexdynnet.network.spec import Line
from rexdynnet.physics.devices import BAR_Pa
from rexdynnet.signals import Signal

Floats = NDArray[np.float64]

ALGEBRAIC_TOLERANCE = 1e-10
STEADY_TOLERANCE_K_PER_S = 1e-9
"""One kelvin in thirty years."""
INDIFFERENT_PER_S = 1e-10


@dataclass(frozen=True)
class Point:
    """Values of all symbols at one instant.

    Parameters
    ----------
    x, z, u, d, p : arrays
        In the order of the model's signals.
    t : float
    """

    x: Floats
    z: Floats
    u: Floats
    d: Floats
    p: Floats
    t: float = 0.0


def defaults(signals: tuple[Signal, ...], given: Mapping[str, float] | None = None) -> Floats:
    """Values of signals: those given by name, else their defaults.

    Parameters
    ----------
    signals : tuple of Signal
    given : mapping of str to float, optional

    Returns
    -------
    (n,) array

    Raises
    ------
    KeyError
        If a signal has neither, or a given name is no signal.
    """
    values = dict(given or {})
    unknown = set(values) - {signal.name for signal in signals}
    if unknown:
        raise KeyError(f"no signal is called {sorted(unknown)}")
    missing = [s.name for s in signals if s.default is None and s.name not in values]
    if missing:
        raise KeyError(f"no value is given for {missing}")
    return np.array([values.get(signal.name, signal.default) for signal in signals], dtype=float)


def consistent(
    dae: Dae,
    x: Floats,
    u: Floats,
    d: Floats,
    p: Floats,
    t: float = 0.0,
    guess: Floats | None = None,
) -> Floats:
    """Solve the hydraulics for given temperatures and inputs.

    Parameters
    ----------
    dae : Dae
    x, u, d, p : arrays
    t : float
        s.
    guess : array, optional
        Algebraics nearby; without it the iteration starts at rest under the set pressures.

    Returns
    -------
    (n_z,) array
        Flows in kg/s and pressures in Pa.

    Raises
    ------
    SolverError
        If no solution is found, or a value is not finite; names the component.
    """
    _require_finite(((dae.x, x), (dae.u, u), (dae.d, d), (dae.p, p)), t)
    outcome: Outcome | None = None
    system = dae.algebraic_system
    starts = [cold_start(dae, u)] if guess is None else [guess, cold_start(dae, u)]
    nominal = dae.z_nominal
    for start in starts:
        outcome = solve(system, start / nominal, (t, x, u, d, p), tolerance=ALGEBRAIC_TOLERANCE)
        if outcome.converged:
            return outcome.unknowns * nominal
    if outcome is None:
        return starts[0]
    row = outcome.worst
    raise SolverError(
        f"the hydraulics have no solution nearby (residual {outcome.residual[row]:.3g} "
        f"in the equation of {dae.z[row].name})",
        "check that the pressures set can drive the flows demanded, and that no part of "
        "the network is cut off by shut valves",
        time_s=t,
        component=dae.z[row].component,
    )


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


@dataclass(frozen=True)
class IndexReport:
    """Whether the algebraics are determined at a point.

    Parameters
    ----------
    index_1 : bool
    condition : float
        Estimate of the scaled Jacobian's condition (infinite when singular).
    weakest : str
        Name of the algebraic that is determined worst.
    """

    index_1: bool
    condition: float
    weakest: str


def index1_check(dae: Dae, point: Point) -> IndexReport:
    """Check that d(alg)/dz is regular, so that the model has index 1.

    Parameters
    ----------
    dae : Dae
    point : Point

    Returns
    -------
    IndexReport
        Names the algebraic in which the smallest singular direction is largest.
    """
    system = dae.algebraic_system
    arguments = (point.t, point.x, point.u, point.d, point.p)
    matrix = system.jacobian(point.z / dae.z_nominal, *arguments)
    size = len(dae.z)
    names = dae.z_names
    if size == 0:
        return IndexReport(True, 1.0, "")
    if not np.all(np.isfinite(matrix.data)):
        column = int(np.searchsorted(matrix.indptr, np.argmin(np.isfinite(matrix.data)), "right"))
        return IndexReport(False, np.inf, names[column - 1])
    empty = np.flatnonzero(np.diff(matrix.tocsr().indptr) == 0)
    if len(empty):
        return IndexReport(False, np.inf, names[int(empty[0])])
    try:
        factor = splu(matrix)
    except RuntimeError:
        _, _, directions = np.linalg.svd(np.asarray(matrix.todense()))
        left = directions[-1]
        return IndexReport(False, np.inf, names[int(np.argmax(np.abs(left)))])
    # inverse iteration finds the direction that the equations hold least
    vector = np.ones(size) / np.sqrt(size)
    growth = 1.0
    for _ in range(12):
        vector = factor.solve(factor.solve(vector), trans="T")
        growth = float(np.linalg.norm(vector))
        vector /= growth
    vector = factor.solve(vector)
    smallest = 1.0 / np.sqrt(growth)
    largest = float(np.abs(matrix.data).max())
    condition = max(largest, 1.0) / smallest
    weakest = names[int(np.argmax(np.abs(vector)))]
    return IndexReport(bool(np.isfinite(condition) and condition < 1e14), condition, weakest)


def _require_finite(groups: Iterable[tuple[tuple[Signal, ...], Floats]], t: float) -> None:
    # minimum and maximum of symbols skip NaN, so it would vanish instead of spreading
    for signals, values in groups:
        if not np.all(np.isfinite(values)):
            signal = signals[int(np.argmin(np.isfinite(values)))]
            raise SolverError(
                f"{signal.name} is not a finite number",
                "give every temperature, input and parameter a finite value",
                time_s=t,
                component=signal.component,
            )


def cold_start(dae: Dae, u: Floats) -> Floats:
    """Algebraics at rest with every supply node under the largest set pressure.

    Parameters
    ----------
    dae : Dae
    u : array

    Returns
    -------
    (n_z,) array
    """
    held = [
        value
        for signal, value in zip(dae.u, u, strict=True)
        if signal.quantity == "differential_pressure"
    ]
    lift = max(held, default=BAR_Pa)
    lift = max(lift, BAR_Pa)
    nodes = dae.network.node_by_name
    start = np.zeros(len(dae.z))
    for row, signal in enumerate(dae.z):
        node = nodes.get(signal.component)
        if node is not None and node.line is Line.SUPPLY:
            start[row] = lift
        elif node is None:
            start[row] = 0.05 * signal.nominal
    return start


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
