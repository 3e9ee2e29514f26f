"""Many runs of one scenario as bands around their median."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.plot.style import (
    CELSIUS,
    Colour,
    Scale,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
    power_scale,
)
from rexdynnet.plot.times import axis_of_seconds

if TYPE_CHECKING:
    from rexdynnet.study.ensemble import Ensemble

_BANDS = ((5, 95, 0.2), (25, 75, 0.35))


def fan(ensemble: Ensemble, name: str, ax: Axes | None = None, *, arm: int = 0) -> Figure:
    """A trajectory over all seeds: the median, and where 50 % and 90 % of the runs lie.

    Parameters
    ----------
    ensemble : Ensemble
        Of `rexdynnet.monte_carlo`.
    name : str
        `component.quantity`, such as `substation_7.heat`.
    ax : Axes or None
    arm : int

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        No such trajectory was kept, or no run of the arm finished.
    """
    series = ensemble.series(name, arm)
    values = series.to_numpy()
    unit = str(series.attrs.get("units", ""))
    scale = {"K": CELSIUS, "W": power_scale(values)}.get(unit, Scale(unit))
    begun = str(series.attrs.get("start_utc", ""))
    axis = axis_of_seconds(
        series["time"].to_numpy(), datetime.fromisoformat(begun) if begun else None
    )
    ax = axes_or_new(ax, 3.6)
    for low, high, shade in _BANDS:
        lower, upper = np.percentile(values, (low, high), axis=0)
        ax.fill_between(
            axis.values,
            scale(lower),
            scale(upper),
            color=Colour.RETURN.value,
            alpha=shade,
            linewidth=0,
            label=f"{high - low} % of the runs",
        )
    median = scale(np.median(values, axis=0))
    ax.plot(axis.values, median, color=Colour.RETURN.value, label="median")
    component, _, quantity = name.rpartition(".")
    text = f"{quantity.replace('_', ' ')} ({scale.unit})"
    dress(ax, y=text, title=f"{component}, {len(values)} runs")
    axis.dress(ax)
    legend_beside(ax)
    return figure_of(ax)
