"""Trajectories deliver what they can at least cost and say what they cannot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from rexdynnet import InputError
from rexdynnet.control.horizon import demand_to_go
from rexdynnet.control.plan import SolveStatus
from rexdynnet.control.trajectory import (
    HorizonWarning,
    TrajectoryOptions,
    make_generator,
)
from rexdynnet.network.inputs import disturbances
from rexdynnet.timeline import Schedule, units_from
from tests.unit.control.planning import generator_of, network_of, plan_of, preview_at, start_of

START = datetime(2027, 2, 8, tzinfo=UTC)


def test_a_plan_within_capacity_is_certified_and_serves_everyone():
    found = plan_of("tree", 0.5)
    assert found.certified
    assert found.plan.residual < 1e-6
    for unit in network_of("tree").substations:
        assert np.max(found.output(f"{unit.name}.unserved_heat")) < 1.0
        least = unit.minimum_supply_temperature_K
        assert np.min(found.output(f"{unit.name}.supply_temperature")[1:]) > least - 1e-3


def test_a_plan_beyond_capacity_gives_all_that_there_is():
    network, found = network_of("tree"), plan_of("tree", 1.7)
    assert found.certified
    (plant,) = network.plants
    given = found.output("plant.heat")
    assert given[2:-1] == pytest.approx(plant.capacity_W, rel=1e-3)
    lacking = sum(found.output(f"{unit.name}.unserved_heat") for unit in network.substations)
    assert np.all(lacking[2:] > 0)


def test_the_plan_is_what_its_own_model_does():
    found, generator = plan_of("tree", 0.5), generator_of("tree")
    again = generator.program.simulate(found.plan.states[0], found.plan.controls, found.parameters)
    assert again == pytest.approx(found.plan.states, abs=1e-4)


def test_a_warm_start_reaches_the_same_cost_in_fewer_iterations():
    found, generator = plan_of("tree", 0.5), generator_of("tree")
    again = generator.program.solve(
        found.plan.states[0], found.parameters, found.limits, found.plan
    )
    assert again.status is SolveStatus.CERTIFIED
    assert again.iterations < found.plan.iterations
    assert again.objective == pytest.approx(found.plan.objective, rel=1e-5)


def test_two_plants_and_a_tank_cost_no_more_than_the_boiler_alone():
    found = plan_of("destest16_two_plants", 0.5)
    assert found.certified
    generator = generator_of("destest16_two_plants")
    alone = found.limits.tightened(
        generator.stage, {"tank.mass_flow": 0.0, "dump.heat": 0.0},
        {"tank.mass_flow": 0.0, "dump.heat": 0.0},
    )  # fmt: skip
    without = generator.program.solve(found.plan.states[0], found.parameters, alone)
    assert without.status is SolveStatus.CERTIFIED
    assert found.plan.objective < without.objective


def test_a_planned_outage_keeps_a_plant_still():
    generator = generator_of("destest16_two_plants")
    preview = preview_at(generator.network, 0.5)
    names = [signal.name for signal in disturbances(generator.network)]
    table = preview.disturbances.copy()
    table[3:, names.index("heat_pump.availability")] = 0.0
    preview = replace(preview, disturbances=table)
    horizon = generator.filler.fill(
        preview, start_of(generator, preview), running={"heat_pump": True}
    )
    heat = generator.stage.index(generator.stage.controls, "heat_pump.heat")
    assert not horizon.commitment.of("heat_pump")[3:].any()
    assert np.all(horizon.limits.controls_upper[3:, heat] == 0.0)


def test_commitments_are_followed_as_energy_to_go():
    schedule = Schedule(("a",), tuple(units_from(START, 3600.0, 2)), np.array([[7.2e6], [3.6e6]]))
    edges = 1800.0 + 900.0 * np.arange(9)
    forecast = np.full((8, 1), 500.0)
    found = demand_to_go(schedule, START, edges, forecast, {"a": 5.4e6})[:, 0]
    # 1.8 MJ are left for half an hour; then the next unit; then the forecast
    assert found[:2] == pytest.approx(1000.0)
    assert found[2:6] == pytest.approx(1000.0)
    assert found[6:] == pytest.approx(500.0)


def test_a_schedule_replaces_the_forecast_where_it_reaches():
    network = network_of("tree")
    generator = make_generator(network, TrajectoryOptions(horizon_s=2 * 3600.0), start_utc=START)
    name = network.substations[0].name
    power = 0.3 * network.substations[0].design_heat_W
    schedule = Schedule((name,), tuple(units_from(START, 3600.0, 1)), np.array([[power * 3600.0]]))
    preview = replace(preview_at(network, 0.5), schedule=schedule)
    filled = generator.filler.fill(preview, start_of(generator, preview))
    column = generator.stage.index(generator.stage.parameters, f"{name}.heat_demand")
    assert filled.parameters[:4, column] == pytest.approx(power)
    assert np.all(filled.parameters[4:, column] > power)


def test_a_horizon_shorter_than_the_delay_is_warned_of():
    network = network_of("tree")
    far = replace(
        network, pipes=tuple(replace(pipe, length_m=20 * pipe.length_m) for pipe in network.pipes)
    )
    with pytest.warns(HorizonWarning, match="longest transport delay"):
        make_generator(far, TrajectoryOptions(horizon_s=900.0))


def test_a_preview_with_nan_is_refused_by_name():
    generator = generator_of("tree")
    preview = preview_at(generator.network, 0.5)
    table = preview.disturbances.copy()
    names = [signal.name for signal in disturbances(generator.network)]
    table[:, names.index("ground.temperature")] = np.nan
    with pytest.raises(InputError):
        generator.plan(
            start_of(generator, preview_at(generator.network, 0.5)),
            replace(preview, disturbances=table),
        )


def test_a_horizon_without_a_step_is_refused():
    with pytest.raises(InputError, match="horizon"):
        TrajectoryOptions(step_s=900.0, horizon_s=600.0)
