"""The command `rexdynnet tune`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rexdynnet.cli_errors import clean_errors, resumable
from rexdynnet.cli_progress import time_left

if TYPE_CHECKING:
    from rexdynnet.study.tune import TrialState
    from rexdynnet.study.tuning import Tuning


def tune(
    tuning_file: Annotated[
        Path,
        typer.Argument(metavar="TUNING", help="Tuning file (TOML): scenario, ranges, objective."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for runs, trials and winner.")
    ] = Path("out/tune"),
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that share a trial's seeds; by default one per core.", min=1),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Run on this dask.distributed scheduler, as tcp://HOST:8786."),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="Optuna storage, as sqlite:///trials.db; by default a journal in OUT."),
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Draw pictures too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Find the parameters with which a scenario does best, trial by trial (Optuna).

    Every run and trial is kept: the same command again goes on where it was broken off. The
    winner is written as the scenario best.toml (with several objectives, front/trial_N.toml for
    each that no other beats), all trials as trials.csv.
    """
    from rexdynnet.study.tune import TRIALS, run_tuning
    from rexdynnet.study.tune_file import read_tuning

    with clean_errors():
        plan = read_tuning(tuning_file)
        with _progress_bar() as report, resumable(out):
            found = run_tuning(
                plan, out, storage=storage, workers=workers, cluster=cluster, report=report
            )
        drawn = _draw(found, out) if pictures else []
        if as_json:
            typer.echo(json.dumps(_summary(found), indent=1, default=str))
            return
        for line in found.lines():
            typer.echo(line)
        typer.echo("written:")
        for file in (out / TRIALS, *found.files, *drawn):
            typer.echo(f"  {file}")


def _draw(found: Tuning, out: Path) -> list[Path]:
    from rexdynnet import plot

    drawing = {"history": plot.tuning_history, "response": plot.tuning_response}
    if found.importances:
        drawing["importances"] = plot.tuning_importances
    if len(found.objectives) > 1:
        drawing["front"] = plot.tuning_front
    for name, draw in drawing.items():
        draw(found).savefig(out / f"{name}.png")
    return [out / f"{name}.png" for name in drawing]


def _summary(found: Tuning) -> dict[str, object]:
    counts = found.table["state"].value_counts()
    return {
        "folder": str(found.folder),
        "trials": {str(state): int(count) for state, count in counts.items()},
        "front": [
            {
                "trial": trial,
                "scenario": str(file),
                "parameters": found.parameters(trial),
                "objectives": {n: float(found.table[n].iloc[trial]) for n in found.objectives},
            }
            for trial, file in zip(found.front, found.files, strict=True)
        ],
    }


@contextmanager
def _progress_bar() -> Iterator[Callable[[TrialState], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("trials", total=None, told="preparing")

        def report(state: TrialState) -> None:
            bar.update(task, completed=state.done, total=state.total, told=told(state))

        yield report


def told(state: TrialState) -> str:
    """Best value so far, time left and what was given up, in a line."""
    parts = [f"best {state.best:.6g}"] if state.best == state.best else []
    new = state.done - state.begun
    if new and state.done < state.total:
        parts.append(f"{time_left(state.elapsed_s / new * (state.total - state.done))} left")
    parts += [f"{state.pruned} pruned"] if state.pruned else []
    parts += [f"{state.failed} failed"] if state.failed else []
    return ", ".join(parts)
