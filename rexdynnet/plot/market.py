"""Pictures of a run's market: forward curves, book, inventory, energies, prices on the map."""

from __future__ import annotations

from datetime import timedelta

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.layout import layout_of
from rexdynnet.plot.maps import network_map
from rexdynnet.plot.read import Values, labels, unknown, variable
from rexdynnet.plot.style import (
    DASHES,
    Colour,
    axes_or_new,
    dress,
    energy_scale,
    figure_of,
    legend_beside,
    new_picture,
)
from rexdynnet.plot.times import axis_of_seconds, start

_GATES = 10
_COLUMNS = 4
_AGES = matplotlib.colormaps["cividis_r"]
_HOUR_S = 3600.0
# An axis grows to so many times what most prices span, to show all.
_FLATTENED = 4.0


def forward_curves(
    result: xr.Dataset, ax: Axes | None = None, *, participant: str | None = None
) -> Figure:
    """Forward curves of heat at one place as they evolve, and what heat cost in the end.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[market]`.
    ax : Axes or None
    participant : str or None
        Whose place; None: the place that took most.

    Returns
    -------
    matplotlib.figure.Figure
        One line per gate, darker the later it was published; black is the marginal cost at which
        each unit settled.

    Raises
    ------
    InputError
        The run had no market, or no such place.
    """
    _need(result)
    ax = axes_or_new(ax)
    place = _place(result, participant)
    _draw_gates(ax, result, result["forward_ask"].values[:, :, place])
    edges = _unit_edges(result)
    settled = variable(result, "market_marginal_price")[:, place]
    times = axis_of_seconds(edges, start(result))
    ax.stairs(
        settled, times.values, baseline=None, color=Colour.DEMAND.value, linewidth=1.6,
        label="marginal cost",
    )  # fmt: skip
    name = labels(result, "participant")[place]
    dress(ax, y="ask (EUR/MWh)", title=f"forward curves at {name}")
    _limit_prices(ax, result["forward_ask"].values[:, :, place], settled, times.values)
    axis_of_seconds(_span(result), start(result)).dress(ax)
    legend_beside(ax)
    return figure_of(ax)


def inventory(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """What the exchange had sold of every unit, gate by gate.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[market]`.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
        Net of injection; black is what was reserved when the gate closed.
    """
    _need(result)
    ax = axes_or_new(ax)
    sold = result["forward_sold"].values
    reserved = variable(result, "market_reserved_energy").sum(axis=1)
    scale = energy_scale(sold, reserved)
    # the unit that opened last has not been traded yet
    _draw_gates(ax, result, np.where(sold == 0.0, np.nan, scale(sold)))
    times = axis_of_seconds(_unit_edges(result), start(result))
    ax.stairs(
        scale(reserved), times.values, baseline=None, color=Colour.DEMAND.value, linewidth=1.6,
        label="reserved at\ngate closure",
    )  # fmt: skip
    dress(ax, y=f"sold per unit ({scale.unit})", title="inventory of the exchange")
    axis_of_seconds(_span(result), start(result)).dress(ax)
    legend_beside(ax)
    return figure_of(ax)


def order_book(
    result: xr.Dataset,
    ax: Axes | None = None,
    *,
    participant: str | None = None,
    gate: int = -1,
) -> Figure:
    """What was published at one place after one gate: prices and how much may follow.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[market]`.
    ax : Axes or None
        Where to draw the prices alone; None adds the depths.
    participant : str or None
        Whose place; None: the place that took most.
    gate : int
        Number of the publication; -1 is the last.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(result)
    place = _place(result, participant)
    starts = variable(result, "forward_start")[gate]
    edges = np.append(starts, starts[-1] + _unit_s(result))
    times = axis_of_seconds(edges, start(result))
    asks, bids = (result[f"forward_{side}"].values[gate, :, place] for side in ("ask", "bid"))
    alone = ax is not None
    panels = [ax] if ax is not None else list(new_picture(5.0).subplots(2, 1, sharex=True))
    for values, colour, name in ((asks, Colour.SUPPLY, "ask"), (bids, Colour.RETURN, "bid")):
        panels[0].stairs(
            values, times.values, baseline=None, color=colour.value, linewidth=1.6, label=name
        )
    name = labels(result, "participant")[place]
    clock = _clock(result, float(result["gate"].values[gate]))
    dress(panels[0], y="price (EUR/MWh)", title=f"the book at {name}{clock}")
    legend_beside(panels[0])
    if not alone:
        sale, wanted = (
            variable(result, f"forward_{side}")[gate, :, place] for side in ("for_sale", "wanted")
        )
        bounded = [np.where(np.isfinite(each), each, 0.0) for each in (sale, wanted)]
        scale = energy_scale(*bounded)
        for values, whole, colour, word in (
            (bounded[0], sale, Colour.SUPPLY, "can be bought"),
            (-bounded[1], wanted, Colour.RETURN, "can be given back"),
        ):
            label = word if np.isfinite(whole).all() else f"{word}: no bound"
            panels[1].stairs(
                scale(values), times.values, fill=True, color=colour.value, alpha=0.6, label=label
            )
        panels[1].axhline(0.0, color=Colour.DEMAND.value, linewidth=0.8)
        dress(panels[1], y=f"depth ({scale.unit})")
        legend_beside(panels[1])
    for panel in panels:
        times.dress(panel, label=panel is panels[-1])
    return figure_of(panels[0])


def reservations(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Reserved against demanded against delivered, participant by participant.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[market]`.
    ax : Axes or None
        Where to draw the sum over all consumers; None draws every participant.

    Returns
    -------
    matplotlib.figure.Figure
        What is fed in is drawn upwards too, and its panel says so.
    """
    _need(result)
    tables = tuple(
        variable(result, f"market_{word}_energy") for word in ("reserved", "demanded", "delivered")
    )
    scale = energy_scale(*(np.abs(table) for table in tables))
    times = axis_of_seconds(_unit_edges(result), start(result))
    if ax is not None:
        taken = tuple(np.maximum(table, 0.0).sum(axis=1) for table in tables)
        whole = energy_scale(*taken)
        _draw_energies(ax, times.values, *(whole(each) for each in taken))
        dress(ax, y=f"energy per unit ({whole.unit})", title="all consumers")
        legend_beside(ax)
        times.dress(ax)
        return figure_of(ax)
    names = labels(result, "participant")
    rows = -(-len(names) // _COLUMNS)
    figure = new_picture(0.6 + 1.25 * rows)
    panels = figure.subplots(rows, _COLUMNS, sharex=True, squeeze=False).ravel()
    for column, (panel, name) in enumerate(zip(panels, names, strict=False)):
        mine = [table[:, column] for table in tables]
        feeds = mine[1].sum() < 0 or mine[0].sum() < 0
        _draw_energies(panel, times.values, *(scale(-each if feeds else each) for each in mine))
        dress(panel, title=f"{name}, fed in" if feeds else name)
        panel.title.set_fontsize(8)
        panel.tick_params(labelsize=7)
        panel.set_ylim(bottom=0.0)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    for panel in panels[max(len(names) - _COLUMNS, 0) : len(names)]:
        panel.tick_params(labelbottom=True)
    for panel in panels[: len(names)]:
        _hours(panel, times.values)
    figure.supylabel(f"energy per unit ({scale.unit})", fontsize=9)
    figure.supxlabel("hour of the run", fontsize=9)
    handles, words = panels[0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure


def price_map(result: xr.Dataset, ax: Axes | None = None, *, unit: int | None = None) -> Figure:
    """What one more unit of heat cost at every place, on the network's map.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[market]`.
    ax : Axes or None
    unit : int or None
        Number of the run's unit; None: the unit in which places differ most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        There is no such unit, or the run had no market.
    """
    _need(result)
    prices = variable(result, "market_marginal_price")
    if unit is None:
        unit = int(np.argmax(np.ptp(prices, axis=1)))
    if not -len(prices) <= unit < len(prices):
        raise InputError(
            Finding(f"there is no unit {unit}", f"give one from 0 to {len(prices) - 1}")
        )
    plan = layout_of(result)
    ax = axes_or_new(ax, plan.height_inch)
    network_map(result, ax, quantity=None)
    at = {
        place.name: place.position
        for kind in ("substation", "plant")
        for place in plan.places[kind]
    }
    names = [name for name in labels(result, "participant") if name in at]
    columns = [labels(result, "participant").index(name) for name in names]
    values = prices[unit, columns]
    shades = Normalize(float(values.min()), max(float(values.max()), float(values.min()) + 0.1))
    x, y = np.array([at[name] for name in names]).T
    dots = ax.scatter(
        x, y, c=values, cmap="plasma", norm=shades, s=110, edgecolors="white", zorder=8
    )
    dots.set_gid("prices")
    figure_of(ax).colorbar(
        ScalarMappable(shades, "plasma"), ax=ax, label="marginal price (EUR/MWh)", shrink=0.8
    )
    moment = float(variable(result, "market_unit")[unit])
    ax.set_title(f"price of heat{_clock(result, moment)}", loc="left", fontsize=10)
    return figure_of(ax)


def _draw_gates(ax: Axes, result: xr.Dataset, values: Values) -> None:
    """One step line per gate, darker the later; not more than a handful."""
    begin = start(result)
    starts, unit_s = variable(result, "forward_start"), _unit_s(result)
    count = len(starts)
    shown = np.unique(np.linspace(0, count - 1, min(_GATES, count)).round().astype(int))
    for gate in shown:
        edges = np.append(starts[gate], starts[gate, -1] + unit_s)
        shade = _AGES(gate / max(count - 1, 1))
        moment = _clock(result, float(result["gate"].values[gate])).removeprefix(", ")
        label = f"published\n{moment}" if gate in (shown[0], shown[-1]) else None
        ax.stairs(
            values[gate], axis_of_seconds(edges, begin).values, baseline=None, color=shade,
            linewidth=1.1, label=label,
        )  # fmt: skip


def _draw_energies(
    ax: Axes, edges: Values, reserved: Values, demanded: Values, delivered: Values
) -> None:
    ax.stairs(
        delivered, edges, fill=True, color=Colour.DELIVERED.value, alpha=0.35, label="delivered"
    )
    ax.stairs(reserved, edges, color=Colour.SUPPLY.value, linewidth=1.2, label="reserved")
    ax.stairs(
        demanded, edges, color=Colour.DEMAND.value, linewidth=1.0, linestyle=DASHES[2],
        label="demanded or on offer",
    )  # fmt: skip


def _hours(ax: Axes, edges: Values) -> None:
    hours = (edges - edges[0]) * 24.0
    every = max(round(float(hours[-1]) / 4.0), 1)
    marks = np.arange(0.0, float(hours[-1]) + 1e-9, every)
    ax.set_xticks(edges[0] + marks / 24.0, [f"{mark:g}" for mark in marks])
    ax.set_xlim(float(edges[0]), float(edges[-1]))


def _limit_prices(ax: Axes, asks: Values, settled: Values, edges: Values) -> None:
    """Show all prices, unless a few would flatten the others: those are told at the edge."""
    known = np.concatenate([each[np.isfinite(each)].ravel() for each in (asks, settled)])
    low, high = np.percentile(known, [2.0, 98.0])
    room = _FLATTENED * max(high - low, 1.0)
    least, most = float(known.min()), float(known.max())
    low = least if high - least <= room else low
    high = most if most - low <= room else high
    margin = 0.12 * max(high - low, 1.0)
    ax.set_ylim(low - margin, high + margin)
    middles = 0.5 * (edges[1:] + edges[:-1])
    for middle, price in zip(middles, settled, strict=True):
        if low <= price <= high:
            continue
        above = price > high
        mark, edge = ("↑", high + margin) if above else ("↓", low - margin)
        ax.annotate(
            f"{mark} {price:.0f}", (middle, edge), ha="center", va="top" if above else "bottom",
            fontsize=7,
        )  # fmt: skip
    if float(np.nanmax(asks)) > high:
        ax.annotate(
            f"asks up to {np.nanmax(asks):.0f} EUR/MWh", (0.01, 0.9), xycoords="axes fraction",
            fontsize=7,
        )  # fmt: skip


def _unit_s(result: xr.Dataset) -> float:
    return float(variable(result, "market_unit_length_s"))


def _unit_edges(result: xr.Dataset) -> Values:
    starts = variable(result, "market_unit")
    return np.append(starts, starts[-1] + _unit_s(result))


def _span(result: xr.Dataset) -> Values:
    starts = variable(result, "forward_start")
    return np.array([0.0, float(starts.max()) + _unit_s(result)])


def _clock(result: xr.Dataset, time_s: float) -> str:
    begin = start(result)
    if begin is None:
        return f", after {time_s / _HOUR_S:g} h"
    return f", {begin + timedelta(seconds=time_s):%Y-%m-%d %H:%M} UTC"


def _place(result: xr.Dataset, participant: str | None) -> int:
    names = labels(result, "participant")
    if participant is None:
        return int(np.argmax(variable(result, "market_delivered_energy").sum(axis=0)))
    if participant not in names:
        raise unknown("participant", participant, names)
    return list(names).index(participant)


def _need(result: xr.Dataset) -> None:
    if "forward_ask" not in result.variables:
        raise InputError(
            Finding(
                "the run had no market",
                "run a scenario with a section [market], for example destest16_reservex.toml",
            )
        )
