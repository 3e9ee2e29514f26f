"""Read a result dataset for a picture, with errors that say what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches

import numpy as np
import xarray as xr
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Values = NDArray[np.float64]
Instant = float | datetime | np.datetime64

_HOUR_S = 3600.0
_DAY_S = 86400.0
# Beyond so many rows an SVG holds the curves as an image: it would grow to many megabytes.
_MOST_VECTORS = 2000


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not there, with the nearest ones that are.

    Parameters
    ----------
    kind : str
        What the name should have named, for example "substation".
    name : str
    known : iterable of str

    Returns
    -------
    InputError
    """
    names = [str(one) for one in known]
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        remedy = "did you mean " + " or ".join(near) + "?"
    elif names:
        remedy = f"choose one of {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
    else:
        remedy = f"this result has no {kind}"
    return InputError(Finding(f"there is no {kind} {name}", remedy, component=name))


def variable(dataset: xr.Dataset, name: str) -> Values:
    """Values of a variable or coordinate of a result.

    Parameters
    ----------
    dataset : xr.Dataset
        A result of `rexdynnet.simulate`.
    name : str

    Returns
    -------
    ndarray
        In SI units, shape as in the dataset.

    Raises
    ------
    InputError
        Where it is missing or holds NaN.
    """
    if name not in dataset.variables:
        near = get_close_matches(name, [str(key) for key in dataset.variables], n=3)
        remedy = (
            f"the nearest it has: {', '.join(near)}"
            if near
            else "give a dataset that rexdynnet.simulate returned or `rexdynnet simulate` wrote"
        )
        raise InputError(Finding(f"the dataset has no variable {name}", remedy, field=name))
    values = np.asarray(dataset[name].values, float)
    if np.isnan(values).any():
        raise InputError(
            Finding(
                f"{name} holds {int(np.isnan(values).sum())} NaN",
                "drop these times first, for example result.dropna('time')",
                field=name,
            )
        )
    return values


def optional(dataset: xr.Dataset, name: str) -> Values | None:
    """As `variable`, but None where the dataset does not have it.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str

    Returns
    -------
    ndarray or None
    """
    return variable(dataset, name) if name in dataset.variables else None


def labels(dataset: xr.Dataset, name: str) -> tuple[str, ...]:
    """A coordinate of names, for example `substation` or `pipe_from`.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str

    Returns
    -------
    tuple of str
        Empty where an index coordinate (a component kind) is absent.

    Raises
    ------
    InputError
        Where a static coordinate of a present kind is absent.
    """
    if name in dataset.variables:
        return tuple(str(one) for one in dataset[name].values)
    if "_" not in name or name.partition("_")[0] not in dataset.dims:
        return ()
    raise InputError(
        Finding(
            f"the dataset has no coordinate {name}",
            "give a dataset that rexdynnet.simulate returned, with its coordinates",
            field=name,
        )
    )


def position(dataset: xr.Dataset, kind: str, name: str) -> int:
    """Index of a component within its kind.

    Parameters
    ----------
    dataset : xr.Dataset
    kind : str
        A dimension, for example "substation".
    name : str

    Returns
    -------
    int

    Raises
    ------
    InputError
        Where there is no such component; names the nearest.
    """
    names = labels(dataset, kind)
    if name not in names:
        raise unknown(kind, name, names)
    return names.index(name)


def total(dataset: xr.Dataset, name: str) -> Values:
    """Sum of a variable over its components; zeros where it is absent.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str

    Returns
    -------
    ndarray of shape (time,)
    """
    values = optional(dataset, name)
    return np.zeros(dataset.sizes["time"]) if values is None else values.sum(axis=1)


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
        if len(self.values) > _MOST_VECTORS:
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
    return axis_of_seconds(seconds(dataset), start(dataset))


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
