"""What a pipe gives back when its flow turns round."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Ground, Line, Pipe, PipeWall, PressureHolding
from rexdynnet.physics.friction import pressure_loss
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from tests.physics.bench import COLD_K, GROUND_K, STEEL, WATER, draw, inputs, point, source
from tests.physics.exact import delay_s, water_capacity

LOSS = 0.5
FLOW = 5.0
COLD, HOT = 320.0, 360.0
STEP_s = 5.0


def between_two_plants(wall: PipeWall | None) -> Network:
    """A pipe whose direction of flow the two plants' pressures decide."""
    return Network(
        name="reversal",
        nodes=(point("a"), point("b"), point("return", Line.RETURN)),
        pipes=(Pipe("pipe", Line.SUPPLY, "a", "b", 1000.0, 0.1, LOSS, wall),),
        substations=(draw("draw_a", "a"), draw("draw_b", "b")),
        plants=(source("plant_a", "a"), source("plant_b", "b")),
        holdings=(PressureHolding("return"),),
        fluid=WATER,
        ground=Ground(GROUND_K),
    )


def controls(network: Network, forward: bool, hot_K: float) -> Mapping[str, float]:
    pipe = network.pipes[0]
    assert WATER.viscosity_Pa_s is not None
    drop = float(
        pressure_loss(
            FLOW,
            pipe.length_m,
            pipe.inner_diameter_m,
            pipe.roughness_m,
            0.0,
            WATER.density_kg_per_m3,
            WATER.viscosity_Pa_s,
        )
    )
    high, low = 5e5 + drop / 2, 5e5 - drop / 2
    return {
        "plant_a.differential_pressure": high if forward else low,
        "plant_b.differential_pressure": low if forward else high,
        "plant_a.supply_temperature": hot_K,
        "plant_b.supply_temperature": COLD,
        "draw_a.mass_flow_demand": 2 * FLOW,
        "draw_b.mass_flow_demand": 2 * FLOW,
    }


@pytest.mark.parametrize("wall", [None, STEEL], ids=["without wall", "with wall"])
def test_reversed_flow_returns_the_same_water_in_reverse_order(wall: PipeWall | None) -> None:
    network = between_two_plants(wall)
    pipe = network.pipes[0]
    plant = PlugFlowPlant(network, PlugFlowOptions(STEP_s))
    turn = 0.6 * delay_s(pipe, WATER, FLOW)
    turn -= turn % (2 * STEP_s)

    def inlet(time_s: float) -> float:
        return COLD + (HOT - COLD) * min(1.0, time_s / turn)

    state = plant.init(
        inputs(plant, controls(network, True, COLD)),
        temperatures_K={"a": COLD, "b": COLD, "return": COLD_K},
    )
    marks = np.arange(0.0, turn + STEP_s / 2, STEP_s)
    for begin, end in pairwise(marks):
        start, finish = (inputs(plant, controls(network, True, inlet(t))) for t in (begin, end))
        state, output = plant.advance(state, start, finish, float(end))
    assert output.records["pipe_mass_flow"][-1, 0] == pytest.approx(FLOW, rel=1e-6)
    held = inputs(plant, controls(network, False, HOT))
    state, output = plant.advance(state, held, held, 2 * turn)
    assert output.records["pipe_mass_flow"][-1, 0] == pytest.approx(-FLOW, rel=1e-6)
    back = output.records["pipe_inlet_temperature"][1:, 0]
    since = output.times_s[1:] - turn
    entered = np.array([inlet(turn - s) for s in since])
    if wall is None:
        rate = LOSS / water_capacity(pipe, WATER)
        exact = GROUND_K + (entered - GROUND_K) * np.exp(-2 * rate * since)
        assert np.max(np.abs(back - exact)) < 0.5
        assert np.sqrt(np.mean((back - exact) ** 2)) < 0.1
    else:
        # The wall has taken heat from the hot water and gives it back to the colder.
        assert np.all(np.diff(back) < 1e-9)
        assert back[0] < HOT
        assert np.mean(back) < np.mean(entered)


def test_a_front_that_swings_to_and_fro_stays_sharp() -> None:
    network = between_two_plants(None)
    plant = PlugFlowPlant(network, PlugFlowOptions(STEP_s))
    forth = inputs(plant, controls(network, True, HOT))
    back = inputs(plant, controls(network, False, HOT))
    delay = delay_s(network.pipes[0], WATER, FLOW)
    swing = 0.2 * delay
    swing -= swing % STEP_s
    state = plant.init(forth, temperatures_K={"a": COLD, "b": COLD, "return": COLD_K})
    time_s = 0.0
    # The hot front goes to 0.4 of the pipe, then three times back to 0.2 and forth again.
    for held in (forth, forth, back, forth, back, forth, back, forth):
        time_s += swing
        state, output = plant.advance(state, held, held, time_s)
    state, output = plant.advance(state, back, back, time_s + 0.8 * delay)
    leaving = output.records["pipe_inlet_temperature"][1:, 0]
    since = output.times_s[1:] - time_s
    hot, warm, cold = (float(since[leaving > level][-1]) for level in (350.0, 340.0, 325.0))
    assert warm == pytest.approx(2 * swing, abs=2 * STEP_s)
    assert cold - hot < 0.03 * delay
