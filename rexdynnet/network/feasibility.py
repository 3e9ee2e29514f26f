"""Whether the design state of a network exists: flow, pressure, boiling and freezing."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from rexdynnet.errors import Finding, SolverError
from rexdynnet.network.design import (
    DesignState,
    design_flow,
    design_return_K,
    design_supply_K,
    required_differential_pressure_Pa,
    solve_design,
)
from rexdynnet.network.entries import Entry
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line
from rexdynnet.network.tables import Places
from rexdynnet.physics.saturation import saturation_pressure_Pa

FREEZING_K = 273.65
_BAR = 1e5


def check_design(
    network: Network, islands: tuple[frozenset[str], ...], files: Places
) -> Iterator[Finding]:
    """Find what keeps the design state from existing.

    Parameters
    ----------
    network : Network
        Structurally sound, with values in range.
    islands : tuple of frozenset of str
        Node names of each hydraulic island.
    files : mapping
        Where each part was written.

    Yields
    ------
    Finding
    """
    unable = tuple(_substations(network, files))
    yield from unable
    frozen = tuple(_freezing(network, files))
    yield from frozen
    if unable or frozen:
        return
    for island in islands:
        try:
            state = solve_design(network, island)
        except SolverError as error:
            entry = _at(files, "component", error.component or "")
            yield entry.finding(error.what, error.remedy, "inner_diameter_m", error.component)
            continue
        if state is not None:
            yield from _head(network, island, state, files)
            yield from _boiling(network, island, state, files)


def _at(files: Places, kind: str, name: str) -> Entry:
    return files.get((kind, name), Entry({}))


def _celsius(temperature_K: float) -> str:
    return f"{temperature_K - 273.15:.1f} degC"


def _substations(network: Network, files: Places) -> Iterator[Finding]:
    supply = design_supply_K(network)
    for item in network.substations:
        entry = _at(files, "component", item.name)
        if not isfinite(design_flow(network, item)):
            back = design_return_K(network, item)
            yield entry.finding(
                f"no flow gives {item.design_heat_W / 1e3:.4g} kW: the water comes with "
                f"{_celsius(supply)} and would have to return with {_celsius(back)}",
                "raise the heating curve, or lower the return temperature (larger "
                "exchanger_ua_W_per_K) or design_heat_W",
                "design_heat_W",
                item.name,
            )
        elif item.minimum_supply_temperature_K > supply:
            yield entry.finding(
                f"the promised supply temperature {_celsius(item.minimum_supply_temperature_K)} is "
                f"above the heating curve's highest, {_celsius(supply)}",
                "raise heating_curve or lower minimum_supply_temperature_K",
                "minimum_supply_temperature_K",
                item.name,
            )


def _freezing(network: Network, files: Places) -> Iterator[Finding]:
    for outdoor, supply in network.heating_curve.points:
        if supply < FREEZING_K:
            yield _at(files, "section", "heating_curve").finding(
                f"the supply freezes at {_celsius(supply)} (outdoor {_celsius(outdoor)})",
                "give supply temperatures above 0.5 degC (70 degC is supply_degC = 70)",
                "supply_K",
            )
    for item in network.substations:
        back = design_return_K(network, item)
        if back < FREEZING_K:
            yield _at(files, "component", item.name).finding(
                f"the return water freezes at {_celsius(back)}",
                "raise the return temperature or lower cooling_difference_K",
                "return_temperature_K",
                item.name,
            )
    for dump in network.dumps:
        if dump.return_temperature_K < FREEZING_K:
            yield _at(files, "component", dump.name).finding(
                f"the water freezes at {_celsius(dump.return_temperature_K)}",
                "raise return_temperature_K",
                "return_temperature_K",
                dump.name,
            )


def _head(
    network: Network, island: frozenset[str], state: DesignState, files: Places
) -> Iterator[Finding]:
    plants = [plant for plant in network.plants if plant.supply_node in island]
    if state.shortfall_Pa(plants) <= 0:
        return
    weak = max(
        plants, key=lambda plant: state.head_Pa[plant.name] - plant.maximum_differential_pressure_Pa
    )
    worst = next(item for item in network.substations if item.name == state.worst_substation)
    needed = required_differential_pressure_Pa(network, worst)
    speed = {
        pipe.name: abs(state.flow_kg_per_s[pipe.name])
        / (network.fluid.density_kg_per_m3 * pipe.area_m2)
        for pipe in network.pipes
        if pipe.from_node in island
    }
    narrow = max(speed, key=lambda name: speed[name])
    yield _at(files, "component", narrow).finding(
        f"no flow meets the design demand: plant {weak.name} would have to raise "
        f"{state.head_Pa[weak.name] / _BAR:.3g} bar but its pump raises at most "
        f"{weak.maximum_differential_pressure_Pa / _BAR:.3g} bar; the water would run through pipe "
        f"{narrow} at {speed[narrow]:.3g} m/s, and substation {worst.name} needs "
        f"{needed / _BAR:.3g} bar",
        "enlarge that pipe or the valve, lower design_heat_W, or raise "
        "maximum_differential_pressure_Pa",
        "inner_diameter_m",
        narrow,
    )


def _boiling(
    network: Network, island: frozenset[str], state: DesignState, files: Places
) -> Iterator[Finding]:
    if not state.pressure_Pa:
        return
    plants = [plant for plant in network.plants if plant.supply_node in island]
    hot = max([design_supply_K(network), *(plant.supply_temperature_K for plant in plants)])
    warm = max(
        design_return_K(network, item) for item in network.substations if item.supply_node in island
    )
    limit = {
        Line.SUPPLY: (hot, saturation_pressure_Pa(hot)),
        Line.RETURN: (warm, saturation_pressure_Pa(warm)),
    }
    nodes = [node for node in network.nodes if node.name in state.pressure_Pa]
    margin = {node.name: state.pressure_Pa[node.name] - limit[node.line][1] for node in nodes}
    worst = min(nodes, key=lambda node: margin[node.name])
    if margin[worst.name] >= 0:
        return
    temperature, vapour = limit[worst.line]
    index = next(
        (str(i) for i, holding in enumerate(network.holdings) if holding.node in island), "0"
    )
    entry = _at(files, "holding", index)
    held = next(h.pressure_Pa for h in network.holdings if h.node in island)
    yield entry.finding(
        f"the design state boils: node {worst.name} (elevation {worst.elevation_m:g} m) has "
        f"{state.pressure_Pa[worst.name] / _BAR:.3g} bar absolute, but water of "
        f"{_celsius(temperature)} boils below {vapour / _BAR:.3g} bar",
        f"hold at least {(held - margin[worst.name]) / _BAR:.3g} bar or lower the temperature",
        "pressure_Pa",
        network.holdings[int(index)].node,
    )
