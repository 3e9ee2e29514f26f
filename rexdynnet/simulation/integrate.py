"""The plants by finite volumes: one DAE by IDAS, or an ODE by CVODES with stepped flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.initial import consistent, defaults, steady_state
from rexdynnet.dae.model import Dae
from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.network.graph import Network
from rexdynnet.signals import Signal
from rexdynnet.simulation.begin import given_start, held_at_start
from rexdynnet.simulation.plant import DenseOutput, Inputs, Method, PlantState
from rexdynnet.simulation.sundials import (
    Integrated,
    Segment,
    SegmentIntegrators,
    Solver,
    SolverOptions,
)
from rexdynnet.simulation.sundials_records import ACCOUNTS, Recorder, join

Floats = NDArray[np.float64]

ENERGY_TOLERANCE = 1e-5
"""Share of the energies moved in a segment by which its balance may miss."""
ALGEBRAIC_TOLERANCE = 1e-4
MOST_HALVINGS = 6
SHORTEST_MACRO_STEP_s = 0.5
MACRO_INTERVALS = 4


@dataclass(frozen=True)
class _SundialsPlant:
    """What both plants share: signals, start, bookkeeping and checks."""

    dae: Dae
    options: SolverOptions = field(default_factory=SolverOptions)

    @property
    def network(self) -> Network:
        """The network simulated."""
        return self.dae.network

    @property
    def controls(self) -> tuple[Signal, ...]:
        """Order of `Inputs.controls`."""
        return self.dae.u

    @property
    def disturbances(self) -> tuple[Signal, ...]:
        """Order of `Inputs.disturbances`."""
        return self.dae.d

    @property
    def parameters(self) -> tuple[Signal, ...]:
        """Order of the run-time parameters."""
        return self.dae.p

    @property
    def method(self) -> Method:
        """Which of the three methods this is."""
        raise NotImplementedError

    @cached_property
    def recorder(self) -> Recorder:
        """Evaluates and names the outputs."""
        return Recorder(self.dae)

    def init(
        self,
        inputs: Inputs,
        parameters: Floats | None = None,
        *,
        time_s: float = 0.0,
        temperatures_K: Mapping[str, float] | None = None,
    ) -> PlantState:
        """Start in the steady state of constant inputs, or at given temperatures.

        In the steady start tanks are half full of hot water and rooms are at their set-points.

        Parameters
        ----------
        inputs : Inputs
        parameters : (n_p,) array, optional
            Run-time parameters; their defaults if not given.
        time_s : float
        temperatures_K : mapping of str to float, optional
            With it nothing is steady: pipes and their walls start linear between their ends,
            nodes not named at the mean of the given ones. Names of tanks give a
            uniform store, names of substations with a building its room.

        Returns
        -------
        PlantState

        Raises
        ------
        InputError
            If a name in `temperatures_K` has no temperature state.
        SolverError
            If there is no steady state, or no flow at the given temperatures.
        """
        u, d = inputs.controls, inputs.disturbances
        p = defaults(self.dae.p) if parameters is None else np.asarray(parameters, dtype=float)
        if temperatures_K is None:
            held = held_at_start(self.dae, u, {})
            x, z = steady_state(self.dae, u, d, p, t=time_s, held=held)
        else:
            x = given_start(self.dae, u, temperatures_K)
            z = consistent(self.dae, x, u, d, p, time_s)
        stored = float(self.dae.stored_heat(time_s, x, z, u, d, p))
        arrays = {
            "x": x,
            "z": z,
            "parameters": p,
            "booked_J": np.zeros(len(ACCOUNTS)),
            "stored_at_start_J": np.array([stored]),
        }
        return PlantState(time_s, self.method, arrays)

    def with_parameters(self, state: PlantState, parameters: Floats) -> PlantState:
        """Same temperatures under other run-time parameters.

        Parameters
        ----------
        state : PlantState
        parameters : (n_p,) array

        Returns
        -------
        PlantState
        """
        changed = {**state.arrays, "parameters": np.asarray(parameters, dtype=float)}
        return replace(state, arrays=changed)

    def advance(
        self, state: PlantState, start: Inputs, end: Inputs, until_s: float
    ) -> tuple[PlantState, DenseOutput]:
        """Move on under inputs that go linearly from `start` to `end`.

        Parameters
        ----------
        state : PlantState
        start, end : Inputs
            Just after `state.time_s` and just before `until_s`.
        until_s : float

        Returns
        -------
        state : PlantState
        output : DenseOutput

        Raises
        ------
        InputError
            If an input is not finite, time does not advance or the state is another method's.
        SolverError
            If the solver fails, or the energy balance does not close.
        """
        self._check_call(state, (start, end), until_s)
        arrays = {name: np.asarray(array, dtype=float) for name, array in state.arrays.items()}
        segment = Segment(
            state.time_s,
            until_s - state.time_s,
            (start.controls, end.controls),
            (start.disturbances, end.disturbances),
            arrays["parameters"],
        )
        x, booked = arrays["x"], arrays["booked_J"]
        origin = float(arrays["stored_at_start_J"][0])
        z = self._consistent(segment, 0.0, x, arrays["z"])
        parts: list[tuple[Floats, Mapping[str, Floats]]] = []
        for piece, solution in self._integrate(segment, x, z):
            self._check(piece, solution)
            parts.append(self.recorder.record(piece, solution, booked, origin))
            booked = booked + self.recorder.accounts @ solution.heats_J[-1]
            x, z = solution.x[-1], solution.z[-1]
        z = self._consistent(segment, 1.0, x, z)
        times, records = join(parts)
        after = {**arrays, "x": x, "z": z, "booked_J": booked}
        return PlantState(until_s, self.method, after), DenseOutput(times, records)

    def _integrate(
        self, segment: Segment, x: Floats, z: Floats
    ) -> list[tuple[Segment, Integrated]]:
        raise NotImplementedError

    def _check_call(self, state: PlantState, inputs: tuple[Inputs, Inputs], until_s: float) -> None:
        findings: list[Finding] = []
        if state.method is not self.method:
            findings.append(
                Finding(
                    f"a state of method {state.method.name} was given to a plant of "
                    f"{self.method.name}",
                    "advance it with the plant that made it",
                )
            )
        if not until_s > state.time_s:
            findings.append(
                Finding(
                    f"until_s = {until_s} does not lie after the state's time {state.time_s}",
                    "give a later time",
                )
            )
        for each in inputs:
            findings += _unusable(each.controls, self.controls, "controls")
            findings += _unusable(each.disturbances, self.disturbances, "disturbances")
        if findings:
            raise InputError(*findings)

    def _consistent(self, segment: Segment, share: float, x: Floats, guess: Floats) -> Floats:
        t, u, d = segment.share(share)
        return consistent(self.dae, x, u, d, segment.parameters, t, guess)

    def _check(self, segment: Segment, solution: Integrated) -> None:
        t, u, d = segment.share(1.0)
        x, z = solution.x[-1], solution.z[-1]
        if not (np.all(np.isfinite(x)) and np.all(np.isfinite(z))):
            row = int(np.argmin(np.isfinite(np.concatenate([x, z]))))
            raise SolverError(
                "the solution is not finite",
                "check the inputs of this component",
                time_s=t,
                component=(*self.dae.x, *self.dae.z)[row].component,
            )
        self._check_algebraics(t, x, z, u, d, segment.parameters)
        energies = self.recorder.accounts @ solution.heats_J[-1]
        change = self.recorder.stored(segment, 1.0, x, z)
        change -= self.recorder.stored(segment, 0.0, solution.x[0], solution.z[0])
        moved = float(np.sum(np.abs(energies))) + abs(change)
        missing = energies[0] + energies[1] - float(np.sum(energies[2:])) - change
        # below a joule per state the balance is round-off of the stored heat
        if abs(missing) > ENERGY_TOLERANCE * moved + 1.0 * len(x):
            raise SolverError(
                f"the energy balance misses {missing:.3g} J of {moved:.3g} J",
                "give a smaller relative_tolerance or newton_share",
                time_s=t,
            )

    def _check_algebraics(
        self, t: float, x: Floats, z: Floats, u: Floats, d: Floats, p: Floats
    ) -> None:
        residual = np.abs(np.asarray(self.dae.alg(t, x, z, u, d, p)).ravel())
        row = int(np.argmax(residual)) if len(residual) else 0
        if len(residual) and residual[row] > ALGEBRAIC_TOLERANCE:
            raise SolverError(
                f"the flows at the end of a segment miss their equations by {residual[row]:.3g}",
                "give a smaller relative_tolerance or newton_share",
                time_s=t,
                component=self.dae.z[row].component,
            )


def _unusable(values: Floats, signals: tuple[Signal, ...], kind: str) -> list[Finding]:
    if values.shape != (len(signals),):
        what = f"{kind} have shape {values.shape}"
        return [Finding(what, f"give {len(signals)} numbers in the order of plant.{kind}")]
    return [
        Finding(f"{signal.name} is not finite", "fill the gap", component=signal.component)
        for signal, value in zip(signals, values, strict=True)
        if not np.isfinite(value)
    ]


@dataclass(frozen=True)
class DaePlant(_SundialsPlant):
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
class OdePlant(_SundialsPlant):
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
