"""The monitor finds planted faults, keeps quiet otherwise, and says what it needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.tools.planted_faults import cut, with_exchangers
from rexdynnet import make_forcing, read_network
from rexdynnet.control import monitor
from rexdynnet.control.augmented import Disturbance, Entry
from rexdynnet.control.faults import Evidence, Fault, Hypothesis, Rule, marginal, posterior
from rexdynnet.control.metered import metered_stage
from rexdynnet.control.monitoring import (
    Meters,
    first_parameters,
    make_monitor,
    meters_of,
    read_meters,
    return_junctions,
    with_makeup,
)
from rexdynnet.errors import InputError
from rexdynnet.simulation.plugflow import PlugFlowPlant
from rexdynnet.simulation.sensors import make_sensors

STEP_s = 900.0
HEALTHY_s = 1.5 * 86400.0


@pytest.fixture(scope="module")
def network():
    return with_exchangers(read_network("models/networks/destest8"))


@pytest.fixture(scope="module")
def watched(network):
    """A day and a half of healthy operation, and a function that goes on from there."""
    plant = PlugFlowPlant(network)
    hours = np.arange(0.0, 61.0)
    demand = 9e3 + 4e3 * np.sin(hours * 2 * np.pi / 24.0)
    columns = {f"{unit.name}.heat_demand": demand for unit in network.substations}
    until_s = hours[-1] * 3600.0
    segments = tuple(make_forcing(plant, hours * 3600.0, columns).inputs(plant, until_s))
    sensors = meters_of(network, Meters(dropout=0.05))
    bound = make_sensors(network, sensors, seed=3)
    monitor = make_monitor(network, sensors, step_s=STEP_s, samples=15)
    names = [sensor.name for sensor in sensors]

    def go_on(monitor, state, memory, watch, held, end_s, lost=()):
        while state.time_s < end_s - 1.0:
            start_s = state.time_s
            state, output = plant.advance_over(state, cut(segments, start_s, start_s + STEP_s))
            records = with_makeup(network, output.records)
            memory = memory or bound.init(start_s, records)
            samples = np.arange(start_s + 60.0, state.time_s + 1.0, 60.0)
            reading, memory = bound.read(memory, output.times_s, records, samples)
            values = reading.values.mean(axis=0)
            values[[names.index(name) for name in lost]] = np.nan
            row = read_meters(monitor.filter.model, names, values, held)
            held = row.parameters
            watch = monitor.step(watch, row)
        return state, memory, watch, held

    state = plant.init(segments[0].start)
    guess = monitor.filter.init(np.full(len(monitor.filter.model.model.states), 330.0), 20.0)
    held = first_parameters(monitor.filter.model, network)
    state, memory, watch, held = go_on(monitor, state, None, monitor.init(guess), held, HEALTHY_s)
    monitor = monitor.commission(watch)

    def with_parameters(fault=None, size=0.0, hours=4.0, lost=()):
        values = np.array([signal.default for signal in plant.parameters])
        if fault is not None:
            values[[s.name for s in plant.parameters].index(fault.parameter)] += size
        broken = plant.with_parameters(state, values)
        start = monitor.init(watch.estimate)
        return go_on(monitor, broken, memory, start, held, HEALTHY_s + hours * 3600.0, lost)[2]

    return with_parameters


@pytest.mark.parametrize(
    ("fault", "size"),
    [
        (Hypothesis(Fault.LEAK, "d-c_supply"), 0.03),
        (Hypothesis(Fault.LEAK, "h-SimpleDistrict_13_supply"), 0.03),
        (Hypothesis(Fault.FOULING, "substation_12"), 0.2),
        (Hypothesis(Fault.WET_INSULATION, "g-SimpleDistrict_9_supply"), 2.0),
    ],
    ids=lambda value: getattr(value, "parameter", ""),
)
def test_a_planted_fault_is_named_within_hours(watched, fault, size):
    (alarm,) = watched(fault, size).alarms
    assert [candidate.hypothesis for candidate in alarm.candidates] == [fault]
    assert alarm.candidates[0].size == pytest.approx(size, rel=0.25)
    assert alarm.named_s - HEALTHY_s <= 4 * 3600.0


def test_places_beyond_the_budget_are_judged_too(watched, monkeypatch):
    monkeypatch.setattr(monitor, "_LEAST_CANDIDATES", 1)
    monkeypatch.setattr(monitor, "_BUDGET_STEPS", 1)
    planted = Hypothesis(Fault.WET_INSULATION, "h-g_return")
    (alarm,) = watched(planted, 4.0, hours=20.0).alarms
    named = [candidate.hypothesis for candidate in alarm.candidates]
    # one thermometer for all return pipes: they stay together, and none is left out
    assert planted in named
    assert len(named) > 3
    assert all(h.component.endswith("_return") for h in named)
    assert sum(candidate.probability for candidate in alarm.candidates) >= 0.99


def test_return_thermometers_stand_where_pipes_meet(network):
    nodes = return_junctions(network)
    assert nodes
    plants = {plant.return_node for plant in network.plants}
    for name in nodes:
        arriving = [pipe.name for pipe in network.pipes if pipe.to_node == name]
        assert len(arriving) >= 2
        assert name not in plants
    added = {sensor.name for sensor in meters_of(network, Meters(return_junctions=True))}
    added -= {sensor.name for sensor in meters_of(network)}
    assert added == {f"{name}.temperature" for name in nodes}
    watching = make_monitor(network, meters_of(network, Meters(return_junctions=True)))
    assert added <= set(watching.filter.model.measured)


def test_a_healthy_network_raises_no_alarm(watched):
    watch = watched(hours=12.0)
    assert watch.alarms == ()
    assert watch.detected_s is None


def test_a_dead_meter_is_no_leak(watched):
    lost = [f"substation_9.{what}" for what in ("mass_flow", "heat", "supply_temperature")]
    assert watched(hours=8.0, lost=lost).alarms == ()


def test_the_threshold_follows_from_the_stated_rate():
    often, seldom = Rule(false_alarms_per_month=1.0), Rule(false_alarms_per_month=0.01)
    assert often.threshold(100) < seldom.threshold(100)
    assert often.threshold(10) < often.threshold(1000)
    with pytest.raises(InputError, match="makes no sense"):
        Rule(confidence=1.5)


def test_what_the_prior_explains_is_taken_out_of_a_score():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(20, 4))
    J, s = rows.T @ rows, rng.normal(size=4)
    C = np.diag([0.5, 2.0, 0.0, 1e-3])
    score, information = marginal(Evidence(s, J), np.sqrt(C), 4)
    inverse = np.linalg.inv(np.eye(4) + J @ C)
    np.testing.assert_allclose(score, inverse @ s, rtol=1e-10)
    np.testing.assert_allclose(information, np.diag(inverse @ J), rtol=1e-10)
    mean, left = posterior(Evidence(s, J), C)
    np.testing.assert_allclose(mean, C @ inverse @ s, rtol=1e-9)
    np.testing.assert_allclose(left, C @ inverse, rtol=1e-9, atol=1e-15)


def test_an_observer_that_would_swallow_faults_is_refused(network):
    monitor = make_monitor(network, meters_of(network))
    model = monitor.filter.model
    added = (Disturbance(Entry.OUTPUT, model.measured[0], 0.1, 1.0),)
    swallowing = replace(monitor.filter, model=replace(model, disturbances=added))
    with pytest.raises(InputError, match="swallow"):
        replace(monitor, filter=swallowing)


def test_a_missing_meter_and_a_ring_are_told_by_name(network):
    few = [sensor for sensor in meters_of(network) if sensor.name != "substation_9.mass_flow"]
    with pytest.raises(InputError, match=r"no sensor reads substation_9\.mass_flow"):
        make_monitor(network, few)
    with pytest.raises(InputError, match="plants"):
        metered_stage(read_network("models/networks/meshed_two_plants"))


def test_the_metered_model_agrees_with_the_plug_flow_plant_in_steady_state(network):
    plant = PlugFlowPlant(network)
    columns = {f"{unit.name}.heat_demand": 9e3 for unit in network.substations}
    acting = make_forcing(plant, [0.0, 3600.0], columns).inputs(plant, 3600.0)[0].start
    output = plant.advance(plant.init(acting), acting, acting, 3600.0)[1]
    records = with_makeup(network, output.records)
    model = metered_stage(network, cells=4)
    given = {
        "boiler.supply_temperature": records["plant_supply_temperature"][-1, 0],
        "boiler.differential_pressure": records["plant_differential_pressure"][-1, 0],
    }
    for i, unit in enumerate(network.substations):
        given[f"{unit.name}.mass_flow"] = records["substation_mass_flow"][-1, i]
        given[f"{unit.name}.heat"] = records["substation_heat"][-1, i]
    parameters = model.fill_parameters(1, given)[0]
    x = np.full(len(model.states), 330.0)
    for _ in range(40):
        x, y, _, _ = model.evaluate(x, [], parameters)
    seen = dict(zip([s.name for s in model.output_signals], y.full()[:, 0], strict=True))
    for i, unit in enumerate(network.substations):
        for quantity, most in (("supply_temperature", 0.01), ("differential_pressure", 5.0)):
            truth = records[f"substation_{quantity}"][-1, i]
            assert seen[f"{unit.name}.{quantity}"] == pytest.approx(truth, abs=most)
    assert seen["boiler.return_temperature"] == pytest.approx(
        records["plant_return_temperature"][-1, 0], abs=0.02
    )
    assert seen["boiler.makeup_mass_flow"] == 0.0
