"""A flat's rooms as the store that its prosumer trades with, from the building's network."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.flexible import HeatStore
from rexdynnet.network.rc import RCNetwork


def heat_store(
    network: RCNetwork, zone: str, *, unit_s: float, band_K: float, most_W: float
) -> HeatStore:
    """What a flat can shift, by the thermal network of its building.

    Parameters
    ----------
    network : RCNetwork
    zone : str
        The flat; heat of the others is as it was.
    unit_s : float
        Length of a unit of the market.
    band_K : float
        The flat's air may deviate this much to either side.
    most_W : float
        Of its substation.

    Returns
    -------
    HeatStore
        Over all nodes of the building: what the neighbours take comes back later.

    Raises
    ------
    InputError
        The network has no such zone.
    """
    if zone not in network.zones:
        raise InputError(
            Finding(f"there is no zone {zone}", f"name one of {', '.join(network.zones)}")
        )
    space, at = network.state_space(), network.zones.index(zone)
    nodes = len(network.zones) * (2 if network.mass else 1)
    block = np.zeros((nodes + 1, nodes + 1))
    block[:nodes, :nodes] = space.A[:nodes, :nodes]
    block[:nodes, nodes] = space.B[:nodes, 1 + at]
    step = np.asarray(expm(block * unit_s), dtype=np.float64)
    gain_K_per_Wh = step[:nodes, nodes] * 3600.0 / unit_s
    return HeatStore(step[:nodes, :nodes], gain_K_per_Wh, at, band_K, most_W * unit_s / 3600.0)
