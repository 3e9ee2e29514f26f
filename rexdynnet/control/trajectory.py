"""Feedforward: the cheapest feasible way to deliver what was committed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

import numpy as np

from rexdynnet.control.base import Preview
from rexdynnet.control.commitment import Commitment
from rexdynnet.control.horizon import HorizonFiller, Margins
from rexdynnet.control.network_stages import network_stage, transport_delay
from rexdynnet.control.plan import Limits, Plan, SolveStatus
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.sequential import SequentialProgram
from rexdynnet.control.shooting import NlpOptions, ShootingProgram
from rexdynnet.control.stage import Floats, StageModel
from rexdynnet.control.stage_forms import Move, remembering, softened
from rexdynnet.control.stage_options import StageOptions
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network


class HorizonWarning(UserWarning):
    """The horizon is too short for what happens in the network."""


@dataclass(frozen=True)
class TrajectoryOptions:
    """How trajectories are made.

    Parameters
    ----------
    step_s : float
    horizon_s : float
        Rounded up to whole steps.
    margins : Margins
    model : StageOptions
    solver : NlpOptions or RtiOptions
        An interior point method for the last digits (prices), or sequential quadratic
        programming for speed (control).
    moves : mapping of control name to Move
        Limits and prices of changes; each adds the control's last value to the states.
    """

    step_s: float = 900.0
    horizon_s: float = 24 * 3600.0
    margins: Margins = field(default_factory=Margins)
    model: StageOptions = field(default_factory=lambda: StageOptions(cell_residence_s=120.0))
    solver: NlpOptions | RtiOptions = field(default_factory=NlpOptions)
    moves: Mapping[str, Move] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        findings: list[Finding] = []
        if not (0 < self.step_s <= self.horizon_s < float("inf")):
            findings.append(
                Finding(
                    f"a horizon of {self.horizon_s:g} s has no step of {self.step_s:g} s",
                    "give a positive step and a horizon of at least one step",
                )
            )
        if not (self.margins.reserve >= 0 and self.margins.lost_load_EUR_per_MWh >= 0):
            findings.append(
                Finding("a margin or price is negative", "give margins and prices from 0 up")
            )
        if findings:
            raise InputError(*findings)

    @property
    def stages(self) -> int:
        """Number of steps in the horizon."""
        return int(np.ceil(self.horizon_s / self.step_s - 1e-9))


@dataclass(frozen=True)
class Trajectory:
    """A reference: states, controls and what they give, with all that they were made from.

    Parameters
    ----------
    edges_s : ndarray, shape (K + 1,)
        Of the stages, on the run's clock.
    plan : Plan
        States and controls in the order of `stage`, with multipliers.
    parameters : ndarray, shape (K, n_p)
    limits : Limits
    commitment : Commitment
        Fixed before the plan was made.
    outputs : ndarray, shape (K, n_y)
    costs_EUR : ndarray, shape (K, n_terms)
    stage : StageModel
    available_W : ndarray, shape (K,)
        What all plants could give together that are not out.
    """

    edges_s: Floats
    plan: Plan
    parameters: Floats
    limits: Limits
    commitment: Commitment
    outputs: Floats
    costs_EUR: Floats
    stage: StageModel = field(repr=False)
    available_W: Floats = field(repr=False)

    @property
    def certified(self) -> bool:
        """Whether our own residuals of the answer are small."""
        return self.plan.status is SolveStatus.CERTIFIED

    def control(self, name: str) -> Floats:
        """One control over the stages, shape (K,)."""
        return self.plan.controls[:, self.stage.index(self.stage.controls, name)]

    def output(self, name: str) -> Floats:
        """One output over the stages, shape (K,)."""
        return self.outputs[:, self.stage.index(self.stage.output_signals, name)]

    def state(self, name: str) -> Floats:
        """One state at the edges, shape (K + 1,)."""
        return self.plan.states[:, self.stage.index(self.stage.states, name)]

    def later(self, steps: int) -> Plan:
        """The plan as a start for a solve some steps later."""
        plan = self.plan
        for _ in range(steps):
            plan = plan.shifted()
        return plan


@dataclass(frozen=True)
class TrajectoryGenerator:
    """Makes trajectories of one network; see `make_generator`.

    Parameters
    ----------
    network : Network
    options : TrajectoryOptions
    stage : StageModel
        Softened control model.
    start_utc : datetime or None
    """

    network: Network
    options: TrajectoryOptions
    stage: StageModel
    start_utc: datetime | None = None

    @cached_property
    def program(self) -> ShootingProgram | SequentialProgram:
        """The nonlinear programme, built at the first use and never again."""
        solver = self.options.solver
        if isinstance(solver, NlpOptions):
            return ShootingProgram(self.stage, self.options.stages, solver)
        return SequentialProgram(self.stage, self.options.stages, solver)

    @cached_property
    def filler(self) -> HorizonFiller:
        """What turns previews into parameters and limits."""
        return HorizonFiller(
            self.network, self.stage, self.options.stages, self.options.margins, self.start_utc
        )

    def plan(
        self,
        state: Floats,
        preview: Preview,
        *,
        running: Mapping[str, bool] | None = None,
        delivered_J: Mapping[str, float] | None = None,
        corrections: Mapping[str, float] = MappingProxyType({}),
        start: Plan | None = None,
    ) -> Trajectory:
        """Make a trajectory from now on.

        Parameters
        ----------
        state : ndarray, shape (n_x,)
            Of the control model; see `rexdynnet.control.network_stages`.
        preview : Preview
        running : mapping of plant name to bool, optional
            Which plants run now; else those that hold a pressure.
        delivered_J : mapping of participant to float, optional
            Energy delivered in the time unit that runs now.
        corrections : mapping of parameter name to float
            Offsets that an observer found.
        start : Plan, optional
            Warm start; a failed warm solve is repeated cold.

        Returns
        -------
        Trajectory
            Certified or not: look at it before use.

        Raises
        ------
        InputError
            The preview holds NaN.
        SolverError
            The commitment has no solution.
        """
        horizon = self.filler.fill(preview, state, running, delivered_J, corrections)
        plan = self.program.solve(state, horizon.parameters, horizon.limits, start)
        if start is not None and plan.status is not SolveStatus.CERTIFIED:
            plan = self.program.solve(state, horizon.parameters, horizon.limits)
        gives = self.stage.outputs.map(plan.horizon)
        costs = self.stage.cost.map(plan.horizon)
        arguments = (plan.states[:-1].T, plan.controls.T, horizon.parameters.T)
        return Trajectory(
            horizon.edges_s,
            plan,
            horizon.parameters,
            horizon.limits,
            horizon.commitment,
            np.asarray(gives(*arguments), dtype=float).T,
            np.asarray(costs(*arguments), dtype=float).T,
            self.stage,
            horizon.available_W,
        )


def make_generator(
    network: Network, options: TrajectoryOptions | None = None, start_utc: datetime | None = None
) -> TrajectoryGenerator:
    """Make the trajectory generator of a network.

    Parameters
    ----------
    network : Network
    options : TrajectoryOptions or None
    start_utc : datetime or None
        Second 0 of the run; without it schedules and dated limits do not act.

    Returns
    -------
    TrajectoryGenerator

    Raises
    ------
    InputError
        An island without a balancing plant, a commanded valve, or options that make no sense.

    Warns
    -----
    HorizonWarning
        The horizon is shorter than the longest transport delay at half of the connected
        capacity, so that heat for the farthest substation leaves its plant before the
        horizon sees the demand.
    """
    options = options or TrajectoryOptions()
    plain = network_stage(network, options.step_s, options.model)
    stage = softened(remembering(plain, options.moves))
    finding = short_horizon(network, options.horizon_s, options.model)
    if finding is not None:
        warnings.warn(str(finding), HorizonWarning, stacklevel=2)
    return TrajectoryGenerator(network, options, stage, start_utc)


def short_horizon(
    network: Network, horizon_s: float, model: StageOptions | None = None
) -> Finding | None:
    """Say whether a horizon is shorter than the longest transport delay.

    Parameters
    ----------
    network : Network
    horizon_s : float
    model : StageOptions or None

    Returns
    -------
    Finding or None
    """
    half = {unit.name: 0.5 * unit.design_heat_W for unit in network.substations}
    delay = transport_delay(network, half, model)
    if horizon_s > delay:
        return None
    return Finding(
        f"the horizon of {horizon_s / 3600:.3g} h is shorter than the longest transport delay, "
        f"{delay / 3600:.3g} h at half load",
        f"give at least {delay / 3600 + 6:.3g} h: the delay and six hours",
        field="horizon",
    )
