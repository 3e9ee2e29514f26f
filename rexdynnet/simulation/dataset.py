"""The result of a run: one labelled dataset, whatever the method."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]

KINDS = (
    "node",
    "pipe",
    "substation",
    "plant",
    "tank",
    "dump",
    "pump",
    "valve",
    "bypass",
    "building",
)
MEANS = frozenset(
    {
        "pipe_heat_loss",
        "substation_heat",
        "substation_heat_demand",
        "substation_unserved_heat",
        "plant_heat",
        "plant_pump_power",
        "plant_fuel_power",
        "tank_heat",
        "dump_heat",
    }
)
"""Variables that are means over the interval that ends at their time."""

UNITS = {
    "temperature": "K",
    "pressure": "Pa",
    "head": "Pa",
    "mass_flow": "kg/s",
    "residual": "kg/s",
    "heat": "W",
    "heat_loss": "W",
    "heat_demand": "W",
    "power": "W",
    "energy": "J",
}


def unit_of(variable: str) -> str:
    """SI unit of a result variable, from its name.

    Parameters
    ----------
    variable : str

    Returns
    -------
    str

    Examples
    --------
    >>> unit_of("substation_heat_demand"), unit_of("energy_lost")
    ('W', 'J')
    """
    if variable.startswith("energy_"):
        return UNITS["energy"]
    ends = [ending for ending in UNITS if variable.endswith(ending)]
    return UNITS[max(ends, key=len)] if ends else "1"


def build_dataset(
    network: Network,
    times_s: Floats,
    rows: Mapping[str, Floats],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Label the rows of a run.

    Parameters
    ----------
    network : Network
    times_s : (n,) array
        Seconds since the start.
    rows : mapping of str to (n, ...) array
        By variable name; components in the network's order.
    attributes : mapping
        Of the dataset.

    Returns
    -------
    xarray.Dataset
    """
    import xarray as xr

    names = _component_names(network)
    variables: dict[str, Any] = {}
    for name, values in rows.items():
        dims = ["time"]
        if values.ndim > 1:
            dims.append(next(kind for kind in KINDS if name.startswith(f"{kind}_")))
        if values.ndim > 2:
            dims.append("layer")
        meaning = "mean over the interval" if name in MEANS else "at the time"
        text = name.replace("_", " ")
        variables[name] = (
            dims,
            values,
            {"units": unit_of(name), "long_name": text, "cell_methods": meaning},
        )
    present = {dim for dims, *_ in variables.values() for dim in dims}
    coords: dict[str, Any] = {"time": ("time", times_s, {"units": "s", "long_name": "time"})}
    for kind, listed in names.items():
        if kind in present:
            coords[kind] = (kind, listed)
    coords |= _places(network)
    if "layer" in present:
        layers = variables["tank_temperature"][1].shape[2]
        coords["layer"] = ("layer", np.arange(layers), {"long_name": "layer from the top"})
    return xr.Dataset(variables, coords, dict(attributes))


def _component_names(network: Network) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {
        "node": [node.name for node in network.nodes],
        "pipe": [pipe.name for pipe in network.pipes],
        "substation": [substation.name for substation in network.substations],
        "plant": [plant.name for plant in network.plants],
        "tank": [tank.name for tank in network.tanks],
        "dump": [dump.name for dump in network.dumps],
        "pump": [pump.name for pump in network.pumps],
        "valve": [valve.name for valve in network.valves],
        "bypass": [bypass.name for bypass in network.bypasses],
        "building": [
            substation.name for substation in network.substations if substation.building is not None
        ],
    }
    return kinds


def _places(network: Network) -> dict[str, Any]:
    nodes, pipes = network.nodes, network.pipes
    places: dict[str, Any] = {
        "node_x_m": ("node", [node.x_m for node in nodes]),
        "node_y_m": ("node", [node.y_m for node in nodes]),
        "node_elevation_m": ("node", [node.elevation_m for node in nodes]),
        "node_line": ("node", [node.line.value for node in nodes]),
        "node_place": ("node", [node.place for node in nodes]),
        "pipe_from": ("pipe", [pipe.from_node for pipe in pipes]),
        "pipe_to": ("pipe", [pipe.to_node for pipe in pipes]),
        "pipe_length_m": ("pipe", [pipe.length_m for pipe in pipes]),
        "pipe_inner_diameter_m": ("pipe", [pipe.inner_diameter_m for pipe in pipes]),
        "pipe_line": ("pipe", [pipe.line.value for pipe in pipes]),
        "pipe_trench": ("pipe", [pipe.trench for pipe in pipes]),
    }
    for kind in ("substation", "plant", "tank", "dump", "bypass"):
        them = getattr(network, "bypasses" if kind == "bypass" else f"{kind}s")
        if them:
            places[f"{kind}_supply_node"] = (kind, [each.supply_node for each in them])
            places[f"{kind}_return_node"] = (kind, [each.return_node for each in them])
    for kind in ("pump", "valve"):
        them = getattr(network, f"{kind}s")
        if them:
            places[f"{kind}_from"] = (kind, [each.from_node for each in them])
            places[f"{kind}_to"] = (kind, [each.to_node for each in them])
    return places


def series(dataset: xr.Dataset, name: str) -> xr.DataArray:
    """One trajectory by its name `component.quantity`.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `rexdynnet.simulate`.
    name : str
        Such as `substation_7.heat` or `outdoor.temperature`.

    Returns
    -------
    xarray.DataArray
        Over time, with its unit in `attrs["units"]`.

    Raises
    ------
    InputError
        If the run has no such component or quantity.
    """
    component, _, quantity = name.rpartition(".")
    whole = f"{component}_{quantity}"
    if whole in dataset and dataset[whole].dims == ("time",):
        return dataset[whole]
    of_component = [
        kind for kind in KINDS if kind in dataset.coords and component in dataset[kind].to_numpy()
    ]
    for kind in of_component:
        variable = f"{kind}_{quantity}"
        if variable in dataset:
            return dataset[variable].sel({kind: component})
    known = [
        str(each) for kind in KINDS if kind in dataset.coords for each in dataset[kind].to_numpy()
    ]
    if not of_component:
        near = get_close_matches(component, known, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "see the dataset's coordinates"
        raise InputError(Finding(f"the run has no component {component!r}", hint))
    prefixes = tuple(f"{kind}_" for kind in of_component)
    quantities = sorted(
        str(variable).split("_", 1)[1]
        for variable in dataset.data_vars
        if str(variable).startswith(prefixes)
    )
    raise InputError(
        Finding(
            f"{component} has no quantity {quantity!r}",
            f"choose one of {', '.join(quantities)}",
            component=component,
        )
    )


def run_attributes(
    network: Network, method_name: str, start_utc: datetime | None, step_s: float
) -> dict[str, Any]:
    """What a result says of its origin.

    Parameters
    ----------
    network : Network
    method_name : str
    start_utc : datetime or None
    step_s : float
        Output step.

    Returns
    -------
    dict
    """
    from rexdynnet import __version__

    return {
        "network": network.name,
        "fluid_density_kg_per_m3": network.fluid.density_kg_per_m3,
        "method": method_name,
        "start_utc": start_utc.strftime("%Y-%m-%dT%H:%M:%SZ") if start_utc else "",
        "output_step_s": step_s,
        "rexdynnet_version": __version__,
    }
