"""Which couplings exist: backward elimination by the Bayesian information criterion.

From the likelihood's optimum with all candidate couplings, a coupling stays if
dropping it would cost more than ½·log(rows): the loss is read from the
curvature, ½·(G/sd)², and the smaller network is fitted again until nothing
more is dropped. The same difference of criteria gives each coupling a probability,
1/(1 + exp(½·log(rows) − loss)) (Kass and Raftery, J. American Statistical
Association 90:773, 1995).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rexdynnet.identify.fit import Criterion, Fit, FitOptions, Report, fit_structure
from rexdynnet.identify.record import Record
from rexdynnet.identify.structure import Array, Structure
from rexdynnet.identify.verdict import Information, estimates, information
from rexdynnet.network.rc import Estimate, Parameter, Quantity


@dataclass(frozen=True)
class Selection:
    """Couplings that the data ask for.

    Parameters
    ----------
    fit : Fit
        Of the selected structure, by likelihood.
    information : Information
        Of that fit.
    dropped : mapping of Parameter to Estimate
        The other candidates, with the interval they had when they were dropped.
    probability : mapping of Parameter to float
        Of every candidate.
    """

    fit: Fit
    information: Information
    dropped: Mapping[Parameter, Estimate]
    probability: Mapping[Parameter, float]


def select_couplings(
    structure: Structure,
    record: Record,
    options: FitOptions,
    report: Report | None = None,
    start: Array | None = None,
) -> Selection:
    """Find which of a structure's couplings the data ask for.

    Parameters
    ----------
    structure : Structure
        With all candidates.
    record : Record
    options : FitOptions
        Its criterion is not used: selection is by likelihood.
    report : callable or None
    start : (p,) or None
        θ of a similar fit, to begin there.

    Returns
    -------
    Selection
    """
    likely = replace(options, criterion=Criterion.LIKELIHOOD)
    fit = fit_structure(structure, record, likely, start, report)
    dropped: dict[Parameter, Estimate] = {}
    probability: dict[Parameter, float] = {}
    threshold = 0.5 * np.log(len(record.rows.step))
    known = information(fit)
    for _ in range(len(structure.edges) + 1):
        losses = _losses(fit, known)
        probability.update(coupling_probabilities(fit, known, len(record.rows.step)))
        weak = sorted((one for one in losses if losses[one] < threshold), key=losses.__getitem__)
        if not weak:
            break
        # neighbours share what a false one took: drop the clear cases first
        clear = [one for one in weak if losses[one] < 0.25 * threshold]
        leaving = set(clear or weak[:1])
        numbers = estimates(fit, known)
        dropped.update({one: numbers[one] for one in leaving})
        kept = [row for row, one in enumerate(fit.structure.parameters) if one not in leaving]
        pairs = tuple(
            (one.zone, one.other)
            for one in fit.structure.parameters
            if one.quantity is Quantity.COUPLING and one not in leaving
        )
        smaller = replace(fit.structure, edges=pairs)
        fit = fit_structure(smaller, record, replace(likely, starts=1), start=fit.theta[kept])
        known = information(fit)
        if report is not None:
            report(f"{len(pairs)} couplings stay, criterion {fit.value:.1f}")
    return Selection(fit, known, dropped, probability)


def coupling_probabilities(fit: Fit, known: Information, rows: int) -> dict[Parameter, float]:
    """Probability of each coupling of a fit.

    Parameters
    ----------
    fit : Fit
    known : Information
    rows : int
        Of the record.

    Returns
    -------
    dict of Parameter to float
    """
    threshold = 0.5 * np.log(rows)
    return {
        one: float(1.0 / (1.0 + np.exp(np.clip(threshold - loss, -50.0, 50.0))))
        for one, loss in _losses(fit, known).items()
    }


def _losses(fit: Fit, known: Information) -> dict[Parameter, float]:
    """What dropping each coupling would cost in log likelihood, to second order."""
    deviation: Array = np.sqrt(np.diag(known.covariance))
    return {
        one: 0.5 * (float(fit.theta[row]) / float(deviation[row])) ** 2 if known.free[row] else 0.0
        for row, one in enumerate(fit.structure.parameters)
        if one.quantity is Quantity.COUPLING
    }
