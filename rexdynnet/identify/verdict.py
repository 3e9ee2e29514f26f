"""What the data say of each parameter: intervals, verdicts and what would settle the rest.

The information of the data is the curvature of the negative log likelihood at
the estimate (differences of its exact gradient); the prior adds its own. An
interval is the estimate ± 1.645 standard deviations in θ; a coupling at its
bound 0 gets the upper end of its profile likelihood, to second order:
slope·G + ½·curvature·G² = ½·χ²₁(0.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from rexdynnet.identify.fit import Fit, objective
from rexdynnet.identify.likelihood import value_and_gradient
from rexdynnet.identify.structure import BELIEFS, Array
from rexdynnet.network.rc import Estimate, Parameter, Quantity, Verdict

# standard normal quantile of a 90 % interval, and half the chi-square quantile
NORMAL_90, HALF_CHI2_90 = 1.6449, 1.3528
# relative standard deviation below which a number is identified, and weak
_IDENTIFIED, _WEAK = 0.2, 0.7
# posterior over prior spread above which the data said nothing
_SILENT = 0.8
# a coupling that cannot be larger than this is known to be absent
_ABSENT_W_per_K = 10.0
# records this much longer are no advice
_LONGEST = 30.0
_STEP = 1e-4


@dataclass(frozen=True)
class Information:
    """Curvature at an estimate.

    Parameters
    ----------
    data : (p, p)
        Of the negative log likelihood.
    total : (p, p)
        With the prior.
    slope : (p,)
        Gradient with the prior.
    free : (p,) bool
        Parameters that are not at a bound.
    covariance : (p, p)
        Inverse of `total` over the free ones, 0 elsewhere.
    """

    data: Array
    total: Array
    slope: Array
    free: np.ndarray
    covariance: Array

    @property
    def scale(self) -> Array:
        """Deviation of each θ with the others held, (p,)."""
        return 1.0 / np.sqrt(np.maximum(np.diag(self.total), 1e-6))


def curvature(fit: Fit) -> Array:
    """Second derivatives of the negative log likelihood at a fit.

    Parameters
    ----------
    fit : Fit

    Returns
    -------
    (p, p)
    """
    theta, prior = fit.theta, fit.prior
    data = np.empty((len(theta), len(theta)))
    for row in range(len(theta)):
        ahead, behind = theta.copy(), theta.copy()
        ahead[row] += _STEP
        behind[row] = max(theta[row] - _STEP, min(prior.lower[row], theta[row]))
        width = ahead[row] - behind[row]
        up = value_and_gradient(fit.model, fit.record, ahead)[1]
        down = value_and_gradient(fit.model, fit.record, behind)[1]
        data[row] = (up - down) / width
    return 0.5 * (data + data.T)


def information(fit: Fit, data: Array | None = None) -> Information:
    """What the data say at a fit.

    Parameters
    ----------
    fit : Fit
    data : (p, p) or None
        Curvature, where that of a similar fit will do.

    Returns
    -------
    Information
    """
    theta, prior = fit.theta, fit.prior
    if data is None:
        data = curvature(fit)
    total = data + np.diag(1.0 / prior.spread**2)
    slope = objective(fit.model, prior, fit.record, theta, 0.0)[1]
    room = 1e-6 * (1.0 + np.abs(theta))
    free = (theta > prior.lower + room) & (theta < prior.upper - room)
    covariance = np.zeros_like(total)
    inside = np.ix_(free, free)
    values, vectors = np.linalg.eigh(total[inside])
    # a flat or bent direction is as uncertain as the prior leaves it
    floor = 1.0 / prior.spread[free].max() ** 2
    covariance[inside] = (vectors / np.maximum(values, floor)) @ vectors.T
    return Information(data, total, slope, free, covariance)


def estimates(fit: Fit, known: Information) -> dict[Parameter, Estimate]:
    """Value, interval and verdict of every parameter.

    Parameters
    ----------
    fit : Fit
    known : Information
        Of the fit.

    Returns
    -------
    dict of Parameter to Estimate
    """
    found: dict[Parameter, Estimate] = {}
    for row, parameter in enumerate(fit.structure.parameters):
        belief = BELIEFS[parameter.quantity]
        theta = float(fit.theta[row])
        if known.free[row]:
            deviation = float(np.sqrt(known.covariance[row, row]))
            low = max(theta - NORMAL_90 * deviation, float(fit.prior.lower[row]))
            high = min(theta + NORMAL_90 * deviation, float(fit.prior.upper[row]))
        else:
            deviation = 0.0
            end = upper_end(row, fit, known) if parameter.quantity is Quantity.COUPLING else theta
            low, high = min(theta, end), max(theta, end)
        value, lower, upper = (belief.to_value(number) for number in (theta, low, high))
        verdict, reason = judge(parameter, row, fit, known, deviation, upper)
        found[parameter] = Estimate(value, lower, upper, verdict, reason)
    return found


def judge(
    parameter: Parameter, row: int, fit: Fit, known: Information, deviation: float, upper: float
) -> tuple[Verdict, str]:
    """Verdict on a parameter, and why.

    Parameters
    ----------
    parameter : Parameter
    row : int
        Of it in θ.
    fit : Fit
    known : Information
    deviation : float
        Of θ.
    upper : float
        End of its interval, SI.

    Returns
    -------
    Verdict and str
        The reason is empty where it is identified.
    """
    theta, spread = float(fit.theta[row]), float(fit.prior.spread[row])
    if not known.free[row]:
        if parameter.quantity is Quantity.COUPLING:
            return _absent(upper, parameter)
        return Verdict.NOT_IDENTIFIABLE, "the data push it to the bound of what is physical"
    relative = _relative(parameter, theta, deviation)
    if deviation > _SILENT * spread:
        verdict = Verdict.NOT_IDENTIFIABLE
    elif relative <= _IDENTIFIED:
        verdict = Verdict.IDENTIFIED
    else:
        verdict = Verdict.WEAK if relative <= _WEAK else Verdict.NOT_IDENTIFIABLE
    if verdict is Verdict.IDENTIFIED:
        return verdict, ""
    # information grows with the length of the record
    return verdict, _reason(row, fit, known, (relative / _IDENTIFIED) ** 2)


def _absent(upper: float, parameter: Parameter) -> tuple[Verdict, str]:
    if upper <= _ABSENT_W_per_K:
        return Verdict.IDENTIFIED, f"the data leave it at most {upper:.2g} W/K"
    cause = f"none is seen, but up to {upper:.3g} W/K would fit these data"
    times = (upper / _ABSENT_W_per_K) ** 2
    return Verdict.NOT_IDENTIFIABLE, f"{cause}; {experiment(parameter, times)}"


def _relative(parameter: Parameter, theta: float, deviation: float) -> float:
    """Standard deviation over value; of a gain, over 100 W."""
    if parameter.quantity is Quantity.COUPLING:
        return deviation / max(theta, 1e-9)
    return deviation


def upper_end(row: int, fit: Fit, known: Information) -> float:
    """θ where the profile likelihood of a parameter at its lower bound has fallen enough.

    Parameters
    ----------
    row : int
        Of the parameter in θ.
    fit : Fit
    known : Information

    Returns
    -------
    float
        To second order.
    """
    inside = known.free
    across = known.total[row, inside]
    curvature = known.total[row, row] - across @ known.covariance[np.ix_(inside, inside)] @ across
    curvature = max(float(curvature), 1e-9)
    slope = max(float(known.slope[row]), 0.0)
    step = (np.sqrt(slope**2 + 2.0 * curvature * HALF_CHI2_90) - slope) / curvature
    return min(float(fit.theta[row] + step), float(fit.prior.upper[row]))


def _reason(row: int, fit: Fit, known: Information, times: float) -> str:
    """With which other parameter it trades off, and the experiment that would tell them apart."""
    parameters = fit.structure.parameters
    deviation = np.sqrt(np.maximum(np.diag(known.covariance), 1e-300))
    correlation = known.covariance[row] / (deviation[row] * deviation)
    correlation[row] = 0.0
    correlation[~known.free] = 0.0
    worst = int(np.argmax(np.abs(correlation)))
    strength = abs(float(correlation[worst]))
    cause = (
        f"because it trades off against {parameters[worst]} (correlation {correlation[worst]:+.2f})"
        if strength > 0.5
        else "because these data hardly excite it"
    )
    return f"{cause}; {experiment(parameters[row], times)}"


def experiment(parameter: Parameter, times: float) -> str:
    """What would settle a parameter: which heater, and for how long.

    Parameters
    ----------
    parameter : Parameter
    times : float
        How much longer a record of the same kind would have to be.

    Returns
    -------
    str

    Examples
    --------
    >>> experiment(Parameter(Quantity.COUPLING, "hall", "kitchen"), 3.2)
    'heat hall alone by 3 K for 24 h while kitchen floats, or record about 4 times as long'
    """
    zone, other = parameter.zone, parameter.other
    if times > _LONGEST:
        longer = "as more of the same will not do"
    else:
        longer = f"or record about {max(2, ceil(times))} times as long"
    match parameter.quantity:
        case Quantity.COUPLING:
            return f"heat {zone} alone by 3 K for 24 h while {other} floats, {longer}"
        case Quantity.OUTDOOR | Quantity.MASS_OUTDOOR:
            return f"hold {zone} warm through two cold nights with its heater metered, {longer}"
        case Quantity.CAPACITY:
            return f"switch the heater of {zone} on and off at random for 6 h, {longer}"
        case Quantity.MASS_CAPACITY | Quantity.MASS_CONDUCTANCE:
            return f"step the heater of {zone} for 48 h, then let it cool for 48 h, {longer}"
        case Quantity.APERTURE | Quantity.MASS_APERTURE:
            return f"record {zone} on clear and on overcast days, {longer}"
        case Quantity.GAIN | Quantity.COMMON | Quantity.UNMETERED:
            return f"meter what else heats {zone}, {longer}"
        case Quantity.PROCESS | Quantity.MASS_PROCESS | Quantity.SENSOR:
            return f"sample {zone} every 15 minutes or faster"
