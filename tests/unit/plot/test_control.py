"""Pictures of a closed loop show the data and say what is missing."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rexdynnet.errors import InputError
from rexdynnet.plot import commitments, control_inputs, heat_prices, solver_effort
from rexdynnet.plot.style import new_picture
from rexdynnet.timeline import PriceSurface, parse_utc, units_from
from tests.unit.plot.tree_result import make_result

STEP_S = 900.0


@pytest.fixture(scope="module")
def loop() -> xr.Dataset:
    """A synthetic run: 24 h, two controls, one of them at its upper bound in the last half."""
    result = make_result()
    steps = np.arange(96) * STEP_S
    flow = np.where(np.arange(96) < 48, 1.0, 2.0)
    heat = result["substation_heat"].values
    units = np.arange(24) * 3600.0
    per_unit = heat[1:] * 3600.0
    names = result["substation"].values
    return result.assign(
        control_input=(("control_time", "control"), np.column_stack([350 + 0 * flow, flow])),
        control_lower=(("control_time", "control"), np.tile([273.15, -2.0], (96, 1))),
        control_upper=(("control_time", "control"), np.tile([368.15, 2.0], (96, 1))),
        control_reference=(("control_time", "control"), np.column_stack([351 + 0 * flow, flow])),
        control_active=(("control_time", "control"), np.column_stack([0 * flow, flow > 1])),
        control_rung=("control_time", np.where(np.arange(96) == 10, 4, 0)),
        control_outcome=("control_time", np.where(np.arange(96) == 10, 2, 0)),
        control_iterations=("control_time", np.arange(96) % 7),
        heat_price=(("control_time", "substation"), np.full((96, len(names)), 63.0)),
        reference_heat=(("control_time", "substation"), np.repeat(heat[1:], 4, axis=0)),
        unit_reserved_energy=(("unit", "substation"), 1.1 * per_unit),
        unit_demanded_energy=(("unit", "substation"), per_unit),
        unit_delivered_energy=(("unit", "substation"), per_unit),
    ).assign_coords(
        control_time=steps,
        control=["boiler.supply_temperature", "tank.mass_flow"],
        control_unit=("control", ["K", "kg/s"]),
        unit=units,
        unit_length_s=3600.0,
    )


def line(axes, label: str):
    return next(one for one in axes.lines if one.get_label() == label)


def test_commitments_show_powers_of_the_units(loop: xr.Dataset) -> None:
    name = str(loop["substation"].values[3])
    figure = commitments(loop, substations=[name])
    (axes,) = figure.axes
    committed = line(axes, "committed").get_ydata()
    expected = loop["unit_reserved_energy"].sel(substation=name).values / 3600.0 / 1e3
    np.testing.assert_allclose(committed[:-1], expected)
    assert line(axes, "demanded").get_drawstyle() == "steps-pre"
    assert line(axes, "committed").get_drawstyle() == "steps-post"
    labels = [artist.get_label() for artist in axes.collections]
    assert "shortfall" not in labels


def test_what_was_not_delivered_is_marked(loop: xr.Dataset) -> None:
    short = str(loop["substation"].values[0])
    (axes,) = commitments(loop, substations=[short]).axes
    assert "shortfall" in [artist.get_label() for artist in axes.collections]


def test_without_names_the_sum_and_the_worst_are_drawn(loop: xr.Dataset) -> None:
    titles = [axes.get_title(loc="left") for axes in commitments(loop).axes]
    assert titles[0] == "whole network"
    assert len(titles) == 6
    # the last house of the synthetic tree takes most, so 10 % of it is most
    assert titles[1] == str(loop["substation"].values[-1])


def test_inputs_stand_in_units_for_people_with_their_bounds(loop: xr.Dataset) -> None:
    figure = control_inputs(loop)
    first, second = figure.axes
    np.testing.assert_allclose(line(first, "applied").get_ydata(), 350 - 273.15)
    assert "bounds 0 to 95 °C" in first.get_title(loc="left")
    assert len(line(second, "bound active").get_xdata()) == 48
    low, high = second.get_ylim()
    assert low < 1.0
    assert high > 2.0


def test_effort_names_every_rung_and_marks_failures(loop: xr.Dataset) -> None:
    iterations, rungs = solver_effort(loop).axes
    assert f"{int((np.arange(96) % 7).sum())} in all" in iterations.get_title(loc="left")
    ticks = [text.get_text() for text in rungs.get_yticklabels()]
    assert ticks == ["warm", "cold", "softened", "shifted", "baseline", "safety"]
    assert len(line(rungs, "outcome not ok").get_xdata()) == 1


def test_prices_are_drawn_as_a_band(loop: xr.Dataset) -> None:
    (axes,) = heat_prices(loop).axes
    assert axes.get_ylabel() == "price of heat (EUR/MWh)"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 63.0)


@pytest.mark.parametrize("draw", [commitments, control_inputs, solver_effort, heat_prices])
def test_a_plain_simulation_is_refused_with_a_remedy(draw) -> None:
    with pytest.raises(InputError, match="run a scenario with"):
        draw(make_result())


def test_an_unknown_control_names_the_nearest(loop: xr.Dataset) -> None:
    with pytest.raises(InputError, match=r"boiler\.supply_temperature"):
        control_inputs(loop, controls=["boiler.supply_temp"])


def test_a_price_surface_shows_its_parts_and_leaves_out_what_is_not_valid() -> None:
    units = tuple(units_from(parse_utc("2027-02-15"), 3600.0, 3))
    energy = np.array([[60.0, 61.0], [60.0, 61.0], [60.0, 61.0]])
    scarcity = np.array([[0.0, 0.0], [0.0, 40.0], [0.0, 0.0]])
    congestion = np.full((3, 2), -5.0)
    valid = np.array([[True, True], [True, True], [True, False]])
    total, nothing = energy + scarcity + congestion, np.zeros((3, 2))
    surface = PriceSurface(
        ("near", "far"), units, total, energy, nothing, congestion, scarcity, valid, np.zeros(3)
    )
    upper, lower = heat_prices(surface).axes
    shown = line(upper, "far").get_ydata()
    np.testing.assert_allclose(shown[:2], [56.0, 96.0])
    assert np.isnan(shown[2])
    assert lower.get_legend_handles_labels()[1] == ["energy", "loss", "congestion", "scarcity"]
    # parts below zero hang below the axis, the others stand on one another
    heights = [path.vertices for one in lower.collections for path in one.get_paths()]
    assert min(v[:, 1].min() for v in heights) == pytest.approx(-5.0)
    assert max(v[:, 1].max() for v in heights) == pytest.approx(101.0)
    (alone,) = heat_prices(surface, ax=empty_axes()).axes
    assert line(alone, "far") is not None


def empty_axes():
    return new_picture().subplots()
