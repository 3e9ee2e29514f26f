"""A network as built, its plant and its meters: where faults are planted for the monitor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.faults import Alarm, Fault, Hypothesis
from rexdynnet.control.monitor import Monitor, Watch
from rexdynnet.control.monitoring import (
    AsBuilt,
    Meters,
    first_parameters,
    make_monitor,
    meters_of,
    read_meters,
    with_makeup,
)
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Exchanger, Line
from rexdynnet.simulation.forcing import Segment
from rexdynnet.simulation.plant import Inputs, PlantState
from rexdynnet.simulation.plugflow import PlugFlowPlant
from rexdynnet.simulation.sensors import SensorSet, SensorState, make_sensors
from rexdynnet.study.scenario import forcing_of, read_scenario

Floats = NDArray[np.float64]
Piece = tuple[Inputs, Inputs, float]

DAY_s = 86400.0
STEP_s = 900.0
SAMPLE_s = 60.0
SAMPLES = int(STEP_s / SAMPLE_s)
CHUNK_s = 6 * 3600.0
SCENARIO = "models/scenarios/destest16_winter_week.toml"
SIZES = {Fault.LEAK: 0.03, Fault.FOULING: 0.2, Fault.WET_INSULATION: 2.0}
"""Leak in kg/s at 1 bar, lost share of UA, rise of the loss factor (1 is dry)."""


@dataclass(frozen=True)
class AsSeen:
    """A moment of a trial: plant, sensors and monitor."""

    plant: PlantState
    sensors: SensorState | None
    watch: Watch
    held: Floats


@dataclass(frozen=True)
class Trial:
    """One network as built, what acts on it, and its commissioned or new monitor.

    Parameters
    ----------
    plant : PlugFlowPlant
    pieces : tuple of Segment
    sensors : SensorSet
    parameters : ndarray, shape (n_p,)
        Of the plant: nobody else knows them.
    monitor : Monitor
    """

    plant: PlugFlowPlant
    pieces: tuple[Segment, ...]
    sensors: SensorSet
    parameters: Floats
    monitor: Monitor

    def start(self) -> AsSeen:
        """A steady plant and an ignorant monitor."""
        state = self.plant.init(self.pieces[0].start, self.parameters)
        monitor, model = self.monitor, self.monitor.filter.model
        guess = monitor.filter.init(np.full(len(model.model.states), 330.0), 20.0)
        held = first_parameters(model, self.plant.network)
        return AsSeen(state, None, monitor.init(guess), held)

    def commissioned(self, seen: AsSeen) -> tuple[Trial, AsSeen]:
        """Let the monitor learn from all it has seen."""
        monitor = self.monitor.commission(seen.watch)
        watch = monitor.init(seen.watch.estimate)
        return replace(self, monitor=monitor), replace(seen, watch=watch)

    def with_fault(self, seen: AsSeen, fault: Hypothesis, size: float) -> AsSeen:
        """Begin a fault now."""
        values = self.parameters.copy()
        names = [signal.name for signal in self.plant.parameters]
        values[names.index(fault.parameter)] += size
        return replace(seen, plant=self.plant.with_parameters(seen.plant, values))

    def go_on(self, seen: AsSeen, until_s: float, *, stop_at_alarm: bool = False) -> AsSeen:
        """Run plant, meters and monitor."""
        monitor, model = self.monitor, self.monitor.filter.model
        names = [sensor.name for sensor in self.sensors.sensors]
        for state, sensors, rows in self._readings(seen, until_s):
            watch, held = seen.watch, seen.held
            for values in rows:
                row = read_meters(model, names, values, held)
                held = row.parameters
                watch = monitor.step(watch, row)
                if stop_at_alarm and watch.alarms:
                    break
            seen = AsSeen(state, sensors, watch, held)
            if stop_at_alarm and watch.alarms:
                break
        return seen

    def _readings(
        self, seen: AsSeen, until_s: float
    ) -> Iterator[tuple[PlantState, SensorState, Floats]]:
        """Means of each sensor over the steps of a chunk, (steps, sensors)."""
        state, sensors = seen.plant, seen.sensors
        while state.time_s < until_s - 1e-6:
            start_s = state.time_s
            end_s = min(start_s + CHUNK_s, until_s)
            state, output = self.plant.advance_over(state, cut(self.pieces, start_s, end_s))
            records = with_makeup(self.plant.network, output.records)
            if sensors is None:
                sensors = self.sensors.init(start_s, records)
            samples = np.arange(start_s + SAMPLE_s, end_s + 1.0, SAMPLE_s)
            reading, sensors = self.sensors.read(sensors, output.times_s, records, samples)
            blocks = reading.values.reshape(-1, SAMPLES, reading.values.shape[1])
            there = reading.available.reshape(blocks.shape)
            count = there.sum(axis=1)
            total = np.where(there, blocks, 0.0).sum(axis=1)
            yield state, sensors, np.where(count > 0, total / np.maximum(count, 1), np.nan)


def cut(segments: tuple[Segment, ...], from_s: float, until_s: float) -> list[Piece]:
    """The inputs between two times, in pieces on which they are linear."""
    pieces: list[Piece] = []
    for segment in segments:
        first, last = max(segment.start_s, from_s), min(segment.end_s, until_s)
        if last > first + 1e-6:
            pieces.append((_inputs(segment, first), _inputs(segment, last), last))
    return pieces


def _inputs(segment: Segment, time_s: float) -> Inputs:
    share = (time_s - segment.start_s) / (segment.end_s - segment.start_s)
    a, b = segment.start, segment.end
    return Inputs(
        a.controls + share * (b.controls - a.controls),
        a.disturbances + share * (b.disturbances - a.disturbances),
    )


def with_exchangers(network: Network) -> Network:
    """The network with exchangers that can foul instead of fixed return temperatures."""
    law = Exchanger(2200.0, secondary_supply_K=331.15, secondary_return_K=308.15)
    units = tuple(replace(unit, return_law=law) for unit in network.substations)
    return replace(network, substations=units)


def new_trial(seed: int, days: float, meters: Meters) -> Trial:
    """Draw a network as built, with its demands and sensor noise."""
    scenario = read_scenario(SCENARIO)
    network = with_exchangers(scenario.network)
    scenario = replace(scenario, network=network, seed=seed, duration_s=days * DAY_s)
    plant = PlugFlowPlant(network)
    pieces = tuple(forcing_of(scenario).inputs(plant, scenario.duration_s))
    rng = np.random.default_rng([seed, 1])
    spread = {"loss_factor": 0.1, "roughness_factor": 0.5}
    values = np.array(
        [
            max((signal.default or 0.0) + spread.get(signal.quantity, 0.0) * rng.normal(), 0.0)
            for signal in plant.parameters
        ]
    )
    sensors = meters_of(network, meters)
    monitor = make_monitor(network, sensors, step_s=STEP_s, samples=SAMPLES, as_built=AsBuilt())
    return Trial(plant, pieces, make_sensors(network, sensors, seed=seed), values, monitor)


def fault_of(kind: Fault, line: Line, network: Network, seed: int) -> Hypothesis:
    """Where a seed plants a fault: any pipe of a line, any substation."""
    rng = np.random.default_rng([seed, 2, list(Fault).index(kind)])
    places = (
        [unit.name for unit in network.substations]
        if kind is Fault.FOULING
        else [pipe.name for pipe in network.pipes if pipe.line is line]
    )
    return Hypothesis(kind, places[int(rng.integers(len(places)))])


def names_of(alarm: Alarm, most: int = 3) -> str:
    """What an alarm says, in a few words."""
    listed = [
        f"{candidate.hypothesis.component} {candidate.size:.2g}"
        for candidate in alarm.candidates[:most]
    ]
    kinds = sorted({candidate.hypothesis.fault.name.lower() for candidate in alarm.candidates})
    more = len(alarm.candidates) - most
    return f"{'/'.join(kinds)} {', '.join(listed)}" + (f" and {more} more" if more > 0 else "")
