"""What a run with a market needs: the contracts, how they are priced, and how they settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.building import Building
from rexdynnet.market.contracts import J_PER_Wh, Participant, Quality, Rules
from rexdynnet.market.flexible import Flexible, HeatStore
from rexdynnet.market.hedging import Hedging
from rexdynnet.market.policies import AtCall, ForecastFollowing, Policy
from rexdynnet.market.pricing import ConstantTariff, InventoryFeedback, MarginalCost, Pricing
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import Terms
from rexdynnet.market.setup import Market, MechanismKind
from rexdynnet.market.strategies import LastInstant, Resale, Scaled
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import SubstationControl
from rexdynnet.study.auction_operator import OPERATOR
from rexdynnet.units import format_duration

_HOUR_S = 3600.0
_uEUR = 1e6
# a plan has a stage per unit, and what it costs grows with their number
_PLANNED_UNITS = 48
# the operator's credit is not in question: it sells what its plants make
_NO_BOUND_uEUR = 10**15


class Arrangement(Enum):
    """Who says in advance what will be drawn."""

    RESERVATION = "every substation reserves what it expects, and settles what it misses"
    OPERATOR_FORECAST = "the operator prepares for its own forecast; metered heat pays a tariff"
    SPOT = "the operator prepares for its own forecast; metered heat pays its marginal cost"


class PricingKind(Enum):
    """How the reservation maker sets its prices."""

    CONSTANT = "one price, everywhere and always"
    INVENTORY = "one price that rises with what is sold"
    MARGINAL_COST = "what heat costs at each place and unit by the plan of the last gate"


@dataclass(frozen=True)
class MeterGaps:
    """Meters that are read late.

    Parameters
    ----------
    missing_share : float
        Of all readings, from 0 to below 1; which ones, the seed says.
    units_late : int
        A missing meter is read so many units later, at least one.

    Raises
    ------
    InputError
        Figures out of range.
    """

    missing_share: float = 0.0
    units_late: int = 24

    def __post_init__(self) -> None:
        if not (0.0 <= self.missing_share < 1.0 and self.units_late >= 1):
            raise InputError(
                Finding(
                    f"{self.missing_share:g} of the meters are missing, read {self.units_late} "
                    "units later",
                    "give a share from 0 to below 1, and at least one unit",
                    field="market.meters",
                )
            )


@dataclass(frozen=True)
class MarketSettings:
    """A market in a closed-loop run.

    Parameters
    ----------
    arrangement : Arrangement
    unit_s : float
        Length of a time unit, 300 to 3600 s; divides an hour.
    window : int
        Forward units that can be traded at once (κ).
    gate_s : float
        Units close so long before they begin; whole units.
    lot_J : float
        Whole Wh.
    tick_EUR_per_MWh : float
    pricing : Pricing
    mechanism : MechanismKind
    credit_EUR : float
        Of every participant.
    tariff_EUR_per_MWh : float
        Paid where nothing is reserved, and by marginal costs that nobody could certify.
    terms : Terms
        Of deviations from reservations.
    plan_horizon_s : float
        How far the plan behind prices and envelope looks; covers gate and window.
    plan_tolerance : float
        Scaled residual of that plan.
    policy : Policy
        Of every prosumer.
    policies : mapping of participant to Policy
        Exceptions.
    gaps : MeterGaps
    producers : tuple of str
        Plants whose owners promise heat at the exchange.
    buildings : tuple of Building
        Whose flats trade behind their substations.

    Raises
    ------
    InputError
        Gates between two units, a plan that ends before the window, or two buildings of one name
        or substation.
    """

    arrangement: Arrangement = Arrangement.RESERVATION
    unit_s: float = _HOUR_S
    window: int = 12
    gate_s: float = _HOUR_S
    lot_J: float = 100.0 * J_PER_Wh
    tick_EUR_per_MWh: float = 0.1
    pricing: Pricing = field(default_factory=lambda: MarginalCost(1.0, 0.25))
    mechanism: MechanismKind = MechanismKind.MAKER
    credit_EUR: float = 1000.0
    tariff_EUR_per_MWh: float = 60.0
    terms: Terms = field(default_factory=Terms)
    plan_horizon_s: float = 24 * _HOUR_S
    plan_tolerance: float = 1e-2
    policy: Policy = field(default_factory=ForecastFollowing)
    policies: Mapping[str, Policy] = field(default_factory=dict[str, Policy])
    gaps: MeterGaps = field(default_factory=MeterGaps)
    producers: tuple[str, ...] = ()
    buildings: tuple[Building, ...] = ()

    def __post_init__(self) -> None:
        findings = self._twice()
        if not 300.0 <= self.unit_s <= _HOUR_S or _HOUR_S % self.unit_s:
            findings.append(
                Finding(
                    f"units of {format_duration(self.unit_s)}",
                    "choose 5 to 60 minutes that divide an hour",
                    field="market.unit",
                )
            )
        elif self.unit_s != round(self.unit_s) or self.gate_s % self.unit_s:
            findings.append(
                Finding(
                    f"gates close {format_duration(self.gate_s)} ahead of units of "
                    f"{format_duration(self.unit_s)}",
                    "close them a whole number of units ahead",
                    field="market.gate",
                )
            )
        covered = self.gate_s + (self.window + 1) * self.unit_s
        if covered > self.plan_horizon_s:
            findings.append(
                Finding(
                    f"the window ends {format_duration(covered)} ahead and the plan "
                    f"{format_duration(self.plan_horizon_s)}",
                    "make the window shorter or plan_horizon longer",
                    field="market.window",
                )
            )
        if self.lot_J < J_PER_Wh or self.lot_J % J_PER_Wh:
            findings.append(
                Finding(
                    f"lots of {self.lot_J / J_PER_Wh:g} Wh", "give whole Wh", field="market.lot"
                )
            )
        if findings:
            raise InputError(*findings)

    @property
    def behind(self) -> frozenset[str]:
        """Substations whose flats trade."""
        return frozenset(building.participant for building in self.buildings)

    def _twice(self) -> list[Finding]:
        names = [building.name for building in self.buildings]
        places = [building.participant for building in self.buildings]
        found = [
            Finding(
                f"{count} buildings {word} {name}",
                remedy,
                field=f"market.buildings.{field_name}",
                component=name,
            )
            for group, word, field_name, remedy in (
                (names, "are called", "name", "give each a name of its own"),
                (places, "stand behind", "substation", "put all flats into one"),
            )
            for name in sorted(set(group))
            if (count := group.count(name)) > 1
        ]
        found += [
            Finding(
                f"{name} has a policy, and flats that trade by theirs",
                "give the flats policies, or leave the building out",
                field=f"market.policies.{name}",
            )
            for name in places
            if name in self.policies
        ]
        return found


def usual_plan_s(unit_s: float, gate_s: float, window: int) -> float:
    """How far a market's plan looks: a day, or 48 units where these are short, and the window.

    Parameters
    ----------
    unit_s, gate_s : float
    window : int

    Returns
    -------
    float
        Seconds.

    Examples
    --------
    >>> usual_plan_s(3600.0, 3600.0, 12) / 3600.0, usual_plan_s(300.0, 300.0, 12) / 3600.0
    (24.0, 4.0)
    """
    return max(min(24 * _HOUR_S, _PLANNED_UNITS * unit_s), gate_s + (window + 1) * unit_s)


def reserving(network: Network) -> tuple[str, ...]:
    """Substations that ask for heat: places and participants of a run's market."""
    return tuple(
        unit.name for unit in network.substations if unit.control is not SubstationControl.FLOW
    )


def market_of(settings: MarketSettings, network: Network, start_utc: datetime) -> Market:
    """Define the market of a run.

    Parameters
    ----------
    settings : MarketSettings
    network : Network
    start_utc : datetime
        Of the run. The market opens so much before that its first open unit is the run's first.

    Returns
    -------
    Market
    """
    lot_Wh = round(settings.lot_J / J_PER_Wh)
    ahead_s = lead_units(settings) * settings.unit_s
    rules = Rules(
        start_utc - timedelta(seconds=ahead_s),
        round(settings.unit_s),
        settings.window,
        round(settings.gate_s),
        lot_Wh,
        max(1, round(settings.tick_EUR_per_MWh * lot_Wh)),
        quality=quality_of(network),
    )
    names = (*reserving(network), *settings.producers)
    people = [Participant(name, round(settings.credit_EUR * _uEUR)) for name in names]
    if settings.mechanism is not MechanismKind.MAKER:
        names = (*names, OPERATOR)
        people.append(Participant(OPERATOR, _NO_BOUND_uEUR))
    return Market(rules, names, tuple(people), settings.mechanism, settings.pricing)


def quality_of(network: Network) -> Quality:
    """What is delivered as promised: the warmest contract of all substations."""
    promised = [unit.minimum_supply_temperature_K for unit in network.substations]
    return Quality(max(promised, default=Quality().delivery_temperature_min_K))


def lead_units(settings: MarketSettings) -> int:
    """Units between the market's opening and the start of the run."""
    return round(settings.gate_s / settings.unit_s) + 1


def closing_units(exchange: Reservex, now_s: float, lead: int) -> int:
    """Units whose gates close before anybody trades again: more than one before a run begins.

    Parameters
    ----------
    exchange : Reservex
        It trades now.
    now_s : float
        Of the run.
    lead : int
        Number of the market's unit that begins with the run.
    """
    rules = exchange.rules
    reached_s = now_s + lead * rules.unit_s
    return max(rules.first_open(reached_s) - rules.first_open(exchange.now_s), 1)


class PolicyKind(Enum):
    """How a prosumer trades."""

    FOLLOWING = "keeps its reservation at its newest forecast"
    HEDGING = "reserves what makes the risk of its deviation's cost least"
    SCALED = "reserves a share of its forecast: runs short below 1, over-reserves above"
    LAST_INSTANT = "trades only units that are about to close"
    RESALE = "reserves a multiple of its forecast early and gives it back: corners units"
    FLEXIBLE = "draws where heat is cheap and lets its rooms or its tank keep it"
    AT_CALL = "bids for its forecast of the unit that closes next, as much as heat is worth to it"


def policy_of(
    kind: PolicyKind,
    *,
    share: float = 1.0,
    risk_aversion: float = 0.5,
    marginal_EUR_per_MWh: float = 60.0,
    deadband_lots: int = 0,
    units: int = 1,
    worth_EUR_per_MWh: float = 3000.0,
    lot_Wh: int = Rules.lot_Wh,
    store: HeatStore | None = None,
) -> Policy:
    """Make a policy.

    Parameters
    ----------
    kind : PolicyKind
    share : float
        Of the forecast, where the kind is `SCALED`, `AT_CALL` or, from 1 up, `RESALE`.
    risk_aversion, marginal_EUR_per_MWh : float
        Of `HEDGING`.
    deadband_lots : int
        Smallest change that `FOLLOWING`, `HEDGING` and `FLEXIBLE` trade.
    units : int
        Next to close: those that `LAST_INSTANT` trades, or in which `RESALE` gives back.
    worth_EUR_per_MWh : float
        Most that `AT_CALL` bids.
    lot_Wh : int
        That it bids for.
    store : HeatStore or None
        Of `FLEXIBLE`.

    Returns
    -------
    Policy

    Raises
    ------
    InputError
        A figure that the policy cannot have.
    """
    match kind:
        case PolicyKind.FOLLOWING:
            return ForecastFollowing(deadband_lots)
        case PolicyKind.HEDGING:
            return Hedging(marginal_EUR_per_MWh, risk_aversion, deadband_lots)
        case PolicyKind.SCALED:
            return Scaled(share)
        case PolicyKind.LAST_INSTANT:
            return LastInstant(units)
        case PolicyKind.RESALE:
            return Resale(share, units)
        case PolicyKind.AT_CALL:
            return AtCall(round(worth_EUR_per_MWh * lot_Wh), share)
        case PolicyKind.FLEXIBLE:
            if store is None:
                raise InputError(
                    Finding("a flexible policy without a store", "say what keeps the heat")
                )
            return Flexible(store, deadband_lots)


def pricing_of(kind: PricingKind, price: float, skew: float, premium: float) -> Pricing:
    """Make a pricing function.

    Parameters
    ----------
    kind : PricingKind
    price, premium : float
        EUR/MWh.
    skew : float
        EUR/MWh per MWh.

    Returns
    -------
    Pricing
    """
    if kind is PricingKind.CONSTANT:
        return ConstantTariff(price)
    if kind is PricingKind.INVENTORY:
        return InventoryFeedback(price, skew)
    return MarginalCost(skew, premium)
