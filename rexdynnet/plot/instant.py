"""One substation around one instant."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.plot.read import labels, optional, unknown, variable
from rexdynnet.plot.style import (
    BAR,
    CELSIUS,
    Colour,
    Scale,
    dress,
    legend_beside,
    new_picture,
    power_scale,
)
from rexdynnet.plot.times import Instant, nearest_row, seconds, time_axis

_WINDOW_S = 6 * 3600.0


def instant(
    result: xr.Dataset, substation: str, time: Instant, *, window_s: float = _WINDOW_S
) -> Figure:
    """Heat, temperatures and differential pressure of a substation around an instant.

    Parameters
    ----------
    result : xr.Dataset
    substation : str
    time : float, datetime or datetime64
        Seconds since the start, or an instant.
    window_s : float
        How much to show, half of it before the instant.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        There is no such substation, or the instant lies outside the run.
    """
    names = labels(result, "substation")
    if substation not in names:
        raise unknown("substation", substation, names)
    row = nearest_row(result, time)
    time_s = seconds(result)
    near = np.flatnonzero(np.abs(time_s - time_s[row]) <= 0.5 * window_s)
    first = max(min(int(near[0]), row - 1), 0)
    part = result.isel(time=slice(first, max(int(near[-1]), row + 1) + 1))
    part = part.sel(substation=[substation])
    times = time_axis(part)
    at = float(times.values[row - first])
    picture = new_picture(5.4)
    panels = list(picture.subplots(3, 1, sharex=True))

    demand, heat = (variable(part, f"substation_heat{end}")[:, 0] for end in ("_demand", ""))
    scale = power_scale(demand, heat)
    lines = (("demanded", demand, Colour.DEMAND), ("delivered", heat, Colour.DELIVERED))
    for text, values, colour in lines:
        panels[0].plot(
            times.values, scale(values), color=colour.value, drawstyle="steps-pre", label=text
        )
    dress(panels[0], y=f"heat ({scale.unit})", title=substation)

    for text, colour in (("supply", Colour.SUPPLY), ("return", Colour.RETURN)):
        values = variable(part, f"substation_{text}_temperature")[:, 0]
        panels[1].plot(times.values, CELSIUS(values), color=colour.value, label=text)
    _bound(panels[1], part, "substation_minimum_supply_temperature", CELSIUS)
    dress(panels[1], y="temperature (°C)")

    pressure = variable(part, "substation_differential_pressure")[:, 0]
    panels[2].plot(times.values, BAR(pressure), color=Colour.OUTDOOR.value, label="pressure")
    _bound(panels[2], part, "substation_minimum_differential_pressure", BAR)
    dress(panels[2], y="Δp (bar)")

    for panel in panels:
        panel.axvline(at, color=Colour.UNSERVED.value, linewidth=1.4, linestyle="--")
        legend_beside(panel)
        times.dress(panel, label=panel is panels[-1])
    picture.align_ylabels(panels)
    return picture


def _bound(ax: Axes, part: xr.Dataset, name: str, scale: Scale) -> None:
    limit = optional(part, name)
    if limit is not None:
        ax.axhline(float(scale(limit[0])), color=Colour.LOST.value, linestyle=":", label="contract")
