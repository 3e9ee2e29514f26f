"""A network's plant under an automaton."""

from __future__ import annotations

import numpy as np
import pytest

import rexdynnet as rdn
from rexdynnet.errors import InputError
from rexdynnet.safety.automaton import HybridAutomaton, Mode, Transition
from rexdynnet.safety.guards import above
from rexdynnet.safety.plant_flow import PlantFlow
from rexdynnet.safety.run import begin, run
from rexdynnet.safety.stops import End
from rexdynnet.simulation.plant import Inputs
from tests.unit.small_network import small_network


def _inputs(plant, supply_K):
    controls = {"boiler.supply_temperature": supply_K, "boiler.differential_pressure": 5e4}
    controls |= {"pump.supply_temperature": supply_K, "pump.heat": 0.0}
    weather = {"outdoor.temperature": 273.15, "ground.temperature": 281.15}
    weather |= {"house_1.heat_demand": 2e4, "house_2.heat_demand": 1e4}
    return Inputs(
        np.array([controls.get(s.name, 0.0) for s in plant.controls]),
        np.array(
            [
                weather.get(s.name, s.default if s.default is not None else 0.0)
                for s in plant.disturbances
            ]
        ),
    )


@pytest.mark.parametrize("method", list(rdn.Method))
def test_a_mode_changes_inside_a_step_when_the_water_is_hot_enough(method):
    plant = rdn.make_plant(small_network(), method)
    watch = ("house_1.supply_temperature", "boiler.supply_temperature", "boiler.availability")
    hot, cool = (_inputs(plant, each) for each in (363.15, 343.15))
    heat = PlantFlow(plant, lambda now, until: (hot, hot, until), watch)
    rest = PlantFlow(plant, lambda now, until: (cool, cool, until), watch)
    automaton = HybridAutomaton(
        "heat up",
        (Mode("heat", heat), Mode("rest", rest)),
        (Transition("warm", "heat", "rest", above("house_1.supply_temperature", 350.0)),),
        "heat",
    )
    state = plant.init(cool)
    done = run(automaton, begin(automaton, state), 3600.0)
    assert done.report.end is End.REACHED
    assert done.point.state.time_s == 3600.0
    fired = done.firings[0].time_s
    assert 0.0 < fired < 3600.0
    at = done.pieces[0].trace.values(fired)[0]
    assert at == pytest.approx(350.0, abs=1e-6)
    # the rejected rest of the first leg is not in the trajectory
    assert done.pieces[0].end_s == done.pieces[1].start_s == fired


def test_a_watched_signal_that_does_not_exist_is_refused():
    plant = rdn.make_plant(small_network())
    with pytest.raises(InputError, match=r"no signal 'house_9\.heat'"):
        PlantFlow(plant, lambda now, until: (None, None, until), ("house_9.heat",))


def test_inputs_that_reach_beyond_what_was_asked_for_are_refused():
    plant = rdn.make_plant(small_network())
    hot = _inputs(plant, 363.15)
    flow = PlantFlow(plant, lambda time_s, until_s: (hot, hot, until_s + 1.0), ())
    state = plant.init(hot)
    with pytest.raises(InputError, match="end at 61 s"):
        flow.advance(state, 0.0, 60.0)
