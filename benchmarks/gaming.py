"""The suite `gaming`: what does it bring to game the default maker? Weeks on a surrogate network.

One of 16 participants plays a named strategy, the others follow their forecasts; gains are paired
with the week in which it follows its forecast too. It takes some 15 minutes of one core, keeps
every seed and takes up where it was: `REXDYNNET_BENCH_KEEP` names the folder (default
`out/gaming`; empty it when the code has changed), `REXDYNNET_BENCH_SEEDS` shortens it for a look,
`REXDYNNET_BENCH_WORKERS` sets the processes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from rexdynnet.market.policies import Policy
from rexdynnet.market.strategies import LastInstant, Resale, Scaled
from rexdynnet.simulation.plant import write_atomically
from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.market_settings import MarketSettings
from rexdynnet.study.surrogate import Surrogate, draw_demands, trade_week

Report = Callable[[str], None]

SEEDS = 200
TARGET_PERCENT = 1.0
STRATEGIES: Mapping[str, Policy] = {
    "running 5 % short": Scaled(0.95),
    "over-reserving 10 %": Scaled(1.1),
    "trading at the last instant": LastInstant(1),
    "resale of twice the forecast": Resale(2.0),
    "cornering: six times the forecast": Resale(6.0),
}


def measure(report: Report) -> Iterator[Measurement]:
    """One row per strategy: the upper bound of its gain as a share of the bill."""
    seeds = range(1, 1 + int(os.environ.get("REXDYNNET_BENCH_SEEDS", SEEDS)))
    found = _gains(seeds, report)
    for name in STRATEGIES:
        gains = 100.0 * np.array([found[seed][name] for seed in seeds])
        mean, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
        upper = mean + float(student.ppf(0.95, len(gains) - 1) * error)
        remark = f"one-sided 95 % bound, mean {mean:+.3f} %, {len(gains)} seeds"
        yield Measurement(
            f"gain from {name}",
            upper,
            "% of the bill",
            Sense.AT_MOST,
            TARGET_PERCENT,
            remark=remark,
        )


def gains_of(seed: int) -> dict[str, float]:
    """Gain of every strategy in one week, as shares of the bill without it."""
    surrogate = Surrogate(pricing=MarketSettings().pricing)
    demands, who = draw_demands(surrogate, seed), seed % surrogate.participants
    plain = trade_week(surrogate, demands).bill_EUR[who]
    return {
        name: float((plain - trade_week(surrogate, demands, {who: policy}).bill_EUR[who]) / plain)
        for name, policy in STRATEGIES.items()
    }


def _gains(seeds: range, report: Report) -> dict[int, dict[str, float]]:
    keep = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/gaming"))
    keep.mkdir(parents=True, exist_ok=True)
    files = {seed: keep / f"seed_{seed}.json" for seed in seeds}
    missing = [seed for seed, file in files.items() if not file.exists()]
    workers = int(os.environ.get("REXDYNNET_BENCH_WORKERS", os.cpu_count() or 1))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        going = {pool.submit(gains_of, seed): seed for seed in missing}
        for count, done in enumerate(as_completed(going), start=1):
            write_atomically(files[going[done]], json.dumps(done.result()).encode())
            report(f"{count} of {len(missing)} seeds")
    return {seed: json.loads(file.read_text()) for seed, file in files.items()}
