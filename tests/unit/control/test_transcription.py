"""The nonlinear program over a horizon: certified, sensitive, blocked, branched."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.control.plan import Limits, SolveStatus
from rexdynnet.control.stage_forms import Move, remembering, softened
from rexdynnet.control.transcription import (
    NlpOptions,
    NlpSolver,
    ScenarioTree,
    Transcription,
)
from rexdynnet.errors import InputError
from tests.unit.control.small_stage import START, demands, first_guess, small_stage

K = 12
STAGE = small_stage()
GUESS = first_guess(STAGE, K)


def test_the_states_follow_the_model_and_the_answer_is_certified() -> None:
    found = Transcription(STAGE, K).solve(GUESS, START, demands(K))
    assert found.status is SolveStatus.CERTIFIED
    assert found.certificate.holds(1e-5)
    plan = found.plan
    cost = 0.0
    for k in range(K):
        arguments = (plan.states[k], plan.controls[k], demands(K)[k])
        after = np.asarray(STAGE.advance(*arguments), dtype=float).ravel()
        assert after == pytest.approx(plan.states[k + 1], abs=1e-4)
        cost += float(np.sum(np.asarray(STAGE.cost(*arguments), dtype=float)))
    cost += float(STAGE.terminal(plan.states[-1], demands(K)[-1]))
    assert found.objective == pytest.approx(cost, rel=1e-6)


def test_fatrop_and_ipopt_agree() -> None:
    ipopt = Transcription(STAGE, K).solve(GUESS, START, demands(K))
    options = NlpOptions(solver=NlpSolver.FATROP)
    fatrop = Transcription(STAGE, K, options).solve(GUESS, START, demands(K))
    assert fatrop.status is SolveStatus.CERTIFIED
    assert fatrop.objective == pytest.approx(ipopt.objective, rel=1e-6)
    assert fatrop.plan.controls == pytest.approx(ipopt.plan.controls, rel=1e-3)


def test_a_warm_start_takes_fewer_iterations_to_the_same_answer() -> None:
    nlp = Transcription(STAGE, K)
    cold = nlp.solve(GUESS, START, demands(K))
    warm = nlp.solve(cold.plan, START, demands(K), warm=True)
    assert warm.status is SolveStatus.CERTIFIED
    assert warm.iterations < cold.iterations
    assert warm.objective == pytest.approx(cold.objective, rel=1e-6)


def test_slopes_with_respect_to_parameters_are_finite_differences() -> None:
    nlp = Transcription(STAGE, K)
    base = nlp.solve(GUESS, START, demands(K))
    slopes = nlp.parameter_slopes(base.plan, demands(K))
    for k, j, h in ((3, 0, 0.05), (7, 1, 1e-4), (K - 1, 1, 1e-4)):
        ends: list[float] = []
        for sign in (1.0, -1.0):
            moved = demands(K)
            moved[k, j] += sign * h
            ends.append(nlp.solve(base.plan, START, moved).objective)
        assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(slopes[k, j], rel=1e-3)


def test_held_controls_stay_equal_within_their_block() -> None:
    blocks = (1, 2, 4, 5)
    found = Transcription(STAGE, K, NlpOptions(blocks=blocks)).solve(GUESS, START, demands(K))
    free = Transcription(STAGE, K).solve(GUESS, START, demands(K))
    assert found.status is SolveStatus.CERTIFIED
    assert found.objective >= free.objective - 1e-8
    ends = np.cumsum(blocks)
    for first, last in zip(ends - blocks, ends, strict=True):
        assert np.ptp(found.plan.controls[first:last], axis=0) == pytest.approx([0, 0], abs=1e-6)


def test_branches_share_their_first_moves_and_no_later_ones() -> None:
    tree = ScenarioTree((0.25, 0.5, 0.25), shared=2)
    parameters = np.stack([demands(K, factor) for factor in (0.8, 1.0, 1.2)])
    found = Transcription(STAGE, K, NlpOptions(tree=tree)).solve(GUESS, START, parameters)
    assert found.status is SolveStatus.CERTIFIED
    controls = np.stack([plan.controls for plan in found.plans])
    assert np.ptp(controls[:, :2], axis=0) == pytest.approx(np.zeros((2, 2)), abs=1e-6)
    assert np.ptp(controls[:, 2:], axis=0)[:, 1].max() > 0.1
    single = Transcription(STAGE, K)
    alone = [single.solve(GUESS, START, parameters[b]).objective for b in range(3)]
    assert found.objective >= np.dot(tree.probabilities, alone) - 1e-6


def test_limits_may_change_by_stage_and_at_run_time() -> None:
    nlp = Transcription(STAGE, K)
    least = np.full(K, 338.0)
    least[4] = 365.0
    limits = Limits.of(STAGE, K).tightened(STAGE, lower={"plant.supply_temperature": least})
    found = nlp.solve(GUESS, START, demands(K), limits)
    assert found.plan.controls[4, 0] >= 365.0 - 1e-4
    assert found.plan.control_multipliers[4, 0] < 0  # negative at a lower bound
    with pytest.raises(InputError, match="nothing named"):
        limits.tightened(STAGE, lower={"boiler.heat": 1.0})
    with pytest.raises(InputError, match="cross"):
        limits.tightened(STAGE, upper={"plant.supply_temperature": 300.0})


def test_a_hard_limit_that_cannot_be_met_is_told_and_a_soft_one_is_violated_least() -> None:
    cold = np.array([330.0, 330.0, 330.0, 315.0])
    hard = Transcription(STAGE, K, NlpOptions(iterations=100)).solve(GUESS, cold, demands(K))
    assert hard.status is not SolveStatus.CERTIFIED
    soft_stage = softened(small_stage(penalty=50.0))
    guess = first_guess(soft_stage, K)
    soft = Transcription(soft_stage, K).solve(guess, cold, demands(K))
    assert soft.status is SolveStatus.CERTIFIED
    missing = np.maximum(345.0 - soft.plan.states[:-1, 2], 0.0)
    assert missing[0] == pytest.approx(15.0)
    assert soft.plan.controls[:, 2] == pytest.approx(missing, abs=1e-3)
    assert missing[-1] == pytest.approx(0.0, abs=1e-4)


def test_an_exact_penalty_changes_nothing_where_the_limit_can_be_met() -> None:
    soft_stage = softened(small_stage(penalty=50.0))
    hard = Transcription(STAGE, K).solve(GUESS, START, demands(K))
    soft = Transcription(soft_stage, K).solve(first_guess(soft_stage, K), START, demands(K))
    assert soft.objective == pytest.approx(hard.objective, rel=1e-6)
    assert soft.plan.controls[:, :2] == pytest.approx(hard.plan.controls, rel=1e-3)


def test_moves_are_limited_from_the_control_that_really_acted() -> None:
    stage = remembering(STAGE, {"plant.supply_temperature": Move(most=3.0)})
    state = np.append(START, 341.0)
    found = Transcription(stage, K).solve(first_guess(stage, K), state, demands(K))
    assert found.status is SolveStatus.CERTIFIED
    acted = np.concatenate([[341.0], found.plan.controls[:, 0]])
    assert np.abs(np.diff(acted)).max() <= 3.0 + 1e-5


def test_wrong_options_are_refused() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        ScenarioTree((0.5, 0.4))
    with pytest.raises(InputError, match="share"):
        ScenarioTree((0.5, 0.5), shared=0)
    with pytest.raises(InputError, match="IPOPT"):
        Transcription(STAGE, K, NlpOptions(solver=NlpSolver.FATROP, blocks=(6, 6)))
    with pytest.raises(InputError, match="softened"):
        Transcription(small_stage(penalty=1.0), K)
