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

from rexdynnet.control.augmented import AugmentedModel, Noise, observe_with
from rexdynnet.control.base import Decision, Floats, Observation, Outcome, Preview, Rung
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.codegen import Backend, CodeOptions
from rexdynnet.control.horizon import HorizonFiller
from rexdynnet.control.mpc_options import MpcOptions
from rexdynnet.control.network_stages import steady_state
from rexdynnet.control.observer import Estimate, KalmanFilter, arrange
from rexdynnet.control.plan import Limits, Plan, SolveStatus, constant_plan
from rexdynnet.control.rti import RealTimeIteration
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.settings import ControlSettings
from rexdynnet.control.shooting import NlpOptions
from rexdynnet.control.stage import StageModel
from rexdynnet.control.stage_forms import softened
from rexdynnet.control.tracking import TrackingWeights, references, tracking_stage
from rexdynnet.control.trajectory import (
    Trajectory,
    TrajectoryGenerator,
    TrajectoryOptions,
    make_generator,
)
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.simulation.sensors import Sensor

_MEASURED = ("supply_temperature", "return_temperature")
_SENSOR_K = 0.2
_MODEL_K = 1.0
_DRIFT_SHARE = 0.02
_GATE = 6.0
_HARD_EUR_PER_NOMINAL_h = 1e3
_DUMP = 100.0
_MOVED = ("supply_temperature", "differential_pressure", "heat", "mass_flow")


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
    def generator(self) -> TrajectoryGenerator:
        """Of references."""
        options = TrajectoryOptions(
            self.settings.step_s,
            self.settings.horizon_s,
            solver=NlpOptions(tolerance=1e-6, certify_tolerance=1e-4, iterations=100),
        )
        options = replace(options, margins=replace(options.margins, reserve=self.settings.margin))
        return make_generator(self.network, options, self.settings.start_utc)

    @property
    def stage(self) -> StageModel:
        """The softened control model."""
        return self.generator.stage

    @cached_property
    def weights(self) -> TrackingWeights:
        """Of deviations from the reference."""
        given = self.settings.weights
        price = {quantity: given.get(quantity, 1.0) for quantity in _MOVED}
        slacks = {
            s.name: 1e-3 for s in self.stage.controls if s.quantity not in (*_MOVED, "curtailed")
        }
        dumps = {dump.name for dump in self.network.dumps}
        moved = {
            s.name: price[s.quantity] * (_DUMP if s.component in dumps else 1.0)
            for s in self.stage.controls
            if s.quantity in _MOVED
        }
        return TrackingWeights(moved | slacks, {}, given.get("economic", 0.0))

    @cached_property
    def steps(self) -> int:
        """Horizon of the tracking problem."""
        return min(self.options.tracking_steps, self.generator.options.stages)

    @cached_property
    def filler(self) -> HorizonFiller:
        """Newest parameters and limits of the tracking problem."""
        return self.generator.filler

    @cached_property
    def tracker(self) -> RealTimeIteration:
        """The tracking problem."""
        return self._tracker(self.stage)

    @cached_property
    def soft_tracker(self) -> RealTimeIteration:
        """The tracking problem without any hard row, for when there is no answer."""
        rows = tuple(
            replace(row, penalty=_HARD_EUR_PER_NOMINAL_h / row.nominal) for row in self.stage.rows
        )
        return self._tracker(softened(replace(self.stage, rows=rows)))

    @cached_property
    def observer(self) -> KalmanFilter:
        """Of the model's state, by temperatures of plants and substations."""
        model: AugmentedModel = observe_with(
            self.stage,
            [
                Sensor(s.name, f"any_{s.quantity}", s.component, _SENSOR_K)
                for s in self.stage.output_signals
                if s.quantity in _MEASURED
            ],
            noise=Noise(
                outputs={
                    s.name: _MODEL_K for s in self.stage.output_signals if s.quantity in _MEASURED
                },
                other_states=_DRIFT_SHARE,
            ),
        )
        return KalmanFilter(model, gate=_GATE)

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
        parameters = self.filler.fill(preview, first).parameters[0]
        known = self._tanks(observation)
        held = known or {
            s.name: 343.15 for s in self.stage.states if s.component in self._tank_names
        }
        state = steady_state(self.stage, acted, parameters, held)
        estimate = self.observer.init(state, 3.0, time_s=observation.time_s)
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
        estimate = self._estimated(state, observation, applied)
        x = estimate.mean[: len(self.stage.states)]
        trajectory = self._trajectory(rung, state, x, preview, observation)
        offset = self._offset(trajectory, observation.time_s)
        horizon = self.filler.fill(preview, x, state.running, self._delivered(observation))
        soft = rung is Rung.SOFTENED
        tracker = self.soft_tracker if soft else self.tracker
        fed = horizon.parameters[: self.steps]
        chosen = _window(trajectory.plan.controls, offset, self.steps)
        given = _window(trajectory.outputs, offset, self.steps)
        known = np.hstack([fed, references(self.stage, self.weights, chosen, given)])
        start = state.plan.shifted() if state.plan is not None and rung is Rung.WARM else None
        if start is None or start.controls.shape[1] != len(tracker.stage.controls):
            start = self._start(tracker.stage, x, chosen)
        limits = self._limits(tracker.stage, horizon.limits)
        plan = tracker.converge(start, x, known, limits)
        return self._decided(rung, state, estimate, trajectory, plan, fed[0], observation)

    def _decided(
        self,
        rung: Rung,
        state: MpcState,
        estimate: Estimate,
        trajectory: Trajectory,
        plan: Plan,
        parameters: Floats,
        observation: Observation,
    ) -> Decision:
        time_s = observation.time_s
        if plan.status is not SolveStatus.CERTIFIED:
            outcome = (
                Outcome.INFEASIBLE
                if plan.status is SolveStatus.INFEASIBLE
                else Outcome.NOT_CERTIFIED
            )
            cause = f"tracking residual {plan.residual:.1e}: {plan.status.value}"
            held = self.bounds.clipped(np.full(len(self.bounds.signals), np.nan), time_s)
            return Decision(held, state, outcome, rung, cause, plan.iterations)
        own = plan.controls[:, : len(self.stage.controls)]
        edges = time_s + self.settings.step_s * np.arange(plan.horizon + 1)
        planned = np.array(
            [
                self._to_plant(controls, float(t))
                for controls, t in zip(own, edges[:-1], strict=True)
            ]
        )
        offset = self._offset(trajectory, time_s)
        reference = _window(trajectory.plan.controls, offset, 1)[0]
        now = min(offset, trajectory.plan.horizon - 1)
        running = {
            plant.name: bool(trajectory.commitment.of(plant.name)[now])
            for plant in self.network.plants
        }
        gives = np.asarray(
            self.stage.outputs(plan.states[0][: len(self.stage.states)], own[0], parameters),
            dtype=float,
        ).ravel()
        lower, upper = self.bounds.at(time_s)
        span = np.maximum(np.where(np.isfinite(upper - lower), upper - lower, 1.0), 1e-9)
        active = np.where(planned[0] >= upper - 1e-4 * span, 1.0, 0.0)
        active[planned[0] <= lower + 1e-4 * span] = -1.0
        sides = ("_below", "_above")
        slack = [i for i, s in enumerate(self.stage.controls) if s.quantity.endswith(sides)]
        info: dict[str, Floats] = {
            "plan_time_s": np.asarray(edges, dtype=np.float64),
            "plan_controls": planned,
            "reference_controls": self._to_plant(reference, time_s),
            "reference_heat_W": self._planned_heat(trajectory, offset),
            "active": active,
            "slack": np.array([float(np.sum(own[0, slack]))]),
            "predicted": self._predicted(gives, observation),
            "residual": np.array([plan.residual]),
        }
        after = MpcState(estimate, trajectory, plan, own[0], parameters, running)
        said = "" if trajectory.certified else "the reference is of a trajectory not certified"
        return Decision(planned[0], after, Outcome.OK, rung, said, plan.iterations, info)

    def _tracker(self, stage: StageModel) -> RealTimeIteration:
        backend = Backend.MACHINE_CODE if self.options.machine_code else Backend.VIRTUAL_MACHINE
        options = RtiOptions(
            tolerance=1e-4,
            iterations=self.options.iterations,
            repeatable=True,
            code=CodeOptions(backend),
        )
        return RealTimeIteration(tracking_stage(stage, self.weights), self.steps, options)

    def _estimated(self, state: MpcState, observation: Observation, applied: Floats) -> Estimate:
        """Move to now; a clock that stands still or jumped leaves the estimate as it is."""
        elapsed = observation.time_s - state.estimate.time_s
        if elapsed < 0.5 * self.settings.step_s:
            return state.estimate
        acted = self._from_plant(applied, state.acted)
        measured = arrange(self.observer.model, observation)
        estimate = self.observer.step(state.estimate, acted, state.parameters, measured)
        mean = estimate.mean.copy()
        for name, value in self._tanks(observation).items():
            mean[self.stage.index(self.stage.states, name)] = value
        return replace(estimate, mean=mean, time_s=observation.time_s)

    def _trajectory(
        self, rung: Rung, state: MpcState, x: Floats, preview: Preview, observation: Observation
    ) -> Trajectory:
        last = state.trajectory
        if last is not None and rung is not Rung.COLD:
            offset = self._offset(last, observation.time_s)
            if offset < self.options.trajectory_every:
                return last
        usable = last is not None and last.certified and rung is Rung.WARM
        start = last.later(self._offset(last, observation.time_s)) if usable and last else None
        made = self.generator.plan(
            x,
            preview,
            running=state.running,
            delivered_J=self._delivered(observation),
            start=start,
        )
        return made if made.plan.usable or last is None else last

    def _offset(self, trajectory: Trajectory, time_s: float) -> int:
        return max(round((time_s - float(trajectory.edges_s[0])) / self.settings.step_s), 0)

    def _start(self, stage: StageModel, x: Floats, controls: Floats) -> Plan:
        plan = constant_plan(stage, self.steps, x, np.zeros(len(stage.controls)))
        filled = plan.controls.copy()
        filled[:, : controls.shape[1]] = controls
        return replace(plan, controls=filled)

    def _limits(self, stage: StageModel, limits: Limits) -> Limits:
        """The first stages' limits; slacks of softened rows have their own."""
        own = Limits.of(stage, self.steps)
        n = len(self.stage.controls)
        lower, upper = own.controls_lower.copy(), own.controls_upper.copy()
        lower[:, :n] = limits.controls_lower[: self.steps]
        upper[:, :n] = limits.controls_upper[: self.steps]
        return replace(own, controls_lower=lower, controls_upper=upper)

    @cached_property
    def _tank_names(self) -> frozenset[str]:
        return frozenset(tank.name for tank in self.network.tanks)

    def _tanks(self, observation: Observation) -> dict[str, float]:
        """Measured temperatures of the model's tank layers."""
        found: dict[str, float] = {}
        for tank in self.network.tanks:
            layers = sum(s.component == tank.name and s.unit == "K" for s in self.stage.states)
            measured = np.array(
                [observation.get(f"{tank.name}.temperature_{i}") for i in range(tank.layers)]
            )
            for i, part in enumerate(np.array_split(measured, layers)):
                if np.isfinite(part).all():
                    found[f"{tank.name}.temperature_{i}"] = float(part.mean())
        return found

    def _delivered(self, observation: Observation) -> dict[str, float]:
        names = [unit.name for unit in self.network.substations]
        seen = {name: observation.get(f"{name}.energy_in_unit") for name in names}
        return {name: value for name, value in seen.items() if np.isfinite(value)}

    @cached_property
    def _places(self) -> tuple[tuple[int, int], ...]:
        """Pairs of plant control and model control of the same name."""
        own = {signal.name: i for i, signal in enumerate(self.stage.controls)}
        return tuple(
            (i, own[signal.name])
            for i, signal in enumerate(self.bounds.signals)
            if signal.name in own
        )

    def _to_plant(self, controls: Floats, time_s: float) -> Floats:
        values = self.bounds.defaults.copy()
        for here, there in self._places:
            values[here] = controls[there]
        return self.bounds.clipped(values, time_s)

    def _from_plant(self, applied: Floats, otherwise: Floats) -> Floats:
        values = otherwise.copy()
        for here, there in self._places:
            if np.isfinite(applied[here]):
                values[there] = applied[here]
        return values

    def _planned_heat(self, trajectory: Trajectory, offset: int) -> Floats:
        row = _window(trajectory.outputs, offset, 1)[0]
        names = [f"{unit.name}.heat" for unit in self.network.substations]
        return np.array([row[self.stage.index(self.stage.output_signals, n)] for n in names])

    def _predicted(self, gives: Floats, observation: Observation) -> Floats:
        own = {signal.name: i for i, signal in enumerate(self.stage.output_signals)}
        return np.array([gives[own[n]] if n in own else np.nan for n in observation.names])


def _window(values: Floats, offset: int, length: int) -> Floats:
    """Rows from an offset on; the last one holds beyond the end."""
    places = np.minimum(offset + np.arange(length), len(values) - 1)
    return values[places]


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
    known = {*_MOVED, "economic"}
    wrong = [name for name in settings.weights if name not in known]
    if wrong:
        raise InputError(
            Finding(
                f"mpc has no weight '{wrong[0]}'",
                f"choose from {', '.join(sorted(known))}",
                field="control.weights",
            )
        )
    return MpcController(network, settings, MpcOptions.read(settings.options))
