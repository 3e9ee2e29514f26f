"""Overrides change a scenario as an edited file would, and name what leads nowhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.errors import InputError
from rexdynnet.study.overrides import check_controller_names
from rexdynnet.study.scenario import read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"


def test_an_overridden_scenario_is_the_edited_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models/networks", tmp_path / "networks")
    shutil.copytree(ROOT / "models/series", tmp_path / "series")
    (tmp_path / "scenarios").mkdir()
    edited = tmp_path / "scenarios/edited.toml"
    text = FILE.read_text()
    edited.write_text(
        text.replace("margin = 0.1 ", "margin = 0.3 ").replace('duration = "2d"', 'duration = "1d"')
    )
    found = read_scenario(FILE, {"control.margin": 0.3, "time.duration": "1d"})
    assert found.hash == read_scenario(edited).hash
    assert found.hash != read_scenario(FILE).hash
    assert found.closed_loop is not None
    assert found.closed_loop.control.margin == 0.3
    assert found.duration_s == 86400.0


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"control.margn": 0.2}, "did you mean 'margin'"),
        ({"contrl.margin": 0.2}, "did you mean 'control'"),
        ({"market.unit": "1h"}, "add \\[market\\]"),
        ({"time.duration.days": 2}, "time.duration holds no table"),
        ({"schedule.file": "none.csv"}, "does not exist"),
        ({"parameters.a-b.leak": 0.1}, "'a-b.leak' is no parameter"),
        ({"prices.hours.9": 3}, "the list has 5 entries"),
    ],
)
def test_an_override_that_names_nothing_says_so(override: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        read_scenario(FILE, override)


def test_an_entry_of_a_list_can_be_overridden() -> None:
    found = read_scenario(FILE, {"prices.electricity_EUR_per_MWh.0": 99.0})
    assert found.closed_loop is not None
    assert found.closed_loop.prices.electricity_EUR_per_MWh[0] == 99.0


@pytest.mark.parametrize("kind", [ControllerKind.BASELINE, ControllerKind.DISPATCH])
def test_a_weight_that_the_controller_does_not_read_is_refused(kind: ControllerKind) -> None:
    with pytest.raises(InputError, match="has no weight 'heat'"):
        check_controller_names(ControlSettings(kind, weights={"heat": 1.0}))


def test_a_misspelt_weight_of_the_predictive_controller_is_refused() -> None:
    with pytest.raises(InputError, match="no weight 'heet'"):
        check_controller_names(ControlSettings(ControllerKind.MPC, weights={"heet": 1.0}))
