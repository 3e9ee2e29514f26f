"""The network as a map: supply and return side by side, coloured by what flows in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line
from rexdynnet.plot.layout import MapLayout, layout_of
from rexdynnet.plot.read import Values, labels, total, variable
from rexdynnet.plot.style import (
    BAR,
    CELSIUS,
    FIELD_MAP,
    FLOW,
    RETURN_MAP,
    SUPPLY_MAP,
    Colour,
    Scale,
    figure_of,
    new_picture,
)
from rexdynnet.plot.times import Instant, clock, nearest_row

_PIECES = 10
_MOST_LABELS = 40
_MOST_ARROWS = 120
_WIDTHS_PT = (1.4, 5.5)


class MapQuantity(Enum):
    """What the colours of a map mean."""

    TEMPERATURE = "water temperature"
    MASS_FLOW = "mass flow"
    PRESSURE = "pressure, absolute"
    HEAT_LOSS = "heat loss per metre"


# Colours span at least this much, so that a hundredth of a degree does not look like a front.
_LEAST_SPAN = {MapQuantity.TEMPERATURE: 2.0, MapQuantity.PRESSURE: 0.1}
_SCALES = {
    MapQuantity.TEMPERATURE: CELSIUS,
    MapQuantity.MASS_FLOW: FLOW,
    MapQuantity.PRESSURE: BAR,
    MapQuantity.HEAT_LOSS: Scale("W/m"),
}


def network_map(
    result: xr.Dataset | Network,
    ax: Axes | None = None,
    *,
    time: Instant | None = None,
    quantity: MapQuantity | None = MapQuantity.TEMPERATURE,
) -> Figure:
    """A map of the network, coloured by a quantity of its pipes at one instant.

    Parameters
    ----------
    result : xr.Dataset or Network
        A result of `rexdynnet.simulate`; of a bare Network only the lines are drawn,
        as wide as their pipes.
    ax : Axes or None
        Where to draw; None makes a new figure.
    time : float, datetime, datetime64 or None
        Seconds since the start, or an instant in UTC; the nearest row is shown.
        None: the row in which the plants push most water.
    quantity : MapQuantity or None
        What the colours mean; None draws the lines alone.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where the result lacks a variable or `time` lies outside the run.

    Notes
    -----
    Lines are as wide as the flow and arrows show where it goes. The distance between
    supply and return is for the eye; it is not to scale. A place whose substation is
    not fully served has a ring around it. A network without coordinates is laid out
    by its connections, and the title says so.
    """
    plan = layout_of(result)
    if ax is None:
        ax = new_picture(plan.height_inch).subplots()
    ax.set_aspect("equal", adjustable="datalim")
    if isinstance(result, Network):
        lines: list[Line2D] = _draw_bare(ax, plan, result)
        unserved: tuple[str, ...] = ()
        title = f"{result.name}; lines as wide as the pipes' diameters"
    elif quantity is None:
        lines, unserved, title = [], (), str(result.attrs.get("network", ""))
        segments = plan.segments(range(len(plan.starts)), 1).reshape(-1, 2, 2)
        ax.add_collection(LineCollection(list(segments), colors="0.7", linewidths=1.5))
    else:
        row = _busiest(result) if time is None else nearest_row(result, time)
        lines = []
        _draw_result(ax, plan, result, row, quantity)
        unserved = _unserved(result, row)
        name = str(result.attrs.get("network", ""))
        title = ", ".join(part for part in (name, quantity.value, clock(result, row)) if part)
    if plan.schematic:
        title += " (no coordinates: not to scale)"
    _draw_places(ax, plan, unserved, lines)
    ax.set_title(title, loc="left", fontsize=10)
    for side in ("x", "y"):
        getattr(ax, f"set_{side}label")("" if plan.schematic else f"{side} (m)")
        ax.tick_params(axis=side, labelsize=8, length=0 if plan.schematic else 3)
    if plan.schematic:
        ax.set_xticks([])
        ax.set_yticks([])
    hidden = ["top", "right", "bottom", "left"] if plan.schematic else ["top", "right"]
    ax.spines[hidden].set_visible(False)
    _make_room(ax, plan)
    return figure_of(ax)


def _make_room(ax: Axes, plan: MapLayout) -> None:
    """Keep names beside symbols off the frame: an equal aspect eats margins, but not data."""
    low, high = float(ax.dataLim.x0), float(ax.dataLim.x1)
    aside = 0.016 * plan.longest_sideways * (high - low)
    ax.update_datalim([(low - aside, ax.dataLim.y0), (high + aside, ax.dataLim.y1)])
    ax.margins(x=0.05, y=0.1)
    ax.autoscale_view()


def _busiest(result: xr.Dataset) -> int:
    return int(np.argmax(np.abs(total(result, "plant_mass_flow"))))


def _unserved(result: xr.Dataset, row: int) -> tuple[str, ...]:
    if "substation_unserved_heat" not in result.variables:
        return ()
    missing = variable(result, "substation_unserved_heat")[row]
    demand = variable(result, "substation_heat_demand")[row]
    short = missing > np.maximum(1e-3 * demand, 1.0)
    return tuple(n for n, bad in zip(labels(result, "substation"), short, strict=True) if bad)


@dataclass(frozen=True)
class _Track:
    """The drawn pipes of one line."""

    segments: Values
    values: Values
    widths: Values


def _draw_bare(ax: Axes, plan: MapLayout, network: Network) -> list[Line2D]:
    diameter = np.array([pipe.inner_diameter_m for pipe in network.pipes])
    widths = plan.fineness * _widths(diameter)
    handles: list[Line2D] = []
    for line, colour in ((Line.SUPPLY, Colour.SUPPLY), (Line.RETURN, Colour.RETURN)):
        mine = [i for i, pipe in enumerate(network.pipes) if pipe.line is line]
        if mine:
            segments = plan.segments(mine, 1).reshape(-1, 2, 2)
            ax.add_collection(
                LineCollection(
                    list(segments), colors=colour.value, linewidths=widths[mine], capstyle="round"
                )
            )
            handles.append(Line2D([], [], color=colour.value, label=f"{line.value} line"))
    ax.autoscale_view()
    return handles


def _draw_result(
    ax: Axes, plan: MapLayout, result: xr.Dataset, row: int, quantity: MapQuantity
) -> None:
    scale = _SCALES[quantity]
    ends = [scale(end) for end in _pipe_ends(result, row, quantity)]
    flow = variable(result, "pipe_mass_flow")[row]
    widths = plan.fineness * _widths(np.abs(flow))
    lines = labels(result, "pipe_line")
    # The two lines differ by far more than a line within itself: each gets its own colours.
    apart = quantity in (MapQuantity.TEMPERATURE, MapQuantity.PRESSURE)
    groups: list[tuple[str, list[int], Colormap]] = []
    if apart:
        # The last colour bar stands nearest to the map.
        for line, colours in ((Line.RETURN, RETURN_MAP), (Line.SUPPLY, SUPPLY_MAP)):
            mine = [i for i, name in enumerate(lines) if name == line.value]
            groups.append((f"{line.value} line", mine, colours))
    else:
        groups.append(("", list(range(len(lines))), FIELD_MAP))
    fraction = (np.arange(_PIECES) + 0.5) / _PIECES
    for text, mine, colours in groups:
        if not mine:
            continue
        near, far = ends[0][mine], ends[1][mine]
        values = near[:, None] * (1 - fraction) + far[:, None] * fraction
        norm = _norm(values, _LEAST_SPAN.get(quantity, 0.0))
        collection = LineCollection(
            list(plan.segments(mine, _PIECES).reshape(-1, 2, 2)),
            array=values.ravel(),
            cmap=colours,
            norm=norm,
            linewidths=np.repeat(widths[mine], _PIECES),
            capstyle="round",
        )
        collection.set_gid(f"pipes {text}".strip())
        ax.add_collection(collection)
        bar = figure_of(ax).colorbar(
            ScalarMappable(norm, colours), ax=ax, pad=0.01, fraction=0.05, aspect=32
        )
        bar.set_label(f"{text + ', ' if text else ''}{quantity.value} ({scale.unit})", fontsize=9)
        bar.ax.tick_params(labelsize=8)
    ax.autoscale_view()
    _draw_arrows(ax, plan, flow)


def _pipe_ends(result: xr.Dataset, row: int, quantity: MapQuantity) -> tuple[Values, Values]:
    """SI values at the `from` and the `to` end of each pipe."""
    if quantity is MapQuantity.TEMPERATURE:
        inlet = variable(result, "pipe_inlet_temperature")[row]
        return inlet, variable(result, "pipe_outlet_temperature")[row]
    if quantity is MapQuantity.PRESSURE:
        pressure = dict(
            zip(labels(result, "node"), variable(result, "node_pressure")[row], strict=True)
        )
        tail = np.array([pressure[node] for node in labels(result, "pipe_from")])
        return tail, np.array([pressure[node] for node in labels(result, "pipe_to")])
    if quantity is MapQuantity.MASS_FLOW:
        flow = np.abs(variable(result, "pipe_mass_flow")[row])
        return flow, flow
    loss = variable(result, "pipe_heat_loss")[row] / variable(result, "pipe_length_m")
    return loss, loss


def _norm(values: Values, least: float) -> Normalize:
    low, high = float(values.min()), float(values.max())
    span = max(high - low, least, 1e-6 * abs(high), 1e-12)
    return Normalize(high - span, high)


def _widths(size: Values) -> Values:
    thin, thick = _WIDTHS_PT
    largest = float(size.max()) if size.size else 0.0
    # By the root: the eye compares areas, and branches stay visible beside the mains.
    return thin + (thick - thin) * np.sqrt(size / (largest or 1.0))


def _draw_arrows(ax: Axes, plan: MapLayout, flow: Values) -> None:
    """Arrow heads at the middles of the longest pipes, the way the water goes."""
    most = float(np.abs(flow).max()) if flow.size else 0.0
    moving = np.flatnonzero(np.abs(flow) > 1e-4 * most) if most > 0 else np.array([], int)
    drawn = moving[np.argsort(-plan.lengths[moving], kind="stable")][:_MOST_ARROWS]
    for i in drawn:
        tail, head = plan.segments([int(i)], 1).reshape(2, 2)
        if flow[i] < 0:
            tail, head = head, tail
        # A little downstream of the middle: beside it stands the arrow of the other line.
        x, y = tail + 0.56 * (head - tail)
        degrees = float(np.degrees(np.arctan2(*(head - tail)[::-1])))
        (arrow,) = ax.plot(
            [x],
            [y],
            marker=(3, 0, degrees - 90.0),
            markersize=max(3.0, 7.0 * plan.fineness),
            color=Colour.DEMAND.value,
            markeredgecolor="white",
            markeredgewidth=0.5,
            zorder=4,
        )
        arrow.set_gid("arrow")


_SYMBOLS = {
    "plant": ("s", 110.0, Colour.DEMAND, "plant"),
    "tank": ("D", 70.0, Colour.STORED, "tank"),
    "dump": ("v", 70.0, Colour.UNSERVED, "dump"),
    "substation": ("o", 34.0, Colour.DELIVERED, "substation"),
}


def _draw_places(
    ax: Axes, plan: MapLayout, unserved: tuple[str, ...], lines: Sequence[Line2D]
) -> None:
    handles: list[Any] = list(lines)
    crowd = len(plan.places["substation"])
    for kind, (marker, size, colour, text) in _SYMBOLS.items():
        places = plan.places[kind]
        if not places:
            continue
        x, y = np.array([place.position for place in places]).T
        area = size * min(1.0, max(0.25, 40 / crowd)) if kind == "substation" else size
        dots = ax.scatter(
            x,
            y,
            s=area,
            marker=marker,
            color=colour.value,
            edgecolors="white",
            linewidths=0.8,
            zorder=6 if kind != "substation" else 5,
            label=f"{text}s: {plan.prefix}…" if kind == "substation" and plan.prefix else text,
        )
        dots.set_gid(kind)
        handles.append(dots)
        if kind != "substation" or crowd <= _MOST_LABELS:
            for place in places:
                _name(ax, plan, place.name, place.position, place.outward, kind == "plant")
    short = [place.position for place in plan.places["substation"] if place.name in unserved]
    if short:
        x, y = np.array(short).T
        ring = ax.scatter(
            x,
            y,
            s=150,
            facecolors="none",
            edgecolors=Colour.UNSERVED.value,
            linewidths=2.0,
            zorder=7,
            label="not fully served",
        )
        ring.set_gid("not fully served")
        handles.append(ring)
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.01 if plan.schematic else -0.65 / plan.height_inch),
        ncols=5,
        fontsize=8,
        frameon=False,
        handletextpad=0.3,
    )


_ALIGN_X = {-1: "right", 0: "center", 1: "left"}
_ALIGN_Y = {-1: "top", 0: "center", 1: "bottom"}


def _name(ax: Axes, plan: MapLayout, text: str, at: Values, outward: Values, bold: bool) -> None:
    """Write a name beside its symbol, on the side away from its pipes."""
    x, y = outward
    ax.annotate(
        plan.short_name(text),
        (float(at[0]), float(at[1])),
        xytext=(9 * x, 9 * y),
        textcoords="offset points",
        ha=_ALIGN_X[int(np.sign(x))],
        va=_ALIGN_Y[int(np.sign(y))],
        fontsize=9 if bold else 7.5,
        fontweight="bold" if bold else "normal",
        zorder=8,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8},
    )
