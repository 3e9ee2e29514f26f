"""What the two finite-volume plants share: start, bookkeeping and checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.consistent import consistent, defaults
from rexdynnet.dae.model import Dae
from rexdynnet.dae.steady import steady_state
from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.network.graph import Network
from rexdynnet.signals import Signal
from rexdynnet.simulation.begin import given_start, held_at_start
from rexdynnet.simulation.plant import DenseOutput, Inputs, Method, PlantState
from rexdynnet.simulation.sundials import (
    Integrated,
    Segment,
    SolverOptions,
    merged,
)
from rexdynnet.simulation.sundials_records import ACCOUNTS, Recorder

Floats = NDArray[np.float64]

ENERGY_TOLERANCE = 1e-5
"""Share of the energies moved in a segment by which its balance may miss."""
ALGEBRAIC_TOLERANCE = 1e-4


@dataclass(frozen=True)
class SundialsPlant:
    """A plant that integrates a symbolic model; a method states how it does so.

    Parameters
    ----------
    dae : Dae
    options : SolverOptions
    """

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
        solution = merged(segment, self._integrate(segment, x, z))
        self._check(segment, solution)
        times, records = self.recorder.record(segment, solution, booked, origin)
        after = {
            **arrays,
            "x": solution.x[-1],
            "z": self._consistent(segment, 1.0, solution.x[-1], solution.z[-1]),
            "booked_J": booked + self.recorder.accounts @ solution.heats_J[-1],
        }
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
