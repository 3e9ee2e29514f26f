"""Sections of a scenario file that make it a closed-loop run, with every defect named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

from pydantic import BeforeValidator, Field

from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, section, sections
from rexdynnet.network.fields import Name, NotNegative, Positive, Record
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.study.forecast_error import ForecastErrors, read_forecast
from rexdynnet.study.market_records import market_settings
from rexdynnet.study.records import DurationField
from rexdynnet.study.run_settings import (
    Fault,
    FaultKind,
    ForecastKind,
    ForecastSettings,
    MonitorSettings,
    PriceSettings,
    RunSettings,
    ScheduleSettings,
    SensorSettings,
)
from rexdynnet.study.safety_records import safety_settings
from rexdynnet.units import parse_duration, split_unit

SECTIONS = (
    "control",
    "schedule",
    "forecast",
    "prices",
    "sensors",
    "faults",
    "monitor",
    "safety",
    "market",
)
_Kind = TypeVar("_Kind", bound=Record)


def _controller(value: Any) -> Any:
    names = {kind.name.lower(): kind for kind in ControllerKind}
    if isinstance(value, str) and value.lower() not in names:
        raise ValueError(f"the controller {value!r} is unknown|use one of {', '.join(names)}")
    return names[value.lower()] if isinstance(value, str) else value


def _forecast(value: Any) -> Any:
    names = {kind.name.lower(): kind for kind in ForecastKind}
    if isinstance(value, str) and value.lower() not in names:
        raise ValueError(f"the forecast {value!r} is unknown|use one of {', '.join(names)}")
    return names[value.lower()] if isinstance(value, str) else value


class ControlRecord(Record):
    """Section `[control]`."""

    kind: Annotated[ControllerKind, BeforeValidator(_controller)] = ControllerKind.BASELINE
    step: DurationField = 900.0
    horizon: DurationField = 24 * 3600.0
    margin: NotNegative = 0.1


class ForecastRecord(Record):
    """Section `[forecast]`."""

    kind: Annotated[ForecastKind, BeforeValidator(_forecast)] = ForecastKind.PERFECT
    errors: Name | None = None
    scale: NotNegative = 1.0


class ScheduleSection(Record):
    """Section `[schedule]`."""

    file: Name | None = None
    unit: DurationField = 3600.0
    gate: DurationField = 6 * 3600.0


class PriceRecord(Record):
    """Section `[prices]`."""

    hours: tuple[float, ...] = (0.0,)
    electricity_EUR_per_MWh: tuple[float, ...] = (180.0,)
    for_heat_pumps: bool = False
    value_of_lost_load_EUR_per_MWh: NotNegative = 3000.0
    stored_heat_EUR_per_MWh: NotNegative | None = None


class SensorRecord(Record):
    """Section `[sensors]`."""

    temperature_noise_K: NotNegative = 0.1
    pressure_noise_Pa: NotNegative = 200.0
    flow_noise_share: NotNegative = 0.005
    lag_s: NotNegative = 20.0
    dropout: Annotated[float, Field(ge=0, le=1)] = 0.0


class MonitorRecord(Record):
    """Section `[monitor]`."""

    commissioning: DurationField = 7 * 24 * 3600.0
    step: DurationField = 900.0
    sample: DurationField = 60.0
    pressure_at_substations: bool = True
    return_thermometers: bool = False
    false_alarms_per_month: Positive = 0.1
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.99
    patience: DurationField = 12 * 3600.0


class FaultRecord(Record):
    """Each `[[faults]]`; a `signal` ends with the unit of `value` where it has one."""

    signal: Name | None = None
    sensor: Name | None = None
    start: float | str = 0.0
    end: float | str
    value: float = 0.0


def run_sections(document: Entry, path: Path, findings: list[Finding]) -> RunSettings | None:
    """Read what makes a scenario a closed-loop run.

    Parameters
    ----------
    document : Entry
        The whole scenario file.
    path : Path
        Files named in it are relative to its folder.
    findings : list of Finding
        Gets everything that is wrong.

    Returns
    -------
    RunSettings or None
        None where the file has no `[control]` section, or something is wrong.
    """
    if "control" not in document.values:
        findings.extend(
            document.finding(
                f"[{name}] means nothing without a controller",
                'add a section [control] with kind = "baseline"',
                name,
            )
            for name in SECTIONS
            if name in document.values and name != "faults"
        )
        return None
    before = len(findings)
    control = _control(document, findings)
    forecast = _forecast_settings(document, path, findings)
    schedule = None
    if "schedule" in document.values:
        record = _record(ScheduleSection, section(document, "schedule", findings), findings)
        if record is not None:
            file = path.parent / record.file if record.file is not None else None
            if file is not None and not file.is_file():
                what = f"the schedule {file} does not exist"
                findings.append(Finding(what, "check the path", path, field="schedule.file"))
            schedule = ScheduleSettings(file, record.unit, record.gate)
    prices = _prices(document, findings)
    sensors = _record(SensorRecord, section(document, "sensors", findings), findings)
    faults = read_faults(document, findings)
    monitor = _monitor(document, findings)
    safety = safety_settings(document, findings)
    market = market_settings(document, findings)
    if len(findings) > before or control is None or forecast is None:
        return None
    if prices is None or safety is None:
        return None
    found = SensorSettings(**sensors.model_dump()) if sensors else SensorSettings()
    return RunSettings(control, forecast, schedule, prices, found, faults, monitor, safety, market)


def read_faults(document: Entry, findings: list[Finding]) -> tuple[Fault, ...]:
    """Read `[[faults]]`, which a simulation and a closed-loop run share.

    Parameters
    ----------
    document : Entry
        The whole scenario file.
    findings : list of Finding
        Gets everything that is wrong.

    Returns
    -------
    tuple of Fault
    """
    faults = [_fault(entry, findings) for entry in sections(document, "faults", findings)]
    return tuple(fault for fault in faults if fault is not None)


def _control(document: Entry, findings: list[Finding]) -> ControlSettings | None:
    entry = section(document, "control", findings)
    own = {k: v for k, v in entry.values.items() if k not in ("weights", "options")}
    record = _record(ControlRecord, replace(entry, values=own), findings)
    weights = section(document, "control.weights", findings)
    bad = [
        weights.finding(f"weights.{name} is {value!r}", "give a number from 0 up", name)
        for name, value in weights.values.items()
        if isinstance(value, bool) or not isinstance(value, int | float)
    ]
    findings += bad
    if record is None or bad:
        return None
    options = cast(Mapping[str, object], section(document, "control.options", findings).values)
    try:
        return ControlSettings(
            record.kind,
            record.step,
            record.horizon,
            record.margin,
            {name: float(value) for name, value in weights.values.items()},
            dict(options),
        )
    except InputError as error:
        findings += [replace(finding, file=document.file) for finding in error.findings]
        return None


def _forecast_settings(
    document: Entry, path: Path, findings: list[Finding]
) -> ForecastSettings | None:
    entry = section(document, "forecast", findings)
    record = _record(ForecastRecord, entry, findings)
    if record is None:
        return None
    errors: ForecastErrors | None = None
    if record.errors is not None:
        try:
            errors = read_forecast(path.parent / record.errors).errors
        except InputError as error:
            findings += error.findings
            return None
    elif record.kind is ForecastKind.ISSUED:
        findings.append(
            entry.finding(
                "an issued forecast needs to know how wrong it is",
                'add errors = "../series/heat_load_forecast.toml"',
                "errors",
            )
        )
        return None
    return ForecastSettings(record.kind, errors, record.scale)


def _monitor(document: Entry, findings: list[Finding]) -> MonitorSettings | None:
    if "monitor" not in document.values:
        return None
    record = _record(MonitorRecord, section(document, "monitor", findings), findings)
    if record is None:
        return None
    try:
        return MonitorSettings(
            record.commissioning,
            record.step,
            record.sample,
            record.pressure_at_substations,
            record.return_thermometers,
            record.false_alarms_per_month,
            record.confidence,
            record.patience,
        )
    except InputError as error:
        findings += [replace(finding, file=document.file) for finding in error.findings]
        return None


def _prices(document: Entry, findings: list[Finding]) -> PriceSettings | None:
    entry = section(document, "prices", findings)
    record = _record(PriceRecord, entry, findings)
    if record is None:
        return None
    hours = record.hours
    rising = all(a < b for a, b in pairwise(hours))
    fits = len(hours) == len(record.electricity_EUR_per_MWh)
    if not (hours and hours[0] == 0 and hours[-1] < 24 and rising and fits):
        findings.append(
            entry.finding(
                f"prices have hours {list(hours)} and {len(record.electricity_EUR_per_MWh)} values",
                "give increasing hours from 0 to below 24 and one price for each",
                "hours",
            )
        )
        return None
    return PriceSettings(
        record.electricity_EUR_per_MWh,
        hours,
        record.for_heat_pumps,
        record.value_of_lost_load_EUR_per_MWh,
        record.stored_heat_EUR_per_MWh,
    )


def _fault(entry: Entry, findings: list[Finding]) -> Fault | None:
    record = parse(FaultRecord, entry, findings)
    if record is None:
        return None
    try:
        start, end = (
            0.0 if at == 0 else parse_duration(at, field="faults")
            for at in (record.start, record.end)
        )
    except InputError as error:
        findings += [replace(finding, file=entry.file) for finding in error.findings]
        return None
    given = [text for text in (record.signal, record.sensor) if text is not None]
    if len(given) != 1:
        remedy = "name a signal with its value, or a sensor that falls silent"
        findings.append(entry.finding(f"a fault names {len(given)} things", remedy, "faults"))
        return None
    if not end > start:
        findings.append(entry.finding(f"the fault of {given[0]} ends before it starts", "swap"))
        return None
    if record.sensor is not None:
        return Fault(record.sensor, start, end, kind=FaultKind.SENSOR)
    name, unit = split_unit(given[0])
    return Fault(name, start, end, unit.to_si(record.value))


def _record(kind: type[_Kind], entry: Entry, findings: list[Finding]) -> _Kind | None:
    before = len(findings)
    converted = to_si(kind, entry, findings)
    record = parse(kind, converted, findings)
    return record if len(findings) == before else None
