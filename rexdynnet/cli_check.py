"""The command `rexdynnet check`: what was understood of networks, scenarios, studies, tunings."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from rexdynnet.cli_errors import clean_errors

if TYPE_CHECKING:
    from rexdynnet.network.graph import Network

NETWORK_FILE = "network.toml"


class Kind(Enum):
    """What a file holds."""

    NETWORK = "network"
    SCENARIO = "scenario"
    STUDY = "study"
    TUNING = "tuning"


class Understood(NamedTuple):
    """One file without defects.

    Parameters
    ----------
    kind : Kind
    file : Path
    text : str
        What was understood, for people.
    """

    kind: Kind
    file: Path
    text: str


def check(
    path: Annotated[
        Path,
        typer.Argument(
            help="A network (folder or .geojson), a scenario, study or tuning (.toml), or a folder "
            "with all of them."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
) -> None:
    """Check networks, scenarios, studies and tunings, and explain what was understood.

    Every defect is named with file, row, field and what to do about it; nothing is written.
    """
    with clean_errors():
        found = [part for kind, file in found_in(path) for part in understood(kind, file)]
        told = [each for each in found if not _doubled(each, found)]
        if as_json:
            rows = [
                {"kind": each.kind.value, "file": str(each.file), "understood": each.text}
                for each in told
            ]
            typer.echo(json.dumps(rows, indent=1))
            return
        for each in told:
            typer.echo(each.text)


def found_in(path: Path) -> list[tuple[Kind, Path]]:
    """What there is to check, networks first.

    Parameters
    ----------
    path : Path
        A file, or a folder of a network or of a project.

    Returns
    -------
    list of (Kind, Path)
    """
    if path.suffix == ".toml" and path.name != NETWORK_FILE:
        return [(_kind_of(path), path)]
    if path.is_dir() and not (path / NETWORK_FILE).exists():
        networks = sorted(file.parent for file in path.glob(f"*/{NETWORK_FILE}"))
        others = [(_kind_of(file), file) for file in sorted(path.glob("*.toml"))]
        if networks or others:
            return [*((Kind.NETWORK, each) for each in networks), *others]
    return [(Kind.NETWORK, path)]


def understood(kind: Kind, file: Path) -> list[Understood]:
    """Read a file and say what it means; a scenario's network comes before it.

    Raises
    ------
    InputError
        It has defects.
    """
    if kind is Kind.NETWORK:
        from rexdynnet.network.read import read_network

        return [Understood(kind, file, _explained(read_network(file)))]
    if kind is Kind.SCENARIO:
        return _scenario(file)
    text = _study(file) if kind is Kind.STUDY else _tuning(file)
    return [Understood(kind, file, text)]


def _doubled(one: Understood, found: list[Understood]) -> bool:
    """Whether a scenario's network was told of before."""
    first = next(each for each in found if each.kind is one.kind and each.text == one.text)
    return one.kind is Kind.NETWORK and first is not one


def _kind_of(file: Path) -> Kind:
    from rexdynnet.network.entries import read_toml

    document = read_toml(file, [])
    keys = set() if document is None else set(document.values)
    if "scenarios" in keys:
        return Kind.STUDY
    return Kind.TUNING if {"scenario", "minimise"} & keys else Kind.SCENARIO


def _scenario(file: Path) -> list[Understood]:
    from rexdynnet.study.scenario import forcing_of, read_scenario

    run = read_scenario(file)
    forcing = forcing_of(run)
    days = run.duration_s / 86400
    text = (
        f"scenario {run.name}: {days:g} days from {run.start_utc:%Y-%m-%d %H:%M} UTC, "
        f"{len(forcing.signals)} inputs, {len(forcing.time_s)} rows, no defects"
    )
    if run.closed_loop is not None:
        from rexdynnet.study.loop import check_run

        text += f"\n{check_run(run)}"
    return [
        Understood(Kind.NETWORK, file, _explained(run.network)),
        Understood(Kind.SCENARIO, file, text),
    ]


def _study(file: Path) -> str:
    from rexdynnet.study.plan import arms_of, check_plan
    from rexdynnet.study.study_file import read_study

    plan = read_study(file)
    check_plan(plan)
    arms, seeds = len(arms_of(plan)), len(plan.seeds)
    return f"study {file.name}: {arms} arms x {seeds} seeds are {arms * seeds} runs, no defects"


def _tuning(file: Path) -> str:
    from rexdynnet.study.tune import check_tuning
    from rexdynnet.study.tune_file import read_tuning

    plan = read_tuning(file)
    check_tuning(plan)
    return (
        f"tuning {file.name}: {', '.join(plan.vary)} in {plan.trials} trials of "
        f"{len(plan.seeds)} seeds, no defects"
    )


def _explained(network: Network) -> str:
    from rexdynnet.network.explain import explain

    return explain(network)
