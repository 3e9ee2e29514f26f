"""Comparisons of controllers are paired and say how sure they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.control.settings import ControlSettings
from rexdynnet.errors import InputError
from rexdynnet.study.compare import compare
from rexdynnet.study.paired import Paired, interval
from rexdynnet.study.scenario import read_scenario
from tests.data import ROOT

SHORT = replace(
    read_scenario(ROOT / "models/scenarios/destest16_two_plants_run.toml"), duration_s=3600.0
)


def test_the_same_controller_twice_differs_in_nothing() -> None:
    found = compare(SHORT, {"a": ControlSettings(), "b": ControlSettings()}, (1, 2))
    for name, rows in found.figures.items():
        np.testing.assert_array_equal(rows[0], rows[1], err_msg=name)
    assert found.figures["cost_EUR"][0, 0] != found.figures["cost_EUR"][0, 1]
    assert not found.difference("cost_EUR", "a", "b").decided


def test_an_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    draws = generator.normal(0.3, 1.0, size=(2000, 10))
    hits = [one.lower <= 0.3 <= one.upper for one in map(interval, draws)]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_pairing_removes_what_both_arms_share() -> None:
    generator = np.random.default_rng(5)
    shared = 100 * generator.normal(size=10)
    rows = np.array([shared, shared - 1.0 + 0.01 * generator.normal(size=10)])
    change = Paired(("a", "b"), tuple(range(10)), {"cost": rows}).difference("cost", "b", "a")
    assert change.decided
    assert change.mean == pytest.approx(-1.0, abs=0.02)


def test_one_seed_is_no_comparison() -> None:
    with pytest.raises(InputError, match="two seeds"):
        compare(SHORT, {"a": ControlSettings()}, (1,))


def test_a_comparison_takes_up_what_it_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arms = {"a": ControlSettings(), "b": ControlSettings(margin=0.3)}
    first = compare(SHORT, arms, (1, 2), keep=tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    monkeypatch.setattr("rexdynnet.study.compare.run", _refuse)
    again = compare(SHORT, arms, (1, 2), keep=tmp_path)
    for name, rows in first.figures.items():
        np.testing.assert_array_equal(rows, again.figures[name], err_msg=name)


def test_two_processes_give_what_one_does() -> None:
    arms = {"a": ControlSettings()}
    one, two = (compare(SHORT, arms, (1, 2), workers=workers) for workers in (1, 2))
    for name, rows in one.figures.items():
        np.testing.assert_array_equal(rows, two.figures[name], err_msg=name)


def _refuse(*_: object) -> None:
    raise AssertionError("a run that was kept is run again")
