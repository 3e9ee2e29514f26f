"""Which plants run, by merit order: the cheapest heat first, within limits and ramps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rexdynnet.control.base import Preview
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances
from rexdynnet.network.spec import Line, Plant, PlantControl, PlantKind
from rexdynnet.physics.devices import carnot_cop, solar_heat

# An engine that runs is not stopped for a need just below its minimum load.
_STOP_SHARE = 0.6


@dataclass(frozen=True)
class PlantOffer:
    """What one plant can do now and what its heat costs.

    Parameters
    ----------
    plant : Plant
    available_W : float
    price_EUR_per_MWh : float
        Of its heat, electricity sold by a CHP taken off.
    """

    plant: Plant
    available_W: float
    price_EUR_per_MWh: float


def heat_price(
    plant: Plant,
    fuel_EUR_per_MWh: float,
    electricity_EUR_per_MWh: float,
    hot_K: float,
    air_K: float,
) -> float:
    """Cost of one more MWh of a plant's heat.

    Parameters
    ----------
    plant : Plant
    fuel_EUR_per_MWh : float
        Of what it burns or draws.
    electricity_EUR_per_MWh : float
        What a CHP earns.
    hot_K, air_K : float
        Supply temperature and outdoor air, for a heat pump.

    Returns
    -------
    float
        EUR/MWh of heat.
    """
    if plant.kind is PlantKind.SOLAR:
        return 0.0
    if plant.kind is PlantKind.WASTE_HEAT:
        # Its owner sells heat, so the price is one of heat.
        return fuel_EUR_per_MWh
    if plant.kind is PlantKind.HEAT_PUMP:
        cold = air_K if plant.source_temperature_K is None else plant.source_temperature_K
        return fuel_EUR_per_MWh / float(carnot_cop(hot_K, cold, plant.efficiency))
    earned = plant.electric_efficiency * electricity_EUR_per_MWh
    return (fuel_EUR_per_MWh - earned) / plant.efficiency


def offers(
    network: Network, preview: Preview, hot_K: float, *, row: int = 0
) -> tuple[PlantOffer, ...]:
    """What every plant can do in one interval, in the network's order.

    Parameters
    ----------
    network : Network
    preview : Preview
    hot_K : float
        Supply temperature wanted.
    row : int
        Which interval; 0 is the coming one.

    Returns
    -------
    tuple of PlantOffer
    """
    now = {
        signal.name: float(value)
        for signal, value in zip(disturbances(network), preview.disturbances[row], strict=True)
    }
    air = now["outdoor.temperature"]
    found: list[PlantOffer] = []
    for plant in network.plants:
        able = plant.capacity_W * now[f"{plant.name}.availability"]
        if plant.kind is PlantKind.WASTE_HEAT:
            able = min(able, now[f"{plant.name}.available_heat"])
        elif plant.kind is PlantKind.SOLAR:
            sun = solar_heat(
                now["outdoor.global_radiation"],
                hot_K - 15.0,
                air,
                plant.collector_area_m2,
                plant.optical_efficiency,
                plant.collector_loss_W_per_m2K,
            )
            able = min(able, float(sun))
        fuel = preview.fuel_EUR_per_MWh.get(plant.name)
        price = plant.fuel_price_EUR_per_MWh if fuel is None else float(fuel[row])
        electricity = float(preview.electricity_EUR_per_MWh[row])
        found.append(PlantOffer(plant, able, heat_price(plant, price, electricity, hot_K, air)))
    return tuple(found)


def commit(
    offered: tuple[PlantOffer, ...],
    need_W: float,
    running_W: Mapping[str, float],
    *,
    margin: float,
    step_s: float,
) -> dict[str, float]:
    """Heat of every plant that follows a command; the balancing plants take the rest.

    Parameters
    ----------
    offered : tuple of PlantOffer
    need_W : float
        Forecast demand and losses.
    running_W : mapping of plant name to float
        What was commanded last.
    margin : float
        Capacity on line is at least (1 + margin) `need_W`, as far as there is any.
    step_s : float
        For ramps.

    Returns
    -------
    dict of plant name to W
    """
    balancing = [offer for offer in offered if offer.plant.control is PlantControl.PRESSURE]
    commanded = [offer for offer in offered if offer.plant.control is PlantControl.HEAT]
    threshold = min((offer.price_EUR_per_MWh for offer in balancing), default=np.inf)
    kept = sum(offer.plant.minimum_load_W for offer in balancing if offer.available_W > 0)
    on_line = sum(offer.available_W for offer in balancing)
    left = need_W - kept
    heats: dict[str, float] = {}
    for offer in sorted(commanded, key=lambda offer: offer.price_EUR_per_MWh):
        cheap = offer.price_EUR_per_MWh <= threshold
        short = (1.0 + margin) * need_W - on_line
        # who is on line for the margin only gives at least what it must
        wanted = left if cheap else min(max(short, offer.plant.minimum_load_W), left)
        wanted = wanted if cheap or short > 0 else 0.0
        running = running_W.get(offer.plant.name, 0.0)
        heat = _within(offer, wanted, running, step_s)
        heats[offer.plant.name] = heat
        left -= heat
        on_line += offer.available_W if heat > 0 else 0.0
    return heats


def standing_loss_W(network: Network, supply_K: float, return_K: float, ground_K: float) -> float:
    """Loss of all pipes at one supply and one return temperature, W."""
    lines = {Line.SUPPLY: supply_K, Line.RETURN: return_K}
    return sum(
        pipe.loss_W_per_mK * pipe.length_m * (lines[pipe.line] - ground_K) for pipe in network.pipes
    )


def _within(offer: PlantOffer, wanted_W: float, running_W: float, step_s: float) -> float:
    plant = offer.plant
    least = plant.minimum_load_W
    heat = min(wanted_W, offer.available_W)
    if heat < least:
        stays = running_W > 0 and heat >= _STOP_SHARE * least
        heat = least if stays else 0.0
    if least > offer.available_W or heat <= 0:
        # A stop is a trip of the machine, not a ramp.
        return 0.0
    change = plant.ramp_W_per_s * step_s
    reached = float(np.clip(heat, running_W - change, running_W + change))
    return min(max(reached, least), offer.available_W)
