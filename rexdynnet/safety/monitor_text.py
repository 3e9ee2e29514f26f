"""Rules as people write them in a scenario file.

A rule is built of comparisons `signal >= 60 degC`, of `not`, `and`, `or`, `implies`,
of `always` and `eventually` with an optional window `[0 min, 30 min]`, and of
`until [0 s, 1 h]`; round brackets group. `not`, `always` and `eventually` bind most
tightly, then `until`, `and`, `or`, and `implies` least. A window is two durations, or one,
which begins now. Where a rule mixes units, each comparison ends with what one unit
of robustness is worth: `pump.head >= 0.5 bar per 0.1 bar`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rexdynnet.errors import Finding, InputError
from rexdynnet.safety.monitors import (
    Always,
    And,
    Eventually,
    Not,
    Or,
    Predicate,
    Rule,
    Sense,
    Until,
    Window,
)
from rexdynnet.units import PURE, UNITS, Unit, parse_duration

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<word>[A-Za-z_][\w.\-/]*)"
    r"|(?P<sign><=|>=|<|>|\(|\)|\[|\]|,))"
)
_RESERVED = frozenset({"not", "and", "or", "implies", "always", "eventually", "until", "per"})


@dataclass(frozen=True)
class _Token:
    text: str
    kind: str
    at: int


def read_rule(text: str, *, field: str | None = None) -> Rule:
    """Read a rule from its text.

    Parameters
    ----------
    text : str
    field : str or None
        Where the text came from, for the error.

    Returns
    -------
    Rule

    Raises
    ------
    InputError
        Points at the word that cannot be read and says what may stand there.

    Examples
    --------
    >>> rule = read_rule("always (T < 60 degC implies eventually [30 min] T >= 60 degC)")
    >>> print(write_rule(rule))
    always (not T <= 333.15 K or eventually [0 s, 1800 s] T >= 333.15 K)
    """
    tokens: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _error(text, at, "this is no word, number or sign of a rule", "remove it", field)
        kind = found.lastgroup
        tokens.append(_Token(found.group(kind), kind, found.start(kind)))
        at = found.end()
    parser = _Parser(text, tuple(tokens), field)
    rule, rest = parser.implies(0)
    if rest < len(tokens):
        raise parser.error(rest, "the rule has ended before this", "join it by and, or, implies")
    return rule


def write_rule(rule: Rule) -> str:
    """The text of a rule, in SI units; `read_rule` reads it back.

    Parameters
    ----------
    rule : Rule

    Returns
    -------
    str
    """
    match rule:
        case Predicate():
            unit = _unit_name(rule.unit)
            per = f" per {rule.scale!r}{unit}" if rule.scale != 1.0 else ""
            return f"{rule.signal} {rule.sense.value} {rule.level!r}{unit}{per}"
        case Not(part):
            return f"not {_bracket(part)}"
        case And(first, second):
            return f"{_bracket(first)} and {_bracket(second)}"
        case Or(first, second):
            return f"{_bracket(first)} or {_bracket(second)}"
        case Always(window, part):
            return f"always {_window(window)}{_bracket(part)}"
        case Eventually(window, part):
            return f"eventually {_window(window)}{_bracket(part)}"
        case Until(first, window, second):
            return f"{_bracket(first)} until {_window(window)}{_bracket(second)}"


def _unit_name(si: str) -> str:
    if si == PURE.si:
        return ""
    return " " + next(u.suffix for u in UNITS.values() if u.si == si and u.factor == 1.0)


def _window(window: Window) -> str:
    if window == Window():
        return ""
    end = "end" if window.to_s == float("inf") else f"{window.to_s:.17g} s"
    return f"[{window.from_s:.17g} s, {end}] "


def _bracket(rule: Rule) -> str:
    plain = isinstance(rule, Predicate | Not | Always | Eventually)
    return write_rule(rule) if plain else f"({write_rule(rule)})"


@dataclass(frozen=True)
class _Parser:
    # recursive descent; every function takes a position and returns a rule and the next one
    text: str
    tokens: tuple[_Token, ...]
    field: str | None

    def error(self, at: int, what: str, remedy: str) -> InputError:
        place = self.tokens[at].at if at < len(self.tokens) else len(self.text)
        return _error(self.text, place, what, remedy, self.field)

    def peek(self, at: int) -> str:
        return self.tokens[at].text if at < len(self.tokens) else ""

    def kind(self, at: int) -> str:
        return self.tokens[at].kind if at < len(self.tokens) else ""

    def expect(self, at: int, sign: str, remedy: str) -> int:
        if self.peek(at) != sign:
            raise self.error(at, f"{sign!r} is missing here", remedy)
        return at + 1

    def implies(self, at: int) -> tuple[Rule, int]:
        first, at = self.either(at)
        if self.peek(at) != "implies":
            return first, at
        second, at = self.implies(at + 1)
        return Or(Not(first), second), at

    def either(self, at: int) -> tuple[Rule, int]:
        rule, at = self.both(at)
        while self.peek(at) == "or":
            second, at = self.both(at + 1)
            rule = Or(rule, second)
        return rule, at

    def both(self, at: int) -> tuple[Rule, int]:
        rule, at = self.until(at)
        while self.peek(at) == "and":
            second, at = self.until(at + 1)
            rule = And(rule, second)
        return rule, at

    def until(self, at: int) -> tuple[Rule, int]:
        rule, at = self.single(at)
        if self.peek(at) != "until":
            return rule, at
        window, at = self.window(at + 1)
        second, at = self.single(at)
        return Until(rule, window, second), at

    def single(self, at: int) -> tuple[Rule, int]:
        match self.peek(at):
            case "(":
                rule, at = self.implies(at + 1)
                return rule, self.expect(at, ")", "close the bracket")
            case "not":
                rule, at = self.single(at + 1)
                return Not(rule), at
            case "always":
                window, at = self.window(at + 1)
                rule, at = self.single(at)
                return Always(window, rule), at
            case "eventually":
                window, at = self.window(at + 1)
                rule, at = self.single(at)
                return Eventually(window, rule), at
            case _:
                return self.predicate(at)

    def window(self, at: int) -> tuple[Window, int]:
        if self.peek(at) != "[":
            return Window(), at
        opened = at
        times: list[float] = []
        while self.peek(at) in {"[", ","}:
            if self.peek(at + 1) == "end" and times:
                times.append(float("inf"))
                at += 2
                continue
            time, at = self.duration(at + 1)
            times.append(time)
        at = self.expect(at, "]", "write a window as [0 min, 30 min]")
        if len(times) > 2:
            raise self.error(opened, "a window has two ends", "write it as [0 min, 30 min]")
        begin, end = times if len(times) == 2 else (0.0, times[0])
        if end < begin:
            raise self.error(opened, "this window ends before it begins", "swap its durations")
        return Window(begin, end), at

    def duration(self, at: int) -> tuple[float, int]:
        if self.kind(at) != "number":
            raise self.error(at, "a duration is missing here", "write one, such as 30 min")
        number, value = self.peek(at), float(self.peek(at))
        if value < 0.0:
            raise self.error(at, "this duration is negative", "a rule looks ahead only")
        unit = self.kind(at + 1) == "word"
        if value == 0.0:
            return 0.0, at + 1 + unit
        if not unit:
            raise self.error(at, "this duration has no unit", "write s, min, h or d after it")
        try:
            return parse_duration(f"{number} {self.peek(at + 1)}"), at + 2
        except InputError:
            raise self.error(at, "this is no duration", "write s, min, h or d") from None

    def predicate(self, at: int) -> tuple[Rule, int]:
        name = self.peek(at)
        if self.kind(at) != "word" or name in _RESERVED:
            raise self.error(
                at, "a comparison is missing here", "write one, such as house.heat >= 5 kW"
            )
        if self.peek(at + 1) not in {"<=", ">=", "<", ">"}:
            raise self.error(
                at + 1, f"{name!r} is compared with nothing", "write <= or >= and a level"
            )
        sense = Sense.AT_LEAST if self.peek(at + 1)[0] == ">" else Sense.AT_MOST
        value, unit, at = self.quantity(at + 2)
        scale = 1.0
        if self.peek(at) == "per":
            amount, scale_unit, after = self.quantity(at + 1)
            if scale_unit.si != unit.si:
                raise self.error(
                    at + 1, f"the level is in {unit.si}, this in {scale_unit.si}", "take one unit"
                )
            # a difference: 5 degC is worth 5 K
            scale, at = amount * scale_unit.factor, after
            if scale <= 0.0:
                raise self.error(at - 1, "this worth is not positive", "give a positive one")
        return Predicate(name, sense, unit.to_si(value), unit.si, scale), at

    def quantity(self, at: int) -> tuple[float, Unit, int]:
        if self.kind(at) != "number":
            raise self.error(at, "a number is missing here", "write a level, such as 60 degC")
        value = float(self.peek(at))
        word = self.peek(at + 1)
        if self.kind(at + 1) != "word" or word in _RESERVED:
            return value, PURE, at + 1
        if word not in UNITS:
            raise self.error(
                at + 1, f"{word!r} is no unit", "take one that file columns end with, such as kW"
            )
        return value, UNITS[word], at + 2


def _error(text: str, at: int, what: str, remedy: str, field: str | None) -> InputError:
    shown = f"{text[:at].lstrip()}»{text[at:].rstrip()}"
    return InputError(Finding(f"in the rule '{shown}', at »: {what}", remedy, field=field))
