"""A control model that follows a reference: what the feedback solves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.stage import StageModel
from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Signal

Floats = NDArray[np.float64]
REFERENCE = "reference"
KEPT = ("violation", "unserved")
MOVED = ("supply_temperature", "differential_pressure", "heat", "mass_flow")
"""Quantities of the controls that have a reference."""

_SLACK_EUR = 1e-3
_DUMP = 100.0


@dataclass(frozen=True)
class TrackingWeights:
    """What deviations from the reference cost.

    Parameters
    ----------
    controls, outputs : mapping of name to float
        EUR per step for a deviation by the nominal value, growing with its square.
    economic : float
        Factor on the stage's own costs; violations and unserved heat always count in full.
    """

    controls: Mapping[str, float]
    outputs: Mapping[str, float]
    economic: float = 0.0

    def __post_init__(self) -> None:
        weights = [*self.controls.values(), *self.outputs.values(), self.economic]
        if not all(np.isfinite(weight) and weight >= 0 for weight in weights):
            raise InputError(
                Finding("a tracking weight is negative or not finite", "give weights from 0 up")
            )


def tracking_weights(
    stage: StageModel, given: Mapping[str, float], dumps: Collection[str] = ()
) -> TrackingWeights:
    """Weights by quantity, spread over the controls of a stage.

    Parameters
    ----------
    stage : StageModel
    given : mapping of str to float
        By quantity (1 where none is given), and `economic`.
    dumps : collection of str
        Components that nobody wants to use: a hundred times the weight.

    Returns
    -------
    TrackingWeights
    """
    weights: dict[str, float] = {}
    for signal in stage.controls:
        if signal.quantity in MOVED:
            price = given.get(signal.quantity, 1.0)
            weights[signal.name] = price * (_DUMP if signal.component in dumps else 1.0)
    slacks = {s.name: _SLACK_EUR for s in stage.controls if s.quantity not in (*MOVED, "curtailed")}
    return TrackingWeights(weights | slacks, {}, given.get("economic", 0.0))


def tracking_stage(stage: StageModel, weights: TrackingWeights) -> StageModel:
    """Replace the cost of a stage by deviations from a reference.

    Parameters
    ----------
    stage : StageModel
        Softened; its cost terms `violation` and `unserved` are kept.
    weights : TrackingWeights

    Returns
    -------
    StageModel
        With parameters `<name>_reference` after those of the stage, for each tracked control
        and then each tracked output; cost terms `tracking`, `economic` and `kept`.

    Raises
    ------
    InputError
        A name is unknown.
    """
    controls = [stage.index(stage.controls, name) for name in weights.controls]
    outputs = [stage.index(stage.output_signals, name) for name in weights.outputs]
    signals = [stage.controls[i] for i in controls] + [stage.output_signals[i] for i in outputs]
    x, u, p = (ca.SX.sym(n, k) for n, k in zip("xup", stage.sizes, strict=True))
    reference = ca.SX.sym("reference", len(signals))
    after, y, g, cost = stage.evaluate(x, u, p)
    values = [u[i] for i in controls] + [y[i] for i in outputs]
    prices = [*weights.controls.values(), *weights.outputs.values()]
    tracking = ca.SX(0)
    for number, (signal, value, price) in enumerate(zip(signals, values, prices, strict=True)):
        tracking += price * ((value - reference[number]) / signal.nominal) ** 2
    kept = [i for i, name in enumerate(stage.cost_terms) if name in KEPT]
    others = [i for i in range(len(stage.cost_terms)) if i not in kept]
    economic = weights.economic * ca.sum1(cost[others])
    violation = ca.sum1(cost[kept]) if kept else ca.SX(0)
    known = ca.vertcat(p, reference)
    added = tuple(
        Signal(signal.component, f"{signal.quantity}_{REFERENCE}", signal.unit, signal.nominal)
        for signal in signals
    )
    terms = ca.vertcat(tracking, economic, violation)
    return replace(
        stage,
        name=f"{stage.name} tracking",
        parameters=stage.parameters + added,
        cost_terms=("tracking", "economic", "kept"),
        evaluate=ca.Function("evaluate", [x, u, known], [after, y, g, terms]),
        terminal=ca.Function("terminal", [x, known], [weights.economic * stage.terminal(x, p)]),
    )


def references(
    stage: StageModel, weights: TrackingWeights, controls: Floats, outputs: Floats
) -> Floats:
    """Values of the added parameters.

    Parameters
    ----------
    stage : StageModel
        The one that `tracking_stage` was given.
    weights : TrackingWeights
    controls, outputs : ndarray, shapes (K, n_u) and (K, n_y)

    Returns
    -------
    ndarray, shape (K, number of tracked signals)
    """
    chosen = [stage.index(stage.controls, name) for name in weights.controls]
    seen = [stage.index(stage.output_signals, name) for name in weights.outputs]
    return np.hstack([controls[:, chosen], outputs[:, seen]])
