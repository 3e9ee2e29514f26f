"""Pictures of a replay: recorded operation beside what the controller would have done."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.balance import sorted_load
from rexdynnet.plot.comparison import measured_against_predicted
from rexdynnet.plot.read import Values
from rexdynnet.plot.style import (
    BAR,
    CELSIUS,
    DASHES,
    FLOW,
    WIDTH_INCH,
    Colour,
    Scale,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
    new_picture,
    power_scale,
)
from rexdynnet.plot.times import axis_of_seconds, start

_CASES = {
    "recorded": ("recorded", Colour.DEMAND, DASHES[0]),
    "modelled": ("recorded, by the model", Colour.RETURN, DASHES[1]),
    "instead": ("by the controller", Colour.SUPPLY, DASHES[2]),
}
_SCALES = {"K": CELSIUS, "Pa": BAR, "kg/s": FLOW}
_PANEL_INCH = 1.55


def load_durations(replay: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Load-duration curves of all plants: recorded, modelled, and under the controller.

    Parameters
    ----------
    replay : xr.Dataset
        `Replay.data`.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The dataset is none of a replay.
    """
    heat = _need(replay, "total_heat").to_numpy()
    ax = axes_or_new(ax)
    hours = np.diff(replay["time"].to_numpy()) / 3600.0
    scale = power_scale(heat[np.isfinite(heat)])
    peak = 0.0
    for row, case in enumerate(replay["case"].to_numpy()):
        if not np.isfinite(heat[row, 1:]).all():
            continue
        label, colour, dash = _CASES[str(case)]
        x, y = sorted_load(heat[row, 1:], hours)
        ax.step(x, scale(y), where="pre", color=colour.value, linestyle=dash, label=label)
        peak = max(peak, float(scale(y).max()))
    ax.set_xlim(0.0, float(hours.sum()))
    ax.set_ylim(0.0, 1.05 * peak or 1.0)
    dress(ax, x="duration (h)", y=f"heat of all plants ({scale.unit})")
    legend_beside(ax)
    return figure_of(ax)


def shadow_commands(replay: xr.Dataset) -> Figure:
    """What was commanded and what the controller would have commanded, a panel each.

    Parameters
    ----------
    replay : xr.Dataset
        `Replay.data`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The dataset is none of a replay.
    """
    commanded, shadow = _need(replay, "commanded"), _need(replay, "shadow")
    axis = axis_of_seconds(replay["control_time"].to_numpy(), start(replay))
    names = [str(name) for name in replay["control"].to_numpy()]
    panels = np.atleast_1d(
        new_picture(max(3.0, _PANEL_INCH * len(names)), WIDTH_INCH).subplots(
            len(names), sharex=True
        )
    )
    for place, (name, panel) in enumerate(zip(names, panels, strict=True)):
        both = commanded.to_numpy()[:, place], shadow.to_numpy()[:, place]
        scale = _scale_of(str(replay["control_unit"].to_numpy()[place]), both[0])
        for values, text, colour, dash in (
            (both[0], "recorded", Colour.DEMAND, DASHES[0]),
            (both[1], "controller", Colour.SUPPLY, DASHES[1]),
        ):
            panel.step(
                axis.values,
                scale(values),
                where="post",
                label=text,
                color=colour.value,
                linestyle=dash,
                linewidth=1.1,
            )
        dress(panel, y=scale.unit, title=name.replace("_", " "))
    axis.dress(panels[-1])
    legend_beside(panels[0])
    return figure_of(panels[0])


def model_follows(replay: xr.Dataset, reading: str = "", ax: Axes | None = None) -> Figure:
    """One reading as recorded and as the model gives it under the recorded commands.

    Parameters
    ----------
    replay : xr.Dataset
        `Replay.data`.
    reading : str
        Empty: the supply temperature that the model follows worst.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        There is no such reading.
    """
    recorded, modelled = _need(replay, "recorded"), _need(replay, "modelled")
    names = [str(name) for name in replay["reading"].to_numpy()]
    if not reading:
        miss = np.nanmean((recorded - modelled).to_numpy() ** 2, axis=0)
        warm = [i for i, name in enumerate(names) if name.endswith(".supply_temperature")]
        reading = names[max(warm or range(len(names)), key=lambda i: miss[i])]
    if reading not in names:
        raise InputError(Finding(f"there is no reading {reading}", f"use one of {names[:5]} ..."))
    place = names.index(reading)
    measured = recorded.to_numpy()[:, place]
    sound = np.isfinite(measured)
    return measured_against_predicted(
        replay["time"].to_numpy()[sound],
        measured[sound],
        modelled.to_numpy()[sound, place],
        ax,
        scale=_scale_of(str(replay["reading_unit"].to_numpy()[place]), measured[sound]),
        quantity=reading.rpartition(".")[2].replace("_", " "),
        title=reading,
        start_utc=start(replay),
    )


def _scale_of(unit: str, values: Values) -> Scale:
    return _SCALES.get(unit) or (power_scale(values) if unit == "W" else Scale(unit))


def _need(replay: xr.Dataset, name: str) -> xr.DataArray:
    if name not in replay:
        raise InputError(Finding(f"there is no {name}", "give the data of a replay"))
    return replay[name]
