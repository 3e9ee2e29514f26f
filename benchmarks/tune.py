"""The suite `tune`: how far forty trials go, from poor weights, on the MPC of destest16.

A tuning of 40 trials and an independent one of 400, with other seeds and another sampler, start
from the same spoilt scenario. Their winners, the shipped scenario and the spoilt one then meet
seeds that neither has seen. `REXDYNNET_BENCH_KEEP` names the folder (default `out/bench_tune`),
from which a suite that was stopped goes on; empty it when the code has changed.
`REXDYNNET_BENCH_TRIALS` shortens the long search for a look.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.ensemble import Ensemble
from rexdynnet.study.montecarlo import Progress, run_study
from rexdynnet.study.paired import interval
from rexdynnet.study.plan import StudyPlan, drawn_seeds
from rexdynnet.study.scenario_text import scenario_text
from rexdynnet.study.spread import LogUniform, Spread, Uniform
from rexdynnet.study.tune import TrialState, run_tuning
from rexdynnet.study.tuning import Tuning, TuningPlan

Report = Callable[[str], None]

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "models" / "scenarios" / "destest16_two_plants_mpc_run.toml"
FEW, MANY, SEEN, UNSEEN = 40, 400, 2, 12
TARGET = 1.02
FIXED = {
    "time.start_utc": "2027-02-15T04:00:00Z",  # the morning peak
    "time.duration": "4h",
    "control.horizon": "12h",
}
POOR = {
    "control.weights.supply_temperature": 0.001,
    "control.weights.differential_pressure": 1000.0,
    "control.weights.heat": 1.0,
    "control.weights.mass_flow": 1000.0,
    "control.weights.economic": 0.001,
    "control.options.supply_slew_K_per_h": 10.0,
    "control.options.backoff_K": 8.0,
}
VARY: dict[str, Spread] = {
    "control.weights.supply_temperature": LogUniform(0.001, 1000.0),
    "control.weights.differential_pressure": LogUniform(0.001, 1000.0),
    "control.weights.heat": LogUniform(0.001, 1000.0),
    "control.weights.mass_flow": LogUniform(0.001, 1000.0),
    "control.weights.economic": LogUniform(0.001, 10.0),
    "control.options.supply_slew_K_per_h": LogUniform(5.0, 60.0),
    "control.options.backoff_K": Uniform(1.0, 8.0),
}
FIGURE, COLD = "cost_EUR", "temperature_violation_Kh"
NAMES = ("shipped", "spoilt", "forty", "many")


def measure(report: Report) -> Iterator[Measurement]:
    """The short search, the long one, and the verdict of unseen seeds."""
    folder = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/bench_tune")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    spoilt = folder / "spoilt.toml"
    spoilt.write_text(scenario_text(SHIPPED, {**FIXED, **POOR}, folder), encoding="utf-8")
    short = TuningPlan(spoilt, VARY, drawn_seeds(SEEN, 1), trials=FEW, seed=1)
    trials = int(os.environ.get("REXDYNNET_BENCH_TRIALS", MANY))
    long = replace(short, seeds=drawn_seeds(SEEN, 2), trials=trials, seed=2)
    found = [_tuned(plan, folder / f"tuning_{plan.seed}", report) for plan in (short, long)]
    unseen = drawn_seeds(UNSEEN, 3)
    if {*unseen} & {*short.seeds, *long.seeds}:
        raise ValueError("a seed of the verdict was seen by a search")
    plan = StudyPlan(
        (SHIPPED, spoilt, found[0].files[0], found[1].files[0]), unseen, fixed=FIXED, keep=()
    )
    verdict = run_study(plan, folder / "verdict", report=lambda state: _told(state, report))
    yield from _rows(verdict, found)


def _tuned(plan: TuningPlan, out: Path, report: Report) -> Tuning:
    def told(state: TrialState) -> None:
        report(f"{state.done} of {state.total} trials: {state.best:.4g}")

    return run_tuning(plan, out, report=told)


def _told(state: Progress, report: Report) -> None:
    report(f"verdict: {state.done} of {state.total} runs")


def _rows(verdict: Ensemble, found: list[Tuning]) -> Iterator[Measurement]:
    costs = {name: verdict.values(arm, FIGURE) for arm, name in enumerate(NAMES)}
    means = {name: float(values.mean()) for name, values in costs.items()}
    to_many = interval(costs["forty"] - costs["many"])
    to_shipped = interval(costs["forty"] - costs["shipped"])
    seeds = f"{UNSEEN} seeds that no search has seen"
    yield Measurement(
        f"cost after {FEW} trials over that after {found[1].plan.trials}",
        means["forty"] / means["many"],
        "1",
        Sense.AT_MOST,
        TARGET,
        remark=f"{to_many} EUR of {means['many']:.4g}, {seeds}",
    )
    yield Measurement(
        f"cost after {FEW} trials over that of the shipped weights",
        means["forty"] / means["shipped"],
        "1",
        Sense.AT_MOST,
        1.0,
        remark=f"{to_shipped} EUR of {means['shipped']:.4g}, {seeds}",
    )
    labels = ("shipped", "spoilt", f"{FEW} trials", "long search")
    for arm, (name, label) in enumerate(zip(NAMES, labels, strict=True)):
        yield Measurement(f"mean cost, {label}", means[name], "EUR", Sense.REPORTED, remark=seeds)
        cold = float(verdict.values(arm, COLD).mean())
        yield Measurement(f"supply too cold, {label}", cold, "K h", Sense.REPORTED, remark=seeds)
    for tuning in found:
        states = tuning.table["state"].value_counts().to_dict()
        best = ", ".join(
            f"{name.split('.')[-1]} {value:.3g}" for name, value in tuning.best.items()
        )
        yield Measurement(
            f"least mean cost seen, {tuning.plan.trials} trials",
            float(tuning.table[FIGURE].min()),
            "EUR",
            Sense.REPORTED,
            remark=f"{states}; {best}",
        )
