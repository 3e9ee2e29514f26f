"""The reduced network put together zone by zone, from the core outwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import exp, log

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.branches import Path
from rexdynnet.network.design import required_differential_pressure_Pa
from rexdynnet.network.equivalents import (
    Section,
    equivalent_pipe,
    equivalent_substation,
    section_length_m,
)
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line, Node, Pipe, PipeWall, Substation
from rexdynnet.network.survey import RETURN, Survey, node_of, round_trip_s
from rexdynnet.network.zones import Zone

_SAME = 5e-3
"""Share of the longest delay (largest loss) below which two places are one."""


@dataclass(frozen=True)
class _Place:
    """A place of the reduced network: its nodes, and what lies between the core and it."""

    name: str
    nodes: tuple[str, str]
    paths: tuple[Path, Path]


class Reduction:
    """The reduced network while it is put together; zone by zone, away from the core."""

    def __init__(self, survey: Survey, zones: Sequence[Zone]) -> None:
        self.survey = survey
        self.zones = zones
        self.network = survey.network
        self.node = self.network.node_by_name
        zone_of = {name: index for index, zone in enumerate(zones) for name in zone.nodes}
        self.own: list[list[Substation]] = [[] for _ in zones]
        for item in self.network.substations:
            self.own[zone_of[item.supply_node]].append(item)
        self.all = [list(items) for items in self.own]
        self.children: list[list[int]] = [[] for _ in zones]
        for index in range(len(zones) - 1, -1, -1):
            parent = zones[index].parent
            if parent is not None:
                self.all[parent] += self.all[index]
                self.children[parent].append(index)
        everywhere = [(survey.path(i, 0), survey.path(i, 1)) for i in self.network.substations]
        self.same_s = max(_SAME * max(round_trip_s(*paths) for paths in everywhere), 1e-3)
        self.same_loss = _SAME * max(supply.loss + back.loss for supply, back in everywhere)
        self.node_volume_m3 = min(node.volume_m3 for node in self.network.nodes)
        self.forks: list[_Place] = []
        self.nodes: list[Node] = []
        self.pipes: list[Pipe] = []
        self.substations: list[Substation] = []
        self.members: dict[str, str] = {}
        self.taken = {n.place for n in self.network.nodes} | set(self.node)
        self.taken |= set(self.network.component_by_name)

    def build(self) -> tuple[Network, dict[str, str]]:
        """Make the network and the equivalent of each original substation."""
        for index in range(len(self.zones)):
            self._build_zone(index)
        supply, back = (line.branches.core for line in self.survey.lines)
        core = supply | back
        network = replace(
            self.network,
            nodes=(*(node for node in self.network.nodes if node.name in core), *self.nodes),
            pipes=(
                *(p for p in self.network.pipes if p.from_node in core and p.to_node in core),
                *self.pipes,
            ),
            substations=tuple(self.substations),
            provenance=replace(
                self.network.provenance,
                note=f"{self.network.provenance.note} Aggregated from "
                f"{len(self.network.substations)} substations.".strip(),
            ),
        )
        return network, {item.name: self.members[item.name] for item in self.network.substations}

    def _build_zone(self, index: int) -> None:
        parent = self.zones[index].parent
        before = self._core_place(index) if parent is None else self.forks[parent]
        worst = max(self.own[index], key=self.survey.need_Pa)
        own = (self._mean_path(index, worst, 0), self._mean_path(index, worst, 1))
        fork, at = self._fork(index, own)
        name = self._free_name(f"zone_{index + 1}")
        there = before
        if self._apart(before.paths, fork):
            stub = self._apart(fork, own)
            label = self._free_name(f"{name}_fork") if stub else name
            there = self._lay(before, label, fork, self.all[index], at)
        self.forks.append(there)
        if self._apart(there.paths, own):
            there = self._lay(there, name, own, self.own[index], None)
        self._connect(index, name, there, worst)

    def _apart(self, near: tuple[Path, Path], far: tuple[Path, Path]) -> bool:
        """Whether two places differ enough to need a pipe between them."""
        loss = sum(path.loss for path in far) - sum(path.loss for path in near)
        return round_trip_s(*far) - round_trip_s(*near) > self.same_s or loss > self.same_loss

    def _connect(self, index: int, name: str, there: _Place, worst: Substation) -> None:
        groups: dict[object, list[Substation]] = {}
        for item in self.own[index]:
            key = (item.control, type(item.return_law), item.building is not None)
            groups.setdefault(key, []).append(item)
        for number, items in enumerate(groups.values(), start=1):
            own_worst = worst if worst in items else max(items, key=self.survey.need_Pa)
            way = sum(path.drop_Pa for path in there.paths)
            extra = (
                self.survey.need_Pa(own_worst)
                - way
                - required_differential_pressure_Pa(self.network, own_worst)
            )
            label = name if len(groups) == 1 else self._free_name(f"{name}_{number}")
            self.substations.append(
                equivalent_substation(
                    self.network, label, there.nodes, items, own_worst, max(extra, 0.0)
                )
            )
            self.members |= {item.name: label for item in items}

    def _mean_path(self, index: int, worst: Substation, line: int) -> Path:
        """Where the zone's water gets to in the mean of its members, with the worst one's drop."""
        items = self.own[index]
        ground = self.network.ground.temperature_K
        paths = [self.survey.path(item, line) for item in items]
        flows = [self.survey.drawn[item.name] for item in items]
        warmth = [
            flow * (self.survey.returns_K[item.name] - ground if line else 1.0)
            for flow, item in zip(flows, items, strict=True)
        ]

        def mean(values: Iterable[float], weights: Sequence[float]) -> float:
            return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)

        if sum(warmth) <= 0.0:
            warmth = flows
        return Path(
            mean((path.delay_s for path in paths), flows),
            -log(mean((exp(-path.loss) for path in paths), warmth)),
            mean((path.wall_s for path in paths), flows),
            mean((path.coupling for path in paths), flows),
            mean((path.length_m for path in paths), flows),
            self.survey.path(worst, line).drop_Pa,
        )

    def _fork(self, index: int, own: tuple[Path, Path]) -> tuple[tuple[Path, Path], str | None]:
        """Find what members and further zones share in the mean, and the last node they share.

        Every member leaves the common way to the further zones somewhere; the fork is the
        mean of these places. A zone at an end shares its whole way with itself.
        """
        if not self.children[index]:
            return own, None
        exits = [self._exit(child) for child in self.children[index]]
        shared: list[Path] = []
        commons: list[str] = []
        for line, survey in enumerate(self.survey.lines):
            common = exits[0][line]
            for nodes in exits[1:]:
                common = self._meeting(line, common, nodes[line])
            commons.append(common)
            flows = [self.survey.drawn[item.name] for item in self.own[index]]
            left = [
                survey.paths[
                    self._meeting(line, common, item.return_node if line else item.supply_node)
                ]
                for item in self.own[index]
            ]
            shared.append(
                Path(
                    *(
                        sum(v * w for v, w in zip(values, flows, strict=True)) / sum(flows)
                        for values in zip(*left, strict=True)
                    )
                )
            )
        return (shared[0], shared[1]), commons[0]

    def _meeting(self, line: int, one: str, other: str) -> str:
        """Last node that the ways from the core to two nodes share."""
        branches = self.survey.lines[line].branches
        passed = set(branches.ancestors(one))
        return next(name for name in branches.ancestors(other) if name in passed)

    def _exit(self, child: int) -> tuple[str, str]:
        """Nodes of both lines at which the way to a child leaves the others'."""
        found: list[str] = []
        count = len(self.all[child])
        for line, survey in enumerate(self.survey.lines):
            below: dict[str, int] = {}
            first = node_of(self.all[child][0], Line.RETURN if line else Line.SUPPLY)
            chain = survey.branches.ancestors(first)
            for item in self.all[child]:
                node = item.return_node if line else item.supply_node
                for name in survey.branches.ancestors(node):
                    below[name] = below.get(name, 0) + 1
            shared = next(name for name in chain if below[name] == count)
            flow = sum(self.survey.drawn[item.name] for item in self.all[child])
            while survey.flow[shared] <= flow * (1.0 + 1e-9) and shared in survey.branches.parent:
                shared = survey.branches.parent[shared][1]
            found.append(shared)
        return found[0], found[1]

    def _core_place(self, index: int) -> _Place:
        item = self.all[index][0]
        back = self.survey.lines[RETURN].branches
        roots = {back.ancestors(other.return_node)[-1] for other in self.all[index]}
        if len(roots) > 1:
            raise InputError(
                Finding(
                    f"a branch's return line meets the core at {', '.join(sorted(roots)[:3])}",
                    "lay the return line along the supply line, or aggregate such branches apart",
                    component=item.name,
                )
            )
        root = self.zones[index].root
        return _Place(self.node[root].place or root, (root, roots.pop()), (Path(), Path()))

    def _lay(
        self,
        before: _Place,
        name: str,
        paths: tuple[Path, Path],
        served: Sequence[Substation],
        at: str | None,
    ) -> _Place:
        """Make a place and the trench that leads there."""
        nodes = (f"{name}_{Line.SUPPLY.value}", f"{name}_{Line.RETURN.value}")
        flow = sum(self.survey.drawn[item.name] for item in served)
        in_node_s = self.network.fluid.density_kg_per_m3 * self.node_volume_m3 / flow
        sections: list[Section] = []
        for line, survey in enumerate(self.survey.lines):
            steps = zip(before.paths[line], paths[line], strict=True)
            span = Path(*(max(end - start, 0.0) for start, end in steps))
            span = span._replace(delay_s=max(span.delay_s - in_node_s, 1e-3))
            side = Line.RETURN if line else Line.SUPPLY
            room = min(survey.room[node_of(item, side)] for item in served)
            like = self._sample(served, line)
            sections.append(
                Section(
                    span,
                    flow,
                    survey.temperature_K,
                    like.roughness_m,
                    like.wall,
                    room * flow,
                )
            )
        fluid = self.network.fluid
        length = section_length_m(fluid, sections)
        trench = self._free_name(f"{before.name}-{name}")
        for line, side in enumerate((Line.SUPPLY, Line.RETURN)):
            ends = (before.nodes[line], nodes[line])
            ends = ends if side is Line.SUPPLY else (ends[1], ends[0])
            self.pipes.append(equivalent_pipe(fluid, trench, side, ends, length, sections[line]))
            self.nodes.append(self._newnode_of(nodes[line], side, name, served, at))
        return _Place(name, nodes, paths)

    def _sample(self, served: Sequence[Substation], line: int) -> Pipe:
        """The pipe next to the heaviest member: its roughness and material are the section's."""
        item = max(served, key=lambda one: (len(self._chain(one, line)) > 1, one.design_heat_W))
        chain = self._chain(item, line)
        if len(chain) == 1:
            return Pipe("", Line.SUPPLY, "", "", 1.0, 1.0, 0.0)
        parent = self.survey.lines[line].branches.parent
        pipes = [parent[name][0] for name in chain[:-1]]
        walls = [pipe.wall for pipe in pipes if isinstance(pipe.wall, PipeWall)]
        return replace(pipes[0], wall=walls[0] if walls else None)

    def _chain(self, item: Substation, line: int) -> list[str]:
        branches = self.survey.lines[line].branches
        return branches.ancestors(item.return_node if line else item.supply_node)

    def _newnode_of(
        self, name: str, line: Line, place: str, served: Sequence[Substation], at: str | None
    ) -> Node:
        around = [(self.node[node_of(item, line)], self.survey.drawn[item.name]) for item in served]
        total = sum(weight for _, weight in around)
        x, y, height = (
            sum(getattr(node, field) * weight for node, weight in around) / total
            for field in ("x_m", "y_m", "elevation_m")
        )
        if at is not None:
            x, y, height = self.node[at].x_m, self.node[at].y_m, self.node[at].elevation_m
        return Node(name, line, x, y, height, self.node_volume_m3, place=place)

    def _free_name(self, wanted: str) -> str:
        name = wanted
        while name in self.taken or f"{name}_supply" in self.taken:
            name += "_"
        self.taken.add(name)
        return name
