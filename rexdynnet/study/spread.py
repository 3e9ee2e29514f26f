"""What a parameter of a study or a tuning may take: levels or a range."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, isfinite, log
from typing import TypeAlias

from rexdynnet.errors import Finding, InputError


@dataclass(frozen=True)
class Levels:
    """Single values, all equally likely where one is drawn.

    Parameters
    ----------
    values : tuple of object
        Numbers, texts, booleans or lists, as a TOML file holds them.

    Raises
    ------
    InputError
        There is none.

    Examples
    --------
    >>> Levels((0.0, 0.1, 0.2)).at(0.5)
    0.1
    """

    values: tuple[object, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError(Finding("a parameter has no values", "give at least one"))

    def at(self, quantile: float) -> object:
        """Value at a quantile in [0, 1)."""
        return self.values[min(int(quantile * len(self.values)), len(self.values) - 1)]

    @property
    def ends(self) -> tuple[object, ...]:
        """Values that stand for all when the parameter is checked."""
        return self.values


@dataclass(frozen=True)
class Uniform:
    """A range whose values are equally likely.

    Parameters
    ----------
    lower, upper : float
        In the unit of what is varied.

    Raises
    ------
    InputError
        The range is empty.

    Examples
    --------
    >>> Uniform(1.0, 3.0).at(0.5)
    2.0
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        _check(self.lower, self.upper)

    def at(self, quantile: float) -> float:
        """Value at a quantile in [0, 1]."""
        return self.lower + quantile * (self.upper - self.lower)

    @property
    def ends(self) -> tuple[float, ...]:
        """Values that stand for all when the parameter is checked."""
        return self.lower, self.upper


@dataclass(frozen=True)
class LogUniform:
    """A range whose values' logarithms are equally likely.

    Parameters
    ----------
    lower, upper : float
        Positive, in the unit of what is varied.

    Raises
    ------
    InputError
        The range is empty or not positive.

    Examples
    --------
    >>> round(LogUniform(0.01, 1.0).at(0.5), 12)
    0.1
    """

    lower: float
    upper: float

    def __post_init__(self) -> None:
        _check(self.lower, self.upper)
        if self.lower <= 0:
            remedy = "give a positive lower end, or let the range be uniform"
            raise InputError(Finding(f"a logarithmic range begins at {self.lower:g}", remedy))

    def at(self, quantile: float) -> float:
        """Value at a quantile in [0, 1]."""
        return exp(log(self.lower) + quantile * (log(self.upper) - log(self.lower)))

    @property
    def ends(self) -> tuple[float, ...]:
        """Values that stand for all when the parameter is checked."""
        return self.lower, self.upper


Spread: TypeAlias = Levels | Uniform | LogUniform


def as_spread(given: Spread | Sequence[object]) -> Spread:
    """A range as it is, a sequence of values as levels."""
    return given if isinstance(given, Levels | Uniform | LogUniform) else Levels(tuple(given))


def plain(value: object) -> str | int | float:
    """A level as a table or a tuner holds it: lists and tables become JSON."""
    return value if isinstance(value, str | int | float) else json.dumps(value, default=str)


def decoded(spread: Spread, value: object) -> object:
    """The value that `plain` made this of, or the number itself where it came from a range."""
    if isinstance(spread, Levels):
        return next((level for level in spread.values if plain(level) == value), value)
    return float(value) if isinstance(value, int | float) else value


def _check(lower: float, upper: float) -> None:
    if not (isfinite(lower) and isfinite(upper) and lower < upper):
        raise InputError(
            Finding(f"the range from {lower:g} to {upper:g} is empty", "let it begin below its end")
        )
