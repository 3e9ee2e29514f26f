"""Are issued forecasts a martingale? Tests, with errors that allow for what data are like.

A forecast that uses all that is known changes only by news: revisions have mean zero, whatever
the earlier revision and the forecast's level were, and the truth regressed on the forecast has
intercept 0 and slope 1.

Sources: J. Mincer and V. Zarnowitz, "The evaluation of economic forecasts", NBER, 1969;
W. D. Nordhaus, "Forecasting efficiency: concepts and applications", Review of Economics and
Statistics 69 (1987) 667-674; W. K. Newey and K. D. West, "A simple, positive semi-definite,
heteroskedasticity and autocorrelation consistent covariance matrix", Econometrica 55 (1987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc  # pyright: ignore[reportMissingTypeStubs]

from rexdynnet.errors import Finding, InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MartingaleTest:
    """Wald test of one lead.

    Parameters
    ----------
    lead_h : int
        Of the revision, or of the forecast.
    coefficients, errors : tuple of float
        Estimates and their standard errors.
    statistic : float
        χ² with as many degrees of freedom as there are coefficients.
    p_value : float
    count : int
        Observations used.
    """

    lead_h: int
    coefficients: tuple[float, ...]
    errors: tuple[float, ...]
    statistic: float
    p_value: float
    count: int


def revisions_of(issued: Floats) -> Floats:
    """Revisions of forecasts reissued every hour.

    Parameters
    ----------
    issued : ndarray, shape (n, K + 1)
        Row i, column k: forecast of hour i + k issued after hour i; column 0 is the truth.

    Returns
    -------
    ndarray, shape (n - 1, K)
        Row i, column k: what issue i + 1 changed at hour i + 1 + k.

    Examples
    --------
    >>> revisions_of(np.array([[1.0, 2.0], [3.0, 0.0]]))
    array([[1.]])
    """
    if issued.ndim != 2 or min(issued.shape) < 2:
        raise InputError(
            Finding(
                f"issued forecasts have shape {issued.shape}",
                "give at least two issues with the truth and one lead",
            )
        )
    return issued[1:, :-1] - issued[:-1, 1:]


def foreseen_revisions(
    issued: Floats, lead_h: int, apart_h: tuple[int, ...] = (1,)
) -> MartingaleTest:
    """Test whether a revision could have been foreseen.

    The revision is regressed on a constant, the same hour's earlier revisions and the previous
    forecast's level (from its mean); all coefficients are 0 for a martingale.

    Parameters
    ----------
    issued : ndarray, shape (n, K + 1)
        As in `revisions_of`; rows with NaN are left out.
    lead_h : int
        Of the revision, from 0 (truth against last forecast) up.
    apart_h : tuple of int
        How many issues before each earlier revision was made; `lead_h` plus the longest is at
        most K - 1.

    Returns
    -------
    MartingaleTest
        Coefficients: constant, earlier revisions, level.

    Raises
    ------
    InputError
        The lead is out of range or too few issues are complete.
    """
    revisions = revisions_of(issued)
    longest = max(apart_h, default=1)
    last = revisions.shape[1] - 1 - longest
    if min(apart_h, default=0) < 1 or not 0 <= lead_h <= last:
        raise InputError(
            Finding(
                f"a revision at lead {lead_h} h on those {apart_h} issues before",
                f"give issues from 1 up and a lead from 0 to {last} h",
            )
        )
    new = revisions[longest:, lead_h]
    before = tuple(revisions[longest - lag : -lag, lead_h + lag] for lag in apart_h)
    level = issued[longest:-1, lead_h + 1]
    null = np.zeros(2 + len(apart_h))
    # News are uncorrelated from issue to issue: a few lags are enough.
    return _wald(new, (*before, level - np.nanmean(level)), null, lead_h, 0)


def mincer_zarnowitz(issued: Floats, lead_h: int) -> MartingaleTest:
    """Mincer-Zarnowitz: regress the truth on the forecast; test intercept 0 and slope 1.

    Parameters
    ----------
    issued : ndarray, shape (n, K + 1)
        As in `revisions_of`.
    lead_h : int
        From 1 to K.

    Returns
    -------
    MartingaleTest
        Coefficients: intercept at the mean forecast, slope.

    Raises
    ------
    InputError
        The lead is out of range or too few issues are complete.
    """
    if not 1 <= lead_h < issued.shape[1]:
        last = issued.shape[1] - 1
        raise InputError(Finding(f"a lead of {lead_h} h", f"give one from 1 to {last} h"))
    forecast, truth = issued[:-lead_h, lead_h], issued[lead_h:, 0]
    middle = float(np.nanmean(forecast[np.isfinite(truth)]))
    # Errors of forecasts that overlap go together for as many hours as the lead.
    return _wald(truth - middle, (forecast - middle,), np.array([0.0, 1.0]), lead_h, lead_h)


def _wald(
    y: Floats, regressors: tuple[Floats, ...], null: Floats, lead_h: int, overlap: int
) -> MartingaleTest:
    columns = np.column_stack([np.ones(len(y)), *regressors])
    kept = np.isfinite(y) & np.isfinite(columns).all(axis=1)
    x, y = columns[kept], y[kept]
    lags = int(4 * (max(len(y), 1) / 100) ** (2 / 9)) + overlap
    if len(y) < 10 * x.shape[1] + lags:
        raise InputError(
            Finding(f"{len(y)} complete issues at lead {lead_h} h", "give a longer series")
        )
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise InputError(
            Finding(
                f"forecasts or revisions at lead {lead_h} h never change",
                "give forecasts that are reissued",
            )
        )
    estimate = np.linalg.lstsq(x, y, rcond=None)[0]
    spread = _newey_west(x, y - x @ estimate, lags)
    off = estimate - null
    statistic = float(off @ np.linalg.solve(spread, off))
    return MartingaleTest(
        lead_h,
        tuple(float(value) for value in estimate),
        tuple(float(value) for value in np.sqrt(np.diag(spread))),
        statistic,
        float(gammaincc(0.5 * len(null), 0.5 * statistic)),
        len(y),
    )


def _newey_west(x: Floats, residual: Floats, lags: int) -> Floats:
    """Covariance of least-squares coefficients, Bartlett weights."""
    scores = x * residual[:, None]
    middle = scores.T @ scores
    for lag in range(1, lags + 1):
        shifted = scores[lag:].T @ scores[:-lag]
        middle += (1.0 - lag / (lags + 1.0)) * (shifted + shifted.T)
    bread = np.linalg.inv(x.T @ x)
    return bread @ middle @ bread
