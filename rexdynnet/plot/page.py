"""The trajectories of a run on one page."""

from __future__ import annotations

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.network.spec import Line
from rexdynnet.plot.read import Values, labels, optional, variable
from rexdynnet.plot.series import flows, heats
from rexdynnet.plot.style import (
    BAR,
    DASHES,
    Colour,
    dress,
    legend_beside,
    new_picture,
)
from rexdynnet.plot.temperature import draw_outdoor, draw_temperatures
from rexdynnet.plot.times import TimeAxis, readable, time_axis


def overview(result: xr.Dataset) -> Figure:
    """Weather, water temperatures, heats, flows and differential pressures on one page.

    Parameters
    ----------
    result : xr.Dataset
        From `rexdynnet.simulate`.

    Returns
    -------
    matplotlib.figure.Figure
        Always a new one; panels that the result has no data for are left away.

    Raises
    ------
    InputError
        Where the result lacks the plants' or substations' basic quantities.

    Notes
    -----
    A run of more than 60 days is drawn by its daily means, and the time axis says so.
    """
    result = readable(result)
    weather = any(f"{name}_temperature" in result.variables for name in ("outdoor", "ground"))
    pressures = optional(result, "substation_differential_pressure")
    heights = [1.0] * weather + [1.5, 1.1, 1.8, 1.3] + [1.2] * (pressures is not None)
    picture = new_picture(1.3 * sum(heights))
    panels = list(picture.subplots(len(heights), 1, sharex=True, height_ratios=heights))
    times = time_axis(result)
    rest = iter(panels)
    if weather:
        draw_outdoor(result, next(rest))
    for line in (Line.SUPPLY, Line.RETURN):
        draw_temperatures(result, next(rest), lines=(line,))
    heats(result, next(rest))
    flows(result, next(rest))
    if pressures is not None:
        _draw_differential_pressures(result, next(rest), times, pressures)
    for ax in panels:
        times.dress(ax, label=ax is panels[-1])
    for ax in panels[:-1]:
        ax.set_xlabel("")
    picture.align_ylabels(panels)
    name, method = (str(result.attrs.get(key, "")) for key in ("network", "method"))
    title = ", ".join(part for part in (name, f"method {method}" if method else "") if part)
    if title:
        picture.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return picture


def _draw_differential_pressures(
    result: xr.Dataset, ax: Axes, times: TimeAxis, pressures: Values
) -> None:
    plant = BAR(variable(result, "plant_differential_pressure"))
    for i, name in enumerate(labels(result, "plant")):
        ax.plot(
            times.values,
            plant[:, i],
            color=Colour.SUPPLY.value,
            linestyle=DASHES[i % len(DASHES)],
            label=name,
        )
    shown = BAR(pressures)
    low, high = shown.min(axis=1), shown.max(axis=1)
    ax.fill_between(
        times.values,
        low,
        high,
        color=Colour.DELIVERED.value,
        alpha=0.25,
        linewidth=0,
        label="substations",
    )
    ax.plot(
        times.values, low, color=Colour.DELIVERED.value, linewidth=1.2, label="lowest substation"
    )
    dress(ax, y="Δp (bar)")
    legend_beside(ax)
