"""Real-time iterations: they end where the nonlinear program ends, and stay close on the way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rexdynnet.control.codegen import Backend, CodeOptions
from rexdynnet.control.plan import Limits, Plan, SolveStatus
from rexdynnet.control.rti import RealTimeIteration
from rexdynnet.control.rti_options import RtiOptions, held_stages
from rexdynnet.control.scaling import passive_states
from rexdynnet.control.stage import StageModel
from rexdynnet.control.stage_forms import Move, remembering, softened
from rexdynnet.control.transcription import NlpOptions, Transcription
from tests.unit.control.small_stage import START, demands, first_guess, small_stage

K = 12
STAGE = small_stage()
GUESS = first_guess(STAGE, K)
MACHINE = CodeOptions(Backend.VIRTUAL_MACHINE)  # quick to build; compiled once below


def solver(stage: StageModel = STAGE, **changes: object) -> RealTimeIteration:
    """Real-time iterations without compiling."""
    return RealTimeIteration(stage, K, replace(RtiOptions(code=MACHINE), **changes))  # type: ignore[arg-type]


def certified(plan: Plan) -> Plan:
    """The plan, if it is certified."""
    assert plan.status is SolveStatus.CERTIFIED, plan.residual
    return plan


def test_the_return_line_acts_on_nothing_but_the_cost() -> None:
    assert passive_states(STAGE) == (3,)
    assert solver().layout.states == 3
    assert solver(eliminate=False).layout.states == 4


@pytest.mark.parametrize("eliminate", [True, False])
def test_iterations_end_at_the_solution_of_the_nonlinear_program(eliminate: bool) -> None:
    mine = certified(solver(eliminate=eliminate, tolerance=1e-7).converge(GUESS, START, demands(K)))
    theirs = certified(Transcription(STAGE, K).solve(GUESS, START, demands(K)).plan)
    assert mine.objective == pytest.approx(theirs.objective, rel=1e-7)
    assert mine.controls == pytest.approx(theirs.controls, rel=1e-4)
    assert mine.states == pytest.approx(theirs.states, rel=1e-5)
    for name in ("dynamics_multipliers", "row_multipliers", "control_multipliers"):
        assert getattr(mine, name) == pytest.approx(getattr(theirs, name), abs=2e-4), name


def test_blocks_end_at_the_solution_with_blocks() -> None:
    blocks = (1, 2, 4, 5)
    mine = certified(solver(blocks=blocks).converge(GUESS, START, demands(K)))
    program = Transcription(STAGE, K, NlpOptions(blocks=blocks))
    theirs = certified(program.solve(GUESS, START, demands(K)).plan)
    assert mine.objective == pytest.approx(theirs.objective, rel=1e-6)
    assert mine.controls == pytest.approx(theirs.controls, rel=1e-3)


def test_soft_limits_and_limited_moves_end_at_the_same_solution() -> None:
    moves = {"plant.supply_temperature": Move(most=5.0, weight_EUR=0.1)}
    stage = softened(remembering(small_stage(penalty=20.0), moves))
    state = np.array([335.0, 335.0, 335.0, 315.0, 345.0])
    mine = certified(solver(stage).converge(first_guess(stage, K), state, demands(K)))
    program = Transcription(stage, K)
    theirs = certified(program.solve(first_guess(stage, K), state, demands(K)).plan)
    assert mine.objective == pytest.approx(theirs.objective, rel=1e-6)
    acted = np.concatenate([[345.0], mine.controls[:, 0]])
    assert np.abs(np.diff(acted)).max() <= 5.0 + 1e-4


def closed_loop(kind: str, steps: int = 30) -> tuple[float, NDArray[np.float64]]:
    """Cost and supply temperatures of a loop on a plant that differs from the model."""
    made, state, cost = solver(), START, 0.0
    plan = made.converge(GUESS, START, demands(K))
    seen: list[float] = []
    p = demands(K + steps)
    for k in range(steps):
        start = plan.shifted() if k else plan
        solve = made.step if kind == "rti" else made.converge
        plan = solve(start, state, p[k : k + K])
        assert plan.status in (SolveStatus.STEP_TAKEN, SolveStatus.CERTIFIED)
        cost += float(np.sum(np.asarray(STAGE.cost(state, plan.controls[0], p[k]), dtype=float)))
        after = np.asarray(STAGE.advance(state, plan.controls[0], p[k]), dtype=float).ravel()
        state = after + np.array([0.03, 0.02, 0.03, -0.05])
        seen.append(state[2])
    return cost, np.array(seen)


def test_one_iteration_a_step_costs_in_closed_loop_no_more_than_the_converged_solution() -> None:
    quick, quick_seen = closed_loop("rti")
    converged, converged_seen = closed_loop("converged")
    assert quick <= converged * (1 + 1e-3)
    least = 345.0
    short = [np.maximum(least - seen, 0.0).sum() for seen in (quick_seen, converged_seen)]
    assert short[0] <= short[1] + 1e-2


def test_feedback_after_preparation_is_the_step_where_the_prediction_was_right() -> None:
    made, p = solver(), demands(K)
    plan = made.step(GUESS, START, p)
    whole = made.step(plan, START, p)
    split = made.feedback(made.prepare(plan, p), START)
    assert split.controls == pytest.approx(whole.controls, rel=1e-9)


def test_feedback_answers_to_a_measured_state_that_was_not_predicted() -> None:
    made, p = solver(), demands(K)
    settled = made.converge(GUESS, START, p)
    measured = START + np.array([1.0, -0.5, 0.8, 1.0])
    answered = made.feedback(made.prepare(settled, p), measured)
    optimal = made.converge(settled, measured, p)
    kept = np.abs(settled.controls[0] - optimal.controls[0])
    missed = np.abs(answered.controls[0] - optimal.controls[0])
    assert (missed <= 0.1 * kept + 1e-6).all()
    assert answered.states[0] == pytest.approx(measured)


def test_machine_code_and_virtual_machine_take_the_same_step(tmp_path: Path) -> None:
    code = CodeOptions(folder=tmp_path)
    compiled = RealTimeIteration(STAGE, K, RtiOptions(code=code))
    if not all(made.backend is Backend.MACHINE_CODE for made in compiled.code):
        pytest.skip("no C compiler here")
    mine = compiled.step(GUESS, START, demands(K))
    theirs = solver().step(GUESS, START, demands(K))
    assert mine.controls == pytest.approx(theirs.controls, rel=1e-6)
    assert mine.objective == pytest.approx(theirs.objective, rel=1e-9)


def test_no_compiler_means_the_virtual_machine_and_the_same_solution() -> None:
    code = CodeOptions(compiler="no-such-compiler")
    made = RealTimeIteration(STAGE, K, RtiOptions(code=code))
    assert {one.backend for one in made.code} == {Backend.VIRTUAL_MACHINE}
    assert {one.reason for one in made.code} == {"no C compiler was found"}
    certified(made.converge(GUESS, START, demands(K)))


def test_infeasible_limits_are_told() -> None:
    made = solver()
    cold = np.array([330.0, 330.0, 330.0, 315.0])
    plan = made.converge(GUESS, cold, demands(K))
    assert plan.status in (SolveStatus.INFEASIBLE, SolveStatus.FAILED)
    again = made.converge(GUESS, START, demands(K))  # and the solver is as good as new
    certified(again)


def test_few_iterations_are_told_apart_from_a_certified_answer() -> None:
    made = solver(iterations=2)
    assert made.converge(GUESS, START, demands(K)).status is SolveStatus.NOT_CERTIFIED


def test_limits_may_change_from_step_to_step() -> None:
    made, p = solver(), demands(K)
    limits = Limits.of(STAGE, K).tightened(STAGE, upper={"plant.supply_temperature": 352.0})
    plan = certified(made.converge(GUESS, START, p, limits))
    assert plan.controls[:, 0].max() <= 352.0 + 1e-9
    binds = plan.controls[:, 0] > 351.99
    assert binds.any()
    assert (plan.control_multipliers[binds, 0] >= -1e-6).all()


def test_blocks_must_fill_the_horizon() -> None:
    assert held_stages((), 3) == ()
    with pytest.raises(ValueError, match="do not fill"):
        held_stages((1, 1), 3)
