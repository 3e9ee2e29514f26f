"""Random trees and meshes of any size: for benchmarks, oracles and property tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, pi, sin, sqrt

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    FixedReturn,
    Fluid,
    Line,
    Node,
    Pipe,
    PipeWall,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Provenance,
    ReturnLaw,
    Substation,
    SubstationControl,
)

DESIGN_SPEED_m_per_s = 1.0
DESIGN_TEMPERATURES_K = (353.15, 313.15)
LEAST_DIFFERENTIAL_PRESSURE_Pa = 1.0e5
VALVE_RESERVE = 1.3
PLANT_RESERVE = 1.5


@dataclass(frozen=True)
class RandomOptions:
    """What a random network is drawn from.

    Parameters
    ----------
    reach : int
        A place hangs on one of its `reach` predecessors: the smaller, the deeper the tree.
    length_m, design_flow_kg_per_s : tuple of float
        Ranges of trench lengths and of substation design flows; uniform.
    loss_W_per_mK, roughness_m : float
    wall : PipeWall or None
    node_volume_m3 : float
    control : SubstationControl
    return_law : ReturnLaw
    fluid : Fluid
    """

    reach: int = 12
    length_m: tuple[float, float] = (50.0, 150.0)
    design_flow_kg_per_s: tuple[float, float] = (0.2, 0.5)
    loss_W_per_mK: float = 0.25
    roughness_m: float = 1e-4
    wall: PipeWall | None = None
    node_volume_m3: float = 0.02
    control: SubstationControl = SubstationControl.HEAT
    return_law: ReturnLaw = field(default_factory=lambda: FixedReturn(DESIGN_TEMPERATURES_K[1]))
    fluid: Fluid = field(default_factory=Fluid)


@dataclass(frozen=True)
class _Trench:
    tail: int
    head: int
    length_m: float
    design_flow: float


def random_tree(substations: int, seed: int, options: RandomOptions | None = None) -> Network:
    """Draw a tree of trenches with one plant at the root and a substation at every other place.

    Parameters
    ----------
    substations : int
        At least 1.
    seed : int
        The same seed gives the same network on every machine.
    options : RandomOptions or None
        None: the defaults.

    Returns
    -------
    Network
        Places `0` (plant) to `substations`; pipes sized for 1 m/s, valves for the
        differential pressure that the design leaves them.

    Raises
    ------
    InputError
        Fewer than one substation.

    Examples
    --------
    >>> network = random_tree(5, seed=1)
    >>> len(network.substations), len(network.pipes), len(network.nodes)
    (5, 10, 12)
    """
    return random_mesh(substations, seed, 0, options)


def random_mesh(
    substations: int, seed: int, chords: int, options: RandomOptions | None = None
) -> Network:
    """Draw a tree as `random_tree` does and close loops with further trenches.

    Parameters
    ----------
    substations : int
        At least 1.
    seed : int
    chords : int
        Trenches that close a loop (on both lines); fewer where too few places
        are left to join.
    options : RandomOptions or None

    Returns
    -------
    Network

    Raises
    ------
    InputError
        Fewer than one substation or a negative number of chords.

    Examples
    --------
    >>> network = random_mesh(20, seed=1, chords=4)
    >>> len(network.pipes)
    48
    """
    if substations < 1 or chords < 0:
        raise InputError(
            Finding(
                f"{substations} substations and {chords} chords cannot be drawn",
                "ask for at least one substation and no negative number of chords",
            )
        )
    opts = options or RandomOptions()
    rng = np.random.default_rng(seed)
    trenches, flows = _draw_tree(substations, rng, opts)
    trenches += _draw_chords(trenches, chords, rng, opts)
    return _assemble(f"random_{substations}_{chords}_{seed}", trenches, flows, rng, opts)


def _draw_tree(
    substations: int, rng: np.random.Generator, opts: RandomOptions
) -> tuple[list[_Trench], np.ndarray]:
    count = substations + 1
    flows = np.concatenate([[0.0], rng.uniform(*opts.design_flow_kg_per_s, substations)])
    lengths = rng.uniform(*opts.length_m, count)
    parent = [0, 0] + [int(rng.integers(max(1, i - opts.reach), i)) for i in range(2, count)]
    carried = flows.copy()
    for place in range(count - 1, 0, -1):
        carried[parent[place]] += carried[place]
    trenches = [
        _Trench(parent[i], i, float(lengths[i]), float(carried[i])) for i in range(1, count)
    ]
    return trenches, flows


def _draw_chords(
    tree: list[_Trench], chords: int, rng: np.random.Generator, opts: RandomOptions
) -> list[_Trench]:
    count = len(tree) + 1
    taken = {(trench.tail, trench.head) for trench in tree}
    drawn: list[_Trench] = []
    for _ in range(20 * chords):
        if len(drawn) == chords:
            break
        head = int(rng.integers(1, count))
        tail = int(rng.integers(max(1, head - opts.reach), head + 1))
        if tail == head or (tail, head) in taken:
            continue
        taken.add((tail, head))
        thinner = min(tree[tail - 1].design_flow, tree[head - 1].design_flow)
        drawn.append(_Trench(tail, head, float(rng.uniform(*opts.length_m)), thinner))
    return drawn


def _assemble(
    name: str,
    trenches: list[_Trench],
    flows: np.ndarray,
    rng: np.random.Generator,
    opts: RandomOptions,
) -> Network:
    # numba, which the laws register with, takes a second to import
    from rexdynnet.physics.friction import pressure_loss
    from rexdynnet.physics.water import viscosity

    density = opts.fluid.density_kg_per_m3
    hot, cold = DESIGN_TEMPERATURES_K
    mu = opts.fluid.viscosity_Pa_s or float(viscosity((hot + cold) / 2))
    flow = np.array([trench.design_flow for trench in trenches])
    length = np.array([trench.length_m for trench in trenches])
    diameter = np.sqrt(4 * flow / (pi * density * DESIGN_SPEED_m_per_s))
    drop = np.asarray(pressure_loss(flow, length, diameter, opts.roughness_m, 0.0, density, mu))
    count = len(flows)
    position = np.zeros((count, 2))
    used = np.zeros(count)
    heading = rng.uniform(-pi, pi, count)
    for i in range(count - 1):  # the tree's trenches come first, in the order of their heads
        trench = trenches[i]
        step = 0.9 * trench.length_m
        position[i + 1] = position[trench.tail] + step * np.array(
            [cos(heading[i + 1]), sin(heading[i + 1])]
        )
        used[i + 1] = used[trench.tail] + 2 * drop[i]
    plant_pressure = float(used.max()) + LEAST_DIFFERENTIAL_PRESSURE_Pa
    left = plant_pressure - used
    capacity_rate = opts.fluid.specific_heat_J_per_kgK * (hot - cold)
    nodes = tuple(
        Node(
            f"{place}_{line.value}",
            line,
            float(position[place, 0]),
            float(position[place, 1]),
            volume_m3=opts.node_volume_m3,
            place=str(place),
        )
        for line in Line
        for place in range(count)
    )
    substations = tuple(
        Substation(
            f"substation_{place}",
            f"{place}_supply",
            f"{place}_return",
            design_heat_W=float(flows[place] * capacity_rate),
            valve_kv_kg_per_s=float(VALVE_RESERVE * flows[place] / sqrt(left[place] / 1e5)),
            control=opts.control,
            return_law=opts.return_law,
        )
        for place in range(1, count)
    )
    plant = Plant(
        "plant",
        "0_supply",
        "0_return",
        PlantKind.BOILER,
        PlantControl.PRESSURE,
        capacity_W=float(PLANT_RESERVE * flows.sum() * capacity_rate),
        supply_temperature_K=hot,
        differential_pressure_Pa=plant_pressure,
        maximum_differential_pressure_Pa=2 * plant_pressure,
    )
    return Network(
        name,
        nodes,
        _pipes(trenches, diameter, opts),
        substations,
        (plant,),
        (PressureHolding("0_return"),),
        fluid=opts.fluid,
        provenance=Provenance(title=name, source="drawn at random", licence="BSD-3-Clause"),
    )


def _pipes(trenches: list[_Trench], diameter: np.ndarray, opts: RandomOptions) -> tuple[Pipe, ...]:
    pipes: list[Pipe] = []
    for trench, inner in zip(trenches, diameter.tolist(), strict=True):
        name = f"{trench.tail}-{trench.head}"
        for line in Line:
            tail, head = trench.tail, trench.head
            if line is Line.RETURN:
                tail, head = head, tail
            other = Line.RETURN if line is Line.SUPPLY else Line.SUPPLY
            pipes.append(
                Pipe(
                    f"{name}_{line.value}",
                    line,
                    f"{tail}_{line.value}",
                    f"{head}_{line.value}",
                    trench.length_m,
                    inner,
                    opts.loss_W_per_mK,
                    wall=opts.wall,
                    roughness_m=opts.roughness_m,
                    partner=f"{name}_{other.value}",
                    trench=name,
                )
            )
    return tuple(pipes)
