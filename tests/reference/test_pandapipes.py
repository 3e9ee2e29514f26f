"""Steady states of the plug-flow plant against pandapipes, an independent program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pandapipes")

from benchmarks.oracle import FLOW_TARGET, TEMPERATURE_TARGET_K
from benchmarks.tools.pandapipes_steady import (
    RANDOM_CASES,
    Deviation,
    RandomCase,
    compare_random,
    compare_schutterwald,
    compare_written,
    steady_records,
)
from rexdynnet.interchange.network_files import read_any_network, write_any_network
from rexdynnet.network.read import read_network
from tests.data import ROOT


def assert_agreement(found: Deviation) -> None:
    assert found.flow <= FLOW_TARGET
    assert found.temperature_K <= TEMPERATURE_TARGET_K
    assert found.pressure_Pa <= 50.0


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, id=case.label, marks=[pytest.mark.slow] if case.substations > 100 else []
        )
        for case in RANDOM_CASES
    ],
)
def test_a_random_network_settles_where_pandapipes_says(case: RandomCase) -> None:
    found = compare_random(case)
    assert_agreement(found)
    assert found.junctions == 2 * (case.substations + 1)
    assert found.pipes == 2 * (case.substations + case.chords)


@pytest.mark.parametrize("by_heat", [False, True], ids=["flows", "heats"])
def test_schutterwald_settles_where_pandapipes_says(by_heat: bool) -> None:
    found = compare_schutterwald(by_heat=by_heat)
    assert_agreement(found)
    # 488 junctions; two stand ahead of an open valve and are compared where their pipe ends
    assert found.junctions == 486


@pytest.mark.parametrize("name", ["destest8", "destest16"])
def test_a_shipped_network_goes_through_a_file_of_pandapipes_with_the_same_steady_state(
    name: str, tmp_path: Path
) -> None:
    network = read_network(ROOT / "models" / "networks" / name)
    write_any_network(network, tmp_path / "net.json")
    back = read_any_network(tmp_path / "net.json")
    heats = {f"{s.name}.heat_demand": 0.6 * s.design_heat_W for s in network.substations}
    before, after = steady_records(network, heats), steady_records(back, heats)
    for record in ("pipe_mass_flow", "substation_mass_flow", "plant_mass_flow"):
        np.testing.assert_allclose(after[record], before[record], rtol=1e-3)
    for record in ("node_temperature", "pipe_outlet_temperature"):
        np.testing.assert_allclose(after[record], before[record], rtol=0, atol=0.05)
    found = compare_written(network, {s.name: 0.6 * s.design_heat_W for s in network.substations})
    assert found.flow <= 1e-3
    assert found.temperature_K <= 0.05
