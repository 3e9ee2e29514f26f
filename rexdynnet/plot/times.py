"""The times of a result: rows, clock and axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import Values, variable

Instant = float | datetime | np.datetime64

_HOUR_S = 3600.0
_LONGEST_IN_FULL_S = 60 * 86400.0
_DAY_S = 86400.0
# Beyond so many rows an SVG holds the curves as an image: it would grow to many megabytes.
MOST_VECTORS = 2000


def seconds(dataset: xr.Dataset) -> Values:
    """Times of the rows in seconds since the start.

    Parameters
    ----------
    dataset : xr.Dataset

    Returns
    -------
    ndarray of shape (time,)

    Raises
    ------
    InputError
        Where there are fewer than two rows.
    """
    if "time" not in dataset.variables:
        return variable(dataset, "time")
    raw = dataset["time"].values
    time_s = raw / np.timedelta64(1, "s") if raw.dtype.kind == "m" else np.asarray(raw, float)
    if time_s.size < 2:
        raise InputError(
            Finding(
                f"the dataset has {time_s.size} time row(s)",
                "a picture over time needs two; use a longer run or a smaller output step",
                field="time",
            )
        )
    return time_s


def start(dataset: xr.Dataset) -> datetime | None:
    """The instant at time 0, where the run has one.

    Parameters
    ----------
    dataset : xr.Dataset

    Returns
    -------
    datetime or None
        In UTC.

    Raises
    ------
    InputError
        Where the attribute `start_utc` is not an ISO 8601 instant.
    """
    text = dataset.attrs.get("start_utc")
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise InputError(
            Finding(f"start_utc is {text!r}", "write it as 2026-01-05T00:00:00Z", field="start_utc")
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def nearest_row(dataset: xr.Dataset, time: Instant) -> int:
    """The row whose time is nearest.

    Parameters
    ----------
    dataset : xr.Dataset
    time : float, datetime or datetime64
        Seconds since the start, or an instant (UTC unless it says otherwise).

    Returns
    -------
    int

    Raises
    ------
    InputError
        Outside the run, or an instant where the run has no calendar.
    """
    time_s = seconds(dataset)
    if isinstance(time, np.datetime64):
        time = datetime.fromisoformat(str(time.astype("datetime64[us]")))
    if isinstance(time, datetime):
        begin = start(dataset)
        if begin is None:
            raise InputError(
                Finding(f"time {time} is a date", "this run has no start_utc; give seconds")
            )
        instant = time.replace(tzinfo=UTC) if time.tzinfo is None else time
        time = (instant - begin).total_seconds()
    if not time_s[0] <= time <= time_s[-1]:
        raise InputError(
            Finding(
                f"time {time:g} s lies outside the run",
                f"choose one between {time_s[0]:g} and {time_s[-1]:g} s",
            )
        )
    return int(np.argmin(np.abs(time_s - time)))


def clock(dataset: xr.Dataset, row: int) -> str:
    """The time of a row, in words.

    Parameters
    ----------
    dataset : xr.Dataset
    row : int

    Returns
    -------
    str
    """
    time_s = float(seconds(dataset)[row])
    begin = start(dataset)
    if begin is not None:
        instant = datetime.fromtimestamp(begin.timestamp() + time_s, UTC)
        return f"{instant:%Y-%m-%d %H:%M} UTC"
    return f"{time_s / _HOUR_S:.4g} h"


def readable(dataset: xr.Dataset) -> xr.Dataset:
    """The result itself, or its daily means where it is longer than 60 days.

    Parameters
    ----------
    dataset : xr.Dataset

    Returns
    -------
    xr.Dataset
        Daily rows carry the time at which their day ends, and the first day stands
        at its begin as well; the attribute `averaged` says so, and the time axis
        repeats it. An incomplete last day is averaged as far as it goes.

    Notes
    -----
    Over a year the swings within the days would fill each picture with ink.
    """
    time_s = seconds(dataset)
    if time_s[-1] - time_s[0] <= _LONGEST_IN_FULL_S or "averaged" in dataset.attrs:
        return dataset
    after_first = dataset.isel(time=slice(1, None))
    lengths = xr.DataArray(np.diff(time_s), dims="time")
    day = np.ceil((time_s[1:] - time_s[0]) / _DAY_S - 1e-9)
    varying = after_first[[name for name in dataset.data_vars if "time" in dataset[name].dims]]
    groups = {"day": ("time", day)}
    weighted = (varying * lengths).assign_coords(groups).groupby("day").sum()
    whole = lengths.assign_coords(groups).groupby("day").sum()
    means = (weighted / whole).rename(day="time")
    ends = np.minimum(time_s[0] + means["time"].values * _DAY_S, time_s[-1])
    # A step that holds back needs a row where the first day begins.
    means = means.isel(time=[0, *range(len(ends))])
    return means.assign_coords(time=[time_s[0], *ends]).assign_attrs(
        dataset.attrs | {"averaged": "daily means"}
    )


@dataclass(frozen=True)
class TimeAxis:
    """Times as the picture shows them: hours, days, or dates where the run has a calendar.

    Parameters
    ----------
    values : ndarray of shape (time,)
        Hours, days, or matplotlib date numbers.
    label : str
    dates : bool
    """

    values: Values
    label: str
    dates: bool

    def dress(self, ax: Axes, *, label: bool = True) -> None:
        """Set limits, ticks and label of the x axis, after everything is drawn.

        Parameters
        ----------
        ax : Axes
        label : bool
            False leaves the label away, for an upper panel of a stack.
        """
        ax.set_xlim(float(self.values[0]), float(self.values[-1]))
        if len(self.values) > MOST_VECTORS:
            for artist in (*ax.lines, *ax.collections):
                artist.set_rasterized(True)
        if self.dates:
            locator = mdates.AutoDateLocator(tz=UTC, minticks=4, maxticks=9)
            ax.xaxis.set_major_locator(locator)
            ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, tz=UTC))
        else:
            ax.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 3, 4, 6, 10]))
        if label:
            ax.set_xlabel(self.label)


def time_axis(dataset: xr.Dataset) -> TimeAxis:
    """The time axis of a result.

    Parameters
    ----------
    dataset : xr.Dataset

    Returns
    -------
    TimeAxis
        Dates in UTC where `start_utc` is set; else hours, or days beyond four days.
    """
    axis = axis_of_seconds(seconds(dataset), start(dataset))
    averaged = str(dataset.attrs.get("averaged", ""))
    return replace(axis, label=f"{axis.label}, {averaged}") if averaged else axis


def axis_of_seconds(time_s: Values, begin: datetime | None) -> TimeAxis:
    """The time axis of seconds since `begin`.

    Parameters
    ----------
    time_s : ndarray of shape (time,)
    begin : datetime or None

    Returns
    -------
    TimeAxis
    """
    if begin is not None:
        return TimeAxis(mdates.date2num(begin) + time_s / _DAY_S, "time (UTC)", True)
    if time_s[-1] - time_s[0] > 4 * _DAY_S:
        return TimeAxis(time_s / _DAY_S, "time (days)", False)
    if time_s[-1] - time_s[0] <= 2 * _HOUR_S:
        return TimeAxis(time_s / 60.0, "time (min)", False)
    return TimeAxis(time_s / _HOUR_S, "time (h)", False)
