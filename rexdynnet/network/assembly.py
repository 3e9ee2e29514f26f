"""Bookkeeping while tables become a network: findings, places and references."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from rexdynnet.errors import Finding
from rexdynnet.network import spec
from rexdynnet.network.entries import Entry, nearest, section, sections
from rexdynnet.network.fields import Lines, Record
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.network.tables import Tables

Kind = TypeVar("Kind", bound=Record)


@dataclass
class Assembly:
    """What one build collects: the findings, and where everything was written.

    Parameters
    ----------
    tables : Tables
    findings : list of Finding
    places : dict
        Where each node and component was written.
    lines_of : dict
        The lines of each name in nodes.csv.
    """

    tables: Tables
    findings: list[Finding]
    places: dict[tuple[str, str], Entry] = field(default_factory=dict)
    lines_of: dict[str, Lines] = field(default_factory=dict)

    def parse(self, kind: type[Kind], entry: Entry) -> Kind | None:
        """Turn an entry into a record, or into findings."""
        return parse(kind, entry, self.findings)

    def one(self, kind: type[Kind], name: str) -> Kind:
        """Record of a `[name]` section; its defaults where it is absent or wrong."""
        entry = to_si(kind, section(self.tables.document, name, self.findings), self.findings)
        self.places["section", name] = entry
        return self.parse(kind, entry) or kind.model_validate({})

    def many(self, kind: type[Kind], name: str) -> list[tuple[Kind, Entry]]:
        """Records of all `[[name]]` sections that are sound."""
        pairs: list[tuple[Kind, Entry]] = []
        for raw in sections(self.tables.document, name, self.findings):
            entry = to_si(kind, raw, self.findings)
            record = self.parse(kind, entry)
            if record is not None:
                pairs.append((record, entry))
        return pairs

    def defaults(self, kind: type[Record], name: str) -> dict[str, Any]:
        """Sound fields of `[defaults.name]`, in SI."""
        raw = section(self.tables.document, f"defaults.{name}", self.findings)
        entry = to_si(kind, raw, self.findings)
        probe: list[Finding] = []
        parse(kind, entry, probe)
        wrong = [finding for finding in probe if finding.field in entry.values]
        self.findings += wrong
        fields = {finding.field for finding in wrong}
        return {key: value for key, value in entry.values.items() if key not in fields}

    def report(
        self, entry: Entry, what: str, remedy: str, column: str, name: str | None = None
    ) -> None:
        """Add a finding at a place."""
        self.findings.append(entry.finding(what, remedy, column, name))

    def remember(self, kind: str, name: str, entry: Entry) -> None:
        """Note where a name was written; a second time is a finding."""
        known = self.places.get((kind, name))
        if known is None:
            self.places[kind, name] = entry
            return
        where = f"row {known.row} of {known.file.name}" if known.file else "earlier"
        remedy = "give each its own name (column name, or key name)"
        self.report(
            entry, f"the name '{name}' is used twice, first in {where}", remedy, "name", name
        )

    def node(self, name: str, line: spec.Line, entry: Entry, column: str) -> str | None:
        """Resolve a reference: a node by its full name, or the node of a place on this line."""
        if name in self.lines_of and self.lines_of[name] is not Lines.BOTH:
            return name
        full = f"{name}_{line.value}"
        for candidate in (name, full):
            if ("node", candidate) in self.places:
                return candidate
        hint = nearest(name, self.lines_of)
        self.report(entry, f"the node '{name}' does not exist", hint, column)
        return None

    def terminals(self, record: Any, entry: Entry) -> tuple[str, str] | None:
        """Supply and return node of a component that stands between the lines."""
        if record.node is not None and (record.supply_node or record.return_node):
            remedy = "give node, or supply_node and return_node"
            self.report(entry, "node and supply_node are both given", remedy, "node")
            return None
        supply, back = record.supply_node or record.node, record.return_node or record.node
        if supply is None or back is None:
            column = "supply_node" if supply is None else "return_node"
            if record.supply_node is None and record.return_node is None:
                column = "node"
            remedy = "give node, or supply_node and return_node"
            self.report(entry, f"{column} is missing", remedy, column, record.name)
            return None
        column = "node" if record.node else "supply_node"
        first = self.node(supply, spec.Line.SUPPLY, entry, column)
        if first is None and supply == back:
            return None
        second = self.node(back, spec.Line.RETURN, entry, "node" if record.node else "return_node")
        return (first, second) if first is not None and second is not None else None
