"""SUNDIALS integrators for one segment of a run, in scaled time, built once per grid.

Time runs from 0 to 1 within a segment; the segment's start, length and inputs
are parameters, so the same compiled integrator serves every segment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.model import Dae
from rexdynnet.errors import SolverError

Floats = NDArray[np.float64]


class Solver(Enum):
    """A SUNDIALS solver by CasADi's name."""

    IDAS = "idas"
    CVODES = "cvodes"


@dataclass(frozen=True)
class SolverOptions:
    """Accuracy and output density of the SUNDIALS methods.

    Parameters
    ----------
    relative_tolerance : float
        Of temperatures in kelvin, so 1e-6 is about 0.3 mK.
    absolute_tolerance : float
        K, and scaled algebraics.
    newton_share : float
        How far below the integration error each Newton iteration is driven. Far below,
        because what Newton leaves over is missing in the energy balance.
    dense_step_s : float
        Longest interval between two rows of the dense output.
    macro_step_s : float
        ODE method: longest time over which flows are extrapolated.
    flow_tolerance : float
        ODE method: share of a branch's flow (and a tenth of it of the largest flow)
        by which extrapolated flows may miss.
    """

    relative_tolerance: float = 1e-6
    absolute_tolerance: float = 1e-4
    newton_share: float = 1e-2
    dense_step_s: float = 30.0
    macro_step_s: float = 900.0
    flow_tolerance: float = 2e-3


@dataclass(frozen=True)
class Segment:
    """What drives one segment.

    Parameters
    ----------
    start_s, length_s : float
    controls, disturbances : pair of arrays
        At the start and at the end; linear between.
    parameters : array
    """

    start_s: float
    length_s: float
    controls: tuple[Floats, Floats]
    disturbances: tuple[Floats, Floats]
    parameters: Floats

    def share(self, share: float) -> tuple[float, Floats, Floats]:
        """Time, controls and disturbances at a share of the segment."""
        u, d = self.controls, self.disturbances
        return (
            self.start_s + share * self.length_s,
            u[0] + share * (u[1] - u[0]),
            d[0] + share * (d[1] - d[0]),
        )

    def part(self, first: float, last: float) -> Segment:
        """The piece between two shares."""
        _, u0, d0 = self.share(first)
        _, u1, d1 = self.share(last)
        length = (last - first) * self.length_s
        start = self.start_s + first * self.length_s
        return Segment(start, length, (u0, u1), (d0, d1), self.parameters)

    def packed(self) -> Floats:
        """All of it as one parameter vector."""
        ends = (*self.controls, *self.disturbances, self.parameters)
        return np.concatenate([[self.start_s, self.length_s], *ends])


@dataclass(frozen=True)
class Integrated:
    """Solution on the grid of one segment, end points included.

    Parameters
    ----------
    shares : (n,) array
        From 0 to 1.
    x : (n, n_x) array
    z : (n, n_z) array
    heats_J : (n, n_q) array
        Quadratures of the integrated outputs since the segment's start.
    """

    shares: Floats
    x: Floats
    z: Floats
    heats_J: Floats


def merged(segment: Segment, pieces: list[tuple[Segment, Integrated]]) -> Integrated:
    """Join the solutions of consecutive pieces of a segment.

    Parameters
    ----------
    segment : Segment
        The whole.
    pieces : list of (Segment, Integrated)

    Returns
    -------
    Integrated
        An instant that two pieces share keeps the row of the earlier one.
    """
    shares: list[Floats] = []
    x: list[Floats] = []
    z: list[Floats] = []
    heats: list[Floats] = []
    booked = np.zeros(pieces[0][1].heats_J.shape[1])
    for number, (piece, solution) in enumerate(pieces):
        new = slice(1 if number else 0, None)
        times = piece.start_s + solution.shares * piece.length_s
        shares.append(((times - segment.start_s) / segment.length_s)[new])
        x.append(solution.x[new])
        z.append(solution.z[new])
        heats.append(booked + solution.heats_J[new])
        booked = booked + solution.heats_J[-1]
    shares[-1][-1] = 1.0
    return Integrated(*(np.concatenate(column) for column in (shares, x, z, heats)))


@dataclass(frozen=True)
class SegmentIntegrators:
    """Integrators of one model by the number of output intervals.

    Parameters
    ----------
    dae : Dae
    solver : Solver
        IDAS solves for the algebraics; CVODES takes them linear from given ends.
    options : SolverOptions
    """

    dae: Dae
    solver: Solver
    options: SolverOptions
    # compiled on demand; their number is small because intervals come in powers of two
    _built: dict[int, ca.Function] = field(default_factory=dict, repr=False, compare=False)

    def intervals(self, length_s: float, most: int = 256) -> int:
        """Power of two of output intervals for a segment's length."""
        wanted = max(1.0, length_s / self.options.dense_step_s)
        return min(most, 1 << int(np.ceil(np.log2(wanted) - 1e-9)))

    def solve(
        self, segment: Segment, x: Floats, z: Floats, z_end: Floats | None, intervals: int
    ) -> Integrated:
        """Integrate one segment.

        Parameters
        ----------
        segment : Segment
        x : (n_x,) array
        z : (n_z,) array
            Consistent with x and the segment's start.
        z_end : (n_z,) array or None
            CVODES only: algebraics at the end.
        intervals : int

        Returns
        -------
        Integrated

        Raises
        ------
        SolverError
            If the solver gives up.
        """
        integrator = self._integrator(intervals)
        nominal, packed = self.dae.z_nominal, segment.packed()
        try:
            if self.solver is Solver.IDAS:
                answer = integrator(x0=x, z0=z / nominal, p=packed)
            else:
                end = z if z_end is None else z_end
                answer = integrator(x0=x, p=np.concatenate([packed, z, end]))
        except RuntimeError as error:
            raise SolverError(
                f"{self.solver.name} gave up: {_reason(error)}",
                "shorten the segment, or loosen relative_tolerance",
                time_s=segment.start_s,
            ) from error
        shares = np.linspace(0.0, 1.0, intervals + 1)
        states = np.vstack([x, np.asarray(answer["xf"]).T])
        heats = np.asarray(answer["qf"]).T
        heats = np.vstack([np.zeros(heats.shape[1]), heats])
        if self.solver is Solver.IDAS:
            algebraics = np.vstack([z, np.asarray(answer["zf"]).T * nominal])
        else:
            end = z if z_end is None else z_end
            algebraics = z + shares[:, None] * (end - z)
        return Integrated(shares, states, algebraics, heats)

    def _integrator(self, intervals: int) -> ca.Function:
        if intervals not in self._built:
            self._built[intervals] = self._build(intervals)
        return self._built[intervals]

    def _build(self, intervals: int) -> ca.Function:
        e = self.dae.equations
        tau, start, length = ca.SX.sym("tau"), ca.SX.sym("start"), ca.SX.sym("length")
        u = [ca.SX.sym("u", len(self.dae.u)) for _ in range(2)]
        d = [ca.SX.sym("d", len(self.dae.d)) for _ in range(2)]
        z = [ca.SX.sym("z", len(self.dae.z)) for _ in range(2)]
        heats = [output.expression for output in e.outputs if output.integrated]
        stated = [e.ode, e.alg, ca.vertcat(*heats)]
        scaled = ca.SX.sym("scaled", len(self.dae.z))
        implicit = self.solver is Solver.IDAS
        between = scaled * ca.DM(self.dae.z_nominal) if implicit else z[0] + tau * (z[1] - z[0])
        ode, alg, quad = ca.substitute(
            stated,
            [e.t, e.z, e.u, e.d],
            [
                start + tau * length,
                between,
                u[0] + tau * (u[1] - u[0]),
                d[0] + tau * (d[1] - d[0]),
            ],
        )
        parameters = [start, length, *u, *d, e.p]
        problem = {"x": e.x, "t": tau, "ode": length * ode, "quad": length * quad}
        if implicit:
            problem |= {"z": scaled, "alg": alg}
        else:
            parameters += z
        problem["p"] = ca.vertcat(*parameters)
        grid = list(np.linspace(0.0, 1.0, intervals + 1)[1:])
        options = {
            "reltol": self.options.relative_tolerance,
            "abstol": self.options.absolute_tolerance,
            "nonlin_conv_coeff": self.options.newton_share,
            "max_num_steps": 100_000,
            "disable_internal_warnings": True,
            "show_eval_warnings": False,
        }
        name = f"{self.solver.value}_{intervals}"
        return ca.integrator(name, self.solver.value, problem, 0.0, grid, options)


def _reason(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][-160:] if lines else "no reason given"
