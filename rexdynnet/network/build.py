"""From tables to a network: every row becomes records, every name is looked up."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

from rexdynnet.errors import Finding
from rexdynnet.network import records, spec
from rexdynnet.network.assembly import Assembly
from rexdynnet.network.connections import read_substations
from rexdynnet.network.entries import Entry, nearest
from rexdynnet.network.graph import Network
from rexdynnet.network.parsing import to_si
from rexdynnet.network.tables import Places, Tables
from rexdynnet.network.trenches import complete, pipe_of, read_pipe_types
from rexdynnet.units import split_unit


def build(tables: Tables, findings: list[Finding]) -> tuple[Network, Places] | None:
    """Build the network that tables describe.

    Parameters
    ----------
    tables : Tables
    findings : list of Finding
        Gets everything that stops a row from becoming a component.

    Returns
    -------
    (Network, Places) or None
        None where anything is wrong; `Places` then would not match.
    """
    work = Assembly(tables, findings)
    work.places["section", "document"] = tables.document
    name = tables.document.values.get("name")
    if not isinstance(name, str) or not name.strip():
        findings.append(
            tables.document.finding(
                "the network has no name", 'add name = "..." at the top', "name"
            )
        )
        name = "network"
    provenance = work.one(records.ProvenanceRecord, "provenance")
    fluid = spec.Fluid(**work.one(records.FluidRecord, "fluid").model_dump())
    ground = spec.Ground(**work.one(records.GroundRecord, "ground").model_dump())
    curve = _heating_curve(work)
    nodes = _nodes(work)
    pipes = _pipes(work, ground)
    empty = Network(name, nodes, pipes, (), (), (), fluid=fluid, ground=ground, heating_curve=curve)
    network = replace(
        empty,
        substations=read_substations(work, empty),
        plants=_between(work, records.PlantRecord, spec.Plant, "plants"),
        tanks=_between(work, records.TankRecord, spec.Tank, "tanks"),
        dumps=_between(work, records.DumpRecord, spec.Dump, "dumps"),
        bypasses=_between(work, records.BypassRecord, spec.Bypass, "bypasses"),
        pumps=_pumps(work),
        valves=_valves(work),
        holdings=_holdings(work),
        outages=_outages(work),
        limits=_limits(work),
        provenance=spec.Provenance(**provenance.model_dump()),
    )
    return None if findings else (network, work.places)


def _given(record: records.Record, *without: str) -> dict[str, Any]:
    return {
        key: value
        for key in type(record).model_fields
        if key not in without and (value := getattr(record, key)) is not None
    }


def _heating_curve(work: Assembly) -> spec.HeatingCurve:
    record = work.one(records.HeatingCurveRecord, "heating_curve")
    entry = work.places["section", "heating_curve"]
    if not record.outdoor_K and not record.supply_K:
        return spec.HeatingCurve()
    if len(record.outdoor_K) != len(record.supply_K):
        work.report(
            entry,
            f"there are {len(record.outdoor_K)} outdoor and {len(record.supply_K)} supply "
            "temperatures",
            "give as many supply as outdoor temperatures",
            "supply_K",
        )
    return spec.HeatingCurve(tuple(zip(record.outdoor_K, record.supply_K, strict=False)))


def _nodes(work: Assembly) -> tuple[spec.Node, ...]:
    defaults = work.defaults(records.NodeRow, "nodes")
    nodes: list[spec.Node] = []
    for raw in work.tables.nodes:
        entry = to_si(records.NodeRow, raw, work.findings)
        row = work.parse(records.NodeRow, replace(entry, values={**defaults, **entry.values}))
        if row is None:
            continue
        body = {key: getattr(row, key) for key in ("x_m", "y_m", "elevation_m", "volume_m3")}
        if row.line.line is not None:
            made = [spec.Node(row.node, row.line.line, place=row.place, **body)]
        else:
            made = [
                spec.Node(f"{row.node}_{line.value}", line, place=row.node, **body)
                for line in spec.Line
            ]
        if row.node in work.lines_of:
            remedy = "give each its own name"
            work.report(entry, f"the node '{row.node}' stands twice", remedy, "node", row.node)
            continue
        work.lines_of[row.node] = row.line
        for node in made:
            work.remember("node", node.name, entry)
        nodes.extend(made)
    return tuple(nodes)


def _pipes(work: Assembly, ground: spec.Ground) -> tuple[spec.Pipe, ...]:
    types = read_pipe_types(work.tables.document, work.findings)
    defaults = work.defaults(records.PipeRow, "pipes")
    pipes: list[spec.Pipe] = []
    for raw in work.tables.pipes:
        entry = to_si(records.PipeRow, raw, work.findings)
        entry = complete(entry, defaults, types, work.findings)
        row = work.parse(records.PipeRow, entry)
        if row is None:
            continue
        label = row.name or f"{row.from_node}-{row.to_node}"
        pattern = pipe_of(row, entry, ground, work.findings, label)
        single = row.line.line
        lines = tuple(spec.Line) if single is None else (single,)
        for line in lines:
            first = work.node(row.from_node, line, entry, "from_node")
            second = work.node(row.to_node, line, entry, "to_node")
            if first is None or second is None:
                break
            if pattern is None:
                continue
            name = label if single is not None and row.name else f"{label}_{line.value}"
            pipe = replace(pattern, name=name, line=line, from_node=first, to_node=second)
            if single is None:
                other = spec.Line.RETURN if line is spec.Line.SUPPLY else spec.Line.SUPPLY
                pipe = replace(pipe, partner=f"{label}_{other.value}", trench=label)
                if line is spec.Line.RETURN:
                    pipe = replace(pipe, from_node=second, to_node=first)
            work.remember("component", name, entry)
            pipes.append(pipe)
    return tuple(pipes)


def _between(work: Assembly, kind: type[Any], made: type[Any], name: str) -> tuple[Any, ...]:
    components: list[Any] = []
    for record, entry in work.many(kind, name):
        ends = work.terminals(record, entry)
        if ends is None:
            continue
        body = _given(record, "node", "supply_node", "return_node")
        components.append(made(supply_node=ends[0], return_node=ends[1], **body))
        work.remember("component", record.name, entry)
    return tuple(components)


def _joint(work: Assembly, record: Any, entry: Entry) -> tuple[str, str] | None:
    """Ends of a pump or valve, which may lie in either line; places mean the supply line."""
    first = work.node(record.from_node, spec.Line.SUPPLY, entry, "from_node")
    second = work.node(record.to_node, spec.Line.SUPPLY, entry, "to_node")
    return (first, second) if first is not None and second is not None else None


def _pumps(work: Assembly) -> tuple[spec.Pump, ...]:
    pumps: list[spec.Pump] = []
    for record, entry in work.many(records.PumpRecord, "pumps"):
        ends = _joint(work, record, entry)
        if ends is not None:
            curve = spec.PumpCurve(**_given(record, "name", "from_node", "to_node"))
            pumps.append(spec.Pump(record.name, *ends, curve))
            work.remember("component", record.name, entry)
    return tuple(pumps)


def _valves(work: Assembly) -> tuple[spec.Valve, ...]:
    valves: list[spec.Valve] = []
    for record, entry in work.many(records.ValveRecord, "valves"):
        ends = _joint(work, record, entry)
        if ends is not None:
            body = _given(record, "name", "from_node", "to_node")
            valves.append(spec.Valve(record.name, *ends, **body))
            work.remember("component", record.name, entry)
    return tuple(valves)


def _holdings(work: Assembly) -> tuple[spec.PressureHolding, ...]:
    holdings: list[spec.PressureHolding] = []
    for record, entry in work.many(records.HoldingRecord, "pressure_holding"):
        node = work.node(record.node, spec.Line.RETURN, entry, "node")
        if node is not None:
            holdings.append(spec.PressureHolding(node, **_given(record, "node")))
            work.places["holding", str(len(holdings) - 1)] = entry
    return tuple(holdings)


def _outages(work: Assembly) -> tuple[spec.Outage, ...]:
    outages: list[spec.Outage] = []
    for record, entry in work.many(records.OutageRecord, "outages"):
        work.places["outage", str(len(outages))] = entry
        outages.append(spec.Outage(**_given(record)))
    return tuple(outages)


def _limits(work: Assembly) -> tuple[spec.DatedLimit, ...]:
    known = {split_unit(limited.value)[0]: limited for limited in spec.Limited}
    limits: list[spec.DatedLimit] = []
    for record, entry in work.many(records.LimitRecord, "limits"):
        stem, unit = split_unit(record.quantity)
        limited = known.get(stem)
        if limited is None or split_unit(limited.value)[1].si != unit.si:
            hint = nearest(record.quantity, [item.value for item in spec.Limited])
            work.report(
                entry,
                f"the quantity '{record.quantity}' is unknown",
                hint,
                "quantity",
                record.component,
            )
            continue
        lower = -inf if record.lower is None else unit.to_si(record.lower)
        upper = inf if record.upper is None else unit.to_si(record.upper)
        work.places["limit", str(len(limits))] = entry
        limits.append(
            spec.DatedLimit(record.component, limited, record.start, record.end, lower, upper)
        )
    return tuple(limits)
