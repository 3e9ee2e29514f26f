"""Figures of arms that share their seeds: means, differences and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A mean difference and its confidence interval.

    Parameters
    ----------
    mean, lower, upper : float
        In the unit of the figure.
    """

    mean: float
    lower: float
    upper: float

    @property
    def decided(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.lower > 0 or self.upper < 0

    def __str__(self) -> str:
        return f"{self.mean:+.4g} [{self.lower:+.4g}, {self.upper:+.4g}]"


@dataclass(frozen=True)
class Paired:
    """Key figures of several controllers over the same seeds.

    Parameters
    ----------
    arms : tuple of str
    seeds : tuple of int
    figures : mapping of str to ndarray, shape (arms, seeds)
        As `Kpis.numbers` names them.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    figures: Mapping[str, Floats]

    def mean(self, figure: str, arm: str) -> float:
        """Mean of a figure over the seeds."""
        return float(self.figures[figure][self.arms.index(arm)].mean())

    def difference(self, figure: str, arm: str, to: str, level: float = 0.95) -> Difference:
        """Mean of `arm` minus `to` over the seeds, by the paired t-distribution.

        Parameters
        ----------
        figure, arm, to : str
        level : float
            Of the confidence interval.

        Returns
        -------
        Difference

        Examples
        --------
        >>> two = Paired(("a", "b"), (1, 2, 3), {"cost": np.array([[1.0, 2, 3], [2.0, 3, 4.0]])})
        >>> two.difference("cost", "b", "a").mean
        1.0
        """
        rows = self.figures[figure]
        return interval(rows[self.arms.index(arm)] - rows[self.arms.index(to)], level)

    def lines(self, to: str) -> list[str]:
        """A table of every figure: the mean of `to`, and what the others change."""
        others = [arm for arm in self.arms if arm != to]
        lines = [f"{'':<28}{to:>12}" + "".join(f"   {arm} - {to}" for arm in others)]
        for figure in self.figures:
            if not np.isfinite(self.figures[figure]).all():
                continue
            changes = "".join(f"   {self.difference(figure, arm, to)}" for arm in others)
            lines.append(f"{figure:<28}{self.mean(figure, to):>12.4g}{changes}")
        return lines


def interval(values: Floats, level: float = 0.95) -> Difference:
    """Mean of independent values with its confidence interval (Student's t).

    Parameters
    ----------
    values : ndarray, shape (n,)
        At least two.
    level : float

    Returns
    -------
    Difference

    Examples
    --------
    >>> print(interval(np.array([1.0, 2.0, 3.0])))
    +2 [-0.4841, +4.484]
    """
    from scipy.stats import t

    mean = float(values.mean())
    half = float(t.ppf(0.5 + level / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return Difference(mean, mean - half, mean + half)
