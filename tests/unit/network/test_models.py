"""The shipped networks meet their design demand in the plant, as the design state promises."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.network.design import design_flow, design_supply_K, solve_design
from rexdynnet.network.graph import Network
from rexdynnet.network.read import read_network
from rexdynnet.network.spec import PlantControl
from rexdynnet.network.topology import islands
from rexdynnet.signals import Signal
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.plugflow import PlugFlowPlant
from tests.unit.network.projects import MODELS

NAMES = sorted(path.name for path in MODELS.iterdir() if path.is_dir())


def _fed_share(network: Network) -> float:
    """Share of their capacity that plants of given heat feed in: as much as the others cannot."""
    fed = sum(x.capacity_W for x in network.plants if x.control is PlantControl.HEAT)
    rest = sum(x.capacity_W for x in network.plants if x.control is PlantControl.PRESSURE)
    load = 1.05 * sum(item.design_heat_W for item in network.substations)  # with the losses
    return max(0.4, (load - rest) / fed)


def _design_value(network: Network, signal: Signal) -> float:
    loads = {item.name: item for item in network.substations}
    if signal.quantity == "supply_temperature":
        return design_supply_K(network)
    if signal.quantity == "heat_demand":
        return loads[signal.component].design_heat_W
    if signal.quantity == "mass_flow_demand":
        return design_flow(network, loads[signal.component])
    feeding = {item.name: item for item in network.plants if item.control is PlantControl.HEAT}
    if signal.quantity == "heat" and signal.component in feeding:
        return _fed_share(network) * feeding[signal.component].capacity_W
    return signal.default or 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_network_meets_its_design_demand(name: str) -> None:
    network = read_network(MODELS / name)
    plant = PlugFlowPlant(network)
    inputs = Inputs(
        np.array([_design_value(network, signal) for signal in plant.controls]),
        np.array([_design_value(network, signal) for signal in plant.disturbances]),
    )
    state, dense = plant.advance(plant.init(inputs), inputs, inputs, 600.0)
    assert state.time_s == 600.0
    last = {key: values[-1] for key, values in dense.records.items()}
    load = sum(item.design_heat_W for item in network.substations)
    # the saturation law of the valves is smooth: it leaves less than a millionth
    assert last["substation_unserved_heat"].sum() < 1e-5 * load
    promised = [item.minimum_supply_temperature_K for item in network.substations]
    assert np.all(last["substation_supply_temperature"] >= promised)
    design = solve_design(network, islands(network)[0])
    assert design is not None
    for plant_, head in zip(network.plants, last["plant_differential_pressure"], strict=True):
        # supply cools on the way, so the real flow is a little above the design flow
        if plant_.worst_point and name.startswith("destest") and len(network.plants) == 1:
            assert head == pytest.approx(design.head_Pa[plant_.name], rel=0.02)
        assert head <= plant_.maximum_differential_pressure_Pa
