"""What the safety maintainer watches for, and how it gives back what it took."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite

from rexdynnet.errors import Finding, InputError
from rexdynnet.safety.rationing import Policy

_HOUR_S = 3600.0


@dataclass(frozen=True)
class MonitorSettings:
    """One rule by which a run is scored.

    Parameters
    ----------
    name : str
    rule : str
        As `rexdynnet.safety.monitor_text` reads it. Signals that begin with `SUBSTATION.`,
        `PLANT.`, `NODE.` or `ZONE.` stand for each of these; the worst one counts.
    """

    name: str
    rule: str


DEFAULT_MONITORS = (
    MonitorSettings("warm again", "always eventually [30 min] SUBSTATION.warmth >= 0 K"),
    MonitorSettings(
        "never too hot", "always eventually [60 s] SUBSTATION.supply_temperature <= 95 degC"
    ),
    MonitorSettings("no restlessness", "always ZONE.returns_in_hour <= 4"),
    MonitorSettings(
        "served again",
        "always (ZONE.ration_ended < 0.5 or eventually [1 h] ZONE.least_served >= 0.99)",
    ),
)


@dataclass(frozen=True)
class SafetySettings:
    """Thresholds, dwell and policy of the safety maintainer; all have sensible defaults.

    Parameters
    ----------
    enabled : bool
    policy : Policy
        Who is curtailed first.
    cold_K : float
        Deficit: a substation that draws is colder than its contract by more than this.
    weak_share : float
        Deficit: a substation's differential pressure is below this share of its contract.
    low_pressure_Pa : float
        Deficit: absolute pressure anywhere in the zone (vapour) is below this.
    hot_K : float
        Surplus: water at a substation or tank, or from a plant, is hotter than this.
    trip_K : float
        A plant whose water stays hotter than this, whatever its set-point, is tripped.
    high_pressure_Pa : float or None
        Surplus: absolute pressure anywhere in the zone; None: 5 % above what the holding and
        the strongest plant's pump give together.
    stall_share : float
        Surplus: a plant that feeds in pushes with more than this share of what its pump can
        do, because nobody takes its water.
    tank_full_K : float or None
        Surplus: the bottom of a tank that is being charged is hotter; None: not watched.
    hysteresis_K, hysteresis_share : float
        How far beyond its level a temperature, and a pressure as a share of its level, must
        be before the way back opens.
    dwell_s : float
        How long a restrictive mode lasts at least; entering one never waits.
    interval_s : float
        How often a restrictive mode adapts what it withholds.
    reset_s : float
        A plant that was tripped for being too hot stays so for this time.
    monitors : tuple of MonitorSettings
    """

    enabled: bool = True
    policy: Policy = Policy.CASCADING
    cold_K: float = 5.0
    weak_share: float = 0.7
    low_pressure_Pa: float = 1.2e5
    hot_K: float = 366.15
    trip_K: float = 368.15
    high_pressure_Pa: float | None = None
    stall_share: float = 0.9
    tank_full_K: float | None = None
    hysteresis_K: float = 1.0
    hysteresis_share: float = 0.1
    dwell_s: float = 900.0
    interval_s: float = 300.0
    reset_s: float = _HOUR_S
    monitors: tuple[MonitorSettings, ...] = DEFAULT_MONITORS

    def __post_init__(self) -> None:
        findings: list[Finding] = []
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, float) and not (isfinite(value) and value >= 0.0):
                findings.append(
                    Finding(f"{each.name} is {value}", "give zero or more", field="safety")
                )
        for name in ("weak_share", "stall_share"):
            if not 0.0 < getattr(self, name) < 1.0:
                findings.append(
                    Finding(f"{name} is {getattr(self, name)}", "give a share", field="safety")
                )
        if not self.interval_s > 0.0:
            findings.append(
                Finding("interval_s is not positive", "give some minutes", field="safety")
            )
        if findings:
            raise InputError(*findings)
