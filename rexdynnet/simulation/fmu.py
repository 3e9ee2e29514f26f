"""An FMU as plant: what a controller acts on comes from another program (FMI 2.0, by fmpy)."""

# fmpy ships no types: what comes from it is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportMissingImports=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import pickle
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.simulation import fmu_host
from rexdynnet.simulation.dataset import MEANS
from rexdynnet.simulation.fmu_host import Answer, Call
from rexdynnet.simulation.fmu_outputs import OutputTable
from rexdynnet.simulation.network_signals import NetworkSignals
from rexdynnet.simulation.plant import DenseOutput, Inputs, Method, PlantState

Floats = NDArray[np.float64]

STEP_S = 60.0
_RATE = ".rate"


@dataclass(frozen=True)
class FmuPlant(NetworkSignals):
    """A plant that an FMU simulates.

    Parameters
    ----------
    network : Network
        What the FMU stands for: names and order of signals and results come from it.
    file : Path
        As `write_fmu` writes it, or another with inputs named like the network's signals (and
        optionally `NAME.rate`) and outputs named like results (`pipe_mass_flow[0]`).
    step_s : float
        Between two communication points, at most.

    Notes
    -----
    Between communication points results are linear; heats are means. An FMU without rates gets
    its inputs in steps of `step_s`. It must be able to store its state, for a run looks ahead and
    resumes, and runs in a process of its own, which may crash without bringing down the run.
    """

    file: Path
    step_s: float = STEP_S

    def init(
        self,
        inputs: Inputs,
        parameters: Floats | None = None,
        *,
        time_s: float = 0.0,
        temperatures_K: Mapping[str, float] | None = None,
    ) -> PlantState:
        """Start the FMU under constant inputs.

        Parameters
        ----------
        inputs : Inputs
        parameters : ndarray, shape (n_p,), optional
            None: the signals' defaults.
        time_s : float
        temperatures_K : mapping, optional
            FMUs start where they start: not taken.

        Returns
        -------
        PlantState

        Raises
        ------
        InputError
            Temperatures are given.
        SolverError
            The FMU gives up.
        """
        if temperatures_K is not None:
            raise InputError(
                Finding(
                    "an FMU starts in a state of its own",
                    "leave the temperatures out, or simulate by plug flow",
                    self.file,
                )
            )
        values = self._constants() if parameters is None else parameters
        given = np.concatenate([values, inputs.controls, inputs.disturbances])
        # A fresh process: what an FMU left of an earlier start is not there.
        self._client.close()
        kept = self._called(time_s, "begin", time_s, (*self._parameters, *self._inputs), given)
        return self._state(time_s, values, kept)

    def with_parameters(self, state: PlantState, parameters: Floats) -> PlantState:
        """Same state under other run-time parameters.

        Parameters
        ----------
        state : PlantState
        parameters : ndarray, shape (n_p,)

        Returns
        -------
        PlantState
        """
        return PlantState(state.time_s, state.method, {**state.arrays, "parameters": parameters})

    def advance(
        self, state: PlantState, start: Inputs, end: Inputs, until_s: float
    ) -> tuple[PlantState, DenseOutput]:
        """Move on to `until_s` under inputs that go linearly from `start` to `end`.

        Parameters
        ----------
        state : PlantState
        start, end : Inputs
        until_s : float

        Returns
        -------
        state : PlantState
        output : DenseOutput
            A row per communication point.

        Raises
        ------
        SolverError
            The FMU gives up.
        """
        first = np.concatenate([start.controls, start.disturbances])
        last = np.concatenate([end.controls, end.disturbances])
        span = until_s - state.time_s
        count = max(1, int(np.ceil(span / self.step_s - 1e-9)))
        times = np.linspace(state.time_s, until_s, count + 1)
        rates = (last - first) / span if span > 0 else np.zeros(len(first))
        constants = state.arrays["parameters"]
        known = self._told.rates
        names = (*self._parameters, *self._inputs, *known)
        moving = rates[[name + _RATE in known for name in self._inputs]]
        steps = [
            (
                begin,
                finish - begin,
                np.concatenate([constants, first + (begin - state.time_s) * rates, moving]),
            )
            for begin, finish in zip(times[:-1].tolist(), times[1:].tolist(), strict=True)
        ]
        table = self._told.table
        kept, rows = self._called(
            state.time_s, "advance", state.arrays["fmu"].tobytes(), names, steps, table.labels
        )
        records = dict(table.records(rows))
        for name in MEANS & set(records):
            records[name][0] = records[name][1]
        return self._state(until_s, constants, kept), DenseOutput(times, records)

    def _state(self, time_s: float, parameters: Floats, kept: bytes) -> PlantState:
        stored = np.frombuffer(kept, dtype=np.uint8)
        return PlantState(time_s, Method.PLUGFLOW, {"fmu": stored, "parameters": parameters.copy()})

    def _constants(self) -> Floats:
        return np.array([signal.default or 0.0 for signal in self.parameters])

    def _called(self, time_s: float, name: str, *arguments: Any) -> Any:
        """What the FMU's process answers; checked before it is first started."""
        told = self._told
        answer = self._client.ask(told.file, Call(name, arguments))
        if answer.error:
            raise SolverError(
                f"the FMU {self.file.name} gave up: {answer.error}",
                "look at its log, or shorten its step",
                time_s=time_s,
            )
        return answer.value

    @cached_property
    def _inputs(self) -> tuple[str, ...]:
        return tuple(signal.name for signal in (*self.controls, *self.disturbances))

    @cached_property
    def _parameters(self) -> tuple[str, ...]:
        return tuple(signal.name for signal in self.parameters)

    @cached_property
    def _told(self) -> _Told:
        return _read(self.file, self._inputs, self._parameters)

    @cached_property
    def _client(self) -> _Client:
        return _Client()


class _Told(NamedTuple):
    """What an FMU says of itself."""

    file: Path
    rates: tuple[str, ...]
    table: OutputTable


class _Client:
    """The other end of `rexdynnet.simulation.fmu_host`."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, file: Path, call: Call) -> Answer:
        """Call the slave; start its process where there is none."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {fmu_host.__name__} import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            weakref.finalize(self, _end, self._process)
            begun = self._sent(self._process, Call("open", (str(file.absolute()),)))
            if begun.error:
                return begun
        return self._sent(self._process, call)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            _end(self._process)
            self._process = None

    def _sent(self, process: subprocess.Popen[bytes], call: Call) -> Answer:
        if process.stdin is None or process.stdout is None:
            return Answer(error="its process has no channel")
        try:
            pickle.dump(call, process.stdin)
            process.stdin.flush()
            return pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            self.close()
            return Answer(error=f"its process ended (status {process.returncode})")


def _end(process: subprocess.Popen[bytes]) -> None:
    for channel in (process.stdin, process.stdout):
        if channel is not None:
            with suppress(OSError):
                channel.close()
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(file: Path, inputs: Sequence[str], parameters: Sequence[str]) -> _Told:
    """Read and check an FMU's description.

    Raises
    ------
    InputError
        fmpy is missing, it is no FMU of FMI 2.0 that stores its state, or signals are missing.
    """
    try:
        from fmpy import read_model_description
    except ImportError:
        raise InputError(
            Finding(
                "FMUs are run by fmpy, which is not installed",
                "install it with `pip install 'rexdynnet[fmu]'`",
                file,
            )
        ) from None
    if not file.is_file():
        raise InputError(Finding("the FMU does not exist", "check the path or write it", file))
    try:
        told: Any = read_model_description(str(file))
    # fmpy raises plain exceptions for whatever is wrong with a file.
    except Exception as error:
        remedy = "give an FMU of FMI 2.0 for co-simulation"
        raise InputError(Finding(f"it is no FMU ({error})", remedy, file)) from None
    what = told.coSimulation
    if told.fmiVersion != "2.0" or what is None:
        raise InputError(Finding("it is no FMI 2.0 co-simulation", "export it as such", file))
    if not (what.canGetAndSetFMUstate and what.canSerializeFMUstate):
        raise InputError(
            Finding(
                "it cannot store its state, which a run needs to look ahead and to resume",
                "export it with canGetAndSetFMUstate and canSerializeFMUstate",
                file,
            )
        )
    known = {variable.name for variable in told.modelVariables}
    missing = [name for name in (*inputs, *parameters) if name not in known]
    if missing:
        remedy = "name the FMU's inputs and parameters like the network's signals"
        words = "the network has this signal and the FMU has not"
        raise InputError(*(Finding(words, remedy, file, field=name) for name in missing))
    outputs = [v.name for v in told.modelVariables if v.causality == "output"]
    rates = tuple(name + _RATE for name in inputs if name + _RATE in known)
    return _Told(file, rates, _table_of(outputs))


def _table_of(labels: Sequence[str]) -> OutputTable:
    """Shapes of records from names such as `tank_temperature[0][4]`."""
    most: dict[str, list[int]] = {}
    for label in labels:
        name, *places = label.replace("]", "").split("[")
        counts = [int(place) + 1 for place in places]
        most[name] = [max(a, b) for a, b in zip(most.get(name, counts), counts, strict=True)]
    return OutputTable(tuple((name, tuple(most[name])) for name in sorted(most)))
