"""Zones: connected parts of consumer branches whose substations lie close together."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from rexdynnet.network.branches import Branches, Path


@dataclass(frozen=True)
class Zone:
    """A connected part of the branches.

    Parameters
    ----------
    nodes : frozenset of str
        Of the supply line.
    parent : int or None
        The zone on the way to the core; None where the core comes next.
    root : str
        Node of the core on which the zone's branch hangs.
    """

    nodes: frozenset[str]
    parent: int | None
    root: str


def make_zones(
    branches: Branches, paths: Mapping[str, Path], drawn: Mapping[str, float], count: int
) -> tuple[Zone, ...]:
    """Join neighbouring nodes of the branches until `count` zones are left.

    Parameters
    ----------
    branches : Branches
        Of the supply line.
    paths : mapping
        Of `branch_paths`; nodes without a path lie in no zone.
    drawn : mapping of str to float
        What the substations at each node draw, kg/s.
    count : int
        More zones are left where more nodes of the core have branches.

    Returns
    -------
    tuple of Zone
        Parents stand before their children; each zone draws something.

    Notes
    -----
    Greedy, by Ward's criterion (J. Am. Stat. Assoc. 58 (1963) 236): the two neighbours
    are joined whose union adds least to the sum of flow times squared travel time, where the
    travel time is that between the nodes which draw most in each.
    """
    forest = _Forest(branches, paths, drawn)
    forest.join_until(count)
    return forest.zones()


class _Forest:
    """Zones while they are joined: union-find over the nodes, nearest pairs in a heap."""

    def __init__(
        self, branches: Branches, paths: Mapping[str, Path], drawn: Mapping[str, float]
    ) -> None:
        self.branches = branches
        self.delay = {name: path.delay_s for name, path in paths.items()}
        self.flow = {name: drawn.get(name, 0.0) for name in paths}
        self.heart = {name: name for name in paths}
        self.members = {name: [name] for name in paths}
        self.above = {
            name: parent for name, (_, parent) in branches.parent.items() if name in paths
        }
        self.below: dict[str, set[str]] = {name: set() for name in paths}
        for name, parent in self.above.items():
            self.below[parent].add(name)
        self.version = dict.fromkeys(paths, 0)
        self.heap: list[tuple[float, float, str, int, int]] = []
        for name in self.above:
            self._push(name)

    def join_until(self, count: int) -> None:
        left = sum(flow > 0.0 for flow in self.flow.values())
        while self.heap:
            cost, _, child, of_child, of_parent = heapq.heappop(self.heap)
            parent = self.above.get(child)
            if (
                parent is None
                or self.version[child] != of_child
                or self.version[parent] != of_parent
            ):
                continue
            if cost > 0.0 and left <= count:
                return
            left -= self.flow[child] > 0.0 and self.flow[parent] > 0.0
            self._join(parent, child)

    def zones(self) -> tuple[Zone, ...]:
        # parents come nearer to the core than their children, but delays may tie
        depth = {name: len(self.branches.ancestors(name)) for name in self.members}
        order = sorted(
            (name for name in self.members if self.flow[name] > 0.0),
            key=lambda name: (depth[name], self.delay[name], name),
        )
        index = {name: position for position, name in enumerate(order)}
        return tuple(
            Zone(
                frozenset(self.members[name]),
                index.get(self.above[name]) if name in self.above else None,
                self.branches.ancestors(name)[-1],
            )
            for name in order
        )

    def _push(self, child: str) -> None:
        parent = self.above[child]
        far = self._distance(self.heart[child], self.heart[parent])
        one, other = self.flow[child], self.flow[parent]
        weight = one * other / (one + other) if one + other > 0.0 else 0.0
        entry = (weight * far * far, far, child, self.version[child], self.version[parent])
        heapq.heappush(self.heap, entry)

    def _join(self, parent: str, child: str) -> None:
        if self.flow[child] > self.flow[parent]:
            self.heart[parent] = self.heart[child]
        self.flow[parent] += self.flow[child]
        self.members[parent] += self.members.pop(child)
        self.below[parent].remove(child)
        for grandchild in self.below.pop(child):
            self.above[grandchild] = parent
            self.below[parent].add(grandchild)
        del self.above[child]
        self.version[parent] += 1
        for name in sorted(self.below[parent]):
            self._push(name)
        if parent in self.above:
            self._push(parent)

    def _distance(self, one: str, other: str) -> float:
        on_the_way = set(self.branches.ancestors(one))
        fork = next(name for name in self.branches.ancestors(other) if name in on_the_way)
        return self.delay[one] + self.delay[other] - 2.0 * self.delay[fork]
