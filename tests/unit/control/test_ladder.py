"""The failure ladder: each rung, reached by an injected fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from rexdynnet.control.base import Decision, Observation, Outcome, Preview, Rung
from rexdynnet.control.baseline import make_baseline
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.ladder import Ladder
from rexdynnet.control.settings import ControlSettings
from rexdynnet.network.inputs import disturbances
from rexdynnet.testing import check_controller, example_observation, example_preview
from tests.unit.small_network import small_network

NETWORK = small_network()
BOUNDS = ControlBounds(NETWORK)
USUAL = BOUNDS.clipped(BOUNDS.defaults, 0.0)
Try = Callable[[Rung], Decision]


@dataclass(frozen=True)
class Scripted:
    """A climber whose tries end as the test says."""

    tries: Try
    rungs: tuple[Rung, ...] = (Rung.WARM, Rung.COLD, Rung.SOFTENED)

    def init(self, observation: Observation, preview: Preview) -> object:
        return 0

    def step(
        self, observation: Observation, preview: Preview, applied: np.ndarray, state: object
    ) -> Decision:
        return self.attempt(Rung.WARM, observation, preview, applied, state)

    def attempt(
        self,
        rung: Rung,
        observation: Observation,
        preview: Preview,
        applied: np.ndarray,
        state: object,
    ) -> Decision:
        return self.tries(rung)


def ladder(tries: Try) -> Ladder:
    return Ladder(Scripted(tries), make_baseline(NETWORK, ControlSettings()), BOUNDS)


def good(rung: Rung, **info: np.ndarray) -> Decision:
    return Decision(USUAL, "kept", Outcome.OK, rung, "", 7, info)


def bad(outcome: Outcome, cause: str = "") -> Decision:
    return Decision(USUAL, None, outcome, Rung.WARM, cause)


def fails_below(rung: Rung, outcome: Outcome = Outcome.ITERATION_LIMIT) -> Try:
    order = list(Rung)

    def tried(at: Rung) -> Decision:
        if order.index(at) < order.index(rung):
            return bad(outcome, "50 iterations")
        return good(at)

    return tried


def step(tower: Ladder, observation: Observation | None = None) -> Decision:
    seen = observation or example_observation(NETWORK)
    ahead = example_preview(NETWORK)
    decision = tower.step(seen, ahead, USUAL, tower.init(seen, ahead))
    lower, upper = BOUNDS.at(0.0)
    assert np.all(np.isfinite(decision.controls))
    assert np.all((decision.controls >= lower) & (decision.controls <= upper))
    return decision


def test_a_solution_from_the_last_one_is_taken_as_it_is() -> None:
    decision = step(ladder(good))
    assert decision.rung is Rung.WARM
    assert decision.outcome is Outcome.OK
    assert decision.cause == ""
    assert decision.iterations == 7


@pytest.mark.parametrize("rung", [Rung.COLD, Rung.SOFTENED])
def test_an_iteration_limit_sends_to_the_next_try(rung: Rung) -> None:
    decision = step(ladder(fails_below(rung)))
    assert decision.rung is rung
    assert decision.outcome is Outcome.ITERATION_LIMIT
    assert "warm: 50 iterations" in decision.cause


def test_without_a_solution_the_last_certified_plan_goes_on() -> None:
    plan = np.stack([USUAL, 0.5 * (USUAL + np.maximum(USUAL - 1.0, BOUNDS.at(0.0)[0]))])
    info = {"plan_time_s": np.array([0.0, 900.0, 1800.0]), "plan_controls": plan}
    calls: list[Rung] = []

    def once(rung: Rung) -> Decision:
        calls.append(rung)
        return good(rung, **info) if len(calls) == 1 else bad(Outcome.INFEASIBLE, "bounds cross")

    tower = ladder(once)
    seen, ahead = example_observation(NETWORK), example_preview(NETWORK)
    first = tower.step(seen, ahead, USUAL, tower.init(seen, ahead))
    second = tower.step(replace(seen, time_s=900.0), ahead, first.controls, first.state)
    assert second.rung is Rung.SHIFTED
    assert second.outcome is Outcome.INFEASIBLE
    assert "bounds cross" in second.cause
    np.testing.assert_allclose(second.controls, plan[1])
    third = tower.step(replace(seen, time_s=1800.0), ahead, second.controls, second.state)
    assert third.rung is Rung.BASELINE


def test_without_a_plan_the_baseline_acts() -> None:
    decision = step(ladder(lambda rung: bad(Outcome.INFEASIBLE, "supply above its bound")))
    assert decision.rung is Rung.BASELINE
    assert decision.outcome is Outcome.INFEASIBLE
    assert decision.cause.count("supply above its bound") == 3


def test_a_controller_that_raises_does_not_stop_the_loop() -> None:
    def raises(rung: Rung) -> Decision:
        raise ZeroDivisionError("no flow")

    decision = step(ladder(raises))
    assert decision.rung is Rung.BASELINE
    assert decision.outcome is Outcome.MODEL_FAILURE
    assert "ZeroDivisionError: no flow" in decision.cause


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9])
def test_an_input_that_is_not_finite_or_out_of_bounds_is_never_applied(value: float) -> None:
    def wild(rung: Rung) -> Decision:
        controls = USUAL.copy()
        controls[0] = value
        return replace(good(rung), controls=controls)

    decision = step(ladder(wild))
    assert decision.rung is Rung.BASELINE
    assert decision.outcome is Outcome.NOT_CERTIFIED
    assert "boiler.supply_temperature" in decision.cause


def test_a_solvers_tolerance_at_a_bound_is_clipped_not_refused() -> None:
    lower, _ = BOUNDS.at(0.0)

    def touching(rung: Rung) -> Decision:
        return replace(good(rung), controls=np.maximum(USUAL, lower) - 1e-7 * (lower == USUAL))

    decision = step(ladder(touching))
    assert decision.rung is Rung.WARM


def test_the_last_rung_holds_what_acted_within_its_bounds() -> None:
    tower = ladder(lambda rung: bad(Outcome.NOT_CERTIFIED, "residual 1"))
    seen, ahead = example_observation(NETWORK), example_preview(NETWORK)
    blind = replace(seen, values=np.full(len(seen.names), np.nan))
    unknown = replace(ahead, disturbances=np.full_like(ahead.disturbances, np.nan))
    wild = USUAL.copy()
    wild[0], wild[1] = np.nan, 1e9
    decision = tower.step(blind, unknown, wild, tower.init(blind, unknown))
    lower, upper = BOUNDS.at(0.0)
    assert decision.rung is Rung.SAFETY
    assert decision.outcome is Outcome.NOT_CERTIFIED
    assert np.all((decision.controls >= lower) & (decision.controls <= upper))
    assert decision.controls[1] == upper[1]


def test_a_silent_sensor_is_named_and_most_silent_is_an_outcome() -> None:
    seen = example_observation(NETWORK)
    values = seen.values.copy()
    values[seen.names.index("boiler.supply_temperature")] = np.nan
    one = step(ladder(good), replace(seen, values=values))
    assert one.outcome is Outcome.OK
    assert "boiler.supply_temperature" in one.cause
    every = step(ladder(good), replace(seen, values=np.full(len(seen.names), np.nan)))
    assert every.outcome is Outcome.BAD_MEASUREMENT
    assert every.rung is Rung.WARM


def test_demand_above_capacity_is_told_and_still_bounded() -> None:
    baseline = make_baseline(NETWORK, ControlSettings())
    seen, ahead = example_observation(NETWORK), example_preview(NETWORK)
    heavy = ahead.disturbances.copy()
    for column, signal in enumerate(disturbances(NETWORK)):
        if signal.quantity == "heat_demand":
            heavy[:, column] *= 50
    tower = Ladder(baseline, baseline, BOUNDS)
    decision = tower.step(seen, replace(ahead, disturbances=heavy), USUAL, tower.init(seen, ahead))
    assert decision.outcome is Outcome.OVERLOADED
    assert "kW" in decision.cause


@pytest.mark.parametrize("outcome", [Outcome.INFEASIBLE, Outcome.OK])
def test_the_ladder_keeps_the_contract_of_a_controller(outcome: Outcome) -> None:
    tries = good if outcome is Outcome.OK else (lambda rung: bad(outcome))
    check_controller(ladder(tries), NETWORK)
