"""The command `rexdynnet convert`: networks and results from one format to another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from rexdynnet.cli_errors import clean_errors
from rexdynnet.errors import Finding, InputError


def convert(
    source: Annotated[Path, typer.Argument(help="Folder, .geojson, pandapipes .json; result .nc.")],
    target: Annotated[Path, typer.Argument(help="To write; its ending chooses the format.")],
    longitude: Annotated[float, typer.Option(help="Of x = 0, for GeoJSON (degrees).")] = 0.0,
    latitude: Annotated[float, typer.Option(help="Of y = 0, for GeoJSON (degrees).")] = 0.0,
) -> None:
    """Convert a network between folder, GeoJSON and pandapipes, or a result (.nc) to a table.

    Says what the target cannot hold. Results become .parquet or .csv. A network also becomes an
    FMU for co-simulation (.fmu).
    """
    with clean_errors():
        for line in convert_file(source, target, (longitude, latitude)):
            typer.echo(line)


def convert_file(source: Path, target: Path, origin_deg: tuple[float, float]) -> Iterator[str]:
    """Convert a network, or a result (`.nc`) to a table.

    Parameters
    ----------
    source, target : Path
        Folder, `.geojson` or pandapipes `.json`; of a result `.parquet` or `.csv`; to write also
        `.fmu`. The name of `target` chooses the format.
    origin_deg : (float, float)
        Longitude and latitude of x = y = 0 in GeoJSON.

    Yields
    ------
    str
        What was written, and what the format could not carry.

    Raises
    ------
    InputError
        Unreadable, without counterpart in the format, or the same file twice.
    """
    from rexdynnet.interchange.network_files import read_any_network, write_any_network
    from rexdynnet.network.checks import check_network

    if source.suffix.lower() == ".nc":
        yield _table(source, target)
        return
    if target.resolve() == source.resolve():
        raise InputError(Finding("source and target are the same", "name another target", target))
    network = read_any_network(source)
    if target.suffix.lower() == ".fmu":
        from rexdynnet.interchange.fmu import write_fmu

        size_kB = write_fmu(network, target).stat().st_size / 1e3
        yield f"{target}: FMI 2.0 co-simulation, {size_kB:.0f} kB"
        return
    lost = write_any_network(network, target, origin_deg=origin_deg)
    yield (
        f"{target}: {len(network.nodes)} nodes, {len(network.pipes)} pipes, "
        f"{len(network.substations)} substations"
    )
    yield from (f"not carried over: {text}" for text in lost)
    yield from (f"to mend before a simulation: {finding}" for finding in check_network(network))


def _table(source: Path, target: Path) -> str:
    from rexdynnet.cli_output import read_result
    from rexdynnet.interchange.results import write_table

    result = read_result(source)
    write_table(result, target)
    return f"{target}: {result.sizes['time']} rows"
