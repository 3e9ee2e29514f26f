"""The suite `events`: what supervision costs, and how exactly events are located.

Cost: the same scenario with and without the safety maintainer, in one process and in turn, on a
day without events and on a night in which the boiler trips for nine hours (which it spends in
ration, looking again every five minutes). Accuracy: closed forms, and on destest16 the root of the
same dense output by Brent's method.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np
from scipy.optimize import root_scalar

from rexdynnet.network.read import read_network
from rexdynnet.safety.automaton import HybridAutomaton, Map, Mode, Transition
from rexdynnet.safety.guards import Trigger, above, below, on
from rexdynnet.safety.ode import OdeFlow
from rexdynnet.safety.plant_flow import PlantFlow
from rexdynnet.safety.run import begin, run
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.simulate import make_plant
from rexdynnet.study.bench import Measurement, Sense, time_side_by_side
from rexdynnet.study.loop import run as run_loop
from rexdynnet.study.scenario import SimulationScenario, read_scenario

Report = Callable[[str], None]
MODELS = Path(__file__).parents[1] / "models"
MOST_OVERHEAD = 0.15
CLOSED_FORM_S = 1e-8
REPEATS = 7


def measure(report: Report) -> Iterator[Measurement]:
    """Cost first, then accuracy."""
    for title, file in (
        ("a day without events", "destest16_two_plants_run"),
        ("a night with a tripped boiler", "destest16_plant_trip_run"),
    ):
        report(f"timing {title}")
        yield _cost(title, read_scenario(MODELS / "scenarios" / f"{file}.toml"))
    for title, miss in (("bouncing ball", _ball()), ("thermostat", _thermostat())):
        yield Measurement(
            f"event time of the {title}",
            miss,
            "s",
            Sense.AT_MOST,
            CLOSED_FORM_S,
            remark="largest miss against the closed form",
        )
    yield _shared_output()


def _cost(title: str, scenario: SimulationScenario) -> Measurement:
    loop = scenario.closed_loop
    if loop is None:
        raise ValueError(f"{scenario.source} has no [control] section")
    off = replace(loop, safety=replace(loop.safety, enabled=False))
    day = replace(scenario, duration_s=min(scenario.duration_s, 86400.0))
    bare = replace(day, closed_loop=off)
    ours, peer = time_side_by_side(
        lambda: run_loop(day), lambda: run_loop(bare), REPEATS, process_time
    )
    pairs = zip(ours.seconds, peer.seconds, strict=True)
    ratio = float(np.median([a / b for a, b in pairs]))
    return Measurement(
        f"cost of supervision, {title}",
        ratio - 1.0,
        "1",
        Sense.AT_MOST,
        MOST_OVERHEAD,
        ours,
        peer,
        "CPU time, median over pairs of runs; peer: the same run unsupervised",
    )


def _ball() -> float:
    gravity, rest, height = 9.81, 0.8, 2.0
    fall = OdeFlow(("height", "speed"), lambda _, x: np.array([x[1], -gravity]))
    bounce = Map(lambda x: np.array([x[0], -rest * x[1]]), "speed reversed")
    guard = on(Trigger.RISING, below("height", 0.0))
    machine = HybridAutomaton(
        "ball",
        (Mode("fly", fall),),
        (Transition("bounce", "fly", "fly", guard, bounce),),
        "fly",
    )
    done = run(machine, begin(machine, np.array([height, 0.0])), 4.0)
    first = np.sqrt(2.0 * height / gravity)
    powers = rest ** np.arange(1, len(done.firings))
    exact = first * np.concatenate([[1.0], 1.0 + 2.0 * np.cumsum(powers)])
    return float(np.abs(np.array([each.time_s for each in done.firings]) - exact).max())


def _thermostat() -> float:
    warm = OdeFlow(("T",), lambda _, x: 30.0 - x)
    cool = OdeFlow(("T",), lambda _, x: 10.0 - x)
    machine = HybridAutomaton(
        "thermostat",
        (Mode("heat", warm), Mode("idle", cool)),
        (
            Transition("off", "heat", "idle", above("T", 20.0)),
            Transition("on", "idle", "heat", below("T", 20.0, hysteresis=2.0)),
        ),
        "heat",
    )
    done = run(machine, begin(machine, np.array([15.0])), 10.0)
    up, down = np.log(12.0 / 10.0), np.log(10.0 / 8.0)
    gaps = np.array([np.log(1.5), *([down, up] * len(done.firings))])[: len(done.firings)]
    exact = np.cumsum(gaps)
    return float(np.abs(np.array([each.time_s for each in done.firings]) - exact).max())


def _shared_output() -> Measurement:
    network = read_network(MODELS / "networks" / "destest16")
    plant = make_plant(network)

    def inputs(supply_K: float) -> Inputs:
        demand = {"heat_demand": 8e3, "temperature": 278.15, "supply_temperature": supply_K}
        rows = [
            np.array([demand.get(s.quantity, s.default or 0.0) for s in signals])
            for signals in (plant.controls, plant.disturbances)
        ]
        return Inputs(rows[0], rows[1])

    name, level = "substation_1.supply_temperature", 346.15
    hot = inputs(353.15)
    heat = PlantFlow(plant, lambda _, until: (hot, hot, until), (name,))
    machine = HybridAutomaton(
        "heat up",
        (Mode("heat", heat), Mode("done", heat)),
        (Transition("warm", "heat", "done", above(name, level)),),
        "heat",
    )
    state = plant.init(inputs(343.15))
    found = run(machine, begin(machine, state), 3600.0).firings[0].time_s
    _, output = plant.advance(state, hot, hot, 3600.0)
    values = output.records["substation_supply_temperature"][:, 0] - level
    row = int(np.argmax(values >= 0.0))
    span = output.times_s[row - 1 : row + 1]
    inside = values[row - 1 : row + 1]
    bracket = (float(span[0]), float(span[1]))
    root = float(root_scalar(lambda t: float(np.interp(t, span, inside)), bracket=bracket).root)
    return Measurement(
        "event time on one dense output of destest16",
        abs(found - root),
        "s",
        Sense.AT_MOST,
        CLOSED_FORM_S,
        remark=f"against Brent's root of the same output, at {found:.6f} s",
    )
