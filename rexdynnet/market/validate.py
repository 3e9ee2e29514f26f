"""The first checks of an order: those that need neither price nor account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index

from rexdynnet.market.contracts import Flow, Order, Rules, Side
from rexdynnet.market.refusals import Reason, Refusal

LARGEST = 2**31
LARGEST_NUMBER = 2**62


def plain(order: Order) -> Order | None:
    """Turn integers of NumPy and bare 0, 1, −1 into what the exchange counts with.

    Returns
    -------
    Order or None
        None where a name is no text or a number is not whole.
    """
    try:
        if not (_is_text(order.participant) and _is_text(order.node)):
            return None
        return Order(
            str(order.participant),
            index(order.number),
            Flow(order.flow),
            Side(order.side),
            str(order.node),
            index(order.unit),
            index(order.energy_Wh),
            None if order.limit_uEUR is None else index(order.limit_uEUR),
        )
    except (TypeError, ValueError):
        return None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def first_fault(
    order: Order,
    rules: Rules,
    now_s: float,
    who: Mapping[str, int],
    where: Mapping[str, int],
    last: Sequence[int],
) -> Refusal | None:
    """Say what is wrong with an order by itself; None if nothing is.

    Parameters
    ----------
    order : Order
    rules : Rules
    now_s : float
    who, where : mapping
        Index of every participant and node.
    last : sequence of int
        Largest number taken from each participant.
    """
    name, number, _, _, node, unit, energy_Wh, limit = order
    if name not in who:
        return Refusal(Reason.UNKNOWN_PARTICIPANT, f"{name!r} has no account")
    if node not in where:
        return Refusal(Reason.UNKNOWN_NODE, f"{node!r} is no node of this market")
    if number <= last[who[name]]:
        return Refusal(Reason.REPLAYED, f"order {number} of {name}")
    first, beyond = rules.first_open(now_s), rules.beyond(now_s)
    if unit < first:
        begins_s = unit * rules.unit_s
        if begins_s <= now_s:
            return Refusal(Reason.PAST_UNIT, f"unit {unit} began {now_s - begins_s:g} s ago")
        detail = (
            f"unit {unit} begins in {begins_s - now_s:g} s, its gate is {rules.gate_s} s before"
        )
        return Refusal(Reason.GATE_CLOSED, detail)
    if unit >= beyond:
        return Refusal(Reason.BEYOND_WINDOW, f"unit {unit}, the last open one is {beyond - 1}")
    if number >= LARGEST_NUMBER or abs(energy_Wh) >= LARGEST * rules.lot_Wh:
        return Refusal(Reason.OUT_OF_RANGE, f"order {number} over {energy_Wh} Wh")
    if limit is not None and abs(limit) >= LARGEST:
        return Refusal(Reason.OUT_OF_RANGE, f"a limit of {limit} µEUR")
    if energy_Wh <= 0 or energy_Wh % rules.lot_Wh:
        return Refusal(Reason.OFF_LOT, f"{energy_Wh} Wh with lots of {rules.lot_Wh} Wh")
    if limit is not None and limit % rules.tick_uEUR:
        return Refusal(Reason.OFF_TICK, f"{limit} µEUR with ticks of {rules.tick_uEUR} µEUR")
    return None
