"""How well a case was predicted: figures, their JSON form and a table for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.plant import Method

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SensorScore:
    """How well one measured temperature was predicted.

    Parameters
    ----------
    case, sensor : str
    n : int
        Number of instants compared.
    rmse_K, bias_K, max_K : float
        Root mean square, mean and largest magnitude of predicted minus measured.
    reference : float or None
        Published RMSE of another model, K.
    """

    case: str
    sensor: str
    n: int
    rmse_K: float
    bias_K: float
    max_K: float
    reference: float | None

    def record(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "case": self.case,
            "sensor": self.sensor,
            "n": self.n,
            "rmse_K": self.rmse_K,
            "bias_K": self.bias_K,
            "max_K": self.max_K,
            "reference": self.reference,
        }


@dataclass(frozen=True)
class BandScore:
    """Where an answer lies in the band of tools that agree.

    Parameters
    ----------
    case, quantity, unit : str
    value, low, high : float
        In `unit`.
    boundary : bool
        The exercise prescribes the value, so agreement proves nothing.
    """

    case: str
    quantity: str
    unit: str
    value: float
    low: float
    high: float
    boundary: bool = False

    @property
    def inside(self) -> bool:
        """Whether the value lies in the band."""
        return self.low <= self.value <= self.high

    @property
    def off(self) -> float:
        """Distance to the band in `unit`; 0 inside."""
        return max(self.low - self.value, self.value - self.high, 0.0)

    def record(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "case": self.case,
            "quantity": self.quantity,
            "unit": self.unit,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "inside": self.inside,
        }


Score = SensorScore | BandScore


@dataclass(frozen=True)
class Prediction:
    """Measured and predicted temperature of one sensor, for pictures.

    Parameters
    ----------
    case, title, sensor : str
    time_s : (n,) array
    measured_K, predicted_K : (n,) array
    skip_s : float
        What of the beginning is not scored.
    """

    case: str
    title: str
    sensor: str
    time_s: Floats
    measured_K: Floats
    predicted_K: Floats
    skip_s: float


@dataclass(frozen=True)
class Validation:
    """Everything that a validation found.

    Parameters
    ----------
    scores : tuple of SensorScore or BandScore
    predictions : tuple of Prediction
    method : Method
    """

    scores: tuple[Score, ...]
    predictions: tuple[Prediction, ...]
    method: Method

    def records(self) -> list[dict[str, Any]]:
        """All scores as JSON objects."""
        return [score.record() for score in self.scores]


def score(prediction: Prediction, reference_K: float | None) -> SensorScore:
    """Score a prediction over all instants after the skipped beginning.

    Parameters
    ----------
    prediction : Prediction
    reference_K : float or None
        Published RMSE to print beside.

    Returns
    -------
    SensorScore

    Examples
    --------
    >>> time_s = np.array([0.0, 10.0, 20.0])
    >>> cold, warm = np.array([300.0, 300.0, 300.0]), np.array([390.0, 300.5, 299.5])
    >>> score(Prediction("bench", "", "outlet", time_s, cold, warm, 10.0), None)
    SensorScore(case='bench', sensor='outlet', n=2, rmse_K=0.5, bias_K=0.0, max_K=0.5, \
reference=None)
    """
    scored = prediction.time_s >= prediction.skip_s
    error = (prediction.predicted_K - prediction.measured_K)[scored]
    return SensorScore(
        prediction.case,
        prediction.sensor,
        int(scored.sum()),
        float(np.sqrt(np.mean(error**2))),
        float(np.mean(error)),
        float(np.max(np.abs(error))),
        reference_K,
    )


def format_scores(validation: Validation) -> str:
    """Lay the scores out as text for a terminal.

    Parameters
    ----------
    validation : Validation

    Returns
    -------
    str
        One table of temperatures, one of banded answers; a missing kind is left out.
    """
    lines: list[str] = []
    sensors = [s for s in validation.scores if isinstance(s, SensorScore)]
    if sensors:
        width = max(len("case"), *(len(s.case) for s in sensors))
        lines.append(
            f"{'case':{width}}  {'sensor':8} {'n':>5} {'RMSE K':>8} {'bias K':>8} {'max K':>8} "
            f"{'published RMSE K':>17}"
        )
        for s in sensors:
            published = "-" if s.reference is None else f"{s.reference:.3f}"
            lines.append(
                f"{s.case:{width}}  {s.sensor:8} {s.n:5d} {s.rmse_K:8.3f} {s.bias_K:+8.3f} "
                f"{s.max_K:8.2f} {published:>17}"
            )
    bands = [s for s in validation.scores if isinstance(s, BandScore)]
    if bands:
        if lines:
            lines.append("")
        lines.append(
            f"{'case':12} {'quantity':20} {'unit':5} {'value':>11} {'lowest':>11} {'highest':>11}  "
            "in the band of the agreeing tools"
        )
        for s in bands:
            word = "given" if s.boundary else "yes" if s.inside else f"no, {s.off:.3g} off"
            lines.append(
                f"{s.case:12} {s.quantity:20} {s.unit:5} {s.value:11.3f} {s.low:11.3f} "
                f"{s.high:11.3f}  {word}"
            )
        judged = [s for s in bands if not s.boundary]
        inside = sum(s.inside for s in judged)
        lines.append(f"{inside} of {len(judged)} quantities that are no boundary values are inside")
    return "\n".join(lines)
