"""Consumer branches of one line, and what water meets on its way along them.

Everything that is not a pure consumer branch is the core: plants, tanks and other
devices, the pipes between them, and rings. Branches are trees that hang on the core;
their flows always run away from it (supply) or towards it (return).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from rexdynnet.network.graph import Network, ends
from rexdynnet.network.spec import Line, Pipe, Pump, Substation, Valve


class Path(NamedTuple):
    """What lies between the core and a point of a branch at given flows.

    Parameters
    ----------
    delay_s : float
        Travel time of the water, nodes included.
    loss : float
        Exponent of the decay towards the ground's temperature.
    wall_s : float
        Travel time that the heat capacity of the walls adds.
    coupling : float
        Exponent of the exchange with the partner pipe.
    length_m : float
    drop_Pa : float
    """

    delay_s: float = 0.0
    loss: float = 0.0
    wall_s: float = 0.0
    coupling: float = 0.0
    length_m: float = 0.0
    drop_Pa: float = 0.0


@dataclass(frozen=True)
class Branches:
    """The branches of one line.

    Parameters
    ----------
    line : Line
    core : frozenset of str
        Nodes of this line outside all branches.
    parent : mapping of str to (Pipe, str)
        By node of a branch: the pipe towards the core, and its other end. Children
        stand before their parents.
    """

    line: Line
    core: frozenset[str]
    parent: Mapping[str, tuple[Pipe, str]]

    def ancestors(self, node: str) -> list[str]:
        """Nodes from `node` to the core, both included."""
        found = [node]
        while found[-1] in self.parent:
            found.append(self.parent[found[-1]][1])
        return found


def find_branches(network: Network, line: Line) -> Branches:
    """Peel a line from its ends until only the core is left.

    Parameters
    ----------
    network : Network
    line : Line

    Returns
    -------
    Branches
    """
    nodes = {node.name for node in network.nodes if node.line is line}
    pinned = {holding.node for holding in network.holdings}
    touching: dict[str, dict[str, Pipe]] = {name: {} for name in nodes}
    for component in network.components():
        tail, head = ends(component)
        if isinstance(component, Pipe):
            if component.line is line:
                touching[tail][component.name] = component
                touching[head][component.name] = component
        elif isinstance(component, Pump | Valve) or not isinstance(component, Substation):
            pinned |= {tail, head}
    parent: dict[str, tuple[Pipe, str]] = {}
    ready = [name for name in touching if len(touching[name]) == 1 and name not in pinned]
    for name in ready:
        if not touching[name]:
            continue  # the last two nodes of an island without a plant
        (pipe,) = touching[name].values()
        other = pipe.to_node if pipe.from_node == name else pipe.from_node
        parent[name] = (pipe, other)
        touching[name].clear()
        del touching[other][pipe.name]
        if len(touching[other]) == 1 and other not in pinned:
            ready.append(other)
    return Branches(line, frozenset(nodes - set(parent)), parent)


def branch_flows(branches: Branches, draws: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Sum what is drawn at and beyond each node.

    Parameters
    ----------
    branches : Branches
    draws : iterable of (node, kg/s)

    Returns
    -------
    dict
        By node; nodes of the core get what their branches and they themselves draw.
    """
    flow = dict.fromkeys((*branches.parent, *branches.core), 0.0)
    for node, drawn in draws:
        flow[node] += drawn
    for node, (_, parent) in branches.parent.items():
        flow[parent] += flow[node]
    return flow


def branch_paths(
    network: Network, branches: Branches, flow: Mapping[str, float], temperature_K: float
) -> dict[str, Path]:
    """Add up what the water meets between the core and each node.

    Parameters
    ----------
    network : Network
    branches : Branches
    flow : mapping
        Of `branch_flows`; nodes without flow get no path.
    temperature_K : float
        Of the water, for its viscosity.

    Returns
    -------
    dict of str to Path
        By node.
    """
    # numba, which the laws register with, takes a second to import
    from rexdynnet.physics.friction import pressure_loss
    from rexdynnet.physics.water import viscosity

    density = network.fluid.density_kg_per_m3
    sticky = network.fluid.viscosity_Pa_s or float(viscosity(temperature_K))
    volume = {node.name: node.volume_m3 for node in network.nodes}
    found = dict.fromkeys(branches.core, Path())
    for node, (pipe, parent) in reversed(list(branches.parent.items())):
        through = flow[node]
        if through <= 0.0:
            continue
        rate = network.fluid.specific_heat_J_per_kgK * through
        drop = pressure_loss(
            through,
            pipe.length_m,
            pipe.inner_diameter_m,
            pipe.roughness_m,
            pipe.minor_loss,
            density,
            sticky,
        )
        before = found[parent]
        found[node] = Path(
            before.delay_s + density * (pipe.volume_m3 + volume[node]) / through,
            before.loss + pipe.loss_W_per_mK * pipe.length_m / rate,
            before.wall_s + pipe.wall_heat_capacity_J_per_mK * pipe.length_m / rate,
            before.coupling + pipe.coupling_W_per_mK * pipe.length_m / rate,
            before.length_m + pipe.length_m,
            before.drop_Pa + float(drop),
        )
    return found


def branch_room(branches: Branches, flow: Mapping[str, float]) -> dict[str, float]:
    """Find how many times the given flow the pipes on the way allow.

    Parameters
    ----------
    branches : Branches
    flow : mapping
        Of `branch_flows`.

    Returns
    -------
    dict
        By node; infinite where no pipe on the way is limited.
    """
    room = dict.fromkeys(branches.core, inf)
    for node, (pipe, parent) in reversed(list(branches.parent.items())):
        own = pipe.maximum_flow_kg_per_s / flow[node] if flow[node] > 0.0 else inf
        room[node] = min(room[parent], own)
    return room
