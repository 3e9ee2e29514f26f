"""A run that was broken off goes on to the same result, whatever it was doing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import xarray as xr

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import InputError
from rexdynnet.study.checkpoint import Keep
from rexdynnet.study.loop import Run, run
from rexdynnet.study.market_settings import MeterGaps
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_reservex.toml"


class _Killed(Exception):
    """Stands for the loss of power."""


def scenario(
    kind: ControllerKind = ControllerKind.BASELINE, hours: float = 2.0
) -> SimulationScenario:
    whole = read_scenario(FILE)
    settings = whole.closed_loop
    assert settings is not None
    assert settings.market is not None
    settings = replace(
        settings,
        control=replace(settings.control, kind=kind),
        market=replace(settings.market, gaps=MeterGaps(0.3, 1)),
    )
    return replace(whole, duration_s=hours * 3600.0, closed_loop=settings)


def _killer(at_s: float) -> Callable[[float, float], None]:
    def progress(done_s: float, total_s: float) -> None:
        if done_s == at_s:
            raise _Killed

    return progress


def _broken(what: SimulationScenario, keep: Keep, at_s: float) -> None:
    with pytest.raises(_Killed):
        run(what, keep=keep, progress=_killer(at_s))


def _assert_same(one: Run, other: Run) -> None:
    xr.testing.assert_identical(one.data, other.data)
    assert one.market is not None
    assert other.market is not None
    assert list(one.market.exchange.ledger.entries()) == list(
        other.market.exchange.ledger.entries()
    )
    assert one.market.figures() == other.market.figures()
    assert one.supervision is not None
    assert other.supervision is not None
    assert one.supervision.lines() == other.supervision.lines()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, bytes]:
    keep = Keep(tmp_path_factory.mktemp("whole"), every_s=1e9)
    return run(scenario(), keep=keep), keep.journal.read_bytes()


def test_a_run_broken_off_three_times_ends_like_one_that_was_not(
    undisturbed: tuple[Run, bytes], tmp_path: Path
) -> None:
    keep = Keep(tmp_path, every_s=0.0)
    _broken(scenario(), keep, 900.0)
    _broken(scenario(), keep, 3600.0)
    older = keep.checkpoint.read_bytes()
    _broken(scenario(), keep, 5400.0)
    # as a crash between trading and the next checkpoint, amid a write, leaves it
    keep.checkpoint.write_bytes(older)
    with keep.journal.open("ab") as journal:
        journal.write(b"half a group")
    steps: list[float] = []
    done = run(scenario(), keep=keep, progress=lambda now_s, _: steps.append(now_s))
    assert steps[0] == 3600.0
    _assert_same(done, undisturbed[0])
    assert keep.journal.read_bytes() == undisturbed[1]


def test_a_run_of_another_scenario_starts_over(tmp_path: Path) -> None:
    keep = Keep(tmp_path, every_s=0.0)
    _broken(scenario(), keep, 1800.0)
    starts: list[float] = []

    def progress(done_s: float, total_s: float) -> None:
        starts.append(done_s)
        raise _Killed

    with pytest.raises(_Killed):
        run(replace(scenario(), seed=99), keep=keep, progress=progress)
    assert starts == [0.0]


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    keep = Keep(tmp_path)
    keep.checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match=r"run\.checkpoint.*delete it to start over"):
        run(scenario(), keep=keep)


@pytest.mark.slow
def test_the_predictive_controller_goes_on_where_it_was(tmp_path: Path) -> None:
    what, keep = scenario(ControllerKind.MPC), Keep(tmp_path, every_s=0.0)
    _broken(what, keep, 4500.0)
    _assert_same(run(what, keep=keep), run(what))


def _command(out: Path) -> list[str]:
    return [sys.executable, "-m", "rexdynnet", "run", str(FILE), "-o", str(out), "--no-pictures"]


@pytest.mark.slow
def test_a_process_killed_at_three_instants_leaves_the_files_of_an_undisturbed_one(
    tmp_path: Path,
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    begin = time.monotonic()
    subprocess.run(_command(whole), check=True, capture_output=True)
    lasted_s = time.monotonic() - begin
    for share in (0.35, 0.25, 0.4):
        process = subprocess.Popen(_command(broken), stderr=subprocess.DEVNULL)
        time.sleep(share * lasted_s)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not (broken / "result.nc").exists()
    last = subprocess.run(_command(broken), check=True, capture_output=True, text=True)
    assert "going on at" in last.stderr
    for name in ("ledger.csv", "market.journal"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()
    with xr.open_dataset(broken / "result.nc") as one, xr.open_dataset(whole / "result.nc") as two:
        xr.testing.assert_identical(one, two)
    assert not (broken / ".run").exists()
