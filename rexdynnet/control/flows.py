"""Mass flows and pressures of a control model: Kirchhoff's laws on a spanning tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import casadi as ca
import networkx as nx
import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Fluid, Line, Node, Pipe, Plant, PlantControl, Pump, Valve
from rexdynnet.physics.devices import BAR_Pa
from rexdynnet.physics.friction import pressure_loss
from rexdynnet.physics.water import viscosity

Lead: TypeAlias = Pipe | Pump | Valve
SMALL_FLOW_kg_per_s = 1e-3
TYPICAL_WATER_K = 333.15


@dataclass(frozen=True)
class Branch:
    """One edge of the spanning tree, seen from its child.

    Parameters
    ----------
    component : Pipe, Pump or Valve
    child, parent : str
        Node names; the parent is nearer to the reference plant.
    """

    component: Lead
    child: str
    parent: str

    @property
    def sign(self) -> float:
        """+1 where the component's positive flow runs from child to parent."""
        return 1.0 if self.component.from_node == self.child else -1.0


@dataclass(frozen=True)
class FlowTree:
    """Spanning trees of both lines, rooted at one balancing plant per island.

    Parameters
    ----------
    network : Network
    references : tuple of Plant
        The balancing plant of each island; its flow follows from all others.
    free_plants : tuple of Plant
        Further plants that hold a pressure; their flow is free.
    branches : tuple of Branch
        Leaves first, so that flows add up in this order.
    chords : tuple of Pipe, Pump or Valve
        Each closes a ring; its flow is free and its ring's pressures must close.
    """

    network: Network
    references: tuple[Plant, ...]
    free_plants: tuple[Plant, ...]
    branches: tuple[Branch, ...]
    chords: tuple[Lead, ...]

    def flows(
        self, into: Mapping[str, ca.SX], chord_flows: Mapping[str, ca.SX]
    ) -> tuple[dict[str, ca.SX], dict[str, ca.SX]]:
        """Flow of every pipe, pump and valve, and of every reference plant.

        Parameters
        ----------
        into : mapping of node to SX scalar
            Flow that components between the lines bring into a node, kg/s.
        chord_flows : mapping of chord name to SX scalar

        Returns
        -------
        leads, plants : dict of name to SX scalar
            Signed in each component's positive direction.
        """
        surplus = {node.name: into.get(node.name, ca.SX(0.0)) for node in self.network.nodes}
        flow: dict[str, ca.SX] = {}
        for chord in self.chords:
            flow[chord.name] = chord_flows[chord.name]
            surplus[chord.from_node] = surplus[chord.from_node] - flow[chord.name]
            surplus[chord.to_node] = surplus[chord.to_node] + flow[chord.name]
        for branch in self.branches:
            up = surplus[branch.child]
            flow[branch.component.name] = branch.sign * up
            surplus[branch.parent] = surplus[branch.parent] + up
        return flow, {plant.name: -surplus[plant.supply_node] for plant in self.references}

    @cached_property
    def direction(self) -> dict[str, int]:
        """Sign that each lead's flow always has; 0 where it may reverse.

        What feeds into the line lies beyond a lead, or what draws, or both.
        """
        seen: dict[str, set[int]] = {node.name: set() for node in self.network.nodes}
        for unit in (*self.network.substations, *self.network.dumps, *self.network.bypasses):
            seen[unit.supply_node].add(-1)
            seen[unit.return_node].add(1)
        for plant in self.network.plants:
            if plant not in self.references:
                seen[plant.supply_node].add(1)
                seen[plant.return_node].add(-1)
        either = [
            node for tank in self.network.tanks for node in (tank.supply_node, tank.return_node)
        ]
        either += [node for chord in self.chords for node in (chord.from_node, chord.to_node)]
        for node in either:
            seen[node] |= {-1, 1}
        directions = {chord.name: 0 for chord in self.chords}
        for branch in self.branches:
            beyond = seen[branch.child]
            up = int(branch.sign)
            directions[branch.component.name] = sum(beyond) * up if beyond else up
            seen[branch.parent] |= beyond
        return directions

    @cached_property
    def balances_surplus(self) -> frozenset[str]:
        """Names of reference plants that others may feed backwards."""
        others = [plant for plant in self.network.plants if plant not in self.references]
        feeding = {unit.supply_node for unit in (*others, *self.network.tanks)}
        graph = self.network.graph().to_undirected(as_view=True)
        return frozenset(
            plant.name
            for plant in self.references
            if feeding & set(nx.node_connected_component(graph, plant.supply_node))
        )

    @cached_property
    def only_inflows(self) -> dict[str, Pipe | str]:
        """Nodes that get all their water from one pipe, or from one plant (its name)."""
        network = self.network
        sources: dict[str, list[Pipe | str | None]] = {node.name: [] for node in network.nodes}
        for lead in (*network.pipes, *network.pumps, *network.valves):
            source = lead if isinstance(lead, Pipe) else None
            direction = self.direction[lead.name]
            if direction >= 0:
                sources[lead.to_node].append(source)
            if direction <= 0:
                sources[lead.from_node].append(source)
        for plant in network.plants:
            sources[plant.supply_node].append(plant.name)
            if plant.name in self.balances_surplus:
                sources[plant.return_node].append(None)
        for tank in network.tanks:
            sources[tank.supply_node].append(None)
            sources[tank.return_node].append(None)
        for unit in (*network.substations, *network.dumps, *network.bypasses):
            sources[unit.return_node].append(None)
        return {
            node: feeding[0]
            for node, feeding in sources.items()
            if len(feeding) == 1 and feeding[0] is not None
        }

    def pressures(
        self, lifts: Mapping[str, ca.SX], flow: Mapping[str, ca.SX], settings: Mapping[str, ca.SX]
    ) -> dict[str, ca.SX]:
        """Pressure of every node above its island's reference return node, elevation taken out.

        Parameters
        ----------
        lifts : mapping of reference plant to SX scalar
            Differential pressure, Pa.
        flow : mapping of lead to SX scalar
        settings : mapping of name to SX scalar
            `<valve>.opening` and `<pump>.speed`.
        """
        pressure: dict[str, ca.SX] = {}
        for plant in self.references:
            pressure[plant.return_node] = ca.SX(0.0)
            pressure[plant.supply_node] = lifts[plant.name]
        for branch in reversed(self.branches):
            fall = self.drop(branch.component, flow, settings)
            pressure[branch.child] = pressure[branch.parent] + branch.sign * fall
        return pressure

    @cached_property
    def frictions(self) -> dict[str, tuple[float, float]]:
        """Coefficients of every pipe; see `friction_fit`."""
        fluid = self.network.fluid
        return {pipe.name: friction_fit(pipe, fluid) for pipe in self.network.pipes}

    def drop(self, lead: Lead, flow: Mapping[str, ca.SX], settings: Mapping[str, ca.SX]) -> ca.SX:
        """Fall of pressure from a lead's `from_node` to its `to_node`, Pa."""
        m = flow[lead.name]
        sign = self.direction[lead.name]
        # |m|, with a curvature at rest where the flow may reverse
        size = sign * m if sign else ca.sqrt(m * m + SMALL_FLOW_kg_per_s**2)
        if isinstance(lead, Pipe):
            linear, quadratic = self.frictions[lead.name]
            return m * (linear + quadratic * size)
        if isinstance(lead, Valve):
            passing = lead.kv_kg_per_s * settings.get(f"{lead.name}.opening", ca.SX(1.0))
            return BAR_Pa * m * size / (passing * passing)
        speed = settings[f"{lead.name}.speed"]
        return lead.curve.curvature_Pa_per_kg2s2 * m * size - lead.curve.shut_off_Pa * speed * speed


def friction_fit(pipe: Pipe, fluid: Fluid) -> tuple[float, float]:
    """Coefficients of drop = m (linear + quadratic |m|) between 0.05 and 1.5 m/s.

    Parameters
    ----------
    pipe : Pipe
    fluid : Fluid

    Returns
    -------
    linear, quadratic : float
        Pa s/kg and Pa s²/kg²; least squares of the relative error, neither negative.
    """
    fastest = fluid.density_kg_per_m3 * pipe.area_m2 * 1.5
    flow = np.linspace(fastest / 30.0, fastest, 30)
    given = fluid.viscosity_Pa_s
    thickness = float(viscosity(TYPICAL_WATER_K)) if given is None else given
    loss = pressure_loss(
        flow,
        pipe.length_m,
        pipe.inner_diameter_m,
        pipe.roughness_m,
        pipe.minor_loss,
        fluid.density_kg_per_m3,
        thickness,
    )
    table = np.column_stack([flow / loss, flow * flow / loss])
    (linear, quadratic), *_ = np.linalg.lstsq(table, np.ones_like(flow), rcond=None)
    return max(float(linear), 0.0), max(float(quadratic), 0.0)


def flow_tree(network: Network) -> FlowTree:
    """Find how flows follow from what components between the lines draw and feed in.

    Parameters
    ----------
    network : Network

    Returns
    -------
    FlowTree

    Raises
    ------
    InputError
        An island has no plant that holds a pressure, or its supply line is not one piece.
    """
    leads: tuple[Lead, ...] = (*network.pipes, *network.pumps, *network.valves)
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(node.name for node in network.nodes)
    graph.add_edges_from((lead.from_node, lead.to_node) for lead in leads)
    holding = [p for p in network.plants if p.control is PlantControl.PRESSURE]
    piece_of = {name: i for i, piece in enumerate(nx.connected_components(graph)) for name in piece}
    references: dict[int, Plant] = {}
    for plant in sorted(holding, key=lambda plant: -plant.capacity_W):
        references.setdefault(piece_of[plant.supply_node], plant)
    roots = [
        node for plant in references.values() for node in (plant.supply_node, plant.return_node)
    ]
    findings = [
        Finding(
            f"the {node.line.value} line around {node.name} has no plant that holds a pressure",
            "give one plant of the island control = 'pressure': it balances the others",
            component=node.name,
        )
        for node in _one_per_piece(network, piece_of, {piece_of[root] for root in roots})
    ]
    if findings:
        raise InputError(*findings)
    branches, chords = _span(leads, roots)
    return FlowTree(
        network,
        tuple(references.values()),
        tuple(plant for plant in holding if plant not in references.values()),
        branches,
        chords,
    )


def _one_per_piece(network: Network, piece_of: dict[str, int], rooted: set[int]) -> Iterator[Node]:
    seen = set(rooted)
    for node in sorted(network.nodes, key=lambda node: node.line is not Line.SUPPLY):
        if piece_of[node.name] not in seen:
            seen.add(piece_of[node.name])
            yield node


def _span(leads: tuple[Lead, ...], roots: list[str]) -> tuple[tuple[Branch, ...], tuple[Lead, ...]]:
    """Breadth-first trees from the roots: branches leaves first, and the leads left over."""
    at: dict[str, list[Lead]] = {}
    for lead in leads:
        at.setdefault(lead.from_node, []).append(lead)
        at.setdefault(lead.to_node, []).append(lead)
    reached, queue, used = set(roots), list(roots), set[str]()
    found: list[Branch] = []
    for parent in queue:
        for lead in at.get(parent, []):
            child = lead.to_node if lead.from_node == parent else lead.from_node
            if lead.name not in used and child not in reached:
                used.add(lead.name)
                reached.add(child)
                queue.append(child)
                found.append(Branch(lead, child, parent))
    return tuple(reversed(found)), tuple(lead for lead in leads if lead.name not in used)
