"""Exact discretisation of a linear stochastic model over a step, and its reverse sweep.

With dx = A·x dt + B·u dt + dw over a step h and u held, x(h) = Φ·x + Γ·u + noise
of covariance Q_d, where Φ = e^{Ah}, Γ = ∫₀ʰ e^{As} ds·B and
Q_d = ∫₀ʰ e^{As} Q e^{Aᵀs} ds. All three come from a Taylor series over h/2ᵏ and k
doublings (Moler & Van Loan, SIAM Review 45, 2003, method 3, carried to the
integrals), which a reverse sweep differentiates exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ORDER = 10
# norm of A·h/2ᵏ: the series is then exact to round-off, 0.5¹¹/11! ≈ 1e-11
_SMALL = 0.3


@dataclass(frozen=True)
class Discrete:
    """A model over one step, with what its derivative needs.

    Parameters
    ----------
    step_s : float
    transition : (n, n)
        Φ.
    integral : (n, n)
        ∫₀ʰ e^{As} ds, s; Γ is this times B.
    noise : (n, n)
        Q_d, symmetric.
    """

    step_s: float
    transition: Array
    integral: Array
    noise: Array
    _A: Array
    _terms: tuple[Array, ...]
    _stages: tuple[tuple[Array, Array, Array], ...]

    def pull(
        self, transition_bar: Array, integral_bar: Array, noise_bar: Array
    ) -> tuple[Array, Array]:
        """Derivatives with respect to A and Q, given those with respect to Φ, ∫ and Q_d.

        Parameters
        ----------
        transition_bar, integral_bar, noise_bar : (n, n)

        Returns
        -------
        A_bar, Q_bar : (n, n)
            Q_bar is symmetric.
        """
        F, G = transition_bar, integral_bar
        W = 0.5 * (noise_bar + noise_bar.T)
        for phi, psi, q in reversed(self._stages):
            back = phi.T @ F
            # Φ' = Φ·Φ, Ψ' = Ψ + Φ·Ψ, Q' = Q + Φ·Q·Φᵀ
            F = F @ phi.T + back + G @ psi.T + 2.0 * (W @ phi @ q)
            G = G + phi.T @ G
            W = W + phi.T @ W @ phi
        return self._pull_series(F, G, W)

    def _pull_series(self, F: Array, G: Array, W: Array) -> tuple[Array, Array]:
        A = self._A
        h = self.step_s / 2 ** len(self._stages)
        # Horner backwards: Φ = I + A·Ψ, Ψ = h·(I + A·h/2·(I + A·h/3·(...)))
        inner = _horner(A, h)
        G = G + A.T @ F
        A_bar = F @ (h * inner[1]).T
        inner_bar = G * h
        for k in range(2, _ORDER + 1):
            A_bar += inner_bar @ inner[k].T * (h / k)
            inner_bar = A.T @ inner_bar * (h / k)
        # L₀ = Q, L_k = A·L_{k-1} + L_{k-1}·Aᵀ, Q_h = Σ h^{k+1}/(k+1)!·L_k
        weight = [h]
        for k in range(1, _ORDER):
            weight.append(weight[-1] * h / (k + 1))
        L_bar = W * weight[-1]
        for k in range(_ORDER - 1, 0, -1):
            A_bar += 2.0 * (L_bar @ self._terms[k - 1])
            ahead = A.T @ L_bar
            L_bar = W * weight[k - 1] + ahead + ahead.T
        return A_bar, L_bar


def _horner(A: Array, h: float) -> list[Array]:
    """Brackets k of the series: I + A·h/(k+1)·(I + A·h/(k+2)·(...)), k from 1."""
    n = len(A)
    inner = np.eye(n)
    found = [inner]
    for k in range(_ORDER, 1, -1):
        inner = np.eye(n) + (A @ inner) * (h / k)
        found.append(inner)
    return [np.eye(n), *reversed(found)]


def discretise(A: Array, Q: Array, step_s: float) -> Discrete:
    """Discretise over a step.

    Parameters
    ----------
    A : (n, n)
        1/s.
    Q : (n, n)
        Intensity of the process noise, K²/s, symmetric.
    step_s : float
        Positive.

    Returns
    -------
    Discrete

    Examples
    --------
    >>> cooling = discretise(np.array([[-1e-4]]), np.array([[1e-6]]), 3600.0)
    >>> bool(np.isclose(cooling.transition[0, 0], np.exp(-0.36)))
    True
    """
    norm = float(np.abs(A).sum(axis=1).max()) * step_s
    doublings = max(0, ceil(log2(norm / _SMALL))) if norm > 0 else 0
    h = step_s / 2**doublings
    psi = h * _horner(A, h)[1]
    phi = np.eye(len(A)) + A @ psi
    term, terms, weight = Q, [Q], h
    q = h * Q
    for k in range(1, _ORDER):
        ahead = A @ term
        term = ahead + ahead.T
        terms.append(term)
        weight *= h / (k + 1)
        q = q + weight * term
    stages: list[tuple[Array, Array, Array]] = []
    for _ in range(doublings):
        stages.append((phi, psi, q))
        q = q + phi @ q @ phi.T
        psi = psi + phi @ psi
        phi = phi @ phi
    return Discrete(step_s, phi, psi, 0.5 * (q + q.T), A, tuple(terms), tuple(stages))
