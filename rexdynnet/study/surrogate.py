"""A week of trade over a network reduced to merit order, losses and delay.

Cheap enough for hundreds of seeds; it tells nothing about temperatures or constraints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Flow, Participant, Rules
from rexdynnet.market.deviation import Cascade, Reading
from rexdynnet.market.examples import plant_limit
from rexdynnet.market.policies import AtCall, ForecastFollowing, Policy
from rexdynnet.market.pricing import MarginalCost, Pricing
from rexdynnet.market.prosumer import Prosumer, ProsumerState, begin, orders
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import TRUE_UP_UNIT, Terms, UnitCosts, book, settle, true_up
from rexdynnet.market.setup import Market, MechanismKind
from rexdynnet.study.auction_operator import OPERATOR, Offers, fulfilled, hand_over, renew
from rexdynnet.study.market_settings import Arrangement
from rexdynnet.timeline import PriceSurface

Floats = NDArray[np.float64]
_HOUR_S = 3600
_STEP_Wh = 10e3
_WORTH_EUR_PER_MWh = 3000.0
METERED_ONLY = Terms(Cascade((), ()), 0, 0)
"""Of an arrangement that reserves nothing."""


class Plant(NamedTuple):
    """One step of the merit order.

    Parameters
    ----------
    energy_Wh : float
        Most it gives in an hour.
    from_EUR_per_MWh, to_EUR_per_MWh : float
        Marginal cost when idle and when full; linear between.
    """

    energy_Wh: float
    from_EUR_per_MWh: float
    to_EUR_per_MWh: float


PLANTS = (Plant(150e3, 30.0, 45.0), Plant(100e3, 55.0, 75.0), Plant(400e3, 90.0, 110.0))


@dataclass(frozen=True)
class Surrogate:
    """What stands for the network and its people.

    Parameters
    ----------
    participants, hours : int
    mean_Wh : float
        Of a participant and hour.
    common, own : float
        Relative standard deviation of one revision of the forecast, shared through weather
        and a participant's own.
    cycle, window, deadband_lots : int
        Hours between issues, forward units, smallest change that is traded.
    plants : tuple of Plant
        In merit order.
    lost_Wh : float
        Per hour.
    delayed : float
        Share of an hour's heat that leaves the plant in the hour before.
    pricing : Pricing
    mechanism : MechanismKind
        In auctions the operator offers its merit order.
    premium_EUR_per_MWh : float
        Of the operator's offers in auctions, over cost.
    terms : Terms
    arrangement : Arrangement
    tariff_EUR_per_MWh : float
        Of metered heat under `Arrangement.OPERATOR_FORECAST`.

    Raises
    ------
    InputError
        Sizes below one, or a window that leaves hours between two issues unopened.
    """

    participants: int = 16
    hours: int = 168
    mean_Wh: float = 12e3
    common: float = 0.04
    own: float = 0.06
    cycle: int = 6
    window: int = 12
    deadband_lots: int = 2
    plants: tuple[Plant, ...] = PLANTS
    lost_Wh: float = 20e3
    delayed: float = 0.2
    pricing: Pricing = field(default_factory=lambda: MarginalCost(1.0, 0.25))
    mechanism: MechanismKind = MechanismKind.MAKER
    premium_EUR_per_MWh: float = 0.25
    terms: Terms = field(default_factory=Terms)
    arrangement: Arrangement = Arrangement.RESERVATION
    tariff_EUR_per_MWh: float = 60.0

    def __post_init__(self) -> None:
        sizes = (self.participants, self.hours, self.cycle, self.window)
        if min(sizes) < 1 or self.window < self.cycle:
            raise InputError(
                Finding(f"sizes {sizes}", "give 1 or more, and a window of a cycle or longer")
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the participants, and of their nodes."""
        return tuple(f"house_{at + 1}" for at in range(self.participants))

    @property
    def honest(self) -> Policy:
        """How a participant trades that games nobody."""
        if self.mechanism is MechanismKind.CALL:
            return AtCall(round(_WORTH_EUR_PER_MWh * Rules.lot_Wh))
        return ForecastFollowing(self.deadband_lots)


class Demands(NamedTuple):
    """Random demand and what was forecast of it.

    Parameters
    ----------
    forecast_Wh : ndarray, shape (issues, hours, participants)
        A martingale over the issues.
    truth_Wh : ndarray, shape (hours, participants)
    """

    forecast_Wh: Floats
    truth_Wh: Floats


class Week(NamedTuple):
    """Outcome of a week; money in EUR.

    Parameters
    ----------
    bill_EUR : ndarray, shape (participants,)
        After the true-up.
    paid_EUR : ndarray, shape (participants,)
        Before it.
    imbalance_Wh : ndarray, shape (participants,)
        Gross.
    surplus_EUR : float
        Of the maker, before the true-up.
    """

    bill_EUR: Floats
    paid_EUR: Floats
    imbalance_Wh: Floats
    surplus_EUR: float


def draw_demands(surrogate: Surrogate, seed: int) -> Demands:
    """Draw demands and the evolution of their forecasts; every strategy sees the same."""
    rng = np.random.default_rng(seed)
    hours, people = surrogate.hours, surrogate.participants
    issues = -(-hours // surrogate.cycle)
    size = surrogate.mean_Wh * rng.uniform(0.6, 1.4, people)
    hour = np.arange(hours) % 24
    shape = 1.0 + 0.25 * np.cos(2 * np.pi * (hour - 7) / 24) + 0.1 * np.cos(np.pi * (hour - 7) / 6)
    base = shape[:, None] * size
    common = surrogate.common * _persistent(rng, issues + 2, hours, 1)
    own = surrogate.own * _persistent(rng, issues + 2, hours, people)
    steps = (common + own) * base
    # an issue reveals nothing about hours that have passed
    for issue in range(issues):
        steps[issue + 1, : issue * surrogate.cycle] = 0.0
    # only the last three revisions of an hour differ from its climate
    first = np.maximum(0, np.arange(hours) // surrogate.cycle - 2)
    for issue in range(issues):
        steps[issue + 1, first > issue] = 0.0
    known = base + np.cumsum(steps[:-1], axis=0)
    return Demands(np.maximum(known[1:], 0.0), np.maximum(known[-1] + steps[-1], 0.0))


def merit(surrogate: Surrogate, load_Wh: Floats) -> tuple[Floats, Floats]:
    """Cost (EUR) and marginal cost (EUR/MWh) of loads; beyond all plants the last price holds."""
    cost, price = np.zeros_like(load_Wh), np.full_like(load_Wh, np.nan)
    left = np.maximum(load_Wh, 0.0)
    for number, plant in enumerate(surrogate.plants):
        last = number + 1 == len(surrogate.plants)
        used = left if last else np.minimum(left, plant.energy_Wh)
        slope = (plant.to_EUR_per_MWh - plant.from_EUR_per_MWh) / plant.energy_Wh
        at = plant.from_EUR_per_MWh + slope * np.minimum(used, plant.energy_Wh)
        inner = np.minimum(used, plant.energy_Wh)
        cost += (plant.from_EUR_per_MWh * inner + slope * inner**2 / 2) * 1e-6
        cost += plant.to_EUR_per_MWh * (used - inner) * 1e-6
        price = np.where((left > 0) | (number == 0), at, price)
        left = left - used
    return cost, price


def plant_load_Wh(surrogate: Surrogate, heat_Wh: Floats) -> Floats:
    """Heat that leaves the plants in each hour, from total deliveries."""
    ahead = np.append(heat_Wh[1:], heat_Wh[-1])
    return (1 - surrogate.delayed) * heat_Wh + surrogate.delayed * ahead + surrogate.lost_Wh


def trade_week(
    surrogate: Surrogate,
    demands: Demands,
    policies: Mapping[int, Policy] | None = None,
    first: int | None = None,
) -> Week:
    """Trade, realise and settle a week.

    Parameters
    ----------
    surrogate : Surrogate
    demands : Demands
    policies : mapping of int to Policy or None
        Of participants that do not follow the forecast; these trade every hour.
    first : int, optional
        Who is always served first in a continuous auction, where the others come in an order
        that is drawn anew every hour.

    Returns
    -------
    Week

    Examples
    --------
    >>> small = Surrogate(participants=3, hours=24)
    >>> week = trade_week(small, draw_demands(small, 1))
    >>> bool((week.bill_EUR > 0).all())
    True
    """
    chosen = policies or {}
    exchange = _open(surrogate)
    people = [
        Prosumer(name, name, chosen.get(at, surrogate.honest), frozenset({Flow.EJECTION}))
        for at, name in enumerate(surrogate.names)
    ]
    states, offers = [begin(each) for each in people], Offers()
    lines = _lines(surrogate, first)
    lead = exchange.rules.first_open(0.0)
    imbalance = np.zeros(surrogate.participants)
    loads = plant_load_Wh(surrogate, demands.truth_Wh.sum(axis=1))
    cost_EUR, marginal = merit(surrogate, loads)
    for hour in range(-lead, surrogate.hours + 1):
        exchange.advance((hour + lead) * _HOUR_S)
        issue = max(0, hour) // surrogate.cycle
        fresh = hour == -lead or (hour > 0 and hour % surrogate.cycle == 0)
        if hour < surrogate.hours and surrogate.arrangement is Arrangement.RESERVATION:
            offers = _trade(
                surrogate,
                exchange,
                Crowd(people, states, next(lines), chosen),
                offers,
                demands,
                issue,
                lead,
                fresh,
            )
        if hour > 0:
            imbalance += _settle(surrogate, exchange, demands, hour - 1, lead, cost_EUR, marginal)
    used = {
        name: round(float(demands.truth_Wh[:, at].sum())) for at, name in enumerate(surrogate.names)
    }
    paid = _paid_EUR(surrogate, exchange)
    if surrogate.mechanism is not MechanismKind.MAKER:
        hand_over(exchange, TRUE_UP_UNIT)
    surplus = true_up(exchange, used)
    return Week(_paid_EUR(surrogate, exchange), paid, imbalance, surplus * 1e-6)


def _paid_EUR(surrogate: Surrogate, exchange: Reservex) -> Floats:
    balances = exchange.ledger.balances()
    return np.array([-balances[name] * 1e-6 for name in surrogate.names])


def _persistent(rng: np.random.Generator, issues: int, hours: int, people: int) -> Floats:
    """Noise of unit variance, correlated over neighbouring hours."""
    noise = rng.standard_normal((issues, hours, people))
    for hour in range(1, hours):
        noise[:, hour] = 0.8 * noise[:, hour - 1] + 0.6 * noise[:, hour]
    return noise


def _open(surrogate: Surrogate) -> Reservex:
    rules = Rules(datetime(2026, 1, 5, tzinfo=UTC), _HOUR_S, surrogate.window, _HOUR_S)
    nodes = names = surrogate.names
    if surrogate.mechanism is not MechanismKind.MAKER:
        nodes = names = (*names, OPERATOR)
    people = tuple(Participant(name, 10**12) for name in names)
    return Reservex(Market(rules, nodes, people, surrogate.mechanism, surrogate.pricing))


class Crowd(NamedTuple):
    """Who trades in an hour, and in which order they come."""

    people: list[Prosumer]
    states: list[ProsumerState]
    line: Sequence[int]
    chosen: Mapping[int, Policy]


def _lines(surrogate: Surrogate, first: int | None) -> Iterator[Sequence[int]]:
    """Order of arrival, hour by hour: drawn where it decides the price, else as numbered."""
    rng = np.random.default_rng(0)
    while True:
        line = list(range(surrogate.participants))
        if surrogate.mechanism is MechanismKind.CONTINUOUS:
            line = [int(at) for at in rng.permutation(surrogate.participants)]
        yield line if first is None else [first, *(at for at in line if at != first)]


def _trade(
    surrogate: Surrogate,
    exchange: Reservex,
    crowd: Crowd,
    offers: Offers,
    demands: Demands,
    issue: int,
    lead: int,
    fresh: bool,
) -> Offers:
    first = exchange.rules.first_open(exchange.now_s) - lead
    count = min(surrogate.window, surrogate.hours - first)
    if count <= 0:
        return offers
    each_hour = surrogate.mechanism is MechanismKind.CALL
    known = demands.forecast_Wh[issue, first : first + count]
    if fresh:
        _publish(surrogate, exchange, known.sum(axis=1), first + lead)
    if surrogate.mechanism is not MechanismKind.MAKER and (fresh or each_hour):
        offers = _offer(surrogate, exchange, offers, range(first, first + count), lead)
    spread = np.hypot(surrogate.common, surrogate.own) * known
    for at in crowd.line:
        if fresh or each_hour or at in crowd.chosen:
            found, crowd.states[at] = orders(
                exchange,
                crowd.people[at],
                crowd.states[at],
                known[:, at],
                spread[:, at],
                surrogate.terms,
            )
            for order in found:
                exchange.submit(order)
    exchange.commit()
    return offers


def _offer(
    surrogate: Surrogate, exchange: Reservex, offers: Offers, hours: range, lead: int
) -> Offers:
    """The merit order, in every open unit; in a call auction in the one that clears next."""
    units = range(hours.start + lead, hours.stop + lead)
    return renew(
        exchange,
        offers,
        units[:1] if surrogate.mechanism is MechanismKind.CALL else units,
        lambda _, heat_Wh: merit(surrogate, heat_Wh + surrogate.lost_Wh)[1],
        room_Wh=_room_Wh(surrogate),
        step_Wh=_STEP_Wh,
        premium_EUR_per_MWh=surrogate.premium_EUR_per_MWh,
    )


def _room_Wh(surrogate: Surrogate) -> float:
    return sum(plant.energy_Wh for plant in surrogate.plants) - surrogate.lost_Wh


def _publish(surrogate: Surrogate, exchange: Reservex, heat_Wh: Floats, first: int) -> None:
    _, price = merit(surrogate, plant_load_Wh(surrogate, heat_Wh))
    names, rules = exchange.market.nodes, exchange.rules
    flat = np.tile(price[:, None], (1, len(names)))
    zero = np.zeros_like(flat)
    units = tuple(rules.time_units(first, len(price)))
    exchange.publish_prices(
        PriceSurface(
            names, units, flat, flat, zero, zero, zero, np.isfinite(flat), np.zeros(len(price))
        )
    )
    most_J = _room_Wh(surrogate) * _HOUR_S
    exchange.publish_envelope(
        plant_limit(exchange.market, first, len(price) + surrogate.cycle, most_J)
    )


def _settle(
    surrogate: Surrogate,
    exchange: Reservex,
    demands: Demands,
    hour: int,
    lead: int,
    cost_EUR: Floats,
    marginal: Floats,
) -> Floats:
    names, rules = surrogate.names, exchange.rules
    taken = [round(float(each)) for each in demands.truth_Wh[hour]]
    reserving = surrogate.arrangement is Arrangement.RESERVATION
    flat = surrogate.arrangement is Arrangement.OPERATOR_FORECAST
    price = rules.uEUR_per_lot(surrogate.tariff_EUR_per_MWh if flat else float(marginal[hour]))
    terms = surrogate.terms if reserving else METERED_ONLY
    costs = UnitCosts(round(cost_EUR[hour] * 1e6), 0, round(surrogate.lost_Wh), 0, price)
    readings = [Reading(name, name, heat, heat) for name, heat in zip(names, taken, strict=True)]
    if surrogate.mechanism is not MechanismKind.MAKER:
        readings.append(fulfilled(exchange, hour + lead))
    prices = dict.fromkeys(exchange.market.nodes, price)
    statement = settle(exchange, hour + lead, readings, prices, costs, terms)
    book(exchange, statement)
    deviations = [line.bins.short_Wh + line.bins.long_Wh for line in statement.lines]
    return np.array(deviations[: len(names)], float)
