"""Check any answer of an optimiser by its own optimality conditions, computed here."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats: TypeAlias = NDArray[np.float64]

_AVERAGE_MULTIPLIER = 100.0
"""Multipliers whose mean is larger scale the dual conditions down, as IPOPT does."""


@dataclass(frozen=True)
class Certificate:
    """Residuals of the Karush-Kuhn-Tucker conditions at an answer, scaled.

    Parameters
    ----------
    stationarity, feasibility, complementarity : float
        Largest violations; infinite where a value is not finite. Complementarity
        includes multipliers of the wrong sign.
    variable, row : int
        Where stationarity and feasibility are worst; -1 where nothing is violated.
    """

    stationarity: float
    feasibility: float
    complementarity: float
    variable: int = -1
    row: int = -1

    @property
    def residual(self) -> float:
        """The largest of the three."""
        return max(self.stationarity, self.feasibility, self.complementarity)

    def holds(self, tolerance: float = 1e-5) -> bool:
        """Whether the answer is a KKT point within a tolerance."""
        return self.residual <= tolerance

    def cause(self, tolerance: float = 1e-5) -> str:
        """What is wrong with the answer; empty when it holds."""
        parts = {
            f"stationarity {self.stationarity:.1e} at variable {self.variable}": self.stationarity,
            f"feasibility {self.feasibility:.1e} at row {self.row}": self.feasibility,
            f"complementarity {self.complementarity:.1e}": self.complementarity,
        }
        return ", ".join(text for text, value in parts.items() if not value <= tolerance)


def kkt_residual(
    gradient: Floats,
    jacobian: sparse.csc_matrix,
    variables: Floats,
    bounds: tuple[Floats, Floats],
    rows: Floats,
    row_bounds: tuple[Floats, Floats],
    multipliers: tuple[Floats, Floats],
) -> Certificate:
    """Measure how far an answer is from a KKT point.

    Parameters
    ----------
    gradient : ndarray, shape (n,)
        Of the objective (of a QP: P x + c).
    jacobian : sparse matrix, shape (m, n)
    variables, rows : ndarray, shapes (n,) and (m,)
        Scaled, so that 1 is a typical value.
    bounds, row_bounds : (lower, upper), shapes (n,) and (m,)
    multipliers : (of variables, of rows), shapes (n,) and (m,)
        Of L = f + rows·multipliers + variables·multipliers: positive at an upper bound.

    Returns
    -------
    Certificate

    Notes
    -----
    Scaling of the dual conditions: Wächter and Biegler, Math. Program. 106 (2006) 25, eq. 6.

    Examples
    --------
    The least x² for x >= 1:

    >>> one = np.ones(1)
    >>> empty = np.zeros(0)
    >>> answer = kkt_residual(2 * one, sparse.csc_matrix((0, 1)), one, (one, np.inf * one),
    ...                       empty, (empty, empty), (-2 * one, empty))
    >>> answer.holds()
    True
    """
    of_variables, of_rows = multipliers
    everything = np.concatenate([gradient, variables, rows, of_variables, of_rows, jacobian.data])
    if not np.all(np.isfinite(everything)):
        return Certificate(np.inf, np.inf, np.inf)
    count = len(of_variables) + len(of_rows)
    size = (np.abs(of_variables).sum() + np.abs(of_rows).sum()) / max(count, 1)
    scale = max(_AVERAGE_MULTIPLIER, float(size)) / _AVERAGE_MULTIPLIER
    slope = np.abs(gradient + jacobian.T @ of_rows + of_variables)
    # a fixed variable's multiplier takes whatever is left
    slope[bounds[0] == bounds[1]] = 0.0
    values = np.concatenate([variables, rows])
    lower = np.concatenate([bounds[0], row_bounds[0]])
    upper = np.concatenate([bounds[1], row_bounds[1]])
    both = np.concatenate([of_variables, of_rows])
    outside = np.maximum(np.maximum(lower - values, values - upper), 0.0)
    # a multiplier with a bound at infinity has the wrong sign: its gap counts as one
    above = np.where(np.isfinite(upper), np.abs(upper - values), 1.0)
    below = np.where(np.isfinite(lower), np.abs(values - lower), 1.0)
    products = np.maximum(both, 0.0) * above + np.maximum(-both, 0.0) * below
    products[lower == upper] = 0.0
    return Certificate(
        _largest(slope) / scale,
        _largest(outside),
        _largest(products) / scale,
        int(np.argmax(slope)) if slope.size else -1,
        int(np.argmax(outside)) if outside.size and outside.max() > 0 else -1,
    )


@dataclass(frozen=True)
class NlpCheck:
    """Derivatives of an NLP, made once, to certify each of its answers.

    Parameters
    ----------
    evaluate : casadi.Function
        (x, p) -> (gradient of f, g, Jacobian of g).
    """

    evaluate: ca.Function

    def certify(
        self,
        x: Floats,
        p: Floats,
        bounds: tuple[Floats, Floats],
        row_bounds: tuple[Floats, Floats],
        multipliers: tuple[Floats, Floats],
    ) -> Certificate:
        """Certify an answer of `nlpsol`.

        Parameters
        ----------
        x, p : ndarray
        bounds, row_bounds : (lower, upper)
        multipliers : (lam_x, lam_g)

        Returns
        -------
        Certificate
        """
        gradient, g, slopes = self.evaluate(x, p)
        jacobian = sparse.csc_matrix(
            (
                np.asarray(slopes.nonzeros(), dtype=float),
                np.asarray(slopes.sparsity().row()),
                np.asarray(slopes.sparsity().colind()),
            ),
            shape=slopes.shape,
        )
        return kkt_residual(
            np.asarray(gradient, dtype=float).ravel(),
            jacobian,
            x,
            bounds,
            np.asarray(g, dtype=float).ravel(),
            row_bounds,
            multipliers,
        )


def nlp_check(nlp: Mapping[str, ca.MX]) -> NlpCheck:
    """Make the check of an NLP given as `nlpsol` takes it.

    Parameters
    ----------
    nlp : mapping with x, p, f and g

    Returns
    -------
    NlpCheck
    """
    x, p, f, g = nlp["x"], nlp["p"], nlp["f"], nlp["g"]
    return NlpCheck(ca.Function("kkt", [x, p], [ca.gradient(f, x), g, ca.jacobian(g, x)]))


def _largest(values: Floats) -> float:
    return float(values.max()) if values.size else 0.0
