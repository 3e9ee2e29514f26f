"""Synthetic buildings of several flats with a known truth, and what their meters would show.

Truth: every flat is one node (or air and mass), conducts to its neighbours
through floors and party walls, loses heat to the outside, gains from the sun.
Excitation: thermostats that follow a schedule of their own in each flat, with an
additional random step every few hours (the heater experiment that makes a
network identifiable). Noise: process noise, thermometers, and unmetered gains
as part of the process noise. The generator, its excitation and its noise are
fixed here; a seed gives the same building on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rexdynnet.identify.discrete import discretise
from rexdynnet.identify.meters import Meters
from rexdynnet.network.rc import (
    Coupling,
    Estimate,
    Parameter,
    Quantity,
    RCNetwork,
    Verdict,
    parameters_of,
)
from rexdynnet.seeds import Purpose, stream

Array = NDArray[np.float64]

# what a flat's own figures are drawn from: (low, high), SI
_RANGES: dict[Quantity, tuple[float, float]] = {
    Quantity.CAPACITY: (4e6, 9e6),
    Quantity.OUTDOOR: (25.0, 60.0),
    Quantity.APERTURE: (0.6, 2.5),
    Quantity.GAIN: (50.0, 250.0),
    Quantity.PROCESS: (2e-4, 4e-4),
    Quantity.SENSOR: (0.02, 0.04),
}
_FLOOR_W_per_K, _WALL_W_per_K = (40.0, 120.0), (25.0, 90.0)
_SETPOINT_K = (291.15, 296.15)
_HEATER_W = 3500.0


@dataclass(frozen=True)
class Excitation:
    """How the heaters are moved.

    Parameters
    ----------
    hold_h : float
        A random heat is held this long before another is drawn.
    """

    hold_h: float = 6.0


def make_building(floors: int, per_floor: int, seed: int) -> RCNetwork:
    """Draw a building of `floors` × `per_floor` flats.

    Parameters
    ----------
    floors, per_floor : int
    seed : int

    Returns
    -------
    RCNetwork
        Flats `flat_FLOOR_PLACE`; couplings where they share a wall or a floor.

    Examples
    --------
    >>> len(make_building(4, 3, seed=1).couplings)
    17
    """
    zones = tuple(f"flat_{f + 1}_{p + 1}" for f in range(floors) for p in range(per_floor))

    def drawn(name: str, span: tuple[float, float]) -> Estimate:
        value = float(stream(seed, Purpose.BUILDING, name).uniform(*span))
        return Estimate(value, value, value, Verdict.FIXED)

    estimates = {
        one: drawn(str(one), _RANGES[one.quantity]) for one in parameters_of(zones, False, 1, ())
    }
    couplings: list[Coupling] = []
    for f in range(floors):
        for p in range(per_floor):
            here = zones[f * per_floor + p]
            pairs = []
            if p + 1 < per_floor:
                pairs.append((zones[f * per_floor + p + 1], _WALL_W_per_K))
            if f + 1 < floors:
                pairs.append((zones[(f + 1) * per_floor + p], _FLOOR_W_per_K))
            for other, span in pairs:
                name = str(Parameter(Quantity.COUPLING, here, other))
                couplings.append(Coupling(here, other, drawn(name, span), 1.0, True))
    return RCNetwork(
        zones, False, (12.0,), estimates, tuple(couplings), provenance=f"synthetic, seed {seed}"
    )


def simulate_meters(
    truth: RCNetwork,
    seed: int,
    *,
    days: float = 14.0,
    step_s: float = 900.0,
    excitation: Excitation | None = None,
) -> Meters:
    """What the meters of a building would show.

    Parameters
    ----------
    truth : RCNetwork
        Without mass nodes and unmeasured heats, as `make_building` gives.
    seed : int
        Of weather, heaters and noise; another than the building's gives another winter.
    days : float
    step_s : float
    excitation : Excitation or None

    Returns
    -------
    Meters
    """
    plan = excitation or Excitation()
    rows = round(days * 86400 / step_s)
    time = pd.date_range("2024-01-08", periods=rows, freq=pd.Timedelta(seconds=step_s))
    hours = np.arange(rows) * step_s / 3600
    outdoor, sun = _weather(hours, seed)
    space = truth.state_space()
    discrete = discretise(space.A, np.diag(space.Q), step_s)
    gamma = discrete.integral @ space.B
    factor = np.linalg.cholesky(discrete.noise)
    zones = len(truth.zones)
    process = stream(seed, Purpose.BUILDING, "process").normal(size=(rows, zones))
    setpoint = np.array(
        [
            stream(seed, Purpose.BUILDING, f"{zone} setpoint").uniform(*_SETPOINT_K)
            for zone in truth.zones
        ]
    )
    hold = max(1, round(plan.hold_h * 3600 / step_s))
    draws = np.array(
        [
            stream(seed, Purpose.BUILDING, f"{zone} heater").uniform(0.0, 1.0, rows // hold + 1)
            for zone in truth.zones
        ]
    )
    measured = np.empty((rows, zones))
    heat = np.empty((rows, zones))
    x = setpoint.copy()
    noise = stream(seed, Purpose.BUILDING, "thermometers").normal(size=(rows, zones))
    for row in range(rows):
        measured[row] = x + np.sqrt(space.variance) * noise[row]
        # around the set-point the heater moves at random; far from it the thermostat decides,
        # by the metered thermometer: heat that knew more than the meters would tell more
        call = draws[:, row // hold] + (setpoint - measured[row]) / 4.0
        heat[row] = _HEATER_W * np.clip(call, 0.0, 1.0)
        u = np.concatenate([[outdoor[row]], heat[row], [sun[row]], [1.0]])
        x = discrete.transition @ x + gamma @ u + factor @ process[row]
    return Meters(
        truth.zones,
        time,
        measured,
        heat,
        outdoor,
        sun,
        resolution_J=(0.0,) * zones,
        source="synthetic",
    )


def drop_samples(
    meters: Meters, share: float, seed: int, unmetered: tuple[str, ...] = ()
) -> Meters:
    """Meters with samples missing at random in each channel, and some zones without a heat meter.

    Parameters
    ----------
    meters : Meters
    share : float
        Of the samples that go missing.
    seed : int
    unmetered : tuple of str

    Returns
    -------
    Meters
    """
    lost = stream(seed, Purpose.BUILDING, "lost samples")
    heat = np.where(lost.uniform(size=meters.heat_W.shape) < share, np.nan, meters.heat_W)
    heat[:, [zone in unmetered for zone in meters.zones]] = np.nan
    shape = meters.temperature_K.shape
    return Meters(
        meters.zones,
        meters.time,
        np.where(lost.uniform(size=shape) < share, np.nan, meters.temperature_K),
        heat,
        np.where(lost.uniform(size=shape[0]) < share, np.nan, meters.outdoor_K),
        np.where(lost.uniform(size=shape[0]) < share, np.nan, meters.radiation_W_per_m2),
        meters.rows,
        meters.resolution_J,
        meters.source,
    )


def _weather(hours: Array, seed: int) -> tuple[Array, Array]:
    """A winter: a daily wave on slow random weather, and sun between 8 and 16 h."""
    days = int(hours[-1] // 24) + 3
    level = stream(seed, Purpose.BUILDING, "outdoor").normal(275.15, 3.0, days)
    clear = stream(seed, Purpose.BUILDING, "sun").uniform(0.1, 1.0, days)
    outdoor = np.interp(hours, 24 * np.arange(days), level)
    outdoor += 3.0 * np.sin(2 * np.pi * (hours - 9) / 24)
    noon = np.maximum(np.sin(np.pi * (hours % 24 - 8) / 8), 0.0) * (
        (hours % 24 > 8) & (hours % 24 < 16)
    )
    return outdoor, 450.0 * noon * clear[(hours // 24).astype(int)]


def meters_table(meters: Meters) -> pd.DataFrame:
    """Meters as the table that `read_meters` takes, in degC and kWh per row.

    Parameters
    ----------
    meters : Meters

    Returns
    -------
    DataFrame
    """
    found = pd.DataFrame({"time_local": meters.time})
    hours = meters.steps_s / 3600.0
    for column, zone in enumerate(meters.zones):
        found[f"{zone}_T_degC"] = meters.temperature_K[:, column] - 273.15
        if zone not in meters.unmetered:
            found[f"{zone}_heat_kWh"] = meters.heat_W[:, column] * hours / 1e3
    found["T_outdoor_degC"] = meters.outdoor_K - 273.15
    found["global_radiation_W_per_m2"] = meters.radiation_W_per_m2
    return found
