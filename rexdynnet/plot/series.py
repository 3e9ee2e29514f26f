"""Pictures of quantities over time: flows, heats, a tank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import (
    Values,
    labels,
    optional,
    position,
    total,
    unknown,
    variable,
)
from rexdynnet.plot.style import (
    CELSIUS,
    DASHES,
    FIELD_MAP,
    FLOW,
    Colour,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
    new_picture,
    power_scale,
)
from rexdynnet.plot.times import TimeAxis, readable, seconds, time_axis

# Heats are means over the interval that ends at their time.
MEAN = "steps-pre"


def flows(result: xr.Dataset, ax: Axes | None = None, *, components: Sequence[str] = ()) -> Figure:
    """Mass flows over time.

    Parameters
    ----------
    result : xr.Dataset
    ax : Axes or None
        Where to draw; None makes a new figure.
    components : sequence of str
        Names of pipes, substations, plants, tanks, dumps, pumps, valves or bypasses.
        Empty: every plant and tank, and the sums over substations, bypasses and dumps.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where a name or a variable is missing.

    Notes
    -----
    A run of more than 60 days is drawn by its daily means, and the time axis says so.
    """
    result = readable(result)
    ax = axes_or_new(ax)
    times = time_axis(result)
    lines = _named_flows(result, components) if components else _overall_flows(result)
    for i, (text, values) in enumerate(lines):
        colour = _LINE_COLOURS[i % len(_LINE_COLOURS)]
        dash = DASHES[i // len(_LINE_COLOURS) % len(DASHES)]
        if text.startswith("all "):
            # A sum often lies on the plant's own curve, which must stay visible.
            colour, dash = (Colour.DEMAND if "substations" in text else Colour.LOST), (0, (1, 2))
        ax.plot(
            times.values,
            FLOW(values),
            label=text,
            linewidth=1.4,
            color=colour.value,
            linestyle=dash,
        )
    if any(np.min(values) < 0 for _, values in lines):
        ax.axhline(0.0, color=Colour.DEMAND.value, linewidth=0.8)
    else:
        ax.set_ylim(0.0, 1.05 * max(float(np.max(values)) for _, values in lines) or 1.0)
    dress(ax, y="mass flow (kg/s)")
    times.dress(ax)
    legend_beside(ax)
    return figure_of(ax)


_LINE_COLOURS = (
    Colour.SUPPLY,
    Colour.RETURN,
    Colour.DELIVERED,
    Colour.STORED,
    Colour.UNSERVED,
    Colour.OUTDOOR,
)
_FLOWING = ("pipe", "substation", "plant", "tank", "dump", "pump", "valve", "bypass")


def _named_flows(result: xr.Dataset, components: Sequence[str]) -> list[tuple[str, Values]]:
    kinds = {name: kind for kind in _FLOWING for name in labels(result, kind)}
    lines = []
    for name in components:
        if name not in kinds:
            raise unknown("component", name, kinds)
        column = position(result, kinds[name], name)
        lines.append((name, variable(result, f"{kinds[name]}_mass_flow")[:, column]))
    return lines


def _overall_flows(result: xr.Dataset) -> list[tuple[str, Values]]:
    plant = variable(result, "plant_mass_flow")
    lines = [(name, plant[:, i]) for i, name in enumerate(labels(result, "plant"))]
    for kind, text in (("substation", "all substations"), ("bypass", "all bypasses")):
        if f"{kind}_mass_flow" in result.variables:
            lines.append((text, total(result, f"{kind}_mass_flow")))
    tank = optional(result, "tank_mass_flow")
    if tank is not None:
        lines += [(f"{n} (+ charges)", tank[:, i]) for i, n in enumerate(labels(result, "tank"))]
    if "dump_mass_flow" in result.variables:
        lines.append(("all dumps", total(result, "dump_mass_flow")))
    return lines


def heats(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Heat that plants feed in against heat demanded, delivered and not served.

    Parameters
    ----------
    result : xr.Dataset
    ax : Axes or None
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where the result lacks the plants' or substations' heat.

    Notes
    -----
    Each value is the mean over the output interval that ends at its time. The gap
    between the plants and what is delivered is lost, stored or dumped.
    A run of more than 60 days is drawn by its daily means, and the time axis says so.
    """
    result = readable(result)
    ax = axes_or_new(ax)
    times = time_axis(result)
    plant = variable(result, "plant_heat")
    delivered = variable(result, "substation_heat").sum(axis=1)
    scale = power_scale(plant.sum(axis=1), delivered)
    filled = ax.fill_between(
        times.values,
        0.0,
        scale(delivered),
        step="pre",
        label="delivered",
        linewidth=0.0,
        color=Colour.DELIVERED.value,
        alpha=0.35,
    )
    filled.set_gid("delivered")
    if "substation_heat_demand" in result.variables:
        demand = scale(total(result, "substation_heat_demand"))
        _steps(ax, times, demand, "demanded", Colour.DEMAND, linewidth=0.9)
    names = labels(result, "plant")
    _steps(ax, times, scale(plant.sum(axis=1)), _all(names, "plants"), Colour.SUPPLY)
    if len(names) > 1:
        for i, name in enumerate(names):
            dash = DASHES[(i + 1) % len(DASHES)]
            _steps(ax, times, scale(plant[:, i]), name, Colour.SUPPLY, linewidth=1, linestyle=dash)
    for kind, text in (("tank", "into tanks"), ("dump", "dumped")):
        if f"{kind}_heat" in result.variables:
            colour = Colour.STORED if kind == "tank" else Colour.LOST
            _steps(ax, times, scale(total(result, f"{kind}_heat")), text, colour, linewidth=1.2)
    unserved = total(result, "substation_unserved_heat")
    if np.max(unserved) > 1e-6 * max(float(np.max(delivered)), 1.0):
        ax.fill_between(
            times.values,
            scale(delivered),
            scale(delivered + unserved),
            step="pre",
            color=Colour.UNSERVED.value,
            linewidth=0.0,
            label="not served",
            alpha=0.8,
        )
    if all(np.min(line.get_ydata()) >= 0 for line in ax.lines):
        ax.set_ylim(bottom=0.0)
    dress(ax, y=f"heat ({scale.unit})")
    times.dress(ax)
    legend_beside(ax)
    return figure_of(ax)


def tank(result: xr.Dataset, ax: Axes | None = None, *, name: str | None = None) -> Figure:
    """Temperatures of a tank's layers over time.

    Parameters
    ----------
    result : xr.Dataset
    ax : Axes or None
        Where to draw; None makes a new figure, with a panel per tank.
    name : str or None
        Tank; None: all of them, or the only one where `ax` is given.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where there is no such tank, or several for one `ax`.

    Notes
    -----
    A run of more than 60 days is drawn by its daily means, and the time axis says so.
    """
    result = readable(result)
    tanks = labels(result, "tank")
    chosen = tanks if name is None else (tanks[position(result, "tank", name)],)
    if not chosen:
        raise InputError(Finding("the result has no tank", "plot a network with a tank"))
    if ax is not None and len(chosen) > 1:
        raise InputError(
            Finding("the result has several tanks", f"give name=, one of {', '.join(tanks)}")
        )
    panels = [ax] if ax is not None else _stack(len(chosen))
    for panel, one in zip(panels, chosen, strict=True):
        _draw_tank(result, panel, one)
    return figure_of(panels[0])


def _stack(count: int) -> list[Axes]:
    panels = new_picture(1.5 + 2.5 * count).subplots(count, 1, squeeze=False)
    return list(panels[:, 0])


def _draw_tank(result: xr.Dataset, ax: Axes, name: str) -> None:
    column = position(result, "tank", name)
    layers = CELSIUS(variable(result, "tank_temperature")[:, column, :])
    times = time_axis(result)
    count = layers.shape[1]
    for i in range(count):
        text = "top" if i == 0 else "bottom" if i == count - 1 else "_nolegend_"
        colour = FIELD_MAP(0.95 - 0.95 * i / max(count - 1, 1))
        width = 2.0 if i in (0, count - 1) else 1.0
        ax.plot(times.values, layers[:, i], color=colour, label=text, linewidth=width)
    dress(ax, y="temperature (°C)", title=f"{name}: {count} layers")
    times.dress(ax)
    legend_beside(ax)


def duration_h(result: xr.Dataset) -> Values:
    """Length of the interval that ends at each row but the first, in hours.

    Parameters
    ----------
    result : xr.Dataset

    Returns
    -------
    ndarray of shape (time - 1,)
    """
    return np.diff(seconds(result)) / 3600.0


def _steps(
    ax: Axes, times: TimeAxis, values: Values, text: str, colour: Colour, **kwargs: object
) -> None:
    kwargs.setdefault("linewidth", 1.6)
    ax.plot(times.values, values, drawstyle=MEAN, label=text, color=colour.value, **kwargs)  # pyright: ignore[reportArgumentType]


def _all(names: Sequence[str], kind: str) -> str:
    return names[0] if len(names) == 1 else f"all {kind}"
