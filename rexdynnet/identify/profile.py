"""Profile likelihood: how far a coupling can go while everything else makes up for it.

For each conductance all other parameters are fitted again; the 90 % interval ends where the
log posterior has fallen by ½·χ²₁(0.9) (Raue et al., Bioinformatics 25:1923, 2009). A coupling
that was not selected is put back into the network for its own profile, alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.identify.fit import Criterion, Fit, Report, descend
from rexdynnet.identify.likelihood import value_and_gradient
from rexdynnet.identify.spacemeter import Identified
from rexdynnet.identify.structure import BELIEFS, Array, build_model, prior_of
from rexdynnet.identify.verdict import (
    HALF_CHI2_90,
    NORMAL_90,
    Information,
    information,
    judge,
    upper_end,
)
from rexdynnet.network.rc import Coupling, Estimate, Parameter, Quantity, RCNetwork

_STEP = 1e-3
# an end is found when the fall is this near to what it should be
_NEAR, _MOST_FITS = 0.03, 12


@dataclass(frozen=True)
class Profile:
    """How the log posterior falls as a coupling moves and all else is fitted again.

    Parameters
    ----------
    parameter : Parameter
    estimate : Estimate
        Where the fall is 0, and where it reaches ½·χ²₁(0.9).
    conductance : (k,)
        W/K, ascending.
    fall : (k,)
        Of the log posterior below its largest value.
    """

    parameter: Parameter
    estimate: Estimate
    conductance: Array
    fall: Array


def profile_couplings(
    found: Identified,
    pairs: Iterable[tuple[str, str]] | None = None,
    report: Report | None = None,
) -> dict[Parameter, Profile]:
    """Profile the likelihood of couplings, selected or not.

    Parameters
    ----------
    found : Identified
        Fitted by likelihood.
    pairs : iterable of (str, str) or None
        Zones; None: all candidates.
    report : callable or None
        Told about each coupling.

    Returns
    -------
    dict of Parameter to Profile

    Raises
    ------
    InputError
        The fit was by another criterion, or a pair is no candidate.

    Examples
    --------
    >>> from rexdynnet.identify import Criterion, FitOptions, Shape, identify
    >>> from rexdynnet.identify.synthetic import make_building, simulate_meters
    >>> meters = simulate_meters(make_building(1, 2, seed=1), seed=1, days=4.0, step_s=1800.0)
    >>> options = FitOptions(Criterion.LIKELIHOOD)
    >>> found = identify(meters, shape=Shape(mass=False, sectors_h=(12.0,)), options=options)
    >>> (told,) = profile_couplings(found).values()
    >>> told.estimate.lower < told.estimate.value < told.estimate.upper
    True
    """
    if found.options.criterion is not Criterion.LIKELIHOOD:
        raise InputError(
            Finding(
                "a profile is of the likelihood, and this network was fitted for prediction",
                "fit with FitOptions(Criterion.LIKELIHOOD)",
                field="criterion",
            )
        )
    asked = _asked(found.network, pairs)
    # what the search has left makes every fall too large: go to the very optimum first
    fit = _settled(found.fit, found.information.scale)
    known = information(fit)
    profiles: dict[Parameter, Profile] = {}
    for number, pair in enumerate(asked, start=1):
        one = Parameter(Quantity.COUPLING, pair.zone, pair.other)
        if one in fit.structure.parameters:
            profiles[one] = _profile(fit, known, one)
        else:
            profiles[one] = _profile(*_with_coupling(fit, known, one), one)
        if report is not None:
            told = profiles[one].estimate
            report(
                f"profile {number} of {len(asked)}: {pair.zone} - {pair.other} "
                f"{told.lower:.0f} to {told.upper:.0f} W/K"
            )
    return profiles


def with_profiles(network: RCNetwork, profiles: Mapping[Parameter, Profile]) -> RCNetwork:
    """The network with the intervals and verdicts of profiles.

    Parameters
    ----------
    network : RCNetwork
    profiles : mapping of Parameter to Profile

    Returns
    -------
    RCNetwork
        Conductances of selected couplings stay as they were fitted.
    """
    return replace(
        network, couplings=tuple(_with_profile(pair, profiles) for pair in network.couplings)
    )


def _with_profile(pair: Coupling, profiles: Mapping[Parameter, Profile]) -> Coupling:
    profile = profiles.get(Parameter(Quantity.COUPLING, pair.zone, pair.other))
    if profile is None:
        return pair
    told = profile.estimate
    if not pair.selected:
        return replace(pair, conductance=told)
    value = pair.conductance.value
    lower, upper = min(told.lower, value), max(told.upper, value)
    return replace(pair, conductance=replace(told, value=value, lower=lower, upper=upper))


def _asked(network: RCNetwork, pairs: Iterable[tuple[str, str]] | None) -> tuple[Coupling, ...]:
    if pairs is None:
        return network.couplings
    known = {frozenset((pair.zone, pair.other)): pair for pair in network.couplings}
    wanted = [(frozenset(pair), pair) for pair in pairs]
    missing = [pair for key, pair in wanted if key not in known]
    if missing:
        raise InputError(
            *(
                Finding(
                    f"{one} and {other} were no candidates of this fit",
                    "name two zones that the layout lets touch",
                    component=f"{one} - {other}",
                )
                for one, other in missing
            )
        )
    return tuple(known[key] for key, _ in wanted)


def _settled(fit: Fit, scale: Array) -> Fit:
    return descend(fit.model, fit.prior, fit.record, Criterion.LIKELIHOOD, fit.theta, scale)


def _with_coupling(fit: Fit, known: Information, one: Parameter) -> tuple[Fit, Information]:
    """The fit with a coupling put back, and its information: one row more than before."""
    structure = replace(fit.structure, edges=(*fit.structure.edges, (one.zone, one.other)))
    last = prior_of(structure)
    prior = replace(
        fit.prior,
        **{
            name: np.append(getattr(fit.prior, name), getattr(last, name)[-1])
            for name in ("centre", "spread", "lower", "upper")
        },
    )
    larger = replace(
        fit, model=build_model(structure), prior=prior, theta=np.append(fit.theta, 0.0)
    )
    larger = _settled(larger, np.append(known.scale, 1.0))
    ahead = larger.theta.copy()
    ahead[-1] += _STEP
    slopes = [value_and_gradient(larger.model, fit.record, at)[1] for at in (ahead, larger.theta)]
    row = (slopes[0] - slopes[1]) / _STEP
    data = np.block([[known.data, row[:-1, None]], [row[None, :-1], row[-1]]])
    return larger, information(larger, data)


def _profile(fit: Fit, known: Information, one: Parameter) -> Profile:
    row = fit.structure.parameters.index(one)
    curve = _Curve(fit, known, row)
    belief, theta = BELIEFS[one.quantity], float(fit.theta[row])
    above = upper_end(row, fit, known)
    if known.free[row]:
        above = theta + NORMAL_90 * float(np.sqrt(known.covariance[row, row]))
    lower, upper = _end(curve, theta, 2.0 * theta - above), _end(curve, theta, above)
    ends = (belief.to_value(lower), belief.to_value(upper))
    deviation = (upper - max(lower, theta - (upper - theta))) / (2.0 * NORMAL_90)
    verdict, reason = judge(one, row, fit, known, deviation, ends[1])
    points = sorted(curve.seen.items())
    return Profile(
        one,
        Estimate(belief.to_value(theta), *ends, verdict, reason),
        np.array([belief.to_value(at) for at, _ in points]),
        np.maximum([fall for _, fall in points], 0.0),
    )


class _Curve:
    """The fall at any θ of one parameter; remembers what it was asked."""

    def __init__(self, fit: Fit, known: Information, row: int) -> None:
        self.fit, self.row, self.scale = fit, row, known.scale
        self.seen = {float(fit.theta[row]): 0.0}
        others = known.free.copy()
        others[row] = False
        # where the others go to second order as this one moves by 1
        self.along = np.zeros(len(others))
        self.along[others] = -np.linalg.solve(
            known.total[np.ix_(others, others)], known.total[others, row]
        )
        self.along[row] = 1.0

    def __call__(self, at: float) -> float:
        """Fall of the log posterior with the parameter held there."""
        if at not in self.seen:
            fit, prior = self.fit, self.fit.prior
            lower, upper = prior.lower.copy(), prior.upper.copy()
            lower[self.row] = upper[self.row] = at
            held = replace(prior, lower=lower, upper=upper)
            begin = np.clip(fit.theta + (at - fit.theta[self.row]) * self.along, lower, upper)
            begun = descend(fit.model, held, fit.record, Criterion.LIKELIHOOD, begin, self.scale)
            self.seen[at] = begun.value - fit.value
        return self.seen[at]


def _end(curve: _Curve, theta: float, guess: float) -> float:
    """Where the fall reaches its limit, on the side of the guess; a bound where it never does."""
    prior, row = curve.fit.prior, curve.row
    bound = float(prior.upper[row] if guess > theta else prior.lower[row])
    if theta == bound:
        return theta
    inside, outside = theta, None
    at = guess
    for _ in range(_MOST_FITS):
        at = min(at, bound) if bound > theta else max(at, bound)
        fall = curve(at)
        if abs(fall - HALF_CHI2_90) < _NEAR * HALF_CHI2_90:
            return at
        if fall > HALF_CHI2_90:
            outside = at
        else:
            inside = at
            if at == bound:
                return bound
        at = theta + 2.0 * (at - theta) if outside is None else _between(curve, inside, outside)
    return at


def _between(curve: _Curve, inside: float, outside: float) -> float:
    """Next guess between two: roots of the fall are straight where it is quadratic."""
    low, high = np.sqrt(max(curve(inside), 0.0)), np.sqrt(curve(outside))
    share = float((np.sqrt(HALF_CHI2_90) - low) / (high - low))
    return inside + min(max(share, 0.05), 0.95) * (outside - inside)
