"""The declared sensors of a closed loop, and the observations made of their readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Observation
from rexdynnet.network.graph import Network
from rexdynnet.simulation.plant import DenseOutput
from rexdynnet.simulation.sensors import Sensor, SensorSet, SensorState, make_sensors
from rexdynnet.study.run_settings import SensorSettings

Floats = NDArray[np.float64]
WEATHER = ("outdoor.temperature", "ground.temperature")

_PLANT = ("supply_temperature", "return_temperature", "mass_flow", "heat", "differential_pressure")
_SUBSTATION = _PLANT
_DESIGN_LIFT_K = 30.0


@dataclass(frozen=True)
class Instruments:
    """The sensors of a network.

    Parameters
    ----------
    sensors : SensorSet
    names : tuple of str
        `component.quantity` of each sensor, then the weather station's.
    """

    sensors: SensorSet
    names: tuple[str, ...]

    def init(self, output: DenseOutput) -> SensorState:
        """Start in equilibrium with the first row of an output."""
        return self.sensors.init(float(output.times_s[0]), flat_records(output))

    def observe(
        self,
        state: SensorState,
        output: DenseOutput,
        silent: Mapping[str, float],
        extra: Mapping[str, float],
    ) -> tuple[Observation, SensorState]:
        """Read every sensor at the end of an output.

        Parameters
        ----------
        state : SensorState
        output : DenseOutput
        silent : mapping of sensor name to 0..1
            Sensors that have failed.
        extra : mapping of str to float
            Further values that meters give.

        Returns
        -------
        (Observation, SensorState)
        """
        end = float(output.times_s[-1])
        records = flat_records(output)
        reading, after = self.sensors.read(
            state, output.times_s, records, [end], availability=silent
        )
        values = np.where(reading.available[0], reading.values[0], np.nan)
        weather = np.array([float(output.records[name.replace(".", "_")][-1]) for name in WEATHER])
        weather = np.where([silent.get(name, 1.0) < 0.5 for name in WEATHER], np.nan, weather)
        names = (*self.names, *WEATHER, *extra)
        whole = np.concatenate([values, weather, np.array(list(extra.values()), dtype=float)])
        return Observation(end, names, whole), after


def make_instruments(network: Network, settings: SensorSettings, seed: int) -> Instruments:
    """Declare the sensors that every plant room and heat meter has.

    Parameters
    ----------
    network : Network
    settings : SensorSettings
    seed : int

    Returns
    -------
    Instruments
        Supply and return temperature, flow, heat and differential pressure of every plant
        and substation; every layer and the flow of a tank.
    """
    cp = network.fluid.specific_heat_J_per_kgK
    declared: list[Sensor] = []

    def add(kind: str, component: str, quantity: str, heat_W: float) -> None:
        noise = 0.0
        lag = 0.0
        if quantity.startswith(("supply_temperature", "return_temperature", "temperature")):
            noise, lag = settings.temperature_noise_K, settings.lag_s
        elif quantity == "mass_flow":
            noise = settings.flow_noise_share * heat_W / (cp * _DESIGN_LIFT_K)
        elif quantity == "heat":
            noise = settings.flow_noise_share * heat_W
        elif quantity == "differential_pressure":
            noise = settings.pressure_noise_Pa
        name = f"{component}.{quantity}"
        variable = f"{kind}_{quantity}"
        declared.append(
            Sensor(name, variable, component, noise, lag_s=lag, dropout=settings.dropout)
        )

    for plant in network.plants:
        for quantity in _PLANT:
            add("plant", plant.name, quantity, plant.capacity_W)
    for substation in network.substations:
        for quantity in _SUBSTATION:
            add("substation", substation.name, quantity, substation.design_heat_W)
    for tank in network.tanks:
        flow = min(tank.maximum_flow_kg_per_s, 1e3)
        add("tank", tank.name, "mass_flow", flow * cp * _DESIGN_LIFT_K)
        for layer in range(tank.layers):
            add("tank", tank.name, f"temperature_{layer}", 0.0)
    sensors = make_sensors(network, declared, seed=seed)
    return Instruments(sensors, tuple(sensor.name for sensor in declared))


def flat_records(output: DenseOutput) -> Mapping[str, Floats]:
    """Records with one variable per tank layer, `tank_temperature_0` on top."""
    layers = output.records.get("tank_temperature")
    if layers is None:
        return output.records
    split = {f"tank_temperature_{i}": layers[:, :, i] for i in range(layers.shape[2])}
    return {**output.records, **split}
