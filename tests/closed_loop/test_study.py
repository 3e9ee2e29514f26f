"""A study gives the same tables however it is run, and loses nothing that was done."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from rexdynnet.errors import InputError
from rexdynnet.simulation.plant import write_atomically
from rexdynnet.study import montecarlo
from rexdynnet.study.cluster import ClusterWorkers
from rexdynnet.study.ensemble import Ensemble, read_ensemble
from rexdynnet.study.execute import RunOutcome, execute
from rexdynnet.study.loop import run
from rexdynnet.study.montecarlo import Progress, monte_carlo, run_study
from rexdynnet.study.plan import RunTask, StopRule, StudyPlan, tasks_of
from rexdynnet.study.scenario import read_scenario
from rexdynnet.study.spread import Levels
from rexdynnet.study.store import KPIS
from rexdynnet.study.workers import LocalWorkers
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"
SHORT = {"time.duration": "1h", "time.output_step": "15min"}
PLAN = StudyPlan(
    (FILE,),
    (1, 2, 3),
    {"prices.value_of_lost_load_EUR_per_MWh": Levels((0.0, 3000.0))},
    SHORT,
    keep=("substation_heat", "node_temperature"),
)


class Inline:
    """Workers that run everything here, or give what a test invents."""

    def __init__(self, work: Callable[[RunTask], RunOutcome] = execute, width: int = 1) -> None:
        self.work, self.width = work, width
        self.waiting: list[RunTask] = []
        self.ran: list[RunTask] = []

    def free(self) -> int:
        return self.width - len(self.waiting)

    def submit(self, task: RunTask) -> None:
        self.waiting.append(task)

    def wait(self) -> list[tuple[RunTask, RunOutcome]]:
        # no order is promised
        task = self.waiting.pop(0 if len(self.ran) % 2 else -1)
        self.ran.append(task)
        return [(task, self.work(task))]

    def close(self) -> None:
        self.waiting.clear()


def use(monkeypatch: pytest.MonkeyPatch, pool: Inline) -> Inline:
    monkeypatch.setattr(montecarlo, "make_workers", lambda count, cluster: pool)
    return pool


def noise(task: RunTask) -> RunOutcome:
    """Figures without a simulation: cheap, and a function of arm and seed."""
    draw = np.random.default_rng(task.seed).normal()
    return RunOutcome({"cost_EUR": 100 + 10 * draw + task.arm}, elapsed_s=time.perf_counter())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    with pytest.MonkeyPatch.context() as patch:
        use(patch, Inline())
        return run_study(PLAN, tmp_path_factory.mktemp("undisturbed"))


def table(folder: Path) -> bytes:
    return (folder / KPIS).read_bytes()


def test_a_run_of_a_study_is_the_run_of_its_scenario(undisturbed: Ensemble) -> None:
    scenario = replace(read_scenario(FILE, SHORT), seed=2)
    alone = run(scenario)
    row = undisturbed.kpis.query("arm == 1 and seed == 2").iloc[0]
    for name, value in alone.kpis.numbers().items():
        np.testing.assert_equal(row[name], value, err_msg=name)
    kept = undisturbed.dataset(1, 2)
    xr.testing.assert_identical(kept["substation_heat"], alone.data["substation_heat"])
    assert set(kept.data_vars) == {"substation_heat", "node_temperature"}


def test_arms_meet_the_same_random_numbers(undisturbed: Ensemble) -> None:
    found = undisturbed.paired()
    np.testing.assert_array_equal(*found.figures["shortfall_kWh"])
    np.testing.assert_array_equal(undisturbed.values(0, "lost_load_EUR"), 0.0)
    change = found.figures["cost_EUR"][1] - found.figures["cost_EUR"][0]
    np.testing.assert_allclose(change, undisturbed.values(1, "lost_load_EUR"), atol=1e-9)
    first, second = undisturbed.series("substation_7.heat", arm=0).to_numpy()[:2]
    assert not np.array_equal(first, second)


def test_a_killed_worker_costs_its_run_only_and_the_table_stays_the_same(
    undisturbed: Ensemble, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill_one(state: Progress) -> None:
        if state.done == 2 and not killed:
            process = active_children()[0]
            killed.append(process.pid or 0)
            process.kill()

    run_study(PLAN, tmp_path, workers=1, report=kill_one)
    assert killed
    assert table(tmp_path) == table(undisturbed.folder)


def test_a_run_that_kills_its_worker_twice_is_kept_as_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rexdynnet.study.workers.execute", _die)
    pool = LocalWorkers(1)
    pool.submit(next(tasks_of(PLAN, "1")))
    [(_, outcome)] = pool.wait()
    pool.close()
    assert "died twice" in outcome.error


def _die(task: RunTask) -> RunOutcome:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError(task)


def test_a_study_goes_on_where_it_was_broken_off(
    undisturbed: Ensemble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(state: Progress) -> None:
        if state.done == 4:
            raise KeyboardInterrupt

    use(monkeypatch, Inline())
    with pytest.raises(KeyboardInterrupt):
        run_study(PLAN, tmp_path, report=break_off)
    assert not (tmp_path / KPIS).exists()
    # a half record, as only a broken disk leaves it, is no record
    torn = next((tmp_path / "runs").iterdir())
    torn.write_text(torn.read_text()[:100])
    pool = use(monkeypatch, Inline())
    run_study(PLAN, tmp_path)
    assert len(pool.ran) == 3
    assert table(tmp_path) == table(undisturbed.folder)
    again = use(monkeypatch, Inline())
    run_study(PLAN, tmp_path)
    assert again.ran == []


def test_more_seeds_run_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(PLAN, keep=())
    use(monkeypatch, Inline(noise))
    run_study(plan, tmp_path)
    pool = use(monkeypatch, Inline(noise))
    found = run_study(replace(plan, seeds=(1, 2, 3, 4)), tmp_path)
    assert {task.seed for task in pool.ran} == {4}
    assert len(found.kpis) == 8


def test_other_trajectories_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(PLAN, seeds=(1,), vary={}, keep=("substation_heat",))
    use(monkeypatch, Inline())
    run_study(plan, tmp_path)
    wider = replace(plan, keep=("substation_heat", "node_temperature"))
    found = run_study(wider, tmp_path)
    assert set(found.dataset(0, 1).data_vars) == {"substation_heat", "node_temperature"}
    pool = use(monkeypatch, Inline())
    run_study(wider, tmp_path)
    assert pool.ran == []


def test_a_failed_run_is_kept_with_its_error_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no unit of 7 h lies within a run of 1 h, which only the run itself finds
    plan = replace(PLAN, seeds=(1,), vary={"schedule.unit": Levels(("7h", "1h"))}, keep=())
    use(monkeypatch, Inline())
    found = run_study(plan, tmp_path)
    assert found.failed["arm"].tolist() == [0]
    assert "no time unit of 7 h lies within" in found.failed["error"].iloc[0]
    assert np.isnan(found.values(0, "cost_EUR")).all()
    assert np.isfinite(found.values(1, "cost_EUR")).all()
    assert any(line.startswith("failed: arm 0, seed 1") for line in found.lines())
    again = use(monkeypatch, Inline())
    run_study(plan, tmp_path)
    assert again.ran == []
    run_study(plan, tmp_path, retry=True)
    assert [task.arm for task in again.ran] == [0]


@pytest.mark.parametrize("width", [1, 7])
def test_a_study_stops_when_the_interval_is_narrow_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    rule = StopRule("cost_EUR", half_width=4.0, least=5)
    plan = StudyPlan((FILE,), tuple(range(200)), {}, SHORT, stop=rule, keep=())
    pool = use(monkeypatch, Inline(noise, width))
    found = run_study(plan, tmp_path)
    # the first number of seeds at which Student's interval is narrow, whatever ran besides
    cost = np.array([noise(task).figures["cost_EUR"] for task in tasks_of(plan, "1")])
    for count in range(5, 201):
        interval = montecarlo.interval(cost[:count])
        if (interval.upper - interval.lower) / 2 <= 4.0:
            break
    assert len(found.kpis) == count < 200
    assert len(pool.ran) <= count + 2 * width


def test_paired_arms_need_fewer_seeds_than_each_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = StopRule("cost_EUR", half_width=0.5)
    plan = replace(PLAN, seeds=tuple(range(200)), stop=rule, keep=())
    use(monkeypatch, Inline(noise))
    found = run_study(plan, tmp_path)
    assert found.kpis["seed"].nunique() == rule.least


def test_a_stop_rule_on_a_figure_that_runs_do_not_have_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Inline(noise))
    with pytest.raises(InputError, match="did you mean 'cost_EUR'"):
        run_study(replace(PLAN, stop=StopRule("cost_EU", 1.0), keep=()), tmp_path)


@pytest.mark.parametrize("room", range(8))
def test_a_disk_that_fills_at_any_write_costs_no_run_that_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    plan = replace(PLAN, keep=())
    writes: list[Path] = []

    def fills(file: Path, data: bytes) -> None:
        if len(writes) == room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        writes.append(file)
        write_atomically(file, data)

    use(monkeypatch, Inline(noise))
    with monkeypatch.context() as context:
        context.setattr("rexdynnet.study.store.write_atomically", fills)
        with pytest.raises(InputError, match=r"No space left.*make room"):
            run_study(plan, tmp_path / "full")
    pool = use(monkeypatch, Inline(noise))
    run_study(plan, tmp_path / "full")
    run_study(plan, tmp_path / "whole")
    # six records, then two tables: what was written is not run again
    assert len(pool.ran) == 6 - min(room, 6) + 6
    assert table(tmp_path / "full") == table(tmp_path / "whole")


def test_files_that_change_during_a_study_fail_the_run() -> None:
    task = replace(next(tasks_of(PLAN, montecarlo_version())), scenario_hash="0" * 64)
    assert "is not what the study began with" in execute(task).error


def test_a_worker_of_another_version_fails_the_run() -> None:
    assert "the study 0.0" in execute(next(tasks_of(PLAN, "0.0"))).error


def test_a_variable_that_a_run_does_not_have_fails_it_with_near_matches() -> None:
    plan = replace(PLAN, keep=("substation_heet",))
    assert (
        "did you mean 'substation_heat'"
        in execute(next(tasks_of(plan, montecarlo_version()))).error
    )


def test_a_finished_study_can_be_opened_again(undisturbed: Ensemble) -> None:
    again = read_ensemble(undisturbed.folder)
    assert again.kpis.equals(undisturbed.kpis)
    assert again.varied == undisturbed.varied
    np.testing.assert_array_equal(
        again.series("substation_7.heat"), undisturbed.series("substation_7.heat")
    )


def test_a_scenario_that_was_changed_in_memory_is_refused() -> None:
    with pytest.raises(InputError, match="not what its file says"):
        monte_carlo(replace(read_scenario(FILE), duration_s=60.0), draws=2)


def test_a_scenario_gives_an_ensemble_that_needs_no_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, Inline())
    found = monte_carlo(
        read_scenario(FILE),
        {name: [value] for name, value in SHORT.items()},
        draws=2,
        seed=4,
        keep=["substation_heat"],
    )
    assert found.series("substation_1.heat").shape == (2, 5)
    assert not found.folder.exists()


def montecarlo_version() -> str:
    from rexdynnet import __version__

    return __version__


@pytest.mark.slow
def test_a_study_killed_three_times_gives_the_undisturbed_table(
    undisturbed: Ensemble, tmp_path: Path
) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        f'format = 1\nscenarios = ["{FILE}"]\nseeds = [1, 2, 3]\n'
        '[fixed]\ntime.duration = "1h"\ntime.output_step = "15min"\n'
        "[vary]\nprices.value_of_lost_load_EUR_per_MWh = [0.0, 3000.0]\n"
        '[keep]\ntrajectories = ["substation_heat", "node_temperature"]\n'
    )
    out = tmp_path / "out"
    command = [sys.executable, "-m", "rexdynnet", "study", study, "-o", out, "--workers", "2"]
    draw = np.random.default_rng(11)
    for _ in range(3):
        before = len(list(out.glob("runs/*.json")))
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(out.glob("runs/*.json"))) <= before:
            time.sleep(0.02)
        time.sleep(float(draw.uniform(0.0, 0.3)))
        process.kill()
        process.wait()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert table(out) == table(undisturbed.folder)


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1,
        processes=False,
        threads_per_worker=1,
        protocol="tcp://",
        dashboard_address=None,
    ) as found:
        yield found


def test_a_cluster_gives_the_table_that_processes_give(
    undisturbed: Ensemble, tmp_path: Path, cluster: Any
) -> None:
    run_study(PLAN, tmp_path, cluster=cluster.scheduler_address)
    assert table(tmp_path) == table(undisturbed.folder)


def test_a_scheduler_that_goes_away_costs_no_finished_run(
    undisturbed: Ensemble, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(state: Progress) -> None:
        if state.done == 2:
            cluster.close()

    with pytest.raises(InputError, match=r"went away.*repeat the command"):
        run_study(PLAN, tmp_path, cluster=cluster.scheduler_address, report=leave)
    pool = use(monkeypatch, Inline())
    run_study(PLAN, tmp_path)
    assert len(pool.ran) <= 4
    assert table(tmp_path) == table(undisturbed.folder)


def test_an_address_where_nobody_is_says_so() -> None:
    pytest.importorskip("distributed")
    with pytest.raises(InputError, match=r"no scheduler at tcp://127\.0\.0\.1:1"):
        ClusterWorkers("tcp://127.0.0.1:1", patience_s=1.0)
