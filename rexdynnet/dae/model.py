"""The symbolic model of a network: named signals, equations as functions, a readable repr."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.assemble import Equations, assemble, input_signals
from rexdynnet.dae.components import contribute
from rexdynnet.dae.newton import SparseSystem, sparse_system
from rexdynnet.dae.options import DaeOptions
from rexdynnet.network.graph import Network
from rexdynnet.signals import Signal

_SHOWN = 3
_NAMES = ["t", "x", "z", "u", "d", "p"]


@dataclass(frozen=True, repr=False, eq=False)
class Dae:
    """Index-1 differential-algebraic model: xdot = ode, 0 = alg, y = out, of (t, x, z, u, d, p).

    Made by `build_dae`; immutable. The equations are stated when first asked for,
    so a network that is only simulated by plug flow costs nothing here. Pickled by
    its network, options and extra components, and stated anew in a worker.

    Parameters
    ----------
    network : Network
    options : DaeOptions
    extras : tuple
        Components of kinds that are not in `rexdynnet.network.spec`.
    """

    network: Network
    options: DaeOptions
    extras: tuple[Any, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        return (build_dae, (self.network, self.options, self.extras))

    @cached_property
    def equations(self) -> Equations:
        """Symbols and expressions."""
        return assemble(self.network, self.options, self.extras)

    @cached_property
    def _inputs(self) -> tuple[tuple[Signal, ...], ...]:
        return input_signals(self.network, self.extras)

    @property
    def x(self) -> tuple[Signal, ...]:
        """States: temperatures of water cells, walls, nodes, layers and rooms."""
        return self.equations.x_signals

    @property
    def z(self) -> tuple[Signal, ...]:
        """Algebraics: mass flows of branches, pressures of nodes."""
        return self.equations.z_signals

    @property
    def u(self) -> tuple[Signal, ...]:
        """Controls."""
        return self._inputs[0]

    @property
    def d(self) -> tuple[Signal, ...]:
        """Disturbances."""
        return self._inputs[1]

    @property
    def p(self) -> tuple[Signal, ...]:
        """Run-time parameters."""
        return self._inputs[2]

    @property
    def y(self) -> tuple[Signal, ...]:
        """Outputs."""
        return tuple(output.signal for output in self.equations.outputs)

    @property
    def x_names(self) -> tuple[str, ...]:
        """Names of the states."""
        return tuple(signal.name for signal in self.x)

    @property
    def z_names(self) -> tuple[str, ...]:
        """Names of the algebraics."""
        return tuple(signal.name for signal in self.z)

    @property
    def y_names(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(signal.name for signal in self.y)

    @cached_property
    def ode(self) -> ca.Function:
        """Rates of the states, K/s."""
        e = self.equations
        return ca.Function("ode", e.arguments, [e.ode], _NAMES, ["xdot"])

    @cached_property
    def alg(self) -> ca.Function:
        """Residuals of the algebraics: pressures in bar, flows in kg/s."""
        e = self.equations
        return ca.Function("alg", e.arguments, [e.alg], _NAMES, ["residual"])

    @cached_property
    def out(self) -> ca.Function:
        """Outputs in the order of `y`."""
        e = self.equations
        stacked = ca.vertcat(*[output.expression for output in e.outputs])
        return ca.Function("out", e.arguments, [stacked], _NAMES, ["y"])

    @cached_property
    def stored_heat(self) -> ca.Function:
        """Heat held by the states above 273.15 K, J."""
        e = self.equations
        return ca.Function("stored_heat", e.arguments, [e.stored_J], _NAMES, ["stored_J"])

    @cached_property
    def imbalance(self) -> ca.Function:
        """What the flows at each node leave over, kg/s."""
        e = self.equations
        return ca.Function("imbalance", e.arguments, [e.imbalance], _NAMES, ["kg_per_s"])

    @cached_property
    def z_nominal(self) -> NDArray[np.float64]:
        """Magnitudes of the algebraics, by which solvers scale them."""
        return np.array([signal.nominal for signal in self.z])

    @cached_property
    def algebraic_system(self) -> SparseSystem:
        """Residuals of the scaled algebraics, arguments (t, x, u, d, p)."""
        e, scaled = self.equations, ca.SX.sym("z", len(self.z))
        residual = ca.substitute(e.alg, e.z, scaled * ca.DM(self.z_nominal))
        return sparse_system("alg", scaled, residual, [e.t, e.x, e.u, e.d, e.p])

    @cached_property
    def implicit_system(self) -> SparseSystem:
        """Implicit Euler step for x and the scaled z.

        Arguments (t, u, d, p, old x, free, 1/step); where `free` is 0 a state stays as it was.
        """
        e, scaled = self.equations, ca.SX.sym("z", len(self.z))
        old, rate = ca.SX.sym("old", len(self.x)), ca.SX.sym("rate")
        free = ca.SX.sym("free", len(self.x))
        change = (e.x - old) * (rate + 1.0 - free) - free * e.ode
        residual = ca.vertcat(change, e.alg)
        residual = ca.substitute(residual, e.z, scaled * ca.DM(self.z_nominal))
        unknowns = ca.vertcat(e.x, scaled)
        return sparse_system("steady", unknowns, residual, [e.t, e.u, e.d, e.p, old, free, rate])

    @cached_property
    def derivatives(self) -> ca.Function:
        """Dense Jacobians of ode, alg and out, each with respect to x, z, u and d."""
        e = self.equations
        y = ca.vertcat(*[output.expression for output in e.outputs])
        blocks = [
            ca.densify(ca.jacobian(rows, columns))
            for rows in (e.ode, e.alg, y)
            for columns in (e.x, e.z, e.u, e.d)
        ]
        return ca.Function("derivatives", e.arguments, blocks)

    def symbol(self, name: str) -> ca.SX:
        """Symbol of a state, algebraic, control, disturbance or parameter.

        Parameters
        ----------
        name : str
            `component.quantity`.

        Returns
        -------
        SX scalar

        Raises
        ------
        KeyError
            If no symbol has that name.
        """
        e = self.equations
        for signals, column in (
            (self.x, e.x),
            (self.z, e.z),
            (self.u, e.u),
            (self.d, e.d),
            (self.p, e.p),
        ):
            for row, signal in enumerate(signals):
                if signal.name == name:
                    return column[row]
        raise KeyError(f"{name} is no symbol of {self.network.name}; see x_names, z_names, u, d, p")

    def __repr__(self) -> str:
        e = self.equations
        scheme = self.options.scheme.name.lower()
        lines = [
            f"Dae of {self.network.name}: {len(self.x)} states, {len(self.z)} algebraics, "
            f"{len(self.u)} controls, {len(self.d)} disturbances, {len(self.p)} parameters, "
            f"{len(e.outputs)} outputs",
            f"  {scheme} scheme, cells of {self.options.cell_length_m:g} m",
        ]
        lines += [
            f"  d/dt {signal.name} = {_short(e.ode[row])}"
            for row, signal in list(enumerate(self.x))[-_SHOWN:]
        ]
        lines += [
            f"  0 = {_short(e.alg[row])}   ({signal.name})"
            for row, signal in list(enumerate(self.z))[-_SHOWN:]
        ]
        return "\n".join(lines)


def build_dae(
    network: Network, options: DaeOptions | None = None, extras: tuple[Any, ...] = ()
) -> Dae:
    """Make the symbolic model of a network.

    Parameters
    ----------
    network : Network
    options : DaeOptions, optional
    extras : tuple, optional
        Components of kinds that are registered with `rexdynnet.dae.components.contribute`
        and have their ends registered with `terminals`.

    Returns
    -------
    Dae

    Raises
    ------
    TypeError
        If an extra component's kind has no registered equations.

    Examples
    --------
    >>> from rexdynnet.network.graph import Network
    >>> dae = build_dae(Network("empty", (), (), (), (), ()))
    >>> len(dae.d), len(dae.x)
    (3, 0)
    """
    for extra in extras:
        if contribute.dispatch(type(extra)) is contribute.dispatch(object):
            raise TypeError(
                f"no equations are registered for {type(extra).__name__}; "
                "register a function with rexdynnet.dae.components.contribute.register"
            )
    return Dae(network, options or DaeOptions(), extras)


def _short(expression: ca.SX, width: int = 90) -> str:
    text = str(expression)
    # casadi shares sub-expressions as @1=...; the last part is the equation itself
    text = text.rsplit(", ", 1)[-1] if text.startswith("@") else text
    return text if len(text) <= width else text[: width - 3] + "..."
