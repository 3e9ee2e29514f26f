"""From the texts of a row or section to a record in SI units, or to findings.

A field is named after its SI unit; every other unit of the same quantity in
`rexdynnet.units` is accepted too (`length_km` for `length_m`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from rexdynnet.errors import Finding
from rexdynnet.network.entries import Entry, nearest
from rexdynnet.network.fields import Record
from rexdynnet.units import PURE, UNITS, Unit, split_unit

_COORDINATES = ("x_m", "y_m", "elevation_m")
_SMALLEST, _LARGEST = 1e-12, 1e15
_DIFFERENCES = ("difference_K", "band_K")

Kind = TypeVar("Kind", bound=Record)


@cache
def accepted(kind: type[Record]) -> Mapping[str, tuple[str, Unit | None]]:
    """Every spelling a record accepts, with its SI field and the unit to convert from.

    Parameters
    ----------
    kind : type of Record

    Returns
    -------
    mapping
        Spelling to (field, unit); unit None where nothing is converted.
    """
    names: dict[str, tuple[str, Unit | None]] = {}
    for field in kind.model_fields:
        stem, own = split_unit(field)
        if own is not PURE and not field.endswith(_DIFFERENCES):
            for unit in UNITS.values():
                if unit.si == own.si and unit.suffix != own.suffix:
                    names[f"{stem}_{unit.suffix}"] = (field, unit)
        names[field] = (field, None)
    return names


def to_si(kind: type[Record], entry: Entry, findings: list[Finding]) -> Entry:
    """Rename and convert the values of an entry to the SI fields of a record.

    Parameters
    ----------
    kind : type of Record
    entry : Entry
    findings : list of Finding
        Gets unknown fields (with what they may have meant) and doubled ones.

    Returns
    -------
    Entry
        `rows` then points from the SI field to its line.
    """
    names = accepted(kind)
    values: dict[str, Any] = {}
    rows = dict(entry.rows)
    for spelling, value in entry.values.items():
        if spelling not in names:
            hint = nearest(spelling, _canonical(names, spelling))
            findings.append(
                entry.header_finding(f"{spelling} is not a known field", hint, spelling)
            )
            continue
        field, unit = names[spelling]
        if field in values:
            findings.append(
                entry.finding(f"{field} is given twice", f"remove {spelling}", spelling)
            )
            continue
        values[field] = value if unit is None else _converted(value, unit)
        if spelling in rows:
            rows[field] = rows[spelling]
    columns = tuple(names[column][0] for column in entry.columns if column in names)
    return Entry(values, entry.file, entry.row, rows, columns, entry.header_row)


def _canonical(names: Iterable[str], spelling: str) -> list[str]:
    ending = spelling.rsplit("_", 1)[-1]
    same = [name for name in names if name.endswith("_" + ending)]
    return same if same and nearest(spelling, same).startswith("did") else list(names)


def _converted(value: Any, unit: Unit) -> Any:
    if isinstance(value, list):
        return [_converted(item, unit) for item in cast(list[Any], value)]
    if isinstance(value, bool):
        return value
    try:
        return unit.to_si(float(value))
    except (TypeError, ValueError, OverflowError):
        return value


def parse(kind: type[Kind], entry: Entry, findings: list[Finding]) -> Kind | None:
    """Turn an entry with SI fields into a record.

    Parameters
    ----------
    kind : type of Record
    entry : Entry
        As `to_si` returns it.
    findings : list of Finding
        Gets one finding per field that is missing or wrong.

    Returns
    -------
    Record or None
    """
    try:
        record = kind.model_validate(dict(entry.values))
    except ValidationError as error:
        for problem in error.errors():
            field = str(problem["loc"][0]) if problem["loc"] else None
            findings.append(_finding(entry, field, problem))
        return None
    wild = [
        entry.finding(f"{field} is {value:g}", "give a number of a usual size", field)
        for field in kind.model_fields
        if isinstance(value := getattr(record, field), float) and _is_wild(field, value)
    ]
    findings += wild
    return None if wild else record


def _is_wild(field: str, value: float) -> bool:
    tiny = field not in _COORDINATES and 0 < abs(value) < _SMALLEST
    return tiny or abs(value) > _LARGEST


def _finding(entry: Entry, field: str | None, problem: Any) -> Finding:
    kind, value = problem["type"], problem["input"]
    context = problem.get("ctx", {})
    label = entry.values.get("name") or entry.values.get("node") or entry.values.get("component")
    component = label if isinstance(label, str) else None
    if kind == "missing" and field is not None:
        if entry.header_row is not None and field not in entry.columns:
            return entry.header_finding(f"the column {field} is missing", f"add {field}", field)
        return entry.finding(f"{field} is missing", f"add {field}", field, component)
    if kind == "value_error":
        what, _, remedy = str(context.get("error", problem["msg"])).partition("|")
        return entry.finding(what, remedy or "correct it", field, component)
    limits = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt"}
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    for name, key in {**limits, "less_than_equal": "le"}.items():
        if kind == name:
            remedy = f"give a value {words[key]} {context[key]}"
            return entry.finding(f"{field} is {value}", remedy, field, component)
    if kind == "finite_number":
        return entry.finding(f"{field} is {value}", "give a finite number", field, component)
    if kind.startswith(("float", "int", "bool")):
        remedy = {"b": "give true or false", "i": "give a whole number"}.get(
            kind[0], "give a number, with a decimal point"
        )
        return entry.finding(f"{field} is {value!r}", remedy, field, component)
    if kind == "string_too_short":
        return entry.finding(f"{field} is blank", "give a name", field, component)
    if kind.startswith(("string", "tuple")):
        remedy = "write a text in quotes" if kind.startswith("string") else "write a list"
        return entry.finding(f"{field} is {value!r}", remedy, field, component)
    return entry.finding(f"{field} is {value!r}: {problem['msg']}", "correct it", field, component)
