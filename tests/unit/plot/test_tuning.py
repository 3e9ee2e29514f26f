"""Pictures of a tuning and of an ensemble."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PathCollection

from rexdynnet import plot
from rexdynnet.errors import InputError
from rexdynnet.study.ensemble import Ensemble
from rexdynnet.study.spread import Levels, LogUniform
from rexdynnet.study.tuning import Objective, Tuning, TuningPlan


def tuning(objectives: int = 1) -> Tuning:
    wanted = tuple(Objective(name) for name in ("cost", "comfort")[:objectives])
    plan = TuningPlan(
        Path("scenario.toml"),
        {"control.weights.heat": LogUniform(0.01, 10.0), "control.step": Levels(("15min", "1h"))},
        (1,),
        wanted,
    )
    table = pd.DataFrame(
        {
            "trial": range(5),
            "state": ["complete", "pruned", "complete", "failed", "complete"],
            "control.weights.heat": [0.1, 0.2, 1.0, 2.0, 5.0],
            "control.step": ["15min", "15min", "1h", "1h", "1h"],
            "cost_EUR": [3.0, np.nan, 1.0, np.nan, 2.0],
            "comfort_Kh": [1.0, np.nan, 5.0, np.nan, 6.0],
            "error": "",
        }
    )
    shares = {"cost_EUR": {"control.weights.heat": 0.8, "control.step": 0.2}}
    names = ("cost_EUR", "comfort_Kh")[:objectives]
    return Tuning(plan, table, names, Path(), shares)


def test_the_history_shows_trials_and_the_best_so_far() -> None:
    ax = plot.tuning_history(tuning()).axes[0]
    trials, best = ax.lines[:2]
    np.testing.assert_array_equal(trials.get_xydata(), [[0, 3], [2, 1], [4, 2]])
    np.testing.assert_array_equal(best.get_ydata(), [3, 1, 1])
    assert ax.get_ylabel() == "cost (EUR)"
    assert {line.get_label() for line in ax.lines} >= {"pruned", "failed"}


def test_importances_are_bars_the_greatest_on_top() -> None:
    ax = plot.tuning_importances(tuning()).axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()][-1] == "control.weights.heat"
    assert [bar.get_width() for bar in ax.patches] == [0.2, 0.8]


def test_the_response_is_over_the_logarithm_where_the_range_is() -> None:
    heat, step = plot.tuning_response(tuning()).axes
    assert (heat.get_xscale(), step.get_xscale()) == ("log", "linear")
    [points] = [c for c in heat.collections if isinstance(c, PathCollection)]
    np.testing.assert_array_equal(points.get_offsets(), [[0.1, 3], [1, 1], [5, 2]])
    assert [text.get_text() for text in step.get_xticklabels()] == ["15min", "1h"]


def test_the_front_joins_what_nothing_beats() -> None:
    ax = plot.tuning_front(tuning(2)).axes[0]
    front = next(line for line in ax.lines if line.get_label() == "front")
    np.testing.assert_array_equal(front.get_xydata(), [[1, 5], [3, 1]])
    with pytest.raises(InputError, match="no front"):
        plot.tuning_front(tuning(1))


def test_a_fan_holds_median_and_bands() -> None:
    values = np.arange(21.0)[:, None] * np.ones(3) * 1e3
    runs = {
        str(seed): xr.Dataset(
            {"substation_heat": (("time", "substation"), row[:, None], {"units": "W"})},
            {"time": [0.0, 3600.0, 7200.0], "substation": ["one"]},
        )
        for seed, row in enumerate(values)
    }
    kpis = pd.DataFrame({"run": list(runs), "scenario": "s", "arm": 0, "seed": range(21)})
    ensemble = Ensemble(kpis.assign(error=""), (), Path(), runs)
    ax = plot.fan(ensemble, "one.heat").axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 10.0)
    assert ax.get_ylabel() == "heat (kW)"
    lower, upper = (band.get_paths()[0].get_extents() for band in ax.collections)
    assert (lower.y0, lower.y1) == pytest.approx((1.0, 19.0))
    assert (upper.y0, upper.y1) == pytest.approx((5.0, 15.0))
