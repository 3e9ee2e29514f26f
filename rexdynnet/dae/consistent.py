"""Flows and pressures that fit given temperatures and inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.model import Dae
from rexdynnet.dae.newton import solve
from rexdynnet.errors import SolverError
from rexdynnet.network.spec import Line
from rexdynnet.physics.devices import BAR_Pa
from rexdynnet.signals import Signal

Floats = NDArray[np.float64]

ALGEBRAIC_TOLERANCE = 1e-10


@dataclass(frozen=True)
class Point:
    """Values of all symbols at one instant.

    Parameters
    ----------
    x, z, u, d, p : arrays
        In the order of the model's signals.
    t : float
    """

    x: Floats
    z: Floats
    u: Floats
    d: Floats
    p: Floats
    t: float = 0.0


def defaults(signals: tuple[Signal, ...], given: Mapping[str, float] | None = None) -> Floats:
    """Values of signals: those given by name, else their defaults.

    Parameters
    ----------
    signals : tuple of Signal
    given : mapping of str to float, optional

    Returns
    -------
    (n,) array

    Raises
    ------
    KeyError
        If a signal has neither, or a given name is no signal.
    """
    values = dict(given or {})
    unknown = set(values) - {signal.name for signal in signals}
    if unknown:
        raise KeyError(f"no signal is called {sorted(unknown)}")
    missing = [s.name for s in signals if s.default is None and s.name not in values]
    if missing:
        raise KeyError(f"no value is given for {missing}")
    return np.array([values.get(signal.name, signal.default) for signal in signals], dtype=float)


def consistent(
    dae: Dae,
    x: Floats,
    u: Floats,
    d: Floats,
    p: Floats,
    t: float = 0.0,
    guess: Floats | None = None,
) -> Floats:
    """Solve the hydraulics for given temperatures and inputs.

    Parameters
    ----------
    dae : Dae
    x, u, d, p : arrays
    t : float
        s.
    guess : array, optional
        Algebraics nearby; without it the iteration starts at rest under the set pressures.

    Returns
    -------
    (n_z,) array
        Flows in kg/s and pressures in Pa.

    Raises
    ------
    SolverError
        If no solution is found, or a value is not finite; names the component.
    """
    _require_finite(((dae.x, x), (dae.u, u), (dae.d, d), (dae.p, p)), t)
    system = dae.algebraic_system
    nominal = dae.z_nominal
    arguments = (t, x, u, d, p)
    start = cold_start(dae, u) if guess is None else guess
    outcome = solve(system, start / nominal, arguments, tolerance=ALGEBRAIC_TOLERANCE)
    if not outcome.converged and guess is not None:
        start = cold_start(dae, u)
        outcome = solve(system, start / nominal, arguments, tolerance=ALGEBRAIC_TOLERANCE)
    if outcome.converged:
        return outcome.unknowns * nominal
    row = outcome.worst
    raise SolverError(
        f"the hydraulics have no solution nearby (residual {outcome.residual[row]:.3g} "
        f"in the equation of {dae.z[row].name})",
        "check that the pressures set can drive the flows demanded, and that no part of "
        "the network is cut off by shut valves",
        time_s=t,
        component=dae.z[row].component,
    )


def cold_start(dae: Dae, u: Floats) -> Floats:
    """Algebraics at rest with every supply node under the largest set pressure.

    Parameters
    ----------
    dae : Dae
    u : array

    Returns
    -------
    (n_z,) array
    """
    held = [
        value
        for signal, value in zip(dae.u, u, strict=True)
        if signal.quantity == "differential_pressure"
    ]
    lift = max(held, default=BAR_Pa)
    lift = max(lift, BAR_Pa)
    nodes = dae.network.node_by_name
    start = np.zeros(len(dae.z))
    for row, signal in enumerate(dae.z):
        node = nodes.get(signal.component)
        if node is not None and node.line is Line.SUPPLY:
            start[row] = lift
        elif node is None:
            start[row] = 0.05 * signal.nominal
    return start


def _require_finite(groups: Iterable[tuple[tuple[Signal, ...], Floats]], t: float) -> None:
    # minimum and maximum of symbols skip NaN, so it would vanish instead of spreading
    for signals, values in groups:
        if not np.all(np.isfinite(values)):
            signal = signals[int(np.argmin(np.isfinite(values)))]
            raise SolverError(
                f"{signal.name} is not a finite number",
                "give every temperature, input and parameter a finite value",
                time_s=t,
                component=signal.component,
            )
