"""Stage models made from others: soft rows, remembered controls with limited moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf

import casadi as ca

from rexdynnet.control.stage import Row, StageModel
from rexdynnet.signals import Signal

HOUR_s = 3600.0


def softened(stage: StageModel) -> StageModel:
    """Give every row with a penalty a slack control, so that only hard rows are left.

    Parameters
    ----------
    stage : StageModel

    Returns
    -------
    StageModel
        The same stage if no row is soft. Else with controls `<row>_below` and
        `<row>_above`, at least 0, in the unit of the row, and the cost term `violation`;
        rows that share a slack have one named after `Row.shared`.

    Notes
    -----
    The penalty is linear in the slack and so exact: once it is above the row's multiplier,
    nothing is violated that need not be (R. Fletcher, Practical Methods of Optimization,
    2nd ed., 1987, section 14.3).
    """
    soft = [(i, row) for i, row in enumerate(stage.rows) if row.penalty is not None]
    if not soft:
        return stage
    x, u, p = _symbols(stage)
    after, y, g, cost = stage.evaluate(x, u, p)
    slacks: list[ca.SX] = []
    signals: list[Signal] = []
    rows = list(stage.rows)
    expressions = [g[i] for i in range(len(rows))]
    added: list[tuple[Row, ca.SX]] = []
    violation = ca.SX(0)
    common: dict[str, ca.SX] = {}
    for i, row in soft:
        whole = expressions[i]
        for side, bound, sign in (("below", row.lower, 1.0), ("above", row.upper, -1.0)):
            if bound in (-inf, inf):
                continue
            name = f"{row.shared or row.name}_{side}"
            slack = common.get(name)
            if slack is None:
                slack = common[name] = ca.SX.sym(side)
                component, _, quantity = name.partition(".")
                slacks.append(slack)
                signals.append(Signal(component, quantity, row.unit, row.nominal, 0.0))
                violation += (row.penalty or 0.0) * stage.step_s / HOUR_s * slack
            limits = (bound, inf) if side == "below" else (-inf, bound)
            added.append(
                (replace(row, lower=limits[0], upper=limits[1], penalty=None), whole + sign * slack)
            )
    hard = [i for i, row in enumerate(rows) if row.penalty is None]
    kept = tuple(rows[i] for i in hard) + tuple(row for row, _ in added)
    limited = ca.vertcat(*(expressions[i] for i in hard), *(expression for _, expression in added))
    controls = ca.vertcat(u, *slacks)
    results = [after, y, limited, ca.vertcat(cost, violation)]
    return replace(
        stage,
        controls=stage.controls + tuple(signals),
        rows=kept,
        cost_terms=(*stage.cost_terms, "violation"),
        evaluate=ca.Function("evaluate", [x, controls, p], results),
    )


@dataclass(frozen=True)
class Move:
    """How fast a control may move, and what moving costs.

    Parameters
    ----------
    most : float
        Largest change from one step to the next, SI; infinite: free.
    weight_EUR : float
        Cost of a change by the control's nominal value, growing with its square.
    """

    most: float = inf
    weight_EUR: float = 0.0


def remembering(stage: StageModel, moves: Mapping[str, Move]) -> StageModel:
    """Remember the last value of controls, to limit and to price their moves.

    Parameters
    ----------
    stage : StageModel
    moves : mapping of control name to Move

    Returns
    -------
    StageModel
        With a state `<control>_before` and a hard row `<control>_move` for each control whose
        moves are limited, and the cost term `moves`.

    Raises
    ------
    InputError
        A control is unknown.
    """
    if not moves:
        return stage
    x, u, p = _symbols(stage)
    after, y, g, cost = stage.evaluate(x, u, p)
    places = [stage.index(stage.controls, name) for name in moves]
    before = ca.SX.sym("before", len(places))
    chosen = [stage.controls[i] for i in places]
    signals = tuple(Signal(s.component, f"{s.quantity}_before", s.unit, s.nominal) for s in chosen)
    rows: list[Row] = []
    changes: list[ca.SX] = []
    price = ca.SX(0)
    for number, (place, signal, move) in enumerate(
        zip(places, chosen, moves.values(), strict=True)
    ):
        change = u[place] - before[number]
        price += move.weight_EUR * (change / signal.nominal) ** 2
        if move.most < inf:
            rows.append(
                Row(signal.component, f"{signal.quantity}_move", signal.unit, -move.most,
                    move.most, signal.nominal)
            )  # fmt: skip
            changes.append(change)
    results = [
        ca.vertcat(after, u[places]),
        y,
        ca.vertcat(g, *changes),
        ca.vertcat(cost, price),
    ]
    states = ca.vertcat(x, before)
    return replace(
        stage,
        states=stage.states + signals,
        rows=stage.rows + tuple(rows),
        cost_terms=(*stage.cost_terms, "moves"),
        evaluate=ca.Function("evaluate", [states, u, p], results),
        terminal=ca.Function("terminal", [states, p], [stage.terminal(x, p)]),
    )


def _symbols(stage: StageModel) -> tuple[ca.SX, ca.SX, ca.SX]:
    x, u, p = (ca.SX.sym(n, k) for n, k in zip("xup", stage.sizes, strict=True))
    return x, u, p
