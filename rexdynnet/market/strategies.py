"""Strategic policies: ways to profit from the rules, written down to test the rules.

None of them uses private information: they see what `ForecastFollowing` sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.policies import Inelastic, Memory, View, Wish, towards


@dataclass(frozen=True)
class Scaled(Inelastic):
    """Run short on purpose (a share below 1) or reserve too much (above 1).

    Parameters
    ----------
    share : float
        Of the forecast, from 0 up.

    Raises
    ------
    InputError
        A share that is negative or no number.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share < np.inf:
            raise InputError(
                Finding(f"a share of {self.share}", "give a number from 0 up", field="share")
            )

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Go to so much of the forecast."""
        return towards(view, self.share * view.mean_Wh), memory


@dataclass(frozen=True)
class LastInstant(Inelastic):
    """Trade nothing until a unit is about to close, then all at once.

    Parameters
    ----------
    units : int
        How many of the open units next to close are traded, at least one and all that close now.

    Raises
    ------
    InputError
        Fewer than one unit.
    """

    units: int = 1

    def __post_init__(self) -> None:
        if self.units < 1:
            raise InputError(Finding(f"{self.units} units", "give 1 or more", field="units"))

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Go to the forecast in the first open units only."""
        wishes = towards(view, view.mean_Wh)
        near = max(self.units, view.closing)
        return [wish for wish in wishes if wish.unit < view.first + near], memory


@dataclass(frozen=True)
class Resale(Inelastic):
    """Buy a multiple of the forecast early, give the excess back before the gate closes.

    Parameters
    ----------
    multiple : float
        Of the forecast while a unit is far, at least 1.
    back : int
        In how many units next to close only the forecast is held, at least one.

    Raises
    ------
    InputError
        A multiple below 1 or fewer than one unit.

    Notes
    -----
    A large multiple corners a unit: nobody else finds depth until the excess comes back.
    """

    multiple: float
    back: int = 2

    def __post_init__(self) -> None:
        if not (1 <= self.multiple < np.inf and self.back >= 1):
            raise InputError(
                Finding(
                    f"{self.multiple} times the forecast, given back {self.back} units before",
                    "give a multiple from 1 up and at least one unit",
                )
            )

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Go to the multiple in far units and to the forecast in near ones."""
        near = np.arange(len(view.mean_Wh)) < max(self.back, view.closing)
        return towards(view, np.where(near, 1.0, self.multiple) * view.mean_Wh), memory
