"""Bounds of controls: inputs by name stay within them."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.control.bounds import ControlBounds
from rexdynnet.errors import InputError
from tests.unit.small_network import MIDWINTER, small_network


def test_inputs_by_name_are_bounded_and_the_others_have_their_defaults() -> None:
    bounds = ControlBounds(small_network(), MIDWINTER)
    names = [signal.name for signal in bounds.signals]
    place = names.index("boiler.supply_temperature")
    found = bounds.named({"boiler.supply_temperature": 1e4}, 0.0)
    assert found[place] == bounds.at(0.0)[1][place]
    usual = bounds.clipped(bounds.defaults, 0.0)
    np.testing.assert_array_equal(np.delete(found, place), np.delete(usual, place))
    assert bounds.named({"boiler.supply_temperature": 340.0}, 0.0)[place] == 340.0


def test_an_input_that_is_none_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match=r"boiler\.supply_temperature"):
        ControlBounds(small_network()).named({"boiler.suply_temperature": 340.0}, 0.0)
