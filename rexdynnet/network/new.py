"""Write a small commented project to start from."""

from __future__ import annotations

from importlib.resources import as_file, files
from os import PathLike
from pathlib import Path

from rexdynnet.errors import Finding, InputError

_FILES = (
    "README.md",
    "scenario.toml",
    "study.toml",
    "tune.toml",
    "network/network.toml",
    "network/nodes.csv",
    "network/pipes.csv",
    "network/substations.csv",
    "series/heat_load_forecast.toml",
    "series/heat_load_evolution.toml",
)


def new_project(directory: str | PathLike[str]) -> list[Path]:
    """Write a project of four buildings: network, scenario, study, tuning and a README.

    Parameters
    ----------
    directory : str or path
        Made where it does not exist; nothing in it is ever overwritten.

    Returns
    -------
    list of Path
        The files written.

    Raises
    ------
    InputError
        The directory holds something already, or cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     [path.name for path in new_project(folder + "/first")][:2]
    ['README.md', 'scenario.toml']
    """
    target = Path(directory)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        remedy = "name a directory that is empty or does not exist yet"
        raise InputError(Finding(f"{target} exists and is not empty", remedy, target))
    written: list[Path] = []
    try:
        with as_file(files("rexdynnet.network") / "template") as template:
            for name in _FILES:
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes((template / name).read_bytes())
                written.append(path)
    except OSError as error:
        remedy = "check the path and its permissions"
        raise InputError(
            Finding(f"{target} cannot be written ({error.strerror})", remedy, target)
        ) from error
    return written
