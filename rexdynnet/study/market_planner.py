"""The plan behind the market: prices and what can still be delivered, made at each gate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Observation, Preview
from rexdynnet.control.envelope import FlowBounds, delivery_envelope, flow_bounds
from rexdynnet.control.estimation import Estimator
from rexdynnet.control.mpc import MpcController, make_mpc
from rexdynnet.control.observer import Estimate
from rexdynnet.control.prices import price_surface
from rexdynnet.control.rti_options import RtiOptions
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.control.trajectory import Trajectory, TrajectoryGenerator
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Plant, PlantControl
from rexdynnet.study.market_settings import MarketSettings, reserving
from rexdynnet.timeline import DeliveryEnvelope, PriceSurface

Floats = NDArray[np.float64]
_QP = 1e-5
_ITERATIONS = 80


@dataclass(frozen=True)
class PlannerState:
    """What the planner remembers.

    Parameters
    ----------
    estimate : Estimate
        Of the model's state.
    trajectory : Trajectory or None
        Of the last gate.
    acted, parameters : ndarray, shapes (n_u,) and (n_p,)
        Of the control step that ends now.
    """

    estimate: Estimate
    trajectory: Trajectory | None
    acted: Floats
    parameters: Floats


@dataclass(frozen=True)
class Certified:
    """What one gate closure publishes.

    Parameters
    ----------
    prices : PriceSurface
    envelope : DeliveryEnvelope
    certified : bool
        Whether the plan behind both kept its tolerance.
    uptake_J : ndarray, shape (n,)
        Heat that plants are planned to feed in per unit, beyond the least of those that hold
        the pressure.
    """

    prices: PriceSurface
    envelope: DeliveryEnvelope
    certified: bool
    uptake_J: Floats


@dataclass(frozen=True)
class Planner:
    """Plans at gate closure, whatever controller moves the plant; see `make_planner`.

    Parameters
    ----------
    controller : MpcController
        Its models, its observer and its trajectories are used, its feedback is not.
    settings : MarketSettings
    """

    controller: MpcController
    settings: MarketSettings

    @cached_property
    def generator(self) -> TrajectoryGenerator:
        """Of trajectories, to the market's tolerance."""
        made = self.controller.generator
        solver = made.options.solver
        if isinstance(solver, RtiOptions):
            tolerance = self.settings.plan_tolerance
            solver = replace(solver, tolerance=tolerance, qp_tolerance=_QP, iterations=_ITERATIONS)
        return replace(made, options=replace(made.options, solver=solver))

    @cached_property
    def flow_bounds(self) -> FlowBounds:
        """Of the controller's network."""
        return flow_bounds(self.controller.view.network)

    @property
    def estimator(self) -> Estimator:
        """The observer."""
        return self.controller.estimator

    def init(self, observation: Observation, preview: Preview) -> PlannerState:
        """Start from the steady state of the first preview."""
        begun = self.controller.init(observation, preview)
        return PlannerState(begun.estimate, None, begun.acted, begun.parameters)

    def observe(
        self, state: PlannerState, observation: Observation, applied: Floats
    ) -> PlannerState:
        """Take in what was measured at the end of a control step.

        Parameters
        ----------
        state : PlannerState
        observation : Observation
        applied : ndarray, shape (n_u of the plant,)
            What acted during the step.

        Returns
        -------
        PlannerState
        """
        acted = self.controller.mapped.from_plant(applied, state.acted)
        if observation.time_s - state.estimate.time_s < 0.5 * self.controller.settings.step_s:
            return replace(state, acted=acted)
        seen = self.controller.view.observation(observation)
        parameters = state.parameters
        if state.trajectory is not None:
            parameters = self._parameters(state.trajectory, state.estimate)
        estimate = self.estimator.step(state.estimate, acted, parameters, seen)
        return replace(state, estimate=estimate, acted=acted, parameters=parameters)

    def plan(self, state: PlannerState, preview: Preview) -> tuple[Certified, PlannerState]:
        """Plan from now on, and say what heat costs and how much can still be sold.

        Parameters
        ----------
        state : PlannerState
        preview : Preview
            Starts with a time unit.

        Returns
        -------
        Certified
        PlannerState
        """
        view, generator = self.controller.view, self.generator
        own = self.estimator.stage
        before = [
            state.acted[generator.stage.index(generator.stage.controls, _moved(signal.name))]
            for signal in generator.stage.states[len(own.states) :]
        ]
        x = np.concatenate([self.estimator.states(state.estimate), np.array(before)])
        last = state.trajectory
        start = None
        if last is not None and last.certified:
            passed = float(preview.time_s[0] - last.edges_s[0]) / last.stage.step_s
            start = last.later(round(passed))
        corrections = self.estimator.corrections(state.estimate)
        made = generator.plan(x, view.preview(preview), corrections=corrections, start=start)
        start_utc = self.controller.settings.start_utc
        if start_utc is None:
            raise ValueError("the planner needs the start of the run")
        unit_s = self.settings.unit_s
        prices = price_surface(made, view.network, start_utc, unit_s)
        envelope = delivery_envelope(made, view.network, start_utc, unit_s, bounds=self.flow_bounds)
        names = reserving(view.original)
        found = Certified(
            self._prices(prices, names),
            self._envelope(envelope, names),
            made.certified,
            self._uptake_J(made, len(envelope.units)),
        )
        return found, replace(state, trajectory=made)

    def _uptake_J(self, trajectory: Trajectory, units: int) -> Floats:
        each = max(round(self.settings.unit_s / trajectory.stage.step_s), 1)
        heats = [trajectory.output(f"{plant.name}.heat") for plant in self._plants]
        whole = np.sum(heats, axis=0)[: units * each].reshape(units, each)
        always_W = sum(
            plant.minimum_load_W
            for plant in self._plants
            if plant.control is PlantControl.PRESSURE and plant.name not in self.settings.producers
        )
        return np.maximum(whole.mean(axis=1) - always_W, 0.0) * self.settings.unit_s

    @property
    def _plants(self) -> tuple[Plant, ...]:
        return self.controller.view.network.plants

    def _parameters(self, trajectory: Trajectory, estimate: Estimate) -> Floats:
        """Of the step that ended with the estimate's clock, as the observer wants them."""
        place = int((estimate.time_s - trajectory.edges_s[0]) / trajectory.stage.step_s + 1e-6)
        row = trajectory.parameters[min(max(place, 0), len(trajectory.parameters) - 1)].copy()
        for name, usual in self.estimator.usual.items():
            row[trajectory.stage.index(trajectory.stage.parameters, name)] = usual
        return row

    def _prices(self, found: PriceSurface, names: tuple[str, ...]) -> PriceSurface:
        """Prices of every substation: those of its equivalent."""
        stand = [found.places.index(self.controller.view.members[name]) for name in names]
        return PriceSurface(
            names,
            found.units,
            found.price_EUR_per_MWh[:, stand],
            found.energy[:, stand],
            found.loss[:, stand],
            found.congestion[:, stand],
            found.scarcity[:, stand],
            found.valid[:, stand],
            found.uplift_EUR,
        )

    def _envelope(self, found: DeliveryEnvelope, names: tuple[str, ...]) -> DeliveryEnvelope:
        """Rows for every substation, and its own connection beside its equivalent's."""
        view = self.controller.view
        stand = [found.participants.index(view.members[name]) for name in names]
        rows = [found.rows[:, :, stand]]
        labels, limits = list(found.names), [found.limit_J]
        if view.network is not view.original:
            count = len(found.units)
            own = {unit.name: unit.design_heat_W for unit in view.original.substations}
            for column, name in enumerate(names):
                table = np.zeros((count, count, len(names)))
                table[np.arange(count), np.arange(count), column] = 1.0
                rows.append(table)
                labels += [f"connection of {name} {unit}" for unit in range(count)]
                limits.append(np.full(count, own[name] * self.settings.unit_s))
        return DeliveryEnvelope(
            names,
            found.units,
            tuple(labels),
            np.concatenate(rows),
            np.concatenate(limits),
            found.probability,
        )


def make_planner(network: Network, control: ControlSettings, market: MarketSettings) -> Planner:
    """Make the planner of a market; it is the same for every controller.

    Parameters
    ----------
    network : Network
    control : ControlSettings
        Of the run: step, margin and start are taken from it.
    market : MarketSettings

    Returns
    -------
    Planner
    """
    stride = max(1, round(market.unit_s / control.step_s))
    options: dict[str, object] = {"trajectory_stride": stride}
    settings = replace(
        control,
        kind=ControllerKind.MPC,
        horizon_s=market.plan_horizon_s,
        weights={},
        options=options,
    )
    return Planner(make_mpc(network, settings), market)


def _moved(name: str) -> str:
    """The control whose last value a state of the plan holds."""
    return name.removesuffix("_before")
