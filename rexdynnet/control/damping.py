"""Levenberg damping of an iteration that goes in circles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

_FIRST = 1e-2
_FACTOR = 4.0
_MOST = 1e2
_PROGRESS = 0.97
_PATIENCE = 3


@dataclass(frozen=True)
class Damper:
    """How much curvature to add to the next quadratic program; frozen, `after` makes the next.

    Parameters
    ----------
    damping : float
        Scaled curvature.
    best : float
        Smallest residual so far.
    waited : int
        Iterations since it last fell clearly.

    Notes
    -----
    K. Levenberg, Quart. Appl. Math. 2 (1944) 164; raised where the residual stops falling,
    which full steps do that jump between two active sets.

    Examples
    --------
    >>> damper = Damper()
    >>> for residual in (1.0, 0.9, 0.95, 0.9, 0.95):
    ...     damper = damper.after(residual)
    >>> damper.damping
    0.01
    """

    damping: float = 0.0
    best: float = inf
    waited: int = 0

    def after(self, residual: float) -> Damper:
        """Take in the residual of one more iterate."""
        if residual < _PROGRESS * self.best:
            return Damper(self.damping / _FACTOR, residual, 0)
        if self.waited + 1 < _PATIENCE:
            return replace(self, waited=self.waited + 1)
        return Damper(min(max(_FACTOR * self.damping, _FIRST), _MOST), self.best, 0)
