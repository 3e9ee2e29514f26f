"""Pictures along a route: pressures at one instant, temperatures over distance and time."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rexdynnet.network.spec import Line
from rexdynnet.plot.read import total
from rexdynnet.plot.routes import (
    Route,
    along_route,
    farthest_substation,
    find_route,
    node_values,
)
from rexdynnet.plot.style import (
    BAR,
    CELSIUS,
    FIELD_MAP,
    Colour,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
)
from rexdynnet.plot.times import Instant, clock, nearest_row, time_axis

_MOST_COLUMNS = 1600
_POINTS = 200
# Fewer shades than 256 make the file smaller, and the eye sees no steps yet.
_LEVELS = 96


def pressures_along_route(
    result: xr.Dataset,
    to: str | None = None,
    ax: Axes | None = None,
    *,
    time: Instant | None = None,
    plant: str | None = None,
) -> Figure:
    """Supply and return pressure against the distance from the plant.

    Parameters
    ----------
    result : xr.Dataset
    to : str or None
        Substation at which the route ends; None: the farthest from its plant.
    ax : Axes or None
        Where to draw; None makes a new figure.
    time : float, datetime, datetime64 or None
        Seconds since the start, or an instant in UTC; the nearest row is shown.
        None: the row in which the plants push most water.
    plant : str or None
        Where the route starts; None: at the nearest plant.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where the substation or plant is unknown, no pipes join them, or `time` lies
        outside the run.

    Notes
    -----
    The return line is followed along its own pipes, also where it lies elsewhere.
    """
    to = to or farthest_substation(result)
    supply = find_route(result, to, plant=plant)
    back = find_route(result, to, plant=supply.plant, line=Line.RETURN)
    flow = total(result, "plant_mass_flow")
    row = int(np.argmax(flow)) if time is None else nearest_row(result, time)
    ax = axes_or_new(ax)
    ends = []
    for route, colour in ((supply, Colour.SUPPLY), (back, Colour.RETURN)):
        pressure = BAR(node_values(result, "node_pressure", route.nodes)[row])
        distance = route.distances_m
        ax.plot(
            distance,
            pressure,
            "o-",
            color=colour.value,
            markersize=4.5,
            label=f"{route.line.value} line",
        )
        ends.append((float(distance[-1]), float(pressure[0]), float(pressure[-1])))
    (far, top_plant, top), (_, bottom_plant, bottom) = ends
    _difference(ax, 0.0, top_plant, bottom_plant)
    _difference(ax, far, top, bottom)
    spans = (
        f"Δp {top_plant - bottom_plant:.2f} bar at {supply.plant}, {top - bottom:.2f} bar at {to}"
    )
    dress(
        ax,
        x=f"distance from {supply.plant} (m)",
        y="pressure (bar absolute)",
        title=f"{clock(result, row)}: {spans}",
    )
    ax.margins(x=0.04, y=0.12)
    legend_beside(ax)
    return figure_of(ax)


def _difference(ax: Axes, x: float, top: float, bottom: float) -> None:
    """An arrow between the two lines."""
    ax.annotate(
        "",
        (x, top),
        (x, bottom),
        arrowprops={"arrowstyle": "<->", "color": Colour.DEMAND.value, "shrinkA": 4, "shrinkB": 4},
    )


def space_time(
    result: xr.Dataset,
    route: Route | str | None = None,
    ax: Axes | None = None,
    *,
    line: Line = Line.SUPPLY,
) -> Figure:
    """Water temperature along a route over distance and time.

    Parameters
    ----------
    result : xr.Dataset
    route : Route, str or None
        From `rexdynnet.plot.find_route`, or the substation at which it ends; None:
        the substation farthest from its plant.
    ax : Axes or None
        Where to draw; None makes a new figure.
    line : Line
        Which line, where `route` is not a Route.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        Where the substation is unknown or no pipes join it to a plant.

    Notes
    -----
    How temperatures between the ends of a pipe are found: see
    `rexdynnet.plot.routes.along_route`.
    """
    if not isinstance(route, Route):
        route = find_route(result, route or farthest_substation(result), line=line)
    points = int(np.clip(_POINTS // max(len(route.legs), 1), 4, 60))
    distance_m, temperature_K = along_route(result, route, points)
    ax = axes_or_new(ax)
    times = time_axis(result)
    # More rows than pixels only make the file large.
    every = -(-len(times.values) // _MOST_COLUMNS)
    # Cells must not vanish: at a junction two points share one place.
    distance_m = distance_m + 1e-6 * distance_m[-1] * np.arange(len(distance_m)) / len(distance_m)
    mesh = ax.pcolormesh(
        times.values[::every],
        distance_m,
        CELSIUS(temperature_K[::every].T),
        cmap=FIELD_MAP.resampled(_LEVELS),
        shading="nearest",
        rasterized=True,
    )
    for place in route.distances_m[1:-1]:
        ax.axhline(float(place), color="white", linewidth=0.7, alpha=0.7, linestyle=(0, (2, 3)))
    bar = figure_of(ax).colorbar(mesh, ax=ax, pad=0.015)
    bar.set_label("water temperature (°C)")
    title = f"{route.line.value} line, {route.plant} to {route.substation}; dotted: junctions"
    dress(ax, y=f"distance from {route.plant} (m)", title=title)
    ax.grid(False)
    ax.set_ylim(0.0, float(distance_m[-1]))
    times.dress(ax)
    return figure_of(ax)
