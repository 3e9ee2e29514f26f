from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

import rexdynnet
from rexdynnet.cli import app
from rexdynnet.cli_output import read_result, staged, write_result
from rexdynnet.errors import InputError, SolverError
from rexdynnet.study import scenario as scenario_module
from rexdynnet.study.figures import key_figures
from tests.data import ROOT

SCENARIO = """\
network = "network"
[time]
start_utc = 2027-01-15T00:00:00Z
duration = "2h"
output_step = "10min"
[weather]
region = 4
[demand]
building = "single_family"
"""
HEAVY = {"casadi", "numba", "matplotlib", "xarray", "pandas", "scipy", "typer", "pydantic"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "models" / "networks" / "destest8", tmp_path / "network")
    (tmp_path / "scenario.toml").write_text(SCENARIO)
    return tmp_path


def run(*words: str | Path):
    return CliRunner().invoke(app, [str(word) for word in words])


def in_fresh_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = in_fresh_python("import sys, rexdynnet; print(' '.join(sys.modules))").split()
    assert HEAVY & set(loaded) == set()


def test_importing_the_package_takes_less_than_a_second() -> None:
    code = "import time; t = time.perf_counter(); import rexdynnet; print(time.perf_counter() - t)"
    assert min(float(in_fresh_python(code)) for _ in range(3)) < 1.0


@pytest.mark.parametrize("name", [n for n in rexdynnet.__all__ if n != "__version__"])
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rexdynnet, name) is not None
    assert name in dir(rexdynnet)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'simulatte'"):
        _ = rexdynnet.simulatte  # type: ignore[attr-defined]


def test_version_and_help_say_what_a_newcomer_needs() -> None:
    assert run("version").stdout.strip() == f"rexdynnet {rexdynnet.__version__}"
    text = run("--help").stdout
    for word in ("simulate", "plot", "check", "new", "validate", "bench", "rexdynnet new"):
        assert word in text
    for command in ("simulate", "plot", "check", "new", "validate", "bench", "forcing"):
        told = run(command, "--help")
        assert told.exit_code == 0
        assert "Options" in told.stdout


def test_a_bad_input_ends_with_status_two_and_no_traceback(project: Path) -> None:
    (project / "scenario.toml").write_text(SCENARIO.replace("duration", "duratoin"))
    told = run("simulate", project / "scenario.toml", "-o", project / "out")
    assert told.exit_code == 2
    assert "scenario.toml, row 4, field duratoin" in told.stderr
    assert "Traceback" not in told.output
    assert not (project / "out").exists()


def test_a_scenario_that_does_not_exist_is_named(tmp_path: Path) -> None:
    told = run("simulate", tmp_path / "none.toml")
    assert told.exit_code == 2
    assert "none.toml" in told.stderr


def test_a_failed_run_leaves_earlier_results_untouched(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = project / "out"
    out.mkdir()
    (out / "result.nc").write_bytes(b"earlier")

    def fail(*words: object, **options: object) -> None:
        raise SolverError("Newton did not converge", "take smaller steps", time_s=12.0)

    monkeypatch.setattr(scenario_module, "run_simulation", fail)
    told = run("simulate", project / "scenario.toml", "-o", out)
    assert told.exit_code == 1
    assert "at t = 12 s" in told.stderr
    assert "take smaller steps" in told.stderr
    assert [file.name for file in out.iterdir()] == ["result.nc"]
    assert (out / "result.nc").read_bytes() == b"earlier"


def test_simulate_writes_results_pictures_and_key_figures(project: Path) -> None:
    out = project / "out"
    told = run("simulate", project / "scenario.toml", "-o", out)
    assert told.exit_code == 0, told.output
    names = {file.name for file in out.iterdir()}
    assert {"result.nc", "trajectories.png", "trajectories.svg", "map.png", "run.log"} <= names
    assert not [name for name in names if name.startswith(".")]
    for word in ("heat delivered", "heat lost", "peak", "not served", str(out / "result.nc")):
        assert word in told.stdout
    result = read_result(out)
    assert result["time"].to_numpy()[-1] == 7200.0
    assert len(result["time"]) == 13
    assert result.attrs["scenario_hash"] in (out / "run.log").read_text()
    drawn = run("plot", out, "--only", "heats", "--format", "svg")
    assert drawn.exit_code == 0, drawn.output
    assert (out / "heats.svg").stat().st_size > 1000
    stray = run("plot", out, "--only", "hats")
    assert stray.exit_code == 2
    assert "heats" in stray.stderr


def test_the_same_seed_gives_the_same_numbers(project: Path) -> None:
    for name in ("one", "two"):
        told = run("simulate", project / "scenario.toml", "-o", project / name, "--no-pictures")
        assert told.exit_code == 0, told.output
    xr.testing.assert_identical(
        read_result(project / "one").drop_attrs(), read_result(project / "two").drop_attrs()
    )


def test_plot_without_a_result_says_what_to_run(tmp_path: Path) -> None:
    told = run("plot", tmp_path)
    assert told.exit_code == 2
    assert "rexdynnet simulate" in told.stderr


def test_a_broken_result_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result.nc").write_bytes(b"nonsense")
    with pytest.raises(InputError, match="no NetCDF result"):
        read_result(tmp_path)


def test_staged_files_appear_together_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop_halfway() -> None:
        with staged(out) as folder:
            (folder / "a.txt").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        stop_halfway()
    assert not out.exists()
    with staged(out) as folder:
        (folder / "a.txt").write_text("whole")
        assert not (out / "a.txt").exists()
    assert [file.name for file in out.iterdir()] == ["a.txt"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"), staged(tmp_path / "file" / "out"):
        pass


def test_check_explains_networks_scenarios_and_projects(project: Path) -> None:
    for path in (project, project / "network", project / "scenario.toml"):
        told = run("check", path)
        assert told.exit_code == 0, told.output
        assert "destest8" in told.stdout
    assert "inputs, 3 rows, no defects" in run("check", project).stdout
    pipes = project / "network" / "pipes.csv"
    pipes.write_text(pipes.read_text().replace("length_m", "lenght_m", 1))
    told = run("check", project)
    assert told.exit_code == 2
    assert "pipes.csv" in told.stderr
    assert "length_m" in told.stderr


def test_a_new_project_passes_its_own_check(tmp_path: Path) -> None:
    told = run("new", tmp_path / "mine")
    assert told.exit_code == 0, told.output
    assert "rexdynnet run" in told.stdout
    assert run("check", tmp_path / "mine").exit_code == 0
    again = run("new", tmp_path / "mine")
    assert again.exit_code == 2


def test_forcing_writes_a_series_that_reads_back(project: Path) -> None:
    file = project / "all.csv"
    told = run("forcing", project / "scenario.toml", "-o", file)
    assert told.exit_code == 0, told.output
    forcing = rexdynnet.read_forcing(file, rexdynnet.read_network(project / "network"))
    assert forcing.time_s[-1] == 7200.0


def test_validate_and_bench_name_what_is_missing(tmp_path: Path) -> None:
    told = run("validate", "--data", tmp_path)
    assert told.exit_code == 2
    assert "case.toml" in told.stderr
    told = run("bench", "nonsense")
    assert told.exit_code == 2
    assert "nonsense" in told.stderr


def test_validate_prints_json_of_the_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rexdynnet.study import validate as validation

    class Found:
        predictions = ()

        def records(self) -> list[dict[str, object]]:
            return [{"case": "pipe", "rmse_K": 0.3}]

    monkeypatch.setattr(validation, "run_validation", lambda *a, **k: Found())
    told = run("validate", "--data", tmp_path, "--json")
    assert json.loads(told.stdout) == [{"case": "pipe", "rmse_K": 0.3}]


def test_key_figures_add_up_what_was_delivered_lost_and_missed(tmp_path: Path) -> None:
    time = np.array([0.0, 3600.0, 7200.0])
    data = {
        "plant_heat": (("time", "plant"), [[1e6], [1e6], [2e6]]),
        "substation_unserved_heat": (("time", "substation"), [[9e9], [1e6], [0.0]]),
        "node_temperature": (("time", "node"), [[340.0]] * 3),
    }
    energies = {"plants": 10.8e9, "delivered": 9e9, "lost": 1.8e9, "dumped": 0.0, "residual": 0.0}
    for name, energy in energies.items():
        data[f"energy_{name}"] = (("time",), [0.0, energy / 2, energy])
    result = xr.Dataset(data, coords={"time": time})
    figures = {figure.label.strip(): figure.value for figure in key_figures(result)}
    assert figures["heat delivered"] == pytest.approx(2.5)
    assert figures["of what was fed in"] == pytest.approx(100 / 6)
    assert figures["heat not served"] == pytest.approx(1.0)
    assert figures["peak of all plants"] == 2000.0
    write_result(result, tmp_path / "result.nc")
    xr.testing.assert_equal(read_result(tmp_path), result)
