"""From a scenario file to a `SimulationScenario`, with every defect named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, nearest, read_toml, section, sections
from rexdynnet.network.fields import Record
from rexdynnet.network.graph import Network
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.network.read import read_network
from rexdynnet.network.write import toml_text
from rexdynnet.simulation.demand import Diversity, HeatLoad
from rexdynnet.simulation.weather import GroundModel, read_reference_year
from rexdynnet.study.forecast_error import read_forecast
from rexdynnet.study.operation import DailySchedule, Operation, PlantOperation, schedulable
from rexdynnet.study.overrides import overridden
from rexdynnet.study.presence import Presence
from rexdynnet.study.records import (
    DemandRecord,
    DiversityRecord,
    HeadRecord,
    LoadRecord,
    OperationRecord,
    PlantOperationRecord,
    PresenceRecord,
    ScheduleRecord,
    SimulationRecord,
    TimeRecord,
    WeatherRecord,
)
from rexdynnet.study.run_records import SECTIONS as RUN_SECTIONS
from rexdynnet.study.run_records import read_faults, run_sections
from rexdynnet.study.run_settings import FaultKind
from rexdynnet.study.scenario import (
    Demand,
    LoadRule,
    SimulationScenario,
    loads_of,
    parameter_values,
)
from rexdynnet.study.scenario_files import document_hash
from rexdynnet.units import split_unit

Kind = TypeVar("Kind", bound=Record)

_MOST_ROWS = 2e6
_SECTIONS = ("time", "simulation", "weather", "demand", "operation", "parameters", *RUN_SECTIONS)


def scenario_from_file(
    path: Path, overrides: Mapping[str, object] | None = None
) -> SimulationScenario:
    """Read and check a scenario file and its network; see `read_scenario`."""
    findings: list[Finding] = []
    document = read_toml(path, findings)
    if document is None:
        raise InputError(*findings)
    document = overridden(document, overrides or {}, findings)
    head = _record(HeadRecord, _head(document, findings), findings)
    time = _record(TimeRecord, _section(document, "time", findings), findings)
    simulation = _record(SimulationRecord, _section(document, "simulation", findings), findings)
    weather = _optional(WeatherRecord, document, "weather", findings)
    source = _weather(weather, document, path, findings)
    fmu = None if simulation is None or simulation.fmu is None else path.parent / simulation.fmu
    if fmu is not None and not fmu.is_file():
        remedy = "check the path, or write it with `rexdynnet convert NETWORK FILE.fmu`"
        findings.append(Finding(f"the FMU {fmu} does not exist", remedy, path, field="fmu"))
    demand = _demand(document, path, findings)
    values = _parameters(document, findings)
    network = _network(head, path, findings)
    operation = _operation(document, network, findings)
    closed_loop = run_sections(document, path, findings)
    if closed_loop is not None:
        faults = closed_loop.faults
    else:
        faults = read_faults(document, findings) if "control" not in document.values else ()
        findings += [
            document.finding(
                f"the sensor {fault.name} falls silent, but a simulation has no sensors",
                'add a section [control] with kind = "baseline"',
                "faults",
            )
            for fault in faults
            if fault.kind is FaultKind.SENSOR
        ]
    series = tuple(path.parent / name for name in head.series) if head else ()
    for file in series:
        if not file.is_file():
            findings.append(
                Finding(f"the series {file} does not exist", "check the path", path, field="series")
            )
    if time and time.duration / time.output_step > _MOST_ROWS:
        findings.append(
            document.finding(
                f"an output every {time.output_step:g} s makes "
                f"{time.duration / time.output_step:.0f} rows",
                "give a longer output_step",
                "time.output_step",
            )
        )
    if findings or not (head and time and simulation and network):
        raise InputError(*findings)
    try:
        parameter_values(network, values)
        if demand is not None:
            loads_of(network, demand)
    except InputError as error:
        raise InputError(*(replace(finding, file=path) for finding in error.findings)) from None
    ground = GroundModel()
    if weather is not None:
        ground = GroundModel(weather.ground_depth_m, weather.ground_diffusivity_m2_per_s)
    return SimulationScenario(
        name=head.name or path.stem,
        network=network,
        start_utc=time.start_utc,
        duration_s=time.duration,
        output_step_s=time.output_step,
        method=simulation.method,
        fmu=fmu,
        weather=source,
        ground=ground,
        demand=demand,
        operation=operation,
        series=series,
        parameters=values,
        faults=faults,
        seed=head.seed,
        description=head.description,
        source=path,
        closed_loop=closed_loop,
        hash=document_hash(document.values, path.parent),
        text=toml_text(document.values) if overrides else path.read_text(encoding="utf-8"),
    )


def _head(document: Entry, findings: list[Finding]) -> Entry:
    known = (*_SECTIONS, *HeadRecord.model_fields)
    values = {key: value for key, value in document.values.items() if key not in _SECTIONS}
    for key in [key for key in values if key not in known]:
        findings.append(document.finding(f"{key} is not a known key", nearest(key, known), key))
        del values[key]
    return replace(document, values=values)


def _record(kind: type[Kind], entry: Entry, findings: list[Finding]) -> Kind | None:
    before = len(findings)
    converted = to_si(kind, entry, findings)
    record = parse(kind, converted, findings)
    return record if len(findings) == before else None


def _optional(kind: type[Kind], document: Entry, name: str, findings: list[Finding]) -> Kind | None:
    if name not in document.values:
        return None
    return _record(kind, _section(document, name, findings), findings)


def _weather(
    record: WeatherRecord | None, document: Entry, path: Path, findings: list[Finding]
) -> int | Path | None:
    """Region or file of the typical year."""
    if record is None:
        return None
    if (record.region is None) is (record.file is None):
        remedy = 'give one of them, as region = 4 or file = "place.epw"'
        findings.append(
            document.finding("[weather] needs a region or a file", remedy, "weather.region")
        )
        return None
    if record.file is None:
        return record.region
    source = path.parent / record.file
    try:
        read_reference_year(source)
    except InputError as error:
        findings += error.findings
    return source


def _section(
    document: Entry, name: str, findings: list[Finding], *, without: tuple[str, ...] = ()
) -> Entry:
    entry = section(document, name, findings)
    values = {key: value for key, value in entry.values.items() if key not in without}
    return replace(entry, values=values)


def _demand(document: Entry, path: Path, findings: list[Finding]) -> Demand | None:
    if "demand" not in document.values:
        return None
    nested = ("substations", "diversity", "presence")
    own = _record(DemandRecord, _section(document, "demand", findings, without=nested), findings)
    spread = _record(DiversityRecord, _section(document, "demand.diversity", findings), findings)
    base = _load_rule(own or DemandRecord(), LoadRule(HeatLoad(0.0)))
    rules: dict[str, LoadRule] = {}
    shaped: list[str] = []
    for name in section(document, "demand.substations", findings).values:
        entry = _section(document, f"demand.substations.{name}", findings)
        record = _record(LoadRecord, entry, findings)
        if record is not None:
            rules[name] = _load_rule(record, base)
            shaped += [f"substations.{name}.{key}" for key in _shape(record)]
    if own is not None and own.annual_heat_J is not None and own.full_load_hours is not None:
        findings.append(
            document.finding(
                "demand has both annual heat and full load hours", "keep one of them", "demand"
            )
        )
    diversity = Diversity(**spread.model_dump()) if spread else Diversity()
    presence = _presence(document, findings)
    if own is None or own.fitted is None:
        return Demand(base, rules, diversity, presence=presence)
    profile = [*_shape(own), *shaped]
    profile += ["diversity"] if "diversity" in section(document, "demand", findings).values else []
    if profile:
        what = f"demand has both a fitted load and {', '.join(profile)} of standard profiles"
        findings.append(document.finding(what, "keep one of them", "demand.fitted"))
    try:
        return Demand(base, rules, diversity, read_forecast(path.parent / own.fitted), presence)
    except InputError as error:
        findings += error.findings
        return None


def _presence(document: Entry, findings: list[Finding]) -> Presence | None:
    if "presence" not in section(document, "demand", findings).values:
        return None
    entry = _section(document, "demand.presence", findings)
    record = _record(PresenceRecord, entry, findings)
    if record is None:
        return None
    try:
        return Presence(record.away_share, record.away / 3600.0, record.remaining_share)
    except InputError as error:
        findings += [replace(finding, file=document.file) for finding in error.findings]
        return None


def _shape(record: LoadRecord) -> list[str]:
    """Keys that shape a standard profile."""
    return [k for k in ("building", "construction", "windy") if getattr(record, k) is not None]


def _load_rule(record: LoadRecord, base: LoadRule) -> LoadRule:
    load = base.load
    hours = base.full_load_hours
    if record.annual_heat_J is not None:
        load, hours = replace(load, annual_heat_J=record.annual_heat_J), None
    if record.full_load_hours is not None:
        hours = record.full_load_hours
    given = {"kind": record.building, "construction": record.construction, "windy": record.windy}
    changed = {key: value for key, value in given.items() if value is not None}
    return LoadRule(replace(load, **changed), hours)


def _operation(document: Entry, network: Network | None, findings: list[Finding]) -> Operation:
    nested = ("plants", "schedules")
    entry = _section(document, "operation", findings, without=nested)
    record = _record(OperationRecord, entry, findings) or OperationRecord()
    plants: dict[str, PlantOperation] = {}
    known = [plant.name for plant in network.plants] if network else None
    for name in section(document, "operation.plants", findings).values:
        own = _section(document, f"operation.plants.{name}", findings)
        plant = _record(PlantOperationRecord, own, findings)
        if known is not None and name not in known:
            findings.append(own.finding(f"there is no plant {name!r}", nearest(name, known)))
        if plant is not None:
            plants[name] = PlantOperation(**plant.model_dump())
    operation = section(document, "operation", findings)
    schedules = [
        _schedule(e, network, findings) for e in sections(operation, "schedules", findings)
    ]
    return Operation(
        record.outdoor_averaging, plants, tuple(entry for entry in schedules if entry is not None)
    )


def _schedule(
    entry: Entry, network: Network | None, findings: list[Finding]
) -> DailySchedule | None:
    record = _record(ScheduleRecord, entry, findings)
    if record is None or network is None:
        return None
    name, unit = split_unit(record.signal)
    known = {signal.name: signal for signal in schedulable(network)}
    signal = known.get(name)
    if signal is None:
        what = f"{name!r} is neither a control nor waste heat of the network"
        findings.append(entry.finding(what, nearest(name, known), "signal"))
        return None
    if unit.si != signal.unit:
        what = f"{record.signal} is in {unit.si}, {name} is in {signal.unit}"
        findings.append(entry.finding(what, "end the name with its unit", "signal"))
        return None
    try:
        return DailySchedule(name, record.hours, tuple(unit.to_si(v) for v in record.values))
    except InputError as error:
        findings.extend(entry.finding(f.what, f.remedy, "hours") for f in error.findings)
        return None


def _parameters(document: Entry, findings: list[Finding]) -> dict[str, float]:
    entry = section(document, "parameters", findings)
    values: dict[str, float] = {}
    for name, value in entry.values.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            stem, unit = split_unit(name)
            values[stem] = unit.to_si(float(value))
        else:
            findings.append(
                entry.finding(
                    f"{name} is {value!r}",
                    'write it as "pipe.loss_factor" = 1.5, the name in quotes',
                    name,
                )
            )
    return values


def _network(head: HeadRecord | None, path: Path, findings: list[Finding]) -> Network | None:
    if head is None:
        return None
    try:
        return read_network(path.parent / head.network)
    except InputError as error:
        findings.extend(error.findings)
        return None
