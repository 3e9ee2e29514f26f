"""Exact solutions that the plant is compared with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.special import ive

from rexdynnet.network.spec import Fluid, Pipe
from rexdynnet.physics.heat import film_conductance

Floats = NDArray[np.float64]


def delay_s(pipe: Pipe, fluid: Fluid, flow_kg_per_s: float) -> float:
    """Time that water spends in a pipe at constant flow."""
    return fluid.density_kg_per_m3 * pipe.volume_m3 / flow_kg_per_s


def water_capacity(pipe: Pipe, fluid: Fluid) -> float:
    """J/(m K)."""
    return fluid.density_kg_per_m3 * fluid.specific_heat_J_per_kgK * pipe.area_m2


def plug_flow(
    pipe: Pipe,
    fluid: Fluid,
    flow_kg_per_s: float,
    inlet_K: Callable[[Floats], Floats],
    initial_K: float,
    ground_K: float,
    times_s: Floats,
) -> Floats:
    """Outlet of a pipe without wall at constant flow: the inlet delayed, its excess faded."""
    delay = delay_s(pipe, fluid, flow_kg_per_s)
    rate = pipe.loss_W_per_mK / water_capacity(pipe, fluid)
    old = ground_K + (initial_K - ground_K) * np.exp(-rate * times_s)
    new = ground_K + (inlet_K(times_s - delay) - ground_K) * np.exp(-rate * delay)
    return np.where(times_s < delay, old, new)


def film(pipe: Pipe, fluid: Fluid, flow_kg_per_s: float) -> float:
    """Conductance between water and wall at constant properties, W/(m K)."""
    assert pipe.wall is not None
    return film_conductance(
        flow_kg_per_s,
        pipe.inner_diameter_m,
        pipe.roughness_m,
        pipe.wall.thickness_m,
        pipe.wall.conductivity_W_per_mK,
        fluid.viscosity_Pa_s,
        fluid.conductivity_W_per_mK,
        fluid.specific_heat_J_per_kgK,
    )


def anzelius(x: float, y: float) -> float:
    """Water behind a step front in a pipe with a lossless wall, as a share of the step.

    1 − ∫₀ˣ exp(−y−ξ) I₀(2√(yξ)) dξ: Anzelius, Z. angew. Math. Mech. 6 (1926) 291;
    Schumann, J. Franklin Inst. 208 (1929) 405.
    """
    if y <= 0.0:
        return float(np.exp(-x)) if y == 0.0 else 0.0
    centre = min(y, x)
    value, _ = quad(
        lambda s: np.exp(-((np.sqrt(y) - np.sqrt(s)) ** 2)) * ive(0, 2 * np.sqrt(y * s)),
        0.0,
        x,
        points=[centre] if 0 < centre < x else None,
        epsabs=1e-10,
        epsrel=1e-10,
        limit=400,
    )
    return 1.0 - value


def step_with_wall(pipe: Pipe, fluid: Fluid, flow_kg_per_s: float, times_s: Floats) -> Floats:
    """Share of an inlet step that the outlet of a pipe with lossless wall has reached."""
    g = film(pipe, fluid, flow_kg_per_s)
    x = g * pipe.length_m / (flow_kg_per_s * fluid.specific_heat_J_per_kgK)
    after = times_s - delay_s(pipe, fluid, flow_kg_per_s)
    y = g * after / pipe.wall_heat_capacity_J_per_mK
    return np.array([anzelius(x, each) if each > 0 else 0.0 for each in y])
