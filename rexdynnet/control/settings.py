"""How a controller is set up: what a scenario's `[control]` section says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from math import isfinite

from rexdynnet.errors import Finding, InputError


class ControllerKind(Enum):
    """Which law moves the network."""

    BASELINE = "heating curve, differential-pressure set-point, plants by merit order"
    DISPATCH = "plants and tanks by a mixed-integer programme, supply by the coldest substation"
    MPC = "economic trajectory from the schedule and a tracking model-predictive controller"


@dataclass(frozen=True)
class ControlSettings:
    """One controller's settings.

    Parameters
    ----------
    kind : ControllerKind
    step_s : float
        Between decisions.
    horizon_s : float
        How far the preview reaches.
    margin : float
        Capacity on line is at least (1 + margin) times forecast heat and losses.
    weights : mapping of str to float
        Of the controller's objective, by name; none negative.
    options : mapping of str to object
        Anything else that the kind of controller understands.
    start_utc : datetime or None
        Second 0 of the run; without it the network's dated limits do not act.

    Raises
    ------
    InputError
        A negative weight, or a step or horizon that makes no sense.

    Examples
    --------
    >>> ControlSettings(ControllerKind.BASELINE).step_s
    900.0
    """

    kind: ControllerKind = ControllerKind.BASELINE
    step_s: float = 900.0
    horizon_s: float = 24 * 3600.0
    margin: float = 0.1
    weights: Mapping[str, float] = field(default_factory=dict[str, float])
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    start_utc: datetime | None = None

    def __post_init__(self) -> None:
        findings: list[Finding] = []
        if not (isfinite(self.step_s) and self.step_s > 0):
            findings.append(_wrong("step", self.step_s, "give a positive duration such as 15min"))
        if not (isfinite(self.horizon_s) and self.horizon_s >= self.step_s):
            findings.append(_wrong("horizon", self.horizon_s, "give at least one control step"))
        if not (isfinite(self.margin) and self.margin >= 0):
            findings.append(_wrong("margin", self.margin, "give a share from 0 up"))
        for name, weight in self.weights.items():
            if not (isfinite(weight) and weight >= 0):
                findings.append(_wrong(f"weights.{name}", weight, "give a number from 0 up"))
        if findings:
            raise InputError(*findings)


def _wrong(name: str, value: float, remedy: str) -> Finding:
    return Finding(f"{name} is {value:g}", remedy, field=f"control.{name}")
