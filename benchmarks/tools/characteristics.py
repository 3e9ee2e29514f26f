"""Exact solution of the tree day without walls: follow each parcel back to where it entered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.tree_day import COOLING_K, INTERVAL_s, TreeArrays, TreeDay

Floats = NDArray[np.float64]


def exact_temperatures(
    case: TreeDay, tree: TreeArrays, *, step_s: float = 0.5, before_s: float = 6 * 3600.0
) -> tuple[Floats, Floats]:
    """Temperatures by the method of characteristics.

    A parcel that leaves a pipe at t entered when the mass passed since equals the
    pipe's content, and decayed exponentially towards the ground on its way. Series
    are sampled every `step_s` and read linearly between; nothing else is approximate.

    Returns
    -------
    supply_K : (n_output, n_substations) array
    return_K : (n_output,) array
        At the plant.
    """
    time = np.arange(-before_s, case.duration_s + step_s / 2, step_s)
    # the left limit: an instant belongs to the interval that ends at it
    interval = np.clip(np.ceil(time / INTERVAL_s).astype(int) - 1, 0, case.intervals - 1)
    ground = case.network.ground.temperature_K
    heat_capacity = case.network.fluid.specific_heat_J_per_kgK
    rate = tree.loss_W_per_mK * tree.length_m / (tree.mass_kg * heat_capacity)
    rows = np.searchsorted(time, case.output_s - step_s / 4)
    count = len(tree.parent)

    def through(i: int, inlet: Floats) -> Floats:
        flow = tree.flows[i, interval]
        passed = np.concatenate([[0.0], np.cumsum(flow[1:] * step_s)])
        entered = np.interp(passed - tree.mass_kg[i], passed, time)
        early = passed < tree.mass_kg[i]  # before the record everything is steady
        entered[early] = time[early] - tree.mass_kg[i] / flow[0]
        decay = np.exp(-rate[i] * (time - entered))
        return ground + (np.interp(entered, time, inlet) - ground) * decay

    supply: list[Floats] = []
    source = case.supply_at(time)
    for i in range(count):
        upstream = source if tree.parent[i] < 0 else supply[tree.parent[i]]
        supply.append(through(i, upstream))
    mixed = [tree.drawn[i, interval] * (supply[i] - COOLING_K) for i in range(count)]
    collected = np.zeros_like(time)
    for i in range(count - 1, -1, -1):
        flow = tree.flows[i, interval]
        arriving = through(i, mixed[i] / flow) * flow
        if tree.parent[i] >= 0:
            mixed[tree.parent[i]] += arriving
        else:
            collected += arriving
    roots = tree.flows[tree.parent < 0][:, interval].sum(axis=0)
    return np.stack([series[rows] for series in supply], axis=1), (collected / roots)[rows]
