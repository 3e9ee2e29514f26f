"""What a restrictive mode withholds: from whom, how much, and how it is given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Dump, PlantControl, PlantKind, SubstationControl
from rexdynnet.physics.devices import solar_heat
from rexdynnet.safety.levers import Levers, Relief, Seen, ZoneMode
from rexdynnet.safety.margins import Cause, ZoneWatch
from rexdynnet.safety.rationing import Requests, Rows, allocate, objections
from rexdynnet.safety.settings import SafetySettings
from rexdynnet.simulation.plant import Inputs, Plant

Floats = NDArray[np.float64]

FIRST_LOOK_S = 30.0
_TIGHTER, _LOOSER = (0.7, 0.97), 0.15
_MORE, _LESS = 1.5, 0.85
_LEAST_SHARE = 0.02
_COOLER_K = 3.0
_ASK = 1.05
_EASY = 3.0
_USUAL_RETURN_K = 313.15


@dataclass(frozen=True)
class Withholding:
    """Turns modes and memory into levers; pure functions of both.

    Parameters
    ----------
    plant : Plant
    watches : tuple of ZoneWatch
    settings : SafetySettings
    """

    plant: Plant
    watches: tuple[ZoneWatch, ...]
    settings: SafetySettings
    network: Network = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", self.plant.network)

    @cached_property
    def nothing(self) -> Levers:
        """No lever moved."""
        network = self.network
        free = np.full(len(network.plants), np.inf)
        return Levers(np.ones(len(network.substations)), free, free, np.zeros(len(network.dumps)))

    def fresh(self) -> Relief:
        """Nothing withheld, nothing booked."""
        zones, network = len(self.watches), self.network
        return Relief(
            np.zeros(zones),
            np.full(zones, np.inf),
            np.zeros((zones, 2)),
            np.inf,
            {},
            False,
            np.zeros(len(network.substations)),
            np.zeros(len(network.plants)),
        )

    def entered(
        self,
        relief: Relief,
        zone: int,
        cause: Cause,
        seen: Seen | None,
        inputs: Inputs,
        time_s: float,
    ) -> Relief:
        """Memory just after a zone became more restrictive."""
        parts = self.watches[zone].zone
        withheld, limit = relief.withheld_W.copy(), relief.limit_W.copy()
        if cause.surplus:
            fed = 0.0 if seen is None else float(seen.plant_W[self._feeders(zone)].sum())
            withheld[zone] = max(0.25 * fed, _LEAST_SHARE * self._most_W(zone))
        elif (
            seen is not None
            and cause in (Cause.COLD, Cause.WEAK, Cause.LOW)
            and self.pressed(parts.suppliers, inputs, tuple(relief.tripped))
        ):
            drawn = float(seen.delivered_W[list(parts.substations)].sum())
            limit[zone] = max(0.9 * drawn, self._least_W(zone))
        tick = min(relief.tick_s, time_s + min(FIRST_LOOK_S, self.settings.interval_s))
        return replace(relief, withheld_W=withheld, limit_W=limit, tick_s=tick)

    def left(self, relief: Relief, zone: int, *, surplus: bool) -> Relief:
        """Memory just after a zone gave up discard, or ration."""
        withheld, limit = relief.withheld_W.copy(), relief.limit_W.copy()
        if surplus:
            withheld[zone] = 0.0
        else:
            limit[zone] = np.inf
        return replace(relief, withheld_W=withheld, limit_W=limit)

    def adapted(
        self,
        relief: Relief,
        modes: tuple[ZoneMode, ...],
        margins: Floats,
        seen: Seen,
        inputs: Inputs,
        time_s: float,
    ) -> Relief:
        """Memory after a look at the margins: withhold more, or give some back.

        Parameters
        ----------
        relief : Relief
        modes : tuple of ZoneMode
        margins : (n_zones, 2) array
            Smallest margin of surplus and of deficit, as a share of its level.
        seen : Seen
        inputs : Inputs
            As given, before any lever.
        time_s : float

        Returns
        -------
        Relief
        """
        withheld, limit = relief.withheld_W.copy(), relief.limit_W.copy()
        demanded_W = self.demanded_W(inputs, seen)
        tripped = {name: relief.tripped[name] for name in self.out(relief, inputs, time_s)}
        for k, (surplus, deficit) in enumerate(modes):
            inside = list(self.watches[k].zone.substations)
            if surplus:
                most = self._most_W(k)
                if margins[k, 0] < 0.0:
                    withheld[k] = min(_MORE * withheld[k] + 0.05 * most, 1.2 * most)
                    tripped |= self._hot_plants(k, seen, time_s)
                    if withheld[k] > most:
                        gone = self._stuck_plants(k, seen, time_s)
                        tripped |= gone
                        # what is out needs no cooler any more
                        withheld[k] = 0.0 if gone else withheld[k]
                else:
                    withheld[k] *= _LESS
                    withheld[k] = 0.0 if withheld[k] < _LEAST_SHARE * most else withheld[k]
            held = self.pressed(self.watches[k].zone.suppliers, inputs, tuple(tripped))
            if deficit and not held:
                limit[k] = np.inf
            elif deficit and (np.isfinite(limit[k]) or margins[k, 1] < 0.0):
                drawn = float(seen.delivered_W[inside].sum())
                worse = margins[k, 1] <= relief.worst[k, 1] + 0.02
                if margins[k, 1] < 0.0 and worse:
                    tighter = float(np.clip(1.0 + 0.6 * margins[k, 1], *_TIGHTER))
                    limit[k] = max(tighter * min(limit[k], drawn), self._least_W(k))
                elif margins[k, 1] >= 0.0:
                    limit[k] *= 1.0 + min(0.3 * margins[k, 1], _LOOSER)
                    if limit[k] > 1.05 * float(demanded_W[inside].sum()):
                        limit[k] = np.inf
        busy = any(surplus or deficit for surplus, deficit in modes)
        # sharing out capacity needs no feedback, and is done anew at every control step anyhow
        easy = not np.any(np.isfinite(limit)) and not any(surplus for surplus, _ in modes)
        wait = self.settings.interval_s * (_EASY if easy else 1.0)
        tick = time_s + wait if busy else np.inf
        return replace(
            relief,
            withheld_W=withheld,
            limit_W=limit,
            worst=margins,
            tick_s=tick,
            tripped=tripped,
        )

    def levers(
        self,
        relief: Relief,
        modes: tuple[ZoneMode, ...],
        inputs: Inputs,
        reserved_W: Floats | None,
        seen: Seen | None,
        time_s: float,
        stuck: frozenset[str] = frozenset(),
    ) -> Levers:
        """What to do to the inputs now.

        Parameters
        ----------
        relief : Relief
        modes : tuple of ZoneMode
        inputs : Inputs
            As they would act.
        reserved_W : (n_substations,) array or None
            None: nothing is reserved, everybody counts as within his reservation.
        seen : Seen or None
        time_s : float
        stuck : frozenset of str
            Controls that follow no command.

        Returns
        -------
        Levers
        """
        out = self.out(relief, inputs, time_s)
        if not any(surplus or deficit for surplus, deficit in modes) and not out:
            return self.nothing
        dry = [
            pump.name
            for k, watch in enumerate(self.watches)
            if modes[k][1] and not self.pressed(watch.zone.suppliers, inputs, out)
            for pump in (*self.network.pumps, *self._open_dumps(inputs))
        ]
        # what draws water that nobody feeds in pulls the line before it down to vapour
        out = tuple(dict.fromkeys((*out, *dry)))
        heat, hot = self.nothing.heat_W.copy(), self.nothing.temperature_K.copy()
        fed_W = np.zeros(len(self.network.plants)) if seen is None else seen.plant_W
        pressed = tuple(self.pressed(watch.zone.suppliers, inputs, out) for watch in self.watches)
        dump = self.nothing.dump_W.copy()
        for k, (surplus, _) in enumerate(modes):
            if surplus:
                withheld = float(relief.withheld_W[k])
                caps = (heat, hot, dump)
                self._discard(k, withheld, inputs, caps, pressed[k], stuck, fed_W)
        share = self.nothing.share
        if any(deficit for _, deficit in modes):
            share = self._ration(relief, modes, inputs, reserved_W, seen, out)
        return Levers(share, heat, hot, dump, out)

    def apply(self, levers: Levers, inputs: Inputs, stuck: frozenset[str]) -> Inputs:
        """Inputs with the levers moved, except those that are stuck."""
        if levers.idle:
            return inputs
        u, d = inputs.controls.copy(), inputs.disturbances.copy()
        for i, plant in enumerate(self.network.plants):
            for quantity, cap in (
                ("heat", levers.heat_W),
                ("supply_temperature", levers.temperature_K),
            ):
                name = f"{plant.name}.{quantity}"
                if np.isfinite(cap[i]) and name in self.columns and name not in stuck:
                    u[self.columns[name]] = min(u[self.columns[name]], cap[i])
        for name in levers.out:
            d[self.inputs[f"{name}.availability"]] = 0.0
        for i, one in enumerate(self.network.dumps):
            if f"{one.name}.heat" not in stuck:
                at = self.columns[f"{one.name}.heat"]
                u[at] = max(u[at], levers.dump_W[i])
        for i, at in enumerate(self.demands):
            if at >= 0:
                d[at] *= levers.share[i]
                flow = self.flow_demands[i]
                if flow >= 0 and flow != at:
                    d[flow] *= levers.share[i]
        return Inputs(u, d)

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """Columns of the controls by name."""
        return {signal.name: at for at, signal in enumerate(self.plant.controls)}

    @cached_property
    def inputs(self) -> Mapping[str, int]:
        """Columns of the disturbances by name."""
        return {signal.name: at for at, signal in enumerate(self.plant.disturbances)}

    @cached_property
    def flow_demands(self) -> tuple[int, ...]:
        """Column of each substation's prescribed flow, -1 without."""
        subs = self.network.substations
        return tuple(self.inputs.get(f"{s.name}.mass_flow_demand", -1) for s in subs)

    @cached_property
    def demands(self) -> tuple[int, ...]:
        """Column of each substation's demand that can be cut, -1 without."""
        found: list[int] = []
        for substation in self.network.substations:
            by_flow = substation.control is SubstationControl.FLOW
            name = f"{substation.name}.{'mass_flow_demand' if by_flow else 'heat_demand'}"
            valve = substation.control is SubstationControl.VALVE
            found.append(-1 if valve else self.inputs.get(name, -1))
        return tuple(found)

    @cached_property
    def _rates(self) -> Floats:
        # watts per unit of the demand's column: a prescribed flow counts at its usual cooling
        cp = self.network.fluid.specific_heat_J_per_kgK
        return np.array([cp * 30.0 if flow >= 0 else 1.0 for flow in self.flow_demands])

    def demanded_W(self, inputs: Inputs, seen: Seen | None) -> Floats:
        """What each substation asks for; where that is no input, what it got."""
        got = np.zeros(len(self.demands)) if seen is None else seen.delivered_W
        asked = [inputs.disturbances[at] if at >= 0 else np.nan for at in self.demands]
        return np.where(np.isnan(asked), np.maximum(got, 0.0), np.array(asked) * self._rates)

    def pressed(self, island: tuple[int, ...], inputs: Inputs, out: tuple[str, ...] = ()) -> bool:
        """Whether any plant of an island that holds a differential pressure is on line."""
        plants = self.network.plants
        return any(
            inputs.disturbances[self.inputs[f"{plants[i].name}.availability"]] > 0.0
            for i in island
            if plants[i].control is PlantControl.PRESSURE and plants[i].name not in out
        )

    def _offered_W(self, place: int, inputs: Inputs, seen: Seen | None) -> float:
        plant = self.network.plants[place]
        most = float(inputs.controls[self.columns[f"{plant.name}.heat"]])
        waste = self.inputs.get(f"{plant.name}.available_heat")
        if waste is not None:
            most = min(most, float(inputs.disturbances[waste]))
        back_K = _USUAL_RETURN_K if seen is None else float(seen.return_K[place])
        return min(most, self.sun_W(place, inputs, back_K))

    def sun_W(self, place: int, inputs: Inputs, return_K: float) -> float:
        """What the sun gives a solar field now, as the plant computes it; infinite for others."""
        plant, d = self.network.plants[place], inputs.disturbances
        if plant.kind is not PlantKind.SOLAR:
            return np.inf
        setpoint = float(inputs.controls[self.columns[f"{plant.name}.supply_temperature"]])
        return float(
            solar_heat(
                float(d[self.inputs["outdoor.global_radiation"]]),
                0.5 * (setpoint + return_K),
                float(d[self.inputs["outdoor.temperature"]]),
                plant.collector_area_m2,
                plant.optical_efficiency,
                plant.collector_loss_W_per_m2K,
            )
        )

    def _feeders(self, zone: int) -> list[int]:
        plants = self.network.plants
        parts = self.watches[zone].zone
        return [i for i in parts.plants if plants[i].control is PlantControl.HEAT]

    def _open_dumps(self, inputs: Inputs) -> list[Dump]:
        dumps = self.network.dumps
        return [d for d in dumps if inputs.controls[self.columns[f"{d.name}.heat"]] > 0.0]

    def _dumps(self, zone: int) -> list[int]:
        return list(self.watches[zone].zone.dumps)

    def _most_W(self, zone: int) -> float:
        plants, dumps = self.network.plants, self.network.dumps
        fed = sum(plants[i].capacity_W for i in self._feeders(zone))
        return max(fed + sum(dumps[i].capacity_W for i in self._dumps(zone)), 1.0)

    def _least_W(self, zone: int) -> float:
        subs = self.network.substations
        return 0.02 * sum(subs[i].design_heat_W for i in self.watches[zone].zone.substations)

    def _hot_plants(self, zone: int, seen: Seen, time_s: float) -> dict[str, float]:
        # a limiter on the plant's outlet: what no set-point could cool is tripped
        return {
            self.network.plants[i].name: time_s + self.settings.reset_s
            for i in self.watches[zone].zone.suppliers
            if seen.plant_K[i] > self.settings.trip_K
        }

    def out(self, relief: Relief, inputs: Inputs, time_s: float) -> tuple[str, ...]:
        """Tripped plants that are not reset yet: for a time, and while set too hot.

        Parameters
        ----------
        relief : Relief
        inputs : Inputs
            As they would act; a set-point read back above `trip_K` holds the reset.
        time_s : float

        Returns
        -------
        tuple of str
        """
        return tuple(
            sorted(
                name
                for name, until in relief.tripped.items()
                if until > time_s or self._set_K(name, inputs) > self.settings.trip_K
            )
        )

    def _set_K(self, name: str, inputs: Inputs) -> float:
        column = self.columns.get(f"{name}.supply_temperature")
        return -np.inf if column is None else float(inputs.controls[column])

    def _stuck_plants(self, zone: int, seen: Seen, time_s: float) -> dict[str, float]:
        return {
            self.network.plants[i].name: time_s + self.settings.reset_s
            for i in self._feeders(zone)
            if seen.plant_W[i] > 0.05 * self.network.plants[i].capacity_W
        }

    def _discard(
        self,
        zone: int,
        withheld_W: float,
        inputs: Inputs,
        caps: tuple[Floats, Floats, Floats],
        pressed: bool,
        stuck: frozenset[str],
        fed_W: Floats,
    ) -> None:
        plants = self.network.plants
        heat, hot, dump = caps
        hot[list(self.watches[zone].zone.suppliers)] = self.settings.hot_K - _COOLER_K
        feeders = self._feeders(zone)
        names = {i: f"{plants[i].name}.heat" for i in feeders}
        now = {i: float(inputs.controls[self.columns[name]]) for i, name in names.items()}
        free = [i for i in feeders if names[i] not in stuck]
        fed = sum(now[i] for i in free)
        refused = min(withheld_W, fed)
        for i in free:
            heat[i] = now[i] * (1.0 - refused / fed) if fed > 0.0 else 0.0
        rest = withheld_W - refused
        if not pressed:
            # nobody else would push water through the dump
            given = sum(max(float(fed_W[i]), 0.0) for i in feeders if i not in free)
            rest = min(rest, fed - refused + given)
        for i in self._dumps(zone):
            dump[i] = min(rest, self.network.dumps[i].capacity_W)
            rest -= dump[i]

    def _ration(
        self,
        relief: Relief,
        modes: tuple[ZoneMode, ...],
        inputs: Inputs,
        reserved_W: Floats | None,
        seen: Seen | None,
        out: tuple[str, ...],
    ) -> Floats:
        demanded = np.maximum(self.demanded_W(inputs, seen), 0.0)
        short = [k for k, (_, deficit) in enumerate(modes) if deficit]
        chosen = [
            i for k in short for i in self.watches[k].zone.substations if self.demands[i] >= 0
        ]
        if not chosen:
            return self.nothing.share
        names: list[str] = []
        matrix: list[Floats] = []
        limits: list[float] = []
        zone_of = {i: k for k in short for i in self.watches[k].zone.substations}
        for island in dict.fromkeys(self.watches[k].zone.suppliers for k in short):
            served = {
                i
                for watch in self.watches
                if watch.zone.suppliers == island
                for i in watch.zone.substations
            }
            fixed = sum(float(demanded[i]) for i in served if i not in chosen)
            room = self._supply_W(island, inputs, seen, out) - fixed
            room -= 0.0 if seen is None else seen.loss_W
            names.append("capacity")
            matrix.append(np.array([1.0 if i in served else 0.0 for i in chosen]))
            limits.append(max(room, 0.0))
        for k in short:
            names.append(self.watches[k].zone.name)
            matrix.append(np.array([1.0 if zone_of[i] == k else 0.0 for i in chosen]))
            limits.append(float(relief.limit_W[k]))
        subs = self.network.substations
        asked = demanded[chosen]
        requests = Requests(
            tuple(subs[i].name for i in chosen),
            asked,
            asked if reserved_W is None else np.maximum(reserved_W[chosen], 0.0),
            np.array([subs[i].priority for i in chosen]),
        )
        rows = Rows(tuple(names), np.array(matrix), np.array(limits))
        served_W = allocate(self.settings.policy, requests, rows).served_W
        if objections(self.settings.policy, requests, rows, served_W):
            # never act on what is not certified: one share for all that meets every row
            used = rows.matrix @ asked
            with np.errstate(divide="ignore", invalid="ignore"):
                most = np.where(used > 0.0, rows.limit_W / used, np.inf)
            served_W = asked * min(1.0, float(most.min()))
        share = self.nothing.share.copy()
        share[chosen] = np.where(asked > 0.0, served_W / np.where(asked > 0.0, asked, 1.0), 1.0)
        return np.clip(share, 0.0, 1.0)

    def _supply_W(
        self, island: tuple[int, ...], inputs: Inputs, seen: Seen | None, out: tuple[str, ...]
    ) -> float:
        total = 0.0 if seen is None else seen.discharge_W
        for i in island:
            plant = self.network.plants[i]
            at = self.inputs[f"{plant.name}.availability"]
            there = 0.0 if plant.name in out else float(inputs.disturbances[at])
            most = plant.capacity_W * there
            if plant.control is PlantControl.HEAT:
                most = min(most, self._offered_W(i, inputs, seen))
            total += most
        # without a plant that holds pressure, valves must ask for a little more than is fed in,
        # or what is fed in finds no way
        return total if self.pressed(island, inputs, out) else _ASK * total
