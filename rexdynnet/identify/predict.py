"""Prediction: filter the past, then run open loop with the heat and weather of the future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rexdynnet.errors import Finding, InputError
from rexdynnet.identify.likelihood import step_model, sweep
from rexdynnet.identify.meters import Meters, meters_from
from rexdynnet.identify.record import make_record
from rexdynnet.identify.structure import Array, Matrices
from rexdynnet.network.rc import RCNetwork

_HISTORY_s = 48 * 3600.0


def predict(rc_network: RCNetwork, history: pd.DataFrame, future: pd.DataFrame) -> pd.DataFrame:
    """Predict the temperatures of the zones.

    Parameters
    ----------
    rc_network : RCNetwork
    history : DataFrame
        At least 48 h in the columns of the meter file; hidden temperatures and
        unmeasured heats are filtered from it.
    future : DataFrame
        The rows to predict, later than `history`, with the heat and weather columns
        filled; temperatures absent or blank.

    Returns
    -------
    DataFrame
        One row per row of `future`, with its index and time column, and the
        temperature of every zone in the unit of the history's column.

    Raises
    ------
    InputError
        A zone of the network has no column, the history is too short, or the future
        does not follow it or has gaps.
    """
    known = meters_from(
        history, rows=rc_network.rows, resolution_J=_resolution(rc_network), checked=False
    )
    columns = _temperature_columns(history, known)
    joined = meters_from(
        pd.concat([history, _without_temperatures(future, history, columns)]),
        rows=rc_network.rows,
        resolution_J=_resolution(rc_network),
        checked=False,
    )
    _check(rc_network, known, joined, len(history))
    air = predict_rows(rc_network, _ordered(joined, rc_network.zones), len(history))
    found = pd.DataFrame(index=future.index)
    for name in ("time_local", "time_utc"):
        if name in future.columns:
            found[name] = future[name]
    for zone in known.zones:
        name = columns[zone]
        values = air[:, rc_network.zones.index(zone)]
        found[name] = values - 273.15 if name.endswith("degC") else values
    return found


def predict_rows(rc_network: RCNetwork, meters: Meters, known: int) -> Array:
    """Temperatures of the rows from `known` on, which the filter has not seen.

    Parameters
    ----------
    rc_network : RCNetwork
    meters : Meters
        In the order of the network's zones.
    known : int
        Rows whose temperatures are used.

    Returns
    -------
    (t − known, zones)
        K.
    """
    space = rc_network.state_space()
    matrices = Matrices(space.A, space.B, np.diag(space.Q), space.variance)
    count = len(rc_network.zones)
    base = count * (2 if rc_network.mass else 1)
    hidden = meters.temperature_K.copy()
    hidden[known:] = np.nan
    blind = Meters(
        meters.zones,
        meters.time,
        hidden,
        meters.heat_W,
        meters.outdoor_K,
        meters.radiation_W_per_m2,
        meters.rows,
        meters.resolution_J,
    )
    record = make_record(
        blind, rc_network.mass, rc_network.sectors_h, len(space.A) - base, from_s=np.inf
    )
    return sweep(step_model(matrices, record), record).predicted[known:, :count]


def _resolution(rc_network: RCNetwork) -> dict[str, float]:
    return dict(rc_network.resolution_J or {})


def _temperature_columns(frame: pd.DataFrame, meters: Meters) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in map(str, frame.columns):
        for zone in meters.zones:
            if column.startswith((f"{zone}_T_", f"{zone}.temperature_")):
                found[zone] = column
    return found


def _without_temperatures(
    future: pd.DataFrame, history: pd.DataFrame, columns: dict[str, str]
) -> pd.DataFrame:
    filled: Any = future.copy()
    for name in columns.values():
        filled[name] = np.nan
    missing = [str(name) for name in history.columns if name not in filled.columns]
    if missing:
        raise InputError(
            Finding(
                f"the future has no {', '.join(missing)}",
                "give the heat and weather columns of the history",
            )
        )
    blank = [
        str(name)
        for name in history.columns
        if name not in columns.values() and filled[name].isna().any()
    ]
    if blank:
        raise InputError(
            Finding(f"the future has gaps in {', '.join(blank)}", "fill them with a forecast")
        )
    return filled[list(history.columns)]


def _check(rc_network: RCNetwork, known: Meters, joined: Meters, count: int) -> None:
    absent = [zone for zone in rc_network.zones if zone not in known.zones]
    if absent:
        raise InputError(
            *(
                Finding(f"{zone} has no temperature column", f"add {zone}_T_degC", component=zone)
                for zone in absent
            )
        )
    if len(joined.time) == count:
        raise InputError(Finding("the future has no rows", "give the rows to predict"))
    seconds = float(known.steps_s.sum())
    if seconds < _HISTORY_s - 1.0:
        raise InputError(
            Finding(f"the history covers {seconds / 3600:.1f} h", "give at least 48 h")
        )


def _ordered(meters: Meters, zones: tuple[str, ...]) -> Meters:
    order = [meters.zones.index(zone) for zone in zones]
    return Meters(
        zones,
        meters.time,
        meters.temperature_K[:, order],
        meters.heat_W[:, order],
        meters.outdoor_K,
        meters.radiation_W_per_m2,
        meters.rows,
        tuple(meters.resolution_J[row] for row in order),
    )
