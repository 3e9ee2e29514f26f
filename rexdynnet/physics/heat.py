"""Heat exchange between water, pipe wall and surroundings."""

from __future__ import annotations

from math import pi
from typing import Any

from numba.extending import register_jitable

from rexdynnet.physics.friction import colebrook_factor, turbulent_share
from rexdynnet.physics.ops import absolute, log, maximum, sqrt

LAMINAR_NUSSELT = 3.66


@register_jitable
def nusselt(reynolds: Any, prandtl: Any, relative_roughness: Any) -> Any:
    """Nusselt number of fully developed pipe flow, smooth from rest to turbulence.

    Parameters
    ----------
    reynolds, prandtl, relative_roughness : float, array or symbol

    Returns
    -------
    same shape
        Dimensionless.

    Notes
    -----
    Laminar at constant wall temperature 3.66; Gnielinski, Int. Chem. Eng. 16 (1976) 359,
    with the Colebrook friction factor; blended as the friction factor is.

    Examples
    --------
    >>> round(nusselt(1e4, 3.0, 0.0))
    56
    >>> float(round(nusselt(0.0, 3.0, 0.0), 3))
    3.66
    """
    f8 = colebrook_factor(reynolds, relative_roughness) / 8.0
    excess = maximum(reynolds - 1000.0, 0.0)
    turbulent = f8 * excess * prandtl / (1.0 + 12.7 * sqrt(f8) * (prandtl ** (2.0 / 3.0) - 1.0))
    weight = turbulent_share(reynolds)
    return (1.0 - weight) * LAMINAR_NUSSELT + weight * turbulent


@register_jitable
def film_conductance(
    mass_flow: Any,
    diameter_m: Any,
    roughness_m: Any,
    wall_thickness_m: Any,
    wall_conductivity: Any,
    viscosity_Pa_s: Any,
    water_conductivity: Any,
    specific_heat: Any,
) -> Any:
    """Conductance per metre from the water to the middle of the wall.

    Parameters
    ----------
    mass_flow : float, array or symbol
        kg/s, either sign.
    diameter_m, roughness_m, wall_thickness_m : float
    wall_conductivity, water_conductivity : float
        W/(m K).
    viscosity_Pa_s, specific_heat : float
        Pa s and J/(kg K).

    Returns
    -------
    same shape
        W/(m K): the film in series with half of the wall.
    """
    reynolds = 4.0 * absolute(mass_flow) / (pi * diameter_m * viscosity_Pa_s)
    prandtl = viscosity_Pa_s * specific_heat / water_conductivity
    film = pi * water_conductivity * nusselt(reynolds, prandtl, roughness_m / diameter_m)
    half_wall = log(1.0 + wall_thickness_m / diameter_m) / (2.0 * pi * wall_conductivity)
    return 1.0 / (1.0 / film + half_wall)
