"""Who of a building's flats bears what of the area's bill for a unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.building import share_out
from rexdynnet.market.deviation import Bins, Cascade, bins
from rexdynnet.market.ledger import Cause
from rexdynnet.market.settle import Line


class Use(NamedTuple):
    """What a flat reserved, wanted and got in a unit."""

    reserved_Wh: int
    demanded_Wh: int
    delivered_Wh: int

    @property
    def taken_Wh(self) -> int:
        """Beyond the reservation; negative leaves heat to others."""
        return self.delivered_Wh - self.reserved_Wh


class Bill(NamedTuple):
    """A unit's bill, flat by flat.

    Parameters
    ----------
    netted_Wh : dict of str to int
        Heat taken from other flats' reservations, negative what was left to them; sums to zero.
    netted_uEUR : dict of str to int
        Gained for it; sums to zero.
    area_uEUR : dict of Cause to dict of str to int
        Gained of what the area's ledger says of the building; sums to that.
    """

    netted_Wh: dict[str, int]
    netted_uEUR: dict[str, int]
    area_uEUR: dict[Cause, dict[str, int]]


def uses_of(line: Line, reserved_Wh: Mapping[str, int], needs: Mapping[str, int]) -> dict[str, Use]:
    """Divide what a building's meter says by what its flats' allocators say.

    Parameters
    ----------
    line : Line
        Of the building in the area's statement.
    reserved_Wh : mapping of flat to int
        Sums to the building's reservation.
    needs : mapping of flat to int
        Counted by the flats' heat cost allocators, in any unit. Where the building's meter was
        substituted, flats count as their reservations instead.

    Returns
    -------
    dict of str to Use
        Demands sum to the building's. What the network withholds is missing to all in
        proportion to their demands.

    Raises
    ------
    InputError
        Reservations that do not sum to the building's.
    """
    if sum(reserved_Wh.values()) != line.reserved_Wh:
        raise InputError(
            Finding(
                f"flats reserved {sum(reserved_Wh.values())} Wh and the building "
                f"{line.reserved_Wh} Wh",
                "pass every trade of the building on to its flats first",
                component=line.participant,
            )
        )
    demanded = share_out(line.demanded_Wh, reserved_Wh if line.provisional else needs)
    by = demanded if line.demanded_Wh > 0 else needs
    delivered = share_out(line.delivered_Wh, by)
    return {
        name: Use(reserved, demanded[name], delivered[name])
        for name, reserved in reserved_Wh.items()
    }


def bill_of(
    line: Line,
    uses: Mapping[str, Use],
    amounts_uEUR: Mapping[Cause, int],
    marginal_uEUR: int,
    lot_Wh: int,
    cascade: Cascade,
) -> Bill:
    """Split the bill of a building by who caused it.

    Parameters
    ----------
    line : Line
        Of the building in the area's statement.
    uses : mapping of flat to Use
    amounts_uEUR : mapping of Cause to int
        What the building gained by this unit's settlement.
    marginal_uEUR : int
        Per lot: flats that net each other pay this.
    lot_Wh : int
    cascade : Cascade

    Returns
    -------
    Bill

    Notes
    -----
    Flats that take beyond their reservation take first what others left. Imbalance and
    discard fall to the flats that deviate to the building's side, by their deviations, penalties
    to them by what their own deviations would weigh. Refunds of withheld heat
    go to those who missed it, and to those who left heat that nobody inside took. All else goes
    by delivered heat.
    """
    sorted_by: dict[str, Bins] = {name: bins(*use) for name, use in uses.items()}
    over = {name: max(use.taken_Wh, 0) for name, use in uses.items()}
    under = {name: max(-use.taken_Wh, 0) for name, use in uses.items()}
    met_Wh = min(sum(over.values()), sum(under.values()))
    bought, sold = share_out(met_Wh, over), share_out(met_Wh, under)
    price = met_Wh * marginal_uEUR // lot_Wh
    paid, earned = share_out(price, over), share_out(price, under)
    short = {name: each.short_Wh for name, each in sorted_by.items()}
    long = {name: each.long_Wh for name, each in sorted_by.items()}
    missed = {name: each.withheld_Wh for name, each in sorted_by.items()}
    own = short if line.bins.short_Wh else long
    weighted = {
        name: cascade.weighted_Wh(own[name], use.reserved_Wh)[0] for name, use in uses.items()
    }
    refunded = _refunded(missed, long, met_Wh, line.bins.long_Wh)
    delivered = {name: max(use.delivered_Wh, 0) for name, use in uses.items()}
    found: dict[Cause, dict[str, int]] = {}
    for cause, amount in amounts_uEUR.items():
        match cause:
            case Cause.IMBALANCE | Cause.DISCARD:
                weights = own
            case Cause.PENALTY:
                weights = weighted if any(weighted.values()) else own
            case Cause.COMPENSATION:
                weights = refunded
            case _:
                weights = delivered
        found[cause] = share_out(amount, weights)
    return Bill(
        {name: bought[name] - sold[name] for name in uses},
        {name: earned[name] - paid[name] for name in uses},
        found,
    )


def _refunded(
    missed: Mapping[str, int], long: Mapping[str, int], met_Wh: int, long_Wh: int
) -> dict[str, int]:
    """Weights of what the network withheld from the building."""
    left, lacked = sum(long.values()), sum(missed.values())
    # what flats took of others' reservations was first what nobody wanted
    of_left = min(met_Wh, left - long_Wh)
    from_long, from_missed = left - of_left - long_Wh, lacked - (met_Wh - of_left)
    return {
        name: missed[name] * from_missed * max(left, 1) + long[name] * from_long * max(lacked, 1)
        for name in missed
    }
