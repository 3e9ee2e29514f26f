"""The failure ladder: whatever goes wrong, the plant gets a finite, bounded input.

A controller is tried on each rung that it knows (warm, cold, softened); where all fail,
its last certified plan goes on, then the baseline acts, and at last what acted before is
held within its bounds. The decision says which rung it came from, and why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from rexdynnet.control.base import (
    AbstractController,
    Decision,
    Floats,
    Observation,
    Outcome,
    Preview,
    Rung,
)
from rexdynnet.control.bounds import ControlBounds

ACCEPTED = frozenset({Outcome.OK, Outcome.OVERLOADED})
# Solvers meet bounds to their tolerance; more than this share of the nominal is a failure.
_BOUND_SLACK = 1e-4
_SHOWN = 3


@runtime_checkable
class Climber(Protocol):
    """A controller that can try again in another way."""

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """What it can try, in this order."""
        ...

    def attempt(
        self,
        rung: Rung,
        observation: Observation,
        preview: Preview,
        applied: Floats,
        state: object,
    ) -> Decision:
        """One try; an outcome other than OK sends the ladder to the next rung."""
        ...


@dataclass(frozen=True)
class Plan:
    """Inputs over time that were certified once.

    Parameters
    ----------
    time_s : ndarray, shape (n + 1,)
        Edges.
    controls : ndarray, shape (n, n_u)
    """

    time_s: Floats
    controls: Floats

    def at(self, time_s: float) -> Floats | None:
        """Input planned for an instant; None beyond the plan."""
        row = int(np.searchsorted(self.time_s, time_s + 1e-6, side="right")) - 1
        return self.controls[row] if 0 <= row < len(self.controls) else None


@dataclass(frozen=True)
class LadderState:
    """States of the controller and of the baseline, and the last certified plan."""

    inner: object
    baseline: object
    plan: Plan | None = None


@dataclass(frozen=True)
class Ladder:
    """A controller that always gives a finite, bounded input.

    Parameters
    ----------
    inner : AbstractController
        Tried first; a `Climber` on each of its rungs.
    baseline : AbstractController
        Acts when there is neither a solution nor a plan.
    bounds : ControlBounds
        Of the plant's controls.
    """

    inner: AbstractController
    baseline: AbstractController
    bounds: ControlBounds

    def init(self, observation: Observation, preview: Preview) -> LadderState:
        """Start both controllers; one that fails to start begins with no state."""
        return LadderState(
            _started(self.inner, observation, preview),
            _started(self.baseline, observation, preview),
        )

    def step(
        self, observation: Observation, preview: Preview, applied: Floats, state: object
    ) -> Decision:
        """Climb down until an input is finite and bounded.

        Parameters
        ----------
        observation : Observation
        preview : Preview
        applied : ndarray, shape (n_u,)
        state : object
            A `LadderState`; anything else starts anew.

        Returns
        -------
        Decision
            `outcome` is that of the first failure, or OK.
        """
        if not isinstance(state, LadderState):
            state = self.init(observation, preview)
        time_s = observation.time_s
        causes = _missing(observation)
        # The baseline follows in the background, so that it is warm when it is needed.
        law, law_failure = self._tried(
            Rung.BASELINE,
            time_s,
            lambda: self.baseline.step(observation, preview, applied, state.baseline),
        )
        followed = law.state if law is not None else state.baseline
        worst = Outcome.OK
        for rung, attempt in self._attempts(observation, preview, applied, state):
            found, failure = self._tried(rung, time_s, attempt)
            if found is not None:
                plan = _plan_of(found, len(self.bounds.signals)) or state.plan
                return self._told(found, LadderState(found.state, followed, plan), causes, worst)
            causes.append(failure.text)
            worst = failure.outcome if worst is Outcome.OK else worst
        planned = None if state.plan is None else state.plan.at(time_s)
        kept = LadderState(state.inner, followed, state.plan)
        if planned is not None:
            values = self.bounds.clipped(planned, time_s)
            return Decision(values, kept, worst, Rung.SHIFTED, "; ".join(causes))
        if law is not None:
            told = replace(law, rung=Rung.BASELINE)
            return self._told(told, kept, causes, worst)
        causes.append(law_failure.text)
        held = self.bounds.clipped(np.asarray(applied, dtype=np.float64), time_s)
        return Decision(held, kept, worst, Rung.SAFETY, "; ".join(causes))

    def _attempts(
        self, observation: Observation, preview: Preview, applied: Floats, state: LadderState
    ) -> list[tuple[Rung, Callable[[], Decision]]]:
        inner = self.inner
        if not isinstance(inner, Climber):
            return [(Rung.WARM, lambda: inner.step(observation, preview, applied, state.inner))]

        def trial(rung: Rung) -> Callable[[], Decision]:
            return lambda: inner.attempt(rung, observation, preview, applied, state.inner)

        return [(rung, trial(rung)) for rung in inner.rungs]

    def _tried(
        self, rung: Rung, time_s: float, attempt: Callable[[], Decision]
    ) -> tuple[Decision | None, _Failure]:
        try:
            decision = attempt()
            values = np.asarray(decision.controls, dtype=np.float64)
        except Exception as error:
            text = f"{rung.name.lower()}: {type(error).__name__}: {error}"
            return None, _Failure(Outcome.MODEL_FAILURE, text)
        if decision.outcome not in ACCEPTED:
            text = f"{rung.name.lower()}: {decision.cause or decision.outcome.name.lower()}"
            return None, _Failure(decision.outcome, text)
        if values.shape != (len(self.bounds.signals),):
            text = f"{rung.name.lower()}: {values.shape} values for the controls"
            return None, _Failure(Outcome.MODEL_FAILURE, text)
        problem = self._outside(values, time_s)
        if problem:
            return None, _Failure(Outcome.NOT_CERTIFIED, f"{rung.name.lower()}: {problem}")
        return replace(decision, controls=self.bounds.clipped(values, time_s)), _NONE

    def _outside(self, values: Floats, time_s: float) -> str:
        lower, upper = self.bounds.at(time_s)
        for index, signal in enumerate(self.bounds.signals):
            value, slack = values[index], _BOUND_SLACK * signal.nominal
            if not np.isfinite(value):
                return f"{signal.name} is {value}"
            if not lower[index] - slack <= value <= upper[index] + slack:
                return f"{signal.name} is {value:g}, outside {lower[index]:g} to {upper[index]:g}"
        return ""

    def _told(
        self, decision: Decision, state: LadderState, causes: list[str], worst: Outcome
    ) -> Decision:
        outcome = decision.outcome if worst is Outcome.OK else worst
        if outcome is Outcome.OK and any(cause.startswith(_BLIND) for cause in causes):
            outcome = Outcome.BAD_MEASUREMENT
        said = [decision.cause] if decision.cause else []
        return replace(decision, state=state, outcome=outcome, cause="; ".join(causes + said))


@dataclass(frozen=True)
class _Failure:
    outcome: Outcome
    text: str


_NONE = _Failure(Outcome.OK, "")
_BLIND = "most sensors are silent"


def _started(controller: AbstractController, observation: Observation, preview: Preview) -> object:
    try:
        return controller.init(observation, preview)
    except Exception:
        return None


def _missing(observation: Observation) -> list[str]:
    silent = [
        name
        for name, value in zip(observation.names, observation.values, strict=True)
        if not np.isfinite(value)
    ]
    if not silent:
        return []
    shown = ", ".join(silent[:_SHOWN]) + (", ..." if len(silent) > _SHOWN else "")
    most = 2 * len(silent) > len(observation.names)
    head = _BLIND if most else "no value of"
    return [f"{head} {shown} ({len(silent)} of {len(observation.names)})"]


def _plan_of(decision: Decision, size: int) -> Plan | None:
    times, controls = decision.info.get("plan_time_s"), decision.info.get("plan_controls")
    if times is None or controls is None or decision.outcome not in ACCEPTED:
        return None
    fits = controls.shape == (len(times) - 1, size)
    sound = fits and bool(np.all(np.isfinite(controls)) and np.all(np.isfinite(times)))
    return Plan(times, controls) if sound else None
