"""A result whose every value is known beforehand, in the layout of a real one."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import xarray as xr

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Dump,
    Line,
    Node,
    Pipe,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Substation,
    Tank,
)
from rexdynnet.simulation.dataset import build_dataset

HOUR_S = 3600.0
START = datetime(2027, 1, 15, 0, 0, tzinfo=UTC)
PLACES = {
    "works": (0.0, 0.0),
    "middle": (100.0, 0.0),
    "east": (160.0, 0.0),
    "north": (100.0, 80.0),
    "south": (100.0, -50.0),
}
TRENCHES = (("works", "middle"), ("middle", "east"), ("middle", "north"), ("middle", "south"))
HOUSES = ("east", "north", "south")
SWING_K = 3.0
# How much colder the supply line is at a place than at the works; the return line likewise.
COOLED_K = {"works": 0.0, "middle": 1.0, "east": 1.5, "north": 2.0, "south": 1.2}


def cross_network() -> Network:
    """One plant, a junction and three houses; a tank and a dump beside the plant."""
    pipes = []
    for near, far in TRENCHES:
        length_m = float(np.hypot(*np.subtract(PLACES[near], PLACES[far])))
        for line in Line:
            ends = (f"{near}_{line.value}", f"{far}_{line.value}")
            tail, head = ends if line is Line.SUPPLY else ends[::-1]
            trench = f"{near}-{far}"
            name = f"{trench}_{line.value}"
            pipes.append(Pipe(name, line, tail, head, length_m, 0.08, 0.2, trench=trench))
    works = ("works_supply", "works_return")
    return Network(
        name="cross",
        nodes=tuple(
            Node(f"{place}_{line.value}", line, x_m=x, y_m=y, place=place)
            for place, (x, y) in PLACES.items()
            for line in Line
        ),
        pipes=tuple(pipes),
        substations=tuple(
            Substation(f"house_{place}", f"{place}_supply", f"{place}_return", 50e3, 1.0)
            for place in HOUSES
        ),
        plants=(
            Plant("boiler", *works, PlantKind.BOILER, PlantControl.PRESSURE, capacity_W=300e3),
        ),
        holdings=(PressureHolding("works_return"),),
        tanks=(Tank("store", *works, 5.0, 3.0, maximum_flow_kg_per_s=1.0),),
        dumps=(Dump("cooler", *works, 20e3),),
    )


def cross_result(*, calendar: bool = True, hours: int = 48) -> xr.Dataset:
    """Hourly rows: a day's swing of heat; house_north short of heat at hour 7.

    Parameters
    ----------
    calendar : bool
        Whether the run says when it starts.
    hours : int
        Length of the run.
    """
    network = cross_network()
    time_s = HOUR_S * np.arange(hours + 1.0)
    one = np.ones_like(time_s)
    swing = 1.0 + 0.4 * np.sin(2 * np.pi * time_s / 86400.0)
    supply_K = 343.15 + SWING_K * swing
    rows = _water(network, supply_K) | _heat(network, time_s, swing)
    rows |= {
        "plant_supply_temperature": supply_K[:, None],
        "plant_return_temperature": 312.0 + swing[:, None],
        "plant_differential_pressure": 1e5 * one[:, None],
        "pipe_heat_loss": np.outer(one, [10.0 * pipe.length_m for pipe in network.pipes]),
        "tank_temperature": (340.0 - 2.0 * np.arange(6) + swing[:, None])[:, None, :],
        "tank_mass_flow": 0.1 * np.cos(2 * np.pi * time_s / 86400.0)[:, None],
        "dump_mass_flow": 0.02 * one[:, None],
        "outdoor_temperature": 270.0 + 4.0 * swing,
        "ground_temperature": 277.0 * one,
    }
    attributes = {
        "network": network.name,
        "method": "plugflow",
        "start_utc": START.strftime("%Y-%m-%dT%H:%M:%SZ") if calendar else "",
    }
    return build_dataset(network, time_s, rows, attributes)


def _water(network: Network, supply_K: np.ndarray) -> dict[str, np.ndarray]:
    """Temperatures and pressures of nodes, and of what stands at them."""
    temperature, pressure = {}, {}
    for node in network.nodes:
        down, supply = COOLED_K[node.place], node.line is Line.SUPPLY
        temperature[node.name] = supply_K - down if supply else 313.15 - down + 0.0 * supply_K
        pressure[node.name] = (4e5 - 1e4 * down if supply else 3e5 + 1e4 * down) + 0.0 * supply_K
    supplies = [one.supply_node for one in network.substations]
    returns = [one.return_node for one in network.substations]

    def at(field: dict[str, np.ndarray], nodes: list[str]) -> np.ndarray:
        return np.column_stack([field[node] for node in nodes])

    return {
        "node_temperature": at(temperature, list(temperature)),
        "node_pressure": at(pressure, list(pressure)),
        "pipe_inlet_temperature": at(temperature, [pipe.from_node for pipe in network.pipes]),
        "pipe_outlet_temperature": at(temperature, [pipe.to_node for pipe in network.pipes]),
        "substation_supply_temperature": at(temperature, supplies),
        "substation_return_temperature": at(temperature, returns),
        "substation_differential_pressure": at(pressure, supplies) - at(pressure, returns),
    }


def _heat(network: Network, time_s: np.ndarray, swing: np.ndarray) -> dict[str, np.ndarray]:
    """Heats, the flows that carry them, and their sums over time."""
    one = np.ones_like(swing)
    demand = 20e3 * swing[:, None] * np.array([1.0, 2.0, 3.0])
    unserved = np.zeros_like(demand)
    unserved[7:8, 1] = 5e3
    delivered = demand - unserved
    flow = delivered / (4186.0 * 30.0)
    flow_of = {f"middle-{place}": flow[:, i] for i, place in enumerate(HOUSES)}
    flow_of["works-middle"] = flow.sum(axis=1)
    stored, dumped, lost = 2e3 * one, 1e3 * one, 5e3 * one
    plants = delivered.sum(axis=1) + stored + dumped + lost
    lengths_s = np.diff(time_s, prepend=0.0)
    sums = {
        "plants": plants,
        "delivered": delivered.sum(axis=1),
        "dumped": dumped,
        "lost": lost,
        "stored": stored,
        "makeup": 0.0 * one,
    }
    energies = {f"energy_{name}": np.cumsum(lengths_s * heat) for name, heat in sums.items()}
    return energies | {
        "energy_residual": 36.0 * one,
        "pipe_mass_flow": np.column_stack([flow_of[pipe.trench] for pipe in network.pipes]),
        "substation_mass_flow": flow,
        "substation_heat": delivered,
        "substation_heat_demand": demand,
        "substation_unserved_heat": unserved,
        "plant_mass_flow": flow.sum(axis=1)[:, None],
        "plant_heat": plants[:, None],
        "tank_heat": stored[:, None],
        "dump_heat": dumped[:, None],
    }


def drop(result: xr.Dataset, *names: str) -> xr.Dataset:
    """The result without some variables."""
    return result.drop_vars(list(names))
