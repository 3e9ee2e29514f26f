"""Which couplings exist: backward elimination by the Bayesian information criterion, resampled.

From the likelihood's optimum with all candidate couplings, a coupling stays if
dropping it would cost more than ½·log(rows): the loss is read from the
curvature, ½·(G/sd)², and the smaller network is fitted again until nothing
more is dropped. The same is done on halves of the record made of whole blocks
of time (stability selection: Meinshausen and Bühlmann, J. Royal Statistical
Society B 72:417, 2010; in complementary pairs: Shah and Samworth, ibid. 75:55,
2013). The share of the halves that keep a coupling is its probability; couplings
that too few of them keep are dropped. Without halves the difference of criteria gives
the probability, 1/(1 + exp(½·log(rows) − loss)) (Kass and Raftery, J. American
Statistical Association 90:773, 1995).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.identify.fit import Criterion, Fit, FitOptions, Report, fit_structure
from rexdynnet.identify.record import Record, seen_rows, with_rows
from rexdynnet.identify.structure import Array, Structure
from rexdynnet.identify.verdict import Information, estimates, information
from rexdynnet.network.rc import Estimate, Parameter, Quantity

# share of the halves that must keep a coupling
STABLE = 0.6
# hidden and shown blocks alternate at random; a day lets a zone forget how a block began
_BLOCK_s, _LEAST_BLOCKS = 86400.0, 6


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

    Raises
    ------
    InputError
        Halves are asked for of a record too short to be halved.
    """
    likely = replace(options, criterion=Criterion.LIKELIHOOD)
    if options.halves:
        _check_length(record)
    full = fit_structure(structure, record, likely, start, report)
    first = Selection(full, information(full), {}, {})
    chosen = _eliminate(first, likely, report=report)
    if not options.halves:
        return chosen
    share = keep_shares(full, first.information, options, report)
    unstable = {one for one in _couplings(chosen.fit) if share[one] < STABLE}
    if unstable:
        chosen = _without(chosen, unstable, likely)
    return replace(chosen, probability=share)


def keep_shares(
    full: Fit, known: Information, options: FitOptions, report: Report | None = None
) -> dict[Parameter, float]:
    """Share of the halves of a record in which each coupling is kept.

    Parameters
    ----------
    full : Fit
        Of the whole record with all candidates; its θ is where every half begins.
    known : Information
        Of that fit.
    options : FitOptions
        `halves` says how many; its seed draws them.
    report : callable or None

    Returns
    -------
    dict of Parameter to float
    """
    likely = replace(options, criterion=Criterion.LIKELIHOOD, starts=1)
    kept: Counter[Parameter] = Counter()
    _check_length(full.record)
    for number, half in enumerate(_halves(full.record, options.halves, options.seed), start=1):
        fit = fit_structure(full.structure, half, likely, start=full.theta, scale=known.scale)
        # the curvature of the whole record, by rows: that of each half would take most of the time
        share = seen_rows(half) / seen_rows(full.record)
        first = Selection(fit, information(fit, share * known.data), {}, {})
        stay = _couplings(_eliminate(first, likely, carry=True).fit)
        kept.update(stay)
        if report is not None:
            report(f"half {number} of {options.halves}: {len(stay)} couplings stay")
    return {one: kept[one] / options.halves for one in _couplings(full)}


def coupling_probabilities(fit: Fit, known: Information) -> dict[Parameter, float]:
    """Probability of each coupling of a fit, from its criterion alone.

    Parameters
    ----------
    fit : Fit
    known : Information

    Returns
    -------
    dict of Parameter to float
    """
    threshold = 0.5 * np.log(seen_rows(fit.record))
    return {
        one: float(1.0 / (1.0 + np.exp(np.clip(threshold - loss, -50.0, 50.0))))
        for one, loss in _losses(fit, known).items()
    }


def _eliminate(
    chosen: Selection, options: FitOptions, *, carry: bool = False, report: Report | None = None
) -> Selection:
    """Drop what the criterion allows, one after the other, from a fit with all candidates."""
    threshold = 0.5 * np.log(seen_rows(chosen.fit.record))
    for _ in range(len(chosen.fit.structure.edges) + 1):
        told = coupling_probabilities(chosen.fit, chosen.information)
        chosen = replace(chosen, probability={**chosen.probability, **told})
        losses = _losses(chosen.fit, chosen.information)
        weak = sorted((one for one in losses if losses[one] < threshold), key=losses.__getitem__)
        if not weak:
            break
        # neighbours share what a false one took: drop the clear cases first
        clear = [one for one in weak if losses[one] < 0.25 * threshold]
        chosen = _without(chosen, set(clear or weak[:1]), options, carry)
        if report is not None:
            left = len(chosen.fit.structure.edges)
            report(f"{left} couplings stay, criterion {chosen.fit.value:.1f}")
    return chosen


def _without(
    chosen: Selection, leaving: set[Parameter], options: FitOptions, carry: bool = False
) -> Selection:
    """The selection fitted again without some couplings, which keep the interval they had.

    `carry`: the curvature of what is left is taken over, not computed again.
    """
    fit = chosen.fit
    numbers = estimates(fit, chosen.information)
    kept = [row for row, one in enumerate(fit.structure.parameters) if one not in leaving]
    pairs = tuple((one.zone, one.other) for one in _couplings(fit) if one not in leaving)
    smaller = replace(fit.structure, edges=pairs)
    again = replace(options, starts=1)
    scale = chosen.information.scale[kept]
    fit = fit_structure(smaller, fit.record, again, start=fit.theta[kept], scale=scale)
    dropped = {**chosen.dropped, **{one: numbers[one] for one in leaving}}
    data = chosen.information.data[np.ix_(kept, kept)] if carry else None
    return Selection(fit, information(fit, data), dropped, chosen.probability)


def _couplings(fit: Fit) -> tuple[Parameter, ...]:
    return tuple(one for one in fit.structure.parameters if one.quantity is Quantity.COUPLING)


def _losses(fit: Fit, known: Information) -> dict[Parameter, float]:
    """What dropping each coupling would cost in log likelihood, to second order."""
    deviation: Array = np.sqrt(np.diag(known.covariance))
    return {
        one: 0.5 * (float(fit.theta[row]) / float(deviation[row])) ** 2 if known.free[row] else 0.0
        for row, one in enumerate(fit.structure.parameters)
        if one.quantity is Quantity.COUPLING
    }


def _blocks(record: Record) -> np.ndarray:
    """Number of the block of time that each row belongs to."""
    seconds = np.append(0.0, np.cumsum(record.steps_s[record.rows.step])[:-1])
    return (seconds // _BLOCK_s).astype(int)


def _check_length(record: Record) -> None:
    days = len(np.unique(_blocks(record)))
    if days < _LEAST_BLOCKS:
        raise InputError(
            Finding(
                f"{days} days are too few to be halved",
                f"record at least {_LEAST_BLOCKS} days, or ask for no halves",
                field="halves",
            )
        )


def _halves(record: Record, count: int, seed: int) -> Iterator[Record]:
    """Records with the thermometers of half the blocks hidden, in complementary pairs."""
    block = _blocks(record)
    for number in range(count):
        order = np.random.default_rng((seed, number // 2)).permutation(np.unique(block))
        shown = np.isin(block, order[: len(order) // 2])
        yield with_rows(record, ~shown if number % 2 else shown)
