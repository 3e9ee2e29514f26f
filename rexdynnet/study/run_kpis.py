"""Key figures of a closed-loop run, with what each one means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from rexdynnet.control.base import Rung
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import PlantControl
from rexdynnet.study.run_meters import Tally
from rexdynnet.study.run_settings import PriceSettings
from rexdynnet.timeline import Realisation

_MWH_J = 3.6e9
_KWH_J = 3.6e6
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Kpis:
    """Key figures of one run.

    Parameters
    ----------
    cost_EUR : float
        Fuel, pump electricity, starts and lost load, less the value of heat gained in
        pipes and tanks.
    fuel_EUR, electricity_EUR, start_EUR, lost_load_EUR : float
        Its parts; electricity is that of the plants' pumps.
    stored_heat_EUR : float
        Value of the change in stored heat, already taken off the cost.
    shortfall_kWh : float
        Network shortfall: demanded and not delivered.
    imbalance_gross_kWh, imbalance_net_kWh, imbalance_percent : float
        Prosumer imbalance |demanded - reserved| summed over participants and units; net:
        over units of the network's sum; percent: gross over reserved. NaN without a schedule.
    temperature_violation_Kh, pressure_violation_barh : float
        Integral of what supply temperature and differential pressure at substations fall
        short of their contract, summed over substations.
    coldest_K, weakest_bar : float
        Largest of those distances.
    delivered_MWh, produced_MWh, loss_MWh, dumped_MWh, stored_MWh : float
    pump_kWh, co2_kg : float
    idle_MWh : float
        What plants on line could have given more: their capacity less what they gave.
    starts : int
        Of plants that follow a command.
    rungs : mapping of rung name to int
        How many decisions came from each rung.
    iterations : int
        Spent by solvers over the run.
    """

    cost_EUR: float
    fuel_EUR: float
    electricity_EUR: float
    start_EUR: float
    lost_load_EUR: float
    stored_heat_EUR: float
    shortfall_kWh: float
    imbalance_gross_kWh: float
    imbalance_net_kWh: float
    imbalance_percent: float
    temperature_violation_Kh: float
    pressure_violation_barh: float
    coldest_K: float
    weakest_bar: float
    delivered_MWh: float
    produced_MWh: float
    loss_MWh: float
    dumped_MWh: float
    stored_MWh: float
    pump_kWh: float
    co2_kg: float
    idle_MWh: float
    starts: int
    rungs: Mapping[str, int]
    iterations: int

    def numbers(self) -> dict[str, float]:
        """Every figure that is one number, by name."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {key: float(value) for key, value in values.items() if key != "rungs"}

    def lines(self) -> Iterator[str]:
        """What a person wants to read, one figure a line."""
        rows = (
            ("cost", self.cost_EUR, "EUR, with lost load and stored heat"),
            ("  fuel", self.fuel_EUR, "EUR"),
            ("  pump electricity", self.electricity_EUR, "EUR"),
            ("  starts", self.start_EUR, "EUR"),
            ("  lost load", self.lost_load_EUR, "EUR"),
            ("  value of heat stored", self.stored_heat_EUR, "EUR, taken off"),
            ("network shortfall", self.shortfall_kWh, "kWh"),
            ("prosumer imbalance", self.imbalance_gross_kWh, "kWh gross"),
            ("  netted over the network", self.imbalance_net_kWh, "kWh"),
            ("supply too cold", self.temperature_violation_Kh, "K h over all substations"),
            ("pressure too low", self.pressure_violation_barh, "bar h over all substations"),
            ("heat delivered", self.delivered_MWh, "MWh"),
            ("heat fed in", self.produced_MWh, "MWh"),
            ("heat lost", self.loss_MWh, "MWh"),
            ("pump electricity", self.pump_kWh, "kWh"),
            ("CO2", self.co2_kg, "kg"),
            ("idle power on line", self.idle_MWh, "MWh"),
        )
        for label, value, unit in rows:
            if np.isfinite(value):
                yield f"{label:<28}{value:>11,.2f} {unit}"
        used = ", ".join(f"{count} {name}" for name, count in self.rungs.items() if count)
        yield f"{'decisions by rung':<28}{used}; {self.iterations} solver iterations"


def stored_heat_price(network: Network, prices: PriceSettings, air_K: float) -> float:
    """Value of heat left in the network, EUR/MWh: what the balancing plant would spend."""
    if prices.stored_heat_EUR_per_MWh is not None:
        return prices.stored_heat_EUR_per_MWh
    from rexdynnet.control.merit import heat_price

    electricity = float(np.mean(prices.electricity_EUR_per_MWh))
    plants = network.balancing_plants or network.plants
    plant = plants[0]
    return heat_price(
        plant, plant.fuel_price_EUR_per_MWh, electricity, plant.supply_temperature_K, air_K
    )


def kpis_of(
    network: Network,
    prices: PriceSettings,
    tally: Tally,
    energies_J: Mapping[str, float],
    commands: Mapping[str, np.ndarray],
    rungs: np.ndarray,
    iterations: np.ndarray,
    realisation: Realisation | None,
    air_K: float,
) -> Kpis:
    """Work out the key figures of a run.

    Parameters
    ----------
    network : Network
    prices : PriceSettings
    tally : Tally
    energies_J : mapping of str to float
        `energy_plants` and so on at the end of the run.
    commands : mapping of plant name to ndarray, shape (steps,)
        Heat commanded to plants that follow a command.
    rungs, iterations : ndarray of int, shape (steps,)
    realisation : Realisation or None
    air_K : float
        Mean outdoor temperature, for the value of stored heat.

    Returns
    -------
    Kpis
    """
    counted = tally.integrals
    starts, start_EUR = 0, 0.0
    for plant in network.plants:
        if plant.control is PlantControl.HEAT and plant.name in commands:
            on = commands[plant.name] > 0
            count = int(np.sum(on[1:] & ~on[:-1]))
            starts += count
            start_EUR += count * plant.start_cost_EUR
    shortfall_J = counted["shortfall_J"]
    lost_EUR = shortfall_J / _MWH_J * prices.value_of_lost_load_EUR_per_MWh
    stored_J = energies_J["energy_stored"]
    stored_EUR = stored_J / _MWH_J * stored_heat_price(network, prices, air_K)
    spent = counted["fuel_EUR"] + counted["electricity_EUR"] + start_EUR + lost_EUR
    gross, net, percent = _imbalance(realisation)
    return Kpis(
        cost_EUR=spent - stored_EUR,
        fuel_EUR=counted["fuel_EUR"],
        electricity_EUR=counted["electricity_EUR"],
        start_EUR=start_EUR,
        lost_load_EUR=lost_EUR,
        stored_heat_EUR=stored_EUR,
        shortfall_kWh=shortfall_J / _KWH_J,
        imbalance_gross_kWh=gross,
        imbalance_net_kWh=net,
        imbalance_percent=percent,
        temperature_violation_Kh=counted["too_cold_Ks"] / _HOUR_S,
        pressure_violation_barh=counted["too_little_pressure_Pas"] / _HOUR_S / 1e5,
        coldest_K=tally.worst["too_cold_K"],
        weakest_bar=tally.worst["too_little_pressure_Pa"] / 1e5,
        delivered_MWh=energies_J["energy_delivered"] / _MWH_J,
        produced_MWh=energies_J["energy_plants"] / _MWH_J,
        loss_MWh=energies_J["energy_lost"] / _MWH_J,
        dumped_MWh=energies_J["energy_dumped"] / _MWH_J,
        stored_MWh=stored_J / _MWH_J,
        pump_kWh=counted["pump_J"] / _KWH_J,
        co2_kg=counted["co2_kg"],
        idle_MWh=counted["idle_J"] / _MWH_J,
        starts=starts,
        rungs={rung.name.lower(): int(np.sum(rungs == rung.number)) for rung in Rung},
        iterations=int(iterations.sum()),
    )


def _imbalance(realisation: Realisation | None) -> tuple[float, float, float]:
    if realisation is None:
        return float("nan"), float("nan"), float("nan")
    missed = realisation.imbalance_J
    gross = float(np.abs(missed).sum())
    net = float(np.abs(missed.sum(axis=1)).sum())
    reserved = float(np.abs(realisation.reserved_J).sum())
    return gross / _KWH_J, net / _KWH_J, 100 * gross / reserved if reserved > 0 else float("nan")
