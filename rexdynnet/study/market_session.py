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
from rexdynnet.market.contracts import Flow, J_PER_Wh
from rexdynnet.market.deviation import Cascade
from rexdynnet.market.ledger import Cause
from rexdynnet.market.prosumer import ProsumerState
from rexdynnet.market.reservex import Reply, Reservex
from rexdynnet.market.settle import Line, Statement, Terms
from rexdynnet.network.graph import Network
from rexdynnet.study.auction_operator import OPERATOR, Offers, fulfilled
from rexdynnet.study.building_tables import flat_lines
from rexdynnet.study.market_auction import AuctionOperator, make_operator
from rexdynnet.study.market_bills import Bills, mean_uEUR, readings_of
from rexdynnet.study.market_buildings import Buildings, open_buildings
from rexdynnet.study.market_costs import Counted, blind_units, unit_costs, with_tariff
from rexdynnet.study.market_people import People
from rexdynnet.study.market_planner import Planner, PlannerState, make_planner
from rexdynnet.study.market_producers import Producers, make_producers
from rexdynnet.study.market_settings import (
    Arrangement,
    MarketSettings,
    lead_units,
    market_of,
    reserving,
)
from rexdynnet.study.market_tables import Published, published
from rexdynnet.study.run_meters import Tally
from rexdynnet.study.run_preview import Forecaster, PreviewMaker
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.timeline import PriceSurface, Schedule

Floats = NDArray[np.float64]
_uEUR = 1e6
_FREE = Terms(Cascade((), ()), 0, 0)


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
    people : People
    producers : Producers
    buildings : Buildings
    bills : Bills
    operator : AuctionOperator or None
        Who sells the network's heat where that is an auction.
    offers : Offers
        Its orders.
    state : PlannerState or None
    schedule : Schedule or None
        Of all units of the run whose gate has closed: what substations will draw.
    promised : Schedule or None
        What producers will feed in.
    shifts_W : dict of str to float
        What flexible prosumers draw beyond their need in the unit that runs now.
    shifted_J : float
        Heat that was drawn at another time than it was needed.
    counted : Counted
        At the end of the last settled unit.
    marginal_uEUR : dict of str to int
        Per lot and place in the unit that runs now.
    prosumers : dict of str to ProsumerState
        What is kept of each between two gates.
    published : list of Published
        The forward curves after each gate.
    marginals : list of dict of str to int
        `marginal_uEUR` of the settled units.
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
    people: People
    producers: Producers
    buildings: Buildings
    bills: Bills
    operator: AuctionOperator | None = None
    offers: Offers = field(default_factory=Offers)
    state: PlannerState | None = None
    schedule: Schedule | None = None
    promised: Schedule | None = None
    shifts_W: dict[str, float] = field(default_factory=dict[str, float])
    shifted_J: float = 0.0
    counted: Counted = field(default_factory=Counted)
    marginal_uEUR: dict[str, int] = field(default_factory=dict[str, int])
    prosumers: dict[str, ProsumerState] = field(default_factory=dict[str, ProsumerState])
    published: list[Published] = field(default_factory=list[Published])
    marginals: list[dict[str, int]] = field(default_factory=list[dict[str, int]])
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
        """Substations that trade; they are places too."""
        return self.people.names

    @property
    def places(self) -> tuple[str, ...]:
        """Everybody who trades: substations, then producers."""
        return (*self.names, *self.producers.names)

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
            return replace(previews, promised=self.promised)
        begun = process_time()
        if self.settings.arrangement is Arrangement.RESERVATION:
            self._trade(now_s)
        self.exchange.advance((unit + self.lead) * unit_s)
        if unit > 0:
            self._settle(unit - 1, tally, counted)
        self.schedule, self.promised = self._schedule(now_s), self._promises()
        if self.settings.arrangement is Arrangement.RESERVATION:
            self._draw(unit)
        self.trading_s += process_time() - begun
        previews = replace(previews, schedule=self.schedule, promised=self.promised)
        self._publish(now_s, previews)
        return previews

    def finish(self, tally: Tally, counted: Counted) -> None:
        """Settle the last unit and close the books."""
        last = round(self.duration_s / self.settings.unit_s) - 1
        begun = process_time()
        self.exchange.advance((last + 1 + self.lead) * self.settings.unit_s)
        self._settle(last, tally, counted)
        self.bills.close(self.exchange)
        self._pass_on()
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
        prices = self.producers.priced(found.prices)
        envelope = self.producers.enveloped(found.envelope, found.uptake_J)
        if self.operator is None:
            self.exchange.publish_prices(self._priced(prices))
            self.exchange.publish_envelope(envelope)
        else:
            self.exchange.publish_envelope(self.operator.enveloped(envelope))
            self.offers = self.operator.offer(self.exchange, self.offers, self._priced(prices))
        self._keep(prices)
        self.published.append(published(self.exchange, self.places, self.lead))
        self.exchange.commit()
        self.trading_s += process_time() - begun

    def _priced(self, surface: PriceSurface) -> PriceSurface:
        """Prices to quote by, and a count of the units that the tariff stands in for."""
        self.by_tariff += int(blind_units(surface)[: self.settings.window].sum())
        return with_tariff(surface, self.settings.tariff_EUR_per_MWh)

    def _keep(self, found: PriceSurface) -> None:
        """Marginal cost of the unit that begins now: the tariff where nobody can say."""
        rules, tariff = self.exchange.rules, self.settings.tariff_EUR_per_MWh
        price = np.where(found.valid[0], found.price_EUR_per_MWh[0], np.nan)
        if self.settings.arrangement is Arrangement.OPERATOR_FORECAST:
            price = np.full(len(self.places), tariff)
        price = np.where(np.isfinite(price), price, tariff)
        self.marginal_uEUR = {
            name: rules.uEUR_per_lot(float(value))
            for name, value in zip(self.places, price, strict=True)
        }

    def _trade(self, now_s: float) -> None:
        """Everybody orders what its policy wants of every open unit."""
        states = self.prosumers or self.people.begin() | self.producers.begin()
        wanted, people = self.people.orders(self.exchange, states, now_s, self.lead)
        offered, producers = self.producers.orders(self.exchange, states, now_s, self.lead)
        self.prosumers = people | producers
        netted = self.buildings.orders(self.exchange, now_s, self.lead)
        ordered = wanted + netted + offered
        if self.operator is not None:
            ordered = self.operator.in_line(ordered, round(now_s / self.settings.unit_s))
        for order in ordered:
            self.exchange.submit(order)
        for reply in self.exchange.commit():
            self._note(reply)
        self._pass_on()

    def _pass_on(self) -> None:
        """Let buildings share among their flats what the exchange has booked."""
        arrangement, marginals = self.settings.arrangement, self.marginals
        terms = self.settings.terms if arrangement is Arrangement.RESERVATION else _FREE
        self.buildings.follow(self.exchange, self.statements, marginals, self.lead, terms)

    def _draw(self, unit: int) -> None:
        """Those who can store heat say what they draw in the unit that begins."""
        edges_s = self.settings.unit_s * np.array([unit, unit + 1.0])
        reserved = self.schedule.energy_J[unit] if self.schedule is not None else []
        held = {name: round(e / J_PER_Wh) for name, e in zip(self.names, reserved, strict=True)}
        waited = self.lead if unit == 0 else 0
        self.shifts_W, self.prosumers = self.people.draws(self.prosumers, held, edges_s, waited)
        self.shifted_J += sum(map(abs, self.shifts_W.values())) * self.settings.unit_s
        flats_W, flats_J = self.buildings.draws(self.exchange, unit, self.lead)
        self.shifts_W |= flats_W
        self.shifted_J += flats_J

    def _note(self, reply: Reply) -> None:
        if reply.refusal is not None:
            reason = reply.refusal.reason.name.lower()
            self.refused[reason] = self.refused.get(reason, 0) + 1

    def _schedule(self, now_s: float) -> Schedule:
        """Committed energies from the run's first unit to the last whose gate has closed."""
        rules = self.exchange.rules
        count = rules.first_open(self.exchange.now_s) - self.lead
        if self.settings.arrangement is Arrangement.RESERVATION:
            sold, k = self.exchange.schedule(self.lead, count), len(self.names)
            return Schedule(self.names, sold.units, sold.energy_J[:, :k])
        before = self.schedule
        done = 0 if before is None else len(before.units)
        edges = self.settings.unit_s * np.arange(done, count + 1, dtype=np.float64)
        # the operator forecasts the sum, and knows of each only what is connected
        operator = self.people.forecaster.of_operator
        whole = self.people.energy_Wh(operator, now_s, edges).sum(axis=1)
        new = np.round(whole[:, None] * self._connected) * J_PER_Wh
        energy = new if before is None else np.vstack([before.energy_J, new])
        return Schedule(self.names, tuple(rules.time_units(self.lead, count)), energy)

    def _promises(self) -> Schedule | None:
        """What producers feed in from the run's first unit to the last whose gate has closed."""
        reserving_now = self.settings.arrangement is Arrangement.RESERVATION
        if not self.producers.plants or not reserving_now:
            return None
        count = self.exchange.rules.first_open(self.exchange.now_s) - self.lead
        sold, k = self.exchange.schedule(self.lead, count), len(self.names)
        fed_J = -sold.energy_J[:, k : k + len(self.producers.names)]
        return Schedule(self.producers.names, sold.units, fed_J)

    @cached_property
    def _connected(self) -> Floats:
        """Shares of the connected capacity, by participant."""
        design = {unit.name: unit.design_heat_W for unit in self.network.substations}
        heats = np.array([design[name] for name in self.names])
        return heats / heats.sum()

    def _settle(self, unit: int, tally: Tally, counted: Counted) -> None:
        """Bill one unit of the run by its meters, and what has been read late."""
        rows = {unit.name: row for row, unit in enumerate(self.network.substations)}
        readings = readings_of(self.names, rows, tally, unit)
        fed = self.producers.readings(tally, unit, lambda name: self._held_Wh(name, unit))
        reserving_now = self.settings.arrangement is Arrangement.RESERVATION
        before, self.counted = self.counted, counted
        mean = mean_uEUR({name: self.marginal_uEUR[name] for name in self.names})
        missed_J = tally.delivered_J[unit].sum() - self._reserved_J(unit)
        for each in fed:
            missed_J += (
                (each.delivered_Wh or 0) - self._held_Wh(each.participant, unit)
            ) * J_PER_Wh
        missed_lots = missed_J / self.exchange.rules.lot_J if reserving_now else 0.0
        costs = unit_costs(before, counted, missed_lots, mean)
        terms = self.settings.terms if reserving_now else _FREE
        readings += fed
        marginal = dict(self.marginal_uEUR)
        if self.operator is not None:
            readings.append(fulfilled(self.exchange, unit + self.lead))
            marginal[OPERATOR] = mean
        self.bills.settle(self.exchange, unit, self.lead, readings, marginal, costs, terms)
        self.bills.read_late(self.exchange, unit)
        self.marginals.append(dict(self.marginal_uEUR))
        self._pass_on()

    def _held_Wh(self, name: str, unit: int) -> int:
        """What a producer has promised in a unit of the run, negative."""
        held = self.exchange.position(name, name, unit + self.lead)
        return (held[Flow.EJECTION] - held[Flow.INJECTION]) * self.exchange.rules.lot_Wh

    def _reserved_J(self, unit: int) -> float:
        return float(self.schedule.energy_J[unit].sum()) if self.schedule is not None else 0.0

    @property
    def statements(self) -> list[Statement]:
        """Of the settled units."""
        return self.bills.statements

    def bills_EUR(self) -> dict[str, float]:
        """What every participant paid for the settled units, net, true-up included."""
        gained = self.bills.settled_uEUR(self.exchange)
        return {name: -gained[name] / _uEUR for name in self.places}

    def lines_of(self, name: str) -> list[Line]:
        """A participant's lines of all settled units."""
        return [line for line in self.bills.lines() if line.participant == name]

    def figures(self) -> dict[str, float]:
        """Key figures of the market."""
        lines = self.bills.lines()
        penalties = sum(line.penalty_uEUR for line in lines)
        paid = [line.compensation_uEUR + line.money_back_uEUR for line in lines]
        return {
            "trades": float(sum(1 for _ in self.exchange.trades())),
            "maker_surplus_EUR": (self.bills.surplus_uEUR or 0) / _uEUR,
            "bills_EUR": sum(self.bills_EUR().values()),
            "penalties_EUR": penalties / _uEUR,
            "rationing_paid_EUR": sum(paid) / _uEUR,
            "units_resettled": float(self.bills.resettled),
            "shifted_kWh": self.shifted_J / (1e3 * J_PER_Wh),
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
            f"  units resettled after meters were read late: {figures['units_resettled']:.0f}",
            f"  causes: {causes}; {figures['refused_orders']:.0f} orders refused, "
            f"{figures['gates_uncertified']:.0f} plans not certified, "
            f"{figures['units_by_tariff']:.0f} units quoted by the tariff",
            *flat_lines(self),
        ]


def open_session(
    network: Network,
    settings: RunSettings,
    market: MarketSettings,
    forecaster: Forecaster,
    start_utc: datetime,
    duration_s: float,
    seed: int,
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
    seed : int
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
        People(market, forecaster, names, tuple(demands[name] for name in names)),
        make_producers(market, network, forecaster, settings.prices, start_utc),
        open_buildings(market, forecaster, demands),
        Bills(market.gaps, seed),
        make_operator(market, network, seed),
    )
