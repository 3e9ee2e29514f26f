"""Pictures of flats behind one participant: what each pays, and what deviating cost it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import Values, labels, variable
from rexdynnet.plot.style import DASHES, Colour, dress, figure_of, legend_beside, new_picture

_J_PER_MWh = 3.6e9
_CENT_PER_EUR = 100.0
_LEAST_CENT = 0.05
_PAID_AHEAD = ("reservations", "traded_inside", "true_up")
_COLOURS = {
    "netted_inside": Colour.DELIVERED,
    "imbalance": Colour.RETURN,
    "penalty": Colour.SUPPLY,
    "compensation": Colour.STORED,
    "discard": Colour.LOST,
    "quality": Colour.UNSERVED,
    "share": Colour.OUTDOOR,
}
_WORDS = {"netted_inside": "netted with flats", "share": "penalties shared out"}


def flat_bills(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """What every flat paid per MWh, and what its deviations cost or brought by cause.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with `[[market.buildings]]`.
    ax : Axes or None
        Where to draw the bills alone; None adds the cost of deviations.

    Returns
    -------
    matplotlib.figure.Figure
        Dashed is what the building pays per MWh; a diamond is a flat's sum of deviation costs.

    Raises
    ------
    InputError
        No flats traded in the run.
    """
    if "flat_cost" not in result.variables:
        raise InputError(
            Finding(
                "no flats traded in the run",
                "run a scenario with [[market.buildings]], for example destest16_building.toml",
            )
        )
    costs = variable(result, "flat_cost")
    heat_MWh = variable(result, "flat_delivered_energy").sum(axis=0) / _J_PER_MWh
    names = list(labels(result, "flat"))
    if len({name.partition("/")[0] for name in names}) == 1:
        names = [name.partition("/")[2] for name in names]
    at = np.arange(len(names), dtype=np.float64)
    if ax is not None:
        _draw_bills(ax, at, costs.sum(axis=1), heat_MWh)
        _name(ax, at, names)
        return figure_of(ax)
    figure = new_picture(1.4 + 0.24 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.4))
    _draw_bills(left, at, costs.sum(axis=1), heat_MWh)
    causes = list(labels(result, "flat_cause"))
    missed = [name for name in causes if name not in _PAID_AHEAD]
    table = _CENT_PER_EUR * costs[:, [causes.index(name) for name in missed]]
    _draw_deviations(right, at, table, missed)
    _name(left, at, names)
    right.tick_params(labelleft=False)
    return figure


def _name(ax: Axes, at: Values, names: list[str]) -> None:
    ax.set_yticks(at, names, fontsize=8)
    ax.set_ylim(float(at[-1]) + 0.6, -0.6)


def _draw_bills(ax: Axes, at: Values, paid_EUR: Values, heat_MWh: Values) -> None:
    drawn = heat_MWh > 0.0
    per_MWh = np.divide(paid_EUR, heat_MWh, out=np.zeros_like(paid_EUR), where=drawn)
    mean = float(paid_EUR.sum() / heat_MWh.sum()) if drawn.any() else 0.0
    ax.axvline(mean, color=Colour.SUPPLY.value, linewidth=1.4, linestyle=DASHES[1])
    # flats differ by per cents of a bill: bars from zero would all look alike
    ax.hlines(at[drawn], mean, per_MWh[drawn], color=Colour.RETURN.value, linewidth=2.0)
    ax.plot(per_MWh[drawn], at[drawn], "o", color=Colour.RETURN.value, markersize=6)
    dress(ax, x="bill, true-up included (EUR/MWh)", title=f"building: {mean:.2f} EUR/MWh")


def _draw_deviations(ax: Axes, at: Values, cents: Values, causes: list[str]) -> None:
    right, left = np.zeros(len(at)), np.zeros(len(at))
    for column, cause in enumerate(causes):
        values = cents[:, column]
        if np.abs(values).max(initial=0.0) <= _LEAST_CENT:
            continue
        base = np.where(values >= 0, right, left)
        label = _WORDS.get(cause, cause)
        ax.barh(at, values, left=base, color=_COLOURS[cause].value, label=label, height=0.7)
        right += np.maximum(values, 0.0)
        left += np.minimum(values, 0.0)
    ax.plot(cents.sum(axis=1), at, "D", color=Colour.DEMAND.value, markersize=4, label="sum")
    ax.axvline(0.0, color=Colour.DEMAND.value, linewidth=0.8)
    dress(ax, x="paid for deviations (ct)", title="cost of deviations")
    legend_beside(ax)
