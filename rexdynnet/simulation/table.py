"""A CSV table with a time column: its shape, times and gaps are checked here."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Hold
from rexdynnet.timeline import parse_utc, seconds_since
from rexdynnet.units import split_unit


@dataclass(frozen=True)
class Table:
    """Cells of a series file as text, with the lines that they stand on.

    Parameters
    ----------
    file : Path
    header : tuple of str
    rows : tuple of tuples of str
        Data rows; each has as many cells as the header.
    lines : tuple of int
        One-based line number of each row.
    header_line : int
    holds : mapping of column name without unit to Hold
        From the remarks `# linear:` and `# step:`.
    irregular : bool
        From the remark `# irregular`.
    """

    file: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    header_line: int
    holds: Mapping[str, Hold]
    irregular: bool


_TIME_UTC = "time_utc"
_TIME_REMEDY = "name the first column time_s, time_min, time_h, time_d or time_utc"
_MANY_STEPS = 4
_MOSTLY = 0.75


def read_table(file: Path) -> Table:
    """Read a CSV file; raises InputError where it is no table with a time column."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            Finding(f"the series cannot be read ({error.strerror})", "check the path", file=file)
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            Finding("the series is not UTF-8 text", "save it as CSV in UTF-8", file=file)
        ) from None
    reader = csv.reader(text.splitlines())
    header: tuple[str, ...] = ()
    header_line = 0
    remarks: list[str] = []
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for cells in reader:
        stripped = tuple(cell.strip() for cell in cells)
        if not any(stripped):
            continue
        if stripped[0].startswith("#"):
            remarks.append(",".join(stripped).lstrip("# "))
        elif not header:
            header, header_line = stripped, reader.line_num
        else:
            rows.append(stripped)
            lines.append(reader.line_num)
    _check_shape(file, header, rows, lines)
    holds: dict[str, Hold] = {}
    for word, hold in (("linear", Hold.LINEAR), ("step", Hold.STEP)):
        for remark in remarks:
            head, colon, names = remark.partition(":")
            if colon and head.strip().lower() == word:
                holds |= {name.strip(): hold for name in names.split(",") if name.strip()}
    irregular = any(remark.strip().lower() == "irregular" for remark in remarks)
    return Table(file, header, tuple(rows), tuple(lines), header_line, holds, irregular)


def _check_shape(
    file: Path, header: tuple[str, ...], rows: list[tuple[str, ...]], lines: list[int]
) -> None:
    if not header:
        raise InputError(Finding("the series is empty", _TIME_REMEDY, file=file))
    if len(rows) < 2:
        raise InputError(
            Finding(
                f"the series has {len(rows)} rows of data",
                "give at least two; the last one marks the end",
                file=file,
            )
        )
    findings = [
        Finding(
            f"the row has {len(row)} cells, the header {len(header)}",
            "write one cell per column, with a decimal point",
            file=file,
            row=line,
        )
        for row, line in zip(rows, lines, strict=True)
        if len(row) != len(header)
    ]
    if findings:
        raise InputError(*findings)


def read_times(table: Table) -> tuple[list[float], datetime | None]:
    """Seconds of each row (from the first row if dated), and when second 0 is."""
    name = table.header[0]
    stem, unit = split_unit(name)
    dated = name == _TIME_UTC
    if not dated and not (stem == "time" and unit.si == "s"):
        raise InputError(
            Finding(
                f"the first column is {name!r}",
                _TIME_REMEDY,
                file=table.file,
                row=table.header_line,
                field=name,
            )
        )
    start: datetime | None = None
    times: list[float] = []
    findings: list[Finding] = []
    for row, line in zip(table.rows, table.lines, strict=True):
        try:
            if dated:
                instant = parse_utc(row[0])
                start = start or instant
                times.append(seconds_since(start, instant))
            else:
                times.append(unit.to_si(float(row[0])))
        except (InputError, ValueError):
            findings.append(
                Finding(
                    f"{row[0]!r} is no time",
                    "write ISO 8601, for example 2026-01-15T06:00Z" if dated else "write a number",
                    file=table.file,
                    row=line,
                    field=name,
                )
            )
    if not findings:
        findings = [
            Finding(
                f"time {table.rows[at + 1][0]} is not after {table.rows[at][0]}",
                "sort the rows by time and remove duplicates",
                file=table.file,
                row=table.lines[at + 1],
                field=name,
            )
            for at in range(len(times) - 1)
            if not times[at + 1] > times[at]
        ]
    if findings:
        raise InputError(*findings)
    return times, start


def find_gaps(table: Table, times: list[float]) -> list[Finding]:
    """Name the rows that are missing from an even series."""
    steps = np.diff(times)
    usual = float(np.median(steps))
    even = np.abs(steps - usual) <= 1e-6 * usual
    if table.irregular or len(steps) < _MANY_STEPS or even.mean() < _MOSTLY:
        return []
    return [
        Finding(
            f"{steps[at] / usual - 1:.3g} rows are missing before time {table.rows[at + 1][0]}",
            f"add the rows (one every {usual:g} s), or write `# irregular` above the header "
            "if the uneven steps are meant",
            file=table.file,
            row=table.lines[at + 1],
            field=table.header[0],
        )
        for at in np.flatnonzero(steps > 1.5 * usual)
    ]
