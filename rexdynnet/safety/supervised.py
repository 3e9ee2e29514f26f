"""A plant under the maintainer's levers, as the flow of an automaton."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.network.spec import PlantControl
from rexdynnet.safety.events import Trace, straight_trace
from rexdynnet.safety.levers import Levers, Relief, Seen, ZoneMode, seen_in
from rexdynnet.safety.margins import Cause, Margins
from rexdynnet.safety.relief import Withholding
from rexdynnet.simulation.plant import DenseOutput, Inputs, PlantState

Floats = NDArray[np.float64]

CURTAILED = "substation_curtailed_energy"
LIMITED = "plant_curtailed_energy"

_NUDGES = ((1.0, 0.97), (0.97, 1.0), (0.95, 0.9), (0.8, 0.9), (0.9, 0.5), (0.5, 0.0))


@dataclass(frozen=True)
class Span:
    """Inputs over a time in which nothing jumps.

    Parameters
    ----------
    start_s, end_s : float
    start, end : Inputs
        Linear between.
    parameters : array
        Run-time parameters of the plant.
    stuck : frozenset of str
        Controls that follow nobody's command.
    """

    start_s: float
    end_s: float
    start: Inputs
    end: Inputs
    parameters: Floats
    stuck: frozenset[str] = frozenset()

    def at(self, time_s: float) -> Inputs:
        """Inputs at an instant; beyond the end those of the end."""
        share = min((time_s - self.start_s) / (self.end_s - self.start_s), 1.0)
        a, b = self.start, self.end
        return Inputs(
            a.controls + share * (b.controls - a.controls),
            a.disturbances + share * (b.disturbances - a.disturbances),
        )


@dataclass(frozen=True)
class Supervised:
    """State of a plant with its maintainer.

    Parameters
    ----------
    plant : PlantState
    relief : Relief
    spans : tuple of Span
        What acts until the end of the present step.
    reserved_W : array or None
    outputs : tuple of DenseOutput
        What happened since the step began.
    applied : Inputs or None
        What acted last, levers included.
    seen : Seen or None
        At the end of the last output, also of an earlier step.
    """

    plant: PlantState
    relief: Relief
    spans: tuple[Span, ...]
    reserved_W: Floats | None = None
    outputs: tuple[DenseOutput, ...] = ()
    applied: Inputs | None = None
    seen: Seen | None = None


@dataclass(frozen=True)
class SupervisedLeg:
    """One advance; see `rexdynnet.safety.automaton.Leg`."""

    trace: Trace
    flow: SupervisedFlow
    before: Supervised
    after: Supervised

    def state_at(self, time_s: float) -> Supervised:
        """The state at a time: where it lies inside, the plant advances anew, up to it."""
        if time_s >= self.after.plant.time_s:
            return self.after
        if time_s <= self.before.plant.time_s:
            return self.before
        return self.flow.move(self.before, time_s)


@dataclass(frozen=True)
class SupervisedFlow:
    """The plant in one joint mode of all zones.

    Parameters
    ----------
    hand : Withholding
    modes : tuple of ZoneMode
    """

    hand: Withholding
    modes: tuple[ZoneMode, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        """Margins by zone and cause, and what is withheld."""
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        names: list[str] = []
        for watch in self.hand.watches:
            names += [signal_of(watch.zone.name, cause) for cause in watch.causes]
            names += [f"{watch.zone.name}.discarded", f"{watch.zone.name}.curtailed"]
        return tuple(names)

    @property
    def assignable(self) -> tuple[str, ...]:
        """Nothing: water cannot be set."""
        return ()

    def assign(self, state: Supervised, values: Mapping[str, float]) -> Supervised:
        """Nothing to set."""
        if values:
            raise InputError(
                Finding(f"a reset sets {', '.join(values)}", "let the mode move levers instead")
            )
        return state

    def advance(self, state: Supervised, time_s: float, until_s: float) -> SupervisedLeg:
        """Advance over one span of inputs, or to the next look of the maintainer."""
        del time_s  # the plant's own
        after = self.move(state, until_s)
        return SupervisedLeg(self._trace(state, after), self, state, after)

    def move(self, state: Supervised, until_s: float) -> Supervised:
        """The state after an advance, at most to a time."""
        hand, relief, now = self.hand, state.relief, state.plant.time_s
        span = span_at(state.spans, now)
        stop = min(until_s, span.end_s) if span.end_s > now else until_s
        if relief.tick_s > now:
            stop = min(stop, relief.tick_s)
        begin, end = span.at(now), span.at(stop)
        levers = hand.levers(
            relief, self.modes, begin, state.reserved_W, state.seen, now, span.stuck
        )
        plant = state.plant
        if not np.array_equal(span.parameters, plant.arrays.get("parameters", span.parameters)):
            plant = hand.plant.with_parameters(plant, span.parameters)
        plant, output, last, levers = _advanced(hand, plant, (begin, end), stop, levers, span.stuck)
        output, relief = _booked(hand, output, (begin, end), levers, relief)
        seen = seen_in(output)
        if stop >= relief.tick_s:
            relief = hand.adapted(
                relief,
                self.modes,
                self._scaled(output, last, relief.ladder),
                seen,
                end,
                stop,
            )
        return replace(
            state,
            plant=plant,
            relief=relief,
            outputs=(*state.outputs, output),
            applied=last,
            seen=seen,
        )

    def quiet(self, output: DenseOutput, applied: Inputs, *, ladder: bool) -> bool:
        """Whether no margin is negative anywhere in an output."""
        return all(
            watch.of(cause, output, applied.disturbances, ladder).least > 0.0
            for watch in self.hand.watches
            for cause in watch.causes
        )

    def stays(self, before: Supervised, after: Supervised, entered_s: float) -> bool:
        """Whether nothing fires between two states, the second moved from the first."""
        output, applied = after.outputs[-1], after.applied
        if applied is None:
            return False
        ready = after.plant.time_s >= entered_s + self.hand.settings.dwell_s
        for k, (watch, mode) in enumerate(zip(self.hand.watches, self.modes, strict=True)):
            amounts = self._amounts(k, before, after) if ready and any(mode) else (1.0, 1.0)
            # an axis may return where nothing is withheld and no cause keeps it
            open_ = [mode[side] and amounts[side] <= 1e-6 for side in (0, 1)]
            for cause in watch.causes:
                side = 0 if cause.surplus else 1
                if mode[side] and not open_[side]:
                    continue
                margins = watch.of(cause, output, applied.disturbances, after.relief.ladder)
                if open_[side]:
                    open_[side] = margins.most_of_least >= watch.hysteresis[cause]
                elif not mode[side] and not margins.least > 0.0:
                    return False
            if any(open_):
                return False
        return True

    def _scaled(self, output: DenseOutput, applied: Inputs, ladder: bool) -> Floats:
        # smallest margins at the end of an output, as shares of their level
        found = np.full((len(self.hand.watches), 2), np.inf)
        end = DenseOutput(
            output.times_s[-2:], {name: rows[-2:] for name, rows in output.records.items()}
        )
        for k, watch in enumerate(self.hand.watches):
            for cause, scale in watch.levels.items():
                margins = watch.of(cause, end, applied.disturbances, ladder)
                side = 0 if cause.surplus else 1
                value = float(margins.right[-1].min()) / scale
                found[k, side] = min(found[k, side], value)
        return found

    def _trace(self, before: Supervised, after: Supervised) -> Trace:
        output, applied = after.outputs[-1], after.applied
        if applied is None:
            raise ValueError("a moved state has inputs")
        times = output.times_s
        kept = np.flatnonzero(np.diff(times) > 0.0)
        columns: list[tuple[Floats, Floats]] = []
        knots: list[tuple[int, int, float]] = []
        ladder = after.relief.ladder
        for k, watch in enumerate(self.hand.watches):
            for cause in watch.causes:
                margins = watch.of(cause, output, applied.disturbances, ladder)
                margins = Margins(margins.left[kept], margins.right[kept])
                for row, share in _crossings(margins):
                    knots.append((row, len(columns), share))
                columns.append((margins.left.min(axis=1), margins.right.min(axis=1)))
            for amount in self._amounts(k, before, after):
                whole = np.full(len(kept), amount)
                columns.append((whole, whole))
        edges = np.append(times[kept], times[kept[-1] + 1])
        left, right = (np.column_stack([pair[side] for pair in columns]) for side in (0, 1))
        return straight_trace(*_with_knots(edges, self.signals, left, right, knots))

    def _amounts(self, zone: int, before: Supervised, after: Supervised) -> tuple[float, float]:
        # what is withheld during the leg; the way back needs both to be nothing
        places = list(self.hand.watches[zone].zone.substations)
        gained = after.relief.curtailed_J[places] - before.relief.curtailed_J[places]
        short = float(np.maximum(gained, 0.0).sum())
        length = after.plant.time_s - before.plant.time_s
        limited = 1.0 if np.isfinite(before.relief.limit_W[zone]) else 0.0
        out = any(
            self.hand.network.plants[i].name in before.relief.tripped
            for i in self.hand.watches[zone].zone.suppliers
        )
        withheld = float(before.relief.withheld_W[zone]) + (1.0 if out else 0.0)
        return withheld, short / length + limited


def signal_of(zone: str, cause: Cause) -> str:
    """Name of a margin in the trace."""
    return f"{zone}.{cause.name.lower()}_margin"


def joined(outputs: Sequence[DenseOutput]) -> DenseOutput:
    """Dense outputs one after the other; a time at which two meet stands there twice."""
    if len(outputs) == 1:
        return outputs[0]
    times = np.concatenate([output.times_s for output in outputs])
    names = outputs[0].records
    return DenseOutput(
        times, {name: np.concatenate([o.records[name] for o in outputs]) for name in names}
    )


def booked_idle(output: DenseOutput, relief: Relief) -> DenseOutput:
    """An output during which nothing was withheld, with its books."""
    rows = len(output.times_s)
    books = {
        CURTAILED: np.broadcast_to(relief.curtailed_J, (rows, len(relief.curtailed_J))),
        LIMITED: np.broadcast_to(relief.limited_J, (rows, len(relief.limited_J))),
    }
    return DenseOutput(output.times_s, {**output.records, **books})


def _advanced(
    hand: Withholding,
    state: PlantState,
    given: tuple[Inputs, Inputs],
    stop_s: float,
    levers: Levers,
    stuck: frozenset[str],
) -> tuple[PlantState, DenseOutput, Inputs, Levers]:
    first_error: SolverError | None = None
    for attempt in _attempts(hand, levers, given[0]):
        first, last = (hand.apply(attempt, inputs, stuck) for inputs in given)
        try:
            after, output = hand.plant.advance(state, first, last, stop_s)
        except SolverError as error:
            first_error = first_error or error
            continue
        return after, output, last, attempt
    raise first_error or SolverError("no inputs were tried", "report this", time_s=stop_s)


def _attempts(hand: Withholding, levers: Levers, inputs: Inputs) -> Iterator[Levers]:
    # where the inputs leave the plant no flow that can be found, withhold a little more or less
    yield levers
    heats = np.full_like(levers.heat_W, np.inf)
    for i, plant in enumerate(hand.network.plants):
        if plant.control is PlantControl.HEAT:
            heats[i] = inputs.controls[hand.columns[f"{plant.name}.heat"]]
    capped = np.minimum(levers.heat_W, heats)
    nudges = tuple(
        replace(
            levers,
            share=levers.share * draw,
            heat_W=np.where(np.isfinite(capped), capped, 0.0) * feed
            + np.where(np.isfinite(capped), 0.0, np.inf),
        )
        for draw, feed in _NUDGES
    )
    dry = (*levers.out, *(pump.name for pump in hand.network.pumps))
    shut = Levers(
        np.zeros_like(levers.share),
        np.zeros_like(levers.heat_W),
        levers.temperature_K,
        np.zeros_like(levers.dump_W),
        (*dry, *(dump.name for dump in hand.network.dumps)),
    )
    last = (replace(levers, out=dry), shut)
    if levers.idle:
        yield from (*nudges, *last)
        return
    no_dump = replace(levers, dump_W=np.zeros_like(levers.dump_W))
    nothing = replace(hand.nothing, out=levers.out)
    yield from (*nudges[:4], no_dump, nothing, *nudges[4:], *last, hand.nothing)


def _booked(
    hand: Withholding,
    output: DenseOutput,
    given: tuple[Inputs, Inputs],
    levers: Levers,
    relief: Relief,
) -> tuple[DenseOutput, Relief]:
    if levers.idle:
        return booked_idle(output, relief), relief
    records, times = dict(output.records), output.times_s
    spans = np.diff(times)[:, None]
    cut = _cut_means(hand, output, given, levers)
    for name in ("substation_heat_demand", "substation_unserved_heat"):
        changed = records[name].copy()
        changed[1:] += cut
        changed[0] = changed[1]
        records[name] = changed
    refused = _refused_means(hand, output, given, levers)
    books: dict[str, Floats] = {}
    for name, means, before in (
        (CURTAILED, cut, relief.curtailed_J),
        (LIMITED, refused, relief.limited_J),
    ):
        books[name] = before + np.vstack(
            [np.zeros(means.shape[1]), np.cumsum(means * spans, axis=0)]
        )
    after = replace(relief, curtailed_J=books[CURTAILED][-1], limited_J=books[LIMITED][-1])
    return DenseOutput(times, {**records, **books}), after


def _cut_means(
    hand: Withholding, output: DenseOutput, given: tuple[Inputs, Inputs], levers: Levers
) -> Floats:
    times = output.times_s
    middle = 0.5 * (times[1:] + times[:-1])
    weight = ((middle - times[0]) / (times[-1] - times[0]))[:, None]
    demanded = output.records["substation_heat_demand"][1:]
    cut = np.zeros_like(demanded)
    for i in np.flatnonzero(levers.share < 1.0):
        at, flow = hand.demands[i], hand.flow_demands[i]
        if flow >= 0:
            share = max(float(levers.share[i]), 1e-6)
            cut[:, i] = demanded[:, i] * (1.0 / share - 1.0)
            continue
        ends = [float(each.disturbances[at]) for each in given]
        asked = (1.0 - weight[:, 0]) * ends[0] + weight[:, 0] * ends[1]
        cut[:, i] = asked - demanded[:, i]
    return np.maximum(cut, 0.0)


def _refused_means(
    hand: Withholding, output: DenseOutput, given: tuple[Inputs, Inputs], levers: Levers
) -> Floats:
    heat = output.records["plant_heat"][1:]
    refused = np.zeros_like(heat)
    for i, plant in enumerate(hand.network.plants):
        if plant.control is not PlantControl.HEAT:
            continue
        if not np.isfinite(levers.heat_W[i]) and plant.name not in levers.out:
            continue
        offered = float(given[0].controls[hand.columns[f"{plant.name}.heat"]])
        there = float(given[0].disturbances[hand.inputs[f"{plant.name}.availability"]])
        sun = hand.sun_W(i, given[0], float(output.records["plant_return_temperature"][-1, i]))
        offered = min(offered, min(plant.capacity_W, sun) * there)
        waste = hand.inputs.get(f"{plant.name}.available_heat")
        if waste is not None:
            offered = min(offered, float(given[0].disturbances[waste]) * there)
        refused[:, i] = np.maximum(offered - heat[:, i], 0.0)
    return refused


def span_at(spans: tuple[Span, ...], time_s: float) -> Span:
    """The span that acts just after an instant; the last one beyond the end."""
    for span in spans:
        if span.end_s > time_s:
            return span
    return spans[-1]


def _crossings(margins: Margins) -> list[tuple[int, float]]:
    # the least of straight lines changes sign once, where the first one does (or the last one back)
    least = (margins.left.min(axis=1), margins.right.min(axis=1))
    found: list[tuple[int, float]] = []
    for row in np.flatnonzero((least[0] < 0.0) != (least[1] < 0.0)):
        a, b = margins.left[row], margins.right[row]
        falls = least[0][row] >= 0.0
        crossing = (a < 0.0) != (b < 0.0)
        shares = a[crossing] / (a[crossing] - b[crossing])
        share = float(shares.min() if falls else shares.max())
        if 0.0 < share < 1.0:
            found.append((int(row), share))
    return found


def _with_knots(
    edges: Floats,
    names: tuple[str, ...],
    left: Floats,
    right: Floats,
    knots: list[tuple[int, int, float]],
) -> tuple[Floats, tuple[str, ...], Floats, Floats]:
    if not knots:
        return edges, names, left, right
    times: list[float] = [float(edges[0])]
    lefts: list[Floats] = []
    rights: list[Floats] = []
    for row in range(len(left)):
        own = sorted({share for at, _, share in knots if at == row})
        zero = {column: share for at, column, share in knots if at == row}
        marks = [0.0, *own, 1.0]
        values = np.empty((len(marks), left.shape[1]))
        for m, mark in enumerate(marks):
            values[m] = left[row] + mark * (right[row] - left[row])
            for column, share in zero.items():
                a, b = left[row, column], right[row, column]
                values[m, column] = (
                    a * (1.0 - mark / share)
                    if mark <= share
                    else b * (mark - share) / (1.0 - share)
                )
        for m in range(len(marks) - 1):
            end = float(edges[row] + marks[m + 1] * (edges[row + 1] - edges[row]))
            if marks[m + 1] == 1.0:
                end = float(edges[row + 1])
            if not end > times[-1]:
                continue
            times.append(end)
            lefts.append(values[m])
            rights.append(values[m + 1])
    return np.array(times), names, np.array(lefts), np.array(rights)
