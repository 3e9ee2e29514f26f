"""What is traded: standardised futures on heat, the calendar of their units, and orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from math import inf
from typing import NamedTuple

from rexdynnet.errors import Finding, InputError
from rexdynnet.timeline import TimeUnit, as_utc, seconds_since

J_PER_Wh = 3600


class Flow(IntEnum):
    """Which way a contract lets heat pass between participant and network."""

    EJECTION = 0
    """The holder withdraws heat."""
    INJECTION = 1
    """The holder feeds heat in."""


class Side(IntEnum):
    """Which way heat moves when the order trades; the value is its sign.

    Buying an ejection reserves heat and selling it gives the reservation back; selling an
    injection promises to feed heat in and buying it takes the promise back.
    """

    BUY = 1
    SELL = -1


@dataclass(frozen=True)
class Quality:
    """What heat must be like to count in full.

    Parameters
    ----------
    delivery_temperature_min_K : float
        Below it, delivered heat is discounted.
    return_temperature_max_K : float
        Above it, the participant pays a surcharge.
    discount_permille_per_K : int
        Of the price, per kelvin beyond either bound, at most all of it.

    Raises
    ------
    InputError
        A temperature that is none, or a negative discount.

    Examples
    --------
    >>> Quality(338.15, 323.15, 20).discount_permille(delivery_K=335.65)
    50
    """

    delivery_temperature_min_K: float = 338.15
    return_temperature_max_K: float = 328.15
    discount_permille_per_K: int = 20

    def __post_init__(self) -> None:
        bounds = (self.delivery_temperature_min_K, self.return_temperature_max_K)
        if not all(0.0 < bound < inf for bound in bounds) or not self.discount_permille_per_K >= 0:
            raise InputError(
                Finding(
                    f"heat of {bounds} K at a discount of {self.discount_permille_per_K} per K",
                    "give temperatures in kelvin and a discount from 0 up",
                    field="quality",
                )
            )

    def discount_permille(self, delivery_K: float) -> int:
        """Part of the price that heat delivered too cold loses, 0 to 1000."""
        return self._permille(self.delivery_temperature_min_K - delivery_K)

    def surcharge_permille(self, return_K: float) -> int:
        """Part of the price added for water returned too warm, 0 to 1000."""
        return self._permille(return_K - self.return_temperature_max_K)

    def _permille(self, beyond_K: float) -> int:
        return min(1000, int(max(0.0, beyond_K) * self.discount_permille_per_K))


@dataclass(frozen=True)
class Rules:
    """What every contract of one market has in common.

    Parameters
    ----------
    start : datetime
        First instant of unit 0.
    unit_s : int
        Length of a time unit, 300 to 3600 s; divides an hour.
    window : int
        How many forward units can be traded at once (κ).
    gate_s : int
        A unit closes to trading so many seconds before it begins.
    lot_Wh : int
    tick_uEUR : int
        Smallest step of a price, µEUR per lot; 10 with lots of 100 Wh are 0.1 EUR/MWh.
    margin_uEUR : int
        Credit that every lot promised for injection holds until it is settled.
    quality : Quality

    Raises
    ------
    InputError
        A unit no hour divides into, or something that is not positive or no whole number.

    Examples
    --------
    >>> from rexdynnet.timeline import parse_utc
    >>> rules = Rules(parse_utc("2026-03-29T00:00Z"), 900, window=96)
    >>> rules.unit_at(parse_utc("2026-03-29T03:00+02:00")), rules.gate_of(8) == 8 * 900 - 900
    (4, True)
    """

    start: datetime
    unit_s: int = 900
    window: int = 96
    gate_s: int = 900
    lot_Wh: int = 100
    tick_uEUR: int = 10
    margin_uEUR: int = 10_000
    quality: Quality = Quality()

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_utc(self.start))
        whole = ("unit_s", "window", "gate_s", "lot_Wh", "tick_uEUR", "margin_uEUR")
        findings = [
            Finding(f"{name} is {getattr(self, name)}", "give a whole number", field=name)
            for name in whole
            if not isinstance(getattr(self, name), int)
        ]
        if findings:
            raise InputError(*findings)
        if not (300 <= self.unit_s <= 3600 and 3600 % self.unit_s == 0):
            findings.append(
                Finding(
                    f"units of {self.unit_s} s",
                    "choose 300 to 3600 s that divide an hour",
                    field="unit_s",
                )
            )
        for name in ("window", "lot_Wh", "tick_uEUR"):
            if getattr(self, name) < 1:
                findings.append(
                    Finding(f"{name} is {getattr(self, name)}", "give 1 or more", field=name)
                )
        for name in ("gate_s", "margin_uEUR"):
            if getattr(self, name) < 0:
                findings.append(
                    Finding(f"{name} is {getattr(self, name)}", "give 0 or more", field=name)
                )
        if findings:
            raise InputError(*findings)

    @property
    def lot_J(self) -> int:
        """Energy of one lot in joules."""
        return self.lot_Wh * J_PER_Wh

    def unit_at(self, instant: datetime) -> int:
        """Number of the unit that an instant lies in; negative before the market's start."""
        return int(seconds_since(self.start, instant) // self.unit_s)

    def time_unit(self, unit: int) -> TimeUnit:
        """The span of a unit."""
        return TimeUnit(self.start + timedelta(seconds=unit * self.unit_s), float(self.unit_s))

    def time_units(self, first: int, count: int) -> Iterator[TimeUnit]:
        """Spans of consecutive units."""
        return (self.time_unit(unit) for unit in range(first, first + count))

    def gate_of(self, unit: int) -> int:
        """Instant from which a unit cannot be traded any more, seconds since the start."""
        return unit * self.unit_s - self.gate_s

    def first_open(self, now_s: float) -> int:
        """The earliest unit whose gate is still open."""
        return int((now_s + self.gate_s) // self.unit_s) + 1

    def beyond(self, now_s: float) -> int:
        """The first unit past the rolling window."""
        return self.first_open(now_s) + self.window

    def uEUR_per_lot(self, price_EUR_per_MWh: float) -> int:
        """Express a price per lot, rounded to whole µEUR."""
        return round(price_EUR_per_MWh * self.lot_Wh)

    def EUR_per_MWh(self, uEUR_per_lot: float) -> float:
        """Express a price per lot in EUR/MWh (1 EUR/MWh is 1 µEUR/Wh)."""
        return uEUR_per_lot / self.lot_Wh


@dataclass(frozen=True)
class Participant:
    """Who may trade.

    Parameters
    ----------
    name : str
    credit_uEUR : int
        How far the account may fall below zero.
    collateral_uEUR : int
        Paid in as a security; adds to the credit.
    """

    name: str
    credit_uEUR: int = 0
    collateral_uEUR: int = 0


class Order(NamedTuple):
    """A wish to trade.

    Parameters
    ----------
    participant : str
    number : int
        Larger than in every order that the exchange has taken from this participant.
    flow : Flow
    side : Side
    node : str
    unit : int
    energy_Wh : int
        A whole number of lots.
    limit_uEUR : int or None
        Worst acceptable price, µEUR per lot; None takes what the market offers.
    """

    participant: str
    number: int
    flow: Flow
    side: Side
    node: str
    unit: int
    energy_Wh: int
    limit_uEUR: int | None = None


class Reference(NamedTuple):
    """An order that the exchange took, named by its sender and number."""

    participant: str
    number: int
