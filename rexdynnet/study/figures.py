"""Key figures of a run: what a person asks first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rexdynnet.units import UNITS, format_duration

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class KeyFigure:
    """One figure with its meaning.

    Parameters
    ----------
    label : str
    value : float
        In `unit`.
    unit : str
    """

    label: str
    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.label:<28}{_figure(self.value):>11} {self.unit}"


def key_figures(result: xr.Dataset) -> tuple[KeyFigure, ...]:
    """Heat delivered, lost and not served, peaks and coldest supply of a run.

    Parameters
    ----------
    result : xarray.Dataset
        As `simulate` returns it.

    Returns
    -------
    tuple of KeyFigure
    """
    mega = UNITS["MWh"]
    kilo = UNITS["kW"]
    plants = _last(result, "energy_plants")
    lost = _last(result, "energy_lost")
    unserved = _unserved(result)
    figures = [
        KeyFigure("heat fed in by plants", mega.from_si(plants), "MWh"),
        KeyFigure("heat delivered", mega.from_si(_last(result, "energy_delivered")), "MWh"),
        KeyFigure("heat lost to the ground", mega.from_si(lost), "MWh"),
        KeyFigure("  of what was fed in", 100 * lost / plants if plants > 0 else 0.0, "%"),
        KeyFigure("heat not served", mega.from_si(unserved), "MWh"),
    ]
    dumped = _last(result, "energy_dumped")
    if dumped > 0:
        figures.append(KeyFigure("heat dumped", mega.from_si(dumped), "MWh"))
    heat = result["plant_heat"].to_numpy().sum(axis=1)
    figures.append(KeyFigure("peak of all plants", kilo.from_si(float(heat.max())), "kW"))
    if "substation_supply_temperature" in result:
        coldest = result["substation_supply_temperature"].to_numpy().min()
        celsius = UNITS["degC"].from_si(float(coldest))
        figures.append(KeyFigure("coldest substation supply", celsius, "degC"))
    if "substation_differential_pressure" in result:
        least = result["substation_differential_pressure"].to_numpy().min()
        figures.append(KeyFigure("least substation dp", UNITS["bar"].from_si(float(least)), "bar"))
    if "plant_pump_power" in result:
        pumps = result["plant_pump_power"].to_numpy().sum(axis=1)
        energy = float(np.sum(pumps[1:] * np.diff(result["time"].to_numpy())))
        figures.append(KeyFigure("pump electricity", UNITS["kWh"].from_si(energy), "kWh"))
    scale = abs(plants) + abs(lost) + abs(_last(result, "energy_delivered"))
    residual = abs(_last(result, "energy_residual")) / scale if scale > 0 else 0.0
    figures.append(KeyFigure("energy balance residual", 1e6 * residual, "ppm of all heats"))
    return tuple(figures)


def describe_run(result: xr.Dataset) -> str:
    """One line that says what was run."""
    span = float(result["time"].to_numpy()[-1] - result["time"].to_numpy()[0])
    attributes = result.attrs
    name = attributes.get("scenario") or attributes.get("network") or "run"
    method = str(attributes.get("method", "")).lower()
    begin = attributes.get("start_utc") or ""
    parts = [f"{name}: {format_duration(span)}", f"from {begin}" if begin else "", f"by {method}"]
    return " ".join(part for part in parts if part)


def _last(result: xr.Dataset, name: str) -> float:
    return float(result[name].to_numpy()[-1]) if name in result else 0.0


def _unserved(result: xr.Dataset) -> float:
    if "substation_unserved_heat" not in result:
        return 0.0
    # Heats are means over the interval that ends at their time; row 0 has none.
    steps = np.diff(result["time"].to_numpy())
    return float(np.sum(result["substation_unserved_heat"].to_numpy()[1:] * steps[:, None]))


def _figure(value: float) -> str:
    return f"{value:,.2f}"
