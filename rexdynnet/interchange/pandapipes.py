"""Read a heat network of pandapipes into a `Network`.

Nothing here imports pandapipes: a net is a set of tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan, pi, sqrt
from typing import Any

import networkx as nx

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    FixedCooling,
    FixedReturn,
    Fluid,
    Ground,
    HeatingCurve,
    Line,
    Node,
    Pipe,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Provenance,
    ReturnLaw,
    Substation,
    SubstationControl,
    Valve,
)

ATMOSPHERE_Pa = 101325.0
PANDAPIPES_AMBIENT_K = 293.15
VALVE_RESERVE = 30.0
_UNSUPPORTED = (
    "circ_pump_mass",
    "compressor",
    "ext_grid",
    "flow_control",
    "heat_exchanger",
    "mass_storage",
    "press_control",
    "pump",
    "sink",
    "source",
)


def junction_nodes(net: Any) -> dict[int, str]:
    """Name the node that stands for each junction of a pandapipes net.

    Junctions that a pipe of no length or an open valve without resistance joins
    become one node, named after the smallest index among them.

    Parameters
    ----------
    net : pandapipesNet

    Returns
    -------
    dict of int to str
        Junction index to node name; only junctions in service. The name is the
        junction's own where all have one and no two the same, else `junction_<index>`.
    """
    own = _names(net, "junction", "junction")
    joined: nx.Graph[int] = nx.Graph()
    joined.add_nodes_from(int(i) for i, row in net.junction.iterrows() if row.in_service)
    for pipe in _rows(net, "pipe"):
        if pipe.length_km <= 0:
            joined.add_edge(int(pipe.from_junction), int(pipe.to_junction))
    for valve in _rows(net, "valve"):
        if valve.et == "ju" and valve.opened and valve.loss_coefficient <= 0:
            joined.add_edge(int(valve.junction), int(valve.element))
    groups: list[set[int]] = list(nx.connected_components(joined))
    return {member: own[min(group)] for group in groups for member in group}


def from_pandapipes(net: Any, name: str = "") -> Network:
    """Read a heat network of pandapipes.

    Parameters
    ----------
    net : pandapipesNet
        One `circ_pump_pressure`, `heat_consumer`s, pipes and valves between junctions.
    name : str
        Empty: the name of `net`.

    Returns
    -------
    Network
        Nodes as `junction_nodes` names them. Components keep their names where all of
        a table have one and no two the same; else they are `pipe_<index>`,
        `consumer_<index>`, `valve_<index>`, `plant_<index>`.

    Raises
    ------
    InputError
        The net holds what a `Network` cannot say; each such thing is a finding.

    Notes
    -----
    A consumer with prescribed heat and mass flow becomes one with prescribed flow and
    the cooling that both give. pandapipes lets any flow through a consumer; the valve
    gets `VALVE_RESERVE` times the consumer's flow at 1 bar. Density and specific heat
    are constants of the fluid or taken at 333.15 K. A pipe's loss is
    u·π·(outer diameter) per metre, as pandapipes counts it. The pump knows no limits
    there: the plant gets ten times the consumers' heat and twice the pump's lift.

    Examples
    --------
    >>> from rexdynnet.interchange.pandapipes_export import to_pandapipes
    >>> from rexdynnet.network.read import read_network
    >>> network = read_network("models/networks/destest8")
    >>> back = from_pandapipes(to_pandapipes(network))
    >>> len(back.substations), back.pipes[0].name == network.pipes[0].name
    (8, True)
    """
    _check(net)
    node_of = junction_nodes(net)
    pump = next(_rows(net, "circ_pump_pressure"))
    fluid = _fluid(net.fluid)
    line_of = _lines(net, node_of, pump)
    pipes = tuple(_pipes(net, node_of, line_of))
    substations = tuple(_substations(net, node_of, fluid.specific_heat_J_per_kgK))
    heat = sum(substation.design_heat_W for substation in substations)
    lift = float(pump.plift_bar) * 1e5
    plant = Plant(
        _names(net, "circ_pump_pressure", "plant")[pump.Index],
        node_of[int(pump.flow_junction)],
        node_of[int(pump.return_junction)],
        PlantKind.BOILER,
        PlantControl.PRESSURE,
        capacity_W=10.0 * heat + 1e6,
        supply_temperature_K=float(pump.t_flow_k),
        differential_pressure_Pa=lift,
        maximum_differential_pressure_Pa=2.0 * lift,
    )
    holding = PressureHolding(plant.supply_node, float(pump.p_flow_bar) * 1e5 + ATMOSPHERE_Pa)
    return Network(
        name or str(net.name or "pandapipes"),
        tuple(_nodes(net, node_of, line_of)),
        pipes,
        substations,
        (plant,),
        (holding,),
        valves=tuple(_valves(net, node_of, fluid.density_kg_per_m3)),
        fluid=fluid,
        ground=Ground(_ambient(net)),
        heating_curve=HeatingCurve(
            tuple((outdoor, plant.supply_temperature_K) for outdoor in (258.15, 288.15))
        ),
        provenance=Provenance(title=name, source="imported from pandapipes"),
    )


def _names(net: Any, table: str, otherwise: str) -> dict[int, str]:
    """Names by index: the net's own where they tell all rows apart."""
    rows = list(net[table].itertuples()) if table in net else []
    own = [row.name for row in rows]
    sound = all(isinstance(name, str) and name.strip() for name in own)
    if sound and len(set(own)) == len(own):
        return {int(row.Index): row.name for row in rows}
    return {int(row.Index): f"{otherwise}_{row.Index}" for row in rows}


def _rows(net: Any, table: str) -> Iterator[Any]:
    """Rows of a table that are in service."""
    if table not in net:
        return
    for row in net[table].itertuples():
        if getattr(row, "in_service", True):
            yield row


def _long_pipes(net: Any) -> Iterator[Any]:
    """Pipes in service that have a length; the others only join junctions."""
    return (pipe for pipe in _rows(net, "pipe") if pipe.length_km > 0)


def _check(net: Any) -> None:
    findings = [
        Finding(
            f"{table} is not supported",
            "replace it by circ_pump_pressure, heat_consumer, pipe and valve elements",
            component=f"{table} {row.Index}",
        )
        for table in _UNSUPPORTED
        for row in _rows(net, table)
    ]
    pumps = list(_rows(net, "circ_pump_pressure"))
    if len(pumps) != 1:
        findings.append(
            Finding(
                f"{len(pumps)} pressure-controlled circulation pumps are in service",
                "keep exactly one: each fixes the absolute pressure",
            )
        )
    findings += [
        Finding(
            f"valve of kind {valve.et!r} is not supported",
            "join two junctions with it (et='ju')",
            component=f"valve {valve.Index}",
        )
        for valve in _rows(net, "valve")
        if valve.et != "ju"
    ]
    findings += [
        Finding(
            "a pipe with external heat is not supported",
            "set qext_w to 0 or use a heat consumer",
            component=f"pipe {pipe.Index}",
        )
        for pipe in _rows(net, "pipe")
        if getattr(pipe, "qext_w", 0) != 0
    ]
    ambient = {_surrounding(net, pipe) for pipe in _long_pipes(net)}
    if len(ambient) > 1:
        findings.append(
            Finding(
                f"pipes lie in {len(ambient)} different ambient temperatures",
                "set one text_k for all pipes; a network has one ground temperature",
            )
        )
    if findings:
        raise InputError(*findings)


def _surrounding(net: Any, pipe: Any) -> float:
    options: Mapping[str, Any] = net.get("user_pf_options", {})
    own = float(pipe.text_k)
    return float(options.get("ambient_temperature", PANDAPIPES_AMBIENT_K)) if isnan(own) else own


def _ambient(net: Any) -> float:
    return next((_surrounding(net, pipe) for pipe in _long_pipes(net)), PANDAPIPES_AMBIENT_K)


def _fluid(fluid: Any) -> Fluid:
    at = Fluid().reference_temperature_K
    constant = type(fluid.all_properties["viscosity"]).__name__.endswith("Constant")
    return Fluid(
        density_kg_per_m3=float(fluid.get_density(at)),
        specific_heat_J_per_kgK=float(fluid.get_heat_capacity(at)),
        viscosity_Pa_s=float(fluid.get_viscosity(at)) if constant else None,
        reference_temperature_K=at,
    )


def _lines(net: Any, node_of: Mapping[int, str], pump: Any) -> dict[str, Line]:
    """Which line a node is on: what the pump's outlet reaches without passing a consumer."""
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(node_of.values())
    for pipe in _rows(net, "pipe"):
        graph.add_edge(node_of[int(pipe.from_junction)], node_of[int(pipe.to_junction)])
    for valve in _rows(net, "valve"):
        if valve.opened:
            graph.add_edge(node_of[int(valve.junction)], node_of[int(valve.element)])
    supply: set[str] = nx.node_connected_component(graph, node_of[int(pump.flow_junction)])
    back: set[str] = nx.node_connected_component(graph, node_of[int(pump.return_junction)])
    if supply & back:
        raise InputError(
            Finding(
                "pipes or valves join the supply and the return line",
                "let only the pump and the heat consumers join the two lines",
                component=min(supply & back),
            )
        )
    lost = sorted(set(node_of.values()) - supply - back)
    if lost:
        raise InputError(
            *(
                Finding(
                    "the pump does not reach it",
                    "connect it or take it out of service",
                    component=node,
                )
                for node in lost
            )
        )
    return {node: Line.SUPPLY if node in supply else Line.RETURN for node in node_of.values()}


def _nodes(net: Any, node_of: Mapping[int, str], line_of: Mapping[str, Line]) -> Iterator[Node]:
    seen: set[str] = set()
    has_place = "junction_geodata" in net
    for junction in _rows(net, "junction"):
        name = node_of[junction.Index]
        if name in seen:
            continue
        seen.add(name)
        x, y = 0.0, 0.0
        if has_place and junction.Index in net.junction_geodata.index:
            point = net.junction_geodata.loc[junction.Index]
            x, y = float(point.x), float(point.y)
        place = name.removesuffix(f"_{line_of[name].value}")
        yield Node(name, line_of[name], x, y, float(junction.height_m), place=place)


def _pipes(net: Any, node_of: Mapping[int, str], line_of: Mapping[str, Line]) -> Iterator[Pipe]:
    names = _names(net, "pipe", "pipe")
    for pipe in _long_pipes(net):
        inner = float(pipe.inner_diameter_mm) / 1000
        outer = float(getattr(pipe, "outer_diameter_mm", float("nan"))) / 1000
        tail = node_of[int(pipe.from_junction)]
        yield Pipe(
            names[pipe.Index],
            line_of[tail],
            tail,
            node_of[int(pipe.to_junction)],
            float(pipe.length_km) * 1000,
            inner,
            float(pipe.u_w_per_m2k) * pi * (inner if isnan(outer) else outer),
            roughness_m=float(pipe.k_mm) / 1000,
            minor_loss=float(pipe.loss_coefficient),
            trench=names[pipe.Index],
        )


def _substations(
    net: Any, node_of: Mapping[int, str], specific_heat: float
) -> Iterator[Substation]:
    names = _names(net, "heat_consumer", "consumer")
    for consumer in _rows(net, "heat_consumer"):
        heat, flow = float(consumer.qext_w), float(consumer.controlled_mdot_kg_per_s)
        cooling, back = float(consumer.deltat_k), float(consumer.treturn_k)
        law: ReturnLaw = FixedReturn(back)
        by_flow = not isnan(flow)
        if not isnan(cooling):
            law = FixedCooling(cooling)
        elif by_flow and not isnan(heat):
            law = FixedCooling(heat / (flow * specific_heat) if flow > 0 else 0.0)
        difference = law.difference_K if isinstance(law, FixedCooling) else 30.0
        design_flow = flow if by_flow else heat / (specific_heat * max(difference, 1.0))
        design_heat = heat if not isnan(heat) else flow * specific_heat * difference
        yield Substation(
            names[consumer.Index],
            node_of[int(consumer.from_junction)],
            node_of[int(consumer.to_junction)],
            design_heat_W=max(design_heat, 0.0),
            valve_kv_kg_per_s=VALVE_RESERVE * max(design_flow, 1e-3),
            control=SubstationControl.FLOW if by_flow else SubstationControl.HEAT,
            return_law=law,
        )


def _valves(net: Any, node_of: Mapping[int, str], density: float) -> Iterator[Valve]:
    names = _names(net, "valve", "valve")
    for valve in _rows(net, "valve"):
        tail, head = node_of[int(valve.junction)], node_of[int(valve.element)]
        if not valve.opened or tail == head:
            continue
        area = pi * (float(valve.inner_diameter_mm) / 1000) ** 2 / 4
        at_1_bar = area * sqrt(2 * density * 1e5 / float(valve.loss_coefficient))
        yield Valve(names[valve.Index], tail, head, at_1_bar)
