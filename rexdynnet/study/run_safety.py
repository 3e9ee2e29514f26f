"""The safety maintainer in a closed-loop run: its watch, its books and its rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Rung
from rexdynnet.network.graph import Network
from rexdynnet.safety.maintainer import Fired, SafetyMaintainer, Watched, make_maintainer
from rexdynnet.safety.modes import NUMBERS, WORDS
from rexdynnet.safety.supervised import CURTAILED, LIMITED
from rexdynnet.simulation.plant import DenseOutput, PlantState
from rexdynnet.study.run_monitors import MonitorScore, Samples, check_monitors, new_samples
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.run_world import World
from rexdynnet.timeline import Curtailment, Schedule, units_from
from rexdynnet.units import format_duration

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
_HOUR_S = 3600.0
_KWH_J = 3.6e6


@dataclass
class Supervision:
    """Carries the maintainer through a run and gathers what it did.

    Parameters
    ----------
    maintainer : SafetyMaintainer
    watched : Watched
    edges_s : ndarray, shape (n + 1,)
        Edges of the time units of the books.
    curtailed_J, dumped_J, limited_J : ndarray, shape (n, components)
        Withheld from substations, dumped, and refused from plants, per unit.
    samples : Samples
        What the rules are scored on.
    """

    maintainer: SafetyMaintainer
    watched: Watched
    start_utc: datetime
    edges_s: Floats
    curtailed_J: Floats
    dumped_J: Floats
    limited_J: Floats
    samples: Samples
    schedule: Schedule | None = None
    scores: tuple[MonitorScore, ...] = field(default=())

    def advance(
        self, world: World, state: PlantState, controls: Floats, until_s: float, rung: Rung
    ) -> tuple[PlantState, DenseOutput, Floats]:
        """Advance the world by one control step under supervision.

        Returns
        -------
        state : PlantState
        output : DenseOutput
        applied : ndarray, shape (n_u,)
            Controls that really acted at the end of the step.
        """
        spans = world.spans(controls, state.time_s, until_s)
        self.watched, state, output, applied = self.maintainer.advance(
            self.watched,
            state,
            spans,
            ladder=rung is Rung.SAFETY,
            reserved_W=self._reserved_W(state.time_s),
        )
        for table, name in ((self.curtailed_J, CURTAILED), (self.limited_J, LIMITED)):
            running = output.records[name]
            if np.any(running[-1] != running[0]):
                table += _per_unit(output.times_s, running, self.edges_s)
        if "dump_heat" in output.records and np.any(output.records["dump_heat"]):
            spans_s = np.diff(output.times_s)[:, None]
            heat = np.cumsum(output.records["dump_heat"][1:] * spans_s, axis=0)
            running = np.vstack([np.zeros(heat.shape[1]), heat])
            self.dumped_J += _per_unit(output.times_s, running, self.edges_s)
        self.samples.take(output)
        return state, output, applied.controls

    def finish(self) -> None:
        """Score the rules."""
        self.scores = self.samples.score(self.fired)

    @property
    def fired(self) -> tuple[Fired, ...]:
        """Changes of mode so far."""
        return self.watched.fired

    def curtailment(self) -> Curtailment:
        """What was withheld by command, per participant and time unit."""
        count, length = len(self.edges_s) - 1, float(self.edges_s[1] - self.edges_s[0])
        network = self.maintainer.hand.network
        names = [substation.name for substation in network.substations]
        names += [plant.name for plant in network.plants]
        table = np.hstack([self.curtailed_J, self.limited_J])
        units = tuple(units_from(self.start_utc, length, count))
        policy = self.maintainer.hand.settings.policy.name.lower()
        return Curtailment(tuple(names), units, table, f"{policy} ration, discard at plants")

    def _reserved_W(self, time_s: float) -> Floats | None:
        schedule = self.schedule
        if schedule is None:
            return None
        edges = schedule.edges_s(self.start_utc)
        row = int(np.searchsorted(edges, time_s + 1e-6, side="right")) - 1
        if not 0 <= row < len(schedule.units):
            return None
        place = {name: column for column, name in enumerate(schedule.participants)}
        length = schedule.units[row].length_s
        subs = self.maintainer.hand.network.substations
        return np.array(
            [
                max(schedule.energy_J[row, place[s.name]], 0.0) / length if s.name in place else 0.0
                for s in subs
            ]
        )

    def variables(self, times_s: Floats) -> dict[str, Any]:
        """Variables of the result dataset."""
        zones, fired = self.maintainer.zones, self.fired
        modes = np.zeros((len(times_s), len(zones)), dtype=np.int8)
        for column, zone in enumerate(zones):
            for each in fired:
                if each.zone == zone:
                    modes[times_s >= each.time_s - 1e-9, column] = NUMBERS[each.after]
        words = ", ".join(f"{number} {WORDS[mode]}" for mode, number in NUMBERS.items())
        found: dict[str, Any] = {
            "safety_mode": (("time", "zone"), modes, {"units": "1", "long_name": words}),
            "safety_event_time": (
                "safety_event",
                np.array([f.time_s for f in fired]),
                {"units": "s"},
            ),
            "safety_event_zone": ("safety_event", _texts(f.zone for f in fired)),
            "safety_event_mode": ("safety_event", _texts(WORDS[f.after] for f in fired)),
            "safety_event_guard": ("safety_event", _texts(guard_text(f) for f in fired)),
            "safety_event_component": ("safety_event", _texts(f.component for f in fired)),
        }
        dims, joule = ("safety_unit", "substation"), {"units": "J"}
        found["unit_curtailed_energy"] = (dims, self.curtailed_J, joule)
        found["unit_refused_energy"] = (("safety_unit", "plant"), self.limited_J, joule)
        if self.dumped_J.shape[1]:
            found["unit_dumped_energy"] = (("safety_unit", "dump"), self.dumped_J, joule)
        if self.scores:
            over = np.column_stack([score.at(times_s) for score in self.scores])
            each = ("monitor",)
            found["monitor_robustness"] = (each, np.array([s.robustness for s in self.scores]))
            found["monitor_robustness_over_time"] = (("time", "monitor"), over)
            found["monitor_unit"] = (each, _texts(s.unit for s in self.scores))
            found["monitor_rule"] = (each, _texts(s.rule for s in self.scores))
            found["monitor_worst"] = (each, _texts(s.worst for s in self.scores))
        return found

    def label(self, data: xr.Dataset) -> xr.Dataset:
        """The result with modes, events, books and scores."""
        # in one go, for each assignment copies and checks the whole result
        found = self.variables(data["time"].values)
        found["zone"] = ("zone", list(self.maintainer.zones))
        starts = {"units": "s", "long_name": "start of unit"}
        found["safety_unit"] = ("safety_unit", self.edges_s[:-1], starts)
        if self.scores:
            found["monitor"] = ("monitor", [score.name for score in self.scores])
        notes = "; ".join(self.watched.notes)
        policy = self.maintainer.hand.settings.policy.name.lower()
        return data.assign(found).assign_attrs(safety_policy=policy, safety_notes=notes)

    def lines(self) -> tuple[str, ...]:
        """What a person wants to read."""
        curtailed, refused = self.curtailed_J.sum() / _KWH_J, self.limited_J.sum() / _KWH_J
        dumped = max(self.dumped_J.sum() / _KWH_J, 0.0)
        told = [
            f"safety: {len(self.fired)} changes of mode; curtailed {curtailed:,.2f} kWh, "
            f"refused from plants {refused:,.2f} kWh, dumped {dumped:,.2f} kWh"
        ]
        for each in self.fired[:_SHOWN]:
            blamed = f" ({each.component})" if each.component else ""
            when = format_duration(round(each.time_s))
            told.append(
                f"  {when:>10}  {each.zone}: {WORDS[each.before]} to {WORDS[each.after]}: "
                f"{guard_text(each)}{blamed}"
            )
        if len(self.fired) > _SHOWN:
            told.append(f"  ... and {len(self.fired) - _SHOWN} more")
        told += [f"  rule {score.line()}" for score in self.scores]
        return tuple(told) + tuple(f"  note: {note}" for note in self.watched.notes)

    def hours(self) -> Mapping[str, float]:
        """Hours spent in each mode other than normal, summed over zones."""
        found = {word: 0.0 for word in WORDS.values() if word != "normal"}
        for zone in self.maintainer.zones:
            mine = [f for f in self.fired if f.zone == zone]
            edges = [*(f.time_s for f in mine), float(self.edges_s[-1])]
            for each, (begin, end) in zip(mine, pairwise(edges), strict=True):
                word = WORDS[each.after]
                if word in found:
                    found[word] += (end - begin) / _HOUR_S
        return found


_SHOWN = 8


def guard_text(fired: Fired) -> str:
    """The guard that fired."""
    return fired.cause.value if fired.cause is not None else "all margins recovered"


def make_supervision(
    network: Network,
    world: World,
    settings: RunSettings,
    schedule: Schedule | None,
    start_utc: datetime,
    duration_s: float,
    unit_s: float = _HOUR_S,
) -> Supervision | None:
    """Make ready to supervise a run; None where the scenario asks for no maintainer."""
    if not settings.safety.enabled:
        return None
    check_monitors(network, settings.safety)
    maintainer = make_maintainer(world.plant, settings.safety)
    rows = int(np.ceil(duration_s / unit_s - 1e-9)) + 1
    edges = np.arange(rows, dtype=np.float64) * unit_s
    count = len(edges) - 1
    return Supervision(
        maintainer,
        maintainer.init(),
        start_utc,
        edges,
        np.zeros((count, len(network.substations))),
        np.zeros((count, len(network.dumps))),
        np.zeros((count, len(network.plants))),
        new_samples(network, maintainer, settings.safety),
        schedule,
    )


def _per_unit(times_s: Floats, running: Floats, edges_s: Floats) -> Floats:
    at = np.column_stack([np.interp(edges_s, times_s, column) for column in running.T])
    return np.diff(at, axis=0)


def _texts(values: Any) -> NDArray[np.object_]:
    return np.array(list(values), dtype=object)
