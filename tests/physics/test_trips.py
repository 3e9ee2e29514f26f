"""Plants that trip: flows fall to what the rest of the network can drive, never beyond."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.network.read import read_network
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.plugflow import PlugFlowPlant
from tests.data import ROOT


def inputs(plant: PlugFlowPlant, **given: float) -> Inputs:
    """Defaults, loads at 30 % of their nominal; `a__b` stands for `a.b`."""
    named = {name.replace("__", "."): value for name, value in given.items()}
    values = [
        named.pop(s.name, 0.3 * s.nominal if s.quantity == "heat_demand" else s.default or 0.0)
        for s in (*plant.controls, *plant.disturbances)
    ]
    assert not named
    row = np.array(values)
    return Inputs(row[: len(plant.controls)], row[len(plant.controls) :])


@pytest.mark.parametrize("heat_W", [0.0, 20e3, 60e3, 200e3])
@pytest.mark.parametrize("charge", [-0.5, 0.0, 0.5])
def test_the_rest_feeds_what_it_can_when_the_pressure_plant_trips(
    heat_W: float, charge: float
) -> None:
    plant = PlugFlowPlant(read_network(ROOT / "models/networks/destest16_two_plants"))
    state = plant.init(inputs(plant))
    tripped = inputs(
        plant, boiler__availability=0.0, heat_pump__heat=heat_W, tank__mass_flow=charge
    )
    _, output = plant.advance(state, tripped, tripped, 900.0)
    records = output.records
    assert np.max(np.abs(records["plant_mass_flow"][:, 0])) < 1e-5
    most = plant.network.plants[1].maximum_differential_pressure_Pa
    assert np.max(records["plant_differential_pressure"]) <= 1.06 * most
    assert np.max(records["mass_residual"]) < 1e-9
    unserved = records["substation_unserved_heat"][-1].sum()
    demand = records["substation_heat_demand"][-1].sum()
    if heat_W == 0.0 and charge >= 0.0:
        assert unserved == pytest.approx(demand, rel=1e-3)
    else:
        assert unserved < 0.9 * demand


def test_no_flow_passes_a_tripped_plant_of_a_mesh_and_the_other_keeps_to_its_head() -> None:
    plant = PlugFlowPlant(read_network(ROOT / "models/networks/meshed_two_plants"))
    state = plant.init(inputs(plant))
    tripped = inputs(plant, boiler__availability=0.0)
    _, output = plant.advance(state, tripped, tripped, 3600.0)
    for i, source in enumerate(plant.network.plants):
        flow = output.records["plant_mass_flow"][:, i]
        if source.name == "boiler":
            assert np.max(np.abs(flow)) < 1e-5
        most = source.maximum_differential_pressure_Pa
        assert np.max(output.records["plant_differential_pressure"][:, i]) <= 1.06 * most


@pytest.mark.parametrize("speed", [0.0, 1.0])
@pytest.mark.parametrize("heat_W", [0.0, 4e3, 40e3])
def test_what_lies_behind_a_shut_check_valve_keeps_a_pressure_that_its_pump_can_make(
    heat_W: float, speed: float
) -> None:
    plant = PlugFlowPlant(read_network(ROOT / "models/networks/destest16_two_zones"))
    network = plant.network
    state = plant.init(inputs(plant))
    nobody = {f"{s.name}__heat_demand": 0.0 for s in network.substations}
    out = inputs(plant, boiler__availability=0.0, booster__speed=speed, **nobody)
    state, _ = plant.advance(state, out, out, 1800.0)
    fed = inputs(
        plant,
        boiler__availability=0.0,
        booster__speed=speed,
        solar__heat=heat_W,
        outdoor__global_radiation=800.0,
        **nobody,
    )
    _, output = plant.advance(state, fed, fed, 3600.0)
    pump = network.pumps[0]
    most = 1.06 * network.plants[1].maximum_differential_pressure_Pa
    lift = pump.curve.shut_off_Pa * speed**2
    assert np.max(output.records["pump_head"]) <= lift + 1e3
    assert np.max(output.records["node_pressure"]) <= 3e5 + most + lift + 1e3
