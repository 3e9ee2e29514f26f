"""Steady states of the plug-flow plant against pandapipes, an independent program."""

from __future__ import annotations

import pytest

pytest.importorskip("pandapipes")

from benchmarks.oracle import FLOW_TARGET, TEMPERATURE_TARGET_K
from benchmarks.tools.pandapipes_steady import (
    RANDOM_CASES,
    Deviation,
    RandomCase,
    compare_random,
    compare_schutterwald,
)


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
