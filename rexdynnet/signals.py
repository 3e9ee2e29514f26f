"""Named, unit-bearing, scaled signals: what the symbols of a model mean."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import inf


class Hold(Enum):
    """How a forcing column acts between its rows."""

    STEP = "holds its value until the next row"
    LINEAR = "interpolates linearly to the next row"


@dataclass(frozen=True)
class Signal:
    """One scalar quantity of one component.

    Parameters
    ----------
    component, quantity : str
        Their join `component.quantity` is the signal's name.
    unit : str
        SI unit of the value.
    nominal : float
        Typical magnitude in `unit`, used for scaling; positive.
    lower, upper : float
        Bounds in `unit` within which a value makes physical sense.
    hold : Hold
        How a forcing of this signal acts between rows.
    default : float or None
        Value in `unit` used when a forcing does not give one; None where it must be given.

    Examples
    --------
    >>> Signal("substation_7", "heat_demand", "W", 1e4).name
    'substation_7.heat_demand'
    """

    component: str
    quantity: str
    unit: str
    nominal: float = 1.0
    lower: float = -inf
    upper: float = inf
    hold: Hold = Hold.STEP
    default: float | None = None

    def __post_init__(self) -> None:
        if not self.nominal > 0:
            raise ValueError(f"nominal of {self.name} is {self.nominal}; give a positive magnitude")
        if self.lower > self.upper:
            raise ValueError(f"bounds of {self.name} are crossed: {self.lower} > {self.upper}")

    @property
    def name(self) -> str:
        """`component.quantity`."""
        return f"{self.component}.{self.quantity}"
