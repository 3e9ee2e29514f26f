"""A tuning finds what is good, and goes on where it was broken off."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.study import tune as tuning
from rexdynnet.study.execute import RunOutcome
from rexdynnet.study.plan import RunTask
from rexdynnet.study.scenario import read_scenario
from rexdynnet.study.spread import Levels, Uniform
from rexdynnet.study.tune import TRIALS, TrialState, run_tuning
from rexdynnet.study.tuning import Objective, TuningPlan
from tests.data import ROOT

pytest.importorskip("optuna")

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"
PLAN = TuningPlan(
    FILE,
    {"control.margin": Uniform(0.0, 1.0), "control.step": Levels(("15min", "30min"))},
    (1, 2),
    trials=20,
)


def bowl(task: RunTask) -> RunOutcome:
    """A run that is cheapest at a margin of 0.37 and a step of 30 minutes."""
    margin = float(str(task.overrides.get("control.margin", 0.1)))
    step = 0.0 if task.overrides.get("control.step") == "30min" else 1.0
    days = 0.5 if "time.duration" in task.overrides else 1.0
    cost = days * (10.0 + (margin - 0.37) ** 2 + step + 0.01 * (task.seed % 3))
    return RunOutcome({"cost_EUR": cost, "comfort_Kh": (margin - 0.8) ** 2})


class Invented:
    """Workers that give what a test invents."""

    def __init__(self, work: Callable[[RunTask], RunOutcome]) -> None:
        self.work = work
        self.waiting: list[RunTask] = []
        self.ran: list[RunTask] = []

    def free(self) -> int:
        return 1 - len(self.waiting)

    def submit(self, task: RunTask) -> None:
        self.waiting.append(task)

    def wait(self) -> list[tuple[RunTask, RunOutcome]]:
        task = self.waiting.pop()
        self.ran.append(task)
        return [(task, self.work(task))]

    def close(self) -> None:
        self.waiting.clear()


def use(monkeypatch: pytest.MonkeyPatch, work: Callable[[RunTask], RunOutcome] = bowl) -> Invented:
    pool = Invented(work)
    monkeypatch.setattr(tuning, "make_workers", lambda count, cluster: pool)
    return pool


def test_a_tuning_comes_near_the_least_and_writes_it_as_a_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch)
    found = run_tuning(PLAN, tmp_path)
    assert found.best["control.step"] == "30min"
    assert float(str(found.best["control.margin"])) == pytest.approx(0.37, abs=0.1)
    written = read_scenario(tmp_path / "best.toml").closed_loop
    assert written is not None
    assert written.control.margin == found.best["control.margin"]
    assert written.control.step_s == 1800.0


def test_what_the_scenario_says_is_tried_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch)
    found = run_tuning(replace(PLAN, trials=1), tmp_path)
    assert found.parameters(0) == {"control.margin": 0.1, "control.step": "15min"}


@pytest.mark.parametrize("after", [1, 14])
def test_a_tuning_that_was_broken_off_finds_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    plan = replace(PLAN, prune_after=("6h",), trials=14)
    use(monkeypatch)
    whole = run_tuning(plan, tmp_path / "whole")

    runs: list[RunTask] = []

    def break_off(task: RunTask) -> RunOutcome:
        runs.append(task)
        if len(runs) == 2 * after + 1:
            raise KeyboardInterrupt
        return bowl(task)

    use(monkeypatch, break_off)
    with pytest.raises(KeyboardInterrupt):
        run_tuning(plan, tmp_path / "broken")
    pool = use(monkeypatch)
    run_tuning(plan, tmp_path / "broken")
    names = [folder / TRIALS for folder in (tmp_path / "whole", tmp_path / "broken")]
    assert names[0].read_bytes() == names[1].read_bytes()
    # what was done is not done again
    done = {task.key for task in runs[:-1]}
    assert not done & {task.key for task in pool.ran}
    assert set(whole.table["state"]) == {"complete", "pruned"}


def test_more_trials_go_on_from_those_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch)
    first = run_tuning(replace(PLAN, trials=6), tmp_path)
    seen: list[TrialState] = []
    found = run_tuning(replace(PLAN, trials=8), tmp_path, report=seen.append)
    assert found.table.iloc[:6].equals(first.table)
    assert [(state.begun, state.done) for state in seen] == [(6, 7), (6, 8)]


def test_a_trial_that_is_behind_early_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = use(monkeypatch)
    found = run_tuning(replace(PLAN, prune_after=("6h",)), tmp_path)
    pruned = found.table[found.table["state"] == "pruned"]
    assert len(pruned) > 0
    long = {
        task.overrides["control.margin"]
        for task in pool.ran
        if "time.duration" not in task.overrides
    }
    assert not long & set(pruned["control.margin"])


def test_several_objectives_give_a_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    plan = replace(PLAN, objectives=(Objective("cost"), Objective("comfort")))
    found = run_tuning(plan, tmp_path)
    assert found.objectives == ("cost_EUR", "comfort_Kh")
    assert len(found.front) > 1
    assert all(0.3 < float(str(found.parameters(n)["control.margin"])) < 0.85 for n in found.front)
    for file in found.files:
        assert read_scenario(file).closed_loop is not None


def test_a_trial_that_fails_is_kept_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(task: RunTask) -> RunOutcome:
        margin = float(str(task.overrides["control.margin"]))
        if margin > 0.5:
            return RunOutcome({}, "too much")
        return bowl(task) if margin > 0.2 else RunOutcome({"cost_EUR": float("nan")})

    use(monkeypatch, fails)
    found = run_tuning(PLAN, tmp_path)
    failed = found.table[found.table["state"] == "failed"]
    assert set(failed["error"]) == {"too much", "an objective is not a number"}
    assert 0.2 < float(str(found.best["control.margin"])) <= 0.5


def test_any_optuna_storage_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch)
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    plan = replace(PLAN, trials=3)
    one = run_tuning(plan, tmp_path / "a", storage=url)
    other = run_tuning(plan, tmp_path / "b")
    assert one.table.equals(other.table)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vary": {"control.margn": Uniform(0.0, 1.0)}}, "did you mean 'margin'"),
        ({"vary": {"control.margin": Uniform(-1.0, 1.0)}}, "control.margin"),
        ({"prune_after": ("1d", "12h")}, "rise and end before"),
        ({"prune_after": ("2d",)}, "rise and end before"),
    ],
)
def test_a_tuning_that_cannot_be_run_says_why(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        run_tuning(replace(PLAN, **change), tmp_path)


def test_an_objective_that_runs_do_not_have_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch)
    with pytest.raises(InputError, match="did you mean 'cost_EUR'"):
        run_tuning(replace(PLAN, objectives=(Objective("cost_EU"),)), tmp_path)


@pytest.mark.slow
def test_a_tuning_killed_twice_finds_what_an_undisturbed_one_finds(tmp_path: Path) -> None:
    file = tmp_path / "tuning.toml"
    file.write_text(
        f'format = 1\nscenario = "{FILE}"\nminimise = ["cost_EUR"]\ntrials = 5\nseeds = [1, 2]\n'
        '[fixed]\ntime.duration = "1h"\n[vary]\ncontrol.margin = { from = 0.0, to = 0.5 }\n'
    )
    head = [sys.executable, "-m", "rexdynnet", "tune", str(file), "-o"]
    draw = np.random.default_rng(3)
    out = tmp_path / "killed"
    for _ in range(2):
        before = len(list(out.glob("runs/*.json")))
        process = subprocess.Popen([*head, str(out)], cwd=ROOT, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(list(out.glob("runs/*.json"))) <= before:
            time.sleep(0.02)
        time.sleep(float(draw.uniform(0.0, 0.3)))
        process.kill()
        process.wait()
    for folder in (out, tmp_path / "whole"):
        subprocess.run([*head, str(folder)], cwd=ROOT, check=True, capture_output=True)
    for name in (TRIALS, "best.toml"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
