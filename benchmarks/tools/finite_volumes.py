"""The peer: first-order upwind cells integrated by CVODES through CasADi.

The right-hand side is written by hand for speed; flows are handed to it, so that
the peer pays for no hydraulics. Nodes mix without volume.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import spsolve

from benchmarks.tools.tree_day import COOLING_K, INTERVAL_s, TreeArrays, TreeDay
from rexdynnet.physics.heat import film_conductance

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FiniteVolumes:
    """A built integrator with its start and inputs; `run` is what is timed."""

    run: Callable[[], tuple[Floats, Floats]]
    cells: int
    states: int


def finite_volumes(
    case: TreeDay, tree: TreeArrays, cells: int, *, reltol: float = 1e-5, wall: bool = False
) -> FiniteVolumes:
    """Build the integrator.

    Parameters
    ----------
    cells : int
        Per pipe.
    reltol : float
        Relative tolerance; the absolute one is ten times as many kelvin.
    wall : bool
        Give each cell a steel wall, coupled by the film of the present flow.
    """
    count = len(tree.parent)
    begin = np.concatenate([[0.0], case.output_s[:-1]])
    interval = (begin / INTERVAL_s).astype(int)
    film = _films(case, tree) if wall else np.zeros((0, case.intervals))
    inputs = np.vstack(
        [_ramps(case, begin), tree.flows[:, interval], tree.drawn[:, interval], film[:, interval]]
    )
    time, state, control = ca.SX.sym("t"), ca.SX.sym("x", _size(count, cells, wall)), None
    control = ca.SX.sym("u", inputs.shape[0])
    rate, plant_return = _equations(case, tree, cells, wall, time, state, control)
    start = _steady(rate, time, state, control, inputs[:, 0])
    integrator = ca.integrator(
        "finite_volumes",
        "cvodes",
        {"x": state, "t": time, "u": control, "ode": rate},
        0.0,
        case.output_s.tolist(),
        {"reltol": reltol, "abstol": 10 * reltol, "max_num_steps": 1_000_000},
    )
    returned = ca.Function("plant_return", [state, control], [plant_return])
    ends = [i * cells + cells - 1 for i in range(count)]

    def run() -> tuple[Floats, Floats]:
        found = np.array(integrator(x0=start, u=inputs)["xf"])
        back = np.array(returned(found, inputs)).ravel()
        return found[ends].T, back

    return FiniteVolumes(run, cells, state.numel())


def _size(count: int, cells: int, wall: bool) -> int:
    return (4 if wall else 2) * count * cells


def _ramps(case: TreeDay, begin: Floats) -> Floats:
    """Supply temperature as value + slope·t between outputs; ramps lie between two of them."""
    left, right = case.supply_at(begin), case.supply_at(case.output_s)
    slope = (right - left) / (case.output_s - begin)
    return np.vstack([left - slope * begin, slope])


def _films(case: TreeDay, tree: TreeArrays) -> Floats:
    pipe, fluid = case.network.pipes[0], case.network.fluid
    if pipe.wall is None:
        raise ValueError("this case has no walls")
    column = tree.diameter_m[:, None]
    return np.asarray(
        film_conductance(
            tree.flows,
            column,
            pipe.roughness_m,
            pipe.wall.thickness_m,
            pipe.wall.conductivity_W_per_mK,
            fluid.viscosity_Pa_s,
            fluid.conductivity_W_per_mK,
            fluid.specific_heat_J_per_kgK,
        )
    )


def _equations(
    case: TreeDay, tree: TreeArrays, cells: int, wall: bool, time: Any, state: Any, control: Any
) -> tuple[Any, Any]:
    """Right-hand side and the temperature that comes back to the plant."""
    count, block = len(tree.parent), len(tree.parent) * cells
    ground = case.network.ground.temperature_K
    heat_capacity = case.network.fluid.specific_heat_J_per_kgK
    source = control[0] + control[1] * time
    flow, drawn = control[2 : 2 + count], control[2 + count : 2 + 2 * count]
    film = control[2 + 2 * count :]
    wall_capacity = [pipe.wall_heat_capacity_J_per_mK for pipe in case.network.pipes[0::2]]
    children: list[list[int]] = [[] for _ in range(count)]
    for i in range(count):
        if tree.parent[i] >= 0:
            children[tree.parent[i]].append(i)

    rates: list[Any] = []
    wall_rates: list[Any] = []

    def advect(i: int, inlet: Any, offset: int) -> None:
        water = state[offset + i * cells : offset + (i + 1) * cells]
        capacity = tree.mass_kg[i] / tree.length_m[i] * heat_capacity  # J/(m K)
        shifted = ca.vertcat(inlet, water[:-1])
        carried = flow[i] * cells / tree.mass_kg[i] * (shifted - water)
        if not wall:
            rates.append(carried - tree.loss_W_per_mK[i] / capacity * (water - ground))
            return
        begin = 2 * block + offset + i * cells
        steel = state[begin : begin + cells]
        exchanged = film[i] * (water - steel)
        lost = tree.loss_W_per_mK[i] * (steel - ground)
        rates.append(carried - exchanged / capacity)
        wall_rates.append((exchanged - lost) / wall_capacity[i])

    def outlet(i: int, offset: int) -> Any:
        return state[offset + (i + 1) * cells - 1]

    for i in range(count):
        advect(i, source if tree.parent[i] < 0 else outlet(tree.parent[i], 0), 0)
    for i in range(count):
        mixed = drawn[i] * (outlet(i, 0) - COOLING_K)
        for child in children[i]:
            mixed += flow[child] * outlet(child, block)
        advect(i, mixed / flow[i], block)
    roots = [i for i in range(count) if tree.parent[i] < 0]
    plant_return = sum(flow[i] * outlet(i, block) for i in roots) / sum(flow[i] for i in roots)
    return ca.vertcat(*rates, *wall_rates), plant_return


def _steady(rate: Any, time: Any, state: Any, control: Any, inputs: Floats) -> Floats:
    """Steady state under the first inputs: the right-hand side is linear in the state."""
    slope = ca.Function("slope", [time, state, control], [ca.jacobian(rate, state), rate])
    origin = np.zeros(state.numel())
    matrix, value = slope(0.0, origin, inputs)
    return spsolve(csc_matrix(matrix.sparse()), -np.array(value).ravel())
