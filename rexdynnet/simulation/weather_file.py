"""Typical years from weather files: EnergyPlus (EPW) and NREL's TMY3, read by pvlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.weather import ReferenceYear

_HOURS = 8760
_LEAP_HOURS = 8784
_FEBRUARY_29 = slice((31 + 28) * 24, (31 + 29) * 24)
_ZERO_C = 273.15
# Data dictionary of EnergyPlus weather files: what stands for a missing value begins here.
_MISSING_degC, _MISSING_W_per_m2 = 99.9, 9999.0
_COLDEST_degC, _BRIGHTEST_W_per_m2 = -70.0, 2000.0


def read_weather_file(path: Path) -> ReferenceYear:
    """Read a typical year from an EPW or a TMY3 file.

    Parameters
    ----------
    path : Path
        `.epw`, or TMY3 as CSV. Rows are the hours 1 to 24 of local standard time; each row's
        radiation is that of the hour that ends then. 29 February is left out.

    Returns
    -------
    ReferenceYear
        Hours moved to UTC+1.

    Raises
    ------
    InputError
        pvlib is missing, the file is not of either kind, a value is missing or cannot be, or the
        time zone is not a whole number of hours.

    Notes
    -----
    U.S. Department of Energy, EnergyPlus Auxiliary Programs, chapter on weather data;
    S. Wilcox, W. Marion, Users Manual for TMY3 Data Sets, NREL/TP-581-43156, 2008.
    """
    table, meta = _parsed(path)
    if len(table) not in (_HOURS, _LEAP_HOURS):
        raise _wrong(path, f"it has {len(table)} rows", "give a whole year of hours: 8760 rows")
    celsius = _column(table, "temp_air", path, _COLDEST_degC, _MISSING_degC)
    radiation = _column(table, "ghi", path, 0.0, _MISSING_W_per_m2, _BRIGHTEST_W_per_m2)
    zone = float(meta["TZ"])
    if zone != round(zone):
        raise _wrong(path, f"its time zone is UTC{zone:+g}", "give a year in whole hours of UTC")
    # Rows are hours of the station; what a reference year counts is hours of UTC+1.
    turn = 1 - round(zone)
    place = str(meta.get("city") or meta.get("Name") or path.stem).strip('" ')
    return ReferenceYear(path, place, np.roll(celsius + _ZERO_C, turn), np.roll(radiation, turn))


def _parsed(path: Path) -> tuple[Any, dict[str, Any]]:
    try:
        from pvlib.iotools import read_epw, read_tmy3
    except ImportError:
        raise InputError(
            Finding(
                "weather files are read by pvlib, which is not installed",
                "install it with `pip install 'rexdynnet[weather]'`",
                path,
            )
        ) from None
    if not path.is_file():
        raise _wrong(path, "the file does not exist", "check the path or add it")
    try:
        if path.suffix.lower() == ".epw":
            return read_epw(str(path))
        return read_tmy3(str(path), map_variables=True)
    except (ValueError, KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        remedy = "give an EnergyPlus weather file (.epw) or a TMY3 file (.csv)"
        raise _wrong(path, f"it cannot be read ({error})", remedy) from None


def _column(
    table: Any, name: str, path: Path, least: float, missing: float, most: float = np.inf
) -> NDArray[np.float64]:
    values = np.asarray(table[name], dtype=np.float64)
    bad = ~np.isfinite(values) | (values < least) | (values >= missing) | (values > most)
    if bad.any():
        row = int(np.argmax(bad))
        raise InputError(
            Finding(
                f"hour {row + 1} has no usable value ({values[row]:g})",
                "fill it in; a missing value would pass for weather",
                path,
                field=name,
            )
        )
    return np.delete(values, _FEBRUARY_29) if len(values) == _LEAP_HOURS else values


def _wrong(path: Path, what: str, remedy: str) -> InputError:
    return InputError(Finding(what, remedy, path))
