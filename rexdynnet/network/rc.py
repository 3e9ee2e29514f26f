"""`RCNetwork`: the thermal network of a building as data, with what is known of each number.

A zone is a node for its air and, where the network has masses, a node for its
walls and furniture behind it. Node i of capacity C_i obeys

    C_i dT_i/dt = Σ_j G_ij (T_j − T_i) + G_i,out (T_out − T_i)
                  + heat_i + Σ_s a_i,s·g_s(t)·radiation + gain_i + unmeasured_i + C_i σ_i dw_i/dt.

The sectors g_s divide the day among the apertures: hat functions of the local hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Array = NDArray[np.float64]

# relaxation time of unmeasured heats: an evening's use of a flat
UNMEASURED_s = 6 * 3600.0


class Quantity(Enum):
    """What a parameter of a thermal network is: (name in files, unit in names, in words)."""

    CAPACITY = ("capacity", "J_per_K", "heat capacity of the air node")
    MASS_CAPACITY = ("mass_capacity", "J_per_K", "heat capacity of the mass")
    MASS_CONDUCTANCE = ("mass_conductance", "W_per_K", "conductance from air to mass")
    COUPLING = ("coupling", "W_per_K", "conductance between zones")
    OUTDOOR = ("outdoor", "W_per_K", "conductance to the outside")
    MASS_OUTDOOR = ("mass_outdoor", "W_per_K", "conductance from mass to the outside")
    APERTURE = ("aperture", "m2", "solar aperture")
    MASS_APERTURE = ("mass_aperture", "m2", "solar aperture of the mass")
    GAIN = ("gain", "W", "constant gain")
    PROCESS = ("process_noise", "K_per_sqrt_s", "process noise")
    MASS_PROCESS = ("mass_process_noise", "K_per_sqrt_s", "process noise of the mass")
    COMMON = ("common_heat", "W", "share in the common unmeasured heat")
    UNMETERED = ("unmetered_heat", "W", "size of the zone's unmetered heat")
    SENSOR = ("sensor_deviation", "K", "standard deviation of the thermometer")

    @property
    def label(self) -> str:
        """Name in files."""
        return self.value[0]

    @property
    def unit(self) -> str:
        """Suffix of field names."""
        return self.value[1]

    @property
    def words(self) -> str:
        """For people."""
        return self.value[2]


class Verdict(Enum):
    """What the data say of a parameter; the text says what to try."""

    IDENTIFIED = "identified"
    WEAK = "weak: only the order of magnitude is known; more days or more excitation narrow it"
    NOT_IDENTIFIABLE = "not identifiable from these data: heat one zone alone, or fix the value"
    FIXED = "given, not estimated"


class RowLabel(Enum):
    """Which interval the heat and weather of a meter row belong to."""

    START = "from the row's time to the next row's"
    END = "from the row before to the row's time"


@dataclass(frozen=True)
class Estimate:
    """A number with its interval at 90 % and a verdict.

    Parameters
    ----------
    value, lower, upper : float
        SI.
    verdict : Verdict
    reason : str
        Why, where the verdict is not `IDENTIFIED`, and what would settle it.
    """

    value: float
    lower: float
    upper: float
    verdict: Verdict = Verdict.FIXED
    reason: str = ""


@dataclass(frozen=True)
class Parameter:
    """Which number of which zone.

    Parameters
    ----------
    quantity : Quantity
    zone : str
    other : str
        The other zone of a coupling, else empty.
    sector : int
        Of an aperture, else 0.

    Examples
    --------
    >>> print(Parameter(Quantity.COUPLING, "flat_1", "flat_2"))
    flat_1-flat_2.coupling
    """

    quantity: Quantity
    zone: str
    other: str = ""
    sector: int = 0

    def __str__(self) -> str:
        place = f"{self.zone}-{self.other}" if self.other else self.zone
        tail = f"_{self.sector}" if self.quantity in _SUNS else ""
        return f"{place}.{self.quantity.label}{tail}"


_SUNS = (Quantity.APERTURE, Quantity.MASS_APERTURE)


@dataclass(frozen=True)
class Coupling:
    """Two zones that may conduct heat to one another.

    Parameters
    ----------
    zone, other : str
    conductance : Estimate
        W/K.
    probability : float
        That it exists: the share of the halves of the record in which selection keeps it,
        or, without halves, what one fit says.
    selected : bool
        It is part of the network; the others keep their interval for the record.
    """

    zone: str
    other: str
    conductance: Estimate
    probability: float
    selected: bool


@dataclass(frozen=True)
class StateSpace:
    """dx = (A·x + B·u) dt + noise of intensity Q; thermometers read the first states.

    Parameters
    ----------
    A : (n, n)
    B : (n, 1 + zones + sectors + 1)
        Inputs: outdoor temperature (K), heats (W), radiation by sector (W/m²), 1.
    Q : (n,)
        K²/s (1/s of a disturbance).
    variance : (zones,)
        K².
    """

    A: Array
    B: Array
    Q: Array
    variance: Array


@dataclass(frozen=True)
class RCNetwork:
    """The thermal network of a building.

    Parameters
    ----------
    zones : tuple of str
    mass : bool
        Each zone has a mass node.
    sectors_h : tuple of float
        Local hours at which the solar sectors peak.
    estimates : mapping of Parameter to Estimate
        Of everything but the couplings.
    couplings : tuple of Coupling
    unmetered : tuple of str
        Zones without a heat meter.
    rows : RowLabel
        Of the meter file that it came from.
    resolution_J : mapping of str to float
        Of coarse heat meters, by zone.
    provenance : str

    Raises
    ------
    InputError
        A parameter is missing or belongs to no zone.
    """

    zones: tuple[str, ...]
    mass: bool
    sectors_h: tuple[float, ...]
    estimates: Mapping[Parameter, Estimate]
    couplings: tuple[Coupling, ...]
    unmetered: tuple[str, ...] = ()
    rows: RowLabel = RowLabel.START
    resolution_J: Mapping[str, float] | None = None
    provenance: str = ""

    def __post_init__(self) -> None:
        findings = [
            Finding(f"{wanted} is missing", "give its value", component=wanted.zone)
            for wanted in parameters_of(self.zones, self.mass, len(self.sectors_h), self.unmetered)
            if wanted not in self.estimates
        ]
        named = {zone for pair in self.couplings for zone in (pair.zone, pair.other)}
        findings += [
            Finding(f"there is no zone {zone}", f"name one of {', '.join(self.zones)}")
            for zone in sorted(named - set(self.zones))
        ]
        if findings:
            raise InputError(*findings)

    @cached_property
    def common(self) -> bool:
        """Zones share an unmeasured heat."""
        return any(one.quantity is Quantity.COMMON for one in self.estimates)

    def value(self, quantity: Quantity, zone: str, sector: int = 0) -> float:
        """Value of a zone's parameter, SI."""
        return self.estimates[Parameter(quantity, zone, sector=sector)].value

    def state_space(self) -> StateSpace:
        """Matrices of the whole network, in NumPy.

        Returns
        -------
        StateSpace
            States: air of each zone, mass of each zone, common heat, unmetered heats.
        """
        count = len(self.zones)
        base = count * (2 if self.mass else 1)
        n = base + self.common + len(self.unmetered)
        G, drive = np.zeros((n, n)), np.zeros((n, 3 + count + len(self.sectors_h) - 1))
        capacity, noise, variance = np.ones(n), np.zeros(n), np.zeros(count)

        def couple(a: int, b: int, conductance: float) -> None:
            for here, there in ((a, b), (b, a)):
                G[here, here] -= conductance
                G[here, there] += conductance

        for parameter, estimate in self.estimates.items():
            at = self.zones.index(parameter.zone)
            bulk, number = count + at, estimate.value
            match parameter.quantity:
                case Quantity.CAPACITY:
                    capacity[at] = number
                    drive[at, 1 + at] = 1.0
                case Quantity.MASS_CAPACITY:
                    capacity[bulk] = number
                case Quantity.MASS_CONDUCTANCE:
                    couple(at, bulk, number)
                case Quantity.OUTDOOR | Quantity.MASS_OUTDOOR:
                    row = at if parameter.quantity is Quantity.OUTDOOR else bulk
                    G[row, row] -= number
                    drive[row, 0] += number
                case Quantity.APERTURE | Quantity.MASS_APERTURE:
                    row = at if parameter.quantity is Quantity.APERTURE else bulk
                    drive[row, 1 + count + parameter.sector] += number
                case Quantity.GAIN:
                    drive[at, -1] += number
                case Quantity.PROCESS:
                    noise[at] = number**2
                case Quantity.MASS_PROCESS:
                    noise[bulk] = number**2
                case Quantity.SENSOR:
                    variance[at] = number**2
                case Quantity.COMMON:
                    G[at, base] += number
                case Quantity.UNMETERED:
                    own = base + self.common + self.unmetered.index(parameter.zone)
                    G[at, own] += number
                case Quantity.COUPLING:
                    raise InputError(Finding(f"{parameter} is no estimate", "list it as coupling"))
        for pair in self.couplings:
            if pair.selected:
                a, b = self.zones.index(pair.zone), self.zones.index(pair.other)
                couple(a, b, pair.conductance.value)
        A, B = G / capacity[:, None], drive / capacity[:, None]
        for own in range(base, n):
            A[own, own] = -1.0 / UNMEASURED_s
            noise[own] = 2.0 / UNMEASURED_s
        return StateSpace(A, B, noise, variance)


def parameters_of(
    zones: tuple[str, ...],
    mass: bool,
    sectors: int,
    unmetered: tuple[str, ...],
    common: bool = False,
) -> tuple[Parameter, ...]:
    """Every parameter of a network but its couplings, in a fixed order.

    Parameters
    ----------
    zones, unmetered : tuple of str
    mass, common : bool
    sectors : int

    Returns
    -------
    tuple of Parameter
    """
    air = [Quantity.CAPACITY, Quantity.OUTDOOR, Quantity.GAIN, Quantity.PROCESS, Quantity.SENSOR]
    bulk = [
        Quantity.MASS_CAPACITY,
        Quantity.MASS_CONDUCTANCE,
        Quantity.MASS_OUTDOOR,
        Quantity.MASS_PROCESS,
    ]
    kinds = [*air, *(bulk if mass else []), *([Quantity.COMMON] if common else [])]
    suns = _SUNS if mass else _SUNS[:1]
    found = [Parameter(kind, zone) for kind in kinds for zone in zones]
    found += [
        Parameter(kind, zone, sector=sector)
        for kind in suns
        for sector in range(sectors)
        for zone in zones
    ]
    found += [Parameter(Quantity.UNMETERED, zone) for zone in unmetered]
    return tuple(found)
