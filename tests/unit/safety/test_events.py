"""Events on dense output: every direction, place and kind of jump."""

from __future__ import annotations

import numpy as np
import pytest
from sksundae.cvode import CVODE

from rexdynnet.errors import SolverError
from rexdynnet.safety.events import Side, first_event, straight_trace, switches
from rexdynnet.safety.guards import Trigger, above, all_of, any_of, below, on, where
from rexdynnet.safety.ode import OdeFlow


def line(times, values):
    """Continuous, except where a time stands twice."""
    times, values = np.asarray(times, float), np.asarray(values, float)
    kept = np.flatnonzero(np.diff(times) > 0.0)
    edges = np.append(times[kept], times[-1])
    return straight_trace(edges, ("x",), values[kept, None], values[kept + 1, None])


def test_both_directions_are_found_on_either_side_of_a_peak_within_a_step():
    leg = OdeFlow(("h", "v"), lambda t, x: np.array([x[1], -2.0])).advance(
        np.array([0.0, 2.0]), 0.0, 2.0
    )
    found = list(switches(leg.trace, above("h", 0.999999), 0.0))
    root = np.sqrt(1.0 - 0.999999)
    assert [each.holds for each in found] == [True, False]
    assert [each.time_s for each in found] == pytest.approx([1.0 - root, 1.0 + root], abs=1e-8)


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [(Trigger.RISING, 1.0), (Trigger.FALLING, 3.0), (Trigger.EITHER, 1.0), (Trigger.LEVEL, 1.0)],
)
def test_an_event_exactly_at_an_output_time_is_found_once(trigger, expected):
    trace = line([0.0, 1.0, 2.0, 3.0, 4.0], [-1.0, 0.0, 1.0, 0.0, -1.0])
    event = first_event(trace, on(trigger, above("x", 0.0)), 0.0, 0.0)
    assert event is not None
    assert event.time_s == pytest.approx(expected, abs=1e-12)
    assert len(list(switches(trace, above("x", 0.0), 0.0))) == 2


def test_a_discontinuity_exactly_at_an_output_time_belongs_to_its_right_side():
    trace = line([0.0, 1.0, 1.0, 2.0], [0.0, 0.0, 5.0, 5.0])
    event = first_event(trace, above("x", 3.0), 0.0, 0.0)
    assert event is not None
    assert (event.time_s, event.side) == (1.0, Side.JUMP)
    assert trace.values(1.0, before=True)[0] == 0.0
    assert trace.values(1.0)[0] == 5.0


def test_a_jump_between_two_traces_is_an_edge_at_the_start_of_the_second():
    event = first_event(
        line([1.0, 2.0], [5.0, 5.0]), on(Trigger.RISING, above("x", 3.0)), 0.0, 0.0, held=False
    )
    assert event is not None
    assert (event.time_s, event.side) == (1.0, Side.JUMP)


def test_a_touch_without_crossing_counts_as_holding():
    trace = line([0.0, 1.0, 2.0], [-1.0, 0.0, -1.0])
    event = first_event(trace, above("x", 0.0), 0.0, 0.0)
    assert event is not None
    assert event.time_s == pytest.approx(1.0, abs=1e-12)


def test_conditions_join_at_the_instant_when_the_last_holds_or_the_first():
    trace = line([0.0, 4.0], [0.0, 4.0])
    both = first_event(trace, all_of(above("x", 1.0), above("time_s", 2.0)), 0.0, 0.0)
    one = first_event(trace, any_of(above("x", 1.0), above("time_s", 2.0)), 0.0, 0.0)
    none = first_event(trace, all_of(above("x", 3.0), below("x", 2.0)), 0.0, 0.0)
    assert both is not None
    assert one is not None
    assert (both.time_s, one.time_s) == pytest.approx((2.0, 1.0), abs=1e-12)
    assert none is None


def test_a_trial_state_of_a_rejected_step_fires_nothing():
    tried = []

    def slope(t, x):
        tried.append(float(x[0]))
        return np.array([-1e4 * (x[0] - np.cos(t)) - np.sin(t)])

    flow = OdeFlow(("x",), slope, rtol=1e-6, atol=1e-8, method="RK45")
    leg = flow.advance(np.array([1.5]), 0.0, 0.05)
    overshoot = 0.5 * (min(tried) + 0.99)
    assert min(tried) < overshoot < 0.99
    assert first_event(leg.trace, below("x", overshoot), 0.0, 0.0) is None


def test_a_margin_that_is_no_number_is_an_error_not_silence():
    trace = line([0.0, 1.0, 2.0], [0.0, np.nan, 0.0])
    with pytest.raises(SolverError, match="no number"):
        first_event(trace, above("x", 3.0), 0.0, 0.0)


def test_event_times_agree_with_the_root_finder_of_sundials():
    """Van der Pol, mu = 2: crossings of x = 1 both ways, and of a nonlinear margin."""

    def slope(t, x):
        return np.array([x[1], 2.0 * (1.0 - x[0] ** 2) * x[1] - x[0]])

    def rhs(t, y, yp):
        yp[:] = slope(t, y)

    def events(t, y, margins):
        margins[0] = y[0] - 1.0
        margins[1] = y[0] ** 2 + y[1] ** 2 - 4.0

    events.terminal = [False, False]
    solver = CVODE(rhs, eventsfn=events, num_events=2, rtol=1e-12, atol=1e-13, max_num_steps=100000)
    peer = solver.solve([0.0, 15.0], np.array([0.5, 0.0]))
    expected = np.sort(np.asarray(peer.t_events, dtype=float))

    leg = OdeFlow(("x", "v"), slope, rtol=1e-12, atol=1e-13).advance(
        np.array([0.5, 0.0]), 0.0, 15.0
    )
    circle = where(("x", "v"), lambda s: s[:, 0] ** 2 + s[:, 1] ** 2 - 4.0, "x^2 + v^2 >= 4")
    found = np.sort(
        [
            each.time_s
            for guard in (above("x", 1.0), circle)
            for each in switches(leg.trace, guard, 0.0)
        ]
    )
    assert len(found) == len(expected) > 8
    assert np.abs(found - expected).max() < 1e-8
