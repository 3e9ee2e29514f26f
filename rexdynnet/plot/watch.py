"""Picture of a fault monitor: what the meters did not do as predicted, and the alarms."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.read import Values, labels
from rexdynnet.plot.style import Colour, dress, figure_of, legend_beside, new_picture
from rexdynnet.plot.times import TimeAxis, axis_of_seconds, seconds, start

_MEAN_STEPS = 8
_NAMED = 4
_COLOURS = (Colour.SUPPLY, Colour.RETURN, Colour.DELIVERED, Colour.STORED)
_KINDS = {"leak": Colour.RETURN, "fouling": Colour.DELIVERED, "wet_insulation": Colour.SUPPLY}
_LINEAR = 10.0


def fault_monitor(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Innovations of the monitored meters, the tests of each kind of fault, and the alarms.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[monitor]`.
    ax : Axes or None
        Where to draw the tests alone; None adds a panel of innovations.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Nobody watched for faults in this run.

    Notes
    -----
    Innovations are running means over 8 steps in the standard deviations of such means: a
    healthy meter stays within ±3 nearly always. The four meters that left zero most since
    commissioning are named. Tests below zero, that is of faults too small to matter, are
    drawn as zero.
    """
    if "monitor_innovation" not in result.variables:
        raise InputError(
            Finding(
                "the result has no monitor_innovation",
                "run a scenario with a section [monitor]",
                field="monitor_innovation",
            )
        )
    times = axis_of_seconds(
        np.asarray(result["monitor_time"].values, dtype=np.float64), start(result)
    )
    span = axis_of_seconds(seconds(result)[[0, -1]], start(result))
    if ax is not None:
        _draw_tests(result, ax, times)
        span.dress(ax)
        return figure_of(ax)
    figure = new_picture(5.2)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw_innovations(result, upper, times)
    _draw_tests(result, lower, times)
    span.dress(upper, label=False)
    span.dress(lower)
    figure.align_ylabels([upper, lower])
    return figure


def _draw_innovations(result: xr.Dataset, ax: Axes, times: TimeAxis) -> None:
    raw = np.asarray(result["monitor_innovation"].values, dtype=np.float64)
    means = _running(raw)
    learnt = result["monitor_time"].values > float(result["monitor_commissioned_s"])
    deviation = np.nan_to_num(np.abs(means))[learnt].sum(axis=0)
    order = np.argsort(-deviation, kind="stable")
    names = labels(result, "monitor_meter")
    for rank, column in enumerate(order):
        named = rank < _NAMED
        ax.plot(
            times.values,
            means[:, column],
            color=(_COLOURS[rank] if named else Colour.FAINT).value,
            linewidth=1.1 if named else 0.6,
            label=names[column] if named else "_nolegend_",
            zorder=3.0 - 0.1 * rank if named else 2.0,
        )
    ax.set_yscale("symlog", linthresh=_LINEAR)
    title = f"innovations of {len(names)} meters, means of {_MEAN_STEPS} steps"
    dress(ax, y="standard deviations", title=title)
    _mark_learning(result, ax)
    legend_beside(ax)


def _draw_tests(result: xr.Dataset, ax: Axes, times: TimeAxis) -> None:
    tests = np.asarray(result["monitor_test"].values, dtype=np.float64)
    threshold = float(result["monitor_test"].attrs["threshold"])
    for column, kind in enumerate(labels(result, "fault_kind")):
        if not np.isfinite(tests[:, column]).any():
            continue
        ax.plot(
            times.values,
            np.maximum(tests[:, column], 0.0),
            drawstyle="steps-post",
            color=_KINDS[kind].value,
            linewidth=1.3,
            label=kind.replace("_", " "),
        )
    ax.axhline(threshold, color=Colour.LOST.value, linestyle="--", linewidth=1.1, label="threshold")
    ax.set_yscale("symlog", linthresh=_LINEAR)
    ax.set_ylim(bottom=0.0)
    _mark_learning(result, ax)
    title = "test of each kind of fault: no alarm"
    if "alarm_named" in result.variables:
        title = "test of each kind of fault, and alarms"
        named = axis_of_seconds(np.asarray(result["alarm_named"].values), start(result)).values
        kinds = [str(kind) for kind in result["alarm_kind"].values]
        where = [str(name) for name in result["alarm_component"].values]
        for at, kind, name in zip(named, kinds, where, strict=True):
            ax.axvline(at, color=_KINDS[kind].value, linestyle=":", linewidth=1.2)
            ax.annotate(
                f"{kind.replace('_', ' ')}\n{name}",
                (at, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(-3, 0),
                textcoords="offset points",
                ha="right",
                va="top",
                fontsize=8,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
            )
    dress(ax, y="standard deviations", title=title)
    legend_beside(ax)


def _mark_learning(result: xr.Dataset, ax: Axes) -> None:
    ends = np.array([0.0, float(result["monitor_commissioned_s"])])
    first, last = axis_of_seconds(ends, start(result)).values
    ax.axvspan(first, last, color=Colour.FAINT.value, alpha=0.4, linewidth=0, label="learning")


def _running(values: Values) -> Values:
    """Means over the last steps in their standard deviations; missing values left out."""
    seen: NDArray[np.bool_] = np.isfinite(values)
    sums = np.cumsum(np.where(seen, values, 0.0), axis=0)
    counts = np.cumsum(seen, axis=0).astype(np.float64)
    for running in (sums, counts):
        running[_MEAN_STEPS:] -= running[:-_MEAN_STEPS].copy()
    return np.where(counts > 0, sums / np.sqrt(np.maximum(counts, 1.0)), np.nan)
