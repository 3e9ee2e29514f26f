"""Recorded operation: what acted, what was commanded and what meters showed, in one CSV."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.dataset import MEANS, series
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.plant import write_atomically
from rexdynnet.simulation.series import format_forcing, read_series

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
COMMAND = "_setpoint"
LAYER = "temperature_"
MEASURED = {
    "supply_temperature": "K",
    "return_temperature": "K",
    "mass_flow": "kg/s",
    "heat": "W",
    "differential_pressure": "Pa",
}
"""What heat meters of plants and substations show, with its unit."""


@dataclass(frozen=True)
class Record:
    """Recorded operation of a network.

    Parameters
    ----------
    acting : Forcing
        Disturbances: weather, heat demands and what else is in the file.
    commands : Forcing
        Controls as they were commanded, under their own names.
    measured : Forcing
        What meters showed; heats are means from a row to the next.
    """

    acting: Forcing
    commands: Forcing
    measured: Forcing

    @property
    def duration_s(self) -> float:
        """Length of the record."""
        return float(self.acting.time_s[-1])


def read_record(path: Path, network: Network) -> Record:
    """Read a record of operation.

    Parameters
    ----------
    path : Path
        A series file (see `read_forcing`): `time_utc` or `time_s` first. Three kinds of
        columns: disturbances (`outdoor.temperature_degC`, `substation_1.heat_demand_kW`),
        commands (`boiler.supply_temperature_setpoint_degC`) and readings
        (`boiler.supply_temperature_degC`, `substation_1.mass_flow_kg_per_s`).
    network : Network

    Returns
    -------
    Record

    Raises
    ------
    InputError
        As `read_forcing`; or a command that has no default, or all readings, are missing.
    """
    acting, ordered = disturbances(network), controls(network)
    commands = [replace(signal, quantity=signal.quantity + COMMAND) for signal in ordered]
    whole = read_series(path, (*acting, *commands, *readings(network)))
    names = whole.names
    if whole.time_s[0] != 0.0:
        raise InputError(
            Finding(
                f"the record begins at {whole.time_s[0]:g} s",
                "let time_s begin with 0, or give time_utc",
                file=path,
            )
        )
    findings = [
        Finding(
            f"{signal.name} is missing",
            "add the column: without commands nothing can be compared",
            file=path,
            field=signal.name,
        )
        for signal, own in zip(commands, ordered, strict=True)
        if signal.name not in names and own.quantity in {"supply_temperature", "heat"}
    ]
    seen = [signal for signal in readings(network) if signal.name in names]
    if not seen:
        findings.append(
            Finding("no meter reads anything", "add e.g. PLANT.supply_temperature_degC", file=path)
        )
    if findings:
        raise InputError(*findings)

    def part(signals: list[Signal], called: list[Signal]) -> Forcing:
        values = np.column_stack([whole.column(signal.name) for signal in signals])
        return Forcing(whole.time_s, values, tuple(called), whole.start_utc)

    known = {signal.name: signal for signal in whole.signals}
    there = [known[signal.name] for signal in acting if signal.name in names]
    if not there:
        raise InputError(
            Finding("the record has no disturbances", "add outdoor.temperature_degC", file=path)
        )
    pairs = [pair for pair in zip(commands, ordered, strict=True) if pair[0].name in names]
    return Record(
        part(there, there),
        part([pair[0] for pair in pairs], [pair[1] for pair in pairs]),
        part(seen, seen),
    )


def readings(network: Network) -> tuple[Signal, ...]:
    """What meters of a network can show: plants, substations, and layers and flow of tanks."""
    meters = tuple(
        Signal(
            component.name,
            quantity,
            unit,
            lower=-inf,
            upper=inf,
            hold=Hold.STEP if quantity == "heat" else Hold.LINEAR,
        )
        for component in (*network.plants, *network.substations)
        for quantity, unit in MEASURED.items()
    )
    tanks = tuple(
        Signal(tank.name, quantity, unit, lower=-inf, upper=inf, hold=Hold.LINEAR)
        for tank in network.tanks
        for quantity, unit in (
            ("mass_flow", "kg/s"),
            *((f"{LAYER}{i}", "K") for i in range(tank.layers)),
        )
    )
    return (*meters, *tanks)


def write_record(result: xr.Dataset, network: Network, path: Path) -> Path:
    """Write a closed-loop run as a record of operation.

    Parameters
    ----------
    result : xarray.Dataset
        Of `rexdynnet.run`.
    network : Network
        That it ran on.
    path : Path
        CSV to write; `read_record` reads it.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        The result has no commands, or is of another network.

    Notes
    -----
    Commands are means from row to row: exact where the output step divides the control step.
    """
    if "control_input" not in result:
        raise InputError(Finding("the result holds no commands", "record a closed-loop run"))
    times = result["time"].to_numpy().astype(float)
    columns: list[tuple[Signal, Floats]] = []
    for signal in (*disturbances(network), *readings(network)):
        values = _recorded(result, signal)
        if values is not None:
            columns.append((signal, values))
    inputs = result["control_input"].to_numpy()
    for place, name in enumerate(result["control"].to_numpy()):
        signal = next((each for each in controls(network) if each.name == name), None)
        if signal is None:
            raise InputError(
                Finding(f"the network has no {name}", "give the network of the run", field=name)
            )
        since = result["control_time"].to_numpy().astype(float)
        called = replace(signal, quantity=signal.quantity + COMMAND, default=None, hold=Hold.STEP)
        columns.append((called, _means(since, inputs[:, place], times)))
    start = str(result.attrs.get("start_utc", ""))
    begin = datetime.fromisoformat(start) if start else None
    table = np.column_stack([values for _, values in columns])
    signals = tuple(replace(signal, default=None) for signal, _ in columns)
    write_atomically(path, format_forcing(Forcing(times, table, signals, begin)).encode())
    return path


def _recorded(result: xr.Dataset, signal: Signal) -> Floats | None:
    if signal.quantity.startswith(LAYER):
        layer = int(signal.quantity.removeprefix(LAYER))
        whole = result["tank_temperature"].sel(tank=signal.component, layer=layer)
        return whole.to_numpy().astype(float)
    try:
        found = series(result, signal.name)
    except InputError:
        return None
    values = found.to_numpy().astype(float)
    if found.name in MEANS:
        # a mean over the interval that ends here belongs to the row where it began
        values = np.append(values[1:], values[-1])
    return values


def _means(since_s: Floats, values: Floats, times_s: Floats) -> Floats:
    """Mean of held values from each time to the next."""
    edges = np.append(since_s, max(times_s[-1], since_s[-1] + 1.0))
    running = np.concatenate([[0.0], np.cumsum(values * np.diff(edges))])
    means = np.diff(np.interp(times_s, edges, running)) / np.diff(times_s)
    return np.append(means, values[-1])
