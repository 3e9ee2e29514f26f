"""From a network to the arrays of its layout: numbering, spanning tree, elimination order."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import ArrayLike

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network, ends
from rexdynnet.network.inputs import controls, disturbances, parameters
from rexdynnet.network.spec import (
    Exchanger,
    FixedCooling,
    FixedReturn,
    Node,
    Pipe,
    PlantControl,
    PlantKind,
    Substation,
    SubstationControl,
)
from rexdynnet.physics.substation import ReturnKind
from rexdynnet.signals import Signal
from rexdynnet.simulation.elimination import Elimination, analyse
from rexdynnet.simulation.layout import (
    BYPASS,
    CONTROL_FLOW,
    CONTROL_HEAT,
    CONTROL_VALVE,
    DUMP,
    EDGE,
    ISLAND,
    KIND_FUEL,
    KIND_HEAT_PUMP,
    KIND_SOLAR,
    KIND_WASTE_HEAT,
    NODE,
    PIPE,
    PLANT,
    PUMP,
    SUBSTATION,
    TANK,
    VALVE,
    CellRule,
    Graph,
    Ints,
    Layout,
    Others,
    Records,
    Water,
)
from rexdynnet.simulation.numbering import along_supply

GRAVITY_m_per_s2 = 9.80665
_CONTROL = {
    SubstationControl.HEAT: CONTROL_HEAT,
    SubstationControl.FLOW: CONTROL_FLOW,
    SubstationControl.VALVE: CONTROL_VALVE,
}
_KIND = {
    PlantKind.BOILER: KIND_FUEL,
    PlantKind.CHP: KIND_FUEL,
    PlantKind.HEAT_PUMP: KIND_HEAT_PUMP,
    PlantKind.WASTE_HEAT: KIND_WASTE_HEAT,
    PlantKind.SOLAR: KIND_SOLAR,
}


def build_layout(network: Network, rule: CellRule, *, nikuradse: bool = False) -> Layout:
    """Turn a checked network into arrays.

    Parameters
    ----------
    network : Network
    rule : CellRule
        Resolution of the pipe walls.
    nikuradse : bool
        Use `FrictionLaw.NIKURADSE`.

    Returns
    -------
    Layout

    Raises
    ------
    InputError
        If an island has no pressure holding, or a twin-coupled pipe has no wall.
    """
    fluid = network.fluid
    u_at = _places(controls(network))
    d_at = _places(disturbances(network))
    p_at = _places(parameters(network))
    numbered = along_supply(network)
    graph, elimination = _graph(network, numbered)
    pipes = _pipes(numbered, rule, p_at)
    water = Water(
        fluid.density_kg_per_m3,
        fluid.specific_heat_J_per_kgK,
        fluid.viscosity_Pa_s or 0.0,
        fluid.conductivity_W_per_mK or 0.0,
        nikuradse,
    )
    return Layout(
        water,
        graph,
        elimination,
        pipes,
        np.flatnonzero(pipes["wall_start"] >= 0),
        _substations(network, u_at, d_at, p_at),
        _plants(network, u_at, d_at),
        _others(network, u_at, d_at),
    )


def _places(signals: tuple[Signal, ...]) -> dict[str, int]:
    return {signal.name: place for place, signal in enumerate(signals)}


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)


def _fill(dtype: np.dtype[np.void], size: int, **columns: ArrayLike) -> Records:
    records = np.zeros(size, dtype)
    for name, values in columns.items():
        records[name] = values
    missing = set(dtype.names or ()) - set(columns)
    if missing:
        raise ValueError(f"columns {sorted(missing)} of a record are not filled")
    return records


def _graph(original: Network, network: Network) -> tuple[Graph, Elimination]:
    """Graph of the numbered `network` with the places of the original one."""
    index = {node.name: place for place, node in enumerate(network.nodes)}
    pairs = [ends(component) for component in network.components()]
    tail = _ints([index[a] for a, _ in pairs])
    head = _ints([index[b] for _, b in pairs])
    roots = [index[holding.node] for holding in network.holdings]
    order, edge, island = _spanning_tree(network, tail, head, roots)
    unknown = np.full(len(network.nodes), -1, dtype=np.int64)
    free = [node for node in range(len(network.nodes)) if node not in set(roots)]
    unknown[free] = np.arange(len(free))
    elimination, slot = analyse(
        len(free), zip(unknown[tail].tolist(), unknown[head].tolist(), strict=True)
    )
    density = network.fluid.density_kg_per_m3
    counts = [
        len(kind)
        for kind in (
            network.pipes,
            network.substations,
            network.plants,
            network.tanks,
            network.dumps,
            network.pumps,
            network.valves,
        )
    ]
    firsts = [sum(counts[: k + 1]) for k in range(len(counts))]
    in_tree = {int(e) for e in edge if e >= 0}
    loops = sum(1 for e in range(len(pairs)) if e not in in_tree and _is_free(network, firsts, e))
    graph = Graph(
        _fill(
            NODE,
            len(network.nodes),
            mass=[node.volume_m3 * density for node in network.nodes],
            potential_Pa=[node.elevation_m * density * GRAVITY_m_per_s2 for node in network.nodes],
            island=island,
            unknown=unknown,
            tree_edge=edge,
        ),
        _fill(EDGE, len(pairs), tail=tail, head=head, slot=slot, most_Pa=_heads(network)),
        _fill(
            ISLAND,
            len(roots),
            root=roots,
            pressure_Pa=[holding.pressure_Pa for holding in network.holdings],
            makeup_K=[holding.makeup_temperature_K for holding in network.holdings],
        ),
        order,
        *_incidence(len(network.nodes), tail, head),
        node_column=_columns(original.nodes, network.nodes),
        pipe_column=_columns(original.pipes, network.pipes),
        first_substation=firsts[0],
        first_plant=firsts[1],
        first_tank=firsts[2],
        first_dump=firsts[3],
        first_pump=firsts[4],
        first_valve=firsts[5],
        first_bypass=firsts[6],
        loops=loops,
    )
    return graph, elimination


def _heads(network: Network) -> list[float]:
    """Head of the pump of each component's edge; a tank is emptied by the strongest plant's."""
    heads = {plant.name: plant.maximum_differential_pressure_Pa for plant in network.plants}
    for tank in network.tanks:
        heads[tank.name] = max(heads[plant.name] for plant in network.plants)
    return [heads.get(component.name, 0.0) for component in network.components()]


def _columns(
    original: tuple[Node, ...] | tuple[Pipe, ...], numbered: tuple[Node, ...] | tuple[Pipe, ...]
) -> Ints:
    place = {component.name: i for i, component in enumerate(original)}
    return _ints([place[component.name] for component in numbered])


def _incidence(nodes: int, tail: Ints, head: Ints) -> tuple[Ints, Ints]:
    """Edges at each node, those with a tail there first counted, as compressed rows."""
    at = np.concatenate([tail, head])
    edge = np.concatenate([np.arange(len(tail)), np.arange(len(head))])
    start = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(at, minlength=nodes), out=start[1:])
    return start, edge[np.argsort(at, kind="stable")].astype(np.int64)


def _is_free(network: Network, firsts: list[int], edge: int) -> bool:
    """Whether pressure decides this edge's flow (a chord of this kind closes a loop)."""
    first_substation, first_plant, first_tank = firsts[0], firsts[1], firsts[2]
    first_pump = firsts[4]
    if first_substation <= edge < first_plant:
        substation = network.substations[edge - first_substation]
        return substation.control is SubstationControl.VALVE
    if first_plant <= edge < first_tank:
        return network.plants[edge - first_plant].control is PlantControl.PRESSURE
    return edge < first_substation or edge >= first_pump


def _spanning_tree(
    network: Network, tail: Ints, head: Ints, roots: list[int]
) -> tuple[Ints, Ints, Ints]:
    """Breadth first from the pressure holdings, pipes before balancing plants before the rest."""
    size = len(network.nodes)
    components = list(network.components())
    incident: list[list[int]] = [[] for _ in range(size)]
    for edge in sorted(range(len(components)), key=lambda e: _rank(components[e])):
        incident[tail[edge]].append(edge)
        incident[head[edge]].append(edge)
    by = np.full(size, -1, dtype=np.int64)
    island = np.full(size, -1, dtype=np.int64)
    order: list[int] = []
    for number, root in enumerate(roots):
        if island[root] >= 0:
            raise InputError(
                Finding(
                    f"pressure holding at {network.nodes[root].name} is the second of its island",
                    "keep one [[pressure_holding]] per island",
                    component=network.nodes[root].name,
                )
            )
        island[root] = number
        order.append(root)
        for rank in range(3):
            frontier = deque(node for node in order if island[node] == number)
            while frontier:
                node = frontier.popleft()
                for edge in incident[node]:
                    other = head[edge] if tail[edge] == node else tail[edge]
                    if island[other] < 0 and _rank(components[edge]) <= rank:
                        island[other] = number
                        by[other] = edge
                        order.append(int(other))
                        frontier.append(int(other))
    lost = [network.nodes[node].name for node in range(size) if island[node] < 0]
    if lost:
        raise InputError(
            Finding(
                f"no pressure holding reaches {', '.join(lost[:5])}",
                "add a [[pressure_holding]] to the island, or connect it",
                component=lost[0],
            )
        )
    return _ints(order), by, island


def _rank(component: object) -> int:
    if isinstance(component, Pipe):
        return 0
    if getattr(component, "control", None) is PlantControl.PRESSURE:
        return 1
    return 2


def _pipes(network: Network, rule: CellRule, p_at: dict[str, int]) -> Records:
    pipes = network.pipes
    index = {pipe.name: place for place, pipe in enumerate(pipes)}
    cells = [
        int(np.clip(np.ceil(pipe.length_m / rule.length_m), rule.fewest, rule.most))
        for pipe in pipes
    ]
    water_start: list[int] = []
    wall_start: list[int] = []
    parcel_row: list[int] = []
    water = wall = row = 0
    for pipe, n in zip(pipes, cells, strict=True):
        walled = pipe.wall is not None
        if not walled and pipe.coupling_W_per_mK > 0:
            raise InputError(
                Finding(
                    "a twin-coupled pipe has no wall",
                    "give wall_thickness_m, or drop the coupling",
                    component=pipe.name,
                )
            )
        water_start.append(water if walled else -1)
        wall_start.append(wall if walled else -1)
        parcel_row.append(-1 if walled else row)
        water += n + 1 if walled else 0
        wall += n if walled else 0
        row += 0 if walled else 1
    density, specific_heat = network.fluid.density_kg_per_m3, network.fluid.specific_heat_J_per_kgK
    walls = [pipe.wall for pipe in pipes]
    return _fill(
        PIPE,
        len(pipes),
        length=[pipe.length_m for pipe in pipes],
        diameter=[pipe.inner_diameter_m for pipe in pipes],
        roughness=[pipe.roughness_m for pipe in pipes],
        minor_loss=[pipe.minor_loss for pipe in pipes],
        loss=[pipe.loss_W_per_mK for pipe in pipes],
        coupling=[pipe.coupling_W_per_mK for pipe in pipes],
        partner=[index[pipe.partner] if pipe.partner else -1 for pipe in pipes],
        water_mass=[pipe.volume_m3 * density for pipe in pipes],
        water_capacity=[pipe.area_m2 * density * specific_heat for pipe in pipes],
        wall_capacity=[pipe.wall_heat_capacity_J_per_mK for pipe in pipes],
        wall_thickness=[wall.thickness_m if wall else 0.0 for wall in walls],
        wall_conductivity=[wall.conductivity_W_per_mK if wall else 1.0 for wall in walls],
        cells=cells,
        water_start=water_start,
        wall_start=wall_start,
        parcel_row=parcel_row,
        loss_factor_at=[p_at[f"{pipe.name}.loss_factor"] for pipe in pipes],
        roughness_factor_at=[p_at[f"{pipe.name}.roughness_factor"] for pipe in pipes],
        leak_at=[p_at[f"{pipe.name}.leak"] for pipe in pipes],
    )


def _law(substation: Substation) -> tuple[int, float, float, float]:
    law = substation.return_law
    if isinstance(law, FixedReturn):
        return int(ReturnKind.FIXED_RETURN), law.temperature_K, 333.15, 308.15
    if isinstance(law, FixedCooling):
        return int(ReturnKind.FIXED_COOLING), law.difference_K, 333.15, 308.15
    if not isinstance(law, Exchanger):
        raise InputError(
            Finding(
                f"return law {type(law).__name__} is unknown to the plug-flow plant",
                "use FixedReturn, FixedCooling or Exchanger",
                component=substation.name,
            )
        )
    return (
        int(ReturnKind.EXCHANGER),
        law.ua_W_per_K,
        law.secondary_supply_K,
        law.secondary_return_K,
    )


def _substations(
    network: Network, u_at: dict[str, int], d_at: dict[str, int], p_at: dict[str, int]
) -> Records:
    them = network.substations
    laws = [_law(substation) for substation in them]
    rooms = [substation.building for substation in them]
    return _fill(
        SUBSTATION,
        len(them),
        control=[_CONTROL[substation.control] for substation in them],
        return_kind=[law[0] for law in laws],
        setting=[law[1] for law in laws],
        secondary_supply=[law[2] for law in laws],
        secondary_return=[law[3] for law in laws],
        kv=[substation.valve_kv_kg_per_s for substation in them],
        minimum_dp=[substation.minimum_differential_pressure_Pa for substation in them],
        design_heat=[substation.design_heat_W for substation in them],
        has_building=[int(room is not None) for room in rooms],
        room_capacity=[room.capacity_J_per_K if room else 1.0 for room in rooms],
        room_loss=[room.loss_W_per_K if room else 0.0 for room in rooms],
        room_setpoint=[room.setpoint_K if room else 293.15 for room in rooms],
        room_band=[room.band_K if room else 1.0 for room in rooms],
        room_solar_area=[room.solar_area_m2 if room else 0.0 for room in rooms],
        heat_at=[d_at.get(f"{substation.name}.heat_demand", -1) for substation in them],
        flow_at=[d_at.get(f"{substation.name}.mass_flow_demand", -1) for substation in them],
        opening_at=[u_at.get(f"{substation.name}.opening", -1) for substation in them],
        fouling_at=[p_at.get(f"{substation.name}.fouling", -1) for substation in them],
    )


def _plants(network: Network, u_at: dict[str, int], d_at: dict[str, int]) -> Records:
    them = network.plants
    holds = [plant.control is PlantControl.PRESSURE for plant in them]
    setpoints = ["differential_pressure" if hold else "heat" for hold in holds]
    return _fill(
        PLANT,
        len(them),
        holds_pressure=[int(hold) for hold in holds],
        kind=[_KIND[plant.kind] for plant in them],
        capacity=[plant.capacity_W for plant in them],
        efficiency=[plant.efficiency for plant in them],
        source=[plant.source_temperature_K or 0.0 for plant in them],
        collector_area=[plant.collector_area_m2 for plant in them],
        collector_optical=[plant.optical_efficiency for plant in them],
        collector_loss=[plant.collector_loss_W_per_m2K for plant in them],
        worst_point=[int(plant.worst_point) for plant in them],
        maximum_dp=[plant.maximum_differential_pressure_Pa for plant in them],
        pump_efficiency=[plant.pump_efficiency for plant in them],
        temperature_at=[u_at[f"{plant.name}.supply_temperature"] for plant in them],
        setpoint_at=[
            u_at[f"{plant.name}.{setpoint}"]
            for plant, setpoint in zip(them, setpoints, strict=True)
        ],
        available_at=[d_at.get(f"{plant.name}.available_heat", -1) for plant in them],
        availability_at=[d_at[f"{plant.name}.availability"] for plant in them],
    )


def _tanks(network: Network, u_at: dict[str, int], d_at: dict[str, int]) -> Records:
    density, tanks = network.fluid.density_kg_per_m3, network.tanks
    layers = np.array([tank.layers for tank in tanks], dtype=np.int64)
    end_area = np.array([tank.volume_m3 / tank.height_m for tank in tanks])
    layer_height = np.array([tank.height_m for tank in tanks]) / layers
    return _fill(
        TANK,
        len(tanks),
        layers=layers,
        start=np.cumsum(layers) - layers,
        layer_mass=np.array([tank.volume_m3 * density for tank in tanks]) / layers,
        layer_area=np.sqrt(4 * np.pi * end_area) * layer_height,
        end_area=end_area,
        layer_height=layer_height,
        loss=[tank.loss_W_per_m2K for tank in tanks],
        maximum_flow=[tank.maximum_flow_kg_per_s for tank in tanks],
        flow_at=[u_at[f"{tank.name}.mass_flow"] for tank in tanks],
        availability_at=[d_at[f"{tank.name}.availability"] for tank in tanks],
    )


def _others(network: Network, u_at: dict[str, int], d_at: dict[str, int]) -> Others:
    dumps, pumps, valves, bypasses = (
        network.dumps,
        network.pumps,
        network.valves,
        network.bypasses,
    )
    return Others(
        _tanks(network, u_at, d_at),
        _fill(
            DUMP,
            len(dumps),
            return_K=[dump.return_temperature_K for dump in dumps],
            capacity=[dump.capacity_W for dump in dumps],
            heat_at=[u_at[f"{dump.name}.heat"] for dump in dumps],
            availability_at=[d_at[f"{dump.name}.availability"] for dump in dumps],
        ),
        _fill(
            PUMP,
            len(pumps),
            shut_off=[pump.curve.shut_off_Pa for pump in pumps],
            curvature=[pump.curve.curvature_Pa_per_kg2s2 for pump in pumps],
            speed_at=[u_at[f"{pump.name}.speed"] for pump in pumps],
            availability_at=[d_at[f"{pump.name}.availability"] for pump in pumps],
        ),
        _fill(
            VALVE,
            len(valves),
            kv=[valve.kv_kg_per_s for valve in valves],
            check=[int(valve.check) for valve in valves],
            opening_at=[u_at.get(f"{valve.name}.opening", -1) for valve in valves],
            availability_at=[d_at[f"{valve.name}.availability"] for valve in valves],
        ),
        _fill(
            BYPASS,
            len(bypasses),
            kv=[bypass.kv_kg_per_s for bypass in bypasses],
            setpoint=[bypass.setpoint_K for bypass in bypasses],
            band=[bypass.band_K for bypass in bypasses],
        ),
        d_at["outdoor.temperature"],
        d_at["outdoor.global_radiation"],
        d_at["ground.temperature"],
    )
