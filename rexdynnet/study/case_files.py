"""Files of a measured case: `case.toml` and `series.csv`, checked at the border.

Both kinds of case are brought to one form: pipes, one inlet, several outlets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, nearest, read_table, read_toml, section, sections
from rexdynnet.network.fields import Name, NotNegative, Positive, Record
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.network.records import FluidRecord
from rexdynnet.units import split_unit

Floats = NDArray[np.float64]
AnyRecord = TypeVar("AnyRecord", bound=Record)

CASE_FILE = "case.toml"
SERIES_FILE = "series.csv"

_SECTIONS = {
    "pipe": ("pipe", "columns", "initial"),
    "network": ("inlet", "balance", "outlets", "pipes"),
}
_COMMON = ("kind", "title", "source", "licence", "note", "fluid", "ambient", "score", "reference")


class PipeRecord(Record):
    """Section `[pipe]` or `[[pipes]]`."""

    name: Name = "pipe"
    from_node: Name = "inlet"
    to_node: Name = "outlet"
    length_m: Positive
    inner_diameter_m: Annotated[float, Field(gt=0, le=3)]
    wall_thickness_m: NotNegative = 0.0
    wall_density_kg_per_m3: Positive = 7850.0
    wall_specific_heat_J_per_kgK: Positive = 500.0
    wall_conductivity_W_per_mK: Positive = 50.0
    insulation_thickness_m: NotNegative | None = None
    insulation_conductivity_W_per_mK: Positive | None = None
    outer_heat_transfer_W_per_m2K: Positive | None = None
    heat_loss_W_per_mK: NotNegative | None = None
    roughness_m: NotNegative = 1e-4


class AmbientRecord(Record):
    """Section `[ambient]`: a number or a column."""

    T_K: Positive | None = None
    column: Name | None = None


class InitialRecord(Record):
    """Section `[initial]`: temperature at both ends, linear between."""

    T_in_K: Positive
    T_out_K: Positive


class ColumnsRecord(Record):
    """Section `[columns]` of a pipe."""

    time: Name = "time_s"
    mass_flow: Name
    inlet: Name
    outlet: Name


class ScoreRecord(Record):
    """Section `[score]`."""

    skip_first_s: NotNegative = 0.0
    note: str = ""


class InletRecord(Record):
    """Section `[inlet]`."""

    node: Name
    T_column: Name
    mass_flow_column: Name | None = None


class OutletRecord(Record):
    """Section `[[outlets]]`; without `T_column` it only draws."""

    node: Name
    mass_flow_column: Name
    T_column: Name | None = None


class BalanceRecord(Record):
    """Section `[balance]`: the node that takes what the outlets leave of the inlet's flow."""

    node: Name
    note: str = ""


@dataclass(frozen=True)
class CaseFiles:
    """A case as its files state it.

    Parameters
    ----------
    folder : Path
    title, source, licence : str
    fluid : FluidRecord
    ambient_K : (n,) array
        At `time_s`.
    pipes : tuple of PipeRecord
    inlet : InletRecord
    outlets : tuple of OutletRecord
    balance : BalanceRecord or None
    initial : InitialRecord or None
    score : ScoreRecord
    reference : mapping of str to float
        Published figures, by key.
    time_s : (n,) array
    columns : mapping of column name to (n,) array
        SI values of the columns that the case uses.
    rows : tuple of int
        Line of each row in the series file.
    """

    folder: Path
    title: str
    source: str
    licence: str
    fluid: FluidRecord
    ambient_K: Floats
    pipes: tuple[PipeRecord, ...]
    inlet: InletRecord
    outlets: tuple[OutletRecord, ...]
    balance: BalanceRecord | None
    initial: InitialRecord | None
    score: ScoreRecord
    reference: Mapping[str, float]
    time_s: Floats
    columns: Mapping[str, Floats]
    rows: tuple[int, ...]


def read_case_files(folder: Path) -> CaseFiles:
    """Read and check `case.toml` and `series.csv` of a folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    CaseFiles

    Raises
    ------
    InputError
        Names file, row, field and remedy of everything found wrong.
    """
    findings: list[Finding] = []
    document = read_toml(folder / CASE_FILE, findings)
    table = read_table(folder / SERIES_FILE, findings)
    if document is None:
        raise InputError(*findings)
    kind = document.values.get("kind")
    if kind not in ("pipe", "network"):
        findings.append(
            document.finding(f"kind is {kind!r}", 'write kind = "pipe" or "network"', "kind")
        )
        raise InputError(*findings)
    known = (*_COMMON, *_SECTIONS[str(kind)])
    findings += [
        document.finding(f"{key} is not known in a case of kind {kind}", nearest(key, known), key)
        for key in document.values
        if key not in known
    ]
    fluid = _record(FluidRecord, section(document, "fluid", findings), findings)
    ambient = _record(AmbientRecord, section(document, "ambient", findings), findings)
    score = _record(ScoreRecord, section(document, "score", findings), findings)
    balance = initial = None
    time_column = "time_s"
    if kind == "pipe":
        columns = _record(ColumnsRecord, section(document, "columns", findings), findings)
        pipes = [_record(PipeRecord, section(document, "pipe", findings), findings)]
        if "initial" in document.values:
            initial = _record(InitialRecord, section(document, "initial", findings), findings)
        inlet, outlets = None, []
        if columns is not None:
            time_column = columns.time
            inlet = InletRecord(node="inlet", T_column=columns.inlet)
            outlets = [
                OutletRecord(
                    node="outlet", mass_flow_column=columns.mass_flow, T_column=columns.outlet
                )
            ]
    else:
        pipes = _records(PipeRecord, document, "pipes", findings)
        outlets = _records(OutletRecord, document, "outlets", findings)
        inlet = _record(InletRecord, section(document, "inlet", findings), findings)
        if "balance" in document.values:
            balance = _record(BalanceRecord, section(document, "balance", findings), findings)
    reference = _numbers(section(document, "reference", findings), findings)
    complete_pipes = tuple(pipe for pipe in pipes if pipe is not None)
    complete_outlets = tuple(outlet for outlet in outlets if outlet is not None)
    if findings or fluid is None or ambient is None or score is None or inlet is None:
        raise InputError(*findings)
    if balance is not None and inlet.mass_flow_column is None:
        findings.append(
            document.finding(
                "the balance needs the inlet's flow", "add mass_flow_column to [inlet]", "inlet"
            )
        )
    series = _Series(folder / SERIES_FILE, table, findings)
    time_s = series.column(time_column, "s")
    values = {inlet.T_column: series.column(inlet.T_column, "K")}
    if inlet.mass_flow_column is not None:
        values[inlet.mass_flow_column] = series.column(inlet.mass_flow_column, "kg/s")
    for outlet in complete_outlets:
        values[outlet.mass_flow_column] = series.column(outlet.mass_flow_column, "kg/s")
        if outlet.T_column is not None:
            values[outlet.T_column] = series.column(outlet.T_column, "K")
    ambient_K = _ambient(document, ambient, series, findings)
    series.check_times(time_column, time_s)
    _check_score(document, score, time_s, findings)
    if findings:
        raise InputError(*findings)
    return CaseFiles(
        folder=folder,
        title=str(document.values.get("title", folder.name)),
        source=str(document.values.get("source", "")),
        licence=str(document.values.get("licence", "")),
        fluid=fluid,
        ambient_K=ambient_K,
        pipes=complete_pipes,
        inlet=inlet,
        outlets=complete_outlets,
        balance=balance,
        initial=initial,
        score=score,
        reference=reference,
        time_s=time_s,
        columns=values,
        rows=series.rows,
    )


@dataclass(frozen=True)
class _Series:
    file: Path
    table: Sequence[Entry]
    findings: list[Finding]

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(entry.row or 0 for entry in self.table)

    def column(self, name: str, unit: str) -> Floats:
        known = {key for entry in self.table for key in entry.values}
        if name not in known:
            self.findings.append(
                Finding(f"there is no column {name}", nearest(name, known), self.file, 1, name)
            )
            return np.zeros(len(self.table))
        convert = split_unit(name)[1]
        if convert.si != unit:
            self.findings.append(
                Finding(
                    f"the name of column {name} does not end with a unit of {unit}",
                    "write the unit at the end of the name, such as T_degC or flow_kg_per_s",
                    self.file,
                    1,
                    name,
                )
            )
        values = np.zeros(len(self.table))
        for index, entry in enumerate(self.table):
            cell = entry.values.get(name, "")
            try:
                number = float(str(cell))
            except ValueError:
                number = float("nan")
            if not isfinite(number):
                shown = f"{name} is {cell!r}" if cell != "" else f"{name} is blank"
                self.findings.append(
                    entry.finding(shown, "give a number, or remove the rows of the gap", name)
                )
                number = 0.0
            values[index] = convert.to_si(number)
        return values

    def check_times(self, name: str, time_s: Floats) -> None:
        if len(time_s) < 2:
            self.findings.append(
                Finding("the series has fewer than two rows", "give at least two", self.file)
            )
        for at in np.flatnonzero(np.diff(time_s) <= 0):
            self.findings.append(
                self.table[int(at) + 1].finding(
                    f"time {time_s[at + 1]:g} s is not after {time_s[at]:g} s",
                    "sort the rows by time and remove duplicates",
                    name,
                )
            )


def _ambient(
    document: Entry, ambient: AmbientRecord, series: _Series, findings: list[Finding]
) -> Floats:
    if (ambient.T_K is None) == (ambient.column is None):
        findings.append(
            document.finding(
                "the ambient temperature is not given once",
                "write either T_K or column in [ambient]",
                "ambient",
            )
        )
    if ambient.column is not None:
        return series.column(ambient.column, "K")
    return np.full(len(series.table), ambient.T_K if ambient.T_K is not None else 0.0)


def _check_score(
    document: Entry, score: ScoreRecord, time_s: Floats, findings: list[Finding]
) -> None:
    if len(time_s) and score.skip_first_s > time_s[-1] - time_s[0]:
        findings.append(
            document.finding(
                f"skip_first_s is {score.skip_first_s:g} s, the series only "
                f"{time_s[-1] - time_s[0]:g} s long",
                "skip less, or nothing is left to score",
                "score.skip_first_s",
            )
        )


def _record(kind: type[AnyRecord], entry: Entry, findings: list[Finding]) -> AnyRecord | None:
    return parse(kind, to_si(kind, entry, findings), findings)


def _records(
    kind: type[AnyRecord], document: Entry, name: str, findings: list[Finding]
) -> list[AnyRecord | None]:
    entries = sections(document, name, findings)
    if not entries:
        findings.append(document.finding(f"there are no {name}", f"add a table [[{name}]]", name))
    return [_record(kind, entry, findings) for entry in entries]


def _numbers(entry: Entry, findings: list[Finding]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for key, value in entry.values.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            numbers[key] = float(value)
        else:
            findings.append(entry.finding(f"{key} is {value!r}", "give a number", key))
    return numbers
