"""Settlement of a unit: imbalance, penalties, compensation, discard, losses, quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Flow
from rexdynnet.market.deviation import Bins, Cascade, Reading, bins, substitute
from rexdynnet.market.holdings import Opened
from rexdynnet.market.ledger import Account, Cause, split
from rexdynnet.market.records import Posting, is_whole
from rexdynnet.market.reservex import Reservex

PLAIN_CASCADE = Cascade()
TRUE_UP_UNIT = -1


@dataclass(frozen=True)
class Terms:
    """How deviations are charged.

    Parameters
    ----------
    cascade : Cascade
    compensation_permille : int
        Of the price, paid for heat withheld, beside the money back.
    discard_uEUR : int
        Per lot that had to be dumped.

    Raises
    ------
    InputError
        A figure that is negative or no whole number.
    """

    cascade: Cascade = PLAIN_CASCADE
    compensation_permille: int = 500
    discard_uEUR: int = 1000

    def __post_init__(self) -> None:
        for name in ("compensation_permille", "discard_uEUR"):
            value = getattr(self, name)
            if not is_whole(value) or value < 0:
                raise InputError(
                    Finding(f"{name} is {value}", "give a whole number from 0 up", field=name)
                )


class UnitCosts(NamedTuple):
    """What a unit cost the operator.

    Parameters
    ----------
    supply_uEUR : int
        Heat from the operator's plants and stores, balancing left out.
    balancing_uEUR : int
        What those asked who balanced the deviations.
    losses_Wh, discarded_Wh : int
    losses_uEUR : int
        Price of lost heat per lot: the marginal cost at the plant.
    """

    supply_uEUR: int = 0
    balancing_uEUR: int = 0
    losses_Wh: int = 0
    discarded_Wh: int = 0
    losses_uEUR: int = 0


class Line(NamedTuple):
    """One participant's bill for a unit at a node.

    Amounts are µEUR and positive where the participant pays.
    """

    participant: str
    node: str
    reserved_Wh: int
    demanded_Wh: int
    delivered_Wh: int
    bins: Bins
    imbalance_uEUR: int
    penalty_uEUR: int
    money_back_uEUR: int
    compensation_uEUR: int
    quality_uEUR: int
    provisional: bool


@dataclass(frozen=True)
class Statement:
    """A settled unit: lines for people, postings for the ledger.

    Parameters
    ----------
    unit : int
    lines : tuple of Line
    postings : tuple of Posting
    """

    unit: int
    lines: tuple[Line, ...]
    postings: tuple[Posting, ...]

    @property
    def provisional(self) -> bool:
        """Whether a meter was missing."""
        return any(line.provisional for line in self.lines)


def settle(
    exchange: Reservex,
    unit: int,
    readings: Sequence[Reading],
    marginal_uEUR: Mapping[str, int],
    costs: UnitCosts,
    terms: Terms,
) -> Statement:
    """Work out what a realised unit costs everybody; books nothing.

    Parameters
    ----------
    exchange : Reservex
    unit : int
        It has ended.
    readings : sequence of Reading
        One per participant and node that reserved or realised something.
    marginal_uEUR : mapping
        What one more lot at each node really cost.
    costs : UnitCosts
    terms : Terms

    Raises
    ------
    InputError
        A unit that has not ended, a participant with a reservation and no reading, a reading twice.
    """
    _check(exchange, unit, readings)
    reserved = [_reserved_Wh(exchange, unit, each) for each in readings]
    whole, guessed = substitute(readings, reserved)
    lines = [
        _line(exchange, unit, reading, r, guess, marginal_uEUR[reading.node], terms)
        for reading, r, guess in zip(whole, reserved, guessed, strict=True)
    ]
    return Statement(unit, tuple(lines), tuple(_postings(exchange, lines, costs, terms)))


def book(exchange: Reservex, statement: Statement, before: Statement | None = None) -> None:
    """Post a statement; one that was posted before on substituted meters is undone first.

    Raises
    ------
    InputError
        A unit that was settled already and no statement to undo, or one to undo that does not
        stand: it was never posted, or it was undone before.
    """
    settled = exchange.is_settled(statement.unit)
    if settled is (before is None):
        raise InputError(
            Finding(
                f"unit {statement.unit} {'was settled already' if settled else 'is not settled'}",
                "give the statement that stands as `before`, and none the first time",
            )
        )
    if before is None:
        exchange.post(statement.unit, statement.postings, final=True)
        return
    exchange.correct(statement.unit, before.postings, statement.postings)


def true_up(exchange: Reservex, used_Wh: Mapping[str, int], surplus_uEUR: int | None = None) -> int:
    """Share the maker's surplus or deficit among participants by the energy they used.

    Parameters
    ----------
    exchange : Reservex
    used_Wh : mapping of participant to int
    surplus_uEUR : int, optional
        Else all that the maker's account holds; less where units are not settled yet.

    Returns
    -------
    int
        What was shared, µEUR.
    """
    surplus = exchange.ledger.balance[Account.MAKER] if surplus_uEUR is None else surplus_uEUR
    names = list(used_Wh)
    shares, left = split(abs(surplus), [abs(used_Wh[name]) for name in names])
    sign = 1 if surplus > 0 else -1
    postings = [
        (int(Cause.TRUE_UP), int(Account.MAKER), exchange.ledger.account(name), sign * share)
        for name, share in zip(names, shares, strict=True)
        if share
    ]
    postings.append((int(Cause.REMAINDER), int(Account.MAKER), int(Account.REMAINDER), sign * left))
    exchange.post(TRUE_UP_UNIT, postings)
    return surplus


def _line(
    exchange: Reservex,
    unit: int,
    reading: Reading,
    reserved_Wh: int,
    provisional: bool,
    marginal_uEUR: int,
    terms: Terms,
) -> Line:
    delivered = reading.delivered_Wh or 0
    lot_Wh, quality = exchange.rules.lot_Wh, exchange.rules.quality
    opened = _opened(exchange, unit, reading, reserved_Wh)
    found = bins(reserved_Wh, reading.demanded_Wh, delivered)
    marginal = Opened(1, marginal_uEUR)
    dear = max(opened or marginal, marginal, key=lambda p: p.amount_uEUR / p.lots)
    own = opened or marginal

    def at(price: Opened, energy_Wh: int) -> int:
        # rounded up; negate the energy to round down
        return -(-price.amount_uEUR * energy_Wh // (price.lots * lot_Wh))

    short = max(at(own, found.short_Wh), at(marginal, found.short_Wh))
    credit = min(-at(own, -found.long_Wh), -at(marginal, -found.long_Wh))
    deviation = found.short_Wh + found.long_Wh
    weighted, whole = terms.cascade.weighted_Wh(deviation, reserved_Wh)
    back = -at(own, -found.withheld_Wh)
    extra = max(0, -at(dear, -found.withheld_Wh)) * terms.compensation_permille // 1000
    good = max(0, min(reserved_Wh, delivered))
    off = 0
    if reading.delivery_K is not None:
        off -= max(0, at(own, good)) * quality.discount_permille(reading.delivery_K) // 1000
    if reading.return_K is not None:
        off += max(0, at(own, good)) * quality.surcharge_permille(reading.return_K) // 1000
    return Line(
        reading.participant,
        reading.node,
        reserved_Wh,
        reading.demanded_Wh,
        delivered,
        found,
        short - credit,
        max(0, -(-at(dear, weighted) // whole)),
        back,
        extra,
        off,
        provisional,
    )


def _postings(
    exchange: Reservex, lines: Sequence[Line], costs: UnitCosts, terms: Terms
) -> list[Posting]:
    maker, pool, lot_Wh = int(Account.MAKER), int(Account.POOL), exchange.rules.lot_Wh
    supply, network = int(Account.SUPPLY), int(Account.NETWORK)
    who = [exchange.ledger.account(line.participant) for line in lines]
    found: list[Posting] = [(int(Cause.SUPPLY), maker, supply, costs.supply_uEUR)]
    losses = -(-costs.losses_Wh * costs.losses_uEUR // lot_Wh)
    found.append((int(Cause.LOSSES), network, maker, losses))
    for account, line in zip(who, lines, strict=True):
        found.append((int(Cause.IMBALANCE), account, maker, line.imbalance_uEUR))
        found.append((int(Cause.PENALTY), account, pool, line.penalty_uEUR))
        found.append((int(Cause.COMPENSATION), maker, account, line.money_back_uEUR))
        found.append((int(Cause.QUALITY), account, maker, line.quality_uEUR))
    dumped = -(-costs.discarded_Wh * terms.discard_uEUR // lot_Wh)
    surplus = [line.bins.long_Wh for line in lines]
    shares, _ = split(dumped, surplus)
    found += [
        (int(Cause.DISCARD), account, maker, share)
        for account, share in zip(who, shares, strict=True)
    ]
    # the pool pays those who balanced, then compensation; the maker adds what it lacks
    left = sum(line.penalty_uEUR for line in lines)
    for cause, account, claim in (
        (Cause.SUPPLY, supply, costs.balancing_uEUR),
        *(
            (Cause.COMPENSATION, a, line.compensation_uEUR)
            for a, line in zip(who, lines, strict=True)
        ),
    ):
        paid = min(left, claim)
        left -= paid
        found.append((int(cause), pool, account, paid))
        found.append((int(cause), maker, account, claim - paid))
    shares, rest = split(left, [abs(line.delivered_Wh) for line in lines])
    found += [
        (int(Cause.SHARE), pool, account, share) for account, share in zip(who, shares, strict=True)
    ]
    found.append((int(Cause.REMAINDER), pool, int(Account.REMAINDER), rest))
    return [each for each in found if each[3]]


def _reserved_Wh(exchange: Reservex, unit: int, reading: Reading) -> int:
    held = exchange.position(reading.participant, reading.node, unit)
    return (held[Flow.EJECTION] - held[Flow.INJECTION]) * exchange.rules.lot_Wh


def _opened(exchange: Reservex, unit: int, reading: Reading, reserved_Wh: int) -> Opened | None:
    """Average of what the reservation was opened at; None without one."""
    flow = Flow.EJECTION if reserved_Wh > 0 else Flow.INJECTION
    found = exchange.opened_at(reading.participant, reading.node, unit, flow)
    return found if reserved_Wh and found.lots else None


def _check(exchange: Reservex, unit: int, readings: Sequence[Reading]) -> None:
    findings: list[Finding] = []
    if (unit + 1) * exchange.rules.unit_s > exchange.now_s:
        findings.append(Finding(f"unit {unit} has not ended", "advance the exchange past it"))
    seen: set[tuple[str, str]] = set()
    people = {each.name for each in exchange.market.participants}
    for each in readings:
        place = (each.participant, each.node)
        for kind, name, known in (
            ("participant", each.participant, people),
            ("node", each.node, exchange.market.nodes),
        ):
            if name not in known:
                findings.append(
                    Finding(
                        f"a reading names {name!r}, which is no {kind} of this market",
                        f"name one of its {len(known)} {kind}s",
                        component=str(name),
                    )
                )
        energies = [e for e in (each.demanded_Wh, each.delivered_Wh) if e is not None]
        if not all(map(is_whole, energies)):
            findings.append(
                Finding(
                    f"{each.participant} at {each.node} was read as {energies} Wh",
                    "round readings to whole Wh",
                    component=each.participant,
                )
            )
        if place in seen:
            findings.append(
                Finding(
                    f"{each.participant} at {each.node} was read twice",
                    "give one reading per participant and node",
                    component=each.participant,
                )
            )
        seen.add(place)
    for participant, node in exchange.holders(unit):
        if (participant, node) not in seen:
            findings.append(
                Finding(
                    f"{participant} reserved at {node} in unit {unit} and has no reading",
                    "add one; delivered_Wh None where the meter is missing",
                    component=participant,
                )
            )
    if findings:
        raise InputError(*findings)
