"""What optimal-control solvers share: limits over a horizon, and a plan with its multipliers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.stage import Row, StageModel
from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Signal

Floats: TypeAlias = NDArray[np.float64]


class SolveStatus(Enum):
    """How a solve ended; the text is a remedy."""

    CERTIFIED = "the answer's own optimality residual is small: nothing to do"
    STEP_TAKEN = "one real-time iteration was made: its residual says how far it is from optimal"
    NOT_CERTIFIED = "the residual is too large: solve from a cold start or allow more iterations"
    INFEASIBLE = "no point meets all limits: soften the rows that bind"
    FAILED = "the solver gave no finite answer: look at the limits, the start and the scaling"


@dataclass(frozen=True)
class Limits:
    """Bounds at every stage, SI.

    Parameters
    ----------
    controls_lower, controls_upper : ndarray, shape (K, n_u)
    states_lower, states_upper : ndarray, shape (K, n_x)
        Of the states after each stage; the first state is given and not bounded.
    rows_lower, rows_upper : ndarray, shape (K, n_g)
    """

    controls_lower: Floats
    controls_upper: Floats
    states_lower: Floats
    states_upper: Floats
    rows_lower: Floats
    rows_upper: Floats

    @classmethod
    def of(cls, stage: StageModel, horizon: int) -> Limits:
        """The stage model's own bounds, the same at each of `horizon` stages."""

        def spread(bounded: tuple[Signal, ...] | tuple[Row, ...], side: str) -> Floats:
            values = np.array([getattr(one, side) for one in bounded], dtype=float)
            return np.tile(values, (horizon, 1))

        kinds = (stage.controls, stage.states, stage.rows)
        return cls(*(spread(kind, side) for kind in kinds for side in ("lower", "upper")))

    def widened(self, stage: StageModel) -> Limits:
        """The same for a stage with more controls after these, each within its own bounds."""
        own = Limits.of(stage, len(self.controls_lower))
        n = self.controls_lower.shape[1]
        lower, upper = own.controls_lower.copy(), own.controls_upper.copy()
        lower[:, :n], upper[:, :n] = self.controls_lower, self.controls_upper
        return replace(own, controls_lower=lower, controls_upper=upper)

    def tightened(
        self,
        stage: StageModel,
        lower: Mapping[str, float | Floats] | None = None,
        upper: Mapping[str, float | Floats] | None = None,
    ) -> Limits:
        """Replace limits by name.

        Parameters
        ----------
        stage : StageModel
            Whose signals and rows the names are of.
        lower, upper : mapping of name to float or ndarray, shape (K,)

        Returns
        -------
        Limits

        Raises
        ------
        InputError
            A name is unknown or the limits cross.
        """
        made = {name: np.array(value) for name, value in vars(self).items()}
        for side, given in (("lower", lower or {}), ("upper", upper or {})):
            for name, value in given.items():
                for kind, signals in (
                    ("controls", stage.controls),
                    ("states", stage.states),
                    ("rows", stage.rows),
                ):
                    places = [i for i, signal in enumerate(signals) if signal.name == name]
                    if places:
                        made[f"{kind}_{side}"][:, places[0]] = value
                        break
                else:
                    raise InputError(
                        Finding(
                            f"{stage.name} has nothing named '{name}' to limit",
                            "name a state, a control or a row of the stage model",
                        )
                    )
        for kind in ("controls", "states", "rows"):
            if np.any(made[f"{kind}_lower"] > made[f"{kind}_upper"]):
                raise InputError(
                    Finding(f"limits of {kind} cross", "give lower limits below upper ones")
                )
        return Limits(**made)


@dataclass(frozen=True)
class Plan:
    """States, controls and multipliers over a horizon of K stages, SI.

    Parameters
    ----------
    states : ndarray, shape (K + 1, n_x)
    controls : ndarray, shape (K, n_u)
    objective : float
        EUR: all stages' costs and the terminal value.
    dynamics_multipliers : ndarray, shape (K, n_x)
        EUR per unit by which the objective grows when stage k's next state is raised.
    row_multipliers : ndarray, shape (K, n_g)
        EUR per unit; positive at an upper limit, negative at a lower one.
    control_multipliers, state_multipliers : ndarray, shapes (K, n_u) and (K, n_x)
        Of the bounds, in the same sense.
    status : SolveStatus
    residual : float
        Largest violation of the optimality conditions, scaled; NaN if not evaluated.
    iterations : int
    """

    states: Floats
    controls: Floats
    objective: float
    dynamics_multipliers: Floats
    row_multipliers: Floats
    control_multipliers: Floats
    state_multipliers: Floats
    status: SolveStatus = SolveStatus.STEP_TAKEN
    residual: float = float("nan")
    iterations: int = 0

    @property
    def horizon(self) -> int:
        """Number of stages."""
        return len(self.controls)

    @property
    def usable(self) -> bool:
        """Whether all states and controls are finite."""
        return bool(np.all(np.isfinite(self.states)) and np.all(np.isfinite(self.controls)))

    def shifted(self) -> Plan:
        """The same plan one step later; its last stage is repeated."""

        def later(values: Floats) -> Floats:
            return np.concatenate([values[1:], values[-1:]])

        names = ("states", "controls", "dynamics_multipliers", "row_multipliers")
        names += ("control_multipliers", "state_multipliers")
        return replace(self, **{name: later(getattr(self, name)) for name in names})


def constant_plan(stage: StageModel, horizon: int, state: Floats, control: Floats) -> Plan:
    """A start for solvers: one state and one control held over the horizon.

    Parameters
    ----------
    stage : StageModel
    horizon : int
    state : ndarray, shape (n_x,)
    control : ndarray, shape (n_u,)

    Returns
    -------
    Plan
        Without multipliers.
    """
    states = np.tile(np.asarray(state, dtype=float), (horizon + 1, 1))
    controls = np.tile(np.asarray(control, dtype=float), (horizon, 1))
    zeros = [np.zeros((horizon, n)) for n in (len(stage.states), len(stage.rows))]
    return Plan(
        states,
        controls,
        float("nan"),
        zeros[0],
        zeros[1],
        np.zeros_like(controls),
        np.zeros_like(zeros[0]),
    )


def simulated_plan(
    stage: StageModel, state: Floats, controls: Floats, parameters: Floats
) -> Floats:
    """States of a stage model under given controls.

    Parameters
    ----------
    stage : StageModel
    state : ndarray, shape (n_x,)
    controls, parameters : ndarray, shapes (K, n_u) and (K, n_p)

    Returns
    -------
    ndarray, shape (K + 1, n_x)
    """
    states = np.empty((len(controls) + 1, len(state)))
    states[0] = state
    for k in range(len(controls)):
        states[k + 1] = np.asarray(
            stage.advance(states[k], controls[k], parameters[k]), dtype=float
        ).ravel()
    return states


def starting_plan(
    stage: StageModel,
    horizon: int,
    state: Floats,
    parameters: Floats,
    limits: Limits,
    start: Plan | None = None,
) -> Plan:
    """What a solver begins with: a given plan from the present state, or a simulation.

    Parameters
    ----------
    stage : StageModel
    horizon : int
    state : ndarray, shape (n_x,)
    parameters : ndarray, shape (K, n_p)
    limits : Limits
    start : Plan, optional

    Returns
    -------
    Plan
    """
    if start is not None and start.usable:
        states = start.states.copy()
        states[0] = state
        return replace(start, states=states)
    default = np.array([signal.default or 0.0 for signal in stage.controls], dtype=float)
    controls = np.clip(default, limits.controls_lower, limits.controls_upper)
    plan = constant_plan(stage, horizon, state, default)
    states = simulated_plan(stage, state, controls, parameters)
    return replace(plan, controls=controls, states=states)
