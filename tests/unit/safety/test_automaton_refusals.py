"""What an automaton refuses to be, and how it draws itself."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.safety.automaton import Assign, HybridAutomaton, Mode, Transition, Urgency
from rexdynnet.safety.diagram import graphviz, mermaid
from rexdynnet.safety.guards import Guard, above, all_of, any_of, below
from rexdynnet.safety.ode import OdeFlow

FLOW = OdeFlow(("level",), lambda t, x: np.ones(1))
A, B, C = Mode("a", FLOW), Mode("b", FLOW, below("level", 2.0)), Mode("c", FLOW)
GO = Transition("go", "a", "b", above("level", 1.0), priority=1)


@pytest.mark.parametrize(
    ("modes", "transitions", "message"),
    [
        ((A, B, C), (GO,), "no path of transitions leads from 'a' to mode 'c'; add a transition"),
        ((A, B), (Transition("go", "a", "b", above("levle", 1.0)),), "did you mean level?"),
        (
            (A, B),
            (GO, Transition("too", "a", "b", above("level", 3.0), priority=1)),
            "both have priority 1; give them different priorities",
        ),
        (
            (A, B),
            (Transition("go", "a", "b", above("level", 1.0), Assign({"level": 5.0})),),
            "outside the invariant 'level <= 2' of mode 'b'",
        ),
        (
            (A, B),
            (Transition("go", "a", "b", above("level", 1.0), Assign({"lvl": 0.0})),),
            "reset sets 'lvl', which does not exist; did you mean level?",
        ),
        ((A, B), (Transition("go", "a", "z", above("level", 1.0)),), "mode 'z', which does not"),
        ((A, A), (), "two modes are called 'a'"),
        ((A, B), (Transition("go", "a", "b", Guard(), dwell_s=-1.0),), "dwell_s is -1.0"),
    ],
)
def test_an_automaton_that_does_not_fit_together_is_refused(modes, transitions, message):
    with pytest.raises(InputError) as caught:
        HybridAutomaton("x", modes, transitions, "a")
    assert message in str(caught.value)


def test_equal_priorities_are_fine_where_one_may_wait():
    other = Transition("too", "a", "b", Guard(), priority=1, urgency=Urgency.MAY)
    assert HybridAutomaton("x", (A, B), (GO, other), "a").leaving("a") == (GO, other)


def test_guards_refuse_what_cannot_be_decided():
    with pytest.raises(InputError, match="give a finite level"):
        above("level", float("nan"))
    with pytest.raises(InputError, match="give zero or more"):
        below("level", 1.0, hysteresis=-1.0)
    with pytest.raises(InputError, match="two transitions"):
        all_of(any_of(above("level", 1.0), below("level", 0.0)), above("level", 5.0))


def test_diagrams_name_every_mode_guard_and_reset():
    back = Transition(
        "back", "b", "a", below("level", 1.0, hysteresis=0.5), Assign({"level": 0.0}), dwell_s=60.0
    )
    automaton = HybridAutomaton("tank", (A, B), (GO, back), "a")
    dot, chart = graphviz(automaton), mermaid(automaton)
    assert dot.startswith('digraph "tank" {')
    assert '"b" [label="b\\nwhile level <= 2"];' in dot
    assert '"b" -> "a" [label="back: level <= 1 - 0.5\\nafter 60 s\\nlevel := 0"];' in dot
    assert "m_a --> m_b : go, level >= 1 | priority 1" in chart
    assert chart.splitlines()[:2] == ["stateDiagram-v2", "  [*] --> m_a"]
