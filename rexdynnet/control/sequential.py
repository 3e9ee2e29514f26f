"""Sequential quadratic programming over a long horizon: a fast solver for trajectories."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.plan import Limits, Plan, simulated_plan, starting_plan
from rexdynnet.control.rti import RealTimeIteration
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.stage import StageModel

Floats: TypeAlias = NDArray[np.float64]


class SequentialProgram:
    """A staged problem solved by damped full steps; built once, solved for any p.

    Parameters
    ----------
    stage : StageModel
        With hard rows only; see `stage_forms.softened`.
    horizon : int
        Number of stages K.
    options : RtiOptions, optional

    Notes
    -----
    On the networks here a handful of quadratic programs reach what an interior point method
    needs a hundred factorisations for; its last digits converge only linearly, so that
    prices of the finest accuracy are better taken from `ShootingProgram`.
    """

    def __init__(self, stage: StageModel, horizon: int, options: RtiOptions | None = None) -> None:
        self.stage, self.horizon = stage, horizon
        self._iteration = RealTimeIteration(stage, horizon, options)

    @property
    def options(self) -> RtiOptions:
        """As given."""
        return self._iteration.options

    def solve(
        self,
        state: Floats,
        parameters: Floats,
        limits: Limits | None = None,
        start: Plan | None = None,
    ) -> Plan:
        """Solve until certified or out of budget.

        Parameters
        ----------
        state : ndarray, shape (n_x,)
        parameters : ndarray, shape (K, n_p)
        limits : Limits, optional
            Else the stage model's own bounds.
        start : Plan, optional
            Else the model is simulated under its default controls.

        Returns
        -------
        Plan
            `CERTIFIED` only where the scaled residual of the point is small.
        """
        limits = limits or Limits.of(self.stage, self.horizon)
        begun = starting_plan(self.stage, self.horizon, state, parameters, limits, start)
        return self._iteration.converge(begun, state, parameters, limits)

    def simulate(self, state: Floats, controls: Floats, parameters: Floats) -> Floats:
        """States under given controls, shape (K + 1, n_x)."""
        return simulated_plan(self.stage, state, controls, parameters)
