"""The catalogue's figures are those of the standards, and each pipe can be built."""

from __future__ import annotations

import pytest

from rexdynnet.network.catalogue import pipe_type, pipe_types

# Outer diameters of steel pipes, EN 10220 series 1, in mm.
STEEL = {
    20: 26.9, 25: 33.7, 32: 42.4, 40: 48.3, 50: 60.3, 65: 76.1, 80: 88.9,
    100: 114.3, 125: 139.7, 150: 168.3, 200: 219.1,
}  # fmt: skip
# Casings of EN 253: nominal outer diameters in mm.
CASINGS = {90, 110, 125, 140, 160, 180, 200, 225, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710}


@pytest.mark.parametrize(("nominal", "outer_mm"), STEEL.items())
def test_service_pipes_have_the_standard_outer_diameter(nominal: int, outer_mm: float) -> None:
    kinds = [f"DN{nominal} series {series}" for series in (1, 2, 3)]
    for name in (*kinds, f"DN{nominal} twin series 1"):
        found = pipe_type(name)
        outer = found.inner_diameter_m + 2 * found.wall_thickness_m
        assert outer == pytest.approx(outer_mm / 1000, abs=1e-6)
        # the nominal diameter is close to the bore
        assert found.inner_diameter_m * 1000 == pytest.approx(nominal, rel=0.2)


@pytest.mark.parametrize("name", pipe_types())
def test_casings_are_standard_and_hold_their_pipes(name: str) -> None:
    found = pipe_type(name)
    assert round(found.casing_diameter_m * 1000) in CASINGS
    outer = found.inner_diameter_m + 2 * found.wall_thickness_m
    if found.spacing_m is None:
        assert found.insulation_thickness_m > 0.02
        whole = outer + 2 * (found.insulation_thickness_m + found.casing_thickness_m)
        assert whole == pytest.approx(found.casing_diameter_m, abs=1e-6)
    else:
        assert found.spacing_m > outer
        assert found.spacing_m + outer < found.casing_diameter_m


@pytest.mark.parametrize("nominal", STEEL)
def test_each_series_is_better_insulated_than_the_one_before(nominal: int) -> None:
    single = [pipe_type(f"DN{nominal} series {series}").casing_diameter_m for series in (1, 2, 3)]
    assert single == sorted(set(single))
