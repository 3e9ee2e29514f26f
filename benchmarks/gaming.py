"""The suite `gaming`: what does it bring to game the market? Weeks on a surrogate network.

One of 16 participants plays a named strategy, the others follow their forecasts; gains are paired
with the week in which it follows its forecast too. The default maker has a target, on the surrogate
of the claim's scenario, whose bills `bench claim_surrogate` checks by full runs. On synthetic
weeks, where demands vary more, the maker and the auctions, in which the operator offers its merit
order, are reported. It takes some 35 minutes of one core, keeps every seed and takes up what the
same code has kept: `REXDYNNET_BENCH_KEEP` names the folder (default `out/gaming`),
`REXDYNNET_BENCH_SEEDS` shortens it for a look, `REXDYNNET_BENCH_WORKERS` sets the processes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import t as student

from benchmarks.tools.kept import kept
from rexdynnet.market.policies import AtCall, Policy
from rexdynnet.market.setup import MechanismKind
from rexdynnet.market.strategies import LastInstant, Resale, Scaled
from rexdynnet.study.bench import Measurement, Sense
from rexdynnet.study.market_settings import Arrangement, MarketSettings
from rexdynnet.study.scenario import read_scenario
from rexdynnet.study.surrogate import Demands, Surrogate, draw_demands, trade_week
from rexdynnet.study.surrogate_week import demands_of, surrogate_of

Report = Callable[[str], None]

SCENARIO = Path(__file__).parents[1] / "models" / "scenarios" / "destest16_claim.toml"
SEEDS, AUCTION_SEEDS = 200, 40
TARGET_PERCENT = 1.0
CLEARED_AT = 3000 * 100
"""Limit of a bid in a call auction, µEUR per lot of 100 Wh: the value of lost load."""
STRATEGIES: Mapping[str, Policy] = {
    "running 5 % short": Scaled(0.95),
    "over-reserving 10 %": Scaled(1.1),
    "trading at the last instant": LastInstant(1),
    "resale of twice the forecast": Resale(2.0),
    "cornering: six times the forecast": Resale(6.0),
}
# a call clears a unit once: there is no earlier, no later and nothing to sell on
AT_CALL: Mapping[str, Policy] = {
    "running 5 % short": AtCall(CLEARED_AT, 0.95),
    "over-reserving 10 %": AtCall(CLEARED_AT, 1.1),
    "cornering: six times the forecast": AtCall(CLEARED_AT, 6.0),
    "bidding at 60 EUR/MWh": AtCall(60 * 100),
}
PLAYED: Mapping[MechanismKind, Mapping[str, Policy]] = {
    MechanismKind.MAKER: STRATEGIES,
    MechanismKind.CONTINUOUS: STRATEGIES,
    MechanismKind.CALL: AT_CALL,
}


class Game(Enum):
    """Where strategies are played: name, mechanism and most seeds."""

    CLAIM = ("the claim's surrogate", MechanismKind.MAKER, SEEDS)
    SYNTHETIC = ("synthetic weeks", MechanismKind.MAKER, SEEDS)
    CONTINUOUS = (MechanismKind.CONTINUOUS.value, MechanismKind.CONTINUOUS, AUCTION_SEEDS)
    CALL = (MechanismKind.CALL.value, MechanismKind.CALL, AUCTION_SEEDS)

    @property
    def label(self) -> str:
        """For people."""
        return self.value[0]

    @property
    def mechanism(self) -> MechanismKind:
        """That is gamed."""
        return self.value[1]

    @property
    def seeds(self) -> int:
        """At most."""
        return self.value[2]


def measure(report: Report) -> Iterator[Measurement]:
    """One row per game and strategy: the upper bound of its gain as a share of the bill."""
    most = int(os.environ.get("REXDYNNET_BENCH_SEEDS", SEEDS))
    for game in Game:
        ours = game is Game.CLAIM
        seeds = range(1, 1 + min(most, game.seeds))
        found = _gains(game, seeds, report)
        for name in found[1]:
            gains = 100.0 * np.array([found[seed][name] for seed in seeds])
            mean, error = float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))
            upper = mean + float(student.ppf(0.95, len(gains) - 1) * error)
            yield Measurement(
                f"gain from {name}" if ours else f"gain from {name}, {game.label}",
                upper,
                "% of the bill",
                Sense.AT_MOST if ours else Sense.REPORTED,
                TARGET_PERCENT if ours else math.nan,
                remark=f"one-sided 95 % bound, mean {mean:+.3f} %, {len(gains)} seeds",
            )


def gains_of(game: Game, seed: int) -> dict[str, float]:
    """Gain of every strategy in one week, as shares of the bill without it."""
    mechanism = game.mechanism
    surrogate, demands = _week(game, seed)
    who = seed % surrogate.participants
    plain = trade_week(surrogate, demands).bill_EUR[who]
    bills = {
        name: trade_week(surrogate, demands, {who: policy}).bill_EUR[who]
        for name, policy in PLAYED[mechanism].items()
    }
    if mechanism is MechanismKind.CONTINUOUS:
        bills["arriving first"] = trade_week(surrogate, demands, first=who).bill_EUR[who]
    return {name: float((plain - bill) / plain) for name, bill in bills.items()}


def _week(game: Game, seed: int) -> tuple[Surrogate, Demands]:
    if game is Game.CLAIM:
        scenario = read_scenario(SCENARIO)
        return surrogate_of(scenario, Arrangement.RESERVATION), demands_of(scenario, seed)
    surrogate = Surrogate(pricing=MarketSettings().pricing, mechanism=game.mechanism)
    return surrogate, draw_demands(surrogate, seed)


def _gains(game: Game, seeds: range, report: Report) -> dict[int, dict[str, float]]:
    keep = Path(os.environ.get("REXDYNNET_BENCH_KEEP", "out/gaming"))
    files = {seed: keep / f"{game.label.replace(' ', '_')}_{seed}.json" for seed in seeds}
    report(game.label)
    return kept(partial(gains_of, game), files, report)
