"""Extended Kalman filter on a stage model, with integral disturbances and missing sensors.

A step corrects with what was measured at its end, then advances: the measurement of a
stage is a function of the state at the stage's start (`StageModel.outputs`), so that
the order is exact for a linear model.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.augmented import AugmentedModel, Step
from rexdynnet.control.base import Observation, Outcome
from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One reading of one sensor between two steps of an observer.

    Parameters
    ----------
    time_s : float
    name : str
        `component.quantity` of the output.
    value : float
        SI; NaN counts as missing.
    """

    time_s: float
    name: str
    value: float


@dataclass(frozen=True)
class Innovation:
    """What a measurement says beyond the prediction.

    Parameters
    ----------
    used : ndarray of int, shape (k,)
        Which of the model's measurements came in.
    value : ndarray, shape (k,)
        Measured less predicted, SI.
    covariance : ndarray, shape (k, k)
        As predicted.
    gain : ndarray, shape (n, k)
        What the innovation adds to the state at the end of the step.
    linear : Step
        The model around the estimate before.
    rejected : tuple of str
        Measurements too unlikely to be used.
    """

    used: NDArray[np.int64]
    value: Floats
    covariance: Floats
    gain: Floats
    linear: Step
    rejected: tuple[str, ...] = ()

    @property
    def normalised_square(self) -> float:
        """e'S⁻¹e: chi-square distributed with k degrees of freedom."""
        return float(self.value @ np.linalg.solve(self.covariance, self.value))


@dataclass(frozen=True)
class Estimate:
    """An observer's state: what it believes now. Frozen; `step` makes the next one.

    Parameters
    ----------
    time_s : float
    mean : ndarray, shape (n,)
        Augmented state: model states, disturbances, lagged values.
    covariance : ndarray, shape (n, n)
    output : ndarray, shape (m,)
        Best value of the measured outputs at `time_s`; NaN before the first step.
    innovation : Innovation or None
        Of the last step; None before the first.
    outcome : Outcome
        OK; BAD_MEASUREMENT where none came in or some were rejected; MODEL_FAILURE where
        the model gave no finite number and the last mean was kept.
    cause : str
    """

    time_s: float
    mean: Floats
    covariance: Floats
    output: Floats
    innovation: Innovation | None = None
    outcome: Outcome = Outcome.OK
    cause: str = ""
    memory: object = None


class Observer(Protocol):
    """What estimates the state of a stage model from measurements."""

    @property
    def model(self) -> AugmentedModel:
        """What it stands on."""
        ...

    def init(self, states: Floats, deviation: Floats | float, *, time_s: float = 0.0) -> Estimate:
        """Start from a guess of the model's states and its standard deviations."""
        ...

    def step(
        self,
        estimate: Estimate,
        controls: Floats,
        parameters: Floats,
        measured: Floats,
        *,
        noise_scale: Floats | None = None,
        input_scale: Floats | None = None,
    ) -> Estimate:
        """Take in the measurements at the end of a step, and move to that end."""
        ...


@dataclass(frozen=True)
class KalmanFilter:
    """Extended Kalman filter; the plain one where the stage model is linear.

    Parameters
    ----------
    model : AugmentedModel
    gate : float
        Measurements more than this many standard deviations off their prediction are
        left out (an outlier, a broken sensor).

    Notes
    -----
    Updates have Joseph's form (Bucy and Joseph, Filtering for Stochastic Processes, 1968), so
    that the covariance stays symmetric and positive. Noisy inputs act on state and
    measurement at once; both covariances and their correlation are kept.
    """

    model: AugmentedModel
    gate: float = inf

    def init(self, states: Floats, deviation: Floats | float, *, time_s: float = 0.0) -> Estimate:
        """Start from a guess.

        Parameters
        ----------
        states : ndarray, shape (n_x,)
            Of the stage model, SI.
        deviation : ndarray, shape (n_x,), or float
            Standard deviations of the guess.
        time_s : float

        Returns
        -------
        Estimate
        """
        values = np.array(states, dtype=float)
        if values.shape != (len(self.model.model.states),) or not np.isfinite(values).all():
            raise InputError(
                Finding(
                    f"states of shape {values.shape}, or not all finite",
                    f"give {len(self.model.model.states)} finite numbers",
                )
            )
        mean, covariance = self.model.start(values, deviation)
        return Estimate(time_s, mean, covariance, np.full(len(self.model.measured), np.nan))

    def step(
        self,
        estimate: Estimate,
        controls: Floats,
        parameters: Floats,
        measured: Floats,
        *,
        noise_scale: Floats | None = None,
        input_scale: Floats | None = None,
    ) -> Estimate:
        """Take in the measurements at the end of a step, and move to that end.

        Parameters
        ----------
        estimate : Estimate
        controls, parameters : ndarray, shape (n_u,) and (n_p,)
            What acted during the step.
        measured : ndarray, shape (m,)
            In the order of `model.measured`; NaN where a sensor gave nothing.
        noise_scale : ndarray, shape (m,), or None
            Factors on the standard deviations of these measurements.
        input_scale : ndarray, shape (k,), or None
            Factors on those of the model's noisy inputs: a stale reading is worth less.

        Returns
        -------
        Estimate
            Never raises for what is measured; see its outcome.
        """
        model = self.model
        until_s = estimate.time_s + model.model.step_s
        at = model.linearise(estimate.mean, controls, parameters)
        used = np.flatnonzero(np.isfinite(measured))
        finite = np.isfinite(at.state).all() and np.isfinite(at.output[used]).all()
        if not (finite and np.isfinite(at.state_by_state).all()):
            return self._kept(estimate, until_s)
        deviation = np.array(model.deviation)
        if noise_scale is not None:
            deviation = deviation * noise_scale
        # augment by the noisy inputs: they move state and measurement together
        n, k = len(estimate.mean), len(model.noisy_inputs)
        covariance = np.zeros((n + k, n + k))
        covariance[:n, :n] = estimate.covariance
        trust = np.ones(k) if input_scale is None else input_scale
        covariance[n:, n:] = model.input_covariance * np.square(trust)
        by_all = np.hstack([at.output_by_state, at.output_by_input])
        onward = np.hstack([at.state_by_state, at.state_by_input])
        e = np.where(np.isfinite(measured), measured, 0.0) - at.output
        rejected: tuple[str, ...] = ()
        if self.gate < inf and used.size:
            spread = np.sqrt(
                np.einsum("ij,jk,ik->i", by_all[used], covariance, by_all[used])
                + deviation[used] ** 2
            )
            kept = np.abs(e[used]) <= self.gate * spread
            rejected = tuple(model.measured[i] for i in used[~kept])
            used = used[kept]
        update = joseph_update(covariance, by_all[used], np.square(deviation[used]))
        shift = update.gain @ e[used]
        spread_on = onward @ update.left @ onward.T + model.process_covariance
        innovation = Innovation(used, e[used], update.expected, onward @ update.gain, at, rejected)
        mean, _ = model.evaluate(
            estimate.mean + shift[:n], *model.shifted(controls, parameters, shift[n:])
        )
        if not np.isfinite(mean).all():
            return self._kept(estimate, until_s)
        return self._judged(
            replace(
                estimate,
                time_s=until_s,
                mean=mean,
                covariance=0.5 * (spread_on + spread_on.T),
                output=at.output + by_all @ shift,
                innovation=innovation,
                outcome=Outcome.OK,
                cause="",
            ),
            measured,
        )

    def _kept(self, estimate: Estimate, until_s: float) -> Estimate:
        return replace(
            estimate,
            time_s=until_s,
            covariance=estimate.covariance + self.model.process_covariance,
            innovation=None,
            outcome=Outcome.MODEL_FAILURE,
            cause="the model gave a value that is not finite; the last estimate is kept",
        )

    @staticmethod
    def _judged(estimate: Estimate, measured: Floats) -> Estimate:
        innovation = estimate.innovation
        cause = ""
        if innovation is not None and innovation.rejected:
            cause = f"too unlikely to be used: {', '.join(innovation.rejected)}"
        elif not np.isfinite(measured).any():
            cause = "no measurement came in"
        return (
            replace(estimate, outcome=Outcome.BAD_MEASUREMENT, cause=cause) if cause else estimate
        )


class Update(NamedTuple):
    """Result of `joseph_update`.

    Parameters
    ----------
    gain : ndarray, shape (n, m)
    left : ndarray, shape (n, n)
        Covariance after the update.
    expected : ndarray, shape (m, m)
        Covariance of the innovation.
    """

    gain: Floats
    left: Floats
    expected: Floats


def joseph_update(covariance: Floats, rows: Floats, variance: Floats) -> Update:
    """Kalman update in Joseph's form, positive also where rounding is not kind.

    Parameters
    ----------
    covariance : ndarray, shape (n, n)
    rows : ndarray, shape (m, n)
        Derivatives of the measurements; m may be 0.
    variance : ndarray, shape (m,)
        Of independent errors.

    Returns
    -------
    Update

    Examples
    --------
    >>> update = joseph_update(np.eye(1), np.ones((1, 1)), np.ones(1))
    >>> float(update.gain[0, 0]), float(update.left[0, 0])
    (0.5, 0.5)
    """
    seen = rows @ covariance
    expected = seen @ rows.T + np.diag(variance)
    gain = np.linalg.solve(expected, seen).T if len(rows) else np.zeros((len(covariance), 0))
    rest = np.eye(len(covariance)) - gain @ rows
    left = rest @ covariance @ rest.T + (gain * variance) @ gain.T
    return Update(np.asarray(gain, dtype=np.float64), left, expected)


def align(
    model: AugmentedModel, estimate: Estimate, predicted: Floats, samples: Iterable[Sample]
) -> tuple[Floats, Floats]:
    """Turn samples of any times within a step into measurements at its end.

    Each sample is moved along the predicted change of its output; those of one sensor
    are averaged.

    Parameters
    ----------
    model : AugmentedModel
    estimate : Estimate
        At the start of the step.
    predicted : ndarray, shape (m,)
        Outputs expected at the end of the step, without the samples.
    samples : iterable of Sample
        Those outside the step or of other outputs are left aside.

    Returns
    -------
    measured, noise_scale : ndarray, shape (m,)
        For `step`; NaN and 1 where no sample came in.
    """
    start, span = estimate.time_s, model.model.step_s
    before = np.where(np.isfinite(estimate.output), estimate.output, predicted)
    total, count = np.zeros(len(model.measured)), np.zeros(len(model.measured))
    places = {name: i for i, name in enumerate(model.measured)}
    for sample in samples:
        i = places.get(sample.name)
        age = (start + span - sample.time_s) / span
        if i is None or not np.isfinite(sample.value) or not -1e-9 <= age < 1:
            continue
        total[i] += sample.value + age * (predicted[i] - before[i])
        count[i] += 1
    some = np.maximum(count, 1.0)
    measured = np.where(count > 0, total / some, np.nan)
    return measured, np.where(count > 0, np.sqrt(model.samples / some), 1.0)


def arrange(model: AugmentedModel, observation: Observation) -> Floats:
    """Lay an observation out in the order of the model's measurements, NaN where missing.

    Parameters
    ----------
    model : AugmentedModel
    observation : Observation

    Returns
    -------
    ndarray, shape (m,)
    """
    return np.array([observation.get(name) for name in model.measured])
