"""Whether names, references, lines and hydraulic islands of a network are sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rexdynnet.errors import Finding
from rexdynnet.network.entries import Entry, nearest
from rexdynnet.network.graph import Component, Network, ends
from rexdynnet.network.spec import Line, Pipe, Plant, PlantControl, Pump, Valve
from rexdynnet.network.tables import Places


def islands(network: Network) -> tuple[frozenset[str], ...]:
    """Hydraulic islands: sets of node names that components join.

    Parameters
    ----------
    network : Network

    Returns
    -------
    tuple of frozenset of str
        In the order of the nodes.
    """
    names = [node.name for node in network.nodes]
    return joined(names, (ends(component) for component in network.components()))


def joined(names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> tuple[frozenset[str], ...]:
    """Group names that pairs connect.

    Parameters
    ----------
    names : iterable of str
    pairs : iterable of (str, str)

    Returns
    -------
    tuple of frozenset of str
        In the order of the names.

    Examples
    --------
    >>> [sorted(group) for group in joined("abc", [("a", "c")])]
    [['a', 'c'], ['b']]
    """
    touching: dict[str, list[str]] = {name: [] for name in names}
    for first, second in pairs:
        touching[first].append(second)
        touching[second].append(first)
    seen: set[str] = set()
    groups: list[frozenset[str]] = []
    for name in touching:
        if name in seen:
            continue
        group = [name]
        seen.add(name)
        for member in group:
            for other in touching[member]:
                if other not in seen:
                    seen.add(other)
                    group.append(other)
        groups.append(frozenset(group))
    return tuple(groups)


def _at(files: Places, kind: str, name: str) -> Entry:
    return files.get((kind, name), Entry({}))


def check_references(network: Network, files: Places) -> Iterator[Finding]:
    """Find doubled names, unknown nodes and components on the wrong line.

    Parameters
    ----------
    network : Network
    files : mapping
        Where each part was written.

    Yields
    ------
    Finding
    """
    if not network.plants:
        yield _at(files, "section", "document").finding(
            "the network has no plant", "add one under [[plants]] in network.toml", "plants"
        )
    for kind, names in (
        ("node", [node.name for node in network.nodes]),
        ("component", [component.name for component in network.components()]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                yield _at(files, kind, name).finding(
                    f"the name '{name}' is used {count} times",
                    "give each its own name",
                    "name",
                    name,
                )
    lines = {node.name: node.line for node in network.nodes}
    for component in network.components():
        yield from _ends(component, lines, _at(files, "component", component.name))
    for index, holding in enumerate(network.holdings):
        if holding.node not in lines:
            yield _at(files, "holding", str(index)).finding(
                f"the node '{holding.node}' does not exist",
                nearest(holding.node, lines),
                "node",
                holding.node,
            )
    yield from _partners(network, files)


def _ends(component: Component, lines: dict[str, Line], entry: Entry) -> Iterator[Finding]:
    joins = isinstance(component, Pipe | Pump | Valve)
    columns = ("from_node", "to_node") if joins else ("supply_node", "return_node")
    names = [getattr(component, column) for column in columns]
    known = True
    for column, name in zip(columns, names, strict=True):
        if name not in lines:
            known = False
            hint = nearest(name, lines)
            yield entry.finding(f"the node '{name}' does not exist", hint, column, component.name)
    if not known:
        return
    if not joins:
        for column, name, line in zip(columns, names, (Line.SUPPLY, Line.RETURN), strict=True):
            if lines[name] is not line:
                yield entry.finding(
                    f"{column} '{name}' lies on the {lines[name].value} line",
                    f"give a node of the {line.value} line",
                    column,
                    component.name,
                )
        return
    if names[0] == names[1]:
        yield entry.finding(
            f"it starts and ends at '{names[0]}'", "give two nodes", "to_node", component.name
        )
    wanted = component.line if isinstance(component, Pipe) else lines[names[0]]
    for column, name in zip(columns, names, strict=True):
        if lines[name] is not wanted:
            yield entry.finding(
                f"{column} '{name}' lies on the {lines[name].value} line, the component on the "
                f"{wanted.value} line",
                "supply and return meet only in plants, substations, tanks, dumps and bypasses",
                column,
                component.name,
            )


def _partners(network: Network, files: Places) -> Iterator[Finding]:
    pipes = {pipe.name: pipe for pipe in network.pipes}
    for pipe in network.pipes:
        entry = _at(files, "component", pipe.name)
        if pipe.partner is None:
            if pipe.coupling_W_per_mK > 0:
                yield entry.finding(
                    "coupling_W_per_mK is given without a partner",
                    "name the other pipe of the trench in partner",
                    "partner",
                    pipe.name,
                )
            continue
        other = pipes.get(pipe.partner)
        if other is None or other is pipe:
            hint = nearest(pipe.partner, pipes.keys() - {pipe.name})
            yield entry.finding(
                f"the partner '{pipe.partner}' is no other pipe", hint, "partner", pipe.name
            )
            continue
        same = (other.partner, other.length_m, other.coupling_W_per_mK)
        if same != (pipe.name, pipe.length_m, pipe.coupling_W_per_mK):
            yield entry.finding(
                f"the pipes '{pipe.name}' and '{other.name}' differ as partners",
                "give both the same length_m and coupling_W_per_mK, and each other as partner",
                "partner",
                pipe.name,
            )
        if pipe.coupling_W_per_mK > 0 and pipe.wall is None:
            yield entry.finding(
                "the coupling acts between the walls, but there is no wall",
                "give wall_thickness_m",
                "wall_thickness_m",
                pipe.name,
            )


def check_topology(network: Network, files: Places) -> Iterator[Finding]:
    """Find disconnected nodes and islands without plant, balance or pressure reference.

    Parameters
    ----------
    network : Network
        With sound references.
    files : mapping
        Where each part was written.

    Yields
    ------
    Finding
    """
    touched = {name for component in network.components() for name in ends(component)}
    fed = _reached(network)
    for island in islands(network):
        names = [node.name for node in network.nodes if node.name in island]
        lonely = [name for name in names if name not in touched]
        if lonely:
            yield _at(files, "node", lonely[0]).finding(
                f"the node '{lonely[0]}' is connected to nothing",
                "join it by a pipe, or remove it",
                "node",
                lonely[0],
            )
            continue
        plants = [plant for plant in network.plants if plant.supply_node in island]
        yield from _supplied(names, plants, files)
        yield from _held(network, island, names, files)
        if plants:
            yield from _cut_off(network, island, fed, files)


def _supplied(names: list[str], plants: list[Plant], files: Places) -> Iterator[Finding]:
    listed = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    entry = _at(files, "node", names[0])
    if not plants:
        yield entry.finding(
            f"the island of {len(names)} nodes ({listed}) has no plant",
            "add a plant there, or the missing pipe to the rest of the network",
            "node",
            names[0],
        )
        return
    balancing = [plant for plant in plants if plant.control is PlantControl.PRESSURE]
    if not balancing:
        yield _at(files, "component", plants[0].name).finding(
            f"no plant of the island ({listed}) balances it",
            'give one plant control = "pressure"',
            "control",
            plants[0].name,
        )
    steering = [plant for plant in balancing if plant.worst_point]
    if len(steering) > 1:
        yield _at(files, "component", steering[1].name).finding(
            f"the plants {steering[0].name} and {steering[1].name} both hold the worst point",
            "set worst_point = true at one plant of the island only",
            "worst_point",
            steering[1].name,
        )


def _held(
    network: Network, island: frozenset[str], names: list[str], files: Places
) -> Iterator[Finding]:
    held = [(i, holding) for i, holding in enumerate(network.holdings) if holding.node in island]
    if not held:
        yield _at(files, "node", names[0]).finding(
            f"nothing holds the absolute pressure of the island around '{names[0]}'",
            "add [[pressure_holding]] with one of its nodes to network.toml",
            "pressure_holding",
            names[0],
        )
    if len(held) > 1:
        first, second = held[0][1].node, held[1][1].node
        yield _at(files, "holding", str(held[1][0])).finding(
            f"two points hold the absolute pressure of one island: '{first}' and '{second}'",
            "keep one [[pressure_holding]] per island; plants may hold differential pressures",
            "node",
            second,
        )


def _reached(network: Network) -> set[str]:
    """Nodes that a plant feeds or takes back from within one line."""
    edges = (*network.pipes, *network.pumps, *network.valves)
    groups = joined(
        (node.name for node in network.nodes), ((edge.from_node, edge.to_node) for edge in edges)
    )
    sources = {node for plant in network.plants for node in (plant.supply_node, plant.return_node)}
    return {name for group in groups if group & sources for name in group}


def _cut_off(
    network: Network, island: frozenset[str], fed: set[str], files: Places
) -> Iterator[Finding]:
    for item in network.substations:
        for column in ("supply_node", "return_node"):
            name = getattr(item, column)
            if name in island and name not in fed:
                yield _at(files, "component", item.name).finding(
                    f"no pipe joins {column} '{name}' to a plant",
                    "add the missing pipe",
                    column,
                    item.name,
                )
