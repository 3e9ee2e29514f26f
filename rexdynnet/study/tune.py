"""Tuning: trials that Optuna proposes, each a handful of runs that are kept like any study's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import import_module
from itertools import pairwise
from os import PathLike
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter
from typing import Any
from warnings import catch_warnings, filterwarnings

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.seeds import Purpose, stream
from rexdynnet.study.execute import RunOutcome
from rexdynnet.study.montecarlo import file_of
from rexdynnet.study.plan import Design, RunTask, StudyPlan, check_plan, drawn_seeds, tasks_of
from rexdynnet.study.read_scenario import scenario_from_file
from rexdynnet.study.scenario import SimulationScenario
from rexdynnet.study.scenario_text import scenario_document, scenario_text
from rexdynnet.study.spread import Levels, LogUniform, Spread, as_spread, plain
from rexdynnet.study.store import StudyFolder
from rexdynnet.study.tuning import BROKEN, DONE, EARLY, Objective, Tuning, TuningPlan, risk
from rexdynnet.study.workers import Workers, finished, make_workers, usable_cores

JOURNAL, TRIALS = "tuning.journal", "trials.csv"
_STARTUP_TRIALS = 10
_BEFORE_PRUNING = 5


@dataclass(frozen=True)
class TrialState:
    """How far a tuning is.

    Parameters
    ----------
    done, total, pruned, failed : int
        Trials; those of an earlier, broken-off tuning count as done.
    begun : int
        Of `done`, those that were there already.
    elapsed_s : float
        Since the tuning began or went on.
    best : float
        Best value of the first objective so far; NaN before there is one.
    """

    done: int
    total: int
    pruned: int
    failed: int
    begun: int
    elapsed_s: float
    best: float


Report = Callable[[TrialState], None]


def tune(
    scenario: SimulationScenario | str | PathLike[str],
    vary: Mapping[str, Spread | Sequence[object]],
    *,
    objective: str | Sequence[str] = "cost_EUR",
    trials: int = 40,
    seed: int = 1,
    draws: int = 2,
    cvar: float = 0.0,
    prune_after: Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    storage: Any = None,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report | None = None,
) -> Tuning:
    """Find the parameters with which a scenario does best.

    Parameters
    ----------
    scenario : SimulationScenario or path
        As it was read from its file, or that file.
    vary : mapping of str to Spread or sequence
        What is tuned, by dotted path: `{"control.weights.heat": LogUniform(1e-3, 10.0)}`.
    objective : str or sequence of str
        Key figures to make small; with several the result has a front and no winner.
    trials : int
    seed : int
        Of the sampler, and of the seeds that every trial is run with.
    draws : int
        How many seeds those are.
    cvar : float
        Level of the risk: 0 takes the mean over the seeds; 0.8 that of the worst fifth.
    prune_after : sequence of str
        Durations (`"1d"`) after which a trial is given up where it does worse than the
        median of the others at that time.
    out : path or None
        Folder that keeps every run and trial: a second call with the same folder goes on
        where the first was broken off. None makes a temporary one.
    storage : optuna storage, URL or None
        Where Optuna keeps its trials; None: a journal file in `out`. One tuning at a time.
    workers : int or None
        Processes that share the runs of a trial; None: one per core.
    cluster : str or None
        Address of a `dask.distributed` scheduler, instead of processes of this machine.
    report : callable, optional
        Called after each trial.

    Returns
    -------
    Tuning

    Raises
    ------
    InputError
        The tuning cannot be run, the extra `tune` is missing, no trial was completed, or
        the disk or the cluster gave up; what was done is kept in `out`.

    Examples
    --------
    >>> file = "models/scenarios/destest16_two_plants_run.toml"
    >>> vary = {"control.margin": [0.0, 0.3], "time.duration": ["1h"]}
    >>> found = tune(file, vary, objective="idle_MWh", trials=2, draws=1, workers=1)
    >>> found.best_scenario.duration_s, len(found.table)
    (3600.0, 2)
    """
    names = (objective,) if isinstance(objective, str) else tuple(objective)
    plan = TuningPlan(
        file_of(scenario),
        {name: as_spread(values) for name, values in vary.items()},
        drawn_seeds(draws, seed),
        tuple(Objective(name) for name in names),
        trials,
        cvar=cvar,
        prune_after=tuple(prune_after),
        seed=seed,
    )
    folder = Path(mkdtemp(prefix="rexdynnet-tune-")) if out is None else Path(out)
    return run_tuning(
        plan, folder, storage=storage, workers=workers, cluster=cluster, report=report
    )


def run_tuning(
    plan: TuningPlan,
    out: Path,
    *,
    storage: Any = None,
    workers: int | None = None,
    cluster: str | None = None,
    report: Report | None = None,
) -> Tuning:
    """Run a tuning and write its winner; see `tune`.

    Parameters
    ----------
    plan : TuningPlan
    out : Path
    storage : optuna storage, URL or None
    workers : int or None
    cluster : str or None
    report : callable, optional

    Returns
    -------
    Tuning

    Raises
    ------
    InputError
        As `tune`.
    """
    optuna = _optuna()
    check_tuning(plan)
    folder = StudyFolder(out)
    out.mkdir(parents=True, exist_ok=True)
    count = min(usable_cores() if workers is None else workers, len(plan.seeds))
    with _quiet(optuna):
        kept = _storage(optuna, out) if storage is None else storage
        study = optuna.create_study(
            study_name=_key(plan),
            storage=kept,
            directions=["minimize"] * len(plan.objectives),
            load_if_exists=True,
        )
        with closing(make_workers(max(count, 1), cluster)) as pool:
            _Tuner(optuna, study, plan, folder, pool, report).work()
        found = _collected(study, plan, out)
    _write(found, folder)
    return found


class _Tuner:
    """Asks for trials and gives back what they are worth."""

    def __init__(
        self,
        optuna: Any,
        study: Any,
        plan: TuningPlan,
        folder: StudyFolder,
        pool: Workers,
        report: Report | None,
    ) -> None:
        self.optuna, self.study, self.plan = optuna, study, plan
        self.folder, self.pool, self.report = folder, pool, report
        self.choices = {name: _Choice(optuna, spread) for name, spread in plan.vary.items()}
        self.began = perf_counter()
        self.found = sum(trial.state.is_finished() for trial in study.trials)

    def work(self) -> None:
        """Run trials until there are as many as wanted."""
        if not self.study.trials:
            self._begin_with_the_scenario()
        while (trial := self._next()) is not None:
            self._run(trial)
            self._tell()

    def _begin_with_the_scenario(self) -> None:
        # what the file says is tried first: a winner is never worse than it
        document = scenario_document(self.plan.scenario)
        known: dict[str, Any] = {}
        for name, choice in self.choices.items():
            value = _value_at(document.values, name)
            if value is not None and choice.has(value):
                known[name] = choice.encoded(value)
        if known:
            self.study.enqueue_trial(known)

    def _next(self) -> Any:
        """The trial that was broken off, a new one, or none."""
        trials = self.study.get_trials(deepcopy=False)
        states = self.optuna.trial.TrialState
        begun = [trial for trial in trials if trial.state == states.RUNNING]
        number = begun[0].number if begun else sum(t.state != states.WAITING for t in trials)
        if number >= self.plan.trials:
            return None
        # a sampler per trial: what is proposed does not depend on when the tuning was broken off
        draw = int(stream(self.plan.seed, Purpose.STUDY_DESIGN, "trial", number).integers(2**31))
        self.study.sampler = self.optuna.samplers.TPESampler(
            seed=draw, n_startup_trials=_STARTUP_TRIALS
        )
        self.study.pruner = self.optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING)
        if begun:
            return self.optuna.Trial(self.study, begun[0]._trial_id)
        return self.study.ask()

    def _run(self, trial: Any) -> None:
        states = self.optuna.trial.TrialState
        overrides = {name: choice.suggest(trial, name) for name, choice in self.choices.items()}
        known = self.study.get_trials(deepcopy=False)[trial.number].intermediate_values
        for step, duration in enumerate((*self.plan.prune_after, None)):
            outcomes = self._outcomes(list(_tasks(self.plan, overrides, duration)))
            error = next((outcome.error for outcome in outcomes if outcome.error), "")
            values = [] if error else self._values(outcomes)
            if not error and not np.isfinite(values).all():
                error = "an objective is not a number"
            if error:
                trial.set_user_attr("error", error)
                self.study.tell(trial, state=states.FAIL)
                return
            if duration is not None:
                if step not in known:
                    trial.report(values[0], step)
                if trial.should_prune():
                    self.study.tell(trial, state=states.PRUNED)
                    return
                continue
            if "objectives" not in self.study.user_attrs:
                figures = outcomes[0].figures
                names = [objective.name_in(figures) for objective in self.plan.objectives]
                self.study.set_user_attr("objectives", names)
            self.study.tell(trial, values)

    def _values(self, outcomes: list[RunOutcome]) -> list[float]:
        return [
            risk([objective.of(outcome.figures) for outcome in outcomes], self.plan.cvar)
            for objective in self.plan.objectives
        ]

    def _outcomes(self, tasks: list[RunTask]) -> list[RunOutcome]:
        found = {task.key: self.folder.found(task) for task in tasks}
        missing = [task for task in tasks if found[task.key] is None]
        for task, outcome in finished(self.pool, missing):
            self.folder.keep(task, outcome)
            found[task.key] = outcome
        return [outcome for outcome in found.values() if outcome is not None]

    def _tell(self) -> None:
        if self.report is None:
            return
        states = self.optuna.trial.TrialState
        trials = [t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]
        values = [trial.values[0] for trial in trials if trial.state == states.COMPLETE]
        sign = -1.0 if self.plan.objectives[0].largest else 1.0
        self.report(
            TrialState(
                len(trials),
                self.plan.trials,
                sum(trial.state == states.PRUNED for trial in trials),
                sum(trial.state == states.FAIL for trial in trials),
                self.found,
                perf_counter() - self.began,
                sign * min(values) if values else float("nan"),
            )
        )


class _Choice:
    """A parameter as Optuna knows it."""

    def __init__(self, optuna: Any, spread: Spread) -> None:
        self.spread = spread
        if isinstance(spread, Levels):
            self.levels = {plain(value): value for value in spread.values}
            self.known = optuna.distributions.CategoricalDistribution(tuple(self.levels))
        else:
            log = isinstance(spread, LogUniform)
            self.levels = {}
            self.known = optuna.distributions.FloatDistribution(spread.lower, spread.upper, log=log)

    def suggest(self, trial: Any, name: str) -> object:
        if self.levels:
            return self.levels[trial.suggest_categorical(name, list(self.levels))]
        log = self.known.log
        return float(trial.suggest_float(name, self.known.low, self.known.high, log=log))

    def has(self, value: object) -> bool:
        if self.levels:
            return plain(value) in self.levels
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.known.low <= value <= self.known.high

    def encoded(self, value: object) -> object:
        return plain(value) if self.levels else value


def _value_at(values: Mapping[str, Any], path: str) -> Any:
    head, _, rest = path.partition(".")
    inner = values.get(head)
    if head == "parameters" and isinstance(inner, Mapping):
        return inner.get(rest)
    return _value_at(inner, rest) if rest and isinstance(inner, Mapping) else inner


def _runs_of(
    plan: TuningPlan, overrides: Mapping[str, object], duration: str | None, *, varied: bool = False
) -> StudyPlan:
    fixed = {**plan.fixed, **overrides}
    if duration is not None:
        fixed["time.duration"] = duration
    return StudyPlan(
        (plan.scenario,),
        plan.seeds,
        plan.vary if varied else {},
        fixed,
        Design.LATIN_HYPERCUBE if varied else Design.FULL_FACTORIAL,
        samples=1 if varied else 0,
        keep=(),
        source=plan.source,
    )


def check_tuning(plan: TuningPlan) -> None:
    """Read the scenario with every end of every range, before anything is run.

    Parameters
    ----------
    plan : TuningPlan

    Raises
    ------
    InputError
        The scenario is broken, a range names nothing, or pruning looks after the run's end.
    """
    check_plan(_runs_of(plan, {}, None, varied=True))
    first = next(_tasks(plan, {}, None)).overrides
    whole = scenario_from_file(plan.scenario, first).duration_s
    looks = [
        scenario_from_file(plan.scenario, {**first, "time.duration": duration}).duration_s
        for duration in plan.prune_after
    ]
    if any(one >= other for one, other in pairwise([*looks, whole])):
        raise InputError(
            Finding(
                f"pruned after {', '.join(plan.prune_after)} of {whole / 86400:g} days",
                "give durations that rise and end before the run does",
                plan.source,
                field="prune.after",
            )
        )


def _tasks(
    plan: TuningPlan, overrides: Mapping[str, object], duration: str | None
) -> Iterator[RunTask]:
    from rexdynnet import __version__

    return tasks_of(_runs_of(plan, overrides, duration), __version__)


def _key(plan: TuningPlan) -> str:
    """Name of the tuning in a storage; more trials go on with the same."""
    from rexdynnet import __version__

    first = next(tasks_of(_runs_of(plan, {}, None), __version__)).scenario_hash
    whole = replace(plan, scenario=Path(first), trials=1, source=None)
    return f"{plan.scenario.stem}-{sha256(f'{whole!r}{__version__}'.encode()).hexdigest()[:16]}"


def _collected(study: Any, plan: TuningPlan, out: Path) -> Tuning:
    import pandas as pd

    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    given = study.user_attrs.get("objectives", [o.figure for o in plan.objectives])
    signs = [-1.0 if objective.largest else 1.0 for objective in plan.objectives]
    words = {"COMPLETE": DONE, "PRUNED": EARLY, "FAIL": BROKEN}
    rows: list[dict[str, object]] = []
    for trial in trials:
        row: dict[str, object] = {"trial": trial.number, "state": words[trial.state.name]}
        row |= {name: trial.params.get(name) for name in plan.vary}
        values = trial.values if trial.state.name == "COMPLETE" else [float("nan")] * len(given)
        row |= {n: s * v for n, s, v in zip(given, signs, values, strict=True)}
        row["error"] = trial.user_attrs.get("error", "")
        rows.append(row)
    return Tuning(plan, pd.DataFrame(rows), tuple(given), out, _importances(study, given))


def _importances(study: Any, objectives: Sequence[str]) -> dict[str, dict[str, float]]:
    from optuna import importance

    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if len(done) < _STARTUP_TRIALS:
        return {}
    # the sampler crowds trials where they are good: compared with the whole range, not with these
    evaluator = importance.PedAnovaImportanceEvaluator(evaluate_on_local=False)
    with catch_warnings():
        filterwarnings("ignore", message="PedAnova.*achieve low", category=UserWarning)
        return {
            name: importance.get_param_importances(
                study, evaluator=evaluator, target=lambda trial, at=at: trial.values[at]
            )
            for at, name in enumerate(objectives)
        }


def _write(found: Tuning, folder: StudyFolder) -> None:
    out, plan = folder.path, found.plan
    folder.write(out / TRIALS, found.table.to_csv(index=False).encode())
    for trial, file in zip(found.front, found.files, strict=True):
        head = ", ".join(f"{name} {found.table[name].iloc[trial]:.6g}" for name in found.objectives)
        text = scenario_text(plan.scenario, {**plan.fixed, **found.parameters(trial)}, file.parent)
        folder.write(file, f"# Tuned: trial {trial} of {len(found.table)}, {head}\n{text}".encode())


def _storage(optuna: Any, out: Path) -> Any:
    journal = optuna.storages.journal
    file = os.fspath(out / JOURNAL)
    return optuna.storages.JournalStorage(journal.JournalFileBackend(file))


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _optuna() -> Any:
    try:
        return import_module("optuna")
    except ImportError:
        raise InputError(
            Finding("optuna is not installed", "run `pip install 'rexdynnet[tune]'`")
        ) from None
