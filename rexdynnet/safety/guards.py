"""Guards: conditions on named signals, true where their margin is not negative."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Floats = NDArray[np.float64]

TIME = "time_s"
"""Name by which every guard can ask for the time."""


class Join(Enum):
    """How a guard joins its conditions."""

    ALL = "and"
    ANY = "or"


class Trigger(Enum):
    """What about a guard makes a transition fire."""

    LEVEL = "the guard holds, also when it already did at the start of the mode"
    RISING = "the guard begins to hold"
    FALLING = "the guard ceases to hold"
    EITHER = "the guard begins or ceases to hold"


@dataclass(frozen=True)
class Condition:
    """One inequality: it holds where its margin is not negative.

    Parameters
    ----------
    signals : tuple of str
        The signals that the margin is computed from.
    margin : callable
        Takes an (n, k) array, a column per signal, and returns the (n,) margins.
    text : str
        How a person reads it.
    affine : bool
        Whether the margin is a constant plus a linear form, so that it is a straight line where
        its signals are.
    """

    signals: tuple[str, ...]
    margin: Callable[[Floats], Floats]
    text: str
    affine: bool = False


@dataclass(frozen=True)
class Guard:
    """Conditions joined by *and* or by *or*; with no condition at all it always holds.

    Parameters
    ----------
    conditions : tuple of Condition
    join : Join
    trigger : Trigger
    """

    conditions: tuple[Condition, ...] = ()
    join: Join = Join.ALL
    trigger: Trigger = Trigger.LEVEL

    @property
    def signals(self) -> tuple[str, ...]:
        """Every signal named, once."""
        return tuple(dict.fromkeys(name for each in self.conditions for name in each.signals))

    @property
    def text(self) -> str:
        """How a person reads it."""
        body = f" {self.join.value} ".join(each.text for each in self.conditions) or "always"
        if self.trigger is Trigger.LEVEL:
            return body
        return f"{self.trigger.name.lower()}: {body}"


def above(signal: str, level: float, *, hysteresis: float = 0.0) -> Guard:
    """Holds where a signal is at least a level.

    Parameters
    ----------
    signal : str
    level : float
        In the signal's unit.
    hysteresis : float
        How far beyond the level the signal must be; give it to the guard of the way back.

    Returns
    -------
    Guard

    Raises
    ------
    InputError
        If the level is not finite or the hysteresis negative.

    Examples
    --------
    >>> above("room.temperature", 294.0, hysteresis=1.0).text
    'room.temperature >= 294 + 1'
    """
    _check_level(signal, level, hysteresis)
    edge = level + hysteresis
    text = f"{signal} >= {level:g}" + (f" + {hysteresis:g}" if hysteresis else "")
    return Guard((Condition((signal,), lambda values: values[:, 0] - edge, text, affine=True),))


def below(signal: str, level: float, *, hysteresis: float = 0.0) -> Guard:
    """Holds where a signal is at most a level; see `above`.

    Parameters
    ----------
    signal : str
    level, hysteresis : float

    Returns
    -------
    Guard

    Raises
    ------
    InputError
        If the level is not finite or the hysteresis negative.
    """
    _check_level(signal, level, hysteresis)
    edge = level - hysteresis
    text = f"{signal} <= {level:g}" + (f" - {hysteresis:g}" if hysteresis else "")
    return Guard((Condition((signal,), lambda values: edge - values[:, 0], text, affine=True),))


def where(signals: tuple[str, ...], margin: Callable[[Floats], Floats], text: str) -> Guard:
    """Holds where any function of some signals is not negative.

    Parameters
    ----------
    signals : tuple of str
    margin : callable
        (n, k) values to (n,) margins; smooth between the jumps of its signals.
    text : str

    Returns
    -------
    Guard
    """
    return Guard((Condition(signals, margin, text),))


def all_of(*guards: Guard) -> Guard:
    """Holds where every guard does.

    Parameters
    ----------
    *guards : Guard
        Each with one condition, or joined by *and* themselves.

    Returns
    -------
    Guard

    Raises
    ------
    InputError
        If one of them is itself an *or* of several conditions.
    """
    return _joined(Join.ALL, guards)


def any_of(*guards: Guard) -> Guard:
    """Holds where at least one guard does.

    Parameters
    ----------
    *guards : Guard
        Each with one condition, or joined by *or* themselves.

    Returns
    -------
    Guard

    Raises
    ------
    InputError
        If one of them is itself an *and* of several conditions.
    """
    return _joined(Join.ANY, guards)


def on(trigger: Trigger, guard: Guard) -> Guard:
    """The same guard, fired by another trigger.

    Parameters
    ----------
    trigger : Trigger
    guard : Guard

    Returns
    -------
    Guard
    """
    return replace(guard, trigger=trigger)


def _joined(join: Join, guards: tuple[Guard, ...]) -> Guard:
    for guard in guards:
        if len(guard.conditions) != 1 and guard.join is not join:
            raise InputError(
                Finding(
                    f"guard '{guard.text}' cannot be joined by {join.value!r}",
                    "nest no 'and' with 'or'; write two transitions instead",
                )
            )
    return Guard(tuple(each for guard in guards for each in guard.conditions), join)


def _check_level(signal: str, level: float, hysteresis: float) -> None:
    if not isfinite(level):
        raise InputError(
            Finding(f"guard level of {signal} is {level}", "give a finite level", field=signal)
        )
    if not (isfinite(hysteresis) and hysteresis >= 0.0):
        raise InputError(
            Finding(f"hysteresis of {signal} is {hysteresis}", "give zero or more", field=signal)
        )
