"""Studies: many runs of scenarios, kept as they finish, taken up where they were broken off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, is_dataclass, replace
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.study.ensemble import Ensemble
from rexdynnet.study.execute import RunOutcome
from rexdynnet.study.paired import Difference, interval
from rexdynnet.study.plan import RunTask, StopRule, StudyPlan, check_plan, drawn_seeds, tasks_of
from rexdynnet.study.scenario import SimulationScenario
from rexdynnet.study.spread import Spread, as_spread
from rexdynnet.study.store import (
    KPIS,
    TIMINGS,
    StudyFolder,
    check_parquet,
    kpi_table,
    parquet_bytes,
)
from rexdynnet.study.trajectories import check_zarr
from rexdynnet.study.workers import Workers, finished, make_workers, usable_cores


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Parameters
    ----------
    done, total, failed : int
        Runs; those of an earlier, broken-off study count as done.
    begun : int
        Of `done`, those that were there already.
    elapsed_s : float
        Since the study began or went on.
    latest : mapping of str to float
        Key figures of the run that finished last.
    mean : mapping of str to float
        Mean of each key figure over all runs so far.
    """

    done: int
    total: int
    failed: int
    begun: int
    elapsed_s: float
    latest: Mapping[str, float]
    mean: Mapping[str, float]

    @property
    def rate_per_s(self) -> float:
        """Runs per second since it began or went on."""
        return (self.done - self.begun) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def remaining_s(self) -> float:
        """Time left at this rate; infinite where none is known."""
        rate = self.rate_per_s
        return (self.total - self.done) / rate if rate > 0 else float("inf")


Report = Callable[[Progress], None]


def monte_carlo(
    scenario: SimulationScenario | str | PathLike[str] | StudyPlan,
    vary: Mapping[str, Spread | Sequence[object]] | None = None,
    *,
    draws: int = 20,
    seed: int = 1,
    out: str | PathLike[str] | None = None,
    keep: Sequence[str] | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    retry: bool = False,
    report: Report | None = None,
) -> Ensemble:
    """Run a scenario over many seeds, and over every combination of overrides.

    Parameters
    ----------
    scenario : SimulationScenario, path or StudyPlan
        A scenario as it was read from its file, that file, or a whole plan (then `vary`,
        `draws`, `seed` and `keep` do not count).
    vary : mapping of str to sequence or Spread, optional
        Overrides by dotted path: `{"control.margin": [0.0, 0.2]}`. Every arm meets the same
        seeds, so that differences between arms are paired.
    draws : int
        Seeds per arm, drawn from `seed`.
    seed : int
    out : path or None
        Folder in which every run is kept as it finishes; a second call with the same folder
        goes on where the first was broken off. None: nothing is left behind but the result.
    keep : sequence of str or None
        Variables of the trajectories to keep; None keeps all, an empty sequence none.
    workers : int or None
        Processes; None: one per core. Results are the same whatever their number.
    cluster : str or None
        Address of a `dask.distributed` scheduler, used instead of processes of this machine.
        Its workers must see the scenario's files under the same path.
    retry : bool
        Run again what failed.
    report : callable, optional
        Called after each run.

    Returns
    -------
    Ensemble

    Raises
    ------
    InputError
        The plan cannot be run, an extra is missing, the disk is full, or the scheduler is
        not there or went away; what was done is kept in `out`.
    TypeError
        Neither a plan nor a scenario is given.

    Examples
    --------
    >>> file = "models/scenarios/destest16_two_plants_run.toml"
    >>> found = monte_carlo(file, {"time.duration": ["1h"]}, draws=1, keep=["substation_heat"])
    >>> found.series("substation_7.heat").shape
    (1, 7)
    """
    plan = scenario if isinstance(scenario, StudyPlan) else None
    if plan is None and not isinstance(scenario, StudyPlan):
        spreads = {name: as_spread(values) for name, values in (vary or {}).items()}
        kept = None if keep is None else tuple(keep)
        plan = StudyPlan((file_of(scenario),), drawn_seeds(draws, seed), spreads, keep=kept)
    if plan is None:
        raise TypeError("a plan or a scenario is needed")
    if out is not None:
        return run_study(
            plan, Path(out), workers=workers, cluster=cluster, retry=retry, report=report
        )
    with TemporaryDirectory() as folder:
        found = run_study(plan, Path(folder), workers=workers, cluster=cluster, report=report)
        return found.loaded()


def run_study(
    plan: StudyPlan,
    out: Path,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    retry: bool = False,
    report: Report | None = None,
) -> Ensemble:
    """Run a study and write its tables; see `monte_carlo`.

    Parameters
    ----------
    plan : StudyPlan
    out : Path
    workers : int or None
    cluster : str or None
    retry : bool
    report : callable, optional

    Returns
    -------
    Ensemble

    Raises
    ------
    InputError
        As `monte_carlo`.
    """
    from rexdynnet import __version__

    check_parquet()
    if plan.keep != ():
        check_zarr()
    check_plan(plan)
    tasks = list(tasks_of(plan, __version__))
    folder = StudyFolder(out)
    count = usable_cores() if workers is None else workers
    if count < 1:
        raise InputError(Finding(f"{count} workers", "give at least one", field="workers"))
    engine = _Engine(plan, tasks, folder, report)
    engine.take_up(retry)
    missing = engine.missing()
    if missing and not engine.enough():
        with closing(make_workers(min(count, len(missing)), cluster)) as pool:
            engine.work(pool, missing)
    tasks = engine.wanted()
    kpis, timings = kpi_table(tasks, engine.outcomes, list(plan.vary))
    folder.write(out / TIMINGS, parquet_bytes(timings))
    folder.write(out / KPIS, parquet_bytes(kpis, list(plan.vary)))
    return Ensemble(kpis, tuple(plan.vary), out)


class _Engine:
    """Feeds workers and keeps what they give."""

    def __init__(
        self, plan: StudyPlan, tasks: list[RunTask], folder: StudyFolder, report: Report | None
    ) -> None:
        self.plan, self.tasks, self.folder, self.report = plan, tasks, folder, report
        self.outcomes: dict[str, RunOutcome] = {}
        self.arms = len(tasks) // len(plan.seeds)
        self.began = perf_counter()
        self.found = 0
        self.failed: set[str] = set()
        self.sums: dict[str, list[float]] = {}
        # Seeds over which the stop rule is known not to hold.
        self.checked = 0

    def take_up(self, retry: bool) -> None:
        """Take what an earlier study of this folder has done."""
        for task in self.tasks:
            outcome = self.folder.found(task)
            if outcome is not None and not (retry and outcome.error):
                self._take(task, outcome)
        self.found = len(self.outcomes)

    def missing(self) -> list[RunTask]:
        return [task for task in self.tasks if task.key not in self.outcomes]

    def work(self, pool: Workers, missing: list[RunTask]) -> None:
        """Run what is missing, until it is done or enough is known."""
        for task, outcome in finished(pool, missing):
            self.folder.keep(task, outcome)
            self._take(task, outcome)
            self._tell(outcome)
            self._check_rule(outcome)
            if self.enough():
                return

    def _take(self, task: RunTask, outcome: RunOutcome) -> None:
        self.outcomes[task.key] = replace(outcome, trajectories=None)
        if outcome.error:
            self.failed.add(task.key)
        for name, value in outcome.figures.items():
            if np.isfinite(value):
                so_far = self.sums.setdefault(name, [0.0, 0.0])
                so_far[0] += value
                so_far[1] += 1.0

    def _tell(self, outcome: RunOutcome) -> None:
        if self.report is None:
            return
        mean = {name: total / count for name, (total, count) in self.sums.items()}
        self.report(
            Progress(
                len(self.outcomes),
                len(self.tasks),
                len(self.failed),
                self.found,
                perf_counter() - self.began,
                outcome.figures,
                mean,
            )
        )

    def _check_rule(self, outcome: RunOutcome) -> None:
        rule = self.plan.stop
        if rule is not None and outcome.figures and rule.figure not in outcome.figures:
            raise InputError(
                Finding(
                    f"the study is to stop by {rule.figure!r}, which runs do not have",
                    nearest(rule.figure, outcome.figures),
                    self.plan.source,
                    field="stop.figure",
                )
            )

    def enough(self) -> bool:
        """Whether the study may stop before its last seed."""
        return len(self.wanted()) < len(self.tasks)

    def wanted(self) -> list[RunTask]:
        """Runs that count: all, or those up to the seed after which the stop rule held.

        The rule looks at whole seeds in their order, so that the answer does not depend on
        which run happened to finish first.
        """
        rule = self.plan.stop
        if rule is None:
            return self.tasks
        for seeds in range(max(rule.least, self.checked + 1), len(self.plan.seeds) + 1):
            upto = self.tasks[: seeds * self.arms]
            if any(task.key not in self.outcomes for task in upto):
                break
            if self._narrow(upto, rule):
                return upto
            self.checked = seeds
        return self.tasks

    def _narrow(self, upto: list[RunTask], rule: StopRule) -> bool:
        nothing = RunOutcome({})
        values = np.array(
            [self.outcomes.get(task.key, nothing).figures.get(rule.figure, np.nan) for task in upto]
        ).reshape(-1, self.arms)
        compared = values if self.arms == 1 else values[:, 1:] - values[:, :1]
        for column in compared.T:
            known = column[np.isfinite(column)]
            if len(known) < rule.least:
                return False
            found: Difference = interval(known, rule.level)
            if (found.upper - found.lower) / 2 > rule.half_width:
                return False
        return True


def file_of(scenario: SimulationScenario | str | PathLike[str]) -> Path:
    """The file that a worker can build the scenario from."""
    if not isinstance(scenario, SimulationScenario):
        return Path(scenario)
    from rexdynnet.study.read_scenario import scenario_from_file

    file = scenario.source
    if file is not None and same_values(scenario_from_file(file), scenario):
        return file
    raise InputError(
        Finding(
            f"the scenario {scenario.name} is not what its file says, and workers build it anew",
            "name the file, and give what differs as an override: {'time.duration': ['1d']}",
            file,
        )
    )


def same_values(one: object, other: object) -> bool:
    """Whether two values hold the same, arrays within them included."""
    if type(one) is not type(other):
        return False
    if is_dataclass(one):
        return all(same_values(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, np.asarray(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_values(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(same_values(a, b) for a, b in pairs)
    return one == other
