"""Auctions in a run: somebody must sell the network's heat, and somebody must come first.

The operator offers what the reservation maker would quote, step by step: the same curve around
what is sold, at the mean price of all places, for everybody meets in one book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.contracts import Flow, J_PER_Wh, Order
from rexdynnet.market.pricing import Curve
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import MechanismKind
from rexdynnet.network.graph import Network
from rexdynnet.seeds import Purpose, stream
from rexdynnet.study.auction_operator import OPERATOR, Offers, renew
from rexdynnet.study.market_settings import MarketSettings, reserving
from rexdynnet.timeline import DeliveryEnvelope, PriceSurface

Floats = NDArray[np.float64]

_STEPS = 24


@dataclass(frozen=True)
class AuctionOperator:
    """The operator as a participant of a run's auction.

    Parameters
    ----------
    settings : MarketSettings
    room_Wh : float
        Most that all connections together take in a unit.
    seed : int
        Of the order in which participants come.
    """

    settings: MarketSettings
    room_Wh: float
    seed: int

    def offer(self, exchange: Reservex, before: Offers, surface: PriceSurface) -> Offers:
        """Offer what heat costs now in every open unit.

        Parameters
        ----------
        exchange : Reservex
            Its envelope covers the open units.
        before : Offers
        surface : PriceSurface
            Of the plan.

        Returns
        -------
        Offers
        """
        curves = self._curves(exchange, surface)
        first = exchange.rules.first_open(exchange.now_s)
        units = [unit for unit in range(first, first + exchange.rules.window) if unit in curves]
        lot_Wh = exchange.rules.lot_Wh

        def price(unit: int, heat_Wh: Floats) -> Floats:
            sold = (heat_Wh / lot_Wh).astype(int).tolist()
            return np.array([curves[unit].cost(lots, 0, 1) / lot_Wh for lots in sold])

        return renew(
            exchange,
            before,
            units,
            price,
            room_Wh=self.room_Wh,
            step_Wh=self.room_Wh / _STEPS,
            premium_EUR_per_MWh=0.0,
        )

    def enveloped(self, found: DeliveryEnvelope) -> DeliveryEnvelope:
        """An envelope with a column for the operator: what it sells, its buyers' columns count."""
        m, n, _ = found.rows.shape
        rows = np.concatenate([found.rows, np.zeros((m, n, 1))], axis=2)
        return replace(found, participants=(*found.participants, OPERATOR), rows=rows)

    def in_line(self, orders: Sequence[Order], unit: int) -> list[Order]:
        """Let participants come in an order that is drawn anew for every gate."""
        by_name: dict[str, list[Order]] = {}
        for order in orders:
            by_name.setdefault(order.participant, []).append(order)
        names = sorted(by_name)
        drawn = stream(self.seed, Purpose.ARRIVAL, unit=unit).permutation(len(names))
        return [order for at in drawn for order in by_name[names[at]]]

    def _curves(self, exchange: Reservex, surface: PriceSurface) -> dict[int, Curve]:
        """The maker's curves at the mean price of all places, around what is sold."""
        pricing, rules = self.settings.pricing, exchange.rules
        found = pricing.curves(rules, (OPERATOR,), _everywhere(surface))
        first = rules.first_open(exchange.now_s)
        window = range(first, first + rules.window)
        each = found if isinstance(found, Mapping) else dict.fromkeys(window, found)
        if not pricing.recentres:
            return dict(each)
        return {
            unit: curve._replace(
                neutral=exchange.position(OPERATOR, OPERATOR, unit)[Flow.INJECTION]
            )
            for unit, curve in each.items()
        }


def make_operator(settings: MarketSettings, network: Network, seed: int) -> AuctionOperator | None:
    """The seller that an auction needs; None where the reservation maker sells.

    Parameters
    ----------
    settings : MarketSettings
    network : Network
    seed : int

    Returns
    -------
    AuctionOperator or None
    """
    if settings.mechanism is MechanismKind.MAKER:
        return None
    names = reserving(network)
    most_W = sum(unit.design_heat_W for unit in network.substations if unit.name in names)
    return AuctionOperator(settings, most_W * settings.unit_s / J_PER_Wh, seed)


def _everywhere(surface: PriceSurface) -> PriceSurface:
    """One place whose price is the mean over the valid ones, unit by unit."""
    valid = surface.valid & np.isfinite(surface.price_EUR_per_MWh)
    count = valid.sum(axis=1, keepdims=True)

    def mean(values: Floats) -> Floats:
        total = np.where(valid, values, 0.0).sum(axis=1, keepdims=True)
        return total / np.maximum(count, 1)

    return PriceSurface(
        (OPERATOR,),
        surface.units,
        mean(surface.price_EUR_per_MWh),
        mean(surface.energy),
        mean(surface.loss),
        mean(surface.congestion),
        mean(surface.scarcity),
        count > 0,
        surface.uplift_EUR,
    )
