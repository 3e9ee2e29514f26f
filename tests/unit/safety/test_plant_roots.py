"""Event times on a simulated network beside an independent root finder."""

from __future__ import annotations

from pathlib import Path

import casadi as ca
import numpy as np
from sksundae.ida import IDA

from rexdynnet.dae.consistent import consistent
from rexdynnet.dae.model import build_dae
from rexdynnet.network.read import read_network
from rexdynnet.safety.automaton import HybridAutomaton, Mode, Transition
from rexdynnet.safety.guards import above
from rexdynnet.safety.plant_flow import PlantFlow
from rexdynnet.safety.run import begin, run
from rexdynnet.simulation.integrate import DaePlant
from rexdynnet.simulation.plant import Inputs, Plant, PlantState
from rexdynnet.simulation.sundials import SolverOptions

DESTEST = Path(__file__).parents[3] / "models" / "networks" / "destest16"
WATCHED, LEVEL_K = "substation_1.supply_temperature", 346.15


def _inputs(plant: Plant, supply_K: float) -> Inputs:
    given = {"heat_demand": 8e3, "temperature": 278.15, "supply_temperature": supply_K}
    rows = [
        np.array([given.get(s.quantity, s.default or 0.0) for s in signals])
        for signals in (plant.controls, plant.disturbances)
    ]
    return Inputs(rows[0], rows[1])


def _peer_root(plant: DaePlant, state: PlantState, inputs: Inputs) -> tuple[float, float]:
    """First crossing and its slope, by IDA from SciKit-SUNDAE on the same equations."""
    dae = plant.dae
    column = next(
        place
        for place, output in enumerate(dae.equations.outputs)
        if output.variable == "substation_supply_temperature"
    )
    p, scale, n = state.arrays["parameters"], dae.z_nominal, len(dae.x)
    u, d = inputs.controls, inputs.disturbances
    x = state.arrays["x"]
    z = consistent(dae, x, u, d, p, 0.0, state.arrays["z"])

    def margin(t, y):
        return float(dae.out(t, y[:n], y[n:] * scale, u, d, p)[column]) - LEVEL_K

    def residual(t, y, slope, left):
        left[:n] = slope[:n] - np.asarray(dae.ode(t, y[:n], y[n:] * scale, u, d, p)).ravel()
        left[n:] = np.asarray(dae.alg(t, y[:n], y[n:] * scale, u, d, p)).ravel()

    e = dae.equations
    both, rows = ca.vertcat(e.x, e.z), ca.vertcat(e.ode, e.alg)
    derivative = ca.Function("derivative", e.arguments, [ca.densify(ca.jacobian(rows, both))])
    width = np.concatenate([np.ones(n), scale])

    def jacobian(t, y, slope, left, share, matrix):
        at = np.asarray(derivative(t, y[:n], y[n:] * scale, u, d, p)) * width
        matrix[:n] = -at[:n]
        matrix[n:] = at[n:]
        matrix[np.arange(n), np.arange(n)] += share

    def events(t, y, slope, margins):
        margins[0] = margin(t, y)

    events.terminal, events.direction = [True], [1]
    y, rate = np.concatenate([x, z / scale]), np.zeros(n + len(scale))
    rate[:n] = np.asarray(dae.ode(0.0, x, z, u, d, p)).ravel()
    solver = IDA(
        residual,
        algebraic_idx=list(range(n, len(y))),
        eventsfn=events,
        num_events=1,
        jacfn=jacobian,
        rtol=1e-7,
        atol=1e-6,
        max_num_steps=100_000,
    )
    found = solver.solve([0.0, 3600.0], y, rate)
    at, values, slope = found.t_events[0], found.y_events[0], found.yp_events[0]
    return float(at), (margin(at, values + slope) - margin(at, values - slope)) / 2.0


def test_a_dae_plant_meets_the_event_that_an_independent_root_finder_meets() -> None:
    plant = DaePlant(build_dae(read_network(DESTEST)))
    hot = _inputs(plant, 353.15)
    state = plant.init(_inputs(plant, 343.15))
    heat = PlantFlow(plant, lambda _, until: (hot, hot, until), (WATCHED,))
    machine = HybridAutomaton(
        "heat up",
        (Mode("heat", heat), Mode("done", heat)),
        (Transition("warm", "heat", "done", above(WATCHED, LEVEL_K)),),
        "heat",
    )
    found = run(machine, begin(machine, state), 3600.0).firings[0].time_s
    expected, slope = _peer_root(plant, state, hot)
    options = SolverOptions()
    tolerance = options.relative_tolerance * LEVEL_K + options.absolute_tolerance
    assert abs(found - expected) <= max(1e-8, 10.0 * tolerance / slope)
