"""The reservation maker: always quotes, and takes every order within published depth."""

from __future__ import annotations

from collections.abc import Mapping

from rexdynnet.market.mechanism import MAKER, NO_BOUND, Ask, Fill, Level, Outcome, Quote
from rexdynnet.market.pricing import Curve
from rexdynnet.market.refusals import Reason, Refusal


class ReservationMaker:
    """Quotes from one convex cost function of its inventory per unit.

    Parameters
    ----------
    tick_uEUR : int
        Published quotes are rounded outward to ticks; trades pay the exact cost.

    Examples
    --------
    >>> maker = ReservationMaker(10)
    >>> maker.reprice(Curve((500,), premium_uEUR=20))
    >>> maker.take(Ask(1, 0, 1, 0, 5, 10, None)).fills
    (Fill(buy=1, sell=-1, lots=10, amount_uEUR=5200),)
    >>> maker.inventory[5]
    10
    """

    def __init__(self, tick_uEUR: int) -> None:
        self.tick_uEUR = tick_uEUR
        self.inventory: dict[int, int] = {}
        self._curves: dict[int, Curve] = {}
        self._default: Curve | None = None

    def reprice(self, curves: Mapping[int, Curve] | Curve) -> None:
        """Quote from new curves from now on; what was traded stays as it is."""
        if isinstance(curves, Curve):
            self._default = curves
        else:
            self._curves.update(curves)

    def recentred(self, curves: Mapping[int, Curve] | Curve) -> Mapping[int, Curve] | Curve:
        """The same curves with what is sold now as neutral."""
        if isinstance(curves, Curve):
            return curves
        sold = self.inventory
        return {unit: each._replace(neutral=sold.get(unit, 0)) for unit, each in curves.items()}

    def curve(self, unit: int) -> Curve | None:
        """What a unit is quoted from."""
        return self._curves.get(unit, self._default)

    def worst(self, ask: Ask) -> int | Refusal:
        """The exact cost, or why there is no price that the order accepts."""
        _, _, sign, node, unit, lots, limit = ask
        return self.price(sign, node, unit, lots, limit)

    def price(self, sign: int, node: int, unit: int, lots: int, limit: int | None) -> int | Refusal:
        """What `worst` says of an order with these fields."""
        curve = self._curves.get(unit, self._default)
        if curve is None:
            return Refusal(Reason.NOT_CERTIFIED, f"unit {unit} has no certified price")
        cost = curve.cost(self.inventory.get(unit, 0), node, sign * lots)
        if limit is not None and cost > sign * limit * lots:
            return Refusal(
                Reason.BEYOND_LIMIT,
                f"{lots} lots {'cost' if sign > 0 else 'bring'} {sign * cost / lots:.6g} "
                f"µEUR/lot against a limit of {limit}",
            )
        return cost

    def move(self, unit: int, lots: int) -> None:
        """Count `lots` more sold in a unit (negative: bought)."""
        inventory = self.inventory
        inventory[unit] = inventory.get(unit, 0) + lots

    def take(self, ask: Ask) -> Outcome:
        """Trade all of an order against the maker's own inventory."""
        order, _, sign, _, unit, lots, _ = ask
        cost = self.worst(ask._replace(limit_uEUR=None))
        if isinstance(cost, Refusal):
            return Outcome(())
        self.move(unit, sign * lots)
        if sign > 0:
            return Outcome((Fill(order, MAKER, lots, cost),))
        return Outcome((Fill(MAKER, order, lots, -cost),))

    def cancel(self, order: int) -> None:
        """Nothing: the maker keeps no book."""

    def close(self, unit: int) -> Outcome:
        """Nothing is left to trade; the unit's curve is dropped."""
        self._curves.pop(unit, None)
        return Outcome(())

    def quote(self, node: int, unit: int, depth: tuple[int, int]) -> Quote:
        """Price of the next lot on either side, and how many may follow."""
        curve = self._curves.get(unit, self._default)
        if curve is None:
            return Quote((), ())
        sold, tick = self.inventory.get(unit, 0), self.tick_uEUR
        ask = -(-curve.cost(sold, node, 1) // tick) * tick
        bid = -curve.cost(sold, node, -1) // tick * tick
        buy, sell = (min(lots, NO_BOUND) for lots in depth)
        return Quote(
            (Level(bid, sell),) if sell > 0 else (),
            (Level(ask, buy),) if buy > 0 else (),
        )

    def exposure_uEUR(self, unit: int) -> int:
        """What the open position of a unit would cost by its own risk terms."""
        curve = self._curves.get(unit, self._default)
        if curve is None:
            return 0
        x = self.inventory.get(unit, 0) - curve.neutral
        return curve.premium_uEUR * abs(x) + curve.skew_nEUR * x * x // 2000
