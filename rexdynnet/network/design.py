"""The design state: all substations at their connected heat, and the pressures that takes.

A bound, not a simulation: temperatures are those of the heating curve, without
losses; bypasses are shut, tanks at rest, pumps at nominal speed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Exchanger,
    FixedCooling,
    FixedReturn,
    Line,
    Pipe,
    Plant,
    Pump,
    Substation,
    Valve,
)

GRAVITY_m_per_s2 = 9.80665
_SMALLEST_DIFFERENCE_K = 0.5
_TOLERANCE_Pa = 1e-3

Edge = Pipe | Pump | Valve


def design_supply_K(network: Network) -> float:
    """Supply temperature on the coldest day of the heating curve.

    Parameters
    ----------
    network : Network

    Returns
    -------
    float
        K.
    """
    return max((supply for _, supply in network.heating_curve.points), default=353.15)


def design_return_K(network: Network, substation: Substation) -> float:
    """Return temperature of a substation at design heat and design supply temperature.

    Parameters
    ----------
    network : Network
    substation : Substation

    Returns
    -------
    float
        K; at or above the supply temperature where the heat cannot be given.
    """
    supply = design_supply_K(network)
    law = substation.return_law
    match law:
        case FixedReturn():
            return law.temperature_K
        case FixedCooling():
            return supply - law.difference_K
        case Exchanger():
            from rexdynnet.physics.devices import exchanger_return

            return float(
                exchanger_return(
                    substation.design_heat_W,
                    supply,
                    law.secondary_supply_K,
                    law.secondary_return_K,
                    law.ua_W_per_K,
                )
            )


def design_flow(network: Network, substation: Substation) -> float:
    """Mass flow of a substation in the design state.

    Parameters
    ----------
    network : Network
    substation : Substation

    Returns
    -------
    float
        kg/s; infinite where the water returns as warm as it comes.
    """
    difference = design_supply_K(network) - design_return_K(network, substation)
    if difference < _SMALLEST_DIFFERENCE_K:
        return inf
    return substation.design_heat_W / (network.fluid.specific_heat_J_per_kgK * difference)


@dataclass(frozen=True)
class DesignState:
    """Flows and pressures of one hydraulic island in the design state.

    Parameters
    ----------
    flow_kg_per_s : mapping
        By name of pipe, pump, valve, substation and plant.
    head_Pa : mapping
        What each plant's pump must raise.
    pressure_Pa : mapping
        Absolute pressure by node; empty where no pressure is held.
    worst_substation : str
        Where the promised differential pressure is just met.
    """

    flow_kg_per_s: Mapping[str, float]
    head_Pa: Mapping[str, float]
    pressure_Pa: Mapping[str, float]
    worst_substation: str

    def shortfall_Pa(self, plants: Sequence[Plant]) -> float:
        """How much more than its pump can do the most loaded plant must raise; <= 0: enough."""
        lack = (self.head_Pa[p.name] - p.maximum_differential_pressure_Pa for p in plants)
        return max(lack, default=0.0)


def required_differential_pressure_Pa(network: Network, substation: Substation) -> float:
    """Differential pressure that a substation needs in the design state.

    Parameters
    ----------
    network : Network
    substation : Substation

    Returns
    -------
    float
        Pa: the promised one, or what its open valve takes at design flow if that is more.
    """
    open_valve = 1e5 * (design_flow(network, substation) / substation.valve_kv_kg_per_s) ** 2
    return max(substation.minimum_differential_pressure_Pa, open_valve)


def solve_design(network: Network, island: frozenset[str]) -> DesignState | None:
    """Solve the design state of one island; the best of several shares of the plants.

    Parameters
    ----------
    network : Network
        Structurally sound.
    island : frozenset of str
        Node names.

    Returns
    -------
    DesignState or None
        None where the island has no finite design flow, or is not one supply and one
        return line between plants and substations (then nothing is claimed about it).

    Notes
    -----
    The plants' flows are tried in proportion to their capacities, and with each plant
    in turn giving all it can; the share that asks least of the pumps is returned.
    """
    plants = [plant for plant in network.plants if plant.supply_node in island]
    substations = [item for item in network.substations if item.supply_node in island]
    flows = {item.name: design_flow(network, item) for item in substations}
    total = sum(flows.values())
    lines = _lines(network, island)
    if not plants or not substations or lines is None or not np.isfinite(total):
        return None
    capacity = {plant.name: plant.capacity_W for plant in plants}
    heat = sum(item.design_heat_W for item in substations)
    best: DesignState | None = None
    for share in _shares(capacity, total, total / heat):
        state = _solve(network, lines, plants, substations, {**flows, **share})
        if best is None or state.shortfall_Pa(plants) < best.shortfall_Pa(plants):
            best = state
    return best


def _shares(
    capacity: Mapping[str, float], total: float, flow_per_heat: float
) -> list[dict[str, float]]:
    def first(name: str | None) -> dict[str, float]:
        share = dict.fromkeys(capacity, 0.0)
        left = total
        if name is not None:
            share[name] = min(total, capacity[name] * flow_per_heat)
            left -= share[name]
        others = {key: value for key, value in capacity.items() if key != name}
        if not others:
            others = dict(capacity)
        whole = sum(others.values())
        for key, value in others.items():
            share[key] += left * value / whole
        return share

    return [first(None)] + ([first(name) for name in capacity] if len(capacity) > 1 else [])


@dataclass(frozen=True)
class _LineGraph:
    """One line of an island as arrays: a spanning tree and the chords that close cycles."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    order: tuple[tuple[int, int, int], ...]  # (edge, parent, child) from the root outwards
    chords: tuple[int, ...]


def _lines(network: Network, island: frozenset[str]) -> tuple[_LineGraph, _LineGraph] | None:
    found: list[_LineGraph] = []
    for line in (Line.SUPPLY, Line.RETURN):
        names = [n.name for n in network.nodes if n.name in island and n.line is line]
        graph = _line_graph(network, names)
        if graph is None:
            return None
        found.append(graph)
    return found[0], found[1]


def _line_graph(network: Network, names: Sequence[str]) -> _LineGraph | None:
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
    return _LineGraph(tuple(names), edges, tail, head, tuple(order), chords)


def _solve(
    network: Network,
    lines: tuple[_LineGraph, _LineGraph],
    plants: Sequence[Plant],
    substations: Sequence[Substation],
    flow: Mapping[str, float],
) -> DesignState:
    flows = dict(flow)
    level: dict[str, float] = {}
    hot = design_supply_K(network)
    cold = float(np.mean([design_return_K(network, item) for item in substations]))
    for line, sign, temperature in ((lines[0], 1.0, hot), (lines[1], -1.0, cold)):
        inflow = dict.fromkeys(line.nodes, 0.0)
        for plant in plants:
            inflow[plant.supply_node if sign > 0 else plant.return_node] += sign * flow[plant.name]
        for item in substations:
            inflow[item.supply_node if sign > 0 else item.return_node] -= sign * flow[item.name]
        injection = np.array([inflow[name] for name in line.nodes])
        edge_flow, drop = _balance(network, line, injection, temperature)
        flows |= {e.name: float(m) for e, m in zip(line.edges, edge_flow, strict=True)}
        level[line.nodes[0]] = 0.0
        for position, parent, child in line.order:
            forward = line.tail[position] == parent
            lost = drop[position] if forward else -drop[position]
            level[line.nodes[child]] = level[line.nodes[parent]] - float(lost)
    margin = {
        item.name: level[item.supply_node]
        - level[item.return_node]
        - required_differential_pressure_Pa(network, item)
        for item in substations
    }
    worst = min(margin, key=lambda name: margin[name])
    lift = -margin[worst]
    heads = {p.name: level[p.supply_node] - level[p.return_node] + lift for p in plants}
    supply = set(lines[0].nodes)
    levels = {name: value + (lift if name in supply else 0.0) for name, value in level.items()}
    return DesignState(flows, heads, _absolute(network, levels), worst)


def _absolute(network: Network, level: Mapping[str, float]) -> dict[str, float]:
    weight = network.fluid.density_kg_per_m3 * GRAVITY_m_per_s2
    node = network.node_by_name
    for holding in network.holdings:
        if holding.node in level:
            held = holding.pressure_Pa + weight * node[holding.node].elevation_m
            offset = held - level[holding.node]
            return {
                name: value + offset - weight * node[name].elevation_m
                for name, value in level.items()
            }
    return {}


def _balance(
    network: Network, line: _LineGraph, injection: NDArray[np.float64], temperature_K: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Flows and pressure drops of a line's edges for given injections, by loop Newton."""
    drop_of = _drop(network, line, temperature_K)
    flow = _tree_flow(line, injection)
    cycles = _cycles(line)
    drop = drop_of(flow)
    for _ in range(100):
        if not line.chords:
            break
        residual = cycles @ drop
        if np.abs(residual).max() <= _TOLERANCE_Pa + 1e-9 * np.abs(drop).max():
            break
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
    return flow, drop


def _tree_flow(line: _LineGraph, injection: NDArray[np.float64]) -> NDArray[np.float64]:
    flow = np.zeros(len(line.edges))
    need = -injection.copy()
    for position, parent, child in reversed(line.order):
        flow[position] = need[child] if line.tail[position] == parent else -need[child]
        need[parent] += need[child]
    return flow


def _cycles(line: _LineGraph) -> NDArray[np.float64]:
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
    network: Network, line: _LineGraph, temperature_K: float
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
