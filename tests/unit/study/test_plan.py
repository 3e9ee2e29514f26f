"""A study file becomes arms and runs whose keys follow what decides a result."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.study.plan import (
    Design,
    StudyPlan,
    arms_of,
    check_plan,
    drawn_seeds,
    tasks_of,
)
from rexdynnet.study.spread import Levels, LogUniform, Uniform
from rexdynnet.study.study_file import read_study
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_two_plants_run.toml"
HEAD = f'format = 1\nscenarios = ["{FILE}"]\n'


def keys_of(plan: StudyPlan, version: str = "1") -> list[str]:
    return [task.key for task in tasks_of(plan, version)]


def test_a_full_factorial_has_every_level_with_every_other() -> None:
    vary = {"a": Levels((1, 2, 3)), "b": Levels(("x", "y"))}
    arms = arms_of(StudyPlan((FILE,), (1,), vary, {"c": 5}))
    assert {(arm.overrides["a"], arm.overrides["b"]) for arm in arms} == {
        (a, b) for a in (1, 2, 3) for b in ("x", "y")
    }
    assert len(arms) == 6
    assert all(arm.overrides["c"] == 5 for arm in arms)


@given(samples=st.integers(1, 40), seed=st.integers(0, 2**40))
def test_a_latin_hypercube_puts_one_sample_in_every_stratum(samples: int, seed: int) -> None:
    vary = {"a": Uniform(0.0, 1.0), "b": LogUniform(1e-3, 10.0)}
    arms = arms_of(
        StudyPlan((FILE,), (1,), vary, {}, Design.LATIN_HYPERCUBE, samples, design_seed=seed)
    )
    a = np.array([arm.overrides["a"] for arm in arms], dtype=float)
    b = np.array([arm.overrides["b"] for arm in arms], dtype=float)
    for quantile in (a, np.log(b / 1e-3) / np.log(1e4)):
        strata = np.floor(quantile * samples + 1e-12).astype(int).clip(0, samples - 1)
        assert sorted(strata) == list(range(samples))


@given(seed=st.integers(0, 2**40), few=st.integers(1, 20), more=st.integers(0, 20))
def test_more_draws_only_add_to_fewer(seed: int, few: int, more: int) -> None:
    many = drawn_seeds(few + more, seed)
    assert drawn_seeds(few, seed) == many[:few]
    assert len(set(many)) == few + more


def test_a_key_follows_overrides_seed_version_and_every_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "models", tmp_path / "models", symlinks=True)
    file = tmp_path / "models/scenarios" / FILE.name
    plan = StudyPlan((file,), (1,))
    first = keys_of(plan)
    assert keys_of(plan) == first
    others = [
        keys_of(StudyPlan((file,), (2,))),
        keys_of(StudyPlan((file,), (1,), fixed={"control.margin": 0.2})),
        keys_of(plan, "2"),
    ]
    for name in ("networks/destest16_two_plants/pipes.csv", "series/heat_load_forecast.toml"):
        changed = tmp_path / "models" / name
        changed.write_bytes(changed.read_bytes() + b"\n")
        others.append(keys_of(plan))
    assert len({key for keys in [first, *others] for key in keys}) == 6


def test_arms_of_one_seed_stand_together_and_share_it() -> None:
    vary = {"control.margin": Levels((0.0, 0.2))}
    tasks = list(tasks_of(StudyPlan((FILE,), (5, 3), vary), "1"))
    assert [(task.seed, task.arm) for task in tasks] == [(5, 0), (5, 1), (3, 0), (3, 1)]


def test_a_study_file_may_quote_its_paths_or_not(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    tail = '\ndraws = 4\nseed = 3\n[fixed]\ntime.duration = "1h"\n[vary]\n'
    plans = []
    for line in ("control.margin = [0.0, 0.1]", '"control.margin" = [0.0, 0.1]'):
        file.write_text(HEAD + tail + line)
        plans.append(read_study(file))
    assert plans[0] == plans[1]
    assert plans[0].seeds == drawn_seeds(4, 3)
    assert plans[0].fixed == {"time.duration": "1h"}
    assert plans[0].keep is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('scenarios = ["a.toml"]\ndraws = 2', "says no format.*write format = 1"),
        ('format = 0\nscenarios = ["a.toml"]\ndraws = 2', "is of format 0, so it is older"),
        ('format = 9\nscenarios = ["a.toml"]\ndraws = 2', "use a newer version"),
        (HEAD, "neither seeds nor draws"),
        (HEAD + "draws = 2\nseeds = [1]", "seeds and draws"),
        (HEAD + "seeds = [1, 1]", "2 seeds, 1 different"),
        (HEAD + "sedes = [1]\ndraws = 2", "did you mean 'seeds'"),
        (HEAD + "draws = 2\n[vary]\ncontrol.margin = 3", "control.margin is 3"),
        (HEAD + "draws = 2\n[vary]\ncontrol.margin = {from = 2, to = 1}", "is empty"),
        (HEAD + "draws = 2\n[vary]\ncontrol.margin = {from = 0, to = 1}", "needs values"),
        (
            HEAD + 'draws = 2\ndesign = "latin_hypercube"\n[vary]\na = [1]',
            "1 parameters and 0 samples",
        ),
        (HEAD + 'draws = 2\ndesign = "grid"', "the design 'grid' is unknown"),
        (HEAD + 'draws = 2\n[stop]\nfigure = "cost_EUR"\nhalf_width = -1', "half_width is -1"),
    ],
)
def test_a_study_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_study(file)
    assert all(finding.file == file for finding in caught.value.findings)


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({"control.margn": Levels((0.1,))}, r"control.margn: with .*did you mean 'margin'"),
        ({"control.margin": Levels((0.1, -1.0))}, r"with control.margin = -1.0"),
        ({"control.weights.heat": Levels((0.1,))}, r"baseline has no weight 'heat'"),
        ({"seed": Levels((1, 2))}, "seed cannot be overridden"),
    ],
)
def test_every_end_of_every_parameter_is_checked_before_a_run(
    vary: dict[str, Levels], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        check_plan(StudyPlan((FILE,), (1,), vary))
