"""The three methods tell the same story of every shipped network, and each balances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rexdynnet.dae import DaeOptions, build_dae
from rexdynnet.simulation.integrate import DaePlant, OdePlant
from rexdynnet.simulation.layout import CellRule
from rexdynnet.simulation.plant import Method, Plant
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from rexdynnet.simulation.simulate import simulate
from rexdynnet.simulation.sundials import SolverOptions
from rexdynnet.study.scenario import forcing_of, read_scenario
from tests.data import ROOT

SCENARIOS = ROOT / "models" / "scenarios"
QUICK = {"destest8_winter_week": "12h", "one_pipe_bench_step": "2h"}
WHOLE = (
    "destest8_winter_week",
    "destest16_winter_week",
    "destest32_winter_week",
    "destest16_two_plants_week",
    "destest_ce0",
    "meshed_two_plants_reversal",
    "one_pipe_bench_step",
)


@dataclass(frozen=True)
class Resolution:
    """What grid-converged means: of the cells, and of the steps in which a front is seen."""

    cell_m: float
    step_s: float


WEEK = Resolution(5.0, 30.0)
# nothing but a sharp front in a single pipe: to 0.1 K it takes metres and seconds
FRONT = Resolution(1.0, 2.0)


@lru_cache(maxsize=4)
def result(path: Path, method: Method, until: str | None) -> xr.Dataset:
    scenario = read_scenario(path)
    forcing = forcing_of(scenario)
    length_s = until or float(scenario.duration_s)
    fine = FRONT if "one_pipe" in path.name else WEEK
    if method is Method.PLUGFLOW:
        rule = CellRule(min(fine.cell_m, CellRule().length_m), 4, 200)
        plant: Plant = PlugFlowPlant(scenario.network, PlugFlowOptions(fine.step_s, rule))
    else:
        dae = build_dae(scenario.network, DaeOptions(cell_length_m=fine.cell_m, maximum_cells=200))
        options = SolverOptions(dense_step_s=max(fine.step_s, 10.0))
        plant = (DaePlant if method is Method.DAE else OdePlant)(dae, options)
    return simulate(plant, forcing, length_s, output_step_s=60.0)


def flow_weighted_rms(one: xr.Dataset, other: xr.Dataset) -> float:
    """K, over all substation supply and plant return temperatures."""
    square = weight = 0.0
    for kind, temperature in (("substation", "supply"), ("plant", "return")):
        flow = 0.5 * np.abs(one[f"{kind}_mass_flow"] + other[f"{kind}_mass_flow"])
        name = f"{kind}_{temperature}_temperature"
        square += float((flow * (one[name] - other[name]) ** 2).sum())
        weight += float(flow.sum())
    return float(np.sqrt(square / weight))


def hold_to_the_agreement(name: str, method: Method, until: str | None) -> None:
    path = SCENARIOS / f"{name}.toml"
    plug, cells = result(path, Method.PLUGFLOW, until), result(path, method, until)
    assert flow_weighted_rms(plug, cells) < 0.1
    lost = [float(data["energy_lost"][-1]) for data in (plug, cells)]
    assert lost[1] == pytest.approx(lost[0], rel=5e-3)
    for data in (plug, cells):
        moved = sum(abs(float(data[f"energy_{part}"][-1])) for part in ("plants", "makeup"))
        assert abs(float(data["energy_residual"][-1])) < 1e-6 * moved
        flow = float(np.abs(data["plant_mass_flow"]).max())
        assert float(data["mass_residual"].max()) < 1e-9 * flow


@pytest.mark.parametrize("method", [Method.DAE, Method.ODE])
@pytest.mark.parametrize("name", list(QUICK))
def test_methods_agree_over_some_hours(name: str, method: Method) -> None:
    hold_to_the_agreement(name, method, QUICK[name])


@pytest.mark.slow
@pytest.mark.parametrize("method", [Method.DAE, Method.ODE])
@pytest.mark.parametrize("name", WHOLE)
def test_methods_agree_over_the_whole_scenario(name: str, method: Method) -> None:
    hold_to_the_agreement(name, method, None)
