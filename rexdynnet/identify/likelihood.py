"""Likelihood of meter series under a model, with its exact gradient.

θ → (A, B, Q, R) and its transposed derivative come from CasADi; the
discretisation and the filter bring their own reverse sweeps. A heat meter that
counts in steps of q has not shown yet e_k of the heat: a state drawn anew at each
row with variance q²/12. The heat of a row is read_{k+1} − read_k + e_{k+1} − e_k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rexdynnet.identify.discrete import Discrete, discretise
from rexdynnet.identify.kernel import Swept, filter_rows, open_loop, pull_rows
from rexdynnet.identify.record import Record
from rexdynnet.identify.structure import Array, Matrices, Model


@dataclass(frozen=True)
class Stepped:
    """A model over the steps of a record.

    Parameters
    ----------
    matrices : Matrices
    discrete : tuple of Discrete, length d
    gamma : (d, n, k)
    transition : (d, N, N)
        With the states of coarse meters.
    noise : (q, N, N)
    drive : (t, N)
    """

    matrices: Matrices
    discrete: tuple[Discrete, ...]
    gamma: Array
    transition: Array
    noise: Array
    drive: Array


def step_model(matrices: Matrices, record: Record) -> Stepped:
    """Discretise a model over the steps of a record."""
    n, extra = len(matrices.A), len(record.coarse)
    size = n + extra
    discrete = tuple(discretise(matrices.A, matrices.Q, float(h)) for h in record.steps_s)
    gamma = np.array([one.integral @ matrices.B for one in discrete])
    transition = np.zeros((len(discrete), size, size))
    drive = np.zeros((len(record.inputs), size))
    for d, one in enumerate(discrete):
        held = record.rows.step == d
        transition[d, :n, :n] = one.transition
        drive[held, :n] = record.inputs[held] @ gamma[d].T
        for place, (zone, resolution) in enumerate(record.coarse):
            share = _unshown_W(resolution, one.step_s)
            transition[d, :n, n + place] = -share * gamma[d, :, 1 + zone]
    noise = np.zeros((len(record.noise_of), size, size))
    for row, (d, pattern) in enumerate(record.noise_of):
        noise[row, :n, :n] = discrete[d].noise
        for k in np.flatnonzero(record.filled[pattern]):
            column = gamma[d, :, k]
            noise[row, :n, :n] += record.input_variance[k] * np.outer(column, column)
        for place, (zone, resolution) in enumerate(record.coarse):
            column = np.zeros(size)
            column[:n] = _unshown_W(resolution, discrete[d].step_s) * gamma[d, :, 1 + zone]
            column[n + place] = 1.0
            noise[row] += np.outer(column, column)
    return Stepped(matrices, discrete, gamma, transition, noise, drive)


def _unshown_W(resolution_J: float, step_s: float) -> float:
    """Standard deviation of what a meter has not shown yet, as mean heat over a step."""
    return resolution_J / (np.sqrt(12.0) * step_s)


def sweep(stepped: Stepped, record: Record, keep: bool = True) -> Swept:
    """Filter a record; `keep` what its derivative needs.

    Raises
    ------
    numpy.linalg.LinAlgError
        A covariance is not positive definite in double precision.
    """
    extra = len(record.coarse)
    mean = np.append(record.mean, np.zeros(extra))
    factor = np.diag(np.append(record.deviation, np.ones(extra)))
    return filter_rows(
        stepped.transition,
        stepped.noise,
        stepped.drive,
        record.rows,
        stepped.matrices.variance,
        mean,
        factor,
        keep,
    )


def value(model: Model, record: Record, theta: Array) -> float:
    """Negative log likelihood of a record at θ."""
    return float(sweep(step_model(model.at(theta), record), record, keep=False).value)


def value_and_gradient(
    model: Model, record: Record, theta: Array, open_loop_weight: float = 0.0
) -> tuple[float, Array]:
    """Negative log likelihood and its derivative with respect to θ.

    Parameters
    ----------
    model : Model
    record : Record
    theta : (p,)
    open_loop_weight : float
        What multiplies ½·N·log(mean squared error) of the record's open-loop
        predictions, which is added; 0 for the likelihood alone.

    Returns
    -------
    value : float
    gradient : (p,)

    Raises
    ------
    numpy.linalg.LinAlgError
        A covariance is not positive definite in double precision.
    """
    stepped = step_model(model.at(theta), record)
    rows, swept = record.rows, sweep(stepped, record)
    total = swept.value
    pushed = np.zeros_like(swept.filtered)
    more = None
    if open_loop_weight > 0 and len(record.origins):
        error, number, t_bar, d_bar, f_bar = open_loop(
            stepped.transition, stepped.drive, rows, swept.filtered, record.origins, record.horizon
        )
        total += open_loop_weight * 0.5 * number * np.log(error / number)
        slope = open_loop_weight * 0.5 * number / error
        pushed = slope * f_bar
        more = slope * t_bar, slope * d_bar
    transition_bar, noise_bar, drive_bar, variance_bar = pull_rows(
        stepped.transition, len(stepped.noise), rows, swept, pushed
    )
    if more is not None:
        transition_bar += more[0]
        drive_bar += more[1]
    A, B, q = _pull_steps(stepped, record, transition_bar, noise_bar, drive_bar)
    return float(total), model.pull(theta, A, B, q, variance_bar)


def _pull_steps(
    stepped: Stepped, record: Record, transition_bar: Array, noise_bar: Array, drive_bar: Array
) -> tuple[Array, Array, Array]:
    """Derivatives with respect to A, B and the diagonal of Q."""
    n = len(stepped.matrices.A)
    A_bar = np.zeros((n, n))
    B_bar = np.zeros_like(stepped.matrices.B)
    q_bar = np.zeros(n)
    for d, one in enumerate(stepped.discrete):
        held = record.rows.step == d
        gamma_bar = drive_bar[held, :n].T @ record.inputs[held]
        own = np.zeros((n, n))
        for row, (step, pattern) in enumerate(record.noise_of):
            if step != d:
                continue
            bar = noise_bar[row]
            own += bar[:n, :n]
            for k in np.flatnonzero(record.filled[pattern]):
                pulled = bar[:n, :n] @ stepped.gamma[d][:, k]
                gamma_bar[:, k] += 2.0 * record.input_variance[k] * pulled
            for place, (zone, resolution) in enumerate(record.coarse):
                share = _unshown_W(resolution, one.step_s)
                pulled = share * bar[:n, :n] @ stepped.gamma[d][:, 1 + zone] + bar[:n, n + place]
                gamma_bar[:, 1 + zone] += 2.0 * share * pulled
        for place, (zone, resolution) in enumerate(record.coarse):
            share = _unshown_W(resolution, one.step_s)
            gamma_bar[:, 1 + zone] -= share * transition_bar[d, :n, n + place]
        part, Q = one.pull(transition_bar[d, :n, :n], gamma_bar @ stepped.matrices.B.T, own)
        A_bar += part
        q_bar += np.diag(Q)
        B_bar += one.integral.T @ gamma_bar
    return A_bar, B_bar, q_bar
