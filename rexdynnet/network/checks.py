"""What is wrong with a network: names, references, values, islands, and its design state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from math import inf, isfinite, isnan
from typing import Any

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, nearest
from rexdynnet.network.feasibility import check_design
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Exchanger, FixedReturn
from rexdynnet.network.tables import Places
from rexdynnet.network.topology import check_references, check_topology, islands

_COLDEST_K, _HOTTEST_K = 200.0, 473.15
_UNLIMITED = ("maximum_flow_kg_per_s", "ramp_W_per_s")

# field: smallest, largest, remedy; a value outside is a slip of the unit or the sign
_RANGES: dict[str, tuple[float, float, str]] = {
    "length_m": (0.1, 2e5, "give the length in metres, or use length_km"),
    "inner_diameter_m": (0.004, 3.0, "give the diameter in metres, or use inner_diameter_mm"),
    "thickness_m": (1e-5, 0.2, "give the thickness in metres, or use wall_thickness_mm"),
    "roughness_m": (0.0, 0.01, "give the roughness in metres, or use roughness_mm"),
    "minor_loss": (0.0, 1e4, "give the sum of the loss coefficients, not negative"),
    "loss_W_per_mK": (0.0, 50.0, "give W/(m K): 0.1 to 1 for insulated pipes"),
    "coupling_W_per_mK": (0.0, 50.0, "give W/(m K), not negative"),
    "volume_m3": (1e-6, 1e6, "give the volume in cubic metres, above 0"),
    "elevation_m": (-500.0, 6000.0, "give the elevation in metres"),
    "design_heat_W": (10.0, 5e9, "give the heat in watts, or use design_heat_kW"),
    "capacity_W": (100.0, 5e10, "give the capacity in watts, or use capacity_kW"),
    "valve_kv_kg_per_s": (1e-5, 1e4, "give the flow of the open valve at 1 bar, above 0"),
    "kv_kg_per_s": (1e-5, 1e5, "give the flow of the open valve at 1 bar, above 0"),
    "minimum_differential_pressure_Pa": (0.0, 2e6, "give it in pascals, or use ..._bar"),
    "differential_pressure_Pa": (100.0, 5e6, "give it in pascals, or use ..._bar"),
    "maximum_differential_pressure_Pa": (100.0, 5e6, "give it in pascals, or use ..._bar"),
    "pressure_Pa": (2e4, 5e6, "give the absolute pressure in pascals, or use pressure_bar"),
    "shut_off_Pa": (100.0, 5e6, "give it in pascals, or use shut_off_bar"),
    "density_kg_per_m3": (0.0, inf, "give a positive density"),
    "efficiency": (1e-6, 1.0, "give a share between 0 and 1"),
    "pump_efficiency": (1e-6, 1.0, "give a share between 0 and 1"),
    "height_m": (0.1, 200.0, "give the height in metres"),
    "ua_W_per_K": (1e-3, 1e9, "give W/K, above 0"),
    "difference_K": (0.1, 150.0, "give the cooling in kelvins"),
    "conductivity_W_per_mK": (1e-3, 1e3, "give W/(m K), above 0"),
    "viscosity_Pa_s": (1e-5, 1e-1, "give Pa s: 4.7e-4 at 60 degC"),
}
_WATER = {
    "density_kg_per_m3": (850.0, 1050.0, "give kg/m3: 983.2 for water at 60 degC"),
    "specific_heat_J_per_kgK": (3000.0, 5000.0, "give J/(kg K): 4185 for water"),
}
# what a record's field is called in the files where that differs
_COLUMNS = {
    "loss_W_per_mK": "heat_loss_W_per_mK",
    "thickness_m": "wall_thickness_m",
    "density_kg_per_m3": "wall_density_kg_per_m3",
    "specific_heat_J_per_kgK": "wall_specific_heat_J_per_kgK",
    "conductivity_W_per_mK": "wall_conductivity_W_per_mK",
    "ua_W_per_K": "exchanger_ua_W_per_K",
    "difference_K": "cooling_difference_K",
    "temperature_K": "return_temperature_K",
    "capacity_J_per_K": "building_capacity_J_per_K",
    "setpoint_K": "building_setpoint_temperature_K",
    "secondary_supply_K": "secondary_supply_temperature_K",
    "secondary_return_K": "secondary_return_temperature_K",
}


def check_network(network: Network, files: Places | None = None) -> tuple[Finding, ...]:
    """Find everything that is wrong with a network.

    Parameters
    ----------
    network : Network
    files : mapping or None
        Where each part was written, so that findings name file and row.

    Returns
    -------
    tuple of Finding
        Empty where the network is sound. Values and references come first; islands
        are judged once those hold, and the design state once the islands hold.

    Examples
    --------
    >>> from rexdynnet.network.graph import Network
    >>> print(check_network(Network("empty", (), (), (), (), ()))[0])
    the network has no nodes; add places to nodes.csv
    """
    places: Places = files or {}
    if not network.nodes:
        whole = places.get(("section", "document"), Entry({}))
        return (whole.finding("the network has no nodes", "add places to nodes.csv"),)
    stages = (
        lambda: (*check_references(network, places), *_values(network, places)),
        lambda: tuple(check_topology(network, places)),
        lambda: tuple(check_design(network, islands(network), places)),
    )
    for stage in stages:
        found = tuple(dict.fromkeys(stage()))
        if found:
            return found
    return ()


def require_sound(network: Network, files: Places | None = None) -> None:
    """Raise everything that is wrong with a network.

    Parameters
    ----------
    network : Network
    files : mapping or None
        Where each part was written.

    Raises
    ------
    InputError
        With every finding of `check_network`.
    """
    found = check_network(network, files)
    if found:
        raise InputError(*found)


def _values(network: Network, files: Places) -> Iterator[Finding]:
    for node in network.nodes:
        yield from _record(node, files.get(("node", node.name), Entry({})), node.name)
    for component in network.components():
        entry = files.get(("component", component.name), Entry({}))
        yield from _record(component, entry, component.name)
    for index, holding in enumerate(network.holdings):
        entry = files.get(("holding", str(index)), Entry({}))
        yield from _record(holding, entry, holding.node)
    for name, part in (("fluid", network.fluid), ("ground", network.ground)):
        entry = files.get(("section", name), Entry({}))
        yield from _record(part, entry, name, _WATER if name == "fluid" else {})
    curve = files.get(("section", "heating_curve"), Entry({}))
    points = network.heating_curve.points
    for column, values in (
        ("outdoor_K", [outdoor for outdoor, _ in points]),
        ("supply_K", [supply for _, supply in points]),
    ):
        for value in values:
            yield from _temperature(curve, column, value, "heating_curve")
    outdoor = [point[0] for point in points]
    if not points or any(later <= earlier for earlier, later in pairwise(outdoor)):
        yield curve.finding(
            "the outdoor temperatures of the heating curve do not increase",
            "order the points from cold to warm",
            "outdoor_K",
            "heating_curve",
        )
    yield from _dated(network, files)


def _record(
    record: Any,
    entry: Entry,
    name: str,
    own: dict[str, tuple[float, float, str]] | None = None,
    nested: bool = False,
) -> Iterator[Finding]:
    for part in fields(record):
        value = getattr(record, part.name)
        if is_dataclass(value):
            yield from _record(value, entry, name, nested=True)
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        column = _COLUMNS.get(part.name, part.name) if nested else part.name
        if part.name == "loss_W_per_mK":
            column = "heat_loss_W_per_mK"
        if isnan(value) or (not isfinite(value) and part.name not in _UNLIMITED):
            yield entry.finding(f"{column} is {value}", "give a finite number", column, name)
            continue
        if _is_temperature(part.name, record):
            yield from _temperature(entry, column, value, name)
            continue
        limits = (own or {}).get(part.name) or _RANGES.get(part.name)
        if limits is not None and not limits[0] <= value <= limits[1]:
            yield entry.finding(f"{column} is {value:g}", limits[2], column, name)


def _is_temperature(field: str, record: Any) -> bool:
    if isinstance(record, FixedReturn) or (isinstance(record, Exchanger) and field != "ua_W_per_K"):
        return True
    return field.endswith(("temperature_K", "setpoint_K"))


def _temperature(entry: Entry, column: str, value: float, name: str) -> Iterator[Finding]:
    if _COLDEST_K <= value <= _HOTTEST_K:
        return
    celsius = column.removesuffix("_K") + "_degC"
    slip = "looks like degrees Celsius" if value < _COLDEST_K else "is hotter than any water here"
    yield entry.finding(
        f"{column} is {value:g} K, which {slip}",
        f"write kelvins in {column}, or degrees Celsius in {celsius}",
        column,
        name,
    )


def _dated(network: Network, files: Places) -> Iterator[Finding]:
    known = set(network.component_by_name)
    for kind, items in (("outage", network.outages), ("limit", network.limits)):
        for index, item in enumerate(items):
            entry = files.get((kind, str(index)), Entry({}))
            if item.component not in known:
                yield entry.finding(
                    f"the {kind} names '{item.component}', which does not exist",
                    nearest(item.component, known),
                    "component",
                    item.component,
                )
            if (item.start.tzinfo is None) or (item.end.tzinfo is None):
                yield entry.finding(
                    "start or end has no time zone",
                    "write it like 2026-01-15T06:00:00Z",
                    "start",
                    item.component,
                )
            elif item.end <= item.start:
                yield entry.finding(
                    f"the {kind} ends at {item.end}, not after its start {item.start}",
                    "swap or correct start and end",
                    "end",
                    item.component,
                )
    for index, limit in enumerate(network.limits):
        entry = files.get(("limit", str(index)), Entry({}))
        if isnan(limit.lower) or isnan(limit.upper) or limit.lower > limit.upper:
            yield entry.finding(
                f"lower {limit.lower:g} is above upper {limit.upper:g}",
                "swap or correct lower and upper",
                "lower",
                limit.component,
            )
        if limit.lower == -inf and limit.upper == inf:
            yield entry.finding(
                "the limit has no bound", "give lower, upper or both", "upper", limit.component
            )
