"""Faults, tests and evidence: the plain values of fault monitoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]

_MONTH_h = 720.0
_LOOKS_PER_WINDOW = 4.0


class Fault(Enum):
    """What may go wrong; the text says what to do."""

    LEAK = "water is lost: find the wet spot and close the section"
    FOULING = "the exchanger gives less than it should: clean it"
    WET_INSULATION = "the pipe loses more heat than it should: dry or renew its insulation"

    @property
    def quantity(self) -> str:
        """The parameter `component.quantity` that it moves."""
        return _QUANTITIES[self]


_QUANTITIES = {
    Fault.LEAK: "leak",
    Fault.FOULING: "fouling",
    Fault.WET_INSULATION: "loss_factor",
}


_LEAST = {Fault.LEAK: 0.002, Fault.FOULING: 0.03, Fault.WET_INSULATION: 0.2}


@dataclass(frozen=True)
class Hypothesis:
    """One fault at one component."""

    fault: Fault
    component: str

    @property
    def parameter(self) -> str:
        """Name of the model's parameter."""
        return f"{self.component}.{self.fault.quantity}"


@dataclass(frozen=True)
class Candidate:
    """A fault that explains what was seen.

    Parameters
    ----------
    hypothesis : Hypothesis
    probability : float
        Among all single faults, each as likely as the others before.
    size : float
        Most likely change of the parameter.
    """

    hypothesis: Hypothesis
    probability: float
    size: float


@dataclass(frozen=True)
class Alarm:
    """A fault found.

    Parameters
    ----------
    detected_s, named_s : float
        When the test crossed its threshold, and when the naming was certain enough.
    candidates : tuple of Candidate
        The fewest that hold `Rule.confidence` of the probability, likeliest first; more than
        one where the sensors cannot tell them apart.
    deviation : float
        Of the likeliest one, in standard deviations.
    window_s : float
        Over which it was seen.
    """

    detected_s: float
    named_s: float
    candidates: tuple[Candidate, ...]
    deviation: float
    window_s: float


@dataclass(frozen=True)
class Rule:
    """When to raise an alarm and when to name a component.

    Parameters
    ----------
    false_alarms_per_month : float
        Stated rate; the threshold follows from it for Gaussian innovations.
    confidence : float
        Probability that the named candidates must hold.
    windows_h : tuple of float
        Lengths over which faults are looked for.
    patience_h : float
        After this time since detection whatever group is left is named.
    block_h : float
        How often tests are made.
    least : mapping of Fault to float
        Sizes up to which a fault is not worth an alarm: leak in kg/s at 1 bar, lost share of
        UA, rise of the loss factor.
    """

    false_alarms_per_month: float = 0.1
    confidence: float = 0.99
    windows_h: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0, 24.0)
    patience_h: float = 12.0
    block_h: float = 1.0
    least: Mapping[Fault, float] = field(default_factory=lambda: dict(_LEAST))

    def __post_init__(self) -> None:
        good = self.false_alarms_per_month > 0 and 0.5 <= self.confidence < 1 and self.windows_h
        if not (good and min(self.windows_h) >= self.block_h > 0 and self.patience_h >= 0):
            raise InputError(
                Finding(
                    f"the monitoring rule {self} makes no sense",
                    "give a positive rate, a confidence from 0.5 to below 1 and windows of at "
                    "least one block",
                )
            )

    def threshold(self, hypotheses: int) -> float:
        """Standard deviations beyond which a test counts, one-sided.

        Parameters
        ----------
        hypotheses : int

        Returns
        -------
        float

        Notes
        -----
        Bonferroni over hypotheses and windows; a window that slides counts as four
        independent looks per its length.

        Examples
        --------
        >>> round(Rule().threshold(100), 1)
        5.0
        """
        looks = sum(_LOOKS_PER_WINDOW * _MONTH_h / window for window in self.windows_h)
        return -NormalDist().inv_cdf(self.false_alarms_per_month / (looks * max(hypotheses, 1)))


@dataclass(frozen=True)
class Evidence:
    """Sums over a stretch of time of what innovations say about parameters.

    Parameters
    ----------
    score : ndarray, shape (q,)
        Sum of G'S⁻¹e with the signature G, the innovation e and its covariance S.
    information : ndarray, shape (q, q)
        Sum of G'S⁻¹G.
    deviance : float
        Sum of e'S⁻¹e + ln det S: twice the negative log-likelihood.
    """

    score: Floats
    information: Floats
    deviance: float = 0.0

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(
            self.score + other.score,
            self.information + other.information,
            self.deviance + other.deviance,
        )


def marginal(total: Evidence, factor: Floats, first: int) -> tuple[Floats, Floats]:
    """Score and information about the first parameters when all are uncertain beforehand.

    Parameters
    ----------
    total : Evidence
    factor : ndarray, shape (q, r)
        L of the parameters' prior covariance LL'.
    first : int
        How many parameters to look at.

    Returns
    -------
    score, information : ndarray, shape (first,)
        s − J(C⁻¹ + J)⁻¹s and the diagonal of J − J(C⁻¹ + J)⁻¹J: what the prior cannot explain.
    """
    seen = factor.T @ total.information
    spread = np.linalg.cholesky(np.eye(factor.shape[1]) + seen @ factor)
    both = np.linalg.solve(spread, np.column_stack([factor.T @ total.score, seen[:, :first]]))
    score = total.score[:first] - both[:, 1:].T @ both[:, 0]
    information = np.diag(total.information)[:first] - np.square(both[:, 1:]).sum(axis=0)
    return score, information


def posterior(total: Evidence, prior: Floats) -> tuple[Floats, Floats]:
    """Most likely parameters and their covariance.

    Parameters
    ----------
    total : Evidence
    prior : ndarray, shape (q, q)

    Returns
    -------
    mean, covariance : ndarray, shape (q,) and (q, q)
    """
    size = len(total.score)
    shrink = np.linalg.solve(np.eye(size) + prior @ total.information, prior)
    left = 0.5 * (shrink + shrink.T)
    return left @ total.score, left


def hypotheses_of(
    names: Iterable[str], faults: Sequence[Fault] = tuple(Fault)
) -> tuple[Hypothesis, ...]:
    """Faults that a model's parameters can express.

    Parameters
    ----------
    names : iterable of str
        Names of parameters.
    faults : sequence of Fault

    Returns
    -------
    tuple of Hypothesis

    Examples
    --------
    >>> [h.component for h in hypotheses_of(["a-b.leak", "ground.temperature"])]
    ['a-b']
    """
    kinds = {fault.quantity: fault for fault in faults}
    out: list[Hypothesis] = []
    for name in names:
        component, _, quantity = name.rpartition(".")
        if quantity in kinds:
            out.append(Hypothesis(kinds[quantity], component))
    return tuple(out)
