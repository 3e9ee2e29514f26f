"""Committed schedules: read from CSV, written to it, and checked against the network."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path

import numpy as np

from rexdynnet.control.base import Floats
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, nearest, read_table
from rexdynnet.network.graph import Network, ends
from rexdynnet.network.topology import islands
from rexdynnet.timeline import Schedule, TimeUnit, parse_utc

COLUMNS = ("participant", "unit_start_utc", "energy_Wh")
_WH_J = 3600.0
# Above this the connection's own rounding is no excuse.
_SLACK = 1.0 + 1e-9


@dataclass(frozen=True)
class _Row:
    participant: str
    start: datetime
    energy_J: float
    row: int | None


def read_schedule(
    path: str | Path, network: Network | None = None, *, unit_s: float | None = None
) -> Schedule:
    """Read committed energies from a CSV file.

    Parameters
    ----------
    path : path
        Columns `participant`, `unit_start_utc` (ISO 8601), `energy_Wh` (positive where
        the participant takes heat); one row per participant and time unit, in any order.
    network : Network or None
        Checked against it where given; see `check_schedule`.
    unit_s : float or None
        Length of the units; None takes the most common distance of their starts.

    Returns
    -------
    Schedule

    Raises
    ------
    InputError
        Every finding with file and row: an unknown participant, a unit given twice,
        units that overlap or are missing, a cell that is empty or no number, energies
        beyond the network's capacity.
    """
    file = Path(path)
    findings: list[Finding] = []
    entries = read_table(file, findings)
    if not entries and not findings:
        findings.append(Finding("the schedule has no rows", f"add columns {', '.join(COLUMNS)}"))
    rows = [row for entry in entries if (row := _row(entry, findings)) is not None]
    if findings:
        raise InputError(*findings)
    if network is not None:
        findings += _strangers(network, rows, file)
    length = unit_s if unit_s is not None else _usual_length(rows, file)
    starts = sorted({row.start for row in rows})
    findings += _grid_findings(rows, starts, length, file)
    participants = tuple(dict.fromkeys(row.participant for row in rows))
    findings += _table_findings(rows, participants, starts, file)
    if findings:
        raise InputError(*findings)
    energy = np.empty((len(starts), len(participants)))
    place = {name: column for column, name in enumerate(participants)}
    line = {start: index for index, start in enumerate(starts)}
    for row in rows:
        energy[line[row.start], place[row.participant]] = row.energy_J
    schedule = Schedule(participants, tuple(TimeUnit(start, length) for start in starts), energy)
    if network is not None:
        origin = {(line[row.start], place[row.participant]): row.row for row in rows}
        check_schedule(schedule, network, file=file, rows=origin)
    return schedule


def format_schedule(schedule: Schedule) -> str:
    """Write a schedule as CSV text that `read_schedule` reads back, in whole Wh.

    Parameters
    ----------
    schedule : Schedule

    Returns
    -------
    str
        A row per participant and unit.

    Examples
    --------
    >>> units = (TimeUnit(parse_utc("2026-01-15"), 3600.0),)
    >>> print(format_schedule(Schedule(("house",), units, np.array([[3.6e6]]))))
    participant,unit_start_utc,energy_Wh
    house,2026-01-15T00:00:00Z,1000
    <BLANKLINE>
    """
    lines = [",".join(COLUMNS)]
    for index, unit in enumerate(schedule.units):
        start = unit.start.strftime("%Y-%m-%dT%H:%M:%SZ")
        for column, name in enumerate(schedule.participants):
            lines.append(f"{name},{start},{schedule.energy_J[index, column] / _WH_J:.0f}")
    return "\n".join(lines) + "\n"


def check_schedule(
    schedule: Schedule,
    network: Network,
    *,
    file: Path | None = None,
    rows: Mapping[tuple[int, int], int | None] | None = None,
) -> None:
    """Check that a network could deliver a schedule at all.

    Parameters
    ----------
    schedule : Schedule
    network : Network
    file : Path or None
        Named in findings.
    rows : mapping of (unit, participant) index to line, optional

    Raises
    ------
    InputError
        An unknown participant, a balancing plant (its heat is what the others leave), a
        commitment beyond the connected capacity, heat fed in by a substation, or units in
        which all that is taken in a hydraulic island exceeds what its plants and tanks can give.
    """
    where = rows or {}
    findings: list[Finding] = []
    limits = _limits_W(network)
    balancing = {plant.name for plant in network.balancing_plants}
    for column, name in enumerate(schedule.participants):
        if name in balancing:
            findings.append(_balancing(name, file, where.get((0, column))))
            continue
        if name not in limits:
            findings.append(_stranger(name, limits, file, None))
            continue
        least, most = limits[name]
        power = schedule.power_W[:, column]
        for index in np.flatnonzero((power > most * _SLACK) | (power < least * _SLACK))[:3]:
            bound = most if power[index] > 0 else -least
            what = f"{abs(power[index]) / 1e3:.4g} kW, more than its {bound / 1e3:.4g} kW"
            remedy = "commit less, or correct the unit of energy_Wh"
            if bound == 0.0:
                fed = power[index] < 0
                what = "feed heat in" if fed else "take heat"
                remedy = "a substation only takes heat: give a positive energy"
                if not fed:
                    remedy = "a plant only feeds in: give a negative energy"
            findings.append(
                Finding(
                    f"{schedule.units[index].start.isoformat()} commits {name} to {what}",
                    remedy,
                    file,
                    where.get((int(index), column)),
                    "energy_Wh",
                    name,
                )
            )
    if not findings:
        findings += _total_findings(schedule, network, file)
    if findings:
        raise InputError(*findings)


def capacity_W(network: Network, span_s: float) -> float:
    """Heat that plants and tanks can give together, averaged over a span, W.

    Parameters
    ----------
    network : Network
    span_s : float
        A tank is emptied once in it at most.

    Returns
    -------
    float
    """
    plants = sum(plant.capacity_W for plant in network.plants)
    cp, density = network.fluid.specific_heat_J_per_kgK, network.fluid.density_kg_per_m3
    hottest = max((plant.maximum_supply_temperature_K for plant in network.plants), default=0.0)
    stored = sum(
        tank.volume_m3 * density * cp * max(hottest - 313.15, 0.0) for tank in network.tanks
    )
    return plants + stored / span_s


def _row(entry: Entry, findings: list[Finding]) -> _Row | None:
    values = entry.values
    before = len(findings)
    for column in COLUMNS:
        if column not in entry.columns:
            findings.append(entry.header_finding(f"no column {column}", f"add {column}", column))
            return None
        if column not in values:
            findings.append(entry.finding(f"{column} is empty", "fill the cell", column))
    if len(findings) > before:
        return None
    name = str(values["participant"])
    try:
        start = parse_utc(str(values["unit_start_utc"]), field="unit_start_utc")
    except InputError as error:
        first = error.findings[0]
        findings.append(entry.finding(first.what, first.remedy, "unit_start_utc", name))
        return None
    try:
        energy = float(values["energy_Wh"])
    except ValueError:
        energy = float("nan")
    if not isfinite(energy):
        text = f"{values['energy_Wh']!r} is no energy"
        findings.append(entry.finding(text, "give a number in Wh", "energy_Wh", name))
        return None
    return _Row(name, start, energy * _WH_J, entry.row)


def _usual_length(rows: list[_Row], file: Path) -> float:
    starts = sorted({row.start for row in rows})
    steps = Counter((b - a).total_seconds() for a, b in itertools.pairwise(starts))
    if not steps:
        raise InputError(
            Finding("the schedule has one time unit only", "state its length by unit", file)
        )
    most = max(steps.values())
    return min(step for step, count in steps.items() if count == most)


def _grid_findings(
    rows: list[_Row], starts: list[datetime], length: float, file: Path
) -> list[Finding]:
    findings: list[Finding] = []
    lines = {row.start: row.row for row in reversed(rows)}
    span = timedelta(seconds=length)
    for before, after in itertools.pairwise(starts):
        if after < before + span:
            what = f"the unit of {after.isoformat()} overlaps that of {before.isoformat()}"
            remedy = f"let units of {length:g} s follow one another"
        elif after > before + span:
            what = f"units are missing between {before.isoformat()} and {after.isoformat()}"
            remedy = f"add a row per participant every {length:g} s (0 where nothing is reserved)"
        else:
            continue
        findings.append(Finding(what, remedy, file, lines[after], "unit_start_utc"))
    return findings


def _table_findings(
    rows: list[_Row], participants: tuple[str, ...], starts: list[datetime], file: Path
) -> list[Finding]:
    findings: list[Finding] = []
    seen: dict[tuple[str, datetime], int | None] = {}
    for row in rows:
        key = (row.participant, row.start)
        if key in seen:
            what = f"{row.participant} has {row.start.isoformat()} twice (first in row {seen[key]})"
            findings.append(
                Finding(what, "remove one row", file, row.row, "unit_start_utc", row.participant)
            )
        seen[key] = row.row
    for name in participants:
        absent = [start for start in starts if (name, start) not in seen]
        if absent:
            more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
            findings.append(
                Finding(
                    f"{name} has no row for {absent[0].isoformat()}{more}",
                    "add the missing units (0 where nothing is reserved)",
                    file,
                    None,
                    "unit_start_utc",
                    name,
                )
            )
    return findings


def _limits_W(network: Network) -> dict[str, tuple[float, float]]:
    limits = {unit.name: (0.0, unit.design_heat_W) for unit in network.substations}
    return limits | {plant.name: (-plant.capacity_W, 0.0) for plant in network.plants}


def _strangers(network: Network, rows: list[_Row], file: Path) -> list[Finding]:
    known = _limits_W(network)
    first = {row.participant: row.row for row in reversed(rows)}
    return [_stranger(name, known, file, row) for name, row in first.items() if name not in known]


def _stranger(
    name: str, known: Mapping[str, object], file: Path | None, row: int | None
) -> Finding:
    what = f"the network has no participant {name!r}"
    return Finding(what, nearest(name, known), file, row, "participant", name)


def _balancing(name: str, file: Path | None, row: int | None) -> Finding:
    return Finding(
        f"{name} balances the network: it gives what demands, losses and the other plants leave",
        'remove its rows, or give the plant control = "heat" and let another one balance',
        file,
        row,
        "participant",
        name,
    )


def _total_findings(schedule: Schedule, network: Network, file: Path | None) -> list[Finding]:
    findings: list[Finding] = []
    taken: Floats = np.maximum(schedule.power_W, 0.0)
    for nodes in islands(network):
        island = {unit.name for unit in network.components() if ends(unit)[0] in nodes}
        columns = [c for c, name in enumerate(schedule.participants) if name in island]
        total = taken[:, columns].sum(axis=1)
        most = _capacity_of(network, island, schedule.unit_s)
        bad = np.flatnonzero(total > most * _SLACK)
        if not bad.size:
            continue
        at = int(bad[0])
        findings.append(
            Finding(
                f"all commitments of {schedule.units[at].start.isoformat()} together are "
                f"{total[at] / 1e3:.4g} kW, plants and tanks give {most / 1e3:.4g} kW"
                + (f" (and {bad.size - 1} more units)" if bad.size > 1 else ""),
                "commit less or add a plant",
                file,
                None,
                "energy_Wh",
            )
        )
    return findings


def _capacity_of(network: Network, island: set[str], span_s: float) -> float:
    plants = tuple(plant for plant in network.plants if plant.name in island)
    tanks = tuple(tank for tank in network.tanks if tank.name in island)
    return capacity_W(replace(network, plants=plants, tanks=tanks), span_s)
