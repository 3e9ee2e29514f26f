"""Aggregation: a network of a few equivalent pipes and substations for a big one.

Only consumer branches are reduced; the core (plants, stores and other devices, the pipes
between them, rings) stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf, isfinite, sqrt
from typing import TypeVar

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.design import design_flow
from rexdynnet.network.graph import Network
from rexdynnet.network.reduction import Reduction
from rexdynnet.network.spec import DatedLimit, Outage
from rexdynnet.network.survey import RETURN, SUPPLY, Survey, round_trip_s
from rexdynnet.network.zones import make_zones

_Dated = TypeVar("_Dated", Outage, DatedLimit)


@dataclass(frozen=True)
class AggregationErrors:
    """How an aggregate deviates from its original in the design state.

    Parameters
    ----------
    supply_delay_s, return_delay_s : mapping of str to float
        By original substation: travel time from the core to its equivalent (back
        to the core) minus that to (from) itself.
    differential_pressure_Pa : mapping of str to float
        By original substation: margin over what the equivalent needs minus the
        original's margin; negative is on the safe side.
    mean_delay_s : float
        Root mean square of both delays' errors together, weighted by the design flow.
    longest_delay_s : float
        Of the original, there and back; to compare with.
    flow, heat, volume, loss, head : float
        Relative errors of the totals: design flow, connected heat, water in the
        branches, heat lost in the branches, pressure that the worst substation needs from the core.
    """

    supply_delay_s: Mapping[str, float]
    return_delay_s: Mapping[str, float]
    differential_pressure_Pa: Mapping[str, float]
    mean_delay_s: float
    longest_delay_s: float
    flow: float
    heat: float
    volume: float
    loss: float
    head: float


@dataclass(frozen=True)
class Aggregation:
    """A reduced network and how it stands for the original.

    Parameters
    ----------
    network : Network
    members : mapping of str to str
        Original substation to equivalent substation.
    errors : AggregationErrors
    dropped : tuple of str
        Components with planned outages or dated limits that the reduced network does
        not have; these outages and limits are not in it.
    """

    network: Network
    members: Mapping[str, str]
    errors: AggregationErrors
    dropped: tuple[str, ...] = ()

    def collect(self, values: Mapping[str, float]) -> dict[str, float]:
        """Sum a quantity of the original substations (heat, flow) over each equivalent.

        Parameters
        ----------
        values : mapping of str to float
            By original substation; all of them.

        Returns
        -------
        dict of str to float
            By equivalent substation.

        Raises
        ------
        InputError
            A substation is missing or unknown.
        """
        wrong = sorted(set(values) ^ set(self.members))
        if wrong:
            raise InputError(
                Finding(
                    f"the values miss or do not know {', '.join(wrong[:5])}",
                    "give one value per original substation",
                )
            )
        total = dict.fromkeys((item.name for item in self.network.substations), 0.0)
        for name, value in values.items():
            total[self.members[name]] += value
        return total


def aggregate(network: Network, substations: int = 20) -> Aggregation:
    """Reduce the consumer branches of a network to a few equivalent pipes and substations.

    Parameters
    ----------
    network : Network
        Checked.
    substations : int
        How many equivalent substations to aim at; there are more where more places
        of the core have branches or where substations of different control,
        return law or kind (with building or not) lie in one zone.

    Returns
    -------
    Aggregation

    Raises
    ------
    InputError
        Fewer than one substation is asked for, a substation has no finite
        design flow, or a branch's two lines meet the core at different places.

    Notes
    -----
    In the spirit of the German and Danish methods (Larsen, Bøhm and Wigbels, Energy
    Convers. Manage. 45 (2004) 1119): pipes in series become one that keeps travel time,
    loss and pressure drop at design flow; what branches off together becomes one
    consumer at the flow-weighted mean travel time. Keeping the flow-weighted travel times
    keeps the water content, and keeping the flow-weighted arrival temperatures
    keeps the loss, also at part load as long as all draw in proportion. The drop is that
    to the worst member, so that a differential pressure that suffices for
    the equivalents suffices for all. An equivalent pipe's length and diameter are nominal.

    Examples
    --------
    >>> from rexdynnet.network.random import random_tree
    >>> small = aggregate(random_tree(200, seed=1), substations=10)
    >>> len(small.network.substations), abs(small.errors.volume) < 0.02
    (10, True)
    """
    _check(network, substations)
    original = Survey.of(network)
    drawn: dict[str, float] = {}
    for item in network.substations:
        drawn[item.supply_node] = drawn.get(item.supply_node, 0.0) + original.drawn[item.name]
    branches = original.lines[SUPPLY].branches
    zones = make_zones(branches, original.lines[SUPPLY].paths, drawn, substations)
    reduced, members = Reduction(original, zones).build()
    kept = {component.name for component in reduced.components()}
    outages, lost_outages = _still_there(network.outages, kept)
    limits, lost_limits = _still_there(network.limits, kept)
    reduced = replace(reduced, outages=outages, limits=limits)
    return Aggregation(
        reduced,
        members,
        _errors(original, Survey.of(reduced), members),
        tuple(sorted({*lost_outages, *lost_limits})),
    )


def _still_there(
    dated: Iterable[_Dated], kept: set[str]
) -> tuple[tuple[_Dated, ...], tuple[str, ...]]:
    every = tuple(dated)
    return (
        tuple(one for one in every if one.component in kept),
        tuple(one.component for one in every if one.component not in kept),
    )


def _check(network: Network, substations: int) -> None:
    findings = [
        Finding(
            "the substation has no finite design flow",
            "give it a return temperature below the design supply temperature",
            component=item.name,
        )
        for item in network.substations
        if not isfinite(design_flow(network, item))
    ]
    if substations < 1:
        findings.append(
            Finding(f"{substations} substations cannot stand for any", "ask for at least one")
        )
    if findings:
        raise InputError(*findings)


def _errors(before: Survey, after: Survey, members: Mapping[str, str]) -> AggregationErrors:
    new = {item.name: item for item in after.network.substations}
    delays: list[dict[str, float]] = []
    square = 0.0
    for line in (SUPPLY, RETURN):
        error = {
            item.name: after.path(new[members[item.name]], line).delay_s
            - before.path(item, line).delay_s
            for item in before.network.substations
        }
        delays.append(error)
    total = sum(before.drawn.values())
    for name, flow in before.drawn.items():
        square += flow * (delays[0][name] + delays[1][name]) ** 2
    pressure = {
        item.name: before.need_Pa(item) - after.need_Pa(new[members[item.name]])
        for item in before.network.substations
    }
    longest = max(
        round_trip_s(before.path(item, 0), before.path(item, 1))
        for item in before.network.substations
    )

    def off(now: float, then: float) -> float:
        return now / then - 1.0 if then else (inf if now else 0.0)

    def heat(survey: Survey) -> float:
        return sum(item.design_heat_W for item in survey.network.substations)

    def head(survey: Survey) -> float:
        return max(survey.need_Pa(item) for item in survey.network.substations)

    return AggregationErrors(
        delays[0],
        delays[1],
        pressure,
        sqrt(square / total),
        longest,
        off(sum(after.drawn.values()), total),
        off(heat(after), heat(before)),
        off(after.volume_m3(), before.volume_m3()),
        off(after.loss_W(), before.loss_W()),
        off(head(after), head(before)),
    )
