"""Instants and spans of time, always in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

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


@dataclass(frozen=True)
class Schedule:
    """Energies committed per participant and time unit.

    Parameters
    ----------
    participants : tuple of str, length k
        Names of substations (or of plants that an outsider runs).
    units : tuple of TimeUnit, length n
        Consecutive and of equal length.
    energy_J : ndarray, shape (n, k)
        Taken from the network during each unit; negative where it is fed in.

    Raises
    ------
    InputError
        A participant twice, units that overlap or leave a gap, NaN, or shapes that do
        not match.

    Examples
    --------
    >>> units = tuple(units_from(parse_utc("2026-01-15"), 3600.0, 2))
    >>> schedule = Schedule(("a",), units, np.array([[3.6e6], [7.2e6]]))
    >>> schedule.power_W.ravel()
    array([1000., 2000.])
    """

    participants: tuple[str, ...]
    units: tuple[TimeUnit, ...]
    energy_J: NDArray[np.float64]

    def __post_init__(self) -> None:
        _check_table(self.participants, self.units, self.energy_J)

    @property
    def unit_s(self) -> float:
        """Length of every unit."""
        return self.units[0].length_s

    @property
    def power_W(self) -> NDArray[np.float64]:
        """Mean power that keeps each commitment, shape (n, k)."""
        return self.energy_J / self.unit_s

    def edges_s(self, start: datetime) -> NDArray[np.float64]:
        """Edges of the units in seconds since an instant, shape (n + 1,)."""
        first = seconds_since(start, self.units[0].start)
        return first + self.unit_s * np.arange(len(self.units) + 1, dtype=np.float64)

    def unit_at(self, instant: datetime) -> int | None:
        """Index of the unit that an instant lies in; None outside the schedule."""
        index = int(seconds_since(self.units[0].start, instant) // self.unit_s)
        return index if 0 <= index < len(self.units) else None

    def mean_power_W(
        self, start: datetime, edges_s: NDArray[np.float64], outside_W: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Committed power averaged over other intervals.

        Parameters
        ----------
        start : datetime
            Second 0 of `edges_s`.
        edges_s : ndarray, shape (m + 1,)
        outside_W : ndarray, shape (m, k)
            What counts for the part of an interval that the schedule does not cover,
            for example the forecast beyond gate closure.

        Returns
        -------
        ndarray, shape (m, k)
        """
        own = self.edges_s(start)
        running = np.vstack([np.zeros(len(self.participants)), np.cumsum(self.energy_J, axis=0)])
        at = np.column_stack([np.interp(edges_s, own, column) for column in running.T])
        covered = np.diff(np.clip(edges_s, own[0], own[-1]))
        steps = np.diff(edges_s)
        return (np.diff(at, axis=0) + (steps - covered)[:, None] * outside_W) / steps[:, None]


@dataclass(frozen=True)
class PriceSurface:
    """What one more unit of heat costs, per place and time unit.

    Parameters
    ----------
    places : tuple of str, length k
        Substations (or nodes).
    units : tuple of TimeUnit, length n
    price_EUR_per_MWh : ndarray, shape (n, k)
        Positive when one more MWh costs money; the sum of the four parts below.
    energy, loss, congestion, scarcity : ndarray, shape (n, k)
        EUR/MWh.
    valid : ndarray of bool, shape (n, k)
        False where the solve behind it was not certified or was degenerate.
    uplift_EUR : ndarray, shape (n,)
        Start costs, in no marginal price.
    """

    places: tuple[str, ...]
    units: tuple[TimeUnit, ...]
    price_EUR_per_MWh: NDArray[np.float64]
    energy: NDArray[np.float64]
    loss: NDArray[np.float64]
    congestion: NDArray[np.float64]
    scarcity: NDArray[np.float64]
    valid: NDArray[np.bool_]
    uplift_EUR: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = (len(self.units), len(self.places))
        parts = (self.energy, self.loss, self.congestion, self.scarcity, self.valid)
        given = {np.shape(part) for part in (self.price_EUR_per_MWh, *parts)}
        if given != {shape} or np.shape(self.uplift_EUR) != shape[:1]:
            raise InputError(
                Finding(
                    f"a price surface of {shape} has parts of shapes {sorted(given)}",
                    "give every part one row per unit and one column per place",
                )
            )


@dataclass(frozen=True)
class DeliveryEnvelope:
    """What can still be sold, as named linear rows: rows @ q <= limit_J.

    Parameters
    ----------
    participants : tuple of str, length k
    units : tuple of TimeUnit, length n
    names : tuple of str, length m
        What binds in each row.
    rows : ndarray, shape (m, n, k)
    limit_J : ndarray, shape (m,)
    probability : float
        With which everything inside can be delivered.
    """

    participants: tuple[str, ...]
    units: tuple[TimeUnit, ...]
    names: tuple[str, ...]
    rows: NDArray[np.float64]
    limit_J: NDArray[np.float64]
    probability: float = 1.0

    def __post_init__(self) -> None:
        count = len(self.names)
        shape = (count, len(self.units), len(self.participants))
        if np.shape(self.rows) != shape or np.shape(self.limit_J) != (count,):
            raise InputError(
                Finding(
                    f"an envelope of {shape} has rows of shape {np.shape(self.rows)} and limits "
                    f"of shape {np.shape(self.limit_J)}",
                    "give one row per name and one column per unit and participant",
                )
            )

    def margin_J(self, energy_J: NDArray[np.float64]) -> NDArray[np.float64]:
        """How much is left in each row after selling `energy_J` (n, k); negative is too much."""
        return self.limit_J - np.einsum("mnk,nk->m", self.rows, energy_J)


@dataclass(frozen=True)
class Realisation:
    """What participants asked for and got, beside what they had reserved.

    Parameters
    ----------
    participants : tuple of str, length k
    units : tuple of TimeUnit, length n
    reserved_J, demanded_J, delivered_J : ndarray, shape (n, k)
    """

    participants: tuple[str, ...]
    units: tuple[TimeUnit, ...]
    reserved_J: NDArray[np.float64]
    demanded_J: NDArray[np.float64]
    delivered_J: NDArray[np.float64]

    def __post_init__(self) -> None:
        for table in (self.reserved_J, self.demanded_J, self.delivered_J):
            _check_table(self.participants, self.units, table)

    @property
    def imbalance_J(self) -> NDArray[np.float64]:
        """Demanded minus reserved: the prosumers' own miss, shape (n, k)."""
        return self.demanded_J - self.reserved_J

    @property
    def shortfall_J(self) -> NDArray[np.float64]:
        """What the network failed to deliver, max(0, demanded - delivered), shape (n, k)."""
        return np.maximum(self.demanded_J - self.delivered_J, 0.0)


@dataclass(frozen=True)
class Curtailment:
    """Energy withheld by command, per participant and time unit.

    Parameters
    ----------
    participants : tuple of str, length k
    units : tuple of TimeUnit, length n
    energy_J : ndarray, shape (n, k)
    reason : str
    """

    participants: tuple[str, ...]
    units: tuple[TimeUnit, ...]
    energy_J: NDArray[np.float64]
    reason: str = ""

    def __post_init__(self) -> None:
        _check_table(self.participants, self.units, self.energy_J)


def _check_table(
    participants: tuple[str, ...], units: tuple[TimeUnit, ...], table: NDArray[np.float64]
) -> None:
    findings: list[Finding] = []
    for name in sorted({name for name in participants if participants.count(name) > 1}):
        findings.append(Finding(f"{name} stands twice", "name each participant once"))
    if not units:
        findings.append(Finding("there is no time unit", "give at least one"))
    for before, after in pairwise(units):
        what = f"the unit of {after.start.isoformat()} follows that of {before.start.isoformat()}"
        if after.length_s != before.length_s:
            findings.append(Finding(f"{what} and has another length", "use one length"))
        elif after.start < before.end:
            findings.append(Finding(f"{what} and overlaps it", "let each start where one ends"))
        elif after.start > before.end:
            findings.append(Finding(f"{what} after a gap", "add the missing units"))
    shape = (len(units), len(participants))
    if np.shape(table) != shape:
        findings.append(
            Finding(
                f"energies have shape {np.shape(table)} for {shape[0]} units and "
                f"{shape[1]} participants",
                "give one row per unit and one column per participant",
            )
        )
    elif not np.all(np.isfinite(table)):
        findings.append(Finding("an energy is NaN or infinite", "give every unit an energy"))
    if findings:
        raise InputError(*findings)
