"""Number a network along its supply, so that what water passes in turn lies close in memory.

Kernels read nodes and pipes in the order of the flow. In a large network that
order is most of their cost unless neighbours share cache lines.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from rexdynnet.network.graph import Network


def along_supply(network: Network) -> Network:
    """Sort nodes and pipes breadth first from the plants.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Network
        The same components; nodes and pipes in another order.

    Examples
    --------
    >>> from rexdynnet.network.random import random_tree
    >>> network = random_tree(3, seed=1)
    >>> sorted(n.name for n in along_supply(network).nodes) == sorted(n.name for n in network.nodes)
    True
    """
    at: dict[str, list[int]] = {node.name: [] for node in network.nodes}
    for place, pipe in enumerate(network.pipes):
        at[pipe.from_node].append(place)
        at[pipe.to_node].append(place)
    starts = [node for plant in network.plants for node in (plant.supply_node, plant.return_node)]
    pipes: dict[int, None] = {}
    nodes: dict[str, None] = dict.fromkeys(starts)
    waiting = deque(nodes)
    while waiting:
        here = waiting.popleft()
        for place in at[here]:
            pipes.setdefault(place)
            pipe = network.pipes[place]
            other = pipe.to_node if pipe.from_node == here else pipe.from_node
            if other not in nodes:
                nodes[other] = None
                waiting.append(other)
    for node in network.nodes:
        nodes.setdefault(node.name)
    for place in range(len(network.pipes)):
        pipes.setdefault(place)
    named = {node.name: node for node in network.nodes}
    return replace(
        network,
        nodes=tuple(named[name] for name in nodes),
        pipes=tuple(network.pipes[place] for place in pipes),
    )
