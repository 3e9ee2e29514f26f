"""Measured against predicted."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import Values
from rexdynnet.plot.style import (
    CELSIUS,
    Colour,
    Scale,
    dress,
    figure_of,
    legend_beside,
    new_picture,
)
from rexdynnet.plot.times import TimeAxis, axis_of_seconds


def measured_against_predicted(
    time_s: ArrayLike,
    measured: ArrayLike,
    predicted: ArrayLike,
    ax: Axes | None = None,
    *,
    scale: Scale = CELSIUS,
    quantity: str = "temperature",
    title: str = "",
    start_utc: datetime | None = None,
    from_s: float | None = None,
) -> Figure:
    """A measured and a predicted series, their difference, and its mean size.

    Parameters
    ----------
    time_s : array_like of shape (n,)
        Seconds since the start, increasing.
    measured, predicted : array_like of shape (n,)
        In SI; temperatures in K.
    ax : Axes or None
        Where to draw. None makes a new figure, in which the difference gets a panel
        of its own; into a given `ax` only the two series are drawn.
    scale : Scale
        How values are shown; the default shows K as °C.
    quantity : str
        Name of the quantity on the y axis.
    title : str
    start_utc : datetime or None
        Makes the time axis one of dates.
    from_s : float or None
        Start of what is judged; before it the series are drawn faint. None: all.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where lengths differ, times fall, or a value is NaN.
    """
    times, one, other = _checked(time_s, measured, predicted)
    judged = times >= (times[0] if from_s is None else from_s)
    if not judged.any():
        raise InputError(Finding(f"from_s is {from_s} s, after the last time", "choose it earlier"))
    axis = axis_of_seconds(times, start_utc)
    difference = (other - one) * scale.factor
    # A difference of °C is in K.
    unit = "K" if scale.unit == CELSIUS.unit else scale.unit
    summary = _summary(difference[judged], unit)
    head = f"{title}: {summary}" if title else summary
    if ax is not None:
        _both(ax, axis, scale(one), scale(other), f"{quantity} ({scale.unit})", head)
        _faint(ax, axis, judged)
        axis.dress(ax)
        return figure_of(ax)
    picture = new_picture(4.8)
    top, bottom = picture.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    _both(top, axis, scale(one), scale(other), f"{quantity} ({scale.unit})", head)
    bottom.axhline(0.0, color=Colour.DEMAND.value, linewidth=0.8)
    bottom.plot(axis.values, difference, color=Colour.RETURN.value, linewidth=1)
    dress(bottom, y=f"predicted −\nmeasured ({unit})")
    for panel in (top, bottom):
        _faint(panel, axis, judged)
    axis.dress(top, label=False)
    axis.dress(bottom)
    return picture


def _checked(*series: ArrayLike) -> tuple[Values, Values, Values]:
    times, one, other = (np.asarray(values, float).ravel() for values in series)
    if not len(times) == len(one) == len(other):
        sizes = f"{len(times)} times, {len(one)} measured and {len(other)} predicted values"
        raise InputError(Finding(sizes, "give one of each per time"))
    if len(times) < 2 or not np.all(np.diff(times) > 0):
        raise InputError(Finding("times do not increase", "sort the rows and drop doubles"))
    for name, values in (("measured", one), ("predicted", other)):
        if np.isnan(values).any():
            row = int(np.flatnonzero(np.isnan(values))[0])
            raise InputError(
                Finding(f"{name} is NaN at {times[row]:g} s", "drop this time", field=name)
            )
    return times, one, other


def _summary(difference: Values, unit: str) -> str:
    rmse = float(np.sqrt(np.mean(difference**2)))
    worst = float(np.abs(difference).max())
    return (
        f"RMSE {rmse:.3g} {unit}, bias {difference.mean():+.2g} {unit}, largest {worst:.3g} {unit}"
    )


def _both(ax: Axes, axis: TimeAxis, one: Values, other: Values, label: str, title: str) -> None:
    ax.plot(axis.values, one, color=Colour.DEMAND.value, linewidth=2.2, label="measured")
    ax.plot(axis.values, other, color=Colour.SUPPLY.value, linewidth=1.2, label="predicted")
    dress(ax, y=label, title=title)
    legend_beside(ax)


def _faint(ax: Axes, axis: TimeAxis, judged: np.ndarray) -> None:
    """Shade what is not judged."""
    first = int(np.argmax(judged))
    if first > 0:
        begin, end = float(axis.values[0]), float(axis.values[first])
        ax.axvspan(begin, end, color=Colour.LOST.value, alpha=0.25, linewidth=0)
