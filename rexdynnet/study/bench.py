"""Benchmarks: what is measured, against which target, and how it is reported.

The measurements themselves live in the folder `benchmarks/` of a checkout, one
module per suite; each defines `measure(report) -> list[Measurement]`. A new suite
is a new module there; nothing here changes.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from statistics import median
from time import perf_counter

from rexdynnet.errors import Finding, InputError

FOLDER = "benchmarks"
Report = Callable[[str], None]


class Sense(Enum):
    """On which side of its target a value is good; what is only reported has none."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    REPORTED = "reported"


@dataclass(frozen=True)
class Timing:
    """Wall-clock times of repeated runs of one job.

    Parameters
    ----------
    seconds : tuple of float
        One per repetition, at least one.

    Examples
    --------
    >>> timing = Timing((1.0, 1.2, 1.1))
    >>> timing.median_s, round(timing.spread, 2)
    (1.1, 0.18)
    """

    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        """Median in seconds."""
        return median(self.seconds)

    @property
    def spread(self) -> float:
        """(Largest − smallest) / median."""
        return (max(self.seconds) - min(self.seconds)) / self.median_s


@dataclass(frozen=True)
class Measurement:
    """One figure that a suite measured, with its target.

    Parameters
    ----------
    name : str
    value : float
    unit : str
    sense : Sense
    target : float
        NaN where a figure is only reported.
    ours, peer : Timing or None
        Where the figure compares two programs.
    remark : str
        What was measured and how, for people.

    Examples
    --------
    >>> fast = Measurement("speed", 80.0, "1", Sense.AT_LEAST, 50.0, Timing((0.1,)), Timing((8.0,)))
    >>> fast.met, fast.ratio
    (True, 80.0)
    """

    name: str
    value: float
    unit: str
    sense: Sense
    target: float = math.nan
    ours: Timing | None = None
    peer: Timing | None = None
    remark: str = ""

    @property
    def met(self) -> bool:
        """Whether the value is on the good side of the target; never for NaN."""
        if self.sense is Sense.REPORTED:
            return math.isfinite(self.value)
        if self.sense is Sense.AT_LEAST:
            return self.value >= self.target
        return self.value <= self.target

    @property
    def ratio(self) -> float | None:
        """Peer's median time over ours; None without a peer."""
        if self.ours is None or self.peer is None:
            return None
        return self.peer.median_s / self.ours.median_s

    def row(self) -> dict[str, str | float | bool | None]:
        """One entry of the JSON list."""
        alone = self.ratio is None
        return {
            "name": self.name,
            "value": self.value if math.isfinite(self.value) else None,
            "unit": self.unit,
            "sense": self.sense.value,
            "target": self.target if math.isfinite(self.target) else None,
            "met": self.met,
            "ours_s": None if alone or self.ours is None else self.ours.median_s,
            "peer_s": None if alone or self.peer is None else self.peer.median_s,
            "ratio": self.ratio,
        } | ({"remark": self.remark} if self.remark else {})


def time_repeatedly(job: Callable[[], object], repeats: int) -> Timing:
    """Time a job after one untimed run that compiles and fills caches.

    Parameters
    ----------
    job : callable
    repeats : int
        At least 1.

    Returns
    -------
    Timing
    """
    job()
    seconds: list[float] = []
    for _ in range(repeats):
        begin = perf_counter()
        job()
        seconds.append(perf_counter() - begin)
    return Timing(tuple(seconds))


def time_side_by_side(
    ours: Callable[[], object],
    peer: Callable[[], object],
    repeats: int,
    clock: Callable[[], float] = perf_counter,
) -> tuple[Timing, Timing]:
    """Time two jobs in turn, so that a busy machine disturbs both alike.

    Parameters
    ----------
    ours, peer : callable
        Each runs once untimed first.
    repeats : int
        At least 1.
    clock : callable
        In seconds; `time.process_time` where both are single-threaded and the machine is shared.

    Returns
    -------
    ours, peer : Timing
    """
    ours()
    peer()
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for job, record in zip((ours, peer), seconds, strict=True):
            begin = clock()
            job()
            record.append(clock() - begin)
    return Timing(tuple(seconds[0])), Timing(tuple(seconds[1]))


def growth_exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Exponent b of the power law cost = a·size^b that fits best.

    Parameters
    ----------
    sizes, costs : sequence of float
        Positive; at least two different sizes.

    Returns
    -------
    float
        Slope of the least-squares line through the logarithms.

    Examples
    --------
    >>> round(growth_exponent([1.0, 10.0, 100.0], [2.0, 20.0, 200.0]), 6)
    1.0
    """
    x = [math.log(size) for size in sizes]
    y = [math.log(cost) for cost in costs]
    middle_x, middle_y = sum(x) / len(x), sum(y) / len(y)
    over = sum((a - middle_x) * (b - middle_y) for a, b in zip(x, y, strict=True))
    return over / sum((a - middle_x) ** 2 for a in x)


def suites() -> tuple[str, ...]:
    """Names of the suites of this checkout.

    Returns
    -------
    tuple of str

    Raises
    ------
    InputError
        The folder `benchmarks/` is missing.
    """
    return tuple(sorted(path.stem for path in _folder().glob("[a-z]*.py")))


def run_suite(name: str, report: Report | None = None) -> tuple[Measurement, ...]:
    """Run one suite of the checkout.

    Parameters
    ----------
    name : str
        One of `suites()`.
    report : callable or None
        Takes a line of progress.

    Returns
    -------
    tuple of Measurement

    Raises
    ------
    InputError
        No such suite, no checkout, or a package that the suite compares with is missing.
    """
    known = suites()
    if name not in known:
        raise InputError(
            Finding(f"there is no benchmark {name!r}", f"choose one of {', '.join(known)}")
        )
    root = str(_folder().parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        measure = import_module(f"{FOLDER}.{name}").measure
        return tuple(measure(report or _silent))
    except ModuleNotFoundError as error:
        raise InputError(
            Finding(
                f"benchmark {name!r} needs the package {error.name!r}, which is not installed",
                "run `make setup` in the checkout, which installs the development dependencies",
            )
        ) from error


def to_json(measurements: Sequence[Measurement]) -> str:
    """Write measurements as the JSON list that `rexdynnet bench NAME --json` prints.

    Parameters
    ----------
    measurements : sequence of Measurement

    Returns
    -------
    str
        A list of objects with the keys name, value, unit, sense, target, met, ours_s,
        peer_s and ratio (these three null where there is no peer), and
        remark where there is one.

    Examples
    --------
    >>> to_json([])
    '[]'
    """
    return json.dumps([measurement.row() for measurement in measurements], indent=2)


def to_table(measurements: Sequence[Measurement]) -> str:
    """Write measurements for people: medians with their spread, targets, remarks.

    Parameters
    ----------
    measurements : sequence of Measurement

    Returns
    -------
    str
        One or two lines per measurement.

    Examples
    --------
    >>> print(to_table([Measurement("size", 3.0, "MB", Sense.AT_MOST, 5.0)]))
    met     size: 3 MB (at most 5)
    """
    lines: list[str] = []
    for one in measurements:
        unit = "" if one.unit == "1" else f" {one.unit}"
        shown = f"{one.name}: {one.value:.4g}{unit}"
        if one.sense is Sense.REPORTED:
            lines.append(f"        {shown}")
        else:
            verdict = "met   " if one.met else "MISSED"
            side = one.sense.value.replace("_", " ")
            lines.append(f"{verdict}  {shown} ({side} {one.target:g})")
        times = [
            f"{who} {timing.median_s:.4g} s ± {50 * timing.spread:.0f} % (n={len(timing.seconds)})"
            for who, timing in (("ours", one.ours), ("peer", one.peer))
            if timing is not None
        ]
        note = "; ".join([*times, *([one.remark] if one.remark else [])])
        if note:
            lines.append(f"        {note}")
    return "\n".join(lines)


def _folder() -> Path:
    folder = Path(__file__).resolve().parents[2] / FOLDER
    if not (folder / "__init__.py").is_file():
        raise InputError(
            Finding(
                f"the folder {FOLDER}/ is missing",
                "benchmarks run from a checkout of the repository; clone it and run `make bench`",
            )
        )
    return folder


def _silent(line: str) -> None:
    del line
