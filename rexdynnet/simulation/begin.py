"""Temperatures at which a finite-volume plant begins."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rexdynnet.dae.model import Dae
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.spec import Line

Floats = NDArray[np.float64]

COLD_K = 313.15


def held_at_start(dae: Dae, u: Floats, given: Mapping[str, float]) -> dict[str, float]:
    """Stores that a steady start leaves alone: tanks half full, rooms at their set-points.

    Parameters
    ----------
    dae : Dae
    u : (n_u,) array
    given : mapping of str to float
        Temperatures that are known, by tank or substation, K.

    Returns
    -------
    dict of str to float
        K, by name of the state.
    """
    held: dict[str, float] = {}
    for tank in dae.network.tanks:
        for layer in range(tank.layers):
            otherwise = _hottest(dae, u) if layer < (tank.layers + 1) // 2 else COLD_K
            suffix = "" if tank.layers == 1 else f"_{layer}"
            held[f"{tank.name}.temperature{suffix}"] = given.get(tank.name, otherwise)
    for unit in dae.network.substations:
        if unit.building is not None:
            set_point = unit.building.setpoint_K
            held[f"{unit.name}.room_temperature"] = given.get(unit.name, set_point)
    return held


def given_start(dae: Dae, u: Floats, given: Mapping[str, float]) -> Floats:
    """States from temperatures of nodes, tanks and rooms; pipes are linear between their ends.

    Parameters
    ----------
    dae : Dae
    u : (n_u,) array
    given : mapping of str to float
        K; nodes that are not named are at the mean of those that are.

    Returns
    -------
    (n_x,) array

    Raises
    ------
    InputError
        If a name is no node, tank or substation with a building.
    """
    network = dae.network
    named = {node.name: given[node.name] for node in network.nodes if node.name in given}
    allowed = {node.name for node in network.nodes} | {tank.name for tank in network.tanks}
    allowed |= {unit.name for unit in network.substations if unit.building is not None}
    unknown = sorted(set(given) - allowed)
    if unknown:
        raise InputError(
            *(
                Finding(
                    f"initial temperatures name {name}",
                    "name nodes, tanks or substations with a building",
                    component=name,
                )
                for name in unknown
            )
        )
    mean = sum(named.values()) / len(named) if named else None
    at: dict[str, float] = {}
    for node in network.nodes:
        otherwise = _hottest(dae, u) if node.line is Line.SUPPLY else COLD_K
        at[node.name] = named.get(node.name, otherwise if mean is None else mean)
    ends = {pipe.name: (at[pipe.from_node], at[pipe.to_node]) for pipe in network.pipes}
    cells: dict[tuple[str, str], int] = {}
    for signal in dae.x:
        key = (signal.component, signal.quantity.partition("_temperature")[0])
        cells[key] = cells.get(key, 0) + 1
    held = held_at_start(dae, u, given)
    passed: dict[tuple[str, str], int] = {}
    start = np.empty(len(dae.x))
    for row, signal in enumerate(dae.x):
        key = (signal.component, signal.quantity.partition("_temperature")[0])
        cell = passed.get(key, 0)
        passed[key] = cell + 1
        if signal.component in ends:
            first, last = ends[signal.component]
            start[row] = first + (last - first) * (cell + 0.5) / cells[key]
        else:
            start[row] = held.get(signal.name, at.get(signal.component, COLD_K))
    return start


def _hottest(dae: Dae, u: Floats) -> float:
    set_points = [v for s, v in zip(dae.u, u, strict=True) if s.quantity == "supply_temperature"]
    return max(set_points, default=353.15)
