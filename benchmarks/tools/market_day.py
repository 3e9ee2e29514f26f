"""Orders of many participants over a rolling window, drawn once and sent one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from rexdynnet.market.contracts import Flow, Order, Participant, Rules, Side
from rexdynnet.market.pricing import MarginalCost
from rexdynnet.market.refusals import Reason
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import Market, MechanismKind
from rexdynnet.timeline import DeliveryEnvelope, PriceSurface

PARTICIPANTS = 100
UNITS = 96
ROWS = 20
NODES = 16
PLENTY_uEUR = 10**15


@dataclass(frozen=True)
class Sent:
    """What sending all orders took and led to.

    Parameters
    ----------
    seconds : float
        From before the first order to after the last durable acknowledgement.
    processor_s : float
        Processor time of it; less where other programs share the machine or the disk waits.
    taken : int
        Orders not refused.
    lots : int
        Traded.
    waits_s : tuple of float
        How long an order waited for its acknowledgement, one per group: the first of it.
    reasons : dict of Reason to int
    """

    seconds: float
    processor_s: float
    taken: int
    lots: int
    waits_s: tuple[float, ...]
    reasons: dict[Reason, int]


def market(mechanism: MechanismKind) -> Market:
    """100 participants at 16 nodes, 96 units of 15 minutes."""
    return Market(
        Rules(datetime(2026, 1, 15, tzinfo=UTC), unit_s=900, window=UNITS),
        tuple(f"node_{at}" for at in range(NODES)),
        tuple(Participant(f"house_{at}", PLENTY_uEUR) for at in range(PARTICIPANTS)),
        mechanism,
        MarginalCost(skew_EUR_per_MWh2=0.05, premium_EUR_per_MWh=2.0),
    )


def envelope(market: Market, energy_J: float, seed: int) -> DeliveryEnvelope:
    """Every row takes part of every unit and node, so that all of it is work."""
    draw = np.random.default_rng(seed)
    rows = draw.uniform(0.01, 1.0, (ROWS, UNITS, NODES))
    units = tuple(market.rules.time_units(2, UNITS))
    names = tuple(f"row {at}" for at in range(ROWS))
    return DeliveryEnvelope(market.nodes, units, names, rows, np.full(ROWS, energy_J))


def prices(market: Market, seed: int) -> PriceSurface:
    """Around 60 EUR/MWh."""
    draw = np.random.default_rng(seed)
    shape = (UNITS, NODES)
    price, none = draw.normal(60.0, 10.0, shape), np.zeros(shape)
    units = tuple(market.rules.time_units(2, UNITS))
    valid = np.ones(shape, dtype=bool)
    return PriceSurface(market.nodes, units, price, price, none, none, none, valid, none[:, 0])


def orders(count: int, seed: int, *, limits: bool) -> list[Order]:
    """Withdrawals reserved and feed-in promised by anybody, anywhere, for any open unit."""
    draw = np.random.default_rng(seed)
    who = draw.integers(PARTICIPANTS, size=count).tolist()
    where = draw.integers(NODES, size=count).tolist()
    unit = draw.integers(2, 2 + UNITS - 1, size=count).tolist()
    lots = draw.integers(1, 50, size=count).tolist()
    buys = (draw.uniform(size=count) < 0.5).tolist()
    price = (draw.normal(6000.0, 300.0, count) // 10 * 10).astype(int).tolist()
    market_order = (draw.uniform(size=count) < 0.1).tolist()
    names, nodes = (
        [f"house_{at}" for at in range(PARTICIPANTS)],
        [f"node_{n}" for n in range(NODES)],
    )
    return [
        Order(
            names[who[at]],
            at + 1,
            Flow.EJECTION if buys[at] else Flow.INJECTION,
            Side.BUY if buys[at] else Side.SELL,
            nodes[where[at]],
            unit[at],
            100 * lots[at],
            price[at] if limits and not market_order[at] else None,
        )
        for at in range(count)
    ]


def send(exchange: Reservex, wanted: list[Order], group: int) -> Sent:
    """Submit every order by itself; commit, and so acknowledge, `group` at a time."""
    waits: list[float] = []
    taken = lots = 0
    reasons: dict[Reason, int] = {}
    start, worked = perf_counter(), process_time()
    for at in range(0, len(wanted), group):
        began = perf_counter()
        for order in wanted[at : at + group]:
            exchange.submit(order)
        replies = exchange.commit()
        waits.append(perf_counter() - began)
        for reply in replies:
            if reply.refusal is None:
                taken += 1
                lots += reply.lots
            else:
                reasons[reply.refusal.reason] = reasons.get(reply.refusal.reason, 0) + 1
    seconds, processor_s = perf_counter() - start, process_time() - worked
    return Sent(seconds, processor_s, taken, lots, tuple(waits), reasons)


def run(mechanism: MechanismKind, count: int, group: int, folder: Path, seed: int) -> Sent:
    """Open an exchange with a journal in `folder` and send it `count` orders."""
    case = market(mechanism)
    exchange = Reservex(case, folder / f"{mechanism.name.lower()}_{seed}.journal")
    exchange.publish_prices(prices(case, seed))
    exchange.publish_envelope(envelope(case, 3.6e6 * count * 5.0, seed))
    exchange.commit()
    wanted = orders(count, seed, limits=mechanism is not MechanismKind.MAKER)
    sent = send(exchange, wanted, group)
    exchange.ledger.audit()
    exchange.close()
    return sent
