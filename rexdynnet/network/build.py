"""From tables to a network: every row becomes records, every name is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf, sqrt
from typing import Any, TypeVar

from rexdynnet.errors import Finding
from rexdynnet.network import records, spec
from rexdynnet.network.design import design_flow
from rexdynnet.network.entries import Entry, nearest, section, sections
from rexdynnet.network.graph import Network
from rexdynnet.network.records import Lines, parse, to_si
from rexdynnet.network.tables import Places, Tables
from rexdynnet.network.trenches import complete, pipe_of, read_pipe_types
from rexdynnet.units import split_unit

VALVE_RESERVE = 1.2
"""Flow of a valve that no file sizes, over its design flow at the promised pressure."""

Kind = TypeVar("Kind", bound=records.Record)


@dataclass
class _Build:
    """What one build collects: the findings, and where everything was written."""

    tables: Tables
    findings: list[Finding]
    places: dict[tuple[str, str], Entry] = field(default_factory=dict)
    lines_of: dict[str, Lines] = field(default_factory=dict)

    def parse(self, kind: type[Kind], entry: Entry) -> Kind | None:
        return parse(kind, entry, self.findings)

    def one(self, kind: type[Kind], name: str) -> Kind:
        entry = to_si(kind, section(self.tables.document, name, self.findings), self.findings)
        self.places["section", name] = entry
        return self.parse(kind, entry) or kind.model_validate({})

    def many(self, kind: type[Kind], name: str) -> list[tuple[Kind, Entry]]:
        pairs: list[tuple[Kind, Entry]] = []
        for raw in sections(self.tables.document, name, self.findings):
            entry = to_si(kind, raw, self.findings)
            record = self.parse(kind, entry)
            if record is not None:
                pairs.append((record, entry))
        return pairs

    def defaults(self, kind: type[records.Record], name: str) -> dict[str, Any]:
        entry = section(self.tables.document, f"defaults.{name}", self.findings)
        return dict(to_si(kind, entry, self.findings).values)

    def remember(self, kind: str, name: str, entry: Entry) -> None:
        known = self.places.get((kind, name))
        if known is None:
            self.places[kind, name] = entry
            return
        where = f"row {known.row} of {known.file.name}" if known.file else "earlier"
        remedy = "give each its own name (column name, or key name)"
        self.findings.append(
            entry.finding(f"the name '{name}' is used twice, first in {where}", remedy, "name", name)
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
        self.findings.append(entry.finding(f"the node '{name}' does not exist", hint, column))
        return None

    def terminals(self, record: Any, entry: Entry, default: str | None) -> tuple[str, str] | None:
        """Supply and return node of a component that stands between the lines."""
        if record.node is not None and (record.supply_node or record.return_node):
            remedy = "give node, or supply_node and return_node"
            self.findings.append(entry.finding("node and supply_node are both given", remedy, "node"))
            return None
        place = record.node or (None if record.supply_node or record.return_node else default)
        supply, back = record.supply_node or place, record.return_node or place
        if supply is None or back is None:
            column = "supply_node" if supply is None else "return_node"
            if record.supply_node is None and record.return_node is None:
                column = "node"
            remedy = "give node, or supply_node and return_node"
            self.findings.append(entry.finding(f"{column} is missing", remedy, column, record.name))
            return None
        column = "node" if record.node else "supply_node"
        first = self.node(supply, spec.Line.SUPPLY, entry, column)
        if first is None and supply == back:
            return None
        second = self.node(back, spec.Line.RETURN, entry, "node" if record.node else "return_node")
        return (first, second) if first is not None and second is not None else None


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
    work = _Build(tables, findings)
    name = tables.document.values.get("name")
    if not isinstance(name, str) or not name.strip():
        findings.append(
            tables.document.finding("the network has no name", 'add name = "..." at the top', "name")
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
        substations=_substations(work, empty),
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


def _heating_curve(work: _Build) -> spec.HeatingCurve:
    record = work.one(records.HeatingCurveRecord, "heating_curve")
    entry = work.places["section", "heating_curve"]
    if not record.outdoor_K and not record.supply_K:
        return spec.HeatingCurve()
    if len(record.outdoor_K) != len(record.supply_K):
        work.findings.append(
            entry.finding(
                f"there are {len(record.outdoor_K)} outdoor and {len(record.supply_K)} supply "
                "temperatures",
                "give as many supply as outdoor temperatures",
                "supply_K",
            )
        )
    return spec.HeatingCurve(tuple(zip(record.outdoor_K, record.supply_K, strict=False)))


def _nodes(work: _Build) -> tuple[spec.Node, ...]:
    defaults = work.defaults(records.NodeRow, "nodes")
    nodes: list[spec.Node] = []
    for raw in work.tables.nodes:
        entry = to_si(records.NodeRow, raw, work.findings)
        row = work.parse(
            records.NodeRow, replace(entry, values={**defaults, **entry.values})
        )
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
            work.remember("node", made[0].name, entry)
            continue
        work.lines_of[row.node] = row.line
        for node in made:
            work.remember("node", node.name, entry)
        nodes.extend(made)
    return tuple(nodes)


def _pipes(work: _Build, ground: spec.Ground) -> tuple[spec.Pipe, ...]:
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


_RETURN_LAW = ("return_temperature_K", "cooling_difference_K", "exchanger_ua_W_per_K")


def _substations(work: _Build, network: Network) -> tuple[spec.Substation, ...]:
    defaults = work.defaults(records.SubstationRow, "substations")
    substations: list[spec.Substation] = []
    for raw in work.tables.substations:
        entry = to_si(records.SubstationRow, raw, work.findings)
        base = dict(defaults)
        if any(key in entry.values for key in _RETURN_LAW):
            base = {key: value for key, value in base.items() if key not in _RETURN_LAW}
        entry = replace(entry, values={**base, **entry.values})
        row = work.parse(records.SubstationRow, entry)
        if row is None:
            continue
        law, building = _return_law(work, row, entry), _building(work, row, entry)
        ends = work.terminals(row, entry, None)
        name = row.name or row.node
        if name is None:
            work.findings.append(entry.finding("name is missing", "add the column name", "name"))
        if ends is None or law is None or name is None:
            continue
        made = spec.Substation(
            name=name,
            supply_node=ends[0],
            return_node=ends[1],
            design_heat_W=row.design_heat_W,
            valve_kv_kg_per_s=row.valve_kv_kg_per_s or 0.0,
            control=row.control,
            return_law=law,
            minimum_differential_pressure_Pa=row.minimum_differential_pressure_Pa,
            minimum_supply_temperature_K=row.minimum_supply_temperature_K,
            priority=row.priority,
            building=building,
        )
        work.remember("component", name, entry)
        substations.append(_with_valve(made, row, network))
    return tuple(substations)


def _with_valve(
    made: spec.Substation, row: records.SubstationRow, network: Network
) -> spec.Substation:
    if row.valve_kv_kg_per_s is not None:
        return made
    if row.valve_kv_m3_per_s is not None:
        # Kv is stated for water of 1000 kg/m3
        kv = row.valve_kv_m3_per_s * sqrt(1000.0 * network.fluid.density_kg_per_m3)
    else:
        promised = max(made.minimum_differential_pressure_Pa, 1.0e3)
        kv = VALVE_RESERVE * design_flow(network, made) / sqrt(promised / 1.0e5)
    return replace(made, valve_kv_kg_per_s=kv)


def _return_law(
    work: _Build, row: records.SubstationRow, entry: Entry
) -> spec.ReturnLaw | None:
    given = [key for key in _RETURN_LAW if getattr(row, key) is not None]
    if len(given) > 1:
        remedy = "keep one: a fixed return temperature, a fixed cooling, or an exchanger"
        work.findings.append(
            entry.finding(f"{' and '.join(given)} are both given", remedy, given[1], row.name)
        )
        return None
    if row.cooling_difference_K is not None:
        return spec.FixedCooling(row.cooling_difference_K)
    if row.exchanger_ua_W_per_K is not None:
        secondary = {
            key: value
            for key, value in (
                ("secondary_supply_K", row.secondary_supply_temperature_K),
                ("secondary_return_K", row.secondary_return_temperature_K),
            )
            if value is not None
        }
        return spec.Exchanger(row.exchanger_ua_W_per_K, **secondary)
    if row.return_temperature_K is not None:
        return spec.FixedReturn(row.return_temperature_K)
    remedy = "add return_temperature_degC, cooling_difference_K or exchanger_ua_W_per_K"
    work.findings.append(
        entry.finding("nothing says how warm the water returns", remedy, given_column(), row.name)
    )
    return None


def given_column() -> str:
    """Column named where no return law is given."""
    return _RETURN_LAW[0]


def _building(
    work: _Build, row: records.SubstationRow, entry: Entry
) -> spec.Building | None:
    fields = {
        "capacity_J_per_K": row.building_capacity_J_per_K,
        "loss_W_per_K": row.building_loss_W_per_K,
        "setpoint_K": row.building_setpoint_temperature_K,
        "band_K": row.building_band_K,
        "solar_area_m2": row.building_solar_area_m2,
    }
    given = {key: value for key, value in fields.items() if value is not None}
    if not given:
        return None
    if row.building_capacity_J_per_K is None or row.building_loss_W_per_K is None:
        lacking = "building_capacity_J_per_K" if "capacity_J_per_K" not in given else None
        column = lacking or "building_loss_W_per_K"
        work.findings.append(
            entry.finding(f"{column} is missing", f"add {column}", column, row.name)
        )
        return None
    return spec.Building(**given)


def _between(work: _Build, kind: type[Any], made: type[Any], name: str) -> tuple[Any, ...]:
    components: list[Any] = []
    for record, entry in work.many(kind, name):
        ends = work.terminals(record, entry, None)
        if ends is None:
            continue
        body = _given(record, "node", "supply_node", "return_node")
        components.append(made(supply_node=ends[0], return_node=ends[1], **body))
        work.remember("component", record.name, entry)
    return tuple(components)


def _joint(work: _Build, record: Any, entry: Entry) -> tuple[str, str] | None:
    """Ends of a pump or valve, which may lie in either line; places mean the supply line."""
    first = work.node(record.from_node, spec.Line.SUPPLY, entry, "from_node")
    second = work.node(record.to_node, spec.Line.SUPPLY, entry, "to_node")
    return (first, second) if first is not None and second is not None else None


def _pumps(work: _Build) -> tuple[spec.Pump, ...]:
    pumps: list[spec.Pump] = []
    for record, entry in work.many(records.PumpRecord, "pumps"):
        ends = _joint(work, record, entry)
        if ends is not None:
            curve = spec.PumpCurve(**_given(record, "name", "from_node", "to_node"))
            pumps.append(spec.Pump(record.name, *ends, curve))
            work.remember("component", record.name, entry)
    return tuple(pumps)


def _valves(work: _Build) -> tuple[spec.Valve, ...]:
    valves: list[spec.Valve] = []
    for record, entry in work.many(records.ValveRecord, "valves"):
        ends = _joint(work, record, entry)
        if ends is not None:
            body = _given(record, "name", "from_node", "to_node")
            valves.append(spec.Valve(record.name, *ends, **body))
            work.remember("component", record.name, entry)
    return tuple(valves)


def _holdings(work: _Build) -> tuple[spec.PressureHolding, ...]:
    holdings: list[spec.PressureHolding] = []
    for record, entry in work.many(records.HoldingRecord, "pressure_holding"):
        node = work.node(record.node, spec.Line.RETURN, entry, "node")
        if node is not None:
            holdings.append(spec.PressureHolding(node, **_given(record, "node")))
            work.places["holding", str(len(holdings) - 1)] = entry
    return tuple(holdings)


def _outages(work: _Build) -> tuple[spec.Outage, ...]:
    outages: list[spec.Outage] = []
    for record, entry in work.many(records.OutageRecord, "outages"):
        work.places["outage", str(len(outages))] = entry
        outages.append(spec.Outage(**_given(record)))
    return tuple(outages)


def _limits(work: _Build) -> tuple[spec.DatedLimit, ...]:
    known = {split_unit(limited.value)[0]: limited for limited in spec.Limited}
    limits: list[spec.DatedLimit] = []
    for record, entry in work.many(records.LimitRecord, "limits"):
        stem, unit = split_unit(record.quantity)
        limited = known.get(stem)
        if limited is None or split_unit(limited.value)[1].si != unit.si:
            hint = nearest(record.quantity, [item.value for item in spec.Limited])
            work.findings.append(
                entry.finding(
                    f"the quantity '{record.quantity}' is unknown", hint, "quantity", record.component
                )
            )
            continue
        lower = -inf if record.lower is None else unit.to_si(record.lower)
        upper = inf if record.upper is None else unit.to_si(record.upper)
        work.places["limit", str(len(limits))] = entry
        limits.append(
            spec.DatedLimit(record.component, limited, record.start, record.end, lower, upper)
        )
    return tuple(limits)
