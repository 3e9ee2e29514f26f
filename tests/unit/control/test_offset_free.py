"""Integral disturbances leave no steady error in estimated outputs, if they can be seen."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet import make_plant, read_network
from rexdynnet.control.augmented import AugmentedModel, Disturbance, Entry
from rexdynnet.control.network_stages import network_stage, steady_state
from rexdynnet.control.observer import KalmanFilter
from rexdynnet.control.offset_free import (
    check_detectable,
    free_inputs,
    output_disturbances,
    tracked_outputs,
)
from rexdynnet.control.stage_options import StageOptions
from rexdynnet.errors import InputError
from rexdynnet.simulation.plant import Inputs
from tests.unit.control.linear_stage import linear_stage

STEP_s = 300.0
HEAT_W = 8e3
SETTLED = 36
MEASURED = ("substation_10.supply_temperature", "boiler.return_temperature")


@pytest.fixture(scope="module")
def mismatch():
    """Outputs of the plug-flow plant, steady, then with colder ground and a wetter pipe."""
    network = read_network("models/networks/destest8")
    plant = make_plant(network)
    controls = np.array([signal.default for signal in plant.controls])
    names = [signal.name for signal in plant.disturbances]
    defaults = np.array([HEAT_W if s.default is None else s.default for s in plant.disturbances])
    values = np.array([signal.default for signal in plant.parameters])
    state = plant.init(Inputs(controls, defaults), values)
    wetter, colder = values.copy(), defaults.copy()
    wetter[[s.name for s in plant.parameters].index("d-c_supply.loss_factor")] = 1.1
    colder[names.index("ground.temperature")] -= 5.0
    place = [unit.name for unit in network.substations].index("substation_10")
    rows = []
    for step in range(4 * SETTLED):
        if step == SETTLED:
            state = plant.with_parameters(state, wetter)
        acting = Inputs(controls, defaults if step < SETTLED else colder)
        state, output = plant.advance(state, acting, acting, state.time_s + STEP_s)
        records = output.records
        rows.append(
            [
                records["substation_supply_temperature"][-1, place],
                records["plant_return_temperature"][-1, 0],
            ]
        )
    stage = network_stage(network, STEP_s, StageOptions(cells=2))
    given = dict(zip([signal.name for signal in plant.controls], controls, strict=True))
    acted = np.array([given.get(signal.name, 0.0) for signal in stage.controls])
    demands = {f"{unit.name}.heat_demand": HEAT_W for unit in network.substations}
    return stage, acted, stage.fill_parameters(1, demands)[0], np.array(rows)


def mean_late_innovation(mismatch, *, integral: bool) -> np.ndarray:
    stage, controls, parameters, rows = mismatch
    added = output_disturbances(stage, MEASURED, drift=0.01, start=0.02) if integral else ()
    model = AugmentedModel(stage, MEASURED, (0.02, 0.02), (0.0, 0.0), added)
    observer = KalmanFilter(model)
    estimate = observer.init(steady_state(stage, controls, parameters), 1.0)
    check_detectable(model, estimate.mean, controls, parameters)
    late = []
    for k, row in enumerate(rows):
        estimate = observer.step(estimate, controls, parameters, row)
        if k >= 2 * SETTLED:
            late.append(estimate.innovation.value)
    return np.abs(np.mean(late, axis=0))


def test_ground_step_and_wrong_heat_loss_leave_no_steady_error_with_integral_disturbances(
    mismatch,
):
    assert np.all(mean_late_innovation(mismatch, integral=True) < 1e-3)


def test_the_same_mismatch_leaves_an_error_without_them(mismatch):
    assert np.all(mean_late_innovation(mismatch, integral=False) > 0.05)


def test_as_many_outputs_are_tracked_as_inputs_are_free():
    stage = linear_stage()
    free = free_inputs(stage.controls, np.array([0.5]), np.array([0.0]), np.array([1.0]))
    assert free == ("boiler.heat",)
    assert tracked_outputs(["a.temperature", "b.temperature"], free) == ("a.temperature",)
    assert free_inputs(stage.controls, np.array([1.0]), np.array([0.0]), np.array([1.0])) == ()


def test_more_disturbances_than_measurements_are_refused():
    added = tuple(Disturbance(Entry.STATE, f"cell_{i}.temperature", 0.1, 1.0) for i in range(2))
    with pytest.raises(InputError, match="at most as many disturbances as measurements"):
        AugmentedModel(linear_stage(), ("meter_0.temperature",), (0.1,), (0.0,), added)


def test_two_disturbances_with_the_same_effect_are_named():
    same = tuple(Disturbance(Entry.PARAMETER, "ground.temperature", 0.1, 1.0) for _ in range(2))
    measured = ("meter_0.temperature", "meter_1.temperature")
    model = AugmentedModel(linear_stage(), measured, (0.1, 0.1), (0.0, 0.0), same)
    with pytest.raises(InputError, match=r"cannot tell apart .*ground\.temperature"):
        check_detectable(model, np.zeros(5), np.zeros(1), np.zeros(1))
