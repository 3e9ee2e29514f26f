"""Units at the border: durations in words, and unit suffixes of column and field names.

Inside the package every number is an SI float; a file may use degC, bar, kW or
mm where the unit stands at the end of the name, as in `length_mm`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True)
class Unit:
    """A unit that a file may use, and its way to SI.

    Parameters
    ----------
    suffix : str
        As it stands at the end of a name, for example `degC`.
    si : str
        The SI unit that it becomes, for example `K`.
    factor, offset : float
        SI value = factor * value + offset.

    Examples
    --------
    >>> UNITS["degC"].to_si(70.0), UNITS["kW"].from_si(2500.0)
    (343.15, 2.5)
    """

    suffix: str
    si: str
    factor: float = 1.0
    offset: float = 0.0

    def to_si(self, value: Number) -> Number:
        """Convert a value, or an array of any shape, to SI."""
        return value * self.factor + self.offset

    def from_si(self, value: Number) -> Number:
        """Convert an SI value, or an array of any shape, to this unit."""
        return (value - self.offset) / self.factor


_HOUR = 3600.0
_TABLE = (
    Unit("K", "K"),
    Unit("degC", "K", 1.0, 273.15),
    Unit("Pa", "Pa"),
    Unit("kPa", "Pa", 1e3),
    Unit("MPa", "Pa", 1e6),
    Unit("mbar", "Pa", 1e2),
    Unit("bar", "Pa", 1e5),
    Unit("W", "W"),
    Unit("kW", "W", 1e3),
    Unit("MW", "W", 1e6),
    Unit("J", "J"),
    Unit("kJ", "J", 1e3),
    Unit("MJ", "J", 1e6),
    Unit("GJ", "J", 1e9),
    Unit("Wh", "J", _HOUR),
    Unit("kWh", "J", 1e3 * _HOUR),
    Unit("MWh", "J", 1e6 * _HOUR),
    Unit("GWh", "J", 1e9 * _HOUR),
    Unit("kg_per_s", "kg/s"),
    Unit("kg_per_h", "kg/s", 1 / _HOUR),
    Unit("t_per_h", "kg/s", 1e3 / _HOUR),
    Unit("m3_per_s", "m3/s"),
    Unit("m3_per_h", "m3/s", 1 / _HOUR),
    Unit("l_per_s", "m3/s", 1e-3),
    Unit("m", "m"),
    Unit("mm", "m", 1e-3),
    Unit("cm", "m", 1e-2),
    Unit("km", "m", 1e3),
    Unit("m2", "m2"),
    Unit("m3", "m3"),
    Unit("l", "m3", 1e-3),
    Unit("kg", "kg"),
    Unit("t", "kg", 1e3),
    Unit("s", "s"),
    Unit("min", "s", 60.0),
    Unit("h", "s", _HOUR),
    Unit("d", "s", 24 * _HOUR),
    Unit("m_per_s", "m/s"),
    Unit("m2_per_s", "m2/s"),
    Unit("kg_per_m3", "kg/m3"),
    Unit("Pa_s", "Pa s"),
    Unit("J_per_kgK", "J/(kg K)"),
    Unit("kJ_per_kgK", "J/(kg K)", 1e3),
    Unit("J_per_K", "J/K"),
    Unit("kWh_per_K", "J/K", 1e3 * _HOUR),
    Unit("W_per_K", "W/K"),
    Unit("kW_per_K", "W/K", 1e3),
    Unit("W_per_m", "W/m"),
    Unit("W_per_m2", "W/m2"),
    Unit("W_per_mK", "W/(m K)"),
    Unit("W_per_m2K", "W/(m2 K)"),
    Unit("mK_per_W", "m K/W"),
    Unit("W_per_s", "W/s"),
    Unit("kW_per_min", "W/s", 1e3 / 60.0),
    Unit("EUR", "EUR"),
    Unit("EUR_per_MWh", "EUR/MWh"),
    Unit("kg_per_MWh", "kg/MWh"),
    Unit("percent", "1", 1e-2),
)

UNITS: Mapping[str, Unit] = MappingProxyType({unit.suffix: unit for unit in _TABLE})
"""Every unit that a name may end with, by its suffix."""

PURE = Unit("", "1")
"""The unit of a name without a suffix: a plain number."""


def split_unit(name: str) -> tuple[str, Unit]:
    """Split a column or field name into the quantity and its unit.

    Parameters
    ----------
    name : str
        For example `substation_7.heat_demand_kW`.

    Returns
    -------
    (str, Unit)
        The name without the unit; `PURE` where the name ends with no unit.

    Notes
    -----
    The longest known suffix wins. Only what follows the last dot is searched,
    so that a component called `pump_s` keeps its name.

    Examples
    --------
    >>> split_unit("substation_7.heat_demand_kW")[0]
    'substation_7.heat_demand'
    >>> split_unit("plant.availability")[1].si
    '1'
    """
    stem, dot, quantity = name.rpartition(".")
    words = quantity.split("_")
    for count in range(1, len(words)):
        unit = UNITS.get("_".join(words[count:]))
        if unit is not None:
            return stem + dot + "_".join(words[:count]), unit
    return name, PURE


_DURATION_PART = re.compile(r"([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z]*)\s*")
_DURATIONS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": _HOUR,
    "hour": _HOUR,
    "d": 24 * _HOUR,
    "day": 24 * _HOUR,
    "w": 168 * _HOUR,
    "week": 168 * _HOUR,
    "a": 8760 * _HOUR,
    "year": 8760 * _HOUR,
}


def parse_duration(value: str | float, *, field: str | None = None) -> float:
    """Turn a duration in words into seconds.

    Parameters
    ----------
    value : str or float
        `"7d"`, `"15 min"`, `"1 d 12 h"`, `"1 year"` (365 days); a number is seconds.
    field : str or None
        Where the value came from, for the error.

    Returns
    -------
    float
        Seconds, positive.

    Raises
    ------
    InputError
        The text is no duration, or it is not positive and finite.

    Examples
    --------
    >>> parse_duration("1d 12h") / 3600
    36.0
    """
    seconds = float(value) if isinstance(value, int | float) else _seconds(value, field)
    if not (isfinite(seconds) and seconds > 0):
        raise InputError(
            Finding(f"the duration {value!r} is not positive", "write for example 7d", field=field)
        )
    return seconds


def _seconds(text: str, field: str | None) -> float:
    remedy = "write a number and a unit, for example 15min, 36h or 7d"
    rest = text.strip()
    total = 0.0
    if not rest:
        raise InputError(Finding("the duration is empty", remedy, field=field))
    while rest:
        match = _DURATION_PART.match(rest)
        if match is None:
            raise InputError(Finding(f"{text!r} is not a duration", remedy, field=field))
        word = match.group(2)
        factor = _DURATIONS.get(word) or _DURATIONS.get(word.lower().removesuffix("s"))
        if factor is None:
            known = "s, min, h, d, week, year"
            raise InputError(
                Finding(f"{text!r} has an unknown time unit {word!r}", f"use {known}", field=field)
            )
        total += float(match.group(1)) * factor
        rest = rest[match.end() :]
    return total


def format_duration(seconds: float) -> str:
    """Write seconds the way a person would.

    Examples
    --------
    >>> format_duration(604800), format_duration(5400), format_duration(12.5)
    ('7 d', '1 h 30 min', '12.5 s')
    """
    parts: list[str] = []
    rest = seconds
    for symbol, length in (("d", 24 * _HOUR), ("h", _HOUR), ("min", 60.0)):
        count = int(rest // length)
        if count:
            parts.append(f"{count} {symbol}")
            rest -= count * length
    if rest > 0 or not parts:
        parts.append(f"{rest:.4g} s")
    return " ".join(parts)
