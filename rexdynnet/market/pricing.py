"""Pricing functions: from what the maker knows to the cost function it quotes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Rules
from rexdynnet.timeline import PriceSurface

nEUR_PER_uEUR = 1000


class Curve(NamedTuple):
    """Convex cost of the inventory of one unit.

    With q_n lots sold at node n and X = Σ q_n − neutral,

        C = Σ base_n q_n + premium |X| + skew X² / 2

    Parameters
    ----------
    base_uEUR : tuple of int
        Per lot and node.
    premium_uEUR : int
        Per lot of open position, not negative: what the maker asks for its risk.
    skew_nEUR : int
        Per lot², in 1e-9 EUR, not negative.
    neutral : int
        Lots sold at which the maker bears no risk, for example expected demand.
    """

    base_uEUR: tuple[int, ...]
    premium_uEUR: int = 0
    skew_nEUR: int = 0
    neutral: int = 0

    def cost(self, inventory: int, node: int, lots: int) -> int:
        """Cost of going from `inventory` lots sold to `inventory + lots`, in µEUR, rounded up.

        Rounding up is towards the maker on both sides, so that there and back again can
        never bring its customer anything.

        Examples
        --------
        >>> curve = Curve((500,), premium_uEUR=20, skew_nEUR=1000)
        >>> curve.cost(0, 0, 10), curve.cost(10, 0, -10)
        (5250, -5250)
        """
        base_uEUR, premium_uEUR, skew_nEUR, neutral = self
        x = inventory - neutral
        moved = abs(x + lots) - abs(x)
        bent = skew_nEUR * lots * (2 * x + lots)
        return base_uEUR[node] * lots + premium_uEUR * moved - (-bent // (2 * nEUR_PER_uEUR))


class Pricing(Protocol):
    """Gives every unit its curve."""

    @property
    def recentres(self) -> bool:
        """Whether what is sold when curves are published is where the maker bears no risk."""
        ...

    def curves(
        self, rules: Rules, nodes: tuple[str, ...], surface: PriceSurface | None
    ) -> Mapping[int, Curve] | Curve:
        """Curves per unit that have changed, or one for all units that have none of their own.

        Parameters
        ----------
        rules : Rules
        nodes : tuple of str
            Of the market, in the order of `Curve.base_uEUR`.
        surface : PriceSurface or None
            What the flow controller certified last; None before the first time.
        """
        ...


@dataclass(frozen=True)
class ConstantTariff:
    """One price, everywhere and always, for buyers and sellers.

    Parameters
    ----------
    price_EUR_per_MWh : float
    """

    price_EUR_per_MWh: float

    @property
    def recentres(self) -> bool:
        """Without skew there is nothing to move."""
        return False

    def curves(
        self, rules: Rules, nodes: tuple[str, ...], surface: PriceSurface | None
    ) -> Mapping[int, Curve] | Curve:
        """The same curve for every unit."""
        del surface
        return Curve((rules.uEUR_per_lot(self.price_EUR_per_MWh),) * len(nodes))


@dataclass(frozen=True)
class InventoryFeedback:
    """A price that rises with what is sold and falls with what is bought back.

    Parameters
    ----------
    price_EUR_per_MWh : float
        At the neutral inventory.
    skew_EUR_per_MWh2 : float
        Rise of the price per MWh sold.
    neutral_MWh : float
        Per unit.

    Raises
    ------
    InputError
        A negative skew.
    """

    price_EUR_per_MWh: float
    skew_EUR_per_MWh2: float
    neutral_MWh: float = 0.0

    def __post_init__(self) -> None:
        _refuse_negative(self, ("skew_EUR_per_MWh2",))

    @property
    def recentres(self) -> bool:
        """The price of a unit is told by its inventory alone."""
        return False

    def curves(
        self, rules: Rules, nodes: tuple[str, ...], surface: PriceSurface | None
    ) -> Mapping[int, Curve] | Curve:
        """The same curve for every unit."""
        del surface
        return Curve(
            (rules.uEUR_per_lot(self.price_EUR_per_MWh),) * len(nodes),
            0,
            _skew(rules, self.skew_EUR_per_MWh2),
            round(self.neutral_MWh * 1e6 / rules.lot_Wh),
        )


@dataclass(frozen=True)
class MarginalCost:
    """What heat costs at each node and unit, bent by inventory, plus a premium for risk.

    Parameters
    ----------
    skew_EUR_per_MWh2 : float
    premium_EUR_per_MWh : float
        Per open MWh.
    neutral_MWh : float or None
        Sold per unit at which the maker bears no risk. None: what is sold when prices are
        published, for they are those of a plan that knows it.

    Notes
    -----
    With a fixed neutral inventory a unit is cheap as long as little of it is sold, whatever
    the plan expects: who comes first and resells profits (`docs/adr`, decision 8).
    """

    skew_EUR_per_MWh2: float = 0.0
    premium_EUR_per_MWh: float = 0.0
    neutral_MWh: float | None = None

    def __post_init__(self) -> None:
        _refuse_negative(self, ("skew_EUR_per_MWh2", "premium_EUR_per_MWh"))

    @property
    def recentres(self) -> bool:
        """Whether no neutral inventory is given."""
        return self.neutral_MWh is None

    def curves(
        self, rules: Rules, nodes: tuple[str, ...], surface: PriceSurface | None
    ) -> Mapping[int, Curve] | Curve:
        """A curve for each unit of the surface; none where no place has a valid price.

        A place whose own price is not valid takes the mean over the valid ones of its unit.

        Raises
        ------
        InputError
            A node that the surface lacks, or units that are not those of the market.
        """
        if surface is None:
            return {}
        missing = [node for node in nodes if node not in surface.places]
        if missing:
            raise InputError(
                *(
                    Finding("the price surface has no such place", "price it too", component=node)
                    for node in missing
                )
            )
        columns = [surface.places.index(node) for node in nodes]
        skew = _skew(rules, self.skew_EUR_per_MWh2)
        premium = rules.uEUR_per_lot(self.premium_EUR_per_MWh)
        neutral = round((self.neutral_MWh or 0.0) * 1e6 / rules.lot_Wh)
        found: dict[int, Curve] = {}
        first = first_unit(rules, surface.units[0].start, surface.units[0].length_s)
        for row in range(len(surface.units)):
            price: NDArray[np.float64] = surface.price_EUR_per_MWh[row, columns]
            valid = surface.valid[row, columns] & np.isfinite(price)
            if valid.any():
                filled = np.where(valid, price, price[valid].mean())
                base = tuple(rules.uEUR_per_lot(float(value)) for value in filled)
                found[first + row] = Curve(base, premium, skew, neutral)
        return found


def first_unit(rules: Rules, start: datetime, length_s: float) -> int:
    """Number of the unit that begins at an instant.

    Raises
    ------
    InputError
        Units of another length, or that begin between two of the market's.
    """
    unit = rules.unit_at(start)
    if length_s != rules.unit_s or rules.time_unit(unit).start != start:
        raise InputError(
            Finding(
                f"units of {length_s:g} s from {start.isoformat()} are not the market's",
                f"use units of {rules.unit_s} s that begin with one of the market's",
            )
        )
    return unit


def _refuse_negative(pricing: object, names: tuple[str, ...]) -> None:
    """A bid above its ask would pay for round trips."""
    for name in names:
        value: float = getattr(pricing, name)
        if not 0.0 <= value < float("inf"):
            raise InputError(Finding(f"{name} is {value}", "give 0 or more", field=name))


def _skew(rules: Rules, skew_EUR_per_MWh2: float) -> int:
    # EUR/MWh per MWh -> nEUR per lot per lot
    return round(skew_EUR_per_MWh2 * (rules.lot_Wh * 1e-6) ** 2 * 1e9)
