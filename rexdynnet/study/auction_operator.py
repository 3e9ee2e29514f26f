"""The operator as a seller in auctions: what heat costs, step by step, in limit orders.

It offers what more heat costs and takes back what it sold at the cost that is saved, less a
premium. It earns nothing: what is left on its account is shared out with the true-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.contracts import Flow, Order, Reference, Side
from rexdynnet.market.deviation import Reading
from rexdynnet.market.ledger import Account, Cause
from rexdynnet.market.reservex import Reservex

Floats = NDArray[np.float64]

OPERATOR = "operator"
"""Its name, and that of the node at which it feeds in."""


class Offers(NamedTuple):
    """What must be kept of the operator between two instants.

    Parameters
    ----------
    number : int
        Of its last order.
    waiting : tuple of int
        Orders that may still wait in the book.
    """

    number: int = 0
    waiting: tuple[int, ...] = ()


def renew(
    exchange: Reservex,
    before: Offers,
    units: Sequence[int],
    price_of: Callable[[int, Floats], Floats],
    *,
    room_Wh: float,
    step_Wh: float,
    premium_EUR_per_MWh: float,
) -> Offers:
    """Take all offers back and make new ones around what is sold.

    Parameters
    ----------
    exchange : Reservex
        An auction with a participant and a node `OPERATOR`.
    before : Offers
    units : sequence of int
        Open ones.
    price_of : callable
        Marginal cost (EUR/MWh) of deliveries in a unit (Wh), elementwise.
    room_Wh : float
        Most that can be sold in a unit.
    step_Wh : float
        Of one offer.
    premium_EUR_per_MWh : float
        By which offers lie above the cost, and bids below it.

    Returns
    -------
    Offers
    """
    for number in before.waiting:
        exchange.cancel(Reference(OPERATOR, number))
    lot_Wh = exchange.rules.lot_Wh
    step = max(1, round(step_Wh / lot_Wh))
    ladder = np.arange(0, int(room_Wh // lot_Wh), step)
    number, waiting = before.number, []
    for unit in units:
        sold = exchange.position(OPERATOR, OPERATOR, unit)[Flow.INJECTION]
        costs = price_of(unit, (ladder.astype(np.float64) + 0.5 * step) * lot_Wh)
        for first, cost in zip(ladder.tolist(), costs.tolist(), strict=True):
            below = min(max(sold - first, 0), step)
            for side, lots, sign in ((Side.BUY, below, -1), (Side.SELL, step - below, 1)):
                if lots:
                    number += 1
                    limit = _limit(exchange, cost + sign * premium_EUR_per_MWh, sign)
                    exchange.submit(
                        Order(
                            OPERATOR,
                            number,
                            Flow.INJECTION,
                            side,
                            OPERATOR,
                            unit,
                            lots * lot_Wh,
                            limit,
                        )
                    )
                    waiting.append(number)
    return Offers(number, tuple(waiting))


def hand_over(exchange: Reservex, unit: int, earned_uEUR: int | None = None) -> None:
    """Give what the operator earned by trading to the account that is trued up.

    Parameters
    ----------
    exchange : Reservex
    unit : int
        Under which it is booked.
    earned_uEUR : int, optional
        Else all that its account holds; less where units are not settled yet.
    """
    account = exchange.ledger.account(OPERATOR)
    earned = exchange.ledger.balance[account] if earned_uEUR is None else earned_uEUR
    if earned:
        exchange.post(unit, [(int(Cause.TRUE_UP), account, int(Account.MAKER), earned)])


def fulfilled(exchange: Reservex, unit: int) -> Reading:
    """The operator's meter: it gives what it sold, for others' deviations are theirs."""
    sold = exchange.position(OPERATOR, OPERATOR, unit)[Flow.INJECTION] * exchange.rules.lot_Wh
    return Reading(OPERATOR, OPERATOR, -sold, -sold)


def _limit(exchange: Reservex, price_EUR_per_MWh: float, sign: int) -> int:
    """In whole ticks per lot, never to the operator's loss."""
    rules = exchange.rules
    ticks = price_EUR_per_MWh * rules.lot_Wh / rules.tick_uEUR
    return int(sign * np.ceil(sign * ticks - 1e-9)) * rules.tick_uEUR
