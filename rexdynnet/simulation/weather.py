"""Weather of a typical year, and the ground below it.

The data are the test reference years 2010 of the German weather service (DWD)
as the package `demandlib` ships them: fifteen regions, hourly, a typical year of
1988 to 2007; other places come from weather files (EPW, TMY3). Nothing is downloaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.util import find_spec
from math import atan2, exp, pi, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.inputs import GROUND, OUTDOOR
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.timeline import as_utc

REGIONS = range(1, 16)
HOUR_S = 3600.0
_HOURS = 8760
_YEAR_S = _HOURS * HOUR_S
# The reference years count in central European time without daylight saving.
_LOCAL = timedelta(hours=1)
_FEBRUARY_29 = (31 + 28) * 24
_COLUMNS = ("RG", "IS", "MM", "DD", "HH", "N", "WR", "WG", "t", "p")
_COLUMNS += ("x", "RF", "W", "B", "D", "IK", "A", "E", "IL")


@dataclass(frozen=True)
class ReferenceYear:
    """One typical year, hourly, in local standard time (UTC+1).

    Parameters
    ----------
    source : int or Path
        Climate region 1 to 15 of the DWD, or a weather file.
    station : str
    temperature_K : ndarray, shape (8760,)
        Air at 2 m at the end of each hour.
    global_radiation_W_per_m2 : ndarray, shape (8760,)
        Direct plus diffuse on the horizontal, mean of each hour.
    """

    source: int | Path
    station: str
    temperature_K: NDArray[np.float64]
    global_radiation_W_per_m2: NDArray[np.float64]


@dataclass(frozen=True)
class GroundModel:
    """Undisturbed ground temperature over the year at one depth.

    T(z, t) = mean − amplitude exp(−z √(π/(a P))) cos(2π/P (t − t_cold) − z √(π/(a P)))

    Parameters
    ----------
    depth_m : float
        Depth z of the pipes' axis.
    diffusivity_m2_per_s : float
        Thermal diffusivity a of the soil; 6e-7 is moist loam.

    Notes
    -----
    Kusuda and Achenbach, Earth temperature and thermal diffusivity at selected
    stations in the United States, ASHRAE Transactions 71(1), 1965. Mean, amplitude
    and the coldest instant t_cold of the surface are taken from the first harmonic
    (period P of one year) of the air temperature.
    """

    depth_m: float = 1.0
    diffusivity_m2_per_s: float = 6e-7

    def temperature(
        self, year: ReferenceYear, time_of_year_s: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Ground temperature in K.

        Parameters
        ----------
        year : ReferenceYear
        time_of_year_s : ndarray, shape (n,)
            Seconds since the local beginning of the year.

        Returns
        -------
        ndarray, shape (n,)
        """
        mean, amplitude, coldest_s = first_harmonic(year.temperature_K)
        decay = self.depth_m * sqrt(pi / (self.diffusivity_m2_per_s * _YEAR_S))
        phase = 2 * pi / _YEAR_S * (np.asarray(time_of_year_s, float) - coldest_s) - decay
        return mean - amplitude * exp(-decay) * np.cos(phase)


def first_harmonic(temperature_K: NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean, amplitude and coldest instant of a year's first harmonic.

    Parameters
    ----------
    temperature_K : ndarray, shape (8760,)
        Values at the end of each hour.

    Returns
    -------
    (float, float, float)
        Mean [K], amplitude [K], time of the minimum [s since the year's beginning].
    """
    times = (np.arange(len(temperature_K)) + 1) * HOUR_S
    angle = 2 * pi / _YEAR_S * times
    cosine = 2 * float(np.mean(temperature_K * np.cos(angle)))
    sine = 2 * float(np.mean(temperature_K * np.sin(angle)))
    coldest = (atan2(sine, cosine) + pi) % (2 * pi) / (2 * pi) * _YEAR_S
    return float(np.mean(temperature_K)), float(np.hypot(cosine, sine)), coldest


@lru_cache(maxsize=15)
def read_reference_year(source: int | Path) -> ReferenceYear:
    """Read a test reference year from the installed demandlib, or a weather file.

    Parameters
    ----------
    source : int or Path
        1 to 15, for example 4 (north-east German lowland, Potsdam), 5 (lower
        Rhine and Westphalia, Essen) or 13 (foothills of the Alps, Mühldorf); or an EPW or TMY3
        file of any place.

    Returns
    -------
    ReferenceYear

    Raises
    ------
    InputError
        No such region, demandlib or its file is missing or changed, or a weather file is not
        whole.
    """
    if isinstance(source, Path):
        from rexdynnet.simulation.weather_file import read_weather_file

        return read_weather_file(source)
    region = source
    if region not in REGIONS:
        raise InputError(
            Finding(
                f"there is no test reference year of region {region}",
                "give a region from 1 to 15, for example 4 (Potsdam)",
                field="region",
            )
        )
    file = demandlib_folder() / "vdi" / "resources_weather" / f"TRY2010_{region:02d}_Jahr.dat"
    try:
        head, _, body = file.read_text(encoding="latin-1").partition("***")
        table = np.array([line.split() for line in body.splitlines() if line.strip()], dtype=float)
    except (OSError, ValueError):
        head, table = "", np.empty((0, 0))
    legend = tuple(line.split()[0] for line in head.splitlines() if line.strip())
    if table.shape != (_HOURS, len(_COLUMNS)) or legend[-len(_COLUMNS) - 1 : -1] != _COLUMNS:
        raise InputError(
            Finding(
                "the test reference year is missing or has another form",
                "install demandlib 0.2, which ships it",
                file=file,
            )
        )
    column = {name: table[:, index] for index, name in enumerate(_COLUMNS)}
    station = next(
        (line for line in head.splitlines() if line.startswith("Station:")), "Station: unknown"
    )
    return ReferenceYear(
        source=region,
        station=station.removeprefix("Station:").split("WMO")[0].strip(),
        temperature_K=_frozen(column["t"] + 273.15),
        global_radiation_W_per_m2=_frozen(column["B"] + column["D"]),
    )


def demandlib_folder() -> Path:
    """Where the installed demandlib keeps its data; found without importing it.

    Raises
    ------
    InputError
        demandlib is not installed.
    """
    spec = find_spec("demandlib")
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            Finding(
                "the package demandlib, which holds weather and load profiles, is not installed",
                "install it with `pip install demandlib`",
            )
        )
    return Path(os.fspath(spec.submodule_search_locations[0]))


def hour_of_reference_year(instants: list[datetime]) -> NDArray[np.intp]:
    """Index of the reference hour in which each UTC instant lies; 29 February repeats the 28th."""
    indices = []
    for instant in instants:
        local = as_utc(instant).replace(tzinfo=None) + _LOCAL
        hour = int((local - datetime(local.year, 1, 1)).total_seconds() // HOUR_S)
        leap = local.year % 4 == 0 and (local.year % 100 != 0 or local.year % 400 == 0)
        if leap and hour >= _FEBRUARY_29:
            hour -= 24
        indices.append(hour)
    return np.array(indices, dtype=np.intp)


def weather_forcing(
    year: ReferenceYear,
    start_utc: datetime,
    duration_s: float,
    *,
    ground: GroundModel | None = None,
) -> Forcing:
    """Lay a reference year on the calendar.

    Parameters
    ----------
    year : ReferenceYear
        Taken for every calendar year.
    start_utc : datetime
    duration_s : float
    ground : GroundModel, optional

    Returns
    -------
    Forcing
        `outdoor.temperature` and `ground.temperature` (linear between hours) and
        `outdoor.global_radiation` (hourly means), on full hours that cover the run.
    """
    instants, times = full_hours(start_utc, duration_s)
    hours = hour_of_reference_year(instants)
    radiation = year.global_radiation_W_per_m2[hours]
    # Row h is the value at the end of hour h, so a full hour shows the row before it.
    temperature = year.temperature_K[hours - 1]
    soil = (ground or GroundModel()).temperature(year, hours.astype(np.float64) * HOUR_S)
    signals = (
        Signal(OUTDOOR, "temperature", "K", 10.0, hold=Hold.LINEAR),
        Signal(OUTDOOR, "global_radiation", "W/m2", 1e3, hold=Hold.STEP),
        Signal(GROUND, "temperature", "K", 10.0, hold=Hold.LINEAR),
    )
    return Forcing(times, np.column_stack((temperature, radiation, soil)), signals, start_utc)


def full_hours(
    start_utc: datetime, duration_s: float
) -> tuple[list[datetime], NDArray[np.float64]]:
    """Full hours that cover a run: as instants, and in seconds since its start."""
    start = as_utc(start_utc)
    first = start.replace(minute=0, second=0, microsecond=0)
    lead = (start - first).total_seconds()
    count = int(np.ceil((duration_s + lead) / HOUR_S - 1e-9)) + 1
    instants = [first + timedelta(hours=index) for index in range(max(count, 2))]
    return instants, np.arange(max(count, 2), dtype=np.float64) * HOUR_S - lead


def local_year(instant: datetime) -> int:
    """Calendar year of an instant in central European standard time."""
    return (as_utc(instant).astimezone(UTC) + _LOCAL).year


def _frozen(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values.flags.writeable = False
    return values
