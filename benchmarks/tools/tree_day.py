"""A busy day on a random tree: valves and supply temperature step every quarter of an hour.

All sides of the comparison get this one case: constant properties, pipes that
lose to a constant ground, substations that cool by a constant difference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.network.graph import Network
from rexdynnet.network.random import RandomOptions, random_tree
from rexdynnet.network.spec import FixedCooling, Fluid, PipeWall, SubstationControl

Floats = NDArray[np.float64]

INTERVAL_s = 900.0
RAMP_s = 60.0
STEP_s = 60.0
COOLING_K = 35.0
STEEL = PipeWall(thickness_m=0.0032)
WARM_UP_s = 3 * 3600.0


@dataclass(frozen=True)
class TreeDay:
    """The case.

    Parameters
    ----------
    network : Network
        A tree of `random_tree`.
    openings : (n_substations, n_intervals) array
    supply_K : (n_intervals,) array
        Reached at the end of a ramp that opens each interval; the first holds from the start.
    """

    network: Network
    openings: Floats
    supply_K: Floats

    @property
    def intervals(self) -> int:
        """Number of input steps."""
        return self.openings.shape[1]

    @property
    def duration_s(self) -> float:
        """Simulated time."""
        return self.intervals * INTERVAL_s

    @property
    def output_s(self) -> Floats:
        """When temperatures are compared: every minute, without the start."""
        return np.arange(1, round(self.duration_s / STEP_s) + 1, dtype=np.float64) * STEP_s

    def supply_at(self, time_s: Floats) -> Floats:
        """Supply temperature; constant before the start."""
        knots, values = [0.0], [self.supply_K[0]]
        for j in range(1, self.intervals):
            knots += [j * INTERVAL_s, j * INTERVAL_s + RAMP_s]
            values += [self.supply_K[j - 1], self.supply_K[j]]
        return np.interp(time_s, knots, values)


def tree_day(substations: int, seed: int, *, wall: bool = False, hours: float = 24.0) -> TreeDay:
    """Draw the case."""
    options = RandomOptions(
        control=SubstationControl.VALVE,
        return_law=FixedCooling(COOLING_K),
        wall=STEEL if wall else None,
        node_volume_m3=1e-6,  # as good as none, as on the other sides
        fluid=Fluid(viscosity_Pa_s=4.0e-4, conductivity_W_per_mK=0.65),
    )
    rng = np.random.default_rng(seed + 1000)
    intervals = round(hours * 3600 / INTERVAL_s)
    return TreeDay(
        random_tree(substations, seed, options),
        rng.uniform(0.45, 0.95, (substations, intervals)),
        273.15 + 85.0 + rng.uniform(-6.0, 6.0, intervals),
    )


@dataclass(frozen=True)
class TreeArrays:
    """The tree as arrays by trench; trench i leads from place `parent[i]` to place i + 1.

    `parent[i]` counts trenches: −1 is the plant. `flows` are kg/s by trench and interval,
    `drawn` by substation and interval.
    """

    parent: NDArray[np.int64]
    mass_kg: Floats
    area_m2: Floats
    length_m: Floats
    diameter_m: Floats
    loss_W_per_mK: Floats
    drawn: Floats
    flows: Floats


def tree_arrays(case: TreeDay, drawn: Floats) -> TreeArrays:
    """Arrange the tree and sum the substations' flows up to the plant.

    Parameters
    ----------
    case : TreeDay
    drawn : (n_substations, n_intervals) array
        Mass flows of the substations.
    """
    pipes = case.network.pipes[0::2]
    parent = np.array([int(pipe.from_node.split("_")[0]) - 1 for pipe in pipes])
    flows = drawn.copy()
    for i in range(len(pipes) - 1, -1, -1):
        if parent[i] >= 0:
            flows[parent[i]] += flows[i]
    density = case.network.fluid.density_kg_per_m3
    return TreeArrays(
        parent,
        np.array([pipe.volume_m3 * density for pipe in pipes]),
        np.array([pipe.area_m2 for pipe in pipes]),
        np.array([pipe.length_m for pipe in pipes]),
        np.array([pipe.inner_diameter_m for pipe in pipes]),
        np.array([pipe.loss_W_per_mK for pipe in pipes]),
        drawn,
        flows,
    )
