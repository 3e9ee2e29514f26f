"""How the forecasts of one quantity evolve from issue to issue until the hour is over.

The forecast of hour v issued after hour i is F(i, v); F(v, v) is what came true. What an issue
brings, its revision ε(i, k) = F(i, i + k) - F(i - 1, i + k), is drawn for all leads k at once:

    ε(i, k) = bias + Σ_l carry(l) ε(i - l, k + l) + u(i, k)
    u(i, 0) = sqrt(1 + growth x(i)) j(i)
    u(i, k) = response(k) u(i, 0) + sqrt(c(i)) sqrt(1 + growth x(i + k)) w(i, k),   k >= 1

with j and w normal, independent from issue to issue, w correlated between leads. j is the
nowcast jump, when an hour's truth replaces its last forecast; the issuer's response carries part
of it on to the hours ahead; w is what new weather forecasts bring, in the issue cycle c. x is a
named regressor of the hour that is forecast; carry repeats, or where negative takes back, what
the same hour was told l issues before. The jump has its own bias, carry and growth.
Without bias and carry this is the martingale model of forecast evolution.

Sources: D. C. Heath and P. L. Jackson, "Modeling the evolution of demand forecasts with
application to safety stock analysis in production/distribution systems", IIE Transactions 26
(1994) 17-30; S. C. Graves et al., "Requirements planning in multistage systems", 1986.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.seeds import Purpose, stream

Floats = NDArray[np.float64]

# Issues drawn from one stream, and issues before the first that is used.
_BLOCK = 24


@dataclass(frozen=True)
class RevisionLaw:
    """What revisions have beside their covariance.

    Parameters
    ----------
    bias : float
        Mean of what is new.
    carry : tuple of (int, float)
        Hours l from 1 up, and share of the same hour's revision l hours before that comes again
        (negative: is taken back); the shares' sizes add up to less than 1.
    growth : float
        Variance gained per unit of the regressor, relative to the variance at 0; from 0 up.
    """

    bias: float = 0.0
    carry: tuple[tuple[int, float], ...] = ()
    growth: float = 0.0

    def __post_init__(self) -> None:
        lasting = sum(abs(share) for _, share in self.carry)
        back = all(lag >= 1 for lag, _ in self.carry)
        if not (np.isfinite(self.bias) and lasting < 1 and back and 0 <= self.growth < np.inf):
            raise InputError(
                Finding(
                    f"a revision has bias {self.bias}, carry {self.carry}, growth {self.growth}",
                    "give a finite bias, hours from 1 up, shares below 1 in all, growth from 0 up",
                )
            )


@dataclass(frozen=True)
class ForecastEvolution:
    """Law of the revisions of one quantity's forecasts.

    Parameters
    ----------
    size : float
        Standard deviation of the nowcast jump j, in the quantity's unit.
    response : tuple of float, shape (K - 1,)
        Share of the jump that is carried on to leads 1 to K - 1.
    loadings : tuple of tuple of float, shape (K - 1, m)
        Of w at leads 1 to K - 1 on factors that the leads of an issue share.
    own : tuple of float, shape (K - 1,)
        Standard deviation of what of w is each lead's own.
    jump, later : RevisionLaw
        Of lead 0, and of all others.
    cycle : tuple of float
        Factor on the variance of w by hour of the issue cycle (UTC hour modulo
        its length), of mean 1.
    usual : float
        Regressor where none is given.

    Raises
    ------
    InputError
        Figures missing, not finite, negative sizes, or a cycle of another mean.

    Examples
    --------
    >>> walk = ForecastEvolution(3.0, (0.0,), ((0.0,),), (4.0,))
    >>> [float(size) for size in walk.standard_deviation()]
    [3.0, 5.0]
    """

    size: float
    response: tuple[float, ...]
    loadings: tuple[tuple[float, ...], ...]
    own: tuple[float, ...]
    jump: RevisionLaw = RevisionLaw()
    later: RevisionLaw = RevisionLaw()
    cycle: tuple[float, ...] = (1.0,)
    usual: float = 0.0

    def __post_init__(self) -> None:
        counts = (len(self.response), len(self.loadings), len(self.own))
        if counts[0] < 1 or len(set(counts)) > 1 or len({len(row) for row in self.loadings}) > 1:
            raise InputError(
                Finding(
                    f"leads from 1 on: {counts} responses, rows of loadings and own sizes",
                    "give each lead one of each, and as many loadings as the others have",
                )
            )
        sizes = np.array([self.size, *self.own, *self.cycle, self.usual])
        figures = np.array([*sizes, *self.response, *np.ravel(self.loadings)])
        if not (np.isfinite(figures).all() and (sizes >= 0).all() and len(self.cycle) >= 1):
            raise InputError(
                Finding("an evolution has figures that are negative or no numbers", "fit it anew")
            )
        if abs(float(np.mean(self.cycle)) - 1.0) > 1e-3:
            raise InputError(
                Finding(
                    f"the issue cycle's factors have mean {np.mean(self.cycle):.4f}",
                    "divide them by their mean",
                )
            )

    @property
    def leads(self) -> int:
        """Number K of revisions that an hour goes through."""
        return 1 + len(self.own)

    @property
    def bias(self) -> Floats:
        """Mean of what is new at leads 0 to K - 1, shape (K,)."""
        return np.array([self.jump.bias, *[self.later.bias] * (self.leads - 1)])

    @property
    def growth(self) -> Floats:
        """Variance gained per unit of the regressor at leads 0 to K - 1, shape (K,)."""
        return np.array([self.jump.growth, *[self.later.growth] * (self.leads - 1)])

    def scaled(self, factor: float) -> ForecastEvolution:
        """The same evolution with revisions `factor` times as large."""
        return replace(
            self.weather_scaled(factor),
            size=factor * self.size,
            jump=replace(self.jump, bias=factor * self.jump.bias),
            later=replace(self.later, bias=factor * self.later.bias),
        )

    def weather_scaled(self, factor: float) -> ForecastEvolution:
        """The same evolution with `factor` times of what new weather forecasts bring."""
        return replace(
            self,
            loadings=tuple(tuple(factor * one for one in row) for row in self.loadings),
            own=tuple(factor * one for one in self.own),
        )

    def innovation_variance(self, regressor: float | None = None) -> Floats:
        """Variance of what is new at leads 0 to K - 1, mean over the issue cycle, shape (K,)."""
        x = self.usual if regressor is None else regressor
        jump = self.size**2 * (1.0 + self.jump.growth * x)
        weather = np.square(self.loadings).sum(axis=1) + np.square(self.own)
        later = np.square(self.response) * jump + weather * (1.0 + self.later.growth * x)
        return np.concatenate([[jump], later])

    def revision_variance(self, regressor: float | None = None) -> Floats:
        """Variance of the revision at leads 0 to K - 1, shape (K,)."""
        return np.square(self._carried()) @ self.innovation_variance(regressor)

    def error_variance(self, regressor: float | None = None) -> Floats:
        """Variance of the error of forecasts 1 to K hours ahead, shape (K,).

        Parameters
        ----------
        regressor : float, optional
            Mean of the regressor over the hours that are forecast.

        Returns
        -------
        ndarray
            In the forecast quantity's unit squared.
        """
        through = np.cumsum(self._carried(), axis=0)
        return np.square(through) @ self.innovation_variance(regressor)

    def mean_error(self) -> Floats:
        """Mean of truth minus forecast 1 to K hours ahead, shape (K,)."""
        return np.cumsum(self._carried() @ self.bias)

    def standard_deviation(self, lead_h: Floats | float | None = None) -> Floats:
        """Size of the error by lead time in hours; all of 1 to K where none is given.

        Beyond K hours a forecast is as wrong as at K.
        """
        size = np.sqrt(self.error_variance())
        if lead_h is None:
            return size
        lead = np.asarray(lead_h, dtype=np.float64)
        return np.interp(lead, np.arange(1, self.leads + 1), size)

    def _carried(self) -> Floats:
        """Share of the innovation at lead j that an hour's revision at lead k holds, (K, K)."""
        out = np.eye(self.leads)
        for k in range(self.leads - 2, -1, -1):
            for lag, share in (self.later if k else self.jump).carry:
                if k + lag < self.leads:
                    out[k] += share * out[k + lag]
        return out


@dataclass(frozen=True)
class EvolutionPath:
    """One realisation of an evolution: forecasts that are reissued every hour.

    Parameters
    ----------
    evolution : ForecastEvolution
    seed : int
    key : str
        Whose forecasts; another key is independent.
    first_hour : int
        UTC hour of the day at the end of hour 0.
    """

    evolution: ForecastEvolution
    seed: int
    key: str
    first_hour: int = 0

    def revisions(self, count: int, regressor: Floats | None = None) -> Floats:
        """Revisions of the issues after hours 0 to `count` - 1, shape (count, K).

        Parameters
        ----------
        count : int
            The numbers of an issue do not depend on it.
        regressor : ndarray, shape (count + K - 1,), optional
            At each hour from 0 on.

        Returns
        -------
        ndarray
            In the unit of the forecast quantity; row i, column k: of hour i + k.

        Raises
        ------
        InputError
            The regressor has another length, or is negative or no number somewhere.
        """
        leads = self.evolution.leads
        if regressor is None:
            return _drawn(self, count)[leads : leads + count]
        x = np.asarray(regressor, dtype=np.float64)
        if x.shape != (count + leads - 1,) or not (np.isfinite(x) & (x >= 0)).all():
            raise InputError(
                Finding(
                    f"the regressor has shape {x.shape} or is negative or no number somewhere",
                    f"give {count + leads - 1} values from 0 up, one an hour",
                )
            )
        before = np.full(leads, self.evolution.usual)
        return _revised(self, np.concatenate([before, x]), leads + count)[leads:]

    def error(self, issued_h: int, hours: NDArray[np.int64]) -> Floats:
        """Truth minus forecast of whole hours, by a forecast issued after some hours.

        Parameters
        ----------
        issued_h : int
            Hours that have ended when the forecast is issued.
        hours : ndarray of int, shape (n,)
            From 0 on.

        Returns
        -------
        ndarray, shape (n,)
            The sum of the revisions still to come; zero for hours that have ended.
        """
        wanted = np.asarray(hours, dtype=np.int64)
        return self._to_come(np.full(wanted.shape, issued_h, dtype=np.int64), wanted)

    def deviation(self, hours: NDArray[np.int64]) -> Floats:
        """Truth minus the first forecast of whole hours, shape (n,): all their revisions."""
        wanted = np.asarray(hours, dtype=np.int64)
        return self._to_come(wanted - self.evolution.leads + 1, wanted)

    def _to_come(self, first: NDArray[np.int64], hours: NDArray[np.int64]) -> Floats:
        leads = self.evolution.leads
        if not len(hours):
            return np.zeros(0)
        drawn = _drawn(self, int(hours.max()) + 1)
        lead = np.arange(leads)
        issue = hours[:, None] - lead[None, :]
        value = drawn[np.maximum(issue + leads, 0), lead[None, :]]
        return np.where(issue >= first[:, None], value, 0.0).sum(axis=1)


def _drawn(path: EvolutionPath, count: int) -> Floats:
    # Whole weeks, so that a growing horizon asks for the same cached array.
    return _cached(path, -(-count // 168) * 168)


@lru_cache(maxsize=256)
def _cached(path: EvolutionPath, count: int) -> Floats:
    leads = path.evolution.leads
    x = np.full(count + 2 * leads, path.evolution.usual)
    return _revised(path, x, leads + count)


def _revised(path: EvolutionPath, regressor: Floats, rows: int) -> Floats:
    """Revisions of issues -K on; the regressor's first value is of hour -K."""
    law, leads = path.evolution, path.evolution.leads
    loadings, response = np.array(law.loadings), np.array(law.response)
    common = loadings.shape[1]
    # Twice K issues of spin-up, so that what is carried on is stationary at issue -K.
    spin_up = 2 * leads
    blocks = -(-(rows + spin_up) // _BLOCK)
    z = np.concatenate(
        [
            stream(path.seed, Purpose.FORECAST_REVISION, path.key, block).normal(
                size=(_BLOCK, common + leads)
            )
            for block in range(blocks)
        ]
    )
    jump = law.size * z[:, 0]
    weather = z[:, 1 : 1 + common] @ loadings.T + z[:, 1 + common :] * np.array(law.own)
    growth, bias = law.growth, law.bias
    cycle = np.array(law.cycle)
    out = np.zeros((rows + spin_up, leads))
    for row in range(-spin_up, rows):
        x = regressor[row : row + leads] if row >= 0 else law.usual
        grown = np.sqrt(1.0 + growth * x)
        news = np.empty(leads)
        news[0] = grown[0] * jump[row + spin_up]
        news[1:] = grown[1:] * weather[row + spin_up]
        news[1:] *= np.sqrt(cycle[(path.first_hour + row - leads) % len(cycle)])
        news[1:] += response * news[0]
        place = row + spin_up
        out[place] = bias + news
        for lag, share in law.jump.carry:
            if lag < leads and place >= lag:
                out[place, 0] += share * out[place - lag, lag]
        for lag, share in law.later.carry:
            if lag < leads - 1 and place >= lag:
                out[place, 1 : leads - lag] += share * out[place - lag, 1 + lag :]
    return out[spin_up:]
