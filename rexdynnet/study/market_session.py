"""The market of a run: trade, gate closure, plan, publication, and settlement of what happened."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Observation
from rexdynnet.market.contracts import Flow, J_PER_Wh, Order, Side
from rexdynnet.market.deviation import Cascade, Reading
from rexdynnet.market.ledger import Cause
from rexdynnet.market.reservex import Reply, Reservex
from rexdynnet.market.settle import Line, Statement, Terms, UnitCosts, book, settle
from rexdynnet.network.graph import Network
from rexdynnet.study.market_planner import Certified, Planner, PlannerState, make_planner
from rexdynnet.study.market_settings import (
    Arrangement,
    MarketSettings,
    lead_units,
    market_of,
    reserving,
)
from rexdynnet.study.run_meters import Tally
from rexdynnet.study.run_preview import Forecaster, PreviewMaker
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.timeline import PriceSurface, Schedule

Floats = NDArray[np.float64]
_uEUR = 1e6
_FREE = Terms(Cascade((), ()), 0, 0)


@dataclass(frozen=True)
class Counted:
    """What meters of the whole network stand at, at one instant.

    Parameters
    ----------
    cost_EUR : float
        Of fuel and electricity.
    lost_J, dumped_J : float
    """

    cost_EUR: float = 0.0
    lost_J: float = 0.0
    dumped_J: float = 0.0


@dataclass
class MarketSession:
    """A market while a run goes on; see `open_session`.

    Parameters
    ----------
    settings : MarketSettings
    network : Network
    start_utc : datetime
    duration_s : float
    exchange : Reservex
    planner : Planner
    forecaster : Forecaster
        Of the prosumers.
    columns : tuple of int
        Of each participant's heat demand among the forecaster's signals.
    state : PlannerState or None
    schedule : Schedule or None
        Of all units of the run whose gate has closed.
    counted : Counted
        At the end of the last settled unit.
    marginal_uEUR : dict of str to int
        Per lot and place in the unit that runs now.
    numbers : dict of str to int
        Last order of each participant.
    statements : list of Statement
    curves : list of ndarray, shape (window, places)
        Asks published at each gate, EUR/MWh; NaN where nothing is offered.
    refused : dict of str to int
        Orders by reason of their refusal.
    uncertified : int
        Gates whose plan missed its tolerance.
    by_tariff : int
        Units, over all gates, that were quoted by the tariff for want of a certified price.
    trading_s, planning_s : float
        Processor time spent: by the market (forecasting for orders, trading, publication,
        settlement, journal) and by the planner that prices and certifies.
    """

    settings: MarketSettings
    network: Network
    start_utc: datetime
    duration_s: float
    exchange: Reservex
    planner: Planner
    forecaster: Forecaster
    columns: tuple[int, ...]
    state: PlannerState | None = None
    schedule: Schedule | None = None
    counted: Counted = field(default_factory=Counted)
    marginal_uEUR: dict[str, int] = field(default_factory=dict[str, int])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    statements: list[Statement] = field(default_factory=list[Statement])
    curves: list[Floats] = field(default_factory=list[Floats])
    refused: dict[str, int] = field(default_factory=dict[str, int])
    uncertified: int = 0
    by_tariff: int = 0
    trading_s: float = 0.0
    planning_s: float = 0.0

    @property
    def lead(self) -> int:
        """Number of the market's unit that begins with the run."""
        return lead_units(self.settings)

    @property
    def names(self) -> tuple[str, ...]:
        """Participants, which are also the places."""
        return self.exchange.market.nodes

    @property
    def edges_s(self) -> Floats:
        """Edges of the run's units, seconds since its start."""
        unit_s = self.settings.unit_s
        return unit_s * np.arange(round(self.duration_s / unit_s) + 1, dtype=np.float64)

    def whole_schedule(self) -> Schedule:
        """What was committed for the units of the run."""
        if self.schedule is None:
            raise ValueError("no gate has closed yet")
        count = len(self.edges_s) - 1
        made = self.schedule
        return Schedule(made.participants, made.units[:count], made.energy_J[:count])

    def at(
        self,
        observation: Observation,
        applied: Floats,
        previews: PreviewMaker,
        tally: Tally,
        counted: Counted,
    ) -> PreviewMaker:
        """Do what an instant calls for: nothing, or at the edge of a unit all of its events.

        Parameters
        ----------
        observation : Observation
        applied : ndarray, shape (n_u,)
            What acted since the last instant.
        previews : PreviewMaker
        tally : Tally
        counted : Counted

        Returns
        -------
        PreviewMaker
            With the schedule that holds from now on.
        """
        now_s, unit_s = observation.time_s, self.settings.unit_s
        begun = process_time()
        if self.state is None:
            self.state = self.planner.init(observation, previews.at(now_s, {}))
            self.planning_s += process_time() - begun
            self._publish(now_s, previews)
            begun = process_time()
        self.state = self.planner.observe(self.state, observation, applied)
        self.planning_s += process_time() - begun
        unit = round(now_s / unit_s)
        if abs(now_s - unit * unit_s) > 1e-6:
            return previews
        begun = process_time()
        if self.settings.arrangement is Arrangement.RESERVATION:
            self._trade(now_s)
        self.exchange.advance((unit + self.lead) * unit_s)
        if unit > 0:
            self._settle(unit - 1, tally, counted)
        self.schedule = self._schedule(now_s)
        self.trading_s += process_time() - begun
        previews = replace(previews, schedule=self.schedule)
        self._publish(now_s, previews)
        return previews

    def finish(self, tally: Tally, counted: Counted) -> None:
        """Settle the last unit and close the books."""
        last = round(self.duration_s / self.settings.unit_s) - 1
        begun = process_time()
        self.exchange.advance((last + 1 + self.lead) * self.settings.unit_s)
        self._settle(last, tally, counted)
        self.exchange.close()
        self.trading_s += process_time() - begun

    def _publish(self, now_s: float, previews: PreviewMaker) -> None:
        """Plan from now on and let the exchange quote by it."""
        if self.state is None:
            raise ValueError("the planner has seen nothing yet")
        begun = process_time()
        horizon = replace(previews, horizon_s=self.settings.plan_horizon_s)
        found, self.state = self.planner.plan(self.state, horizon.at(now_s, {}))
        self.planning_s += process_time() - begun
        begun = process_time()
        self.uncertified += not found.certified
        self.exchange.publish_prices(self._priced(found.prices))
        self.exchange.publish_envelope(found.envelope)
        self._keep(found)
        if self.settings.arrangement is Arrangement.RESERVATION:
            self._keep_asks()
        self.exchange.commit()
        self.trading_s += process_time() - begun

    def _keep_asks(self) -> None:
        """Remember the forward curve that was published."""
        asks = np.full((self.settings.window, len(self.names)), np.nan)
        for column, name in enumerate(self.names):
            for row, (_, quote) in enumerate(self.exchange.forward_curve(name)):
                if quote.asks:
                    asks[row, column] = self.exchange.rules.EUR_per_MWh(quote.asks[0].price_uEUR)
        self.curves.append(asks)

    def _priced(self, surface: PriceSurface) -> PriceSurface:
        """Prices to quote by: the tariff in units of which the plan certified none."""
        blind: NDArray[np.bool_] = np.logical_not(np.any(surface.valid, axis=1))
        self.by_tariff += int(blind[: self.settings.window].sum())
        nothing, rest = np.zeros_like(surface.energy), surface.valid | blind[:, None]
        tariff = np.full_like(nothing, self.settings.tariff_EUR_per_MWh)
        keep = ~blind[:, None]
        return PriceSurface(
            surface.places,
            surface.units,
            np.where(keep, surface.price_EUR_per_MWh, tariff),
            np.where(keep, surface.energy, tariff),
            np.where(keep, surface.loss, nothing),
            np.where(keep, surface.congestion, nothing),
            np.where(keep, surface.scarcity, nothing),
            rest,
            surface.uplift_EUR,
        )

    def _keep(self, found: Certified) -> None:
        """Marginal cost of the unit that begins now: the tariff where nobody can say."""
        rules, tariff = self.exchange.rules, self.settings.tariff_EUR_per_MWh
        price = np.where(found.prices.valid[0], found.prices.price_EUR_per_MWh[0], np.nan)
        if self.settings.arrangement is Arrangement.OPERATOR_FORECAST:
            price = np.full(len(self.names), tariff)
        price = np.where(np.isfinite(price), price, tariff)
        self.marginal_uEUR = {
            name: rules.uEUR_per_lot(float(value))
            for name, value in zip(self.names, price, strict=True)
        }

    def _trade(self, now_s: float) -> None:
        """Everybody reserves what the newest forecast says of every open unit."""
        exchange, lot_Wh = self.exchange, self.exchange.rules.lot_Wh
        first = exchange.rules.first_open(exchange.now_s)
        own = np.arange(self.settings.window + 1) + first - self.lead
        edges = self.settings.unit_s * own.astype(np.float64)
        energy = self._forecast_Wh(self.forecaster, now_s, edges)
        for column, name in enumerate(self.names):
            for row in range(self.settings.window):
                unit = first + row
                held = exchange.position(name, name, unit)[Flow.EJECTION]
                change = round(energy[row, column] / lot_Wh) - held
                side = Side.BUY if change > 0 else Side.SELL
                quote = exchange.quote(name, unit)
                depth = sum(level.lots for level in (quote.asks if change > 0 else quote.bids))
                lots = min(abs(change), depth)
                if lots:
                    number = self.numbers.get(name, 0) + 1
                    self.numbers[name] = number
                    exchange.submit(
                        Order(name, number, Flow.EJECTION, side, name, unit, lots * lot_Wh)
                    )
        for reply in exchange.commit():
            self._note(reply)

    def _note(self, reply: Reply) -> None:
        if reply.refusal is not None:
            reason = reply.refusal.reason.name.lower()
            self.refused[reason] = self.refused.get(reason, 0) + 1

    def _forecast_Wh(self, forecaster: Forecaster, now_s: float, edges_s: Floats) -> Floats:
        """Forecast energies by participant, shape (n, places)."""
        hours = max(1, round(self.settings.unit_s / 3600.0))
        fine = np.linspace(edges_s[0], edges_s[-1], (len(edges_s) - 1) * hours + 1)
        means = forecaster.forecast(now_s, fine)[:, list(self.columns)]
        each = means.reshape(len(edges_s) - 1, hours, -1).mean(axis=1)
        return each * self.settings.unit_s / J_PER_Wh

    def _schedule(self, now_s: float) -> Schedule:
        """Committed energies from the run's first unit to the last whose gate has closed."""
        rules = self.exchange.rules
        count = rules.first_open(self.exchange.now_s) - self.lead
        if self.settings.arrangement is Arrangement.RESERVATION:
            return self.exchange.schedule(self.lead, count)
        before = self.schedule
        done = 0 if before is None else len(before.units)
        edges = self.settings.unit_s * np.arange(done, count + 1, dtype=np.float64)
        # the operator forecasts the sum, and knows of each only what is connected
        whole = self._forecast_Wh(self.forecaster.of_operator, now_s, edges).sum(axis=1)
        new = np.round(whole[:, None] * self._connected) * J_PER_Wh
        energy = new if before is None else np.vstack([before.energy_J, new])
        return Schedule(self.names, tuple(rules.time_units(self.lead, count)), energy)

    @cached_property
    def _connected(self) -> Floats:
        """Shares of the connected capacity, by participant."""
        design = {unit.name: unit.design_heat_W for unit in self.network.substations}
        heats = np.array([design[name] for name in self.names])
        return heats / heats.sum()

    def _settle(self, unit: int, tally: Tally, counted: Counted) -> None:
        """Bill one unit of the run by its meters."""
        rows = {unit.name: row for row, unit in enumerate(self.network.substations)}
        readings = [
            Reading(
                name,
                name,
                round(float(tally.demanded_J[unit, rows[name]]) / J_PER_Wh),
                round(float(tally.delivered_J[unit, rows[name]]) / J_PER_Wh),
            )
            for name in self.names
        ]
        reserving_now = self.settings.arrangement is Arrangement.RESERVATION
        before, self.counted = self.counted, counted
        mean_uEUR = round(float(np.mean(list(self.marginal_uEUR.values()))))
        lot_J = self.exchange.rules.lot_J
        missed_J = tally.delivered_J[unit].sum() - self._reserved_J(unit)
        spent = round((counted.cost_EUR - before.cost_EUR) * _uEUR)
        balancing = min(max(round(missed_J / lot_J * mean_uEUR), 0), max(spent, 0))
        if not reserving_now:
            balancing = 0
        costs = UnitCosts(
            spent - balancing,
            balancing,
            max(round((counted.lost_J - before.lost_J) / J_PER_Wh), 0),
            max(round((counted.dumped_J - before.dumped_J) / J_PER_Wh), 0),
            mean_uEUR,
        )
        terms = self.settings.terms if reserving_now else _FREE
        statement = settle(
            self.exchange, unit + self.lead, readings, self.marginal_uEUR, costs, terms
        )
        book(self.exchange, statement)
        self.statements.append(statement)

    def _reserved_J(self, unit: int) -> float:
        return float(self.schedule.energy_J[unit].sum()) if self.schedule is not None else 0.0

    def settled_uEUR(self) -> dict[str, int]:
        """What every account gained by the settled units; trades of later units are left out."""
        settled = {statement.unit for statement in self.statements}
        found = dict.fromkeys(self.exchange.ledger.names, 0)
        for entry in self.exchange.ledger.entries():
            if entry.unit in settled:
                found[entry.debit] -= entry.amount_uEUR
                found[entry.credit] += entry.amount_uEUR
        return found

    def bills_EUR(self) -> dict[str, float]:
        """What every participant paid for the settled units, net."""
        gained = self.settled_uEUR()
        return {name: -gained[name] / _uEUR for name in self.names}

    def lines_of(self, name: str) -> list[Line]:
        """A participant's lines of all settled units."""
        return [x for s in self.statements for x in s.lines if x.participant == name]

    def figures(self) -> dict[str, float]:
        """Key figures of the market."""
        penalties = sum(line.penalty_uEUR for s in self.statements for line in s.lines)
        paid = [
            line.compensation_uEUR + line.money_back_uEUR
            for s in self.statements
            for line in s.lines
        ]
        return {
            "trades": float(sum(1 for _ in self.exchange.trades())),
            "maker_surplus_EUR": self.settled_uEUR()["maker"] / _uEUR,
            "bills_EUR": sum(self.bills_EUR().values()),
            "penalties_EUR": penalties / _uEUR,
            "rationing_paid_EUR": sum(paid) / _uEUR,
            "refused_orders": float(sum(self.refused.values())),
            "gates_uncertified": float(self.uncertified),
            "units_by_tariff": float(self.by_tariff),
        }

    def text(self) -> list[str]:
        """What a person wants to read."""
        figures, ledger = self.figures(), self.exchange.ledger
        paid = ledger.by_cause()
        causes = ", ".join(cause.name.lower() for cause in Cause if cause in paid)
        return [
            f"market: {self.settings.arrangement.name.lower()}, {figures['trades']:.0f} trades, "
            f"{len(self.statements)} units settled, {len(ledger)} transfers that sum to "
            f"{ledger.total} µEUR",
            f"  bills {figures['bills_EUR']:,.2f} EUR, maker's surplus before true-up "
            f"{figures['maker_surplus_EUR']:,.2f} EUR, penalties "
            f"{figures['penalties_EUR']:,.2f} EUR, rationing {figures['rationing_paid_EUR']:,.2f} "
            "EUR",
            f"  causes: {causes}; {figures['refused_orders']:.0f} orders refused, "
            f"{figures['gates_uncertified']:.0f} plans not certified, "
            f"{figures['units_by_tariff']:.0f} units quoted by the tariff",
        ]


def open_session(
    network: Network,
    settings: RunSettings,
    market: MarketSettings,
    forecaster: Forecaster,
    start_utc: datetime,
    duration_s: float,
    journal: Path | None = None,
) -> MarketSession:
    """Open the market of a run.

    Parameters
    ----------
    network : Network
    settings : RunSettings
    market : MarketSettings
    forecaster : Forecaster
    start_utc : datetime
    duration_s : float
    journal : Path or None
        File that the exchange records in.

    Returns
    -------
    MarketSession
    """
    names = reserving(network)
    demands = {
        signal.component: column
        for column, signal in enumerate(forecaster.truth.signals)
        if signal.quantity == "heat_demand"
    }
    return MarketSession(
        market,
        network,
        start_utc,
        duration_s,
        Reservex(market_of(market, network, start_utc), journal),
        make_planner(network, settings.control, market),
        forecaster,
        tuple(demands[name] for name in names),
    )
