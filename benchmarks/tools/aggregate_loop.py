"""The predictive controller on an aggregate, against the whole network as plug-flow plant."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from time import process_time

import numpy as np
from numpy.typing import NDArray

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

Floats = NDArray[np.float64]
STEP_s = 900.0


@dataclass(frozen=True)
class AggregateLoop:
    """What a closed loop on an aggregate gave.

    Parameters
    ----------
    sizes : tuple of int
        States, controls and parameters of the model.
    step_s : ndarray, shape (steps,)
        CPU time of each control step after the first, which builds the problems.
    return_error_K, heat_error_share : float
        Root mean square, over the steps, of predicted less seen return temperature of the
        plant; mean relative error of its predicted heat.
    unserved_share : float
    too_cold_Kh : float
        Over all substations.
    certified : int
        Steps with a certified answer.
    """

    sizes: tuple[int, ...]
    step_s: Floats
    return_error_K: float
    heat_error_share: float
    unserved_share: float
    too_cold_Kh: float
    certified: int


def close_loop(size: int, substations: int, steps: int) -> AggregateLoop:
    """Close the loop around a random tree.

    Parameters
    ----------
    size : int
        Substations of the plant.
    substations : int
        Of the model.
    steps : int
        Of 15 minutes.
    """
    network = random_tree(size, seed=1)
    settings = ControlSettings(
        ControllerKind.MPC, STEP_s, 24 * 3600.0, options={"substations": substations}
    )
    names = [signal.name for signal in disturbances(network)]
    heats = [names.index(f"{unit.name}.heat_demand") for unit in network.substations]
    day = 1.0 + 0.25 * np.sin(2 * np.pi * np.arange(96 + steps + 1) / 96)
    base = example_preview(network)
    table = np.tile(base.disturbances[0], (len(day), 1))
    design = np.array([unit.design_heat_W for unit in network.substations])
    table[:, heats] = 0.5 * day[:, None] * design
    plant = make_plant(network, Method.PLUGFLOW)
    instruments = make_instruments(network, SensorSettings(), seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HorizonWarning)
        mpc = make_mpc(network, settings)
        applied = mpc.bounds.defaults
        state = plant.init(Inputs(applied, table[0]))
        seconds: list[float] = []
        returns: list[float] = []
        heat: list[float] = []
        unserved = delivered = cold = 0.0
        certified, memory, read = 0, None, None
        inputs = Inputs(applied, table[0])
        state, output = plant.advance(state, inputs, inputs, STEP_s)
        least = np.array([unit.minimum_supply_temperature_K for unit in network.substations])
        for k in range(1, steps + 1):
            read = instruments.init(output) if read is None else read
            observation, read = instruments.observe(read, output, {}, {})
            ahead = replace(
                base,
                time_s=base.time_s - base.time_s[0] + k * STEP_s,
                disturbances=table[k : k + 96],
            )
            memory = mpc.init(observation, ahead) if memory is None else memory
            began = process_time()
            decision = mpc.step(observation, ahead, applied, memory)
            seconds.append(process_time() - began)
            certified += not decision.cause
            memory, applied = decision.state, decision.controls
            inputs = Inputs(applied, table[k])
            state, output = plant.advance(state, inputs, inputs, (k + 1) * STEP_s)
            seen = dict(zip(observation.names, decision.info["predicted"].tolist(), strict=True))
            given = output.records
            spans = np.diff(output.times_s)[:, None]
            made = float((given["plant_heat"][1:] * spans).sum()) / STEP_s
            returns.append(
                seen["plant.return_temperature"] - float(given["plant_return_temperature"][-1, 0])
            )
            heat.append(seen["plant.heat"] / made - 1.0)
            unserved += float((given["substation_unserved_heat"][1:] * spans).sum())
            delivered += float((given["substation_heat"][1:] * spans).sum())
            lacking = np.maximum(least - given["substation_supply_temperature"][1:], 0.0)
            cold += float((lacking * spans).sum()) / 3600.0
    return AggregateLoop(
        mpc.stage.sizes,
        np.array(seconds[1:]),
        float(np.sqrt(np.mean(np.square(returns[4:])))),
        float(np.mean(np.abs(heat[4:]))),
        unserved / delivered,
        cold,
        certified,
    )
