"""Sequential programming finds what the interior point method finds."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.control.codegen import Backend, CodeOptions
from rexdynnet.control.plan import SolveStatus
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.sequential import SequentialProgram
from tests.unit.control.planning import generator_of, plan_of

VIRTUAL = CodeOptions(Backend.VIRTUAL_MACHINE)


@pytest.mark.parametrize("name", ["tree", "destest16_two_plants"])
def test_both_solvers_agree_on_the_cost_of_a_plan(name: str) -> None:
    found, generator = plan_of(name, 0.5), generator_of(name)
    options = RtiOptions(tolerance=1e-3, iterations=80, code=VIRTUAL)
    program = SequentialProgram(generator.stage, found.plan.horizon, options)
    plan = program.solve(found.plan.states[0], found.parameters, found.limits)
    assert plan.status is SolveStatus.CERTIFIED
    assert plan.objective == pytest.approx(found.plan.objective, rel=1e-3, abs=0.01)


def test_an_answer_is_feasible_and_a_warm_start_from_it_is_done_at_once() -> None:
    found, generator = plan_of("tree", 0.5), generator_of("tree")
    options = RtiOptions(tolerance=1e-3, iterations=80, code=VIRTUAL)
    program = SequentialProgram(generator.stage, found.plan.horizon, options)
    state = found.plan.states[0]
    plan = program.solve(state, found.parameters, found.limits)
    again = program.simulate(state, plan.controls, found.parameters)
    assert again == pytest.approx(plan.states, abs=0.2)
    warm = program.solve(state, found.parameters, found.limits, plan)
    assert warm.iterations <= 1
    assert np.all(plan.controls >= found.limits.controls_lower - 1e-6)
    assert np.all(plan.controls <= found.limits.controls_upper + 1e-6)
