"""Pictures show the data that they were given, with units, in small files."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib import dates as mdates
from matplotlib.figure import Figure

from rexdynnet import plot
from rexdynnet.errors import InputError
from tests.unit.plot.tree_result import make_result

OVER_TIME = (plot.temperatures, plot.flows, plot.heats, plot.space_time)
WITH_AX = (*OVER_TIME, plot.pressures_along_route, plot.energy_balance, plot.load_duration_curve)


@pytest.fixture(scope="module")
def result():
    return make_result()


def line_named(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def labelled_axes(figure):
    return [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


@pytest.mark.parametrize("picture", [*WITH_AX, plot.network_map, plot.overview])
def test_every_axis_of_a_picture_is_labelled_with_a_unit(picture, result):
    figure = picture(result)
    assert isinstance(figure, Figure)
    for ax in labelled_axes(figure):
        for label in (ax.get_ylabel(), ax.get_xlabel()):
            # The bars of the balance are named by their ticks, stacked panels share the time.
            assert not label or "(" in label, label
    assert figure.axes[-1].get_ylabel() or figure.axes[-1].get_xlabel()


@pytest.mark.parametrize("picture", [*WITH_AX, plot.network_map])
def test_a_picture_draws_into_the_axes_it_is_given_and_returns_their_figure(picture, result):
    figure = Figure()
    _, ax = figure.subplots(1, 2)
    assert picture(result, ax=ax) is figure
    assert ax.has_data()


def test_pictures_leave_matplotlibs_global_state_alone(result):
    before = dict(matplotlib.rcParams)
    plot.overview(result).savefig(BytesIO(), format="svg")
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in dir(plot)


@pytest.mark.parametrize("picture", [*WITH_AX, plot.network_map, plot.overview])
def test_a_png_is_1200_pixels_wide_and_small(picture, result, tmp_path):
    from matplotlib.image import imread

    file = tmp_path / "picture.png"
    picture(result).savefig(file)
    assert imread(file).shape[1] == 1200
    assert file.stat().st_size < 300_000


def test_an_svg_holds_text_as_text_and_the_same_bytes_each_time(result):
    once, again = BytesIO(), BytesIO()
    plot.temperatures(result).savefig(once, format="svg")
    plot.temperatures(result).savefig(again, format="svg")
    assert b">boiler, supply</text>" in once.getvalue()
    assert once.getvalue() == again.getvalue()


def test_temperatures_are_those_of_the_result_in_degrees_celsius(result):
    ax = plot.temperatures(result, substations=["house_e3r"]).axes[0]
    shown = line_named(ax, "boiler, supply")
    np.testing.assert_allclose(shown.get_ydata(), result.plant_supply_temperature[:, 0] - 273.15)
    named = line_named(ax, "house_e3r, supply").get_ydata()
    expected = result.substation_supply_temperature.sel(substation="house_e3r") - 273.15
    np.testing.assert_allclose(named, expected)


def test_times_are_dates_where_the_run_has_a_calendar(result):
    ax = plot.flows(result).axes[0]
    first = mdates.num2date(line_named(ax, "boiler").get_xdata()[0])
    assert first == datetime(2026, 1, 5, tzinfo=UTC)
    assert ax.get_xlabel() == "time (UTC)"


@pytest.mark.parametrize(
    ("step_s", "label", "last"),
    [(120.0, "time (min)", 48.0), (3600.0, "time (h)", 24.0), (36000.0, "time (days)", 10.0)],
)
def test_times_without_a_calendar_are_shown_in_the_unit_that_reads_well(step_s, label, last):
    ax = plot.flows(make_result(step_s=step_s, start_utc="")).axes[0]
    assert ax.get_xlabel() == label
    assert line_named(ax, "boiler").get_xdata()[-1] == pytest.approx(last)


def test_flows_of_named_components_of_any_kind_are_drawn(result):
    names = ["centre-w0_supply", "house_w0l", "boiler"]
    ax = plot.flows(result, components=names).axes[0]
    expected = (
        result.pipe_mass_flow.sel(pipe=names[0]),
        result.substation_mass_flow.sel(substation=names[1]),
        result.plant_mass_flow.sel(plant=names[2]),
    )
    for name, values in zip(names, expected, strict=True):
        np.testing.assert_allclose(line_named(ax, name).get_ydata(), values)


def test_heats_hold_back_over_the_interval_of_their_mean(result):
    ax = plot.heats(result).axes[0]
    shown = line_named(ax, "boiler")
    assert shown.get_drawstyle() == "steps-pre"
    assert ax.get_ylabel() == "heat (kW)"
    np.testing.assert_allclose(shown.get_ydata(), result.plant_heat[:, 0] / 1e3)
    demanded = line_named(ax, "demanded").get_ydata()
    np.testing.assert_allclose(demanded, result.substation_heat_demand.sum("substation") / 1e3)


def test_heat_that_is_not_served_is_shown_where_there_is_any(result):
    texts = plot.heats(result).axes[0].get_legend_handles_labels()[1]
    assert "not served" in texts
    served = result.assign(substation_unserved_heat=0.0 * result.substation_unserved_heat)
    assert "not served" not in plot.heats(served).axes[0].get_legend_handles_labels()[1]


def test_a_year_is_drawn_by_daily_means_that_keep_its_energy():
    year = make_result(rows=365 * 24 + 1)
    ax = plot.heats(year).axes[0]
    assert ax.get_xlabel() == "time (UTC), daily means"
    shown = line_named(ax, "boiler").get_ydata()
    assert len(shown) == 366
    energy_kWh = float(year.energy_plants[-1]) / 3.6e6
    assert shown[1:].sum() * 24.0 == pytest.approx(energy_kWh, rel=1e-12)


def test_bars_of_the_balance_are_as_long_as_the_energies(result):
    ax = plot.energy_balance(result).axes[0]
    bars = {
        tick.get_text(): bar.get_width()
        for tick, bar in zip(ax.get_yticklabels(), ax.patches, strict=True)
    }
    brought = bars["plants"] + bars["out of store"]
    assert brought == pytest.approx(bars["delivered"] + bars["lost to ground"])
    assert ax.get_xlabel().startswith("energy (MWh)")
    assert bars["plants"] == pytest.approx(float(result.energy_plants[-1]) / 3.6e9)


def test_the_load_duration_curve_falls_and_encloses_the_energy(result):
    ax = plot.load_duration_curve(result).axes[0]
    hours, heat_kW = line_named(ax, "boiler").get_data()
    assert np.all(np.diff(heat_kW) <= 0)
    area_kWh = float(np.sum(np.diff(hours) * np.asarray(heat_kW)[1:]))
    assert area_kWh == pytest.approx(float(result.energy_plants[-1]) / 3.6e6)


def test_a_tanks_layers_are_drawn_and_its_ends_named():
    result = make_result(tank=True)
    ax = plot.tank(result).axes[0]
    assert len(ax.lines) == 4
    np.testing.assert_allclose(line_named(ax, "top").get_ydata(), 60.0)
    np.testing.assert_allclose(line_named(ax, "bottom").get_ydata(), 45.0)


def test_a_comparison_states_its_errors_over_the_judged_time_only():
    time_s = np.arange(10) * 60.0
    measured = np.full(10, 330.0)
    predicted = measured + np.where(np.arange(10) < 5, 9.0, 0.5)
    figure = plot.measured_against_predicted(time_s, measured, predicted, from_s=300.0, title="p1")
    top, bottom = figure.axes
    assert top.get_title(loc="left") == "p1: RMSE 0.5 K, bias +0.5 K, largest 0.5 K"
    np.testing.assert_allclose(line_named(top, "measured").get_ydata(), 330.0 - 273.15)
    np.testing.assert_allclose(bottom.lines[1].get_ydata(), predicted - measured)


@pytest.mark.parametrize("picture", OVER_TIME)
def test_two_hundred_substations_make_no_longer_legend_than_two(picture):
    few = make_result()
    # The same houses again and again, under other names.
    names = [f"house_{i}" for i in range(208)]
    many = few.isel(substation=np.arange(208) % 16).assign_coords(substation=names)
    legend = [len(picture(each).axes[0].get_legend_handles_labels()[1]) for each in (few, many)]
    assert legend[0] == legend[1]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda r: plot.temperatures(r.drop_vars("plant_supply_temperature")), "no variable"),
        (lambda r: plot.temperatures(r, substations=["house_e3"]), "did you mean house_e3"),
        (lambda r: plot.flows(r, components=["boilr"]), "did you mean boiler"),
        (plot.tank, "has no tank"),
        (lambda r: plot.heats(r.isel(time=[0])), "needs two"),
        (lambda r: plot.heats(r.where(r.time > 0)), "NaN"),
        (lambda r: plot.network_map(r, time=1e9), "outside the run"),
        (lambda r: plot.flows(r.assign_attrs(start_utc="soon")), "start_utc is 'soon'"),
        (lambda r: plot.measured_against_predicted([0, 1], [1, 2], [1]), "one of each"),
        (lambda r: plot.measured_against_predicted([1, 0], [1, 2], [1, 2]), "not increase"),
        (lambda r: plot.measured_against_predicted([0, 1], [1, np.nan], [1, 2]), "measured is NaN"),
    ],
)
def test_what_cannot_be_drawn_is_named_with_a_remedy(draw, message, result):
    with pytest.raises(InputError, match=message):
        draw(result)
