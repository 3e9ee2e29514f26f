"""Shares of flats in their building's need of heat, from its identified thermal network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.rc import RCNetwork

Floats = NDArray[np.float64]


def flat_shares(
    building: RCNetwork, indoor_K: Mapping[str, float], outdoor_K: float
) -> dict[str, float]:
    """What part of a building's heat each zone needs to hold its rooms at their set-points.

    Parameters
    ----------
    building : RCNetwork
        Of `rexdynnet identify`; zones are flats.
    indoor_K : mapping of zone to float
        Set-points, K.
    outdoor_K : float
        At which shares are taken, for example the mean of a heating season, K.

    Returns
    -------
    dict of zone to float
        They sum to 1, as `[[market.buildings.flats]]` wants them.

    Raises
    ------
    InputError
        A zone without a set-point, a set-point of no zone, temperatures that are no numbers, or a
        zone that its neighbours keep warm.

    Notes
    -----
    Steady state without sun: air nodes stand at their set-points, masses where their flows balance,
    and the heat is what is left of each air node's balance (see `rexdynnet.network.rc`). A flat
    kept cooler than its neighbours takes heat through their walls, and its share says so.
    """
    _check(building, indoor_K, outdoor_K)
    space = building.state_space()
    count = len(building.zones)
    air, rest = slice(0, count), slice(count, 2 * count if building.mass else count)
    rooms_K = np.array([indoor_K[zone] for zone in building.zones])

    def driven(rows: slice) -> Floats:
        return space.A[rows, air] @ rooms_K + space.B[rows, 0] * outdoor_K + space.B[rows, -1]

    masses_K = np.linalg.solve(space.A[rest, rest], -driven(rest))
    heat_W = -(driven(air) + space.A[air, rest] @ masses_K) / np.diag(space.B[air, 1 : 1 + count])
    cold = [zone for zone, heat in zip(building.zones, heat_W, strict=True) if not heat > 0.0]
    if cold:
        raise InputError(
            *(
                Finding(
                    f"{zone} needs no heat at {indoor_K[zone] - 273.15:g} degC indoors and "
                    f"{outdoor_K - 273.15:g} degC outdoors: others or gains keep it warm",
                    "take a colder day or a warmer set-point, or leave the flat out",
                    component=zone,
                )
                for zone in cold
            )
        )
    shares = heat_W / heat_W.sum()
    return {zone: float(share) for zone, share in zip(building.zones, shares, strict=True)}


def _check(building: RCNetwork, indoor_K: Mapping[str, float], outdoor_K: float) -> None:
    findings = [
        Finding(f"{zone} has no set-point", "give one in K", component=zone)
        for zone in building.zones
        if zone not in indoor_K
    ]
    findings += [
        Finding(f"there is no zone {zone}", nearest(zone, building.zones), component=zone)
        for zone in indoor_K
        if zone not in building.zones
    ]
    findings += [
        Finding(f"{name} is {value} K", "give a temperature in K", component=name)
        for name, value in (*indoor_K.items(), ("outdoor", outdoor_K))
        if not 200.0 < value < 400.0
    ]
    if findings:
        raise InputError(*findings)
