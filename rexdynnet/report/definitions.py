"""Key figures with label, unit and definition, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from rexdynnet.control.base import Rung


@dataclass(frozen=True)
class Definition:
    """What a key figure means.

    Parameters
    ----------
    label, unit, meaning : str
    """

    label: str
    unit: str
    meaning: str


DEFINITIONS: Mapping[str, Definition] = {
    "cost_EUR": Definition(
        "cost", "EUR", "fuel, pump electricity, starts and lost load, less the value of heat stored"
    ),
    "fuel_EUR": Definition("fuel", "EUR", "fuel and bought heat, less electricity sold"),
    "electricity_EUR": Definition("cost of pumping", "EUR", "electricity of the plants' pumps"),
    "start_EUR": Definition("start costs", "EUR", "starts of plants at their start cost"),
    "lost_load_EUR": Definition("lost load", "EUR", "network shortfall at the value of lost load"),
    "stored_heat_EUR": Definition(
        "value of heat stored", "EUR", "value of heat gained in pipes and tanks, taken off the cost"
    ),
    "shortfall_kWh": Definition(
        "network shortfall", "kWh", "Σ max(0, demanded − delivered) over substations and time"
    ),
    "imbalance_gross_kWh": Definition(
        "prosumer imbalance", "kWh", "Σ |demanded − reserved| over participants and time units"
    ),
    "imbalance_net_kWh": Definition(
        "imbalance, netted", "kWh", "Σ over time units of the network's |Σ (demanded − reserved)|"
    ),
    "imbalance_percent": Definition("imbalance", "%", "gross imbalance over what was reserved"),
    "temperature_violation_Kh": Definition(
        "supply too cold", "K h", "∫ max(0, contract − supply temperature), sum of substations"
    ),
    "coldest_K": Definition(
        "supply coldest by", "K", "largest distance below the contract's supply temperature"
    ),
    "pressure_violation_barh": Definition(
        "pressure too low", "bar h", "∫ max(0, contract − Δp), sum of substations"
    ),
    "weakest_bar": Definition(
        "pressure lowest by", "bar", "largest distance below the contract's differential pressure"
    ),
    "delivered_MWh": Definition("heat delivered", "MWh", "to substations"),
    "produced_MWh": Definition("heat fed in", "MWh", "by plants"),
    "loss_MWh": Definition("heat lost", "MWh", "to the ground"),
    "dumped_MWh": Definition("heat dumped", "MWh", "by heat dumps in mode discard"),
    "stored_MWh": Definition(
        "heat stored", "MWh", "change of the heat in water, pipe walls and tanks"
    ),
    "pump_kWh": Definition("pump electricity", "kWh", "of the plants' pumps"),
    "co2_kg": Definition("CO2", "kg", "of fuel burnt"),
    "idle_MWh": Definition("idle power on line", "MWh", "∫ capacity less heat of plants on line"),
    "shifted_kWh": Definition(
        "heat shifted", "kWh", "drawn by flexible prosumers at another time than it was needed"
    ),
    "units_resettled": Definition(
        "units resettled", "", "settled anew once a missing meter had been read"
    ),
    "starts": Definition("starts", "", "of plants that follow a command"),
    "iterations": Definition("solver iterations", "", "spent by the controller's solvers"),
    "alarms": Definition("alarms", "", "of the fault monitor: leak, fouling, wet insulation"),
    "trades": Definition("trades", "", "filled orders on the exchange"),
    "bills_EUR": Definition("bills", "EUR", "what all participants pay together"),
    "maker_surplus_EUR": Definition(
        "maker's surplus", "EUR", "of the reservation maker, before true-up"
    ),
    "penalties_EUR": Definition(
        "penalties", "EUR", "for deviations beyond the steps of the cascade"
    ),
    "rationing_paid_EUR": Definition(
        "rationing paid", "EUR", "compensation and money back to those who were rationed"
    ),
    "refused_orders": Definition("orders refused", "", "by credit, depth or envelope"),
    "gates_uncertified": Definition(
        "gates uncertified", "", "gate closures whose plan could not be certified"
    ),
    "units_by_tariff": Definition(
        "units by tariff", "", "time units quoted by the tariff for want of a certified price"
    ),
    **{
        f"rung_{rung.name.lower()}": Definition(f"steps by {rung.name.lower()}", "", rung.value)
        for rung in Rung
    },
}


def defined(figures: Mapping[str, float]) -> Iterator[tuple[str, str, str, str]]:
    """Rows of a table of key figures: label, value, unit and definition.

    Parameters
    ----------
    figures : mapping of str to float
        As in `kpis.json`; figures that are NaN are left away.

    Yields
    ------
    tuple of str
        In the order of `DEFINITIONS`; figures without a definition come last, by their name.

    Examples
    --------
    >>> next(defined({"loss_MWh": 0.5}))
    ('heat lost', '0.50', 'MWh', 'to the ground')
    """
    unknown = [name for name in figures if name not in DEFINITIONS]
    for name in (*DEFINITIONS, *unknown):
        value = figures.get(name)
        if value is None or not isfinite(value):
            continue
        meaning = DEFINITIONS.get(name, Definition(name, "", ""))
        whole = meaning.unit == "" and float(value).is_integer()
        text = f"{value:,.0f}" if whole else f"{round(value, 2) + 0.0:,.2f}"
        yield meaning.label, text, meaning.unit, meaning.meaning
