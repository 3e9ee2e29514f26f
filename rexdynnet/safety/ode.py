"""Ordinary differential equations as flows of an automaton."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from rexdynnet.errors import SolverError
from rexdynnet.safety.events import Trace
from rexdynnet.safety.guards import Floats


@dataclass(frozen=True)
class OdeLeg:
    """A stretch of a solution.

    Parameters
    ----------
    trace : Trace
        The states.
    """

    trace: Trace

    def state_at(self, time_s: float) -> Floats:
        """The states at a time."""
        return self.trace.values(time_s)


@dataclass(frozen=True)
class OdeFlow:
    """The flow x' = f(t, x), integrated by SciPy with dense output.

    Parameters
    ----------
    names : tuple of str
        Of the states.
    slope : callable
        f(t, x).
    rtol, atol : float
        Tolerances of the integrator.
    method : str
        As SciPy's `solve_ivp` names it.
    max_step_s : float
    leg_s : float
        How far one `advance` goes; short where events are frequent.

    Examples
    --------
    >>> fall = OdeFlow(("height", "speed"), lambda t, x: np.array([x[1], -9.81]))
    >>> float(fall.advance(np.array([1.0, 0.0]), 0.0, 1.0).state_at(0.1)[0].round(6))
    0.95095
    """

    names: tuple[str, ...]
    slope: Callable[[float, Floats], Floats]
    rtol: float = 1e-10
    atol: float = 1e-12
    method: str = "DOP853"
    max_step_s: float = np.inf
    leg_s: float = np.inf

    @property
    def signals(self) -> tuple[str, ...]:
        """The states are the signals."""
        return self.names

    @property
    def assignable(self) -> tuple[str, ...]:
        """Every state can be set."""
        return self.names

    def advance(self, state: Floats, time_s: float, until_s: float) -> OdeLeg:
        """Integrate to `until_s`, or `leg_s` far, or to where the solution escapes."""
        from scipy import integrate  # pyright: ignore[reportMissingTypeStubs]

        solution = cast(Any, integrate).solve_ivp(
            self.slope,
            (time_s, min(until_s, time_s + self.leg_s)),
            state,
            method=self.method,
            rtol=self.rtol,
            atol=self.atol,
            max_step=self.max_step_s,
            dense_output=True,
        )
        # beyond an event a solution may escape: what came before it is still good
        if not solution.success and len(solution.t) < 2:
            raise SolverError(
                f"the integrator stops: {solution.message}",
                "see whether a state escapes, or take a stiff method",
                time_s=float(solution.t[-1]),
            )
        pieces: list[Any] = solution.sol.interpolants

        def piece(index: int, times_s: Floats) -> Floats:
            return np.asarray(pieces[index](times_s), dtype=np.float64).T

        return OdeLeg(Trace(np.asarray(solution.t, dtype=np.float64), self.names, piece))

    def assign(self, state: Floats, values: Mapping[str, float]) -> Floats:
        """The same state with some values set."""
        after = np.array(state, dtype=np.float64)
        for name, value in values.items():
            after[self.names.index(name)] = value
        return after
