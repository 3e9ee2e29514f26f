"""The suite `claim`: does reservation do what it is for? Weeks on destest16, paired by seed.

Reservation against the operator's own forecast, each under the predictive and the baseline
controller, and both over a grid of reserve margins. Spot prices are a third arrangement: the heat
is that of the operator's forecast, only bills differ. Every figure is reported as it comes out,
with a 95 % bootstrap interval over seeds. It takes hours, keeps every run and takes up what the
same code has kept: `REXDYNNET_BENCH_KEEP` names the folder (default `out/claim`),
`REXDYNNET_BENCH_SEEDS`, `REXDYNNET_BENCH_GRID_SEEDS` (0 leaves that part out) and
`REXDYNNET_BENCH_DAYS` shorten it for a look, `REXDYNNET_BENCH_WORKERS` sets the processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rexdynnet.control.settings import ControllerKind
from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.claim import (
    Arm,
    Week,
    arms_of,
    bill_mean,
    bill_risk,
    bill_spread,
    compared,
    mean_of,
    spread_of,
    weeks,
)
from rexdynnet.study.market_settings import Arrangement
from rexdynnet.study.scenario import SimulationScenario, read_scenario

Report = Callable[[str], None]
Figure = Callable[[Sequence[Week]], float]

SCENARIO = Path(__file__).parents[1] / "models" / "scenarios" / "destest16_claim.toml"
SEEDS, GRID_SEEDS = 20, 20
GRID = (0.0, 0.05, 0.1, 0.2, 0.4)
MARGIN = 0.1
EQUAL_kWh = 100.0
CONTROLLERS = (ControllerKind.BASELINE, ControllerKind.MPC)
PAIR = (Arrangement.RESERVATION, Arrangement.OPERATOR_FORECAST)
SPOT = Arrangement.SPOT
SHOWN: tuple[tuple[str, str, str], ...] = (
    ("imbalance_gross_kWh", "kWh", "prosumer imbalance, gross"),
    ("imbalance_net_kWh", "kWh", "prosumer imbalance, netted"),
    ("shortfall_kWh", "kWh", "network shortfall (unserved energy)"),
    ("dumped_MWh", "MWh", "discarded: dumped"),
    ("refused_kWh", "kWh", "discarded: refused from plants"),
    ("temperature_violation_Kh", "K h", "supply too cold"),
    ("pressure_violation_barh", "bar h", "pressure too low"),
    ("idle_MWh", "MWh", "idle power"),
    ("fuel_EUR", "EUR", "fuel"),
    ("cost_EUR", "EUR", "cost with lost load"),
    ("maker_surplus_EUR", "EUR", "maker's surplus before true-up"),
    ("penalties_EUR", "EUR", "penalties"),
)
RISKS: tuple[tuple[str, Figure], ...] = (
    ("mean weekly bill", bill_mean),
    ("CVaR 80 % of the weekly bill", bill_risk(0.8)),
    ("5 to 95 % spread of the weekly bill", bill_spread),
    (
        "CVaR 80 % of the weekly bill per contracted MWh",
        bill_risk(0.8, Week.bills_EUR_per_contracted_MWh),
    ),
)


def measure(report: Report) -> Iterator[Measurement]:
    """The 2 x 2 first, then the grid of margins."""
    scenario = read_scenario(SCENARIO)
    days = os.environ.get("REXDYNNET_BENCH_DAYS")
    if days:
        scenario = replace(scenario, duration_s=float(days) * 86400.0)
    seeds = range(1, 1 + int(os.environ.get("REXDYNNET_BENCH_SEEDS", SEEDS)))
    if len(seeds) > 0:
        square = tuple(arms_of((*PAIR, SPOT), CONTROLLERS, (MARGIN,)))
        found = _run(scenario, square, seeds, report)
        for controller in CONTROLLERS:
            yield from effect(found, controller, MARGIN, len(seeds))
    few = range(1, 1 + int(os.environ.get("REXDYNNET_BENCH_GRID_SEEDS", GRID_SEEDS)))
    if len(few) == 0:
        return
    line = tuple(arms_of(PAIR, (ControllerKind.BASELINE,), GRID))
    found = _run(scenario, line, few, report)
    for arm in line:
        for name, unit in (("idle_MWh", "MWh"), ("shortfall_kWh", "kWh")):
            value = compared(found, arm, None, mean_of(name))
            label = f"grid: {name}, {arm.label}"
            yield _row(label, value.value, unit, f"{value}, {len(few)} seeds")
            if arm.arrangement is PAIR[0]:
                other = arm._replace(arrangement=PAIR[1])
                change = compared(found, arm, other, mean_of(name))
                label = f"grid, effect of reservation: {name}, margin {arm.margin:g}"
                yield _row(label, change.value, unit, f"{change}, {len(few)} seeds")
    yield equal_service(found, few)


def equal_service(found: Mapping[tuple[Arm, int], Week], seeds: Sequence[int]) -> Measurement:
    """How much less idles with reservation where as much goes unserved, over the margins."""

    def idle(arrangement: Arrangement, rows: Sequence[int]) -> float:
        arms = [Arm(arrangement, ControllerKind.BASELINE, margin) for margin in GRID]
        means = [
            [np.mean([found[arm, seed].figures[name] for seed in rows]) for arm in arms]
            for name in ("shortfall_kWh", "idle_MWh")
        ]
        short, on_line = (np.array(row)[::-1] for row in means)
        return float(np.interp(np.log1p(EQUAL_kWh), np.log1p(short), on_line))

    def gain(rows: Sequence[int]) -> float:
        return idle(PAIR[0], rows) - idle(PAIR[1], rows)

    draw = np.random.default_rng(20270105)
    drawn = [draw.choice(seeds, size=len(seeds)).tolist() for _ in range(2000)]
    low, high = np.percentile([gain(rows) for rows in drawn], [2.5, 97.5])
    value = gain(list(seeds))
    return _row(
        f"grid, effect of reservation: idle_MWh where {EQUAL_kWh:g} kWh a week go unserved",
        value,
        "MWh",
        f"{value:.4g} [{low:.4g}, {high:.4g}] of {idle(PAIR[1], list(seeds)):.4g}, "
        f"{len(seeds)} seeds",
    )


def effect(
    found: Mapping[tuple[Arm, int], Week], controller: ControllerKind, margin: float, seeds: int
) -> Iterator[Measurement]:
    """Both arrangements under one controller, and the effect of reservation."""
    with_, without = (Arm(each, controller, margin) for each in PAIR)
    figures: list[tuple[str, str, Figure]] = [
        (label, unit, mean_of(name)) for name, unit, label in SHOWN
    ]
    figures.append(
        ("standard deviation of the maker's surplus", "EUR", spread_of("maker_surplus_EUR"))
    )
    figures += [(label, "EUR/MWh", figure) for label, figure in RISKS]
    for label, unit, figure in figures:
        for arm in (with_, without):
            value = compared(found, arm, None, figure)
            yield _row(f"{label}, {arm.label}", value.value, unit, f"{value}, {seeds} seeds")
        change = compared(found, with_, without, figure)
        name = f"{label}, effect of reservation under {controller.name.lower()}"
        yield _row(name, change.value, unit, f"{change}, {seeds} seeds")
    spot = Arm(SPOT, controller, margin)
    for label, figure in RISKS:
        value = compared(found, spot, None, figure)
        yield _row(f"{label}, {spot.label}", value.value, "EUR/MWh", f"{value}, {seeds} seeds")
        change = compared(found, with_, spot, figure)
        name = f"{label}, reservation against spot under {controller.name.lower()}"
        yield _row(name, change.value, "EUR/MWh", f"{change}, {seeds} seeds")


def _run(
    scenario: SimulationScenario, arms: Sequence[Arm], seeds: Sequence[int], report: Report
) -> dict[tuple[Arm, int], Week]:
    keep = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/claim"))
    workers = int(os.environ.get("REXDYNNET_BENCH_WORKERS", os.cpu_count() or 1))
    return weeks(scenario, arms, seeds, keep, workers=workers, report=report)


def _row(name: str, value: float, unit: str, remark: str) -> Measurement:
    return Measurement(name, value, unit, Sense.REPORTED, remark=remark)
