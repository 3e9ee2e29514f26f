"""The inside of an FMU of a network: pythonfmu's slave around the plug-flow plant.

Only the script within an FMU imports this module, for it needs pythonfmu.
"""

# pythonfmu ships no types: what comes from it is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from pythonfmu import Fmi2Causality, Fmi2Slave, Fmi2Variability, Real

from rexdynnet.network.read import read_network
from rexdynnet.simulation.fmu_outputs import GLANCE_S, OutputTable, outputs_of
from rexdynnet.simulation.plant import Inputs, PlantState, state_from_bytes
from rexdynnet.simulation.simulate import make_plant

NETWORK, TABLE = "network", "signals.json"
RATE = ".rate"


class NetworkSlave(Fmi2Slave):
    """A network as an FMI 2.0 co-simulation slave.

    Inputs are the plant's controls and disturbances at the start of a step, each with a rate per
    second (`NAME.rate`, 0) at which it moves during the step; outputs are all variables of a
    result, means over the step where the result says so.
    """

    author = "rexdynnet"
    description = "Heating network, supply and return line, by plug flow"

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        folder = Path(str(self.resources))
        told = json.loads((folder / TABLE).read_text(encoding="utf-8"))
        self._plant = make_plant(read_network(folder / NETWORK))
        self._table = OutputTable.of(told["outputs"])
        signals = (*self._plant.controls, *self._plant.disturbances)
        self._split = len(self._plant.controls)
        self._values = np.array(told["start"], dtype=np.float64)
        self._rates = np.zeros(len(signals))
        self._constants = np.array(told["parameters"], dtype=np.float64)
        self._found = np.zeros(self._table.size)
        self._state: PlantState | None = None
        self._begin_s = 0.0
        for place, signal in enumerate(signals):
            self._register(signal.name, self._values, place, Fmi2Causality.input)
            self._register(signal.name + RATE, self._rates, place, Fmi2Causality.input)
        for place, signal in enumerate(self._plant.parameters):
            self._register(signal.name, self._constants, place, Fmi2Causality.parameter)
        for place, name in enumerate(self._table.labels):
            self._register(name, self._found, place, Fmi2Causality.output)

    def setup_experiment(
        self, start_time: float, stop_time: float | None, tolerance: float | None
    ) -> None:
        """Remember when it begins."""
        del stop_time, tolerance
        self._begin_s = start_time

    def exit_initialization_mode(self) -> None:
        """Start in the steady state of the inputs."""
        inputs = self._inputs(0.0)
        state = self._plant.init(inputs, self._constants.copy(), time_s=self._begin_s)
        # The plant records only while it moves: a glance ahead shows what there is to see now.
        _, output = self._plant.advance(state, inputs, inputs, self._begin_s + GLANCE_S)
        self._found[:] = outputs_of(self._table, output, first=True)
        self._state = state

    def do_step(self, current_time: float, step_size: float) -> bool:
        """Move on under inputs that go linearly along their rates."""
        state = self._state
        if state is None:
            return False
        if not np.array_equal(self._constants, state.arrays["parameters"]):
            state = self._plant.with_parameters(state, self._constants.copy())
        until_s = current_time + step_size
        start, end = self._inputs(0.0), self._inputs(until_s - state.time_s)
        self._state, output = self._plant.advance(state, start, end, until_s)
        self._found[:] = outputs_of(self._table, output)
        return True

    def _inputs(self, ahead_s: float) -> Inputs:
        values = self._values + ahead_s * self._rates
        return Inputs(values[: self._split], values[self._split :])

    def _register(self, name: str, values: Any, place: int, causality: Any) -> None:
        def read() -> float:
            return float(values[place])

        def write(value: float) -> None:
            values[place] = value

        steady = causality is Fmi2Causality.parameter
        variability = Fmi2Variability.tunable if steady else Fmi2Variability.continuous
        self.register_variable(
            Real(name, causality=causality, variability=variability, getter=read, setter=write),
            nested=False,
        )

    def _get_fmu_state(self) -> dict[str, Any]:
        state = b"" if self._state is None else self._state.to_bytes()
        return {
            "plant": base64.b64encode(state).decode("ascii"),
            "numbers": [each.tolist() for each in self._numbers()],
        }

    def _set_fmu_state(self, state: dict[str, Any]) -> None:
        plant = base64.b64decode(state["plant"])
        self._state = state_from_bytes(plant) if plant else None
        for mine, kept in zip(self._numbers(), state["numbers"], strict=True):
            mine[:] = kept

    def _numbers(self) -> tuple[Any, ...]:
        return self._values, self._rates, self._constants, self._found
