"""How time and memory grow with the network; each size runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

SIZES = (500, 1000, 2000, 5000)
HOURS = 2.0
REPEATS = 3


@dataclass(frozen=True)
class Cost:
    """Median and spread over the repetitions.

    Parameters
    ----------
    substations : int
    seconds : tuple of float
        Layout, steady start and two hours, one per repetition.
    megabytes : float
        Peak of the process over its size before the network was drawn.
    """

    substations: int
    seconds: tuple[float, ...]
    megabytes: float


def cost_of(substations: int) -> Cost:
    """Run one size in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tools.scaling", str(substations)],
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return Cost(substations, tuple(found["seconds"]), found["megabytes"])


def _main(substations: int) -> None:
    from benchmarks.tools.plug_flow import run_plant, segments
    from benchmarks.tools.tree_day import tree_day
    from rexdynnet.simulation.plugflow import PlugFlowPlant

    small = tree_day(20, 1, hours=HOURS)
    run_plant(small, PlugFlowPlant(small.network), segments(small, PlugFlowPlant(small.network)))
    before = _resident_megabytes()
    _forget_peak()
    case = tree_day(substations, 1, hours=HOURS)
    pieces = segments(case, PlugFlowPlant(case.network))
    seconds: list[float] = []
    for _ in range(REPEATS):
        begin = perf_counter()
        run_plant(case, PlugFlowPlant(case.network), pieces)
        seconds.append(perf_counter() - begin)
    print(json.dumps({"seconds": seconds, "megabytes": _peak_megabytes() - before}))


def _status(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def _resident_megabytes() -> float:
    return _status("VmRSS")


def _peak_megabytes() -> float:
    return _status("VmHWM")


def _forget_peak() -> None:
    """Let the kernel count the peak anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    _main(int(sys.argv[1]))
