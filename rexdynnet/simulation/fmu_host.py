"""A process of its own for one FMU: what crashes there does not bring down a run.

Reads pickled calls from standard input and answers on standard output, one by one.
"""

# fmpy ships no types: what comes from it is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportMissingImports=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Call(NamedTuple):
    """One request: a method of `Slave` and its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()


class Answer(NamedTuple):
    """What came of a call; where `error` says something, nothing did."""

    value: Any = None
    error: str = ""


class Slave:
    """One running FMU of FMI 2.0.

    Parameters
    ----------
    file : Path
    folder : str
        To unpack it in.
    """

    def __init__(self, file: Path, folder: str) -> None:
        from fmpy import extract, read_model_description
        from fmpy.fmi2 import FMU2Slave

        told: Any = read_model_description(str(file))
        self._references = {v.name: v.valueReference for v in told.modelVariables}
        self._slave: Any = FMU2Slave(
            guid=told.guid,
            unzipDirectory=extract(str(file), folder),
            modelIdentifier=told.coSimulation.modelIdentifier,
            instanceName=told.modelName,
        )
        self._slave.instantiate()

    def begin(self, time_s: float, names: Sequence[str], values: Floats) -> bytes:
        """Start at a time with variables set; the state."""
        self._slave.setupExperiment(startTime=time_s)
        self._slave.enterInitializationMode()
        self._write(names, values)
        self._slave.exitInitializationMode()
        return self._stored()

    def advance(
        self,
        kept: bytes,
        names: Sequence[str],
        steps: Sequence[tuple[float, float, Floats]],
        outputs: Sequence[str],
    ) -> tuple[bytes, Floats]:
        """From a stored state through steps of (begin, span, values); state and outputs."""
        state = self._slave.deSerializeFMUstate(kept)
        self._slave.setFMUstate(state)
        self._slave.freeFMUstate(state)
        rows = [self._read(outputs)]
        for begin_s, span_s, values in steps:
            self._write(names, values)
            self._slave.doStep(currentCommunicationPoint=begin_s, communicationStepSize=span_s)
            rows.append(self._read(outputs))
        return self._stored(), np.array(rows)

    def _stored(self) -> bytes:
        state = self._slave.getFMUstate()
        try:
            return bytes(self._slave.serializeFMUstate(state))
        finally:
            self._slave.freeFMUstate(state)

    def _write(self, names: Sequence[str], values: Floats) -> None:
        self._slave.setReal([self._references[name] for name in names], values.tolist())

    def _read(self, names: Sequence[str]) -> Floats:
        return np.array(self._slave.getReal([self._references[name] for name in names]))


def main() -> None:
    """Serve until the input ends."""
    # An FMU may print: the answers get a channel that it does not know.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    slave: Slave | None = None
    with TemporaryDirectory(prefix="rexdynnet-fmu-") as folder:
        while True:
            try:
                call: Call = pickle.load(sys.stdin.buffer)
            except EOFError:
                break
            try:
                if slave is None:
                    slave = Slave(Path(call.arguments[0]), folder)
                    answer = Answer()
                else:
                    answer = Answer(getattr(slave, call.name)(*call.arguments))
            # Whatever goes wrong inside is for the other side to tell.
            except Exception as error:
                answer = Answer(error=f"{type(error).__name__}: {error}")
            pickle.dump(answer, answers)
            answers.flush()
        # Leave without taking the FMU apart: some do not survive it.
        os._exit(0)
