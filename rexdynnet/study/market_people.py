"""Who trades in a run's market: prosumers, what they forecast, and what they order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.contracts import Flow, J_PER_Wh, Order
from rexdynnet.market.policies import Inelastic
from rexdynnet.market.prosumer import Prosumer, ProsumerState, begin, orders
from rexdynnet.market.reservex import Reservex
from rexdynnet.study.market_settings import MarketSettings, closing_units
from rexdynnet.study.run_preview import Forecaster

Floats = NDArray[np.float64]

_CONSUMES = frozenset({Flow.EJECTION})


@dataclass(frozen=True)
class People:
    """The prosumers of a run, one per substation that asks for heat and has no flats that trade.

    Parameters
    ----------
    settings : MarketSettings
    forecaster : Forecaster
        Of the prosumers, who know their own deviations and absences.
    names : tuple of str
        Participants, which are also the places.
    columns : tuple of int
        Of each participant's heat demand among the forecaster's signals.
    """

    settings: MarketSettings
    forecaster: Forecaster
    names: tuple[str, ...]
    columns: tuple[int, ...]

    def prosumer(self, name: str) -> Prosumer:
        """A participant with its policy."""
        policy = self.settings.policies.get(name, self.settings.policy)
        return Prosumer(name, name, policy, _CONSUMES)

    def begin(self) -> dict[str, ProsumerState]:
        """States before the first order."""
        own = [name for name in self.names if name not in self.settings.behind]
        return {name: begin(self.prosumer(name)) for name in own}

    def orders(
        self, exchange: Reservex, states: Mapping[str, ProsumerState], now_s: float, lead: int
    ) -> tuple[list[Order], dict[str, ProsumerState]]:
        """What everybody orders now, one after the other; sends nothing.

        Parameters
        ----------
        exchange : Reservex
            Only read: all see the same book.
        states : mapping of participant to ProsumerState
        now_s : float
            Of the run.
        lead : int
            Number of the market's unit that begins with the run.

        Returns
        -------
        list of Order
        dict of participant to ProsumerState
        """
        first = exchange.rules.first_open(exchange.now_s) - lead
        own = np.arange(self.settings.window + 1) + first
        edges_s = self.settings.unit_s * own.astype(np.float64)
        mean = self.energy_Wh(self.forecaster, now_s, edges_s)
        spread = self.spread_Wh(now_s, edges_s)
        found: list[Order] = []
        after: dict[str, ProsumerState] = {}
        for column, name in enumerate(self.names):
            if name in self.settings.behind:
                continue
            wanted, after[name] = orders(
                exchange,
                self.prosumer(name),
                states[name],
                mean[:, column],
                spread[:, column],
                self.settings.terms,
                closing_units(exchange, now_s, lead),
            )
            found += wanted
        return found, after

    def draws(
        self,
        states: Mapping[str, ProsumerState],
        reserved_Wh: Mapping[str, int],
        edges_s: Floats,
        waited: int,
    ) -> tuple[dict[str, float], dict[str, ProsumerState]]:
        """What those who can store heat draw beyond their need in a unit that begins.

        Parameters
        ----------
        states : mapping of participant to ProsumerState
        reserved_Wh : mapping of participant to int
        edges_s : ndarray, shape (2,)
            Of the unit.
        waited : int
            Units of the market before this one in which nothing could be drawn.

        Returns
        -------
        dict of participant to float
            W, constant over the unit; nothing for those who draw what they need.
        dict of participant to ProsumerState
        """
        need = self.forecaster.means(edges_s)[0, list(self.columns)]
        shift: dict[str, float] = {}
        after = dict(states)
        for name, need_W in zip(self.names, need, strict=True):
            policy = self.prosumer(name).policy
            if isinstance(policy, Inelastic) or name in self.settings.behind:
                continue
            own_Wh = float(need_W) * self.settings.unit_s / J_PER_Wh
            memory = states[name].memory
            for _ in range(waited):
                _, memory = policy.draw(0.0, 0, memory)
            drawn_Wh, memory = policy.draw(own_Wh, reserved_Wh[name], memory)
            after[name] = states[name]._replace(memory=memory)
            shift[name] = (drawn_Wh - own_Wh) * J_PER_Wh / self.settings.unit_s
        return shift, after

    def energy_Wh(self, forecaster: Forecaster, now_s: float, edges_s: Floats) -> Floats:
        """Forecast energies by participant, shape (n, participants).

        Parameters
        ----------
        forecaster : Forecaster
        now_s : float
        edges_s : ndarray, shape (n + 1,)
        """
        hours = max(1, round(self.settings.unit_s / 3600.0))
        fine = np.linspace(edges_s[0], edges_s[-1], (len(edges_s) - 1) * hours + 1)
        means = forecaster.forecast(now_s, fine)[:, list(self.columns)]
        each = means.reshape(len(edges_s) - 1, hours, -1).mean(axis=1)
        return each * self.settings.unit_s / J_PER_Wh

    def spread_Wh(self, now_s: float, edges_s: Floats) -> Floats:
        """Standard deviation of these energies, as the forecast's errors are known to be."""
        spread_W = self.forecaster.spread(now_s, edges_s)[:, list(self.columns)]
        return spread_W * self.settings.unit_s / J_PER_Wh
