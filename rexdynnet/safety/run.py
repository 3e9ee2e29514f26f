"""Run a hybrid automaton over flows with dense output, to an end that is always reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic

from rexdynnet.errors import SolverError
from rexdynnet.safety.automaton import (
    Assign,
    HybridAutomaton,
    Leg,
    Map,
    Mode,
    State,
    Transition,
    Urgency,
)
from rexdynnet.safety.events import Event, Side, Trace, first_event, holds_at
from rexdynnet.safety.guards import Guard, Trigger, on
from rexdynnet.safety.stops import End, Firing, Limits, Report, stops_after

TIE_S = 1e-9
"""Events closer than this are simultaneous."""

Choose = Callable[[str, float], bool]
"""Whether to take a transition that may be taken: its name and the time its guard fires."""


@dataclass(frozen=True)
class Point(Generic[State]):
    """Where an automaton stands: mode, time and state, all that is needed to go on.

    Parameters
    ----------
    mode : str
    time_s : float
    state : object
        Of the flows.
    entered_s : float
        When the mode was entered.
    held : tuple of (str, bool)
        Which guards held, left of `time_s`, in this mode; empty just after a transition.
    recent : tuple of Firing
        The last firings, from which Zeno sequences and chatter are seen.
    reset : bool
        Whether a reset led here.
    """

    mode: str
    time_s: float
    state: State
    entered_s: float
    held: tuple[tuple[str, bool], ...] = ()
    recent: tuple[Firing, ...] = ()
    reset: bool = False


@dataclass(frozen=True)
class Piece:
    """A part of the trajectory spent in one mode.

    Parameters
    ----------
    mode : str
    trace : Trace
        May reach beyond `end_s`; what lies there was rejected.
    start_s, end_s : float
    """

    mode: str
    trace: Trace
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Execution(Generic[State]):
    """What a run of an automaton went through.

    Parameters
    ----------
    point : Point
        Where it ended.
    firings : tuple of Firing
    pieces : tuple of Piece
    report : Report
        Why it ended.
    """

    point: Point[State]
    firings: tuple[Firing, ...]
    pieces: tuple[Piece, ...]
    report: Report


def begin(automaton: HybridAutomaton[State], state: State, time_s: float = 0.0) -> Point[State]:
    """Stand in the initial mode.

    Parameters
    ----------
    automaton : HybridAutomaton
    state : object
        State of the flows.
    time_s : float

    Returns
    -------
    Point
    """
    return Point(automaton.initial, time_s, state, time_s)


def run(
    automaton: HybridAutomaton[State],
    point: Point[State],
    until_s: float,
    *,
    limits: Limits | None = None,
    choose: Choose | None = None,
) -> Execution[State]:
    """Go on from a point until a time, or until a report says why not.

    Parameters
    ----------
    automaton : HybridAutomaton
    point : Point
        From `begin` or from an earlier execution.
    until_s : float
    limits : Limits or None
        Bounds on what counts as Zeno and as chatter.
    choose : callable or None
        Decides about transitions that may be taken, where their guards fire; by default they
        wait until the invariant ends.

    Returns
    -------
    Execution

    Raises
    ------
    SolverError
        If a flow fails or a guard's margin is no number.

    Examples
    --------
    >>> from rexdynnet.safety.automaton import HybridAutomaton, Mode, Transition
    >>> from rexdynnet.safety.guards import above, below
    >>> from rexdynnet.safety.ode import OdeFlow
    >>> import numpy as np
    >>> warm = OdeFlow(("T",), lambda t, x: 30.0 - x)
    >>> cool = OdeFlow(("T",), lambda t, x: 10.0 - x)
    >>> thermostat = HybridAutomaton(
    ...     "thermostat",
    ...     (Mode("heat", warm), Mode("idle", cool)),
    ...     (
    ...         Transition("off", "heat", "idle", above("T", 20.0)),
    ...         Transition("on", "idle", "heat", below("T", 20.0, hysteresis=2.0)),
    ...     ),
    ...     "heat",
    ... )
    >>> done = run(thermostat, begin(thermostat, np.array([15.0])), 1.0)
    >>> [(f.transition, round(f.time_s, 6)) for f in done.firings]
    [('off', 0.405465), ('on', 0.628609), ('off', 0.81093)]
    """
    bounds = limits or Limits()
    firings: list[Firing] = []
    pieces: list[Piece] = []
    while True:
        mode = automaton.mode(point.mode)
        if point.time_s >= until_s and not _enters(point):
            return Execution(
                point, tuple(firings), tuple(pieces), Report(End.REACHED, point.time_s, mode.name)
            )
        horizon = until_s if until_s > point.time_s else point.time_s + bounds.probe_s
        leg = mode.flow.advance(point.state, point.time_s, horizon)
        if not leg.trace.end_s > point.time_s:
            raise SolverError(
                f"the flow of mode {mode.name!r} does not move on",
                "see that its advance reaches beyond the time it starts at",
                time_s=point.time_s,
            )
        outside = _entered_outside(mode, leg.trace, point)
        if outside is not None:
            return Execution(point, tuple(firings), tuple(pieces), outside)
        taken, broken_s = _next(automaton, mode, leg.trace, point, choose)
        beyond = point.time_s >= until_s
        if taken is None and broken_s is not None and not beyond:
            pieces.append(Piece(mode.name, leg.trace, point.time_s, broken_s))
            point = replace(point, time_s=broken_s, state=leg.state_at(broken_s))
            told = f"'{mode.invariant.text}' ends and no transition can be taken"
            return Execution(
                point,
                tuple(firings),
                tuple(pieces),
                Report(End.INVARIANT, broken_s, mode.name, told),
            )
        if beyond and (taken is None or taken[1].time_s > point.time_s):
            point = replace(point, held=_held(automaton, mode, leg.trace, point.time_s))
            continue
        if taken is None:
            end = leg.trace.end_s
            pieces.append(Piece(mode.name, leg.trace, point.time_s, end))
            point = replace(
                point,
                time_s=end,
                state=leg.state_at(end),
                held=_held(automaton, mode, leg.trace, end),
            )
            continue
        transition, event = taken
        if event.time_s > point.time_s:
            pieces.append(Piece(mode.name, leg.trace, point.time_s, event.time_s))
        firing = Firing(
            event.time_s, transition.name, transition.source, transition.target, event.side
        )
        firings.append(firing)
        point = _jump(automaton, transition, leg, event, point, (firing, bounds))
        report = stops_after(point.recent, bounds)
        if report is not None:
            return Execution(point, tuple(firings), tuple(pieces), report)


def _enters(point: Point[State]) -> bool:
    # just after a transition (or at the very start) guards may fire without time passing
    return not point.held and point.time_s == point.entered_s


def _held(
    automaton: HybridAutomaton[State], mode: Mode[State], trace: Trace, time_s: float
) -> tuple[tuple[str, bool], ...]:
    held = tuple(
        (each.name, holds_at(trace, each.guard, time_s, before=True))
        for each in automaton.leaving(mode.name)
    )
    return held or (("", True),)


def _entered_outside(mode: Mode[State], trace: Trace, point: Point[State]) -> Report | None:
    # on the border round-off may lie outside: what counts is the instant after
    if not (point.reset and _enters(point)):
        return None
    after = min(point.time_s + TIE_S, trace.end_s)
    if holds_at(trace, mode.invariant, point.time_s) or holds_at(trace, mode.invariant, after):
        return None
    told = f"the reset leads outside '{mode.invariant.text}'"
    return Report(End.RESET, point.time_s, mode.name, told)


def _next(
    automaton: HybridAutomaton[State],
    mode: Mode[State],
    trace: Trace,
    point: Point[State],
    choose: Choose | None,
) -> tuple[tuple[Transition[State], Event] | None, float | None]:
    held = dict(point.held)
    found: list[tuple[Transition[State], Event]] = []
    waiting: list[tuple[Transition[State], Event]] = []
    for each in automaton.leaving(mode.name):
        ready = point.entered_s + each.dwell_s
        event = first_event(trace, each.guard, point.entered_s, ready, held.get(each.name))
        if event is None:
            continue
        chosen = choose is not None and choose(each.name, event.time_s)
        kept = found if each.urgency is Urgency.MUST or chosen else waiting
        kept.append((each, event))
    first = min((event.time_s for _, event in found), default=None)
    broken = _leaves(mode.invariant, trace, point)
    if broken is not None and (first is None or broken < first - TIE_S):
        open_then = [
            (each, Event(broken, Side.CROSSING, holds=True))
            for each, event in waiting
            if event.time_s <= broken + TIE_S
            and (
                event.time_s >= broken - TIE_S
                or holds_at(trace, each.guard, max(broken - TIE_S, trace.start_s))
            )
        ]
        return (open_then[0] if open_then else None), broken
    if first is None:
        return None, None
    # `leaving` is sorted by priority, and min keeps the first of equals
    return next((each, event) for each, event in found if event.time_s <= first + TIE_S), None


def _leaves(invariant: Guard, trace: Trace, point: Point[State]) -> float | None:
    if not invariant.conditions:
        return None
    probe = point.time_s
    if not holds_at(trace, invariant, probe):
        probe = min(point.time_s + TIE_S, trace.end_s)
        if not (_enters(point) and holds_at(trace, invariant, probe)):
            return point.time_s
    ends = on(Trigger.FALLING, invariant)
    event = first_event(trace, ends, point.entered_s, probe)
    return None if event is None else event.time_s


def _jump(
    automaton: HybridAutomaton[State],
    transition: Transition[State],
    leg: Leg[State],
    event: Event,
    point: Point[State],
    told: tuple[Firing, Limits],
) -> Point[State]:
    state = point.state if event.time_s <= point.time_s else leg.state_at(event.time_s)
    if isinstance(transition.reset, Assign):
        state = automaton.mode(transition.target).flow.assign(state, transition.reset.values)
    elif isinstance(transition.reset, Map):
        state = transition.reset.function(state)
    firing, limits = told
    return Point(
        transition.target,
        event.time_s,
        state,
        event.time_s,
        recent=(*point.recent, firing)[-limits.memory :],
        reset=transition.reset is not None,
    )
