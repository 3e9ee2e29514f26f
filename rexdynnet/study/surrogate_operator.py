"""The operator of the surrogate network as a seller in auctions: its merit order in limit orders.

It offers what its plants cost, step by step, and takes back what it sold at the cost that is saved,
less a premium. It earns nothing: what is left on its account is shared out with the true-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.contracts import Flow, Order, Reference, Side
from rexdynnet.market.ledger import Account, Cause
from rexdynnet.market.reservex import Reservex

Floats = NDArray[np.float64]

OPERATOR = "operator"
PLANT = "plant"
"""Node at which it feeds in."""


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
    units: range,
    price_of: Callable[[Floats], Floats],
    *,
    room_Wh: float,
    step_Wh: float,
    premium_EUR_per_MWh: float,
) -> Offers:
    """Take all offers back and make new ones around what is sold.

    Parameters
    ----------
    exchange : Reservex
        An auction with a participant `OPERATOR` and a node `PLANT`.
    before : Offers
    units : range
        Open ones.
    price_of : callable
        Marginal cost (EUR/MWh) of deliveries in an hour (Wh), elementwise.
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
    costs = price_of((ladder.astype(np.float64) + 0.5 * step) * lot_Wh)
    number, waiting = before.number, []
    for unit in units:
        sold = exchange.position(OPERATOR, PLANT, unit)[Flow.INJECTION]
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
                            PLANT,
                            unit,
                            lots * lot_Wh,
                            limit,
                        )
                    )
                    waiting.append(number)
    return Offers(number, tuple(waiting))


def hand_over(exchange: Reservex, unit: int) -> None:
    """Give what the operator earned by trading to the account that is trued up."""
    account = exchange.ledger.account(OPERATOR)
    earned = exchange.ledger.balance[account]
    if earned:
        exchange.post(unit, [(int(Cause.TRUE_UP), account, int(Account.MAKER), earned)])


def _limit(exchange: Reservex, price_EUR_per_MWh: float, sign: int) -> int:
    """In whole ticks per lot, never to the operator's loss."""
    rules = exchange.rules
    ticks = price_EUR_per_MWh * rules.lot_Wh / rules.tick_uEUR
    return int(sign * np.ceil(sign * ticks - 1e-9)) * rules.tick_uEUR
