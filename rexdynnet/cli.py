"""The command line: `rexdynnet simulate`, `run`, `plot`, `check`, `bench`, `audit` and more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from rexdynnet import __version__
from rexdynnet.cli_check import check
from rexdynnet.cli_convert import convert
from rexdynnet.cli_errors import clean_errors
from rexdynnet.cli_replay import record, replay
from rexdynnet.cli_study import study
from rexdynnet.cli_tune import tune
from rexdynnet.errors import Finding, InputError

if TYPE_CHECKING:
    import xarray as xr

    from rexdynnet.cli_output import Picture
    from rexdynnet.simulation.plant import Method
    from rexdynnet.study.scenario import SimulationScenario

app = typer.Typer(
    name="rexdynnet",
    help="Simulate heating networks: temperatures, flows and pressures over time, from "
    "spreadsheets to pictures.\n\nStart with `rexdynnet new my_network`, then `rexdynnet "
    "simulate my_network/scenario.toml -o out`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class MethodChoice(StrEnum):
    """Names of `rexdynnet.Method` as typed on the command line."""

    PLUGFLOW = "plugflow"
    DAE = "dae"
    ODE = "ode"


class FormatChoice(StrEnum):
    """Picture formats."""

    PNG = "png"
    SVG = "svg"


@app.command()
def simulate(
    scenario: Annotated[
        Path,
        typer.Argument(help="Scenario file (TOML): which network, when, weather, demand."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for results and pictures.")
    ] = Path("out"),
    method: Annotated[
        MethodChoice | None,
        typer.Option(help="Simulate by another method than the scenario says."),
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Draw pictures too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Simulate a scenario and write its results (NetCDF) and pictures.

    Results of an earlier run in the same folder are replaced only when the new run has succeeded.
    A run of months that was interrupted goes on where it was when started again.
    """
    from rexdynnet.cli_output import (
        CHECKPOINT,
        LOG,
        RESULT,
        demo_pictures,
        remove_pictures,
        staged,
        summary,
        write_log,
        write_result,
    )
    from rexdynnet.cli_progress import simulate_with_progress
    from rexdynnet.study.figures import describe_run, key_figures
    from rexdynnet.study.scenario import read_scenario

    with clean_errors():
        run = read_scenario(scenario)
        if method is not None:
            run = _with_method(run, method)
        begin = perf_counter()
        with staged(out) as folder:
            result = simulate_with_progress(run, out / CHECKPOINT)
            seconds = perf_counter() - begin
            write_result(result, folder / RESULT)
            lines = [describe_run(result), *(f"  {figure}" for figure in key_figures(result))]
            write_log(folder / LOG, run, lines, seconds)
        # The result is safe before anything is drawn; pictures of an earlier run must not stay.
        remove_pictures(out)
        drawn = _draw(result, demo_pictures(), out) if pictures else []
        written = [out / RESULT, *drawn, out / LOG]
        if as_json:
            figures = {each.label: [each.value, each.unit] for each in key_figures(result)}
            typer.echo(summary(run, figures, seconds, written))
            return
        for line in (*lines, f"simulated in {seconds:.1f} s; written:"):
            typer.echo(line)
        for file in written:
            typer.echo(f"  {file}")


@app.command("run")
def run_loop(
    scenario: Annotated[
        Path, typer.Argument(help="Scenario file (TOML) with a [control] section.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for results and pictures.")
    ] = Path("out"),
    pictures: Annotated[bool, typer.Option(help="Draw pictures too.")] = True,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not go on from a broken run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Run a scenario in closed loop: a controller against the plant, through its sensors.

    Writes the result (NetCDF), key figures (kpis.json) and pictures, and prints the key figures.
    With a section [market] also the ledger (ledger.csv), which `rexdynnet audit` adds up again,
    and the exchange's journal. A run that was killed goes on where the same command is given again.
    """
    from rexdynnet.cli_output import (
        KPIS,
        LOG,
        RESULT,
        books,
        keep_in,
        loop_pictures,
        numbers_of,
        remove_kept,
        remove_pictures,
        staged,
        summary,
        told,
        write_figures,
        write_log,
        write_result,
    )
    from rexdynnet.cli_progress import run_with_progress
    from rexdynnet.study.building_tables import remove_flats
    from rexdynnet.study.scenario import read_scenario

    with clean_errors():
        wanted = read_scenario(scenario)
        begin = perf_counter()
        keep = keep_in(out, fresh=fresh)
        done = run_with_progress(wanted, keep)
        seconds = perf_counter() - begin
        with staged(out) as folder:
            write_result(done.data, folder / RESULT)
            write_figures(done, folder, keep)
            lines = told(done)
            write_log(folder / LOG, wanted, lines, seconds)
        remove_kept(keep)
        remove_flats(out, done.market)
        remove_pictures(out)
        drawn = _draw(done.data, loop_pictures(done.data), out) if pictures else []
        written = [out / RESULT, out / KPIS, *books(out, done.market), *drawn, out / LOG]
        if as_json:
            typer.echo(summary(wanted, numbers_of(done), seconds, written))
            return
        for line in (*lines, f"run in {seconds:.1f} s; written:"):
            typer.echo(line)
        for file in written:
            typer.echo(f"  {file}")


@app.command()
def falsify(
    scenario: Annotated[Path, typer.Argument(help="Scenario (TOML) with [control] and rules.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the worst.")] = Path("out"),
    runs: Annotated[int, typer.Option(help="How many runs the search may take.")] = 60,
    seed: Annotated[int, typer.Option(help="The same seed gives the same answer.")] = 1,
    rule: Annotated[str, typer.Option(help="Only this rule; by default the weakest.")] = "",
) -> None:
    """Search for the demand, trip, weather and sensor fault under which the rules hold least.

    Writes the worst one found as a scenario file (worst.toml) that `rexdynnet run` reproduces.
    """
    from rexdynnet.study.falsify import falsify as search
    from rexdynnet.study.falsify import write_worst
    from rexdynnet.study.scenario import read_scenario

    with clean_errors():
        wanted = read_scenario(scenario)
        found = search(wanted, runs=runs, seed=seed, monitor=rule, report=_to_stderr)
        typer.echo("\n".join(write_worst(found, scenario, out)))


@app.command()
def plot(
    out: Annotated[Path, typer.Argument(help="Folder that `simulate` wrote, or its result.nc.")],
    suffix: Annotated[
        FormatChoice, typer.Option("--format", help="File format of the pictures.")
    ] = FormatChoice.PNG,
    only: Annotated[
        list[str] | None, typer.Option(help="Draw only this picture; may be repeated.")
    ] = None,
) -> None:
    """Draw every picture of a finished run.

    Temperatures, flows, heats, pressures along a route, map, space-time diagram, energy balance
    and load-duration curve.
    """
    from rexdynnet.cli_output import all_pictures, read_result

    with clean_errors():
        result = read_result(out)
        known = all_pictures(result)
        wanted = only or list(known)
        stray = [name for name in wanted if name not in known]
        if stray:
            raise InputError(
                *(
                    Finding(f"there is no picture {name!r}", f"use one of {', '.join(known)}")
                    for name in stray
                )
            )
        target = out if out.is_dir() else out.parent
        pictures = {f"{name}.{suffix.value}": known[name] for name in wanted}
        for file in _draw(result, pictures, target):
            typer.echo(file)


@app.command()
def report(
    run: Annotated[
        Path, typer.Argument(help="Folder that `simulate`, `run`, `study` or `tune` wrote.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file; by default RUN/report.html.")
    ] = None,
) -> None:
    """Write the story of a run, study or tuning as one HTML page that needs no network."""
    from rexdynnet.cli_report import report_to_file

    with clean_errors():
        typer.echo(report_to_file(run, out))


@app.command()
def new(
    directory: Annotated[Path, typer.Argument(help="Folder to make; must not exist or be empty.")],
) -> None:
    """Write a small commented project: network, scenario, study and tuning, all of which run."""
    from rexdynnet.network.new import new_project

    with clean_errors():
        for file in new_project(directory):
            typer.echo(file)
        typer.echo(
            f"run it with: rexdynnet run {directory / 'scenario.toml'} -o {directory / 'out'}\n"
            f"what else there is to do: {directory / 'README.md'}"
        )


@app.command()
def forcing(
    scenario: Annotated[Path, typer.Argument(help="Scenario file (TOML).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="CSV file to write.")],
) -> None:
    """Write what acts on a scenario's network as a CSV series, to look at or to edit.

    Name the file under `series` in a scenario, or read it with rexdynnet.read_forcing.
    """
    from rexdynnet.simulation.plant import write_atomically
    from rexdynnet.simulation.series import format_forcing
    from rexdynnet.study.scenario import forcing_of, read_scenario

    with clean_errors():
        series = forcing_of(read_scenario(scenario))
        write_atomically(out, format_forcing(series).encode())
        typer.echo(f"{out}: {len(series.time_s)} rows, {len(series.signals)} columns")


@app.command()
def validate(
    data: Annotated[
        Path | None,
        typer.Option(help="Folder of cases (case.toml + series.csv each)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    method: Annotated[
        MethodChoice, typer.Option(help="Simulate by this method.")
    ] = MethodChoice.PLUGFLOW,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for pictures of each case.")
    ] = None,
) -> None:
    """Predict measured cases and say how far off the prediction is; nothing is fitted.

    Without --data the folder ../shared/validation beside the checkout is taken.
    """
    from rexdynnet.cli_output import default_cases, write_predictions
    from rexdynnet.study.validate import format_scores, run_validation

    with clean_errors():
        folder = data if data is not None else default_cases()
        found = run_validation(
            folder,
            _method(method),
            progress=lambda name: _to_stderr(f"running {name} ..."),
        )
        typer.echo(json.dumps(found.records(), indent=1) if as_json else format_scores(found))
        if out is not None:
            write_predictions(found, out)
            typer.echo(f"pictures are in {out}", err=True)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help="Which benchmark, for example sim.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Measure speed and accuracy side by side with other programs; needs a checkout."""
    from rexdynnet.study.bench import run_suite, to_json, to_table

    with clean_errors():
        found = run_suite(name, _to_stderr)
        typer.echo(to_json(found) if as_json else to_table(found))


@app.command()
def audit(
    ledger: Annotated[Path, typer.Argument(help="Exported ledger, or the folder that holds it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print a summary as JSON.")] = False,
) -> None:
    """Add up a ledger again, transfer by transfer, and print what every account stands at.

    In a run's folder also the ledgers of buildings, which must close with it.
    """
    from rexdynnet.cli_output import audited, balance_lines

    with clean_errors():
        found = audited(ledger)
        if as_json:
            typer.echo(json.dumps(found, indent=1))
            return
        for line in balance_lines(found):
            typer.echo(line)


@app.command()
def identify(
    meters: Annotated[Path, typer.Argument(help="Meter series (CSV), units in the column names.")],
    layout: Annotated[
        Path | None, typer.Option(help="Which zones touch, how rows are labelled (TOML).")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path(
        "building.toml"
    ),
    validate_blocks: Annotated[
        int, typer.Option("--cross-validate", help="Blocks of time to hide in turn; 0: none.")
    ] = 0,
    halves: Annotated[
        int,
        typer.Option(
            help="Ask which couplings exist, again on so many halves of the record (10); "
            "0: keep all pairs, best for prediction.",
            min=0,
        ),
    ] = 0,
    profile: Annotated[
        bool,
        typer.Option(
            help="Ask which couplings exist, with the interval of each by profile likelihood."
        ),
    ] = False,
) -> None:
    """Find the thermal network of a building from its meters: zones, masses, conductances.

    Writes the network (TOML) and, beside it, a report page: the graph, predicted against measured,
    tests of the residuals and every number with its interval and verdict.
    """
    from rexdynnet.cli_identify import Asked, identify_to_files

    asked = Asked(validate_blocks, halves, profile)
    with clean_errors():
        for line in identify_to_files(meters, layout, out, asked, _to_stderr):
            typer.echo(line)


app.command()(check)
app.command()(study)
app.command()(convert)
app.command()(tune)
app.command()(record)
app.command()(replay)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"rexdynnet {__version__}")


def main() -> None:
    """Entry point of the command `rexdynnet`."""
    app()


def _to_stderr(line: str) -> None:
    typer.echo(line, err=True)


def _draw(result: xr.Dataset, pictures: Mapping[str, Picture], out: Path) -> list[Path]:
    from rexdynnet.cli_output import staged

    with staged(out) as folder:
        figures = {draw: draw(result) for draw in set(pictures.values())}
        for name, draw in pictures.items():
            figures[draw].savefig(folder / name)
    return [out / name for name in pictures]


def _with_method(run: SimulationScenario, choice: MethodChoice) -> SimulationScenario:
    from dataclasses import replace

    return replace(run, method=_method(choice))


def _method(choice: MethodChoice) -> Method:
    from rexdynnet.simulation.plant import Method

    return Method[choice.name]
