from __future__ import annotations

import casadi as ca
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from rexdynnet.dae.options import DaeOptions, Scheme
from rexdynnet.dae.transport import advection, face_temperatures
from tests.unit.dae.cases import trench


def rates(scheme: Scheme, count: int) -> ca.Function:
    cells, flow = ca.SX.sym("cells", count), ca.SX.sym("flow")
    tail, head = ca.SX.sym("tail"), ca.SX.sym("head")
    into, back, out = advection(cells, flow, tail, head, scheme)
    return ca.Function("rates", [cells, flow, tail, head], [into, back, out])


def faces(values: list[float], inlet: float, scheme: Scheme) -> list[float]:
    found = face_temperatures([ca.SX(v) for v in values], ca.SX(inlet), scheme)
    return [float(face) for face in found]


@pytest.mark.parametrize("scheme", list(Scheme))
def test_a_uniform_temperature_stays_uniform(scheme: Scheme) -> None:
    assert faces([350.0] * 5, 350.0, scheme) == [350.0] * 6


def test_a_straight_profile_is_carried_exactly_by_the_limited_scheme() -> None:
    # cell means of a line that starts at 300 K at the inlet
    found = faces([301.0, 303.0, 305.0, 307.0], 300.0, Scheme.LIMITED)
    assert found == pytest.approx([300.0, 302.0, 304.0, 306.0, 308.0], abs=1e-9)


def test_a_step_does_not_overshoot() -> None:
    found = faces([360.0, 360.0, 340.0, 340.0, 340.0], 360.0, Scheme.LIMITED)
    assert max(found) <= 360.0 + 1e-3
    assert min(found) >= 340.0 - 1e-3


@pytest.mark.parametrize("scheme", list(Scheme))
def test_flow_the_other_way_is_the_mirror_image(scheme: Scheme) -> None:
    profile = np.array([340.0, 342.0, 347.0, 350.0, 351.0])
    along = rates(scheme, 5)(profile, 0.7, 339.0, 355.0)
    against = rates(scheme, 5)(profile[::-1], -0.7, 355.0, 339.0)
    np.testing.assert_allclose(np.asarray(along[0])[::-1], np.asarray(against[0]), atol=1e-12)
    assert float(along[2]) == pytest.approx(float(against[1]), abs=1e-12)


@pytest.mark.parametrize("scheme", list(Scheme))
@pytest.mark.parametrize("flow", [0.4, -0.4])
def test_what_enters_less_what_leaves_is_what_stays(scheme: Scheme, flow: float) -> None:
    profile = np.array([340.0, 352.0, 347.0, 350.0, 331.0])
    into, back, out = rates(scheme, 5)(profile, flow, 339.0, 355.0)
    leaves = float(out) if flow > 0 else float(back)
    enters = 339.0 if flow > 0 else 355.0
    assert float(ca.sum1(into)) == pytest.approx(abs(flow) * (enters - leaves), rel=1e-12)


def error_after_passing(scheme: Scheme, count: int) -> float:
    """Mean error of a smooth wave that has travelled most of a pipe of unit length and speed."""
    function = rates(scheme, count)

    def wave(x: np.ndarray) -> np.ndarray:
        return 350.0 + 5.0 * np.sin(2 * np.pi * x)

    centres = (np.arange(count) + 0.5) / count
    # cell means of the sine, not point values
    factor = np.sinc(1.0 / count)

    def means(t: float) -> np.ndarray:
        return 350.0 + factor * (wave(centres - t) - 350.0)

    def rhs(t: float, x: np.ndarray) -> np.ndarray:
        return np.asarray(function(x, 1.0, float(wave(np.array(-t))), 0.0)[0]).ravel() * count

    end = 0.8
    answer = solve_ivp(rhs, (0.0, end), means(0.0), rtol=1e-9, atol=1e-9, method="RK45")
    return float(np.mean(np.abs(answer.y[:, -1] - means(end))))


@pytest.mark.parametrize(
    ("scheme", "low", "high"), [(Scheme.UPWIND, 0.85, 1.05), (Scheme.LIMITED, 1.7, 2.3)]
)
def test_the_error_of_a_smooth_wave_falls_with_the_order_of_the_scheme(
    scheme: Scheme, low: float, high: float
) -> None:
    coarse, fine = error_after_passing(scheme, 200), error_after_passing(scheme, 400)
    assert low < np.log2(coarse / fine) < high


def test_cells_follow_the_wanted_length_within_bounds() -> None:
    options = DaeOptions(cell_length_m=10.0, minimum_cells=3, maximum_cells=8)
    lengths = {5.0: 3, 40.0: 4, 41.0: 5, 1000.0: 8}
    assert {metres: options.cells(trench("a", "b", metres)[0]) for metres in lengths} == lengths


@pytest.mark.parametrize("settings", [{"cell_length_m": 0.0}, {"minimum_cells": 50}])
def test_options_that_make_no_grid_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give"):
        DaeOptions(**settings)  # type: ignore[arg-type]
