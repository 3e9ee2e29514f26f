"""Fit a forecast evolution to forecasts as they were issued, and check it on later ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.forecast import ForecastEvolution, RevisionLaw
from rexdynnet.market.martingale import revisions_of

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class VarianceCheck:
    """Variance per lead, fitted and measured.

    Parameters
    ----------
    lead_h : ndarray of int, shape (K,)
    fitted : ndarray, shape (K,)
    measured, low, high : ndarray, shape (K,)
        Of later data, with the bootstrap interval.
    """

    lead_h: NDArray[np.int64]
    fitted: Floats
    measured: Floats
    low: Floats
    high: Floats

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Leads whose fitted variance lies in the interval, shape (K,)."""
        return (self.low <= self.fitted) & (self.fitted <= self.high)


def fit_evolution(
    issued: Floats, hour: NDArray[np.int64], regressor: Floats, *, cycle_h: int, factors: int = 3
) -> ForecastEvolution:
    """Fit the law of revisions by moments.

    Parameters
    ----------
    issued : ndarray, shape (n, K + 1)
        As in `rexdynnet.market.martingale.revisions_of`; NaN is left out.
    hour : ndarray of int, shape (n,)
        UTC hour of the day of each issue.
    regressor : ndarray, shape (n, K)
        Of the hour at leads 0 to K - 1 after each issue, from 0 up.
    cycle_h : int
        Hours between issues of the weather forecast; 1 where there is no cycle.
    factors : int
        Innovations' common factors; what these leave is each lead's own.

    Returns
    -------
    ForecastEvolution

    Raises
    ------
    InputError
        Arrays that do not fit together, or too few issues.
    """
    revisions = revisions_of(issued)
    rows, leads = revisions.shape
    if regressor.shape != (rows + 1, leads) or len(hour) != rows + 1:
        raise InputError(
            Finding(
                f"forecasts {issued.shape}, regressor {regressor.shape}, hours {hour.shape}",
                "give as many hours as issues and a regressor for each lead from 0 on",
            )
        )
    if (np.isfinite(revisions).sum(axis=0) < 10 * cycle_h + 5 * leads).any():
        raise InputError(Finding(f"{rows} revisions are too few", "give a longer series"))
    x, phase = regressor[1:], hour[1:] % cycle_h
    # A weather forecast may take back part of what the two before it said.
    lags = (1, cycle_h, 2 * cycle_h) if cycle_h > 1 else (1,)
    jump_law, jump = _without_carry(revisions, slice(0, 1), (1,))
    growth = _growth(jump / np.nanstd(jump), x[:, :1])
    jump_law = replace(jump_law, growth=growth)
    size = float(
        np.nanstd(jump) / np.sqrt(np.mean(1.0 + growth * x[:, 0][np.isfinite(jump[:, 0])]))
    )
    later_law, later = _without_carry(revisions, slice(1, leads), lags)
    response = _response(jump[:, 0], later)
    weather = later - jump * response
    cycle = _cycle(weather, phase, cycle_h)
    spread = np.nanstd(weather, axis=0)
    relative = weather / np.where(spread > 0, spread, np.nan) / np.sqrt(cycle[phase])[:, None]
    growth = _growth(relative, x[:, 1:])
    # Leads follow the cycle more or less; each keeps the variance that it has on the whole.
    factor = np.where(np.isfinite(weather), cycle[phase][:, None] * (1 + growth * x[:, 1:]), np.nan)
    loadings, own = _factors(weather / np.sqrt(np.nanmean(factor, axis=0)), factors)
    return ForecastEvolution(
        size,
        tuple(float(one) for one in response),
        tuple(tuple(float(one) for one in row) for row in loadings),
        tuple(float(one) for one in own),
        jump_law,
        replace(later_law, growth=growth),
        tuple(float(one) for one in cycle),
        float(np.mean(x)),
    )


def error_check(
    evolution: ForecastEvolution,
    issued: Floats,
    regressor: float,
    *,
    block_h: int = 24,
    samples: int = 2000,
    level: float = 0.9,
    seed: int = 0,
) -> VarianceCheck:
    """Variance of forecast errors per lead against later data.

    Parameters
    ----------
    evolution : ForecastEvolution
    issued : ndarray, shape (n, K + 1)
        Not used in the fit.
    regressor : float
        Mean over these data.
    block_h : int
        Length of the blocks that are drawn; a day keeps the daily course together.
    samples : int
    level : float
        Of the interval.
    seed : int

    Returns
    -------
    VarianceCheck
        Leads from 1 to K.
    """
    leads = evolution.leads
    errors = np.full((len(issued), leads), np.nan)
    for lead in range(1, leads + 1):
        errors[:-lead, lead - 1] = issued[lead:, 0] - issued[:-lead, lead]
    low, high = variance_interval(errors, block_h, samples, level, seed)
    return VarianceCheck(
        np.arange(1, leads + 1),
        evolution.error_variance(regressor),
        np.nanvar(errors, axis=0),
        low,
        high,
    )


def revision_check(
    evolution: ForecastEvolution,
    issued: Floats,
    regressor: float,
    *,
    block_h: int = 24,
    samples: int = 2000,
    level: float = 0.9,
    seed: int = 0,
) -> VarianceCheck:
    """Variance of revisions per lead, 0 to K - 1, against later data; as `error_check`."""
    revisions = revisions_of(issued)
    low, high = variance_interval(revisions, block_h, samples, level, seed)
    return VarianceCheck(
        np.arange(evolution.leads),
        evolution.revision_variance(regressor),
        np.nanvar(revisions, axis=0),
        low,
        high,
    )


def variance_interval(
    values: Floats, block_h: int, samples: int, level: float, seed: int
) -> tuple[Floats, Floats]:
    """Percentile interval of each column's variance from a circular block bootstrap.

    D. N. Politis and J. P. Romano, "A circular block-resampling procedure for stationary
    data", in: Exploring the Limits of Bootstrap, Wiley 1992.

    Parameters
    ----------
    values : ndarray, shape (n, K)
        NaN is left out of a sample.
    block_h, samples : int
    level : float
        Between 0 and 1.
    seed : int

    Returns
    -------
    low, high : ndarray, shape (K,)

    Raises
    ------
    InputError
        Fewer than five blocks, or a level out of range.
    """
    count = len(values)
    if count < 5 * block_h or block_h < 1 or not 0 < level < 1 or samples < 1:
        raise InputError(
            Finding(
                f"{count} rows in blocks of {block_h} h at level {level}",
                "give at least five blocks and a level between 0 and 1",
            )
        )
    random = np.random.default_rng(seed)
    first, second = np.nan_to_num(values), np.nan_to_num(np.square(values))
    there = np.isfinite(values).astype(np.float64)
    found = np.empty((samples, values.shape[1]))
    for sample in range(samples):
        starts = random.integers(0, count, -(-count // block_h))
        rows = ((starts[:, None] + np.arange(block_h)) % count).ravel()[:count]
        weight = np.bincount(rows, minlength=count).astype(np.float64)
        total = weight @ there
        found[sample] = weight @ second / total - np.square(weight @ first / total)
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(found, [tail, 1.0 - tail], axis=0)
    return low, high


def _without_carry(
    revisions: Floats, group: slice, lags: tuple[int, ...]
) -> tuple[RevisionLaw, Floats]:
    """Bias and carry of some leads together, each weighted by its variance; and what is new."""
    rows, leads = revisions.shape
    before = np.zeros((rows, leads, len(lags)))
    for at, lag in enumerate(lags):
        before[:lag, :, at] = np.nan
        before[lag:, : max(leads - lag, 0), at] = revisions[:-lag, lag:]
    new, known = revisions[:, group], before[:, group]
    size = np.nanstd(new, axis=0)
    kept = np.isfinite(new) & np.isfinite(known).all(axis=2) & (size > 0)
    weight = np.broadcast_to(1.0 / np.where(size > 0, size, 1.0), new.shape)[kept]
    x = np.column_stack([weight, known[kept] * weight[:, None]])
    solution = np.linalg.lstsq(x, new[kept] * weight, rcond=None)[0]
    shares = tuple((lag, float(one)) for lag, one in zip(lags, solution[1:], strict=True))
    law = RevisionLaw(float(solution[0]), shares)
    return law, new - solution[0] - known @ solution[1:]


def _response(jump: Floats, later: Floats) -> Floats:
    """Slope of each lead's news on the jump of the same issue, shape (K - 1,)."""
    kept = np.isfinite(jump)[:, None] & np.isfinite(later)
    together = np.where(kept, jump[:, None] * later, 0.0).sum(axis=0)
    square = np.where(kept, jump[:, None] ** 2, 0.0).sum(axis=0)
    return together / np.where(square > 0, square, 1.0)


def _cycle(weather: Floats, phase: NDArray[np.int64], cycle_h: int) -> Floats:
    """Variance by hour of the issue cycle, over leads, in units of its mean."""
    relative = np.square(weather) / np.nanvar(weather, axis=0).clip(np.finfo(float).tiny)
    found = np.ones(cycle_h)
    for at in range(cycle_h):
        found[at] = np.nanmean(relative[phase == at])
    return found / found.mean() if found.mean() > 0 else np.ones(cycle_h)


def _growth(relative: Floats, regressor: Floats) -> float:
    """Slope of squares on the regressor, relative to their value at 0; not below 0."""
    kept = np.isfinite(relative) & np.isfinite(regressor)
    x, y = regressor[kept], np.square(relative[kept])
    if not len(x) or float(np.ptp(x)) == 0:
        return 0.0
    slope, at_zero = np.polyfit(x, y, 1)
    return max(float(slope / at_zero), 0.0) if at_zero > 0 else 0.0


def _factors(new: Floats, count: int) -> tuple[Floats, Floats]:
    """Loadings of common factors and sizes of what they leave, of complete rows."""
    whole = new[np.isfinite(new).all(axis=1)]
    covariance = np.cov(whole.T)
    values, vectors = np.linalg.eigh(covariance)
    kept = np.argsort(values)[::-1][: max(count, 1)]
    loadings = vectors[:, kept] * np.sqrt(np.maximum(values[kept], 0.0))
    # Where each lead has more rows, its variance is of all of them.
    left = np.nanvar(new, axis=0) - np.square(loadings).sum(axis=1)
    return loadings, np.sqrt(np.maximum(left, 0.0))
