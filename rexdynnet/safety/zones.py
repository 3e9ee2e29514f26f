"""Hydraulic zones: parts of a network that pumps and valves part from each other."""

from __future__ import annotations

from dataclasses import dataclass

import networkx as nx

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line, Pump

MOST_ZONES = 3
"""With more, the product of their modes grows unwieldy and the network counts as one zone."""


@dataclass(frozen=True)
class HydraulicZone:
    """What lies behind the same pumps and valves.

    Parameters
    ----------
    name : str
    nodes, substations, plants, tanks, dumps : tuple of int
        Places in the network's tuples.
    pumps : tuple of int
        Pumps that the zone's water must pass.
    balancing : tuple of int
        Plants of the same island that hold a differential pressure.
    suppliers : tuple of int
        All plants of the island.
    """

    name: str
    nodes: tuple[int, ...]
    substations: tuple[int, ...]
    plants: tuple[int, ...]
    tanks: tuple[int, ...]
    dumps: tuple[int, ...]
    pumps: tuple[int, ...]
    balancing: tuple[int, ...]
    suppliers: tuple[int, ...]


def hydraulic_zones(network: Network) -> tuple[HydraulicZone, ...]:
    """Part a network where pumps and valves stand in its lines.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of HydraulicZone
        Named `network` where there is one, else after the plant or pump that feeds each.
        Where there would be more than `MOST_ZONES`, one zone holds all.

    Examples
    --------
    >>> from rexdynnet import read_network
    >>> [zone.name for zone in hydraulic_zones(read_network("models/networks/destest16"))]
    ['network']
    """
    parts: nx.Graph[str] = nx.Graph()
    parts.add_nodes_from(node.name for node in network.nodes if node.line is Line.SUPPLY)
    for pipe in network.pipes:
        if pipe.line is Line.SUPPLY:
            parts.add_edge(pipe.from_node, pipe.to_node)
    found = [part for part in nx.connected_components(parts) if _serves(network, part)]
    if len(found) > MOST_ZONES or not found:
        found = [set(parts)]
    islands = list(nx.weakly_connected_components(network.graph()))
    order = {node.name: place for place, node in enumerate(network.nodes)}
    found.sort(key=lambda part: min(order[name] for name in part))
    zones: list[HydraulicZone] = []
    for part in found:
        island = next(each for each in islands if part & each)
        pumps = tuple(i for i, pump in enumerate(network.pumps) if _fed_by(network, pump) in part)
        balancing = {plant.name for plant in network.balancing_plants}
        zones.append(
            HydraulicZone(
                "network" if len(found) == 1 else _named(network, part, pumps),
                _nodes(network, part, last=part is found[-1]),
                _inside(network.substations, part),
                _inside(network.plants, part),
                _inside(network.tanks, part),
                _inside(network.dumps, part),
                pumps,
                tuple(
                    i
                    for i, plant in enumerate(network.plants)
                    if plant.supply_node in island and plant.name in balancing
                ),
                _inside(network.plants, island),
            )
        )
    return tuple(zones)


def _serves(network: Network, part: set[str]) -> bool:
    return any(each.supply_node in part for each in (*network.substations, *network.plants))


def _inside(components: tuple[object, ...], part: set[str]) -> tuple[int, ...]:
    return tuple(
        place for place, each in enumerate(components) if getattr(each, "supply_node", "") in part
    )


def _nodes(network: Network, part: set[str], *, last: bool) -> tuple[int, ...]:
    # a return node belongs where its place's supply node does
    places = {network.node_by_name[name].place for name in part}
    known = {node.place for node in network.nodes if node.line is Line.SUPPLY}
    return tuple(
        i
        for i, node in enumerate(network.nodes)
        if node.name in part
        or (
            node.line is Line.RETURN
            and (node.place in places or (last and node.place not in known))
        )
    )


def _fed_by(network: Network, pump: Pump) -> str:
    """The supply node whose zone needs the pump."""
    if network.node_by_name[pump.to_node].line is Line.SUPPLY:
        return pump.to_node
    place = network.node_by_name[pump.from_node].place
    return next((n.name for n in network.nodes if n.place == place and n.line is Line.SUPPLY), "")


def _named(network: Network, part: set[str], pumps: tuple[int, ...]) -> str:
    plants = [plant.name for plant in network.plants if plant.supply_node in part]
    if pumps:
        return f"behind_{network.pumps[pumps[0]].name}"
    return f"at_{plants[0]}" if plants else f"at_{min(part)}"
