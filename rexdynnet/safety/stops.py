"""When a run of an automaton must stop: Zeno sequences and chatter, seen and reported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from rexdynnet.safety.events import Side


class End(Enum):
    """Why a run of an automaton ended; the text says what to do."""

    REACHED = "the end time is reached"
    ZENO = (
        "transitions accumulate before a finite time; add a mode for what happens there, "
        "or a dwell time"
    )
    CHATTER = (
        "transitions alternate without end (a sliding motion); add hysteresis or a dwell time, "
        "or a mode that slides"
    )
    INVARIANT = "the mode's invariant ends; add a transition out of it"
    RESET = "a reset leads outside the invariant of its target; mend the reset or the target"


@dataclass(frozen=True)
class Firing:
    """One transition taken.

    Parameters
    ----------
    time_s : float
    transition, source, target : str
    side : Side
        How its guard came to fire.
    """

    time_s: float
    transition: str
    source: str
    target: str
    side: Side


@dataclass(frozen=True)
class Limits:
    """Bounds beyond which a run stops with a report.

    Parameters
    ----------
    zeno_s : float
        Stop when shrinking intervals leave less than this before they accumulate.
    zeno_intervals : int
        So many intervals must have shrunk in a row.
    chatter_firings : int
        Stop at more firings than this ...
    chatter_s : float
        ... within this time.
    probe_s : float
        How far to look ahead where a run ends on a transition.
    """

    zeno_s: float = 1e-6
    zeno_intervals: int = 6
    chatter_firings: int = 100
    chatter_s: float = 1.0
    probe_s: float = 1e-3

    @property
    def memory(self) -> int:
        """Firings to remember."""
        return max(self.chatter_firings + 1, 4 * (self.zeno_intervals + 2))


@dataclass(frozen=True)
class Report:
    """Why a run ended.

    Parameters
    ----------
    end : End
    time_s : float
        Of the last event.
    mode : str
    detail : str
    accumulation_s : float or None
        The finite time before which the transitions of a Zeno sequence accumulate.
    """

    end: End
    time_s: float
    mode: str
    detail: str = ""
    accumulation_s: float | None = None

    def __str__(self) -> str:
        told = f"{self.detail}: " if self.detail else ""
        return f"at t = {self.time_s:.9g} s in mode {self.mode!r}: {told}{self.end.value}"


def stops_after(recent: tuple[Firing, ...], limits: Limits) -> Report | None:
    """Whether the last firing shows a Zeno sequence or chatter.

    Parameters
    ----------
    recent : tuple of Firing
        The last ones, at most `limits.memory`.
    limits : Limits

    Returns
    -------
    Report or None

    Notes
    -----
    Intervals between firings of the same transition that shrink by a steady ratio r < 1 are
    a geometric series; what remains of it, d r / (1 - r), is Aitken's extrapolation.
    """
    last = recent[-1]
    remains = _remainder_s(recent, limits)
    crowded = (
        len(recent) > limits.chatter_firings
        and last.time_s - recent[-1 - limits.chatter_firings].time_s <= limits.chatter_s
    )
    if remains is not None and (remains <= limits.zeno_s or crowded):
        point = last.time_s + remains
        told = f"{last.transition!r} fires ever faster towards t = {point:.9g} s"
        return Report(End.ZENO, last.time_s, last.target, told, point)
    if crowded:
        span = last.time_s - recent[-1 - limits.chatter_firings].time_s
        modes = sorted({each.target for each in recent[-limits.chatter_firings :]})
        told = f"{limits.chatter_firings} transitions in {span:.3g} s between {', '.join(modes)}"
        return Report(End.CHATTER, last.time_s, last.target, told)
    return None


def _remainder_s(recent: tuple[Firing, ...], limits: Limits) -> float | None:
    times = [each.time_s for each in recent if each.transition == recent[-1].transition]
    gaps = [after - before for before, after in pairwise(times)]
    gaps = gaps[-limits.zeno_intervals - 1 :]
    if len(gaps) <= limits.zeno_intervals or min(gaps) <= 0.0:
        return None
    ratios = [after / before for before, after in pairwise(gaps)]
    steady = max(ratios) - min(ratios) <= 0.2 * max(ratios)
    if not (steady and max(ratios) < 1.0 - 1e-6):
        return None
    return gaps[-1] * ratios[-1] / (1.0 - ratios[-1])
