"""Calibration of a network from operation: heat loss, roughness and fouling from what was recorded.

A recorded series is what the plant would show plus an error that is correlated in
time, e_k = ρ·e_{k−1} + noise: the sensor's and the model's own. With ρ and the noise of
each channel estimated too, minus twice the log likelihood of the factors θ is
Σ_channels n·log(mean of noise²), up to a constant; the prior adds its own. Gauss-Newton
steps make it small. The derivatives J are differences of runs, which are rough on a
small scale; the information J₁ᵀJ₂ takes them from two step sizes, so that roughness,
which the two do not share, is not mistaken for information.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.identify.verdict import NORMAL_90
from rexdynnet.network.graph import Network
from rexdynnet.network.rc import Estimate, Verdict
from rexdynnet.network.spec import Exchanger
from rexdynnet.simulation.dataset import series
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.plant import Method, PlantState
from rexdynnet.simulation.simulate import make_plant, simulate

Array = NDArray[np.float64]
Report = Callable[[str], None]

_IDENTIFIED, _WEAK, _SILENT = 0.2, 0.7, 0.8
# of ln(factor): parcels that arrive a moment earlier make runs rough on a smaller scale
_STEPS = (0.1, 0.17)
_LONGEST, _WIDEST = 0.5, float(np.log(50.0))
# the first turns take errors for white, the others estimate their correlation
_TURNS, _WHITE_TURNS = 10, 3
# errors correlated more than this are a drift, not a sensor's noise
_MOST_CORRELATED = 0.98
_LEAST_ROWS = 24


class Law(Enum):
    """Which law a factor changes: (run-time parameter, deviation of ln(factor) before the data)."""

    HEAT_LOSS = ("loss_factor", 0.7)
    ROUGHNESS = ("roughness_factor", 1.5)
    CLEANNESS = ("fouling", 0.5)

    @property
    def quantity(self) -> str:
        """Run-time parameter of a component."""
        return self.value[0]

    @property
    def spread(self) -> float:
        """Standard deviation of ln(factor) before the data speak."""
        return self.value[1]

    @property
    def most(self) -> float:
        """Largest ln(factor)."""
        return 0.0 if self is Law.CLEANNESS else _WIDEST

    def parameter(self, factor: float) -> float:
        """Value of the run-time parameter; a foul exchanger has lost 1 − factor of its UA."""
        return 1.0 - factor if self is Law.CLEANNESS else factor


@dataclass(frozen=True)
class Unknown:
    """A factor on a law that some components share.

    Parameters
    ----------
    name : str
    law : Law
        `CLEANNESS` is the share of an exchanger's UA that is left.
    components : tuple of str
        Pipes, or substations with an exchanger.
    """

    name: str
    law: Law
    components: tuple[str, ...]


@dataclass(frozen=True)
class Recorded:
    """What a sensor of the network recorded.

    Parameters
    ----------
    name : str
        `component.quantity` as in results, such as `n1_supply.temperature`.
    values : (t,)
        SI, at the output times of the run; NaN where not recorded.
    resolution : float
        Deviation of the reading in SI units: errors are never taken for smaller.
    """

    name: str
    values: Array
    resolution: float


@dataclass(frozen=True)
class Calibration:
    """Factors with intervals, and what is left unexplained.

    Parameters
    ----------
    factors : mapping of Unknown to Estimate
    covariance : (p, p)
        Of the logarithms of the factors.
    error_before, error_after : mapping of str to float
        Root mean square error by channel with factors of 1, and calibrated.
    correlation : mapping of str to float
        ρ of the errors from row to row.
    """

    factors: Mapping[Unknown, Estimate]
    covariance: Array
    error_before: Mapping[str, float]
    error_after: Mapping[str, float]
    correlation: Mapping[str, float]


def calibrate(
    network: Network,
    forcing: Forcing,
    recorded: Sequence[Recorded],
    unknowns: Sequence[Unknown],
    *,
    until_s: float,
    output_step_s: float,
    skip_s: float = 0.0,
    start: PlantState | None = None,
    method: Method = Method.PLUGFLOW,
    report: Report | None = None,
) -> Calibration:
    """Estimate factors on a network's laws from recorded temperatures, flows and pressures.

    Parameters
    ----------
    network : Network
    forcing : Forcing
        What drove the network while it was recorded.
    recorded : sequence of Recorded
    unknowns : sequence of Unknown
    until_s, output_step_s : float
        Of the runs; the rows of `recorded` are theirs.
    skip_s : float
        The beginning, which the unknown initial state decides, is not compared.
    start : PlantState or None
    method : Method
    report : callable or None

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        A name is unknown, a channel has the wrong length or nearly no values, nothing is asked.
    """
    plant = make_plant(network, method)
    names = [signal.name for signal in plant.parameters]
    rows = _check(names, recorded, unknowns, round(until_s / output_step_s) + 1)
    used = np.arange(rows) * output_step_s >= skip_s
    defaults = np.array([signal.default or 0.0 for signal in plant.parameters])
    places = [[names.index(f"{c}.{u.law.quantity}") for c in u.components] for u in unknowns]
    spread = np.array([one.law.spread for one in unknowns])

    def errors(theta: Array) -> list[Array]:
        values = defaults.copy()
        for one, at, log_factor in zip(unknowns, places, theta, strict=True):
            values[at] = one.law.parameter(float(np.exp(log_factor)))
        run = simulate(
            plant, forcing, until_s, output_step_s=output_step_s, parameters=values, start=start
        )
        told = [np.asarray(series(run, one.name), dtype=float) for one in recorded]
        return [(one.values - own)[used] for one, own in zip(recorded, told, strict=True)]

    theta = np.zeros(len(unknowns))
    upper = np.array([one.law.most for one in unknowns])
    before = left = errors(theta)
    # wrong factors look like a drift; taken for one, it would explain them away
    noise = [(0.0, max(_rms(e), one.resolution)) for e, one in zip(left, recorded, strict=True)]
    slopes: _Slopes | None = None
    moved = np.inf
    information = np.diag(1.0 / spread**2)
    for turn in range(_TURNS):
        if slopes is None or moved > _STEPS[0]:
            slopes = _slopes(errors, theta, upper)
        white = np.concatenate([_whiten(e, *n) for e, n in zip(left, noise, strict=True)])
        one, two = (_whitened(table, noise) for table in slopes)
        share = _trusted(one, two)
        one, two = one * share, two * share
        information = _information(one, two) + np.diag(1.0 / spread**2)
        step: Array = -np.linalg.solve(
            information, 0.5 * (one + two).T @ white + theta / spread**2
        ).astype(np.float64)
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-9))
        new, left = _tried(errors, theta, step, upper)
        moved = float(np.abs(new - theta).max())
        theta = new
        pairs = list(zip(left, recorded, strict=True))
        if turn < _WHITE_TURNS:
            noise = [(0.0, max(_rms(e), one.resolution)) for e, one in pairs]
        else:
            noise = [_noise(e, one.resolution) for e, one in pairs]
        if report is not None:
            report(f"factors {np.round(np.exp(theta), 3).tolist()}")
        if turn > _WHITE_TURNS and moved < 0.01:
            break
    covariance: Array = np.linalg.inv(information).astype(np.float64)
    channels = [one.name for one in recorded]
    return Calibration(
        _estimates(tuple(unknowns), theta, covariance, spread, upper),
        covariance,
        dict(zip(channels, map(_rms, before), strict=True)),
        dict(zip(channels, map(_rms, left), strict=True)),
        dict(zip(channels, [rho for rho, _ in noise], strict=True)),
    )


def calibrated(network: Network, calibration: Calibration) -> Network:
    """The network with its laws changed as a calibration found.

    Parameters
    ----------
    network : Network
    calibration : Calibration

    Returns
    -------
    Network
    """
    factor = {
        (component, unknown.law): estimate.value
        for unknown, estimate in calibration.factors.items()
        for component in unknown.components
    }
    pipes = tuple(
        replace(
            pipe,
            loss_W_per_mK=pipe.loss_W_per_mK * factor.get((pipe.name, Law.HEAT_LOSS), 1.0),
            roughness_m=pipe.roughness_m * factor.get((pipe.name, Law.ROUGHNESS), 1.0),
        )
        for pipe in network.pipes
    )
    units = tuple(
        replace(
            unit,
            return_law=replace(
                unit.return_law,
                ua_W_per_K=unit.return_law.ua_W_per_K * factor.get((unit.name, Law.CLEANNESS), 1.0),
            ),
        )
        if isinstance(unit.return_law, Exchanger)
        else unit
        for unit in network.substations
    )
    return replace(network, pipes=pipes, substations=units)


def _tried(
    errors: Callable[[Array], list[Array]], theta: Array, step: Array, upper: Array
) -> tuple[Array, list[Array]]:
    """The step, or a part of it where the network can no longer deliver at its end."""
    for part in (1.0, 0.5, 0.25):
        new = np.clip(theta + part * step, -_WIDEST, upper)
        try:
            return new, errors(new)
        except SolverError:
            continue
    new = np.clip(theta + 0.125 * step, -_WIDEST, upper)
    return new, errors(new)


_Slopes = tuple[list[Array], list[Array]]


def _slopes(errors: Callable[[Array], list[Array]], theta: Array, upper: Array) -> _Slopes:
    """Derivatives of every channel's errors, twice, from steps of two sizes, (t, p) each."""
    found: list[list[Array]] = []
    for size in _STEPS:
        columns: list[list[Array]] = []
        for row in range(len(theta)):
            ahead, behind = theta.copy(), theta.copy()
            ahead[row] = min(theta[row] + size, upper[row])
            behind[row] = ahead[row] - 2.0 * size
            pair = zip(errors(ahead), errors(behind), strict=True)
            columns.append([(up - down) / (2.0 * size) for up, down in pair])
        found.append([np.column_stack(channel) for channel in zip(*columns, strict=True)])
    return found[0], found[1]


def _whitened(tables: list[Array], noise: list[tuple[float, float]]) -> Array:
    return np.concatenate(
        [
            np.column_stack([_whiten(column, *each) for column in table.T])
            for table, each in zip(tables, noise, strict=True)
        ]
    )


def _trusted(one: Array, two: Array) -> Array:
    """Share of each column that is no roughness of the runs, which two step sizes do not share.

    Products of two pure noises scatter about 0; information within two deviations of
    that is not counted.
    """
    inverse = [1.0 / size**2 for size in _STEPS]
    noise = np.sum((one - two) ** 2, axis=0) / sum(inverse)
    scatter = noise * np.sqrt(inverse[0] * inverse[1] / len(one))
    product = np.maximum(np.sum(one * two, axis=0), 1e-300)
    return np.sqrt(np.maximum(1.0 - 2.0 * scatter / product, 0.0))


def _information(one: Array, two: Array) -> Array:
    product = one.T @ two
    values, vectors = np.linalg.eigh(0.5 * (product + product.T))
    return (vectors * np.maximum(values, 0.0)) @ vectors.T


def _check(
    names: list[str], recorded: Sequence[Recorded], unknowns: Sequence[Unknown], rows: int
) -> int:
    findings = [
        Finding(
            f"{component} has no {one.law.quantity}",
            "name pipes for heat loss and roughness, substations with an exchanger for cleanness",
            component=component,
        )
        for one in unknowns
        for component in one.components
        if f"{component}.{one.law.quantity}" not in names
    ]
    for one in recorded:
        if np.shape(one.values) != (rows,):
            what = f"{one.name} has {len(one.values)} values for {rows} rows of the run"
            findings.append(Finding(what, "give one per output time, NaN in gaps"))
        elif np.isfinite(one.values).sum() < _LEAST_ROWS or np.isinf(one.values).any():
            what = f"{one.name} has fewer than {_LEAST_ROWS} finite values"
            findings.append(Finding(what, "give a longer record, or leave the channel out"))
        if not one.resolution > 0:
            findings.append(Finding(f"{one.name} has no resolution", "give a positive deviation"))
    if not unknowns or not recorded:
        findings.append(Finding("nothing to calibrate", "give unknowns and recorded channels"))
    if findings:
        raise InputError(*findings)
    return rows


def _noise(errors: Array, resolution: float) -> tuple[float, float]:
    """Correlation of a channel's errors from row to row, and deviation of what is new in each."""
    both = np.isfinite(errors[1:]) & np.isfinite(errors[:-1])
    late, early = errors[1:][both], errors[:-1][both]
    power = float(early @ early)
    rho = float(np.clip(late @ early / power, 0.0, _MOST_CORRELATED)) if power > 0 else 0.0
    deviation = float(np.sqrt(np.mean((late - rho * early) ** 2))) if len(late) else 0.0
    return rho, max(deviation, resolution)


def _whiten(errors: Array, rho: float, deviation: float) -> Array:
    white = np.empty_like(errors)
    # the first error, and one after a gap, has the stationary variance
    white[0] = errors[0] * np.sqrt(1.0 - rho**2)
    white[1:] = errors[1:] - rho * errors[:-1]
    alone = np.isfinite(errors[1:]) & ~np.isfinite(errors[:-1])
    white[1:][alone] = errors[1:][alone] * np.sqrt(1.0 - rho**2)
    return np.where(np.isfinite(white), white / deviation, 0.0)


def _rms(errors: Array) -> float:
    return float(np.sqrt(np.nanmean(errors**2)))


def _estimates(
    unknowns: tuple[Unknown, ...], theta: Array, covariance: Array, spread: Array, upper: Array
) -> dict[Unknown, Estimate]:
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation) - np.eye(len(theta))
    found: dict[Unknown, Estimate] = {}
    for row, unknown in enumerate(unknowns):
        size = float(deviation[row])
        low, high = theta[row] - NORMAL_90 * size, theta[row] + NORMAL_90 * size
        if size <= _IDENTIFIED:
            verdict, reason = Verdict.IDENTIFIED, ""
        else:
            silent = size > min(_WEAK, _SILENT * float(spread[row]))
            verdict = Verdict.NOT_IDENTIFIABLE if silent else Verdict.WEAK
            worst = int(np.argmax(np.abs(correlation[row])))
            reason = (
                f"it trades off against {unknowns[worst].name}"
                if abs(correlation[row, worst]) > 0.5
                else "these data hardly depend on it"
            )
            reason += f"; {_experiment(unknown)}"
        high = min(high, float(upper[row]))
        value, lower, top = (float(np.exp(number)) for number in (theta[row], low, high))
        found[unknown] = Estimate(value, lower, top, verdict, reason)
    return found


def _experiment(unknown: Unknown) -> str:
    match unknown.law:
        case Law.HEAT_LOSS:
            return "record a temperature at its end for a week, with nights of small flow"
        case Law.ROUGHNESS:
            return "record pressures at both its ends through an hour of large flow"
        case Law.CLEANNESS:
            return "record its primary return temperature and flow at a large heat demand"
