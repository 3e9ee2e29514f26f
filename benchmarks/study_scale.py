"""The suite `study_scale`: what ten thousand runs would take, from two sizes that were measured.

Time, memory and disk of a study are taken to be linear in its runs. The line goes through the
two smaller studies, and the third, four times as large as the second, tells what such an
extrapolation is worth. `REXDYNNET_BENCH_KEEP` names the folder (default `out/bench_study_scale`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.study import ROOT, one_thread, study_file
from rexdynnet.study.bench import Measurement, Sense

Report = Callable[[str], None]

SIZES = (25, 100, 400)
PLANNED = 10_000
TARGET = 0.1
SHOWN: tuple[tuple[str, str, str], ...] = (
    ("worker_processor_s", "s", "processor time of the workers"),
    ("own_processor_s", "s", "processor time of the study's own process"),
    ("own_memory_MB", "MB", "memory of the study's own process"),
    ("disk_MB", "MB", "disk"),
    ("files", "1", "files"),
)


def measure(report: Report) -> Iterator[Measurement]:
    """Each quantity at three sizes: measured, extrapolated, and for the planned number of runs."""
    folder = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/bench_study_scale")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    costs = [_cost(folder, runs, report) for runs in SIZES]
    for name, unit, label in SHOWN:
        small, large, checked = (cost[name] for cost in costs)
        slope = (large - small) / (SIZES[1] - SIZES[0])
        foreseen = small + slope * (SIZES[2] - SIZES[0])
        line = f"{small:.4g} and {large:.4g} {unit} at {SIZES[0]} and {SIZES[1]} runs"
        yield Measurement(
            f"{label}: extrapolation to {SIZES[2]} runs is off by",
            abs(foreseen - checked) / checked,
            "1",
            Sense.AT_MOST,
            TARGET,
            remark=f"{line}; {foreseen:.4g} foreseen, {checked:.4g} measured",
        )
        yield Measurement(
            f"{label}: {PLANNED} runs",
            small + slope * (PLANNED - SIZES[0]),
            unit,
            Sense.REPORTED,
            remark=f"{slope:.3g} {unit} a run",
        )
    yield from bounded(costs)


def bounded(costs: list[dict[str, float]]) -> Iterator[Measurement]:
    """Memory of a worker: caches of random numbers fill up, then it grows no further."""
    before, after = (cost["worker_memory_MB"] for cost in costs[1:])
    yield Measurement(
        f"memory of a worker: growth from {SIZES[1]} to {SIZES[2]} runs",
        after / before - 1.0,
        "1",
        Sense.AT_MOST,
        TARGET,
        remark=f"{costs[0]['worker_memory_MB']:.0f} MB at {SIZES[0]} runs",
    )
    yield Measurement("memory of a worker", after, "MB", Sense.REPORTED)


def _cost(folder: Path, runs: int, report: Report) -> dict[str, float]:
    kept = folder / f"cost_{runs}.json"
    if not kept.exists():
        out = folder / "study"
        shutil.rmtree(out, ignore_errors=True)
        file = study_file(folder, range(1, runs + 1))
        command = [sys.executable, "-m", "benchmarks.tools.study_cost", str(file), str(out)]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True, env=one_thread()
        )
        kept.write_text(done.stdout)
        shutil.rmtree(out)
    cost = json.loads(kept.read_text())
    report(f"{runs} runs: {cost['elapsed_s']:.0f} s")
    return cost
