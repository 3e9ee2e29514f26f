"""The baseline: heating curve, merit order, ramps, minimum loads and the tank as a reserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.control.base import Outcome, Preview
from rexdynnet.control.baseline import BaselineState, make_baseline
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.kinds import make_controller
from rexdynnet.control.merit import PlantOffer, commit, heat_price
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.errors import InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.spec import HeatingCurve, PlantControl, PlantKind
from rexdynnet.testing import check_controller, example_observation, example_preview
from tests.unit.small_network import MIDWINTER, small_network

NETWORK = replace(small_network(), heating_curve=HeatingCurve(((263.15, 363.15), (283.15, 343.15))))
NAMES = [signal.name for signal in ControlBounds(NETWORK).signals]
BOILER, HEAT_PUMP = NETWORK.plants


def decided(preview: Preview, network: Network = NETWORK, **settings: float) -> dict[str, float]:
    controller = make_baseline(network, ControlSettings(**settings))
    seen = example_observation(network)
    applied = controller.bounds.clipped(controller.bounds.defaults, 0.0)
    decision = controller.step(seen, preview, applied, controller.init(seen, preview))
    return dict(zip(NAMES, decision.controls, strict=True))


def with_demand(share: float, **changes: float) -> Preview:
    ahead = example_preview(NETWORK)
    values = ahead.disturbances.copy()
    for column, signal in enumerate(disturbances(NETWORK)):
        if signal.quantity == "heat_demand":
            values[:, column] *= share
        if signal.name in changes:
            values[:, column] = changes[signal.name]
    return replace(ahead, disturbances=values)


def test_the_supply_temperature_follows_the_heating_curve() -> None:
    # 0 degC lies half way between -10 and 10 degC: 80 degC.
    assert decided(example_preview(NETWORK))["boiler.supply_temperature"] == pytest.approx(353.15)


def test_the_curve_follows_the_mean_outdoor_temperature_not_its_jumps() -> None:
    controller = make_baseline(NETWORK, ControlSettings())
    ahead, seen = example_preview(NETWORK), example_observation(NETWORK, 6 * 3600.0)
    state = BaselineState(0.0, 283.15)
    applied = controller.bounds.clipped(controller.bounds.defaults, 0.0)
    after = controller.step(seen, ahead, applied, state).state
    assert isinstance(after, BaselineState)
    # One time constant after a jump of 10 K, 1/e of it is still to come.
    assert after.outdoor_K == pytest.approx(273.15 + 10 / np.e, abs=1e-9)


def test_the_cheaper_plant_runs_first_and_the_balancing_one_takes_the_rest() -> None:
    offers = (PlantOffer(BOILER, 150e3, 60.0), PlantOffer(HEAT_PUMP, 40e3, 50.0))
    assert commit(offers, 100e3, {}, margin=0.0, step_s=900.0) == {"pump": 40e3}
    assert commit(offers, 25e3, {}, margin=0.0, step_s=900.0) == {"pump": 25e3}


def test_a_dearer_plant_runs_only_for_the_margin() -> None:
    offers = (PlantOffer(BOILER, 150e3, 60.0), PlantOffer(HEAT_PUMP, 40e3, 70.0))
    assert commit(offers, 120e3, {}, margin=0.1, step_s=900.0) == {"pump": 0.0}
    # 1.1 x 150 kW = 165 kW are wanted on line: 15 kW more than the boiler has.
    assert commit(offers, 150e3, {}, margin=0.1, step_s=900.0)["pump"] == pytest.approx(15e3)


def test_below_its_minimum_load_a_plant_stops_or_stays_on_if_it_runs() -> None:
    offers = (PlantOffer(BOILER, 150e3, 60.0), PlantOffer(HEAT_PUMP, 40e3, 50.0))
    assert commit(offers, 7e3, {}, margin=0.0, step_s=900.0) == {"pump": 0.0}
    assert commit(offers, 7e3, {"pump": 20e3}, margin=0.0, step_s=900.0) == {"pump": 10e3}
    assert commit(offers, 5e3, {"pump": 20e3}, margin=0.0, step_s=900.0) == {"pump": 0.0}


def test_a_ramp_limits_the_change_of_a_running_plant() -> None:
    slow = replace(HEAT_PUMP, ramp_W_per_s=10.0)
    offers = (PlantOffer(BOILER, 150e3, 60.0), PlantOffer(slow, 40e3, 50.0))
    assert commit(offers, 90e3, {"pump": 20e3}, margin=0.0, step_s=900.0) == {"pump": 29e3}


def test_prices_of_heat_follow_fuel_electricity_and_temperatures() -> None:
    assert heat_price(BOILER, 57.0, 0.0, 343.15, 273.15) == pytest.approx(60.0)
    # Half of Carnot: 0.5 * 343.15 / 70.
    assert heat_price(HEAT_PUMP, 100.0, 0.0, 343.15, 273.15) == pytest.approx(14000 / 343.15)
    chp = replace(BOILER, kind=PlantKind.CHP, efficiency=0.5, electric_efficiency=0.4)
    assert heat_price(chp, 50.0, 100.0, 343.15, 273.15) == pytest.approx(20.0)


def test_the_tank_gives_what_plants_lack_and_is_filled_from_what_they_spare() -> None:
    lacking = with_demand(2.0, **{"boiler.availability": 0.1, "pump.availability": 0.0})
    assert decided(lacking)["tank.mass_flow"] < 0
    assert decided(with_demand(0.2))["tank.mass_flow"] > 0


def test_a_tripped_plant_is_not_commanded() -> None:
    assert decided(with_demand(1.0, **{"pump.availability": 0.0}))["pump.heat"] == 0.0


def test_what_nobody_can_serve_is_told_as_overload() -> None:
    controller = make_baseline(NETWORK, ControlSettings())
    seen, ahead = example_observation(NETWORK), with_demand(1.0, **{"boiler.availability": 0.0})
    tankless = replace(
        seen, values=np.where([n.startswith("tank") for n in seen.names], np.nan, seen.values)
    )
    usual = controller.bounds.clipped(controller.bounds.defaults, 0.0)
    decision = controller.step(tankless, ahead, usual, controller.init(tankless, ahead))
    assert decision.outcome is Outcome.OVERLOADED


def test_dated_limits_bound_the_controls_while_they_last() -> None:
    bounds = ControlBounds(NETWORK, MIDWINTER)
    column = NAMES.index("pump.heat")
    assert bounds.at(0.0)[1][column] == 40e3
    limited = replace(
        NETWORK,
        limits=(replace(NETWORK.limits[0], component="pump", upper=12e3),),
    )
    dated = ControlBounds(limited, MIDWINTER)
    assert dated.at(11 * 3600.0)[1][column] == 12e3
    assert dated.at(12 * 3600.0)[1][column] == 40e3


def test_the_baseline_keeps_the_contract_of_a_controller() -> None:
    check_controller(make_controller(NETWORK, ControlSettings()), NETWORK)


@pytest.mark.parametrize(
    "settings",
    [{"weights": {"move": -1.0}}, {"step_s": 0.0}, {"horizon_s": 60.0}, {"margin": float("nan")}],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="control"):
        ControlSettings(ControllerKind.BASELINE, **settings)


def test_a_plant_that_balances_is_never_commanded() -> None:
    heats = commit((PlantOffer(BOILER, 150e3, 60.0),), 100e3, {}, margin=0.1, step_s=900.0)
    assert BOILER.control is PlantControl.PRESSURE
    assert heats == {}
