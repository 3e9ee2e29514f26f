"""Small markets for documentation and first tries."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from rexdynnet.market.contracts import Participant, Rules
from rexdynnet.market.pricing import ConstantTariff, Pricing
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import Market, MechanismKind
from rexdynnet.timeline import DeliveryEnvelope


def exchange(
    mechanism: MechanismKind = MechanismKind.MAKER, pricing: Pricing | None = None
) -> Reservex:
    """Open an exchange with two nodes, two flats and a solar field, and 100 kWh to sell a unit.

    Examples
    --------
    >>> [level.price_uEUR for level in exchange().quote("a", 4).asks]
    [6000]
    """
    market = Market(
        Rules(datetime(2026, 1, 15, tzinfo=UTC), unit_s=900, window=96),
        ("a", "b"),
        tuple(Participant(name, 50_000_000) for name in ("flat_1", "flat_2", "solar")),
        mechanism,
        pricing or ConstantTariff(60.0),
    )
    opened = Reservex(market)
    opened.publish_envelope(plant_limit(market, 1, 96, 100e3 * 3600.0))
    return opened


def plant_limit(market: Market, first: int, count: int, energy_J: float) -> DeliveryEnvelope:
    """One row per unit: the plant gives at most so much in it."""
    nodes = len(market.nodes)
    rows = np.zeros((count, count, nodes))
    rows[np.arange(count), np.arange(count)] = 1.0
    units = tuple(market.rules.time_units(first, count))
    names = tuple(f"plant in unit {first + at}" for at in range(count))
    return DeliveryEnvelope(market.nodes, units, names, rows, np.full(count, energy_J))
