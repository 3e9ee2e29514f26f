"""The network map."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure

from rexdynnet.errors import InputError
from rexdynnet.plot import MapQuantity, network_map
from rexdynnet.plot.layout import layout_of
from tests.unit.plot.synthetic import PLACES, START, cross_network, cross_result, drop


def pipes_of(figure: Figure, gid: str) -> LineCollection:
    found = [c for c in figure.axes[0].collections if c.get_gid() == gid]
    assert len(found) == 1, [c.get_gid() for c in figure.axes[0].collections]
    assert isinstance(found[0], LineCollection)
    return found[0]


def texts_of(figure: Figure) -> set[str]:
    return {text.get_text() for text in figure.axes[0].texts} - {""}


@pytest.mark.parametrize(
    ("quantity", "unit", "largest"),
    [
        (MapQuantity.MASS_FLOW, "(kg/s)", lambda r: abs(r["pipe_mass_flow"][3]).max()),
        (MapQuantity.HEAT_LOSS, "(W/m)", lambda _: 10.0),
    ],
)
def test_other_quantities_share_one_scale_over_both_lines(quantity, unit, largest) -> None:
    result = cross_result()
    figure = network_map(result, time=3 * 3600.0, quantity=quantity)
    assert len(figure.axes) == 2
    assert figure.axes[1].get_ylabel().endswith(unit)
    colours = np.asarray(pipes_of(figure, "pipes").get_array())
    assert colours.max() == pytest.approx(float(largest(result)))


def test_pressures_are_shown_in_bar() -> None:
    result = cross_result()
    figure = network_map(result, quantity=MapQuantity.PRESSURE)
    colours = np.asarray(pipes_of(figure, "pipes supply line").get_array())
    assert 3.8 <= colours.min() < colours.max() <= 4.0
    assert all(ax.get_ylabel().endswith("(bar)") for ax in figure.axes[1:])


def test_a_result_is_laid_out_as_its_network() -> None:
    one, other = layout_of(cross_network()), layout_of(cross_result())
    np.testing.assert_allclose(one.starts, other.starts)
    np.testing.assert_allclose(one.stops, other.stops)
    assert one.places.keys() == other.places.keys()


def test_substations_stand_at_their_places_and_are_named() -> None:
    figure = network_map(cross_result())
    dots = [c for c in figure.axes[0].collections if c.get_gid() == "substation"]
    assert isinstance(dots[0], PathCollection)
    expected = [PLACES[place] for place in ("east", "north", "south")]
    np.testing.assert_allclose(np.asarray(dots[0].get_offsets()), expected)
    assert {"boiler", "east", "north", "south", "store", "cooler"} <= texts_of(figure)


def test_names_of_things_at_one_place_do_not_cover_each_other() -> None:
    figure = network_map(cross_result())
    figure.draw_without_rendering()
    boxes = [t.get_window_extent() for t in figure.axes[0].texts if t.get_text()]
    for i, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[i + 1 :])


def test_a_substation_without_its_heat_has_a_ring_at_that_time_only() -> None:
    result = cross_result()

    def rings(hour: int) -> list[PathCollection]:
        collections = network_map(result, time=hour * 3600.0).axes[0].collections
        return [
            c
            for c in collections
            if c.get_gid() == "not fully served" and isinstance(c, PathCollection)
        ]

    assert not rings(6)
    np.testing.assert_allclose(np.asarray(rings(7)[0].get_offsets()), [PLACES["north"]])


def test_the_instant_may_be_given_as_a_date() -> None:
    result = cross_result()
    by_date = network_map(result, time=START + timedelta(hours=9))
    assert "2027-01-15 09:00 UTC" in by_date.axes[0].get_title(loc="left")


def test_an_instant_outside_the_run_is_an_error() -> None:
    with pytest.raises(InputError, match="outside the run"):
        network_map(cross_result(), time=1e9)
    with pytest.raises(InputError, match="no start_utc"):
        network_map(cross_result(calendar=False), time=START)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(InputError, match="pipe_mass_flow"):
        network_map(drop(cross_result(), "pipe_mass_flow"))
