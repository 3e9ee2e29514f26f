"""The suite `loop`: controllers against the plug-flow plant over a cold week, paired by seed.

Every arm meets the same demands, forecast errors and sensor noise; each figure is the mean
difference to the baseline with its 95 % confidence interval. Nothing is left out: a figure
that got worse is printed as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.compare import compare
from rexdynnet.study.paired import Paired
from rexdynnet.study.run_kpis import Kpis
from rexdynnet.study.scenario import read_scenario

Report = Callable[[str], None]

SCENARIO = Path(__file__).parents[1] / "models" / "scenarios" / "destest16_cold_week_run.toml"
SEEDS = tuple(range(1, 11))
BASELINE, DISPATCH, MPC = "baseline", "dispatch", "mpc"
# A published nonlinear MPC saved up to 9 % against rules on such networks, at fewer violations.
PUBLISHED_SAVING = 0.09
NOT_WORSE = (
    ("shortfall_kWh", "kWh", 1.0),
    ("temperature_violation_Kh", "K h", 1.0),
    ("pressure_violation_barh", "bar h", 0.1),
)
SHOWN = (("pump_kWh", "kWh"), ("loss_MWh", "MWh"), ("co2_kg", "kg"))


def measure(report: Report) -> Iterator[Measurement]:
    """Run all arms over the seeds.

    `REXDYNNET_BENCH_DAYS` and `REXDYNNET_BENCH_SEEDS` shorten it for a look,
    `REXDYNNET_BENCH_WORKERS` sets the processes, `REXDYNNET_BENCH_KEEP` a folder from which
    a comparison that was broken off takes up where it was.
    """
    scenario = read_scenario(SCENARIO)
    days = os.environ.get("REXDYNNET_BENCH_DAYS")
    if days:
        scenario = replace(scenario, duration_s=float(days) * 86400.0)
    if scenario.closed_loop is None:
        raise ValueError(f"{SCENARIO} has no [control] section")
    base = scenario.closed_loop.control
    arms = {
        BASELINE: replace(base, kind=ControllerKind.BASELINE),
        DISPATCH: replace(base, kind=ControllerKind.DISPATCH),
    }
    if find_spec("rexdynnet.control.mpc") is not None:
        arms[MPC] = replace(base, kind=ControllerKind.MPC, options={"machine_code": True})
    count = int(os.environ.get("REXDYNNET_BENCH_SEEDS", len(SEEDS)))

    def told(arm: str, seed: int, done: Kpis) -> None:
        rungs = ", ".join(f"{n} {name}" for name, n in done.rungs.items() if n)
        report(f"seed {seed}, {arm}: {done.cost_EUR:.2f} EUR ({rungs})")

    kept = os.environ.get("REXDYNNET_BENCH_KEEP")
    workers = int(os.environ.get("REXDYNNET_BENCH_WORKERS", os.cpu_count() or 1))
    found = compare(
        scenario,
        arms,
        SEEDS[:count],
        report=told,
        workers=workers,
        keep=Path(kept) if kept else None,
    )
    for line in found.lines(BASELINE):
        report(line)
    for arm in (DISPATCH, MPC):
        if arm in arms:
            yield from figures(found, arm, arms[arm])


def figures(found: Paired, arm: str, settings: ControlSettings) -> Iterator[Measurement]:
    """What a controller changes against the baseline: the mean and the ends of its interval."""
    before = found.mean("cost_EUR", BASELINE)
    cost = found.difference("cost_EUR", arm, BASELINE)
    how = (
        f"{cost} EUR of {before:.4g} EUR, {len(found.seeds)} seeds, "
        f"step {settings.step_s:g} s, horizon {settings.horizon_s / 3600:g} h"
    )
    for what, value in (
        ("", -cost.mean),
        (", low end of 95 %", -cost.upper),
        (", high end of 95 %", -cost.lower),
    ):
        name = f"cost saved by {arm} against the baseline{what}"
        share, target = value / before, PUBLISHED_SAVING
        yield Measurement(name, share, "1", Sense.AT_LEAST, target, remark="" if what else how)
    limits = {name: slack for name, _, slack in NOT_WORSE}
    for name, unit in (*((name, unit) for name, unit, _ in NOT_WORSE), *SHOWN):
        change = found.difference(name, arm, BASELINE)
        for what, value in (
            ("", change.mean),
            (", low end of 95 %", change.lower),
            (", high end of 95 %", change.upper),
        ):
            yield Measurement(
                f"{name} of {arm} minus baseline{what}",
                value,
                unit,
                Sense.AT_MOST,
                limits.get(name, 0.0),
                remark="" if what else f"{change}; baseline {found.mean(name, BASELINE):.4g}",
            )
