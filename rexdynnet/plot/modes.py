"""Pictures of the safety maintainer: modes, guards that fired, what was withheld, rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import Values, labels, variable
from rexdynnet.plot.style import (
    BAR,
    CELSIUS,
    DASHES,
    Colour,
    dress,
    energy_scale,
    figure_of,
    legend_beside,
    new_picture,
    power_scale,
)
from rexdynnet.plot.times import axis_of_seconds, seconds, start, time_axis

if TYPE_CHECKING:
    from rexdynnet.safety.automaton import HybridAutomaton

_WORDS = ("normal", "discard", "ration", "both")
_SHADES = (Colour.FAINT, Colour.STORED, Colour.UNSERVED, Colour.SUPPLY)
_ENDS = "steps-pre"
_SHOWN = 12
# Smallest span of an axis of temperatures or pressures, in the unit shown.
_LEAST_SPAN = 0.1
_LEAST_J = 3.6e3


def modes(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Modes of every zone over the trajectories, with the guards that fired.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a safety maintainer.
    ax : Axes or None
        Where to draw the modes alone; None adds heat, temperature and differential pressure.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The run had no safety maintainer.

    Notes
    -----
    Numbers at the edges of modes refer to the guards listed below the picture. Temperatures and
    pressures are those of the worst substation at each instant.
    """
    _need(result, "safety_mode", "[safety] enabled = true")
    if ax is not None:
        _draw_modes(result, ax)
        time_axis(result).dress(ax)
        return figure_of(ax)
    zones = labels(result, "zone")
    told = _told(result)
    figure = new_picture(5.6 + 0.22 * len(zones) + 0.17 * len(told))
    panels = figure.subplots(
        4, 1, sharex=True, height_ratios=[0.5 + 0.45 * len(zones), 1.7, 1.5, 1.3]
    )
    _draw_modes(result, panels[0])
    _draw_heats(result, panels[1])
    _draw_worst(result, panels[2], "substation_supply_temperature", "supply", hottest=True)
    _draw_worst(result, panels[3], "substation_differential_pressure", "Δp", hottest=False)
    times = time_axis(result)
    for panel in panels:
        times.dress(panel, label=panel is panels[-1])
        for at in _event_times(result):
            panel.axvline(at, color=Colour.LOST.value, linewidth=0.7, linestyle=DASHES[2], zorder=0)
    for panel in panels[1:]:
        legend_beside(panel)
    figure.align_ylabels(list(panels))
    if told:
        figure.supxlabel("\n".join(told), x=0.01, ha="left", fontsize=8)
    return figure


def curtailment(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Energy withheld by command, per participant.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a safety maintainer.
    ax : Axes or None
        Where to draw the bars per participant; None adds them over time.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(result, "unit_curtailed_energy", "[safety] enabled = true")
    kinds = [
        ("curtailed", "unit_curtailed_energy", "substation", Colour.UNSERVED),
        ("refused", "unit_refused_energy", "plant", Colour.STORED),
        ("dumped", "unit_dumped_energy", "dump", Colour.SUPPLY),
    ]
    tables = {
        # round-off of a closed cooler is no dumped energy
        name: (_counted(variable(result, key)), labels(result, dim), colour)
        for name, key, dim, colour in kinds
        if key in result.variables
    }
    scale = energy_scale(*(table.sum(axis=0) for table, _, _ in tables.values()))
    if ax is not None:
        _draw_shares(ax, tables, scale)
        return figure_of(ax)
    figure = new_picture(5.6)
    grid = figure.add_gridspec(2, 1)
    over, under = (figure.add_subfigure(grid[row]) for row in (0, 1))
    upper = over.subplots()
    takers = {name: table for name, table in tables.items() if name == "curtailed"}
    givers = {name: table for name, table in tables.items() if name != "curtailed"}
    wide = max(sum(len(members) for _, members, _ in givers.values()), 2)
    count = sum(len(members) for _, members, _ in takers.values())
    lower = under.subplots(1, 2, width_ratios=[max(count, wide), 1.5 * wide])
    edges = variable(result, "safety_unit")
    times = axis_of_seconds(edges, start(result))
    width = float(edges[1] - edges[0]) / 86400.0 if len(edges) > 1 else 1.0 / 24.0
    dated = start(result) is not None
    ground = np.zeros(len(edges))
    per_unit = energy_scale(*(table.sum(axis=1) for table, _, _ in tables.values()))
    for name, (table, _, colour) in tables.items():
        heights = per_unit(table.sum(axis=1))
        upper.bar(
            times.values,
            heights,
            width=width if dated else width * 24.0,
            bottom=ground,
            align="edge",
            color=colour.value,
            label=name,
        )
        ground += heights
    times.dress(upper)
    dress(upper, y=f"{per_unit.unit} per time unit", title="withheld by command")
    legend_beside(upper)
    for part, own in zip(lower, (takers, givers), strict=True):
        _draw_shares(part, own, energy_scale(*(table.sum(axis=0) for table, _, _ in own.values())))
    return figure


def robustness(result: xr.Dataset, ax: Axes | None = None, *, monitor: str = "") -> Figure:
    """Robustness of the run's rules over time; below zero a rule is broken.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with rules.
    ax : Axes or None
        Where to draw one rule; None makes a panel for each.
    monitor : str
        Which rule, where `ax` is given.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(result, "monitor_robustness_over_time", "rules under [[safety.monitors]]")
    names = labels(result, "monitor")
    if ax is not None:
        _draw_rule(result, ax, names.index(monitor) if monitor in names else 0)
        time_axis(result).dress(ax)
        return figure_of(ax)
    figure = new_picture(0.7 + 1.5 * len(names))
    panels = figure.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for place, panel in enumerate(panels):
        _draw_rule(result, panel, place)
        time_axis(result).dress(panel, label=panel is panels[-1])
    figure.align_ylabels(list(panels))
    return figure


def automaton(machine: HybridAutomaton[Any], ax: Axes | None = None) -> Figure:
    """An automaton as a diagram: modes as boxes, transitions as arrows with their guards.

    Parameters
    ----------
    machine : HybridAutomaton
        Of few modes; `rexdynnet.safety.diagram` writes text for Graphviz and Mermaid.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
    """
    names = [mode.name for mode in machine.modes]
    side = int(np.ceil(np.sqrt(len(names))))
    ax = new_picture(4.2 + 1.6 * (side - 2)).subplots() if ax is None else ax
    places = {name: (3.2 * (at % side), -1.9 * (at // side) - 0.0) for at, name in enumerate(names)}
    grouped: dict[tuple[str, str], list[str]] = {}
    titles = [each.name.rpartition(": ")[2] for each in machine.transitions]
    first = {title.partition(" ")[0] for title in titles}
    for each, text in zip(machine.transitions, titles, strict=True):
        # the zone's name goes without saying where there is one
        text = text.partition(" ")[2] or text if len(first) == 1 else text
        dwell = f" after {each.dwell_s:g} s" if each.dwell_s else ""
        grouped.setdefault((each.source, each.target), []).append(text + dwell)
    for (source, target), texts in grouped.items():
        _draw_arrow(ax, places[source], places[target], texts)
    for name, (x, y) in places.items():
        start_here = name == machine.initial
        ax.text(
            x,
            y,
            name,
            ha="center",
            va="center",
            fontsize=11,
            zorder=3,
            bbox={
                "boxstyle": "round,pad=0.5",
                "facecolor": Colour.FAINT.value if start_here else "white",
                "edgecolor": Colour.DEMAND.value,
                "linewidth": 1.6 if start_here else 1.0,
            },
        )
    x, y = (np.array(axis) for axis in zip(*places.values(), strict=True))
    ax.set(xlim=(x.min() - 1.3, x.max() + 1.3), ylim=(y.min() - 0.7, y.max() + 0.7))
    ax.axis("off")
    return figure_of(ax)


def _draw_arrow(
    ax: Axes, begin: tuple[float, float], end: tuple[float, float], texts: list[str]
) -> None:
    a, b = np.array(begin), np.array(end)
    along = (b - a) / np.linalg.norm(b - a)
    across = np.array([-along[1], along[0]])
    ax.add_patch(
        FancyArrowPatch(
            tuple(a + 0.10 * across),
            tuple(b + 0.10 * across),
            shrinkA=26 if abs(along[0]) > 0.5 else 16,
            shrinkB=30 if abs(along[0]) > 0.5 else 18,
            arrowstyle="-|>",
            mutation_scale=12,
            color=Colour.LOST.value,
        )
    )
    middle = 0.5 * (a + b)
    level = abs(along[0]) > 0.5
    shift = across * (0.16 if level else 0.18)
    where = middle + shift
    vertical = "bottom" if shift[1] > 0 else "top"
    horizontal = "left" if shift[0] > 0 else "right"
    ax.text(
        where[0],
        where[1],
        "\n".join(texts),
        fontsize=7.5,
        ha="center" if level else horizontal,
        va=vertical if level else "center",
        linespacing=1.15,
    )


def _need(result: xr.Dataset, name: str, remedy: str) -> None:
    if name not in result.variables:
        raise InputError(
            Finding(f"the result has no {name}", f"run a scenario with {remedy}", field=name)
        )


def _counted(energy_J: Values) -> Values:
    return np.where(energy_J > _LEAST_J, energy_J, 0.0)


def _event_times(result: xr.Dataset) -> Any:
    if result.sizes.get("safety_event", 0) == 0:
        return []
    return axis_of_seconds(
        np.append(variable(result, "safety_event_time"), seconds(result)[-1]), start(result)
    ).values[:-1]


def _told(result: xr.Dataset) -> list[str]:
    count = result.sizes.get("safety_event", 0)
    if count == 0:
        return ["no guard fired"]
    zones = [str(v) for v in result["safety_event_zone"].values]
    guards = [str(v) for v in result["safety_event_guard"].values]
    words = [str(v) for v in result["safety_event_mode"].values]
    blamed = [str(v) for v in result["safety_event_component"].values]
    several = result.sizes.get("zone", 1) > 1
    told = [
        f"{at + 1}  {f'{zone}: ' if several else ''}{word}, {guard}"
        + (f" ({component})" if component else "")
        for at, (zone, word, guard, component) in enumerate(
            zip(zones, words, guards, blamed, strict=True)
        )
    ]
    return told[:_SHOWN] + ([f"and {count - _SHOWN} more"] if count > _SHOWN else [])


def _draw_modes(result: xr.Dataset, ax: Axes) -> None:
    zones = labels(result, "zone")
    end = seconds(result)[-1]
    count = result.sizes.get("safety_event", 0)
    times = variable(result, "safety_event_time") if count else np.zeros(0)
    of_zone = [str(v) for v in result["safety_event_zone"].values] if count else []
    words = [str(v) for v in result["safety_event_mode"].values] if count else []
    used: set[int] = set()
    for row, zone in enumerate(zones):
        mine = [at for at in range(count) if of_zone[at] == zone]
        edges = np.array([0.0, *(times[at] for at in mine), end])
        numbers = [0, *(_WORDS.index(words[at]) for at in mine)]
        at = axis_of_seconds(edges, start(result)).values
        for k, number in enumerate(numbers):
            ax.fill_between(
                at[k : k + 2],
                row - 0.36,
                row + 0.36,
                color=_SHADES[number].value,
                linewidth=0,
                label="_nolegend_" if number in used else _WORDS[number],
            )
            used.add(number)
        shown = 0
        for k, event in enumerate(mine[:_SHOWN]):
            crowded = k > 0 and times[event] - times[mine[k - 1]] < 0.02 * end
            shown = shown + 1 if crowded else 0
            ax.annotate(
                f"{event + 1}",
                (at[k + 1], row),
                xytext=(3 + 9 * min(shown, 2), 0),
                textcoords="offset points",
                fontsize=8,
                va="center",
            )
    ax.set_yticks(range(len(zones)), zones)
    ax.set_ylim(len(zones) - 0.5, -0.5)
    dress(ax, title="mode of each zone")
    ax.grid(False)
    legend_beside(ax)


def _draw_heats(result: xr.Dataset, ax: Axes) -> None:
    demand = variable(result, "substation_heat_demand").sum(axis=1)
    delivered = variable(result, "substation_heat").sum(axis=1)
    fed = variable(result, "plant_heat").sum(axis=1)
    dumped = variable(result, "dump_heat").sum(axis=1) if "dump_heat" in result.variables else None
    scale = power_scale(demand, fed)
    at = time_axis(result).values
    ax.fill_between(
        at,
        scale(delivered),
        scale(np.maximum(demand, delivered)),
        step="pre",
        color=Colour.UNSERVED.value,
        alpha=0.8,
        linewidth=0,
        label="not delivered",
    )
    lines: list[tuple[str, Values, Colour, Any]] = [
        ("demanded", demand, Colour.DEMAND, DASHES[0]),
        ("delivered", delivered, Colour.DELIVERED, DASHES[0]),
        ("fed in", fed, Colour.SUPPLY, DASHES[1]),
    ]
    if dumped is not None and np.any(dumped > 1.0):
        lines.append(("dumped", dumped, Colour.STORED, DASHES[0]))
    for label, values, colour, dash in lines:
        ax.plot(
            at,
            scale(values),
            drawstyle=_ENDS,
            color=colour.value,
            linewidth=1.2,
            linestyle=dash,
            label=label,
        )
    ax.set_ylim(bottom=0.0)
    dress(ax, y=f"heat ({scale.unit})")


def _draw_worst(result: xr.Dataset, ax: Axes, name: str, text: str, *, hottest: bool) -> None:
    values = variable(result, name)
    scale = CELSIUS if hottest else BAR
    at = time_axis(result).values
    low = ("coldest" if hottest else "weakest") + " substation"
    ax.plot(at, scale(values.min(axis=1)), color=Colour.RETURN.value, linewidth=1.2, label=low)
    if hottest:
        ax.plot(
            at,
            scale(values.max(axis=1)),
            color=Colour.SUPPLY.value,
            linewidth=1.2,
            label="hottest substation",
        )
    # What stands still but for rounding is drawn as standing still.
    low_end, high_end = ax.get_ylim()
    if high_end - low_end < _LEAST_SPAN:
        middle = 0.5 * (low_end + high_end)
        ax.set_ylim(middle - _LEAST_SPAN / 2, middle + _LEAST_SPAN / 2)
    dress(ax, y=f"{text} ({scale.unit})")


def _draw_shares(ax: Axes, tables: dict[str, Any], scale: Any) -> None:
    names: list[str] = []
    for label, (table, members, colour) in tables.items():
        totals = scale(table.sum(axis=0))
        places = np.arange(len(members)) + len(names)
        ax.bar(places, totals, color=colour.value, label=label)
        names += list(members)
    short = [name.replace("substation_", "") for name in names]
    ax.set_xticks(range(len(names)), short, fontsize=8)
    for tick in ax.get_xticklabels():
        if len(tick.get_text()) > 4:
            tick.set_rotation(30)
            tick.set_horizontalalignment("right")
    dress(ax, y=f"energy ({scale.unit})", title=", ".join(tables))
    if any(name.isdigit() for name in short):
        ax.set_xlabel("substation")


def _draw_rule(result: xr.Dataset, ax: Axes, place: int) -> None:
    values = np.asarray(result["monitor_robustness_over_time"].values, float)[:, place]
    unit = str(result["monitor_unit"].values[place])
    whole = float(result["monitor_robustness"].values[place])
    at = time_axis(result).values
    known = np.isfinite(values)
    ax.axhline(0.0, color=Colour.DEMAND.value, linewidth=0.8)
    ax.plot(at, values, color=Colour.RETURN.value, linewidth=1.3)
    ax.fill_between(
        at,
        values,
        0.0,
        where=known & (values < 0.0),
        color=Colour.SUPPLY.value,
        alpha=0.5,
        linewidth=0,
    )
    verdict = "not scored" if not np.isfinite(whole) else "holds" if whole >= 0.0 else "broken"
    told = f" ({whole:+.3g} {unit})".replace(" 1)", ")") if np.isfinite(whole) else ""
    title = f"{labels(result, 'monitor')[place]}: {verdict}{told}"
    dress(ax, y="robustness" if unit == "1" else f"robustness ({unit})", title=title)
