"""Who holds what: positions, what they were opened at, and credit that is held back."""

from __future__ import annotations

from typing import NamedTuple

from rexdynnet.market.contracts import Flow, Rules
from rexdynnet.market.setup import Market


class Opened(NamedTuple):
    """What a position was opened at, closings left out.

    Parameters
    ----------
    lots : int
    amount_uEUR : int
        Paid for an ejection, received for an injection.
    """

    lots: int
    amount_uEUR: int


class Holdings:
    """Positions per participant, node, unit and flow, and credit per participant.

    Positions are counted in lots and never negative: a participant holds reservations to
    withdraw and promises to feed in.

    Parameters
    ----------
    market : Market
    """

    def __init__(self, market: Market) -> None:
        self.rules: Rules = market.rules
        self.margin_uEUR = market.rules.margin_uEUR
        self.nodes = len(market.nodes)
        self.people = len(market.participants)
        self.line: list[int] = [p.credit_uEUR + p.collateral_uEUR for p in market.participants]
        self.held: list[int] = [0] * self.people
        self.lots: dict[int, int] = {}
        self.opened: dict[int, tuple[int, int]] = {}
        self.closing: dict[int, int] = {}
        """Lots of orders in the book that would give a position back."""
        self.sold: dict[int, int] = {}
        """Net lots sold per unit and node: ejections less injections."""

    def key(self, unit: int, node: int, owner: int, flow: int) -> int:
        """Where a position is kept."""
        return ((unit * self.nodes + node) * self.people + owner) * 2 + flow

    def trade(
        self, key: int, owner: int, flow: int, sign: int, cell: int, lots: int, amount_uEUR: int
    ) -> None:
        """Book lots that one side of a trade got or gave; `cell` is unit · nodes + node."""
        sold = self.sold
        sold[cell] = sold.get(cell, 0) + sign * lots
        if (sign > 0) is (flow == 0):
            self.lots[key] = self.lots.get(key, 0) + lots
            before = self.opened.get(key)
            if before is None:
                self.opened[key] = (lots, amount_uEUR)
            else:
                self.opened[key] = (before[0] + lots, before[1] + amount_uEUR)
            if flow:
                self.held[owner] += self.margin_uEUR * lots
        else:
            self.lots[key] -= lots
            if flow:
                self.held[owner] -= self.margin_uEUR * lots

    def position(self, unit: int, node: int, owner: int, flow: int) -> int:
        """Lots held."""
        return self.lots.get(self.key(unit, node, owner, flow), 0)

    def opened_at(self, unit: int, node: int, owner: int, flow: int) -> Opened:
        """Lots ever opened and what they cost or brought."""
        return Opened(*self.opened.get(self.key(unit, node, owner, flow), (0, 0)))

    def release(self, unit: int) -> None:
        """Free the credit that promises of a settled unit had held."""
        margin = self.margin_uEUR
        for node in range(self.nodes):
            for owner in range(self.people):
                lots = self.position(unit, node, owner, Flow.INJECTION)
                self.held[owner] -= margin * lots
