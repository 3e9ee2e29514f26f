"""What files of studies and tunings share: version, seeds, overrides, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, nearest, read_toml, section
from rexdynnet.network.fields import Record
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.study.plan import drawn_seeds
from rexdynnet.study.spread import Levels, LogUniform, Spread, Uniform

FORMAT = 1
_RANGE = {"from", "to", "log"}
_Kind = TypeVar("_Kind", bound=Record)


class SeededRecord(Record):
    """What files of studies and tunings share: a number of draws, or the seeds themselves."""

    format: int
    seeds: tuple[int, ...] = ()
    draws: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 1


@dataclass(frozen=True)
class CommonPart:
    """What files of studies and tunings share, read.

    Parameters
    ----------
    seeds : tuple of int
    fixed : mapping of str to object
    vary : mapping of str to Spread
    """

    seeds: tuple[int, ...]
    fixed: Mapping[str, object]
    vary: Mapping[str, Spread]


def read_plan(
    kind: type[_Kind], file: Path, what: str, known: tuple[str, ...], findings: list[Finding]
) -> tuple[Entry, _Kind | None]:
    """Read the document and its head.

    Parameters
    ----------
    kind : type of Record
    file : Path
    what : str
        For messages.
    known : tuple of str
        Sections.
    findings : list of Finding

    Returns
    -------
    document : Entry
    record : Record or None

    Raises
    ------
    InputError
        The file cannot be read, or is of another version.
    """
    document = read_toml(file, findings)
    if document is None:
        raise InputError(*findings)
    check_format(document, FORMAT, what)
    return document, read_head(kind, document, known, findings)


def read_common(
    document: Entry, record: SeededRecord | None, what: str, findings: list[Finding]
) -> CommonPart:
    """Read seeds, `[fixed]` and `[vary]`.

    Parameters
    ----------
    document : Entry
    record : SeededRecord or None
        The head; None where it has findings.
    what : str
        For messages.
    findings : list of Finding

    Returns
    -------
    CommonPart
    """
    fixed = flat(section(document, "fixed", findings).values)
    vary = read_spreads(section(document, "vary", findings), findings)
    if record is None:
        return CommonPart((), fixed, vary)
    if (not record.seeds) == (record.draws is None):
        both = f"the {what} has {'neither seeds nor' if not record.seeds else 'seeds and'} draws"
        findings.append(document.finding(both, "give draws = 4, or a list of seeds", "seeds"))
    return CommonPart(record.seeds or drawn_seeds(record.draws or 0, record.seed), fixed, vary)


def check_format(document: Entry, known: int, what: str) -> None:
    """Refuse a file of another version of its format.

    Raises
    ------
    InputError
        Says what the file is and what this version reads.
    """
    given = document.values.get("format")
    if given == known and not isinstance(given, bool):
        return
    stated = "says no format" if given is None else f"is of format {given!r}"
    older = "newer" if isinstance(given, int) and given > known else "older"
    remedy = f"compare it with docs/reference and write format = {known}"
    if older == "newer":
        remedy = "use a newer version of rexdynnet"
    raise InputError(
        document.finding(
            f"the {what} file {stated}, so it is {older} than this version, which reads "
            f"format {known}",
            remedy,
            "format",
        )
    )


def read_head(
    kind: type[_Kind], document: Entry, known: tuple[str, ...], findings: list[Finding]
) -> _Kind | None:
    """Read the keys above the first section.

    Parameters
    ----------
    kind : type of Record
    document : Entry
    known : tuple of str
        Sections.
    findings : list of Finding

    Returns
    -------
    Record or None
    """
    values = {key: value for key, value in document.values.items() if key not in known}
    names = (*kind.model_fields, *known)
    for key in [key for key in values if key not in names]:
        findings.append(document.finding(f"{key} is not a known key", nearest(key, names), key))
        del values[key]
    return read_record(kind, replace(document, values=values), findings)


def read_spreads(entry: Entry, findings: list[Finding]) -> dict[str, Spread]:
    """Read what parameters may take.

    Parameters
    ----------
    entry : Entry
        Dotted path to a list of values or a table with `from`, `to` and perhaps `log`.
    findings : list of Finding

    Returns
    -------
    dict of str to Spread
    """
    spreads: dict[str, Spread] = {}
    for name, value in flat(entry.values, ranges=True).items():
        try:
            if isinstance(value, list):
                spreads[name] = Levels(tuple(value))
            elif isinstance(value, Mapping):
                spreads[name] = _range(value)
            else:
                remedy = f"write [{value!r}, ...] or {{ from = 0.1, to = 10.0, log = true }}"
                findings.append(entry.finding(f"{name} is {value!r}", remedy, name))
        except InputError as error:
            findings += [entry.finding(f.what, f.remedy, name) for f in error.findings]
    return spreads


def _range(value: Mapping[str, Any]) -> Spread:
    ends = [value.get("from"), value.get("to")]
    numbers = [float(n) for n in ends if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) < 2 or not isinstance(value.get("log", False), bool):
        remedy = "write { from = 0.1, to = 10.0, log = true }"
        raise InputError(Finding(f"a range is {dict(value)}", remedy))
    return (LogUniform if value.get("log") else Uniform)(*numbers)


def flat(values: Mapping[str, Any], head: str = "", *, ranges: bool = False) -> dict[str, Any]:
    """Nested tables as dotted paths, so that keys may be quoted or not.

    Parameters
    ----------
    values : mapping
    head : str
        Put before every path.
    ranges : bool
        Tables with `from` and `to` are values.

    Returns
    -------
    dict of str to object

    Examples
    --------
    >>> flat({"control": {"margin": 0.1}, "time.duration": "1d"})
    {'control.margin': 0.1, 'time.duration': '1d'}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and not (ranges and _RANGE & value.keys()):
            found |= flat(value, f"{head}{key}.", ranges=ranges)
        else:
            found[f"{head}{key}"] = value
    return found


def read_record(kind: type[_Kind], entry: Entry, findings: list[Finding]) -> _Kind | None:
    """One section as a record; None where it has findings."""
    before = len(findings)
    record = parse(kind, to_si(kind, entry, findings), findings)
    return record if len(findings) == before else None
