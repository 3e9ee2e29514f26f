"""Positive definite replacements of stage Hessians."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


def mirrored(blocks: Floats, floor: float) -> Floats:
    """Replace negative eigenvalues by their magnitudes, small ones by a floor.

    Parameters
    ----------
    blocks : ndarray, shape (K, n, n)
        Symmetric.
    floor : float
        Smallest eigenvalue of the result; positive.

    Returns
    -------
    ndarray, shape (K, n, n)
        Blocks that are positive definite already (above the floor) stay as they are.

    Notes
    -----
    Quirynen, Gros & Diehl, "Inexact Newton-type optimization with iterated
    sensitivities" and Verschueren et al., "A sparsity preserving convexification
    procedure for indefinite quadratic programs arising in direct optimal control",
    SIAM J. Optim. 27 (2017) 2085, call this 'mirroring'. It changes the path of the
    iteration, not the point where it stops.

    Examples
    --------
    >>> mirrored(np.array([[[1.0, 2.0], [2.0, 1.0]]]), 1e-6)
    array([[[2., 1.],
            [1., 2.]]])
    """
    if blocks.shape[-1] == 0:
        return blocks
    values, vectors = np.linalg.eigh(blocks)
    bad = values[:, 0] < floor
    if not bad.any():
        return blocks
    made = blocks.copy()
    kept = np.maximum(np.abs(values[bad]), floor)
    made[bad] = (vectors[bad] * kept[:, None, :]) @ vectors[bad].transpose(0, 2, 1)
    return made
