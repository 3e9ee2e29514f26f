"""Whether a model has index 1 at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import splu

from rexdynnet.dae.consistent import Point
from rexdynnet.dae.model import Dae


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
