"""Maximum a posteriori estimate of a structure: bounded quasi-Newton steps, several starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from scipy.optimize import minimize

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.identify.likelihood import step_model, sweep, value_and_gradient
from rexdynnet.identify.record import Record, weighted
from rexdynnet.identify.structure import (
    Array,
    Belief,
    Model,
    Prior,
    Structure,
    build_model,
    prior_of,
)
from rexdynnet.network.rc import Parameter

Report = Callable[[str], None]

_FAILED = 1e12
# degrees of freedom of the heavy-tailed noise, and what counts as an outlier
_TAIL, _OUTLIER = 4.0, 9.0


class Criterion(Enum):
    """What a fit makes small; the text says when to choose it."""

    LIKELIHOOD = "one-step likelihood: for intervals and for which couplings exist"
    DAY_AHEAD = "one-step likelihood plus open-loop error of a day: for prediction and control"

    @property
    def open_loop_weight(self) -> float:
        """What multiplies the open-loop part."""
        return 1.0 if self is Criterion.DAY_AHEAD else 0.0


@dataclass(frozen=True)
class FitOptions:
    """How to search.

    Parameters
    ----------
    criterion : Criterion
    starts : int
        The first from the prior's centre, the others drawn around it.
    seed : int
        Of the draws.
    iterations : int
        At most, of each start.
    robust : bool
        Outliers count less: rows with a standardised innovation above 3 are
        weighted as under a Student distribution of 4 degrees of freedom.
    select : bool
        Drop couplings that the data do not ask for, by the Bayesian information criterion.
        Off, all candidates stay: a day is then predicted a little better.
    halves : int
        On how many halves of the record the selection is repeated: the share of them that
        keep a coupling is its probability, and couplings that fewer than 60 % keep are dropped;
        0: probabilities are those of one fit.
    beliefs : mapping of Parameter to Belief
        What is known better than by default, of single parameters.

    Raises
    ------
    InputError
        Halves are asked for without selection.
    """

    criterion: Criterion = Criterion.DAY_AHEAD
    starts: int = 1
    seed: int = 1
    iterations: int = 600
    robust: bool = False
    select: bool = False
    halves: int = 0
    beliefs: Mapping[Parameter, Belief] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.halves < 0 or (self.halves and not self.select):
            raise InputError(
                Finding(
                    f"{self.halves} halves without a selection to repeat",
                    "set select=True, or halves=0",
                    field="halves",
                )
            )


@dataclass(frozen=True)
class Fit:
    """A structure with its most probable θ.

    Parameters
    ----------
    model : Model
    prior : Prior
    record : Record
    theta : (p,)
    value : float
        Of the criterion with the prior.
    iterations : int
    """

    model: Model
    prior: Prior
    record: Record
    theta: Array
    value: float
    iterations: int

    @property
    def structure(self) -> Structure:
        """What was fitted."""
        return self.model.structure


def fit_structure(
    structure: Structure,
    record: Record,
    options: FitOptions,
    start: Array | None = None,
    report: Report | None = None,
    scale: Array | None = None,
) -> Fit:
    """Find the most probable θ of a structure.

    Parameters
    ----------
    structure : Structure
    record : Record
    options : FitOptions
    start : (p,) or None
        θ of a similar fit, to begin there.
    report : callable or None
        Told about each start.
    scale : (p,) or None
        Deviations of θ in a similar fit: steps in units of them make the search several
        times as short.

    Returns
    -------
    Fit
        The best of all starts.

    Raises
    ------
    SolverError
        No start led to a finite value.
    """
    model, prior = build_model(structure), prior_of(structure, options.beliefs)
    found: list[Fit] = []
    draws = np.random.default_rng(options.seed)
    for number in range(options.starts):
        begin = prior.centre if start is None else start
        if start is None:
            # couplings begin in the interior: at 0 their gradients would all point outward
            begin = np.where(prior.lower == 0.0, 1.0, begin)
        if number:
            begin = begin + draws.normal(0.0, 0.5, len(begin))
        begin = np.clip(begin, prior.lower, prior.upper)
        one = descend(model, prior, record, options.criterion, begin, scale, options.iterations)
        found.append(one)
        if report is not None:
            report(f"start {number + 1}: {one.value:.1f} after {one.iterations} iterations")
    best = min(found, key=lambda one: one.value)
    if best.value >= _FAILED:
        raise SolverError(
            "no start of the fit led to a finite likelihood", "check units and ranges of the meters"
        )
    if options.robust:
        for _ in range(3):
            best = descend(
                model,
                prior,
                _weigh(best),
                options.criterion,
                best.theta,
                scale,
                options.iterations,
            )
    return best


def objective(
    model: Model, prior: Prior, record: Record, theta: Array, open_loop_weight: float
) -> tuple[float, Array]:
    """Criterion with the prior, and its gradient; a huge value where the filter breaks down."""
    try:
        value, gradient = value_and_gradient(model, record, theta, open_loop_weight)
    except np.linalg.LinAlgError:
        return _FAILED, np.zeros_like(theta)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return _FAILED, np.zeros_like(theta)
    before, slope = prior.value_and_gradient(theta)
    return value + before, gradient + slope


def descend(
    model: Model,
    prior: Prior,
    record: Record,
    criterion: Criterion,
    begin: Array,
    scale: Array | None = None,
    iterations: int = 600,
) -> Fit:
    """Go from a θ to the nearest minimum of a criterion with the prior.

    Parameters
    ----------
    model : Model
    prior : Prior
        Its bounds hold; a parameter whose bounds are one number stays there.
    record : Record
    criterion : Criterion
    begin : (p,)
    scale : (p,) or None
        Units of the steps.
    iterations : int
        At most.

    Returns
    -------
    Fit
    """
    weight = criterion.open_loop_weight
    unit = np.ones_like(begin) if scale is None else scale

    def scaled(z: Array) -> tuple[float, Array]:
        number, slope = objective(model, prior, record, z * unit, weight)
        return number, slope * unit

    done = minimize(
        scaled,
        begin / unit,
        jac=True,
        method="L-BFGS-B",
        bounds=list(zip(prior.lower / unit, prior.upper / unit, strict=True)),
        options={"maxiter": iterations, "maxcor": 30, "maxfun": 3 * iterations},
    )
    # rounding must not carry θ over a bound
    theta = np.clip(done.x * unit, prior.lower, prior.upper)
    return Fit(model, prior, record, theta, float(done.fun), int(done.nit))


def _weigh(fit: Fit) -> Record:
    """The record with the variance of outliers raised as the fit sees them."""
    record = fit.record
    plain = weighted(record, np.ones_like(record.rows.observed))
    swept = sweep(step_model(fit.model.at(fit.theta), plain), plain)
    squared = np.nan_to_num(swept.innovation**2 / swept.spread)
    scale = np.where(squared > _OUTLIER, (_TAIL + squared) / (_TAIL + 1.0), 1.0)
    return weighted(plain, scale)
