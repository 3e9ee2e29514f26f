"""The baseline: weather-compensated supply, a pressure set-point and plants by merit order.

What operators do without optimisation; the local loops of substations and pumps belong to
the plant. It needs no solver and no model, so it is also the ladder's last law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rexdynnet.control.base import Decision, Floats, Observation, Outcome, Preview, Rung
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.merit import PlantOffer, commit, offers, standing_loss_W
from rexdynnet.control.settings import ControlSettings
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.spec import FixedReturn, HeatingCurve, Plant, PlantControl, Tank

_HOUR_S = 3600.0
_RETURN_K = 313.15
_FULL_K = 8.0
_USEFUL_K = 10.0


@dataclass(frozen=True)
class BaselineState:
    """What the baseline remembers.

    Parameters
    ----------
    time_s : float
    outdoor_K : float
        Outdoor temperature behind the averaging lag.
    """

    time_s: float
    outdoor_K: float


@dataclass(frozen=True)
class BaselineController:
    """Heating curve, differential-pressure set-point, merit order; see `make_baseline`.

    Parameters
    ----------
    network : Network
    settings : ControlSettings
    averaging_s : float
        Time constant by which the heating curve follows the outdoor temperature.
    """

    network: Network
    settings: ControlSettings
    averaging_s: float = 6 * _HOUR_S

    @cached_property
    def bounds(self) -> ControlBounds:
        """Of the network's controls."""
        return ControlBounds(self.network, self.settings.start_utc)

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {signal.name: index for index, signal in enumerate(disturbances(self.network))}

    def init(self, observation: Observation, preview: Preview) -> BaselineState:
        """Start with the present outdoor temperature."""
        return BaselineState(observation.time_s, self._outdoor(observation, preview, np.nan))

    def step(
        self, observation: Observation, preview: Preview, applied: Floats, state: object
    ) -> Decision:
        """Set-points for the coming step.

        Parameters
        ----------
        observation : Observation
            Only the outdoor temperature and the tanks' temperatures are used.
        preview : Preview
        applied : ndarray, shape (n_u,)
        state : object
            A `BaselineState`; anything else starts anew.

        Returns
        -------
        Decision
        """
        if not isinstance(state, BaselineState):
            state = self.init(observation, preview)
        after = self._followed(observation, preview, state)
        if not np.isfinite(after.outdoor_K) or not np.all(np.isfinite(preview.disturbances[0])):
            values = self.bounds.clipped(self.bounds.defaults, observation.time_s)
            cause = "the outdoor temperature or the forecast is NaN"
            return Decision(values, state, Outcome.BAD_PREVIEW, Rung.BASELINE, cause)
        hot = self.supply_temperature(after.outdoor_K)
        need, demands = self._need(preview, hot)
        offered = offers(self.network, preview, hot)
        heats = commit(
            offered,
            need,
            self.running(applied),
            margin=self.settings.margin,
            step_s=self.settings.step_s,
        )
        spare = _on_line(offered, heats) - need
        values = self.bounds.defaults.copy()
        for index, signal in enumerate(self.bounds.signals):
            component = self.network.component_by_name[signal.component]
            if isinstance(component, Plant):
                if signal.quantity == "supply_temperature":
                    values[index] = hot
                elif signal.quantity == "heat":
                    values[index] = heats[component.name]
            elif isinstance(component, Tank):
                values[index] = self._tank_flow(component, observation, spare, hot)
                spare -= values[index] * self._rate(hot)
        values = self.bounds.clipped(values, observation.time_s)
        short = spare < -1e-6 * max(need, 1.0)
        cause = (
            f"plants and tanks lack {-spare / 1e3:.1f} kW of {need / 1e3:.1f} kW" if short else ""
        )
        outcome = Outcome.OVERLOADED if short else Outcome.OK
        info = {"reference_heat_W": demands, "reference_controls": values}
        return Decision(values, after, outcome, Rung.BASELINE, cause, 0, info)

    def supply_temperature(self, outdoor_K: float) -> float:
        """Point of the network's heating curve, K."""
        return curve_at(self.network.heating_curve, outdoor_K)

    def _outdoor(self, observation: Observation, preview: Preview, otherwise: float) -> float:
        ahead = float(preview.disturbances[0, self._columns["outdoor.temperature"]])
        return observation.get("outdoor.temperature", ahead if np.isfinite(ahead) else otherwise)

    def _followed(
        self, observation: Observation, preview: Preview, state: BaselineState
    ) -> BaselineState:
        seen = self._outdoor(observation, preview, state.outdoor_K)
        if not np.isfinite(state.outdoor_K):
            return BaselineState(observation.time_s, seen)
        share = np.exp(-max(observation.time_s - state.time_s, 0.0) / self.averaging_s)
        return BaselineState(observation.time_s, float(seen + share * (state.outdoor_K - seen)))

    def _need(self, preview: Preview, hot_K: float) -> tuple[float, Floats]:
        """Heat that plants must give over the next hour, and the coming step's demands."""
        ends = np.minimum(preview.time_s[1:] - preview.time_s[0], _HOUR_S)
        weights = np.diff(np.concatenate([[0.0], ends]))
        rows = np.flatnonzero(weights > 0)
        needs = np.array([self.need_in(preview, int(row), hot_K) for row in rows])
        return float(needs @ weights[rows] / weights.sum()), self._demands(preview, 0, hot_K)

    def need_in(self, preview: Preview, row: int, hot_K: float) -> float:
        """Heat that plants and tanks must give in one interval: demands and standing losses, W.

        Parameters
        ----------
        preview : Preview
        row : int
        hot_K : float
            Supply temperature.

        Returns
        -------
        float
        """
        ground = float(preview.disturbances[row, self._columns["ground.temperature"]])
        loss = standing_loss_W(self.network, hot_K, self.return_K, ground)
        return float(self._demands(preview, row, hot_K).sum()) + loss

    def _demands(self, preview: Preview, row: int, hot_K: float) -> Floats:
        values = preview.disturbances[row]
        demands = np.zeros(len(self.network.substations))
        for place, substation in enumerate(self.network.substations):
            column = self._columns.get(f"{substation.name}.heat_demand")
            if column is not None:
                demands[place] = values[column]
            elif substation.building is not None:
                house = substation.building
                lost = house.setpoint_K - values[self._columns["outdoor.temperature"]]
                demands[place] = np.clip(house.loss_W_per_K * lost, 0.0, substation.design_heat_W)
            else:
                flow = self._columns.get(f"{substation.name}.mass_flow_demand")
                demands[place] = 0.0 if flow is None else values[flow] * self._rate(hot_K)
        return demands

    @cached_property
    def return_K(self) -> float:
        """Mean return temperature that substations promise, K."""
        laws = [substation.return_law for substation in self.network.substations]
        fixed = [law.temperature_K for law in laws if isinstance(law, FixedReturn)]
        return float(np.mean(fixed)) if fixed else _RETURN_K

    def _rate(self, hot_K: float) -> float:
        return self.network.fluid.specific_heat_J_per_kgK * max(hot_K - self.return_K, 1.0)

    def running(self, applied: Floats) -> dict[str, float]:
        """Heat that each commanded plant was told to give, W."""
        return {
            signal.component: float(value)
            for signal, value in zip(self.bounds.signals, applied, strict=True)
            if signal.quantity == "heat" and np.isfinite(value)
        }

    def _tank_flow(
        self, tank: Tank, observation: Observation, spare_W: float, hot_K: float
    ) -> float:
        """A reserve: gives what plants on line lack, and is filled again from what they spare."""
        top = observation.get(f"{tank.name}.temperature_0")
        bottom = observation.get(f"{tank.name}.temperature_{tank.layers - 1}")
        limit = tank.maximum_flow_kg_per_s
        if spare_W < 0 and np.isfinite(top) and top > self.return_K + _USEFUL_K:
            return max(spare_W / self._rate(top), -limit)
        if spare_W > 0 and np.isfinite(bottom) and bottom < hot_K - _FULL_K:
            hourly = tank.volume_m3 * self.network.fluid.density_kg_per_m3 / (4 * _HOUR_S)
            return min(0.5 * spare_W / self._rate(hot_K), hourly, limit)
        return 0.0


def make_baseline(network: Network, settings: ControlSettings) -> BaselineController:
    """Make the baseline controller.

    Parameters
    ----------
    network : Network
    settings : ControlSettings
        Option `outdoor_averaging_s` is the heating curve's lag (6 h).

    Returns
    -------
    BaselineController

    Examples
    --------
    >>> from rexdynnet import read_network
    >>> baseline = make_baseline(read_network("models/networks/destest16"), ControlSettings())
    >>> round(baseline.supply_temperature(261.15) - 273.15, 3)
    70.0
    """
    averaging = settings.options.get("outdoor_averaging_s", 6 * _HOUR_S)
    seconds = float(averaging) if isinstance(averaging, int | float) else 6 * _HOUR_S
    return BaselineController(network, settings, seconds)


def curve_at(curve: HeatingCurve, outdoor_K: float) -> float:
    """Supply temperature of a heating curve, constant beyond its ends, K."""
    outdoor, supply = zip(*curve.points, strict=True)
    return float(np.interp(outdoor_K, outdoor, supply))


def _on_line(offered: tuple[PlantOffer, ...], heats: dict[str, float]) -> float:
    balancing = sum(o.available_W for o in offered if o.plant.control is PlantControl.PRESSURE)
    return balancing + sum(heats.values())
