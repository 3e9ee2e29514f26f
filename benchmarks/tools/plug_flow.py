"""Ours: the plug-flow plant over the tree day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.tree_day import INTERVAL_s, RAMP_s, TreeDay
from rexdynnet.simulation.plant import Inputs, Plant
from rexdynnet.simulation.plugflow import PlugFlowPlant

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """What one run gives; times as in `TreeDay.output_s`.

    Parameters
    ----------
    supply_K : (n_output, n_substations) array
    return_K : (n_output,) array
    drawn : (n_substations, n_intervals) array
        Mass flows of the substations, kg/s.
    """

    supply_K: Floats
    return_K: Floats
    drawn: Floats


def inputs_at(case: TreeDay, plant: Plant, interval: int, time_s: float) -> Inputs:
    """Inputs of the plant in an interval at a time within it."""
    controls = np.empty(len(plant.controls))
    supply = float(case.supply_at(np.array([time_s]))[0])
    opening = iter(case.openings[:, interval])
    for place, signal in enumerate(plant.controls):
        if signal.quantity == "supply_temperature":
            controls[place] = supply
        elif signal.quantity == "opening":
            controls[place] = next(opening)
        else:
            controls[place] = signal.default
    disturbances = np.array([signal.default for signal in plant.disturbances])
    return Inputs(controls, disturbances)


def segments(case: TreeDay, plant: Plant) -> list[tuple[Inputs, Inputs, float]]:
    """Start, end and end time of every piece on which the inputs are linear."""
    pieces: list[tuple[Inputs, Inputs, float]] = []
    for j in range(case.intervals):
        begin, end = j * INTERVAL_s, (j + 1) * INTERVAL_s
        knots = [begin, begin + RAMP_s, end]
        at = [inputs_at(case, plant, j, knot) for knot in knots]
        pieces += [(at[0], at[1], knots[1]), (at[1], at[2], knots[2])]
    return pieces


def run_plant(
    case: TreeDay, plant: PlugFlowPlant, pieces: list[tuple[Inputs, Inputs, float]]
) -> Outcome:
    """Start in the steady state and run the day, keeping what is compared."""
    network = case.network
    nodes = [node.name for node in network.nodes]
    supply = np.array([nodes.index(s.supply_node) for s in network.substations])
    back = nodes.index(network.plants[0].return_node)
    state = plant.init(pieces[0][0])
    _, output = plant.advance_over(state, pieces)
    nodes_K = output.at("node_temperature", case.output_s)
    middles = (np.arange(case.intervals, dtype=np.float64) + 0.5) * INTERVAL_s
    drawn = output.at("substation_mass_flow", middles)
    return Outcome(nodes_K[:, supply], nodes_K[:, back], drawn.T)
