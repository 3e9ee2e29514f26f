"""Positive definite replacements of stage Hessians."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Negative(Enum):
    """What becomes of negative curvature."""

    MIRRORED = "its magnitude: cautious steps"
    CLIPPED = "the floor: longer steps, fewer of them close to the solution"


def convexified(blocks: Floats, floor: float, negative: Negative = Negative.MIRRORED) -> Floats:
    """Replace negative eigenvalues, and small ones by a floor.

    Parameters
    ----------
    blocks : ndarray, shape (K, n, n)
        Symmetric.
    floor : float
        Smallest eigenvalue of the result; positive.
    negative : Negative

    Returns
    -------
    ndarray, shape (K, n, n)
        Blocks whose eigenvalues are all above the floor stay as they are.

    Notes
    -----
    R. Quirynen, B. Houska, M. Vallerio, D. Telen, F. Logist, J. Van Impe, M. Diehl,
    "Symmetric algorithmic differentiation based exact Hessian SQP method and software for
    economic MPC", CDC 2014: mirroring and projection stage by stage. Either changes the
    path of the iteration, not the point where it stops.

    Examples
    --------
    >>> convexified(np.array([[[1.0, 2.0], [2.0, 1.0]]]), 1e-6)
    array([[[2., 1.],
            [1., 2.]]])
    """
    if blocks.shape[-1] == 0:
        return blocks
    values, vectors = np.linalg.eigh(blocks)
    bad = values[:, 0] < floor
    if not bad.any():
        return blocks
    kept = np.maximum(np.abs(values) if negative is Negative.MIRRORED else values, floor)
    made = (vectors * kept[:, None, :]) @ vectors.transpose(0, 2, 1)
    return np.where(bad[:, None, None], made, blocks)
