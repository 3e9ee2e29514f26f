"""Files that a scenario stands on, and the hash over all that it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

# Where a scenario document names a file, and under which label its content is hashed.
NAMED = (("schedule", "file", "schedule"), ("forecast", "errors", "forecast"))
NAMED += (("demand", "fitted", "fitted"),)


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
    return files


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
