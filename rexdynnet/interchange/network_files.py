"""Read and write a network in whatever format its file has."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Any

from rexdynnet.errors import Finding, InputError
from rexdynnet.interchange.pandapipes import from_pandapipes
from rexdynnet.interchange.pandapipes_export import import_pandapipes, not_carried, to_pandapipes
from rexdynnet.network.geojson import write_geojson
from rexdynnet.network.graph import Network
from rexdynnet.network.read import read_network
from rexdynnet.network.write import write_network

_MARK = "pandapipesNet"


class NetworkFormat(Enum):
    """How a network stands on disk."""

    FOLDER = "a folder with network.toml and tables"
    GEOJSON = "one .geojson file"
    PANDAPIPES = "one .json file of pandapipes"


def format_of(path: Path) -> NetworkFormat:
    """Tell the format from a name, and of an existing .json file from its content.

    Parameters
    ----------
    path : Path

    Returns
    -------
    NetworkFormat

    Raises
    ------
    InputError
        The ending stands for no network.

    Examples
    --------
    >>> format_of(Path("town.geojson")).name, format_of(Path("town")).name
    ('GEOJSON', 'FOLDER')
    """
    ending = path.suffix.lower()
    if path.is_dir() or not ending or path.name == "network.toml":
        return NetworkFormat.FOLDER
    if ending == ".geojson":
        return NetworkFormat.GEOJSON
    if ending == ".json":
        of_pandapipes = not path.is_file() or _is_pandapipes(path)
        return NetworkFormat.PANDAPIPES if of_pandapipes else NetworkFormat.GEOJSON
    raise InputError(
        Finding(
            f"{path.name} is no network",
            "give a folder, a .geojson file or a .json file of pandapipes",
            file=path,
        )
    )


def read_any_network(path: Path) -> Network:
    """Read a network from a folder, a GeoJSON file or a pandapipes file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Network
        Of a folder or GeoJSON checked; of pandapipes as `from_pandapipes` reads it.

    Raises
    ------
    InputError
        Missing, damaged, of no known format, or without counterpart here.
    """
    if not path.exists():
        raise InputError(Finding(f"{path} does not exist", "check the path", path))
    if format_of(path) is not NetworkFormat.PANDAPIPES:
        return read_network(path)
    pp = import_pandapipes()
    try:
        net = pp.from_json(str(path))
    except Exception as error:  # whatever a damaged file makes pandas and pandapipes raise
        raise InputError(
            Finding(f"pandapipes cannot read it ({error})", "write it again by to_json", file=path)
        ) from error
    if not hasattr(net, "junction"):
        raise InputError(Finding("the file holds no pandapipes net", "use to_json", file=path))
    return from_pandapipes(net, str(net.name or path.stem))


def write_any_network(
    network: Network, path: Path, *, origin_deg: tuple[float, float] = (0.0, 0.0)
) -> tuple[str, ...]:
    """Write a network in the format that the name asks for.

    Parameters
    ----------
    network : Network
    path : Path
        A name without ending is a folder, `.geojson` and `.json` (pandapipes) are files.
    origin_deg : (float, float)
        Longitude and latitude of x = y = 0; GeoJSON only.

    Returns
    -------
    tuple of str
        What the format cannot hold and was left out; empty when reading gives an equal network.

    Raises
    ------
    InputError
        The format cannot say what the network holds.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> network = read_network("models/networks/destest8")
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder) / "town.geojson"
    ...     write_any_network(network, file), read_any_network(file) == network
    ((), True)
    """
    match format_of(path):
        case NetworkFormat.FOLDER:
            write_network(network, path)
            return ()
        case NetworkFormat.GEOJSON:
            write_geojson(network, path, origin_deg=origin_deg)
            return ()
        case NetworkFormat.PANDAPIPES:
            net: Any = to_pandapipes(network)
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.stem}.new.json")
            import_pandapipes().to_json(net, str(fresh))
            fresh.replace(path)
            return not_carried(network)


def _is_pandapipes(path: Path) -> bool:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            Finding(f"the file is no JSON ({error})", "export it again", file=path)
        ) from None
    return isinstance(content, dict) and content.get("_class") == _MARK
