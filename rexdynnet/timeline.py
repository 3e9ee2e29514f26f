"""Instants and spans of time, always in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError


@dataclass(frozen=True, order=True)
class TimeUnit:
    """One span for which heat is reserved, planned or counted.

    Parameters
    ----------
    start : datetime
        First instant, with a time zone; kept in UTC.
    length_s : float
        Seconds; the unit ends just before `start + length_s`.

    Examples
    --------
    >>> unit = TimeUnit(parse_utc("2026-01-15T06:00Z"), 3600.0)
    >>> unit.end.isoformat(), unit.following().start == unit.end
    ('2026-01-15T07:00:00+00:00', True)
    """

    start: datetime
    length_s: float

    def __post_init__(self) -> None:
        if not 0 < self.length_s < float("inf"):
            raise ValueError(f"a time unit of {self.length_s} s is no span; give positive seconds")
        object.__setattr__(self, "start", as_utc(self.start))

    @property
    def end(self) -> datetime:
        """First instant after the unit."""
        return self.start + timedelta(seconds=self.length_s)

    def contains(self, instant: datetime) -> bool:
        """Whether an instant lies in the unit (its end does not)."""
        return self.start <= as_utc(instant) < self.end

    def following(self) -> TimeUnit:
        """The unit of the same length that starts where this one ends."""
        return TimeUnit(self.end, self.length_s)


def units_from(start: datetime, length_s: float, count: int) -> Iterator[TimeUnit]:
    """Yield `count` consecutive time units of equal length.

    Examples
    --------
    >>> [unit.start.hour for unit in units_from(parse_utc("2026-01-15T22:00Z"), 3600, 3)]
    [22, 23, 0]
    """
    for index in range(count):
        yield TimeUnit(as_utc(start) + timedelta(seconds=index * length_s), length_s)


def as_utc(instant: datetime) -> datetime:
    """Express an instant in UTC.

    Raises
    ------
    InputError
        The instant has no time zone, so nobody knows when it is.

    Examples
    --------
    >>> as_utc(datetime.fromisoformat("2026-01-15T01:00+01:00")).isoformat()
    '2026-01-15T00:00:00+00:00'
    """
    if instant.tzinfo is None:
        raise InputError(
            Finding(
                f"the time {instant.isoformat()} has no time zone",
                "end it with Z for UTC or an offset such as +01:00",
            )
        )
    return instant.astimezone(UTC)


def parse_utc(value: str | datetime | date, *, field: str | None = None) -> datetime:
    """Read an ISO 8601 instant.

    Parameters
    ----------
    value : str, datetime or date
        `2026-01-15`, `2026-01-15T06:00Z` or with an offset; without a zone it is
        taken as UTC because the field's name says so.
    field : str or None
        Where the value came from, for the error.

    Raises
    ------
    InputError
        The text is no ISO 8601 instant.

    Examples
    --------
    >>> parse_utc("2026-01-15").isoformat()
    '2026-01-15T00:00:00+00:00'
    """
    if isinstance(value, str):
        try:
            instant = datetime.fromisoformat(value.strip())
        except ValueError:
            raise InputError(
                Finding(
                    f"{value!r} is not a date and time",
                    "write ISO 8601, for example 2026-01-15T06:00:00Z",
                    field=field,
                )
            ) from None
    elif isinstance(value, datetime):
        instant = value
    else:
        instant = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return as_utc(instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC))


def seconds_since(start: datetime, instant: datetime) -> float:
    """Seconds from `start` to `instant`; negative when it lies before."""
    return (as_utc(instant) - as_utc(start)).total_seconds()


def time_grid(until_s: float, step_s: float) -> NDArray[np.float64]:
    """Lay instants from 0 to `until_s`, every `step_s`; the last one is `until_s` itself.

    Parameters
    ----------
    until_s, step_s : float
        Positive seconds.

    Returns
    -------
    ndarray, shape (n,)

    Examples
    --------
    >>> time_grid(10.0, 4.0)
    array([ 0.,  4.,  8., 10.])
    """
    if not (until_s > 0 and step_s > 0):
        raise InputError(
            Finding(
                f"a grid of {step_s} s steps up to {until_s} s is empty",
                "give a positive duration and a positive output step",
            )
        )
    # A step count that is whole up to round-off must not leave a sliver at the end.
    count = int(np.floor(until_s / step_s * (1 + 1e-12)))
    grid = np.arange(count + 1, dtype=float) * step_s
    if until_s - grid[-1] > 1e-9 * until_s:
        return np.append(grid, until_s)
    grid[-1] = until_s
    return grid
