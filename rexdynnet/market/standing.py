"""Which statement stands for each settled unit, so that a correction counts once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.ledger import Cause
from rexdynnet.market.records import Posting


class StandingStatements:
    """Digests of the statements that were booked last, by unit.

    Examples
    --------
    >>> standing = StandingStatements()
    >>> standing.stand(3, [(Cause.IMBALANCE, 1, 2, 500)])
    >>> 3 in standing
    True
    >>> undone = standing.undo(3, [(Cause.IMBALANCE, 1, 2, 500)])
    >>> undone == [(Cause.CORRECTION, 2, 1, 500)]
    True
    """

    def __init__(self) -> None:
        self._digests: dict[int, bytes] = {}

    def __contains__(self, unit: int) -> bool:
        return unit in self._digests

    def refuse_if_settled(self, unit: int) -> None:
        """Raise InputError where a statement of the unit stands already."""
        if unit in self._digests:
            raise InputError(Finding(f"unit {unit} is settled already", "correct it instead"))

    def stand(self, unit: int, postings: Sequence[Posting]) -> None:
        """Remember what was booked for a unit."""
        self._digests[unit] = _digest(postings)

    def undo(self, unit: int, before: Sequence[Posting]) -> list[Posting]:
        """Return the transfers that take a unit's statement back.

        Parameters
        ----------
        unit : int
        before : sequence of Posting

        Returns
        -------
        list of Posting

        Raises
        ------
        InputError
            `before` does not stand: it was never booked, or it has been undone.
        """
        if self._digests.get(unit) != _digest(before):
            raise InputError(
                Finding(
                    f"the statement to undo is not the one that stands for unit {unit}",
                    "give as `before` the statement that was booked last, once",
                )
            )
        return [(int(Cause.CORRECTION), k, d, amount) for _, d, k, amount in before]


def _digest(postings: Sequence[Posting]) -> bytes:
    """What tells one statement from another."""
    return sha256(json.dumps([list(map(int, each)) for each in postings]).encode()).digest()
