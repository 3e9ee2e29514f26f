"""What a newcomer does with a new project, one command after another, and what can go wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rexdynnet import cli_check
from rexdynnet.cli import app
from rexdynnet.errors import SolverError
from rexdynnet.network.new import new_project
from tests.data import ROOT


def run(*words: str | Path):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    assert run("new", folder).exit_code == 0
    scenario = folder / "scenario.toml"
    text = scenario.read_text().replace('duration = "2d"', 'duration = "3h"')
    scenario.write_text(text.replace("window = 12", "window = 3"))
    return folder


def test_a_new_project_is_checked_simulated_run_drawn_told_and_audited(project: Path) -> None:
    scenario, out = project / "scenario.toml", project / "out"
    said = run("check", project)
    assert said.exit_code == 0, said.output
    assert "4 arms x 2 seeds are 8 runs" in said.stdout
    assert "tuning tune.toml: control.margin in 6 trials" in said.stdout
    simulated = run("simulate", scenario, "-o", out / "simulated", "--no-pictures")
    assert simulated.exit_code == 0, simulated.output
    done = run("run", scenario, "-o", out / "run", "--no-pictures", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["figures"]["delivered_MWh"] > 0
    assert all(Path(file).is_file() for file in told["files"])
    drawn = run("plot", out / "run", "--only", "inventory")
    assert drawn.exit_code == 0, drawn.output
    assert run("report", out / "run").exit_code == 0
    audited = run("audit", out / "run", "--json")
    assert sum(json.loads(audited.stdout)["ledger.csv"].values()) == 0


def test_the_figures_of_a_simulation_are_told_to_machines(project: Path) -> None:
    said = run(
        "simulate", project / "scenario.toml", "-o", project / "out", "--no-pictures", "--json"
    )
    assert said.exit_code == 0, said.output
    figures = json.loads(said.stdout)["figures"]
    assert figures["heat delivered"][1] == "MWh"
    assert figures["heat delivered"][0] > 0


def test_check_says_what_kind_each_file_is(project: Path) -> None:
    rows = json.loads(run("check", project, "--json").stdout)
    assert [row["kind"] for row in rows] == ["network", "scenario", "study", "tuning"]


def test_a_study_that_varies_nothing_known_fails_its_check(project: Path) -> None:
    study = project / "study.toml"
    study.write_text(study.read_text().replace("control.kind", "control.kinds"))
    said = run("check", study)
    assert said.exit_code == 2
    assert "kinds" in said.stderr


@pytest.mark.parametrize("name", ["heat_load_forecast.toml", "heat_load_evolution.toml"])
def test_a_new_project_has_the_forecast_errors_that_are_shipped(tmp_path: Path, name: str) -> None:
    new_project(tmp_path / "mine")
    ours = (ROOT / "models" / "series" / name).read_bytes()
    assert (tmp_path / "mine" / "series" / name).read_bytes() == ours


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (SolverError("no steady state", "shorten the step"), 1, "no steady state"),
        (OSError(errno.ENOSPC, "No space left on device", "out/result.nc"), 3, "out/result.nc"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), 3, "Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_the_exit_status_tells_what_went_wrong(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    told: str,
) -> None:
    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr(cli_check, "found_in", fail)
    said = run("check", project)
    assert said.exit_code == status
    assert told in said.stderr


def test_a_folder_where_a_file_is_meant_is_a_wrong_input(project: Path) -> None:
    said = run("run", project, "-o", project / "out")
    assert said.exit_code == 2, said.output
    assert str(project) in said.stderr


def test_the_shell_completes_commands() -> None:
    environment = {
        **os.environ,
        "_REXDYNNET_COMPLETE": "complete_bash",
        "COMP_WORDS": "rexdynnet re",
        "COMP_CWORD": "1",
    }
    code = "from rexdynnet.cli import app; app(prog_name='rexdynnet')"
    command = [sys.executable, "-c", code]
    said = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert said.stdout.split() == ["report", "record", "replay"]
