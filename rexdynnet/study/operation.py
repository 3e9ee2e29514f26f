"""Baseline operation: what plants do without a market or an optimising controller.

The supply temperature follows the outdoor temperature along the network's heating
curve, balancing plants hold a differential pressure, the other plants deliver a share
of the demand. Planned outages and dated limits act on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances
from rexdynnet.network.spec import HeatingCurve, Plant, PlantControl
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.forcing import Forcing, merge
from rexdynnet.simulation.weather import full_hours
from rexdynnet.study.limits import apply_limits, availabilities
from rexdynnet.timeline import seconds_since

_DAY_H = 24.0
_HOUR_S = 3600.0
_DEFAULT_SHARE = 0.6


@dataclass(frozen=True)
class PlantOperation:
    """How one plant is run; None leaves the baseline.

    Parameters
    ----------
    supply_temperature_K : float or None
        Constant set-point instead of the heating curve.
    supply_difference_K : float
        Added to the heating curve.
    differential_pressure_Pa : float or None
    heat_share : float or None
        Of the whole demand, for a plant that feeds in a prescribed heat; by default
        such plants share 60 % of the demand equally.
    """

    supply_temperature_K: float | None = None
    supply_difference_K: float = 0.0
    differential_pressure_Pa: float | None = None
    heat_share: float | None = None


@dataclass(frozen=True)
class DailySchedule:
    """A control that repeats every day, holding each value until the next hour.

    Parameters
    ----------
    signal : str
        `component.quantity`.
    hours : tuple of float
        Increasing, from 0 (the start of the run's first day, UTC) to below 24.
    values : tuple of float
        SI, one per hour.
    """

    signal: str
    hours: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        ordered = all(a < b for a, b in zip(self.hours, self.hours[1:], strict=False))
        inside = all(0 <= hour < _DAY_H for hour in self.hours)
        if not (self.hours and ordered and inside and len(self.hours) == len(self.values)):
            raise InputError(
                Finding(
                    f"the daily schedule has hours {list(self.hours)} "
                    f"and {len(self.values)} values",
                    "give increasing hours from 0 to below 24 and one value for each",
                    field="hours",
                    component=self.signal,
                )
            )


@dataclass(frozen=True)
class Operation:
    """The baseline operation of a network.

    Parameters
    ----------
    outdoor_averaging_s : float
        The heating curve takes the outdoor temperature's mean over this past span.
    plants : mapping of plant name to PlantOperation
    schedules : tuple of DailySchedule
        Win over everything else.
    """

    outdoor_averaging_s: float = 6 * _HOUR_S
    plants: Mapping[str, PlantOperation] = field(default_factory=dict)
    schedules: tuple[DailySchedule, ...] = ()


def supply_temperature(
    curve: HeatingCurve, outdoor_K: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """Weather-compensated supply temperature.

    Parameters
    ----------
    curve : HeatingCurve
    outdoor_K : float or ndarray

    Returns
    -------
    ndarray
        In K, constant beyond the ends of the curve.

    Examples
    --------
    >>> round(float(supply_temperature(HeatingCurve(), 273.15)), 2)
    353.15
    """
    outdoor, supply = zip(*curve.points, strict=True)
    return np.asarray(np.interp(outdoor_K, outdoor, supply), dtype=np.float64)


def baseline_forcing(
    network: Network,
    operation: Operation,
    acting: Forcing,
    start_utc: datetime,
    duration_s: float,
) -> Forcing:
    """Controls and availabilities of the baseline operation.

    Parameters
    ----------
    network : Network
    operation : Operation
    acting : Forcing
        What acts on the network: `outdoor.temperature` and demands as far as known.
    start_utc : datetime
    duration_s : float

    Returns
    -------
    Forcing
        Set-points on full hours, and steps where outages, limits and schedules begin or end.

    Raises
    ------
    InputError
        The operation names something that the network does not have, or an outage
        concerns a component without an availability.
    """
    _check_names(network, operation)
    _, times = full_hours(start_utc, duration_s)
    inside = np.clip(times, acting.time_s[0], acting.time_s[-1])
    outdoor = _past_mean(acting, inside, operation.outdoor_averaging_s, network)
    demand = _whole_demand(network, acting, inside)
    columns: list[tuple[Signal, NDArray[np.float64]]] = []
    for signal in controls(network):
        component = network.component_by_name[signal.component]
        if not isinstance(component, Plant):
            continue
        own = operation.plants.get(component.name, PlantOperation())
        columns.append(_plant_column(network, component, signal, own, outdoor, demand))
    signals = tuple(signal for signal, _ in columns)
    hourly = Forcing(times, np.column_stack([v for _, v in columns]), signals, start_utc)
    stepped = [_daily(network, entry, times, start_utc) for entry in operation.schedules]
    available = availabilities(network, start_utc, times[0], times[-1])
    parts = [hourly, *stepped, *([available] if available else [])]
    return apply_limits(network, merge(parts) if len(parts) > 1 else hourly)


def _plant_column(
    network: Network,
    plant: Plant,
    signal: Signal,
    own: PlantOperation,
    outdoor: NDArray[np.float64],
    demand: NDArray[np.float64],
) -> tuple[Signal, NDArray[np.float64]]:
    if signal.quantity == "supply_temperature":
        curve = supply_temperature(network.heating_curve, outdoor) + own.supply_difference_K
        if own.supply_temperature_K is not None:
            curve = np.full_like(outdoor, own.supply_temperature_K)
        limited = np.minimum(curve, plant.maximum_supply_temperature_K)
        return replace(signal, hold=Hold.LINEAR), limited
    if signal.quantity == "differential_pressure":
        given = own.differential_pressure_Pa
        value = plant.differential_pressure_Pa if given is None else given
        return signal, np.full_like(outdoor, value)
    prescribed = [p for p in network.plants if p.control is PlantControl.HEAT]
    share = own.heat_share if own.heat_share is not None else _DEFAULT_SHARE / len(prescribed)
    heat = np.minimum(share * demand, plant.capacity_W)
    return signal, np.where(heat >= plant.minimum_load_W, heat, 0.0)


def _past_mean(
    acting: Forcing, times: NDArray[np.float64], span_s: float, network: Network
) -> NDArray[np.float64]:
    names = acting.names
    if "outdoor.temperature" not in names:
        default = next(s.default for s in disturbances(network) if s.name == "outdoor.temperature")
        if default is None:
            raise InputError(
                Finding(
                    "the baseline operation needs the outdoor temperature",
                    "add a [weather] section or a series with outdoor.temperature_degC",
                    field="outdoor.temperature",
                )
            )
        return np.full(len(times), default)
    air = acting.pick(signal for signal in acting.signals if signal.name == "outdoor.temperature")
    steps = np.linspace(0.0, span_s, 13)
    past = np.clip(times[:, None] - steps, acting.time_s[0], acting.time_s[-1])
    return air.at(past.ravel()).reshape(past.shape).mean(axis=1)


def _whole_demand(
    network: Network, acting: Forcing, times: NDArray[np.float64]
) -> NDArray[np.float64]:
    values = acting.at(times)
    columns = [i for i, name in enumerate(acting.names) if name.endswith(".heat_demand")]
    total = values[:, columns].sum(axis=1)
    if "outdoor.temperature" in acting.names:
        outdoor = values[:, acting.names.index("outdoor.temperature")]
        for substation in network.substations:
            house = substation.building
            if house is not None:
                need = house.loss_W_per_K * (house.setpoint_K - outdoor)
                total = total + np.clip(need, 0.0, substation.design_heat_W)
    return total


def schedulable(network: Network) -> tuple[Signal, ...]:
    """What daily schedules can move: controls, and the waste heat that there is."""
    waste = (s for s in disturbances(network) if s.quantity == "available_heat")
    return (*controls(network), *waste)


def _daily(
    network: Network, entry: DailySchedule, times: NDArray[np.float64], start_utc: datetime
) -> Forcing:
    signal = next(s for s in schedulable(network) if s.name == entry.signal)
    midnight = start_utc.replace(hour=0, minute=0, second=0, microsecond=0)
    lead = seconds_since(start_utc, midnight)
    first, last = float(times[0]), float(times[-1])
    days = range(-1, int((last - first) // (_DAY_H * _HOUR_S)) + 2)
    starts = [lead + (day * _DAY_H + hour) * _HOUR_S for day in days for hour in entry.hours]
    values = list(entry.values) * len(days)
    # The value of the last hour of the day before holds until the first hour given.
    row = np.array(starts)
    edges = np.unique(np.clip([first, last, *starts], first, last))
    held = np.array(values)[np.searchsorted(row, edges, side="right") - 1]
    return Forcing(edges, held[:, None], (replace(signal, hold=Hold.STEP),), start_utc)


def _check_names(network: Network, operation: Operation) -> None:
    plants = [plant.name for plant in network.plants]
    known = [signal.name for signal in schedulable(network)]
    findings = [
        Finding(
            f"the operation names a plant {name!r} that the network does not have",
            f"use one of {', '.join(plants)}",
            field="operation.plants",
        )
        for name in operation.plants
        if name not in plants
    ]
    findings += [
        Finding(
            f"the schedule moves {entry.signal!r}, which is neither a control nor waste heat",
            f"use one of {', '.join(known)}",
            field="operation.schedules",
        )
        for entry in operation.schedules
        if entry.signal not in known
    ]
    if findings:
        raise InputError(*findings)
