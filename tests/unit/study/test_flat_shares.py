"""Shares of flats in a building's heat, against balances worked out by hand."""

from __future__ import annotations

import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.building import Building, Flat
from rexdynnet.network.rc import Coupling, Estimate, Parameter, Quantity, RCNetwork, parameters_of
from rexdynnet.study.flat_shares import flat_shares

ZONES = ("left", "right")
OUTDOOR_K = 273.15
EVEN_K = {"left": 293.15, "right": 293.15}


def house(
    outdoor: tuple[float, float] = (30.0, 10.0), coupling: float = 50.0, mass: bool = False
) -> RCNetwork:
    """Two zones; conductances in W/K."""
    values = {Quantity.OUTDOOR: outdoor, Quantity.GAIN: (0.0, 0.0)}
    values |= {Quantity.MASS_OUTDOOR: (5.0, 5.0), Quantity.MASS_CONDUCTANCE: (20.0, 20.0)}
    estimates = {
        one: Estimate(number, number, number)
        for one in parameters_of(ZONES, mass, 1, ())
        for number in (values.get(one.quantity, (1e6, 1e6))[ZONES.index(one.zone)],)
    }
    wall = Coupling("left", "right", Estimate(coupling, coupling, coupling), 1.0, True)
    return RCNetwork(ZONES, mass, (12.0,), estimates, (wall,))


def test_flats_as_warm_as_each_other_share_by_what_they_lose_outdoors() -> None:
    assert flat_shares(house(), EVEN_K, OUTDOOR_K) == pytest.approx({"left": 0.75, "right": 0.25})


def test_a_cooler_flat_is_heated_through_the_wall_of_its_neighbour() -> None:
    # left: 30·20 + 50·1 = 650 W; right: 10·19 − 50·1 = 140 W
    found = flat_shares(house(), {"left": 293.15, "right": 292.15}, OUTDOOR_K)
    assert found == pytest.approx({"left": 650 / 790, "right": 140 / 790})


def test_a_mass_loses_heat_in_series_with_its_flat() -> None:
    # 20 W/K and 5 W/K in series are 4 W/K: 34 and 14 W/K in all
    found = flat_shares(house(mass=True), EVEN_K, OUTDOOR_K)
    assert found == pytest.approx({"left": 34 / 48, "right": 14 / 48})


def test_gains_lower_a_flats_share() -> None:
    plain = house()
    gain = Parameter(Quantity.GAIN, "left")
    gaining = RCNetwork(
        plain.zones, plain.mass, plain.sectors_h,
        {**plain.estimates, gain: Estimate(200.0, 200.0, 200.0)}, plain.couplings,
    )  # fmt: skip
    assert flat_shares(gaining, EVEN_K, OUTDOOR_K)["left"] == pytest.approx(400 / 600)


def test_shares_make_a_building() -> None:
    shares = flat_shares(house(), EVEN_K, OUTDOOR_K)
    flats = tuple(Flat(name, share) for name, share in shares.items())
    assert Building("tower", "substation_3", flats).shares == shares


@pytest.mark.parametrize(
    ("indoor_K", "outdoor_K", "said"),
    [
        ({"left": 293.15}, OUTDOOR_K, "right has no set-point"),
        ({**EVEN_K, "rigth": 293.15}, OUTDOOR_K, "no zone rigth.*did you mean 'right'"),
        ({"left": 293.15, "right": 20.0}, OUTDOOR_K, "right.*20.0 K"),
        (EVEN_K, float("nan"), "outdoor.*nan K"),
        ({"left": 299.15, "right": 290.15}, OUTDOOR_K, "right needs no heat at 17 degC"),
    ],
)
def test_what_gives_no_shares_is_refused(
    indoor_K: dict[str, float], outdoor_K: float, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        flat_shares(house(), indoor_K, outdoor_K)
