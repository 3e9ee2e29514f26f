"""Moving-horizon estimation: the last stages looked at together, within physical bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.augmented import AugmentedModel
from rexdynnet.control.base import Outcome
from rexdynnet.control.observer import Estimate, KalmanFilter
from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]

_RESIDUAL = 1e-6


class _Stage(NamedTuple):
    """What a stage was given, and the filter's belief before it."""

    before: Estimate
    controls: Floats
    parameters: Floats
    measured: Floats
    deviation: Floats
    input_scale: Floats


@dataclass(frozen=True)
class _Memory:
    """The window, and the filter that supplies its arrival cost."""

    filtered: Estimate
    stages: tuple[_Stage, ...]


@dataclass(frozen=True)
class MovingHorizon:
    """Estimate by least squares over a window with an arrival cost.

    Parameters
    ----------
    model : AugmentedModel
    horizon : int
        Stages of the window.
    bounded : bool
        Keep the model's states within the bounds of their signals.
    iterations : int
        Budget of the solver.

    Notes
    -----
    C. V. Rao, J. B. Rawlings and D. Q. Mayne, IEEE Trans. Automatic Control 48 (2003) 246.
    The arrival cost is the prediction of an extended Kalman filter that runs along, so
    that without active bounds a linear model gives the Kalman filter's estimate. Until the
    window is full, and where the solver finds no certified answer, the filter's
    estimate is returned.
    """

    model: AugmentedModel
    horizon: int = 8
    bounded: bool = True
    iterations: int = 50

    def __post_init__(self) -> None:
        if self.horizon < 1 or self.iterations < 1:
            raise InputError(
                Finding(
                    f"a horizon of {self.horizon} stages with {self.iterations} iterations",
                    "give at least one of each",
                )
            )

    def init(self, states: Floats, deviation: Floats | float, *, time_s: float = 0.0) -> Estimate:
        """Start from a guess, as `KalmanFilter.init`."""
        start = self._filter.init(states, deviation, time_s=time_s)
        return replace(start, memory=_Memory(start, ()))

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
        """Take in the measurements at the end of a step, as `KalmanFilter.step`.

        Parameters
        ----------
        estimate : Estimate
            Of this estimator.
        controls, parameters : ndarray, shape (n_u,) and (n_p,)
        measured : ndarray, shape (m,)
            NaN where missing.
        noise_scale : ndarray, shape (m,), or None
        input_scale : ndarray, shape (k,), or None

        Returns
        -------
        Estimate
            Mean and output of the window; covariance and innovation are the filter's.
        """
        memory = estimate.memory
        if not isinstance(memory, _Memory):
            raise InputError(
                Finding("the estimate is of another observer", "start with `MovingHorizon.init`")
            )
        before = memory.filtered
        filtered = self._filter.step(
            before,
            controls,
            parameters,
            measured,
            noise_scale=noise_scale,
            input_scale=input_scale,
        )
        scale = np.ones(len(measured)) if noise_scale is None else noise_scale
        deviation = scale * np.array(self.model.deviation)
        trust = np.ones(len(self.model.noisy_inputs)) if input_scale is None else input_scale
        stage = _Stage(before, controls, parameters, measured, deviation, trust)
        stages = (*memory.stages, stage)[-self.horizon :]
        if filtered.outcome is Outcome.MODEL_FAILURE:
            # a window across the failure would mix two beliefs
            stages = ()
        moved = replace(filtered, memory=_Memory(filtered, stages))
        if len(stages) < self.horizon:
            return moved
        return self._solve(moved, stages)

    def _solve(self, moved: Estimate, stages: tuple[_Stage, ...]) -> Estimate:
        model = self.model
        arrival = stages[0].before
        value, vector = np.linalg.eigh(arrival.covariance)
        factor = vector * np.sqrt(np.maximum(value, 0.0))
        used = np.array([np.isfinite(stage.measured) for stage in stages])
        measured = np.where(used, [stage.measured for stage in stages], 0.0)
        weight = np.where(used, 1.0 / np.array([stage.deviation for stage in stages]), 0.0)
        data = np.concatenate(
            [
                arrival.mean,
                factor.ravel(order="F"),
                np.concatenate([stage.controls for stage in stages]),
                np.concatenate([stage.parameters for stage in stages]),
                measured.ravel(),
                weight.ravel(),
                1.0 / np.concatenate([stage.input_scale for stage in stages]),
            ]
        )
        nlp = self._nlp
        guess = np.zeros(nlp.size)
        guess[nlp.states] = np.concatenate([stage.before.mean for stage in stages])
        answer = nlp.solver(x0=guess, p=data, lbx=nlp.lower, ubx=nlp.upper, lbg=0.0, ubg=0.0)
        found = np.asarray(answer["x"].full(), dtype=float)[:, 0]
        rest = np.asarray(answer["g"].full(), dtype=float)
        nominal = max(float(np.max(np.abs(found), initial=0.0)), 1.0)
        good = bool(nlp.solver.stats()["success"]) and np.isfinite(found).all()
        if not (good and np.max(np.abs(rest), initial=0.0) <= _RESIDUAL * nominal):
            return replace(
                moved,
                outcome=Outcome.NOT_CERTIFIED,
                cause="the window's least squares was not solved; the filter's estimate is given",
            )
        last = stages[-1]
        state = found[nlp.states][-model.size :]
        errors = found[nlp.errors][len(found[nlp.errors]) - len(model.noisy_inputs) :]
        mean, output = model.evaluate(state, *model.shifted(last.controls, last.parameters, errors))
        return replace(moved, mean=mean, output=output)

    @cached_property
    def _filter(self) -> KalmanFilter:
        return KalmanFilter(self.model)

    @cached_property
    def _nlp(self) -> _Nlp:
        return _build(self)


@dataclass(frozen=True)
class _Nlp:
    """The window's problem: solver, layout of its variables and their bounds."""

    solver: ca.Function
    size: int
    states: slice
    errors: slice
    lower: Floats
    upper: Floats


def _build(horizon: MovingHorizon) -> _Nlp:
    """Multiple shooting in whitened noises, so that a singular covariance does no harm."""
    model, stages = horizon.model, horizon.horizon
    n, m, k = model.size, len(model.measured), len(model.noisy_inputs)
    n_u, n_p = len(model.model.controls), len(model.model.parameters)
    spread = np.sqrt(np.diag(model.process_covariance))
    moving = np.flatnonzero(spread > 0)
    into = ca.DM(np.diag(spread)[:, moving])
    x, u, p, following, output = model.symbols
    stage = ca.Function("stage", [x, u, p], [following, output])
    states = ca.MX.sym("states", n, stages)
    errors = ca.MX.sym("errors", k, stages)
    first = ca.MX.sym("first", n)
    noises = ca.MX.sym("noises", len(moving), stages - 1)
    mean, factor = ca.MX.sym("mean", n), ca.MX.sym("factor", n, n)
    controls, parameters = ca.MX.sym("controls", n_u, stages), ca.MX.sym("parameters", n_p, stages)
    measured, weight = ca.MX.sym("measured", m, stages), ca.MX.sym("weight", m, stages)
    place = np.zeros((n_u + n_p, k))
    names = [signal.name for signal in (*model.model.controls, *model.model.parameters)]
    for column, name in enumerate(model.noisy_inputs):
        place[names.index(name), column] = 1.0
    own = np.array([model.noise.inputs[name] for name in model.noisy_inputs])
    trust = ca.MX.sym("trust", k, stages)
    shift = ca.DM(place) @ errors
    advanced, seen = stage.map(stages)(
        states, controls + shift[:n_u, :], parameters + shift[n_u:, :]
    )
    misfit = (measured - seen) * weight
    cost = ca.sumsqr(first) + ca.sumsqr(noises) + ca.sumsqr(misfit)
    if k:
        cost += ca.sumsqr(errors * trust / ca.repmat(ca.DM(own), 1, stages))
    gaps = [states[:, 0] - mean - factor @ first]
    if stages > 1:
        gaps.append(ca.vec(states[:, 1:] - advanced[:, :-1] - into @ noises))
    variables = ca.veccat(states, errors, first, noises)
    given = ca.veccat(mean, factor, controls, parameters, measured, weight, trust)
    solver = ca.nlpsol(
        "window",
        "ipopt",
        {"x": variables, "f": 0.5 * cost, "g": ca.vertcat(*gaps), "p": given},
        {
            "ipopt": {
                "print_level": 0,
                "sb": "yes",
                "tol": 1e-9,
                "max_iter": horizon.iterations,
                "bound_relax_factor": 0.0,
            },
            "print_time": False,
        },
    )
    size = int(variables.numel())
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    if horizon.bounded:
        free = n - len(model.model.states)
        low = [signal.lower for signal in model.model.states] + [-np.inf] * free
        high = [signal.upper for signal in model.model.states] + [np.inf] * free
        lower[: n * stages], upper[: n * stages] = np.tile(low, stages), np.tile(high, stages)
    return _Nlp(
        solver, size, slice(0, n * stages), slice(n * stages, (n + k) * stages), lower, upper
    )
