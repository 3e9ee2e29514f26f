"""A summary of a network that a person can check against what they know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import pi

from rexdynnet.errors import Finding
from rexdynnet.network.checks import check_network
from rexdynnet.network.design import design_flow, design_supply_K, solve_design
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line, PlantControl
from rexdynnet.network.topology import islands, joined


def explain(network: Network, findings: tuple[Finding, ...] | None = None) -> str:
    """Summarise a network: what it consists of, its design state, and what is wrong.

    Parameters
    ----------
    network : Network
    findings : tuple of Finding or None
        None: `check_network` is asked.

    Returns
    -------
    str
        Several lines of text.

    Examples
    --------
    >>> from rexdynnet.network.read import read_network
    >>> print(explain(read_network("models/networks/one_pipe_bench")).splitlines()[0])
    one_pipe_bench: One-pipe bench
    """
    found = check_network(network) if findings is None else findings
    lines = [f"{network.name}: {network.provenance.title}".rstrip(": ")]
    lines += [f"  source: {network.provenance.source}"] if network.provenance.source else []
    lines += [f"  licence: {network.provenance.licence}"] if network.provenance.licence else []
    lines += ["", *_contents(network)]
    if found:
        lines += ["", f"{len(found)} finding{'s' if len(found) > 1 else ''}:"]
        lines += [f"  {finding}" for finding in found]
    else:
        lines += [
            "",
            *_design(network),
            *_remarks(network),
            "",
            "no findings",
        ]
    return "\n".join(lines)


def _contents(network: Network) -> Iterator[str]:
    places = {node.place or node.name for node in network.nodes}
    yield f"{len(places)} places, {len(network.nodes)} nodes"
    for line in Line:
        pipes = [pipe for pipe in network.pipes if pipe.line is line]
        length, volume = sum(p.length_m for p in pipes), sum(p.volume_m3 for p in pipes)
        yield (
            f"{len(pipes)} {line.value} pipes: {length:.0f} m, {volume:.3g} m3 of water, "
            f"loss {sum(p.loss_W_per_mK * p.length_m for p in pipes):.3g} W/K"
        )
    load = sum(item.design_heat_W for item in network.substations)
    controls = Counter(item.control.name.lower() for item in network.substations)
    kinds = ", ".join(f"{count} {kind}" for kind, count in controls.items())
    yield f"{len(network.substations)} substations ({kinds}): {load / 1e3:.4g} kW connected"
    for plant in network.plants:
        role = "balances" if plant.control is PlantControl.PRESSURE else "feeds in"
        yield (
            f"plant {plant.name}: {plant.kind.value}, {plant.capacity_W / 1e3:.4g} kW, {role} "
            f"at {plant.supply_node}"
        )
    others = (
        (network.tanks, "tank"),
        (network.dumps, "dump"),
        (network.pumps, "pump"),
        (network.valves, "valve"),
        (network.bypasses, "bypass"),
    )
    for items, kind in others:
        if items:
            yield f"{kind}: " + ", ".join(item.name for item in items)
    for outage in network.outages:
        yield f"outage of {outage.component}: {outage.start:%Y-%m-%d %H:%M} to " + (
            f"{outage.end:%Y-%m-%d %H:%M} UTC"
        )
    for limit in network.limits:
        yield (
            f"limit of {limit.component}: {limit.lower:g} <= {limit.quantity.value} <= "
            f"{limit.upper:g} from {limit.start:%Y-%m-%d} to {limit.end:%Y-%m-%d}"
        )


def _design(network: Network) -> Iterator[str]:
    groups = islands(network)
    edges = (*network.pipes, *network.pumps, *network.valves)
    pieces = joined(
        (node.name for node in network.nodes), ((edge.from_node, edge.to_node) for edge in edges)
    )
    cycles = len(edges) - len(network.nodes) + len(pieces)
    yield f"{len(groups)} hydraulic island{'s' if len(groups) > 1 else ''}, " + (
        f"{cycles} cycles within the lines"
    )
    for island in groups:
        state = solve_design(network, island)
        if state is None:
            continue
        for plant in network.plants:
            if plant.supply_node in island:
                yield (
                    f"design state: plant {plant.name} raises "
                    f"{state.head_Pa[plant.name] / 1e5:.3g} bar at "
                    f"{state.flow_kg_per_s[plant.name]:.3g} kg/s (pump: "
                    f"{plant.maximum_differential_pressure_Pa / 1e5:.3g} bar)"
                )
        yield f"worst substation: {state.worst_substation}"
        pressures = state.pressure_Pa.values()
        yield f"absolute pressure {min(pressures) / 1e5:.3g} to {max(pressures) / 1e5:.3g} bar"
        fastest = max(
            (
                abs(state.flow_kg_per_s[pipe.name])
                / (network.fluid.density_kg_per_m3 * pi / 4 * pipe.inner_diameter_m**2),
                pipe.name,
            )
            for pipe in network.pipes
            if pipe.from_node in island
        )
        yield f"fastest water: {fastest[0]:.2g} m/s in {fastest[1]}"


def _remarks(network: Network) -> Iterator[str]:
    load = sum(item.design_heat_W for item in network.substations)
    lost = sum(pipe.loss_W_per_mK * pipe.length_m for pipe in network.pipes) * (
        design_supply_K(network) - network.ground.temperature_K
    )
    capacity = sum(plant.capacity_W for plant in network.plants)
    if capacity < load + lost:
        yield (
            f"remark: the plants give {capacity / 1e3:.4g} kW, connected are {load / 1e3:.4g} kW "
            f"and up to {lost / 1e3:.3g} kW of losses; fine only if not all draw at once"
        )
    for item in network.substations:
        promised = item.minimum_differential_pressure_Pa
        flow = item.valve_kv_kg_per_s * (promised / 1e5) ** 0.5
        if flow < design_flow(network, item):
            yield (
                f"remark: the valve of {item.name} passes {flow:.3g} kg/s at the promised "
                f"{promised / 1e5:.3g} bar, it needs {design_flow(network, item):.3g} kg/s"
            )
