"""Who is at home: absences that a prosumer plans and the operator does not hear of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.seeds import Purpose, stream
from rexdynnet.simulation.forcing import Forcing

Floats = NDArray[np.float64]

_HOUR_S = 3600.0
_BLOCK_H = 24


@dataclass(frozen=True)
class Presence:
    """Absences of each prosumer, independent of all others.

    Hour by hour a Markov chain with two states, so that the lengths of absences and of stays
    are geometric; it is stationary from the run's first hour on.

    Parameters
    ----------
    away_share : float
        Share of time that somebody is away, from 0 to below 1.
    away_h : float
        Mean length of an absence, at least one hour.
    remaining_share : float
        Heat that is still drawn then, as a share of what would be drawn at home; above 0.
    flats : mapping of str to mapping of str to float
        Substations with several prosumers behind them, each absent by himself: their shares.

    Raises
    ------
    InputError
        A figure is outside its range, or stays would be shorter than an hour.

    Examples
    --------
    >>> Presence(0.1, 48.0, 0.5).expected_share
    0.95
    """

    away_share: float
    away_h: float = 48.0
    remaining_share: float = 0.5
    flats: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])

    def __post_init__(self) -> None:
        sound = 0.0 <= self.away_share < 1.0 and self.away_h >= 1.0
        if not (sound and 0.0 < self.remaining_share <= 1.0 and self._leave <= 1.0):
            raise InputError(
                Finding(
                    f"absences of {self.away_h:g} h, {self.away_share:g} of the time, that leave "
                    f"{self.remaining_share:g} of the demand, cannot be",
                    "give a share of time from 0 to below 1, at least 1 h, and a remaining share "
                    "above 0 up to 1",
                    field="demand.presence",
                )
            )

    @property
    def _leave(self) -> float:
        """Chance of leaving within an hour at home."""
        return self.away_share / (1.0 - self.away_share) / self.away_h

    @property
    def expected_share(self) -> float:
        """Mean of what is drawn over what would be drawn with everybody at home."""
        return 1.0 - self.away_share * (1.0 - self.remaining_share)

    def share(self, seed: int, name: str, hours: NDArray[np.int64]) -> Floats:
        """Of what would be drawn at home, by whole hours of the run.

        Parameters
        ----------
        seed : int
        name : str
            Of the substation.
        hours : ndarray of int, shape (n,)
            Hours before the first count as the first.

        Returns
        -------
        ndarray, shape (n,)
        """
        if self.away_share == 0.0:
            return np.ones(len(hours))
        if name in self.flats:
            return self.parts(seed, name, self.flats[name], hours).sum(axis=1)
        last = int(hours.max(initial=0)) + 1
        away = _away(self.away_share, self.away_h, seed, name, -(-last // 168) * 168)
        return np.where(away[np.maximum(hours, 0)], self.remaining_share, 1.0)

    def parts(
        self, seed: int, name: str, shares: Mapping[str, float], hours: NDArray[np.int64]
    ) -> Floats:
        """What each flat draws of what all would draw at home, shape (n, flats).

        Parameters
        ----------
        seed : int
        name : str
            Of the substation.
        shares : mapping of flat to float
        hours : ndarray of int, shape (n,)
        """
        drawn = [
            share * self.share(seed, f"{name}/{flat}", hours) for flat, share in shares.items()
        ]
        return np.column_stack(drawn)


def with_absences(forcing: Forcing, presence: Presence, seed: int) -> Forcing:
    """Heat demands with everybody at home, made those with absences.

    Parameters
    ----------
    forcing : Forcing
        `<substation>.heat_demand` in W; held, with a row at every full hour.
    presence : Presence
    seed : int

    Returns
    -------
    Forcing
    """
    shares = np.column_stack(
        [
            presence.share(seed, signal.component, hours_of(forcing.time_s))
            for signal in forcing.signals
        ]
    )
    return replace(forcing, values=forcing.values * shares)


def hours_of(times_s: Floats) -> NDArray[np.int64]:
    """Number of the whole hour of the run in which each instant lies."""
    return np.floor(times_s / _HOUR_S + 1e-9).astype(np.int64)


def shares_of(presence: Presence, seed: int, names: Sequence[str], times_s: Floats) -> Floats:
    """Shares of what would be drawn at home, shape (n, names)."""
    hours = hours_of(times_s)
    return np.column_stack([presence.share(seed, name, hours) for name in names])


@lru_cache(maxsize=4096)
def _away(away_share: float, away_h: float, seed: int, name: str, hours: int) -> NDArray[np.bool_]:
    blocks = -(-hours // _BLOCK_H)
    draws = np.concatenate(
        [
            stream(seed, Purpose.PRESENCE, name, block).uniform(size=_BLOCK_H)
            for block in range(blocks)
        ]
    )
    leave, back = away_share / (1.0 - away_share) / away_h, 1.0 / away_h
    found = np.empty(len(draws), dtype=np.bool_)
    away = bool(draws[0] < away_share)
    for index, draw in enumerate(draws):
        if index:
            away = bool(draw >= back) if away else bool(draw < leave)
        found[index] = away
    return found
