"""The suite `claim_dependence`: what the effect of reservation hangs on. Days on destest16, paired.

The claim's scenario over three days under the baseline controller, with reservation and with the
operator's forecast, changed in one thing at a time: how wrong forecasts are, how many units ahead
can be reserved (kappa), how much water the pipes hold. Shown is the effect of reservation with a 95
% bootstrap interval over seeds, and the spot arrangement beside the other two. It takes about half
an hour of one core, keeps every run and takes up what the same code has kept:
`REXDYNNET_BENCH_KEEP` names the folder (default `out/claim_dependence`), `REXDYNNET_BENCH_SEEDS`
shortens it for a look, `REXDYNNET_BENCH_WORKERS` sets the processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import Finding, InputError
from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.claim import (
    Arm,
    arms_of,
    bill_mean,
    bill_spread,
    compared,
    mean_of,
    weeks,
)
from rexdynnet.study.market_settings import Arrangement, MarketSettings
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.scenario import SimulationScenario, read_scenario

Report = Callable[[str], None]

SCENARIO = Path(__file__).parents[1] / "models" / "scenarios" / "destest16_claim.toml"
DAYS, SEEDS, MARGIN = 3, 6, 0.1
PAIR = (Arrangement.RESERVATION, Arrangement.OPERATOR_FORECAST)
SHOWN: tuple[tuple[str, str, str], ...] = (
    ("imbalance_gross_kWh", "kWh", "imbalance, gross"),
    ("imbalance_net_kWh", "kWh", "imbalance, netted"),
    ("shortfall_kWh", "kWh", "network shortfall"),
    ("idle_MWh", "MWh", "idle power"),
    ("cost_EUR", "EUR", "cost with lost load"),
)


def measure(report: Report) -> Iterator[Measurement]:
    """Effect of reservation in every variant, then spot prices beside it."""
    seeds = range(1, 1 + int(os.environ.get("REXDYNNET_BENCH_SEEDS", SEEDS)))
    keep = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/claim_dependence"))
    workers = int(os.environ.get("REXDYNNET_BENCH_WORKERS", os.cpu_count() or 1))
    base = replace(read_scenario(SCENARIO), duration_s=DAYS * 86400.0)
    pair = tuple(arms_of(PAIR, (ControllerKind.BASELINE,), (MARGIN,)))
    for label, scenario in variants(base):
        report(label)
        found = weeks(scenario, pair, seeds, keep, workers=workers, report=report)
        for name, unit, words in SHOWN:
            without = compared(found, pair[1], None, mean_of(name))
            change = compared(found, pair[0], pair[1], mean_of(name))
            remark = f"{change} of {without.value:.4g}, {len(seeds)} seeds"
            yield _row(f"{words}, effect of reservation, {label}", change.value, unit, remark)
        for words, unit, figure in (
            ("maker's surplus before true-up", "EUR", mean_of("maker_surplus_EUR")),
            ("5 to 95 % spread of bills", "EUR/MWh", bill_spread),
        ):
            value = compared(found, pair[0], None, figure)
            yield _row(
                f"{words}, reservation, {label}", value.value, unit, f"{value}, {len(seeds)} seeds"
            )
    spot = Arm(Arrangement.SPOT, ControllerKind.BASELINE, MARGIN)
    found = weeks(base, (*pair, spot), seeds, keep, workers=workers, report=report)
    for words, figure in (("mean bill", bill_mean), ("5 to 95 % spread of bills", bill_spread)):
        for arm in (*pair, spot):
            value = compared(found, arm, None, figure)
            yield _row(
                f"{words}, {arm.arrangement.name.lower()}", value.value, "EUR/MWh", f"{value}"
            )


def variants(base: SimulationScenario) -> Iterator[tuple[str, SimulationScenario]]:
    """The scenario as it is, and changed in one thing at a time."""
    loop, market = _sections(base)
    yield "as shipped", base
    for scale in (0.5, 2.0):
        forecast = replace(loop.forecast, scale=scale)
        yield (
            f"forecast errors x {scale:g}",
            replace(base, closed_loop=replace(loop, forecast=forecast)),
        )
    for units in (3, 20):
        changed = replace(market, window=units)
        yield (
            f"{units} units ahead",
            replace(base, closed_loop=replace(loop, market=changed)),
        )
    for factor in (4.0, 16.0):
        wide = tuple(
            replace(pipe, inner_diameter_m=pipe.inner_diameter_m * factor**0.5)
            for pipe in base.network.pipes
        )
        network = replace(base.network, pipes=wide)
        yield f"{factor:g} times the water in pipes", replace(base, network=network)


def _sections(scenario: SimulationScenario) -> tuple[RunSettings, MarketSettings]:
    loop = scenario.closed_loop
    if loop is None or loop.market is None:
        raise InputError(Finding("the scenario has no market", "name another", file=SCENARIO))
    return loop, loop.market


def _row(name: str, value: float, unit: str, remark: str) -> Measurement:
    return Measurement(name, value, unit, Sense.REPORTED, remark=remark)
