"""Implicit upwind step of the temperatures of both lines and the tanks between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import pi, sqrt
from typing import TypeAlias

import casadi as ca

from rexdynnet.control.arrivals import kept_nodes
from rexdynnet.control.elimination import Entries, pivot_order, solve_symbolic
from rexdynnet.control.flows import TYPICAL_WATER_K, FlowTree
from rexdynnet.control.stage_options import StageOptions, TYPICAL_SPEED_m_per_s, WallModel
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Pipe, Tank
from rexdynnet.physics.heat import film_conductance
from rexdynnet.physics.water import conductivity, viscosity

REST_FLOW_kg_per_s = 1e-7
"""Exchange of a node with its nearest water, so that a node at rest keeps a temperature."""
_Loss: TypeAlias = tuple[str, ca.SX, ca.SX]


@dataclass(frozen=True)
class PipeHeat:
    """Numbers of one pipe per cell.

    Parameters
    ----------
    water_J_per_K, wall_J_per_K : float
        Heat capacities; the wall's is 0 where it is lumped or absent.
    film_W_per_K, loss_W_per_K, coupling_W_per_K : float
        Water to wall; to the ground; to the wall of the partner.
    """

    water_J_per_K: float
    wall_J_per_K: float
    film_W_per_K: float
    loss_W_per_K: float
    coupling_W_per_K: float


def pipe_heat(pipe: Pipe, network: Network, options: StageOptions) -> PipeHeat:
    """Lump a pipe into cells; the film is taken at 0.5 m/s.

    Parameters
    ----------
    pipe : Pipe
    network : Network
    options : StageOptions
    """
    fluid = network.fluid
    share = pipe.length_m / options.cells_of(pipe)
    water = fluid.density_kg_per_m3 * fluid.specific_heat_J_per_kgK * pipe.area_m2 * share
    wall = pipe.wall_heat_capacity_J_per_mK * share
    if pipe.wall is None:
        return PipeHeat(water, 0.0, 0.0, pipe.loss_W_per_mK * share, 0.0)
    given, carried = fluid.viscosity_Pa_s, fluid.conductivity_W_per_mK
    film = film_conductance(
        fluid.density_kg_per_m3 * pipe.area_m2 * TYPICAL_SPEED_m_per_s,
        pipe.inner_diameter_m,
        pipe.roughness_m,
        pipe.wall.thickness_m,
        pipe.wall.conductivity_W_per_mK,
        float(viscosity(TYPICAL_WATER_K)) if given is None else given,
        float(conductivity(TYPICAL_WATER_K)) if carried is None else carried,
        fluid.specific_heat_J_per_kgK,
    )
    if options.wall is WallModel.STATE:
        coupling = pipe.coupling_W_per_mK * share
        return PipeHeat(water, wall, film * share, pipe.loss_W_per_mK * share, coupling)
    outward = film + pipe.loss_W_per_mK + pipe.coupling_W_per_mK
    loss, coupling = (film * g / outward for g in (pipe.loss_W_per_mK, pipe.coupling_W_per_mK))
    return PipeHeat(water + wall, 0.0, 0.0, loss * share, coupling * share)


@dataclass(frozen=True)
class Feed:
    """Water that a component between the lines brings into a node.

    Parameters
    ----------
    node : str
    flow : SX scalar
        kg/s.
    source : str or None
        Node or state whose new temperature it has; None: `carried` says all.
    carried : SX scalar
        Added flow times temperature, kg K/s.
    """

    node: str
    flow: ca.SX
    source: str | None
    carried: ca.SX


@dataclass(frozen=True)
class Surroundings:
    """What acts on the water during one substep of `step_s`.

    Parameters
    ----------
    step_s : float
    old : mapping of state name to SX scalar
        Temperatures at the start of the substep.
    forward, backward : mapping of lead name to SX scalar
        Flow in and against a lead's positive direction, neither negative.
    feeds : sequence of Feed
    ground_K, outdoor_K, loss_factor : SX scalar
    charging, discharging : mapping of tank name to SX scalar
    """

    step_s: float
    old: Mapping[str, ca.SX]
    forward: Mapping[str, ca.SX]
    backward: Mapping[str, ca.SX]
    feeds: Sequence[Feed]
    ground_K: ca.SX
    outdoor_K: ca.SX
    loss_factor: ca.SX
    charging: Mapping[str, ca.SX]
    discharging: Mapping[str, ca.SX]


@dataclass(frozen=True)
class HeatStep:
    """New temperatures and the loss.

    Parameters
    ----------
    states : dict of state name to SX scalar
    nodes : dict of node to SX scalar
    lost_W : SX scalar
    """

    states: dict[str, ca.SX]
    nodes: dict[str, ca.SX]
    lost_W: ca.SX


def step_heat(tree: FlowTree, options: StageOptions, around: Surroundings) -> HeatStep:
    """Advance all temperatures by one implicit Euler step.

    Parameters
    ----------
    tree : FlowTree
    options : StageOptions
    around : Surroundings

    Returns
    -------
    HeatStep

    Notes
    -----
    First-order upwind finite volumes; nodes mix ideally. All exchange is at new
    temperatures, so that heat is conserved to round-off. Where flows have one direction
    the equations are solved along the flow, in closed form.
    """
    network = tree.network
    nodes = [node.name for node in network.nodes]
    system = _System([*_state_names(network, options), *nodes])
    kept = frozenset(kept_nodes(tree))
    touching: dict[str, str] = {}
    losses: list[_Loss] = []
    for lead in (*network.pipes, *network.pumps, *network.valves):
        if isinstance(lead, Pipe):
            losses += _pipe_rows(system, lead, network, options, around)
            last = options.cells_of(lead) - 1
            touching.setdefault(lead.from_node, f"{lead.name}.temperature_0")
            touching.setdefault(lead.to_node, f"{lead.name}.temperature_{last}")
        else:
            system.inflow(lead.to_node, lead.from_node, around.forward[lead.name])
            system.inflow(lead.from_node, lead.to_node, around.backward[lead.name])
    for tank in network.tanks:
        losses += _tank_rows(system, tank, network, options, around)
    for feed in around.feeds:
        system.fed(feed.node, feed.flow if feed.source is None else 0.0, feed.carried)
        if feed.source is not None:
            system.inflow(feed.node, feed.source, feed.flow)
    for node in nodes:
        near = touching.get(node)
        calm = around.ground_K if near is None else around.old[near]
        system.given(node, REST_FLOW_kg_per_s, calm)
        if node in kept:
            mass = network.fluid.density_kg_per_m3 * network.node_by_name[node].volume_m3
            system.given(node, mass / around.step_s, around.old[f"{node}.temperature"])
    found = system.solve()
    lost = ca.SX(0.0)
    for name, conductance, outside in losses:
        lost = lost + conductance * (found[name] - outside)
    mixed = {node: found.pop(node) for node in nodes}
    found.update({f"{node}.temperature": mixed[node] for node in kept})
    return HeatStep(found, mixed, lost)


class _System:
    """Equations Σ conductance·(own − other) = 0 by name of the unknown."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.place = {name: i for i, name in enumerate(names)}
        self.rows: list[Entries] = [{} for _ in names]
        self.right = [ca.SX(0.0) for _ in names]

    def _add(self, row: str, column: str, value: ca.SX | float) -> None:
        entries, j = self.rows[self.place[row]], self.place[column]
        entries[j] = entries.get(j, ca.SX(0.0)) + value

    def inflow(self, into: str, source: str, conductance: ca.SX) -> None:
        if not conductance.is_zero():
            self._add(into, into, conductance)
            self._add(into, source, -conductance)

    def given(self, row: str, conductance: ca.SX | float, temperature: ca.SX) -> None:
        self.fed(row, conductance, conductance * temperature)

    def fed(self, row: str, conductance: ca.SX | float, carried: ca.SX) -> None:
        self._add(row, row, conductance)
        self.right[self.place[row]] = self.right[self.place[row]] + carried

    def solve(self) -> dict[str, ca.SX]:
        order = pivot_order([set(row) for row in self.rows])
        return dict(zip(self.names, solve_symbolic(self.rows, self.right, order), strict=True))


def _pipe_rows(
    system: _System, pipe: Pipe, network: Network, options: StageOptions, around: Surroundings
) -> list[_Loss]:
    heat = pipe_heat(pipe, network, options)
    cp = network.fluid.specific_heat_J_per_kgK
    ahead, behind = around.forward[pipe.name], around.backward[pipe.name]
    cells = [f"{pipe.name}.temperature_{i}" for i in range(options.cells_of(pipe))]
    chain = [pipe.from_node, *cells, pipe.to_node]
    conductance = heat.loss_W_per_K * around.loss_factor
    losses: list[_Loss] = []
    for i, cell in enumerate(cells, start=1):
        system.given(cell, heat.water_J_per_K / around.step_s, around.old[cell])
        system.inflow(cell, chain[i - 1], cp * ahead)
        system.inflow(cell, chain[i + 1], cp * behind)
        outer = cell
        if heat.wall_J_per_K > 0:
            outer = cell.replace(".temperature", ".wall_temperature")
            system.given(outer, heat.wall_J_per_K / around.step_s, around.old[outer])
            system.inflow(outer, cell, ca.SX(heat.film_W_per_K))
            system.inflow(cell, outer, ca.SX(heat.film_W_per_K))
        system.given(outer, conductance, around.ground_K)
        losses.append((outer, conductance, around.ground_K))
        if heat.coupling_W_per_K > 0 and pipe.partner is not None:
            beside = around.old[_facing(outer, pipe, network, options.cells_of(pipe))]
            system.given(outer, heat.coupling_W_per_K, beside)
    system.inflow(pipe.to_node, cells[-1], ahead)
    system.inflow(pipe.from_node, cells[0], behind)
    return losses


def _tank_rows(
    system: _System, tank: Tank, network: Network, options: StageOptions, around: Surroundings
) -> list[_Loss]:
    fluid, count = network.fluid, _layers(tank, options)
    cp = fluid.specific_heat_J_per_kgK
    capacity = fluid.density_kg_per_m3 * cp * tank.volume_m3 / count
    section = tank.volume_m3 / tank.height_m
    side = 2.0 * sqrt(pi * section) * tank.height_m / count
    charge, discharge = around.charging[tank.name], around.discharging[tank.name]
    layers = [f"{tank.name}.temperature_{i}" for i in range(count)]
    losses: list[_Loss] = []
    for i, layer in enumerate(layers):
        system.given(layer, capacity / around.step_s, around.old[layer])
        system.inflow(layer, layers[i - 1] if i else tank.supply_node, cp * charge)
        if i + 1 < count:
            system.inflow(layer, layers[i + 1], cp * discharge)
        else:
            system.inflow(layer, tank.return_node, cp * discharge)
        surface = side + section * ((i == 0) + (i == count - 1))
        outward = ca.SX(tank.loss_W_per_m2K * surface)
        system.given(layer, outward, around.outdoor_K)
        losses.append((layer, outward, around.outdoor_K))
    system.inflow(tank.supply_node, layers[0], discharge)
    system.inflow(tank.return_node, layers[-1], charge)
    return losses


def _facing(outer: str, pipe: Pipe, network: Network, cells: int) -> str:
    """State of the partner that lies beside a cell (or wall) of a pipe."""
    partner = next(other for other in network.pipes if other.name == pipe.partner)
    own, _, quantity = outer.partition(".")
    stem, _, number = quantity.rpartition("_")
    places = {node.name: node.place for node in network.nodes}
    same_way = places[partner.from_node] == places[pipe.from_node] and own == pipe.name
    return f"{partner.name}.{stem}_{number if same_way else cells - 1 - int(number)}"


def _state_names(network: Network, options: StageOptions) -> list[str]:
    names: list[str] = []
    for pipe in network.pipes:
        names += [f"{pipe.name}.temperature_{i}" for i in range(options.cells_of(pipe))]
        if options.wall is WallModel.STATE and pipe.wall is not None:
            names += [f"{pipe.name}.wall_temperature_{i}" for i in range(options.cells_of(pipe))]
    for tank in network.tanks:
        names += [f"{tank.name}.temperature_{i}" for i in range(_layers(tank, options))]
    return names


def _layers(tank: Tank, options: StageOptions) -> int:
    return min(tank.layers, options.tank_layers)
