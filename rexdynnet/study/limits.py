"""Planned outages and dated limits of a network, as they act on a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.spec import DatedLimit, Limited, Outage, Plant
from rexdynnet.signals import Hold
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.timeline import seconds_since


def availabilities(
    network: Network, start_utc: datetime, first_s: float, last_s: float
) -> Forcing | None:
    """Availability of every component with an outage or a limit on its heat within a span.

    Parameters
    ----------
    network : Network
    start_utc : datetime
        Second 0.
    first_s, last_s : float
        The span.

    Returns
    -------
    Forcing or None
        `<component>.availability`: 0 during an outage; a plant that balances and whose
        heat is limited has limit / capacity. None where nothing happens.

    Raises
    ------
    InputError
        An outage in the span concerns a component without an availability.
    """
    known = {s.component: s for s in disturbances(network) if s.quantity == "availability"}
    spans: dict[str, list[tuple[float, float, float]]] = {}
    findings: list[Finding] = []
    for event in (*network.outages, *_heat_limits(network)):
        begin = seconds_since(start_utc, event.start)
        end = seconds_since(start_utc, event.end)
        if end <= first_s or begin >= last_s:
            continue
        if event.component not in known:
            findings.append(
                Finding(
                    "an outage needs an availability, which only plants, pumps, valves, tanks "
                    "and dumps have",
                    "put the outage on a valve in that branch",
                    component=event.component,
                )
            )
            continue
        spans.setdefault(event.component, []).append((begin, end, _remaining(network, event)))
    if findings:
        raise InputError(*findings)
    if not spans:
        return None
    edges = [t for own in spans.values() for begin, end, _ in own for t in (begin, end)]
    times = np.unique(np.clip([first_s, last_s, *edges], first_s, last_s))
    values = np.ones((len(times), len(spans)))
    for column, own in enumerate(spans.values()):
        for begin, end, share in own:
            during = (times >= begin) & (times < end)
            values[during, column] = np.minimum(values[during, column], share)
    return Forcing(times, values, tuple(known[name] for name in spans), start_utc)


_LIMITED_SIGNAL = {
    Limited.HEAT_W: "heat",
    Limited.SUPPLY_TEMPERATURE_K: "supply_temperature",
    Limited.DIFFERENTIAL_PRESSURE_PA: "differential_pressure",
    Limited.MASS_FLOW_KG_PER_S: "mass_flow",
}


def apply_limits(network: Network, forcing: Forcing) -> Forcing:
    """Clip set-points to the network's dated limits.

    Parameters
    ----------
    network : Network
    forcing : Forcing
        Dated.

    Returns
    -------
    Forcing
        With rows where a limit begins or ends; a limited set-point holds between rows
        (its lower bound on a linear stretch is met at the rows).
    """
    start = forcing.start_utc
    if start is None or not network.limits:
        return forcing
    first, last = float(forcing.time_s[0]), float(forcing.time_s[-1])
    limits = [
        (limit, seconds_since(start, limit.start), seconds_since(start, limit.end))
        for limit in network.limits
        if f"{limit.component}.{_LIMITED_SIGNAL[limit.quantity]}" in forcing.names
    ]
    edges = [t for _, begin, end in limits for t in (begin, end) if first < t < last]
    times = np.union1d(forcing.time_s, np.array(edges, dtype=float))
    values = forcing.at(times).copy()
    signals = list(forcing.signals)
    for limit, begin, end in limits:
        column = forcing.names.index(f"{limit.component}.{_LIMITED_SIGNAL[limit.quantity]}")
        during = (times >= begin) & (times < end)
        clipped = np.clip(values[during, column], limit.lower, limit.upper)
        if np.any(clipped != values[during, column]):
            # Between two rows a ramp would leave the limit: hold instead.
            signals[column] = replace(signals[column], hold=Hold.STEP)
        values[during, column] = clipped
    return replace(forcing, time_s=times, values=values, signals=tuple(signals))


def _heat_limits(network: Network) -> Iterable[DatedLimit]:
    pressure = {plant.name for plant in network.balancing_plants}
    for limit in network.limits:
        if limit.quantity is Limited.HEAT_W and limit.component in pressure:
            yield limit


def _remaining(network: Network, event: Outage | DatedLimit) -> float:
    if isinstance(event, Outage):
        return 0.0
    plant = network.component_by_name[event.component]
    if not isinstance(plant, Plant):
        return 1.0
    return float(np.clip(event.upper / plant.capacity_W, 0.0, 1.0))
