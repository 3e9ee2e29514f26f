"""Raw entries of network files: one row of a table or one TOML section, with its place."""

from __future__ import annotations

import csv
import difflib
import io
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from rexdynnet.errors import Finding


@dataclass(frozen=True)
class Entry:
    """One row or section as it was written.

    Parameters
    ----------
    values : mapping
        Field to value; blank table cells are left out.
    file : Path or None
    row : int or None
        One-based line (or feature number in GeoJSON) where the entry starts.
    rows : mapping
        Line of single fields where they differ from `row` (TOML).
    columns : tuple of str
        The table's header; empty outside tables.
    header_row : int or None
        Line of the header.
    """

    values: Mapping[str, Any]
    file: Path | None = None
    row: int | None = None
    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    columns: tuple[str, ...] = ()
    header_row: int | None = None

    def finding(
        self, what: str, remedy: str, column: str | None = None, component: str | None = None
    ) -> Finding:
        """State what is wrong at this place.

        Parameters
        ----------
        what, remedy : str
        column : str or None
            The field concerned, as written in the file.
        component : str or None

        Returns
        -------
        Finding
        """
        row = self.rows.get(column, self.row) if column is not None else self.row
        return Finding(what, remedy, self.file, row, column, component)

    def header_finding(self, what: str, remedy: str, column: str) -> Finding:
        """State what is wrong with a column; the same for every row of the table."""
        if self.header_row is None:
            return self.finding(what, remedy, column)
        return Finding(what, remedy, self.file, self.header_row, column)


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest what a misspelt word may have meant.

    Parameters
    ----------
    word : str
    known : iterable of str

    Returns
    -------
    str
        `did you mean 'x'?`, or the start of the list of known words.

    Examples
    --------
    >>> nearest("lenght_m", ["length_m", "name"])
    "did you mean 'length_m'?"
    """
    words = sorted(set(known))
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if not close:
        lower = {candidate.lower(): candidate for candidate in words}
        close = [lower[word.lower()]] if word.lower() in lower else []
    if close:
        return f"did you mean '{close[0]}'?"
    if not words:
        return "there is nothing of that kind in the network"
    shown = ", ".join(words[:12]) + (", ..." if len(words) > 12 else "")
    return f"use one of: {shown}"


def read_text(path: Path, findings: list[Finding]) -> str | None:
    """Read a file as UTF-8.

    Parameters
    ----------
    path : Path
    findings : list of Finding
        Gets a finding where the file cannot be read.

    Returns
    -------
    str or None
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        findings.append(
            Finding(f"the file {path.name} does not exist", "check the path or add it", path)
        )
    except UnicodeDecodeError:
        findings.append(Finding("the file is not UTF-8 text", "save it as UTF-8", path))
    except OSError as error:
        findings.append(
            Finding(
                f"the file cannot be read ({error.strerror})",
                "check the path and its permissions",
                path,
            )
        )
    return None


def read_table(path: Path, findings: list[Finding]) -> tuple[Entry, ...]:
    """Read a CSV table; blank cells are left out, lines that start with `#` are comments.

    Parameters
    ----------
    path : Path
    findings : list of Finding
        Gets everything that is wrong with the table's form.

    Returns
    -------
    tuple of Entry
        One per row.
    """
    text = read_text(path, findings)
    if text is None:
        return ()
    entries: list[Entry] = []
    header: list[str] | None = None
    header_row = 1
    reader = csv.reader(io.StringIO(text), strict=True)
    end = 0
    try:
        for cells in reader:
            start, end = end + 1, reader.line_num
            stripped = [cell.strip() for cell in cells]
            if not any(stripped) or stripped[0].startswith("#"):
                continue
            if header is None:
                header, header_row = stripped, start
                problem = _header_problem(header)
                if problem is not None:
                    findings.append(Finding(*problem, path, start))
                    return ()
                continue
            if len(stripped) > len(header):
                findings.append(
                    Finding(
                        f"the row has {len(stripped)} cells, the header {len(header)}",
                        "remove the surplus cells, write decimals with a point and quote texts "
                        "that hold a comma",
                        path,
                        start,
                    )
                )
                continue
            values = {key: cell for key, cell in zip(header, stripped, strict=False) if cell}
            entries.append(Entry(values, path, start, {}, tuple(header), header_row))
    except csv.Error as error:
        findings.append(
            Finding(f"the table cannot be read ({error})", "mend the quotes", path, end + 1)
        )
    if header is None:
        findings.append(Finding("the table has no header", "write the column names first", path, 1))
    return tuple(entries)


def _header_problem(header: list[str]) -> tuple[str, str] | None:
    for mark in (";", "\t"):
        if len(header) == 1 and mark in header[0]:
            return "the columns are not separated by commas", "save the table with commas"
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        label = twice[0] or "(blank)"
        return f"the column {label} stands twice in the header", "keep or rename one of them"
    if "" in header:
        return "a column has no name", "name it or remove it"
    return None


_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_\-]+|\"[^\"]*\")\s*=")
_LINE = re.compile(r"at line (\d+)")


def read_toml(path: Path, findings: list[Finding]) -> Entry | None:
    """Read a TOML file as one entry; `rows` holds the line of `section.key` and `section.n.key`.

    Parameters
    ----------
    path : Path
    findings : list of Finding

    Returns
    -------
    Entry or None
    """
    text = read_text(path, findings)
    if text is None:
        return None
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = _LINE.search(str(error))
        findings.append(
            Finding(
                f"the file is not valid TOML ({error})",
                "mend that line; texts stand in quotes, decimals have a point",
                path,
                int(at.group(1)) if at else None,
            )
        )
        return None
    return Entry(values, path, None, _toml_lines(text))


def _toml_lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    count: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        head = _HEADER.match(line)
        if head is not None:
            name = head.group(2).replace('"', "")
            if head.group(1) == "[[":
                count[name] = count.get(name, -1) + 1
                name = f"{name}.{count[name]}"
            section = name + "."
            lines.setdefault(name, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            lines.setdefault(section + key.group(1).strip('"'), number)
    return lines


def section(document: Entry, name: str, findings: list[Finding]) -> Entry:
    """One `[name]` table of a TOML document; empty where it is absent.

    Parameters
    ----------
    document : Entry
    name : str
        May be dotted, such as `defaults.pipes`.
    findings : list of Finding

    Returns
    -------
    Entry
    """
    value: Any = document.values
    for part in name.split("."):
        if isinstance(value, Mapping):
            value = cast(Mapping[str, Any], value).get(part, {})
    if not isinstance(value, Mapping):
        findings.append(document.finding(f"{name} is not a table", f"write it as [{name}]", name))
        value = {}
    below = _below(document.rows, name)
    return Entry(cast(Mapping[str, Any], value), document.file, document.rows.get(name), below)


def sections(document: Entry, name: str, findings: list[Finding]) -> tuple[Entry, ...]:
    """All `[[name]]` tables of a TOML document.

    Parameters
    ----------
    document : Entry
    name : str
        May be dotted, such as `market.buildings`.
    findings : list of Finding

    Returns
    -------
    tuple of Entry
    """
    value: Any = document.values
    for part in name.split("."):
        value = cast(Mapping[str, Any], value).get(part, []) if isinstance(value, Mapping) else []
    if not isinstance(value, list):
        findings.append(
            document.finding(f"{name} is not a list of tables", f"write it as [[{name}]]", name)
        )
        return ()
    entries: list[Entry] = []
    for index, item in enumerate(cast(list[Any], value)):
        key = f"{name}.{index}"
        row = document.rows.get(key, document.rows.get(name))
        if isinstance(item, Mapping):
            entries.append(
                Entry(cast(Mapping[str, Any], item), document.file, row, _below(document.rows, key))
            )
        else:
            findings.append(
                Finding(
                    f"entry {index + 1} of {name} is not a table",
                    f"write it as [[{name}]]",
                    document.file,
                    row,
                )
            )
    return tuple(entries)


def _below(rows: Mapping[str, int], name: str) -> dict[str, int]:
    head = name + "."
    return {key[len(head) :]: row for key, row in rows.items() if key.startswith(head)}
