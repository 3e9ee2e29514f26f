"""The fault monitor in the closed loop: what it reports, and what it refuses to watch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.cli_output import read_result
from rexdynnet.errors import InputError
from rexdynnet.plot import fault_monitor
from rexdynnet.study.loop import Run, run
from rexdynnet.study.read_scenario import scenario_from_file
from rexdynnet.study.run_settings import Fault, MonitorSettings
from rexdynnet.study.run_watch import watch_warnings
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_leak_run.toml"
LEARN_H = 36.0
LEAK = """
[[faults]]
signal = "h-SimpleDistrict_13_supply.leak"
start = "38h"
end = "44h"
value = 0.03
"""


def write(folder: Path, faults: str, **changes: str) -> Path:
    text = FILE.read_text(encoding="utf-8").partition("[[faults]]")[0]
    head, _, tail = text.partition("[parameters]")
    text = head + tail[tail.index("[control]") :]
    changes = {
        '"../networks/destest16"': '"../networks/destest8"',
        'duration = "7d 12h"': 'duration = "44h"',
        'commissioning = "5d"': f'commissioning = "{LEARN_H:g}h"',
        **changes,
    }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / "watched.toml"
    file.write_text(text.replace('"../', f'"{ROOT}/models/') + faults, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(scenario_from_file(write(tmp_path_factory.mktemp("leak"), LEAK)))


def test_a_leak_during_a_run_is_reported_with_time_kind_and_place(leaking: Run) -> None:
    (alarm,) = leaking.alarms
    data = leaking.data
    assert data["alarm_kind"].values.tolist() == ["leak"]
    assert data["alarm_component"].values.tolist() == ["h-SimpleDistrict_13_supply"]
    assert float(data["alarm_size"][0]) == pytest.approx(0.03, rel=0.1)
    assert float(data["alarm_confidence"][0]) > 0.99
    assert 38 * 3600.0 < float(data["alarm_named"][0]) <= 42 * 3600.0
    assert alarm.named_s == float(data["alarm_named"][0])
    assert "leak at h-SimpleDistrict_13_supply (confidence 1.00" in data.attrs["monitor"]


def test_innovations_are_standard_until_the_leak_and_far_off_after_it(leaking: Run) -> None:
    data = leaking.data
    times = data["monitor_time"].values
    np.testing.assert_allclose(np.diff(times), 900.0)
    healthy = data["monitor_innovation"].values[(times > LEARN_H * 3600) & (times <= 38 * 3600)]
    assert np.nanstd(healthy) < 1.3
    makeup = data["monitor_innovation"].sel(monitor_meter="boiler.makeup_mass_flow")
    assert float(makeup[times > 38.5 * 3600].min()) > 50
    test = data["monitor_test"]
    assert np.isnan(test.values[times <= LEARN_H * 3600]).all()
    after = test.sel(fault_kind="leak").values[times > 40 * 3600]
    assert after.min() > test.attrs["threshold"]
    # substations with a fixed return temperature have no exchanger that could foul
    assert np.isnan(test.sel(fault_kind="fouling").values).all()


def test_the_picture_marks_learning_threshold_and_alarm(leaking: Run) -> None:
    upper, lower = fault_monitor(leaking.data).axes
    labels = lower.get_legend_handles_labels()[1]
    assert labels == ["leak", "wet insulation", "threshold", "learning"]
    assert any("h-SimpleDistrict_13_supply" in text.get_text() for text in lower.texts)
    assert upper.get_legend_handles_labels()[1][0] == "boiler.makeup_mass_flow"
    with pytest.raises(InputError, match=r"section \[monitor\]"):
        fault_monitor(leaking.data.drop_vars("monitor_innovation"))


def test_the_command_reports_alarms_and_draws_them(tmp_path: Path) -> None:
    file = write(tmp_path, LEAK, **{'duration = "7d 12h"': 'duration = "40h"'})
    done = CliRunner().invoke(app, ["run", str(file), "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "fault monitor: leak at h-SimpleDistrict_13_supply (confidence 1.00" in done.output
    assert (tmp_path / "out" / "fault_monitor.png").is_file()
    kpis = json.loads((tmp_path / "out" / "kpis.json").read_text(encoding="utf-8"))
    assert kpis["alarms"] == 1
    data = read_result(tmp_path / "out")
    assert data["alarm_kind"].values.tolist() == ["leak"]


def test_a_healthy_run_says_that_there_was_no_alarm(tmp_path: Path) -> None:
    found = run(scenario_from_file(write(tmp_path, "")))
    assert found.alarms == ()
    assert "alarm_named" not in found.data
    assert "no alarm" in found.data.attrs["monitor"]
    titles = [axes.get_title(loc="left") for axes in fault_monitor(found.data).axes]
    assert titles[1].endswith("no alarm")


def test_networks_that_cannot_be_watched_are_refused_before_the_run(tmp_path: Path) -> None:
    two = {'"../networks/destest16"': '"../networks/destest16_two_plants"'}
    file = write(tmp_path, "", **two)
    for command in ("check", "run"):
        extra = [] if command == "check" else ["-o", str(tmp_path / "out")]
        done = CliRunner().invoke(app, [command, str(file), *extra])
        assert done.exit_code == 2
        assert "field monitor: the fault monitor cannot watch this network" in done.output
        assert "2 plants" in done.output
        assert "remove the section [monitor]" in done.output


def test_what_keeps_the_monitor_from_finding_anything_is_warned_of() -> None:
    settings = MonitorSettings(commissioning_s=3600.0)
    (short,) = watch_warnings(settings, (), 3600.0)
    assert "while the fault monitor still learns" in short.what
    early = (Fault("a.leak", 0.0, 7200.0, 0.1), Fault("boiler.availability", 0.0, 7200.0))
    (changed,) = watch_warnings(settings, early, 7200.0)
    assert changed.component == "a.leak"
    assert not watch_warnings(settings, (Fault("a.leak", 3600.0, 7200.0, 0.1),), 7200.0)


def test_a_monitor_steps_in_whole_samples(tmp_path: Path) -> None:
    file = write(tmp_path, "", **{'sample = "1min"': 'sample = "7min"'})
    with pytest.raises(InputError, match="no multiple of its sample"):
        scenario_from_file(file)
