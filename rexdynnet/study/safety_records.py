"""Section `[safety]` of a scenario file."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, section, sections
from rexdynnet.network.fields import Name, NotNegative, Record
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.safety.monitor_text import read_rule
from rexdynnet.safety.rationing import Policy
from rexdynnet.safety.settings import DEFAULT_MONITORS, MonitorSettings, SafetySettings
from rexdynnet.study.records import DurationField

_SHARE = Field(gt=0, lt=1)


def _policy(value: Any) -> Any:
    names = {policy.name.lower(): policy for policy in Policy}
    if isinstance(value, str) and value.lower() not in names:
        raise ValueError(f"the policy {value!r} is unknown|use one of {', '.join(names)}")
    return names[value.lower()] if isinstance(value, str) else value


class SafetyRecord(Record):
    """Section `[safety]`; temperatures and pressures end with their unit."""

    enabled: bool = True
    policy: Annotated[Policy, BeforeValidator(_policy)] = Policy.CASCADING
    cold_K: NotNegative = 5.0
    weak_share: Annotated[float, _SHARE] = 0.7
    low_pressure_Pa: NotNegative = 1.2e5
    hot_K: Annotated[float, Field(gt=273.15, lt=473.15)] = 366.15
    trip_K: Annotated[float, Field(gt=273.15, lt=473.15)] = 368.15
    high_pressure_Pa: NotNegative | None = None
    stall_share: Annotated[float, _SHARE] = 0.9
    tank_full_K: Annotated[float, Field(gt=273.15)] | None = None
    hysteresis_K: NotNegative = 1.0
    hysteresis_share: NotNegative = 0.1
    dwell: DurationField = 900.0
    interval: DurationField = 300.0
    reset: DurationField = 3600.0


class MonitorRecord(Record):
    """Each `[[safety.monitors]]`."""

    name: Name
    rule: str


def safety_settings(document: Entry, findings: list[Finding]) -> SafetySettings | None:
    """Read `[safety]`; the defaults where a scenario has none.

    Parameters
    ----------
    document : Entry
        The whole scenario file.
    findings : list of Finding
        Gets everything that is wrong.

    Returns
    -------
    SafetySettings or None
        None where something is wrong.
    """
    if "safety" not in document.values:
        return SafetySettings()
    before = len(findings)
    entry = section(document, "safety", findings)
    # cold_K is a difference: nothing to convert, and every other temperature has its unit
    own = {key: value for key, value in entry.values.items() if key != "monitors"}
    entry = replace(entry, values=own)
    record = parse(SafetyRecord, to_si(SafetyRecord, entry, findings), findings)
    monitors: list[MonitorSettings] = []
    whole = section(document, "safety", findings)
    for each in sections(whole, "monitors", findings):
        rule = parse(MonitorRecord, each, findings)
        if rule is None:
            continue
        try:
            read_rule(rule.rule, field="safety.monitors")
        except InputError as error:
            findings += [replace(finding, file=document.file) for finding in error.findings]
        monitors.append(MonitorSettings(rule.name, rule.rule))
    names = [monitor.name for monitor in monitors]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.append(
            document.finding(f"two rules are called {name!r}", "give each a name", "monitors")
        )
    if record is None or len(findings) > before:
        return None
    values = record.model_dump()
    times = {f"{name}_s": values.pop(name) for name in ("dwell", "interval", "reset")}
    given = tuple(monitors) if "monitors" in whole.values else DEFAULT_MONITORS
    try:
        return SafetySettings(**values, **times, monitors=given)
    except InputError as error:
        findings += [replace(finding, file=document.file) for finding in error.findings]
        return None
