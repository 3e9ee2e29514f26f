"""A tuning: what is varied, what is wanted, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from rexdynnet.study.spread import LogUniform, Spread, decoded

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
DONE, EARLY, BROKEN = "complete", "pruned", "failed"


@dataclass(frozen=True)
class Objective:
    """A key figure that is wanted small, or large.

    Parameters
    ----------
    figure : str
        As a run names it, such as `cost_EUR`; its unit may be left out where that is clear.
    largest : bool
    """

    figure: str
    largest: bool = False

    def of(self, figures: Mapping[str, float]) -> float:
        """The figure of one run, the smaller the better.

        Raises
        ------
        InputError
            Runs have no such figure, or several.
        """
        value = figures[self.name_in(figures)]
        return -value if self.largest else value

    def name_in(self, figures: Mapping[str, float]) -> str:
        """The figure's full name."""
        if self.figure in figures:
            return self.figure
        meant = [name for name in figures if name.rpartition("_")[0] == self.figure]
        if len(meant) != 1:
            what = f"runs have no key figure {self.figure!r}"
            raise InputError(Finding(what, nearest(self.figure, figures), field=self.figure))
        return meant[0]


def risk(values: Sequence[float], cvar: float = 0.0) -> float:
    """Mean of the worst values: the conditional value at risk.

    Parameters
    ----------
    values : sequence of float
        Equally likely; large is bad.
    cvar : float
        Level in [0, 1): the mean goes over the worst `1 - cvar`; 0 takes all.

    Returns
    -------
    float

    Notes
    -----
    R. T. Rockafellar and S. Uryasev, Optimization of conditional value-at-risk, Journal of
    Risk 2 (2000), section 2: the value on the edge counts with the part that belongs to it.

    Examples
    --------
    >>> risk([1.0, 2.0, 3.0, 4.0]), risk([1.0, 2.0, 3.0, 4.0], 0.5), risk([0.0, 1.0, 4.0], 0.5)
    (2.5, 3.5, 3.0)
    """
    worst = np.sort(np.asarray(values, float))[::-1]
    tail = (1.0 - cvar) * len(worst)
    counted = np.clip(tail - np.arange(len(worst)), 0.0, 1.0)
    return float(counted @ worst / tail)


@dataclass(frozen=True)
class TuningPlan:
    """What a tuning does.

    Parameters
    ----------
    scenario : Path
    vary : mapping of str to Spread
        Overrides by dotted path, and what they may take.
    seeds : tuple of int
        Every trial is run with each.
    objectives : tuple of Objective
        Several give a front instead of one winner.
    trials : int
    fixed : mapping of str to object
        Overrides of every trial.
    cvar : float
        How seeds become one value; see `risk`.
    prune_after : tuple of str
        Durations, rising, after which a trial that does worse than the median of the others
        at that time is given up.
    seed : int
        Of the sampler.
    source : Path or None
        The tuning file.

    Raises
    ------
    InputError
        Nothing is varied or wanted, a number makes no sense, or several objectives are to
        be pruned.
    """

    scenario: Path
    vary: Mapping[str, Spread]
    seeds: tuple[int, ...]
    objectives: tuple[Objective, ...] = (Objective("cost_EUR"),)
    trials: int = 40
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])
    cvar: float = 0.0
    prune_after: tuple[str, ...] = ()
    seed: int = 1
    source: Path | None = None

    def __post_init__(self) -> None:
        both = [name for name in self.vary if name in self.fixed]
        names = [objective.figure for objective in self.objectives]
        different = len(set(self.seeds))
        wrong: list[tuple[bool, str, str, str]] = [
            (not self.vary, "nothing is varied", "give at least one range", "vary"),
            (bool(both), f"{', '.join(both)}: fixed and varied", "keep one of them", "fixed"),
            (not names, "nothing is wanted", 'write minimise = ["cost_EUR"]', "minimise"),
            (len(set(names)) < len(names), "an objective stands twice", "name it once", "minimise"),
            (self.trials < 1, f"{self.trials} trials", "give at least one", "trials"),
            (not 0 <= self.cvar < 1, f"cvar is {self.cvar:g}", "give 0 to below 1", "cvar"),
            (
                not self.seeds or different < len(self.seeds) or min(self.seeds) < 0,
                f"the tuning has {len(self.seeds)} seeds, {different} different",
                "give at least one, each once, from 0 up",
                "seeds",
            ),
            (
                len(names) > 1 and bool(self.prune_after),
                f"{len(names)} objectives cannot be pruned: no trial is behind in all",
                "leave out [prune], or keep one objective",
                "prune",
            ),
        ]
        findings = [
            Finding(what, remedy, self.source, field=name)
            for bad, what, remedy, name in wrong
            if bad
        ]
        if findings:
            raise InputError(*findings)


@dataclass(frozen=True)
class Tuning:
    """What a tuning found.

    Parameters
    ----------
    plan : TuningPlan
    table : DataFrame
        A row per trial: `trial`, `state` (complete, pruned or failed), each varied parameter,
        each objective as the seeds' mean or CVaR, `error`.
    objectives : tuple of str
        Full names of the figures.
    folder : Path
        Where the winner is written: `best.toml`, or `front/trial_N.toml` for each of a front.
    importances : mapping of objective to mapping of parameter to float
        Shares; empty where there were too few trials to tell.
    """

    plan: TuningPlan
    table: pd.DataFrame
    objectives: tuple[str, ...]
    folder: Path
    importances: Mapping[str, Mapping[str, float]] = field(
        default_factory=dict[str, Mapping[str, float]]
    )

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(self.plan.vary)

    @property
    def logarithmic(self) -> tuple[str, ...]:
        """Parameters whose logarithm is spread evenly."""
        return tuple(n for n, spread in self.plan.vary.items() if isinstance(spread, LogUniform))

    @property
    def costs(self) -> Floats:
        """Objectives of all trials, turned so that small is good; NaN where not complete.

        Returns
        -------
        ndarray, shape (trials, objectives)
        """
        signs = [-1.0 if objective.largest else 1.0 for objective in self.plan.objectives]
        values = self.table[list(self.objectives)].to_numpy(float) * np.array(signs)
        return np.where((self.table["state"] == DONE).to_numpy()[:, None], values, np.nan)

    @property
    def front(self) -> tuple[int, ...]:
        """Trials that no other beats in every objective; with one objective, the winner.

        Raises
        ------
        InputError
            No trial was completed.
        """
        costs = self.costs
        done = np.flatnonzero(np.isfinite(costs).all(axis=1))
        if not len(done):
            remedy = "see the column error of trials.csv"
            raise InputError(Finding("no trial was completed", remedy, self.folder))
        if costs.shape[1] == 1:
            return (int(done[np.argmin(costs[done, 0])]),)
        own = costs[done]
        beaten = [bool(((own <= row).all(axis=1) & (own < row).any(axis=1)).any()) for row in own]
        return tuple(int(n) for n, worse in zip(done, beaten, strict=True) if not worse)

    @property
    def files(self) -> tuple[Path, ...]:
        """Scenario files of the front, or of the winner."""
        if len(self.objectives) == 1:
            return (self.folder / "best.toml",)
        return tuple(self.folder / "front" / f"trial_{trial}.toml" for trial in self.front)

    @property
    def best(self) -> dict[str, object]:
        """Parameters of the winner.

        Raises
        ------
        InputError
            There is a front instead, or no trial was completed.
        """
        return self.parameters(self._winner())

    @property
    def best_scenario(self) -> SimulationScenario:
        """The winner, as it was written.

        Raises
        ------
        InputError
            As `best`.
        """
        self._winner()
        return read_scenario(self.files[0])

    def parameters(self, trial: int) -> dict[str, object]:
        """Parameters of one trial."""
        row = self.table.iloc[trial]
        return {name: decoded(spread, row[name]) for name, spread in self.plan.vary.items()}

    def lines(self) -> Iterator[str]:
        """What a person wants to read."""
        states = self.table["state"].value_counts()
        yield ", ".join(f"{states.get(state, 0)} {state}" for state in (DONE, EARLY, BROKEN))
        for trial in self.front:
            row = self.table.iloc[trial]
            wanted = ", ".join(f"{name} {row[name]:.6g}" for name in self.objectives)
            given = ", ".join(f"{n} = {_short(v)}" for n, v in self.parameters(trial).items())
            yield f"trial {trial}: {wanted} with {given}"

    def _winner(self) -> int:
        if len(self.objectives) > 1:
            remedy = "choose one of Tuning.front, and take Tuning.parameters of it"
            raise InputError(Finding("several objectives have a front and no winner", remedy))
        return self.front[0]


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
