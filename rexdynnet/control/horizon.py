"""From a preview to the parameters, limits and commitment of a trajectory's stages."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from types import MappingProxyType

import numpy as np

from rexdynnet.control.base import Preview
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.commitment import Candidate, Commitment, HeatStore, commit
from rexdynnet.control.plan import Limits
from rexdynnet.control.stage import Floats, StageModel
from rexdynnet.control.stage_options import STORED_SHARE
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.spec import Plant, PlantControl, PlantKind, SubstationControl
from rexdynnet.physics.devices import carnot_cop, solar_heat
from rexdynnet.timeline import Schedule

_MWH_J = 3.6e9
_RETURN_K = 313.15
_STILL_W = 100.0
_DROP_K = 2.0


@dataclass(frozen=True)
class Margins:
    """What planning adds for what it does not know.

    Parameters
    ----------
    reserve : float
        Capacity on line is at least (1 + reserve) times demand and losses; plants that hold a
        pressure keep this reserve free, as far as others can give the rest, for they alone
        follow what comes between two commands.
    lost_load_EUR_per_MWh : float
    """

    reserve: float = 0.1
    lost_load_EUR_per_MWh: float = 3000.0


@dataclass(frozen=True)
class Horizon:
    """Stages of a trajectory, filled from a preview.

    Parameters
    ----------
    edges_s : ndarray, shape (K + 1,)
    parameters : ndarray, shape (K, n_p)
    limits : Limits
    commitment : Commitment
    available_W : ndarray, shape (K,)
        What all plants together could give that are not out, running or not.
    """

    edges_s: Floats
    parameters: Floats
    limits: Limits
    commitment: Commitment
    available_W: Floats


def means_over(times_s: Floats, values: Floats, edges_s: Floats) -> Floats:
    """Average stepwise values over other intervals; the last value holds beyond the end.

    Parameters
    ----------
    times_s : ndarray, shape (n + 1,)
        Edges of the steps.
    values : ndarray, shape (n,) or (n, k)
    edges_s : ndarray, shape (m + 1,)

    Returns
    -------
    ndarray, shape (m,) or (m, k)

    Examples
    --------
    >>> means_over(np.array([0.0, 1.0, 2.0]), np.array([2.0, 4.0]), np.array([0.0, 2.0, 4.0]))
    array([3., 4.])
    """
    table = values if values.ndim == 2 else values[:, None]
    steps = np.diff(times_s)
    running = np.vstack([np.zeros(table.shape[1]), np.cumsum(table * steps[:, None], axis=0)])
    inside = np.clip(edges_s, times_s[0], times_s[-1])
    at = np.column_stack([np.interp(inside, times_s, column) for column in running.T])
    at += np.maximum(edges_s - times_s[-1], 0.0)[:, None] * table[-1]
    at -= np.maximum(times_s[0] - edges_s, 0.0)[:, None] * table[0]
    found = np.diff(at, axis=0) / np.diff(edges_s)[:, None]
    return found if values.ndim == 2 else found[:, 0]


def demand_to_go(
    schedule: Schedule,
    start: datetime,
    edges_s: Floats,
    forecast_W: Floats,
    delivered_J: Mapping[str, float] | None = None,
) -> Floats:
    """Power that keeps each commitment from now on: what is left of its energy.

    Parameters
    ----------
    schedule : Schedule
    start : datetime
        Second 0.
    edges_s : ndarray, shape (K + 1,)
        The first is now.
    forecast_W : ndarray, shape (K, k)
        By participant; acts beyond the schedule.
    delivered_J : mapping of participant to float, optional
        In the unit that runs now; else what the schedule says for the time that is gone.

    Returns
    -------
    ndarray, shape (K, k)
    """
    own = schedule.edges_s(start)
    now = float(edges_s[0])
    running = int(np.searchsorted(own, now, side="right")) - 1
    if not 0 <= running < len(schedule.units):
        return schedule.mean_power_W(start, edges_s, forecast_W)
    left = np.array(schedule.energy_J, dtype=float)
    gone, span = now - own[running], own[running + 1] - now
    for column, name in enumerate(schedule.participants):
        energy = schedule.energy_J[running, column]
        had = (delivered_J or {}).get(name, energy * gone / schedule.unit_s)
        to_go = energy - had
        # what was taken beyond the commitment is the prosumer's own miss, not fed back
        left[running, column] = max(to_go, 0.0) if energy >= 0 else min(to_go, 0.0)
    # stretched over the whole unit, so that its power is that of the time that is left
    left[running] *= schedule.unit_s / span
    return Schedule(schedule.participants, schedule.units, left).mean_power_W(
        start, edges_s, forecast_W
    )


@dataclass(frozen=True)
class HorizonFiller:
    """Fills horizons of one network and one stage model.

    Parameters
    ----------
    network : Network
    stage : StageModel
        Softened.
    stages : int
    margins : Margins
    start_utc : datetime or None
        Second 0; without it schedules and dated limits do not act.
    """

    network: Network
    stage: StageModel
    stages: int
    margins: Margins = field(default_factory=Margins)
    start_utc: datetime | None = None

    def fill(
        self,
        preview: Preview,
        state: Floats,
        running: Mapping[str, bool] | None = None,
        delivered_J: Mapping[str, float] | None = None,
        corrections: Mapping[str, float] = MappingProxyType({}),
        commitment: Commitment | None = None,
    ) -> Horizon:
        """Fill a horizon that starts with the preview.

        Parameters
        ----------
        preview : Preview
        state : ndarray, shape (n_x,)
        running : mapping of plant name to bool, optional
        delivered_J : mapping of participant to float, optional
        corrections : mapping of parameter name to float
            An observer's offsets.
        commitment : Commitment, optional
            Decided before, with a row for each stage; else it is decided here.

        Returns
        -------
        Horizon

        Raises
        ------
        InputError
            A value is NaN.
        """
        K, step = self.stages, self.stage.step_s
        edges = preview.time_s[0] + step * np.arange(K + 1)
        table = means_over(preview.time_s, preview.disturbances, edges)
        acting = {s.name: table[:, i] for i, s in enumerate(disturbances(self.network))}
        values: dict[str, float | Floats] = {
            name: acting[name] for name in ("ground.temperature", "outdoor.temperature")
        }
        demand = self._demands(acting, preview, edges, delivered_J)
        values |= demand[0]
        values["electricity.price"] = means_over(
            preview.time_s, preview.electricity_EUR_per_MWh, edges
        )
        values["network.lost_load_price"] = self.margins.lost_load_EUR_per_MWh
        for name, price in preview.fuel_EUR_per_MWh.items():
            values[f"{name}.fuel_price"] = means_over(preview.time_s, price, edges)
        offered = {plant.name: self._capacity(plant, acting) for plant in self.network.plants}
        committed = commitment or self._commit(
            offered, values, demand[1], acting, state, running or {}
        )
        need = np.maximum(demand[1], 0.0) + _losses_W(self.network, acting["ground.temperature"])
        for name, (least, most) in self._balancing(offered, committed, need).items():
            values[f"{name}.heat_lower"], values[f"{name}.heat_upper"] = least, most
        values |= corrections
        parameters = self.stage.fill_parameters(K, values)
        limits = self._limits(edges, offered, committed, acting, demand[2])
        available = np.sum(list(offered.values()), axis=0)
        return Horizon(edges, parameters, limits, committed, available)

    def _balancing(
        self, offered: Mapping[str, Floats], committed: Commitment, need_W: Floats
    ) -> dict[str, tuple[Floats, Floats]]:
        """Least and most heat of plants that hold a pressure, their reserve kept free."""
        plants = self.network.plants
        on = {plant.name: offered[plant.name] * committed.of(plant.name) for plant in plants}
        holding = [plant for plant in plants if plant.control is PlantControl.PRESSURE]
        together = np.sum([on[plant.name] for plant in holding], axis=0)
        others = np.sum(list(on.values()), axis=0) - together
        kept = np.minimum(self.margins.reserve * need_W, together - need_W + others)
        share = 1.0 - np.maximum(kept, 0.0) / np.maximum(together, 1.0)
        found: dict[str, tuple[Floats, Floats]] = {}
        for plant in holding:
            least = np.where(on[plant.name] > 0.0, plant.minimum_load_W, 0.0)
            most = on[plant.name] * np.clip(share, 0.0, 1.0)
            least = np.minimum(least, on[plant.name])
            found[plant.name] = (least, np.maximum(most, least))
        return found

    def _demands(
        self,
        acting: Mapping[str, Floats],
        preview: Preview,
        edges: Floats,
        delivered_J: Mapping[str, float] | None,
    ) -> tuple[dict[str, float | Floats], Floats, dict[str, Floats]]:
        """Parameters of the substations, their sum, and feed-in that plants committed."""
        found: dict[str, float | Floats] = {}
        forecast: dict[str, Floats] = {}
        total = np.zeros(self.stages)
        for unit in self.network.substations:
            if unit.control is SubstationControl.FLOW:
                found[f"{unit.name}.mass_flow_demand"] = acting[f"{unit.name}.mass_flow_demand"]
                total += unit.design_heat_W
                continue
            heat = acting.get(f"{unit.name}.heat_demand", np.zeros(self.stages))
            forecast[unit.name] = np.maximum(heat, 0.0)
        feeding: dict[str, Floats] = {}
        if preview.schedule is not None and self.start_utc is not None:
            names = preview.schedule.participants
            outside = np.column_stack(
                [forecast.get(name, np.full(self.stages, np.nan)) for name in names]
            )
            known = np.nan_to_num(outside)
            power = demand_to_go(preview.schedule, self.start_utc, edges, known, delivered_J)
            limits = {unit.name: unit.design_heat_W for unit in self.network.substations}
            for column, name in enumerate(names):
                if name in forecast:
                    forecast[name] = np.clip(power[:, column], 0.0, limits[name])
                elif name in self.network.component_by_name:
                    feeding[name] = np.maximum(-power[:, column], 0.0)
        for name, heat in forecast.items():
            found[f"{name}.heat_demand"] = heat
            total += heat
        return found, total, feeding

    def _capacity(self, plant: Plant, acting: Mapping[str, Floats]) -> Floats:
        most = np.full(self.stages, plant.capacity_W)
        if plant.kind is PlantKind.WASTE_HEAT:
            most = np.minimum(most, np.maximum(acting[f"{plant.name}.available_heat"], 0.0))
        elif plant.kind is PlantKind.SOLAR:
            mean_K = 0.5 * (_RETURN_K + plant.supply_temperature_K)
            sun = solar_heat(
                acting["outdoor.global_radiation"],
                mean_K,
                acting["outdoor.temperature"],
                plant.collector_area_m2,
                plant.optical_efficiency,
                plant.collector_loss_W_per_m2K,
            )
            most = np.minimum(most, sun)
        return most * np.clip(acting[f"{plant.name}.availability"], 0.0, 1.0)

    def _cost(
        self, plant: Plant, values: Mapping[str, float | Floats], acting: Mapping[str, Floats]
    ) -> Floats:
        fuel = np.broadcast_to(
            np.asarray(values.get(f"{plant.name}.fuel_price", plant.fuel_price_EUR_per_MWh)),
            (self.stages,),
        )
        if plant.kind is PlantKind.SOLAR:
            return np.zeros(self.stages)
        if plant.kind is PlantKind.WASTE_HEAT:
            return np.array(fuel, dtype=float)
        if plant.kind is PlantKind.HEAT_PUMP:
            given = plant.source_temperature_K
            source = acting["outdoor.temperature"] if given is None else given
            cop = carnot_cop(self._planned_supply_K(plant), source, plant.efficiency)
            return np.asarray(fuel / cop, dtype=float) * np.ones(self.stages)
        sold = plant.electric_efficiency * np.asarray(values["electricity.price"])
        return np.asarray((fuel - sold) / plant.efficiency, dtype=float)

    def _planned_supply_K(self, plant: Plant) -> float:
        """About what a plan will ask for: contracts and a drop, which set-points often exceed."""
        promised = [unit.minimum_supply_temperature_K for unit in self.network.substations]
        asked = max(promised, default=plant.supply_temperature_K) + _DROP_K
        return min(asked, plant.supply_temperature_K)

    def _commit(
        self,
        offered: Mapping[str, Floats],
        values: Mapping[str, float | Floats],
        demand_W: Floats,
        acting: Mapping[str, Floats],
        state: Floats,
        running: Mapping[str, bool],
    ) -> Commitment:
        candidates = tuple(
            Candidate(
                plant.name,
                offered[plant.name],
                plant.minimum_load_W,
                self._cost(plant, values, acting),
                plant.start_cost_EUR,
                running.get(plant.name, plant.control is PlantControl.PRESSURE),
                plant.control is PlantControl.PRESSURE,
            )
            for plant in self.network.plants
        )
        losses = _losses_W(self.network, acting["ground.temperature"])
        return commit(
            candidates,
            np.maximum(demand_W, 0.0) + losses,
            self.stage.step_s,
            margin=self.margins.reserve,
            store=self._store(state, acting),
            lost_load_EUR_per_MWh=self.margins.lost_load_EUR_per_MWh,
        )

    def _store(self, state: Floats, acting: Mapping[str, Floats]) -> HeatStore | None:
        network = self.network
        if not network.tanks:
            return None
        fluid = network.fluid
        cp = fluid.specific_heat_J_per_kgK
        hottest = max(plant.supply_temperature_K for plant in network.plants)
        span = max(hottest - _RETURN_K, 1.0)
        capacity = level = 0.0
        power = np.zeros(self.stages)
        for tank in network.tanks:
            places = [
                i
                for i, signal in enumerate(self.stage.states)
                if signal.component == tank.name and signal.unit == "K"
            ]
            heat = fluid.density_kg_per_m3 * cp * tank.volume_m3
            capacity += heat * span
            level += heat * float(np.clip(np.mean(state[places]) - _RETURN_K, 0.0, span))
            most = min(tank.maximum_flow_kg_per_s, heat / cp / 3600.0)
            power += most * cp * span * acting[f"{tank.name}.availability"]
        prices = [p.fuel_price_EUR_per_MWh / p.efficiency for p in network.balancing_plants]
        return HeatStore(
            capacity, level, power, power, 0.0, STORED_SHARE * min(prices, default=60.0)
        )

    def _limits(
        self,
        edges: Floats,
        offered: Mapping[str, Floats],
        committed: Commitment,
        acting: Mapping[str, Floats],
        feeding: Mapping[str, Floats],
    ) -> Limits:
        lower: dict[str, float | Floats] = {}
        upper: dict[str, float | Floats] = {}
        names = {signal.name: signal for signal in self.stage.controls}
        dated = ControlBounds(self.network, self.start_utc)
        spans = [dated.at(float(t)) for t in edges[:-1]]
        for i, signal in enumerate(dated.signals):
            if signal.name not in names:
                continue
            own = names[signal.name]
            least = np.maximum([bounds[0][i] for bounds in spans], own.lower)
            most = np.minimum([bounds[1][i] for bounds in spans], own.upper)
            upper[signal.name] = most
            lower[signal.name] = np.minimum(least, most)
        for plant in self.network.plants:
            name = f"{plant.name}.heat"
            if plant.control is not PlantControl.HEAT:
                continue
            on = committed.of(plant.name) * 1.0
            most = np.minimum(offered[plant.name], upper[name]) * on
            least = np.minimum(plant.minimum_load_W, most)
            if plant.name in feeding:
                least = most = np.minimum(feeding[plant.name], offered[plant.name])
            lower[name] = np.asarray(least, dtype=np.float64)
            upper[name] = np.asarray(most, dtype=np.float64)
            # a plant that stands still has no say in its temperature
            key, idle = f"{plant.name}.supply_temperature", most <= 0
            rest = np.clip(plant.supply_temperature_K, lower[key], upper[key])
            lower[key] = np.where(idle, rest, lower[key]).astype(np.float64)
            upper[key] = np.where(idle, rest, upper[key]).astype(np.float64)
        for kind in (self.network.tanks, self.network.dumps):
            for unit in kind:
                name = (
                    f"{unit.name}.mass_flow" if kind is self.network.tanks else f"{unit.name}.heat"
                )
                share = acting[f"{unit.name}.availability"]
                finite = np.where(np.isfinite(np.asarray(upper[name])), upper[name], 1e6)
                upper[name] = finite * share
                lower[name] = np.maximum(np.asarray(lower[name]), -1e6) * share
                if kind is self.network.tanks:
                    # its direction is decided like on and off; both ways at once have a kink
                    upper[name] = np.where(committed.store_W > _STILL_W, upper[name], 0.0).astype(
                        np.float64
                    )
                    lower[name] = np.where(committed.store_W < -_STILL_W, lower[name], 0.0).astype(
                        np.float64
                    )
        return Limits.of(self.stage, self.stages).tightened(self.stage, lower, upper)


def _losses_W(network: Network, ground_K: Floats) -> Floats:
    """Standing loss with the supply line at its plants' set-point and the return at 40 °C."""
    hot = max((plant.supply_temperature_K for plant in network.plants), default=_RETURN_K)
    per_K = sum(pipe.loss_W_per_mK * pipe.length_m for pipe in network.pipes) / 2.0
    lost = per_K * (hot + _RETURN_K - 2.0 * ground_K)
    return np.clip(lost, 0.0, inf)
