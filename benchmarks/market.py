"""The suite `market`: orders a second, one at a time, and what the market adds to a run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from benchmarks.tools.market_day import PARTICIPANTS, ROWS, UNITS, run
from rexdynnet.market.setup import MechanismKind
from rexdynnet.study.bench import Measurement, Sense, Timing
from rexdynnet.study.checkpoint import Keep
from rexdynnet.study.loop import run as run_loop
from rexdynnet.study.scenario import read_scenario

Report = Callable[[str], None]

SCENARIOS = Path(__file__).parents[1] / "models" / "scenarios"
SCENARIO, BUILDING = (SCENARIOS / f"destest16_{name}.toml" for name in ("reservex", "building"))
COUNT = 50_000
GROUP = 2_000
REPEATS = 5
TARGETS = {MechanismKind.MAKER: 100_000.0, MechanismKind.CONTINUOUS: 50_000.0}


def measure(report: Report) -> Iterator[Measurement]:
    """Measure both mechanisms that have a target, then a day of the whole loop."""
    for mechanism, target in TARGETS.items():
        report(f"{mechanism.value}: {REPEATS} times {COUNT} orders")
        yield from throughput(mechanism, target)
    report("a day of market, planner, controller, safety and plant")
    yield share_of_run(SCENARIO, Sense.AT_MOST)
    yield share_of_run(BUILDING, Sense.REPORTED)


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
        remark=(
            f"same runs, without what other programs and the disk took; the fastest took "
            f"{COUNT / min(worked.seconds):.0f} 1/s, with {os.getloadavg()[0]:.1f} programs "
            f"running on {os.cpu_count()} processors"
        ),
    )


def share_of_run(file: Path, sense: Sense) -> Measurement:
    """Processor time of the market over that of the whole run, journal written as in any run."""
    scenario = read_scenario(file)
    with TemporaryDirectory() as folder:
        begun = process_time()
        done = run_loop(scenario, keep=Keep(Path(folder)))
        whole_s = process_time() - begun
    if done.market is None:
        raise ValueError(f"{file} has no [market] section")
    trades = sum(1 for _ in done.market.exchange.trades())
    return Measurement(
        "market_share_of_run" if sense is Sense.AT_MOST else "market_share_of_run_with_flats",
        done.market.trading_s / whole_s,
        "1",
        sense,
        0.05 if sense is Sense.AT_MOST else nan,
        remark=(
            f"{file.stem}, one day, {trades} trades, {len(done.market.statements)} units "
            f"settled: {done.market.trading_s:.2f} s of {whole_s:.1f} s of processor time for "
            f"orders with their forecasts, publication, settlement and journal; the planner that "
            f"prices and certifies took {done.market.planning_s:.1f} s and is not the market's"
        ),
    )
