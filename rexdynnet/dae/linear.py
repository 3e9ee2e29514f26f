"""Linearise a model at a point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.consistent import Point
from rexdynnet.dae.model import Dae

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LinearModel:
    """δẋ = A δx + B δu + E δd, δy = C δx + D δu + F δd around a point, algebraics eliminated.

    Parameters
    ----------
    A, B, E : (n_x, ·) arrays
    C, D, F : (n_y, ·) arrays
    x_names, u_names, d_names, y_names : tuple of str
    point : Point
    rates : (n_x,) array
        ẋ at the point; zero in a steady state.
    """

    A: Floats
    B: Floats
    E: Floats
    C: Floats
    D: Floats
    F: Floats
    x_names: tuple[str, ...]
    u_names: tuple[str, ...]
    d_names: tuple[str, ...]
    y_names: tuple[str, ...]
    point: Point
    rates: Floats


def linearise(dae: Dae, point: Point) -> LinearModel:
    """First-order model around a point with consistent algebraics.

    Parameters
    ----------
    dae : Dae
    point : Point
        `z` must solve the algebraic equations at the point.

    Returns
    -------
    LinearModel

    Raises
    ------
    numpy.linalg.LinAlgError
        If the model has not index 1 at the point.

    Notes
    -----
    By the implicit function theorem dz = −(∂alg/∂z)⁻¹ (∂alg/∂x dx + ∂alg/∂u du + ∂alg/∂d dd).
    """
    arguments = (point.t, point.x, point.z, point.u, point.d, point.p)
    blocks = [np.asarray(block) for block in dae.derivatives(*arguments)]
    f_x, f_z, f_u, f_d, g_x, g_z, g_u, g_d, h_x, h_z, h_u, h_d = blocks
    to_z = -np.linalg.solve(g_z, np.hstack([g_x, g_u, g_d]))
    sizes = [g_x.shape[1], g_x.shape[1] + g_u.shape[1]]
    z_x, z_u, z_d = np.split(to_z, sizes, axis=1)
    return LinearModel(
        A=f_x + f_z @ z_x,
        B=f_u + f_z @ z_u,
        E=f_d + f_z @ z_d,
        C=h_x + h_z @ z_x,
        D=h_u + h_z @ z_u,
        F=h_d + h_z @ z_d,
        x_names=dae.x_names,
        u_names=tuple(signal.name for signal in dae.u),
        d_names=tuple(signal.name for signal in dae.d),
        y_names=dae.y_names,
        point=point,
        rates=np.asarray(dae.ode(*arguments)).ravel(),
    )
