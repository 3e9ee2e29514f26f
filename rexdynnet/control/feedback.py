"""How the tracking problem is answered: to the end, by one iteration, or over several futures."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.codegen import CodeOptions
from rexdynnet.control.plan import Limits, Plan, SolveStatus
from rexdynnet.control.rti import RealTimeIteration
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.stage import StageModel
from rexdynnet.control.transcription import NlpOptions, ScenarioTree, Transcription

Floats: TypeAlias = NDArray[np.float64]
_CONVERGED = 1e-4
_REAL_TIME = 5e-2
_PROBABILITIES = (0.25, 0.5, 0.25)
_EXPECTED = 1
_UNCERTAIN = ("heat_demand", "mass_flow_demand")


class FeedbackMode(Enum):
    """How far the tracking problem is solved at each control step."""

    CONVERGED = "converged"
    """Until its residual is small."""
    REAL_TIME = "real_time"
    """One quadratic program, checked afterwards; on to the end only where that is not enough."""


class Feedback(Protocol):
    """What answers the tracking problem."""

    @property
    def stage(self) -> StageModel:
        """Its stage model."""
        ...

    def answer(self, start: Plan, state: Floats, parameters: Floats, limits: Limits) -> Plan:
        """Solve from a start; `CERTIFIED` only where the plan's own residual is small."""
        ...


@dataclass(frozen=True)
class SequentialFeedback:
    """Sequential quadratic programming, in either mode.

    Parameters
    ----------
    stage : StageModel
        With hard rows only.
    steps : int
    mode : FeedbackMode
    blocks : tuple of int
        Lengths over which controls are held; empty: free at every step.
    iterations : int
        Budget.
    code : CodeOptions
    """

    stage: StageModel
    steps: int
    mode: FeedbackMode = FeedbackMode.CONVERGED
    blocks: tuple[int, ...] = ()
    iterations: int = 20
    code: CodeOptions = field(default_factory=CodeOptions)

    @cached_property
    def iteration(self) -> RealTimeIteration:
        """Built at the first use and never again."""
        options = RtiOptions(
            tolerance=_CONVERGED,
            iterations=self.iterations,
            blocks=self.blocks,
            repeatable=True,
            code=self.code,
        )
        return RealTimeIteration(self.stage, self.steps, options)

    def answer(self, start: Plan, state: Floats, parameters: Floats, limits: Limits) -> Plan:
        """See `Feedback`."""
        if self.mode is FeedbackMode.CONVERGED or self.iterations == 0:
            return self.iteration.converge(start, state, parameters, limits)
        plan = self.iteration.step(start, state, parameters, limits)
        if plan.status is SolveStatus.STEP_TAKEN:
            residual = self.iteration.prepare(plan, parameters, limits).residual
            if residual <= _REAL_TIME:
                return replace(plan, status=SolveStatus.CERTIFIED, residual=residual)
        begun = plan if plan.usable else start
        return self.iteration.converge(begun, state, parameters, limits)


@dataclass(frozen=True)
class BranchedFeedback:
    """Three futures of the demand that share the present move.

    Parameters
    ----------
    stage : StageModel
        With hard rows only.
    steps : int
    spread : float
        Demands of the outer branches are those expected times one minus and one plus this.
    blocks : tuple of int
    iterations : int
    code : CodeOptions

    Notes
    -----
    Branches with recourse after the first step: P. O. M. Scokaert and D. Q. Mayne, IEEE Trans.
    Automat. Control 43 (1998) 1136; weights 1/4, 1/2, 1/4 give a normal error of that
    standard deviation over the square root of two its first moments.
    """

    stage: StageModel
    steps: int
    spread: float
    blocks: tuple[int, ...] = ()
    iterations: int = 100
    code: CodeOptions = field(default_factory=CodeOptions)

    @cached_property
    def program(self) -> Transcription:
        """Built at the first use and never again."""
        options = NlpOptions(
            blocks=self.blocks,
            tree=ScenarioTree(_PROBABILITIES),
            tolerance=1e-6,
            certified=_CONVERGED,
            iterations=self.iterations,
            code=self.code,
        )
        return Transcription(self.stage, self.steps, options)

    def futures(self, parameters: Floats) -> Floats:
        """Parameters of each branch, shape (3, K, n_p)."""
        columns = [i for i, s in enumerate(self.stage.parameters) if s.quantity in _UNCERTAIN]
        table = np.stack([parameters] * len(_PROBABILITIES))
        for branch, factor in enumerate((1.0 - self.spread, 1.0, 1.0 + self.spread)):
            table[branch][:, columns] *= factor
        return table

    def answer(self, start: Plan, state: Floats, parameters: Floats, limits: Limits) -> Plan:
        """See `Feedback`; the plan is that of the expected branch."""
        states = start.states.copy()
        states[0] = state
        begun = replace(start, states=states)
        found = self.program.solve(begun, state, self.futures(parameters), limits)
        return found.plans[_EXPECTED]
