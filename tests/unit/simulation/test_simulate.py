"""Running a plant over a forcing: sampling, means, checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from rexdynnet.errors import InputError
from rexdynnet.network.random import random_tree
from rexdynnet.simulation import simulate as runs
from rexdynnet.simulation.dataset import series
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.plant import DenseOutput, state_from_bytes
from rexdynnet.simulation.plugflow import PlugFlowPlant
from rexdynnet.simulation.simulate import Collector, Override, output_times, simulate

HOURS = 6


def forcing_of(plant: PlugFlowPlant) -> Forcing:
    """Hourly values at random around what is usual."""
    rng = np.random.default_rng(5)
    signals = (*plant.controls, *plant.disturbances)
    usual = np.array([s.nominal if s.default is None else s.default for s in signals])
    spread = np.array([0.3 if s.default is None else 0.0 for s in signals])
    values = usual * (1.0 - spread * rng.uniform(0.0, 1.0, (HOURS + 1, len(signals))))
    return Forcing(3600.0 * np.arange(HOURS + 1), values, signals)


@pytest.fixture(scope="module")
def plant() -> PlugFlowPlant:
    return PlugFlowPlant(random_tree(4, seed=3))


def test_means_over_output_intervals_do_not_depend_on_how_the_run_is_cut() -> None:
    times = np.linspace(0.0, 10.0, 11)
    heat = np.arange(11.0)[:, None]
    heat[0] = heat[1]
    whole = Collector(np.array([0.0, 4.0, 10.0]))
    whole.take(DenseOutput(times, {"plant_heat": heat}))
    cut = Collector(np.array([0.0, 4.0, 10.0]))
    for first, last in ((0, 3), (3, 7), (7, 10)):
        part = heat[first : last + 1].copy()
        part[0] = part[1]
        cut.take(DenseOutput(times[first : last + 1], {"plant_heat": part}))
    assert np.allclose(whole.rows["plant_heat"], cut.rows["plant_heat"])
    assert whole.rows["plant_heat"][1, 0] == pytest.approx(np.mean([1, 2, 3, 4]))
    assert whole.rows["plant_heat"][2, 0] == pytest.approx(np.mean([5, 6, 7, 8, 9, 10]))


def test_the_last_row_is_the_end_of_the_run() -> None:
    assert output_times(25.0, 10.0).tolist() == [0.0, 10.0, 20.0, 25.0]
    assert output_times(20.0, 10.0).tolist() == [0.0, 10.0, 20.0]


def test_heats_of_the_result_add_up_to_its_energies(plant: PlugFlowPlant) -> None:
    result = simulate(plant, forcing_of(plant), HOURS * 3600.0, output_step_s=1500.0)
    steps = np.diff(result["time"])
    for heat, energy in (("plant_heat", "energy_plants"), ("substation_heat", "energy_delivered")):
        summed = (result[heat].to_numpy()[1:].sum(axis=1) * steps).sum()
        assert summed == pytest.approx(float(result[energy][-1]), rel=1e-9)
    moved = float(abs(result["energy_plants"][-1]))
    assert abs(float(result["energy_residual"][-1])) < 1e-6 * moved
    assert not any(np.isnan(result[name]).any() for name in result.data_vars)


def test_a_killed_run_goes_on_from_its_checkpoint_to_the_same_result(
    plant: PlugFlowPlant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forcing = forcing_of(plant)
    expected = simulate(plant, forcing, HOURS * 3600.0)
    monkeypatch.setattr(runs, "CHECKPOINT_EVERY_s", 3600.0)
    checkpoint = tmp_path / "run.checkpoint"

    def kill(done_s: float, _: float) -> None:
        if done_s > 3.5 * 3600.0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(plant, forcing, HOURS * 3600.0, checkpoint=checkpoint, progress=kill)
    assert checkpoint.exists()
    seen: list[float] = []
    resumed = simulate(
        plant,
        forcing,
        HOURS * 3600.0,
        checkpoint=checkpoint,
        progress=lambda done, _: seen.append(done),
    )
    assert seen[0] > 3.0 * 3600.0
    xr.testing.assert_identical(resumed, expected)
    assert not checkpoint.exists()


def test_a_broken_checkpoint_is_refused_with_its_name(plant: PlugFlowPlant, tmp_path: Path) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    checkpoint.write_bytes(b"no zip archive")
    with pytest.raises(InputError, match=r"run\.checkpoint.*delete it"):
        simulate(plant, forcing_of(plant), 3600.0, checkpoint=checkpoint)


def test_a_state_survives_storage_bit_by_bit(plant: PlugFlowPlant) -> None:
    forcing = forcing_of(plant)
    segment = forcing.inputs(plant, 3600.0)[0]
    state = plant.init(segment.start)
    stored = state_from_bytes(state.to_bytes())
    again, _ = plant.advance(stored, segment.start, segment.end, 1800.0)
    once, _ = plant.advance(state.clone(), segment.start, segment.end, 1800.0)
    for name, array in once.arrays.items():
        assert np.array_equal(again.arrays[name], array), name


def test_a_state_is_not_changed_by_advancing_from_it(plant: PlugFlowPlant) -> None:
    segment = forcing_of(plant).inputs(plant, 3600.0)[0]
    state = plant.init(segment.start)
    before = state.clone()
    plant.advance(state, segment.start, segment.end, 600.0)
    for name, array in before.arrays.items():
        assert np.array_equal(state.arrays[name], array), name


def test_a_series_is_found_by_component_and_quantity(plant: PlugFlowPlant) -> None:
    result = simulate(plant, forcing_of(plant), 3600.0)
    name = plant.network.substations[0].name
    assert series(result, f"{name}.heat").dims == ("time",)
    with pytest.raises(InputError, match="did you mean"):
        series(result, f"{name}x.heat")
    with pytest.raises(InputError, match="choose one of"):
        series(result, f"{name}.colour")


def test_an_input_that_is_not_finite_is_refused(plant: PlugFlowPlant) -> None:
    segment = forcing_of(plant).inputs(plant, 3600.0)[0]
    segment.start.disturbances[-1] = np.nan
    with pytest.raises(InputError, match="is not finite"):
        plant.init(segment.start)


def test_a_fault_begins_and_ends_within_the_run(plant: PlugFlowPlant) -> None:
    pipe = plant.network.pipes[0].name
    forcing = forcing_of(plant)
    leak = Override(f"{pipe}.leak", 1.3 * 3600.0, 2.5 * 3600.0, 0.05)
    whole = simulate(plant, forcing, HOURS * 3600.0, output_step_s=360.0)
    faulty = simulate(plant, forcing, HOURS * 3600.0, output_step_s=360.0, overrides=[leak])
    hours = faulty["time"].to_numpy() / 3600.0
    lost = np.diff(faulty["energy_makeup"].to_numpy())
    during = (hours[1:] > 1.35) & (hours[1:] < 2.45)
    outside = (hours[1:] <= 1.3 + 1e-9) | (hours[:-1] >= 2.5)
    assert np.all(np.abs(lost[during]) > 0.0)
    assert np.allclose(lost[outside], 0.0, atol=1e-6)
    before = hours <= 1.3 + 1e-9
    same = np.abs(faulty["node_temperature"] - whole["node_temperature"]).to_numpy()
    assert same[before].max() < 1e-9


def test_an_outage_of_the_plant_ends_again(plant: PlugFlowPlant) -> None:
    name = plant.network.plants[0].name
    forcing = forcing_of(plant)
    trip = Override(f"{name}.availability", 2 * 3600.0, 3 * 3600.0, 0.0)
    result = simulate(plant, forcing, HOURS * 3600.0, output_step_s=900.0, overrides=[trip])
    heat = series(result, f"{name}.heat").to_numpy()
    hours = result["time"].to_numpy() / 3600.0
    assert np.all(heat[(hours > 2.1) & (hours <= 3.0)] < 1.0)
    assert np.all(heat[(hours > 0.1) & (hours <= 2.0)] > 1e3)
    assert np.all(heat[hours > 3.3] > 1e3)


def test_a_fault_of_what_is_not_there_is_refused_with_a_remedy(plant: PlugFlowPlant) -> None:
    with pytest.raises(InputError, match="no disturbance or parameter"):
        simulate(plant, forcing_of(plant), 3600.0, overrides=[Override("x.leak", 0.0, 1.0, 1.0)])
    pipe = plant.network.pipes[0].name
    bad = Override(f"{pipe}.leak", 0.0, 1.0, -1.0)
    with pytest.raises(InputError, match="give a value from"):
        simulate(plant, forcing_of(plant), 3600.0, overrides=[bad])


def test_a_checkpoint_of_another_network_is_not_taken_up(
    plant: PlugFlowPlant, tmp_path: Path
) -> None:
    other = PlugFlowPlant(
        replace(
            plant.network,
            pipes=tuple(replace(p, length_m=p.length_m + 1.0) for p in plant.network.pipes),
        )
    )
    assert repr(other.network) == repr(plant.network)
    keys = {
        runs._run_key(one, forcing_of(plant), np.zeros(1), None, "[]") for one in (plant, other)
    }
    assert len(keys) == 2
