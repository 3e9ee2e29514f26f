"""What one unit cost the operator, and what heat costs where a plan cannot say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.contracts import J_PER_Wh
from rexdynnet.market.settle import UnitCosts
from rexdynnet.timeline import PriceSurface

_uEUR = 1e6


@dataclass(frozen=True)
class Counted:
    """What meters of the whole network stand at, at one instant.

    Parameters
    ----------
    cost_EUR : float
        Of fuel and electricity.
    lost_J, dumped_J : float
    """

    cost_EUR: float = 0.0
    lost_J: float = 0.0
    dumped_J: float = 0.0


def unit_costs(before: Counted, after: Counted, missed_lots: float, mean_uEUR: int) -> UnitCosts:
    """Split what a unit cost into supply and balancing.

    Balancing costs what the missed energy would have cost at the mean marginal cost, and never
    more than was spent.

    Parameters
    ----------
    before, after : Counted
        At the edges of the unit.
    missed_lots : float
        Delivered beyond what was reserved; negative or zero needs no balancing.
    mean_uEUR : int
        Mean marginal cost of a lot.

    Returns
    -------
    UnitCosts

    Examples
    --------
    >>> costs = unit_costs(Counted(10.0), Counted(12.5, lost_J=7.2e6), 3.0, 100_000)
    >>> costs.supply_uEUR, costs.balancing_uEUR, costs.losses_Wh
    (2200000, 300000, 2000)
    """
    spent = round((after.cost_EUR - before.cost_EUR) * _uEUR)
    balancing = min(max(round(missed_lots * mean_uEUR), 0), max(spent, 0))
    return UnitCosts(
        spent - balancing,
        balancing,
        max(round((after.lost_J - before.lost_J) / J_PER_Wh), 0),
        max(round((after.dumped_J - before.dumped_J) / J_PER_Wh), 0),
        mean_uEUR,
    )


def blind_units(surface: PriceSurface) -> NDArray[np.bool_]:
    """Return the units in which no place has a certified price; shape (units,)."""
    return np.logical_not(np.any(surface.valid, axis=1))


def with_tariff(surface: PriceSurface, tariff_EUR_per_MWh: float) -> PriceSurface:
    """Return prices to quote by: the tariff in units of which the plan certified none.

    Parameters
    ----------
    surface : PriceSurface
    tariff_EUR_per_MWh : float

    Returns
    -------
    PriceSurface
        Units with at least one certified price are as they were.
    """
    blind = blind_units(surface)[:, None]
    nothing = np.zeros_like(surface.energy)
    tariff = np.full_like(nothing, tariff_EUR_per_MWh)
    return PriceSurface(
        surface.places,
        surface.units,
        np.where(blind, tariff, surface.price_EUR_per_MWh),
        np.where(blind, tariff, surface.energy),
        np.where(blind, nothing, surface.loss),
        np.where(blind, nothing, surface.congestion),
        np.where(blind, nothing, surface.scarcity),
        surface.valid | blind,
        surface.uplift_EUR,
    )
