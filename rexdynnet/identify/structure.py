"""What is to be found of a thermal network, and its matrices as CasADi functions of it.

The equations are those of `rexdynnet.network.rc`. The optimiser moves θ:
logarithms of what must be positive, and couplings and gains themselves, in
units of 10 W/K and 100 W; a coupling may become exactly 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import exp, log

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.rc import Parameter, Quantity, RCNetwork, UNMEASURED_s, parameters_of

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """What is known of a quantity before the data speak.

    Parameters
    ----------
    centre : float
        SI; the median where `unit` is None.
    spread : float
        Standard deviation; of the logarithm where `unit` is None.
    lower, upper : float
        Hard bounds, SI.
    unit : float or None
        θ counts in units of this; None: θ is the logarithm.
    """

    centre: float
    spread: float
    lower: float
    upper: float
    unit: float | None = None

    def to_theta(self, value: float) -> float:
        """θ of a value."""
        return log(value) if self.unit is None else value / self.unit

    def to_value(self, theta: float) -> float:
        """Value of θ."""
        return exp(theta) if self.unit is None else theta * self.unit


BELIEFS: Mapping[Quantity, Belief] = {
    Quantity.CAPACITY: Belief(1.0e6, 1.5, 1e5, 1e9),
    Quantity.MASS_CAPACITY: Belief(8.0e6, 1.5, 1e5, 1e10),
    Quantity.MASS_CONDUCTANCE: Belief(100.0, 1.5, 0.1, 1e4),
    Quantity.COUPLING: Belief(0.0, 50.0, 0.0, 2e3, unit=10.0),
    Quantity.OUTDOOR: Belief(8.0, 1.5, 1e-4, 2e3),
    Quantity.MASS_OUTDOOR: Belief(4.0, 1.5, 1e-4, 2e3),
    Quantity.APERTURE: Belief(0.3, 2.0, 1e-4, 50.0),
    Quantity.MASS_APERTURE: Belief(0.3, 2.0, 1e-4, 50.0),
    Quantity.GAIN: Belief(0.0, 100.0, -5e3, 5e3, unit=100.0),
    Quantity.PROCESS: Belief(2e-3, 1.5, 1e-5, 0.1),
    Quantity.MASS_PROCESS: Belief(5e-4, 1.5, 1e-5, 0.1),
    Quantity.SENSOR: Belief(0.05, 1.0, 5e-3, 5.0),
    Quantity.COMMON: Belief(30.0, 1.5, 1e-2, 1e4),
    Quantity.UNMETERED: Belief(300.0, 1.0, 1.0, 2e4),
}


@dataclass(frozen=True)
class Structure:
    """Which nodes, couplings and disturbances a model has.

    Parameters
    ----------
    zones : tuple of str
    edges : tuple of (str, str)
        Pairs of zones that may conduct to one another.
    mass : bool
        Each zone has a mass node beside its air node.
    sectors_h : tuple of float
        Local hours at which the solar sectors peak; one sector: all day.
    common : bool
        Zones share an unmeasured heat.
    unmetered : tuple of str
        Zones without a heat meter.
    """

    zones: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]
    mass: bool = True
    sectors_h: tuple[float, ...] = (12.0,)
    common: bool = False
    unmetered: tuple[str, ...] = ()

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """All parameters, in the order of θ; couplings last."""
        own = parameters_of(self.zones, self.mass, len(self.sectors_h), self.unmetered, self.common)
        return own + tuple(Parameter(Quantity.COUPLING, *pair) for pair in self.edges)

    @property
    def nodes(self) -> int:
        """Number of states."""
        base = len(self.zones) * (2 if self.mass else 1)
        return base + self.common + len(self.unmetered)

    @property
    def inputs(self) -> int:
        """Number of inputs: outdoor temperature, heats, radiation by sector, 1."""
        return 2 + len(self.zones) + len(self.sectors_h)


@dataclass(frozen=True)
class Prior:
    """What is known of θ before the data speak.

    Parameters
    ----------
    centre, spread, lower, upper : (p,)
    """

    centre: Array
    spread: Array
    lower: Array
    upper: Array

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """Negative log density, up to a constant, and its derivative."""
        off = (theta - self.centre) / self.spread
        return 0.5 * float(off @ off), off / self.spread


def prior_of(structure: Structure, beliefs: Mapping[Parameter, Belief] | None = None) -> Prior:
    """Collect the prior of a structure.

    Parameters
    ----------
    structure : Structure
    beliefs : mapping of Parameter to Belief or None
        What the user knows better than `BELIEFS`, of single parameters.

    Returns
    -------
    Prior
    """
    rows: list[tuple[float, float, float, float]] = []
    for parameter in structure.parameters:
        usual = BELIEFS[parameter.quantity]
        one = (beliefs or {}).get(parameter, usual)
        wide = parameter.quantity is Quantity.GAIN and parameter.zone in structure.unmetered
        spread = one.spread * (10.0 if wide else 1.0)
        rows.append(
            (
                usual.to_theta(one.centre),
                spread / (usual.unit or 1.0),
                usual.to_theta(one.lower),
                usual.to_theta(one.upper),
            )
        )
    table = np.array(rows)
    return Prior(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def physical(structure: Structure, theta: Array) -> Array:
    """Values in SI units of θ."""
    pairs = zip(structure.parameters, theta, strict=True)
    return np.array([BELIEFS[one.quantity].to_value(float(number)) for one, number in pairs])


def theta_of(structure: Structure, prior: Prior, network: RCNetwork) -> Array:
    """θ of a finished network, within the bounds of the prior.

    Parameters
    ----------
    structure : Structure
        What the network lacks begins at the prior's centre, a coupling at 0.
    prior : Prior
    network : RCNetwork

    Returns
    -------
    (p,)
    """
    found = prior.centre.copy()
    known = {one: number.value for one, number in network.estimates.items()}
    for pair in network.couplings:
        if pair.selected:
            for ends in ((pair.zone, pair.other), (pair.other, pair.zone)):
                known[Parameter(Quantity.COUPLING, *ends)] = pair.conductance.value
    for row, one in enumerate(structure.parameters):
        if one in known:
            found[row] = BELIEFS[one.quantity].to_theta(known[one])
    return np.clip(found, prior.lower, prior.upper)


@dataclass(frozen=True)
class Matrices:
    """The continuous model as numbers.

    Parameters
    ----------
    A : (n, n)
    B : (n, inputs)
    Q : (n, n)
        Diagonal.
    variance : (m,)
        Of the thermometers.
    """

    A: Array
    B: Array
    Q: Array
    variance: Array


@dataclass(frozen=True)
class Model:
    """The matrices as functions of θ, with their reverse derivatives from CasADi."""

    structure: Structure
    _forward: ca.Function
    _reverse: ca.Function

    def at(self, theta: Array) -> Matrices:
        """Matrices at θ."""
        A, B, q, r = self._forward(theta)
        return Matrices(np.array(A), np.array(B), np.diag(np.array(q).ravel()), np.array(r).ravel())

    def pull(self, theta: Array, A: Array, B: Array, q: Array, r: Array) -> Array:
        """Derivative with respect to θ, given those with respect to the matrices."""
        return np.array(self._reverse(theta, A, B, q, r)).ravel()


def build_model(structure: Structure) -> Model:
    """State the equations of a structure in CasADi.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    Model
    """
    theta = ca.SX.sym("theta", len(structure.parameters))  # pyright: ignore
    parts = _equations(structure, theta)
    forward = ca.Function("matrices", [theta], list(parts))
    seeds = [ca.SX.sym(f"bar_{i}", *part.shape) for i, part in enumerate(parts)]  # pyright: ignore
    total = ca.SX(0.0)  # pyright: ignore
    for part, seed in zip(parts, seeds, strict=True):
        total += ca.dot(part, seed)
    reverse = ca.Function("pull", [theta, *seeds], [ca.densify(ca.gradient(total, theta))])
    return Model(structure, forward, reverse)


def _equations(structure: Structure, theta: ca.SX) -> tuple[ca.SX, ca.SX, ca.SX, ca.SX]:
    count, n = len(structure.zones), structure.nodes
    base = count * (2 if structure.mass else 1)
    heat = ca.SX.zeros(n, n)  # pyright: ignore
    drive = ca.SX.zeros(n, structure.inputs)  # pyright: ignore
    noise = ca.SX.zeros(n)  # pyright: ignore
    capacity = ca.SX.ones(n)  # pyright: ignore
    variance = ca.SX.zeros(count)  # pyright: ignore

    def couple(a: int, b: int, conductance: ca.SX) -> None:
        for here, there in ((a, b), (b, a)):
            heat[here, here] -= conductance
            heat[here, there] += conductance

    for row, parameter in enumerate(structure.parameters):
        unit = BELIEFS[parameter.quantity].unit
        number = ca.exp(theta[row]) if unit is None else theta[row] * unit
        at = structure.zones.index(parameter.zone)
        bulk = count + at
        match parameter.quantity:
            case Quantity.CAPACITY:
                capacity[at] = number
                drive[at, 1 + at] = 1.0
            case Quantity.MASS_CAPACITY:
                capacity[bulk] = number
            case Quantity.MASS_CONDUCTANCE:
                couple(at, bulk, number)
            case Quantity.COUPLING:
                couple(at, structure.zones.index(parameter.other), number)
            case Quantity.OUTDOOR | Quantity.MASS_OUTDOOR:
                place = at if parameter.quantity is Quantity.OUTDOOR else bulk
                heat[place, place] -= number
                drive[place, 0] += number
            case Quantity.APERTURE | Quantity.MASS_APERTURE:
                place = at if parameter.quantity is Quantity.APERTURE else bulk
                drive[place, 1 + count + parameter.sector] += number
            case Quantity.GAIN:
                drive[at, structure.inputs - 1] += number
            case Quantity.PROCESS:
                noise[at] = number**2
            case Quantity.MASS_PROCESS:
                noise[bulk] = number**2
            case Quantity.SENSOR:
                variance[at] = number**2
            case Quantity.COMMON:
                heat[at, base] += number
            case Quantity.UNMETERED:
                heat[at, base + structure.common + structure.unmetered.index(parameter.zone)] += (
                    number
                )
    A = ca.densify(ca.diag(1.0 / capacity) @ heat)
    B = ca.densify(ca.diag(1.0 / capacity) @ drive)
    for own in range(base, n):
        # unit Ornstein-Uhlenbeck processes: the shares carry their size in W
        A[own, own] = -1.0 / UNMEASURED_s
        noise[own] = 2.0 / UNMEASURED_s
    return A, B, noise, variance
