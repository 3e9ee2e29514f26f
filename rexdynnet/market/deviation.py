"""Where every Wh of a reservation went: realised, missed by its holder, or by the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rexdynnet.errors import Finding, InputError


class Bins(NamedTuple):
    """Energies of one participant, node and unit in Wh; none is negative.

    With what was reserved r, demanded q and delivered m (positive is taken from the network),

        m = r + short − long − withheld + refused

    Parameters
    ----------
    short_Wh : int
        Taken beyond the reservation, or fed in less than promised.
    long_Wh : int
        Reserved and not wanted, or fed in beyond the promise.
    withheld_Wh : int
        Reserved and wanted, and not delivered by the network.
    refused_Wh : int
        Promised and offered, and not taken by the network.
    """

    short_Wh: int
    long_Wh: int
    withheld_Wh: int
    refused_Wh: int


def bins(reserved_Wh: int, demanded_Wh: int, delivered_Wh: int) -> Bins:
    """Sort a deviation by who caused it.

    What the network fails to deliver beyond a reservation is nobody's charge: it was
    neither paid for nor promised.

    Examples
    --------
    >>> bins(8000, 10000, 9000)
    Bins(short_Wh=1000, long_Wh=0, withheld_Wh=0, refused_Wh=0)
    >>> bins(8000, 6000, 5000)
    Bins(short_Wh=0, long_Wh=2000, withheld_Wh=1000, refused_Wh=0)
    >>> bins(-5000, -8000, -4000)
    Bins(short_Wh=0, long_Wh=0, withheld_Wh=0, refused_Wh=1000)
    """
    r, q, m = reserved_Wh, demanded_Wh, delivered_Wh
    return Bins(
        max(0, min(q, m) - r), max(0, r - max(q, m)), max(0, min(q, r) - m), max(0, m - max(q, r))
    )


@dataclass(frozen=True)
class Cascade:
    """Penalty that grows in steps with a deviation.

    Parameters
    ----------
    beyond_permille : tuple of int
        x₁ < x₂ < …: deviation beyond so much of the reservation …
    factor_permille : tuple of int
        f₁ ≤ f₂ ≤ …: … pays so much of the price.

    Raises
    ------
    InputError
        Steps that do not rise, or lists of different lengths.

    Examples
    --------
    >>> cascade = Cascade((50, 200), (100, 500))
    >>> cascade.weighted_Wh(deviation_Wh=3000, reserved_Wh=10000)
    (650000, 1000)
    """

    beyond_permille: tuple[int, ...] = (50, 150, 300)
    factor_permille: tuple[int, ...] = (100, 300, 600)

    def __post_init__(self) -> None:
        beyond, factor = self.beyond_permille, self.factor_permille
        rising = sorted(set(beyond)) == list(beyond) and sorted(factor) == list(factor)
        if len(beyond) != len(factor) or not rising or min((*beyond, *factor), default=0) < 0:
            raise InputError(
                Finding(
                    f"penalty steps beyond {beyond} ‰ at factors {factor} ‰",
                    "give as many factors as steps, steps rising and factors not falling",
                )
            )

    def weighted_Wh(self, deviation_Wh: int, reserved_Wh: int) -> tuple[int, int]:
        """Wh that pay the full price, as a whole numerator and denominator."""
        total, last = 0, 0
        for beyond, factor in zip(self.beyond_permille, self.factor_permille, strict=True):
            over = 1000 * deviation_Wh - beyond * abs(reserved_Wh)
            total += (factor - last) * max(0, over)
            last = factor
        return total // 1000, 1000


class Reading(NamedTuple):
    """What meters said of one participant at one node in one unit.

    Parameters
    ----------
    participant, node : str
    demanded_Wh : int
        Positive withdraws, negative feeds in.
    delivered_Wh : int or None
        None where the meter is missing.
    delivery_K, return_K : float or None
        Mean temperatures where they are measured.
    """

    participant: str
    node: str
    demanded_Wh: int
    delivered_Wh: int | None
    delivery_K: float | None = None
    return_K: float | None = None


def substitute(
    readings: Sequence[Reading], reserved_Wh: Sequence[int]
) -> tuple[list[Reading], list[bool]]:
    """Stand in for missing meters until they are read.

    A missing participant is taken to have realised as much of its reservation as those that
    were metered and reserved in the same direction did together; all of it if there is none.

    Returns
    -------
    readings : list of Reading
        Without gaps.
    provisional : list of bool
        True where a value was substituted.

    Examples
    --------
    >>> found, guessed = substitute(
    ...     [Reading("a", "n", 900, 900), Reading("b", "n", 0, None)], [1000, 2000]
    ... )
    >>> found[1].delivered_Wh, guessed
    (1800, [False, True])
    """
    got, reserved = {1: 0, -1: 0}, {1: 0, -1: 0}
    for reading, r in zip(readings, reserved_Wh, strict=True):
        if reading.delivered_Wh is not None and r:
            sign = 1 if r > 0 else -1
            got[sign] += reading.delivered_Wh
            reserved[sign] += r
    found: list[Reading] = []
    for reading, r in zip(readings, reserved_Wh, strict=True):
        if reading.delivered_Wh is not None:
            found.append(reading)
            continue
        sign = 1 if r > 0 else -1
        guess = r * got[sign] // reserved[sign] if reserved[sign] else r
        found.append(reading._replace(demanded_Wh=guess, delivered_Wh=guess))
    return found, [reading.delivered_Wh is None for reading in readings]
