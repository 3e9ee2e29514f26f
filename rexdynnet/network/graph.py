"""The network as one immutable value, and its views as a graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import networkx as nx

from rexdynnet.network.spec import (
    Bypass,
    DatedLimit,
    Dump,
    Fluid,
    Ground,
    HeatingCurve,
    Node,
    Outage,
    Pipe,
    Plant,
    PlantControl,
    PressureHolding,
    Provenance,
    Pump,
    Substation,
    Tank,
    Valve,
)

Component: TypeAlias = Pipe | Substation | Plant | Tank | Dump | Pump | Valve | Bypass


@dataclass(frozen=True, repr=False)
class Network:
    """A heating network: data only, no state.

    Build one with `rexdynnet.read_network`, or directly from the records of
    `rexdynnet.network.spec`; either way `rexdynnet.network.checks.check_network`
    says what is wrong with it.

    Parameters
    ----------
    name : str
    nodes, pipes, substations, plants : tuple
        The components; names are unique over all of them and those below.
    holdings : tuple of PressureHolding
        One per hydraulic island.
    tanks, dumps, pumps, valves, bypasses : tuple
    fluid : Fluid
    ground : Ground
    heating_curve : HeatingCurve
    outages : tuple of Outage
    limits : tuple of DatedLimit
    provenance : Provenance
        Where the data come from.

    Examples
    --------
    >>> from rexdynnet.network.random import random_tree
    >>> random_tree(5, seed=1)
    Network('random_5_0_1': 12 nodes, 10 pipes, 5 substations, 1 plant)
    """

    name: str
    nodes: tuple[Node, ...]
    pipes: tuple[Pipe, ...]
    substations: tuple[Substation, ...]
    plants: tuple[Plant, ...]
    holdings: tuple[PressureHolding, ...]
    tanks: tuple[Tank, ...] = ()
    dumps: tuple[Dump, ...] = ()
    pumps: tuple[Pump, ...] = ()
    valves: tuple[Valve, ...] = ()
    bypasses: tuple[Bypass, ...] = ()
    fluid: Fluid = field(default_factory=Fluid)
    ground: Ground = field(default_factory=Ground)
    heating_curve: HeatingCurve = field(default_factory=HeatingCurve)
    outages: tuple[Outage, ...] = ()
    limits: tuple[DatedLimit, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        kinds = ("nodes", "pipes", "substations", "plants", "tanks", "dumps", "pumps", "valves")
        counts = [(kind, len(getattr(self, kind))) for kind in (*kinds, "bypasses")]
        told = (f"{n} {_singular(kind) if n == 1 else kind}" for kind, n in counts if n)
        return f"Network({self.name!r}: {', '.join(told)})"

    def components(self) -> Iterator[Component]:
        """All components that join two nodes, in a fixed order."""
        for kind in (
            self.pipes,
            self.substations,
            self.plants,
            self.tanks,
            self.dumps,
            self.pumps,
            self.valves,
            self.bypasses,
        ):
            yield from kind

    @cached_property
    def node_by_name(self) -> dict[str, Node]:
        """Nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def component_by_name(self) -> dict[str, Component]:
        """Components by name."""
        return {component.name: component for component in self.components()}

    @property
    def balancing_plants(self) -> tuple[Plant, ...]:
        """Plants that hold a differential pressure and so take what the others leave."""
        return tuple(plant for plant in self.plants if plant.control is PlantControl.PRESSURE)

    def graph(self) -> nx.MultiDiGraph[str]:
        """A directed multigraph: nodes by name, one edge per component (key: its name)."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=self.name)
        for node in self.nodes:
            graph.add_node(node.name, node=node, pos=(node.x_m, node.y_m))
        for component in self.components():
            tail, head = ends(component)
            graph.add_edge(tail, head, key=component.name, component=component)
        return graph


def _singular(kind: str) -> str:
    return "bypass" if kind == "bypasses" else kind.removesuffix("s")


def ends(component: Component) -> tuple[str, str]:
    """Node names (tail, head) in the direction of the component's positive flow."""
    if isinstance(component, Pipe | Pump | Valve):
        return component.from_node, component.to_node
    if isinstance(component, Plant):
        return component.return_node, component.supply_node
    return component.supply_node, component.return_node
