"""The plant: what a controller acts on and a simulation steps, whatever the method."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.signals import Signal

Floats = NDArray[np.float64]


class Method(Enum):
    """How a network is simulated; the text says when to take it."""

    PLUGFLOW = "parcels with exact advection; the default, fastest"
    DAE = "finite volumes and hydraulics as one DAE by IDAS; an independent check"
    ODE = "high-resolution finite volumes by CVODES, hydraulics at macro steps"


@dataclass(frozen=True)
class Inputs:
    """Controls and disturbances at one instant, in the order of the plant's signals.

    Parameters
    ----------
    controls : (n_u,) array
    disturbances : (n_d,) array
        SI units.
    """

    controls: Floats
    disturbances: Floats


@dataclass(frozen=True)
class PlantState:
    """Everything a plant needs to go on, as named arrays.

    Parameters
    ----------
    time_s : float
        Simulation time.
    method : Method
    arrays : mapping of str to array
        Read-only by contract; a plant copies what it changes.
    """

    time_s: float
    method: Method
    arrays: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrays", MappingProxyType(dict(self.arrays)))

    def __reduce__(self) -> tuple[object, ...]:
        return (PlantState, (self.time_s, self.method, dict(self.arrays)))

    def clone(self) -> PlantState:
        """An independent copy."""
        return replace(self, arrays={name: array.copy() for name, array in self.arrays.items()})

    def to_bytes(self) -> bytes:
        """Serialise to bytes that `state_from_bytes` reads; no pickles inside."""
        buffer = io.BytesIO()
        np.savez(
            buffer,
            allow_pickle=False,
            **{f"array:{name}": array for name, array in self.arrays.items()},
            time_s=np.float64(self.time_s),
            method=np.array(self.method.name),
        )
        return buffer.getvalue()

    def save(self, path: Path) -> None:
        """Write to a file, all or nothing."""
        write_atomically(path, self.to_bytes())


def state_from_bytes(data: bytes) -> PlantState:
    """Read what `PlantState.to_bytes` wrote.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    PlantState

    Raises
    ------
    InputError
        If the bytes are no saved state.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            arrays = {
                name.removeprefix("array:"): stored[name]
                for name in stored.files
                if name.startswith("array:")
            }
            return PlantState(float(stored["time_s"]), Method[str(stored["method"])], arrays)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            Finding(f"this is no saved plant state ({error})", "start the run anew")
        ) from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a half.

    Parameters
    ----------
    path : Path
    data : bytes
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # a temporary file is private; a result is as readable as any new file
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class DenseOutput:
    """What happened during one `advance`.

    Parameters
    ----------
    times_s : (n,) array
        Increasing; the first is the start (just after the jump of the inputs).
    records : mapping of str to (n, ...) array
        Named like the variables of the result dataset. Temperatures, pressures and flows
        are values at the time; heats are means since the previous time (the first row
        repeats the second); energies are cumulative since the start of the simulation.
    """

    times_s: Floats
    records: Mapping[str, Floats]

    def at(self, name: str, times_s: Floats) -> Floats:
        """Values of a record at given times, linear between the internal steps.

        Parameters
        ----------
        name : str
            Name of a record.
        times_s : (k,) array
            Within the span of the output.

        Returns
        -------
        (k, ...) array
        """
        values = self.records[name]
        right = np.clip(np.searchsorted(self.times_s, times_s), 1, len(self.times_s) - 1)
        span = self.times_s[right] - self.times_s[right - 1]
        weight = np.clip((times_s - self.times_s[right - 1]) / span, 0.0, 1.0)
        weight = weight.reshape((-1,) + (1,) * (values.ndim - 1))
        return (1.0 - weight) * values[right - 1] + weight * values[right]


class Plant(Protocol):
    """A simulated network that can be started, advanced, cloned and stored."""

    @property
    def network(self) -> Network:
        """The network simulated."""
        ...

    @property
    def controls(self) -> tuple[Signal, ...]:
        """Order of `Inputs.controls`."""
        ...

    @property
    def disturbances(self) -> tuple[Signal, ...]:
        """Order of `Inputs.disturbances`."""
        ...

    @property
    def parameters(self) -> tuple[Signal, ...]:
        """Order of the run-time parameters."""
        ...

    def init(
        self,
        inputs: Inputs,
        parameters: Floats | None = None,
        *,
        time_s: float = 0.0,
        temperatures_K: Mapping[str, float] | None = None,
    ) -> PlantState:
        """Start in the steady state of `inputs`, or at given temperatures."""
        ...

    def advance(
        self, state: PlantState, start: Inputs, end: Inputs, until_s: float
    ) -> tuple[PlantState, DenseOutput]:
        """Move on to `until_s` under inputs that go linearly from `start` to `end`."""
        ...

    def with_parameters(self, state: PlantState, parameters: Floats) -> PlantState:
        """Same state under other run-time parameters (a fault that begins or ends)."""
        ...
