"""The picture of flats behind one participant."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from rexdynnet.errors import InputError
from rexdynnet.plot import flat_bills
from rexdynnet.plot.style import new_picture

CAUSES = ["reservations", "traded_inside", "netted_inside", "imbalance", "penalty", "true_up"]


def result() -> xr.Dataset:
    cost = np.array(
        [[0.6, 0.0, -0.02, 0.0, 0.0, 0.01], [0.5, 0.0, 0.02, 0.03, 0.01, 0.01], np.zeros(6)]
    )
    heat_J = np.array([[3.6e7, 3.6e7, 0.0]])
    return xr.Dataset(
        {
            "flat_cost": (("flat", "flat_cause"), cost, {"units": "EUR"}),
            "flat_delivered_energy": (("market_unit", "flat"), heat_J, {"units": "J"}),
        },
        coords={
            "flat": ["tower/left", "tower/right", "tower/empty"],
            "flat_cause": CAUSES,
        },
    )


def test_bills_stand_per_MWh_and_an_empty_flat_has_none() -> None:
    figure = flat_bills(result())
    left, right = figure.axes
    dots = left.lines[-1]
    np.testing.assert_allclose(dots.get_xdata(), [59.0, 57.0])
    assert left.get_title(loc="left") == "building: 58.00 EUR/MWh"
    assert [text.get_text() for text in left.get_yticklabels()] == ["left", "right", "empty"]
    sums = right.lines[0].get_xdata()
    np.testing.assert_allclose(sums, [-2.0, 6.0, 0.0], atol=1e-12)


def test_only_causes_that_moved_money_are_named() -> None:
    figure = flat_bills(result())
    legend = figure.axes[1].get_legend()
    assert legend is not None
    words = {text.get_text() for text in legend.get_texts()}
    assert words == {"netted with flats", "imbalance", "penalty", "sum"}


def test_bills_alone_draw_into_given_axes() -> None:
    ax = new_picture().subplots()
    assert flat_bills(result(), ax) is ax.get_figure()


def test_a_run_without_flats_is_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match="run a scenario with"):
        flat_bills(xr.Dataset())
