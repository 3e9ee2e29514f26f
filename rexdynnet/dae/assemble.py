"""Wire the components' contributions at the nodes into one system of equations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import casadi as ca
import networkx as nx

from rexdynnet.dae.components import contribute, terminals
from rexdynnet.dae.components.registry import controls_of, disturbances_of, parameters_of
from rexdynnet.dae.context import Context, mean, value
from rexdynnet.dae.contribution import (
    DATUM_K,
    Account,
    Contribution,
    Draw,
    Output,
    Port,
    Unknowns,
)
from rexdynnet.dae.options import DaeOptions
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances, parameters
from rexdynnet.network.spec import Node, PressureHolding
from rexdynnet.physics.devices import BAR_Pa
from rexdynnet.physics.ops import maximum
from rexdynnet.signals import Signal

GRAVITY_m_per_s2 = 9.80665


@dataclass(frozen=True)
class Equations:
    """The system as symbols, in the order (t, x, z, u, d, p).

    Parameters
    ----------
    t, x, z, u, d, p : SX
        Columns; `t` is a scalar.
    x_signals, z_signals, u_signals, d_signals, p_signals : tuple of Signal
    ode, alg : SX
        Rates of x, and scaled residuals (bar, kg/s) in the order of z.
    outputs : tuple of Output
    stored_J : SX scalar
    imbalance : SX
        What each node's flows leave over, kg/s; zero up to round-off.
    """

    t: ca.SX
    x: ca.SX
    z: ca.SX
    u: ca.SX
    d: ca.SX
    p: ca.SX
    x_signals: tuple[Signal, ...]
    z_signals: tuple[Signal, ...]
    u_signals: tuple[Signal, ...]
    d_signals: tuple[Signal, ...]
    p_signals: tuple[Signal, ...]
    ode: ca.SX
    alg: ca.SX
    outputs: tuple[Output, ...]
    stored_J: ca.SX
    imbalance: ca.SX

    @property
    def arguments(self) -> list[ca.SX]:
        """The six symbols in their order."""
        return [self.t, self.x, self.z, self.u, self.d, self.p]


def input_signals(
    network: Network, extras: tuple[Any, ...]
) -> tuple[tuple[Signal, ...], tuple[Signal, ...], tuple[Signal, ...]]:
    """Controls, disturbances and parameters of a network with extra components.

    Parameters
    ----------
    network : Network
    extras : tuple
        Components of kinds that are not in `rexdynnet.network.spec`.

    Returns
    -------
    tuple of three tuples of Signal
    """
    return (
        controls(network) + _of_extras(controls_of, extras),
        disturbances(network) + _of_extras(disturbances_of, extras),
        parameters(network) + _of_extras(parameters_of, extras),
    )


def assemble(network: Network, options: DaeOptions, extras: tuple[Any, ...] = ()) -> Equations:
    """State every component's equations and balance mass and heat at the nodes.

    Parameters
    ----------
    network : Network
    options : DaeOptions
    extras : tuple
        Further components, of kinds registered with `contribute`.

    Returns
    -------
    Equations

    Raises
    ------
    InputError
        If a hydraulic island has not exactly one pressure holding.
    """
    signals = input_signals(network, extras)
    columns = [[ca.SX.sym(signal.name) for signal in group] for group in signals]
    inputs = {
        signal.name: symbol
        for group, column in zip(signals, columns, strict=True)
        for signal, symbol in zip(group, column, strict=True)
    }
    components = (*network.components(), *extras)
    held = _holdings(network, components)
    ports = {node.name: _port(node, held[node.name], network) for node in network.nodes}
    context = Context(network, options, ports, inputs)
    parts: list[Contribution] = []
    for component in components:
        tail, head = terminals(component)
        parts.append(contribute(component, ports[tail], ports[head], context))
    draws: dict[str, list[Draw]] = {node.name: [] for node in network.nodes}
    for part in parts:
        for draw in part.draws:
            draws[draw.node].append(draw)
    parts += [_node(node, draws[node.name], held[node.name], context) for node in network.nodes]
    states = [unknowns for part in parts for unknowns in part.states]
    algebraics = [unknowns for part in parts for unknowns in part.algebraics]
    return Equations(
        t=ca.SX.sym("t"),
        x=_column(group.symbols for group in states),
        z=_column(group.symbols for group in algebraics),
        u=_column(columns[0]),
        d=_column(columns[1]),
        p=_column(columns[2]),
        x_signals=tuple(signal for group in states for signal in group.signals),
        z_signals=tuple(signal for group in algebraics for signal in group.signals),
        u_signals=signals[0],
        d_signals=signals[1],
        p_signals=signals[2],
        ode=_column(group.equations for group in states),
        alg=_column(group.equations for group in algebraics),
        outputs=tuple(output for part in parts for output in part.outputs),
        stored_J=sum((ca.SX(part.stored_J) for part in parts), ca.SX(0.0)),
        imbalance=_column(
            _sum(draw.mass_flow for draw in draws[node.name])
            for node in network.nodes
            if held[node.name].node != node.name
        ),
    )


def _node(node: Node, draws: list[Draw], held: PressureHolding, context: Context) -> Contribution:
    """Ideal mixing in a small volume; the holding node takes or feeds what is left over."""
    port = context.ports[node.name]
    mass = context.density * node.volume_m3
    leaving = _sum(draw.mass_flow for draw in draws)
    gained = _sum(
        maximum(-draw.mass_flow, 0.0) * (draw.temperature - port.temperature) for draw in draws
    )
    outputs = (
        value("node", node.name, "temperature", "K", port.temperature),
        value("node", node.name, "pressure", "Pa", port.absolute_pressure),
    )
    if held.node == node.name:
        residual = port.pressure / BAR_Pa
        fed, spilt = maximum(leaving, 0.0), maximum(-leaving, 0.0)
        gained += fed * (held.makeup_temperature_K - port.temperature)
        heat = context.specific_heat * (
            fed * (held.makeup_temperature_K - DATUM_K) - spilt * (port.temperature - DATUM_K)
        )
        outputs += (
            value("holding", node.name, "makeup_mass_flow", "kg/s", leaving),
            mean("holding", node.name, "makeup_heat", heat, account=Account.MAKEUP),
        )
    else:
        residual = leaving
    pressure = Signal(node.name, "pressure_difference", "Pa", BAR_Pa)
    return Contribution(
        states=(context.temperatures(node.name, "temperature", port.temperature, gained / mass),),
        algebraics=(Unknowns((pressure,), port.pressure, residual),),
        outputs=outputs,
        stored_J=mass * context.specific_heat * (port.temperature - DATUM_K),
    )


def _port(node: Node, held: PressureHolding, network: Network) -> Port:
    pressure = ca.SX.sym(f"{node.name}.pressure_difference")
    rise = network.node_by_name[held.node].elevation_m - node.elevation_m
    weight = network.fluid.density_kg_per_m3 * GRAVITY_m_per_s2 * rise
    temperature = ca.SX.sym(f"{node.name}.temperature")
    return Port(node.name, pressure, temperature, pressure + held.pressure_Pa + weight)


def _holdings(network: Network, components: tuple[Any, ...]) -> dict[str, PressureHolding]:
    graph = nx.Graph()
    graph.add_nodes_from(node.name for node in network.nodes)
    graph.add_edges_from(terminals(component) for component in components)
    found: dict[str, PressureHolding] = {}
    findings: list[Finding] = []
    for island in nx.connected_components(graph):
        holdings = [holding for holding in network.holdings if holding.node in island]
        if len(holdings) != 1:
            some = sorted(island)[0]
            findings.append(
                Finding(
                    f"the island of {some} has {len(holdings)} pressure holdings",
                    "give each hydraulic island exactly one",
                    component=some,
                )
            )
            continue
        found.update(dict.fromkeys(island, holdings[0]))
    if findings:
        raise InputError(*findings)
    return found


def _of_extras(signals_of: Any, extras: tuple[Any, ...]) -> tuple[Signal, ...]:
    return tuple(signal for extra in extras for signal in signals_of(extra))


def _column(parts: Iterable[ca.SX]) -> ca.SX:
    # vertcat of nothing is 0x0; functions want a column
    joined = ca.vertcat(*parts)
    return joined if joined.numel() else ca.SX(0, 1)


def _sum(terms: Iterable[ca.SX]) -> ca.SX:
    return sum(terms, ca.SX(0.0))
