"""The safety maintainer: watches every step of a plant and acts at the instant of an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import SolverError
from rexdynnet.network.graph import Network
from rexdynnet.safety.automaton import HybridAutomaton
from rexdynnet.safety.levers import Relief, Seen, ZoneMode, seen_in
from rexdynnet.safety.margins import Cause, ZoneWatch
from rexdynnet.safety.modes import Meaning, make_automaton
from rexdynnet.safety.relief import Withholding
from rexdynnet.safety.run import Point, begin, run
from rexdynnet.safety.settings import SafetySettings
from rexdynnet.safety.stops import End, Firing
from rexdynnet.safety.supervised import Span, Supervised, SupervisedFlow, booked_idle, joined
from rexdynnet.safety.zones import hydraulic_zones
from rexdynnet.simulation.plant import DenseOutput, Inputs, Plant, PlantState

Floats = NDArray[np.float64]

_WAITS = (("", True),)
"""Guards were looked at before: nothing fires without time passing."""


@dataclass(frozen=True)
class Fired:
    """A change of mode, for people.

    Parameters
    ----------
    time_s : float
    zone : str
    before, after : ZoneMode
    cause : Cause or None
        None: the way back.
    component : str
        The worst one, where a component is to blame.
    """

    time_s: float
    zone: str
    before: ZoneMode
    after: ZoneMode
    cause: Cause | None
    component: str = ""


@dataclass(frozen=True)
class Watched:
    """State of the maintainer between control steps.

    Parameters
    ----------
    mode : str
    entered_s : float
    relief : Relief
    fired : tuple of Fired
        So far.
    notes : tuple of str
        What the automaton reported other than the end of a step.
    seen : Seen or None
        Of the plant, at the end of the last step.
    """

    mode: str
    entered_s: float
    relief: Relief
    fired: tuple[Fired, ...] = ()
    notes: tuple[str, ...] = ()
    seen: Seen | None = None


@dataclass(frozen=True)
class SafetyMaintainer:
    """Watches a plant; see `make_maintainer`.

    Parameters
    ----------
    hand : Withholding
    automaton : HybridAutomaton
    modes : mapping of mode name to the zones' modes
    meanings : mapping of transition name to Meaning
    """

    hand: Withholding
    automaton: HybridAutomaton[Supervised]
    modes: Mapping[str, tuple[ZoneMode, ...]]
    meanings: Mapping[str, Meaning] = field(repr=False)

    @property
    def zones(self) -> tuple[str, ...]:
        """Names of the zones."""
        return tuple(watch.zone.name for watch in self.hand.watches)

    def init(self, time_s: float = 0.0) -> Watched:
        """Normal operation, nothing withheld."""
        return Watched(self.automaton.initial, time_s, self.hand.fresh())

    def advance(
        self,
        watched: Watched,
        plant: PlantState,
        spans: tuple[Span, ...],
        *,
        ladder: bool = False,
        reserved_W: Floats | None = None,
    ) -> tuple[Watched, PlantState, DenseOutput, Inputs]:
        """Move a plant over one control step.

        Parameters
        ----------
        watched : Watched
        plant : PlantState
        spans : tuple of Span
            What would act, without gaps from the plant's time to the end of the step.
        ladder : bool
            Whether the controller's ladder stands on its last rung.
        reserved_W : (n_substations,) array or None
            What each has reserved, as power.

        Returns
        -------
        watched : Watched
        plant : PlantState
        output : DenseOutput
            With the demands as they were before anything was withheld, and the cumulative
            books `substation_curtailed_energy` and `plant_curtailed_energy`.
        applied : Inputs
            What acted at the end of the step.
        """
        relief = replace(watched.relief, ladder=ladder)
        state = Supervised(plant, relief, spans, reserved_W, seen=watched.seen)
        idle = not any(any(mode) for mode in self.modes[watched.mode])
        if idle and not relief.tripped and not ladder:
            done = self._calm(state)
            if done is not None:
                after = replace(watched, relief=relief, seen=seen_in(done[1]))
                return after, done[0], done[1], spans[-1].end
        point = Point(watched.mode, plant.time_s, state, watched.entered_s, _WAITS)
        if watched.entered_s == plant.time_s:
            point = begin(self.automaton, state, plant.time_s)
        firings: list[Firing] = []
        notes, end_s = watched.notes, spans[-1].end_s
        while point.time_s < end_s:
            flow = SupervisedFlow(self.hand, self.modes[point.mode])
            after = flow.move(point.state, end_s)
            if flow.stays(point.state, after, point.entered_s):
                # no guard of this mode fires on the way, so the automaton would go the same way
                point = replace(point, time_s=after.plant.time_s, state=after, held=_WAITS)
                continue
            found = run(self.automaton, point, after.plant.time_s)
            firings += found.firings
            point = found.point
            if found.report.end is not End.REACHED:
                notes = (*notes, str(found.report))
                point = self._held(point, end_s)
        state = point.state
        fired = tuple(told for firing in firings for told in self._told(firing, state))
        final = Watched(
            point.mode, point.entered_s, state.relief, (*watched.fired, *fired), notes, state.seen
        )
        applied = state.applied or spans[-1].end
        return final, state.plant, joined(state.outputs), applied

    def _calm(self, state: Supervised) -> tuple[PlantState, DenseOutput] | None:
        # the usual case at little cost: no margin spent anywhere in the step, so nothing fires
        flow = SupervisedFlow(self.hand, self.modes[self.automaton.initial])
        plant, outputs = state.plant, list[DenseOutput]()
        for span in state.spans:
            if not np.array_equal(span.parameters, plant.arrays.get("parameters", span.parameters)):
                plant = self.hand.plant.with_parameters(plant, span.parameters)
            try:
                plant, output = self.hand.plant.advance(plant, span.start, span.end, span.end_s)
            except SolverError:
                return None
            if not flow.quiet(output, span.start, ladder=False):
                return None
            outputs.append(booked_idle(output, state.relief))
        return plant, joined(outputs)

    def _held(self, point: Point[Supervised], until_s: float) -> Point[Supervised]:
        # a run that cannot go on in its modes ends the step in the most careful one
        both = ((True, True),) * len(self.hand.watches)
        name = next(name for name, modes in self.modes.items() if modes == both)
        flow, state = SupervisedFlow(self.hand, both), point.state
        while state.plant.time_s < until_s:
            state = flow.move(state, until_s)
        return Point(name, until_s, state, until_s)

    def _told(self, firing: Firing, state: Supervised) -> tuple[Fired, ...]:
        meaning = self.meanings[firing.transition]
        watch = self.hand.watches[meaning.zone]
        blamed = ""
        if meaning.cause is not None:
            blamed = self._blamed(watch, meaning.cause, firing.time_s, state)
        pairs = zip(self.modes[firing.source], self.modes[firing.target], strict=True)
        return tuple(
            Fired(firing.time_s, each.zone.name, before, after, meaning.cause, blamed)
            for each, (before, after) in zip(self.hand.watches, pairs, strict=True)
            if before != after
        )

    def _blamed(self, watch: ZoneWatch, cause: Cause, time_s: float, state: Supervised) -> str:
        names = watch.culprits(cause)
        disturbances = _inputs_at(state.spans, time_s).disturbances
        if cause is Cause.TRIP:
            return ", ".join((*watch.out(disturbances), *sorted(state.relief.tripped)))
        if not names:
            return ""
        for output in state.outputs:
            if output.times_s[0] - 1e-9 <= time_s <= output.times_s[-1] + 1e-9:
                margins = watch.of(cause, output, disturbances, ladder=False)
                row = int(np.searchsorted(output.times_s[1:], time_s - 1e-9))
                row = min(row, len(margins.right) - 1)
                return names[int(np.argmin(margins.right[row]))]
        return ""


def make_maintainer(plant: Plant, settings: SafetySettings | None = None) -> SafetyMaintainer:
    """Make the maintainer of a plant.

    Parameters
    ----------
    plant : Plant
    settings : SafetySettings or None

    Returns
    -------
    SafetyMaintainer

    Examples
    --------
    >>> import rexdynnet as rdn
    >>> plant = rdn.make_plant(rdn.read_network("models/networks/destest16"))
    >>> [mode.name for mode in make_maintainer(plant).automaton.modes]
    ['normal', 'discard', 'ration', 'both']
    """
    chosen = settings or SafetySettings()
    network: Network = plant.network
    inputs = {signal.name: at for at, signal in enumerate(plant.disturbances)}
    watches = tuple(ZoneWatch(network, zone, chosen, inputs) for zone in hydraulic_zones(network))
    hand = Withholding(plant, watches, chosen)
    return SafetyMaintainer(hand, *make_automaton(hand))


def _inputs_at(spans: tuple[Span, ...], time_s: float) -> Inputs:
    for span in spans:
        if time_s < span.end_s:
            return span.at(max(time_s, span.start_s))
    return spans[-1].end
