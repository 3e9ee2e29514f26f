"""Forecast errors as a random process: how they grow with lead time and hang together.

What is known of a quantity at issue time t is the truth's deviation from its regression up
to t; that deviation fades. With m an autoregressive deviation and n white noise, both per
hour v, the forecast issued after hour i misses hour v by

    e(v | i) = m(v) - c r^(v - i) m(i) + n(v)

so that errors grow with lead time and are correlated between neighbouring hours as measured.
An issuer who knows the present deviation has c = 1; his forecasts then shrink from issue to
issue without bias (a martingale). Weather services do not see the local deviation: c is small.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.seeds import Purpose, stream

Floats = NDArray[np.float64]

# Spin-up before the run, so that deviations are stationary from its first hour on.
_LEAD_H = 240
_BLOCK_H = 24


@dataclass(frozen=True)
class ErrorProcess:
    """How one quantity's forecast errors behave, per hour.

    Parameters
    ----------
    persistence : float
        Share r of a deviation that is left after an hour, from 0 to below 1.
    innovation : float
        Standard deviation of what comes new every hour.
    noise : float
        Standard deviation of what nobody can foresee and the next hour forgets.
    known : float
        Share c of the present deviation that the issuer knows, from 0 to 1.
    """

    persistence: float
    innovation: float
    noise: float = 0.0
    known: float = 1.0

    def __post_init__(self) -> None:
        sizes = (self.innovation, self.noise)
        shares = 0 <= self.persistence < 1 and 0 <= self.known <= 1
        if not (shares and all(0 <= size < np.inf for size in sizes)):
            raise InputError(
                Finding(
                    f"an error process has persistence {self.persistence}, sizes {sizes}, "
                    f"known {self.known}",
                    "give a persistence from 0 to below 1, sizes from 0 up, known from 0 to 1",
                )
            )

    def scaled(self, factor: float) -> ErrorProcess:
        """The same process with errors `factor` times as large."""
        return replace(self, innovation=factor * self.innovation, noise=factor * self.noise)

    def standard_deviation(self, lead_h: Floats | float) -> Floats:
        """Size of the error by lead time in hours.

        Examples
        --------
        >>> float(ErrorProcess(0.0, 3.0, 4.0).standard_deviation(1.0))
        5.0
        """
        lead = np.asarray(lead_h, dtype=np.float64)
        r2 = self.persistence**2
        grown = (1.0 - self._foreseen * r2**lead) / (1.0 - r2)
        return np.sqrt(self.innovation**2 * grown + self.noise**2)

    def correlation(self, lead_h: float, apart_h: float = 1.0) -> float:
        """Correlation of the errors of one issue at `lead_h` and `lead_h + apart_h`."""
        shared = self.innovation**2 * (1.0 - self._foreseen * self.persistence ** (2 * lead_h))
        shared *= self.persistence**apart_h / (1.0 - self.persistence**2)
        both = self.standard_deviation(lead_h) * self.standard_deviation(lead_h + apart_h)
        return float(shared / both) if both > 0 else 0.0

    @property
    def _foreseen(self) -> float:
        """Share of the variance that knowing the present removes at lead 0."""
        return self.known * (2.0 - self.known)


@dataclass(frozen=True)
class ErrorPath:
    """One realisation of an error process over a run.

    Parameters
    ----------
    process : ErrorProcess
    seed : int
    key : str
        Whose errors; another key is independent.
    """

    process: ErrorProcess
    seed: int
    key: str

    def error(self, issued_h: int, hours: NDArray[np.int64]) -> Floats:
        """Truth minus forecast of whole hours, by a forecast issued after some hours.

        Parameters
        ----------
        issued_h : int
            Hours of the run that have ended when the forecast is issued.
        hours : ndarray of int, shape (n,)
            Index of each hour of the run; the first is 0.

        Returns
        -------
        ndarray, shape (n,)
            Zero for hours that have ended.
        """
        if self.process.innovation == 0 and self.process.noise == 0:
            return np.zeros(len(hours))
        deviation, noise = _drawn(self.process, self.seed, self.key, int(max(hours.max(), 1)) + 1)
        ahead = hours - (issued_h - 1)
        known = deviation[_LEAD_H + issued_h - 1]
        faded = self.process.known * self.process.persistence ** np.maximum(ahead, 0) * known
        error = deviation[_LEAD_H + hours] - faded + noise[_LEAD_H + hours]
        return np.where(ahead > 0, error, 0.0)

    def deviation(self, hours: NDArray[np.int64]) -> Floats:
        """Deviation of whole hours from the regression: what a perfect forecast would add.

        Parameters
        ----------
        hours : ndarray of int, shape (n,)
            From 0 on.

        Returns
        -------
        ndarray, shape (n,)
        """
        deviation, noise = _drawn(self.process, self.seed, self.key, int(hours.max()) + 1)
        return deviation[_LEAD_H + hours] + noise[_LEAD_H + hours]


def _drawn(process: ErrorProcess, seed: int, key: str, hours: int) -> tuple[Floats, Floats]:
    # Whole weeks, so that a growing horizon asks for the same cached arrays.
    return _path(process, seed, key, -(-hours // 168) * 168)


@lru_cache(maxsize=4096)
def _path(process: ErrorProcess, seed: int, key: str, hours: int) -> tuple[Floats, Floats]:
    blocks = -(-(hours + _LEAD_H) // _BLOCK_H)
    draws = np.concatenate(
        [
            stream(seed, Purpose.FORECAST_ERROR, key, block).normal(size=(_BLOCK_H, 2))
            for block in range(blocks)
        ]
    )
    r = process.persistence
    deviation = np.empty(len(draws))
    held = process.innovation / np.sqrt(1.0 - r * r) * draws[0, 0]
    for index, fresh in enumerate(draws[:, 0]):
        held = r * held + process.innovation * fresh if index else held
        deviation[index] = held
    return deviation, process.noise * draws[:, 1]
