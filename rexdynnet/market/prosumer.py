"""Prosumers: who takes or feeds in heat at a node, and the orders that its policy leads to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Flow, Order, Side
from rexdynnet.market.policies import ForecastFollowing, Memory, Policy, View, Wish
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import Terms

Floats = NDArray[np.float64]

BOTH = frozenset(Flow)


@dataclass(frozen=True)
class Prosumer:
    """A participant at its node.

    Parameters
    ----------
    name : str
        Of the participant.
    node : str
    policy : Policy
    flows : frozenset of Flow
        Ejection for a consumer, injection for a producer, both for either at times.

    Raises
    ------
    InputError
        No direction at all.
    """

    name: str
    node: str
    policy: Policy = field(default_factory=ForecastFollowing)
    flows: frozenset[Flow] = BOTH

    def __post_init__(self) -> None:
        if not self.flows:
            raise InputError(
                Finding(
                    "neither takes nor feeds in heat",
                    "give Flow.EJECTION, Flow.INJECTION or both",
                    field="flows",
                    component=self.name,
                )
            )


class ProsumerState(NamedTuple):
    """What must be kept of a prosumer between two instants.

    Parameters
    ----------
    number : int
        Of its last order.
    memory : Memory
        Of its policy.
    """

    number: int
    memory: Memory


def begin(prosumer: Prosumer) -> ProsumerState:
    """State before the first order."""
    return ProsumerState(0, prosumer.policy.begin())


def orders(
    exchange: Reservex,
    prosumer: Prosumer,
    state: ProsumerState,
    mean_Wh: Floats,
    spread_Wh: Floats,
    terms: Terms,
    closing: int = 1,
) -> tuple[list[Order], ProsumerState]:
    """Ask a prosumer's policy what to order now; sends nothing.

    Parameters
    ----------
    exchange : Reservex
        Only read.
    prosumer : Prosumer
    state : ProsumerState
    mean_Wh, spread_Wh : ndarray, shape (n,)
        Forecast of the first n open units, n at most the window.
    terms : Terms
    closing : int
        Units that close before anybody trades again.

    Returns
    -------
    orders : list of Order
        To submit in this order: what closes a position goes before what opens one.
    state : ProsumerState

    Raises
    ------
    InputError
        More values than open units, or no numbers.
    """
    rules = exchange.rules
    first = rules.first_open(exchange.now_s)
    count = len(mean_Wh)
    if count > rules.window:
        raise InputError(
            Finding(
                f"a forecast of {count} units with {rules.window} open",
                "give at most as many values as the window has units",
                component=prosumer.name,
            )
        )
    held = [
        exchange.position(prosumer.name, prosumer.node, unit)
        for unit in range(first, first + count)
    ]
    net = [(each[Flow.EJECTION] - each[Flow.INJECTION]) * rules.lot_Wh for each in held]
    view = View(
        rules,
        terms,
        exchange.now_s,
        first,
        np.asarray(mean_Wh, dtype=np.float64),
        np.asarray(spread_Wh, dtype=np.float64),
        np.array(net, dtype=np.int64),
        lambda unit: exchange.quote(prosumer.node, unit),
        closing,
    )
    wishes, memory = prosumer.policy.trade(view, state.memory)
    found: list[Order] = []
    number = state.number
    for wish in wishes:
        if not first <= wish.unit < first + count:
            continue
        position = held[wish.unit - first]
        for order in contracts(prosumer, wish, position, rules.lot_Wh, number):
            found.append(order)
            number = order.number
            # a second wish for the same unit starts from where this one leads
            lots = order.energy_Wh // rules.lot_Wh
            opens = (order.side is Side.BUY) is (order.flow is Flow.EJECTION)
            position[order.flow] += lots if opens else -lots
    return found, ProsumerState(number, memory)


def contracts(
    prosumer: Prosumer, wish: Wish, position: dict[Flow, int], lot_Wh: int, number: int
) -> Sequence[Order]:
    """Put a change of the net reservation into orders.

    Parameters
    ----------
    prosumer : Prosumer
    wish : Wish
    position : dict of Flow to int
        Lots held.
    lot_Wh : int
    number : int
        Of the last order sent.

    Returns
    -------
    sequence of Order
        First what gives the opposite position back, then what opens one in a direction
        that the prosumer has.

    Examples
    --------
    >>> both = Prosumer("house", "a")
    >>> [
    ...     (o.number, o.flow.name, o.side.name, o.energy_Wh)
    ...     for o in contracts(both, Wish(4, 500), {Flow.EJECTION: 0, Flow.INJECTION: 2}, 100, 7)
    ... ]
    [(8, 'INJECTION', 'BUY', 200), (9, 'EJECTION', 'BUY', 300)]
    """
    side = Side.BUY if wish.change_Wh > 0 else Side.SELL
    closing, opening = (
        (Flow.INJECTION, Flow.EJECTION) if side is Side.BUY else (Flow.EJECTION, Flow.INJECTION)
    )
    lots = abs(wish.change_Wh) // lot_Wh
    back = min(lots, position[closing])
    parts = [(closing, back), (opening, lots - back if opening in prosumer.flows else 0)]
    found: list[Order] = []
    for flow, count in parts:
        if count > 0:
            number += 1
            found.append(
                Order(
                    prosumer.name,
                    number,
                    flow,
                    side,
                    prosumer.node,
                    wish.unit,
                    count * lot_Wh,
                    wish.limit_uEUR,
                )
            )
    return found
