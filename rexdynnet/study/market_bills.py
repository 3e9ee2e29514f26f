"""Bills of a run's market: units settled by their meters, missing meters read later, true-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rexdynnet.market.contracts import J_PER_Wh
from rexdynnet.market.deviation import Reading
from rexdynnet.market.ledger import Account
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import (
    TRUE_UP_UNIT,
    Line,
    Statement,
    Terms,
    UnitCosts,
    book,
    settle,
    true_up,
)
from rexdynnet.seeds import Purpose, stream
from rexdynnet.study.auction_operator import OPERATOR, hand_over
from rexdynnet.study.market_settings import MeterGaps
from rexdynnet.study.run_meters import Tally

_uEUR = 1e6


@dataclass(frozen=True)
class Owed:
    """A unit that was settled on substituted meters.

    Parameters
    ----------
    statement : Statement
        As it stands.
    readings : tuple of Reading
        Whole: what will be read.
    marginal_uEUR : mapping of str to int
    costs : UnitCosts
    terms : Terms
    due_unit : int
        Of the run, at whose end the missing meters are read.
    """

    statement: Statement
    readings: tuple[Reading, ...]
    marginal_uEUR: Mapping[str, int]
    costs: UnitCosts
    terms: Terms
    due_unit: int


@dataclass
class Bills:
    """Everything billed so far.

    Parameters
    ----------
    gaps : MeterGaps
    seed : int
    statements : list of Statement
        Per unit of the run, the one that stands.
    owed : list of Owed
    resettled : int
        Units that were undone and posted again.
    surplus_uEUR : int or None
        What the maker's account held of the settled units before it was shared out.
    """

    gaps: MeterGaps
    seed: int
    statements: list[Statement] = field(default_factory=list[Statement])
    owed: list[Owed] = field(default_factory=list[Owed])
    resettled: int = 0
    surplus_uEUR: int | None = None

    def settle(
        self,
        exchange: Reservex,
        unit: int,
        lead: int,
        readings: Sequence[Reading],
        marginal_uEUR: Mapping[str, int],
        costs: UnitCosts,
        terms: Terms,
    ) -> None:
        """Bill a unit of the run by the meters that were read, and book it.

        Parameters
        ----------
        exchange : Reservex
        unit : int
            Of the run.
        lead : int
            Number of the market's unit that begins with the run.
        readings : sequence of Reading
            Whole; some of them are read only later.
        marginal_uEUR : mapping of place to int
            Per lot.
        costs : UnitCosts
        terms : Terms
        """
        seen = [
            replace_delivered(reading) if self._silent(reading.participant, unit) else reading
            for reading in readings
        ]
        statement = settle(exchange, unit + lead, seen, marginal_uEUR, costs, terms)
        book(exchange, statement)
        self.statements.append(statement)
        if statement.provisional:
            due = unit + self.gaps.units_late
            whole = tuple(readings)
            self.owed.append(Owed(statement, whole, dict(marginal_uEUR), costs, terms, due))

    def read_late(self, exchange: Reservex, unit: int | None) -> None:
        """Resettle what has been read since; all of it where no unit is given."""
        left: list[Owed] = []
        for owed in self.owed:
            if unit is not None and owed.due_unit > unit:
                left.append(owed)
                continue
            number = owed.statement.unit
            whole = settle(
                exchange, number, owed.readings, owed.marginal_uEUR, owed.costs, owed.terms
            )
            book(exchange, whole, before=owed.statement)
            at = next(i for i, each in enumerate(self.statements) if each.unit == number)
            self.statements[at] = whole
            self.resettled += 1
        self.owed = left

    def close(self, exchange: Reservex) -> None:
        """Read what is still missing and share out the maker's surplus of the settled units."""
        self.read_late(exchange, None)
        earned = self.settled_uEUR(exchange).get(OPERATOR)
        if earned is not None:
            hand_over(exchange, TRUE_UP_UNIT, earned)
        self.surplus_uEUR = self.settled_uEUR(exchange)[Account.MAKER.name.lower()]
        used: dict[str, int] = {}
        for statement in self.statements:
            for line in statement.lines:
                # heat is paid by those who take it: producers share no surplus
                taken = max(line.delivered_Wh, 0)
                used[line.participant] = used.get(line.participant, 0) + taken
        if any(used.values()):
            true_up(exchange, used, self.surplus_uEUR)

    @property
    def settled_units(self) -> frozenset[int]:
        """Units of entries that are settled, the true-up's among them."""
        return frozenset((TRUE_UP_UNIT, *(statement.unit for statement in self.statements)))

    def settled_uEUR(self, exchange: Reservex) -> dict[str, int]:
        """What every account gained by settled units and true-up; later units are left out."""
        settled = self.settled_units
        found = dict.fromkeys(exchange.ledger.names, 0)
        for entry in exchange.ledger.entries():
            if entry.unit in settled:
                found[entry.debit] -= entry.amount_uEUR
                found[entry.credit] += entry.amount_uEUR
        return found

    def lines(self) -> list[Line]:
        """All lines of the statements that stand."""
        return [line for statement in self.statements for line in statement.lines]

    def _silent(self, name: str, unit: int) -> bool:
        if self.gaps.missing_share == 0.0 or name == OPERATOR:
            return False
        draw = stream(self.seed, Purpose.METER_GAP, name, unit).uniform()
        return bool(draw < self.gaps.missing_share)


def replace_delivered(reading: Reading) -> Reading:
    """A reading whose meter was not read; what was demanded is not known either."""
    return reading._replace(demanded_Wh=0, delivered_Wh=None, delivery_K=None, return_K=None)


def readings_of(
    names: Sequence[str], rows: Mapping[str, int], tally: Tally, unit: int
) -> list[Reading]:
    """What the meters of a unit say.

    Parameters
    ----------
    names : sequence of str
        Participants, which are also the places.
    rows : mapping of participant to int
        Columns of the tally.
    tally : Tally
    unit : int
        Of the run.

    Returns
    -------
    list of Reading
        Temperatures are means over the water drawn; none where none was.
    """
    found: list[Reading] = []
    for name in names:
        row = rows[name]
        flow = float(tally.flow_kg[unit, row])
        warm = flow > 0.0
        found.append(
            Reading(
                name,
                name,
                round(float(tally.demanded_J[unit, row]) / J_PER_Wh),
                round(float(tally.delivered_J[unit, row]) / J_PER_Wh),
                float(tally.supply_kgK[unit, row]) / flow if warm else None,
                float(tally.return_kgK[unit, row]) / flow if warm else None,
            )
        )
    return found


def EUR(amounts_uEUR: Mapping[str, int]) -> dict[str, float]:
    """Amounts in EUR."""
    return {name: amount / _uEUR for name, amount in amounts_uEUR.items()}


def mean_uEUR(marginal_uEUR: Mapping[str, int]) -> int:
    """Mean marginal cost over the places, per lot."""
    return round(float(np.mean(list(marginal_uEUR.values()))))
