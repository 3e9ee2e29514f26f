"""The predictive controller's observer: temperatures, tanks, and constant errors of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.augmented import (
    AugmentedModel,
    Disturbance,
    Entry,
    Noise,
    observe_with,
)
from rexdynnet.control.base import Observation
from rexdynnet.control.observer import Estimate, KalmanFilter, arrange
from rexdynnet.control.offset_free import output_disturbances
from rexdynnet.control.stage import StageModel
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import PlantControl
from rexdynnet.simulation.sensors import Sensor

Floats: TypeAlias = NDArray[np.float64]

_MEASURED = ("supply_temperature", "return_temperature")
_SENSOR_K = 0.2
_MODEL_K = 0.7
_DRIFT_SHARE = 0.02
_GATE = 6.0
_OFFSET_DRIFT = 0.01
_OFFSET_START = 0.02
_MOST_OFFSET_K = 8.0
_LOSS = "network.loss_factor"
_LOSS_DRIFT, _LOSS_START = 0.05, 0.2
_LEAST_LOSS, _MOST_LOSS = 0.8, 3.0


@dataclass(frozen=True)
class Estimator:
    """A Kalman filter on the control model of a network.

    Parameters
    ----------
    network : Network
        Of the model.
    stage : StageModel
    offset_free : bool
        Give each measured temperature an integral disturbance, so that the model agrees with
        the plant in steady state (G. Pannocchia and J. B. Rawlings, AIChE Journal 49 (2003)
        426).
    """

    network: Network
    stage: StageModel
    offset_free: bool = True

    @cached_property
    def filter(self) -> KalmanFilter:
        """By temperatures that arrive at substations and return to plants."""
        names = [s.name for s in self.stage.output_signals if s.quantity in _MEASURED]
        model: AugmentedModel = observe_with(
            self.stage,
            [
                Sensor(s.name, f"any_{s.quantity}", s.component, _SENSOR_K)
                for s in self.stage.output_signals
                if s.quantity in _MEASURED
            ],
            noise=Noise(outputs=dict.fromkeys(names, _MODEL_K), other_states=_DRIFT_SHARE),
            disturbances=self._disturbances(names) if self.offset_free else (),
        )
        return KalmanFilter(model, gate=_GATE)

    def _disturbances(self, measured: Sequence[str]) -> tuple[Disturbance, ...]:
        """A bias of each temperature; of the balancing plant's return line, its loss instead.

        A constant bias of the return temperature would call for little flow, a factor on the
        loss does not: only the latter leaves the economic optimum where it is.
        """
        balancing = [p.name for p in self.network.plants if p.control is PlantControl.PRESSURE]
        lost = f"{balancing[0]}.return_temperature" if balancing else ""
        biased = [name for name in measured if name != lost]
        found = output_disturbances(self.stage, biased, drift=_OFFSET_DRIFT, start=_OFFSET_START)
        if lost not in measured:
            return found
        return (*found, Disturbance(Entry.PARAMETER, _LOSS, _LOSS_DRIFT, _LOSS_START))

    def init(self, states: Floats, time_s: float) -> Estimate:
        """Start from a guess of the model's states, good to 3 K."""
        return self.filter.init(states, 3.0, time_s=time_s)

    def step(
        self, estimate: Estimate, acted: Floats, parameters: Floats, observation: Observation
    ) -> Estimate:
        """Take in an observation made at the end of a step, and move there.

        Parameters
        ----------
        estimate : Estimate
        acted, parameters : ndarray, shapes (n_u,) and (n_p,)
            Of the step that ends; parameters without corrections.
        observation : Observation

        Returns
        -------
        Estimate
            With the tanks' states as measured.
        """
        measured = arrange(self.filter.model, observation)
        after = self.filter.step(estimate, acted, parameters, measured)
        mean = after.mean.copy()
        for name, value in self.tanks(observation).items():
            mean[self.stage.index(self.stage.states, name)] = value
        free = self.filter.model.disturbance_slice
        limits = [
            (-_LEAST_LOSS, _MOST_LOSS) if d.name == _LOSS else (-_MOST_OFFSET_K, _MOST_OFFSET_K)
            for d in self.filter.model.disturbances
        ]
        if limits:
            mean[free] = np.clip(mean[free], *np.array(limits).T)
        return replace(after, mean=mean, time_s=observation.time_s)

    def states(self, estimate: Estimate) -> Floats:
        """The model's states, shape (n_x,)."""
        return estimate.mean[: len(self.stage.states)]

    def corrections(self, estimate: Estimate) -> dict[str, float]:
        """Values of the model's parameters that make up for its estimated errors."""
        model, usual = self.filter.model, self.usual
        found = zip(model.disturbances, estimate.mean[model.disturbance_slice], strict=True)
        return {d.name: usual[d.name] + float(value) for d, value in found if d.name in usual}

    @cached_property
    def usual(self) -> dict[str, float]:
        """Values of the parameters that `corrections` changes, without errors."""
        default = {signal.name: signal.default or 0.0 for signal in self.stage.parameters}
        names = [d.name for d in self.filter.model.disturbances]
        return {name: default[name] for name in names if name in default}

    def tanks(self, observation: Observation) -> dict[str, float]:
        """Measured temperatures of the model's tank layers, by state."""
        found: dict[str, float] = {}
        for tank in self.network.tanks:
            layers = sum(s.component == tank.name and s.unit == "K" for s in self.stage.states)
            measured = np.array(
                [observation.get(f"{tank.name}.temperature_{i}") for i in range(tank.layers)]
            )
            for i, part in enumerate(np.array_split(measured, layers)):
                if np.isfinite(part).all():
                    found[f"{tank.name}.temperature_{i}"] = float(part.mean())
        return found
