"""Read a network from a folder of tables or a GeoJSON file."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.build import build
from rexdynnet.network.checks import check_network
from rexdynnet.network.geojson import read_geojson
from rexdynnet.network.graph import Network
from rexdynnet.network.tables import DOCUMENT, read_folder

_GEOJSON = frozenset({".geojson", ".json"})


def read_network(path: str | PathLike[str]) -> Network:
    """Read a network and check it.

    Parameters
    ----------
    path : str or path
        A folder with `network.toml`, `nodes.csv`, `pipes.csv` and
        `substations.csv`, its `network.toml`, or a GeoJSON file.

    Returns
    -------
    Network
        Complete and sound: its design state exists, holds pressure and neither
        boils nor freezes.

    Raises
    ------
    InputError
        With every finding, each naming file, row, field and remedy.

    Examples
    --------
    >>> network = read_network("models/networks/destest16")
    >>> len(network.substations), len(network.pipes)
    (16, 48)
    """
    where = Path(path)
    if where.name == DOCUMENT:
        where = where.parent
    findings: list[Finding] = []
    if not where.exists():
        raise InputError(Finding(f"{where} does not exist", "check the path", where))
    reads_geojson = where.is_file() and where.suffix.lower() in _GEOJSON
    if where.is_file() and not reads_geojson:
        remedy = "give a folder with network.toml, or a .geojson file"
        raise InputError(Finding(f"{where.name} is no network", remedy, where))
    tables = read_geojson(where, findings) if reads_geojson else read_folder(where, findings)
    built = build(tables, findings) if tables is not None else None
    if built is None:
        raise InputError(*dict.fromkeys(findings))
    network, places = built
    found = check_network(network, places)
    if found:
        raise InputError(*found)
    return network
