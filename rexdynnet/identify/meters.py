"""Meter series of a building: read, checked, in SI; gaps stay gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.identify.checks import find_defects
from rexdynnet.network.rc import RowLabel
from rexdynnet.units import UNITS, Unit

Array = NDArray[np.float64]

_TIME = ("time_local", "time_utc")
_OUTDOOR = ("T_outdoor", "outdoor.temperature")
_SUN = "global_radiation"


@dataclass(frozen=True)
class Meters:
    """Meter series of the zones of a building.

    Parameters
    ----------
    zones : tuple of str
    time : DatetimeIndex of length t
        As labelled in the file, increasing.
    temperature_K : (t, zones)
        At the row's time; NaN where not measured.
    heat_W : (t, zones)
        Mean over the interval that a row labels; NaN where not measured; a zone
        without a meter has none.
    outdoor_K, radiation_W_per_m2 : (t,)
        Mean over the interval that a row labels.
    rows : RowLabel
    resolution_J : tuple of float
        Of each zone's heat meter; 0 where it is fine.
    source : str

    Raises
    ------
    InputError
        With every finding: constant sensors, a clock that jumps, zones that seem
        swapped, values that no building has.
    """

    zones: tuple[str, ...]
    time: pd.DatetimeIndex
    temperature_K: Array
    heat_W: Array
    outdoor_K: Array
    radiation_W_per_m2: Array
    rows: RowLabel = RowLabel.START
    resolution_J: tuple[float, ...] = ()
    source: str = ""

    @property
    def unmetered(self) -> tuple[str, ...]:
        """Zones without a heat meter."""
        none = np.asarray(np.isnan(self.heat_W).all(axis=0))
        return tuple(zone for zone, missing in zip(self.zones, none, strict=True) if missing)

    @property
    def steps_s(self) -> Array:
        """Seconds from each row to the next; the last row's is the usual one, (t,)."""
        gaps = np.diff(self.time.to_numpy()).astype("timedelta64[ms]").astype(float) / 1e3
        usual = float(np.median(gaps)) if len(gaps) else 3600.0
        return np.append(gaps, usual)


def read_meters(
    file: str | Path,
    *,
    rows: RowLabel = RowLabel.START,
    resolution_J: dict[str, float] | None = None,
) -> Meters:
    """Read meter series from a CSV file.

    Parameters
    ----------
    file : str or Path
        Columns: `time_local` or `time_utc`; for each zone `NAME_T_degC` (or `_K`) and,
        where it has a heat meter, `NAME_heat_Wh` (per row; or kWh, J, W, kW);
        `T_outdoor_degC`; `global_radiation_W_per_m2`. Blanks are gaps.
    rows : RowLabel
        Which interval the heat and weather of a row belong to.
    resolution_J : dict of str to float or None
        Of coarse heat meters, by zone (3.6e6 J is 1 kWh).

    Returns
    -------
    Meters

    Raises
    ------
    InputError
        With every finding, each naming file, row and column.
    """
    path = Path(file)
    try:
        frame = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(
            Finding(f"the file cannot be read ({error})", "give a CSV file", file=path)
        ) from None
    return meters_from(frame, rows=rows, resolution_J=resolution_J, file=path)


def meters_from(
    frame: pd.DataFrame,
    *,
    rows: RowLabel = RowLabel.START,
    resolution_J: dict[str, float] | None = None,
    file: Path | None = None,
    checked: bool = True,
) -> Meters:
    """Take meter series from a table with the columns of a meter file.

    Parameters
    ----------
    frame : DataFrame
        With a time column as in `read_meters`, or a DatetimeIndex.
    rows, resolution_J
        As in `read_meters`.
    file : Path or None
        Named in errors.
    checked : bool
        Look for constant sensors, clock jumps and swapped zones; off for the short
        series that a prediction starts from.

    Returns
    -------
    Meters

    Raises
    ------
    InputError
    """
    findings: list[Finding] = []
    time = _times(frame, file, findings)
    zones, temperature = _zone_columns(frame, "T", "K", file, findings)
    heated, heat = _zone_columns(frame, "heat", "J", file, findings, alternative="W")
    stray = [zone for zone in heated if zone not in zones]
    findings += [
        Finding(f"there is heat for {zone} but no temperature", f"add {zone}_T_degC", file=file)
        for zone in stray
    ]
    outdoor = _one_column(frame, _OUTDOOR, "K", file, findings)
    sun = _one_column(frame, (_SUN,), "W/m2", file, findings)
    known = {*_TIME, *(str(c) for c in frame.columns if _is_known(str(c)))}
    findings += [
        Finding(
            f"the column {column} has no known meaning or unit",
            "end it with its unit, as in flat_1_T_degC or flat_1_heat_kWh, or drop it",
            file=file,
            field=str(column),
        )
        for column in frame.columns
        if str(column) not in known
    ]
    if not zones:
        findings.append(
            Finding("no column is a zone's temperature", "name one flat_1_T_degC", file=file)
        )
    if findings or outdoor is None or sun is None or time is None:
        raise InputError(*findings)
    coarse = resolution_J or {}
    power = np.full((len(frame), len(zones)), np.nan)
    meters = Meters(
        tuple(zones),
        time,
        temperature,
        power,
        outdoor,
        sun,
        rows,
        tuple(float(coarse.get(zone, 0.0)) for zone in zones),
        str(file or "table"),
    )
    lengths = meters.steps_s
    if rows is RowLabel.END and len(lengths) > 1:
        lengths = np.append(lengths[-1], lengths[:-1])
    for column, zone in enumerate(heated):
        values, unit = heat[:, column], _unit_of(frame, zone)
        power[:, zones.index(zone)] = values / lengths if unit.si == "J" else values
    meters = replace(meters, heat_W=power)
    if checked:
        defects = find_defects(
            meters.zones, meters.time, meters.temperature_K, meters.heat_W, meters.outdoor_K, file
        )
        if defects:
            raise InputError(*defects)
    return meters


def _is_known(column: str) -> bool:
    stem, unit = _split(column)
    return unit is not None and (
        stem.endswith(("_T", "_heat", ".temperature", ".heat")) or stem in (*_OUTDOOR, _SUN)
    )


def _split(column: str) -> tuple[str, Unit | None]:
    """Name and unit of a column; the longest known suffix wins."""
    words = column.split("_")
    for count in range(1, len(words)):
        unit = UNITS.get("_".join(words[count:]))
        if unit is not None:
            return "_".join(words[:count]), unit
    return column, None


def _zone_columns(
    frame: pd.DataFrame,
    what: str,
    si: str,
    file: Path | None,
    findings: list[Finding],
    alternative: str = "",
) -> tuple[list[str], Array]:
    tails = ("_T", ".temperature") if what == "T" else ("_heat", ".heat")
    names: list[str] = []
    columns: list[Array] = []
    units: set[str] = set()
    for column in map(str, frame.columns):
        stem, unit = _split(column)
        tail = next((tail for tail in tails if stem.endswith(tail)), None)
        if tail is None or stem in _OUTDOOR or column in _TIME:
            continue
        if unit is None or unit.si not in (si, alternative):
            remedy = "end it with its unit, for example " + ("_degC" if what == "T" else "_kWh")
            findings.append(
                Finding(f"the column {column} has no unit", remedy, file=file, field=column)
            )
            continue
        name = stem.removesuffix(tail)
        if name in names:
            findings.append(
                Finding(f"{name} has two columns of this kind", "keep one", file=file, field=column)
            )
            continue
        names.append(name)
        units.add(unit.suffix)
        columns.append(_numbers(frame, column, unit, file, findings))
    if len(units) > 1:
        findings.append(
            Finding(
                f"columns of one kind come in {', '.join(sorted(units))}",
                "export them in one unit: a mixture is often a mistake",
                file=file,
            )
        )
    table = np.array(columns).T if columns else np.empty((len(frame), 0))
    return names, table


def _unit_of(frame: pd.DataFrame, zone: str) -> Unit:
    for column in map(str, frame.columns):
        stem, unit = _split(column)
        if unit is not None and stem in (f"{zone}_heat", f"{zone}.heat"):
            return unit
    raise InputError(Finding(f"{zone} has no heat column", f"add {zone}_heat_kWh"))


def _one_column(
    frame: pd.DataFrame, stems: tuple[str, ...], si: str, file: Path | None, findings: list[Finding]
) -> Array | None:
    for column in map(str, frame.columns):
        stem, unit = _split(column)
        if stem in stems:
            if unit is None or unit.si.replace("/(m2)", "/m2") != si:
                break
            return _numbers(frame, column, unit, file, findings)
    unit = "degC" if si == "K" else "W_per_m2"
    findings.append(
        Finding(f"there is no column {stems[0]} with a unit", f"add {stems[0]}_{unit}", file=file)
    )
    return None


def _numbers(
    frame: pd.DataFrame, column: str, unit: Unit, file: Path | None, findings: list[Finding]
) -> Array:
    given: Any = frame[column]
    numbers: Any = pd.to_numeric(given, errors="coerce")
    bad = numbers.isna() & given.notna()
    for row in np.flatnonzero(bad.to_numpy())[:3]:
        findings.append(
            Finding(
                f"{given.iloc[row]!r} is no number",
                "leave a gap blank, and write decimals with a point",
                file=file,
                row=int(row) + 2,
                field=column,
            )
        )
    found = unit.to_si(numbers.to_numpy(dtype=np.float64))
    return np.asarray(found, dtype=np.float64)


def _times(
    frame: pd.DataFrame, file: Path | None, findings: list[Finding]
) -> pd.DatetimeIndex | None:
    if isinstance(frame.index, pd.DatetimeIndex):
        found = frame.index
    else:
        column = next((name for name in _TIME if name in frame.columns), None)
        if column is None:
            findings.append(
                Finding("there is no time column", f"add {' or '.join(_TIME)}", file=file)
            )
            return None
        try:
            found = pd.DatetimeIndex(pd.to_datetime(frame[column]))
        except (ValueError, TypeError) as error:
            findings.append(
                Finding(
                    f"a time cannot be read ({error})",
                    "write 2019-03-30 01:00",
                    file=file,
                    field=column,
                )
            )
            return None
    gaps = np.diff(found.to_numpy()).astype("timedelta64[ms]").astype(float)
    back = np.flatnonzero(~(gaps > 0))
    if len(back):
        row = int(back[0]) + 3
        twice = gaps[back[0]] == 0 or abs(gaps[back[0]]) <= 3.6e6
        findings.append(
            Finding(
                f"{found[back[0] + 1]} follows {found[back[0]]}: the clock goes back",
                "daylight saving repeats an hour: export in UTC as time_utc"
                if twice
                else "sort the rows by time",
                file=file,
                row=row,
            )
        )
        return None
    local = "time_local" in frame.columns
    stamps: Any = found
    skipped = np.flatnonzero(np.isclose(gaps, np.median(gaps) + 3.6e6)) if len(gaps) else []
    for row in skipped:
        before, after = stamps[row], stamps[row + 1]
        night = before.hour <= 1 and after.hour in (2, 3)
        if local and night and after.month == 3 and after.dayofweek == 6:
            findings.append(
                Finding(
                    f"{after} follows {before}: daylight saving seems to skip an hour",
                    "export in UTC as time_utc, also where that hour is really missing",
                    file=file,
                    row=int(row) + 3,
                )
            )
    return found
