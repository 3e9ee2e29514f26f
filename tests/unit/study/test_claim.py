"""The claim's arithmetic: risk, bootstrap, true-up, and runs that are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.control.settings import ControllerKind
from rexdynnet.market.risk import conditional_value_at_risk
from rexdynnet.study.claim import (
    Arm,
    Week,
    bill_mean,
    compared,
    mean_of,
    weeks,
)
from rexdynnet.study.market_settings import Arrangement
from rexdynnet.study.scenario import read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_claim.toml"
A = Arm(Arrangement.RESERVATION, ControllerKind.BASELINE, 0.1)
B = Arm(Arrangement.OPERATOR_FORECAST, ControllerKind.BASELINE, 0.1)


def week(value: float) -> Week:
    figures = {"x": value}
    bills = {"a": 60.0, "b": 30.0}
    return Week(figures, bills, {"a": 1.0, "b": 0.5}, {"a": 1.0, "b": 0.5})


def test_the_conditional_value_at_risk_of_equal_steps_is_known() -> None:
    values = np.arange(1.0, 21.0)
    assert conditional_value_at_risk(values, 0.8) == pytest.approx((17 + 18 + 19 + 20) / 4)
    assert conditional_value_at_risk(values, 0.0) == pytest.approx(10.5)
    # a share of 1.5 values: the largest whole, half of the next
    assert conditional_value_at_risk(values, 0.925) == pytest.approx((20 + 0.5 * 19) / 1.5)


def test_a_paired_difference_is_sharp_where_the_arms_scatter_together() -> None:
    draws = np.random.default_rng(1).normal(size=20)
    found = {(A, seed): week(5.0 + draw) for seed, draw in enumerate(draws)}
    found |= {(B, seed): week(7.0 + draw) for seed, draw in enumerate(draws)}
    change = compared(found, A, B, mean_of("x"))
    assert change == pytest.approx((-2.0, -2.0, -2.0))
    alone = compared(found, A, None, mean_of("x"))
    half = 1.96 * draws.std(ddof=1) / np.sqrt(20)
    assert alone.upper - alone.lower == pytest.approx(2 * half, rel=0.15)


def test_bills_are_per_energy_and_every_participant_counts_the_same() -> None:
    assert week(0.0).bills_EUR_per_MWh() == {"a": 60.0, "b": 60.0}
    assert bill_mean([week(0.0), week(1.0)]) == pytest.approx(60.0)


def test_a_week_that_is_kept_is_not_run_again(tmp_path: Path) -> None:
    hour = replace(read_scenario(FILE), duration_s=3600.0)
    first = weeks(hour, (A,), (1,), tmp_path)
    (file,) = tmp_path.iterdir()
    content = file.read_text().replace('"fuel_EUR": ', '"fuel_EUR": 1')
    file.write_text(content)
    again = weeks(hour, (A,), (1,), tmp_path)
    assert again[A, 1].figures["fuel_EUR"] > first[A, 1].figures["fuel_EUR"] > 0
    assert first[A, 1].figures["idle_MWh"] > 0
