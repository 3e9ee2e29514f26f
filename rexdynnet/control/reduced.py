"""What a controller with a reduced model sees: previews and observations of equivalents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Observation, Preview
from rexdynnet.network.aggregate import AggregationErrors, aggregate
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.timeline import Schedule

Floats: TypeAlias = NDArray[np.float64]
_SUMMED = ("heat", "mass_flow", "energy_in_unit", "unserved_heat")
_LEAST = ("supply_temperature", "differential_pressure")


@dataclass(frozen=True)
class ReducedView:
    """A network for the controller's model, and how the real one is seen through it.

    Parameters
    ----------
    original : Network
    network : Network
        Of the model. Plants, tanks, dumps and their controls are those of the original.
    members : mapping of str to str
        Original substation to the model's substation that stands for it.
    errors : AggregationErrors or None
        None where nothing was reduced.
    """

    original: Network
    network: Network
    members: Mapping[str, str]
    errors: AggregationErrors | None = None

    def preview(self, preview: Preview) -> Preview:
        """The same preview with demands and commitments summed over each equivalent.

        Parameters
        ----------
        preview : Preview

        Returns
        -------
        Preview
        """
        if self.errors is None:
            return preview
        table = preview.disturbances @ self._spread
        schedule = None if preview.schedule is None else self.schedule(preview.schedule)
        return replace(preview, disturbances=table, schedule=schedule)

    def schedule(self, schedule: Schedule) -> Schedule:
        """Commitments summed over each equivalent; plants keep theirs.

        Parameters
        ----------
        schedule : Schedule

        Returns
        -------
        Schedule
            An equivalent of which only some members committed holds what these committed.
        """
        names = tuple(dict.fromkeys(self.members.get(n, n) for n in schedule.participants))
        energy = np.zeros((len(schedule.units), len(names)))
        for column, name in enumerate(schedule.participants):
            energy[:, names.index(self.members.get(name, name))] += schedule.energy_J[:, column]
        return Schedule(names, schedule.units, energy)

    def observation(self, observation: Observation) -> Observation:
        """The same observation with what an equivalent would show.

        Parameters
        ----------
        observation : Observation

        Returns
        -------
        Observation
            Heats, flows and energies are sums (missing where any is missing), supply
            temperature and differential pressure those of the worst member, return
            temperatures means weighted by flow.
        """
        if self.errors is None:
            return observation
        seen = dict(zip(observation.names, observation.values.tolist(), strict=True))
        groups: dict[str, dict[str, list[str]]] = {}
        shown: dict[str, float] = {}
        for name, value in seen.items():
            component, _, quantity = name.partition(".")
            if component in self.members:
                group = groups.setdefault(self.members[component], {})
                group.setdefault(quantity, []).append(name)
            else:
                shown[name] = value
        for equivalent, group in groups.items():
            for quantity, names in group.items():
                values = np.array([seen[name] for name in names])
                flows = [seen.get(f"{n.partition('.')[0]}.mass_flow", np.nan) for n in names]
                shown[f"{equivalent}.{quantity}"] = _joint(quantity, values, np.array(flows))
        return Observation(observation.time_s, tuple(shown), np.array(list(shown.values())))

    @cached_property
    def _spread(self) -> Floats:
        """Disturbances of the original times this are those of the model."""
        before = {signal.name: i for i, signal in enumerate(disturbances(self.original))}
        after = {signal.name: i for i, signal in enumerate(disturbances(self.network))}
        spread = np.zeros((len(before), len(after)))
        for name, row in before.items():
            component, _, quantity = name.partition(".")
            stands = self.members.get(component, component)
            column = after.get(f"{stands}.{quantity}")
            if column is not None:
                spread[row, column] = 1.0
        return spread


def reduced_view(network: Network, substations: int, backoff_K: float = 0.0) -> ReducedView:
    """Make the view of a controller that models only some equivalent substations.

    Parameters
    ----------
    network : Network
    substations : int
        About how many to keep; 0, or as many as there are: all.
    backoff_K : float
        The model's substations ask for this much more than their contracts promise.

    Returns
    -------
    ReducedView

    Examples
    --------
    >>> from rexdynnet.network.random import random_tree
    >>> view = reduced_view(random_tree(50, seed=1), substations=4)
    >>> len(view.network.substations)
    4
    """
    members: Mapping[str, str] = {unit.name: unit.name for unit in network.substations}
    model, errors = network, None
    if 0 < substations < len(network.substations):
        made = aggregate(network, substations)
        model, members, errors = made.network, made.members, made.errors
    careful = tuple(
        replace(unit, minimum_supply_temperature_K=unit.minimum_supply_temperature_K + backoff_K)
        for unit in model.substations
    )
    return ReducedView(network, replace(model, substations=careful), members, errors)


def _joint(quantity: str, values: Floats, flows: Floats) -> float:
    if quantity in _SUMMED:
        return float(values.sum())
    if quantity in _LEAST or not np.isfinite(values).all():
        return float(np.nanmin(values)) if np.isfinite(values).any() else float("nan")
    weights = np.where(np.isfinite(flows), np.maximum(flows, 0.0), 0.0)
    return float(np.average(values, weights=weights if weights.sum() > 0 else None))
