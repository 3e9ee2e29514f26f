"""Solar fields feed in all that they collect, unless a plan holds them back."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.control.base import Preview
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.collectors import opened
from rexdynnet.control.merit import offers
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.read import read_network
from tests.data import ROOT

NETWORK = read_network(ROOT / "models/networks/destest16_producers")
BOUNDS = ControlBounds(NETWORK)
HEAT = [signal.name for signal in BOUNDS.signals].index("solar.heat")
HOT_K = 340.0


def sunny(radiation_W_per_m2: float) -> Preview:
    values = np.array([[signal.default or 0.0 for signal in disturbances(NETWORK)]])
    names = [signal.name for signal in disturbances(NETWORK)]
    values[0, names.index("outdoor.global_radiation")] = radiation_W_per_m2
    values[0, names.index("outdoor.temperature")] = 283.15
    return Preview(np.array([0.0, 900.0]), values, np.array([200.0]), {}, None)


def commanded(heat_W: float) -> np.ndarray:
    commands = BOUNDS.defaults.copy()
    commands[HEAT] = heat_W
    commands[HEAT - 1] = HOT_K
    assert BOUNDS.signals[HEAT - 1].name == "solar.supply_temperature"
    return commands


def expected_W(preview: Preview) -> float:
    return next(o.available_W for o in offers(NETWORK, preview, HOT_K) if o.plant.name == "solar")


@pytest.mark.parametrize("radiation", [0.0, 300.0, 700.0])
def test_a_field_of_which_all_is_asked_may_give_more_than_was_forecast(radiation: float) -> None:
    preview = sunny(radiation)
    commands = commanded(expected_W(preview))
    found = opened(BOUNDS, commands, preview)
    assert found[HEAT] == BOUNDS.at(0.0)[1][HEAT]
    np.testing.assert_array_equal(np.delete(found, HEAT), np.delete(commands, HEAT))


def test_a_field_that_is_held_back_stays_so() -> None:
    preview = sunny(700.0)
    commands = commanded(0.5 * expected_W(preview))
    np.testing.assert_array_equal(opened(BOUNDS, commands, preview), commands)


def test_a_forecast_that_is_nan_opens_nothing() -> None:
    commands = commanded(60e3)
    assert opened(BOUNDS, commands, sunny(np.nan)) is commands
