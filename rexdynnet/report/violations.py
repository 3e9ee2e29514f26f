"""Where and when a run kept its bounds least."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

_HOUR_S = 3600.0
_HEAT_SHARE = 1e-3


class Bound(Enum):
    """Bounds that a run is held against: (text, unit of the distance, unit of its integral)."""

    SUPPLY_TEMPERATURE = ("supply colder than the contract", "K", "K h")
    DIFFERENTIAL_PRESSURE = ("differential pressure below the contract", "bar", "bar h")
    HEAT = ("heat demanded and not delivered", "kW", "kWh")
    RULE = ("rule of the scenario broken", "", "")

    @property
    def text(self) -> str:
        """What it means when it is not kept."""
        return self.value[0]

    @property
    def unit(self) -> str:
        """Unit of the distance from the bound."""
        return self.value[1]

    @property
    def integral_unit(self) -> str:
        """Unit of that distance integrated over time."""
        return self.value[2]


@dataclass(frozen=True)
class Violation:
    """A bound that one component did not keep.

    Parameters
    ----------
    bound : Bound
    component : str
        Substation, or the rule's name.
    worst_s : float
        When the distance was largest, seconds since the start.
    worst : float
        Largest distance, in `unit`.
    total : float
        Distance integrated over time, in `bound.integral_unit`; NaN for a rule.
    duration_s : float
        For how long the bound was not kept.
    unit : str
    """

    bound: Bound
    component: str
    worst_s: float
    worst: float
    total: float
    duration_s: float
    unit: str


def find_violations(result: xr.Dataset, *, most: int = 3) -> tuple[Violation, ...]:
    """The worst violations of each bound.

    Parameters
    ----------
    result : xarray.Dataset
        Of `rexdynnet.simulate` or `rexdynnet.run`.
    most : int
        Of one bound.

    Returns
    -------
    tuple of Violation
        Bounds in the order of `Bound`; in each the largest integral first.

    Notes
    -----
    Distances are read at the rows of the result and integrated by the trapezoidal rule; heats are
    means over the row before. Distances below 0.01 K, 0.001 bar and 0.1 % of the substation's
    largest demand are not counted. A bound that the result does not carry is not judged.
    """
    found: list[Violation] = []
    for bound, distance, scale, least in _distances(result):
        found += _worst(result, bound, distance, scale, least)[:most]
    rules = sorted(_rules(result), key=lambda one: -one.worst)
    return (*found, *rules)


def _distances(
    result: xr.Dataset,
) -> Iterator[tuple[Bound, NDArray[np.float64], float, NDArray[np.float64]]]:
    """Distance beyond each bound, shape (time, substation), its scale and what counts at all."""
    contracts = (
        (Bound.SUPPLY_TEMPERATURE, "supply_temperature", 1.0, 0.01),
        (Bound.DIFFERENTIAL_PRESSURE, "differential_pressure", 1e-5, 1e2),
    )
    for bound, name, scale, least in contracts:
        limit, value = f"substation_minimum_{name}", f"substation_{name}"
        if limit in result.variables and value in result.variables:
            distance = result[limit].to_numpy() - result[value].to_numpy()
            yield bound, distance, scale, np.full(distance.shape[1], least)
    if "substation_unserved_heat" in result.variables:
        unserved = result["substation_unserved_heat"].to_numpy()
        demand = result["substation_heat_demand"].to_numpy().max(axis=0)
        yield Bound.HEAT, unserved, 1e-3, _HEAT_SHARE * demand


def _worst(
    result: xr.Dataset,
    bound: Bound,
    distance: NDArray[np.float64],
    scale: float,
    least: NDArray[np.float64],
) -> list[Violation]:
    time_s = result["time"].to_numpy().astype(np.float64)
    spans = np.diff(time_s)
    beyond = np.where(distance > np.maximum(least, 0.0), distance, 0.0)
    means = beyond[1:] if bound is Bound.HEAT else 0.5 * (beyond[1:] + beyond[:-1])
    totals = (means * spans[:, None]).sum(axis=0)
    names = [str(name) for name in result["substation"].to_numpy()]
    order = [int(column) for column in np.argsort(-totals, kind="stable") if totals[column] > 0]
    return [
        Violation(
            bound,
            names[column],
            float(time_s[int(np.argmax(beyond[:, column]))]),
            scale * float(beyond[:, column].max()),
            scale * float(totals[column]) / _HOUR_S,
            float(spans[means[:, column] > 0].sum()),
            bound.unit,
        )
        for column in order
    ]


def _rules(result: xr.Dataset) -> Iterator[Violation]:
    if "monitor_robustness_over_time" not in result.variables:
        return
    time_s = result["time"].to_numpy().astype(np.float64)
    robustness = result["monitor_robustness_over_time"].to_numpy()
    score = result["monitor_robustness"].to_numpy()
    units = [str(unit) for unit in result["monitor_unit"].to_numpy()]
    for column, name in enumerate(str(name) for name in result["monitor"].to_numpy()):
        values = robustness[:, column]
        if score[column] >= 0 or not np.isfinite(values).any():
            continue
        row = int(np.nanargmin(values))
        broken = np.nan_to_num(values[1:]) < 0
        yield Violation(
            Bound.RULE,
            name,
            float(time_s[row]),
            -float(score[column]),
            float("nan"),
            float(np.diff(time_s)[broken].sum()),
            units[column],
        )
