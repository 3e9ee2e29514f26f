"""Rules of a scenario, scored on everything that the plant went through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.safety.maintainer import Fired, SafetyMaintainer
from rexdynnet.safety.monitor_text import read_rule
from rexdynnet.safety.monitors import (
    Always,
    Rule,
    Window,
    horizon_s,
    predicates,
    renamed,
    score,
)
from rexdynnet.safety.piecewise import Broken
from rexdynnet.safety.plant_flow import plant_signals
from rexdynnet.safety.settings import SafetySettings
from rexdynnet.simulation.plant import DenseOutput

Floats = NDArray[np.float64]

_HOUR_S = 3600.0
_PULSE_S = 60.0
_FREE_K = 20.0
_DRAWS = 0.1
_EACH = ("SUBSTATION", "PLANT", "NODE", "ZONE")
_OF_ZONES = ("returns_in_hour", "ration_ended", "least_served")


@dataclass(frozen=True)
class MonitorScore:
    """How a rule held.

    Parameters
    ----------
    name, rule : str
    robustness : float
        NaN where the run is shorter than the rule looks ahead.
    unit : str
    worst : str
        The component for which it held least.
    trajectories : tuple of Broken
        Over time, one per component; of `always RULE` those of RULE.
    """

    name: str
    rule: str
    robustness: float
    unit: str
    worst: str = ""
    trajectories: tuple[Broken, ...] = ()

    def at(self, times_s: Floats) -> Floats:
        """Robustness at times, NaN where the rule's windows do not lie within the run."""
        found = np.full(len(times_s), np.inf if self.trajectories else np.nan)
        for line in self.trajectories:
            known = line.times_s
            inside = (times_s >= known[0] - 1e-6) & (times_s <= known[-1] + 1e-6)
            found = np.minimum(found, np.where(inside, line.at(times_s), np.nan))
        return found

    def line(self) -> str:
        """One line for people."""
        if not np.isfinite(self.robustness):
            return f"{self.name}: not scored, the run is shorter than the rule looks ahead"
        verdict = "holds" if self.robustness >= 0.0 else "BROKEN"
        unit = "" if self.unit == "1" else f" {self.unit}"
        where = f" at {self.worst}" if self.worst else ""
        return f"{self.name}: {verdict}, robustness {self.robustness:+.3g}{unit}{where}"


@dataclass
class Samples:
    """Signals of the rules at every internal step of the plant.

    Parameters
    ----------
    network : Network
    maintainer : SafetyMaintainer
    settings : SafetySettings
    wanted : tuple of str
        Signals named by rules, wildcards written out; those of zones come from events.
    """

    network: Network
    maintainer: SafetyMaintainer
    settings: SafetySettings
    wanted: tuple[str, ...]
    times: list[Floats] = field(default_factory=list)
    rows: dict[str, list[Floats]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {record: [] for record in self._records()}

    def take(self, output: DenseOutput) -> None:
        """Keep one dense output."""
        self.times.append(output.times_s)
        for record, kept in self.rows.items():
            kept.append(output.records[record])

    def score(self, fired: Sequence[Fired]) -> tuple[MonitorScore, ...]:
        """Score every rule."""
        if not self.settings.monitors or not self.times:
            return ()
        times = np.concatenate(self.times)
        # a time that stands twice is a jump; its left side moves a little to the left
        again = np.flatnonzero(np.diff(times) <= 0.0)
        times[again] -= 1e-6
        kept = np.append(np.diff(times) > 0.0, True)
        whole = {name: np.concatenate(rows)[kept] for name, rows in self.rows.items()}
        times = times[kept]
        return tuple(
            self._scored(each.name, each.rule, times, whole, fired)
            for each in self.settings.monitors
        )

    def _scored(
        self,
        name: str,
        text: str,
        times: Floats,
        whole: dict[str, Floats],
        fired: Sequence[Fired],
    ) -> MonitorScore:
        members = list(_written_out(text, self.network, self.maintainer.zones))
        worst: tuple[float, str] | None = None
        lines: list[Broken] = []
        unit = ""
        for member, rule in members:
            if horizon_s(rule) > times[-1] - times[0]:
                return MonitorScore(name, text, float("nan"), "1")
            signals = {
                each.signal: self._signal(each.signal, times, whole, fired)
                for each in predicates(rule)
            }
            robust, unit, line = _score(rule, times, signals)
            lines.append(line)
            if worst is None or robust < worst[0]:
                worst = (robust, member)
        if worst is None:
            return MonitorScore(name, text, float("nan"), "1")
        return MonitorScore(name, text, worst[0], unit, worst[1], tuple(lines))

    def _signal(
        self, name: str, times: Floats, whole: dict[str, Floats], fired: Sequence[Fired]
    ) -> Floats:
        component, _, quantity = name.rpartition(".")
        if component in self.maintainer.zones and quantity in _OF_ZONES:
            return self._of_zone(component, quantity, times, whole, fired)
        if quantity == "warmth":
            at = [s.name for s in self.network.substations].index(component)
            substation = self.network.substations[at]
            found = whole["substation_supply_temperature"][:, at]
            found = found - substation.minimum_supply_temperature_K
            cp = self.network.fluid.specific_heat_J_per_kgK
            least = _DRAWS * substation.design_heat_W / (cp * 30.0)
            draws = whole["substation_mass_flow"][:, at] > least
            return np.where(draws, found, np.maximum(found, _FREE_K))
        record, index = self._places[name]
        return whole[record][(slice(None), *index)]

    def _of_zone(
        self,
        zone: str,
        quantity: str,
        times: Floats,
        whole: dict[str, Floats],
        fired: Sequence[Fired],
    ) -> Floats:
        mine = [each for each in fired if each.zone == zone]
        if quantity == "returns_in_hour":
            back = np.array([each.time_s for each in mine if each.cause is None])
            after = np.searchsorted(back, times, side="right")
            return (after - np.searchsorted(back, times - _HOUR_S, side="right")).astype(float)
        if quantity == "ration_ended":
            ended = [f.time_s for f in mine if f.before[1] and not f.after[1]]
            found = np.zeros(len(times))
            for at in ended:
                found[(times >= at) & (times <= at + _PULSE_S)] = 1.0
            return found
        watch = next(w for w in self.maintainer.hand.watches if w.zone.name == zone)
        places = list(watch.zone.substations)
        if not places:
            return np.ones(len(times))
        design = np.array([self.network.substations[i].design_heat_W for i in places])
        demand = whole["substation_heat_demand"][:, places]
        asks = demand > _DRAWS * design
        share = np.where(
            asks, whole["substation_heat"][:, places] / np.where(asks, demand, 1.0), 1.0
        )
        return share.min(axis=1)

    @cached_property
    def _places(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        return dict(plant_signals(self.network))

    def _records(self) -> list[str]:
        needed: list[str] = []
        for name in self.wanted:
            quantity = name.rpartition(".")[2]
            if quantity == "warmth":
                needed += ["substation_supply_temperature", "substation_mass_flow"]
            elif quantity == "least_served":
                needed += ["substation_heat", "substation_heat_demand"]
            elif quantity not in _OF_ZONES:
                needed.append(self._places[name][0])
        return list(dict.fromkeys(needed))


def _score(rule: Rule, times: Floats, signals: dict[str, Floats]) -> tuple[float, str, Broken]:
    # of a rule for always, what must hold at each instant says more than its running minimum
    if isinstance(rule, Always) and rule.window == Window():
        found = score(rule.part, times, signals)
        return float(found.trajectory.values.min()), found.unit, found.trajectory
    found = score(rule, times, signals)
    return found.robustness, found.unit, found.trajectory


def new_samples(
    network: Network, maintainer: SafetyMaintainer, settings: SafetySettings
) -> Samples:
    """Nothing sampled yet."""
    names = [
        each.signal
        for monitor in settings.monitors
        for _, rule in _written_out(monitor.rule, network, maintainer.zones)
        for each in predicates(rule)
    ]
    return Samples(network, maintainer, settings, tuple(dict.fromkeys(names)))


def check_monitors(network: Network, settings: SafetySettings) -> None:
    """Check that rules can be read and name signals that a run has.

    Parameters
    ----------
    network : Network
    settings : SafetySettings

    Raises
    ------
    InputError
        With every finding.
    """
    from rexdynnet.safety.zones import hydraulic_zones

    zones = tuple(zone.name for zone in hydraulic_zones(network))
    known = [
        *plant_signals(network),
        *(f"{s.name}.warmth" for s in network.substations),
        *(f"{zone}.{quantity}" for zone in zones for quantity in _OF_ZONES),
    ]
    findings: list[Finding] = []
    for monitor in settings.monitors:
        try:
            rules = list(_written_out(monitor.rule, network, zones))
        except InputError as error:
            findings += error.findings
            continue
        named = {each.signal for _, rule in rules for each in predicates(rule)}
        missing = sorted(named - set(known))
        if missing:
            findings.append(
                Finding(
                    f"the rule {monitor.name!r} names {missing[0]!r}, which a run does not have",
                    nearest(missing[0], known),
                    field="safety.monitors",
                )
            )
    if findings:
        raise InputError(*findings)


def _written_out(text: str, network: Network, zones: Sequence[str]) -> Iterator[tuple[str, Rule]]:
    members = {
        "SUBSTATION": [each.name for each in network.substations],
        "PLANT": [each.name for each in network.plants],
        "NODE": [each.name for each in network.nodes],
        "ZONE": list(zones),
    }
    used = [kind for kind in _EACH if f"{kind}." in text]
    if len(used) > 1:
        raise InputError(
            Finding(
                f"the rule '{text}' speaks of {' and '.join(used)} at once",
                "write a rule for each kind",
                field="safety.monitors",
            )
        )
    rule = read_rule(text, field="safety.monitors")
    if not used:
        yield "", rule
        return
    for name in members[used[0]]:
        yield name, renamed(rule, f"{used[0]}.", f"{name}.")
