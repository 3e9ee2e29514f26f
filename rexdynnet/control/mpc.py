"""The predictive controller: an economic trajectory, and feedback that tracks it.

Two degrees of freedom. Every hour (`trajectory_every` steps) the trajectory generator makes
the cheapest feasible reference from the committed schedule; at every control step a Kalman
filter estimates the state and a small tracking problem, solved by real-time iterations until
it is certified, corrects the reference for what was measured and for what is newly forecast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Decision, Floats, Observation, Outcome, Preview, Rung
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.codegen import Backend, CodeOptions
from rexdynnet.control.control_map import ControlMap
from rexdynnet.control.estimation import Estimator
from rexdynnet.control.feedback import BranchedFeedback, Feedback, SequentialFeedback
from rexdynnet.control.horizon import HorizonFiller, Margins
from rexdynnet.control.mpc_options import MpcOptions, check_weights
from rexdynnet.control.mpc_report import active_bounds, heat_prices, planned_heat, predicted
from rexdynnet.control.network_stages import network_stage, steady_state
from rexdynnet.control.observer import Estimate
from rexdynnet.control.plan import Plan, SolveStatus, constant_plan
from rexdynnet.control.prices import AdjointSweep
from rexdynnet.control.reduced import ReducedView, reduced_view
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.settings import ControlSettings
from rexdynnet.control.stage import StageModel
from rexdynnet.control.stage_forms import Move, remembering, softened
from rexdynnet.control.stage_options import StageOptions
from rexdynnet.control.tracking import (
    TrackingWeights,
    references,
    tracking_stage,
    tracking_weights,
)
from rexdynnet.control.trajectory import (
    Trajectory,
    TrajectoryGenerator,
    TrajectoryOptions,
    make_generator,
)
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import PlantControl

_HARD_EUR_PER_NOMINAL_h = 1e3
_STEADY_SHARE = 0.01
_TYPICAL_EUR_per_MWh = 60.0
_COST_SHARE = 0.04
_TRAJECTORY_RESIDUAL = 1e-2
_QP = 1e-3
_MOVE_EUR = 1.0


@dataclass(frozen=True)
class MpcState:
    """What the controller remembers.

    Parameters
    ----------
    estimate : Estimate
    trajectory : Trajectory or None
    plan : Plan or None
        Last certified answer of the tracking problem.
    acted : ndarray, shape (n_u,)
        Model controls of the step that ends now.
    parameters : ndarray, shape (n_p,)
        Model parameters of that step.
    running : mapping of plant name to bool
    """

    estimate: Estimate
    trajectory: Trajectory | None
    plan: Plan | None
    acted: Floats
    parameters: Floats
    running: Mapping[str, bool]


@dataclass(frozen=True)
class MpcController:
    """Trajectory generation and tracking for one network; see `make_mpc`.

    Parameters
    ----------
    network : Network
    settings : ControlSettings
    options : MpcOptions
    """

    network: Network
    settings: ControlSettings
    options: MpcOptions

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """What `attempt` can try."""
        return (Rung.WARM, Rung.COLD, Rung.SOFTENED)

    @cached_property
    def bounds(self) -> ControlBounds:
        """Of the network's controls."""
        return ControlBounds(self.network, self.settings.start_utc)

    @cached_property
    def mapped(self) -> ControlMap:
        """Between the plant's controls and the model's."""
        return ControlMap(self.bounds, self.stage)

    @cached_property
    def view(self) -> ReducedView:
        """The network as the model has it."""
        return reduced_view(self.network, self.options.substations, self.options.backoff_K)

    @cached_property
    def _design_EUR_per_h(self) -> float:
        """What heat costs in the design state, about: the scale of all that is priced."""
        connected_W = sum(unit.design_heat_W for unit in self.network.substations)
        return max(connected_W, 1e3) / 1e6 * _TYPICAL_EUR_per_MWh

    @cached_property
    def generator(self) -> TrajectoryGenerator:
        """Of references."""
        options = TrajectoryOptions(
            self.settings.step_s * self.options.trajectory_stride,
            self.settings.horizon_s,
            Margins(reserve=self.settings.margin),
            StageOptions(
                cells=self.options.cells,
                cell_residence_s=0.5 * self.settings.step_s,
                steadiness_EUR_per_h=_STEADY_SHARE * self._design_EUR_per_h,
            ),
            RtiOptions(
                tolerance=_TRAJECTORY_RESIDUAL,
                iterations=self.options.trajectory_iterations,
                repeatable=True,
                cost_scale_EUR=_COST_SHARE * self._design_EUR_per_h,
                qp_tolerance=_QP,
                code=self._code,
            ),
            self._moves(self.options.trajectory_stride),
        )
        return make_generator(self.view.network, options, self.settings.start_utc)

    @cached_property
    def stage(self) -> StageModel:
        """The softened control model at the control step."""
        return softened(remembering(self._plain, self._moves(1)))

    @cached_property
    def _plain(self) -> StageModel:
        model = self.generator.options.model
        return network_stage(self.view.network, self.settings.step_s, model)

    def _moves(self, steps: int) -> dict[str, Move]:
        """Of supply temperatures that the network always feels, over some control steps."""
        hours = steps * self.settings.step_s / 3600.0
        move = Move(self.options.supply_slew_K_per_h * hours, _MOVE_EUR)
        return {
            f"{plant.name}.supply_temperature": move
            for plant in self.network.plants
            if plant.control is PlantControl.PRESSURE
        }

    @property
    def _code(self) -> CodeOptions:
        machine = self.options.machine_code
        return CodeOptions(Backend.MACHINE_CODE if machine else Backend.VIRTUAL_MACHINE)

    @cached_property
    def weights(self) -> TrackingWeights:
        """Of deviations from the reference."""
        dumps = {dump.name for dump in self.network.dumps}
        return tracking_weights(self.stage, self.settings.weights, dumps)

    @cached_property
    def steps(self) -> int:
        """Horizon of the tracking problem."""
        return min(
            self.options.tracking_steps, int(self.settings.horizon_s // self.settings.step_s)
        )

    @cached_property
    def filler(self) -> HorizonFiller:
        """Newest parameters and limits of the tracking problem."""
        return HorizonFiller(
            self.view.network,
            self.stage,
            self.steps,
            self.generator.options.margins,
            self.settings.start_utc,
        )

    @cached_property
    def tracker(self) -> Feedback:
        """The tracking problem."""
        return self._tracker(self.stage)

    @cached_property
    def soft_tracker(self) -> Feedback:
        """The tracking problem without any hard row, for when there is no answer."""
        rows = tuple(
            replace(row, penalty=_HARD_EUR_PER_NOMINAL_h / row.nominal) for row in self.stage.rows
        )
        return self._tracker(softened(replace(self.stage, rows=rows)))

    @cached_property
    def estimator(self) -> Estimator:
        """Of the model's state, by temperatures of plants and substations."""
        return Estimator(self.view.network, softened(self._plain), self.options.offset_free)

    def init(self, observation: Observation, preview: Preview) -> MpcState:
        """Start from the steady state of the first preview and the measured tanks.

        Parameters
        ----------
        observation : Observation
        preview : Preview

        Returns
        -------
        MpcState
        """
        acted = np.array([signal.default or 0.0 for signal in self.stage.controls])
        first = np.full(len(self.stage.states), 333.15)
        seen, preview = self.view.observation(observation), self.view.preview(preview)
        parameters = self.filler.fill(preview, first).parameters[0]
        known = self.estimator.tanks(seen)
        tanks = {tank.name for tank in self.network.tanks}
        held = known or {s.name: 343.15 for s in self.stage.states if s.component in tanks}
        state = steady_state(self.estimator.stage, acted, parameters, held)
        estimate = self.estimator.init(state, observation.time_s)
        return MpcState(estimate, None, None, acted, parameters, {})

    def step(
        self, observation: Observation, preview: Preview, applied: Floats, state: object
    ) -> Decision:
        """The first rung; the failure ladder calls `attempt` for the others.

        Parameters
        ----------
        observation : Observation
        preview : Preview
        applied : ndarray, shape (n_u,)
        state : object

        Returns
        -------
        Decision
        """
        try:
            return self.attempt(Rung.WARM, observation, preview, applied, state)
        except Exception as error:  # a controller never raises in the loop
            held = self.bounds.clipped(np.asarray(applied, dtype=float), observation.time_s)
            cause = f"{type(error).__name__}: {error}"
            return Decision(held, state, Outcome.MODEL_FAILURE, Rung.SHIFTED, cause)

    def attempt(
        self,
        rung: Rung,
        observation: Observation,
        preview: Preview,
        applied: Floats,
        state: object,
    ) -> Decision:
        """One try.

        Parameters
        ----------
        rung : Rung
            WARM starts from the last answers; COLD makes a new trajectory and starts from it;
            SOFTENED lets every limit of the model be missed at a price.
        observation : Observation
        preview : Preview
        applied : ndarray, shape (n_u,)
        state : object
            An `MpcState`; anything else starts anew.

        Returns
        -------
        Decision
            With outcome OK only where the tracking problem's answer is certified.
        """
        if not isinstance(state, MpcState):
            state = self.init(observation, preview)
        seen, ahead = self.view.observation(observation), self.view.preview(preview)
        estimate = self._estimated(state, seen, applied)
        x = np.concatenate([self.estimator.states(estimate), self._before(state, applied)])
        corrections = self.estimator.corrections(estimate)
        delivered = self._delivered(seen)
        trajectory = self._trajectory(rung, state, x, ahead, delivered, corrections)
        places = self._places_of(trajectory, observation.time_s)
        committed = trajectory.commitment.at(places)
        horizon = self.filler.fill(ahead, x, state.running, delivered, corrections, committed)
        soft = rung is Rung.SOFTENED
        tracker = self.soft_tracker if soft else self.tracker
        fed = horizon.parameters
        chosen, given = trajectory.plan.controls[places], trajectory.outputs[places]
        known = np.hstack([fed, references(self.stage, self.weights, chosen, given)])
        start = state.plan.shifted() if state.plan is not None and rung is Rung.WARM else None
        if start is None or start.controls.shape[1] != len(tracker.stage.controls):
            start = self._start(tracker.stage, x, chosen)
        limits = horizon.limits.widened(tracker.stage)
        plan = tracker.answer(start, x, known, limits)
        if plan.status is not SolveStatus.CERTIFIED:
            outcome = (
                Outcome.INFEASIBLE
                if plan.status is SolveStatus.INFEASIBLE
                else Outcome.NOT_CERTIFIED
            )
            cause = f"tracking residual {plan.residual:.1e}: {plan.status.value}"
            held = self.bounds.clipped(
                np.full(len(self.bounds.signals), np.nan), observation.time_s
            )
            return Decision(held, state, outcome, rung, cause, plan.iterations)
        now = (observation, preview, fed[0], self._uncorrected(fed[0], corrections))
        return self._decided(rung, (estimate, trajectory, plan), now)

    def _decided(
        self,
        rung: Rung,
        found: tuple[Estimate, Trajectory, Plan],
        now: tuple[Observation, Preview, Floats, Floats],
    ) -> Decision:
        estimate, trajectory, plan = found
        observation, preview, parameters, uncorrected = now
        time_s = observation.time_s
        own = plan.controls[:, : len(self.stage.controls)]
        edges = time_s + self.settings.step_s * np.arange(plan.horizon + 1)
        planned = np.array(
            [
                self.mapped.to_plant(controls, float(t))
                for controls, t in zip(own, edges[:-1], strict=True)
            ]
        )
        place = int(self._places_of(trajectory, time_s)[0])
        reference = trajectory.plan.controls[place]
        running = {
            plant.name: bool(trajectory.commitment.of(plant.name)[place])
            for plant in self.network.plants
        }
        gives = np.asarray(
            self.stage.outputs(plan.states[0][: len(self.stage.states)], own[0], parameters),
            dtype=float,
        ).ravel()
        sides = ("_below", "_above")
        slack = [i for i, s in enumerate(self.stage.controls) if s.quantity.endswith(sides)]
        info: dict[str, Floats] = {
            "plan_time_s": np.asarray(edges, dtype=np.float64),
            "plan_controls": planned,
            "reference_controls": self.mapped.to_plant(reference, time_s),
            "reference_heat_W": planned_heat(
                self.view, self.stage, trajectory.outputs[place], preview
            ),
            "active": active_bounds(planned[0], *self.bounds.at(time_s)),
            "slack": np.array([float(np.sum(own[0, slack]))]),
            "predicted": predicted(self.view, self.stage, gives, observation),
            "residual": np.array([plan.residual]),
            "price_EUR_per_MWh": heat_prices(self.view, trajectory, place, self._adjoint),
        }
        after = MpcState(estimate, trajectory, plan, own[0], uncorrected, running)
        said = "" if trajectory.certified else "the reference is of a trajectory not certified"
        return Decision(planned[0], after, Outcome.OK, rung, said, plan.iterations, info)

    def _before(self, state: MpcState, applied: Floats) -> Floats:
        """Last values of the controls whose moves are limited."""
        acted = self.mapped.from_plant(applied, state.acted)
        names = self._moves(1)
        return np.array([acted[self.stage.index(self.stage.controls, name)] for name in names])

    @cached_property
    def _adjoint(self) -> AdjointSweep:
        return AdjointSweep(self.generator.stage)

    def _uncorrected(self, parameters: Floats, corrections: Mapping[str, float]) -> Floats:
        """Parameters as the observer wants them, which adds its own corrections."""
        plain = parameters.copy()
        for name in corrections:
            plain[self.stage.index(self.stage.parameters, name)] = self.estimator.usual[name]
        return plain

    def _tracker(self, stage: StageModel) -> Feedback:
        tracking, chosen = tracking_stage(stage, self.weights), self.options
        blocks = chosen.blocks if self.steps == chosen.tracking_steps else ()
        if chosen.demand_spread > 0:
            return BranchedFeedback(
                tracking, self.steps, chosen.demand_spread, blocks, code=self._code
            )
        return SequentialFeedback(
            tracking, self.steps, chosen.feedback, blocks, chosen.iterations, self._code
        )

    def _estimated(self, state: MpcState, observation: Observation, applied: Floats) -> Estimate:
        """Move to now; a clock that stands still or jumped leaves the estimate as it is."""
        elapsed = observation.time_s - state.estimate.time_s
        if elapsed < 0.5 * self.settings.step_s:
            return state.estimate
        acted = self.mapped.from_plant(applied, state.acted)
        return self.estimator.step(state.estimate, acted, state.parameters, observation)

    def _trajectory(
        self,
        rung: Rung,
        state: MpcState,
        x: Floats,
        preview: Preview,
        delivered: Mapping[str, float],
        corrections: Mapping[str, float],
    ) -> Trajectory:
        now_s = float(preview.time_s[0])
        last = state.trajectory
        if last is not None and rung is not Rung.COLD:
            elapsed_s = now_s - float(last.edges_s[0])
            if elapsed_s < (self.options.trajectory_every - 0.5) * self.settings.step_s:
                return last
        usable = last is not None and last.certified and rung is Rung.WARM
        start = last.later(self._passed(last, now_s)) if usable and last else None
        made = self.generator.plan(
            x,
            preview,
            running=state.running,
            delivered_J=delivered,
            corrections=corrections,
            start=start,
        )
        return made if made.plan.usable or last is None else last

    def _passed(self, trajectory: Trajectory, time_s: float) -> int:
        """Steps of a trajectory that lie wholly in the past."""
        step_s = trajectory.stage.step_s
        return max(int((time_s - float(trajectory.edges_s[0])) / step_s + 1e-6), 0)

    def _places_of(self, trajectory: Trajectory, time_s: float) -> NDArray[np.intp]:
        """Step of the trajectory for each step of the feedback; the last holds beyond its end."""
        starts = time_s + self.settings.step_s * np.arange(self.steps)
        passed = np.array([self._passed(trajectory, float(t)) for t in starts])
        return np.minimum(passed, trajectory.plan.horizon - 1)

    def _start(self, stage: StageModel, x: Floats, controls: Floats) -> Plan:
        plan = constant_plan(stage, self.steps, x, np.zeros(len(stage.controls)))
        filled = plan.controls.copy()
        filled[:, : controls.shape[1]] = controls
        return replace(plan, controls=filled)

    def _delivered(self, observation: Observation) -> dict[str, float]:
        names = [unit.name for unit in self.view.network.substations]
        seen = {name: observation.get(f"{name}.energy_in_unit") for name in names}
        return {name: value for name, value in seen.items() if np.isfinite(value)}


def make_mpc(network: Network, settings: ControlSettings) -> MpcController:
    """Make the predictive controller of a network.

    Parameters
    ----------
    network : Network
    settings : ControlSettings
        `weights` may hold `supply_temperature`, `differential_pressure`, `heat`, `mass_flow`
        (EUR per step for a deviation by the nominal value) and `economic` (factor on the
        stage's own cost while tracking); `options` what `MpcOptions` names.

    Returns
    -------
    MpcController

    Raises
    ------
    InputError
        The network cannot be planned, or a weight or option is unknown.
    """
    check_weights(settings.weights)
    return MpcController(network, settings, MpcOptions.read(settings.options))
