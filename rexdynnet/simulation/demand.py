"""Heat demand of substations: a standard profile made individual by keyed random numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.seeds import Purpose, stream
from rexdynnet.signals import Signal
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.profile import BuildingKind, heat_profile
from rexdynnet.simulation.weather import HOUR_S, full_hours, local_year

_LOCAL = timedelta(hours=1)
_DAY_HOURS = 24


@dataclass(frozen=True)
class HeatLoad:
    """What one substation's buildings need in a year.

    Parameters
    ----------
    annual_heat_J : float
        Space heat and hot water of one calendar year.
    kind : BuildingKind
    construction : int
        1 to 11, residential buildings only.
    windy : bool
    """

    annual_heat_J: float
    kind: BuildingKind = BuildingKind.SINGLE_FAMILY
    construction: int = 4
    windy: bool = False


@dataclass(frozen=True)
class Diversity:
    """How much substations of one kind differ; all zero gives the bare profile.

    Parameters
    ----------
    shift_s : float
        Standard deviation of a substation's constant time shift.
    day_spread : float
        Standard deviation of the logarithm of a factor drawn per day on space heat.
    hot_water_spread : float
        Coefficient of variation of hourly factors on hot water, which keep each
        day's sum.

    Notes
    -----
    Shift: normal, at most three standard deviations; energy is shifted, not samples,
    so none is lost. Day factor: log-normal with mean one. Hot water: gamma factors
    per hour, scaled so that the day's hot water stays what the profile says.
    """

    shift_s: float = 2700.0
    day_spread: float = 0.05
    hot_water_spread: float = 0.5

    def __post_init__(self) -> None:
        for name in ("shift_s", "day_spread", "hot_water_spread"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise InputError(
                    Finding(f"the diversity is {value}", "give a number from 0 up", field=name)
                )


def demand_forcing(
    loads: Mapping[str, HeatLoad],
    weather: int | Path,
    start_utc: datetime,
    duration_s: float,
    *,
    seed: int,
    diversity: Diversity | None = None,
) -> Forcing:
    """Hourly heat demand of substations.

    Parameters
    ----------
    loads : mapping of substation name to HeatLoad
        At least one.
    weather : int or Path
        Of the reference year whose temperatures shape the profile.
    start_utc : datetime
    duration_s : float
    seed : int
        Another substation in `loads` changes nobody else's numbers, nor does a longer run.
    diversity : Diversity, optional

    Returns
    -------
    Forcing
        `<substation>.heat_demand` in W, hourly means, on full hours that cover the run.
    """
    instants, times = full_hours(start_utc, duration_s)
    spread = diversity or Diversity()
    columns = [
        _hourly_heat(name, load, weather, instants, seed, spread) / HOUR_S
        for name, load in loads.items()
    ]
    signals = tuple(
        Signal(name, "heat_demand", "W", max(load.annual_heat_J / 8760 / HOUR_S, 1.0))
        for name, load in loads.items()
    )
    return Forcing(times, np.column_stack(columns), signals, start_utc)


def _hourly_heat(
    name: str,
    load: HeatLoad,
    weather: int | Path,
    instants: list[datetime],
    seed: int,
    diversity: Diversity,
) -> NDArray[np.float64]:
    # Whole local days with a margin, so that a shifted hour finds its neighbours.
    first_day = (instants[0] + _LOCAL).replace(hour=0) - _LOCAL - timedelta(days=1)
    lead = round((instants[0] - first_day).total_seconds() / HOUR_S)
    days = -(-(lead + len(instants)) // _DAY_HOURS) + 1
    space, water = _plain(load, weather, first_day, days)
    ordinals = [(first_day + _LOCAL).toordinal() + day for day in range(days)]
    space *= _day_factors(name, ordinals, seed, diversity.day_spread)[:, None]
    water = _drawn(name, water, ordinals, seed, diversity.hot_water_spread)
    heat = (space + water).ravel()
    cumulative = np.concatenate(([0.0], np.cumsum(heat)))
    draw = float(stream(seed, Purpose.DEMAND_SHIFT, name).normal())
    shift_h = diversity.shift_s / HOUR_S * max(-3.0, min(3.0, draw))
    edges = lead + np.arange(len(instants) + 1) - shift_h
    energy = np.interp(edges, np.arange(len(cumulative)), cumulative)
    return load.annual_heat_J * np.diff(energy)


def _plain(
    load: HeatLoad, weather: int | Path, first_day: datetime, days: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    years = sorted({local_year(first_day), local_year(first_day + timedelta(days=days))})
    years = list(range(years[0], years[-1] + 1))
    profiles = [
        heat_profile(load.kind, load.construction, load.windy, (weather, year)) for year in years
    ]
    begin = datetime(years[0], 1, 1, tzinfo=UTC) - _LOCAL
    offset = round((first_day - begin).total_seconds() / HOUR_S)
    span = slice(offset, offset + days * _DAY_HOURS)
    space = np.concatenate([profile.space for profile in profiles])[span]
    water = np.concatenate([profile.hot_water for profile in profiles])[span]
    return space.reshape(days, _DAY_HOURS).copy(), water.reshape(days, _DAY_HOURS).copy()


def _day_factors(name: str, days: list[int], seed: int, spread: float) -> NDArray[np.float64]:
    if spread == 0:
        return np.ones(len(days))
    draws = [stream(seed, Purpose.DEMAND_DAY, name, day).normal() for day in days]
    return np.exp(spread * np.array(draws) - spread**2 / 2)


def _drawn(
    name: str, water: NDArray[np.float64], days: list[int], seed: int, spread: float
) -> NDArray[np.float64]:
    if spread == 0:
        return water
    shape = 1 / spread**2
    factors = np.array(
        [stream(seed, Purpose.HOT_WATER, name, day).gamma(shape, size=_DAY_HOURS) for day in days]
    )
    drawn = water * factors
    return drawn * (water.sum(axis=1) / drawn.sum(axis=1))[:, None]
