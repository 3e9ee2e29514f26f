"""Flows in one line, tree or mesh, for given flows in and out: Newton on independent cycles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import SolverError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Pipe, Pump, Valve

Edge = Pipe | Pump | Valve

_TOLERANCE_Pa = 1e-3
_ITERATIONS = 100


@dataclass(frozen=True)
class LineGraph:
    """One line of an island as arrays: a spanning tree and the chords that close cycles.

    Parameters
    ----------
    nodes : tuple of str
        The first is the root.
    edges : tuple of Pipe, Pump or Valve
    tail, head : (n,) array of int
        Node of each edge's ends.
    order : tuple of (edge, parent, child)
        The tree's edges from the root outwards.
    chords : tuple of int
        Edges outside the tree.
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    order: tuple[tuple[int, int, int], ...]
    chords: tuple[int, ...]


def line_graph(network: Network, names: Sequence[str]) -> LineGraph | None:
    """Lay a spanning tree over the nodes of a line.

    Parameters
    ----------
    network : Network
    names : sequence of str
        Nodes of one line; at least one.

    Returns
    -------
    LineGraph or None
        None where the pipes, pumps and valves do not join all of them.
    """
    index = {name: position for position, name in enumerate(names)}
    edges = tuple(
        edge
        for kind in (network.pipes, network.pumps, network.valves)
        for edge in kind
        if edge.from_node in index
    )
    touching: list[list[tuple[int, int]]] = [[] for _ in names]
    for position, edge in enumerate(edges):
        touching[index[edge.from_node]].append((position, index[edge.to_node]))
        touching[index[edge.to_node]].append((position, index[edge.from_node]))
    seen, used = {0}, set[int]()
    queue, order = [0], list[tuple[int, int, int]]()
    for parent in queue:
        for position, child in touching[parent]:
            if child not in seen:
                seen.add(child)
                used.add(position)
                order.append((position, parent, child))
                queue.append(child)
    if len(seen) != len(names):
        return None
    chords = tuple(position for position in range(len(edges)) if position not in used)
    tail = np.array([index[edge.from_node] for edge in edges], dtype=np.int64)
    head = np.array([index[edge.to_node] for edge in edges], dtype=np.int64)
    return LineGraph(tuple(names), edges, tail, head, tuple(order), chords)


def balance(
    network: Network, line: LineGraph, injection: NDArray[np.float64], temperature_K: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve the flows of a line for given flows into its nodes.

    Parameters
    ----------
    network : Network
        Gives the fluid.
    line : LineGraph
    injection : (nodes,) array
        kg/s into each node; their sum is 0.
    temperature_K : float
        Of the water, for its viscosity.

    Returns
    -------
    flow, drop : (edges,) array
        kg/s and Pa, positive along each edge.

    Raises
    ------
    SolverError
        The cycles do not close.

    Notes
    -----
    Loop method with Newton steps (Epp and Fowler, J. Hydraulics Div. ASCE 96 (1970) 43).
    The drops increase with the flows, so there is one solution.
    """
    drop_of = _drop(network, line, temperature_K)
    flow = _tree_flow(line, injection)
    cycles = _cycles(line)
    drop = drop_of(flow)
    for _ in range(_ITERATIONS if line.chords else 0):
        residual = cycles @ drop
        if np.abs(residual).max() <= _TOLERANCE_Pa + 1e-9 * np.abs(drop).max():
            return flow, drop
        step = 1e-6 * np.abs(flow) + 1e-8
        slope = (drop_of(flow + step) - drop_of(flow - step)) / (2 * step) + 1e-6
        change = -np.linalg.solve((cycles * slope) @ cycles.T, residual)
        size, trial, trial_drop = 1.0, flow, drop
        while size > 1e-4:
            trial = flow + size * (change @ cycles)
            trial_drop = drop_of(trial)
            if np.linalg.norm(cycles @ trial_drop) < np.linalg.norm(residual):
                break
            size /= 2
        flow, drop = trial, trial_drop
    if not line.chords:
        return flow, drop
    edge = line.edges[line.chords[int(np.abs(cycles @ drop).argmax())]].name
    raise SolverError(
        f"the design flows do not close the cycle through {edge}",
        "check lengths and diameters along that ring",
        component=edge,
    )


def _tree_flow(line: LineGraph, injection: NDArray[np.float64]) -> NDArray[np.float64]:
    flow = np.zeros(len(line.edges))
    need = -injection.copy()
    for position, parent, child in reversed(line.order):
        flow[position] = need[child] if line.tail[position] == parent else -need[child]
        need[parent] += need[child]
    return flow


def _cycles(line: LineGraph) -> NDArray[np.float64]:
    """Fundamental cycles, (chord, edge), +1 where the cycle runs along the edge."""
    parent = {child: (position, up) for position, up, child in line.order}
    cycles = np.zeros((len(line.chords), len(line.edges)))
    for row, chord in enumerate(line.chords):
        cycles[row, chord] = 1.0
        for start, sign in ((int(line.head[chord]), 1.0), (int(line.tail[chord]), -1.0)):
            node = start
            while node in parent:
                position, up = parent[node]
                cycles[row, position] += sign if line.tail[position] == node else -sign
                node = up
    return cycles


def _drop(
    network: Network, line: LineGraph, temperature_K: float
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Build the function from flows to pressure drops of the edges of a line."""
    from rexdynnet.physics.friction import pressure_loss
    from rexdynnet.physics.water import viscosity

    pipes = np.array([isinstance(edge, Pipe) for edge in line.edges], dtype=bool)
    table = np.array(
        [
            (edge.length_m, edge.inner_diameter_m, edge.roughness_m, edge.minor_loss)
            for edge in line.edges
            if isinstance(edge, Pipe)
        ]
    ).reshape(-1, 4)
    length, diameter, rough, minor = table.T
    quadratic = np.zeros(len(line.edges))
    lift = np.zeros(len(line.edges))
    for position, edge in enumerate(line.edges):
        if isinstance(edge, Valve):
            quadratic[position] = 1e5 / edge.kv_kg_per_s**2
        elif isinstance(edge, Pump):
            quadratic[position] = edge.curve.curvature_Pa_per_kg2s2
            lift[position] = edge.curve.shut_off_Pa
    density = network.fluid.density_kg_per_m3
    sticky = network.fluid.viscosity_Pa_s or viscosity(temperature_K)

    def drop(flow: NDArray[np.float64]) -> NDArray[np.float64]:
        lost = quadratic * flow * np.abs(flow) - lift
        lost[pipes] = pressure_loss(flow[pipes], length, diameter, rough, minor, density, sticky)
        return lost

    return drop
