"""Pictures of energies over a whole run: balance and load-duration curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.plot.read import Values, labels, total, variable
from rexdynnet.plot.series import duration_h
from rexdynnet.plot.style import (
    DASHES,
    Colour,
    axes_or_new,
    dress,
    energy_scale,
    figure_of,
    legend_beside,
    power_scale,
)
from rexdynnet.plot.times import MOST_VECTORS


@dataclass(frozen=True)
class _Position:
    text: str
    energy_J: float
    colour: Colour


def _positions(result: xr.Dataset) -> tuple[list[_Position], list[_Position]]:
    """What came in and what went out, each at least zero."""
    last = {
        name: float(variable(result, f"energy_{name}")[-1])
        for name in ("plants", "makeup", "delivered", "dumped", "lost", "stored")
        if name in ("plants", "delivered", "lost") or f"energy_{name}" in result.variables
    }
    stored, makeup = last.get("stored", 0.0), last.get("makeup", 0.0)
    inwards = [
        _Position("plants", last["plants"], Colour.SUPPLY),
        _Position("make-up water", max(makeup, 0.0), Colour.OUTDOOR),
        _Position("out of store", max(-stored, 0.0), Colour.STORED),
    ]
    outwards = [
        _Position("delivered", last["delivered"], Colour.DELIVERED),
        _Position("lost to ground", last["lost"], Colour.LOST),
        _Position("dumped", last.get("dumped", 0.0), Colour.UNSERVED),
        _Position("into store", max(stored, 0.0), Colour.STORED),
        _Position("leaked", max(-makeup, 0.0), Colour.OUTDOOR),
    ]
    keep = ("plants", "delivered", "lost to ground")
    return (
        [one for one in inwards if one.energy_J > 0 or one.text in keep],
        [one for one in outwards if one.energy_J > 0 or one.text in keep],
    )


def energy_balance(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Where the heat of a run came from and where it went, with the residual.

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
        Where the result lacks the cumulative energies.

    Notes
    -----
    Shares are of all that came in. What is stored is the change of the heat in
    water, pipe walls and tanks between the first and the last row.
    """
    inwards, outwards = _positions(result)
    rows = [*inwards, *outwards]
    ax = axes_or_new(ax, height_inch=1.4 + 0.42 * len(rows))
    scale = energy_scale([one.energy_J for one in rows])
    widths = [float(scale(one.energy_J)) for one in rows]
    whole = sum(widths[: len(inwards)]) or 1.0
    heights = [-i - (0.5 if i >= len(inwards) else 0.0) for i in range(len(rows))]
    bars = ax.barh(
        heights,
        widths,
        color=[one.colour.value for one in rows],
        height=0.72,
    )
    ax.bar_label(
        bars,
        [
            f"{_in_words(one.energy_J)}  ({w / whole:.2%})"
            for one, w in zip(rows, widths, strict=True)
        ],
        padding=4,
        fontsize=9,
    )
    ax.set_yticks(heights, [one.text for one in rows])
    ax.margins(x=0.28)
    ax.set_xlim(left=0.0)
    ax.axhline(-len(inwards) + 0.25, color=Colour.DEMAND.value, linewidth=0.8)
    dress(ax, x=f"energy ({scale.unit}); above the line: in, below: out", title=_residual(result))
    ax.grid(False, axis="y")
    ax.tick_params(axis="y", length=0)
    return figure_of(ax)


def _in_words(energy_J: float) -> str:
    scale = energy_scale([energy_J])
    return f"{float(scale(energy_J)):#.4g} {scale.unit}"


def _residual(result: xr.Dataset) -> str:
    if "energy_residual" not in result.variables:
        return ""
    residual_J = float(variable(result, "energy_residual")[-1])
    names = [n for n in ("energy_plants", "energy_makeup") if n in result.variables]
    inputs_J = sum(abs(float(variable(result, name)[-1])) for name in names)
    share = f" = {abs(residual_J) / inputs_J:.1e} of what came in" if inputs_J > 0 else ""
    return f"not accounted for: {residual_J / 3.6e6:.2g} kWh{share}"


def load_duration_curve(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """For how many hours the heat was at least so high.

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
        Where the result lacks the plants' heat.

    Notes
    -----
    Every curve is sorted for itself, so curves do not add up at a given hour.
    """
    ax = axes_or_new(ax)
    hours = duration_h(result)
    plant = variable(result, "plant_heat")[1:]
    scale = power_scale(plant.sum(axis=1))
    names = labels(result, "plant")
    x, y = sorted_load(plant.sum(axis=1), hours)
    text = names[0] if len(names) == 1 else "all plants"
    ax.fill_between(x, 0.0, scale(y), step="pre", color=Colour.SUPPLY.value, alpha=0.2, linewidth=0)
    ax.step(x, scale(y), where="pre", color=Colour.SUPPLY.value, label=text)
    if len(names) > 1:
        for i, name in enumerate(names):
            x, y = sorted_load(plant[:, i], hours)
            dash = DASHES[(i + 1) % len(DASHES)]
            ax.step(
                x,
                scale(y),
                where="pre",
                color=Colour.SUPPLY.value,
                linestyle=dash,
                linewidth=1,
                label=name,
            )
    if "substation_heat" in result.variables:
        x, y = sorted_load(total(result, "substation_heat")[1:], hours)
        ax.step(x, scale(y), where="pre", color=Colour.DELIVERED.value, label="delivered")
    if len(hours) > MOST_VECTORS:
        for artist in (*ax.lines, *ax.collections):
            artist.set_rasterized(True)
    full_h = _full_load_h(plant.sum(axis=1), hours)
    ax.set_xlim(0.0, float(hours.sum()))
    ax.set_ylim(bottom=min(0.0, float(scale(plant.sum(axis=1).min()))))
    title = f"plants: {full_h:,.0f} full-load hours of {hours.sum():,.0f} h" if full_h > 0 else ""
    dress(ax, x="duration (h)", y=f"heat ({scale.unit})", title=title)
    legend_beside(ax)
    return figure_of(ax)


def sorted_load(heat_W: Values, hours: Values) -> tuple[Values, Values]:
    """The points of a duration curve, for steps that hold back from each point.

    Parameters
    ----------
    heat_W : ndarray of shape (n,)
        Mean over each interval.
    hours : ndarray of shape (n,)
        Length of each interval.

    Returns
    -------
    hours : ndarray of shape (n + 1,)
        From 0 to the whole.
    heat_W : ndarray of shape (n + 1,)
        Falling.

    Examples
    --------
    >>> hours, heat_W = sorted_load(np.array([1.0, 3.0]), np.array([2.0, 1.0]))
    >>> hours.tolist(), heat_W.tolist()
    ([0.0, 1.0, 3.0], [3.0, 3.0, 1.0])
    """
    order = np.argsort(-heat_W, kind="stable")
    falling = heat_W[order]
    return np.concatenate([[0.0], np.cumsum(hours[order])]), np.concatenate([falling[:1], falling])


def _full_load_h(heat_W: Values, hours: Values) -> float:
    peak_W = float(np.max(heat_W))
    return float(heat_W @ hours) / peak_W if peak_W > 0 else 0.0
