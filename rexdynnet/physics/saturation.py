"""Saturation pressure, density and specific heat of water, for set-up and checks."""

from __future__ import annotations

from math import sqrt

_REGION_4 = (
    0.11670521452767e4,
    -0.72421316703206e6,
    -0.17073846940092e2,
    0.12020824702470e5,
    -0.32325550322333e7,
    0.14915108613530e2,
    -0.48232657361591e4,
    0.40511340542057e6,
    -0.23855557567849,
    0.65017534844798e3,
)
CRITICAL_K = 647.096


def saturation_pressure_Pa(temperature_K: float) -> float:
    """Pressure at which water boils.

    Parameters
    ----------
    temperature_K : float
        273.15 to 647.096 K.

    Returns
    -------
    float
        Absolute pressure, Pa.

    Raises
    ------
    ValueError
        The temperature is outside the equation's range.

    Notes
    -----
    IAPWS-IF97, region 4, equation 30 (Wagner et al., J. Eng. Gas Turbines Power 122 (2000) 150).

    Examples
    --------
    >>> round(saturation_pressure_Pa(373.15))
    101418
    """
    if not 273.15 <= temperature_K <= CRITICAL_K:
        raise ValueError(f"saturation pressure is defined from 273.15 K, not at {temperature_K} K")
    n = _REGION_4
    theta = temperature_K + n[8] / (temperature_K - n[9])
    a = theta**2 + n[0] * theta + n[1]
    b = n[2] * theta**2 + n[3] * theta + n[4]
    c = n[5] * theta**2 + n[6] * theta + n[7]
    return 1e6 * (2 * c / (-b + sqrt(b**2 - 4 * a * c))) ** 4


def density_kg_per_m3(temperature_K: float) -> float:
    """Density of liquid water at atmospheric pressure.

    Parameters
    ----------
    temperature_K : float
        273.15 to 423.15 K.

    Returns
    -------
    float
        kg/m³.

    Notes
    -----
    Kell, J. Chem. Eng. Data 20 (1975) 97, equation 16; above 100 °C an extrapolation that
    neglects the pressure (0.05 % per 10 bar).

    Examples
    --------
    >>> round(density_kg_per_m3(333.15), 1)
    983.2
    """
    t = temperature_K - 273.15
    above = (
        999.83952
        + 16.945176 * t
        - 7.9870401e-3 * t**2
        - 46.170461e-6 * t**3
        + 105.56302e-9 * t**4
        - 280.54253e-12 * t**5
    )
    return above / (1 + 16.879850e-3 * t)


def specific_heat_J_per_kgK(temperature_K: float) -> float:
    """Isobaric specific heat of liquid water.

    Parameters
    ----------
    temperature_K : float
        273.15 to 423.15 K.

    Returns
    -------
    float
        J/(kg K), within 0.06 %.

    Notes
    -----
    Popiel and Wojtkowiak, Heat Transfer Eng. 19 (1998) 87, at saturation.

    Examples
    --------
    >>> round(specific_heat_J_per_kgK(333.15))
    4185
    """
    t = temperature_K - 273.15
    return 1e3 * (
        4.2174356
        - 0.0056181625 * t
        + 0.0012992528 * t**1.5
        - 0.00011535353 * t**2
        + 4.14964e-6 * t**2.5
    )
