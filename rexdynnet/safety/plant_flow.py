"""A simulated network as the flow of an automaton, by any of its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.safety.events import Trace, smooth_trace, straight_trace
from rexdynnet.simulation.dataset import MEANS
from rexdynnet.simulation.plant import DenseOutput, Inputs, Plant, PlantState
from rexdynnet.simulation.plugflow import PlugFlowPlant

_TEMPERATURES = ("supply_temperature", "return_temperature")
_QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "node": ("temperature", "pressure"),
    "pipe": ("mass_flow", "inlet_temperature", "outlet_temperature", "heat_loss"),
    "substation": (
        *_TEMPERATURES,
        "mass_flow",
        "heat",
        "unserved_heat",
        "differential_pressure",
    ),
    "plant": (*_TEMPERATURES, "mass_flow", "heat", "differential_pressure", "pump_power"),
    "tank": ("mass_flow", "heat"),
    "dump": ("mass_flow", "heat"),
    "pump": ("mass_flow", "head_Pa"),
    "valve": ("mass_flow",),
    "bypass": ("mass_flow",),
}


def plant_signals(network: Network) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    """Where each named signal of a network stands in a dense output.

    Parameters
    ----------
    network : Network

    Returns
    -------
    mapping of str to (record, index)
        By `component.quantity`; the layers of a tank are `<tank>.temperature_0` (top) and on.
    """
    where: dict[str, tuple[str, tuple[int, ...]]] = {}
    for kind, quantities in _QUANTITIES.items():
        components = network.bypasses if kind == "bypass" else getattr(network, f"{kind}s")
        for column, component in enumerate(components):
            for quantity in quantities:
                where[f"{component.name}.{quantity}"] = (f"{kind}_{quantity}", (column,))
    for column, tank in enumerate(network.tanks):
        for layer in range(tank.layers):
            where[f"{tank.name}.temperature_{layer}"] = ("tank_temperature", (column, layer))
    return where


@dataclass(frozen=True)
class PlantLeg:
    """What a plant went through in one advance, and how to stop within it.

    Parameters
    ----------
    trace : Trace
    flow : PlantFlow
    before, after : PlantState
    """

    trace: Trace
    flow: PlantFlow
    before: PlantState
    after: PlantState

    def state_at(self, time_s: float) -> PlantState:
        """The state at a time: where it lies inside, the plant advances anew, up to it."""
        if time_s >= self.after.time_s:
            return self.after
        if time_s <= self.before.time_s:
            return self.before
        start, end, until_s = self.flow.segment(self.before.time_s, self.after.time_s)
        weight = (time_s - self.before.time_s) / (until_s - self.before.time_s)
        state, _ = self.flow.plant.advance(self.before, start, _between(start, end, weight), time_s)
        return state


@dataclass(frozen=True)
class PlantFlow:
    """A plant under inputs of a mode's own choice.

    Parameters
    ----------
    plant : Plant
    inputs : callable
        `inputs(time_s, until_s)` gives the inputs at `time_s` and at the end, linear between,
        and the time of that end: `until_s` or the next jump or bend, whichever is first.
    watch : tuple of str
        The signals that guards of this mode may use: `component.quantity` of the result, or
        a control or disturbance of the plant, which a trip shows in.

    Raises
    ------
    InputError
        If a watched signal does not exist.
    """

    plant: Plant
    inputs: Callable[[float, float], tuple[Inputs, Inputs, float]]
    watch: tuple[str, ...]

    def __post_init__(self) -> None:
        known = {*self._records, *self._columns}
        findings = [
            Finding(
                f"the plant has no signal {name!r}",
                "name it component.quantity, as in the result or in the plant's inputs",
                component=name.rpartition(".")[0],
            )
            for name in self.watch
            if name not in known
        ]
        if findings:
            raise InputError(*findings)

    @property
    def signals(self) -> tuple[str, ...]:
        """What is watched."""
        return self.watch

    @property
    def assignable(self) -> tuple[str, ...]:
        """The water cannot be set by a reset; a mode acts through its inputs."""
        return ()

    def advance(self, state: PlantState, time_s: float, until_s: float) -> PlantLeg:
        """Advance the plant over one segment of its inputs."""
        start, end, stop_s = self.segment(time_s, until_s)
        after, output = self.plant.advance(state, start, end, stop_s)
        return PlantLeg(self._trace(output, start, end), self, state, after)

    def segment(self, time_s: float, until_s: float) -> tuple[Inputs, Inputs, float]:
        """The next segment of the inputs, which must not reach beyond what was asked for."""
        start, end, stop_s = self.inputs(time_s, until_s)
        if not time_s < stop_s <= until_s:
            raise InputError(
                Finding(
                    f"the inputs asked for from {time_s:g} s to {until_s:g} s end at {stop_s:g} s",
                    "return the inputs at `until_s` where no jump or bend comes before it",
                )
            )
        return start, end, stop_s

    def assign(self, state: PlantState, values: Mapping[str, float]) -> PlantState:
        """Nothing to set."""
        if values:
            raise InputError(
                Finding(
                    f"a reset sets {', '.join(values)} of a plant",
                    "let the mode act through its inputs instead",
                )
            )
        return state

    @cached_property
    def _records(self) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        return plant_signals(self.plant.network)

    @cached_property
    def _columns(self) -> Mapping[str, int]:
        inputs = (*self.plant.controls, *self.plant.disturbances)
        return {signal.name: column for column, signal in enumerate(inputs)}

    def _trace(self, output: DenseOutput, start: Inputs, end: Inputs) -> Trace:
        times = output.times_s
        # a time that stands twice is a jump: no piece lies between its two rows
        kept = np.flatnonzero(np.diff(times) > 0.0)
        left, right = np.empty((2, len(kept), len(self.watch)))
        given = np.concatenate([[start.controls, end.controls]], axis=1)
        given = np.hstack([given, [start.disturbances, end.disturbances]])
        share = (times - times[0]) / (times[-1] - times[0])
        for column, name in enumerate(self.watch):
            if name in self._columns:
                at = self._columns[name]
                values = given[0, at] + share * (given[1, at] - given[0, at])
                left[:, column], right[:, column] = values[kept], values[kept + 1]
                continue
            record, index = self._records[name]
            if record not in output.records:
                raise InputError(
                    Finding(f"this method records no {record}", f"watch no {name!r} with it")
                )
            values = output.records[record][(slice(None), *index)]
            # means belong to the interval that ends at their row
            left[:, column] = values[kept + 1] if record in MEANS else values[kept]
            right[:, column] = values[kept + 1]
        edges = np.append(times[kept], times[kept[-1] + 1])
        # plug flow is straight between its rows; the integrators' rows are far apart and smooth
        made = straight_trace if isinstance(self.plant, PlugFlowPlant) else smooth_trace
        return made(edges, self.watch, left, right)


def _between(start: Inputs, end: Inputs, weight: float) -> Inputs:
    return Inputs(
        (1.0 - weight) * start.controls + weight * end.controls,
        (1.0 - weight) * start.disturbances + weight * end.disturbances,
    )
