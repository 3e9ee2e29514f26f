"""The suite `faults`: faults planted in the plug-flow plant, and what the monitor makes of them.

`python -m benchmarks.faults` prints one line per fault and seed: where it was planted, what
was named, and after how many hours; then the false alarms of a healthy month of each seed.
Each seed draws its own demands, sensor noise, place of the fault and deviations of every
pipe from its data sheet (loss 10 %, roughness 50 %), which the monitor does not know. It is
commissioned with one healthy week.

Meters: flow, heat, supply and return temperature and differential pressure at every substation
and at the plant, and a make-up water meter; read every minute, averaged over 15 minutes, 2 %
of the readings lost. `--without-pressure` leaves differential pressure at the plant only.

What cannot be told: with one thermometer in the return line, at the plant, heat lost in
any return pipe looks the same, and a wet service pipe shows too little; the water of a leak
leaves at the pipe's end, so return pipes that meet in a node are one place. There the monitor
names the group (`--return-line`). Thermometers where return pipes meet (`--junctions`) narrow
the group down to the pipes of that place.

`rexdynnet bench faults --json` prints the figures of both. Each seed is finished before the next
one begins; `--first` goes on where a table was left.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.tools.planted_faults import (
    SIZES,
    AsSeen,
    DAY_s,
    Trial,
    fault_of,
    names_of,
    new_trial,
)
from rexdynnet.control.faults import Alarm, Fault, Hypothesis
from rexdynnet.control.monitoring import Meters
from rexdynnet.network.spec import Line
from rexdynnet.study.bench import Measurement, Sense

COMMISSIONING_s = 7 * DAY_s
SEEDS = 10
MONTH_days = 30.0
CASES = (
    (Fault.LEAK, Line.SUPPLY),
    (Fault.FOULING, Line.SUPPLY),
    (Fault.WET_INSULATION, Line.SUPPLY),
)
RETURN_CASES = ((Fault.LEAK, Line.RETURN), (Fault.WET_INSULATION, Line.RETURN))
# Pipes that meet in a junction of the benchmark's network.
_PLACE = 3
Report = Callable[[str], None]
Cases = tuple[tuple[Fault, Line], ...]


@dataclass(frozen=True)
class Answer:
    """What the monitor said about one planted fault.

    Parameters
    ----------
    planted : Hypothesis
    line : Line
    alarm : Alarm or None
        Named within a day.
    """

    planted: Hypothesis
    line: Line
    alarm: Alarm | None

    @property
    def hours(self) -> float:
        """From the beginning of the fault to its name."""
        if self.alarm is None:
            return float("nan")
        return (self.alarm.named_s - COMMISSIONING_s) / 3600.0

    @property
    def named(self) -> bool:
        """The right component and no other."""
        alarm = self.alarm
        return (
            alarm is not None
            and len(alarm.candidates) == 1
            and alarm.candidates[0].hypothesis == self.planted
        )

    @property
    def grouped(self) -> bool:
        """The right component, perhaps among others."""
        alarm = self.alarm
        return alarm is not None and any(c.hypothesis == self.planted for c in alarm.candidates)

    @property
    def placed(self) -> bool:
        """The right component, among no more than the pipes of one junction."""
        return self.grouped and self.alarm is not None and len(self.alarm.candidates) <= _PLACE

    def text(self, seed: int) -> str:
        """One line of the table."""
        said = "-" if self.alarm is None else names_of(self.alarm)
        verdict = "yes" if self.named else "in group" if self.grouped else "NO"
        kind = f"{self.planted.fault.name.lower()}"
        where = self.planted.component
        return f"{kind:15s}{seed:4d}  {where:29s}{said:62s}{self.hours:6.1f}  {verdict}"


def run_seed(
    seed: int, days: float, meters: Meters, cases: Cases = CASES
) -> tuple[list[Answer], tuple[Alarm, ...]]:
    """Commission one network, plant each fault, then watch it healthy for some days."""
    trial = new_trial(seed, COMMISSIONING_s / DAY_s + max(days, 1.0), meters)
    trial, commissioned = trial.commissioned(trial.go_on(trial.start(), COMMISSIONING_s))
    answers = [_planted(trial, commissioned, kind, line, seed) for kind, line in cases]
    watched = (
        trial.go_on(commissioned, COMMISSIONING_s + days * DAY_s) if days > 0 else commissioned
    )
    return answers, watched.watch.alarms


def _planted(trial: Trial, before: AsSeen, kind: Fault, line: Line, seed: int) -> Answer:
    fault = fault_of(kind, line, trial.plant.network, seed)
    broken = trial.with_fault(before, fault, SIZES[kind])
    alarms = trial.go_on(broken, COMMISSIONING_s + DAY_s, stop_at_alarm=True).watch.alarms
    return Answer(fault, line, alarms[0] if alarms else None)


def table(
    seeds: range, days: float, meters: Meters, report: Report, cases: Cases = CASES
) -> tuple[list[Answer], int]:
    """Run all seeds and report each answer as it comes."""
    report(f"{'fault':15s}seed  {'planted at':29s}{'named, with its size':62s} hours  right")
    answers: list[Answer] = []
    false_alarms = 0
    for seed in seeds:
        found, alarms = run_seed(seed, days, meters, cases)
        for answer in found:
            report(answer.text(seed))
        for alarm in alarms:
            hours = (alarm.named_s - COMMISSIONING_s) / 3600.0
            report(f"false alarm    {seed:4d}  {'-':29s}{names_of(alarm):62s}{hours:6.1f}")
        answers += found
        false_alarms += len(alarms)
    return answers, false_alarms


def measure(report: Report) -> Iterator[Measurement]:
    """Found in nine of ten seeds within a day, with at most one false alarm a month."""
    answers, false_alarms = table(range(1, SEEDS + 1), MONTH_days, Meters(), report)
    for kind, line in CASES:
        right = [a.named for a in answers if a.planted.fault is kind and a.line is line]
        name = f"{kind.name.lower()} found at the component within a day"
        yield Measurement(name, sum(right), "1", Sense.AT_LEAST, 0.9 * SEEDS, remark="of 10 seeds")
    rate = false_alarms / (SEEDS * MONTH_days / 30.0)
    yield Measurement("false alarms a month", rate, "1", Sense.AT_MOST, 1.0)
    for where, junctions in (("at the plant only", False), ("where return pipes meet", True)):
        report(f"return line, thermometers {where}")
        meters = Meters(return_junctions=junctions)
        answers, _ = table(range(1, SEEDS + 1), 0.0, meters, report, RETURN_CASES)
        for kind, _line in RETURN_CASES:
            same = [answer for answer in answers if answer.planted.fault is kind]
            name = f"{kind.name.lower()} of the return line placed, thermometers {where}"
            found = sum(answer.placed for answer in same)
            seen = sum(answer.grouped for answer in same)
            remark = f"of 10 seeds, among at most {_PLACE} pipes; {seen} in a group of any size"
            yield Measurement(name, found, "1", Sense.AT_LEAST, 0.9 * SEEDS, remark=remark)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Plant faults and see what the monitor finds.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--days", type=float, default=MONTH_days, help="healthy days per seed")
    parser.add_argument("--without-pressure", action="store_true", help="no Δp at substations")
    parser.add_argument("--return-line", action="store_true", help="faults of return pipes")
    parser.add_argument("--junctions", action="store_true", help="thermometers in the return line")
    given = parser.parse_args()
    meters = Meters(at_substations=not given.without_pressure, return_junctions=given.junctions)
    cases = RETURN_CASES if given.return_line else CASES
    started = time.perf_counter()

    def report(text: str) -> None:
        print(text, flush=True)

    seeds = range(given.first, given.first + given.seeds)
    answers, false_alarms = table(seeds, given.days, meters, report, cases)
    for kind, line in cases:
        same = [a for a in answers if a.planted.fault is kind and a.line is line]
        place = "substation" if kind is Fault.FOULING else f"{line.value} pipe"
        named, grouped = sum(a.named for a in same), sum(a.grouped for a in same)
        report(
            f"{kind.name.lower()} ({place}): {named} of {len(same)} found at the component, "
            f"{grouped} in the named group"
        )
    months = given.seeds * given.days / 30.0
    report(f"false alarms: {false_alarms} in {months:g} months")
    report(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
