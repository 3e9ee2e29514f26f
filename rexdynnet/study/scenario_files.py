"""Files that a scenario stands on, and the hash over all that it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from rexdynnet.network.entries import read_toml

# Where a scenario document names a file, and under which label its content is hashed.
NAMED = (("schedule", "file", "schedule"), ("forecast", "errors", "forecast"))
NAMED += (("demand", "fitted", "fitted"), ("weather", "file", "weather"))
NAMED += (("simulation", "fmu", "fmu"),)


def scenario_files(document: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Every file that a scenario document names, and those of its network.

    Parameters
    ----------
    document : mapping
        Of a scenario that was read without findings.
    folder : Path
        Its paths are relative to this folder.

    Returns
    -------
    dict of str to Path
        By what each is to the scenario.
    """
    network = folder / document["network"]
    network = network.parent if network.name == "network.toml" else network
    if network.is_dir():
        inside = [file for file in sorted(network.iterdir()) if file.suffix in (".csv", ".toml")]
    else:
        inside = [network]
    files = {f"network/{file.name}": file for file in inside}
    files |= {f"series/{n}": folder / name for n, name in enumerate(document.get("series", ()))}
    for section, key, label in NAMED:
        table = document.get(section)
        name = table.get(key) if isinstance(table, Mapping) else None
        if isinstance(name, str):
            files[label] = folder / name
    for label in ("forecast", "fitted"):
        evolution = _evolution(files[label]) if label in files else None
        if evolution is not None:
            files[f"{label}/evolution"] = evolution
    return files


def _evolution(forecast: Path) -> Path | None:
    """The file that a file of forecast errors stands on in turn."""
    document = read_toml(forecast, [])
    common = {} if document is None else document.values.get("errors", {}).get("load_common", {})
    name = common.get("evolution")
    return forecast.parent / name if isinstance(name, str) else None


def file_digest(file: Path) -> bytes:
    """SHA-256 of a file's content."""
    return sha256(file.read_bytes()).digest()


def document_hash(
    document: Mapping[str, Any], folder: Path, digest: Callable[[Path], bytes] = file_digest
) -> str:
    """SHA-256 of a scenario's content: its keys, and the files that it stands on.

    Parameters
    ----------
    document : mapping
    folder : Path
    digest : callable
        Digest of a file; a caller with many similar documents remembers them.

    Returns
    -------
    str
        Hexadecimal.
    """
    whole = sha256(json.dumps(document, sort_keys=True, default=str).encode())
    files = scenario_files(document, folder)
    for name in sorted(files):
        whole.update(f"\x1f{name}\x1f".encode())
        whole.update(digest(files[name]))
    return whole.hexdigest()
