"""Bounded temporal-logic rules and their robustness in engineering units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from math import inf, isfinite

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.safety.guards import Floats
from rexdynnet.safety.piecewise import (
    Broken,
    from_now_on,
    lowest,
    negate,
    sliding_lowest,
    until,
)


class Sense(Enum):
    """The side of a level on which a predicate holds."""

    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Predicate:
    """A signal on one side of a level.

    Parameters
    ----------
    signal : str
    sense : Sense
    level : float
        In SI.
    unit : str
        SI unit of the level, and of the robustness.
    scale : float
        What one unit of robustness is worth, where a rule mixes units; 1 otherwise.
    """

    signal: str
    sense: Sense
    level: float
    unit: str = "1"
    scale: float = 1.0


@dataclass(frozen=True)
class Not:
    """A rule that must not hold."""

    part: Rule


@dataclass(frozen=True)
class And:
    """Both rules."""

    first: Rule
    second: Rule


@dataclass(frozen=True)
class Or:
    """At least one of two rules."""

    first: Rule
    second: Rule


@dataclass(frozen=True)
class Window:
    """Seconds ahead; an infinite end means all that is left of the run."""

    from_s: float = 0.0
    to_s: float = inf

    def __post_init__(self) -> None:
        if not (isfinite(self.from_s) and 0.0 <= self.from_s <= self.to_s):
            raise InputError(
                Finding(
                    f"the window [{self.from_s:g}, {self.to_s:g}] s is empty or reaches back",
                    "give two durations, the second not smaller",
                )
            )


@dataclass(frozen=True)
class Always:
    """A rule at every instant of a window."""

    window: Window
    part: Rule


@dataclass(frozen=True)
class Eventually:
    """A rule at some instant of a window."""

    window: Window
    part: Rule


@dataclass(frozen=True)
class Until:
    """The second rule at some instant of a window, and the first from now to that instant."""

    first: Rule
    window: Window
    second: Rule


Rule = Predicate | Not | And | Or | Always | Eventually | Until


@dataclass(frozen=True)
class Score:
    """How well a rule held.

    Parameters
    ----------
    robustness : float
        At the start of the run: positive where the rule holds, and by how much in `unit`.
    unit : str
    trajectory : Broken
        Robustness over time, as far as every window lies within the run.
    """

    robustness: float
    unit: str
    trajectory: Broken

    @property
    def holds(self) -> bool:
        """Whether the rule holds; on the border it does."""
        return self.robustness >= 0.0


def score(rule: Rule, times_s: Floats, signals: Mapping[str, Floats]) -> Score:
    """Robustness of a rule over sampled signals, straight between their samples.

    Parameters
    ----------
    rule : Rule
    times_s : (n,) array
        Strictly increasing.
    signals : mapping of str to (n,) array
        SI values by name.

    Returns
    -------
    Score

    Raises
    ------
    InputError
        If the times do not increase, a signal is missing or no number, the rule mixes units,
        or looks further ahead than the run lasts.

    Notes
    -----
    The quantitative semantics of Donzé and Maler, *Robust satisfaction of temporal logic over
    real-valued signals*, FORMATS 2010, exact for piecewise-linear signals: no grid is laid.

    Examples
    --------
    >>> hot = Predicate("T", Sense.AT_LEAST, 333.15, "K")
    >>> found = score(Always(Window(), hot), np.array([0.0, 60.0]), {"T": np.array([340.0, 335.0])})
    >>> print(f"{found.robustness:.2f} {found.unit}")
    1.85 K
    """
    _check(rule, times_s, signals)
    line = _robustness(rule, times_s, signals)
    return Score(float(line.values[0]), _unit(rule), line)


def horizon_s(rule: Rule) -> float:
    """How far ahead the bounded windows of a rule look, in seconds.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    float
        Windows without end count with their beginning only.
    """
    match rule:
        case Predicate():
            return 0.0
        case Not(part):
            return horizon_s(part)
        case And(first, second) | Or(first, second):
            return max(horizon_s(first), horizon_s(second))
        case Always(window, part) | Eventually(window, part):
            return horizon_s(part) + _reach(window)
        case Until(first, window, second):
            return max(horizon_s(first), horizon_s(second)) + _reach(window)


def predicates(rule: Rule) -> tuple[Predicate, ...]:
    """The predicates of a rule, from left to right.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    tuple of Predicate
    """
    match rule:
        case Predicate():
            return (rule,)
        case Not(part) | Always(_, part) | Eventually(_, part):
            return predicates(part)
        case And(first, second) | Or(first, second) | Until(first, _, second):
            return (*predicates(first), *predicates(second))


def renamed(rule: Rule, prefix: str, by: str) -> Rule:
    """The same rule about signals whose names begin otherwise.

    Parameters
    ----------
    rule : Rule
    prefix, by : str
        A name that begins with the first begins with the second instead.

    Returns
    -------
    Rule
    """
    match rule:
        case Predicate(signal):
            at = signal.startswith(prefix)
            return replace(rule, signal=by + signal[len(prefix) :]) if at else rule
        case Not(part) | Always(_, part) | Eventually(_, part):
            return replace(rule, part=renamed(part, prefix, by))
        case And(first, second) | Or(first, second) | Until(first, _, second):
            return replace(
                rule, first=renamed(first, prefix, by), second=renamed(second, prefix, by)
            )


def _reach(window: Window) -> float:
    return window.to_s if isfinite(window.to_s) else window.from_s


def _robustness(rule: Rule, times_s: Floats, signals: Mapping[str, Floats]) -> Broken:
    match rule:
        case Predicate():
            sign = 1.0 if rule.sense is Sense.AT_LEAST else -1.0
            margin = sign * (np.asarray(signals[rule.signal], dtype=np.float64) - rule.level)
            return Broken(np.asarray(times_s, dtype=np.float64), margin / rule.scale)
        case Not(part):
            return negate(_robustness(part, times_s, signals))
        case And(first, second):
            return lowest(
                _robustness(first, times_s, signals), _robustness(second, times_s, signals)
            )
        case Or(first, second):
            return negate(
                lowest(
                    negate(_robustness(first, times_s, signals)),
                    negate(_robustness(second, times_s, signals)),
                )
            )
        case Always(window, part):
            return _always(_robustness(part, times_s, signals), window)
        case Eventually(window, part):
            return negate(_always(negate(_robustness(part, times_s, signals)), window))
        case Until(first, window, second):
            return _until(
                _robustness(first, times_s, signals),
                window,
                _robustness(second, times_s, signals),
            )


def _always(line: Broken, window: Window) -> Broken:
    if isfinite(window.to_s):
        return sliding_lowest(line, window.from_s, window.to_s)
    return sliding_lowest(from_now_on(line), window.from_s, window.from_s)


def _until(first: Broken, window: Window, second: Broken) -> Broken:
    # U[a,b] = always[0,a] first and (first U second)(t + a) and eventually[a,b] second
    end = min(first.times_s[-1], second.times_s[-1])
    first, second = _cut(first, float(end)), _cut(second, float(end))
    whole = sliding_lowest(until(first, second), window.from_s, window.from_s)
    whole = lowest(whole, sliding_lowest(first, 0.0, window.from_s))
    if not isfinite(window.to_s):
        return whole
    met = negate(sliding_lowest(negate(second), window.from_s, window.to_s))
    return lowest(whole, met)


def _cut(line: Broken, end_s: float) -> Broken:
    knots = np.append(line.times_s[line.times_s < end_s], end_s)
    return Broken(knots, line.at(knots))


def _unit(rule: Rule) -> str:
    used = {"1" if each.scale != 1.0 else each.unit for each in predicates(rule)}
    return next(iter(used)) if len(used) == 1 else ""


def _check(rule: Rule, times_s: Floats, signals: Mapping[str, Floats]) -> None:
    findings: list[Finding] = []
    if len(times_s) < 1 or not np.all(np.isfinite(times_s)) or np.any(np.diff(times_s) <= 0.0):
        findings.append(
            Finding("the times of the signals do not increase", "give each sample its own time")
        )
    for each in dict.fromkeys(predicates(rule)):
        if each.signal not in signals:
            near = get_close_matches(each.signal, list(signals), n=3)
            hint = f"did you mean {', '.join(near)}?" if near else "see the names of the result"
            findings.append(Finding(f"the run has no signal {each.signal!r}", hint))
        elif np.shape(signals[each.signal]) != np.shape(times_s):
            findings.append(
                Finding(f"{each.signal} has not one value per time", "give as many as times")
            )
        elif not np.all(np.isfinite(signals[each.signal])):
            findings.append(
                Finding(f"{each.signal} has values that are no numbers", "mend or leave them out")
            )
        if not each.scale > 0.0:
            findings.append(
                Finding(f"the scale of {each.signal} is {each.scale:g}", "give a positive one")
            )
    if not _unit(rule):
        units = ", ".join(sorted({each.unit for each in predicates(rule)}))
        findings.append(
            Finding(
                f"the rule compares margins in {units}, which have no common measure",
                "end each comparison with what one unit is worth, such as 'per 5 K'",
            )
        )
    if not findings and horizon_s(rule) > (times_s[-1] - times_s[0]) * (1.0 + 1e-12):
        findings.append(
            Finding(
                f"the rule looks {horizon_s(rule):g} s ahead, the run lasts "
                f"{times_s[-1] - times_s[0]:g} s",
                "run longer or shorten its windows",
            )
        )
    if findings:
        raise InputError(*findings)
