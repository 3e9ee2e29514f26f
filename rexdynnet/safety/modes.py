"""The modes of the safety maintainer: surplus × deficit in every hydraulic zone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from rexdynnet.safety.automaton import HybridAutomaton, Map, Mode, Transition
from rexdynnet.safety.guards import Condition, Guard, Join
from rexdynnet.safety.levers import ZoneMode
from rexdynnet.safety.margins import Cause, ZoneWatch
from rexdynnet.safety.relief import Withholding
from rexdynnet.safety.supervised import Supervised, SupervisedFlow, signal_of, span_at

WORDS = {
    (False, False): "normal",
    (True, False): "discard",
    (False, True): "ration",
    (True, True): "both",
}
NUMBERS = {mode: number for number, mode in enumerate(WORDS)}


@dataclass(frozen=True)
class Meaning:
    """What a transition means to a person.

    Parameters
    ----------
    zone : int
    surplus : bool
        Whether it concerns discard; ration otherwise.
    cause : Cause or None
        None for a way back.
    """

    zone: int
    surplus: bool
    cause: Cause | None


def mode_name(watches: tuple[ZoneWatch, ...], modes: tuple[ZoneMode, ...]) -> str:
    """Name of a joint mode, such as `ration`, or `at_boiler normal | behind_pump ration`."""
    if len(watches) == 1:
        return WORDS[modes[0]]
    pairs = zip(watches, modes, strict=True)
    return " | ".join(f"{watch.zone.name} {WORDS[mode]}" for watch, mode in pairs)


def make_automaton(
    hand: Withholding,
) -> tuple[HybridAutomaton[Supervised], dict[str, tuple[ZoneMode, ...]], dict[str, Meaning]]:
    """The product automaton of all zones.

    Parameters
    ----------
    hand : Withholding

    Returns
    -------
    automaton : HybridAutomaton
    modes : mapping of mode name to the zones' modes
    meanings : mapping of transition name to Meaning

    Notes
    -----
    A zone enters discard or ration at the instant any of its margins is spent, by one urgent
    transition per cause. It returns by one transition, after its dwell time, when every
    margin is beyond its hysteresis and nothing is withheld any more. A change of another
    zone begins the dwell anew: that only delays a return.
    """
    watches = hand.watches
    kinds: tuple[ZoneMode, ...] = tuple(WORDS)
    joint = {mode_name(watches, modes): modes for modes in product(kinds, repeat=len(watches))}
    transitions: list[Transition[Supervised]] = []
    meanings: dict[str, Meaning] = {}
    for name, modes in joint.items():
        for k, watch in enumerate(watches):
            for surplus in (True, False):
                switched = _switched(modes, k, surplus=surplus)
                inside = modes[k][0 if surplus else 1]
                for rank, cause in enumerate(watch.causes):
                    if inside or cause.surplus is not surplus:
                        continue
                    entered = (k,)
                    if cause is Cause.CAPACITY:
                        # all who share the plants share the shortage
                        entered = _sharing(watches, modes, k)
                    target = mode_name(watches, _entered(modes, entered, surplus=surplus))
                    title = f"{name} > {target}: {watch.zone.name} {cause.name.lower()}"
                    meanings[title] = Meaning(k, surplus, cause)
                    transitions.append(
                        Transition(
                            title,
                            name,
                            target,
                            _entry(watch, cause),
                            _entering(hand, entered, cause),
                            priority=1000 - 100 * k - rank,
                        )
                    )
                if inside:
                    target = mode_name(watches, switched)
                    title = f"{name} > {target}: {watch.zone.name} recovers"
                    meanings[title] = Meaning(k, surplus, None)
                    transitions.append(
                        Transition(
                            title,
                            name,
                            target,
                            _recovery(watch, surplus=surplus),
                            _leaving(hand, k, surplus=surplus),
                            priority=-100 * k - (1 if surplus else 0),
                            dwell_s=hand.settings.dwell_s,
                        )
                    )
    states = tuple(Mode(name, SupervisedFlow(hand, modes)) for name, modes in joint.items())
    normal = mode_name(watches, ((False, False),) * len(watches))
    automaton = HybridAutomaton("safety maintainer", states, tuple(transitions), normal)
    return automaton, joint, meanings


def _switched(modes: tuple[ZoneMode, ...], zone: int, *, surplus: bool) -> tuple[ZoneMode, ...]:
    found = list(modes)
    had = found[zone]
    found[zone] = (not had[0], had[1]) if surplus else (had[0], not had[1])
    return tuple(found)


def _sharing(
    watches: tuple[ZoneWatch, ...], modes: tuple[ZoneMode, ...], zone: int
) -> tuple[int, ...]:
    island = watches[zone].zone.suppliers
    return tuple(
        k
        for k, watch in enumerate(watches)
        if watch.zone.suppliers == island and watch.zone.substations and not modes[k][1]
    )


def _entered(
    modes: tuple[ZoneMode, ...], zones: tuple[int, ...], *, surplus: bool
) -> tuple[ZoneMode, ...]:
    return tuple(
        (mode[0] or surplus, mode[1] or not surplus) if k in zones else mode
        for k, mode in enumerate(modes)
    )


def _entry(watch: ZoneWatch, cause: Cause) -> Guard:
    signal = signal_of(watch.zone.name, cause)
    return Guard((Condition((signal,), lambda v: -v[:, 0], cause.value, affine=True),))


def _recovery(watch: ZoneWatch, *, surplus: bool) -> Guard:
    conditions: list[Condition] = []
    for cause in watch.causes:
        if cause.surplus is surplus:
            beyond = watch.hysteresis[cause]
            text = f"{cause.name.lower()} margin >= {beyond:.4g} {cause.unit}"
            signal = signal_of(watch.zone.name, cause)
            conditions.append(_at_least(signal, beyond, text))
    name = f"{watch.zone.name}.{'discarded' if surplus else 'curtailed'}"
    text = "nothing withheld"
    conditions.append(Condition((name,), lambda v: 1e-6 - v[:, 0], text, affine=True))
    return Guard(tuple(conditions), Join.ALL)


def _at_least(signal: str, level: float, text: str) -> Condition:
    return Condition((signal,), lambda v: v[:, 0] - level, text, affine=True)


def _entering(hand: Withholding, zones: tuple[int, ...], cause: Cause) -> Map[Supervised]:
    def start(state: Supervised) -> Supervised:
        time_s = state.plant.time_s
        inputs = span_at(state.spans, time_s).at(time_s)
        relief = state.relief
        for zone in zones:
            relief = hand.entered(relief, zone, cause, state.seen, inputs, time_s)
        return replace(state, relief=relief)

    return Map(start, "begin to withhold")


def _leaving(hand: Withholding, zone: int, *, surplus: bool) -> Map[Supervised]:
    def stop(state: Supervised) -> Supervised:
        return replace(state, relief=hand.left(state.relief, zone, surplus=surplus))

    return Map(stop, "withhold nothing")
