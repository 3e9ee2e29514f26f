"""What drives a run: every input of a plant over time, held or interpolated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.plant import Inputs
from rexdynnet.timeline import as_utc, seconds_since

Floats: TypeAlias = NDArray[np.float64]


class HasInputs(Protocol):
    """Anything that lists the controls and disturbances that it wants."""

    @property
    def controls(self) -> tuple[Signal, ...]:
        """In the order of `u`."""
        ...

    @property
    def disturbances(self) -> tuple[Signal, ...]:
        """In the order of `d`."""
        ...


@dataclass(frozen=True)
class Segment:
    """A span in which no input jumps: each is linear from `start` to `end`.

    Parameters
    ----------
    start_s, end_s : float
        Seconds since the start of the run.
    start, end : Inputs
        Values just after `start_s` and just before `end_s`.
    """

    start_s: float
    end_s: float
    start: Inputs
    end: Inputs


@dataclass(frozen=True)
class Forcing:
    """Inputs over time.

    Parameters
    ----------
    time_s : ndarray, shape (n,)
        Seconds since the start of the run, strictly increasing.
    values : ndarray, shape (n, k)
        SI values, one column per signal; no NaN.
    signals : tuple of Signal, length k
        Each says by its `hold` how it acts between rows.
    start_utc : datetime or None
        When the run's second 0 is.

    Raises
    ------
    InputError
        Times out of order, NaN, a name given twice, or shapes that do not match.

    Examples
    --------
    >>> heat = Signal("substation_1", "heat_demand", "W")
    >>> forcing = Forcing(np.array([0.0, 3600.0]), np.array([[1e4], [2e4]]), (heat,))
    >>> forcing.at(1800.0)
    array([10000.])
    """

    time_s: Floats
    values: Floats
    signals: tuple[Signal, ...]
    start_utc: datetime | None = None

    def __post_init__(self) -> None:
        time_s = np.array(self.time_s, dtype=float)
        values = np.array(self.values, dtype=float)
        findings = _defects(time_s, values, self.signals)
        if findings:
            raise InputError(*findings)
        time_s.flags.writeable = False
        values.flags.writeable = False
        object.__setattr__(self, "time_s", time_s)
        object.__setattr__(self, "values", values)
        if self.start_utc is not None:
            object.__setattr__(self, "start_utc", as_utc(self.start_utc))

    def __repr__(self) -> str:
        return (
            f"Forcing({len(self.signals)} signals, {len(self.time_s)} rows, "
            f"{self.time_s[0]:g} to {self.time_s[-1]:g} s)"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """`component.quantity` of each column."""
        return tuple(signal.name for signal in self.signals)

    def column(self, name: str) -> Floats:
        """Values of one signal at `time_s`, shape (n,)."""
        return self.values[:, self.names.index(name)]

    def at(self, time_s: float | ArrayLike) -> Floats:
        """Values just after an instant.

        Parameters
        ----------
        time_s : float or array, shape (m,)

        Returns
        -------
        ndarray, shape (k,) or (m, k)

        Raises
        ------
        InputError
            The instant lies outside the series.
        """
        return self._sample(time_s, "right")

    def before(self, time_s: float | ArrayLike) -> Floats:
        """Values just before an instant; like `at`, but on the other side of a jump."""
        return self._sample(time_s, "left")

    def window(self, start_s: float, end_s: float) -> Forcing:
        """Cut out a span; the first and last row of the result are its ends.

        Raises
        ------
        InputError
            The series does not cover the span.
        """
        self.require(end_s, start_s=start_s)
        inside = self.time_s[(self.time_s > start_s) & (self.time_s < end_s)]
        times = np.concatenate(([start_s], inside, [end_s]))
        return replace(self, time_s=times, values=self.at(times))

    def require(self, until_s: float, *, start_s: float = 0.0) -> None:
        """Check that the series covers a run.

        Raises
        ------
        InputError
            It starts later or ends earlier than the run.
        """
        first, last = float(self.time_s[0]), float(self.time_s[-1])
        findings: list[Finding] = []
        slack = 1e-9 * max(1.0, abs(until_s))
        if first > start_s + slack:
            findings.append(
                Finding(
                    f"the series starts at {first:g} s, the run at {start_s:g} s",
                    "add the missing rows at its beginning or start the run later",
                    field="time_s",
                )
            )
        if last < until_s - slack:
            findings.append(
                Finding(
                    f"the series ends at {last:g} s, the run at {until_s:g} s",
                    "add rows up to the end of the run (the last row marks the end of the last "
                    "interval) or shorten the run",
                    field="time_s",
                )
            )
        if findings:
            raise InputError(*findings)

    def inputs(self, plant: HasInputs, until_s: float, *, start_s: float = 0.0) -> list[Segment]:
        """Cut a run into spans without jumps, in the plant's order of inputs.

        Parameters
        ----------
        plant : HasInputs
            A `Plant` (or a `Dae`).
        until_s, start_s : float
            The run; the series must cover it.

        Returns
        -------
        list of Segment
            Consecutive, from `start_s` to `until_s`. Rows at which nothing
            changes make no segment of their own.

        Raises
        ------
        InputError
            The series is shorter than the run or lacks a signal of the plant.
        """
        wanted = (*plant.controls, *plant.disturbances)
        run = complete(self, wanted).window(start_s, until_s).pick(wanted)
        linear = np.array([signal.hold is Hold.LINEAR for signal in run.signals])
        keep = _breakpoints(run.values, linear)
        times = run.time_s[keep]
        after = run.values[keep]
        ends = np.where(linear, after[1:], after[:-1])
        count = len(plant.controls)

        def split(row: Floats) -> Inputs:
            return Inputs(controls=row[:count], disturbances=row[count:])

        return [
            Segment(float(t0), float(t1), split(first), split(last))
            for t0, t1, first, last in zip(times[:-1], times[1:], after[:-1], ends, strict=True)
        ]

    def pick(self, signals: Iterable[Signal]) -> Forcing:
        """Keep some signals, in the given order, each with this forcing's own hold."""
        place = {name: index for index, name in enumerate(self.names)}
        order = [place[signal.name] for signal in signals]
        chosen = tuple(self.signals[index] for index in order)
        return replace(self, values=self.values[:, order], signals=chosen)

    def _sample(self, time_s: float | ArrayLike, side: str) -> Floats:
        times = np.asarray(time_s, dtype=float)
        if times.size:
            self.require(float(times.max()), start_s=float(times.min()))
        flat = np.clip(np.atleast_1d(times), self.time_s[0], self.time_s[-1])
        last = len(self.time_s) - 1
        found = np.searchsorted(self.time_s, flat, side="right" if side == "right" else "left") - 1
        row = np.clip(found, 0, last)
        values = self.values[row]
        linear = [j for j, signal in enumerate(self.signals) if signal.hold is Hold.LINEAR]
        for j in linear:
            values[:, j] = np.interp(flat, self.time_s, self.values[:, j])
        return values if times.ndim else values[0]


def complete(forcing: Forcing, wanted: Iterable[Signal]) -> Forcing:
    """Add the wanted signals that are missing, at their defaults.

    Raises
    ------
    InputError
        A signal without a default is missing; all of them are named.
    """
    have = set(forcing.names)
    missing = [signal for signal in wanted if signal.name not in have]
    required = [signal for signal in missing if signal.default is None]
    if required:
        raise InputError(
            *(
                Finding(
                    f"the forcing has no {signal.name}",
                    f"add a column {signal.name} with its unit (it becomes {signal.unit})",
                    field=signal.name,
                    component=signal.component,
                )
                for signal in required
            )
        )
    if not missing:
        return forcing
    constant = np.array([signal.default for signal in missing], dtype=float)
    added = np.broadcast_to(constant, (len(forcing.time_s), len(missing)))
    return replace(
        forcing,
        values=np.hstack((forcing.values, added)),
        signals=(*forcing.signals, *missing),
    )


def merge(forcings: Sequence[Forcing]) -> Forcing:
    """Join forcings of different signals or time steps, exactly, over their common span.

    Parameters
    ----------
    forcings : sequence of Forcing
        Where a signal occurs twice the later forcing wins.

    Returns
    -------
    Forcing
        On the union of all times within the common span.

    Raises
    ------
    InputError
        Different `start_utc`, or no common span.

    Examples
    --------
    >>> a, b = Signal("a", "heat", "W"), Signal("b", "heat", "W", hold=Hold.LINEAR)
    >>> one = Forcing(np.array([0.0, 10.0]), np.array([[1.0], [2.0]]), (a,))
    >>> two = Forcing(np.array([0.0, 4.0, 10.0]), np.array([[0.0], [4.0], [10.0]]), (b,))
    >>> merge([one, two]).values
    array([[ 1.,  0.],
           [ 1.,  4.],
           [ 2., 10.]])
    """
    starts = {forcing.start_utc for forcing in forcings if forcing.start_utc is not None}
    if len(starts) > 1:
        raise InputError(Finding("the series start at different instants", "align their starts"))
    first = max(float(forcing.time_s[0]) for forcing in forcings)
    last = min(float(forcing.time_s[-1]) for forcing in forcings)
    if not first < last:
        raise InputError(
            Finding(
                f"the series have no common span (from {first:g} s to {last:g} s)",
                "give series that cover the same time",
            )
        )
    times = np.unique(np.concatenate([forcing.time_s for forcing in forcings] + [[first, last]]))
    times = times[(times >= first) & (times <= last)]
    columns: dict[str, tuple[Signal, Floats]] = {}
    for forcing in forcings:
        sampled = forcing.at(times)
        for index, signal in enumerate(forcing.signals):
            columns[signal.name] = (signal, sampled[:, index])
    values = np.column_stack([values for _, values in columns.values()])
    signals = tuple(signal for signal, _ in columns.values())
    return Forcing(times, values, signals, next(iter(starts), None))


def shift(forcing: Forcing, start_utc: datetime) -> Forcing:
    """Count the time of a dated forcing from another instant."""
    if forcing.start_utc is None:
        return replace(forcing, start_utc=start_utc)
    moved = forcing.time_s + seconds_since(start_utc, forcing.start_utc)
    return replace(forcing, time_s=moved, start_utc=start_utc)


def _breakpoints(values: Floats, linear: NDArray[np.bool_]) -> NDArray[np.bool_]:
    keep = np.ones(len(values), dtype=bool)
    same = np.all(values[1:] == values[:-1], axis=1)
    flat = np.all((values[1:] == values[:-1]) | ~linear, axis=1)
    keep[1:-1] = ~(same[:-1] & flat[1:])
    return keep


def _defects(time_s: Floats, values: Floats, signals: tuple[Signal, ...]) -> list[Finding]:
    if time_s.ndim != 1 or values.shape != (len(time_s), len(signals)):
        return [
            Finding(
                f"times have shape {time_s.shape}, values {values.shape} "
                f"for {len(signals)} signals",
                "give one row per time and one column per signal",
            )
        ]
    if len(time_s) < 2:
        return [Finding("the series has fewer than two rows", "add a row at the end of the run")]
    findings: list[Finding] = []
    names = [signal.name for signal in signals]
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.append(Finding(f"{name} is given twice", "remove one column", field=name))
    if not np.all(np.isfinite(time_s)):
        findings.append(Finding("a time is NaN", "give every row a time", field="time_s"))
    else:
        back = np.flatnonzero(np.diff(time_s) <= 0)
        if back.size:
            at = int(back[0])
            findings.append(
                Finding(
                    f"time {time_s[at + 1]:g} s follows {time_s[at]:g} s",
                    "sort the rows by time and remove duplicates",
                    field="time_s",
                )
            )
    for column in np.flatnonzero(~np.all(np.isfinite(values), axis=0)):
        row = int(np.flatnonzero(~np.isfinite(values[:, column]))[0])
        findings.append(
            Finding(
                f"{names[column]} is {values[row, column]} at {time_s[row]:g} s",
                "fill the gap with a measured or stated value",
                field=names[column],
            )
        )
    return findings
