"""Weeks with and without reservation, paired by seed, kept one by one; and what they say."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import Finding, InputError
from rexdynnet.market.risk import conditional_value_at_risk
from rexdynnet.study.loop import run
from rexdynnet.study.market_settings import Arrangement
from rexdynnet.study.processes import in_processes
from rexdynnet.study.provenance import code_digest
from rexdynnet.study.scenario import SimulationScenario

Floats = NDArray[np.float64]

_MWH_J = 3.6e9
_KWH_J = 3.6e6
_RESAMPLES = 4000


class Arm(NamedTuple):
    """One way to run a week.

    Parameters
    ----------
    arrangement : Arrangement
    controller : ControllerKind
    margin : float
        Capacity on line over what is expected.
    """

    arrangement: Arrangement
    controller: ControllerKind
    margin: float

    @property
    def label(self) -> str:
        """For people."""
        words = f"{self.arrangement.name.lower()}, {self.controller.name.lower()}"
        return f"{words}, margin {self.margin:g}"


@dataclass(frozen=True)
class Week:
    """What one run came to.

    Parameters
    ----------
    figures : mapping of str to float
        Key figures of the run and of its market.
    bill_EUR, delivered_MWh, contracted_MWh : mapping of participant to float
        The bill with its share of the true-up; contracted is what was reserved, or forecast for it.
    """

    figures: Mapping[str, float]
    bill_EUR: Mapping[str, float]
    delivered_MWh: Mapping[str, float]
    contracted_MWh: Mapping[str, float]

    def bills_EUR_per_MWh(self) -> dict[str, float]:
        """Bill of each participant per MWh delivered."""
        return {name: bill / self.delivered_MWh[name] for name, bill in self.bill_EUR.items()}

    def bills_EUR_per_contracted_MWh(self) -> dict[str, float]:
        """Bill of each participant per MWh reserved, or forecast for it."""
        return {name: bill / self.contracted_MWh[name] for name, bill in self.bill_EUR.items()}


class Interval(NamedTuple):
    """A figure with its bootstrap interval over seeds."""

    value: float
    lower: float
    upper: float

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.lower:.4g}, {self.upper:.4g}]"


def weeks(
    scenario: SimulationScenario,
    arms: Sequence[Arm],
    seeds: Sequence[int],
    keep: Path,
    *,
    workers: int = 1,
    report: Callable[[str], None] | None = None,
) -> dict[tuple[Arm, int], Week]:
    """Run every arm over the same seeds; what the same code has kept already is not run again.

    Parameters
    ----------
    scenario : SimulationScenario
        With `[control]` and `[market]`.
    arms : sequence of Arm
    seeds : sequence of int
        Every arm meets the same demands, absences and forecast errors of a seed.
    keep : Path
        Folder with a file per run, each written whole or not at all.
    workers : int
        Processes.
    report : callable, optional
        Told of every run that ends.

    Returns
    -------
    dict of (arm, seed) to Week

    Raises
    ------
    InputError
        The scenario has no market.
    """
    jobs = {(arm, seed): _of(scenario, arm, seed) for seed in seeds for arm in arms}
    files = {key: keep / f"{_key(job)}.json" for key, job in jobs.items()}
    missing = [key for key, file in files.items() if not file.exists()]
    keep.mkdir(parents=True, exist_ok=True)
    work = {key: (jobs[key], files[key]) for key in missing}
    for count, ((arm, seed), _) in enumerate(in_processes(_run, work, workers), start=1):
        if report is not None:
            report(f"{count} of {len(missing)}: {arm.label}, seed {seed}")
    return {key: _read(file) for key, file in files.items()}


def kept_weeks(
    scenario: SimulationScenario, arms: Sequence[Arm], seeds: Iterable[int], keep: Path
) -> dict[tuple[Arm, int], Week]:
    """Read those weeks of `weeks` that are kept already; arguments as there."""
    files = {
        (arm, seed): keep / f"{_key(_of(scenario, arm, seed))}.json"
        for seed in seeds
        for arm in arms
    }
    return {key: _read(file) for key, file in files.items() if file.exists()}


def compared(
    found: Mapping[tuple[Arm, int], Week],
    arm: Arm,
    to: Arm | None,
    figure: Callable[[Sequence[Week]], float],
) -> Interval:
    """A figure of an arm, or its difference to another, with a 95 % interval.

    Parameters
    ----------
    found : mapping of (arm, seed) to Week
    arm, to : Arm
    figure : callable
        Of the weeks of all seeds.

    Returns
    -------
    Interval
        Percentile bootstrap over seeds, both arms resampled together (B. Efron, R. Tibshirani,
        An Introduction to the Bootstrap, 1993, chapter 13).
    """
    seeds = sorted({seed for one, seed in found if one == arm})
    mine = [found[arm, seed] for seed in seeds]
    theirs = None if to is None else [found[to, seed] for seed in seeds]

    def of(rows: Sequence[int]) -> float:
        value = figure([mine[row] for row in rows])
        return value if theirs is None else value - figure([theirs[row] for row in rows])

    draw = np.random.default_rng(20270104)
    drawn = draw.integers(len(seeds), size=(_RESAMPLES if len(seeds) > 1 else 1, len(seeds)))
    values = np.array([of(rows.tolist()) for rows in drawn])
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(of(range(len(seeds))), float(low), float(high))


def mean_of(name: str) -> Callable[[Sequence[Week]], float]:
    """Mean of a key figure over weeks."""
    return lambda found: float(np.mean([week.figures[name] for week in found]))


def spread_of(name: str) -> Callable[[Sequence[Week]], float]:
    """Standard deviation of a key figure over weeks."""
    return lambda found: float(np.std([week.figures[name] for week in found]))


def bill_risk(
    level: float, bills: Callable[[Week], Mapping[str, float]] = Week.bills_EUR_per_MWh
) -> Callable[[Sequence[Week]], float]:
    """Mean over participants of the CVaR of the weekly bill per MWh, EUR/MWh.

    Parameters
    ----------
    level : float
        The mean of the dearest share 1 − level of weeks.
    bills : callable
        Of a week, by participant.

    Returns
    -------
    callable
    """

    def risk(found: Sequence[Week]) -> float:
        table = np.array([list(bills(week).values()) for week in found])
        return float(np.mean([conditional_value_at_risk(row, level) for row in table.T]))

    return risk


def bill_spread(found: Sequence[Week]) -> float:
    """Mean over participants of the 5 to 95 % spread of the weekly bill per MWh, EUR/MWh."""
    low, high = np.percentile(_bills(found), [5.0, 95.0], axis=0)
    return float(np.mean(high - low))


def bill_mean(found: Sequence[Week]) -> float:
    """Mean weekly bill per MWh, EUR/MWh."""
    return float(_bills(found).mean())


def _bills(found: Sequence[Week]) -> Floats:
    return np.array([list(week.bills_EUR_per_MWh().values()) for week in found])


def _of(scenario: SimulationScenario, arm: Arm, seed: int) -> SimulationScenario:
    loop = scenario.closed_loop
    if loop is None or loop.market is None:
        raise InputError(
            Finding("the scenario has no market", "add a section [market]", file=scenario.source)
        )
    options = {**loop.control.options, "machine_code": True}
    if arm.controller is not ControllerKind.MPC:
        options = dict(loop.control.options)
    control = replace(loop.control, kind=arm.controller, margin=arm.margin, options=options)
    market = replace(loop.market, arrangement=arm.arrangement)
    return replace(scenario, seed=seed, closed_loop=replace(loop, control=control, market=market))


def _key(scenario: SimulationScenario) -> str:
    return sha256(pickle.dumps((scenario, code_digest()))).hexdigest()[:24]


def _run(job: tuple[SimulationScenario, Path]) -> None:
    scenario, file = job
    done = run(scenario)
    market, safety = done.market, done.supervision
    if market is None:
        raise ValueError("the run had no market")
    schedule, data = market.whole_schedule(), done.data
    figures = done.kpis.numbers() | market.figures()
    if safety is not None:
        figures["curtailed_kWh"] = float(safety.curtailed_J.sum()) / _KWH_J
        figures["refused_kWh"] = float(safety.limited_J.sum()) / _KWH_J
        figures |= {f"{mode}_h": hours for mode, hours in safety.hours().items()}
    energy = data["unit_delivered_energy"].sum("unit")
    content = {
        "figures": figures,
        "bill_EUR": market.bills_EUR(),
        "delivered_MWh": {n: float(energy.sel(substation=n)) / _MWH_J for n in market.names},
        "contracted_MWh": dict(
            zip(
                schedule.participants,
                (schedule.energy_J.sum(axis=0) / _MWH_J).tolist(),
                strict=True,
            )
        ),
    }
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(content))
    part.replace(file)


def _read(file: Path) -> Week:
    content = json.loads(file.read_text())
    return Week(
        content["figures"], content["bill_EUR"], content["delivered_MWh"], content["contracted_MWh"]
    )


def arms_of(
    arrangements: Sequence[Arrangement],
    controllers: Sequence[ControllerKind],
    margins: Sequence[float],
) -> Iterator[Arm]:
    """Every combination."""
    for margin in margins:
        for controller in controllers:
            for arrangement in arrangements:
                yield Arm(arrangement, controller, margin)
