"""The commands `rexdynnet record` and `rexdynnet replay`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from rexdynnet.cli_errors import clean_errors

if TYPE_CHECKING:
    from rexdynnet.study.replay import Replay

DATA = "replay.nc"
FOLLOWS = "follows.csv"
_COMPARED = (
    ("cost_EUR", "cost", "EUR"),
    ("fuel_EUR", "  fuel", "EUR"),
    ("electricity_EUR", "  pump electricity", "EUR"),
    ("start_EUR", "  starts", "EUR"),
    ("lost_load_EUR", "  lost load", "EUR"),
    ("shortfall_kWh", "network shortfall", "kWh"),
    ("delivered_MWh", "heat delivered", "MWh"),
    ("loss_MWh", "heat lost", "MWh"),
    ("co2_kg", "CO2", "kg"),
)


def record(
    run: Annotated[Path, typer.Argument(help="Folder that `run` wrote, or its result.nc.")],
    scenario: Annotated[Path, typer.Argument(help="Its scenario (TOML): names the network.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")],
) -> None:
    """Write a closed-loop run as a record of operation, which `rexdynnet replay` reads."""
    from rexdynnet.cli_output import read_result
    from rexdynnet.study.record import write_record
    from rexdynnet.study.scenario import read_scenario

    with clean_errors():
        result = read_result(run)
        write_record(result, read_scenario(scenario).network, out)
        typer.echo(f"{out}: {result.sizes['time']} rows")


def replay(
    record_file: Annotated[
        Path, typer.Argument(metavar="RECORD", help="Recorded operation (CSV).")
    ],
    scenario: Annotated[Path, typer.Argument(help="Scenario (TOML) with a [control] section.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for what is written.")] = Path(
        "out"
    ),
    shadow_only: Annotated[
        bool, typer.Option("--shadow-only", help="Do not run the controller in closed loop.")
    ] = False,
) -> None:
    """Let a controller look on at recorded operation, without acting on it.

    Says how well the model follows, what the controller would have done with the readings, and,
    by a closed loop against the model, what it would have cost. Writes replay.nc, follows.csv,
    kpis.json and pictures with load-duration curves.
    """
    from rexdynnet.cli_output import staged
    from rexdynnet.cli_progress import replay_with_progress
    from rexdynnet.study.record import read_record
    from rexdynnet.study.scenario import read_scenario

    with clean_errors():
        wanted = read_scenario(scenario)
        recorded = read_record(record_file, wanted.network)
        begin = perf_counter()
        done = replay_with_progress(recorded, wanted, closed_loop=not shadow_only)
        seconds = perf_counter() - begin
        with staged(out) as folder:
            _write(done, folder)
            written = sorted(file.name for file in folder.iterdir())
        for line in _told(done):
            typer.echo(line)
        typer.echo(f"replayed {recorded.duration_s / 86400:g} days in {seconds:.1f} s; written:")
        for name in written:
            typer.echo(f"  {out / name}")


def _write(done: Replay, folder: Path) -> None:
    from rexdynnet.cli_output import KPIS
    from rexdynnet.plot.replay import load_durations, model_follows, shadow_commands

    done.data.to_netcdf(folder / DATA, engine="h5netcdf")
    figures = {"recorded": done.recorded.numbers()}
    if done.instead is not None:
        figures["controller"] = done.instead.kpis.numbers()
    (folder / KPIS).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    rows = ["reading,unit,bias,rms,spread"]
    rows += [
        f"{name},{each.unit},{each.bias:.6g},{each.rms:.6g},{each.spread:.6g}"
        for name, each in done.follows.items()
    ]
    (folder / FOLLOWS).write_text("\n".join(rows) + "\n", encoding="utf-8")
    load_durations(done.data).savefig(folder / "load_duration.png")
    shadow_commands(done.data).savefig(folder / "commands.png")
    model_follows(done.data).savefig(folder / "model_follows.png")


def _told(done: Replay) -> Iterator[str]:
    own = done.recorded.numbers()
    other = None if done.instead is None else done.instead.kpis.numbers()
    yield f"{'':<20}{'recorded':>12}" + ("" if other is None else f"{'controller':>12}")
    for key, label, unit in _COMPARED:
        second = "" if other is None else f"{other[key]:>12,.2f}"
        yield f"{label:<20}{own[key]:>12,.2f}{second} {unit}"
    yield f"the model follows worst, of {len(done.follows)} readings (spread of the record):"
    for unit in dict.fromkeys(each.unit for each in done.follows.values()):
        alike = [name for name, each in done.follows.items() if each.unit == unit]
        name = max(alike, key=lambda name: done.follows[name].rms)
        each = done.follows[name]
        yield f"  {name:<36} rms {each.rms:.3g} {unit} ({each.spread:.3g})"
