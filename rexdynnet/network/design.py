"""The design state: all substations at their connected heat, and the pressures that takes.

A bound, not a simulation: temperatures are those of the heating curve, without
losses; bypasses are shut, tanks at rest, pumps at nominal speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from rexdynnet.network.graph import Network
from rexdynnet.network.line_flow import LineGraph, balance, line_graph
from rexdynnet.network.spec import (
    Exchanger,
    FixedCooling,
    FixedReturn,
    Line,
    Plant,
    Substation,
)

GRAVITY_m_per_s2 = 9.80665
_SMALLEST_DIFFERENCE_K = 0.5


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


def _solve(
    network: Network,
    lines: tuple[LineGraph, LineGraph],
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
        edge_flow, drop = balance(network, line, injection, temperature)
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


def _lines(network: Network, island: frozenset[str]) -> tuple[LineGraph, LineGraph] | None:
    found: list[LineGraph] = []
    for line in (Line.SUPPLY, Line.RETURN):
        names = [n.name for n in network.nodes if n.name in island and n.line is line]
        graph = line_graph(network, names)
        if graph is None:
            return None
        found.append(graph)
    return found[0], found[1]
