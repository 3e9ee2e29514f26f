"""Risk of equally likely amounts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def conditional_value_at_risk(values: Floats, level: float) -> float:
    """Mean of the largest share 1 − level of equally likely values.

    Parameters
    ----------
    values : ndarray, shape (n,)
    level : float
        From 0 to below 1.

    Returns
    -------
    float
        By R. T. Rockafellar and S. Uryasev, Optimization of conditional value-at-risk, Journal
        of Risk 2 (2000) 21; a value on the border counts in part.

    Examples
    --------
    >>> conditional_value_at_risk(np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
    3.5
    """
    rest = (1.0 - level) * len(values)
    down = np.sort(values)[::-1]
    weights = np.clip(rest - np.arange(len(down)), 0.0, 1.0)
    return float(down @ weights / rest)
