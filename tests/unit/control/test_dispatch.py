"""Economic dispatch: it shifts heat in time where prices, starts and the tank make it worth it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.control.base import Observation, Outcome, Preview
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.dispatch import make_dispatch
from rexdynnet.control.kinds import make_controller
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.network.inputs import disturbances
from rexdynnet.testing import check_controller, example_observation, example_preview
from tests.unit.small_network import small_network

NETWORK = replace(small_network(), outages=(), limits=())
NAMES = [signal.name for signal in ControlBounds(NETWORK).signals]
SETTINGS = ControlSettings(ControllerKind.DISPATCH, margin=0.0)
STEPS = 48


def priced(first_EUR: float, then_EUR: float, share: float = 1.0) -> Preview:
    """Twelve hours whose first three have another price of the heat pump's electricity."""
    ahead = example_preview(NETWORK, steps=STEPS)
    price = np.where(np.arange(STEPS) < 12, first_EUR, then_EUR)
    fuel = dict(ahead.fuel_EUR_per_MWh) | {"pump": price}
    values = ahead.disturbances.copy()
    for column, signal in enumerate(disturbances(NETWORK)):
        if signal.quantity == "heat_demand":
            values[:, column] *= share
    return replace(ahead, disturbances=values, fuel_EUR_per_MWh=fuel)


def decided(preview: Preview, observation: Observation | None = None):
    controller = make_dispatch(NETWORK, SETTINGS)
    seen = observation or example_observation(NETWORK)
    usual = controller.bounds.clipped(controller.bounds.defaults, 0.0)
    decision = controller.step(seen, preview, usual, controller.init(seen, preview))
    return decision, dict(zip(NAMES, decision.controls, strict=True))


def test_the_tank_is_filled_while_heat_is_cheap_and_emptied_when_it_is_dear() -> None:
    decision, now = decided(priced(20.0, 400.0, share=0.5))
    assert now["tank.mass_flow"] > 0
    assert now["pump.heat"] == pytest.approx(40e3)
    later = decision.info["plan_controls"][13:, NAMES.index("tank.mass_flow")]
    assert later.min() < 0


def test_nothing_is_stored_where_heat_costs_the_same_all_day() -> None:
    decision, _ = decided(priced(100.0, 100.0))
    assert decision.info["plan_controls"][:, NAMES.index("tank.mass_flow")].max() < 1e-6


def test_a_cold_substation_raises_the_supply_at_once_a_warm_one_lowers_it_slowly() -> None:
    seen = example_observation(NETWORK)
    column = seen.names.index("house_1.supply_temperature")
    least = NETWORK.substations[0].minimum_supply_temperature_K
    start = make_dispatch(NETWORK, SETTINGS).init(seen, priced(100.0, 100.0)).supply_K

    def supply(at_K: float) -> float:
        values = seen.values.copy()
        values[column] = at_K
        return decided(priced(100.0, 100.0), replace(seen, values=values))[1][
            "boiler.supply_temperature"
        ]

    assert supply(least - 3.0) > start + 1.0
    assert start - 1.0 < supply(least + 10.0) < start


def test_a_tank_that_is_cold_on_top_is_not_discharged() -> None:
    seen = example_observation(NETWORK)
    layers = [name.startswith("tank.temperature") for name in seen.names]
    cold = np.where(layers, 320.0, seen.values)
    _, now = decided(priced(400.0, 400.0), replace(seen, values=cold))
    assert now["tank.mass_flow"] >= 0.0


def test_what_plants_and_tank_lack_is_told() -> None:
    decision, _ = decided(priced(100.0, 100.0, share=20.0))
    assert decision.outcome is Outcome.OVERLOADED
    assert "kW" in decision.cause


def test_the_whole_plan_is_handed_to_the_ladder() -> None:
    decision, now = decided(priced(20.0, 400.0))
    assert decision.info["plan_controls"].shape == (STEPS, len(NAMES))
    assert len(decision.info["plan_time_s"]) == STEPS + 1
    assert decision.info["plan_controls"][0, NAMES.index("pump.heat")] == now["pump.heat"]


def test_the_dispatch_keeps_the_contract_of_a_controller() -> None:
    check_controller(make_controller(NETWORK, SETTINGS), NETWORK)
