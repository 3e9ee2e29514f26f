"""Pictures of a building: its zones and what conducts between them, and how well it predicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from rexdynnet.network.rc import Coupling, Quantity, RCNetwork, Verdict
from rexdynnet.plot.style import Colour, axes_or_new, dress, figure_of, new_picture

_WIDEST_POINTS = 9.0
_SURE, _DOTTED = 0.8, (0, (1.5, 1.2))
_VERDICT_COLOUR = {
    Verdict.IDENTIFIED: Colour.DELIVERED,
    Verdict.FIXED: Colour.DELIVERED,
    Verdict.WEAK: Colour.STORED,
    Verdict.NOT_IDENTIFIABLE: Colour.LOST,
}
_VERDICT_WORDS = {
    Verdict.IDENTIFIED: "identified",
    Verdict.FIXED: "given",
    Verdict.WEAK: "weak",
    Verdict.NOT_IDENTIFIABLE: "not identifiable",
}


def building(
    rc_network: RCNetwork,
    ax: Axes | None = None,
    *,
    position_m: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Zones as nodes, couplings as lines as thick as they conduct; dotted below probability 0.8.

    Parameters
    ----------
    rc_network : RCNetwork
    ax : Axes or None
    position_m : mapping of str to (float, float) or None
        Where zones lie; those without a place stand on a circle.

    Returns
    -------
    matplotlib.figure.Figure
    """
    ax = axes_or_new(ax, 6.0)
    places = _places(rc_network.zones, position_m or {})
    shown = sorted(
        (pair for pair in rc_network.couplings if pair.selected),
        key=lambda pair: pair.conductance.value,
    )
    largest = max((pair.conductance.value for pair in shown), default=1.0)
    used: list[Verdict] = []
    for pair in shown:
        _draw_coupling(ax, pair, places, largest)
        if pair.conductance.verdict not in used:
            used.append(pair.conductance.verdict)
    losses = [rc_network.value(Quantity.OUTDOOR, zone) for zone in rc_network.zones]
    for zone, loss in zip(rc_network.zones, losses, strict=True):
        label = f"{zone.replace('_', ' ')}\n{loss:.0f} W/K out"
        ax.annotate(
            label,
            places[zone],
            ha="center",
            va="center",
            fontsize=8,
            zorder=4,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "#444444"},
        )
    for verdict in used:
        ax.plot([], [], color=_VERDICT_COLOUR[verdict], linewidth=3, label=_VERDICT_WORDS[verdict])
    if any(pair.probability < _SURE for pair in shown):
        word = f"probability below {_SURE:g}"
        ax.plot([], [], color="#444444", linewidth=3, linestyle=_DOTTED, label=word)
    if used:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, frameon=False, fontsize=8)
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.margins(0.16)
    ax.set_title("conductances between zones (W/K)", fontsize=10, loc="left")
    return figure_of(ax)


def _draw_coupling(
    ax: Axes, pair: Coupling, places: Mapping[str, tuple[float, float]], largest: float
) -> None:
    (x0, y0), (x1, y1) = places[pair.zone], places[pair.other]
    value = pair.conductance.value
    share = value / largest
    ax.plot(
        [x0, x1],
        [y0, y1],
        color=_VERDICT_COLOUR[pair.conductance.verdict],
        linewidth=max(0.4, _WIDEST_POINTS * share),
        linestyle="-" if pair.probability >= _SURE else _DOTTED,
        alpha=0.75 if share > 0.15 else 0.45,
        solid_capstyle="round",
        dash_capstyle="butt",
        zorder=1 + share,
    )
    if share > 0.15:
        doubt = "" if pair.probability > 0.995 else f"\np {pair.probability:.2f}"
        label = f"{value:.3g}{doubt}"
        # off the middle, where lines of a circle cross
        ax.text(
            x0 + 0.4 * (x1 - x0),
            y0 + 0.4 * (y1 - y0),
            label,
            fontsize=7,
            ha="center",
            va="center",
            zorder=3.5,
            bbox={"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"},
        )


def _places(
    zones: Sequence[str], given: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    if set(zones) <= set(given):
        return {zone: given[zone] for zone in zones}
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(zones)) / len(zones)
    return {
        zone: (float(np.cos(angle)), float(np.sin(angle)))
        for zone, angle in zip(zones, angles, strict=True)
    }


def zone_predictions(
    time: ArrayLike, zones: Sequence[str], measured_K: ArrayLike, predicted_K: ArrayLike
) -> Figure:
    """Measured and predicted temperature of every zone, a panel each.

    Parameters
    ----------
    time : (t,) array of datetime64
    zones : sequence of str
    measured_K, predicted_K : (t, zones)
        NaN where nothing was measured or predicted.

    Returns
    -------
    matplotlib.figure.Figure
    """
    one, other = np.asarray(measured_K) - 273.15, np.asarray(predicted_K) - 273.15
    times = np.asarray(time, dtype="datetime64[s]")
    columns = 1 if len(zones) == 1 else 3
    rows = -(-len(zones) // columns)
    picture = new_picture(1.2 + 1.6 * rows)
    panels = picture.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for place, zone in enumerate(zones):
        ax = panels[place]
        ax.plot(times, one[:, place], color=Colour.DEMAND.value, linewidth=1.6, label="measured")
        ax.plot(times, other[:, place], color=Colour.SUPPLY.value, linewidth=1.0, label="predicted")
        error = float(np.sqrt(np.nanmean((other[:, place] - one[:, place]) ** 2)))
        dress(
            ax,
            y="temperature (°C)" if place % columns == 0 else None,
            title=f"{zone.replace('_', ' ')}: {error:.2f} K",
        )
        locator = AutoDateLocator(minticks=2, maxticks=4)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(DateFormatter("%d %b"))
    for ax in panels[len(zones) :]:
        ax.set_axis_off()
    handles, labels = panels[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return picture


def cumulated_periodograms(
    curves: Mapping[str, ArrayLike], limit: float, ax: Axes | None = None
) -> Figure:
    """Cumulated periodogram of one-step errors; white noise stays within the band.

    Parameters
    ----------
    curves : mapping of str to (f,)
        Share of the variance below each frequency, by zone.
    limit : float
        Half width of the band, as a share of the whole.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
    """
    ax = axes_or_new(ax, 4.2)
    ax.fill_between([0, 0.5], [-limit, 1 - limit], [limit, 1 + limit], color=Colour.FAINT.value)
    ax.plot([0, 0.5], [0, 1], color=Colour.DEMAND.value, linewidth=0.8)
    colours = [colour.value for colour in Colour if colour not in (Colour.FAINT, Colour.DEMAND)]
    for place, (zone, curve) in enumerate(curves.items()):
        values = np.asarray(curve)
        ax.plot(
            np.linspace(0, 0.5, len(values)),
            values,
            color=colours[place % len(colours)],
            linestyle=("-", "--", ":")[place // len(colours) % 3],
            linewidth=1.2,
            label=zone.replace("_", " "),
        )
    dress(ax, x="frequency (cycles per row)", y="share of the variance", title="one-step errors")
    ax.set_ylim(0, 1)
    ax.set_xlim(0, 0.5)
    ax.legend(fontsize=7, frameon=False, loc="lower right", ncols=2)
    return figure_of(ax)


def coupling_profiles(curves: Mapping[str, tuple[ArrayLike, ArrayLike]], limit: float) -> Figure:
    """Profile likelihood of couplings, a panel each; the interval is where it is below the line.

    Parameters
    ----------
    curves : mapping of str to ((k,), (k,))
        Conductance in W/K, ascending, and how far the log likelihood falls there, by coupling.
    limit : float
        Fall at the ends of the interval; a difference of logarithms, without a unit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    picture = new_picture(0.6 + 1.7 * rows)
    panels = picture.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for place, (name, (conductance, fall)) in enumerate(curves.items()):
        ax, at = panels[place], np.asarray(conductance, dtype=float)
        # roots of the fall are straight where it is quadratic
        fine = np.linspace(at[0], at[-1], 100)
        root = np.interp(fine, at, np.sqrt(np.asarray(fall, dtype=float)))
        ax.plot(fine, root**2, color=Colour.RETURN.value, linewidth=1.2)
        ax.plot(at, fall, "o", color=Colour.RETURN.value, markersize=3)
        ax.axhline(limit, color=Colour.DEMAND.value, linewidth=0.8, linestyle="--")
        ax.set_ylim(0.0, 2.5 * limit)
        dress(
            ax,
            x="W/K" if place >= len(curves) - columns else None,
            y="fall of log likelihood" if place % columns == 0 else None,
            title=name.replace("_", " "),
        )
    for ax in panels[len(curves) :]:
        ax.set_axis_off()
    return picture
