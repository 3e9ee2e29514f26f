"""The plan of a study: which scenarios, varied how, over which seeds, and when to stop."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from itertools import product
from pathlib import Path

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, read_toml
from rexdynnet.seeds import Purpose, stream
from rexdynnet.study.overrides import check_controller_names, overridden
from rexdynnet.study.read_scenario import scenario_from_file
from rexdynnet.study.scenario_files import document_hash, file_digest
from rexdynnet.study.spread import Levels, Spread

_SEED_BELOW = 2**48
_RESERVED = ("seed", "name", "description")


class Design(Enum):
    """How parameters are combined into arms."""

    FULL_FACTORIAL = "every level with every other"
    LATIN_HYPERCUBE = "so many arms that every parameter is spread evenly"


@dataclass(frozen=True)
class StopRule:
    """When enough seeds have been run.

    Parameters
    ----------
    figure : str
        Key figure that must be known well enough.
    half_width : float
        Of its confidence interval, in its own unit: of the mean where there is one arm, of
        every arm's paired difference to the first where there are several.
    level : float
        Confidence.
    least : int
        Seeds that are run in any case.

    Raises
    ------
    InputError
        A width, level or number that makes no sense.
    """

    figure: str
    half_width: float
    level: float = 0.95
    least: int = 5

    def __post_init__(self) -> None:
        if not (self.half_width > 0 and 0 < self.level < 1 and self.least >= 2):
            raise InputError(
                Finding(
                    f"stop at a half width of {self.half_width:g} on a level of {self.level:g} "
                    f"after {self.least} seeds",
                    "give a positive width, a level between 0 and 1 and at least 2 seeds",
                    field="stop",
                )
            )


@dataclass(frozen=True)
class Arm:
    """One scenario file with its overrides; every arm meets every seed.

    Parameters
    ----------
    scenario : Path
    overrides : mapping of str to object
        Fixed and varied ones.
    """

    scenario: Path
    overrides: Mapping[str, object]


@dataclass(frozen=True)
class RunTask:
    """One run of a study, as a worker gets it.

    Parameters
    ----------
    key : str
        Hash of all that decides the result.
    arm, seed : int
    scenario : Path
        Absolute; the worker reads it.
    overrides : mapping of str to object
    scenario_hash : str
        What the worker must find; else its files are other ones.
    version : str
        Of the package.
    keep : tuple of str or None
        Variables of the trajectories to keep; None keeps all.
    """

    key: str
    arm: int
    seed: int
    scenario: Path
    overrides: Mapping[str, object]
    scenario_hash: str
    version: str
    keep: tuple[str, ...] | None


@dataclass(frozen=True)
class StudyPlan:
    """A study: scenarios x overrides x seeds.

    Parameters
    ----------
    scenarios : tuple of Path
    seeds : tuple of int
        The same for every arm, so that arms are compared on the same random numbers.
    vary : mapping of str to Spread
        Overrides that change from arm to arm, by dotted path.
    fixed : mapping of str to object
        Overrides of every arm.
    design : Design
    samples : int
        Arms of a latin hypercube per scenario.
    design_seed : int
        Of the latin hypercube.
    stop : StopRule or None
        None: all seeds are run.
    keep : tuple of str or None
        Variables of the trajectories to keep; None keeps all, an empty tuple none.
    source : Path or None
        The study file.

    Raises
    ------
    InputError
        No scenario or seed, a seed twice, or a range in a full factorial design.
    """

    scenarios: tuple[Path, ...]
    seeds: tuple[int, ...]
    vary: Mapping[str, Spread] = field(default_factory=dict[str, Spread])
    fixed: Mapping[str, object] = field(default_factory=dict[str, object])
    design: Design = Design.FULL_FACTORIAL
    samples: int = 0
    design_seed: int = 1
    stop: StopRule | None = None
    keep: tuple[str, ...] | None = None
    source: Path | None = None

    def __post_init__(self) -> None:
        findings: list[Finding] = []
        if not self.scenarios:
            findings.append(self._finding("the study has no scenario", "name one", "scenarios"))
        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            findings.append(
                self._finding(
                    f"the study has {len(self.seeds)} seeds, {len(set(self.seeds))} different",
                    "give at least one, each once, from 0 up",
                    "seeds",
                )
            )
        for name, spread in self.vary.items():
            if name in self.fixed:
                what = f"{name} is fixed and varied"
                findings.append(self._finding(what, "keep one of them", name))
            if self.design is Design.FULL_FACTORIAL and not isinstance(spread, Levels):
                findings.append(
                    self._finding(
                        f"{name} has a range, and a full factorial design needs values",
                        'give values, or choose design = "latin_hypercube"',
                        name,
                    )
                )
        if self.design is Design.LATIN_HYPERCUBE and (self.samples < 1 or not self.vary):
            findings.append(
                self._finding(
                    f"a latin hypercube of {len(self.vary)} parameters and {self.samples} samples",
                    "vary at least one parameter and give a number of samples",
                    "samples",
                )
            )
        if findings:
            raise InputError(*findings)

    def _finding(self, what: str, remedy: str, name: str) -> Finding:
        return Finding(what, remedy, self.source, field=name)


def drawn_seeds(draws: int, seed: int) -> tuple[int, ...]:
    """Seeds of runs, drawn from a seed; more draws only add to fewer.

    Parameters
    ----------
    draws : int
    seed : int

    Returns
    -------
    tuple of int

    Examples
    --------
    >>> drawn_seeds(3, 7) == drawn_seeds(5, 7)[:3]
    True
    """
    return tuple(int(n) for n in stream(seed, Purpose.STUDY_SEED).integers(_SEED_BELOW, size=draws))


def arms_of(plan: StudyPlan) -> tuple[Arm, ...]:
    """Every scenario with every combination of overrides.

    Parameters
    ----------
    plan : StudyPlan

    Returns
    -------
    tuple of Arm
        Scenario by scenario; the last parameter changes fastest.
    """
    names = list(plan.vary)
    chosen: list[tuple[object, ...]]
    if plan.design is Design.FULL_FACTORIAL:
        chosen = list(product(*(plan.vary[name].ends for name in names)))
    else:
        from scipy.stats import qmc

        generator = stream(plan.design_seed, Purpose.STUDY_DESIGN)
        cube = qmc.LatinHypercube(len(names), rng=generator).random(plan.samples)
        chosen = [
            tuple(plan.vary[name].at(float(q)) for name, q in zip(names, row, strict=True))
            for row in cube
        ]
    return tuple(
        Arm(scenario, {**plan.fixed, **dict(zip(names, values, strict=True))})
        for scenario in plan.scenarios
        for values in chosen
    )


def check_plan(plan: StudyPlan) -> None:
    """Read every scenario with every end of every parameter, before anything is run.

    Parameters
    ----------
    plan : StudyPlan

    Raises
    ------
    InputError
        A scenario is broken, or an override names nothing or has a value that cannot be.
    """
    findings: list[Finding] = []
    for scenario in plan.scenarios:
        scenario_from_file(scenario)
        base = arms_of(replace(plan, scenarios=(scenario,)))[0].overrides
        wrong = _wrong_with(plan, scenario, base, "")
        if not wrong:
            for name, spread in plan.vary.items():
                for value in spread.ends:
                    wrong += _wrong_with(plan, scenario, {**base, name: value}, name)
        findings += wrong
    if findings:
        raise InputError(*dict.fromkeys(findings))


def _wrong_with(
    plan: StudyPlan, scenario: Path, overrides: Mapping[str, object], changed: str
) -> list[Finding]:
    for name in overrides:
        if name in _RESERVED:
            remedy = "give seeds of the study" if name == "seed" else "leave it out"
            return [Finding(f"{name} cannot be overridden", remedy, plan.source, field=name)]
    try:
        settings = scenario_from_file(scenario, overrides).closed_loop
        if settings is None:
            what = "the scenario has no controller, so it has no key figures"
            remedy = 'add a section [control] with kind = "baseline"'
            return [Finding(what, remedy, scenario, field="control")]
        check_controller_names(settings.control)
    except InputError as error:
        return [_blamed(one, overrides, changed, plan.source or scenario) for one in error.findings]
    return []


def _blamed(
    finding: Finding, overrides: Mapping[str, object], changed: str, source: Path
) -> Finding:
    """The scenario itself is sound: whatever is wrong, an override made it so."""
    field = finding.field or ""
    named = [name for name in overrides if name == field or name.endswith(f".{field}")]
    named += [name for name in overrides if field and name.startswith(f"{field}.")]
    name = next(iter([*named, *([changed] if changed else [])]), None)
    if name is None:
        return finding
    what = f"with {name} = {overrides[name]!r}: {finding.what}"
    return Finding(what, finding.remedy, source, field=name)


def tasks_of(plan: StudyPlan, version: str) -> Iterator[RunTask]:
    """Every run of a study, seed by seed: arms of one seed stand together.

    Parameters
    ----------
    plan : StudyPlan
    version : str
        Of the package; part of each run's key.

    Yields
    ------
    RunTask
    """
    digest = lru_cache(maxsize=None)(file_digest)
    documents = {path: _document(path) for path in plan.scenarios}
    arms = arms_of(plan)
    for seed in plan.seeds:
        for number, arm in enumerate(arms):
            path = Path(os.path.abspath(arm.scenario))  # noqa: PTH100 (links stay links)
            changed = overridden(documents[arm.scenario], {**arm.overrides, "seed": seed}, [])
            found = document_hash(changed.values, path.parent, digest)
            key = sha256(f"{found}\x1f{version}".encode()).hexdigest()[:32]
            yield RunTask(key, number, seed, path, arm.overrides, found, version, plan.keep)


def _document(path: Path) -> Entry:
    findings: list[Finding] = []
    document = read_toml(path, findings)
    if document is None:
        raise InputError(*findings)
    return document
