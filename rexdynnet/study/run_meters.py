"""What meters count during a closed loop: energies per time unit, and bounds not kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import PlantControl, PlantKind
from rexdynnet.simulation.plant import DenseOutput

Floats = NDArray[np.float64]

_ON_W = 1.0


@dataclass(frozen=True)
class Tally:
    """Everything counted so far; `count` makes the next one.

    Parameters
    ----------
    edges_s : ndarray, shape (n + 1,)
        Edges of the time units.
    demanded_J, delivered_J : ndarray, shape (n, n_substations)
    flow_kg, supply_kgK, return_kgK : ndarray, shape (n, n_substations)
        Water drawn, and its mass times its temperature on both sides.
    plant_J : ndarray, shape (n, n_plants)
        Heat fed in.
    plant_EUR : ndarray, shape (n_plants,)
        What each plant's fuel or power has cost, electricity sold taken off.
    integrals : mapping of str to float
        `shortfall_J`, `too_cold_Ks`, `too_little_pressure_Pas`, `pump_J`, `idle_J` (what
        plants on line could have given more), by cost what
        plants burnt (`fuel_EUR`), bought (`electricity_EUR`), emitted (`co2_kg`).
    worst : mapping of str to float
        Largest distance from a bound.
    """

    edges_s: Floats
    demanded_J: Floats
    delivered_J: Floats
    flow_kg: Floats
    supply_kgK: Floats
    return_kgK: Floats
    plant_J: Floats
    plant_EUR: Floats
    integrals: Mapping[str, float] = field(default_factory=dict)
    worst: Mapping[str, float] = field(default_factory=dict)

    def energy_in_unit(self, time_s: float) -> Floats | None:
        """Energy metered since the present unit began, J; None outside the units."""
        row = int(np.searchsorted(self.edges_s, time_s + 1e-6, side="right")) - 1
        return self.delivered_J[row] if 0 <= row < len(self.delivered_J) else None


def new_tally(network: Network, edges_s: Floats) -> Tally:
    """Nothing counted yet."""
    shape = (len(edges_s) - 1, len(network.substations))
    none, plants = np.zeros(shape), len(network.plants)
    nothing = np.zeros((len(edges_s) - 1, plants))
    return Tally(edges_s, none, none, none, none, none, nothing, np.zeros(plants))


def metered_in_unit(network: Network, tally: Tally, time_s: float) -> dict[str, float]:
    """Energy that each substation has had since the present unit began.

    Parameters
    ----------
    network : Network
    tally : Tally
        By units.
    time_s : float

    Returns
    -------
    dict of str to float
        `<substation>.energy_in_unit` in J; NaN outside the units.
    """
    names = [f"{substation.name}.energy_in_unit" for substation in network.substations]
    energies = tally.energy_in_unit(time_s)
    values = np.full(len(names), np.nan) if energies is None else energies
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def count(
    tally: Tally,
    network: Network,
    output: DenseOutput,
    fuel_EUR_per_MWh: Mapping[str, Floats],
    electricity_EUR_per_MWh: Floats,
) -> Tally:
    """Add one stretch of a plant's dense output.

    Parameters
    ----------
    tally : Tally
    network : Network
    output : DenseOutput
    fuel_EUR_per_MWh : mapping of plant name to ndarray, shape (1,)
        Of this stretch.
    electricity_EUR_per_MWh : ndarray, shape (1,)

    Returns
    -------
    Tally
    """
    records, times = output.records, output.times_s
    spans = np.diff(times)[:, None]
    demand, heat = records["substation_heat_demand"], records["substation_heat"]
    flow = np.abs(records["substation_mass_flow"])
    supply_K = records["substation_supply_temperature"]
    return_K = records["substation_return_temperature"]
    cold_K = np.array([s.minimum_supply_temperature_K for s in network.substations])
    least_Pa = np.array([s.minimum_differential_pressure_Pa for s in network.substations])
    colder = np.maximum(cold_K - records["substation_supply_temperature"], 0.0)
    weaker = np.maximum(least_Pa - records["substation_differential_pressure"], 0.0)
    fuel = (records["plant_fuel_power"][1:] * spans).sum(axis=0) / 3.6e9
    heats = (records["plant_heat"][1:] * spans).sum(axis=0) / 3.6e9
    bought = np.array([plant.kind is PlantKind.WASTE_HEAT for plant in network.plants])
    price = np.array([fuel_EUR_per_MWh[plant.name][0] for plant in network.plants])
    sold = fuel * np.array([plant.electric_efficiency for plant in network.plants])
    pump_J = float((records["plant_pump_power"][1:] * spans).sum())
    power_price = float(electricity_EUR_per_MWh[0])
    plant_EUR = (fuel + bought * heats) * price - sold * power_price
    added = {
        "shortfall_J": float((records["substation_unserved_heat"][1:] * spans).sum()),
        "too_cold_Ks": _trapezoid(colder, spans),
        "too_little_pressure_Pas": _trapezoid(weaker, spans),
        "pump_J": pump_J,
        "idle_J": _idle_J(network, records, spans),
        "fuel_EUR": float(plant_EUR.sum()),
        "electricity_EUR": pump_J / 3.6e9 * power_price,
        "co2_kg": float(fuel @ np.array([p.co2_kg_per_MWh_fuel for p in network.plants])),
    }
    reached = {"too_cold_K": float(colder.max()), "too_little_pressure_Pa": float(weaker.max())}
    return Tally(
        tally.edges_s,
        tally.demanded_J + _per_unit(times, demand, tally.edges_s),
        tally.delivered_J + _per_unit(times, heat, tally.edges_s),
        tally.flow_kg + _per_unit(times, flow, tally.edges_s),
        tally.supply_kgK + _per_unit(times, flow * _over_steps(supply_K), tally.edges_s),
        tally.return_kgK + _per_unit(times, flow * _over_steps(return_K), tally.edges_s),
        tally.plant_J + _per_unit(times, records["plant_heat"], tally.edges_s),
        tally.plant_EUR + plant_EUR,
        {key: tally.integrals.get(key, 0.0) + value for key, value in added.items()},
        {key: max(tally.worst.get(key, 0.0), value) for key, value in reached.items()},
    )


def _idle_J(network: Network, records: Mapping[str, Floats], spans: Floats) -> float:
    # on line is who gives heat, and who holds the pressure while water moves
    heat, flow = records["plant_heat"][1:], records["plant_mass_flow"][1:]
    holds = np.array([plant.control is PlantControl.PRESSURE for plant in network.plants])
    capacity = np.array([plant.capacity_W for plant in network.plants])
    on_line = (heat > _ON_W) | (holds & (np.abs(flow) > 0.0))
    return float((np.where(on_line, np.maximum(capacity - heat, 0.0), 0.0) * spans).sum())


def _over_steps(values: Floats) -> Floats:
    # means over each step stand at its end, as flows do
    return np.vstack([values[:1], 0.5 * (values[1:] + values[:-1])])


def _trapezoid(values: Floats, spans: Floats) -> float:
    return float((0.5 * (values[1:] + values[:-1]) * spans).sum())


def _per_unit(times_s: Floats, means_W: Floats, edges_s: Floats) -> Floats:
    running = np.vstack(
        [
            np.zeros(means_W.shape[1]),
            np.cumsum(means_W[1:] * np.diff(times_s)[:, None], axis=0),
        ]
    )
    at = np.column_stack([np.interp(edges_s, times_s, column) for column in running.T])
    return np.diff(at, axis=0)
