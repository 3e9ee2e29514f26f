"""The tables that make up a network, before their rows mean anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

from rexdynnet.errors import Finding
from rexdynnet.network.entries import Entry, nearest, read_table, read_toml

Places: TypeAlias = Mapping[tuple[str, str], Entry]
"""Where things were written: ("node" | "component" | "holding" | ..., name) to entry."""

DOCUMENT = "network.toml"
NODES = "nodes.csv"
PIPES = "pipes.csv"
SUBSTATIONS = "substations.csv"

SECTIONS = frozenset(
    {
        "name",
        "provenance",
        "fluid",
        "ground",
        "heating_curve",
        "defaults",
        "pipe_types",
        "plants",
        "tanks",
        "dumps",
        "pumps",
        "valves",
        "bypasses",
        "pressure_holding",
        "outages",
        "limits",
    }
)


@dataclass(frozen=True)
class Tables:
    """One network as it was written.

    Parameters
    ----------
    document : Entry
        The content of network.toml.
    nodes, pipes, substations : tuple of Entry
    """

    document: Entry
    nodes: tuple[Entry, ...]
    pipes: tuple[Entry, ...]
    substations: tuple[Entry, ...]


def read_folder(folder: Path, findings: list[Finding]) -> Tables | None:
    """Read the four files of a network folder.

    Parameters
    ----------
    folder : Path
    findings : list of Finding

    Returns
    -------
    Tables or None
        None where network.toml cannot be read.
    """
    document = read_toml(folder / DOCUMENT, findings)
    nodes = read_table(folder / NODES, findings)
    pipes = read_table(folder / PIPES, findings)
    substations = read_table(folder / SUBSTATIONS, findings)
    if document is None:
        return None
    check_sections(document, findings)
    return Tables(document, nodes, pipes, substations)


def check_sections(document: Entry, findings: list[Finding]) -> None:
    """Find top-level keys of network.toml that mean nothing.

    Parameters
    ----------
    document : Entry
    findings : list of Finding
    """
    for key in document.values:
        if key not in SECTIONS:
            row = document.rows.get(key, document.rows.get(f"{key}.0"))
            findings.append(
                Finding(
                    f"{key} is not a known section", nearest(key, SECTIONS), document.file, row, key
                )
            )
    defaults = document.values.get("defaults", {})
    for key in cast(Mapping[str, Any], defaults) if isinstance(defaults, Mapping) else ():
        if key not in ("nodes", "pipes", "substations"):
            name = f"defaults.{key}"
            findings.append(
                document.finding(
                    f"{name} is not a known section",
                    nearest(str(key), ("nodes", "pipes", "substations")),
                    name,
                )
            )
