"""Policies: what a prosumer wants to trade, given what it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Rules
from rexdynnet.market.mechanism import Quote
from rexdynnet.market.settle import Terms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# What a policy must not forget between two instants; plain numbers, so that a run can resume.
Memory = tuple[float, ...]


class Wish(NamedTuple):
    """A change of one's net reservation.

    Parameters
    ----------
    unit : int
    change_Wh : int
        Positive takes more heat or feeds in less; a whole number of lots.
    limit_uEUR : int or None
        Worst acceptable price, µEUR per lot; None takes what the market offers.
    """

    unit: int
    change_Wh: int
    limit_uEUR: int | None = None


@dataclass(frozen=True)
class View:
    """What a prosumer knows when it decides about the open units `first` to `first + n − 1`.

    Parameters
    ----------
    rules : Rules
    terms : Terms
        How deviations will be charged.
    now_s : float
        Seconds since the market's start.
    first : int
    mean_Wh, spread_Wh : ndarray, shape (n,)
        Own present forecast and its standard deviation; positive takes heat, negative feeds in.
    position_Wh : ndarray of int, shape (n,)
        Net reservation, of the same sign.
    quote : callable
        Published book of a unit at the own node.
    closing : int
        How many of the open units close before anybody trades again, at least one.

    Raises
    ------
    InputError
        Arrays of different lengths, a forecast that is no number, a negative spread.
    """

    rules: Rules
    terms: Terms
    now_s: float
    first: int
    mean_Wh: Floats
    spread_Wh: Floats
    position_Wh: Ints
    quote: Callable[[int], Quote]
    closing: int = 1

    def __post_init__(self) -> None:
        shapes = {np.shape(a) for a in (self.mean_Wh, self.spread_Wh, self.position_Wh)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise InputError(
                Finding(
                    f"forecast, spread and position have shapes {sorted(shapes)}",
                    "give one value per open unit",
                )
            )
        good = np.isfinite(self.mean_Wh) & np.isfinite(self.spread_Wh) & (self.spread_Wh >= 0)
        if not good.all():
            raise InputError(
                Finding(
                    f"the forecast of unit {self.first + int(np.argmin(good))} is no number or "
                    "its spread is negative",
                    "give every open unit a mean and a spread from 0 up",
                )
            )

    @property
    def units(self) -> range:
        """The open units."""
        return range(self.first, self.first + len(self.mean_Wh))


class Policy(Protocol):
    """Decides what to trade and, where there is a choice, what to draw.

    A policy holds settings only; what changes is its `Memory`, which the caller keeps.
    """

    def begin(self) -> Memory:
        """Memory before the first decision."""
        ...

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Say what is wanted now.

        Parameters
        ----------
        view : View
        memory : Memory

        Returns
        -------
        wishes : list of Wish
        memory : Memory
        """
        ...

    def draw(self, own_Wh: float, reserved_Wh: int, memory: Memory) -> tuple[float, Memory]:
        """Say what is demanded in a unit whose needs are known.

        Parameters
        ----------
        own_Wh : float
            Net need of the unit; negative is generation to feed in.
        reserved_Wh : int
        memory : Memory

        Returns
        -------
        demanded_Wh : float
            Equal to the need unless the policy can store heat.
        memory : Memory
        """
        ...


@dataclass(frozen=True)
class Inelastic:
    """Draws what is needed and remembers nothing; other policies build on it."""

    def begin(self) -> Memory:
        """Nothing."""
        return ()

    def draw(self, own_Wh: float, reserved_Wh: int, memory: Memory) -> tuple[float, Memory]:
        """What is needed."""
        del reserved_Wh
        return own_Wh, memory


@dataclass(frozen=True)
class ForecastFollowing(Inelastic):
    """Keep the reservation at the present forecast of every open unit.

    Parameters
    ----------
    deadband_lots : int
        Smallest change that is traded; saves orders, not money.

    Examples
    --------
    >>> from rexdynnet.market.examples import exchange
    >>> from rexdynnet.market.prosumer import Prosumer, begin, orders
    >>> market = exchange()
    >>> flat = Prosumer("flat_1", "a", ForecastFollowing())
    >>> mean = np.zeros(96)
    >>> mean[2] = 2040.0
    >>> found, _ = orders(market, flat, begin(flat), mean, np.zeros(96), Terms())
    >>> [(one.unit, one.side.name, one.energy_Wh) for one in found]
    [(4, 'BUY', 2000)]
    """

    deadband_lots: int = 0

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Go to the forecast, as far as the market has depth."""
        return towards(view, view.mean_Wh, self.deadband_lots), memory


@dataclass(frozen=True)
class AtCall(Inelastic):
    """Bid for the forecast of what closes next only: a call auction clears every unit once.

    Parameters
    ----------
    limit_uEUR : int
        Most that a lot is worth, from 0 up.
    share : float
        Of the forecast, from 0 up; 1 is the forecast.

    Raises
    ------
    InputError
        A negative limit or share.
    """

    limit_uEUR: int
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.limit_uEUR < 0 or not 0 <= self.share < np.inf:
            raise InputError(
                Finding(
                    f"a limit of {self.limit_uEUR} µEUR, a share of {self.share}",
                    "give numbers from 0 up",
                )
            )

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """One bid per unit that closes, or none where nothing is missing."""
        lot = view.rules.lot_Wh
        limit = self.limit_uEUR // view.rules.tick_uEUR * view.rules.tick_uEUR
        found: list[Wish] = []
        for at in range(min(view.closing, len(view.mean_Wh))):
            lots = round(self.share * float(view.mean_Wh[at]) / lot)
            lots -= int(view.position_Wh[at]) // lot
            if lots > 0:
                found.append(Wish(view.first + at, lots * lot, limit))
        return found, memory


def towards(view: View, target_Wh: Floats, deadband_lots: int = 0) -> list[Wish]:
    """Wishes that bring the net reservation to whole lots nearest to a target.

    What the published depth does not allow is left for the next time.

    Parameters
    ----------
    view : View
    target_Wh : ndarray, shape (n,)
    deadband_lots : int

    Returns
    -------
    list of Wish
    """
    lot = view.rules.lot_Wh
    change = np.rint(target_Wh / lot).astype(np.int64) - view.position_Wh // lot
    found: list[Wish] = []
    for at in np.flatnonzero(np.abs(change) > deadband_lots).tolist():
        unit, lots = view.first + at, int(change[at])
        quote = view.quote(unit)
        levels = quote.asks if lots > 0 else quote.bids
        possible = min(abs(lots), sum(level.lots for level in levels))
        if possible:
            found.append(Wish(unit, (possible if lots > 0 else -possible) * lot))
    return found
