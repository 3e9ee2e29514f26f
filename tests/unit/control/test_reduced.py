"""A reduced model sees the same energies, and the worst of each group's temperatures."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from rexdynnet.control.base import Observation
from rexdynnet.control.reduced import reduced_view
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.random import random_tree
from rexdynnet.testing import example_preview
from rexdynnet.timeline import Schedule, units_from

NETWORK = random_tree(30, seed=3)
VIEW = reduced_view(NETWORK, substations=4, backoff_K=0.5)


def test_demands_and_commitments_keep_their_sums() -> None:
    preview = example_preview(NETWORK)
    seen = VIEW.preview(preview)

    def total(network: object, table: np.ndarray) -> np.ndarray:
        names = [s.name for s in disturbances(network)]  # type: ignore[arg-type]
        return table[:, [n.endswith(".heat_demand") for n in names]].sum(axis=1)

    assert total(VIEW.network, seen.disturbances) == pytest.approx(
        total(NETWORK, preview.disturbances)
    )
    units = tuple(units_from(datetime(2027, 1, 1, tzinfo=UTC), 3600.0, 2))
    names = tuple(unit.name for unit in NETWORK.substations)
    energy = np.arange(2.0 * len(names)).reshape(2, -1)
    reduced = VIEW.schedule(Schedule(names, units, energy))
    assert set(reduced.participants) == {unit.name for unit in VIEW.network.substations}
    assert reduced.energy_J.sum(axis=1) == pytest.approx(energy.sum(axis=1))


def test_what_is_not_a_substation_acts_unchanged() -> None:
    preview = example_preview(NETWORK)
    seen = VIEW.preview(preview)
    before = [s.name for s in disturbances(NETWORK)]
    after = [s.name for s in disturbances(VIEW.network)]
    for name in ("outdoor.temperature", "ground.temperature", "plant.availability"):
        assert seen.disturbances[:, after.index(name)] == pytest.approx(
            preview.disturbances[:, before.index(name)]
        )


def test_the_coldest_member_and_the_mean_return_speak_for_a_group() -> None:
    group = VIEW.network.substations[0].name
    members = [name for name, stand in VIEW.members.items() if stand == group]
    names, values = [], []
    for i, member in enumerate(members):
        names += [f"{member}.supply_temperature", f"{member}.mass_flow"]
        names += [f"{member}.return_temperature"]
        values += [340.0 + i, 1.0 + i, 310.0 + i]
    seen = VIEW.observation(Observation(0.0, tuple(names), np.array(values)))
    count = np.arange(len(members))
    assert seen.get(f"{group}.supply_temperature") == 340.0
    assert seen.get(f"{group}.mass_flow") == pytest.approx(np.sum(1.0 + count))
    mean = np.average(310.0 + count, weights=1.0 + count)
    assert seen.get(f"{group}.return_temperature") == pytest.approx(mean)


def test_a_missing_member_leaves_the_coldest_of_the_others_and_no_sum() -> None:
    group = VIEW.network.substations[0].name
    members = [name for name, stand in VIEW.members.items() if stand == group][:2]
    names = [f"{m}.{q}" for m in members for q in ("supply_temperature", "mass_flow")]
    seen = VIEW.observation(Observation(0.0, tuple(names), np.array([np.nan, np.nan, 341.0, 1.0])))
    assert seen.get(f"{group}.supply_temperature") == 341.0
    assert np.isnan(seen.get(f"{group}.mass_flow"))


def test_a_view_of_everything_changes_nothing_but_the_back_off() -> None:
    view = reduced_view(NETWORK, substations=0, backoff_K=0.5)
    preview = example_preview(NETWORK)
    assert view.preview(preview) is preview
    for own, given in zip(view.network.substations, NETWORK.substations, strict=True):
        least = given.minimum_supply_temperature_K
        assert own.minimum_supply_temperature_K == pytest.approx(least + 0.5)
