"""What one component adds to the model: unknowns, equations, flows at nodes, outputs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import casadi as ca

from rexdynnet.signals import Signal

# Enthalpy is counted from here, so stored heat and make-up have one datum.
DATUM_K = 273.15


@dataclass(frozen=True)
class Port:
    """A node as a component sees it.

    Parameters
    ----------
    node : str
    pressure : SX scalar
        Piezometric, above the island's holding point, Pa.
    temperature : SX scalar
        K.
    absolute_pressure : SX scalar
        Pa, with elevation.
    """

    node: str
    pressure: ca.SX
    temperature: ca.SX
    absolute_pressure: ca.SX


@dataclass(frozen=True)
class Draw:
    """Water that a component takes from a node.

    Parameters
    ----------
    node : str
    mass_flow : SX scalar
        kg/s out of the node; negative when the component gives water.
    temperature : SX scalar
        K, of the water given.
    """

    node: str
    mass_flow: ca.SX
    temperature: ca.SX


@dataclass(frozen=True)
class Unknowns:
    """A vector of unknowns with the equation that determines each.

    Parameters
    ----------
    signals : tuple of Signal, length n
    symbols : SX (n, 1)
    equations : SX (n, 1)
        States: time derivatives, unit per second. Algebraics: residuals, scaled
        so that 1 is a large error (bar, kg/s).
    """

    signals: tuple[Signal, ...]
    symbols: ca.SX
    equations: ca.SX


class Account(Enum):
    """The position of the energy balance that a heat is booked under."""

    PLANTS = "plants"
    DELIVERED = "delivered"
    DUMPED = "dumped"
    LOST = "lost"
    MAKEUP = "makeup"


@dataclass(frozen=True)
class Output:
    """A quantity to be looked at.

    Parameters
    ----------
    kind : str
        First part of the result variable `kind_quantity`.
    signal : Signal
    expression : SX scalar
    integrated : bool
        A heat or power: results hold its mean, from an exact quadrature.
    account : Account or None
        Where an integrated heat enters the energy balance.
    """

    kind: str
    signal: Signal
    expression: ca.SX
    integrated: bool = False
    account: Account | None = None

    @property
    def variable(self) -> str:
        """Name of the result variable."""
        return f"{self.kind}_{self.signal.quantity}"


@dataclass(frozen=True)
class Contribution:
    """Everything a component adds.

    Parameters
    ----------
    states, algebraics : tuple of Unknowns
    draws : tuple of Draw
        One per node and stream; the assembler balances mass and enthalpy at the nodes.
    outputs : tuple of Output
    stored_J : SX scalar
        Heat held by the states above 273.15 K.
    """

    states: tuple[Unknowns, ...] = ()
    algebraics: tuple[Unknowns, ...] = ()
    draws: tuple[Draw, ...] = ()
    outputs: tuple[Output, ...] = ()
    stored_J: ca.SX | float = 0.0
