"""Order of the nodes along the flow."""

from __future__ import annotations

import numpy as np

from rexdynnet.simulation.compiled import hot, inner
from rexdynnet.simulation.layout import Layout
from rexdynnet.simulation.state import State

# What Newton leaves in a closed bypass would otherwise close circles that no water flows in.
REST_kg_per_s = 1e-8


@hot
def _sign(flow: float) -> int:
    return 1 if flow > REST_kg_per_s else (-1 if flow < -REST_kg_per_s else 0)


@hot
def lags(layout: Layout, edge: int, flow: float) -> bool:
    """Whether heat through an edge arrives with the next step (forward plants, tanks)."""
    graph = layout.graph
    if graph.first_plant <= edge < graph.first_tank:
        return flow >= 0.0
    return graph.first_tank <= edge < graph.first_dump


@hot
def _carries_on(layout: Layout, state: State, edge: int) -> bool:
    flow = state.edges[edge].flow
    return _sign(flow) != 0 and not lags(layout, edge, flow)


@hot
def _source_and_sink(layout: Layout, state: State, edge: int) -> tuple[int, int]:
    ends = layout.graph.edges[edge]
    if state.edges[edge].flow > 0.0:
        return ends.tail, ends.head
    return ends.head, ends.tail


@inner
def order_nodes(layout: Layout, state: State) -> None:
    """Sort the nodes along the flow; plants and tanks pass heat on with the next step.

    A circle of flow (a booster in a ring) is cut at the node with the fewest open inflows.
    """
    graph = layout.graph
    nodes, edges = len(graph.nodes), len(graph.edges)
    waiting = np.zeros(nodes, dtype=np.int64)
    start = np.zeros(nodes + 1, dtype=np.int64)
    for edge in range(edges):
        state.edges[edge].sign = _sign(state.edges[edge].flow)
        if _carries_on(layout, state, edge):
            source, sink = _source_and_sink(layout, state, edge)
            waiting[sink] += 1
            start[source + 1] += 1
    for node in range(nodes):
        start[node + 1] += start[node]
    target = np.empty(start[nodes], dtype=np.int64)
    fill = start[:nodes].copy()
    for edge in range(edges):
        if _carries_on(layout, state, edge):
            source, sink = _source_and_sink(layout, state, edge)
            target[fill[source]] = sink
            fill[source] += 1
    done = np.zeros(nodes, dtype=np.bool_)
    count = 0
    for node in range(nodes):
        if waiting[node] == 0:
            state.order[count] = node
            done[node] = True
            count += 1
    at = 0
    while count < nodes or at < count:
        if at == count:
            best = -1
            for node in range(nodes):
                if not done[node] and (best < 0 or waiting[node] < waiting[best]):
                    best = node
            state.order[count] = best
            done[best] = True
            count += 1
        node = state.order[at]
        at += 1
        for k in range(start[node], start[node + 1]):
            waiting[target[k]] -= 1
            if waiting[target[k]] == 0 and not done[target[k]]:
                state.order[count] = target[k]
                done[target[k]] = True
                count += 1
    _list_ways(layout, state)


@inner
def _list_ways(layout: Layout, state: State) -> None:
    """List the edges by which heat leaves each node, along the order of the nodes."""
    graph = layout.graph
    count = 0
    for k in range(len(state.order)):
        node = state.order[k]
        state.way_start[k] = count
        for j in range(graph.incident_start[node], graph.incident_start[node + 1]):
            edge = graph.incident[j]
            ends, sign = graph.edges[edge], state.edges[edge].sign
            source, sink = (ends.head, ends.tail) if sign < 0 else (ends.tail, ends.head)
            at_rest = sign == 0 and edge >= graph.first_substation
            if source != node or at_rest or lags(layout, edge, state.edges[edge].flow):
                continue
            state.ways[count].edge = edge
            state.ways[count].source = source
            state.ways[count].sink = sink
            count += 1
    state.way_start[len(state.order)] = count


@inner
def reorder(layout: Layout, state: State) -> None:
    """Sort the nodes anew if a flow has turned."""
    for edge in range(len(state.edges)):
        if _sign(state.edges[edge].flow) != state.edges[edge].sign:
            order_nodes(layout, state)
            return
