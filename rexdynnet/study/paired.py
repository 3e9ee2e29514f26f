"""Controllers compared pairwise: the same random numbers drive each of them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.settings import ControlSettings
from rexdynnet.errors import Finding, InputError
from rexdynnet.study.loop import run
from rexdynnet.study.run_kpis import Kpis
from rexdynnet.study.scenario import SimulationScenario

Floats = NDArray[np.float64]
_Job: TypeAlias = tuple[SimulationScenario, Path | None]


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


def compare(
    scenario: SimulationScenario,
    arms: Mapping[str, ControlSettings],
    seeds: Sequence[int],
    *,
    report: Callable[[str, int, Kpis], None] | None = None,
    workers: int = 1,
    keep: Path | None = None,
) -> Paired:
    """Run several controllers on the same demands, forecast errors and sensor noise.

    Parameters
    ----------
    scenario : SimulationScenario
        With a `[control]` section, whose place each arm takes.
    arms : mapping of str to ControlSettings
    seeds : sequence of int
        At least two.
    report : callable, optional
        Called after each run with arm, seed and key figures.
    workers : int
        Processes; each run is the same whatever their number.
    keep : Path or None
        A folder for each run's key figures: a comparison that was broken off takes up where
        it was. A changed scenario or version starts anew.

    Returns
    -------
    Paired

    Raises
    ------
    InputError
        Fewer than two seeds, or a scenario without a controller.
    """
    settings = scenario.closed_loop
    if settings is None or len(seeds) < 2:
        raise InputError(
            Finding(
                f"a comparison over {len(seeds)} seeds of a scenario "
                f"{'without' if settings is None else 'with'} a controller",
                "give a scenario with a section [control] and at least two seeds",
                file=scenario.source,
            )
        )
    names = [(arm, seed) for seed in seeds for arm in arms]
    jobs = [
        (replace(scenario, seed=seed, closed_loop=replace(settings, control=arms[arm])), keep)
        for arm, seed in names
    ]
    found: dict[tuple[str, int], Mapping[str, float]] = {}
    for (arm, seed), kpis in zip(names, _each(jobs, workers), strict=True):
        found[arm, seed] = kpis.numbers()
        if report is not None:
            report(arm, seed, kpis)
    return Paired(
        tuple(arms),
        tuple(seeds),
        {
            figure: np.array([[found[arm, seed][figure] for seed in seeds] for arm in arms])
            for figure in found[names[0]]
        },
    )


def _each(jobs: Sequence[_Job], workers: int) -> Iterator[Kpis]:
    if workers <= 1:
        yield from map(_key_figures, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_key_figures, jobs)


def _key_figures(job: _Job) -> Kpis:
    """Run one scenario, unless its key figures are kept already."""
    scenario, keep = job
    if keep is None:
        return run(scenario).kpis
    from rexdynnet import __version__

    key = sha256(pickle.dumps((scenario, __version__))).hexdigest()[:24]
    file = keep / f"{scenario.name}_{scenario.seed}_{key}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())
    kpis = run(scenario).kpis
    keep.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(pickle.dumps(kpis))
    part.replace(file)
    return kpis
