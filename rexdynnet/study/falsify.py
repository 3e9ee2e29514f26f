"""Search for the disturbances under which the rules of a scenario hold least."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.network.graph import Network
from rexdynnet.study.loop import run
from rexdynnet.study.run_settings import Fault, FaultKind
from rexdynnet.study.run_world import make_world
from rexdynnet.study.scenario import SimulationScenario

Floats = NDArray[np.float64]
_FAILED = -1e6


@dataclass(frozen=True)
class Axis:
    """One number that the search may choose.

    Parameters
    ----------
    name : str
    lower, upper : float
    """

    name: str
    lower: float
    upper: float


@dataclass(frozen=True)
class Falsified:
    """The worst scenario found.

    Parameters
    ----------
    scenario : SimulationScenario
    robustness : float
        Of the rule, in its unit; negative where it is broken.
    rule, unit : str
    parameters : mapping of str to float
    runs : int
    history : tuple of float
        Best so far after every run.
    failure : str
        What was raised, where a run ended so: that is the worst of all.
    """

    scenario: SimulationScenario
    robustness: float
    rule: str
    unit: str
    parameters: Mapping[str, float]
    runs: int
    history: tuple[float, ...]
    failure: str = ""


def axes_of(scenario: SimulationScenario) -> tuple[Axis, ...]:
    """What the search may choose: demand, weather, a trip, a silent sensor.

    Parameters
    ----------
    scenario : SimulationScenario

    Returns
    -------
    tuple of Axis
        Demand as a multiple of the scenario's peak, with its time; which plant or pump trips,
        from when and how long; an outdoor temperature that drops; the time at which the
        outdoor sensor falls silent, and for how long.
    """
    hours = scenario.duration_s / 3600.0
    return (
        Axis("demand_factor", 0.3, 1.5),
        Axis("demand_start_h", 0.0, 0.8 * hours),
        Axis("demand_hours", 0.5, min(8.0, hours)),
        Axis("trip_which", 0.0, float(len(_trippable(scenario.network)))),
        Axis("trip_start_h", 0.0, 0.8 * hours),
        Axis("trip_hours", 0.2, min(6.0, hours)),
        Axis("outdoor_drop_K", 0.0, 12.0),
        Axis("silent_start_h", 0.0, 0.8 * hours),
        Axis("silent_hours", 0.0, min(8.0, hours)),
    )


def disturbed(scenario: SimulationScenario, values: Sequence[float]) -> SimulationScenario:
    """The scenario with the disturbances that the axes' values stand for.

    Parameters
    ----------
    scenario : SimulationScenario
    values : sequence of float
        One per axis of `axes_of`.

    Returns
    -------
    SimulationScenario
    """
    settings = scenario.closed_loop
    if settings is None:
        raise InputError(
            Finding(
                "the scenario has no controller",
                'add a section [control] with kind = "baseline"',
                file=scenario.source,
            )
        )
    chosen = {a.name: round(float(v), 3) for a, v in zip(axes_of(scenario), values, strict=True)}
    end_s = scenario.duration_s

    def span(start_h: float, hours: float) -> tuple[float, float]:
        begin = 3600.0 * start_h
        return begin, min(begin + 3600.0 * max(hours, 0.01), end_s)

    world = make_world(scenario, settings)
    names = list(world.disturbance_names)
    faults: list[Fault] = list(settings.faults)
    begin, end = span(chosen["demand_start_h"], chosen["demand_hours"])
    peak = world.truth.at(np.linspace(0.0, end_s, 97)).max(axis=0)
    for substation in scenario.network.substations:
        name = f"{substation.name}.heat_demand"
        if name in names:
            watts = round(chosen["demand_factor"] * float(peak[names.index(name)]), 1)
            faults.append(Fault(name, begin, end, watts))
    drop = chosen["outdoor_drop_K"]
    if drop > 0.0:
        cold = float(world.truth.at(begin)[names.index("outdoor.temperature")]) - drop
        faults.append(Fault("outdoor.temperature", begin, end, round(max(cold, 205.0), 2)))
    candidates = _trippable(scenario.network)
    which = int(chosen["trip_which"])
    if which < len(candidates):
        begin, end = span(chosen["trip_start_h"], chosen["trip_hours"])
        faults.append(Fault(f"{candidates[which]}.availability", begin, end, 0.0))
    if chosen["silent_hours"] > 0.0:
        begin, end = span(chosen["silent_start_h"], chosen["silent_hours"])
        faults.append(Fault("outdoor.temperature", begin, end, kind=FaultKind.SENSOR))
    return replace(
        scenario, faults=tuple(faults), closed_loop=replace(settings, faults=tuple(faults))
    )


def falsify(
    scenario: SimulationScenario,
    *,
    runs: int = 60,
    seed: int = 1,
    monitor: str = "",
    report: Callable[[str], None] | None = None,
) -> Falsified:
    """Search for the disturbances under which a rule holds least.

    Parameters
    ----------
    scenario : SimulationScenario
        With a `[control]` section and rules.
    runs : int
        Budget; the same budget and seed give the same answer.
    seed : int
    monitor : str
        Name of the rule; empty: whichever is lowest in units of its own first score.
    report : callable, optional
        Takes a line whenever something worse is found.

    Returns
    -------
    Falsified

    Raises
    ------
    InputError
        There is no such rule, or the scenario cannot be run.

    Notes
    -----
    A third of the budget is spread over the axes by a Sobol sequence; the rest are steps of
    differential evolution (best/1/bin, Storn and Price, J. Global Optim. 11 (1997) 341) from
    the worst of these.
    """
    axes = axes_of(scenario)
    nominal = run(scenario)
    scores = nominal.supervision.scores if nominal.supervision is not None else ()
    known = [score.name for score in scores if np.isfinite(score.robustness)]
    if not known or (monitor and monitor not in known):
        raise InputError(
            Finding(
                f"there is no scored rule {monitor!r}" if monitor else "no rule can be scored",
                f"use one of {', '.join(known)}"
                if known
                else "add rules under [[safety.monitors]]",
                field="safety.monitors",
            )
        )
    scale = {s.name: max(abs(s.robustness), 1e-3) for s in scores}
    draw = np.random.default_rng([seed, 4])
    lower = np.array([axis.lower for axis in axes])
    upper = np.array([axis.upper for axis in axes])
    best: list[Falsified] = []
    history: list[float] = []

    def cost(unit_point: Floats) -> float:
        values = lower + unit_point * (upper - lower)
        case = disturbed(scenario, values.tolist())
        chosen = dict(zip((a.name for a in axes), values.round(3).tolist(), strict=True))
        try:
            found = run(case)
        except SolverError as error:
            lowest, name, unit, robust, failure = _FAILED, "a run ends", "1", _FAILED, str(error)
        else:
            rows = found.supervision.scores if found.supervision is not None else ()
            rows = [s for s in rows if np.isfinite(s.robustness) and monitor in ("", s.name)]
            worst = min(rows, key=lambda s: s.robustness / scale[s.name])
            lowest, failure = worst.robustness / scale[worst.name], ""
            name, unit, robust = worst.name, worst.unit, worst.robustness
        if not history or lowest < min(history):
            best[:] = [Falsified(case, robust, name, unit, chosen, 0, (), failure)]
            if report is not None:
                report(f"run {len(history) + 1}: {name} {robust:+.4g} {unit}")
        history.append(lowest)
        return lowest

    points = _spread(len(axes), max(runs // 3, 4), seed)
    costs = np.array([cost(point) for point in points])
    keep = np.argsort(costs)[: max(4, len(points) // 2)]
    points, costs = points[keep], costs[keep]
    while len(history) < runs:
        at = len(history) % len(points)
        first, second = draw.choice(len(points), size=2, replace=False)
        leader = points[int(np.argmin(costs))]
        trial = leader + 0.6 * (points[first] - points[second]) + draw.normal(0, 0.02, len(axes))
        cross = draw.random(len(axes)) < 0.8
        trial = np.clip(np.where(cross, trial, points[at]), 0.0, 1.0)
        value = cost(trial)
        if value < costs[at]:
            points[at], costs[at] = trial, value
    path = tuple(float(v) for v in np.minimum.accumulate(history))
    return replace(best[0], runs=len(history), history=path)


def scenario_text(found: Falsified, source: Path, folder: Path) -> str:
    """A scenario file that reproduces a falsification.

    Parameters
    ----------
    found : Falsified
    source : Path
        The scenario file that the search began from.
    folder : Path
        Where the text will be written; paths in it are made relative to this folder.

    Returns
    -------
    str
    """
    lines: list[str] = []
    skipping = False
    for line in source.read_text(encoding="utf-8").splitlines():
        head = line.strip()
        if head.startswith("["):
            skipping = head.startswith("[[faults]]")
        if skipping:
            continue
        lines.append(_moved(line, source.parent, folder))
    text = "\n".join(lines).rstrip() + "\n"
    told = f"# {found.rule}: {found.robustness:+.6g} {found.unit} (found in {found.runs} runs)\n"
    settings = found.scenario.closed_loop
    faults = settings.faults if settings is not None else ()
    return told + text + "".join(_fault_text(fault) for fault in faults)


def _moved(line: str, source: Path, folder: Path) -> str:
    # a quoted path beside the old file, seen from the new one
    for text in re.findall(r'"([^"]+)"', line.partition("#")[0]):
        if "/" in text and (source / text).exists():
            there = os.path.relpath((source / text).resolve(), folder.resolve())
            line = line.replace(f'"{text}"', f'"{Path(there).as_posix()}"')
    return line


def write_worst(found: Falsified, source: Path, folder: Path) -> list[str]:
    """Write `worst.toml` into a folder, and say what was found.

    Parameters
    ----------
    found : Falsified
    source : Path
        The scenario file that the search began from.
    folder : Path

    Returns
    -------
    list of str
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "worst.toml"
    file.write_text(scenario_text(found, source, folder), encoding="utf-8")
    verdict = "holds" if found.robustness >= 0.0 else "BROKEN"
    told = [f"{found.rule}: {verdict}, {found.robustness:+.4g} {found.unit}, {found.runs} runs"]
    told += [f"  {name} = {value:g}" for name, value in found.parameters.items()]
    told += [f"  raised: {found.failure}"] if found.failure else []
    return [*told, f"written: {file}"]


def _fault_text(fault: Fault) -> str:
    times = f"start = {fault.start_s!r}\nend = {fault.end_s!r}\n"
    if fault.kind is FaultKind.SENSOR:
        return f'\n[[faults]]\nsensor = "{fault.name}"\n{times}'
    return f'\n[[faults]]\nsignal = "{fault.name}"\n{times}value = {fault.value!r}\n'


def _trippable(network: Network) -> list[str]:
    return [*(plant.name for plant in network.plants), *(pump.name for pump in network.pumps)]


def _spread(size: int, count: int, seed: int) -> Floats:
    from scipy.stats import qmc

    power = int(np.ceil(np.log2(count)))
    return np.asarray(
        qmc.Sobol(size, rng=np.random.default_rng(seed)).random_base2(power)[:count],
        dtype=np.float64,
    )
