"""Transport properties of liquid water."""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

VALID_FROM_K = 273.15
VALID_TO_K = 453.15


@register_jitable
def viscosity(temperature_K: Any) -> Any:
    """Dynamic viscosity of liquid water.

    Parameters
    ----------
    temperature_K : float, array or symbol
        Any shape; 273.15 to 453.15 K (beyond 383 K an extrapolation of the fit).

    Returns
    -------
    same shape
        Pa s.

    Notes
    -----
    IAPWS SR6-08(2011), liquid water at 0.1 MPa, equation for the viscosity; 1 %.

    Examples
    --------
    >>> round(viscosity(298.15) * 1e6, 1)
    890.0
    """
    x = temperature_K / 300.0
    return 1e-6 * (280.68 * x**-1.9 + 511.45 * x**-7.7 + 61.131 * x**-19.6 + 0.45903 * x**-40.0)


@register_jitable
def conductivity(temperature_K: Any) -> Any:
    """Thermal conductivity of liquid water.

    Parameters
    ----------
    temperature_K : float, array or symbol
        Any shape; 273.15 to 453.15 K (beyond 383 K an extrapolation of the fit).

    Returns
    -------
    same shape
        W/(m K).

    Notes
    -----
    IAPWS SR6-08(2011), liquid water at 0.1 MPa, equation for the conductivity; 2 %.

    Examples
    --------
    >>> round(conductivity(298.15), 4)
    0.6065
    """
    x = temperature_K / 300.0
    return 1.6630 * x**-1.15 - 1.7781 * x**-3.4 + 1.1567 * x**-6.0 - 0.432115 * x**-7.6
