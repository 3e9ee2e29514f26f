"""Equivalent pipes and substations: one that stands for several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf, pi, sqrt
from typing import NamedTuple

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.branches import Path
from rexdynnet.network.design import (
    design_flow,
    design_return_K,
    design_supply_K,
)
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Building,
    Exchanger,
    FixedCooling,
    FixedReturn,
    Fluid,
    Line,
    Pipe,
    PipeWall,
    ReturnLaw,
    Substation,
)

_FASTEST_m_per_s = 3.0
_SHORTEST_m = 0.1
_LARGEST_MINOR_LOSS = 1e4


class Section(NamedTuple):
    """What one line of an equivalent trench must reproduce.

    Parameters
    ----------
    path : Path
        What the water meets between the ends.
    flow_kg_per_s : float
        Design flow.
    temperature_K : float
        Of the water in the design state, for its viscosity.
    roughness_m : float
    material : PipeWall or None
        Of the wall.
    maximum_flow_kg_per_s : float
    """

    path: Path
    flow_kg_per_s: float
    temperature_K: float
    roughness_m: float
    material: PipeWall | None = None
    maximum_flow_kg_per_s: float = inf


def section_length_m(fluid: Fluid, lines: Sequence[Section]) -> float:
    """Find the length of a trench whose pipes hold the water of given paths.

    Parameters
    ----------
    fluid : Fluid
    lines : sequence of Section
        One per line.

    Returns
    -------
    float
        m: that of the paths, or less where the friction of so long (and therefore so
        thin) a pipe would exceed the path's drop.
    """
    length = min(section.path.length_m for section in lines)
    for section in lines:
        length = min(length, _FASTEST_m_per_s * section.path.delay_s)
        low, high = _SHORTEST_m, max(length, _SHORTEST_m)
        if _friction_Pa(fluid, high, section) <= section.path.drop_Pa:
            continue
        for _ in range(60):
            middle = sqrt(low * high)
            if _friction_Pa(fluid, middle, section) > section.path.drop_Pa:
                high = middle
            else:
                low = middle
        length = low
    return max(length, _SHORTEST_m)


def _diameter_m(fluid: Fluid, length_m: float, section: Section) -> float:
    volume = section.path.delay_s * section.flow_kg_per_s / fluid.density_kg_per_m3
    return min(max(sqrt(4.0 * volume / (pi * length_m)), 0.004), 3.0)


def _friction_Pa(fluid: Fluid, length_m: float, section: Section) -> float:
    # numba, which the laws register with, takes a second to import
    from rexdynnet.physics.friction import pressure_loss
    from rexdynnet.physics.water import viscosity

    return float(
        pressure_loss(
            section.flow_kg_per_s,
            length_m,
            _diameter_m(fluid, length_m, section),
            section.roughness_m,
            0.0,
            fluid.density_kg_per_m3,
            fluid.viscosity_Pa_s or float(viscosity(section.temperature_K)),
        )
    )


def equivalent_pipe(
    fluid: Fluid, trench: str, line: Line, ends: tuple[str, str], length_m: float, section: Section
) -> Pipe:
    """Make the pipe in which the design flow meets what it met on a path.

    Parameters
    ----------
    fluid : Fluid
    trench : str
    line : Line
    ends : (str, str)
        Nodes in the direction of flow.
    length_m : float
        Of `section_length_m`.
    section : Section

    Returns
    -------
    Pipe
        Its wall holds the heat of the path's walls; a minor loss makes up what
        friction lacks of the path's drop.
    """
    path, flow = section.path, section.flow_kg_per_s
    per_metre = fluid.specific_heat_J_per_kgK * flow / length_m
    diameter = _diameter_m(fluid, length_m, section)
    missing = path.drop_Pa - _friction_Pa(fluid, length_m, section)
    area = pi * diameter * diameter / 4.0
    minor = max(missing, 0.0) * 2.0 * fluid.density_kg_per_m3 * (area / flow) ** 2
    other = Line.RETURN if line is Line.SUPPLY else Line.SUPPLY
    wall = None
    if section.material is not None and path.wall_s > 0.0:
        metal = section.material
        heat_per_area = metal.density_kg_per_m3 * metal.specific_heat_J_per_kgK
        ring = path.wall_s * per_metre / (pi * heat_per_area)
        wall = replace(metal, thickness_m=(sqrt(diameter**2 + 4.0 * ring) - diameter) / 2.0)
    return Pipe(
        f"{trench}_{line.value}",
        line,
        *ends,
        length_m,
        diameter,
        path.loss * per_metre,
        wall=wall,
        roughness_m=section.roughness_m,
        minor_loss=min(minor, _LARGEST_MINOR_LOSS) if minor > 1e-6 else 0.0,
        coupling_W_per_mK=path.coupling * per_metre if wall is not None else 0.0,
        partner=f"{trench}_{other.value}",
        trench=trench,
        maximum_flow_kg_per_s=section.maximum_flow_kg_per_s,
    )


def equivalent_substation(
    network: Network,
    name: str,
    nodes: tuple[str, str],
    members: Sequence[Substation],
    worst: Substation,
    extra_drop_Pa: float,
) -> Substation:
    """Make the substation that draws what its members draw together.

    Parameters
    ----------
    network : Network
    name : str
    nodes : (str, str)
        Supply and return node.
    members : sequence of Substation
        Of one control and one kind of return law; with buildings all or none.
    worst : Substation
        The member whose differential pressure counts.
    extra_drop_Pa : float
        Design loss between the equivalent's nodes and the worst member; the
        equivalent's valve and its contract take it over.

    Returns
    -------
    Substation
        Its valve stands for the worst member's, scaled to the flow of all.
    """
    flow = sum(design_flow(network, member) for member in members)
    of_worst = design_flow(network, worst)
    open_Pa = 1e5 * (of_worst / worst.valve_kv_kg_per_s) ** 2 + extra_drop_Pa
    heaviest = max(members, key=lambda member: member.design_heat_W)
    return Substation(
        name,
        *nodes,
        design_heat_W=sum(member.design_heat_W for member in members),
        valve_kv_kg_per_s=flow * sqrt(1e5 / open_Pa),
        control=worst.control,
        return_law=_joint_law(network, members),
        minimum_differential_pressure_Pa=worst.minimum_differential_pressure_Pa + extra_drop_Pa,
        minimum_supply_temperature_K=max(m.minimum_supply_temperature_K for m in members),
        priority=heaviest.priority,
        building=_joint_building(members),
    )


def _joint_law(network: Network, members: Sequence[Substation]) -> ReturnLaw:
    flows = [design_flow(network, member) for member in members]
    total = sum(flows)

    def mean(values: Sequence[float], weights: Sequence[float]) -> float:
        return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)

    laws = [member.return_law for member in members]
    returns = [design_return_K(network, member) for member in members]
    exchangers = [law for law in laws if isinstance(law, Exchanger)]
    if len(exchangers) < len(laws):
        back = mean(returns, flows)
        if all(isinstance(law, FixedCooling) for law in laws):
            return FixedCooling(design_supply_K(network) - back)
        return FixedReturn(back)
    rates = [
        member.design_heat_W / (law.secondary_supply_K - law.secondary_return_K)
        for member, law in zip(members, exchangers, strict=True)
    ]
    hot = mean([law.secondary_supply_K for law in exchangers], rates)
    cold = mean([law.secondary_return_K for law in exchangers], rates)
    heat = sum(member.design_heat_W for member in members)
    supply = design_supply_K(network)
    wanted = supply - heat / (network.fluid.specific_heat_J_per_kgK * total)
    ua = _solve_ua(
        lambda value: _exchanger_return(heat, supply, hot, cold, value),
        wanted,
        sum(law.ua_W_per_K for law in exchangers),
    )
    return Exchanger(ua, hot, cold)


def _exchanger_return(heat: float, supply: float, hot: float, cold: float, ua: float) -> float:
    from rexdynnet.physics.devices import exchanger_return

    return float(exchanger_return(heat, supply, hot, cold, ua))


def _solve_ua(back: Callable[[float], float], wanted_K: float, start: float) -> float:
    """Find the UA that returns the water at a wanted temperature; more UA returns it colder."""
    low, high = start / 4.0, start * 4.0
    if not back(low) >= wanted_K >= back(high):
        return start
    for _ in range(60):
        middle = sqrt(low * high)
        if back(middle) > wanted_K:
            low = middle
        else:
            high = middle
    return sqrt(low * high)


def _joint_building(members: Sequence[Substation]) -> Building | None:
    buildings = [member.building for member in members if member.building is not None]
    if not buildings:
        return None
    weights = [building.loss_W_per_K for building in buildings]
    total = sum(weights)
    if total <= 0.0:
        raise InputError(
            Finding(
                "buildings without losses cannot be joined",
                "give building_loss_W_per_K above 0",
                component=members[0].name,
            )
        )
    pairs = list(zip(buildings, weights, strict=True))
    return Building(
        sum(building.capacity_J_per_K for building in buildings),
        total,
        sum(building.setpoint_K * weight for building, weight in pairs) / total,
        sum(building.band_K * weight for building, weight in pairs) / total,
        sum(building.solar_area_m2 for building in buildings),
    )
