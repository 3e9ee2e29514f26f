"""What defines one market: rules, nodes, participants and mechanism."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from hashlib import sha256

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.auction import ContinuousAuction
from rexdynnet.market.call import CallAuction
from rexdynnet.market.contracts import Participant, Rules
from rexdynnet.market.maker import ReservationMaker
from rexdynnet.market.mechanism import Mechanism
from rexdynnet.market.pricing import ConstantTariff, Pricing

DEFAULT_PRICING = ConstantTariff(60.0)


class MechanismKind(Enum):
    """How orders become trades."""

    MAKER = "reservation maker"
    CONTINUOUS = "continuous double auction"
    CALL = "call auction"


@dataclass(frozen=True)
class Market:
    """Everything about a market that never changes while it runs.

    Parameters
    ----------
    rules : Rules
    nodes : tuple of str
        Where contracts deliver; columns of the delivery envelope and of the price surface.
    participants : tuple of Participant
    mechanism : MechanismKind
    pricing : Pricing
        Of the reservation maker; auctions do without.
    areas : tuple of int
        For auctions: nodes of one number trade in one book; empty puts all into one.

    Raises
    ------
    InputError
        A name twice, no node, no participant, areas that do not match the nodes.
    """

    rules: Rules
    nodes: tuple[str, ...]
    participants: tuple[Participant, ...]
    mechanism: MechanismKind = MechanismKind.MAKER
    pricing: Pricing = DEFAULT_PRICING
    areas: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        names = [each.name for each in self.participants]
        findings: list[Finding] = []
        for kind, group in (("node", list(self.nodes)), ("participant", names)):
            if not group:
                findings.append(Finding(f"the market has no {kind}", "name at least one"))
            findings += [
                Finding(f"{kind} {name} stands twice", "name each once", component=name)
                for name in sorted({name for name in group if group.count(name) > 1})
            ]
        for each in self.participants:
            if each.credit_uEUR < 0 or each.collateral_uEUR < 0:
                findings.append(
                    Finding(
                        "credit or collateral is negative", "give 0 or more", component=each.name
                    )
                )
        if self.areas and len(self.areas) != len(self.nodes):
            findings.append(
                Finding(
                    f"{len(self.areas)} areas for {len(self.nodes)} nodes",
                    "give one number per node, or none",
                    field="areas",
                )
            )
        if findings:
            raise InputError(*findings)

    @property
    def identity(self) -> str:
        """SHA-256 that a journal carries; another market cannot continue it."""
        return sha256(repr(self).encode()).hexdigest()

    def make_mechanism(self) -> Mechanism:
        """Begin with empty books and no inventory."""
        areas = self.areas or (0,) * len(self.nodes)
        if self.mechanism is MechanismKind.MAKER:
            return ReservationMaker(self.rules.tick_uEUR)
        if self.mechanism is MechanismKind.CONTINUOUS:
            return ContinuousAuction(self.rules.tick_uEUR, areas)
        return CallAuction(self.rules.tick_uEUR, areas)
