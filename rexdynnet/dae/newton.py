"""Damped sparse Newton iteration that says where it got stuck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import casadi as ca
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

Floats = NDArray[np.float64]

SMALLEST_STEP = 1e-6


@dataclass(frozen=True)
class SparseSystem:
    """Residual and Jacobian as fast NumPy functions of the unknowns and fixed arguments.

    Parameters
    ----------
    residual : callable
        (unknowns, *arguments) -> (n,) array
    jacobian : callable
        (unknowns, *arguments) -> (n, n) sparse matrix
    """

    residual: Callable[..., Floats]
    jacobian: Callable[..., csc_matrix]


def sparse_system(
    name: str, unknowns: ca.SX, residual: ca.SX, arguments: list[ca.SX]
) -> SparseSystem:
    """Compile a symbolic system into a `SparseSystem`.

    Parameters
    ----------
    name : str
    unknowns, residual : SX (n, 1)
    arguments : list of SX
        What else the residual depends on.

    Returns
    -------
    SparseSystem
    """
    matrix = ca.jacobian(residual, unknowns)
    pattern = matrix.sparsity()
    rows, starts = np.array(pattern.row()), np.array(pattern.colind())
    inputs = [unknowns, *arguments]
    value_of = ca.Function(f"{name}_residual", inputs, [residual])
    entries_of = ca.Function(f"{name}_jacobian", inputs, [matrix.nz[:]])
    shape = matrix.shape

    def evaluate(at: Floats, *rest: Floats | float) -> Floats:
        return np.asarray(value_of(at, *rest)).ravel()

    def differentiate(at: Floats, *rest: Floats | float) -> csc_matrix:
        entries = np.asarray(entries_of(at, *rest)).ravel()
        return csc_matrix((entries, rows, starts), shape=shape)

    return SparseSystem(evaluate, differentiate)


@dataclass(frozen=True)
class Outcome:
    """Result of a Newton iteration.

    Parameters
    ----------
    unknowns, residual : (n,) array
    converged : bool
    iterations : int
    """

    unknowns: Floats
    residual: Floats
    converged: bool
    iterations: int

    @property
    def worst(self) -> int:
        """Row of the largest residual (a NaN counts as largest)."""
        size = np.abs(self.residual)
        return int(np.argmax(np.where(np.isfinite(size), size, np.inf)))


def solve(
    system: SparseSystem,
    start: Floats,
    arguments: tuple[Floats | float, ...],
    *,
    tolerance: float = 1e-10,
    iterations: int = 80,
    largest_step: Floats | None = None,
) -> Outcome:
    """Drive a residual to zero by Newton steps with a line search.

    Parameters
    ----------
    system : SparseSystem
    start : (n,) array
    arguments : tuple
    tolerance : float
        On the largest scaled residual.
    iterations : int
    largest_step : (n,) array, optional
        No unknown moves further in one step.

    Returns
    -------
    Outcome

    Notes
    -----
    Armijo line search on the squared residual; where no step reduces it the longest one
    is taken (kinks of saturations and check valves), at most a few times.
    """
    at = start.copy()
    residual = system.residual(at, *arguments)
    stalls = 0
    for iteration in range(iterations):
        norm = float(np.max(np.abs(residual))) if len(residual) else 0.0
        if norm <= tolerance:
            return Outcome(at, residual, True, iteration)
        if not np.isfinite(norm):
            break
        step = _newton_step(system.jacobian(at, *arguments), residual)
        if step is None:
            break
        share = 1.0
        if largest_step is not None:
            share = min(1.0, float(np.min(largest_step / np.maximum(np.abs(step), 1e-300))))
        merit, best = residual @ residual, None
        while share >= SMALLEST_STEP:
            trial = at + share * step
            changed = system.residual(trial, *arguments)
            reached = changed @ changed
            if np.isfinite(reached) and reached <= (1.0 - 1e-4 * share) * merit:
                best = trial, changed
                break
            share *= 0.5
        if best is None:
            stalls += 1
            if stalls > 3:
                break
            trial = at + 0.3 * step
            best = trial, system.residual(trial, *arguments)
        at, residual = best
    converged = bool(np.max(np.abs(residual), initial=0.0) <= tolerance)
    return Outcome(at, residual, converged, iterations)


def _newton_step(matrix: csc_matrix, residual: Floats) -> Floats | None:
    if not np.all(np.isfinite(matrix.data)):
        return None
    try:
        return -splu(matrix).solve(residual)
    except RuntimeError:
        # exactly singular: a whisper on the diagonal picks the smallest change
        size = len(residual)
        whisper = csc_matrix((np.full(size, 1e-9), (np.arange(size), np.arange(size))))
        try:
            return -splu((matrix + whisper).tocsc()).solve(residual)
        except RuntimeError:
            return None
