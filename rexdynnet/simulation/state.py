"""What changes while the plug-flow plant runs: one record per node, edge and device.

Records (NumPy structured arrays) keep a kernel's arguments few, which is what
its compilation time depends on, and keep what belongs together in one place.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.layout import Layout

Records: TypeAlias = Any
"""A structured array; `Any` because type checkers do not know the fields of its records."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
PARCEL_ROOM = 64
"""Parcels a pipe can hold; a power of two."""
PIECES = 8
"""Linear pieces of a step's outflow that a node hands on."""


def _floats(*names: str) -> list[tuple[str, type]]:
    return [(name, np.float64) for name in names]


NODE = np.dtype(
    [
        *_floats("K", "before_K", "guess_K", "pressure", "leak"),
        *_floats("inflow", "inflow_heat", "inflow_tilt", "inflow_end", "out_K", "out_tilt"),
        ("arrivals", np.int32),
        ("pieces", np.int32),
        ("slot", np.int64),
    ]
)
"""Temperature now and a step ago, its guess for the middle of the step [K]; piezometric
pressure relative to the island's holding [Pa]; leak [kg/s]; mass, mass·K, mass·ΔK and mass·K at
the end of the step's inflow; mean of the outflow and its change over the step [K]; edges that
sent inflow; pieces of the outflow and where they stand (-1: nowhere)."""

PIECE = np.dtype(_floats("share", "mean_K", "slope_K"))
"""Share of the step, mean over it and change over it."""

PARCEL = np.dtype(_floats("mass", "mean", "slope"))
"""kg; scaled excess (see `rexdynnet.simulation.parcels`) and its change towards the inlet."""

EDGE = np.dtype([*_floats("flow", "fixed", "constant", "slope"), ("sign", np.int64)])
"""Flow [kg/s]; flow that its device prescribes; linearisation flow = constant + slope·Δp;
direction that the order of the nodes was made for."""

PIPE = np.dtype(
    [
        *_floats("in_K", "out_K", "loss_J", "ground_K", "excess_K", "content"),
        *_floats("growth", "fade", "decay", "half_growth", "rate", "mass"),
        ("row", np.int32),
        ("first", np.int32),
        ("count", np.int32),
        ("unused", np.int32),
    ]
)
"""What heat needs of a pipe in every step, kept small because large networks live outside the
caches: temperature at `from_node` and `to_node`; heat lost in the step; without wall: ground, mean
excess, sum of mass·scaled excess, growth exp(∫k dt) and its inverse, loss rate·step with the
growth in half a step; loss rate [1/s], water mass, row among the parcels (-1: wall), first parcel
and number of parcels."""

CONDUIT = np.dtype(
    _floats("viscosity", "roughness", "leak_kv", "loss", "film", "film_flow", "film_K", "phase")
)
"""The rest of a pipe: present viscosity, roughness, leak and loss [W/mK]; film conductance with
the flow and temperature it is for; with wall: `phase` of its parcels."""

SUBSTATION = np.dtype(
    [
        *_floats("wanted", "followed", "anchor", "kv", "demand_W", "setting", "heat_W"),
        *_floats("return_K", "room_K"),
    ]
)
"""Flow wanted now, the wanted flow that the present one follows and the one at the last full
solution; valve's flow at 1 bar, heat demanded, present setting of the return law, heat given,
return and room temperature."""

PLANT = np.dtype(
    [
        *_floats("head_Pa", "bound_Pa", "capacity_W", "setpoint_K", "outlet_K", "tilt_K"),
        *_floats("heat_W", "tried_Pa", "margin_Pa"),
    ]
)
"""Δp held, its lower bound (negative: closed), heat available, set-point, outlet (mean of the
step and its change over the step), heat; last head tried for the worst point, its margin."""

WAY = np.dtype([("edge", np.int64), ("source", np.int64), ("sink", np.int64)])
"""An edge and the nodes that its flow comes from and goes to."""

TANK = np.dtype(_floats("heat_W", "inlet_K"))
DUMP = np.dtype(_floats("heat_W", "outlet_K"))
PUMP = np.dtype(_floats("speed"))
VALVE = np.dtype(_floats("kv"))


class State(NamedTuple):
    """All that a segment changes.

    Attributes
    ----------
    nodes, edges, pipes, substations, plants, tanks, dumps, pumps, valves, bypasses
        Records of the dtypes above.
    tank_K : (layers of all tanks,) from the top
    conduits : records of the dtype above
    pieces : (nodes, PIECES) outflow of the step by slot
    free_slots : (nodes + 1,)
        Slots of `pieces` that no node holds; the last number counts them.
    parcels : (pipes without wall, PARCEL_ROOM)
        Ring buffers, see `rexdynnet.simulation.parcels`.
    water_K, wall_K : flat, see `rexdynnet.simulation.walls`
    order : (nodes,) upstream before downstream
    way_start, ways : edges that heat leaves a node by, in that order of the nodes
    since_s : (1,) since the last full solution of the hydraulics
    energy_J : (6,) cumulative: plants, delivered, dumped, lost, make-up; stored at start
    diagonal, off_diagonal, right_side : workspace of the linear solution
    workspace : (3·k,) workspace of one pipe with wall: moving water, means, gains
    """

    nodes: Records
    edges: Records
    pipes: Records
    substations: Records
    plants: Records
    tanks: Records
    dumps: Records
    pumps: Records
    valves: Records
    bypasses: Records
    tank_K: Floats
    conduits: Records
    pieces: Records
    free_slots: Ints
    parcels: Records
    water_K: Floats
    wall_K: Floats
    order: Ints
    way_start: Ints
    ways: Records
    since_s: Floats
    energy_J: Floats
    diagonal: Floats
    off_diagonal: Floats
    right_side: Floats
    workspace: Floats


def new_state(layout: Layout) -> State:
    """Allocate a network at rest at 40 degC, rooms at their set-points.

    Parameters
    ----------
    layout : Layout

    Returns
    -------
    State
    """
    graph, pipes, others = layout.graph, layout.pipes, layout.others
    walled = pipes["wall_start"] >= 0
    cells = pipes["cells"][walled]
    parcels = (int((~walled).sum()), PARCEL_ROOM)
    free = len(layout.elimination.order)
    state = State(
        np.zeros(len(graph.nodes), NODE),
        np.zeros(len(graph.edges), EDGE),
        np.zeros(len(pipes), PIPE),
        np.zeros(len(layout.substations), SUBSTATION),
        np.zeros(len(layout.plants), PLANT),
        np.zeros(len(others.tanks), TANK),
        np.zeros(len(others.dumps), DUMP),
        np.zeros(len(others.pumps), PUMP),
        np.zeros(len(others.valves), VALVE),
        np.zeros(len(others.bypasses), VALVE),
        np.full(int(others.tanks["layers"].sum()), 333.15),
        np.zeros(len(pipes), CONDUIT),
        np.zeros((len(graph.nodes), PIECES), PIECE),
        np.arange(len(graph.nodes) + 1, dtype=np.int64),
        np.zeros(parcels, PARCEL),
        np.full(int((cells + 1).sum()), 313.15),
        np.full(int(cells.sum()), 313.15),
        np.arange(len(graph.nodes), dtype=np.int64),
        np.zeros(len(graph.nodes) + 1, dtype=np.int64),
        np.zeros(len(graph.edges), WAY),
        np.full(1, np.inf),
        np.zeros(6),
        np.zeros(free),
        np.zeros(len(layout.elimination.row)),
        np.zeros(free),
        np.zeros(3 * 2 * (int(cells.max(initial=0)) + 2)),
    )
    _set(state.nodes, K=313.15, before_K=313.15, slot=-1)
    _set(state.pipes, in_K=313.15, out_K=313.15, growth=1.0, fade=1.0)
    _set(state.pipes, mass=pipes["water_mass"], row=pipes["parcel_row"])
    _set(state.conduits, viscosity=4.6e-4, roughness=pipes["roughness"], film_flow=-1.0)
    state.substations["kv"] = layout.substations["kv"]
    state.substations["setting"] = layout.substations["setting"]
    state.substations["room_K"] = layout.substations["room_setpoint"]
    state.substations["return_K"] = 313.15
    state.valves["kv"] = others.valves["kv"]
    state.pumps["speed"] = 1.0
    return state


def _set(records: Records, **values: Any) -> None:
    for name, value in values.items():
        records[name] = value
