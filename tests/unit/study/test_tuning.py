"""A tuning file, what seeds are worth together, and a front."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.study.montecarlo import same_values
from rexdynnet.study.scenario import read_scenario
from rexdynnet.study.scenario_text import scenario_text
from rexdynnet.study.spread import Levels, LogUniform, Uniform
from rexdynnet.study.tune_file import read_tuning
from rexdynnet.study.tuning import Objective, Tuning, TuningPlan, risk
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


@given(VALUES, st.floats(0.0, 0.99))
def test_the_risk_lies_between_mean_and_worst(values: list[float], cvar: float) -> None:
    slack = 1e-9 * (1.0 + max(map(abs, values)))
    assert np.mean(values) - slack <= risk(values, cvar) <= max(values) + slack


@given(VALUES, st.floats(0.0, 0.99))
def test_the_risk_is_the_least_of_the_rockafellar_uryasev_function(
    values: list[float], cvar: float
) -> None:
    # min over t of t + E[(x - t)+] / (1 - a); the function is convex with its kinks at the data
    x = np.array(values)
    least = min(t + np.maximum(x - t, 0.0).mean() / (1.0 - cvar) for t in x)
    assert risk(values, cvar) == pytest.approx(least, rel=1e-9, abs=1e-6)


def test_an_objective_finds_its_figure_without_the_unit() -> None:
    figures = {"cost_EUR": 3.0, "co2_kg": 1.0}
    assert Objective("cost").of(figures) == 3.0
    assert Objective("co2_kg", largest=True).of(figures) == -1.0
    with pytest.raises(InputError, match="did you mean 'cost_EUR'"):
        Objective("cost_EU").of(figures)


def made(rows: list[tuple[str, float, float]]) -> Tuning:
    objectives = (Objective("a"), Objective("b", largest=True))
    plan = TuningPlan(FILE, {"control.margin": Uniform(0.0, 1.0)}, (1,), objectives)
    table = pd.DataFrame(rows, columns=["state", "a", "b"])
    return Tuning(plan, table.assign(trial=range(len(rows)), error=""), ("a", "b"), Path())


def test_a_front_holds_what_nothing_beats() -> None:
    found = made(
        [
            ("complete", 1.0, 5.0),
            ("complete", 2.0, 6.0),
            ("complete", 2.0, 4.0),  # beaten by the first
            ("failed", np.nan, np.nan),
        ]
    )
    assert found.front == (0, 1)
    with pytest.raises(InputError, match="a front and no winner"):
        _ = found.best


def test_a_tuning_without_a_finished_trial_says_so() -> None:
    with pytest.raises(InputError, match="no trial was completed"):
        _ = made([("failed", np.nan, np.nan)]).front


def write(folder: Path, text: str) -> Path:
    file = folder / "tuning.toml"
    file.write_text(text)
    return file


GOOD = f"""
format = 1
scenario = "{FILE}"
minimise = ["cost_EUR"]
trials = 12
seeds = [3, 4]
cvar = 0.5
[fixed]
control.kind = "mpc"
[vary]
control.weights.heat = {{ from = 0.01, to = 10.0, log = true }}
control.step = ["15min", "30min"]
[prune]
after = ["12h"]
"""


def test_a_tuning_file_is_read(tmp_path: Path) -> None:
    plan = read_tuning(write(tmp_path, GOOD))
    assert plan.vary == {
        "control.weights.heat": LogUniform(0.01, 10.0),
        "control.step": Levels(("15min", "30min")),
    }
    assert (plan.trials, plan.seeds, plan.cvar, plan.prune_after) == (12, (3, 4), 0.5, ("12h",))
    assert plan.fixed == {"control.kind": "mpc"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format = 1", "format = 0", "older than this version"),
        ("minimise", "minimize", "minimize is not a known key"),
        ("seeds = [3, 4]", "", "neither seeds nor draws"),
        ("seeds = [3, 4]", "seeds = [3, 3]", "2 seeds, 1 different"),
        ('["cost_EUR"]', '["cost_EUR", "co2_kg"]', "cannot be pruned"),
        ("cvar = 0.5", "cvar = 1.0", "cvar"),
        ("from = 0.01", "from = 20.0", "is empty"),
        ("control.kind", "control.step", "fixed and varied"),
    ],
)
def test_a_tuning_file_with_a_defect_names_it(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        read_tuning(write(tmp_path, GOOD.replace(old, new)))


def test_a_scenario_written_anew_is_the_same_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    for source in sorted(FILE.parent.glob("*.toml")):
        written = folder / source.name
        written.write_text(scenario_text(source, {}, folder), encoding="utf-8")
        one, other = read_scenario(source), read_scenario(written)
        # a scenario knows its file, and where the series lie from there
        own = {"source": one.source, "text": one.text, "hash": one.hash, "series": one.series}
        moved = replace(other, **own)
        assert len(one.series) == len(other.series)
        assert same_values(moved, one), source.name


def test_overrides_stand_in_a_scenario_written_anew(tmp_path: Path) -> None:
    changed = {"control.kind": "mpc", "control.weights.heat": 0.25, "time.duration": "6h"}
    written = tmp_path / "new.toml"
    written.write_text(scenario_text(FILE, changed, tmp_path), encoding="utf-8")
    found = read_scenario(written)
    assert found.duration_s == 6 * 3600.0
    assert found.closed_loop is not None
    assert dict(found.closed_loop.control.weights) == {"heat": 0.25}
