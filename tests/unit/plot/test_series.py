"""Temperatures, flows, heats and tanks over time."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rexdynnet.errors import InputError
from rexdynnet.plot import flows, tank, temperatures
from tests.unit.plot.synthetic import cross_result, drop


def line_named(ax: Axes, text: str) -> Line2D:
    found = {str(line.get_label()): line for line in ax.lines}
    assert text in found, f"{text!r} is not among {sorted(found)}"
    return found[text]


def y_of(ax: Axes, text: str) -> np.ndarray:
    return np.asarray(line_named(ax, text).get_ydata(), float)


def test_the_band_spans_coldest_to_warmest_substation() -> None:
    result = cross_result()
    ax = temperatures(result).axes[0]
    band = next(one for one in ax.collections if one.get_label() == "substations, supply")
    corners = np.concatenate([path.vertices for path in band.get_paths()])
    shown = result["substation_supply_temperature"] - 273.15
    assert corners[:, 1].min() == pytest.approx(float(shown.min()))
    assert corners[:, 1].max() == pytest.approx(float(shown.max()))


def test_flows_show_plants_and_the_sum_of_substations() -> None:
    result = cross_result()
    ax = flows(result).axes[0]
    np.testing.assert_allclose(
        y_of(ax, "all substations"), result["substation_mass_flow"].sum("substation")
    )
    np.testing.assert_allclose(y_of(ax, "boiler"), result["plant_mass_flow"][:, 0])
    np.testing.assert_allclose(y_of(ax, "store (+ charges)"), result["tank_mass_flow"][:, 0])


def test_a_tank_shows_every_layer_with_the_top_named() -> None:
    result = cross_result()
    ax = tank(result, name="store").axes[0]
    layers = result["tank_temperature"].sel(tank="store") - 273.15
    assert len(ax.lines) == layers.sizes["layer"]
    np.testing.assert_allclose(y_of(ax, "top"), layers.isel(layer=0))
    np.testing.assert_allclose(y_of(ax, "bottom"), layers.isel(layer=-1))


def test_a_tank_is_asked_for_by_name_where_there_is_none_or_several() -> None:
    result = cross_result()
    without = drop(result, *[str(name) for name in result.variables if "tank" in str(name)])
    with pytest.raises(InputError, match="no tank"):
        tank(without)
    two = result.isel(tank=[0, 0]).assign_coords(tank=["one", "two"])
    assert len(tank(two).axes) == 2
    with pytest.raises(InputError, match="one, two"):
        tank(two, Figure().subplots())
