"""Where the things of a map stand, from a network or from a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import xarray as xr

from rexdynnet.network.graph import Network
from rexdynnet.plot.read import Values, labels, variable

_KINDS = ("plant", "tank", "dump", "substation")
_DIAGONAL = 0.5**0.5
_WAYS = (
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
    np.array([0.0, -1.0]),
    np.array([-1.0, 0.0]),
    *(_DIAGONAL * np.array(way) for way in ((1, 1), (1, -1), (-1, 1), (-1, -1))),
)


@dataclass(frozen=True)
class Place:
    """A symbol on the map.

    Parameters
    ----------
    name : str
    position : ndarray of shape (2,)
    outward : ndarray of shape (2,)
        Unit vector away from the pipes that end here: where a label is free.
    """

    name: str
    position: Values
    outward: Values


@dataclass(frozen=True)
class MapLayout:
    """Positions of everything that a map draws.

    Parameters
    ----------
    starts, stops : ndarray of shape (pipes, 2)
        Ends of the drawn pipes, already beside the trench's axis.
    places : mapping of str to tuple of Place
        By kind: plant, tank, dump, substation.
    schematic : bool
        Whether positions were made up.
    prefix : str
        What all substations' names begin with, and labels leave away.
    height_inch : float
        A fitting height of a figure 8 inches wide.
    fineness : float
        Share of the usual line width, 1 for a few pipes and less for many.
    """

    starts: Values
    stops: Values
    places: Mapping[str, tuple[Place, ...]]
    schematic: bool
    prefix: str
    height_inch: float
    fineness: float = 1.0

    @property
    def lengths(self) -> Values:
        """Drawn length of each pipe."""
        return np.hypot(*(self.stops - self.starts).T)

    @property
    def longest_sideways(self) -> int:
        """Letters of the longest name that stands left or right of its symbol."""
        everything = (place for places in self.places.values() for place in places)
        names = (self.short_name(place.name) for place in everything if place.outward[0])
        return max(map(len, names), default=0)

    def segments(self, pipes: Sequence[int], pieces: int) -> Values:
        """Equal pieces of some pipes.

        Parameters
        ----------
        pipes : sequence of int
        pieces : int

        Returns
        -------
        ndarray of shape (pipes, pieces, 2, 2)
            Piece, end, coordinate.
        """
        at = np.linspace(0.0, 1.0, pieces + 1)[None, :, None]
        points = self.starts[pipes][:, None, :] * (1 - at) + self.stops[pipes][:, None, :] * at
        return np.stack([points[:, :-1], points[:, 1:]], axis=2)

    def short_name(self, name: str) -> str:
        """The name without what all substations' names begin with.

        Parameters
        ----------
        name : str

        Returns
        -------
        str
        """
        return name[len(self.prefix) :] if self.prefix and name.startswith(self.prefix) else name


@dataclass(frozen=True)
class _Drawing:
    """What a network and a result have in common for a map."""

    nodes: Mapping[str, tuple[float, float]]
    pipes: tuple[tuple[str, str, str], ...]
    spots: Mapping[str, tuple[tuple[str, str, str], ...]]


def layout_of(source: xr.Dataset | Network) -> MapLayout:
    """Lay a map out.

    Parameters
    ----------
    source : xr.Dataset or Network

    Returns
    -------
    MapLayout
        Without coordinates (all nodes at one point) by the network's connections.
    """
    drawing = _of_network(source) if isinstance(source, Network) else _of_result(source)
    at = {name: np.array(point, float) for name, point in drawing.nodes.items()}
    points = np.array(list(at.values())).reshape(-1, 2)
    spread = float(np.ptp(points, axis=0).max())
    schematic = spread <= 0.0
    if schematic:
        at = _by_connection(drawing)
        points = np.array(list(at.values()))
        spread = float(np.ptp(points, axis=0).max()) or 1.0
    starts = np.array([at[tail] for tail, _, _ in drawing.pipes]).reshape(-1, 2)
    stops = np.array([at[head] for _, head, _ in drawing.pipes]).reshape(-1, 2)
    fineness = float(np.clip((100 / max(len(starts), 1)) ** 0.5, 0.2, 1.0))
    shift = fineness * _sideways(starts, stops, spread)
    width, height = np.maximum(np.ptp(points, axis=0), 0.25 * spread)
    names = [name for name, _, _ in drawing.spots["substation"]]
    return MapLayout(
        starts + shift,
        stops + shift,
        _places(drawing, at, 0.045 * spread),
        schematic,
        _shared_words(names),
        float(np.clip(1.3 + 5.4 * height / width, 3.6, 7.6)),
        fineness,
    )


def _shared_words(names: Sequence[str]) -> str:
    """The words that all names begin with: of "house_1" and "house_12" it is "house_"."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), 0)
    return first[: first.rfind("_", 0, same) + 1]


def _of_network(network: Network) -> _Drawing:
    kinds = {
        "plant": network.plants,
        "tank": network.tanks,
        "dump": network.dumps,
        "substation": network.substations,
    }
    return _Drawing(
        {node.name: (node.x_m, node.y_m) for node in network.nodes},
        tuple((pipe.from_node, pipe.to_node, pipe.trench) for pipe in network.pipes),
        {
            kind: tuple((one.name, one.supply_node, one.return_node) for one in them)
            for kind, them in kinds.items()
        },
    )


def _of_result(result: xr.Dataset) -> _Drawing:
    x, y = variable(result, "node_x_m"), variable(result, "node_y_m")
    nodes = zip(labels(result, "node"), x, y, strict=True)
    tails, heads = labels(result, "pipe_from"), labels(result, "pipe_to")
    with_trench = "pipe_trench" in result.variables
    trenches = labels(result, "pipe_trench") if with_trench else ("",) * len(tails)
    spots = {kind: _spots_of(result, kind) for kind in _KINDS}
    return _Drawing(
        {name: (float(east), float(north)) for name, east, north in nodes},
        tuple(zip(tails, heads, trenches, strict=True)),
        spots,
    )


def _spots_of(result: xr.Dataset, kind: str) -> tuple[tuple[str, str, str], ...]:
    columns = (kind, f"{kind}_supply_node", f"{kind}_return_node")
    return tuple(zip(*(labels(result, column) for column in columns), strict=True))


def _sideways(starts: Values, stops: Values, spread: float) -> Values:
    """Shift of each pipe to the left of its own direction, so that the two lines part."""
    way = stops - starts
    length = np.hypot(*way.T)
    drawn = length[length > 0]
    part = min(0.007 * spread, 0.2 * float(np.median(drawn))) if drawn.size else 0.0
    left = np.column_stack([-way[:, 1], way[:, 0]])
    return part * left / np.where(length > 0, length, 1.0)[:, None]


def _by_connection(drawing: _Drawing) -> dict[str, Values]:
    """Positions from the connections alone; both lines of a place coincide."""
    pairs = [spot[1:] for spots in drawing.spots.values() for spot in spots]
    trenches: dict[str, list[tuple[str, str]]] = {}
    for tail, head, trench in drawing.pipes:
        if trench:
            trenches.setdefault(trench, []).append((tail, head))
    for ends in trenches.values():
        if len(ends) == 2:
            # The return pipe of a trench runs against its supply pipe.
            (tail, head), (back_tail, back_head) = ends
            pairs += [(tail, back_head), (head, back_tail)]
    same = nx.Graph(pairs)
    same.add_nodes_from(drawing.nodes)
    place = {node: min(group) for group in nx.connected_components(same) for node in group}
    graph = nx.Graph((place[tail], place[head]) for tail, head, _ in drawing.pipes)
    graph.add_nodes_from(place.values())
    if graph.number_of_nodes() <= 150 and nx.is_connected(graph):
        found = nx.kamada_kawai_layout(graph)
    else:
        found = nx.spring_layout(graph, seed=1, iterations=80)
    return {node: np.asarray(found[name], float) for node, name in place.items()}


def _places(
    drawing: _Drawing, at: Mapping[str, Values], aside_m: float
) -> dict[str, tuple[Place, ...]]:
    """Where the symbols stand; of several at one place all but the first step aside."""
    neighbours: dict[str, list[Values]] = {node: [] for node in drawing.nodes}
    for tail, head, _ in drawing.pipes:
        neighbours[tail].append(at[head])
        neighbours[head].append(at[tail])
    used: dict[tuple[float, float], int] = {}
    found: dict[str, tuple[Place, ...]] = {}
    for kind in _KINDS:
        places = []
        for name, node, _ in drawing.spots[kind]:
            position = at[node]
            key = (float(position[0]), float(position[1]))
            turn = used.get(key, 0)
            used[key] = turn + 1
            outward = _turned(_away(position, neighbours[node]), turn)
            places.append(Place(name, position + (aside_m if turn else 0.0) * outward, outward))
        found[kind] = tuple(places)
    return found


def _away(position: Values, others: Iterable[Values]) -> Values:
    """The direction, of eight, that points least towards the neighbours; diagonals last."""
    ways = [other - position for other in others]
    units = [way / np.hypot(*way) for way in ways if np.hypot(*way) > 0]
    crowding = [max((float(way @ unit) for unit in units), default=0.0) for way in _WAYS]
    # A diagonal must be clearly freer: names beside or above their symbol read better.
    return _WAYS[int(np.argmin(np.array(crowding) + 0.4 * (np.arange(len(_WAYS)) >= 4)))]


def _turned(way: Values, quarters: int) -> Values:
    """Turn by quarter circles: names of things at one place do not cover each other."""
    for _ in range(quarters % 4):
        way = np.array([-way[1], way[0]])
    return way
