"""`rexdynnet run` writes what a person needs, and says what is wrong before it starts."""

from __future__ import annotations

import json
import shutil
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


NAMES = [f"substation_{i}" for i in range(1, 17)]


def rows(*hours: str, names: list[str] = NAMES, energy_Wh: float = 1000.0) -> list[str]:
    return [f"{name},{hour}Z,{energy_Wh:g}" for hour in hours for name in names]


FIRST, SECOND = "2027-02-14T23:00", "2027-02-15T00:00"


@pytest.mark.parametrize(
    ("lines", "said", "remedy"),
    [
        ([*rows(FIRST, SECOND), f"boiler,{FIRST}Z,-1", f"boiler,{SECOND}Z,-1"],
         "boiler balances the network", 'give the plant control = "heat"'),
        ([*rows(FIRST, SECOND), f"substation_77,{FIRST}Z,1"], "'substation_77'", "substation_7"),
        (rows(FIRST, SECOND, energy_Wh=30000), "substation_1 to 30 kW, more", "commit less"),
        (rows(FIRST, SECOND, energy_Wh=-10), "to feed heat in", "only takes heat"),
        (rows(FIRST, SECOND, "2027-02-15T00:30"), "overlaps", "follow one another"),
        (rows(FIRST, "2027-02-15T01:00"), "units are missing", "0 where nothing is reserved"),
        (rows(FIRST), "covers 0 to 1 h of the run", "add the missing time units"),
    ],
)  # fmt: skip
def test_each_bad_schedule_ends_before_the_run_with_its_remedy(
    short: Path, tmp_path: Path, lines: list[str], said: str, remedy: str
) -> None:
    text = "\n".join(["participant,unit_start_utc,energy_Wh", *lines, ""])
    (tmp_path / "schedule.csv").write_text(text, encoding="utf-8")
    text = short.read_text(encoding="utf-8")
    short.write_text(text.replace("[schedule]", '[schedule]\nfile = "schedule.csv"'), "utf-8")
    done = CliRunner().invoke(app, ["run", str(short), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert said in done.output
    assert remedy in done.output
    assert not (tmp_path / "out").exists()


def test_an_island_without_a_balancing_plant_ends_before_the_run(
    short: Path, tmp_path: Path
) -> None:
    network = tmp_path / "network"
    shutil.copytree(ROOT / "models/networks/destest16_two_plants", network)
    text = (network / "network.toml").read_text(encoding="utf-8")
    assert 'control = "pressure"' in text
    text = text.replace('control = "pressure"', 'control = "heat"')
    (network / "network.toml").write_text(text, encoding="utf-8")
    scenario = short.read_text(encoding="utf-8")
    old = f"{ROOT}/models/networks/destest16_two_plants"
    short.write_text(scenario.replace(old, "network"), encoding="utf-8")
    done = CliRunner().invoke(app, ["run", str(short), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "balances it" in done.output
    assert 'give one plant control = "pressure"' in done.output


def test_warnings_come_before_the_run_and_from_check(short: Path, tmp_path: Path) -> None:
    text = short.read_text(encoding="utf-8").replace('kind = "baseline"', 'kind = "dispatch"')
    short.write_text(text.replace('horizon = "24h"', 'horizon = "30min"'), encoding="utf-8")
    for command in (["check", str(short)], ["run", str(short), "-o", str(tmp_path / "out")]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
        assert "warning: field control.horizon: the horizon of 30 min is shorter" in done.output
        assert "give a horizon of the delay and some hours more" in done.output
    assert done.output.index("warning:") < done.output.index("network shortfall")


def test_simulating_a_run_file_ignores_its_controller(short: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", str(short), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "control_input" not in read_result(tmp_path / "out")


def test_running_a_plain_scenario_says_what_to_add(tmp_path: Path) -> None:
    plain = ROOT / "models/scenarios/destest8_winter_week.toml"
    done = CliRunner().invoke(app, ["run", str(plain), "-o", str(tmp_path / "out")])
    assert done.exit_code == 2
    assert "add a section [control]" in done.output
