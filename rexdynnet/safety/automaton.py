"""Hybrid automata: modes with flows and invariants, guarded transitions with resets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from itertools import pairwise
from math import isfinite
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.safety.events import Trace
from rexdynnet.safety.guards import TIME, Guard, Join

State = TypeVar("State")
State_co = TypeVar("State_co", covariant=True)


class Leg(Protocol[State_co]):
    """What one call of `Flow.advance` went through."""

    @property
    def trace(self) -> Trace:
        """The signals, from the start to where the flow stopped."""
        ...

    def state_at(self, time_s: float) -> State_co:
        """The state at a time of the trace, with everything consistent."""
        ...


class Flow(Protocol[State]):
    """The dynamics of one mode: anything that can be advanced with a dense output."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Names that guards may use."""
        ...

    @property
    def assignable(self) -> tuple[str, ...]:
        """Names that a reset may set."""
        ...

    def advance(self, state: State, time_s: float, until_s: float) -> Leg[State]:
        """Move on, to `until_s` or less far, but always on.

        The trace begins with values that are consistent just after `time_s`: algebraic
        quantities are solved anew, so that a jump of the state or of the mode shows at once.
        """
        ...

    def assign(self, state: State, values: Mapping[str, float]) -> State:
        """The same state with some values set."""
        ...


class Urgency(Enum):
    """Whether a transition waits once its guard fires."""

    MUST = "taken the instant its guard fires"
    MAY = "taken when chosen, or at the last instant when the mode's invariant ends"


@dataclass(frozen=True)
class Assign:
    """A reset to constants.

    Parameters
    ----------
    values : mapping of str to float
    """

    values: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))


@dataclass(frozen=True)
class Map(Generic[State]):
    """A reset that depends on the state; the invariant behind it is checked when it happens.

    Parameters
    ----------
    function : callable
        State before to state after; leaves its argument alone.
    text : str
        How a person reads it.
    """

    function: Callable[[State], State]
    text: str


@dataclass(frozen=True)
class Mode(Generic[State]):
    """One way in which the system flows.

    Parameters
    ----------
    name : str
    flow : Flow
    invariant : Guard
        What must hold in the mode; always, unless given.
    """

    name: str
    flow: Flow[State]
    invariant: Guard = field(default_factory=Guard)


@dataclass(frozen=True)
class Transition(Generic[State]):
    """A way from one mode to another, or back into the same one with a reset.

    Parameters
    ----------
    name, source, target : str
    guard : Guard
        Its conditions carry the hysteresis, its trigger says what about them fires.
    reset : Assign, Map or None
    priority : int
        Of transitions at one instant the highest is taken; equal ones in order of declaration.
    urgency : Urgency
    dwell_s : float
        Time that the mode must have lasted before.
    """

    name: str
    source: str
    target: str
    guard: Guard
    reset: Assign | Map[State] | None = None
    priority: int = 0
    urgency: Urgency = Urgency.MUST
    dwell_s: float = 0.0


@dataclass(frozen=True)
class HybridAutomaton(Generic[State]):
    """Modes and transitions that fit together.

    Parameters
    ----------
    name : str
    modes : tuple of Mode
    transitions : tuple of Transition
    initial : str
        Name of the mode it starts in.

    Raises
    ------
    InputError
        Names every mode that cannot be reached, guard or reset without its signal, pair of
        urgent transitions of equal priority, and constant reset outside its invariant.
    """

    name: str
    modes: tuple[Mode[State], ...]
    transitions: tuple[Transition[State], ...]
    initial: str

    def __post_init__(self) -> None:
        findings = list(_wrong_names(self))
        if not findings:
            findings = [
                *_unreachable(self),
                *_unknown_signals(self),
                *_equal_priorities(self),
                *_resets_outside(self),
            ]
        if findings:
            raise InputError(*findings)

    def mode(self, name: str) -> Mode[State]:
        """The mode of a name."""
        return next(mode for mode in self.modes if mode.name == name)

    def leaving(self, name: str) -> tuple[Transition[State], ...]:
        """Transitions out of a mode, first the one that wins at one instant."""
        out = [each for each in self.transitions if each.source == name]
        return tuple(sorted(out, key=lambda each: -each.priority))


def _wrong_names(automaton: HybridAutomaton[State]) -> Iterator[Finding]:
    modes = [mode.name for mode in automaton.modes]
    for kind, names in (("mode", modes), ("transition", [t.name for t in automaton.transitions])):
        for name in sorted({each for each in names if names.count(each) > 1}):
            yield Finding(f"two {kind}s are called {name!r}", "give each a name", component=name)
    if automaton.initial not in modes:
        yield _unknown("initial mode", automaton.initial, modes, automaton.name)
    for each in automaton.transitions:
        for end in (each.source, each.target):
            if end not in modes:
                yield _unknown("mode", end, modes, each.name)
        if not (isfinite(each.dwell_s) and each.dwell_s >= 0.0):
            yield Finding(
                f"dwell_s is {each.dwell_s}", "give zero or more seconds", component=each.name
            )


def _unreachable(automaton: HybridAutomaton[State]) -> Iterator[Finding]:
    reached, border = {automaton.initial}, [automaton.initial]
    while border:
        ahead = {each.target for each in automaton.leaving(border.pop())} - reached
        reached |= ahead
        border += sorted(ahead)
    for mode in automaton.modes:
        if mode.name not in reached:
            yield Finding(
                f"no path of transitions leads from {automaton.initial!r} to mode {mode.name!r}",
                "add a transition into it or remove it",
                component=mode.name,
            )


def _unknown_signals(automaton: HybridAutomaton[State]) -> Iterator[Finding]:
    for mode in automaton.modes:
        known = [*mode.flow.signals, TIME]
        users = [(mode.name, mode.invariant)]
        users += [(each.name, each.guard) for each in automaton.leaving(mode.name)]
        for user, guard in users:
            for signal in guard.signals:
                if signal not in known:
                    yield _unknown(f"guard '{guard.text}' names signal", signal, known, user)
    for each in automaton.transitions:
        if isinstance(each.reset, Assign):
            settable = automaton.mode(each.target).flow.assignable
            for signal, value in each.reset.values.items():
                if signal not in settable:
                    yield _unknown("reset sets", signal, list(settable), each.name)
                if not isfinite(value):
                    yield Finding(
                        f"reset sets {signal} to {value}", "give a number", component=each.name
                    )


def _equal_priorities(automaton: HybridAutomaton[State]) -> Iterator[Finding]:
    for mode in automaton.modes:
        urgent = [t for t in automaton.leaving(mode.name) if t.urgency is Urgency.MUST]
        for first, second in pairwise(urgent):
            if first.priority == second.priority:
                yield Finding(
                    f"{first.name!r} and {second.name!r} are urgent, leave mode {mode.name!r} "
                    f"and both have priority {first.priority}",
                    "give them different priorities, so that one instant has one outcome",
                    component=second.name,
                )


def _resets_outside(automaton: HybridAutomaton[State]) -> Iterator[Finding]:
    for each in automaton.transitions:
        if not isinstance(each.reset, Assign):
            continue
        invariant, values = automaton.mode(each.target).invariant, each.reset.values
        decided = [c for c in invariant.conditions if set(c.signals) <= set(values)]
        truths = [
            bool(c.margin(np.array([[values[name] for name in c.signals]]))[0] >= 0.0)
            for c in decided
        ]
        whole = len(decided) == len(invariant.conditions)
        broken = (
            not all(truths)
            if invariant.join is Join.ALL
            else bool(truths) and whole and not any(truths)
        )
        if broken:
            told = ", ".join(f"{name} = {value:g}" for name, value in values.items())
            yield Finding(
                f"the reset to {told} lies outside the invariant '{invariant.text}' of mode "
                f"{each.target!r}",
                "reset into the invariant or lead to another mode",
                component=each.name,
            )


def _unknown(what: str, name: str, known: list[str], component: str) -> Finding:
    near = get_close_matches(name, known, n=3)
    if near:
        remedy = f"did you mean {', '.join(near)}?"
    else:
        remedy = f"choose one of {', '.join(known[:12])}" if known else "there is none to choose"
    return Finding(f"{what} {name!r}, which does not exist", remedy, component=component)
