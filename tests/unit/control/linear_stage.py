"""A linear stage model of given matrices, to compare observers with textbook formulas."""

from __future__ import annotations

import casadi as ca
import numpy as np

from rexdynnet.control.stage import StageModel
from rexdynnet.signals import Signal

A = np.array([[0.9, 0.1, 0.0], [0.0, 0.8, 0.2], [0.05, 0.0, 0.7]])
B = np.array([[0.5], [0.0], [1.0]])
E = np.array([[0.2], [0.4], [0.0]])
C = np.array([[1.0, 0.0, 0.0], [0.0, 0.5, 1.0]])
D = np.array([[0.1], [0.0]])


def linear_stage(step_s: float = 900.0) -> StageModel:
    """x+ = Ax + Bu + Ep, y = Cx + Du."""
    x, u, p = ca.SX.sym("x", 3), ca.SX.sym("u", 1), ca.SX.sym("p", 1)
    following = ca.DM(A) @ x + ca.DM(B) @ u + ca.DM(E) @ p
    output = ca.DM(C) @ x + ca.DM(D) @ u
    none = ca.SX.zeros(0, 1)
    return StageModel(
        name="linear",
        states=tuple(Signal(f"cell_{i}", "temperature", "K") for i in range(3)),
        controls=(Signal("boiler", "heat", "W"),),
        parameters=(Signal("ground", "temperature", "K", default=0.0),),
        output_signals=tuple(Signal(f"meter_{i}", "temperature", "K") for i in range(2)),
        rows=(),
        cost_terms=(),
        step_s=step_s,
        evaluate=ca.Function("evaluate", [x, u, p], [following, output, none, none]),
        terminal=ca.Function("terminal", [x, p], [ca.SX(0)]),
    )
