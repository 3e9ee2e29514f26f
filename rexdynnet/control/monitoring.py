"""A fault monitor for a network and its meters, ready to be fed with their readings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.augmented import AugmentedModel, Noise, observe_with, output_name
from rexdynnet.control.faults import Rule, hypotheses_of
from rexdynnet.control.metered import metered_stage
from rexdynnet.control.monitor import Monitor, Row
from rexdynnet.control.observer import KalmanFilter
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Exchanger, Line
from rexdynnet.simulation.sensors import Sensor

Floats: TypeAlias = NDArray[np.float64]

MAKEUP = "plant_makeup_mass_flow"
"""Result variable that a make-up water meter reads; `with_makeup` adds it."""
_STALE_SHARE = 0.3
_STALE = {"K": 1.0, "Pa": 2e3}


@dataclass(frozen=True)
class Meters:
    """Errors of the meters of a network, as standard deviations of single readings.

    Parameters
    ----------
    temperature_K, temperature_resolution_K, temperature_lag_s : float
        Paired thermometers of heat meters.
    flow_share, heat_share : float
        Of the flow and heat at design.
    makeup_kg_per_s : float
        Make-up water meter.
    pressure_Pa, pressure_resolution_Pa : float
        Differential pressure.
    dropout : float
        Share of readings that get lost.
    at_substations : bool
        Differential pressure is measured at substations too, not only at the plant.
    return_junctions : bool
        A thermometer stands in the return line wherever pipes meet; without them heat
        that return pipes lose shows at the plant only.
    """

    temperature_K: float = 0.1
    temperature_resolution_K: float = 0.01
    temperature_lag_s: float = 20.0
    flow_share: float = 0.005
    heat_share: float = 0.01
    makeup_kg_per_s: float = 0.001
    pressure_Pa: float = 300.0
    pressure_resolution_Pa: float = 10.0
    dropout: float = 0.02
    at_substations: bool = True
    return_junctions: bool = False


@dataclass(frozen=True)
class AsBuilt:
    """How far a healthy network may be from its data sheet, as standard deviations.

    Parameters
    ----------
    loss_factor, roughness_factor : float
        Of each pipe.
    ground_K : float
        Of the ground's temperature.
    """

    loss_factor: float = 0.1
    roughness_factor: float = 0.7
    ground_K: float = 1.0


@dataclass(frozen=True)
class ModelError:
    """What the monitor's model leaves out, as standard deviations of a step's mean."""

    temperature_K: float = 0.01
    pressure_Pa: float = 10.0
    flow_kg_per_s: float = 1e-5


def meters_of(network: Network, meters: Meters | None = None) -> tuple[Sensor, ...]:
    """Declare a heat meter per substation and plant, Δp and a make-up water meter.

    Parameters
    ----------
    network : Network
    meters : Meters or None

    Returns
    -------
    tuple of Sensor
        Named `component.quantity` as the outputs of the models are.
    """
    meters = meters or Meters()
    sensors: list[Sensor] = []

    def add(name: str, variable: str, noise: float, resolution: float, lag_s: float = 0.0) -> None:
        quantity = variable.partition("_")[2]
        declared = Sensor(
            f"{name}.{quantity}", variable, name, noise, resolution, lag_s, meters.dropout
        )
        sensors.append(declared)

    design = [unit.design_heat_W for unit in network.substations]
    loads = [
        *(
            (unit.name, "substation", heat)
            for unit, heat in zip(network.substations, design, strict=True)
        ),
        *((plant.name, "plant", sum(design)) for plant in network.plants),
    ]
    cp = network.fluid.specific_heat_J_per_kgK
    for name, kind, heat in loads:
        for quantity in ("supply_temperature", "return_temperature"):
            add(
                name,
                f"{kind}_{quantity}",
                meters.temperature_K,
                meters.temperature_resolution_K,
                meters.temperature_lag_s,
            )
        flow = meters.flow_share * heat / (cp * 30.0)
        add(name, f"{kind}_mass_flow", flow, 0.1 * flow)
        if kind == "substation":
            add(name, "substation_heat", meters.heat_share * heat, 1.0)
        if kind == "plant" or meters.at_substations:
            add(
                name,
                f"{kind}_differential_pressure",
                meters.pressure_Pa,
                meters.pressure_resolution_Pa,
            )
    for name in return_junctions(network) if meters.return_junctions else ():
        add(
            name,
            "node_temperature",
            meters.temperature_K,
            meters.temperature_resolution_K,
            meters.temperature_lag_s,
        )
    for plant in network.plants:
        add(plant.name, MAKEUP, meters.makeup_kg_per_s, 0.1 * meters.makeup_kg_per_s)
    return tuple(sensors)


def return_junctions(network: Network) -> tuple[str, ...]:
    """Nodes of the return line at which at least two pipes arrive; not those of plants.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of str
    """
    arriving = Counter(pipe.to_node for pipe in network.pipes if pipe.line is Line.RETURN)
    plants = {plant.return_node for plant in network.plants}
    return tuple(
        node.name for node in network.nodes if arriving[node.name] > 1 and node.name not in plants
    )


def with_makeup(network: Network, records: Mapping[str, Floats]) -> dict[str, Floats]:
    """Records of a plant with what its make-up water meter counts.

    Parameters
    ----------
    network : Network
    records : mapping of variable name to ndarray, shape (n, components)

    Returns
    -------
    dict
        With `plant_makeup_mass_flow`: what leaves the plant and does not come back in the
        return pipes, kg/s.
    """
    columns: list[Floats] = []
    for i, plant in enumerate(network.plants):
        pipes = [k for k, pipe in enumerate(network.pipes) if pipe.to_node == plant.return_node]
        returning = records["pipe_mass_flow"][:, pipes].sum(axis=1)
        columns.append(records["plant_mass_flow"][:, i] - returning)
    return {**records, MAKEUP: np.column_stack(columns)}


def make_monitor(
    network: Network,
    sensors: Sequence[Sensor],
    *,
    step_s: float = 900.0,
    samples: int = 15,
    as_built: AsBuilt | None = None,
    error: ModelError | None = None,
    rule: Rule | None = None,
) -> Monitor:
    """Build the monitor of a network from its declared meters.

    Parameters
    ----------
    network : Network
        A tree with one plant, see `metered_stage`.
    sensors : sequence of Sensor
        Flow (and heat, where it has an exchanger) of every substation must be among them.
    step_s : float
        Over which readings are averaged.
    samples : int
        Readings in a step.
    as_built : AsBuilt or None
    error : ModelError or None
    rule : Rule or None

    Returns
    -------
    Monitor
        To be commissioned with a stretch of healthy operation.

    Raises
    ------
    InputError
        The network is no tree, or a meter that the model needs is missing.
    """
    as_built, error = as_built or AsBuilt(), error or ModelError()
    model = metered_stage(network, step_s=step_s, cells=1)
    read = {output_name(sensor) for sensor in sensors}
    needed = [signal.name for signal in model.parameters if signal.default is None]
    if not read.issuperset(needed):
        raise InputError(
            *(
                Finding(f"no sensor reads {name}", "declare its meter", component=name)
                for name in needed
                if name not in read
            )
        )
    known = {signal.name for signal in model.parameters}
    outputs = {signal.name for signal in model.output_signals}
    metered = {
        output_name(sensor): float(np.hypot(sensor.noise, sensor.resolution / 12**0.5))
        / samples**0.5
        for sensor in sensors
        if output_name(sensor) in known
    }
    short = {
        "temperature": error.temperature_K,
        "pressure": error.pressure_Pa,
        "flow": error.flow_kg_per_s,
    }
    left_out = {
        name: short[name.rpartition(".")[2].rpartition("_")[2]]
        for name in map(output_name, sensors)
        if name in outputs
    }
    noise = Noise(inputs=metered, outputs=left_out)
    observed = observe_with(model, sensors, noise=noise, samples=samples)
    uncertain = {f"{pipe.name}.loss_factor": as_built.loss_factor for pipe in network.pipes}
    # the return pipe of a trench shows in the same pressures as its supply pipe
    uncertain |= {
        f"{pipe.name}.roughness_factor": as_built.roughness_factor
        for pipe in network.pipes
        if pipe.line is Line.SUPPLY
    }
    uncertain["ground.temperature"] = as_built.ground_K
    return Monitor(
        KalmanFilter(observed),
        hypotheses_of([signal.name for signal in model.parameters]),
        uncertain=uncertain,
        offsets={name: 3.0 * left_out[name] for name in observed.measured},
        rule=rule or Rule(),
    )


def read_meters(model: AugmentedModel, names: Sequence[str], values: Floats, held: Floats) -> Row:
    """What a step of the monitor is given, from the meters' readings.

    Parameters
    ----------
    model : AugmentedModel
        Of a metered stage.
    names : sequence of str
        `component.quantity` of each reading.
    values : ndarray, shape (len(names),)
        NaN where missing.
    held : ndarray, shape (n_p,)
        Parameters of the step before; a missing reading keeps its value, and is
        trusted that much less.

    Returns
    -------
    Row
    """
    readings = dict(zip(names, values.tolist(), strict=True))
    parameters = held.copy()
    scale = np.ones(len(model.noisy_inputs))
    places = {name: i for i, name in enumerate(model.noisy_inputs)}
    for i, signal in enumerate(model.model.parameters):
        value = readings.get(signal.name, np.nan)
        if np.isfinite(value):
            parameters[i] = value
        elif signal.name in places:
            spread = _STALE.get(signal.unit, _STALE_SHARE * abs(float(held[i])))
            scale[places[signal.name]] = max(spread / model.noise.inputs[signal.name], 1.0)
    measured = np.array([readings.get(name, np.nan) for name in model.measured])
    return Row(np.zeros(len(model.model.controls)), parameters, measured, scale)


def first_parameters(model: AugmentedModel, network: Network) -> Floats:
    """Parameters to hold before the first readings: defaults, and half of the design load.

    Parameters
    ----------
    model : AugmentedModel
        Of a metered stage.
    network : Network

    Returns
    -------
    ndarray, shape (n_p,)
    """
    values = model.model.parameter_defaults
    places = {signal.name: i for i, signal in enumerate(model.model.parameters)}
    for unit in network.substations:
        heat = 0.5 * unit.design_heat_W
        values[places[f"{unit.name}.mass_flow"]] = heat / (
            network.fluid.specific_heat_J_per_kgK * 30.0
        )
        if isinstance(unit.return_law, Exchanger):
            values[places[f"{unit.name}.heat"]] = heat
    return values
