"""The way from a plant to a substation, and the temperature along it."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rexdynnet.errors import InputError
from rexdynnet.plot import find_route, pressures_along_route, space_time
from rexdynnet.plot.routes import along_route
from tests.unit.plot.synthetic import cross_result, drop


def test_the_shorter_of_two_ways_is_taken() -> None:
    result = cross_result()
    # The pipe to the east now ends in the north: a second, shorter way there.
    ends = result["pipe_to"].to_numpy().astype("<U20")
    ends[list(result["pipe"].to_numpy()).index("middle-east_supply")] = "north_supply"
    result = result.assign_coords(pipe_to=("pipe", ends))
    route = find_route(result, "house_north")
    np.testing.assert_allclose(route.distances_m, [0.0, 100.0, 160.0])


def test_unknown_names_bring_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean house_north"):
        find_route(cross_result(), "house_norht")
    with pytest.raises(InputError, match="did you mean boiler"):
        find_route(cross_result(), "house_north", plant="boilr")


def moving_front(flow_kg_per_s: float) -> tuple[xr.Dataset, float]:
    """One route pipe in which a ramp of 1 K/min travels without loss; and its speed."""
    result = cross_result(hours=2).isel(time=[0, 0] * 60)
    time_s = 60.0 * np.arange(120.0)
    result = result.assign_coords(time=("time", time_s))
    area_m2 = np.pi * 0.08**2 / 4
    speed = abs(flow_kg_per_s) / (983.2 * area_m2)
    at = {"works": 0.0, "middle": 100.0, "east": 160.0, "north": 180.0, "south": 150.0}
    place = {str(p): str(p).rpartition("_")[0].split("-") for p in result["pipe"].to_numpy()}

    def passing(distance_m: float) -> np.ndarray:
        return 330.0 + (time_s - distance_m / speed) / 60.0

    near = np.column_stack([passing(at[ends[0]]) for ends in place.values()])
    far = np.column_stack([passing(at[ends[1]]) for ends in place.values()])
    result["pipe_inlet_temperature"] = (("time", "pipe"), near)
    result["pipe_outlet_temperature"] = (("time", "pipe"), far)
    result["pipe_mass_flow"] = (("time", "pipe"), np.full(near.shape, flow_kg_per_s))
    result.attrs["fluid_density_kg_per_m3"] = 983.2
    return result, speed


def test_between_the_ends_water_arrives_when_its_parcel_does() -> None:
    result, speed = moving_front(2.0)
    distance_m, temperature_K = along_route(result, find_route(result, "house_north"))
    time_s = result["time"].to_numpy()
    exact = 330.0 + (time_s[:, None] - distance_m / speed) / 60.0
    np.testing.assert_allclose(temperature_K[20:-20], exact[20:-20], atol=1e-6)


def test_the_ends_of_every_leg_are_the_datasets_own_values() -> None:
    result = cross_result()
    distance_m, temperature_K = along_route(result, find_route(result, "house_north"))
    node = result["node_temperature"]
    np.testing.assert_allclose(distance_m[[0, 7, 8, -1]], [0.0, 100.0, 100.0, 180.0])
    np.testing.assert_allclose(temperature_K[:, 0], node.sel(node="works_supply"))
    np.testing.assert_allclose(temperature_K[:, -1], node.sel(node="north_supply"))


def test_where_the_water_turns_the_temperature_is_linear_in_distance() -> None:
    result = cross_result()
    result["pipe_mass_flow"][10:] *= -1.0
    distance_m, temperature_K = along_route(result, find_route(result, "house_north"))
    one_pipe = temperature_K[:, :8]
    ends = one_pipe[:, [0]] + (one_pipe[:, [-1]] - one_pipe[:, [0]]) * distance_m[:8] / 100.0
    np.testing.assert_allclose(one_pipe, ends)


def test_pressures_along_a_route_are_the_nodes_in_bar() -> None:
    result = cross_result()
    ax = pressures_along_route(result, "house_north", time=7 * 3600.0).axes[0]
    supply, back = ax.lines
    row = result["node_pressure"].isel(time=7) / 1e5
    names = ["works_supply", "middle_supply", "north_supply"]
    np.testing.assert_allclose(np.asarray(supply.get_xdata(), float), [0.0, 100.0, 180.0])
    np.testing.assert_allclose(np.asarray(supply.get_ydata(), float), row.sel(node=names))
    names = [name.replace("supply", "return") for name in names]
    np.testing.assert_allclose(np.asarray(back.get_ydata(), float), row.sel(node=names))
    assert ax.get_xlabel() == "distance from boiler (m)"
    assert ax.get_ylabel() == "pressure (bar absolute)"
    assert "2027-01-15 07:00 UTC" in ax.get_title(loc="left")


def test_space_time_draws_distance_over_time_with_a_labelled_scale() -> None:
    result = cross_result()
    figure = space_time(result, "house_north")
    ax, bar = figure.axes
    assert ax.get_ylabel() == "distance from boiler (m)"
    assert bar.get_ylabel() == "water temperature (°C)"
    low, high = ax.get_ylim()
    assert (low, high) == (0.0, pytest.approx(180.0))
    mesh = np.asarray(ax.collections[0].get_array())
    shown = result["node_temperature"] - 273.15
    assert mesh.max() == pytest.approx(float(shown.sel(node="works_supply").max()))
    assert mesh.min() == pytest.approx(float(shown.sel(node="north_supply").min()))


def test_a_route_picture_needs_the_networks_coordinates() -> None:
    with pytest.raises(InputError, match="pipe_from"):
        pressures_along_route(drop(cross_result(), "pipe_from"))
