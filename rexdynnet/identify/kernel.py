"""The Kalman filter of a linear time-invariant model, and its reverse sweep, compiled.

Forward, the covariance lives in a square-root factor (P = S·Sᵀ): each scalar
measurement is a Potter update of S, so that no covariance can lose its
positivity. Where sampling is regular the covariance converges; it is then
frozen and a row costs only matrix times vector. Backward, the derivative of the
value that the forward sweep computed is accumulated row by row, exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

# relative change of the predicted covariance below which it counts as converged
STEADY = 1e-9

Array = NDArray[np.float64]


class Rows(NamedTuple):
    """What acts on the filter, row by row.

    Parameters
    ----------
    step : (t,) int
        Which step length leads from a row to the next.
    noise : (t,) int
        Which noise covariance acts on the way.
    same : (t,) bool
        The row has the step, the noise and the channels of the row before.
    observed : (t, m)
        Measured value of state j in column j, K; NaN where there is none.
    scale : (t, m)
        What multiplies the variance of a measurement; 1, more for an outlier.
    """

    step: NDArray[np.int64]
    noise: NDArray[np.int64]
    same: NDArray[np.bool_]
    observed: Array
    scale: Array


class Swept(NamedTuple):
    """What the forward sweep leaves.

    Parameters
    ----------
    value : float
        Negative log likelihood.
    innovation, spread : (t, m)
        e and its variance s; NaN where nothing was measured.
    predicted, filtered : (t, n)
        Mean before and after the measurements of a row.
    gains : (k, m, n)
        P·h of each measurement, for each row whose covariance was computed.
    posterior : (k, n, n)
        Square root of the covariance after the measurements of such a row.
    reference : (t,) int
        Which of these a row used.
    """

    value: float
    innovation: Array
    spread: Array
    predicted: Array
    filtered: Array
    gains: Array
    posterior: Array
    reference: NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def _measure(S, j, r, p):  # pyright: ignore
    """Potter's update of a square root by a measurement of state j: fills p = P·h, gives s."""
    n = S.shape[0]
    # S came lower triangular, and measuring states before j left its columns from j on alone
    width = j + 1
    phi = S[j, :width].copy()
    for i in range(n):
        total = 0.0
        for q in range(width):
            total += S[i, q] * phi[q]
        p[i] = total
    s = p[j] + r
    gamma = 1.0 / (s + np.sqrt(r * s))
    for i in range(n):
        weight = gamma * p[i]
        for q in range(width):
            S[i, q] -= weight * phi[q]
    return s


@numba.njit(cache=True, nogil=True)
def _grown(kept, size):  # pyright: ignore
    more = np.zeros((size, *kept.shape[1:]))
    more[: kept.shape[0]] = kept
    return more


@numba.njit(cache=True, nogil=True)
def _converged(after, before):  # pyright: ignore
    n = after.shape[0]
    for i in range(n):
        for q in range(i + 1):
            change = abs(after[i, q] - before[i, q])
            if change > STEADY * np.sqrt(after[i, i] * after[q, q]):
                return False
    return True


@numba.njit(cache=True, nogil=True)
def filter_rows(transition, noise, drive, rows, variance, mean, factor, keep):  # pyright: ignore
    """Run the filter forward over all rows.

    Parameters
    ----------
    transition : (d, n, n)
        Φ for each step length.
    noise : (k, n, n)
        Covariances of what noise adds on a step.
    drive : (t, n)
        Γ·u of each row.
    rows : Rows
    variance : (m,)
        Of the measurement noise, K².
    mean : (n,)
        State before the first row.
    factor : (n, n)
        Square root of its covariance, lower triangular.
    keep : bool
        Keep what `pull_rows` needs of every computed row; else of the last alone.

    Returns
    -------
    Swept
    """
    count, channels = rows.observed.shape
    n = mean.size
    innovation = np.full((count, channels), np.nan)
    spread = np.full((count, channels), np.nan)
    predicted = np.empty((count, n))
    filtered = np.empty((count, n))
    reference = np.empty(count, np.int64)
    size = min(count, 64) if keep else 1
    gains = np.zeros((size, channels, n))
    posterior = np.zeros((size, n, n))
    kept = 0
    value = 0.0
    x = mean.copy()
    S = factor.copy()
    P = S @ S.T
    frozen = False
    for t in range(count):
        predicted[t] = x
        frozen = frozen and rows.same[t]
        if not frozen and (keep or kept == 0):
            if kept == size:
                size = min(count, 2 * size)
                gains = _grown(gains, size)
                posterior = _grown(posterior, size)
            kept += 1
        ref = kept - 1
        reference[t] = ref
        for j in range(channels):
            if np.isnan(rows.observed[t, j]):
                continue
            if frozen:
                s = spread[t - 1, j]
            else:
                s = _measure(S, j, variance[j] * rows.scale[t, j], gains[ref, j])
            e = rows.observed[t, j] - x[j]
            innovation[t, j] = e
            spread[t, j] = s
            value += 0.5 * (np.log(2.0 * np.pi * s) + e * e / s)
            gain, weight = gains[ref, j], e / s
            for i in range(n):
                x[i] += gain[i] * weight
        filtered[t] = x
        d = rows.step[t]
        x = transition[d] @ x + drive[t]
        if frozen:
            continue
        if keep:
            posterior[ref] = S
        forward = transition[d] @ S
        after = forward @ forward.T + noise[rows.noise[t]]
        if t + 1 < count and rows.same[t + 1]:
            frozen = _converged(after, P)
        P = after
        S = np.linalg.cholesky(P)
    return Swept(
        value, innovation, spread, predicted, filtered, gains[:kept], posterior[:kept], reference
    )


@numba.njit(cache=True, nogil=True)
def pull_rows(transition, noises, rows, swept, pushed):  # pyright: ignore
    """Run the derivative of the filter's value backward over all rows.

    Parameters
    ----------
    transition : (d, n, n)
    noises : int
        How many noise covariances there are.
    rows : Rows
    swept : Swept
        Of the forward sweep.
    pushed : (t, n)
        Derivative of what else depends on the filtered means, to be added.

    Returns
    -------
    transition_bar : (d, n, n)
    noise_bar : (noises, n, n)
    drive_bar : (t, n)
    variance_bar : (m,)
        Derivatives with respect to the inputs of `filter_rows`.
    """
    count, channels = rows.observed.shape
    n = transition.shape[1]
    transition_bar = np.zeros(transition.shape)
    noise_bar = np.zeros((noises, n, n))
    drive_bar = np.zeros((count, n))
    variance_bar = np.zeros(channels)
    x_bar = np.zeros(n)
    P_bar = np.zeros((n, n))
    later = False
    # of the gains and variances that frozen rows share with the row they were computed in
    p_shared = np.zeros((channels, n))
    s_shared = np.zeros(channels)
    Pp = np.empty(n)
    for t in range(count - 1, -1, -1):
        d = rows.step[t]
        ref = swept.reference[t]
        computed = t == 0 or swept.reference[t - 1] != ref
        drive_bar[t] = x_bar
        for i in range(n):
            for q in range(n):
                transition_bar[d, i, q] += x_bar[i] * swept.filtered[t, q]
        x_bar = transition[d].T @ x_bar + pushed[t]
        if computed and later:
            noise_bar[rows.noise[t]] += P_bar
            ahead = P_bar @ transition[d]
            root = swept.posterior[ref]
            transition_bar[d] += 2.0 * ((ahead @ root) @ root.T)
            P_bar = transition[d].T @ ahead
        for j in range(channels - 1, -1, -1):
            e = swept.innovation[t, j]
            if np.isnan(e):
                continue
            s = swept.spread[t, j]
            p = swept.gains[ref, j]
            along = 0.0
            for i in range(n):
                along += x_bar[i] * p[i]
            e_bar = along / s + e / s
            s_bar = 0.5 * (1.0 / s - e * e / (s * s)) - along * e / (s * s)
            if not computed:
                s_shared[j] += s_bar
                for i in range(n):
                    p_shared[j, i] += x_bar[i] * (e / s)
                x_bar[j] -= e_bar
                continue
            s_bar += s_shared[j]
            s_shared[j] = 0.0
            curved = 0.0
            for i in range(n):
                total = 0.0
                for q in range(n):
                    total += P_bar[i, q] * p[q]
                Pp[i] = total
                curved += total * p[i]
            s_bar += curved / (s * s)
            for i in range(n):
                p_bar = 0.5 * (x_bar[i] * (e / s) + p_shared[j, i]) - Pp[i] / s
                p_shared[j, i] = 0.0
                P_bar[i, j] += p_bar
                P_bar[j, i] += p_bar
            P_bar[j, j] += s_bar
            variance_bar[j] += s_bar * rows.scale[t, j]
            x_bar[j] -= e_bar
        later = later or computed
    return transition_bar, noise_bar, drive_bar, variance_bar


@numba.njit(cache=True, nogil=True)
def open_loop(transition, drive, rows, filtered, origins, horizon):  # pyright: ignore
    """Predict without measurements from some rows on, with the derivative of the squared error.

    Parameters
    ----------
    transition : (d, n, n)
    drive : (t, n)
    rows : Rows
    filtered : (t, n)
    origins : (k,) int
        Rows whose filtered mean a prediction starts from.
    horizon : int
        Rows predicted after each.

    Returns
    -------
    error : float
        Sum of the squared errors, K².
    number : int
        How many values it is the sum of.
    transition_bar : (d, n, n)
    drive_bar, filtered_bar : (t, n)
        Derivatives of the sum.
    """
    count, channels = rows.observed.shape
    n = transition.shape[1]
    transition_bar = np.zeros(transition.shape)
    drive_bar = np.zeros((count, n))
    filtered_bar = np.zeros((count, n))
    error = 0.0
    number = 0
    path = np.empty((horizon + 1, n))
    for at in origins:
        last = min(horizon, count - 1 - at)
        path[0] = filtered[at]
        for k in range(last):
            path[k + 1] = transition[rows.step[at + k]] @ path[k] + drive[at + k]
        x_bar = np.zeros(n)
        for k in range(last, 0, -1):
            t = at + k
            for j in range(channels):
                if not np.isnan(rows.observed[t, j]):
                    e = path[k, j] - rows.observed[t, j]
                    error += e * e
                    number += 1
                    x_bar[j] += 2.0 * e
            d = rows.step[t - 1]
            drive_bar[t - 1] += x_bar
            for i in range(n):
                for q in range(n):
                    transition_bar[d, i, q] += x_bar[i] * path[k - 1, q]
            x_bar = transition[d].T @ x_bar
        filtered_bar[at] += x_bar
    return error, number, transition_bar, drive_bar, filtered_bar
