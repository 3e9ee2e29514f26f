"""Robustness of temporal rules against their definition, on a grid that holds every bend."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rexdynnet.safety.monitor_text import read_rule, write_rule
from rexdynnet.safety.monitors import (
    Always,
    And,
    Eventually,
    Not,
    Or,
    Predicate,
    Sense,
    Until,
    Window,
    horizon_s,
    score,
)

_FINE = 48
"""Grid points per second: the definition is evaluated there; slopes bound what lies between."""

levels = st.integers(-5, 5)
leaves = st.builds(Predicate, st.sampled_from(["x", "y"]), st.sampled_from(Sense), levels)
windows = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(
    lambda ends: Window(float(min(ends)), float(max(ends)))
)
rules = st.recursive(
    leaves,
    lambda part: st.one_of(
        st.builds(Not, part),
        st.builds(And, part, part),
        st.builds(Or, part, part),
        st.builds(Always, windows, part),
        st.builds(Eventually, windows, part),
        st.builds(Until, part, windows, part),
    ),
    max_leaves=4,
)
samples = st.lists(st.integers(-5, 5), min_size=16, max_size=16)


def by_definition(rule, grid):
    """Values at every grid point whose windows lie within the run, straight from the books."""
    match rule:
        case Predicate():
            sign = 1.0 if rule.sense is Sense.AT_LEAST else -1.0
            return sign * (grid[rule.signal] - rule.level)
        case Not(part):
            return -by_definition(part, grid)
        case And(first, second) | Or(first, second):
            a, b = by_definition(first, grid), by_definition(second, grid)
            n = min(len(a), len(b))
            return (np.minimum if isinstance(rule, And) else np.maximum)(a[:n], b[:n])
        case Always(window, part) | Eventually(window, part):
            a = by_definition(part, grid)
            begin, end = int(window.from_s * _FINE), int(window.to_s * _FINE)
            best = np.min if isinstance(rule, Always) else np.max
            return np.array([best(a[i + begin : i + end + 1]) for i in range(len(a) - end)])
        case Until(first, window, second):
            a, b = by_definition(first, grid), by_definition(second, grid)
            n = min(len(a), len(b))
            begin, end = int(window.from_s * _FINE), int(window.to_s * _FINE)
            return np.array(
                [
                    np.minimum(b[i : i + end + 1], np.minimum.accumulate(a[i : i + end + 1]))[
                        begin:
                    ].max()
                    for i in range(n - end)
                ]
            )
    raise AssertionError(rule)


@settings(max_examples=150, deadline=None)
@given(rule=rules, x=samples, y=samples)
def test_robustness_equals_the_definition_up_to_the_grid(rule, x, y):
    times = np.arange(16.0)
    if horizon_s(rule) > times[-1]:
        return
    fine = np.arange(15 * _FINE + 1) / _FINE
    grid = {"x": np.interp(fine, times, x), "y": np.interp(fine, times, y)}
    expected = by_definition(rule, grid)
    found = score(rule, times, {"x": np.array(x, float), "y": np.array(y, float)}).trajectory
    at = fine[: len(expected)]
    assert found.times_s[-1] == pytest.approx(at[-1], abs=1e-9)
    # slopes are at most 10 per second, so that a bend hides at most this between grid points
    assert np.abs(found.at(at) - expected).max() <= 10.0 / _FINE


@given(rule=rules)
def test_a_rule_that_is_written_reads_back_as_it_was(rule):
    assert read_rule(write_rule(rule)) == rule


@settings(max_examples=80, deadline=None)
@given(x=samples, y=samples)
def test_until_is_exact_at_its_bends(x, y):
    """The best instant is a knot or a crossing, found in rational arithmetic."""
    times = np.arange(16.0)
    found = score(
        Until(
            Predicate("x", Sense.AT_LEAST, 0.0),
            Window(0.0, 15.0),
            Predicate("y", Sense.AT_LEAST, 0.0),
        ),
        times,
        {"x": np.array(x, float), "y": np.array(y, float)},
    ).robustness
    assert found == pytest.approx(float(_until_exactly(x, y)), abs=1e-12)


def _until_exactly(x, y):
    # candidates for the best instant: knots and crossings; inf x over [0, t'] from knots and t'
    best = None
    for k in range(15):
        ts = [Fraction(0), Fraction(1)]
        rise = (x[k + 1] - x[k]) - (y[k + 1] - y[k])
        if rise:
            t = Fraction(y[k] - x[k], rise)
            ts += [t] if 0 < t < 1 else []
        low = min(Fraction(v) for v in x[: k + 1])
        # where y meets the running minimum of x
        if y[k + 1] != y[k]:
            t = (low - y[k]) / (y[k + 1] - y[k])
            ts += [t] if 0 < t < 1 else []
        for t in ts:
            at_x, at_y = x[k] + t * (x[k + 1] - x[k]), y[k] + t * (y[k + 1] - y[k])
            value = min(at_y, low, at_x)
            best = value if best is None else max(best, value)
    return best
