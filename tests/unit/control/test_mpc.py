"""The predictive controller: certified, bounded, tracking, and honest when it fails."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.control.base import Outcome, Rung
from rexdynnet.control.mpc import MpcController, MpcState, make_mpc
from rexdynnet.control.plan import SolveStatus
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.control.trajectory import HorizonWarning
from rexdynnet.errors import InputError
from rexdynnet.network.random import random_tree
from rexdynnet.testing import check_controller, example_observation, example_preview

NETWORK = random_tree(3, seed=2)
SETTINGS = ControlSettings(ControllerKind.MPC, 900.0, 3 * 3600.0)
PREVIEW = example_preview(NETWORK)
SEEN = example_observation(NETWORK)


@pytest.fixture(scope="module")
def mpc() -> MpcController:
    """One controller for all tests; it remembers nothing but built problems."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HorizonWarning)
        made = make_mpc(NETWORK, SETTINGS)
        assert made.generator is not None
    return made


def test_it_keeps_the_contract_of_a_controller(mpc: MpcController) -> None:
    check_controller(mpc, NETWORK)


def test_every_rung_gives_a_certified_plan_within_bounds(mpc: MpcController) -> None:
    state = mpc.init(SEEN, PREVIEW)
    for rung in mpc.rungs:
        decision = mpc.attempt(rung, SEEN, PREVIEW, mpc.bounds.defaults, state)
        assert decision.outcome is Outcome.OK, decision.cause
        assert decision.rung is rung
        assert isinstance(decision.state, MpcState)
        assert decision.state.plan is not None
        assert decision.state.plan.status is SolveStatus.CERTIFIED
        lower, upper = mpc.bounds.at(0.0)
        assert (decision.controls >= lower - 1e-6).all()
        assert (decision.controls <= upper + 1e-6).all()
        assert decision.info["plan_controls"].shape[1] == len(mpc.bounds.signals)


def test_the_next_step_starts_from_the_last_one_and_needs_no_new_trajectory(
    mpc: MpcController,
) -> None:
    first = mpc.step(SEEN, PREVIEW, mpc.bounds.defaults, mpc.init(SEEN, PREVIEW))
    later, ahead = replace(SEEN, time_s=900.0), replace(PREVIEW, time_s=PREVIEW.time_s + 900.0)
    second = mpc.step(later, ahead, first.controls, first.state)
    assert second.outcome is Outcome.OK
    assert isinstance(first.state, MpcState)
    assert isinstance(second.state, MpcState)
    assert second.state.trajectory is first.state.trajectory
    assert second.state.estimate.time_s == pytest.approx(900.0)
    assert second.info["plan_time_s"][0] == pytest.approx(900.0)


def test_a_solver_without_budget_is_told_and_applies_nothing_uncertified() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HorizonWarning)
        made = make_mpc(NETWORK, replace(SETTINGS, options={"iterations": 0}))
        decision = made.step(SEEN, PREVIEW, made.bounds.defaults, made.init(SEEN, PREVIEW))
    assert decision.outcome is Outcome.NOT_CERTIFIED
    assert "residual" in decision.cause
    assert np.isfinite(decision.controls).all()
    assert decision.rung is Rung.WARM


def test_unknown_weights_and_options_are_refused() -> None:
    with pytest.raises(InputError, match="no weight"):
        make_mpc(NETWORK, replace(SETTINGS, weights={"comfort": 1.0}))
    with pytest.raises(InputError, match="no option"):
        make_mpc(NETWORK, replace(SETTINGS, options={"solver": "best"}))
    with pytest.raises(InputError, match="give a value like"):
        make_mpc(NETWORK, replace(SETTINGS, options={"iterations": "many"}))


@pytest.mark.parametrize(
    "options",
    [
        {"feedback": "real_time"},
        {"blocks": [1, 1, 2, 4, 4]},
        {"demand_spread": 0.2},
        {"substations": 0, "trajectory_stride": 1},
    ],
)
def test_every_kind_of_feedback_is_certified_and_within_bounds(options: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HorizonWarning)
        made = make_mpc(NETWORK, replace(SETTINGS, options={"tracking_steps": 12} | options))
        decision = made.step(SEEN, PREVIEW, made.bounds.defaults, made.init(SEEN, PREVIEW))
    assert decision.outcome is Outcome.OK, decision.cause
    assert isinstance(decision.state, MpcState)
    assert decision.state.plan is not None
    if "blocks" in options:
        controls = decision.state.plan.controls
        assert np.ptp(controls[4:8], axis=0) == pytest.approx(np.zeros(controls.shape[1]), abs=1e-6)


def test_a_supply_temperature_moves_no_faster_than_allowed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HorizonWarning)
        made = make_mpc(NETWORK, replace(SETTINGS, options={"supply_slew_K_per_h": 4.0}))
        decision = made.step(SEEN, PREVIEW, made.bounds.defaults, made.init(SEEN, PREVIEW))
    assert isinstance(decision.state, MpcState)
    assert decision.state.plan is not None
    column = made.stage.index(made.stage.controls, "plant.supply_temperature")
    moves = np.diff(decision.state.plan.controls[:, column])
    assert np.abs(moves).max() <= 1.0 + 1e-3


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("feedback", "fast", '"real_time"'),
        ("blocks", [1, 2], "do not fill"),
        ("blocks", "many", "positive whole numbers"),
        ("supply_slew_K_per_h", 0, "could ever change"),
    ],
)
def test_options_that_make_no_sense_are_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_mpc(NETWORK, replace(SETTINGS, options={name: value}))
