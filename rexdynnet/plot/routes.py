"""The way of the water from a plant to a substation and back, in a result dataset."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import networkx as nx
import numpy as np
import xarray as xr

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.spec import Line
from rexdynnet.plot.read import Values, labels, optional, position, variable


@dataclass(frozen=True)
class Leg:
    """One pipe of a route, or a pump or valve (length 0, `pipe` None).

    Parameters
    ----------
    pipe : int or None
        Index on the `pipe` dimension.
    forward : bool
        Whether the route runs from the pipe's `from` node to its `to` node.
    length_m : float
    """

    pipe: int | None
    forward: bool
    length_m: float


@dataclass(frozen=True)
class Route:
    """Nodes along one line between a plant and a substation, seen from the plant.

    Parameters
    ----------
    line : Line
    plant, substation : str
    nodes : tuple of str
        The first is the plant's, the last the substation's.
    legs : tuple of Leg
        One less than the nodes.
    """

    line: Line
    plant: str
    substation: str
    nodes: tuple[str, ...]
    legs: tuple[Leg, ...]

    @property
    def distances_m(self) -> Values:
        """Distance of each node from the plant, in metres along the pipes."""
        return np.concatenate([[0.0], np.cumsum([leg.length_m for leg in self.legs])])


def _line_graph(dataset: xr.Dataset) -> nx.Graph:
    """Pipes, pumps and valves as edges; of parallel ones the shortest stays."""
    graph = nx.Graph()
    lengths = variable(dataset, "pipe_length_m")
    ends = zip(labels(dataset, "pipe_from"), labels(dataset, "pipe_to"), strict=True)
    edges = [(a, b, i, float(lengths[i])) for i, (a, b) in enumerate(ends)]
    for kind in ("pump", "valve"):
        if f"{kind}_from" in dataset.variables:
            ends = zip(labels(dataset, f"{kind}_from"), labels(dataset, f"{kind}_to"), strict=True)
            edges += [(a, b, None, 0.0) for a, b in ends]
    for tail, head, pipe, length_m in edges:
        if not graph.has_edge(tail, head) or length_m < graph.edges[tail, head]["length_m"]:
            graph.add_edge(tail, head, tail=tail, pipe=pipe, length_m=length_m)
    return graph


def end_nodes(dataset: xr.Dataset, kind: str, line: Line) -> tuple[str, ...]:
    """Nodes at which the components of a kind stand on one line.

    Parameters
    ----------
    dataset : xr.Dataset
    kind : str
        "substation", "plant", "tank" or "dump".
    line : Line

    Returns
    -------
    tuple of str
    """
    return labels(dataset, f"{kind}_{line.value}_node")


def find_route(
    dataset: xr.Dataset, to: str, *, plant: str | None = None, line: Line = Line.SUPPLY
) -> Route:
    """The shortest way along the pipes of one line from a plant to a substation.

    Parameters
    ----------
    dataset : xr.Dataset
        A result of `rexdynnet.simulate`.
    to : str
        Substation.
    plant : str or None
        None: the plant with the shortest way.
    line : Line
        Supply line or return line.

    Returns
    -------
    Route

    Raises
    ------
    InputError
        Where the substation or plant is unknown, or no pipes join them.
    """
    target = end_nodes(dataset, "substation", line)[position(dataset, "substation", to)]
    plants = labels(dataset, "plant")
    if plant is not None:
        position(dataset, "plant", plant)
    graph = _line_graph(dataset)
    best: tuple[float, str, list[str]] | None = None
    for name, origin in zip(plants, end_nodes(dataset, "plant", line), strict=True):
        if plant not in (None, name):
            continue
        graph.add_nodes_from((origin, target))
        if nx.has_path(graph, origin, target):
            nodes = nx.dijkstra_path(graph, origin, target, weight="length_m")
            length_m = nx.path_weight(graph, nodes, weight="length_m")
            if best is None or length_m < best[0]:
                best = (length_m, name, nodes)
    if best is None:
        raise InputError(
            Finding(
                f"no pipes of the {line.value} line lead from {plant or 'any plant'} to {to}",
                "choose a plant in the same island",
                component=to,
            )
        )
    _, name, nodes = best
    legs = []
    for tail, head in pairwise(nodes):
        edge = graph.edges[tail, head]
        legs.append(Leg(edge["pipe"], edge["tail"] == tail, edge["length_m"]))
    return Route(line, name, to, tuple(nodes), tuple(legs))


def farthest_substation(dataset: xr.Dataset) -> str:
    """The substation with the longest way from its nearest plant.

    Parameters
    ----------
    dataset : xr.Dataset

    Returns
    -------
    str

    Raises
    ------
    InputError
        Where no substation is joined to a plant.
    """
    graph = _line_graph(dataset)
    sources = {node for node in end_nodes(dataset, "plant", Line.SUPPLY) if graph.has_node(node)}
    lengths = (
        nx.multi_source_dijkstra_path_length(graph, sources, weight="length_m") if sources else {}
    )
    substations = labels(dataset, "substation")
    nodes = end_nodes(dataset, "substation", Line.SUPPLY)
    reached = [(lengths[n], s) for n, s in zip(nodes, substations, strict=True) if n in lengths]
    if not reached:
        raise InputError(
            Finding("no substation is joined to a plant by pipes", "name the substation with to=")
        )
    return max(reached)[1]


def node_values(dataset: xr.Dataset, name: str, nodes: tuple[str, ...]) -> Values:
    """Columns of a node variable in the order of `nodes`.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str
        For example "node_pressure".
    nodes : tuple of str

    Returns
    -------
    ndarray of shape (time, nodes)
    """
    index = {node: i for i, node in enumerate(labels(dataset, "node"))}
    return variable(dataset, name)[:, [index[node] for node in nodes]]


def along_route(
    dataset: xr.Dataset, route: Route, points_per_leg: int = 8
) -> tuple[Values, Values]:
    """Water temperature along a route at every time.

    Parameters
    ----------
    dataset : xr.Dataset
    route : Route
    points_per_leg : int
        Points within each pipe, both ends included; at least 2.

    Returns
    -------
    distance_m : ndarray of shape (points,)
        From the plant; two points share the place of a junction.
    temperature_K : ndarray of shape (time, points)

    Notes
    -----
    Where the dataset knows the pipe's inner diameter and its water never turned, a
    point's temperature is taken along the path of its parcel: it entered when the
    volume between inlet and point last had to be pushed in, and will have left once
    the rest is pushed out; between the two it changes evenly in time. This keeps
    fronts sharp. Elsewhere it is linear in distance between the pipe's two ends.
    """
    inlet = variable(dataset, "pipe_inlet_temperature")
    outlet = variable(dataset, "pipe_outlet_temperature")
    flow = variable(dataset, "pipe_mass_flow")
    diameter_m = optional(dataset, "pipe_inner_diameter_m")
    time_s = np.asarray(dataset["time"].values, float)
    density = float(dataset.attrs.get("fluid_density_kg_per_m3", 983.2))
    fraction = np.linspace(0.0, 1.0, points_per_leg)
    distance, temperature = [], []
    for leg, start_m in zip(route.legs, route.distances_m, strict=False):
        if leg.pipe is None:
            continue
        near, far = inlet[:, leg.pipe], outlet[:, leg.pipe]
        mass = 0.0
        if diameter_m is not None:
            mass = density * np.pi * diameter_m[leg.pipe] ** 2 / 4 * leg.length_m
        field = _within_pipe(time_s, flow[:, leg.pipe], near, far, mass, fraction)
        distance.append(start_m + leg.length_m * fraction)
        temperature.append(field if leg.forward else field[:, ::-1])
    if not distance:
        raise InputError(
            Finding(
                f"{route.substation} stands at the plant {route.plant}: no pipe lies between",
                "choose a substation farther away",
                component=route.substation,
            )
        )
    return np.concatenate(distance), np.concatenate(temperature, axis=1)


def _within_pipe(
    time_s: Values, flow: Values, near: Values, far: Values, mass_kg: float, fraction: Values
) -> Values:
    """Temperatures at `fraction` of a pipe from its `from` end, shape (time, fraction)."""
    linear = near[:, None] * (1 - fraction) + far[:, None] * fraction
    if mass_kg <= 0 or not (np.all(flow > 0) or np.all(flow < 0)):
        return linear
    upstream, downstream = (near, far) if flow[0] > 0 else (far, near)
    part = fraction if flow[0] > 0 else fraction[::-1]
    steps = np.diff(time_s) * (np.abs(flow[1:]) + np.abs(flow[:-1])) / 2
    pushed = np.concatenate([[0.0], np.cumsum(steps)])
    entry_mass = pushed[:, None] - part * mass_kg
    exit_mass = pushed[:, None] + (1 - part) * mass_kg
    inside = (entry_mass >= 0) & (exit_mass <= pushed[-1])
    entry_s = np.interp(entry_mass, pushed, time_s)
    exit_s = np.interp(exit_mass, pushed, time_s)
    entered = np.interp(entry_s, time_s, upstream)
    left = np.interp(exit_s, time_s, downstream)
    age = (time_s[:, None] - entry_s) / np.maximum(exit_s - entry_s, 1e-9)
    return np.where(inside, entered + (left - entered) * age, linear)
