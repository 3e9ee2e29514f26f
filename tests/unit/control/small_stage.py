"""A plant, one long pipe and its return: a control model small enough to think about."""

from __future__ import annotations

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.plan import Plan, constant_plan
from rexdynnet.control.stage import Row, StageModel
from rexdynnet.signals import Signal

CP = 4.2  # kJ/(kg K), so that heats are in kW
START = np.array([350.0, 349.0, 348.0, 315.0])


def small_stage(penalty: float | None = None) -> StageModel:
    """Three supply cells, one return cell that only the cost sees, a least temperature."""
    x, u, p = ca.SX.sym("x", 4), ca.SX.sym("u", 2), ca.SX.sym("p", 2)
    supply, flow = u[0], u[1]
    share, cells, inlet = flow / (flow + 2.0), [], supply
    for i in range(3):
        inlet = x[i] + share * (inlet - x[i]) - 0.001 * (x[i] - 280.0)
        cells.append(inlet)
    back = x[3] + share * (0.4 * x[2] + 0.6 * 303.0 - x[3])
    heat = flow * CP * 0.6 * (x[2] - 303.0)
    missed = ((heat - p[0]) / 10.0) ** 2
    bought = p[1] * flow * CP * (supply - x[3]) / 100.0
    pump = 0.02 * flow**3
    least = Row("substation", "supply_temperature", "K", 345.0, np.inf, 10.0, penalty)
    return StageModel(
        "small",
        (
            *(Signal("pipe", f"cell_{i}", "K", 80.0) for i in range(3)),
            Signal("return", "cell", "K", 80.0),
        ),
        (
            Signal("plant", "supply_temperature", "K", 80.0, 338.0, 370.0),
            Signal("substation", "mass_flow", "kg/s", 2.0, 0.1, 4.0),
        ),
        (Signal("substation", "heat", "kW", 100.0), Signal("price", "heat", "1", 1.0, default=0.1)),
        (Signal("substation", "delivered", "kW", 100.0),),
        (least,),
        ("missed", "heat", "pump"),
        900.0,
        ca.Function(
            "evaluate",
            [x, u, p],
            [ca.vertcat(*cells, back), heat, x[2], ca.vertcat(missed, bought, pump)],
        ),
        ca.Function("terminal", [x, p], [-0.01 * p[1] * (x[3] + ca.sum1(x[:3]) - 1350.0)]),
    )


def demands(horizon: int, factor: float = 1.0) -> NDArray[np.float64]:
    """Parameters over a horizon: heats that wave, prices that step."""
    k = np.arange(horizon)
    heat = factor * (200.0 + 60.0 * np.sin(k / 2.0))
    return np.stack([heat, np.where(k % 6 < 3, 0.1, 0.2)], axis=1)


def first_guess(stage: StageModel, horizon: int) -> Plan:
    """Hold the start with sensible controls; further states and controls at zero."""
    n_x, n_u, _ = stage.sizes
    state, control = np.zeros(n_x), np.zeros(n_u)
    state[:4], control[:2] = START, (350.0, 1.5)
    if n_x > 4:
        state[4:] = control[: n_x - 4]
    return constant_plan(stage, horizon, state, control)
