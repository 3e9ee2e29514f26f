"""Progress bars of long commands, on stderr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr
    from rich.progress import Progress

    from rexdynnet.errors import Finding
    from rexdynnet.study.checkpoint import Keep
    from rexdynnet.study.loop import Run
    from rexdynnet.study.record import Record
    from rexdynnet.study.replay import Replay
    from rexdynnet.study.scenario import SimulationScenario

_FIRST = "preparing (a first run compiles, some minutes)"


def simulate_with_progress(run: SimulationScenario, checkpoint: Path) -> xr.Dataset:
    """Simulate a scenario with a bar on stderr; see `rexdynnet.run_simulation`."""
    from rexdynnet.study.scenario import run_simulation

    with _bar() as bar:
        task = bar.add_task(_FIRST, total=run.duration_s)

        def progress(done_s: float, total_s: float) -> None:
            text = f"simulating {run.name}"
            bar.update(task, completed=done_s, total=total_s, description=text)

        return run_simulation(run, progress=progress, checkpoint=checkpoint)


def run_with_progress(scenario: SimulationScenario, keep: Keep) -> Run:
    """Run a scenario in closed loop with a bar, and its warnings, on stderr."""
    from rexdynnet.study.loop import run
    from rexdynnet.units import format_duration

    with _bar() as bar:
        task = bar.add_task(_FIRST, total=None)
        begun: list[float] = []

        def progress(done_s: float, total_s: float) -> None:
            if not begun and done_s > 0.0:
                _say(bar, f"going on at {format_duration(done_s)}; --fresh starts over")
            begun.append(done_s)
            text = f"running {scenario.name}"
            bar.update(task, completed=done_s, total=total_s, description=text)

        def warn(finding: Finding) -> None:
            _say(bar, f"warning: {finding}")

        return run(scenario, progress=progress, warn=warn, keep=keep)


def replay_with_progress(
    record: Record, scenario: SimulationScenario, *, closed_loop: bool
) -> Replay:
    """Replay a record with a bar on stderr; see `rexdynnet.replay`."""
    from rexdynnet.study.replay import replay

    with _bar() as bar:
        task = bar.add_task(_FIRST, total=None)

        def progress(done_s: float, total_s: float) -> None:
            bar.update(task, completed=done_s, total=total_s, description="replaying")

        return replay(record, scenario, closed_loop=closed_loop, progress=progress)


def _say(bar: Progress, line: str) -> None:
    bar.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def time_left(seconds: float) -> str:
    """A duration as one reads it from a progress bar."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
