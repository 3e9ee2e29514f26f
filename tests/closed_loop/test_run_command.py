"""`rexdynnet run` writes what a person needs, and says what is wrong before it starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.cli_output import read_result
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"


@pytest.fixture
def short(tmp_path: Path) -> Path:
    text = FILE.read_text(encoding="utf-8").replace('"../', f'"{ROOT}/models/')
    file = tmp_path / "short.toml"
    file.write_text(text.replace('duration = "2d"', 'duration = "2h"'), encoding="utf-8")
    return file


def test_a_run_leaves_result_key_figures_and_pictures(short: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["run", str(short), "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "network shortfall" in done.output
    assert "prosumer imbalance" in done.output
    names = {file.name for file in out.iterdir()}
    assert {"result.nc", "kpis.json", "run.log", "commitments.png", "control_inputs.png"} <= names
    figures = json.loads((out / "kpis.json").read_text(encoding="utf-8"))
    data = read_result(out)
    assert json.loads(data.attrs["kpis"]) == figures
    assert figures["rungs"]["baseline"] == 8
    assert data.sizes["unit"] == 2


def test_check_says_how_a_closed_loop_was_understood(short: Path) -> None:
    done = CliRunner().invoke(app, ["check", str(short)])
    assert done.exit_code == 0, done.output
    assert "a decision every 15 min" in done.output
    assert "16 participants committed over 2 units" in done.output


def test_a_bad_schedule_ends_before_the_run_with_status_two(short: Path, tmp_path: Path) -> None:
    (tmp_path / "schedule.csv").write_text(
        "participant,unit_start_utc,energy_Wh\nsubstation_1,2027-02-14T23:00Z,1000\n"
        "substation_1,2027-02-15T00:00Z,99000\n",
        encoding="utf-8",
    )
    text = short.read_text(encoding="utf-8")
    short.write_text(text.replace("[schedule]", '[schedule]\nfile = "schedule.csv"'), "utf-8")
    for command in (["check", str(short)], ["run", str(short), "-o", str(tmp_path / "out")]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 2
        assert "row 3, field energy_Wh, component substation_1" in done.output
    assert not (tmp_path / "out").exists()


def test_simulating_a_run_file_ignores_its_controller(short: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", str(short), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "control_input" not in read_result(tmp_path / "out")


def test_running_a_plain_scenario_says_what_to_add(tmp_path: Path) -> None:
    plain = ROOT / "models/scenarios/destest8_winter_week.toml"
    done = CliRunner().invoke(app, ["run", str(plain), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "add a section [control]" in done.output
