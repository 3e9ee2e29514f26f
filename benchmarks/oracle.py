"""The suite `oracle`: steady states of the plug-flow plant beside those of pandapipes.

Both programs get the same friction law (64/Re plus Nikuradse's rough limit), constant
properties and the same demands; neither sees the other's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.tools.pandapipes_steady import (
    RANDOM_CASES,
    Deviation,
    compare_random,
    compare_schutterwald,
)
from rexdynnet.study.bench import Measurement, Sense

Report = Callable[[str], None]

FLOW_TARGET = 1e-3
TEMPERATURE_TARGET_K = 0.05


def measure(report: Report) -> Iterator[Measurement]:
    """Compare every case."""
    for case in RANDOM_CASES:
        report(case.label)
        yield from rows(case.label, compare_random(case))
    for by_heat, drawn in ((False, "flows"), (True, "heats")):
        label = f"Schutterwald, prescribed {drawn}"
        report(label)
        yield from rows(label, compare_schutterwald(by_heat=by_heat))


def rows(label: str, found: Deviation) -> Iterator[Measurement]:
    """Largest deviations of one case as measurements."""
    remark = f"{found.junctions} junctions, {found.pipes} pipes"
    yield Measurement(f"{label}: flow", found.flow, "1", Sense.AT_MOST, FLOW_TARGET, remark=remark)
    yield Measurement(
        f"{label}: temperature",
        found.temperature_K,
        "K",
        Sense.AT_MOST,
        TEMPERATURE_TARGET_K,
        remark=remark,
    )
