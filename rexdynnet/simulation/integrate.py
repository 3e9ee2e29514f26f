"""The plants by finite volumes: one DAE by IDAS, or an ODE by CVODES with stepped flows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import SolverError
from rexdynnet.simulation.plant import Method
from rexdynnet.simulation.sundials import Integrated, Segment, SegmentIntegrators, Solver
from rexdynnet.simulation.sundials_plant import SundialsPlant

Floats = NDArray[np.float64]

MOST_HALVINGS = 6
SHORTEST_MACRO_STEP_s = 0.5
MACRO_INTERVALS = 4


@dataclass(frozen=True)
class DaePlant(SundialsPlant):
    """Finite volumes and hydraulics as one DAE, by IDAS.

    Each segment starts from algebraics that fit its first inputs, because IDAS
    cannot step over a jump; a segment on which IDAS fails is halved.

    Parameters
    ----------
    dae : Dae
    options : SolverOptions
    """

    @property
    def method(self) -> Method:
        """`Method.DAE`."""
        return Method.DAE

    @cached_property
    def _integrators(self) -> SegmentIntegrators:
        return SegmentIntegrators(self.dae, Solver.IDAS, self.options)

    def _integrate(
        self, segment: Segment, x: Floats, z: Floats
    ) -> list[tuple[Segment, Integrated]]:
        done: list[tuple[Segment, Integrated]] = []
        longest = 256 * self.options.dense_step_s
        count = max(1, int(np.ceil(segment.length_s / longest - 1e-9)))
        for number in range(count):
            piece = segment.part(number / count, (number + 1) / count)
            if number:
                z = self._consistent(piece, 0.0, x, z)
            done += self._solve(piece, x, z, MOST_HALVINGS)
            x, z = done[-1][1].x[-1], done[-1][1].z[-1]
        return done

    def _solve(
        self, segment: Segment, x: Floats, z: Floats, halvings: int
    ) -> list[tuple[Segment, Integrated]]:
        intervals = self._integrators.intervals(segment.length_s)
        try:
            return [(segment, self._integrators.solve(segment, x, z, None, intervals))]
        except SolverError as error:
            if halvings == 0:
                raise self._located(error, segment, x, z) from error
        first, second = segment.part(0.0, 0.5), segment.part(0.5, 1.0)
        done = self._solve(first, x, z, halvings - 1)
        x = done[-1][1].x[-1]
        z = self._consistent(second, 0.0, x, done[-1][1].z[-1])
        return done + self._solve(second, x, z, halvings - 1)

    def _located(self, error: SolverError, segment: Segment, x: Floats, z: Floats) -> SolverError:
        """Name the component whose temperature changes fastest where the solver failed."""
        t, u, d = segment.share(0.0)
        rates = np.abs(np.asarray(self.dae.ode(t, x, z, u, d, segment.parameters)).ravel())
        component = self.dae.x[int(np.argmax(rates))].component if len(rates) else None
        return SolverError(error.what, error.remedy, time_s=t, component=component)


@dataclass(frozen=True)
class OdePlant(SundialsPlant):
    """Finite volumes by CVODES; flows solved at macro steps and linear between.

    At each macro step's start the hydraulics are solved. Over the step the flows are
    extrapolated linearly from the last one; at its end they are solved again. Where the
    two differ by more than `flow_tolerance` the step is repeated with the flows found,
    and halved if that moves them once more. Any linear course of flows balances mass, and
    the heats are quadratures of the flows used, so energy is booked exactly.

    Parameters
    ----------
    dae : Dae
    options : SolverOptions
    """

    @property
    def method(self) -> Method:
        """`Method.ODE`."""
        return Method.ODE

    @cached_property
    def _integrators(self) -> SegmentIntegrators:
        return SegmentIntegrators(self.dae, Solver.CVODES, self.options)

    @cached_property
    def _flow_rows(self) -> NDArray[np.int64]:
        rows = [row for row, signal in enumerate(self.dae.z) if signal.quantity == "mass_flow"]
        return np.array(rows, dtype=np.int64)

    def _integrate(
        self, segment: Segment, x: Floats, z: Floats
    ) -> list[tuple[Segment, Integrated]]:
        done: list[tuple[Segment, Integrated]] = []
        at, step = 0.0, min(0.25 * self.options.macro_step_s, 0.2 * segment.length_s)
        slope = np.zeros_like(z)
        while segment.length_s * (1.0 - at) > 1e-9 * segment.length_s:
            left = (1.0 - at) * segment.length_s
            # two equal last steps instead of a full one and a sliver
            step = left if step >= left else min(step, 0.5 * left) if step > 0.5 * left else step
            last = 1.0 if step == left else at + step / segment.length_s
            piece = segment.part(at, last)
            solution, z_end, miss = self._macro_step(piece, x, z, z + slope * step)
            if solution is None:
                if step <= SHORTEST_MACRO_STEP_s:
                    raise self._unsettled(piece, z, z_end)
                step *= 0.5
                slope *= 0.0
                continue
            done.append((piece, solution))
            slope = (z_end - z) / step
            x, z, at = solution.x[-1], z_end, last
            growth = 1.5 if miss < 0.3 else 1.0 if miss < 1.0 else 0.7
            step = min(self.options.macro_step_s, step * growth)
        return done

    def _macro_step(
        self, piece: Segment, x: Floats, z: Floats, predicted: Floats
    ) -> tuple[Integrated | None, Floats, float]:
        solve = self._integrators.solve
        intervals = max(MACRO_INTERVALS, self._integrators.intervals(piece.length_s))
        solution = solve(piece, x, z, predicted, intervals)
        found = self._consistent(piece, 1.0, solution.x[-1], predicted)
        miss = self._miss(predicted, found)
        if miss > 1.0:
            solution = solve(piece, x, z, found, intervals)
            again = self._consistent(piece, 1.0, solution.x[-1], found)
            if self._miss(found, again) > 1.0:
                return None, again, miss
            found = again
        return solution, found, miss

    def _miss(self, taken: Floats, found: Floats) -> float:
        """Largest difference of two sets of flows, in units of the tolerance."""
        rows = self._flow_rows
        if not len(rows):
            return 0.0
        size = np.maximum(np.abs(found[rows]), np.abs(taken[rows]))
        allowed = self.options.flow_tolerance * (size + 0.1 * np.max(size) + 1e-9)
        return float(np.max(np.abs(taken[rows] - found[rows]) / allowed))

    def _check_algebraics(
        self, t: float, x: Floats, z: Floats, u: Floats, d: Floats, p: Floats
    ) -> None:
        """The flows at macro steps are solved to round-off; in between they are linear."""

    def _unsettled(self, piece: Segment, z: Floats, found: Floats) -> SolverError:
        rows = self._flow_rows
        row = int(rows[int(np.argmax(np.abs(found[rows] - z[rows])))])
        return SolverError(
            "flows and temperatures do not settle within a macro step",
            "give a larger flow_tolerance, or simulate by Method.DAE",
            time_s=piece.start_s,
            component=self.dae.z[row].component,
        )
