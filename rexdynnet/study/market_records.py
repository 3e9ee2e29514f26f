"""Section `[market]` of a scenario file, with every defect named."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import J_PER_Wh
from rexdynnet.market.deviation import Cascade
from rexdynnet.market.flexible import room_store
from rexdynnet.market.policies import AtCall, Policy
from rexdynnet.market.settle import Terms
from rexdynnet.market.setup import MechanismKind
from rexdynnet.network.entries import Entry, nearest, section
from rexdynnet.network.fields import NotNegative, Positive, Record
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.study.building_records import read_buildings
from rexdynnet.study.market_settings import (
    Arrangement,
    MarketSettings,
    MeterGaps,
    PolicyKind,
    PricingKind,
    policy_of,
    pricing_of,
    usual_plan_s,
)
from rexdynnet.study.records import DurationField

_Choice = TypeVar("_Choice", bound=Enum)
_PERMILLE = 1000.0
_NESTED = frozenset({"settlement", "meters", "policy", "policies", "buildings"})


def _choice(kind: type[_Choice]) -> BeforeValidator:
    names = {member.name.lower(): member for member in kind}

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lower() not in names:
            raise ValueError(f"{value!r} is unknown|{nearest(value, list(names))}")
        return names[value.lower()]

    return BeforeValidator(read)


class MarketRecord(Record):
    """Section `[market]`."""

    arrangement: Annotated[Arrangement, _choice(Arrangement)] = Arrangement.RESERVATION
    unit: DurationField = 3600.0
    window: Annotated[int, Field(ge=1)] = 12
    gate: DurationField = 3600.0
    lot_J: Positive = 360_000.0
    tick_EUR_per_MWh: Positive = 0.1
    mechanism: Annotated[MechanismKind, _choice(MechanismKind)] = MechanismKind.MAKER
    pricing: Annotated[PricingKind, _choice(PricingKind)] = PricingKind.MARGINAL_COST
    price_EUR_per_MWh: NotNegative = 60.0
    skew_EUR_per_MWh2: NotNegative = 1.0
    premium_EUR_per_MWh: NotNegative = 0.25
    credit_EUR: NotNegative = 1000.0
    plan_horizon: DurationField | None = None
    plan_tolerance: Positive = 1e-2
    producers: tuple[str, ...] = ()


class SettlementRecord(Record):
    """Section `[market.settlement]`."""

    beyond_share: tuple[NotNegative, ...] = (0.05, 0.15, 0.3)
    factor: tuple[NotNegative, ...] = (0.1, 0.3, 0.6)
    compensation_share: NotNegative = 0.5
    discard_EUR_per_MWh: NotNegative = 10.0


class PolicyRecord(Record):
    """Section `[market.policy]`, and each `[market.policies.NAME]`."""

    kind: Annotated[PolicyKind, _choice(PolicyKind)] = PolicyKind.FOLLOWING
    share: NotNegative = 1.0
    risk_aversion: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.5
    marginal_EUR_per_MWh: float = 60.0
    deadband_lots: Annotated[int, Field(ge=0)] = 0
    units: Annotated[int, Field(ge=1)] = 1
    worth_EUR_per_MWh: NotNegative = 3000.0
    capacity_J_per_K: Positive = 3.6e7
    loss_W_per_K: NotNegative = 150.0
    band_K: Positive = 1.0
    most_W: Positive = 20e3


class MetersRecord(Record):
    """Section `[market.meters]`."""

    missing_share: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    units_late: Annotated[int, Field(ge=1)] = 24


def market_settings(document: Entry, findings: list[Finding]) -> MarketSettings | None:
    """Read `[market]`; None where the file has none or something is wrong.

    Parameters
    ----------
    document : Entry
        The whole scenario file.
    findings : list of Finding
        Gets everything that is wrong.

    Returns
    -------
    MarketSettings or None
    """
    if "market" not in document.values:
        return None
    before = len(findings)
    whole = section(document, "market", findings)
    own = {key: value for key, value in whole.values.items() if key not in _NESTED}
    record = _record(MarketRecord, replace(whole, values=own), findings)
    terms = _record(SettlementRecord, section(document, "market.settlement", findings), findings)
    meters = _record(MetersRecord, section(document, "market.meters", findings), findings)
    defaults = MarketRecord() if record is None else record
    policy = _policy(section(document, "market.policy", findings), defaults, document, findings)
    policies: dict[str, Policy] = {}
    for name in section(document, "market.policies", findings).values:
        entry = section(document, f"market.policies.{name}", findings)
        found = _policy(entry, defaults, document, findings)
        if found is not None:
            policies[name] = found
    usual = policy

    def of_flat(entry: Entry) -> Policy | None:
        return _policy(entry, defaults, document, findings) if entry.values else usual

    buildings = read_buildings(document, of_flat, findings)
    if "schedule" in document.values:
        findings.append(
            document.finding(
                "[market] and [schedule] both say what is committed", "keep one", "market"
            )
        )
    if record is not None and record.mechanism is MechanismKind.CALL:
        findings += _beside_call(whole, record, [policy, *policies.values()], bool(buildings))
    if record is None or terms is None or meters is None or policy is None:
        return None
    if len(findings) > before:
        return None
    pricing = pricing_of(
        record.pricing,
        record.price_EUR_per_MWh,
        record.skew_EUR_per_MWh2,
        record.premium_EUR_per_MWh,
    )
    try:
        settled = _terms(terms, record.lot_J)
        return MarketSettings(
            record.arrangement,
            record.unit,
            record.window,
            record.gate,
            record.lot_J,
            record.tick_EUR_per_MWh,
            pricing,
            record.mechanism,
            record.credit_EUR,
            record.price_EUR_per_MWh,
            settled,
            record.plan_horizon or usual_plan_s(record.unit, record.gate, record.window),
            record.plan_tolerance,
            policy,
            policies,
            MeterGaps(meters.missing_share, meters.units_late),
            record.producers,
            buildings,
        )
    except InputError as error:
        findings += [replace(finding, file=document.file) for finding in error.findings]
        return None


def _beside_call(
    whole: Entry, record: MarketRecord, policies: list[Policy | None], buildings: bool
) -> list[Finding]:
    """What cannot trade in a call, which takes limit orders and quotes nothing before it clears."""
    found: list[Finding] = []
    if not all(policy is None or isinstance(policy, AtCall) for policy in policies):
        found.append(
            whole.finding(
                "a call auction clears limit orders, and a policy trades at what is quoted",
                'give policies of kind = "at_call", or leave them out',
                "policy",
            )
        )
    for kind, there in (("producers", bool(record.producers)), ("buildings", buildings)):
        if there:
            found.append(
                whole.finding(
                    f"{kind} trade at quotes, and a call auction has none before it clears",
                    'use mechanism = "continuous" or "maker"',
                    kind,
                )
            )
    return found


def _policy(
    entry: Entry, market: MarketRecord, document: Entry, findings: list[Finding]
) -> Policy | None:
    if market.mechanism is MechanismKind.CALL and "kind" not in entry.values:
        entry = replace(entry, values={**entry.values, "kind": PolicyKind.AT_CALL.name.lower()})
    record = _record(PolicyRecord, entry, findings)
    if record is None:
        return None
    try:
        return policy_of(
            record.kind,
            share=record.share,
            risk_aversion=record.risk_aversion,
            marginal_EUR_per_MWh=record.marginal_EUR_per_MWh,
            deadband_lots=record.deadband_lots,
            units=record.units,
            worth_EUR_per_MWh=record.worth_EUR_per_MWh,
            lot_Wh=round(market.lot_J / J_PER_Wh),
            store=room_store(
                record.capacity_J_per_K,
                record.loss_W_per_K,
                market.unit,
                record.band_K,
                record.most_W,
            ),
        )
    except InputError as error:
        findings += [replace(finding, file=document.file) for finding in error.findings]
        return None


def _terms(record: SettlementRecord, lot_J: float) -> Terms:
    cascade = Cascade(
        tuple(round(_PERMILLE * share) for share in record.beyond_share),
        tuple(round(_PERMILLE * factor) for factor in record.factor),
    )
    # 1 EUR/MWh is 1 uEUR/Wh
    discard = round(record.discard_EUR_per_MWh * lot_J / 3600.0)
    return Terms(cascade, round(_PERMILLE * record.compensation_share), discard)


_Kind = TypeVar("_Kind", bound=Record)


def _record(kind: type[_Kind], entry: Entry, findings: list[Finding]) -> _Kind | None:
    before = len(findings)
    record = parse(kind, to_si(kind, entry, findings), findings)
    return record if len(findings) == before else None
