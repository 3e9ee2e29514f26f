"""What acts in a closed-loop run and nobody decides: disturbances, and faults without notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import InputError
from rexdynnet.safety.supervised import Span, joined
from rexdynnet.signals import Signal
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.plant import DenseOutput, Inputs, Plant, PlantState
from rexdynnet.simulation.weather import HOUR_S
from rexdynnet.study.run_preview import Forecaster
from rexdynnet.study.run_settings import Fault, FaultKind, ForecastSettings, RunSettings
from rexdynnet.study.scenario import (
    SimulationScenario,
    fitted_loads,
    forcing_of,
    parameter_values,
    plant_of,
)
from rexdynnet.study.sunshine import clear_of_year

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Disturbed:
    """Asks a forcing for disturbances only: the controls are the controller's."""

    disturbances: tuple[Signal, ...]
    controls: tuple[Signal, ...] = ()


@dataclass(frozen=True)
class World:
    """What acts in a run and nobody decides.

    Parameters
    ----------
    plant : Plant
    truth : Forcing
        Disturbances as they come, beyond the end of the run as far as anyone looks.
    first : ndarray, shape (n_u,)
        Controls that have acted until the run begins.
    faults : tuple of Fault
    parameters : ndarray, shape (n_p,)
    shifts_W : mapping of substation to float
        Heat drawn beyond the need, for example into rooms.
    """

    plant: Plant
    truth: Forcing
    first: Floats
    faults: tuple[Fault, ...]
    parameters: Floats
    shifts_W: Mapping[str, float] = field(default_factory=dict[str, float])

    def faults_of(self, names: Sequence[str], time_s: float) -> dict[str, float]:
        """Faults among some signals at one instant."""
        return {
            fault.name: fault.value
            for fault in self._acting(time_s)
            if fault.kind is FaultKind.SIGNAL and fault.name in names
        }

    def silent_at(self, time_s: float) -> dict[str, float]:
        """Sensors that are silent at one instant, with their availability."""
        return {fault.name: 0.0 for fault in self._acting(time_s) if fault.kind is FaultKind.SENSOR}

    def _acting(self, time_s: float) -> list[Fault]:
        return [fault for fault in self.faults if fault.start_s <= time_s < fault.end_s]

    @cached_property
    def disturbance_names(self) -> tuple[str, ...]:
        """In the plant's order."""
        return tuple(signal.name for signal in self.plant.disturbances)

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """In the plant's order."""
        return tuple(signal.name for signal in self.plant.parameters)

    def edges(self, start_s: float, end_s: float) -> list[float]:
        """Start, end and every instant between at which a fault begins or ends."""
        inside = {
            at
            for fault in self.faults
            for at in (fault.start_s, fault.end_s)
            if start_s < at < end_s
        }
        return [start_s, *sorted(inside), end_s]

    def parameters_at(self, time_s: float) -> Floats:
        """Run-time parameters with the faults of an instant."""
        values = self.parameters.copy()
        for name, value in self.faults_of(self.parameter_names, time_s).items():
            values[self.parameter_names.index(name)] = value
        return values

    def disturbances_at(self, time_s: float) -> Floats:
        """Disturbances just after an instant, faults included."""
        return self._faulty(self.truth.at(time_s), time_s)

    @cached_property
    def control_names(self) -> tuple[str, ...]:
        """In the plant's order."""
        return tuple(signal.name for signal in self.plant.controls)

    def spans(self, controls: Floats, start_s: float, until_s: float) -> tuple[Span, ...]:
        """What acts until an instant while the controls are held; stuck ones stay as they are."""
        found: list[Span] = []
        wanted = _Disturbed(self.plant.disturbances)
        for begin, end in pairwise(self.edges(start_s, until_s)):
            parameters, stuck = self.parameters_at(begin), self.faults_of(self.control_names, begin)
            held = controls.copy()
            for name, value in stuck.items():
                held[self.control_names.index(name)] = value
            for piece in self.truth.inputs(wanted, end, start_s=begin):
                first, last = (
                    Inputs(held, self._faulty(edge.disturbances, begin))
                    for edge in (piece.start, piece.end)
                )
                names = frozenset(stuck)
                found.append(Span(piece.start_s, piece.end_s, first, last, parameters, names))
        return tuple(found)

    def advance(
        self, state: PlantState, controls: Floats, until_s: float
    ) -> tuple[PlantState, DenseOutput]:
        """Hold the controls until an instant."""
        outputs: list[DenseOutput] = []
        for span in self.spans(controls, state.time_s, until_s):
            if not np.array_equal(span.parameters, state.arrays.get("parameters", span.parameters)):
                state = self.plant.with_parameters(state, span.parameters)
            state, output = self.plant.advance(state, span.start, span.end, span.end_s)
            outputs.append(output)
        return state, joined(outputs)

    def _faulty(self, values: Floats, time_s: float) -> Floats:
        changed = values.copy()
        for name, shift_W in self.shifts_W.items():
            column = self.disturbance_names.index(f"{name}.heat_demand")
            changed[column] = max(changed[column] + shift_W, 0.0)
        for name, value in self.faults_of(self.disturbance_names, time_s).items():
            changed[self.disturbance_names.index(name)] = value
        return changed


def make_world(scenario: SimulationScenario, settings: RunSettings) -> World:
    """Compute what acts over a run and as far beyond it as forecasts reach."""
    plant = plant_of(scenario)
    horizon = settings.control.horizon_s + settings.control.step_s
    try:
        whole = forcing_of(replace(scenario, duration_s=scenario.duration_s + horizon))
    except InputError:
        # A series that ends with the run: its last values are expected to last.
        whole = forcing_of(scenario)
    names = dict.fromkeys(signal.name for signal in plant.disturbances)
    truth = whole.pick(signal for name in names for signal in whole.signals if signal.name == name)
    controls = whole.pick(plant.controls).at(0.0)
    given = parameter_values(scenario.network, scenario.parameters)
    defaults = np.array([signal.default or 0.0 for signal in plant.parameters])
    return World(plant, truth, controls, settings.faults, defaults if given is None else given)


def make_forecaster(
    scenario: SimulationScenario, settings: ForecastSettings, truth: Forcing
) -> Forecaster:
    """Know in advance what forecasters of a scenario's district would.

    Parameters
    ----------
    scenario : SimulationScenario
    settings : ForecastSettings
    truth : Forcing
        Its disturbances as they come.

    Returns
    -------
    Forecaster
    """
    clear = None
    if scenario.weather is not None:
        hours = int(np.ceil(truth.time_s[-1] / HOUR_S))
        clear = clear_of_year(scenario.weather, scenario.start_utc, hours)
    return Forecaster(
        scenario.network,
        truth,
        settings,
        scenario.seed,
        fitted_loads(scenario),
        scenario.presence,
        clear_W_per_m2=clear,
    )
