"""The classic hybrid systems against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.safety.automaton import Assign, HybridAutomaton, Map, Mode, Transition, Urgency
from rexdynnet.safety.events import Side
from rexdynnet.safety.guards import Guard, Trigger, above, below, on
from rexdynnet.safety.ode import OdeFlow
from rexdynnet.safety.run import begin, run
from rexdynnet.safety.stops import End

GRAVITY = 9.81


def ball(restitution: float, guard: Guard | None = None) -> HybridAutomaton[np.ndarray]:
    fall = OdeFlow(("height", "speed"), lambda t, x: np.array([x[1], -GRAVITY]))
    return HybridAutomaton(
        "ball",
        (Mode("fly", fall, above("height", 0.0)),),
        (
            Transition(
                "bounce",
                "fly",
                "fly",
                guard or on(Trigger.RISING, below("height", 0.0)),
                Map(lambda x: np.array([x[0], -restitution * x[1]]), "speed -> -e speed"),
            ),
        ),
        "fly",
    )


@pytest.mark.parametrize("restitution", [0.5, 0.8, 0.9])
def test_a_bouncing_ball_lands_when_the_closed_form_says(restitution):
    automaton = ball(restitution)
    first = np.sqrt(2.0 / GRAVITY)
    flights = 2.0 * first * restitution ** np.arange(1, 9)
    landings = first + np.concatenate([[0.0], np.cumsum(flights)])
    done = run(automaton, begin(automaton, np.array([1.0, 0.0])), landings[-1] + 1e-3)
    found = np.array([each.time_s for each in done.firings])
    assert done.report.end is End.REACHED
    assert np.abs(found - landings).max() < 1e-8


def test_a_zeno_sequence_stops_at_its_accumulation_point():
    automaton = ball(0.5)
    first = np.sqrt(2.0 / GRAVITY)
    accumulation = first + 2.0 * first * 0.5 / (1.0 - 0.5)
    done = run(automaton, begin(automaton, np.array([1.0, 0.0])), 10.0)
    assert done.report.end is End.ZENO
    assert done.report.accumulation_s == pytest.approx(accumulation, abs=1e-8)
    assert 0.0 < accumulation - done.report.time_s < 1e-6
    assert "'bounce' fires ever faster" in str(done.report)


def test_a_slowly_contracting_zeno_sequence_is_not_mistaken_for_chatter():
    automaton = ball(0.95)
    first = np.sqrt(2.0 / GRAVITY)
    done = run(automaton, begin(automaton, np.array([1.0, 0.0])), 30.0)
    assert done.report.end is End.ZENO
    assert done.report.accumulation_s == pytest.approx(first * (1.0 + 2.0 * 0.95 / 0.05), abs=1e-6)


def thermostat(dwell_s: float = 0.0, hysteresis: float = 2.0) -> HybridAutomaton[np.ndarray]:
    warm = OdeFlow(("T",), lambda t, x: 30.0 - x, leg_s=1.0)
    cool = OdeFlow(("T",), lambda t, x: 10.0 - x, leg_s=1.0)
    return HybridAutomaton(
        "thermostat",
        (Mode("heat", warm), Mode("idle", cool)),
        (
            Transition("off", "heat", "idle", above("T", 20.0), dwell_s=dwell_s),
            Transition(
                "on", "idle", "heat", below("T", 20.0, hysteresis=hysteresis), dwell_s=dwell_s
            ),
        ),
        "heat",
    )


def test_a_thermostat_with_hysteresis_switches_on_time():
    automaton = thermostat()
    done = run(automaton, begin(automaton, np.array([15.0])), 5.0)
    cycle = [np.log(10.0 / 8.0), np.log(12.0 / 10.0)]
    expected, time = [], np.log(15.0 / 10.0)
    while time < 5.0:
        expected.append(time)
        time += cycle[(len(expected) - 1) % 2]
    assert [each.time_s for each in done.firings] == pytest.approx(expected, abs=1e-8)


def test_dwell_delays_a_transition_until_its_guard_may_act():
    automaton = thermostat(dwell_s=1.0)
    done = run(automaton, begin(automaton, np.array([15.0])), 2.5)
    # warm at once, but each mode must have lasted a second
    assert [each.time_s for each in done.firings] == pytest.approx([1.0, 2.0], abs=1e-12)


def test_a_relay_without_hysteresis_is_reported_as_chatter():
    automaton = thermostat(hysteresis=0.0)
    done = run(automaton, begin(automaton, np.array([15.0])), 5.0)
    assert done.report.end is End.CHATTER
    assert done.report.time_s == pytest.approx(np.log(1.5), abs=1e-6)
    assert "between heat, idle" in str(done.report)


def test_a_relay_with_a_tiny_hysteresis_chatters_too():
    automaton = thermostat(hysteresis=1e-3)
    done = run(automaton, begin(automaton, np.array([15.0])), 5.0)
    assert done.report.end is End.CHATTER
    assert done.report.time_s < 1.0


def clock(transitions, modes=("a", "b", "c"), until=2.0, **options):
    flow = OdeFlow(("x",), lambda t, x: np.ones(1))
    automaton = HybridAutomaton("clock", tuple(Mode(m, flow) for m in modes), transitions, "a")
    return run(automaton, begin(automaton, np.zeros(1)), until, **options)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_of_two_simultaneous_guards_the_higher_priority_wins(first, second):
    done = clock(
        (
            Transition("to_b", "a", "b", above("x", 1.0), priority=first),
            Transition("to_c", "a", "c", above("time_s", 1.0), priority=second),
        )
    )
    assert [each.target for each in done.firings] == ["b" if first > second else "c"]
    assert done.firings[0].time_s == pytest.approx(1.0, abs=1e-12)


def test_duplicate_event_times_are_a_chain_at_one_instant():
    done = clock(
        (
            Transition("ab", "a", "b", above("x", 1.0)),
            Transition("bc", "b", "c", above("x", 1.0)),
        )
    )
    assert [each.transition for each in done.firings] == ["ab", "bc"]
    assert done.firings[0].time_s == done.firings[1].time_s
    assert done.firings[1].side is Side.START


@pytest.mark.parametrize("level", [0.0, -1.0])
def test_a_guard_true_at_the_start_fires_at_the_start(level):
    done = clock(
        (
            Transition("ab", "a", "b", above("x", level)),
            Transition("ac", "a", "c", Guard(), priority=-1, dwell_s=9.0),
        )
    )
    assert done.firings[0].time_s == 0.0
    assert done.firings[0].side is Side.START


def test_an_event_exactly_at_the_end_fires_once_and_not_again_when_the_run_goes_on():
    flow = OdeFlow(("x",), lambda t, x: np.ones(1))
    automaton = HybridAutomaton(
        "clock",
        (Mode("a", flow),),
        (Transition("tick", "a", "a", on(Trigger.RISING, above("x", 1.0)), Assign({"x": 0.0})),),
        "a",
    )
    point, ticks = begin(automaton, np.zeros(1)), []
    for until in np.arange(1, 9) * 0.5:
        done = run(automaton, point, float(until))
        ticks += [each.time_s for each in done.firings]
        point = done.point
    assert ticks == pytest.approx([1.0, 2.0, 3.0, 4.0], abs=1e-9)


def test_a_transition_that_may_waits_until_the_invariant_ends():
    flow = OdeFlow(("x",), lambda t, x: np.ones(1))
    automaton = HybridAutomaton(
        "lazy",
        (Mode("a", flow, below("x", 1.0)), Mode("b", flow)),
        (Transition("leave", "a", "b", above("x", 0.5), urgency=Urgency.MAY),),
        "a",
    )
    late = run(automaton, begin(automaton, np.zeros(1)), 2.0)
    early = run(automaton, begin(automaton, np.zeros(1)), 2.0, choose=lambda name, time: True)
    assert late.firings[0].time_s == pytest.approx(1.0, abs=1e-9)
    assert early.firings[0].time_s == pytest.approx(0.5, abs=1e-9)


def test_an_invariant_that_ends_without_a_way_out_is_reported():
    flow = OdeFlow(("x",), lambda t, x: np.ones(1))
    automaton = HybridAutomaton("stuck", (Mode("a", flow, below("x", 1.0)),), (), "a")
    done = run(automaton, begin(automaton, np.zeros(1)), 2.0)
    assert done.report.end is End.INVARIANT
    assert done.report.time_s == pytest.approx(1.0, abs=1e-9)


def test_a_reset_that_depends_on_the_state_is_checked_when_it_happens():
    flow = OdeFlow(("x",), lambda t, x: np.ones(1))
    automaton = HybridAutomaton(
        "doubling",
        (Mode("a", flow), Mode("b", flow, below("x", 1.5))),
        (Transition("double", "a", "b", above("x", 1.0), Map(lambda x: 2.0 * x, "x -> 2 x")),),
        "a",
    )
    done = run(automaton, begin(automaton, np.zeros(1)), 3.0)
    assert done.report.end is End.RESET
    assert done.report.time_s == pytest.approx(1.0, abs=1e-9)


def test_two_water_tanks_served_by_one_hose_are_zeno():
    """Johansson, Egerstedt, Lygeros, Sastry: Syst. Control Lett. 38 (1999) 141."""
    inflow, out_1, out_2 = 0.75, 0.5, 0.5
    left = OdeFlow(("x1", "x2"), lambda t, x: np.array([inflow - out_1, -out_2]), leg_s=5.0)
    right = OdeFlow(("x1", "x2"), lambda t, x: np.array([-out_1, inflow - out_2]), leg_s=5.0)
    automaton = HybridAutomaton(
        "tanks",
        (Mode("fill_1", left), Mode("fill_2", right)),
        (
            Transition("to_2", "fill_1", "fill_2", below("x2", 0.0)),
            Transition("to_1", "fill_2", "fill_1", below("x1", 0.0)),
        ),
        "fill_1",
    )
    done = run(automaton, begin(automaton, np.array([1.0, 1.0])), 100.0)
    assert done.report.end is End.ZENO
    # all the water is gone when the surplus of outflow has drained it
    assert done.report.accumulation_s == pytest.approx(2.0 / (out_1 + out_2 - inflow), abs=1e-6)
