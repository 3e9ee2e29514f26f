"""Pressure loss of pipes: Darcy–Weisbach, smooth from rest to rough turbulence."""

from __future__ import annotations

from enum import Enum
from math import pi
from typing import Any

from numba.extending import register_jitable

from rexdynnet.physics.ops import absolute, exp, log, maximum

TRANSITION_REYNOLDS = 2700.0
TRANSITION_WIDTH = 200.0
_LN10 = 2.302585092994046


class FrictionLaw(Enum):
    """How the friction factor follows the Reynolds number."""

    COLEBROOK = "Hagen–Poiseuille, blended smoothly into Colebrook–White"
    NIKURADSE = "64/Re plus the fully rough limit (the default of pandapipes)"


@register_jitable
def turbulent_share(reynolds: Any) -> Any:
    """Weight of the turbulent law, 0 to 1, smooth across the transition.

    Parameters
    ----------
    reynolds : float, array or symbol
        Not negative.

    Returns
    -------
    same shape
        0 in laminar flow, 1/2 at Re = 2700, 1 in turbulent flow.
    """
    x = (reynolds - TRANSITION_REYNOLDS) / TRANSITION_WIDTH
    return 1.0 / (1.0 + exp(-maximum(x, -30.0)))


@register_jitable
def colebrook_factor(reynolds: Any, relative_roughness: Any) -> Any:
    """Turbulent Darcy friction factor of Colebrook and White, explicit.

    Two fixed-point steps from Haaland's formula (J. Fluids Eng. 105, 1983) solve
    the Colebrook–White equation within 1e-4 relative for Re > 2300.

    Parameters
    ----------
    reynolds, relative_roughness : float, array or symbol
        Dimensionless; Reynolds is taken as at least 1000.

    Returns
    -------
    same shape
        Darcy friction factor.

    Examples
    --------
    >>> float(round(colebrook_factor(1e5, 1e-3), 5))
    0.02217
    """
    x = _inverse_root(1.0 / maximum(reynolds, 1000.0), relative_roughness / 3.7)
    return 1.0 / (x * x)


@register_jitable
def _inverse_root(per_reynolds: Any, rough: Any) -> Any:
    """1 / sqrt(f) of `colebrook_factor`."""
    x = -1.8 / _LN10 * log(rough**1.11 + 6.9 * per_reynolds)
    x = -2.0 / _LN10 * log(rough + 2.51 * per_reynolds * x)
    return -2.0 / _LN10 * log(rough + 2.51 * per_reynolds * x)


@register_jitable
def friction_times_reynolds(reynolds: Any, relative_roughness: Any, nikuradse: bool) -> Any:
    """Product f·Re, which stays finite at rest (64).

    Parameters
    ----------
    reynolds : float, array or symbol
        Not negative.
    relative_roughness : float, array or symbol
    nikuradse : bool
        True: `FrictionLaw.NIKURADSE`, else `FrictionLaw.COLEBROOK`.

    Returns
    -------
    same shape
        f·Re of the Darcy factor f.
    """
    if nikuradse:
        y = -2.0 / _LN10 * log(maximum(relative_roughness, 1e-9) / 3.71)
        return 64.0 + reynolds / (y * y)
    weight = turbulent_share(reynolds)
    return (1.0 - weight) * 64.0 + weight * reynolds * colebrook_factor(
        reynolds, relative_roughness
    )


@register_jitable
def pressure_loss(
    mass_flow: Any,
    length_m: Any,
    diameter_m: Any,
    roughness_m: Any,
    minor_loss: Any,
    density: Any,
    viscosity_Pa_s: Any,
    nikuradse: bool = False,
) -> Any:
    """Loss of pressure along a pipe in the direction of positive flow.

    Parameters
    ----------
    mass_flow : float, array or symbol
        kg/s, signed.
    length_m, diameter_m, roughness_m : float
    minor_loss : float
        Sum of loss coefficients.
    density : float
        kg/m³.
    viscosity_Pa_s : float, array or symbol
    nikuradse : bool
        Which `FrictionLaw`.

    Returns
    -------
    same shape
        Pa; odd and strictly increasing in the mass flow.

    Notes
    -----
    Darcy–Weisbach; laminar Hagen–Poiseuille; Colebrook, J. ICE 11 (1939) 133.

    Examples
    --------
    >>> int(pressure_loss(1.0, 100.0, 0.05, 1e-5, 0.0, 983.0, 4.7e-4))
    5607
    """
    area = pi * diameter_m * diameter_m / 4.0
    speed_flow = absolute(mass_flow)
    reynolds = speed_flow * diameter_m / (area * viscosity_Pa_s)
    factor = friction_times_reynolds(reynolds, roughness_m / diameter_m, nikuradse)
    wall = factor * viscosity_Pa_s * length_m / (2.0 * density * area * diameter_m * diameter_m)
    fittings = minor_loss * speed_flow / (2.0 * density * area * area)
    return (wall + fittings) * mass_flow


@register_jitable
def pressure_loss_and_slope(
    mass_flow: Any,
    length_m: Any,
    diameter_m: Any,
    roughness_m: Any,
    minor_loss: Any,
    density: Any,
    viscosity_Pa_s: Any,
    nikuradse: bool = False,
) -> tuple[Any, Any]:
    """Loss of pressure along a pipe and its derivative with respect to the mass flow.

    Parameters
    ----------
    mass_flow, length_m, diameter_m, roughness_m, minor_loss, density, viscosity_Pa_s, nikuradse
        As in `pressure_loss`, but numbers only.

    Returns
    -------
    loss : float
        Pa; equal to `pressure_loss` up to round-off.
    slope : float
        Pa s/kg, positive; within 1 % of the derivative (the Colebrook equation is
        differentiated implicitly at its explicit solution).

    Examples
    --------
    >>> loss, slope = pressure_loss_and_slope(1.0, 100.0, 0.05, 1e-5, 0.0, 983.0, 4.7e-4)
    >>> int(loss), int(slope)
    (5607, 10119)
    """
    area = pi * diameter_m * diameter_m / 4.0
    speed_flow = absolute(mass_flow)
    reynolds = speed_flow * diameter_m / (area * viscosity_Pa_s)
    relative = roughness_m / diameter_m
    if nikuradse:
        y = -2.0 / _LN10 * log(maximum(relative, 1e-9) / 3.71)
        factor = 64.0 + reynolds / (y * y)
        rise = 1.0 / (y * y)
    else:
        # 1 / (1 + exp(-40)) is 1 in double precision
        settled = reynolds > TRANSITION_REYNOLDS + 40.0 * TRANSITION_WIDTH
        weight = 1.0 if settled else turbulent_share(reynolds)
        per_re = 1.0 / maximum(reynolds, 1000.0)
        rough = relative / 3.7
        x = _inverse_root(per_re, rough)
        darcy = 1.0 / (x * x)
        lever = 2.0 / _LN10 * 2.51 * per_re
        rise = lever / (rough + 2.51 * per_re * x + lever)
        turbulent_rise = darcy * (1.0 - 2.0 * reynolds * per_re * rise)
        factor = (1.0 - weight) * 64.0 + weight * reynolds * darcy
        blend = weight * (1.0 - weight) / TRANSITION_WIDTH
        rise = blend * (reynolds * darcy - 64.0) + weight * turbulent_rise
    scale = viscosity_Pa_s * length_m / (2.0 * density * area * diameter_m * diameter_m)
    fittings = minor_loss * speed_flow / (2.0 * density * area * area)
    loss = (scale * factor + fittings) * mass_flow
    slope = scale * (factor + rise * reynolds) + 2.0 * fittings
    return loss, slope
