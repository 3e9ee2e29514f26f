"""Is a network any good: open-loop errors beside baselines, cross-validation, white residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from rexdynnet.identify.baselines import fit_autoregression, persistence
from rexdynnet.identify.fit import FitOptions, Report
from rexdynnet.identify.likelihood import step_model, sweep
from rexdynnet.identify.meters import Meters
from rexdynnet.identify.predict import predict_rows
from rexdynnet.identify.record import make_record, shifted
from rexdynnet.identify.spacemeter import Shape, identify
from rexdynnet.identify.structure import Matrices
from rexdynnet.network.rc import RCNetwork

Array = NDArray[np.float64]

# share of the network in the mean of network and autoregression
_SHARE = 0.6
_WHITE_LEVEL = 0.01


@dataclass(frozen=True)
class Comparison:
    """Open-loop errors of a day on blocks that no model has seen.

    Parameters
    ----------
    network, mixed, coupled, uncoupled, persistence : float
        Root mean square over zones, rows and blocks, K: the network; the mean of network and
        coupled autoregression; coupled and uncoupled ridge autoregression; the last value kept.
    blocks : tuple of float
        Of the network, by block.
    """

    network: float
    mixed: float
    coupled: float
    uncoupled: float
    persistence: float
    blocks: tuple[float, ...]

    def lines(self) -> list[str]:
        """A table for people."""
        rows = {
            "network": self.network,
            f"mean of network ({_SHARE:.0%}) and coupled autoregression": self.mixed,
            "coupled autoregression": self.coupled,
            "uncoupled autoregression": self.uncoupled,
            "persistence": self.persistence,
        }
        return [f"{value:6.3f} K  {name}" for name, value in rows.items()]


def cross_validate(
    meters: Meters,
    *,
    shape: Shape | None = None,
    options: FitOptions | None = None,
    blocks: int = 3,
    from_s: float = 48 * 3600.0,
    horizon_s: float = 86400.0,
    every_s: float = 6 * 3600.0,
    report: Report | None = None,
) -> Comparison:
    """Hide one block of time after the other, fit without it, predict days within it.

    Parameters
    ----------
    meters : Meters
    shape, options
        As of `SpaceMeterNet.fit`.
    blocks : int
    from_s : float
        The first block begins here.
    horizon_s, every_s : float
        How far is predicted, and how often a prediction begins.
    report : callable or None

    Returns
    -------
    Comparison
    """
    shape, options = shape or Shape(), options or FitOptions()
    usual = float(np.median(meters.steps_s))
    horizon, every = round(horizon_s / usual), max(1, round(every_s / usual))
    ends = np.linspace(round(from_s / usual), len(meters.time), blocks + 1).astype(int)
    inputs = _inputs(meters)
    squared: dict[str, list[Array]] = {name: [] for name in ("rc", "mix", "arx", "own", "last")}
    for first, last in pairwise(ends):
        train = np.ones(len(meters.time), bool)
        train[first:last] = False
        hidden = np.where(train[:, None], meters.temperature_K, np.nan)
        found = identify(replace(meters, temperature_K=hidden), shape=shape, options=options)
        coupled = fit_autoregression(meters.temperature_K, inputs, train)
        own = fit_autoregression(meters.temperature_K, inputs, train, coupled=False)
        here: dict[str, list[Array]] = {name: [] for name in squared}
        for origin in range(first, last - horizon, every):
            truth = meters.temperature_K[origin + 1 : origin + 1 + horizon]
            past = _until(meters, origin + 1 + horizon)
            rc = predict_rows(found.network, past, origin + 1)
            arx = coupled.predict(meters.temperature_K, inputs, origin, horizon)
            tried = {
                "rc": rc,
                "mix": _SHARE * rc + (1 - _SHARE) * arx,
                "arx": arx,
                "own": own.predict(meters.temperature_K, inputs, origin, horizon),
                "last": persistence(meters.temperature_K, origin, horizon),
            }
            for name, answer in tried.items():
                here[name].append((answer - truth) ** 2)
        for name, errors in here.items():
            squared[name].append(np.array(errors))
        if report is not None:
            report(f"rows {first} to {last}: {_rms(squared['rc'][-1:]):.3f} K")
    return Comparison(
        _rms(squared["rc"]),
        _rms(squared["mix"]),
        _rms(squared["arx"]),
        _rms(squared["own"]),
        _rms(squared["last"]),
        tuple(_rms([one]) for one in squared["rc"]),
    )


@dataclass(frozen=True)
class Whiteness:
    """Whether the one-step errors of a zone carry information that the model missed.

    Parameters
    ----------
    zone : str
    deviation : float
        Of the standardised errors; 1 where the model's own uncertainty is right.
    ljung_box_p : float
        Probability of as much correlation over 12 lags in white noise.
    periodogram_gap : float
        Largest distance of the cumulated periodogram from a straight line.
    periodogram_limit : float
        What that stays below with 99 % where the errors are white.
    """

    zone: str
    deviation: float
    ljung_box_p: float
    periodogram_gap: float
    periodogram_limit: float

    @property
    def white(self) -> bool:
        """Both tests pass at 1 %."""
        return self.ljung_box_p > _WHITE_LEVEL and self.periodogram_gap < self.periodogram_limit


def residuals(rc_network: RCNetwork, meters: Meters) -> Array:
    """Standardised one-step errors of every zone, (t, zones); NaN in gaps."""
    space = rc_network.state_space()
    base = len(rc_network.zones) * (2 if rc_network.mass else 1)
    record = make_record(meters, rc_network.mass, rc_network.sectors_h, len(space.A) - base)
    matrices = Matrices(space.A, space.B, np.diag(space.Q), space.variance)
    swept = sweep(step_model(matrices, record), record)
    return swept.innovation / np.sqrt(swept.spread)


def whiteness(rc_network: RCNetwork, meters: Meters, lags: int = 12) -> tuple[Whiteness, ...]:
    """Test the one-step errors of every zone.

    Parameters
    ----------
    rc_network : RCNetwork
    meters : Meters
    lags : int
        Of the Ljung-Box test (Biometrika 65:297, 1978).

    Returns
    -------
    tuple of Whiteness
        The periodogram test is Bartlett's (Kolmogorov-Smirnov on the cumulated periodogram).
    """
    found: list[Whiteness] = []
    for zone, series in zip(rc_network.zones, residuals(rc_network, meters).T, strict=True):
        seen = series[np.isfinite(series)]
        seen = seen[len(seen) // 10 :]
        gap, limit = periodogram_gap(seen)
        found.append(Whiteness(zone, float(seen.std()), ljung_box(seen, lags), gap, limit))
    return tuple(found)


def ljung_box(series: Array, lags: int) -> float:
    """Probability that white noise is as correlated as a series.

    Parameters
    ----------
    series : (n,)
    lags : int

    Returns
    -------
    float

    Examples
    --------
    >>> noise = np.random.default_rng(2).normal(size=400)
    >>> ljung_box(np.cumsum(noise), 12) < 1e-6 < 0.01 < ljung_box(noise, 12)
    True
    """
    centred = series - series.mean()
    n = len(centred)
    power = float(centred @ centred)
    correlation = [float(centred[k:] @ centred[:-k]) / power for k in range(1, lags + 1)]
    statistic = n * (n + 2) * sum(r**2 / (n - k) for k, r in enumerate(correlation, start=1))
    return float(chi2.sf(statistic, lags))


def cumulated_periodogram(series: Array) -> Array:
    """Share of the variance below each frequency, from 1/n to 1/2 a row, (n/2,)."""
    power = np.abs(np.fft.rfft(series - series.mean())[1:]) ** 2
    return np.cumsum(power) / power.sum()


def periodogram_gap(series: Array) -> tuple[float, float]:
    """Largest distance of the cumulated periodogram from a line, and its limit at 99 %."""
    cumulated = cumulated_periodogram(series)
    line = np.arange(1, len(cumulated) + 1) / len(cumulated)
    return float(np.abs(cumulated - line).max()), float(1.63 / np.sqrt(len(cumulated)))


def open_loop_error(rc_network: RCNetwork, meters: Meters, steps: tuple[int, ...]) -> Array:
    """Root mean square error of predictions some rows ahead.

    Parameters
    ----------
    rc_network : RCNetwork
    meters : Meters
        Without gaps in heat and weather.
    steps : tuple of int
        Rows ahead.

    Returns
    -------
    (len(steps), zones)
        K.
    """
    far = max(steps)
    start = max(1, round(172800 / float(np.median(meters.steps_s))))
    errors: list[Array] = []
    for origin in range(start, len(meters.time) - far, max(1, far // 4)):
        ahead = predict_rows(rc_network, _until(meters, origin + 1 + far), origin + 1)
        truth = meters.temperature_K[origin + 1 : origin + 1 + far]
        errors.append((ahead - truth)[[step - 1 for step in steps]])
    return np.sqrt(np.nanmean(np.square(errors), axis=0))


def _inputs(meters: Meters) -> Array:
    heat = np.nan_to_num(meters.heat_W)
    columns = [meters.outdoor_K, *heat.T, meters.radiation_W_per_m2]
    return np.array([shifted(column, meters.rows) for column in columns]).T


def _until(meters: Meters, rows: int) -> Meters:
    return replace(
        meters,
        time=meters.time[:rows],
        temperature_K=meters.temperature_K[:rows],
        heat_W=meters.heat_W[:rows],
        outdoor_K=meters.outdoor_K[:rows],
        radiation_W_per_m2=meters.radiation_W_per_m2[:rows],
    )


def _rms(parts: list[Array]) -> float:
    return float(np.sqrt(np.nanmean(np.concatenate([part.ravel() for part in parts]))))


def day_ahead(rc_network: RCNetwork, meters: Meters, horizon_s: float = 86400.0) -> Array:
    """One day after the other predicted open loop from the history before it.

    Parameters
    ----------
    rc_network : RCNetwork
    meters : Meters
    horizon_s : float

    Returns
    -------
    (t, zones)
        K; NaN for the first two days.
    """
    usual = float(np.median(meters.steps_s))
    horizon = max(1, round(horizon_s / usual))
    found = np.full_like(meters.temperature_K, np.nan)
    for origin in range(2 * horizon - 1, len(meters.time) - 1, horizon):
        last = min(origin + 1 + horizon, len(meters.time))
        found[origin + 1 : last] = predict_rows(rc_network, _until(meters, last), origin + 1)
    return found
