"""The suite `claim_surrogate`: the tail of the weekly bill, over more seeds than full runs allow.

The demands and forecasts of the claim's scenario traded over a surrogate network (merit order,
losses, delay), with each arrangement, paired by seed. Where full runs of `bench claim` are kept,
the surrogate's bills are compared with theirs, seed by seed. It takes some eight minutes of one
core, keeps every seed and takes up what the same code has kept: `REXDYNNET_BENCH_KEEP` names the
folder (default `out/claim_surrogate`), `REXDYNNET_BENCH_CLAIM` that of the full runs (default
`out/claim`), `REXDYNNET_BENCH_SEEDS` shortens it for a look, `REXDYNNET_BENCH_WORKERS` sets the
processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.kept import kept
from rexdynnet.control.settings import ControllerKind
from rexdynnet.market.risk import conditional_value_at_risk
from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.claim import Arm, kept_weeks
from rexdynnet.study.market_settings import Arrangement
from rexdynnet.study.scenario import SimulationScenario, read_scenario
from rexdynnet.study.surrogate_week import pay_week

Report = Callable[[str], None]
Floats = NDArray[np.float64]
Figure = Callable[[Floats], float]

SCENARIO = Path(__file__).parents[1] / "models" / "scenarios" / "destest16_claim.toml"
SEEDS = 200
RESAMPLES = 1000
MARGIN = 0.1


def tail(level: float) -> Figure:
    """Mean over participants of the CVaR of the weekly bill; a row per week."""
    return lambda table: float(
        np.mean([conditional_value_at_risk(bills, level) for bills in table.T])
    )


def spread(table: Floats) -> float:
    """Mean over participants of the 5 to 95 % spread."""
    low, high = np.percentile(table, [5.0, 95.0], axis=0)
    return float(np.mean(high - low))


def mean(table: Floats) -> float:
    """Over participants and weeks."""
    return float(table.mean())


FIGURES: Mapping[str, Figure] = {
    "mean weekly bill": mean,
    "CVaR 80 % of the weekly bill": tail(0.8),
    "CVaR 95 % of the weekly bill": tail(0.95),
    "5 to 95 % spread of the weekly bill": spread,
}


def measure(report: Report) -> Iterator[Measurement]:
    """Bills per MWh by arrangement, the effect of reservation, and the check by full runs."""
    scenario = read_scenario(SCENARIO)
    seeds = range(1, 1 + int(os.environ.get("REXDYNNET_BENCH_SEEDS", SEEDS)))
    found = _weeks(seeds, report)
    tables = {
        each: np.array([found[seed][each.name.lower()] for seed in seeds]) for each in Arrangement
    }
    for name, figure in FIGURES.items():
        for each, table in tables.items():
            yield _row(f"{name}, {each.name.lower()}", table, None, figure)
        for other in (Arrangement.OPERATOR_FORECAST, Arrangement.SPOT):
            label = f"{name}, effect of reservation against {other.name.lower()}"
            yield _row(label, tables[Arrangement.RESERVATION], tables[other], figure)
    yield from _check(scenario, found)


def bills_of(seed: int) -> dict[str, list[float]]:
    """Bills of one week in EUR/MWh, by arrangement."""
    paid = pay_week(read_scenario(SCENARIO), seed, tuple(Arrangement))
    return {
        each.name.lower(): (week.bill_EUR / week.delivered_MWh).tolist()
        for each, week in paid.items()
    }


def _check(
    scenario: SimulationScenario, found: Mapping[int, Mapping[str, list[float]]]
) -> Iterator[Measurement]:
    keep = Path(os.environ.get("REXDYNNET_BENCH_CLAIM", "out/claim"))
    ours: dict[Arrangement, Floats] = {}
    theirs: dict[Arrangement, Floats] = {}
    for arrangement in (Arrangement.RESERVATION, Arrangement.OPERATOR_FORECAST):
        arm = Arm(arrangement, ControllerKind.BASELINE, MARGIN)
        full = {seed: week for (_, seed), week in kept_weeks(scenario, [arm], found, keep).items()}
        if len(full) < 2:
            return
        theirs[arrangement] = np.array(
            [list(week.bills_EUR_per_MWh().values()) for week in full.values()]
        )
        ours[arrangement] = np.array([found[seed][arrangement.name.lower()] for seed in full])
        for name, figure in FIGURES.items():
            label = f"{name}, surrogate less full run, {arrangement.name.lower()}"
            yield _row(label, ours[arrangement], theirs[arrangement], figure)
    one, other = ours
    for name, figure in FIGURES.items():
        for where, tables in (("surrogate", ours), ("full runs", theirs)):
            label = f"{name}, effect of reservation on the weeks of full runs, {where}"
            yield _row(label, tables[one], tables[other], figure)
        label = f"{name}, effect of reservation, surrogate less full runs"
        yield _rows(
            label,
            [(ours[one], 1), (ours[other], -1), (theirs[one], -1), (theirs[other], 1)],
            figure,
        )


def _row(name: str, table: Floats, to: Floats | None, figure: Figure) -> Measurement:
    """A figure or a difference with its percentile bootstrap over seeds, resampled together."""
    return _rows(name, [(table, 1)] if to is None else [(table, 1), (to, -1)], figure)


def _rows(name: str, tables: Sequence[tuple[Floats, int]], figure: Figure) -> Measurement:
    """A signed sum of figures, resampled together."""

    def of(rows: NDArray[np.int64]) -> float:
        return sum(sign * figure(table[rows]) for table, sign in tables)

    count = len(tables[0][0])
    drawn = np.random.default_rng(20270104).integers(count, size=(RESAMPLES, count))
    low, high = np.percentile([of(rows) for rows in drawn], [2.5, 97.5])
    value = of(np.arange(count))
    remark = f"{value:.4g} [{low:.4g}, {high:.4g}], {count} seeds"
    return Measurement(name, value, "EUR/MWh", Sense.REPORTED, remark=remark)


def _weeks(seeds: range, report: Report) -> dict[int, dict[str, list[float]]]:
    keep = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/claim_surrogate"))
    return kept(bills_of, {seed: keep / f"seed_{seed}.json" for seed in seeds}, report)
