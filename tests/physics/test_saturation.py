"""Water at saturation against the tables that the correlations were fitted to."""

from __future__ import annotations

import pytest

from rexdynnet.physics.saturation import (
    density_kg_per_m3,
    saturation_pressure_Pa,
    specific_heat_J_per_kgK,
)


@pytest.mark.parametrize(
    ("temperature", "pressure"), [(300.0, 3536.58941), (500.0, 2.63889776e6), (600.0, 12.3443146e6)]
)
def test_saturation_pressure_gives_the_verification_values_of_if97(
    temperature: float, pressure: float
) -> None:
    # IAPWS R7-97(2012), table 35
    assert saturation_pressure_Pa(temperature) == pytest.approx(pressure, rel=1e-8)


def test_saturation_pressure_refuses_ice() -> None:
    with pytest.raises(ValueError, match=r"273\.15"):
        saturation_pressure_Pa(270.0)


@pytest.mark.parametrize(
    ("celsius", "density", "specific_heat"),
    [(5, 999.97, 4205), (25, 997.05, 4182), (50, 988.03, 4181), (80, 971.79, 4197)],
)
def test_density_and_specific_heat_agree_with_tables(
    celsius: float, density: float, specific_heat: float
) -> None:
    # IAPWS-95 at 0.1 MPa
    assert density_kg_per_m3(273.15 + celsius) == pytest.approx(density, rel=2e-5)
    assert specific_heat_J_per_kgK(273.15 + celsius) == pytest.approx(specific_heat, rel=1e-3)
