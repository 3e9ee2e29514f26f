"""A stage model of a network as its meters see it: flows are metered, faults are parameters.

Where every substation has a heat meter, the flows of a tree-shaped network are known
without any demand forecast. What is left to predict are temperatures, the plant's flow,
make-up water and differential pressures; what they miss points at leaks, fouled
exchangers and wet insulation. Mostly for `rexdynnet.control.monitor`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.stage import StageModel
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.line_flow import LineGraph, line_graph
from rexdynnet.network.spec import Exchanger, FixedReturn, Line, Pipe, Plant, Substation
from rexdynnet.physics.devices import exchanger_return, leak_flow
from rexdynnet.physics.friction import pressure_loss
from rexdynnet.physics.heat import film_conductance
from rexdynnet.physics.water import conductivity, viscosity
from rexdynnet.signals import Signal

Floats: TypeAlias = NDArray[np.float64]

_LEAST_FLOW = 1e-6
_TYPICAL_SHARE = 0.4


@dataclass(frozen=True)
class _Tree:
    """One line: pipes from the plant outwards, and what hangs at its nodes."""

    line: LineGraph
    order: tuple[tuple[Pipe, str, str], ...]
    root: str


def metered_stage(network: Network, *, step_s: float = 300.0, cells: int = 2) -> StageModel:
    """Build the stage model whose inputs are the meters' readings.

    Parameters
    ----------
    network : Network
        A tree on each line with one plant.
    step_s : float
    cells : int
        Of each pipe; water and wall together.

    Returns
    -------
    StageModel
        No controls and no cost. Parameters: `<plant>.supply_temperature`,
        `<plant>.differential_pressure`, `<substation>.mass_flow`, `<substation>.heat` (where it
        has an exchanger), `ground.temperature`, and the faults `<pipe>.loss_factor`,
        `<pipe>.roughness_factor`, `<pipe>.leak`, `<substation>.fouling`. Outputs: supply and
        return temperature and differential pressure of substations; return temperature,
        mass flow and `makeup_mass_flow` of the plant; temperature of nodes.

    Raises
    ------
    InputError
        The network has rings, several plants or components whose flow no meter gives.

    Notes
    -----
    Upwind cells with the implicit Euler rule, solved along the flow; friction and the
    exchanger's law are those of `rexdynnet.physics`, as in the plant.
    """
    _refuse(network)
    return _Builder(network, step_s, cells).build()


def _refuse(network: Network) -> None:
    findings: list[Finding] = []
    if len(network.plants) != 1:
        findings.append(
            Finding(
                f"{network.name} has {len(network.plants)} plants",
                "use a network with one plant",
            )
        )
    others = (network.tanks, network.dumps, network.pumps, network.valves, network.bypasses)
    findings += [
        Finding(
            f"the flow through {component.name} is not metered",
            "use a network of pipes and substations only",
            component=component.name,
        )
        for kind in others
        for component in kind
    ]
    if findings:
        raise InputError(*findings)


def _tree(network: Network, line: Line, root: str) -> _Tree:
    names = [node.name for node in network.nodes if node.line is line]
    names.remove(root)
    graph = line_graph(network, [root, *names])
    if graph is None or graph.chords:
        raise InputError(
            Finding(
                f"the {line.value} line of {network.name} is no tree",
                "fault monitoring needs flows that follow from the meters; open the rings",
            )
        )
    order: list[tuple[Pipe, str, str]] = []
    for edge, parent, child in graph.order:
        pipe = graph.edges[edge]
        if isinstance(pipe, Pipe):
            order.append((pipe, graph.nodes[parent], graph.nodes[child]))
    return _Tree(graph, tuple(order), root)


class _Builder:
    """Expressions of one step; lives only while the model is built."""

    def __init__(self, network: Network, step_s: float, cells: int) -> None:
        self.network, self.step_s, self.cells = network, step_s, cells
        self.plant: Plant = network.plants[0]
        self.cp = network.fluid.specific_heat_J_per_kgK
        self.supply = _tree(network, Line.SUPPLY, self.plant.supply_node)
        self.back = _tree(network, Line.RETURN, self.plant.return_node)
        self.parameters = self._parameter_signals()
        self.p = ca.SX.sym("p", len(self.parameters))
        self.at = {signal.name: self.p[i] for i, signal in enumerate(self.parameters)}
        pipes = [pipe for tree in (self.supply, self.back) for pipe, _, _ in tree.order]
        self.states = tuple(
            Signal(pipe.name, f"water_temperature_{k}", "K", 10.0, 263.15, 473.15)
            for pipe in pipes
            for k in range(cells)
        )
        self.x = ca.SX.sym("x", len(self.states))
        self.water = {
            pipe.name: [self.x[i * cells + k] for k in range(cells)] for i, pipe in enumerate(pipes)
        }
        self.viscosity = network.fluid.viscosity_Pa_s

    def build(self) -> StageModel:
        network, plant = self.network, self.plant
        drawn = {s.name: ca.fmax(self.at[f"{s.name}.mass_flow"], 0.0) for s in network.substations}
        nothing = {node.name: ca.SX(0.0) for node in network.nodes}
        heads = self._hydraulics(drawn, nothing)[1]
        lost = self._leaks(heads)
        flows, heads = self._hydraulics(drawn, lost)
        advanced: dict[str, list[ca.SX]] = {}
        node_K = {plant.supply_node: self.at[f"{plant.name}.supply_temperature"]}
        for pipe, _, child in self.supply.order:
            parent = pipe.from_node if pipe.to_node == child else pipe.to_node
            advanced[pipe.name] = self._passed(pipe, flows[pipe.name], node_K[parent])
            node_K[child] = advanced[pipe.name][-1]
        back_K = {s.name: self._returned(s, node_K[s.supply_node]) for s in network.substations}
        makeup = sum((lost[node.name] for node in network.nodes), start=ca.SX(0.0))
        self._gather(drawn, back_K, flows, advanced, node_K, makeup)
        outputs, signals = self._outputs(drawn, lost, heads, node_K, back_K, makeup)
        x_next = ca.vertcat(
            *(
                cell
                for tree in (self.supply, self.back)
                for pipe, _, _ in tree.order
                for cell in advanced[pipe.name]
            )
        )
        u, none = ca.SX.sym("u", 0), ca.SX.zeros(0, 1)
        volume = sum(pipe.volume_m3 for pipe, _, _ in self.supply.order)
        design = sum(s.design_heat_W for s in network.substations) / (self.cp * 30.0)
        return StageModel(
            name=f"{network.name} as metered",
            states=self.states,
            controls=(),
            parameters=self.parameters,
            output_signals=signals,
            rows=(),
            cost_terms=(),
            step_s=self.step_s,
            evaluate=ca.Function("evaluate", [self.x, u, self.p], [x_next, outputs, none, none]),
            terminal=ca.Function("terminal", [self.x, self.p], [ca.SX(0)]),
            delay_s=volume * network.fluid.density_kg_per_m3 / max(design, 1e-9),
        )

    def _parameter_signals(self) -> tuple[Signal, ...]:
        plant, network = self.plant, self.network
        signals = [
            Signal(plant.name, "supply_temperature", "K", 10.0, default=plant.supply_temperature_K),
            Signal(
                plant.name,
                "differential_pressure",
                "Pa",
                1e5,
                default=plant.differential_pressure_Pa,
            ),
            Signal("ground", "temperature", "K", 10.0, default=network.ground.temperature_K),
        ]
        for substation in network.substations:
            signals.append(Signal(substation.name, "mass_flow", "kg/s", 0.1, default=None))
            if isinstance(substation.return_law, Exchanger):
                signals.append(
                    Signal(substation.name, "heat", "W", max(substation.design_heat_W, 1.0))
                )
                signals.append(Signal(substation.name, "fouling", "1", 0.1, 0.0, 1.0, default=0.0))
        for pipe in network.pipes:
            signals.append(Signal(pipe.name, "loss_factor", "1", 1.0, 0.0, default=1.0))
            signals.append(Signal(pipe.name, "roughness_factor", "1", 1.0, 0.0, default=1.0))
            signals.append(Signal(pipe.name, "leak", "kg/s", 0.01, 0.0, default=0.0))
        return tuple(signals)

    def _hydraulics(
        self, drawn: Mapping[str, ca.SX], lost: Mapping[str, ca.SX]
    ) -> tuple[dict[str, ca.SX], dict[str, ca.SX]]:
        """Flows of pipes in the direction of use, and heads of nodes over the holding."""
        network, plant = self.network, self.plant
        flows: dict[str, ca.SX] = {}
        need = {node.name: ca.SX(lost[node.name]) for node in network.nodes}
        gained = {node.name: -ca.SX(lost[node.name]) for node in network.nodes}
        for substation in network.substations:
            need[substation.supply_node] += drawn[substation.name]
            gained[substation.return_node] += drawn[substation.name]
        for pipe, parent, child in reversed(self.supply.order):
            flows[pipe.name] = need[child]
            need[parent] += need[child]
        for pipe, parent, child in reversed(self.back.order):
            flows[pipe.name] = gained[child]
            gained[parent] += gained[child]
        heads = {plant.return_node: ca.SX(0.0)}
        heads[plant.supply_node] = self.at[f"{plant.name}.differential_pressure"]
        for tree, sign in ((self.supply, -1.0), (self.back, 1.0)):
            for pipe, parent, child in tree.order:
                heads[child] = heads[parent] + sign * self._friction(pipe, flows[pipe.name])
        return flows, heads

    def _friction(self, pipe: Pipe, flow: ca.SX) -> ca.SX:
        mean_K = sum(self.water[pipe.name], start=ca.SX(0.0)) / self.cells
        sticky = self.viscosity if self.viscosity is not None else viscosity(mean_K)
        return pressure_loss(
            flow,
            pipe.length_m,
            pipe.inner_diameter_m,
            pipe.roughness_m * self.at[f"{pipe.name}.roughness_factor"],
            pipe.minor_loss,
            self.network.fluid.density_kg_per_m3,
            sticky,
        )

    def _leaks(self, heads: Mapping[str, ca.SX]) -> dict[str, ca.SX]:
        """Outflow at each node by the pressure that stands there without leaks."""
        network = self.network
        holding = network.holdings[0]
        high = {node.name: node.elevation_m for node in network.nodes}
        weight = network.fluid.density_kg_per_m3 * 9.81
        lost = {node.name: ca.SX(0.0) for node in network.nodes}
        for tree, outward in ((self.supply, True), (self.back, False)):
            for pipe, parent, child in tree.order:
                node = child if outward else parent
                pressure = (
                    holding.pressure_Pa
                    + heads[node]
                    - heads[holding.node]
                    - weight * (high[node] - high[holding.node])
                )
                lost[node] += leak_flow(pressure, self.at[f"{pipe.name}.leak"])
        return lost

    def _passed(self, pipe: Pipe, flow: ca.SX, entering_K: ca.SX) -> list[ca.SX]:
        """Cells of a pipe at the end of the step."""
        fluid, length = self.network.fluid, pipe.length_m / self.cells
        capacity = length * (
            fluid.density_kg_per_m3 * pipe.area_m2 * self.cp + pipe.wall_heat_capacity_J_per_mK
        )
        conductance = self._loss(pipe) * length * self.at[f"{pipe.name}.loss_factor"]
        carried = self.cp * ca.fmax(flow, _LEAST_FLOW)
        ground, before = self.at["ground.temperature"], entering_K
        out: list[ca.SX] = []
        for cell in self.water[pipe.name]:
            stored = capacity / self.step_s
            before = (stored * cell + carried * before + conductance * ground) / (
                stored + carried + conductance
            )
            out.append(before)
        return out

    def _loss(self, pipe: Pipe) -> float:
        """W/(m K) from water to ground: the film at a typical flow and the insulation."""
        if pipe.wall is None:
            return pipe.loss_W_per_mK
        typical_K = 333.15
        flow = _TYPICAL_SHARE * 0.7 * self.network.fluid.density_kg_per_m3 * pipe.area_m2
        sticky = self.viscosity if self.viscosity is not None else viscosity(typical_K)
        conducting = self.network.fluid.conductivity_W_per_mK
        film = film_conductance(
            flow,
            pipe.inner_diameter_m,
            pipe.roughness_m,
            pipe.wall.thickness_m,
            pipe.wall.conductivity_W_per_mK,
            sticky,
            conducting if conducting is not None else conductivity(typical_K),
            self.cp,
        )
        return float(1.0 / (1.0 / film + 1.0 / pipe.loss_W_per_mK))

    def _returned(self, substation: Substation, supply_K: ca.SX) -> ca.SX:
        law = substation.return_law
        if isinstance(law, FixedReturn):
            return ca.SX(law.temperature_K)
        if not isinstance(law, Exchanger):
            return supply_K - law.difference_K
        clean = ca.fmax(1.0 - self.at[f"{substation.name}.fouling"], 1e-3)
        heat = self.at[f"{substation.name}.heat"]
        back = exchanger_return(
            heat,
            supply_K,
            law.secondary_supply_K,
            law.secondary_return_K,
            law.ua_W_per_K * clean,
        )
        return ca.fmin(back, supply_K)

    def _gather(
        self,
        drawn: Mapping[str, ca.SX],
        back_K: Mapping[str, ca.SX],
        flows: Mapping[str, ca.SX],
        advanced: dict[str, list[ca.SX]],
        node_K: dict[str, ca.SX],
        makeup: ca.SX,
    ) -> None:
        """Mix what comes back, from the ends of the return line to the plant."""
        names = [node.name for node in self.network.nodes]
        mass = {name: ca.SX(0.0) for name in names}
        carried = {name: ca.SX(0.0) for name in names}

        def enter(node: str, flow: ca.SX, temperature: ca.SX) -> None:
            flow = ca.fmax(flow, _LEAST_FLOW)
            mass[node] += flow
            carried[node] += flow * temperature

        for substation in self.network.substations:
            name = substation.name
            enter(substation.return_node, drawn[name], back_K[name])
        for pipe, parent, child in reversed(self.back.order):
            node_K[child] = carried[child] / mass[child]
            advanced[pipe.name] = self._passed(pipe, flows[pipe.name], node_K[child])
            enter(parent, flows[pipe.name], advanced[pipe.name][-1])
        root, feed = self.plant.return_node, self.network.holdings[0].makeup_temperature_K
        node_K[root] = (carried[root] + makeup * feed) / (mass[root] + makeup)

    def _outputs(
        self,
        drawn: Mapping[str, ca.SX],
        lost: Mapping[str, ca.SX],
        heads: Mapping[str, ca.SX],
        node_K: Mapping[str, ca.SX],
        back_K: Mapping[str, ca.SX],
        makeup: ca.SX,
    ) -> tuple[ca.SX, tuple[Signal, ...]]:
        plant = self.plant
        fed = sum(drawn.values(), start=ca.SX(0.0))
        fed += sum((lost[child] for _, _, child in self.supply.order), start=ca.SX(0.0))
        rows: list[tuple[Signal, ca.SX]] = [
            (Signal(plant.name, "return_temperature", "K", 10.0), node_K[plant.return_node]),
            (Signal(plant.name, "mass_flow", "kg/s"), fed),
            (Signal(plant.name, "makeup_mass_flow", "kg/s", 0.01), makeup),
        ]
        for s in self.network.substations:
            rows += [
                (Signal(s.name, "supply_temperature", "K", 10.0), node_K[s.supply_node]),
                (Signal(s.name, "return_temperature", "K", 10.0), back_K[s.name]),
                (
                    Signal(s.name, "differential_pressure", "Pa", 1e4),
                    heads[s.supply_node] - heads[s.return_node],
                ),
            ]
        for node in self.network.nodes:
            rows.append((Signal(node.name, "temperature", "K", 10.0), node_K[node.name]))
        return ca.vertcat(*(value for _, value in rows)), tuple(signal for signal, _ in rows)
