"""The suite `market`: how many orders a second the exchange takes, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.tools.market_day import PARTICIPANTS, ROWS, UNITS, run
from rexdynnet.market.setup import MechanismKind
from rexdynnet.study.bench import Measurement, Sense, Timing

Report = Callable[[str], None]

COUNT = 50_000
GROUP = 2_000
REPEATS = 3
TARGETS = {MechanismKind.MAKER: 100_000.0, MechanismKind.CONTINUOUS: 50_000.0}


def measure(report: Report) -> Iterator[Measurement]:
    """Measure both mechanisms that have a target."""
    for mechanism, target in TARGETS.items():
        report(f"{mechanism.value}: {REPEATS} times {COUNT} orders")
        yield from throughput(mechanism, target)


def throughput(mechanism: MechanismKind, target: float) -> Iterator[Measurement]:
    """Orders per second of wall-clock time and of processor time, the medians of some runs."""
    with TemporaryDirectory() as folder:
        runs = [run(mechanism, COUNT, GROUP, Path(folder), seed) for seed in range(REPEATS)]
    timing = Timing(tuple(sent.seconds for sent in runs))
    waits = sorted(wait for sent in runs for wait in sent.waits_s)
    worked = Timing(tuple(sent.processor_s for sent in runs))
    refused = 1.0 - sum(sent.taken for sent in runs) / (COUNT * REPEATS)
    name = mechanism.name.lower()
    yield Measurement(
        f"orders_per_second_{name}",
        COUNT / timing.median_s,
        "1/s",
        Sense.AT_LEAST,
        target,
        timing,
        remark=(
            f"{PARTICIPANTS} participants, {UNITS} units, {ROWS} envelope rows, one thread, one "
            f"order at a time: checks, credit, envelope, matching, posting, journal; fdatasync "
            f"and replies every {GROUP} orders; median wait "
            f"for a reply {1e3 * waits[len(waits) // 2]:.0f} ms; {refused:.1%} refused"
        ),
    )
    yield Measurement(
        f"orders_per_processor_second_{name}",
        COUNT / worked.median_s,
        "1/s",
        Sense.AT_LEAST,
        target,
        worked,
        remark="same runs, without what other programs and the disk took",
    )
