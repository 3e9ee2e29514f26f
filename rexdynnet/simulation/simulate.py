"""Run a plant over a forcing and collect its trajectories."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.simulation.dataset import MEANS, build_dataset, run_attributes
from rexdynnet.simulation.forcing import Forcing, Segment
from rexdynnet.simulation.plant import (
    DenseOutput,
    Inputs,
    Method,
    Plant,
    PlantState,
    state_from_bytes,
    write_atomically,
)
from rexdynnet.units import parse_duration

if TYPE_CHECKING:
    import xarray as xr

    from rexdynnet.dae.model import Dae

Floats = NDArray[np.float64]
LONGEST_PIECE_s = 3600.0
CHECKPOINT_EVERY_s = 14 * 86400.0


def make_plant(subject: Network | Dae, method: Method = Method.PLUGFLOW) -> Plant:
    """Make the plant of a network by one of the three methods.

    Parameters
    ----------
    subject : Network or Dae
        A `Dae` brings its discretisation to the DAE and ODE methods and its friction
        law to all three.
    method : Method

    Returns
    -------
    Plant
    """
    if method is Method.PLUGFLOW:
        from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant

        if isinstance(subject, Network):
            return PlugFlowPlant(subject)
        options = PlugFlowOptions(friction=subject.options.friction)
        return PlugFlowPlant(subject.network, options)
    from rexdynnet.dae.model import build_dae
    from rexdynnet.simulation.integrate import DaePlant, OdePlant

    dae = build_dae(subject) if isinstance(subject, Network) else subject
    return DaePlant(dae) if method is Method.DAE else OdePlant(dae)


@dataclass(frozen=True)
class Override:
    """A disturbance or run-time parameter that has another value for a while.

    Parameters
    ----------
    name : str
        `component.quantity`, such as `boiler.availability` or `12-13_supply.leak`.
    start_s, end_s : float
        Since the start of the run; the end is excluded.
    value : float
        In SI units.
    """

    name: str
    start_s: float
    end_s: float
    value: float


def simulate(
    subject: Network | Dae | Plant,
    forcing: Forcing,
    until: float | str,
    *,
    method: Method = Method.PLUGFLOW,
    output_step_s: float = 600.0,
    parameters: Floats | None = None,
    overrides: Sequence[Override] = (),
    start: PlantState | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> xr.Dataset:
    """Simulate a network over a forcing.

    Parameters
    ----------
    subject : Network, Dae or Plant
        A `Plant` is used as it is (then `method` does not matter).
    forcing : Forcing
        Must cover the run.
    until : float or str
        Length of the run in seconds or as text such as "7d".
    method : Method
    output_step_s : float
        Distance of the rows of the result; the last row is the end of the run.
    parameters : (n_p,) array or None
        Run-time parameters in the plant's order; None: their defaults.
    overrides : sequence of Override
        Faults that begin and end during the run; of two on one name the later in the
        sequence wins.
    start : PlantState or None
        None: the steady state of the first inputs.
    checkpoint : Path or None
        File in which a long run keeps its progress; a run that finds its own checkpoint
        goes on from there, to the same result. It is removed when the run succeeds.
    progress : callable or None
        Called with (seconds done, seconds in all).

    Returns
    -------
    xarray.Dataset
        See the reference page of results for its variables.

    Raises
    ------
    InputError
        If the forcing lacks a signal or is too short, or an argument makes no sense.
    SolverError
        If a solver fails; names time and component.
    """
    until_s = parse_duration(until) if isinstance(until, str) else float(until)
    if not (until_s > 0 and output_step_s > 0):
        raise InputError(
            Finding(
                f"a run of {until_s} s with an output every {output_step_s} s",
                "give positive times",
            )
        )
    plant = _as_plant(subject, method)
    segments = forcing.inputs(plant, until_s)
    times = output_times(until_s, output_step_s)
    changes = _Changes(plant, tuple(overrides), parameters)
    key = _run_key(plant, forcing, times, parameters, repr(changes.overrides))
    collector = Collector(times)
    state = _resume(checkpoint, key, collector)
    if state is None:
        first = changes.inputs(segments[0].start, 0.0)
        state = start or plant.init(first, changes.parameters(0.0))
        if changes.parameters(0.0) is not None and start is not None:
            state = plant.with_parameters(state, cast("Floats", changes.parameters(0.0)))
    saved_s = state.time_s
    for piece in _pieces(segments, state.time_s, changes.edges()):
        state = changes.at(state, piece.start_s)
        begin, end = (changes.inputs(edge, piece.start_s) for edge in (piece.start, piece.end))
        state, output = plant.advance(state, begin, end, piece.end_s)
        collector.take(output)
        if progress is not None:
            progress(piece.end_s, until_s)
        if checkpoint is not None and piece.end_s - saved_s >= CHECKPOINT_EVERY_s:
            write_atomically(checkpoint, _checkpoint_bytes(key, state, collector))
            saved_s = piece.end_s
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    state_method = state.method.name.lower()
    attributes = run_attributes(plant.network, state_method, forcing.start_utc, output_step_s)
    return build_dataset(plant.network, times, collector.rows, attributes)


class _Changes:
    """What the overrides make of inputs and parameters at each instant."""

    def __init__(
        self, plant: Plant, overrides: tuple[Override, ...], parameters: Floats | None
    ) -> None:
        self.plant, self.overrides, self.base = plant, overrides, parameters
        signals = {s.name: s for s in (*plant.disturbances, *plant.parameters)}
        findings: list[Finding] = []
        for one in overrides:
            signal = signals.get(one.name)
            if signal is None:
                hint = nearest(one.name, signals)
                what = f"{one.name!r} is no disturbance or parameter"
                findings.append(Finding(what, hint, field="faults"))
            elif not signal.lower <= one.value <= signal.upper:
                remedy = f"give a value from {signal.lower:g} to {signal.upper:g}"
                what = f"the fault sets {one.name} to {one.value:g}"
                findings.append(Finding(what, remedy, field="faults"))
            if not one.start_s < one.end_s:
                what = f"the fault of {one.name} ends before it starts"
                findings.append(Finding(what, "swap start and end", field="faults"))
        if findings:
            raise InputError(*findings)
        self.disturbed = [signal.name for signal in plant.disturbances]
        self.parametric = [signal.name for signal in plant.parameters]

    def edges(self) -> tuple[float, ...]:
        return tuple(sorted({at for one in self.overrides for at in (one.start_s, one.end_s)}))

    def parameters(self, time_s: float) -> Floats | None:
        names = self.parametric
        if not any(one.name in names for one in self.overrides):
            return self.base
        defaults = [signal.default or 0.0 for signal in self.plant.parameters]
        return self._changed(np.array(defaults if self.base is None else self.base), names, time_s)

    def inputs(self, given: Inputs, time_s: float) -> Inputs:
        if not any(one.name in self.disturbed for one in self.overrides):
            return given
        values = self._changed(given.disturbances.copy(), self.disturbed, time_s)
        return Inputs(given.controls, values)

    def at(self, state: PlantState, time_s: float) -> PlantState:
        values = self.parameters(time_s)
        if values is None or np.array_equal(values, state.arrays.get("parameters", ())):
            return state
        return self.plant.with_parameters(state, values)

    def _changed(self, values: Floats, names: list[str], time_s: float) -> Floats:
        for one in self.overrides:
            if one.name in names and one.start_s <= time_s < one.end_s:
                values[names.index(one.name)] = one.value
        return values


def _as_plant(subject: Network | Dae | Plant, method: Method) -> Plant:
    if isinstance(subject, Network):
        return make_plant(subject, method)
    # a Dae states equations, a plant advances; asking so keeps CasADi out of plug-flow runs
    if hasattr(subject, "advance"):
        return cast("Plant", subject)
    return make_plant(cast("Dae", subject), method)


def output_times(until_s: float, step_s: float) -> Floats:
    """Multiples of the step from 0, and the end.

    Parameters
    ----------
    until_s, step_s : float

    Returns
    -------
    (n,) array

    Examples
    --------
    >>> output_times(25.0, 10.0)
    array([ 0., 10., 20., 25.])
    """
    count = int(np.floor(until_s / step_s + 1e-9))
    times = np.arange(count + 1, dtype=np.float64) * step_s
    if until_s - times[-1] > 1e-9 * until_s:
        return np.append(times, until_s)
    times[-1] = until_s
    return times


@dataclass
class Collector:
    """Gathers the rows of a result from successive dense outputs.

    Parameters
    ----------
    times_s : (n,) array
        Times of the rows.
    rows : dict of str to (n, ...) array
        Filled as outputs come in.
    filled : int
        Number of rows filled.
    integrals : dict of str to array
        Integral of each mean variable since the last row.
    """

    times_s: Floats
    rows: dict[str, Floats] = field(default_factory=dict)
    filled: int = 0
    integrals: dict[str, Floats] = field(default_factory=dict)

    def take(self, output: DenseOutput) -> None:
        """Sample one dense output; it must start where the last one ended."""
        first, last = float(output.times_s[0]), float(output.times_s[-1])
        stop = int(np.searchsorted(self.times_s, last + 1e-9 * max(last, 1.0), side="right"))
        starts = self.filled == 0
        begin = self.filled
        wanted = np.clip(self.times_s[begin:stop], first, last)
        for name, values in output.records.items():
            if name not in self.rows:
                self.rows[name] = np.full((len(self.times_s), *values.shape[1:]), np.nan)
            if name in MEANS:
                self._take_means(name, output, wanted, begin, stop, first_row=starts)
            elif stop > begin:
                self.rows[name][begin:stop] = output.at(name, wanted)
        self.filled = stop

    def _take_means(
        self,
        name: str,
        output: DenseOutput,
        wanted: Floats,
        begin: int,
        stop: int,
        *,
        first_row: bool,
    ) -> None:
        values = output.records[name]
        spans = np.diff(output.times_s).reshape((-1,) + (1,) * (values.ndim - 1))
        running = np.zeros_like(values)
        np.cumsum(values[1:] * spans, axis=0, out=running[1:])
        carried = self.integrals.get(name, np.zeros(values.shape[1:]))
        if stop == begin:
            self.integrals[name] = carried + running[-1]
            return
        at_rows = DenseOutput(output.times_s, {name: running}).at(name, wanted)
        before = 0 if first_row else begin - 1
        edges = np.concatenate([-carried[None], at_rows]) if not first_row else at_rows
        lengths = np.diff(self.times_s[before:stop]).reshape((-1,) + (1,) * (values.ndim - 1))
        if first_row:
            self.rows[name][0] = values[0]
            self.rows[name][1:stop] = np.diff(edges, axis=0) / lengths
        else:
            self.rows[name][begin:stop] = np.diff(edges, axis=0) / lengths
        self.integrals[name] = running[-1] - at_rows[-1]


def _pieces(segments: list[Segment], from_s: float, cuts: Sequence[float] = ()) -> list[Segment]:
    """Segments from a time on, none longer than an hour (dense output stays small)."""
    pieces: list[Segment] = []
    for segment in segments:
        span = segment.end_s - segment.start_s
        count = max(1, int(np.ceil(span / LONGEST_PIECE_s - 1e-9)))
        edges = segment.start_s + span * np.arange(count + 1) / count
        edges[-1] = segment.end_s
        inside = [at for at in cuts if np.abs(edges - at).min() > 1e-6]
        inside = [at for at in inside if segment.start_s < at < segment.end_s]
        edges = np.sort(np.concatenate([edges, inside]))
        for start_s, end_s in pairwise(edges):
            if end_s > from_s + 1e-6:
                pieces.append(_part(segment, float(start_s), float(end_s)))
    return pieces


def _part(segment: Segment, start_s: float, end_s: float) -> Segment:
    def mixed(time_s: float) -> Inputs:
        share = (time_s - segment.start_s) / (segment.end_s - segment.start_s)
        a, b = segment.start, segment.end
        return Inputs(
            a.controls + share * (b.controls - a.controls),
            a.disturbances + share * (b.disturbances - a.disturbances),
        )

    return Segment(start_s, end_s, mixed(start_s), mixed(end_s))


def _run_key(
    plant: Plant, forcing: Forcing, times: Floats, parameters: Floats | None, overrides: str
) -> str:
    digest = hashlib.sha256()
    dae = getattr(plant, "dae", None)
    options = repr(getattr(plant, "options", "")), repr(getattr(dae, "options", ""))
    network = (repr(getattr(plant.network, part.name)) for part in fields(plant.network))
    for part in (type(plant).__name__, *network, *options, overrides):
        digest.update(part.encode())
    digest.update(" ".join(forcing.names).encode())
    for array in (forcing.time_s, forcing.values, times, parameters):
        if array is not None:
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _checkpoint_bytes(key: str, state: PlantState, collector: Collector) -> bytes:
    buffer = io.BytesIO()
    arrays = {f"row:{name}": rows[: collector.filled] for name, rows in collector.rows.items()}
    arrays |= {f"integral:{name}": value for name, value in collector.integrals.items()}
    np.savez(
        buffer,
        allow_pickle=False,
        **arrays,
        key=np.array(key),
        state=np.frombuffer(state.to_bytes(), dtype=np.uint8),
    )
    return buffer.getvalue()


def _resume(checkpoint: Path | None, key: str, collector: Collector) -> PlantState | None:
    """Read a checkpoint of this very run into the collector; another run's is ignored."""
    if checkpoint is None or not checkpoint.exists():
        return None
    try:
        with np.load(checkpoint, allow_pickle=False) as stored:
            if str(stored["key"]) != key:
                return None
            for name in stored.files:
                kind, _, variable = name.partition(":")
                if kind == "row":
                    rows = stored[name]
                    whole = np.full((len(collector.times_s), *rows.shape[1:]), np.nan)
                    whole[: len(rows)] = rows
                    collector.rows[variable] = whole
                    collector.filled = len(rows)
                elif kind == "integral":
                    collector.integrals[variable] = stored[name]
            return state_from_bytes(stored["state"].tobytes())
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            Finding(
                f"the checkpoint cannot be read ({error})",
                "delete it to start the run anew",
                file=checkpoint,
            )
        ) from error
