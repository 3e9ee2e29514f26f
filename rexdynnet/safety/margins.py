"""How far a zone is from each of its limits, along a plant's dense output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import PlantControl
from rexdynnet.safety.settings import SafetySettings
from rexdynnet.safety.zones import HydraulicZone
from rexdynnet.simulation.plant import DenseOutput

Floats = NDArray[np.float64]

_FREE = 1e9
_DRAWS = 0.1
_SPARE = 1e-3
_BACK = 0.01


class Cause(Enum):
    """Why a zone leaves normal operation; the text is what a person reads."""

    LADDER = "the controller's ladder stands on its last rung"
    TRIP = "a balancing plant or a pump of the zone is out"
    CAPACITY = "the balancing plants give all they can"
    COLD = "supply too cold at a substation"
    WEAK = "differential pressure too low at a substation"
    LOW = "absolute pressure too low"
    HOT = "water too hot"
    HIGH = "absolute pressure too high"
    STALLED = "a plant feeds in more than is taken"
    BACKFLOW = "water fed in flows back through a balancing plant"
    FULL = "a tank is full and still charged"

    @property
    def surplus(self) -> bool:
        """Whether it calls for discard; for ration otherwise."""
        return self in _SURPLUS

    @property
    def unit(self) -> str:
        """SI unit of its margin."""
        return _UNITS[self]


_SURPLUS = frozenset({Cause.HOT, Cause.HIGH, Cause.STALLED, Cause.BACKFLOW, Cause.FULL})
_UNITS: Mapping[Cause, str] = {
    Cause.LADDER: "1",
    Cause.TRIP: "1",
    Cause.CAPACITY: "W",
    Cause.COLD: "K",
    Cause.WEAK: "Pa",
    Cause.LOW: "Pa",
    Cause.HOT: "K",
    Cause.HIGH: "Pa",
    Cause.STALLED: "Pa",
    Cause.BACKFLOW: "kg/s",
    Cause.FULL: "K",
}


@dataclass(frozen=True)
class Margins:
    """Margins of one cause in one zone: negative where it calls for action.

    Parameters
    ----------
    left, right : (n, k) array
        At both ends of each interval of the output, straight between; a column for each
        component.
    """

    left: Floats
    right: Floats

    @property
    def least(self) -> float:
        """Smallest margin anywhere; the minimum of straight lines is at an end."""
        return min(float(self.left.min()), float(self.right.min()))

    @property
    def most_of_least(self) -> float:
        """Bound from above on what the worst component's margin reaches anywhere."""
        # the maximum of each component's line is at an end; the worst cannot exceed any of them
        return float(np.maximum(self.left, self.right).min(axis=1).max())


@dataclass(frozen=True)
class ZoneWatch:
    """What is watched in one zone, and the levels.

    Parameters
    ----------
    network : Network
    zone : HydraulicZone
    settings : SafetySettings
    inputs : mapping of str to int
        Columns of the plant's disturbances by name.
    """

    network: Network
    zone: HydraulicZone
    settings: SafetySettings
    inputs: Mapping[str, int]

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """Causes that can come up in this zone."""
        network, zone = self.network, self.zone
        feeds = any(network.plants[i].control is PlantControl.HEAT for i in zone.plants)
        have = {
            Cause.LADDER: True,
            Cause.TRIP: bool(zone.balancing or zone.pumps),
            Cause.CAPACITY: bool(zone.balancing and zone.substations),
            Cause.COLD: bool(zone.substations),
            Cause.WEAK: bool(zone.substations),
            Cause.LOW: True,
            Cause.HOT: True,
            Cause.HIGH: True,
            Cause.STALLED: feeds,
            Cause.BACKFLOW: feeds and bool(zone.balancing),
            Cause.FULL: bool(zone.tanks) and self.settings.tank_full_K is not None,
        }
        return tuple(cause for cause in Cause if have[cause])

    @cached_property
    def hysteresis(self) -> Mapping[Cause, float]:
        """How far beyond zero each margin must be before the way back opens."""
        share, settings = self.settings.hysteresis_share, self.settings
        contract = float(self._least_Pa.min()) if len(self._least_Pa) else 0.0
        head = float(self._feed_head_Pa.min()) if len(self._feed_head_Pa) else 0.0
        return {
            Cause.LADDER: 0.0,
            Cause.TRIP: 0.0,
            Cause.CAPACITY: 0.01 * float(self._capacity_W.sum()),
            Cause.COLD: settings.hysteresis_K,
            Cause.WEAK: share * contract * settings.weak_share,
            Cause.LOW: share * settings.low_pressure_Pa,
            Cause.HOT: settings.hysteresis_K,
            Cause.HIGH: 0.1 * share * self.highest_Pa,
            Cause.STALLED: share * head * settings.stall_share,
            Cause.BACKFLOW: 0.5 * float(self._back_kg_per_s.min(initial=np.inf)),
            Cause.FULL: settings.hysteresis_K,
        }

    @cached_property
    def levels(self) -> Mapping[Cause, float]:
        """What a margin is compared with, for the causes whose margin can be more or less bad."""
        scales = {
            Cause.COLD: max(self.settings.cold_K, 1.0),
            Cause.WEAK: max(self.hysteresis[Cause.WEAK] * 10.0, 1.0),
            Cause.LOW: self.settings.low_pressure_Pa,
            Cause.HOT: 5.0,
            Cause.FULL: 5.0,
            Cause.BACKFLOW: 1.0,
            Cause.HIGH: self.highest_Pa,
            Cause.STALLED: max(self.hysteresis[Cause.STALLED] * 10.0, 1.0),
        }
        return {cause: scales[cause] for cause in self.causes if cause in scales}

    @cached_property
    def highest_Pa(self) -> float:
        """Level of `Cause.HIGH`."""
        if self.settings.high_pressure_Pa is not None:
            return self.settings.high_pressure_Pa
        held = max(holding.pressure_Pa for holding in self.network.holdings)
        lift = max(plant.maximum_differential_pressure_Pa for plant in self.network.plants)
        lift += sum(pump.curve.shut_off_Pa for pump in self.network.pumps)
        return 1.05 * (held + lift)

    def of(self, cause: Cause, output: DenseOutput, disturbances: Floats, ladder: bool) -> Margins:
        """Margins of a cause.

        Parameters
        ----------
        cause : Cause
        output : DenseOutput
        disturbances : (n_d,) array
            Availabilities that act; they do not change within an output.
        ladder : bool
            Whether the controller's ladder stands on its last rung.

        Returns
        -------
        Margins
        """
        records, zone = output.records, self.zone
        match cause:
            case Cause.LADDER:
                return self._constant(output, -1.0 if ladder else 1.0)
            case Cause.TRIP:
                least = min((float(disturbances[i]) for i in self._available), default=1.0)
                return self._constant(output, least - 0.5)
            case Cause.CAPACITY:
                share = np.array([disturbances[i] for i in self._plant_available])
                spare = (share * self._capacity_W).sum() - _SPARE * self._capacity_W.sum()
                given = records["plant_heat"][1:, list(zone.balancing)].sum(axis=1, keepdims=True)
                return Margins(spare - given, spare - given)
            case Cause.COLD:
                found = records["substation_supply_temperature"][:, self._subs] - self._coldest_K
                # standing water cools by itself, and rationing others would not warm it
                draws = records["substation_mass_flow"][:, self._subs] > self._drawing
                both = draws[:-1] & draws[1:]
                return Margins(np.where(both, found[:-1], _FREE), np.where(both, found[1:], _FREE))
            case Cause.WEAK:
                found = records["substation_differential_pressure"][:, self._subs]
                return _lines(found - self.settings.weak_share * self._least_Pa)
            case Cause.LOW:
                found = records["node_pressure"][:, self._nodes].min(axis=1, keepdims=True)
                return _lines(found - self.settings.low_pressure_Pa)
            case Cause.HIGH:
                found = records["node_pressure"][:, self._nodes].max(axis=1, keepdims=True)
                return _lines(self.highest_Pa - found)
            case Cause.HOT:
                return _lines(self.settings.hot_K - self._hot_values(records))
            case Cause.STALLED:
                if not any(disturbances[i] >= 0.5 for i in self._plant_available):
                    # alone it is what holds the pressure, up to what its pump can do
                    return self._constant(output, _FREE)
                found = records["plant_differential_pressure"][:, self._feeders]
                return _lines(self.settings.stall_share * self._feed_head_Pa - found)
            case Cause.BACKFLOW:
                flow = records["plant_mass_flow"][:, list(zone.balancing)]
                return _lines(flow + self._back_kg_per_s)
            case Cause.FULL:
                level = self.settings.tank_full_K or np.inf
                bottom = records["tank_temperature"][:, list(zone.tanks), -1]
                charged = records["tank_mass_flow"][:, list(zone.tanks)] > 0.0
                return _lines(np.where(charged, level - bottom, _FREE))

    def culprits(self, cause: Cause) -> tuple[str, ...]:
        """Names of the components behind the columns of a cause's margins."""
        network, zone = self.network, self.zone
        names = {
            Cause.COLD: [network.substations[i].name for i in zone.substations],
            Cause.WEAK: [network.substations[i].name for i in zone.substations],
            Cause.HOT: [
                *(network.substations[i].name for i in zone.substations),
                *(network.plants[i].name for i in zone.plants),
                *(network.tanks[i].name for i in zone.tanks),
            ],
            Cause.STALLED: [network.plants[i].name for i in self._feeders],
            Cause.BACKFLOW: [network.plants[i].name for i in zone.balancing],
            Cause.FULL: [network.tanks[i].name for i in zone.tanks],
        }
        return tuple(names.get(cause, []))

    def out(self, disturbances: Floats) -> tuple[str, ...]:
        """Balancing plants and pumps of the zone that are out."""
        pumps = [self.network.pumps[i].name for i in self.zone.pumps]
        plants = [self.network.plants[i].name for i in self.zone.balancing]
        both = zip((*plants, *pumps), self._available, strict=True)
        return tuple(name for name, column in both if disturbances[column] < 0.5)

    def _hot_values(self, records: Mapping[str, Floats]) -> Floats:
        parts = [
            records["substation_supply_temperature"][:, self._subs],
            records["plant_supply_temperature"][:, list(self.zone.plants)],
        ]
        if self.zone.tanks:
            parts.append(records["tank_temperature"][:, list(self.zone.tanks), 0])
        return np.concatenate(parts, axis=1)

    def _constant(self, output: DenseOutput, value: float) -> Margins:
        column = np.full((len(output.times_s) - 1, 1), value)
        return Margins(column, column)

    @cached_property
    def _subs(self) -> Sequence[int] | slice:
        return _columns(self.zone.substations)

    @cached_property
    def _nodes(self) -> Sequence[int] | slice:
        return _columns(self.zone.nodes)

    @cached_property
    def _feeders(self) -> list[int]:
        plants = self.network.plants
        return [i for i in self.zone.plants if plants[i].control is PlantControl.HEAT]

    @cached_property
    def _feed_head_Pa(self) -> Floats:
        plants = self.network.plants
        return np.array([plants[i].maximum_differential_pressure_Pa for i in self._feeders])

    @cached_property
    def _coldest_K(self) -> Floats:
        contract = [
            self.network.substations[i].minimum_supply_temperature_K for i in self.zone.substations
        ]
        return np.array(contract) - self.settings.cold_K

    @cached_property
    def _least_Pa(self) -> Floats:
        subs = self.network.substations
        return np.array([subs[i].minimum_differential_pressure_Pa for i in self.zone.substations])

    @cached_property
    def _drawing(self) -> Floats:
        cp = self.network.fluid.specific_heat_J_per_kgK
        heats = [self.network.substations[i].design_heat_W for i in self.zone.substations]
        return _DRAWS * np.array(heats) / (cp * 30.0)

    @cached_property
    def _capacity_W(self) -> Floats:
        return np.array([self.network.plants[i].capacity_W for i in self.zone.balancing])

    @cached_property
    def _back_kg_per_s(self) -> Floats:
        cp = self.network.fluid.specific_heat_J_per_kgK
        return _BACK * self._capacity_W / (cp * 30.0)

    @cached_property
    def _plant_available(self) -> list[int]:
        names = [self.network.plants[i].name for i in self.zone.balancing]
        return [self.inputs[f"{name}.availability"] for name in names]

    @cached_property
    def _available(self) -> list[int]:
        pumps = [self.network.pumps[i].name for i in self.zone.pumps]
        return [
            *self._plant_available,
            *(self.inputs[f"{name}.availability"] for name in pumps),
        ]


def _lines(values: Floats) -> Margins:
    return Margins(values[:-1], values[1:])


def _columns(places: tuple[int, ...]) -> Sequence[int] | slice:
    # a slice of neighbours is a view, which spares a copy at every step
    if places and places == tuple(range(places[0], places[-1] + 1)):
        return slice(places[0], places[-1] + 1)
    return list(places)
