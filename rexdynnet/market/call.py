"""Call auction: orders gather until gate closure and clear in merit order at one price."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rexdynnet.market.mechanism import Ask, Fill, Level, Outcome, Quote, within
from rexdynnet.market.refusals import Reason, Refusal


class Clearing(NamedTuple):
    """One price for all that trades.

    Parameters
    ----------
    price_uEUR : int
        Per lot.
    lots : int
    lowest_uEUR, highest_uEUR : int
        Between which every price trades as much with as little left over.
    """

    price_uEUR: int
    lots: int
    lowest_uEUR: int
    highest_uEUR: int


def clear(
    bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], tick_uEUR: int = 1
) -> Clearing | None:
    """Find the uniform price.

    Parameters
    ----------
    bids, asks : sequence of (int, int)
        Limit (µEUR per lot) and lots.
    tick_uEUR : int

    Returns
    -------
    Clearing or None
        None where no bid reaches an ask.

    Notes
    -----
    Merit order: the price that trades most; among those, that with the smallest surplus on
    one side; among those, towards the side with the surplus (up when bids are left over, down
    when asks are); where both or none remain, the middle, rounded down to a tick. The first
    three steps are those of equity opening auctions, for example Deutsche Börse's Xetra.

    Examples
    --------
    >>> clear([(25, 200), (23, 100), (22, 150)], [(12, 200), (13, 100), (16, 150), (17, 50)])
    Clearing(price_uEUR=16, lots=450, lowest_uEUR=16, highest_uEUR=16)
    """
    limits = sorted({price for price, _ in (*bids, *asks)})
    states: list[tuple[int, int, int]] = []
    for price in limits:
        demand = sum(lots for limit, lots in bids if limit >= price)
        supply = sum(lots for limit, lots in asks if limit <= price)
        states.append((min(demand, supply), demand - supply, price))
    most = max((volume for volume, _, _ in states), default=0)
    if not most:
        return None
    least = min(abs(surplus) for volume, surplus, _ in states if volume == most)
    best = [(s, price) for volume, s, price in states if volume == most and abs(s) == least]
    lowest, highest = best[0][1], best[-1][1]
    if least and all(surplus > 0 for surplus, _ in best):
        price = highest
    elif least and all(surplus < 0 for surplus, _ in best):
        price = lowest
    else:
        price = max(lowest, (lowest + highest) // 2 // tick_uEUR * tick_uEUR)
    return Clearing(price, most, lowest, highest)


class Waiting:
    """An order until the clearing."""

    __slots__ = ("limit_uEUR", "lots", "order", "owner", "sign")

    def __init__(self, order: int, owner: int, sign: int, lots: int, limit_uEUR: int) -> None:
        self.order = order
        self.owner = owner
        self.sign = sign
        self.lots = lots
        self.limit_uEUR = limit_uEUR


class CallAuction:
    """Gathers limit orders per area and unit and clears them when the gate closes.

    Parameters
    ----------
    tick_uEUR : int
    areas : tuple of int
        Area of each node.
    """

    def __init__(self, tick_uEUR: int, areas: tuple[int, ...]) -> None:
        self.tick_uEUR = tick_uEUR
        self.areas = areas
        self._calls: dict[tuple[int, int], dict[int, Waiting]] = {}
        self._place: dict[int, tuple[int, int]] = {}

    def worst(self, ask: Ask) -> int | Refusal:
        """At the limit, which every order must have."""
        if ask.limit_uEUR is None:
            return Refusal(Reason.NO_LIMIT, "a market order in a call auction")
        return ask.sign * ask.limit_uEUR * ask.lots

    def take(self, ask: Ask) -> Outcome:
        """Let the order wait for the clearing."""
        if ask.limit_uEUR is None:
            return Outcome(())
        place = (self.areas[ask.node], ask.unit)
        self._place[ask.order] = place
        self._calls.setdefault(place, {})[ask.order] = Waiting(
            ask.order, ask.owner, ask.sign, ask.lots, ask.limit_uEUR
        )
        return Outcome((), ask.lots)

    def cancel(self, order: int) -> None:
        """Take an order out before the clearing."""
        place = self._place.pop(order, None)
        if place is not None:
            del self._calls[place][order]

    def close(self, unit: int) -> Outcome:
        """Clear every area of a unit."""
        fills: list[Fill] = []
        for place in sorted(place for place in self._calls if place[1] == unit):
            call = self._calls.pop(place)
            for order in call:
                del self._place[order]
            fills += _match(list(call.values()), self.tick_uEUR)
        return Outcome(fills)

    def indicative(self, node: int, unit: int) -> Clearing | None:
        """What the call would clear at if it closed now."""
        waiting = self._calls.get((self.areas[node], unit), {}).values()
        return clear(_side(waiting, 1), _side(waiting, -1), self.tick_uEUR)

    def quote(self, node: int, unit: int, depth: tuple[int, int]) -> Quote:
        """What has gathered in the node's area, as far as the envelope allows there."""
        buy, sell = depth
        waiting = self._calls.get((self.areas[node], unit), {}).values()
        bids, asks = (_levels(_side(waiting, sign), sign) for sign in (1, -1))
        return Quote(within(bids, sell), within(asks, buy))


def _match(waiting: list[Waiting], tick_uEUR: int) -> list[Fill]:
    found = clear(_side(waiting, 1), _side(waiting, -1), tick_uEUR)
    if found is None:
        return []
    price = found.price_uEUR
    # sorting is stable: orders of one price stay in the order of their arrival
    bids = sorted((w for w in waiting if w.sign > 0), key=lambda w: -w.limit_uEUR)
    asks = sorted((w for w in waiting if w.sign < 0), key=lambda w: w.limit_uEUR)
    fills: list[Fill] = []
    left, b, a = found.lots, 0, 0
    while left:
        lots = min(left, bids[b].lots, asks[a].lots)
        fills.append(Fill(bids[b].order, asks[a].order, lots, lots * price))
        left -= lots
        bids[b].lots -= lots
        asks[a].lots -= lots
        b += not bids[b].lots
        a += not asks[a].lots
    return fills


def _side(waiting: Iterable[Waiting], sign: int) -> list[tuple[int, int]]:
    return [(w.limit_uEUR, w.lots) for w in waiting if w.sign == sign]


def _levels(side: list[tuple[int, int]], sign: int) -> tuple[Level, ...]:
    lots: dict[int, int] = {}
    for price, each in side:
        lots[price] = lots.get(price, 0) + each
    return tuple(Level(price, lots[price]) for price in sorted(lots, key=lambda p: -sign * p))
