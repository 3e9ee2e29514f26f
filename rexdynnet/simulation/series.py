"""Series files and arrays become a forcing: names, units and bounds are checked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.forcing import Forcing, HasInputs, complete
from rexdynnet.simulation.table import Table, find_gaps, read_table, read_times
from rexdynnet.units import PURE, UNITS, Unit, split_unit


class HasNetwork(Protocol):
    """A `Dae` or a plant: something that was made from a network."""

    @property
    def network(self) -> Network:
        """The network it was made from."""
        ...


def input_signals(model: Network | HasNetwork | HasInputs) -> tuple[Signal, ...]:
    """Controls and disturbances of a network, of a `Dae` or of a plant."""
    if isinstance(model, Network):
        return (*controls(model), *disturbances(model))
    own = (getattr(model, "controls", None), getattr(model, "disturbances", None))
    if isinstance(own[0], tuple) and isinstance(own[1], tuple):
        return (*own[0], *own[1])
    network: Network = getattr(model, "network")  # noqa: B009
    return input_signals(network)


def make_forcing(
    model: Network | HasNetwork | HasInputs,
    time_s: ArrayLike,
    columns: Mapping[str, ArrayLike],
    *,
    holds: Mapping[str, Hold] | None = None,
    start_utc: datetime | None = None,
) -> Forcing:
    """Build a forcing from arrays; signals that are not given take their defaults.

    Parameters
    ----------
    model : Network, Dae or Plant
    time_s : array, shape (n,)
    columns : mapping of name to array of shape (n,) or float
        SI values by `component.quantity`.
    holds : mapping of name to Hold, optional
        Where a signal shall act otherwise than its own default.
    start_utc : datetime, optional

    Returns
    -------
    Forcing
        With every signal of the model.

    Raises
    ------
    InputError
        An unknown name, a value out of its bounds, or a required signal missing.
    """
    times = np.asarray(time_s, dtype=float)
    known = {signal.name: signal for signal in input_signals(model)}
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise InputError(*(unknown_signal(name, known.values()) for name in unknown))
    chosen = [
        replace(known[name], hold=(holds or {}).get(name, known[name].hold)) for name in columns
    ]
    data = [np.broadcast_to(np.asarray(value, float), times.shape) for value in columns.values()]
    values = np.column_stack(data) if data else np.empty((len(times), 0))
    forcing = Forcing(times, values, tuple(chosen), start_utc)
    outside = out_of_bounds(forcing)
    if outside:
        raise InputError(*outside)
    return complete(forcing, known.values())


def out_of_bounds(forcing: Forcing) -> list[Finding]:
    """Name the first value of each signal that lies outside its bounds."""
    findings: list[Finding] = []
    for index, signal in enumerate(forcing.signals):
        column = forcing.values[:, index]
        slack = 1e-9 * signal.nominal
        bad = np.flatnonzero((column < signal.lower - slack) | (column > signal.upper + slack))
        if bad.size:
            at = int(bad[0])
            findings.append(
                Finding(
                    f"{signal.name} is {column[at]:g} {signal.unit} at {forcing.time_s[at]:g} s, "
                    f"outside {signal.lower:g} to {signal.upper:g} {signal.unit}",
                    "correct the value, or its unit if the column's name says the wrong one",
                    field=signal.name,
                    component=signal.component,
                )
            )
    return findings


def unknown_signal(name: str, known: Iterable[Signal]) -> Finding:
    """Say what a misspelt signal may have meant."""
    from difflib import get_close_matches

    signals = list(known)
    component = name.rpartition(".")[0]
    own = [signal.name for signal in signals if signal.component == component]
    if own:
        what = f"{component} has no input {name!r}"
        remedy = "use one of " + ", ".join(own)
    else:
        names = sorted({signal.component for signal in signals})
        close = get_close_matches(component or name, names, n=3, cutoff=0.5)
        what = f"{name!r} names no input of the network"
        remedy = (
            f"did you mean the component {' or '.join(close)}?"
            if close
            else "name the column component.quantity_unit, for example outdoor.temperature_degC"
        )
    return Finding(what, remedy, field=name)


def read_forcing(path: str | Path, model: Network | HasNetwork | HasInputs) -> Forcing:
    """Read the inputs of a model from a CSV file.

    Parameters
    ----------
    path : path
        First column `time_s` (or `time_min`, `time_h`, `time_d`) or `time_utc`
        (ISO 8601); the others `component.quantity_unit`, for example
        `substation_7.heat_demand_kW`. Lines that start with `#` before the header
        are remarks; three of them mean something: `# linear: a.b, c.d` and
        `# step: a.b` say that these columns interpolate or hold (the default is each
        signal's own: temperatures of outdoor air and ground interpolate, all else
        holds), and `# irregular` says that uneven time steps are meant.
    model : Network, Dae or Plant
        Whose inputs they are. Inputs without a column take their defaults.

    Returns
    -------
    Forcing
        With every input of the model, in SI.

    Raises
    ------
    InputError
        Names file, row, column and remedy: an empty or NaN cell, a gap, times out
        of order, an unknown component, quantity or unit, a value out of bounds, a
        required input without a column.
    """
    signals = input_signals(model)
    return complete(read_series(path, signals), signals)


def read_series(path: str | Path, known: Iterable[Signal]) -> Forcing:
    """Read some of the known signals from a CSV file; see `read_forcing` for its form.

    Parameters
    ----------
    path : path
    known : iterable of Signal
        What columns may be given.

    Returns
    -------
    Forcing
        With the file's columns only.

    Raises
    ------
    InputError
        As `read_forcing`, except that no column is required.
    """
    file = Path(path)
    signals = {signal.name: signal for signal in known}
    table = read_table(file)
    times, start_utc = read_times(table)
    columns = _columns(table, signals)
    values = _values(table, columns)
    findings = find_gaps(table, times)
    chosen = tuple(
        replace(column.signal, hold=table.holds.get(column.signal.name, column.signal.hold))
        for column in columns
    )
    stray = [name for name in table.holds if name not in {signal.name for signal in chosen}]
    findings += [
        Finding(
            f"the remark names {name!r}, which is no column",
            "name columns without their unit",
            file=file,
        )
        for name in stray
    ]
    findings += _bound_findings(table, columns, values)
    if findings:
        raise InputError(*findings)
    try:
        return Forcing(np.array(times), values, chosen, start_utc)
    except InputError as error:
        raise InputError(*(replace(finding, file=file) for finding in error.findings)) from None


_FOR_PEOPLE = ("degC", "kW", "bar")


def format_forcing(forcing: Forcing) -> str:
    """Write a forcing as CSV text that `read_forcing` reads back.

    Parameters
    ----------
    forcing : Forcing

    Returns
    -------
    str
        Nine digits, in degC, kW, bar and otherwise SI, each column with its unit; columns
        that stay at their default are left out.

    Examples
    --------
    >>> heat = Signal("house", "heat_demand", "W")
    >>> print(format_forcing(Forcing(np.array([0.0, 60.0]), np.array([[1e3], [2500]]), (heat,))))
    # irregular
    # step: house.heat_demand
    time_s,house.heat_demand_kW
    0,1
    60,2.5
    <BLANKLINE>
    """
    columns = [
        (signal, _unit_for_people(signal), forcing.values[:, index])
        for index, signal in enumerate(forcing.signals)
        if signal.default is None or np.any(forcing.values[:, index] != signal.default)
    ]
    lines = ["# irregular"]
    if forcing.start_utc is not None:
        lines.append(f"# second 0 is {forcing.start_utc.isoformat()}")
    for word, hold in (("linear", Hold.LINEAR), ("step", Hold.STEP)):
        names = [signal.name for signal, _, _ in columns if signal.hold is hold]
        if names:
            lines.append(f"# {word}: {', '.join(names)}")
    header = [f"{signal.name}_{unit.suffix}".rstrip("_") for signal, unit, _ in columns]
    lines.append(",".join(["time_s", *header]))
    table = np.column_stack([forcing.time_s, *(unit.from_si(v) for _, unit, v in columns)])
    lines += [",".join(f"{value:.9g}" for value in row) for row in table]
    return "\n".join(lines) + "\n"


def _unit_for_people(signal: Signal) -> Unit:
    if signal.unit == PURE.si:
        return PURE
    same = [unit for unit in UNITS.values() if unit.si == signal.unit]
    return next((unit for unit in same if unit.suffix in _FOR_PEOPLE), same[0])


@dataclass(frozen=True)
class _Column:
    name: str
    signal: Signal
    unit: Unit


def _columns(table: Table, known: Mapping[str, Signal]) -> list[_Column]:
    columns: list[_Column] = []
    findings: list[Finding] = []
    for name in table.header[1:]:
        stem, unit = split_unit(name)
        place = {"file": table.file, "row": table.header_line, "field": name}
        signal = known.get(stem) or known.get(name)
        if signal is None:
            # `plant.supply_temperature_degX`: the quantity is right, its unit is not known.
            near = next((own for own in known if name.startswith(own + "_")), None)
            if near is None:
                findings.append(replace(unknown_signal(stem, known.values()), **place))
            else:
                findings.append(
                    Finding(
                        f"{name[len(near) + 1 :]!r} is no known unit",
                        f"use {_suffixes(known[near])}",
                        **place,
                    )
                )
        elif unit.si != signal.unit:
            findings.append(
                Finding(
                    f"{name} is in {unit.si if unit.suffix else 'no unit'}, "
                    f"{signal.name} is in {signal.unit}",
                    f"end the name with {_suffixes(signal)}",
                    **place,
                )
            )
        elif any(column.signal.name == signal.name for column in columns):
            findings.append(Finding(f"{signal.name} is given twice", "remove one column", **place))
        else:
            columns.append(_Column(name, signal, unit))
    if findings:
        raise InputError(*findings)
    return columns


def _suffixes(signal: Signal) -> str:
    names = [f"_{unit.suffix}" for unit in UNITS.values() if unit.si == signal.unit]
    if signal.unit == "1":
        names.append("no unit")
    return " or ".join(names)


def _values(table: Table, columns: list[_Column]) -> np.ndarray:
    values = np.empty((len(table.rows), len(columns)))
    findings: list[Finding] = []
    for r, (row, line) in enumerate(zip(table.rows, table.lines, strict=True)):
        for c, column in enumerate(columns):
            cell = row[c + 1]
            try:
                number = float(cell)
            except ValueError:
                number = float("nan")
            if isfinite(number):
                values[r, c] = column.unit.to_si(number)
            else:
                what = "the cell is empty" if not cell else f"{cell!r} is no number"
                findings.append(
                    Finding(
                        what,
                        "fill the gap with a measured or stated value",
                        file=table.file,
                        row=line,
                        field=column.name,
                    )
                )
    if findings:
        raise InputError(*findings)
    return values


def _bound_findings(table: Table, columns: list[_Column], values: np.ndarray) -> list[Finding]:
    findings: list[Finding] = []
    for c, column in enumerate(columns):
        signal = column.signal
        slack = 1e-9 * signal.nominal
        bad = (values[:, c] < signal.lower - slack) | (values[:, c] > signal.upper + slack)
        for r in np.flatnonzero(bad)[:1]:
            low, high = column.unit.from_si(signal.lower), column.unit.from_si(signal.upper)
            findings.append(
                Finding(
                    f"{table.rows[r][c + 1]} is outside {low:g} to {high:g} {column.unit.suffix}",
                    "correct the value, or the unit in the column's name",
                    file=table.file,
                    row=table.lines[r],
                    field=column.name,
                    component=signal.component,
                )
            )
    return findings
