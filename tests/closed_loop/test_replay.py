"""A record made from a run, replayed: the model follows it, the controller repeats itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import rexdynnet as rdn
from rexdynnet.cli import app
from rexdynnet.cli_output import write_result
from rexdynnet.control.ladder import Ladder
from rexdynnet.errors import InputError
from rexdynnet.study.record import Record, read_record, write_record
from rexdynnet.study.replay import replay
from tests.data import ROOT

SCENARIO = ROOT / "models" / "scenarios" / "destest16_two_plants_run.toml"


@pytest.fixture(scope="module")
def scenario():
    whole = rdn.read_scenario(SCENARIO)
    # output every control step: then commands in the record are exact
    return replace(whole, duration_s=86400.0, output_step_s=900.0)


@pytest.fixture(scope="module")
def done(scenario):
    return rdn.run(scenario)


@pytest.fixture(scope="module")
def record(scenario, done, tmp_path_factory) -> Record:
    file = tmp_path_factory.mktemp("record") / "record.csv"
    return read_record(write_record(done.data, scenario.network, file), scenario.network)


@pytest.fixture(scope="module")
def replayed(record, scenario):
    return replay(record, scenario)


def test_the_record_holds_what_acted_was_commanded_and_was_read(record, done) -> None:
    np.testing.assert_allclose(
        record.commands.column("heat_pump.heat")[:-1],
        done.data["control_input"].sel(control="heat_pump.heat"),
        rtol=1e-8,
    )
    np.testing.assert_allclose(
        record.measured.column("substation_1.supply_temperature"),
        done.data["substation_supply_temperature"].sel(substation="substation_1"),
    )
    assert "tank.temperature_0" in record.measured.names


def test_the_model_follows_a_record_that_a_model_made(replayed) -> None:
    for name, each in replayed.follows.items():
        if name.startswith("substation_") and name.endswith("supply_temperature"):
            assert each.rms < 0.1, name
        if name.endswith("substation_1.heat"):
            assert each.rms < 1e-3 * each.spread


def test_the_model_finds_what_the_recorded_day_cost(replayed, done) -> None:
    assert replayed.recorded.cost_EUR == pytest.approx(done.kpis.cost_EUR, rel=5e-3)
    assert replayed.recorded.delivered_MWh == pytest.approx(done.kpis.delivered_MWh, rel=1e-6)
    assert replayed.recorded.starts == done.kpis.starts


def test_the_same_controller_would_have_cost_the_same(replayed, done) -> None:
    assert replayed.instead is not None
    assert replayed.instead.kpis.cost_EUR == pytest.approx(done.kpis.cost_EUR, rel=5e-3)


def test_the_controller_that_looks_on_decides_what_was_commanded(replayed) -> None:
    data = replayed.data.sel(control="boiler.supply_temperature")
    np.testing.assert_allclose(data["shadow"][4:], data["commanded"][4:], atol=0.1)


def test_a_sensor_that_reads_wrong_is_found_by_the_model(record, scenario) -> None:
    place = record.measured.names.index("substation_7.supply_temperature")
    values = record.measured.values.copy()
    values[:, place] += 3.0
    skewed = replace(record, measured=replace(record.measured, values=values))
    found = replay(skewed, scenario, closed_loop=False).follows
    assert found["substation_7.supply_temperature"].bias == pytest.approx(-3.0, abs=0.1)


def test_commands_that_were_not_recorded_are_named(record, scenario, tmp_path: Path) -> None:
    file = tmp_path / "short.csv"
    file.write_text("time_s,outdoor.temperature_degC\n0,1\n900,1\n1800,1\n")
    with pytest.raises(InputError, match=r"boiler\.supply_temperature_setpoint is missing"):
        read_record(file, scenario.network)


def test_a_record_that_does_not_begin_at_zero_is_refused(scenario, tmp_path: Path) -> None:
    file = tmp_path / "late.csv"
    file.write_text("time_s,outdoor.temperature_degC\n900,1\n1800,1\n2700,1\n")
    with pytest.raises(InputError, match="begins at 900 s"):
        read_record(file, scenario.network)


def test_the_commands_write_a_record_and_replay_it(done, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write_result(done.data, tmp_path / "run" / "result.nc")
    words = ["record", tmp_path / "run", SCENARIO, "-o", tmp_path / "r.csv"]
    told = CliRunner().invoke(app, [str(word) for word in words])
    assert told.exit_code == 0, told.output
    words = ["replay", tmp_path / "r.csv", SCENARIO, "-o", tmp_path / "out", "--shadow-only"]
    told = CliRunner().invoke(app, [str(word) for word in words])
    assert told.exit_code == 0, told.output
    assert "the model follows worst" in told.output
    assert json.loads((tmp_path / "out" / "kpis.json").read_text())["recorded"]["cost_EUR"] > 0
    for name in ("replay.nc", "follows.csv", "load_duration.png", "commands.png"):
        assert (tmp_path / "out" / name).stat().st_size > 0


def test_a_controller_that_looks_on_knows_what_the_unit_has_had(
    scenario, record, done, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float]] = []
    step = Ladder.step

    def watched(ladder, observation, *others):
        seen.append((observation.time_s, observation.get("substation_1.energy_in_unit")))
        return step(ladder, observation, *others)

    monkeypatch.setattr(Ladder, "step", watched)
    replay(record, scenario, closed_loop=False)
    at = dict(seen)
    assert at[7200.0] == 0.0
    heat_W = done.data["substation_heat"].sel(substation="substation_1")
    means_W = heat_W.sel(time=[8100.0, 9000.0, 9900.0])
    assert at[9900.0] == pytest.approx(float(means_W.sum()) * 900.0, rel=1e-3)
