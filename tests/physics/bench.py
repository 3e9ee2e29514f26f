"""One pipe on a bench, and how to drive it: shared by the tests against exact solutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    FixedReturn,
    Fluid,
    Ground,
    Line,
    Node,
    Pipe,
    PipeWall,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Substation,
    SubstationControl,
)
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.plant import Plant as Simulated

Floats = NDArray[np.float64]

# Constant properties: the film then depends on the flow alone, as the exact solutions want it.
WATER = Fluid(1000.0, 4200.0, viscosity_Pa_s=5e-4, conductivity_W_per_mK=0.64)
STEEL = PipeWall(0.004, 7850.0, 500.0, 50.0)
GROUND_K = 283.15
COLD_K = 274.15


def source(name: str, node: str, pressure_Pa: float = 5e5) -> Plant:
    """A plant without limits from the common return to a node."""
    return Plant(
        name,
        node,
        "return",
        PlantKind.BOILER,
        PlantControl.PRESSURE,
        capacity_W=1e9,
        maximum_supply_temperature_K=1000.0,
        differential_pressure_Pa=pressure_Pa,
        maximum_differential_pressure_Pa=2e6,
    )


def draw(name: str, node: str, kv_kg_per_s: float = 100.0) -> Substation:
    """A prescribed flow from a node to the common return."""
    return Substation(
        name,
        node,
        "return",
        1e6,
        kv_kg_per_s,
        SubstationControl.FLOW,
        FixedReturn(COLD_K),
        minimum_differential_pressure_Pa=0.0,
        minimum_supply_temperature_K=COLD_K,
    )


def point(name: str, line: Line = Line.SUPPLY) -> Node:
    """A node whose volume delays nothing."""
    return Node(name, line, volume_m3=1e-6)


def one_pipe(
    length_m: float = 1000.0,
    diameter_m: float = 0.1,
    loss_W_per_mK: float = 0.0,
    wall: PipeWall | None = None,
) -> Network:
    """Source, one pipe from `start` to `end`, draw."""
    return Network(
        name="bench",
        nodes=(point("start"), point("end"), point("return", Line.RETURN)),
        pipes=(
            Pipe("pipe", Line.SUPPLY, "start", "end", length_m, diameter_m, loss_W_per_mK, wall),
        ),
        substations=(draw("draw", "end"),),
        plants=(source("source", "start"),),
        holdings=(PressureHolding("return"),),
        fluid=WATER,
        ground=Ground(GROUND_K),
    )


def inputs(plant: Simulated, values: Mapping[str, float]) -> Inputs:
    """Inputs of a plant from values by signal name; the rest at the defaults."""
    signals = (*plant.controls, *plant.disturbances)
    unknown = set(values) - {signal.name for signal in signals}
    assert not unknown, unknown
    row = np.array([values.get(signal.name, signal.default) for signal in signals], dtype=float)
    return Inputs(row[: len(plant.controls)], row[len(plant.controls) :])


@dataclass(frozen=True)
class Trace:
    """What happened at the end of the pipe of `one_pipe`."""

    time_s: Floats
    outlet_K: Floats


def drive(
    plant: Simulated,
    times_s: Floats,
    inlet_K: Callable[[float], float],
    flow_kg_per_s: float | Callable[[float], float],
    *,
    initial_K: float,
    ground_K: Callable[[float], float] = lambda _: GROUND_K,
) -> Trace:
    """Drive `one_pipe` linearly from time to time and note what leaves the pipe."""

    def at(time_s: float) -> Inputs:
        flow = flow_kg_per_s(time_s) if callable(flow_kg_per_s) else flow_kg_per_s
        return inputs(
            plant,
            {
                "source.supply_temperature": inlet_K(time_s),
                "draw.mass_flow_demand": flow,
                "ground.temperature": ground_K(time_s),
            },
        )

    warm = {"start": initial_K, "end": initial_K, "return": COLD_K}
    state = plant.init(at(float(times_s[0])), temperatures_K=warm)
    outlet = [initial_K]
    for begin, end in pairwise(times_s):
        state, output = plant.advance(state, at(float(begin)), at(float(end)), float(end))
        outlet.append(float(output.records["pipe_outlet_temperature"][-1, 0]))
    return Trace(np.asarray(times_s), np.array(outlet))
