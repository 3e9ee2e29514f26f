"""Loss coefficients against formulas worked by hand and against a field solution."""

from __future__ import annotations

from math import acosh, log, pi

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.insulation import (
    GROUND_SURFACE_m2K_per_W,
    HeatLoss,
    Layers,
    TwinSection,
    loss_in_air,
    loss_in_ground,
    loss_of_twin,
)


def field_solution(
    radius: float, half: float, casing: float, depth: float, inside: float, ground: float, sign: int
) -> float:
    """Flux out of the pipe at +half (pipe temperatures 1 and `sign`), W/m, by collocation.

    Harmonic functions in insulation and ground, the ground surface held by mirroring,
    fitted to the temperatures of the pipes and to continuity at the casing.
    """
    order = 12
    angle = np.linspace(0, 2 * pi, 120, endpoint=False)
    rim = np.exp(1j * angle)

    def inner_basis(z: np.ndarray) -> list[np.ndarray]:
        functions = [np.ones(z.shape)]
        for centre in (half, -half):
            away = (z - centre) / radius
            functions.append(np.log(np.abs(away)))
            for power in range(1, order):
                functions += [(away**-power).real, (away**-power).imag]
        for power in range(1, order):
            functions += [((z / casing) ** power).real, ((z / casing) ** power).imag]
        return functions

    def outer_basis(z: np.ndarray) -> list[np.ndarray]:
        mirror = np.conj(z) + 2j * depth  # the surface is the line Im z = depth

        def below(point: np.ndarray) -> list[np.ndarray]:
            away = point / casing
            functions = [np.log(np.abs(away))]
            for power in range(1, order):
                functions += [(away**-power).real, (away**-power).imag]
            return functions

        return [here - there for here, there in zip(below(z), below(mirror), strict=True)]

    step = 1e-6
    at = casing * rim
    rows, values = [], []
    for centre, temperature in ((half, 1.0), (-half, float(sign))):
        inner = np.column_stack(inner_basis(centre + radius * rim))
        rows.append(np.hstack([inner, np.zeros((angle.size, 2 * order - 1))]))
        values.append(np.full(angle.size, temperature))
    inner, outer = np.column_stack(inner_basis(at)), np.column_stack(outer_basis(at))
    rows.append(np.hstack([inner, -outer]))
    more, less = at * (1 + step), at * (1 - step)
    inner = np.column_stack(inner_basis(more)) - np.column_stack(inner_basis(less))
    outer = np.column_stack(outer_basis(more)) - np.column_stack(outer_basis(less))
    rows.append(np.hstack([inner * inside, -outer * ground]) / (2 * step))
    values += [np.zeros(angle.size), np.zeros(angle.size)]
    solution, *_ = np.linalg.lstsq(np.vstack(rows), np.concatenate(values), rcond=1e-13)
    residual = np.vstack(rows) @ solution - np.concatenate(values)
    assert np.abs(residual).max() < 2e-4
    return -2 * pi * inside * float(solution[1])


@pytest.mark.parametrize(
    ("outer", "wall", "casing", "clear"),
    [(0.0269, 0.0026, 0.125, 0.019), (0.0603, 0.0029, 0.2, 0.02), (0.1143, 0.0036, 0.315, 0.025)],
)
def test_twin_pipe_agrees_with_the_field_solution_as_first_order_promises(
    outer: float, wall: float, casing: float, clear: float
) -> None:
    layers = Layers(outer - 2 * wall, 0.0, 0.029, wall, 1e6)
    spacing = outer + clear
    answer = loss_of_twin(TwinSection(layers, casing, spacing), 1.6, 0.8)
    depth = 0.8 + GROUND_SURFACE_m2K_per_W * 1.6
    both = field_solution(outer / 2, spacing / 2, casing / 2, depth, 0.029, 1.6, 1)
    apart = field_solution(outer / 2, spacing / 2, casing / 2, depth, 0.029, 1.6, -1)
    assert answer.loss_W_per_mK == pytest.approx(both, rel=0.01)
    assert answer.loss_W_per_mK + 2 * answer.coupling_W_per_mK == pytest.approx(apart, rel=0.06)


def test_loss_of_ce0_pipes_gives_the_published_heat_loss() -> None:
    # DESTEST CE_0: 26.83 m of the first supply pipe at 70 degC in 10 degC ground lose 308..326 W
    pipe = Layers(0.0408, 0.031, 0.026, 0.0046, 0.35)
    from_water = 1 / (
        1 / loss_in_air(pipe).loss_W_per_mK + log((0.0408 + 0.0046) / 0.0408) / (2 * pi * 0.35)
    )
    assert 308.0 <= from_water * 26.83 * (69.97 - 10.0) <= 326.0


def test_two_pipes_side_by_side_lose_less_each_than_one_alone() -> None:
    pipe = Layers(0.0825, 0.04255, 0.029, 0.0032)
    alone = loss_in_ground(pipe, 1.6, 0.8)
    pair = loss_in_ground(pipe, 1.6, 0.8, 0.4)
    assert pair.loss_W_per_mK < alone.loss_W_per_mK
    assert 0 < pair.coupling_W_per_mK < pair.loss_W_per_mK
    far = loss_in_ground(pipe, 1.6, 0.8, 1e4)
    assert far.loss_W_per_mK == pytest.approx(alone.loss_W_per_mK, rel=1e-6)
    assert far.coupling_W_per_mK == pytest.approx(0.0, abs=1e-9)


def test_pair_in_ground_obeys_the_resistance_matrix() -> None:
    pipe = Layers(0.0825, 0.04255, 0.029, 0.0032)
    depth = 0.8 + 0.0685 * 1.6
    own = pipe.resistance_mK_per_W + acosh(2 * depth / pipe.outer_m) / (2 * pi * 1.6)
    mutual = log(1 + (2 * depth / 0.4) ** 2) / (4 * pi * 1.6)
    pair = loss_in_ground(pipe, 1.6, 0.8, 0.4)
    warm, cold = 70.0, 30.0
    heat = np.linalg.solve([[own, mutual], [mutual, own]], [warm, cold])
    g, c = pair.loss_W_per_mK, pair.coupling_W_per_mK
    assert g * warm + c * (warm - cold) == pytest.approx(heat[0])
    assert g * cold + c * (cold - warm) == pytest.approx(heat[1])


def test_film_in_air_is_in_series() -> None:
    pipe = Layers(0.05248, 0.013, 0.04, 0.0039)
    bare = loss_in_air(pipe).loss_W_per_mK
    film = loss_in_air(pipe, 5.0).loss_W_per_mK
    assert 1 / film - 1 / bare == pytest.approx(1 / (pi * pipe.outer_m * 5.0))


def test_pipe_without_any_resistance_is_an_error() -> None:
    with pytest.raises(InputError, match="insulation_thickness_m"):
        loss_in_air(Layers(0.05))


@pytest.mark.parametrize(("depth", "spacing"), [(0.05, None), (0.8, 0.1)])
def test_impossible_burial_is_an_error(depth: float, spacing: float | None) -> None:
    with pytest.raises(InputError, match="casing"):
        loss_in_ground(Layers(0.0825, 0.04255, 0.029, 0.0032), 1.6, depth, spacing)


def test_twin_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(InputError, match="do not fit"):
        loss_of_twin(TwinSection(Layers(0.1, wall_thickness_m=0.003), 0.2, 0.12), 1.6, 0.8)


def test_heat_loss_has_no_coupling_by_default() -> None:
    assert HeatLoss(0.2).coupling_W_per_mK == 0.0
