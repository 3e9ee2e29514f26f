"""A building whose flats trade with each other first and with the area as one participant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.ledger import Account
from rexdynnet.market.policies import ForecastFollowing, Policy

_SHARES_OFF = 1e-6
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Flat:
    """A consumer behind a building's substation.

    Parameters
    ----------
    name : str
    share : float
        Of what the building needs while everybody is at home, above 0 up to 1.
    policy : Policy
    """

    name: str
    share: float
    policy: Policy = field(default_factory=ForecastFollowing)


@dataclass(frozen=True)
class Building:
    """Flats that are one participant at the area's exchange.

    Parameters
    ----------
    name : str
        Letters, digits, `_` and `-`: it names files.
    participant : str
        At the area's exchange; its node has the same name.
    flats : tuple of Flat

    Raises
    ------
    InputError
        Fewer than two flats, a name twice or of an account, shares that do not sum to 1.

    Examples
    --------
    >>> Building("tower", "substation_3", (Flat("left", 0.4), Flat("right", 0.6))).shares
    {'left': 0.4, 'right': 0.6}
    """

    name: str
    participant: str
    flats: tuple[Flat, ...]

    def __post_init__(self) -> None:
        names = [flat.name for flat in self.flats]
        taken = {account.name.lower() for account in Account} | {self.participant}
        found = [
            (f"flat {name} stands twice", "name each once", "flats.name")
            for name in sorted({name for name in names if names.count(name) > 1})
        ]
        found += [
            (f"a flat is called {name}, as an account is", "rename the flat", "flats.name")
            for name in sorted(taken.intersection(names))
        ]
        found += [
            (f"flat {flat.name} has the share {flat.share:g}", "give one above 0", "flats.share")
            for flat in self.flats
            if not flat.share > 0.0
        ]
        if not _NAME.fullmatch(self.name):
            found.append((f"a building is called {self.name!r}", "use a-z, 0-9, _ and -", "name"))
        whole = sum(flat.share for flat in self.flats)
        if len(names) < 2:
            found.append((f"{len(names)} flats", "give two or more, or no building", "flats"))
        elif not abs(whole - 1.0) <= _SHARES_OFF:
            found.append((f"shares sum to {whole:g}", "let them sum to 1", "flats.share"))
        if found:
            raise InputError(
                *(
                    Finding(what, remedy, field=f"market.buildings.{name}", component=self.name)
                    for what, remedy, name in found
                )
            )

    @property
    def shares(self) -> dict[str, float]:
        """Share of each flat."""
        return {flat.name: flat.share for flat in self.flats}


class Crossing(NamedTuple):
    """Wishes of flats for one unit, crossed.

    Parameters
    ----------
    inside : dict of str to int
        Lots that change hands between flats; they sum to zero.
    outside : dict of str to int
        Lots that are left for the area, all of one sign.
    """

    inside: dict[str, int]
    outside: dict[str, int]


def cross(wanted_lots: Mapping[str, int]) -> Crossing:
    """Let flats that buy meet flats that sell; the longer side shares in proportion.

    Parameters
    ----------
    wanted_lots : mapping of flat to int
        Positive buys.

    Examples
    --------
    >>> cross({"a": 6, "b": 3, "c": -6}).outside
    {'a': 2, 'b': 1, 'c': 0}
    """
    buys = {name: max(lots, 0) for name, lots in wanted_lots.items()}
    sells = {name: max(-lots, 0) for name, lots in wanted_lots.items()}
    met = min(sum(buys.values()), sum(sells.values()))
    bought, sold = share_out(met, buys), share_out(met, sells)
    inside = {name: bought[name] - sold[name] for name in wanted_lots}
    return Crossing(inside, {name: lots - inside[name] for name, lots in wanted_lots.items()})


def share_out(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Share a whole amount in proportion, by largest remainders; nothing is left.

    Parameters
    ----------
    amount : int
        May be negative.
    weights : mapping of name to int
        None negative; all zero share in equal parts.

    Returns
    -------
    dict of str to int
        Of equal remainders that of the name that sorts first is rounded up first, so that it
        does not matter in which order the names are given.

    Examples
    --------
    >>> share_out(-10, {"b": 1, "a": 1, "c": 1})
    {'b': -3, 'a': -4, 'c': -3}
    """
    whole = sum(weights.values())
    parts = weights if whole else dict.fromkeys(weights, 1)
    whole = whole or len(parts)
    if not whole:
        raise ValueError("nobody to share with")
    sign, size = (-1, -amount) if amount < 0 else (1, amount)
    found = {name: size * weight // whole for name, weight in parts.items()}
    left = size - sum(found.values())
    by_rest = sorted(parts, key=lambda name: (-(size * parts[name] % whole), name))
    for name in by_rest[:left]:
        found[name] += 1
    return {name: sign * share for name, share in found.items()}
