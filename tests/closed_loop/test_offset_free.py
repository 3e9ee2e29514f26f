"""An error of the model that does not pass away leaves no steady error in what is held."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest

from rexdynnet.control.base import Outcome
from rexdynnet.control.mpc import make_mpc
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.control.trajectory import HorizonWarning
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.random import random_tree
from rexdynnet.simulation.plant import Inputs, Method
from rexdynnet.simulation.simulate import make_plant
from rexdynnet.study.run_sensors import make_instruments
from rexdynnet.study.run_settings import SensorSettings
from rexdynnet.testing import example_preview

NETWORK = random_tree(4, seed=1)
STEP_S, STEPS = 900.0, 40
BACKOFF_K = 1.0
PERFECT = SensorSettings(0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Truth:
    """What the plant has and the controller does not know."""

    loss_factor: float = 1.0
    colder_ground_K: float = 0.0


def margins(truth: Truth, *, offset_free: bool) -> np.ndarray:
    """Coldest supply less its contract over the last steps, under constant demand."""
    options = {"offset_free": offset_free, "backoff_K": BACKOFF_K, "substations": 0}
    settings = ControlSettings(ControllerKind.MPC, STEP_S, 3 * 3600.0, options=options)
    names = [signal.name for signal in disturbances(NETWORK)]
    preview = example_preview(NETWORK, step_s=STEP_S, steps=16)
    acting = preview.disturbances[0].copy()
    for unit in NETWORK.substations:
        acting[names.index(f"{unit.name}.heat_demand")] = 0.5 * unit.design_heat_W
    known = acting.copy()
    acting[names.index("ground.temperature")] -= truth.colder_ground_K
    plant = make_plant(NETWORK, Method.PLUGFLOW)
    parameters = np.array([signal.default or 0.0 for signal in plant.parameters])
    for i, signal in enumerate(plant.parameters):
        if signal.quantity == "loss_factor":
            parameters[i] = truth.loss_factor
    instruments = make_instruments(NETWORK, PERFECT, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HorizonWarning)
        mpc = make_mpc(NETWORK, settings)
        applied = mpc.bounds.defaults
        state = plant.init(Inputs(applied, acting), parameters)
        state, output = plant.advance(
            state, Inputs(applied, acting), Inputs(applied, acting), STEP_S
        )
        read, memory, found = instruments.init(output), None, []
        for k in range(1, STEPS + 1):
            observation, read = instruments.observe(read, output, {}, {})
            ahead = type(preview)(
                preview.time_s - preview.time_s[0] + k * STEP_S,
                np.tile(known, (len(preview.disturbances), 1)),
                # free pumping: then the lowest temperature allowed is the cheapest
                np.zeros_like(preview.electricity_EUR_per_MWh),
                preview.fuel_EUR_per_MWh,
            )
            memory = mpc.init(observation, ahead) if memory is None else memory
            decision = mpc.step(observation, ahead, applied, memory)
            assert decision.outcome is Outcome.OK, decision.cause
            memory, applied = decision.state, decision.controls
            inputs = Inputs(applied, acting)
            state, output = plant.advance(state, inputs, inputs, (k + 1) * STEP_S)
            least = [unit.minimum_supply_temperature_K for unit in NETWORK.substations]
            seen = output.records["substation_supply_temperature"][-1]
            found.append(float(np.min(seen - np.array(least))))
    return np.array(found[-8:])


@pytest.mark.parametrize(
    "truth", [Truth(loss_factor=1.1), Truth(colder_ground_K=8.0)], ids=["loss", "ground"]
)
def test_the_coldest_supply_settles_where_it_shall_though_the_model_is_wrong(truth: Truth) -> None:
    settled = margins(truth, offset_free=True)
    assert settled == pytest.approx(BACKOFF_K, abs=0.03)
    without = margins(truth, offset_free=False)
    assert np.abs(without - BACKOFF_K).min() > 2.0 * np.abs(settled - BACKOFF_K).max()
