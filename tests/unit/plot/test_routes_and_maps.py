"""Routes are found along the pipes, and maps put things where they are."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet import plot
from rexdynnet.errors import InputError
from rexdynnet.network.spec import Line
from rexdynnet.plot.maps import MapQuantity
from rexdynnet.plot.routes import along_route, farthest_substation
from tests.unit.plot.tree_result import make_result


@pytest.fixture(scope="module")
def result():
    return make_result()


def collection(figure, gid):
    return next(one for one in figure.axes[0].collections if one.get_gid() == gid)


def test_a_route_follows_the_pipes_and_measures_them(result):
    route = plot.find_route(result, "house_e1r")
    places = [node.removesuffix("_supply") for node in route.nodes]
    assert places == ["centre", "e0", "e1", "house_e1r"]
    first = float(np.hypot(40.0, 15.0))
    np.testing.assert_allclose(route.distances_m, [0.0, first, first + 30.0, first + 45.0])


def test_a_route_of_the_return_line_runs_against_its_pipes(result):
    route = plot.find_route(result, "house_e1r", line=Line.RETURN)
    assert route.nodes[0] == "centre_return"
    assert not any(leg.forward for leg in route.legs)


def test_a_valve_in_the_line_joins_a_route_without_length(result):
    # House w0l hangs behind a valve instead of its pipe's own end.
    tails = list(result.pipe_from.values)
    tails[list(result["pipe"].values).index("w0-house_w0l_supply")] = "behind"
    cut = result.assign_coords(
        pipe_from=("pipe", tails),
        valve=["v"],
        valve_from=("valve", ["w0_supply"]),
        valve_to=("valve", ["behind"]),
    )
    route = plot.find_route(cut, "house_w0l")
    assert route.nodes[-3:] == ("w0_supply", "behind", "house_w0l_supply")
    assert [leg.length_m for leg in route.legs][1] == 0.0
    assert route.legs[1].pipe is None


def test_the_farthest_substation_is_at_the_end_of_a_main(result):
    assert farthest_substation(result).startswith(("house_e3", "house_w3"))


def test_an_unknown_substation_is_answered_with_the_nearest_names(result):
    with pytest.raises(InputError, match="did you mean house_e1r"):
        plot.pressures_along_route(result, "hause_e1r")


def test_an_unreachable_substation_is_an_error(result):
    heads = ["nowhere" if n == "house_w0l_supply" else n for n in result.pipe_to.values]
    cut = result.assign_coords(pipe_to=("pipe", heads))
    with pytest.raises(InputError, match="no pipes of the supply line"):
        plot.find_route(cut, "house_w0l")


def test_pressures_are_those_of_the_routes_nodes_in_bar(result):
    ax = plot.pressures_along_route(result, "house_e1r", time=7200.0).axes[0]
    supply, back = ax.lines[:2]
    nodes = plot.find_route(result, "house_e1r").nodes
    expected = result.node_pressure.sel(node=list(nodes)).isel(time=2) / 1e5
    np.testing.assert_allclose(supply.get_ydata(), expected)
    gap = supply.get_ydata()[-1] - back.get_ydata()[-1]
    assert f"{gap:.2f} bar at house_e1r" in ax.get_title(loc="left")


def test_space_time_ends_at_the_temperatures_of_plant_and_substation(result):
    distance_m, temperature_K = along_route(result, plot.find_route(result, "house_e3r"))
    assert distance_m[0] == 0.0
    np.testing.assert_allclose(temperature_K[:, 0], result.plant_supply_temperature[:, 0])
    last = result.substation_supply_temperature.sel(substation="house_e3r")
    np.testing.assert_allclose(temperature_K[:, -1], last)


def test_a_front_within_a_pipe_stands_where_the_flow_has_pushed_it(result):
    # One pipe of 15 m holds 1 kg/m at 0.1 kg/s: its water needs 150 s, the front enters at 300 s.
    time_s = np.arange(0.0, 900.0, 10.0)
    one = result.isel(time=np.zeros(len(time_s), int)).assign_coords(time=time_s)
    pipe = list(one["pipe"].values).index("e0-house_e0r_supply")
    diameter_m = np.full(one.sizes["pipe"], np.sqrt(4 * 1.0 / (983.2 * np.pi)))
    one = one.assign_coords(pipe_inner_diameter_m=("pipe", diameter_m))
    for name, late in (("pipe_inlet_temperature", 0.0), ("pipe_outlet_temperature", 150.0)):
        values = one[name].values.copy()
        values[:, pipe] = np.where(time_s >= 300.0 + late, 350.0, 330.0)
        one[name] = (("time", "pipe"), values)
    flow = one.pipe_mass_flow.values.copy()
    flow[:, pipe] = 0.1
    one["pipe_mass_flow"] = (("time", "pipe"), flow)
    distance_m, temperature_K = along_route(one, plot.find_route(one, "house_e0r"), 16)
    at = np.argmin(np.abs(distance_m - (distance_m[-1] - 7.5)))
    share = 1.0 - (distance_m[-1] - distance_m[at]) / 15.0
    arrival_s = time_s[np.argmax(temperature_K[:, at] > 340.0)]
    assert arrival_s == pytest.approx(300.0 + 150.0 * share, abs=15.0)
    assert temperature_K.max() <= 350.0 + 1e-9  # interpolation rounds
    assert set(np.round(temperature_K[20:25, at], 6)) == {330.0}


def test_a_map_colours_each_pipe_by_its_own_temperature(result):
    figure = plot.network_map(result, time=0.0)
    shown = np.asarray(collection(figure, "pipes supply line").get_array())
    supply = result.pipe_line.values == "supply"
    near = result.pipe_inlet_temperature.values[0, supply] - 273.15
    far = result.pipe_outlet_temperature.values[0, supply] - 273.15
    np.testing.assert_allclose(shown.reshape(supply.sum(), -1).mean(axis=1), (near + far) / 2)
    labels = {ax.get_ylabel() for ax in figure.axes}
    assert "supply line, water temperature (°C)" in labels
    assert "return line, water temperature (°C)" in labels


@pytest.mark.parametrize("quantity", list(MapQuantity))
def test_a_map_of_any_quantity_says_what_it_shows(quantity, result):
    figure = plot.network_map(result, quantity=quantity)
    assert any(quantity.value in ax.get_ylabel() for ax in figure.axes)


def test_supply_and_return_of_a_trench_lie_side_by_side_on_a_map(result):
    figure = plot.network_map(result)
    middles = [
        np.mean(collection(figure, f"pipes {line} line").get_segments()[0], axis=0)
        for line in ("supply", "return")
    ]
    apart = float(np.hypot(*(middles[0] - middles[1])))
    assert 0.5 < apart < 40.0


def test_wider_lines_carry_more_water(result):
    lines = collection(plot.network_map(result), "pipes supply line")
    width = np.asarray(lines.get_linewidths())
    width = width.reshape(int((result.pipe_line == "supply").sum()), -1)[:, 0]
    row = int(np.argmax(result.plant_mass_flow.values[:, 0]))
    flow = result.pipe_mass_flow.values[row][result.pipe_line.values == "supply"]
    assert np.array_equal(np.argsort(width, kind="stable"), np.argsort(flow, kind="stable"))


def test_a_map_rings_the_substation_that_is_short_of_heat(result):
    figure = plot.network_map(result, time=float(result.time[-1]))
    ring = collection(figure, "not fully served").get_offsets()
    x, y = float(ring[0][0]), float(ring[0][1])
    assert (x, y) == (5.0, 15.0)


def test_arrows_turn_with_the_flow(result):
    turned = result.assign(pipe_mass_flow=-result.pipe_mass_flow)
    heads = [
        [line.get_marker()[2] for line in plot.network_map(each).axes[0].lines]
        for each in (result, turned)
    ]
    difference = (np.array(heads[0]) - np.array(heads[1])) % 360.0
    np.testing.assert_allclose(difference, 180.0)


def test_a_network_without_coordinates_is_laid_out_and_says_so():
    figure = plot.network_map(make_result(coordinates=False))
    assert "no coordinates" in figure.axes[0].get_title(loc="left")
    segments = collection(figure, "pipes supply line").get_segments()
    assert np.ptp(np.concatenate(segments), axis=0).min() > 0
    back = collection(figure, "pipes return line").get_segments()
    # Both lines of the first trench: the return pipe starts where the supply pipe ends.
    apart = np.hypot(*(np.mean(segments[:10], axis=(0, 1)) - np.mean(back[:10], axis=(0, 1))))
    assert apart < 0.1 * np.ptp(np.concatenate(segments), axis=0).max()


def test_a_bare_network_is_drawn_without_results(models):
    from rexdynnet import read_network

    network = read_network(models / "networks" / "destest16_two_plants")
    ax = plot.network_map(network).axes[0]
    texts = {text.get_text() for text in ax.texts}
    assert {plant.name for plant in network.plants} <= texts
    assert ax.get_xlabel() == "x (m)"
