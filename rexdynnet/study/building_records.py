"""Tables `[[market.buildings]]` and `[[market.buildings.flats]]` of a scenario file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.building import Building, Flat
from rexdynnet.market.policies import Policy
from rexdynnet.network.entries import Entry, sections
from rexdynnet.network.fields import Name, Positive, Record
from rexdynnet.network.parsing import parse, to_si

_FLATS = "market.buildings.flats"


class BuildingRecord(Record):
    """Each `[[market.buildings]]`."""

    name: Name
    substation: Name


class FlatRecord(Record):
    """Each `[[market.buildings.flats]]`."""

    name: Name
    share: Positive


def read_buildings(
    document: Entry, policy_of: Callable[[Entry], Policy | None], findings: list[Finding]
) -> tuple[Building, ...]:
    """Read every building whose flats trade.

    Parameters
    ----------
    document : Entry
        The whole scenario file.
    policy_of : callable
        Reads a flat's `policy`; an empty one is that of the market.
    findings : list of Finding
        Gets everything that is wrong.

    Returns
    -------
    tuple of Building
    """
    found: list[Building] = []
    counted = 0
    for entry in sections(document, "market.buildings", findings):
        own = {key: value for key, value in entry.values.items() if key != "flats"}
        record = parse(
            BuildingRecord,
            to_si(BuildingRecord, replace(entry, values=own), findings),
            findings,
        )
        tables = _tables(document, entry, counted, findings)
        counted += len(tables)
        flats = [_flat(table, policy_of, findings) for table in tables]
        whole = tuple(flat for flat in flats if flat is not None)
        if record is None or len(whole) < len(flats):
            continue
        try:
            found.append(Building(record.name, record.substation, whole))
        except InputError as error:
            findings += [replace(f, file=entry.file, row=entry.row) for f in error.findings]
    return tuple(found)


def _tables(document: Entry, entry: Entry, before: int, findings: list[Finding]) -> list[Entry]:
    """A building's flats, each with its lines in the file."""
    given: Any = entry.values.get("flats", [])
    if not isinstance(given, list) or not all(
        isinstance(each, Mapping) for each in cast(list[Any], given)
    ):
        findings.append(
            entry.finding("flats is not a list of tables", f"write them as [[{_FLATS}]]", "flats")
        )
        return []
    found: list[Entry] = []
    for at, values in enumerate(cast(list[Mapping[str, Any]], given)):
        # lines are counted over all buildings of the file
        head = f"{_FLATS}.{before + at}"
        rows = {
            key[len(head) + 1 :]: row
            for key, row in document.rows.items()
            if key.startswith(f"{head}.")
        }
        found.append(Entry(values, document.file, document.rows.get(f"{head}."), rows))
    return found


def _flat(
    entry: Entry, policy_of: Callable[[Entry], Policy | None], findings: list[Finding]
) -> Flat | None:
    own = {key: value for key, value in entry.values.items() if key != "policy"}
    record = parse(FlatRecord, to_si(FlatRecord, replace(entry, values=own), findings), findings)
    given: Any = entry.values.get("policy", {})
    if not isinstance(given, Mapping):
        findings.append(
            entry.finding(
                "policy is not a table", 'write it as policy = { kind = "hedging" }', "policy"
            )
        )
        return None
    row = entry.rows.get("policy", entry.row)
    policy = policy_of(Entry(cast(Mapping[str, Any], given), entry.file, row))
    return None if record is None or policy is None else Flat(record.name, record.share, policy)
