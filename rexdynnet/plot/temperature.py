"""Pictures of temperatures over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.network.spec import Line
from rexdynnet.plot.read import (
    Values,
    labels,
    optional,
    position,
    variable,
)
from rexdynnet.plot.style import (
    CELSIUS,
    DASHES,
    Colour,
    Scale,
    dress,
    figure_of,
    legend_beside,
    new_picture,
)
from rexdynnet.plot.times import TimeAxis, readable, time_axis

_LINE_COLOUR = {Line.SUPPLY: Colour.SUPPLY, Line.RETURN: Colour.RETURN}


def temperatures(
    result: xr.Dataset, ax: Axes | None = None, *, substations: Sequence[str] = ()
) -> Figure:
    """Supply and return temperatures of plants and substations over time.

    Parameters
    ----------
    result : xr.Dataset
        From `rexdynnet.simulate`.
    ax : Axes or None
        Where to draw. None makes a new figure, in which the outdoor temperature (if
        the result has it) gets a panel of its own; into a given `ax` only the water
        temperatures are drawn.
    substations : sequence of str
        Substations to draw as lines of their own on top of the band of all.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where the result lacks a variable or a named substation.

    Notes
    -----
    The bands span the coldest to the warmest substation, the inner ones the middle
    80 % of them. Where a substation draws nothing its water stands and cools, which
    widens the band. A run of more than 60 days is drawn by its daily means, and the
    time axis says so.
    """
    result = readable(result)
    if ax is not None:
        draw_temperatures(result, ax, substations)
        time_axis(result).dress(ax)
        return figure_of(ax)
    outdoor = optional(result, "outdoor_temperature")
    times = time_axis(result)
    if outdoor is None:
        picture = new_picture()
        return temperatures(result, picture.subplots(), substations=substations)
    picture = new_picture(5.0)
    top, bottom = picture.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    draw_temperatures(result, top, substations)
    draw_outdoor(result, bottom)
    times.dress(top, label=False)
    times.dress(bottom)
    return picture


def draw_temperatures(
    result: xr.Dataset,
    ax: Axes,
    substations: Sequence[str] = (),
    lines: Sequence[Line] = (Line.SUPPLY, Line.RETURN),
) -> None:
    """Draw plants' and substations' water temperatures; the time axis stays undressed.

    Parameters
    ----------
    result : xr.Dataset
    ax : Axes
    substations : sequence of str
    lines : sequence of Line
        Supply, return or both.
    """
    times = time_axis(result)
    sides = [(line.value, _LINE_COLOUR[line]) for line in lines]
    for side, colour in sides:
        band = optional(result, f"substation_{side}_temperature")
        if band is not None:
            _band(ax, times, band, CELSIUS, colour, f"substations, {side}")
    plants = labels(result, "plant")
    for side, colour in sides:
        values = CELSIUS(variable(result, f"plant_{side}_temperature"))
        for i, name in enumerate(plants):
            dash = DASHES[i % len(DASHES)]
            text = f"{name}, {side}"
            ax.plot(times.values, values[:, i], color=colour.value, linestyle=dash, label=text)
    for i, name in enumerate(substations):
        column = position(result, "substation", name)
        for side, colour in sides:
            values = CELSIUS(variable(result, f"substation_{side}_temperature")[:, column])
            dash = DASHES[(i + 1) % len(DASHES)]
            ax.plot(
                times.values,
                values,
                color=_darker(colour),
                linestyle=dash,
                linewidth=1.0,
                label=f"{name}, {side}",
            )
    _at_least_high(ax, 2.0)
    dress(ax, y="water temperature (°C)" if len(lines) > 1 else f"{lines[0].value} (°C)")
    legend_beside(ax)


def _at_least_high(ax: Axes, height: float) -> None:
    """Widen the y axis where nothing happens: noise shall not look like an event."""
    low, high = ax.get_ylim()
    if high - low < height:
        middle = (low + high) / 2
        ax.set_ylim(middle - height / 2, middle + height / 2)


def draw_outdoor(result: xr.Dataset, ax: Axes) -> None:
    """Draw outdoor and ground temperature, as far as the result has them.

    Parameters
    ----------
    result : xr.Dataset
    ax : Axes
    """
    times = time_axis(result)
    for name, colour in (("outdoor", Colour.OUTDOOR), ("ground", Colour.LOST)):
        values = optional(result, f"{name}_temperature")
        if values is not None:
            ax.plot(times.values, CELSIUS(values), color=colour.value, label=name, linewidth=1.2)
    dress(ax, y="weather (°C)")
    legend_beside(ax)


def _band(
    ax: Axes, times: TimeAxis, values: Values, scale: Scale, colour: Colour, text: str
) -> None:
    shown = scale(values)
    if shown.shape[1] == 1:
        ax.plot(times.values, shown[:, 0], color=_darker(colour), linewidth=1, label=text)
        return
    low, high = shown.min(axis=1), shown.max(axis=1)
    ax.fill_between(
        times.values, low, high, color=colour.value, alpha=0.3, linewidth=0.9, label=text
    )
    if shown.shape[1] >= 20:
        inner = np.quantile(shown, (0.1, 0.9), axis=1)
        ax.fill_between(
            times.values, inner[0], inner[1], color=colour.value, alpha=0.25, linewidth=0
        )


def _darker(colour: Colour) -> tuple[float, ...]:
    from matplotlib.colors import to_rgb

    return tuple(0.6 * part for part in to_rgb(colour.value))
