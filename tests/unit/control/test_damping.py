"""Damping rises while an iteration goes in circles, and falls while it gets on."""

from __future__ import annotations

from rexdynnet.control.damping import Damper


def after(*residuals: float) -> Damper:
    damper = Damper()
    for residual in residuals:
        damper = damper.after(residual)
    return damper


def test_nothing_is_damped_while_the_residual_falls() -> None:
    assert after(1.0, 0.5, 0.2, 0.01).damping == 0.0


def test_a_cycle_of_two_raises_the_damping_and_progress_lowers_it_again() -> None:
    cycle = after(1.0, *([0.5, 0.4] * 6))
    assert cycle.damping > 0.0
    assert cycle.after(0.1).damping < cycle.damping


def test_damping_has_a_limit() -> None:
    assert after(*([1.0] * 200)).damping <= 100.0
