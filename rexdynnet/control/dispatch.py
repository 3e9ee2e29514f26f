"""Economic dispatch by a mixed-integer programme; supply by the coldest substation.

Between the baseline and a nonlinear MPC: it looks as far ahead as the forecast and knows
prices, starts, minimum loads and the tank, but of the network only its standing losses.
The supply temperature follows no curve: feedback keeps the coldest substation just above
what its contract promises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rexdynnet.control.base import Decision, Floats, Observation, Outcome, Preview, Rung
from rexdynnet.control.baseline import BaselineController, make_baseline
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.commitment import Candidate, Commitment, HeatStore, commit
from rexdynnet.control.merit import offers
from rexdynnet.control.settings import ControlSettings
from rexdynnet.errors import RexdynnetError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Plant, PlantControl, Tank

_RESERVE_K = 2.0
_GAIN = 0.2
_LARGEST_STEP_K = 0.5
# A fifth of a percent in an hour: without it, charging and discharging in turn would cost nothing.
_LOSS_PER_S = 6e-7


@dataclass(frozen=True)
class DispatchState:
    """What the dispatch remembers.

    Parameters
    ----------
    supply_K : float
        Its present set-point.
    baseline : object
        State of the law that states demands and losses.
    """

    supply_K: float
    baseline: object


@dataclass(frozen=True)
class DispatchController:
    """Mixed-integer dispatch with supply-temperature feedback; see `make_dispatch`.

    Parameters
    ----------
    network : Network
    settings : ControlSettings
    law : BaselineController
        States the need and the heating curve to start from.
    """

    network: Network
    settings: ControlSettings
    law: BaselineController

    @cached_property
    def bounds(self) -> ControlBounds:
        """Of the network's controls."""
        return self.law.bounds

    def init(self, observation: Observation, preview: Preview) -> DispatchState:
        """Start at the heating curve."""
        state = self.law.init(observation, preview)
        return DispatchState(self.law.supply_temperature(state.outdoor_K), state)

    def step(
        self, observation: Observation, preview: Preview, applied: Floats, state: object
    ) -> Decision:
        """Dispatch over the horizon and apply its first interval.

        Parameters
        ----------
        observation : Observation
        preview : Preview
        applied : ndarray, shape (n_u,)
        state : object

        Returns
        -------
        Decision
            With the whole plan in `info`.
        """
        if not isinstance(state, DispatchState):
            state = self.init(observation, preview)
        base = self.law.step(observation, preview, applied, state.baseline)
        if base.outcome is Outcome.BAD_PREVIEW or not np.all(np.isfinite(preview.disturbances)):
            kept = replace(state, baseline=base.state)
            return replace(base, state=kept, outcome=Outcome.BAD_PREVIEW)
        hot = self._supply(observation, state)
        after = DispatchState(hot, base.state)
        needs = self._needs(preview, hot)
        try:
            found = self._commitment(observation, preview, applied, needs, hot)
        except RexdynnetError as error:
            return replace(base, state=after, outcome=Outcome.MODEL_FAILURE, cause=str(error))
        plan = self._plan(found, needs, hot, base.controls)
        values = self._ramped(self._warm(plan[0], observation), applied)
        values = self.bounds.clipped(values, observation.time_s)
        info = {
            "plan_time_s": preview.time_s,
            "plan_controls": plan,
            "reference_controls": plan[0],
            "reference_heat_W": base.info.get("reference_heat_W", np.zeros(0)),
        }
        short = float(found.unserved_W[0])
        told = f"plants and tanks lack {short / 1e3:.1f} kW" if short > 1.0 else ""
        outcome = Outcome.OVERLOADED if told else Outcome.OK
        return Decision(values, after, outcome, Rung.WARM, told, 1, info)

    def _supply(self, observation: Observation, state: DispatchState) -> float:
        lacking: list[float] = []
        least = self._least_K + _RESERVE_K
        for substation in self.network.substations:
            wanted = substation.minimum_supply_temperature_K + _RESERVE_K
            seen = observation.get(f"{substation.name}.supply_temperature")
            if np.isfinite(seen):
                lacking.append(wanted - seen)
        if not lacking:
            return state.supply_K
        change = float(np.clip(_GAIN * max(lacking), -_LARGEST_STEP_K, _LARGEST_STEP_K))
        # Too cold is mended at once and in full, too warm slowly.
        change = change / _GAIN if change > 0 else change
        highest = max(plant.maximum_supply_temperature_K for plant in self.network.plants)
        return float(np.clip(state.supply_K + change, least, highest))

    @cached_property
    def _least_K(self) -> float:
        """Highest supply temperature that a contract promises."""
        return max(s.minimum_supply_temperature_K for s in self.network.substations)

    def _needs(self, preview: Preview, hot_K: float) -> Floats:
        """Heat that plants and tanks must give in each interval, W."""
        rows = range(len(preview.disturbances))
        return np.array([self.law.need_in(preview, row, hot_K) for row in rows])

    def _commitment(
        self,
        observation: Observation,
        preview: Preview,
        applied: Floats,
        needs: Floats,
        hot_K: float,
    ) -> Commitment:
        ahead = [offers(self.network, preview, hot_K, row=row) for row in range(len(needs))]
        running = self.law.running(applied)
        candidates = tuple(
            Candidate(
                plant.name,
                np.array([row[index].available_W for row in ahead]),
                plant.minimum_load_W,
                np.array([row[index].price_EUR_per_MWh for row in ahead]),
                plant.start_cost_EUR,
                running.get(plant.name, 0.0) > 0 or plant.control is PlantControl.PRESSURE,
                plant.control is PlantControl.PRESSURE,
            )
            for index, plant in enumerate(self.network.plants)
        )
        return commit(
            candidates,
            needs,
            self.settings.step_s,
            margin=self.settings.margin,
            store=self._store(observation, candidates, len(needs), hot_K),
        )

    def _store(
        self,
        observation: Observation,
        candidates: tuple[Candidate, ...],
        count: int,
        hot_K: float,
    ) -> HeatStore | None:
        tanks = [tank for tank in self.network.tanks if self._layers(observation, tank) is not None]
        if not tanks:
            return None
        cp = self.network.fluid.specific_heat_J_per_kgK
        capacity = level = flow = 0.0
        for tank in tanks:
            layers = self._layers(observation, tank)
            mass = tank.volume_m3 * self.network.fluid.density_kg_per_m3
            capacity += mass * cp * (hot_K - self.law.return_K)
            if layers is not None:
                # Water too cold for the supply line is no store.
                warm = np.minimum(layers, hot_K) - self.law.return_K
                useful = np.where(layers >= self._least_K + _RESERVE_K, warm, 0.0)
                level += mass * cp * float(useful.mean())
            flow += min(tank.maximum_flow_kg_per_s, mass / 3600.0)
        power = np.full(count, flow * cp * (hot_K - self.law.return_K))
        steady = [np.median(c.cost_EUR_per_MWh) for c in candidates]
        return HeatStore(
            0.95 * capacity,
            min(level, 0.95 * capacity),
            power,
            power,
            _LOSS_PER_S,
            value_EUR_per_MWh=0.9 * float(min(steady)),
        )

    def _layers(self, observation: Observation, tank: Tank) -> Floats | None:
        seen = [observation.get(f"{tank.name}.temperature_{i}") for i in range(tank.layers)]
        values = np.array(seen)
        return values[np.isfinite(values)] if np.isfinite(values).any() else None

    def _plan(self, found: Commitment, needs: Floats, hot_K: float, base: Floats) -> Floats:
        plan = np.tile(base, (len(needs), 1))
        stored = found.heat_W.sum(axis=1) + found.unserved_W - needs
        rate = self.network.fluid.specific_heat_J_per_kgK * max(hot_K - self.law.return_K, 1.0)
        volume = sum(tank.volume_m3 for tank in self.network.tanks)
        lower, upper = self.bounds.at(0.0)
        for index, signal in enumerate(self.bounds.signals):
            component = self.network.component_by_name[signal.component]
            if isinstance(component, Plant) and signal.quantity == "supply_temperature":
                plan[:, index] = min(hot_K, component.maximum_supply_temperature_K)
            elif isinstance(component, Plant) and signal.quantity == "heat":
                plan[:, index] = found.heat_W[:, found.names.index(component.name)]
            elif isinstance(component, Tank):
                plan[:, index] = stored * component.volume_m3 / volume / rate
        return np.clip(plan, lower, upper)

    def _warm(self, values: Floats, observation: Observation) -> Floats:
        """The same, without discharging a tank whose top is too cold."""
        out = values.copy()
        for index, signal in enumerate(self.bounds.signals):
            tank = self.network.component_by_name[signal.component]
            if isinstance(tank, Tank) and out[index] < 0:
                top = observation.get(f"{tank.name}.temperature_0", np.inf)
                out[index] = out[index] if top >= self._least_K + _RESERVE_K else 0.0
        return out

    def _ramped(self, values: Floats, applied: Floats) -> Floats:
        out = values.copy()
        for index, signal in enumerate(self.bounds.signals):
            plant = self.network.component_by_name[signal.component]
            if not isinstance(plant, Plant) or signal.quantity != "heat" or values[index] <= 0:
                continue
            if np.isfinite(applied[index]):
                change = plant.ramp_W_per_s * self.settings.step_s
                reached = np.clip(values[index], applied[index] - change, applied[index] + change)
                out[index] = max(float(reached), plant.minimum_load_W)
        return out


def make_dispatch(network: Network, settings: ControlSettings) -> DispatchController:
    """Make the dispatch controller.

    Parameters
    ----------
    network : Network
    settings : ControlSettings

    Returns
    -------
    DispatchController
    """
    return DispatchController(network, settings, make_baseline(network, settings))
