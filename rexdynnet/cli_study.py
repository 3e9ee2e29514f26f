"""The command `rexdynnet study`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from rexdynnet.cli_errors import clean_errors, resumable
from rexdynnet.cli_progress import time_left

if TYPE_CHECKING:
    from rexdynnet.study.ensemble import Ensemble
    from rexdynnet.study.montecarlo import Progress


def study(
    study_file: Annotated[
        Path,
        typer.Argument(metavar="STUDY", help="Study file (TOML): scenarios, overrides, seeds."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for runs and tables.")] = Path(
        "out/study"
    ),
    workers: Annotated[
        int | None, typer.Option(help="Processes; by default one per core.", min=1)
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Run on this dask.distributed scheduler, as tcp://HOST:8786."),
    ] = None,
    figure: Annotated[
        str, typer.Option(help="Key figure to show while it runs and at the end.")
    ] = "cost_EUR",
    retry: Annotated[bool, typer.Option(help="Run again what failed earlier.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Run scenarios over overrides and seeds, on all cores or a cluster.

    Each run is kept as it finishes: the same command again goes on where it was broken off. Key
    figures stand in kpis.parquet, each run's trajectories in a Zarr store of its own.
    """
    from rexdynnet.study.montecarlo import run_study
    from rexdynnet.study.store import KPIS, TIMINGS
    from rexdynnet.study.study_file import read_study

    with clean_errors():
        plan = read_study(study_file)
        with _progress_bar(figure) as report, resumable(out):
            found = run_study(
                plan, out, workers=workers, cluster=cluster, retry=retry, report=report
            )
        if as_json:
            typer.echo(json.dumps(_summary(found), indent=1))
            return
        for line in found.lines(figure):
            typer.echo(line)
        typer.echo("written:")
        for file in (out / KPIS, out / TIMINGS):
            typer.echo(f"  {file}")


def _summary(found: Ensemble) -> dict[str, object]:
    arms = sorted(set(found.kpis["arm"]))
    return {
        "folder": str(found.folder),
        "runs": len(found.kpis),
        "failed": len(found.failed),
        "arms": [
            {
                "arm": int(arm),
                "label": found.label(arm),
                "mean": {name: _mean(found.values(arm, name)) for name in found.figures},
            }
            for arm in arms
        ],
    }


def _mean(values: NDArray[np.float64]) -> float | None:
    """Over the runs that have the figure; None where none has."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


@contextmanager
def _progress_bar(figure: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("runs", total=None, told="preparing")

        def report(state: Progress) -> None:
            bar.update(task, completed=state.done, total=state.total, told=told(state, figure))

        yield report


def told(state: Progress, figure: str) -> str:
    """Rate, time left, failures and the mean of a key figure, in a line."""
    parts = [f"{60 * state.rate_per_s:.1f}/min"]
    if state.done < state.total:
        parts.append(f"{time_left(state.remaining_s)} left")
    if state.failed:
        parts.append(f"{state.failed} failed")
    if figure in state.mean:
        parts.append(f"{figure} {state.mean[figure]:.5g} on average")
    return ", ".join(parts)
