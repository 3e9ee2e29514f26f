"""What every controller is: a decision from an observation and a preview, with explicit state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.timeline import Schedule

Floats: TypeAlias = NDArray[np.float64]


class Rung(Enum):
    """Which step of the failure ladder an input came from; the text says what happened."""

    WARM = "solved from the last solution"
    COLD = "the warm start failed, solved anew from the baseline; nothing to do if it is rare"
    SOFTENED = "the limits could not all be met, solved with them softened; see the violations"
    SHIFTED = "no solution, the last certified plan goes on; look at the cause"
    BASELINE = "no plan left, the heating curve acts; look at the cause"
    SAFETY = "no usable measurement or law, a bounded safe input holds; a supervisor must look"

    @property
    def number(self) -> int:
        """0 (warm) to 5 (safety), as results store it."""
        return list(Rung).index(self)


class Outcome(Enum):
    """How a decision came about; the text is a remedy."""

    OK = "nothing to do"
    ITERATION_LIMIT = "raise the iteration budget, scale the problem or lengthen its step"
    INFEASIBLE = "relax the bounds that the cause names, or soften them by a penalty"
    NOT_CERTIFIED = "the answer's own residuals are too large: tighten the solver's tolerances"
    BAD_MEASUREMENT = "repair the sensors that the cause names; the last good values were used"
    MODEL_FAILURE = "the control model or its solver failed: check its network and its inputs"
    BAD_PREVIEW = "the forecast is missing, NaN or too short: give one that covers the horizon"
    OVERLOADED = "demand exceeds what plants and stores can give: ration or start another plant"

    @property
    def number(self) -> int:
        """0 for OK; its place in the list, as results store it."""
        return list(Outcome).index(self)


@dataclass(frozen=True)
class Observation:
    """What the declared sensors say at one instant.

    Parameters
    ----------
    time_s : float
        Seconds since the start of the run.
    names : tuple of str
        `component.quantity` of each value, for example `boiler.supply_temperature`.
    values : ndarray, shape (n,)
        SI; NaN where a sample is missing.
    """

    time_s: float
    names: tuple[str, ...]
    values: Floats

    def __post_init__(self) -> None:
        if np.shape(self.values) != (len(self.names),):
            raise InputError(
                Finding(
                    f"{len(self.names)} names for values of shape {np.shape(self.values)}",
                    "give one value for each name, NaN where it is missing",
                )
            )

    def get(self, name: str, otherwise: float = float("nan")) -> float:
        """One value; `otherwise` where it is missing or not measured at all.

        Examples
        --------
        >>> seen = Observation(0.0, ("boiler.heat",), np.array([np.nan]))
        >>> seen.get("boiler.heat", 5.0), seen.get("tank.heat", 1.0)
        (5.0, 1.0)
        """
        if name not in self.names:
            return otherwise
        value = float(self.values[self.names.index(name)])
        return value if np.isfinite(value) else otherwise


@dataclass(frozen=True)
class Preview:
    """What is expected to act from now on.

    Parameters
    ----------
    time_s : ndarray, shape (n + 1,)
        Edges of the intervals; the first is now.
    disturbances : ndarray, shape (n, n_d)
        Means over each interval in the order of `plant.disturbances`; forecasts where the
        truth is not known, availabilities as planned.
    electricity_EUR_per_MWh : ndarray, shape (n,)
    fuel_EUR_per_MWh : mapping of plant name to ndarray, shape (n,)
        Price of what each plant burns or draws.
    schedule : Schedule or None
        Energies committed per participant and time unit.
    """

    time_s: Floats
    disturbances: Floats
    electricity_EUR_per_MWh: Floats
    fuel_EUR_per_MWh: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        count = len(self.time_s) - 1
        shaped = self.disturbances.ndim == 2 and len(self.disturbances) == count
        prices = (self.electricity_EUR_per_MWh, *self.fuel_EUR_per_MWh.values())
        if count < 1 or not shaped or any(np.shape(price) != (count,) for price in prices):
            raise InputError(
                Finding(
                    f"{len(self.time_s)} edges for disturbances of shape {self.disturbances.shape} "
                    f"and prices of shapes {[np.shape(price) for price in prices]}",
                    "give n + 1 edges and n rows of disturbances and prices",
                )
            )

    @property
    def steps_s(self) -> Floats:
        """Length of each interval, shape (n,)."""
        return np.diff(self.time_s)


@dataclass(frozen=True)
class Decision:
    """What a controller wants to apply until its next step.

    Parameters
    ----------
    controls : ndarray, shape (n_u,)
        In the order of `plant.controls`; always finite and within bounds.
    state : object
        What the next `step` gets back.
    outcome : Outcome
    rung : Rung
    cause : str
        Why not the first rung or a worse outcome; empty when all is well.
    iterations : int
        Spent by solvers; 0 for a law.
    info : mapping of str to ndarray
        Anything worth keeping per step, of any shape: reference, slack, multipliers, solve time.
    """

    controls: Floats
    state: object
    outcome: Outcome = Outcome.OK
    rung: Rung = Rung.WARM
    cause: str = ""
    iterations: int = 0
    info: Mapping[str, Floats] = field(default_factory=lambda: MappingProxyType({}))


@runtime_checkable
class AbstractController(Protocol):
    """A law that moves a network's controls.

    A controller is itself immutable: all that it remembers is in the state that `init`
    makes and `step` hands on. It never raises in the loop; what goes wrong is told by
    the decision's outcome, rung and cause. `rexdynnet.testing.check_controller` checks
    all this.
    """

    def init(self, observation: Observation, preview: Preview) -> object:
        """Make the first state.

        Parameters
        ----------
        observation : Observation
        preview : Preview

        Returns
        -------
        object
            The state for the first `step`.
        """
        ...

    def step(
        self, observation: Observation, preview: Preview, applied: Floats, state: object
    ) -> Decision:
        """Decide what to apply from now until the next step.

        Parameters
        ----------
        observation : Observation
        preview : Preview
        applied : ndarray, shape (n_u,)
            The input that really acted since the last step; it differs from the last
            decision where someone overrode it, so that no integrator winds up.
        state : object
            Of `init` or of the last decision.

        Returns
        -------
        Decision
        """
        ...
