from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import DatedLimit, HeatingCurve, Limited, Outage
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.series import make_forcing
from rexdynnet.study.limits import apply_limits, availabilities
from rexdynnet.study.operation import (
    DailySchedule,
    Operation,
    PlantOperation,
    baseline_forcing,
    supply_temperature,
)
from tests.unit.small_network import MIDWINTER, small_network

DAY_S = 86400.0


def acting(network: Network, heat_W: float = 20e3, outdoor_K: float = 268.15) -> Forcing:
    columns = {
        "outdoor.temperature": outdoor_K,
        "house_1.heat_demand": heat_W,
        "house_2.heat_demand": heat_W,
        "pump.heat": 0.0,
    }
    whole = make_forcing(network, [0.0, DAY_S], columns, start_utc=MIDWINTER)
    wanted = ("outdoor.temperature", "house_1.heat_demand", "house_2.heat_demand")
    return whole.pick(signal for signal in whole.signals if signal.name in wanted)


def operated(operation: Operation, network: Network | None = None, **options: float) -> Forcing:
    network = network or small_network()
    forces = acting(network, **options)
    return baseline_forcing(network, operation, forces, MIDWINTER, DAY_S)


@given(st.floats(200, 330))
def test_the_heating_curve_stays_between_its_ends_and_never_rises_with_warmth(air_K: float) -> None:
    curve = HeatingCurve(((260.0, 360.0), (275.0, 350.0), (290.0, 340.0)))
    now = float(supply_temperature(curve, air_K))
    assert 340.0 <= now <= 360.0
    assert float(supply_temperature(curve, air_K + 1)) <= now


def test_supply_temperature_follows_the_curve_and_the_plants_maximum() -> None:
    forcing = operated(Operation(plants={"boiler": PlantOperation(supply_difference_K=5.0)}))
    at_minus_five = 343.15 + (15 + 5) / 30 * 20
    assert forcing.column("pump.supply_temperature")[3] == pytest.approx(at_minus_five)
    assert forcing.column("boiler.supply_temperature")[3] == pytest.approx(at_minus_five + 5)
    hot = operated(Operation(plants={"pump": PlantOperation(supply_temperature_K=400.0)}))
    assert hot.column("pump.supply_temperature").max() == 383.15


def test_a_plant_with_prescribed_heat_takes_its_share_within_its_limits() -> None:
    share = {"pump": PlantOperation(heat_share=0.5)}
    assert operated(Operation(plants=share)).column("pump.heat")[0] == 20e3
    assert operated(Operation(plants=share), heat_W=50e3).column("pump.heat")[0] == 40e3
    # 5 kW lie below its minimum load of 10 kW.
    assert operated(Operation(plants=share), heat_W=5e3).column("pump.heat")[0] == 0.0


def test_an_outage_makes_the_plant_unavailable_exactly_while_it_lasts() -> None:
    forcing = operated(Operation())
    column = forcing.names.index("pump.availability")
    hours = np.array([2.99, 3.0, 6.49, 6.5]) * 3600
    assert forcing.at(hours)[:, column].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_a_limit_on_a_balancing_plants_heat_lowers_its_availability() -> None:
    forcing = operated(Operation())
    column = forcing.names.index("boiler.availability")
    hours = np.array([9.9, 10.0, 11.9, 12.0]) * 3600
    assert forcing.at(hours)[:, column].tolist() == [1.0, 0.5, 0.5, 1.0]


def test_a_dated_limit_clips_a_set_point_while_it_lasts() -> None:
    limit = DatedLimit(
        "boiler",
        Limited.SUPPLY_TEMPERATURE_K,
        MIDWINTER + timedelta(hours=4.25),
        MIDWINTER + timedelta(hours=5.75),
        upper=340.0,
    )
    network = replace(small_network(), limits=(limit,))
    forcing = operated(Operation(), network)
    column = forcing.names.index("boiler.supply_temperature")
    sampled = forcing.at(np.array([4.2, 4.25, 5.0, 5.74, 5.75]) * 3600)[:, column]
    assert sampled[1:4].tolist() == [340.0] * 3
    assert sampled[0] > 350
    assert sampled[4] > 350


def test_limits_leave_an_undated_forcing_alone() -> None:
    network = small_network()
    undated = replace(acting(network), start_utc=None)
    assert apply_limits(network, undated) is undated


def test_a_daily_schedule_repeats_and_holds_over_midnight() -> None:
    schedule = DailySchedule("tank.mass_flow", (6.0, 18.0), (0.5, -0.5))
    forcing = operated(Operation(schedules=(schedule,)))
    column = forcing.names.index("tank.mass_flow")
    hours = np.array([0.0, 5.99, 6.0, 17.99, 18.0, 23.9]) * 3600
    assert forcing.at(hours)[:, column].tolist() == [-0.5, -0.5, 0.5, 0.5, -0.5, -0.5]


def test_an_outage_of_something_without_availability_is_refused() -> None:
    outage = Outage("a-b_supply", MIDWINTER, MIDWINTER + timedelta(hours=1))
    network = replace(small_network(), outages=(outage,))
    with pytest.raises(InputError, match="put the outage on a valve"):
        availabilities(network, MIDWINTER, 0.0, DAY_S)
    later = MIDWINTER + timedelta(days=3)
    assert availabilities(network, later, 0.0, DAY_S) is None


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        (Operation(plants={"biler": PlantOperation()}), "boiler"),
        (Operation(schedules=(DailySchedule("tank.flow", (0.0,), (1.0,)),)), "tank.mass_flow"),
    ],
)
def test_names_that_the_network_does_not_have_are_refused(operation: Operation, word: str) -> None:
    with pytest.raises(InputError, match=word):
        operated(operation)


@pytest.mark.parametrize("hours", [(), (5.0, 3.0), (0.0, 24.0), (0.0, 1.0, 2.0)])
def test_a_schedule_with_wrong_hours_is_refused(hours: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="increasing hours"):
        DailySchedule("tank.mass_flow", hours, (0.0, 1.0))
