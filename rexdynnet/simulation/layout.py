"""A network as plain arrays by component kind, for the compiled kernels.

Every joining component is an edge; edges are numbered kind by kind in the
order of `Network.components`, so each kind is one contiguous range.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.elimination import Elimination

Ints = NDArray[np.int64]
Records: TypeAlias = Any
"""A structured array; `Any` because type checkers do not know the fields of its records."""

CONTROL_HEAT, CONTROL_FLOW, CONTROL_VALVE = 0, 1, 2
KIND_FUEL, KIND_HEAT_PUMP, KIND_WASTE_HEAT, KIND_SOLAR = 0, 1, 2, 3


class Water(NamedTuple):
    """Constants of the fluid; a viscosity or conductivity of 0 follows the temperature."""

    density: float
    specific_heat: float
    viscosity: float
    conductivity: float
    nikuradse: bool


NODE = np.dtype(
    [
        ("mass", np.float64),
        ("potential_Pa", np.float64),
        ("island", np.int64),
        ("unknown", np.int64),
        ("tree_edge", np.int64),
    ]
)
"""Water mass [kg]; rho·g·z; island; row in the nodal matrix (-1: held); edge to the parent."""

EDGE = np.dtype(
    [("tail", np.int64), ("head", np.int64), ("slot", np.int64), ("most_Pa", np.float64)]
)
"""End nodes in the direction of positive flow; slot in the nodal matrix; head of the pump of a
plant or tank."""

ISLAND = np.dtype([("root", np.int64), ("pressure_Pa", np.float64), ("makeup_K", np.float64)])
"""Node of the pressure holding, its absolute pressure, temperature of the make-up water."""

PIPE = np.dtype(
    [
        (name, np.float64)
        for name in (
            "length",
            "diameter",
            "roughness",
            "minor_loss",
            "loss",
            "coupling",
            "water_mass",
            "water_capacity",
            "wall_capacity",
            "wall_thickness",
            "wall_conductivity",
        )
    ]
    + [
        (name, np.int64)
        for name in (
            "partner",
            "cells",
            "water_start",
            "wall_start",
            "parcel_row",
            "loss_factor_at",
            "roughness_factor_at",
            "leak_at",
        )
    ]
)
"""SI; capacities per metre; `water_start` and `wall_start` are -1 without a wall, `parcel_row`
with one; `*_at` is a place among the parameters."""

SUBSTATION = np.dtype(
    [
        (name, np.float64)
        for name in (
            "setting",
            "secondary_supply",
            "secondary_return",
            "kv",
            "minimum_dp",
            "design_heat",
            "room_capacity",
            "room_loss",
            "room_setpoint",
            "room_band",
            "room_solar_area",
        )
    ]
    + [
        (name, np.int64)
        for name in (
            "control",
            "return_kind",
            "has_building",
            "heat_at",
            "flow_at",
            "opening_at",
            "fouling_at",
        )
    ]
)
"""`setting`: return temperature, cooling or UA by kind; `*_at`: place among the inputs or -1."""

PLANT = np.dtype(
    [
        (name, np.float64)
        for name in (
            "capacity",
            "efficiency",
            "source",
            "collector_area",
            "collector_optical",
            "collector_loss",
            "maximum_dp",
            "pump_efficiency",
        )
    ]
    + [
        (name, np.int64)
        for name in (
            "holds_pressure",
            "kind",
            "worst_point",
            "temperature_at",
            "setpoint_at",
            "available_at",
            "availability_at",
        )
    ]
)
"""`source` 0: outdoor air; `*_at`: place among the inputs or -1."""

TANK = np.dtype(
    [
        (name, np.float64)
        for name in (
            "layer_mass",
            "layer_area",
            "end_area",
            "layer_height",
            "loss",
            "maximum_flow",
        )
    ]
    + [(name, np.int64) for name in ("layers", "start", "flow_at", "availability_at")]
)
DUMP = np.dtype(
    [(name, np.float64) for name in ("return_K", "capacity")]
    + [(name, np.int64) for name in ("heat_at", "availability_at")]
)
PUMP = np.dtype(
    [(name, np.float64) for name in ("shut_off", "curvature")]
    + [(name, np.int64) for name in ("speed_at", "availability_at")]
)
VALVE = np.dtype(
    [("kv", np.float64)] + [(name, np.int64) for name in ("check", "opening_at", "availability_at")]
)
BYPASS = np.dtype([(name, np.float64) for name in ("kv", "setpoint", "band")])


class Graph(NamedTuple):
    """Nodes, edges, islands and the spanning tree that carries exact mass balances.

    `node_column` and `pipe_column` tell the network's place of each node and pipe (see
    `rexdynnet.simulation.numbering`); `loops` counts the chords whose flow pressure decides.
    """

    nodes: Records
    edges: Records
    islands: Records
    tree_order: Ints
    incident_start: Ints
    incident: Ints
    node_column: Ints
    pipe_column: Ints
    first_substation: int
    first_plant: int
    first_tank: int
    first_dump: int
    first_pump: int
    first_valve: int
    first_bypass: int
    loops: int


class Others(NamedTuple):
    """Tanks, dumps, booster pumps, valves, bypasses, and where the weather stands."""

    tanks: Records
    dumps: Records
    pumps: Records
    valves: Records
    bypasses: Records
    outdoor_at: int
    radiation_at: int
    ground_at: int


class Layout(NamedTuple):
    """All that a kernel reads and never changes; `walled` lists the pipes with a wall."""

    water: Water
    graph: Graph
    elimination: Elimination
    pipes: Records
    walled: Ints
    substations: Records
    plants: Records
    others: Others


class CellRule(NamedTuple):
    """How many wall cells a pipe gets: one per `length_m`, within bounds."""

    length_m: float = 3.0
    fewest: int = 4
    most: int = 40
