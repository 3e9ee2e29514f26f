"""Pictures of a closed loop: what was decided, within which bounds, and at what effort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rexdynnet.control.base import Rung
from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import Values, labels, position, variable
from rexdynnet.plot.style import (
    BAR,
    CELSIUS,
    DASHES,
    FLOW,
    Colour,
    Scale,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
    new_picture,
    power_scale,
)
from rexdynnet.plot.times import TimeAxis, axis_of_seconds, seconds, start, time_axis
from rexdynnet.timeline import PriceSurface, seconds_since

_PANEL_INCH = 1.55
_SUM = "whole network"
_SHOWN = 5
_ROOM = {"K": 1.0, "Pa": 1e4, "W": 2e3, "kg/s": 0.1}
_PARTS = {
    "energy": Colour.DELIVERED,
    "loss": Colour.LOST,
    "congestion": Colour.RETURN,
    "scarcity": Colour.UNSERVED,
}
_STARTS = "steps-post"
_ENDS = "steps-pre"


def commitments(
    result: xr.Dataset, ax: Axes | None = None, *, substations: Sequence[str] = ()
) -> Figure:
    """Heat committed, planned, demanded and delivered, per substation.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a schedule.
    ax : Axes or None
        Where to draw the first of `substations`, or the sum; None makes a panel for each.
    substations : sequence of str
        Empty: the network's sum and the substations that missed their commitment most.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The run had no schedule, or there is no such substation.

    Notes
    -----
    Committed is the mean power over a time unit that keeps the commitment; the others are
    means over the output interval, the reference over the control step.
    """
    _need(result, "unit_reserved_energy", "a section [schedule]")
    chosen = list(substations) or [_SUM, *_worst(result)]
    if ax is not None:
        _draw_commitment(result, ax, chosen[0])
        legend_beside(ax)
        time_axis(result).dress(ax)
        return figure_of(ax)
    panels = _stack(len(chosen))
    for panel, name in zip(panels, chosen, strict=True):
        _draw_commitment(result, panel, name)
    legend_beside(panels[0])
    _finish(panels, time_axis(result))
    return figure_of(panels[0])


def control_inputs(
    result: xr.Dataset, ax: Axes | None = None, *, controls: Sequence[str] = ()
) -> Figure:
    """Inputs applied over time, with their bounds and the controller's reference.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run`.
    ax : Axes or None
        Where to draw the first of `controls`; None makes a panel for each.
    controls : sequence of str
        Such as `boiler.supply_temperature`; empty: all of them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        The result is none of a closed loop, or there is no such control.

    Notes
    -----
    A dot marks a step at which the optimiser's bound was active.
    """
    _need(result, "control_input", "a section [control]")
    chosen = list(controls) or list(labels(result, "control"))
    if ax is not None:
        _draw_input(result, ax, chosen[0])
        legend_beside(ax)
        _step_axis(result).dress(ax)
        return figure_of(ax)
    panels = _stack(len(chosen))
    for panel, name in zip(panels, chosen, strict=True):
        _draw_input(result, panel, name)
    legend_beside(panels[0])
    _finish(panels, _step_axis(result))
    return figure_of(panels[0])


def solver_effort(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Solver iterations of every decision, and the rung of the ladder it came from.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run`.
    ax : Axes or None
        Where to draw the iterations alone; None adds a panel of rungs.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(result, "control_iterations", "a section [control]")
    if ax is not None:
        _draw_iterations(result, ax)
        _step_axis(result).dress(ax)
        return figure_of(ax)
    panels = _stack(2, 2.2)
    _draw_iterations(result, panels[0])
    _draw_rungs(result, panels[1])
    _finish(panels, _step_axis(result))
    return figure_of(panels[0])


def heat_prices(prices: xr.Dataset | PriceSurface, ax: Axes | None = None) -> Figure:
    """Marginal price of heat at the substations over time.

    Parameters
    ----------
    prices : xr.Dataset or PriceSurface
        Of `rexdynnet.run` with a controller that prices heat, or of `price_surface`.
    ax : Axes or None
        Where to draw the prices alone; None adds, for a surface, a panel of what they
        are made of.

    Returns
    -------
    matplotlib.figure.Figure
        All substations as a band, and the one whose heat costs most on average.

    Raises
    ------
    InputError
        The result holds no prices.

    Notes
    -----
    Prices that are not certified are left out. The parts are those of the dearest place:
    energy, loss, congestion and scarcity, whose sum is the price.
    """
    if isinstance(prices, PriceSurface):
        return _draw_surface(prices, ax)
    _need(prices, "heat_price", "a controller that prices heat")
    ax = axes_or_new(ax)
    values = np.asarray(prices["heat_price"].values, dtype=np.float64)
    _draw_prices(ax, _step_axis(prices), values, labels(prices, "substation"))
    _step_axis(prices).dress(ax)
    return figure_of(ax)


def _draw_surface(surface: PriceSurface, ax: Axes | None) -> Figure:
    begin = surface.units[0].start
    edges = [seconds_since(begin, unit.start) for unit in surface.units]
    times = axis_of_seconds(np.append(edges, edges[-1] + surface.units[-1].length_s), begin)
    values = np.where(surface.valid, surface.price_EUR_per_MWh, np.nan)
    if ax is not None:
        _draw_prices(ax, times, values, surface.places)
        times.dress(ax)
        return figure_of(ax)
    panels = _stack(2, 2.3)
    dear = _draw_prices(panels[0], times, values, surface.places)
    below, above = np.zeros(len(values) + 1), np.zeros(len(values) + 1)
    for name, colour in _PARTS.items():
        part = _held(np.asarray(getattr(surface, name), dtype=np.float64)[:, dear])
        base = np.where(part >= 0, above, below)
        panels[1].fill_between(
            times.values,
            base,
            base + part,
            step="post",
            color=colour.value,
            alpha=0.75,
            linewidth=0,
            label=name,
        )
        above, below = above + np.maximum(part, 0.0), below + np.minimum(part, 0.0)
    dress(panels[1], y="EUR/MWh", title=f"what it is made of at {surface.places[dear]}")
    legend_beside(panels[1])
    _finish(panels, times)
    return figure_of(panels[0])


def _draw_prices(ax: Axes, times: TimeAxis, prices: Values, names: Sequence[str]) -> int:
    """Draw the band and the dearest place; say which it is."""
    known: NDArray[np.bool_] = np.asarray(np.isfinite(prices).all(axis=1), dtype=np.bool_)
    held = _held(np.where(known[:, None], prices, np.nan))
    ax.fill_between(
        times.values,
        held.min(axis=1),
        held.max(axis=1),
        step="post",
        color=Colour.STORED.value,
        alpha=0.35,
        linewidth=0,
        label="all substations",
    )
    dear = int(np.nanargmax(np.nanmean(prices[known], axis=0))) if known.any() else 0
    ax.plot(
        times.values,
        held[:, dear],
        drawstyle=_STARTS,
        color=Colour.SUPPLY.value,
        linewidth=1.4,
        label=names[dear],
    )
    dress(ax, y="price of heat (EUR/MWh)")
    legend_beside(ax)
    return dear


def _need(result: xr.Dataset, name: str, remedy: str) -> None:
    if name not in result.variables:
        raise InputError(
            Finding(f"the result has no {name}", f"run a scenario with {remedy}", field=name)
        )


def _stack(count: int, each_inch: float = _PANEL_INCH) -> list[Axes]:
    panels = new_picture(0.7 + each_inch * count).subplots(count, 1, sharex=True, squeeze=False)
    return list(panels[:, 0])


def _finish(panels: list[Axes], times: TimeAxis) -> None:
    for panel in panels:
        times.dress(panel, label=panel is panels[-1])
    figure = panels[0].get_figure()
    if isinstance(figure, Figure):
        figure.align_ylabels(panels)


def _step_axis(result: xr.Dataset) -> TimeAxis:
    """Starts of the control steps, and the end of the run."""
    end = seconds(result)[-1]
    return axis_of_seconds(np.append(variable(result, "control_time"), end), start(result))


def _held(values: Values) -> Values:
    return np.concatenate([values, values[-1:]])


def _worst(result: xr.Dataset) -> list[str]:
    missed = variable(result, "unit_demanded_energy") - variable(result, "unit_reserved_energy")
    order = np.argsort(-np.abs(missed).sum(axis=0), kind="stable")
    names = labels(result, "substation")
    return [names[int(i)] for i in order[:_SHOWN]]


def _draw_commitment(result: xr.Dataset, ax: Axes, name: str) -> None:
    def chosen(key: str) -> Values:
        values = np.asarray(result[key].values, dtype=np.float64)
        return values.sum(axis=1) if name == _SUM else values[:, column]

    column = 0 if name == _SUM else position(result, "substation", name)
    begin = start(result)
    length = float(variable(result, "unit_length_s"))
    edges = np.append(variable(result, "unit"), variable(result, "unit")[-1] + length)
    reserved = _held(chosen("unit_reserved_energy") / length)
    demand, delivered = chosen("substation_heat_demand"), chosen("substation_heat")
    scale = power_scale(reserved, demand, delivered)
    times = time_axis(result).values
    ax.fill_between(
        times,
        scale(delivered),
        step="pre",
        color=Colour.DELIVERED.value,
        alpha=0.3,
        linewidth=0,
        label="delivered",
    )
    ax.plot(
        times,
        scale(demand),
        drawstyle=_ENDS,
        color=Colour.DEMAND.value,
        linewidth=0.9,
        label="demanded",
    )
    at = axis_of_seconds(edges, begin).values
    ax.plot(
        at,
        scale(reserved),
        drawstyle=_STARTS,
        color=Colour.SUPPLY.value,
        linewidth=1.4,
        label="committed",
    )
    if "reference_heat" in result.variables:
        planned = scale(_held(chosen("reference_heat")))
        ax.plot(
            _step_axis(result).values,
            planned,
            drawstyle=_STARTS,
            color=Colour.RETURN.value,
            linewidth=0.9,
            linestyle=DASHES[1],
            label="reference",
        )
    missing = demand - delivered
    if float(np.max(missing)) > 1e-6 * max(float(np.max(demand)), 1.0):
        ax.fill_between(
            times,
            scale(delivered),
            scale(np.maximum(demand, delivered)),
            step="pre",
            color=Colour.UNSERVED.value,
            alpha=0.8,
            linewidth=0,
            label="shortfall",
        )
    ax.set_ylim(bottom=0.0)
    dress(ax, y=f"heat ({scale.unit})", title=name)


def _draw_input(result: xr.Dataset, ax: Axes, name: str) -> None:
    column = position(result, "control", name)

    def held(key: str) -> Values:
        return _held(np.asarray(result[key].values, dtype=np.float64)[:, column])

    values, lower, upper = (held(f"control_{key}") for key in ("input", "lower", "upper"))
    scale = _scale_of(labels(result, "control_unit")[column], values)
    times = _step_axis(result).values
    shown = [values]
    ax.plot(
        times,
        scale(values),
        drawstyle=_STARTS,
        color=Colour.SUPPLY.value,
        linewidth=1.5,
        label="applied",
    )
    if "control_reference" in result.variables:
        shown.append(held("control_reference"))
        ax.plot(
            times,
            scale(shown[-1]),
            drawstyle=_STARTS,
            color=Colour.RETURN.value,
            linewidth=1.0,
            linestyle=DASHES[1],
            label="reference",
        )
    finite = np.concatenate([each[np.isfinite(each)] for each in shown])
    low, high = float(finite.min()), float(finite.max())
    # A bound far away would press the curve flat; the title states it anyway.
    unit = labels(result, "control_unit")[column]
    room = max(0.6 * (high - low), _ROOM.get(unit, 0.1))
    for text, bound in (("bounds", lower), ("_nolegend_", upper)):
        ax.plot(
            times,
            scale(bound),
            drawstyle=_STARTS,
            color=Colour.LOST.value,
            linewidth=1.2,
            linestyle=DASHES[2],
            label=text,
        )
        near = bound[np.isfinite(bound) & (bound >= low - room) & (bound <= high + room)]
        if near.size:
            low, high = min(low, float(near.min())), max(high, float(near.max()))
    edge = max(0.06 * (high - low), 0.3 * room)
    ax.set_ylim(float(scale(low - edge)), float(scale(high + edge)))
    if "control_active" in result.variables:
        active = np.asarray(result["control_active"].values, dtype=np.float64)[:, column]
        on = np.flatnonzero(np.nan_to_num(active) != 0)
        if on.size:
            ax.plot(
                times[on],
                scale(values[on]),
                ".",
                color=Colour.DEMAND.value,
                markersize=3,
                label="bound active",
            )
    span = f"{float(scale(lower.min())):.4g} to {float(scale(upper.max())):.4g} {scale.unit}"
    dress(ax, y=scale.unit, title=f"{name}, bounds {span}")


def _scale_of(unit: str, values: Values) -> Scale:
    if unit == "W":
        return power_scale(np.append(values, 1e4))
    return {"K": CELSIUS, "Pa": BAR, "kg/s": FLOW}.get(unit, Scale(unit))


def _draw_iterations(result: xr.Dataset, ax: Axes) -> None:
    values = variable(result, "control_iterations")
    ax.plot(
        _step_axis(result).values,
        _held(values),
        drawstyle=_STARTS,
        color=Colour.RETURN.value,
        linewidth=1.3,
    )
    ax.set_ylim(0.0, max(1.0, 1.1 * float(values.max())))
    total = int(values.sum())
    text = f"solver iterations per step, {total} in all" if total else "no solver was used"
    dress(ax, y="iterations", title=text)


def _draw_rungs(result: xr.Dataset, ax: Axes) -> None:
    rungs = variable(result, "control_rung")
    times = _step_axis(result).values
    ax.plot(times, _held(rungs), drawstyle=_STARTS, color=Colour.SUPPLY.value, linewidth=1.3)
    failed = np.flatnonzero(variable(result, "control_outcome") != 0)
    if failed.size:
        ax.plot(
            times[failed],
            rungs[failed],
            ".",
            color=Colour.DEMAND.value,
            markersize=4,
            label="outcome not ok",
        )
    ax.set_yticks(range(len(Rung)), [rung.name.lower() for rung in Rung])
    ax.set_ylim(len(Rung) - 0.7, -0.3)
    dress(ax, title="rung of the failure ladder that gave the input")
    legend_beside(ax)
