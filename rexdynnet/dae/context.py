"""What a component may use while it states its equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import casadi as ca
import numpy as np

from rexdynnet.dae.contribution import Draw, Output, Port, Unknowns
from rexdynnet.dae.options import DaeOptions
from rexdynnet.network.graph import Network
from rexdynnet.physics.water import conductivity, viscosity
from rexdynnet.signals import Signal


@dataclass(frozen=True)
class Context:
    """Symbols and data that are common to all components.

    Parameters
    ----------
    network : Network
    options : DaeOptions
    ports : mapping of str to Port
        By node.
    inputs : mapping of str to SX scalar
        Controls, disturbances and parameters by signal name.
    """

    network: Network
    options: DaeOptions
    ports: Mapping[str, Port]
    inputs: Mapping[str, ca.SX]
    # memo of symbols, so that a component may refer to another's before it is stated
    _symbols: dict[str, ca.SX] = field(default_factory=dict)

    @property
    def specific_heat(self) -> float:
        """J/(kg K)."""
        return self.network.fluid.specific_heat_J_per_kgK

    @property
    def density(self) -> float:
        """kg/m³."""
        return self.network.fluid.density_kg_per_m3

    def viscosity(self, temperature: ca.SX) -> ca.SX | float:
        """Viscosity of the network's water, Pa s."""
        given = self.network.fluid.viscosity_Pa_s
        return viscosity(temperature) if given is None else given

    def conductivity(self, temperature: ca.SX) -> ca.SX | float:
        """Heat conductivity of the network's water, W/(m K)."""
        given = self.network.fluid.conductivity_W_per_mK
        return conductivity(temperature) if given is None else given

    def symbols(self, component: str, quantity: str, size: int = 1) -> ca.SX:
        """Symbols of a component's unknown; the same ones whenever asked again."""
        name = f"{component}.{quantity}"
        if name not in self._symbols:
            self._symbols[name] = ca.SX.sym(name, size)
        found = self._symbols[name]
        if found.numel() != size:
            raise ValueError(f"{name} was declared with {found.numel()} elements, not {size}")
        return found

    def mass_flow(self, component: str, residual: ca.SX, nominal: float) -> Unknowns:
        """The mass flow of a branch as an algebraic, determined by `residual`."""
        flow = self.symbols(component, "mass_flow")
        return Unknowns((Signal(component, "mass_flow", "kg/s", nominal),), flow, residual)

    def temperatures(self, component: str, quantity: str, symbols: ca.SX, rates: ca.SX) -> Unknowns:
        """Temperatures as states; several are numbered from 0."""
        count = symbols.numel()
        names = [quantity] if count == 1 else [f"{quantity}_{i}" for i in range(count)]
        signals = tuple(Signal(component, name, "K", 100.0, 200.0, 600.0) for name in names)
        return Unknowns(signals, symbols, rates)


def through(
    port_in: Port, port_out: Port, flow: ca.SX, back: ca.SX, out: ca.SX
) -> tuple[Draw, Draw]:
    """Draws of a component that takes `flow` at one port and gives it at the other.

    Parameters
    ----------
    port_in, port_out : Port
    flow : SX scalar
        kg/s, positive from `port_in` to `port_out`.
    back : SX scalar
        K, of the water given to `port_in` when the flow is negative.
    out : SX scalar
        K, of the water given to `port_out` when the flow is positive.

    Returns
    -------
    tuple of two Draw
    """
    return Draw(port_in.node, flow, back), Draw(port_out.node, -flow, out)


def value(kind: str, component: str, quantity: str, unit: str, expression: ca.SX | float) -> Output:
    """An output that results show at their times."""
    return Output(kind, Signal(component, quantity, unit), ca.SX(expression))


def mean(
    kind: str, component: str, quantity: str, expression: ca.SX | float, **booked: object
) -> Output:
    """A heat or power, W, that results show as means; `account` books it."""
    signal = Signal(component, quantity, "W", 1e4)
    return Output(kind, signal, ca.SX(expression), integrated=True, **booked)  # type: ignore[arg-type]


def nominal_flow(density: float, diameter_m: float) -> float:
    """Mass flow at 1 m/s, for scaling."""
    return max(1e-2, density * float(np.pi) * diameter_m**2 / 4)
