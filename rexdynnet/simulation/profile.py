"""Standard heat load profiles of the BDEW: hourly heat of a building from the weather.

The coefficients are read from the installed package `demandlib`. The equations are
stated here in NumPy, because a year takes a millisecond so; a test holds them against
demandlib's own.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.weather import ReferenceYear, demandlib_folder

CONSTRUCTIONS = range(1, 12)
_FEBRUARY_28 = 31 + 27
_NOT_BY_WEEKDAY = 0
_SUNDAY = 7


class BuildingKind(Enum):
    """Building types of the BDEW; the value is the guideline's abbreviation."""

    SINGLE_FAMILY = "EFH"
    MULTI_FAMILY = "MFH"
    PUBLIC_OFFICE = "GKO"
    RETAIL = "GHA"
    METAL_AND_CARS = "GMK"
    OTHER_SERVICES = "GBD"
    LODGING = "GBH"
    RESTAURANT = "GGA"
    BAKERY = "GBA"
    LAUNDRY = "GWA"
    NURSERY = "GGB"
    PAPER_AND_PRINT = "GPD"
    HOUSEHOLD_LIKE = "GMF"
    ALL_TRADES = "GHD"

    @property
    def residential(self) -> bool:
        """Whether the profile depends on the construction, not on the weekday."""
        return self in (BuildingKind.SINGLE_FAMILY, BuildingKind.MULTI_FAMILY)


@dataclass(frozen=True)
class Profile:
    """Hourly heat of one calendar year per heat of that year.

    Parameters
    ----------
    space, hot_water : ndarray, shape (8760,) or (8784,)
        Shares of the year's heat in each hour of local standard time; together they
        sum to one.
    """

    space: NDArray[np.float64]
    hot_water: NDArray[np.float64]


@dataclass(frozen=True)
class Coefficients:
    """What the guideline tabulates for one building type.

    Parameters
    ----------
    sigmoid : tuple of float
        A, B, C, D of the daily demand.
    weekday : ndarray, shape (7,)
        Factor from Monday to Sunday.
    hourly : ndarray, shape (7, 24, 10)
        Share of the day by weekday, hour and temperature class.
    """

    sigmoid: tuple[float, float, float, float]
    weekday: NDArray[np.float64]
    hourly: NDArray[np.float64]


@lru_cache(maxsize=64)
def heat_profile(
    kind: BuildingKind, construction: int, windy: bool, weather: tuple[int | Path, int]
) -> Profile:
    """Normalised profile of one building type in one calendar year.

    Parameters
    ----------
    kind : BuildingKind
    construction : int
        1 to 11 for residential buildings, older to newer in the guideline's classes
        of the stock; ignored otherwise.
    windy : bool
        Windy site.
    weather : (int, int)
        Region of the reference year and calendar year.

    Returns
    -------
    Profile

    Raises
    ------
    InputError
        The construction is not from 1 to 11, or demandlib is missing or changed.

    Notes
    -----
    Daily heat: h(θ) = A / (1 + (B / (θ − 40))^C) + D, times the weekday's factor, with
    the geometric mean θ of the last four days' air temperatures (weights 1, 1/2, 1/4,
    1/8) in °C; D is hot water. Hours by weekday and class of θ. Source: BDEW/VKU/GEODE,
    Leitfaden Abwicklung von Standardlastprofilen Gas; Hellwig, TU München, 2003.
    Public holidays of all of Germany count as Sundays.
    """
    from rexdynnet.simulation.weather import read_reference_year

    source, calendar_year = weather
    table = read_coefficients(kind, construction if kind.residential else 0, windy)
    means = daily_means(read_reference_year(source), calendar_year)
    theta = (means + np.roll(means, 1) / 2 + np.roll(means, 2) / 4 + np.roll(means, 3) / 8) / 1.875
    a, b, c, d = table.sigmoid
    first = date(calendar_year, 1, 1).weekday()
    weekday = (first + np.arange(len(theta))) % 7
    weekday[[day.timetuple().tm_yday - 1 for day in public_holidays(calendar_year)]] = _SUNDAY - 1
    space_by_day = a / (1 + (b / (theta - 40)) ** c) * table.weekday[weekday]
    water_by_day = d * table.weekday[weekday]
    shares = table.hourly[weekday, :, temperature_class(theta)]
    total = float(((space_by_day + water_by_day)[:, None] * shares).sum())
    return Profile(
        space=(space_by_day[:, None] * shares).ravel() / total,
        hot_water=(water_by_day[:, None] * shares).ravel() / total,
    )


def public_holidays(year: int) -> tuple[date, ...]:
    """Public holidays of all German states, in order.

    Parameters
    ----------
    year : int
        From 1991 on.

    Returns
    -------
    tuple of date

    Notes
    -----
    Easter by the anonymous Gregorian computus (Nature 13 (1876) 487).

    Examples
    --------
    >>> [day.isoformat() for day in public_holidays(2027)[:3]]
    ['2027-01-01', '2027-03-26', '2027-03-29']
    """
    century, rest = divmod(year, 100)
    golden = year % 19
    moon = (8 * century + 13) // 25
    epact = (19 * golden + century - century // 4 - moon + 15) % 30
    sunday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * sunday) // 451
    month, day = divmod(epact + sunday - 7 * late + 114, 31)
    easter = date(year, month, day + 1)
    moving = [easter + timedelta(days=after) for after in (-2, 1, 39, 50)]
    fixed = [date(year, *when) for when in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))]
    return tuple(sorted({*moving, *fixed}))


def daily_means(year: ReferenceYear, calendar_year: int) -> NDArray[np.float64]:
    """Daily mean air temperatures in °C; in a leap year 29 February repeats the 28th."""
    means = year.temperature_K.reshape(365, 24).mean(axis=1) - 273.15
    leap = (date(calendar_year + 1, 1, 1) - date(calendar_year, 1, 1)).days > len(means)
    return np.insert(means, _FEBRUARY_28 + 1, means[_FEBRUARY_28]) if leap else means


def temperature_class(theta_degC: NDArray[np.float64]) -> NDArray[np.intp]:
    """Class 0 (up to −15 °C) to 9 (above 25 °C), 5 K each."""
    return np.clip(np.ceil((np.ceil(theta_degC) + 15) / 5), 0, 9).astype(np.intp)


@lru_cache(maxsize=64)
def read_coefficients(kind: BuildingKind, construction: int, windy: bool) -> Coefficients:
    """Read the guideline's figures of one building type from the installed demandlib.

    Raises
    ------
    InputError
        The construction is unknown for this kind, or demandlib is missing or changed.
    """
    if kind.residential and construction not in CONSTRUCTIONS:
        raise InputError(
            Finding(
                f"construction {construction} of a {kind.name.lower()} building is unknown",
                "give a class from 1 to 11",
                field="construction",
            )
        )
    own = {"shlp_type": kind.value, "building_class": str(construction)}
    sigmoid = _rows("shlp_sigmoid_factors.csv", {**own, "wind_impact": str(int(windy))})
    weekdays = _rows("shlp_weekday_factors.csv", {"shlp_type": kind.value})
    hours = _rows("shlp_hour_factors.csv", own)
    try:
        ((a, b, c, d),) = [[float(row[f"parameter_{key}"]) for key in "abcd"] for row in sigmoid]
        weekday = np.array([float(row["wochentagsfaktor"]) for row in weekdays])
        hourly = np.full((_SUNDAY, 24, 10), np.nan)
        for row in hours:
            day, hour = int(row["weekday"]), int(row["hour_of_day"]) - 1
            shares = [float(row[f"temp_intervall_{index:02d}"]) for index in range(1, 11)]
            hourly[slice(None) if day == _NOT_BY_WEEKDAY else day - 1, hour] = shares
    except (KeyError, ValueError, IndexError):
        raise _changed(f"the figures of {kind.value} class {construction}") from None
    if weekday.shape != (_SUNDAY,) or not np.all(np.isfinite(hourly)):
        raise _changed(f"the figures of {kind.value} class {construction}")
    return Coefficients((a, b, c, d), weekday, hourly)


def _rows(name: str, wanted: dict[str, str]) -> list[dict[str, str]]:
    return [row for row in _table(name) if all(row.get(k) == v for k, v in wanted.items())]


@lru_cache(maxsize=3)
def _table(name: str) -> list[dict[str, str]]:
    file = demandlib_folder() / "bdew" / "bdew_data" / name
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return list(csv.DictReader(opened))
    except OSError:
        raise _changed(str(file)) from None


def _changed(what: str) -> InputError:
    return InputError(
        Finding(
            f"the installed demandlib lacks {what} or has it in another form",
            "install demandlib 0.2, which ships the BDEW figures",
        )
    )
