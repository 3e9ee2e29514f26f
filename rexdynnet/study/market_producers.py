"""Producers in a run's market: plants of others that promise heat and feed it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Flow, J_PER_Wh, Order
from rexdynnet.market.deviation import Reading
from rexdynnet.market.prosumer import Prosumer, ProsumerState, begin, orders
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import MechanismKind
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import OUTDOOR
from rexdynnet.network.spec import Plant, PlantControl, PlantKind
from rexdynnet.physics.devices import carnot_cop, solar_heat
from rexdynnet.study.auction_operator import OPERATOR
from rexdynnet.study.market_settings import MarketSettings, closing_units, reserving
from rexdynnet.study.run_meters import Tally
from rexdynnet.study.run_preview import Forecaster, electricity_means
from rexdynnet.study.run_settings import PriceSettings
from rexdynnet.study.sunshine import SUN
from rexdynnet.timeline import DeliveryEnvelope, PriceSurface

Floats = NDArray[np.float64]
Reserved = Callable[[str], int]

# A collector's mean temperature lies so far below what it supplies, as in the merit order.
_COLLECTOR_BELOW_K = 15.0
_OFFERING = (PlantKind.SOLAR, PlantKind.WASTE_HEAT, PlantKind.HEAT_PUMP)


@dataclass(frozen=True)
class Producers:
    """Plants that trade as participants at places of their own; see `make_producers`.

    Parameters
    ----------
    settings : MarketSettings
    prices : PriceSettings
        A heat pump's owner buys electricity at these.
    start_utc : datetime
    forecaster : Forecaster
        Of the producers.
    plants : tuple of Plant
    rows : tuple of int
        Of each among the network's plants.
    beside : mapping of plant to substation
        Whose price is the price of heat fed in: the nearest along the pipes.

    Notes
    -----
    Sun and waste heat are offered as they come. A heat pump's owner offers its capacity in
    units that pay more than the electricity costs, takes promises back where buying heat is
    cheaper than making it, and keeps them otherwise.
    """

    settings: MarketSettings
    prices: PriceSettings
    start_utc: datetime
    forecaster: Forecaster
    plants: tuple[Plant, ...]
    rows: tuple[int, ...]
    beside: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Participants, which are also their places."""
        return tuple(plant.name for plant in self.plants)

    def begin(self) -> dict[str, ProsumerState]:
        """States before the first order."""
        return {plant.name: begin(self._prosumer(plant)) for plant in self.plants}

    def orders(
        self, exchange: Reservex, states: Mapping[str, ProsumerState], now_s: float, lead: int
    ) -> tuple[list[Order], dict[str, ProsumerState]]:
        """What all producers order now; sends nothing.

        Parameters
        ----------
        exchange : Reservex
        states : mapping of participant to ProsumerState
        now_s : float
        lead : int
            Number of the market's unit that begins with the run.

        Returns
        -------
        list of Order
        dict of participant to ProsumerState
        """
        first = exchange.rules.first_open(exchange.now_s)
        unit_s = self.settings.unit_s
        edges_s = unit_s * (np.arange(self.settings.window + 1, dtype=np.float64) + first - lead)
        found: list[Order] = []
        after: dict[str, ProsumerState] = {}
        for plant in self.plants:
            mean_W, spread_W = self._expected_W(plant, now_s, edges_s)
            if plant.kind is PlantKind.HEAT_PUMP:
                cost = self._pumped_EUR_per_MWh(plant, now_s, edges_s)
                mean_W = np.array(
                    [
                        self._worth(exchange, plant, first + at, float(cost[at]), float(most))
                        for at, most in enumerate(mean_W)
                    ]
                )
            wanted, after[plant.name] = orders(
                exchange,
                self._prosumer(plant),
                states[plant.name],
                -mean_W * unit_s / J_PER_Wh,
                spread_W * unit_s / J_PER_Wh,
                self.settings.terms,
                closing_units(exchange, now_s, lead),
            )
            found += wanted
        return found, after

    def readings(self, tally: Tally, unit: int, reserved_Wh: Reserved) -> list[Reading]:
        """What the meters of a unit say: energies fed in are negative.

        Parameters
        ----------
        tally : Tally
        unit : int
            Of the run.
        reserved_Wh : callable
            Of a participant in this unit, negative where it promised.

        Returns
        -------
        list of Reading
            Demanded is what was on offer.
        """
        edges_s = self.settings.unit_s * np.array([unit, unit + 1.0])
        found: list[Reading] = []
        for plant, row in zip(self.plants, self.rows, strict=True):
            fed_Wh = float(tally.plant_J[unit, row]) / J_PER_Wh
            values = self.forecaster.means(_fine(edges_s))
            able_W = float(np.mean(self._able_W(plant, values)))
            offered_Wh = able_W * self.settings.unit_s / J_PER_Wh
            if plant.kind is PlantKind.HEAT_PUMP:
                # it runs as asked: nothing beyond the promise is on offer
                offered_Wh = min(offered_Wh, max(0, -reserved_Wh(plant.name)))
            offered_Wh = max(offered_Wh, fed_Wh)
            found.append(Reading(plant.name, plant.name, -round(offered_Wh), -round(fed_Wh)))
        return found

    def spent_EUR(self, tally: Tally) -> float:
        """What the producers' own fuel and power have cost so far."""
        return float(sum(tally.plant_EUR[row] for row in self.rows))

    def priced(self, surface: PriceSurface) -> PriceSurface:
        """A surface with the producers' places too."""
        places = surface.places
        stand = [places.index(self.beside[name]) for name in self.names]
        more = [*range(len(places)), *stand]
        return PriceSurface(
            (*places, *self.names),
            surface.units,
            surface.price_EUR_per_MWh[:, more],
            surface.energy[:, more],
            surface.loss[:, more],
            surface.congestion[:, more],
            surface.scarcity[:, more],
            surface.valid[:, more],
            surface.uplift_EUR,
        )

    def enveloped(self, found: DeliveryEnvelope, uptake_J: Floats) -> DeliveryEnvelope:
        """An envelope that bounds promises too, by connection and by what the network takes up.

        Parameters
        ----------
        found : DeliveryEnvelope
            Its capacity counts the producers' plants already: a promise adds none.
        uptake_J : ndarray, shape (n,)
            Heat that the network takes up per unit beside what must run.
        """
        m, n, k = found.rows.shape
        extra = len(self.plants)
        rows = np.zeros((m + n * (extra + 1), n, k + extra))
        rows[:m, :, :k] = found.rows
        labels, limits = list(found.names), [*found.limit_J]
        for unit in range(n):
            at = m + unit * (extra + 1)
            rows[at, unit, k:] = -1.0
            labels.append(f"uptake {unit}")
            limits.append(max(float(uptake_J[unit]), 0.0))
            for place, plant in enumerate(self.plants):
                rows[at + 1 + place, unit, k + place] = -1.0
                labels.append(f"connection of {plant.name} {unit}")
                limits.append(plant.capacity_W * self.settings.unit_s)
        return DeliveryEnvelope(
            (*found.participants, *self.names),
            found.units,
            tuple(labels),
            rows,
            np.array(limits),
            found.probability,
        )

    def _prosumer(self, plant: Plant) -> Prosumer:
        policy = self.settings.policies.get(plant.name, self.settings.policy)
        return Prosumer(plant.name, plant.name, policy, frozenset({Flow.INJECTION}))

    def _able_W(self, plant: Plant, values: Floats) -> Floats:
        """What a plant can give under disturbances (n, n_d), shape (n,)."""
        names = [signal.name for signal in self.forecaster.truth.signals]

        def of(name: str) -> Floats:
            return values[:, names.index(name)]

        most = np.full(len(values), plant.capacity_W)
        if plant.kind is PlantKind.WASTE_HEAT:
            most = np.minimum(most, of(f"{plant.name}.available_heat"))
        elif plant.kind is PlantKind.SOLAR:
            sun = solar_heat(
                of(SUN),
                plant.supply_temperature_K - _COLLECTOR_BELOW_K,
                of(f"{OUTDOOR}.temperature"),
                plant.collector_area_m2,
                plant.optical_efficiency,
                plant.collector_loss_W_per_m2K,
            )
            most = np.minimum(most, np.asarray(sun, dtype=np.float64))
        return np.maximum(most, 0.0) * np.clip(of(f"{plant.name}.availability"), 0.0, 1.0)

    def _expected_W(self, plant: Plant, now_s: float, edges_s: Floats) -> tuple[Floats, Floats]:
        """Forecast of what a plant can give, and its standard deviation, by unit."""
        fine = _fine(edges_s)
        told = self.forecaster.forecast(now_s, fine)
        able = self._able_W(plant, told)
        spread = np.zeros_like(able)
        if plant.kind is PlantKind.WASTE_HEAT:
            spread = able * self.forecaster.own_error(plant.name, now_s, fine)[1]
        elif plant.kind is PlantKind.SOLAR:
            spread = self._sun_spread_W(plant, told, self.forecaster.sunshine_spread(fine))
        shape = (len(edges_s) - 1, -1)
        return able.reshape(shape).mean(axis=1), spread.reshape(shape).mean(axis=1)

    def _sun_spread_W(self, plant: Plant, told: Floats, spread_W_per_m2: Floats) -> Floats:
        """Standard deviation of a field's heat, from that of the radiation."""
        column = [signal.name for signal in self.forecaster.truth.signals].index(SUN)
        more, less = told.copy(), told.copy()
        more[:, column] += spread_W_per_m2
        less[:, column] = np.maximum(less[:, column] - spread_W_per_m2, 0.0)
        return 0.5 * (self._able_W(plant, more) - self._able_W(plant, less))

    def _pumped_EUR_per_MWh(self, plant: Plant, now_s: float, edges_s: Floats) -> Floats:
        """What a heat pump's heat costs its owner, by unit."""
        power = electricity_means(self.prices, self.start_utc, edges_s)
        if not self.prices.for_heat_pumps:
            power = np.full(len(power), plant.fuel_price_EUR_per_MWh)
        names = [signal.name for signal in self.forecaster.truth.signals]
        cold: Floats | float | None = plant.source_temperature_K
        if cold is None:
            forecast = self.forecaster.forecast(now_s, edges_s)
            cold = forecast[:, names.index(f"{OUTDOOR}.temperature")]
        cop = carnot_cop(plant.supply_temperature_K, cold, plant.efficiency)
        return power / np.asarray(cop, dtype=np.float64)

    def _worth(
        self, exchange: Reservex, plant: Plant, unit: int, cost_EUR: float, most_W: float
    ) -> float:
        """Power to promise in a unit at the quotes of now."""
        quote, rules = exchange.quote(plant.name, unit), exchange.rules
        if quote.bids and rules.EUR_per_MWh(quote.bids[0].price_uEUR) > cost_EUR:
            return most_W
        if quote.asks and rules.EUR_per_MWh(quote.asks[0].price_uEUR) < cost_EUR:
            return 0.0
        held = exchange.position(plant.name, plant.name, unit)
        return held[Flow.INJECTION] * rules.lot_Wh * J_PER_Wh / self.settings.unit_s


def make_producers(
    settings: MarketSettings,
    network: Network,
    forecaster: Forecaster,
    prices: PriceSettings,
    start_utc: datetime,
) -> Producers:
    """Find the producers of a run.

    Parameters
    ----------
    settings : MarketSettings
        Its `producers` name plants.
    network : Network
    forecaster : Forecaster
    prices : PriceSettings
    start_utc : datetime

    Returns
    -------
    Producers

    Raises
    ------
    InputError
        A name that is no plant, or a plant that cannot promise heat: one that holds the pressure,
        a boiler or a CHP.
    """
    rows = producer_rows(settings, network)
    plants = tuple(network.plants[row] for row in rows)
    beside = {plant.name: _nearest_substation(network, plant) for plant in plants}
    return Producers(settings, prices, start_utc, forecaster, plants, rows, beside)


def check_participants(settings: MarketSettings, network: Network, file: Path | None) -> None:
    """Refuse producers that cannot promise, policies of nobody, and buildings nowhere.

    Parameters
    ----------
    settings : MarketSettings
    network : Network
    file : Path or None
        Of the scenario, for the message.

    Raises
    ------
    InputError
    """
    findings: list[Finding] = []
    try:
        producer_rows(settings, network)
    except InputError as error:
        findings += [replace(finding, file=file) for finding in error.findings]
    known = (*reserving(network), *settings.producers)
    findings += [
        Finding(
            f"there is no participant {name!r}",
            nearest(name, known),
            file=file,
            field=f"market.policies.{name}",
        )
        for name in settings.policies
        if name not in known
    ]
    findings += _buildings(settings, network, file)
    if settings.mechanism is not MechanismKind.MAKER and OPERATOR in known:
        findings.append(
            Finding(
                f"{OPERATOR!r} is who sells the network's heat in an auction",
                "rename the component of this name",
                file=file,
                component=OPERATOR,
            )
        )
    if findings:
        raise InputError(*findings)


def _buildings(settings: MarketSettings, network: Network, file: Path | None) -> list[Finding]:
    places = reserving(network)
    found: list[Finding] = []
    for building in settings.buildings:
        if building.participant not in places:
            found.append(
                Finding(
                    f"building {building.name} stands behind {building.participant!r}, where "
                    "nobody reserves",
                    nearest(building.participant, places),
                    file=file,
                    field="market.buildings.substation",
                    component=building.name,
                )
            )
        taken = {*places, *settings.producers} & {*building.shares, building.name}
        found += [
            Finding(
                f"{name} is a participant of the area too",
                "rename the flat or the building",
                file=file,
                field="market.buildings",
                component=building.name,
            )
            for name in sorted(taken)
        ]
    return found


def producer_rows(settings: MarketSettings, network: Network) -> tuple[int, ...]:
    """Where the producers stand among a network's plants; see `make_producers`."""
    known = {plant.name: row for row, plant in enumerate(network.plants)}
    findings: list[Finding] = []
    for name in settings.producers:
        plant = network.plants[known[name]] if name in known else None
        if plant is None:
            able = [p.name for p in network.plants if _can_promise(p)]
            findings.append(
                Finding(
                    f"the producer {name!r} is no plant of network {network.name!r}",
                    f"name one of {', '.join(able)}" if able else "the network has none",
                    field="market.producers",
                )
            )
        elif not _can_promise(plant):
            findings.append(
                Finding(
                    "cannot be a producer",
                    'name plants of kind "solar", "waste_heat" or "heat_pump" with control "heat"',
                    field="market.producers",
                    component=name,
                )
            )
    if findings:
        raise InputError(*findings)
    return tuple(known[name] for name in settings.producers)


def _can_promise(plant: Plant) -> bool:
    return plant.kind in _OFFERING and plant.control is PlantControl.HEAT


def _nearest_substation(network: Network, plant: Plant) -> str:
    graph = nx.Graph()
    graph.add_nodes_from(node.name for node in network.nodes)
    for pipe in network.pipes:
        graph.add_edge(pipe.from_node, pipe.to_node, weight=pipe.length_m)
    far = nx.single_source_dijkstra_path_length(graph, plant.supply_node)
    loads = [unit for unit in network.substations if unit.supply_node in far]
    if not loads:
        raise InputError(
            Finding(
                "feeds no substation along pipes",
                "connect it by pipes or leave it out of [market] producers",
                field="market.producers",
                component=plant.name,
            )
        )
    return min(loads, key=lambda unit: (far[unit.supply_node], unit.name)).name


def _fine(edges_s: Floats) -> Floats:
    """Hourly edges at least, for forecasts are of hours."""
    hours = max(1, round((edges_s[1] - edges_s[0]) / 3600.0))
    return np.linspace(edges_s[0], edges_s[-1], (len(edges_s) - 1) * hours + 1)
