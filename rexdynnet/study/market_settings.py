"""What a run with a market needs: the contracts, how they are priced, and how they settle."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import J_PER_Wh, Participant, Rules
from rexdynnet.market.pricing import ConstantTariff, InventoryFeedback, MarginalCost, Pricing
from rexdynnet.market.settle import Terms
from rexdynnet.market.setup import Market, MechanismKind
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import SubstationControl
from rexdynnet.units import format_duration

_HOUR_S = 3600.0
_uEUR = 1e6


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

    Raises
    ------
    InputError
        Gates between two units, or a plan that ends before the window.
    """

    arrangement: Arrangement = Arrangement.RESERVATION
    unit_s: float = _HOUR_S
    window: int = 12
    gate_s: float = _HOUR_S
    lot_J: float = 100.0 * J_PER_Wh
    tick_EUR_per_MWh: float = 0.1
    pricing: Pricing = field(default_factory=MarginalCost)
    mechanism: MechanismKind = MechanismKind.MAKER
    credit_EUR: float = 1000.0
    tariff_EUR_per_MWh: float = 60.0
    terms: Terms = field(default_factory=Terms)
    plan_horizon_s: float = 24 * _HOUR_S
    plan_tolerance: float = 1e-2

    def __post_init__(self) -> None:
        findings: list[Finding] = []
        if self.unit_s != round(self.unit_s) or self.gate_s % self.unit_s:
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


def reserving(network: Network) -> tuple[str, ...]:
    """Substations that ask for heat: the places and the participants of a run's market."""
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
    )
    names = reserving(network)
    people = tuple(Participant(name, round(settings.credit_EUR * _uEUR)) for name in names)
    return Market(rules, names, people, settings.mechanism, settings.pricing)


def lead_units(settings: MarketSettings) -> int:
    """Units between the market's opening and the start of the run."""
    return round(settings.gate_s / settings.unit_s) + 1


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
