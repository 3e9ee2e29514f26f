"""Hedging: how much to reserve when what is short and what is long cost differently."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.policies import Inelastic, Memory, View, Wish, towards

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Hedging(Inelastic):
    """Reserve what makes the risk of the deviation's cost least.

    Parameters
    ----------
    marginal_EUR_per_MWh : float
        Expected price of heat at realisation.
    risk_aversion : float
        Level β of the conditional value at risk, from 0 (expected cost) to below 1.
    deadband_lots : int

    Raises
    ------
    InputError
        A risk aversion out of range, or a price that is no number.
    """

    marginal_EUR_per_MWh: float
    risk_aversion: float = 0.5
    deadband_lots: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.risk_aversion < 1 and np.isfinite(self.marginal_EUR_per_MWh)):
            raise InputError(
                Finding(
                    f"risk aversion {self.risk_aversion} at {self.marginal_EUR_per_MWh} EUR/MWh",
                    "give a finite price and a risk aversion from 0 to below 1",
                )
            )

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Go to the least risky reservation of every unit that has a price."""
        rules, cascade = view.rules, view.terms.cascade
        penalty = cascade.factor_permille[0] / 1000.0 if cascade.factor_permille else 0.0
        marginal = self.marginal_EUR_per_MWh
        target = view.mean_Wh.copy()
        for at, unit in enumerate(view.units):
            middle = view.quote(unit).middle_uEUR
            if middle is None or view.spread_Wh[at] == 0:
                continue
            price = rules.EUR_per_MWh(middle)
            fine = penalty * max(price, marginal, 0.0)
            short, long = max(marginal - price, 0.0) + fine, max(price - marginal, 0.0) + fine
            if short > 0 and long > 0:
                target[at] += view.spread_Wh[at] * least_risk(short, long, self.risk_aversion)
        return towards(view, target, self.deadband_lots), memory


def least_risk(short: float, long: float, level: float) -> float:
    """Standardised quantity with the least CVaR of short·(Z − r)⁺ + long·(r − Z)⁺, Z normal.

    Parameters
    ----------
    short, long : float
        Positive costs per unit of deviation.
    level : float
        β from 0 (expected cost: the critical fractile) to below 1.

    Returns
    -------
    float
        r in standard deviations from the mean.

    Notes
    -----
    Gotoh & Takano, "Newsvendor solutions via conditional value-at-risk minimization",
    European Journal of Operational Research 179 (2007) 80-96, for the deviation cost.

    Examples
    --------
    >>> abs(least_risk(1.0, 1.0, 0.9)) < 1e-12
    True
    """
    quantile = NormalDist().inv_cdf
    low = quantile(short * (1.0 - level) / (short + long))
    high = quantile((long * level + short) / (short + long))
    return (long * low + short * high) / (short + long)
