"""The control model of a network against exact balances and the plug-flow plant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet import InputError, Method, make_plant, read_network
from rexdynnet.control.network_stages import network_stage, steady_state, transport_delay
from rexdynnet.control.stage_options import StageOptions, WallModel
from rexdynnet.network.random import RandomOptions, random_mesh, random_tree
from rexdynnet.network.spec import Plant, PlantControl, SubstationControl
from rexdynnet.simulation.plant import Inputs

SHARE = 0.6


def _parameters(stage, network):
    demands = {f"{s.name}.heat_demand": SHARE * s.design_heat_W for s in network.substations}
    return stage.fill_parameters(1, demands)[0]


def _controls(stage):
    return np.array([signal.default or 0.0 for signal in stage.controls])


def _outputs(stage, x, u, p):
    values = np.asarray(stage.outputs(x, u, p)).ravel()
    return dict(zip((s.name for s in stage.output_signals), values, strict=True))


def _imbalance(network, stage, draws, stages=12):
    """Largest heat that appears from nowhere while controls jump about, W."""
    x = np.array([335.0 if s.unit == "K" else 0.0 for s in stage.states])
    p, u, before, worst = _parameters(stage, network), _controls(stage), None, 0.0
    for _ in range(stages):
        for i, signal in enumerate(stage.controls):
            wide = signal.quantity in ("supply_temperature", "heat", "mass_flow")
            if wide and np.isfinite(signal.upper) and signal.component != "dump":
                u[i] = draws.uniform(signal.lower, signal.upper)
        y = _outputs(stage, x, u, p)
        given = sum(y[f"{plant.name}.heat"] for plant in network.plants)
        taken = sum(y[f"{unit.name}.heat"] for unit in network.substations)
        stored = y["network.stored_heat"]
        if before is not None:
            change = (stored - before) / stage.step_s
            worst = max(worst, abs(given - taken - y["network.heat_loss"] - change))
        before, x = stored, np.asarray(stage.advance(x, u, p)).ravel()
    return worst


def test_heat_is_conserved_where_flows_have_one_direction():
    network = random_tree(5, seed=1)
    stage = network_stage(network, options=StageOptions(substeps=2))
    assert _imbalance(network, stage, np.random.default_rng(1)) < 0.1


def test_heat_is_conserved_while_flows_reverse_and_a_tank_charges_and_discharges():
    network = read_network("models/networks/destest16_two_plants")
    still = replace(network, nodes=tuple(replace(node, volume_m3=1e-9) for node in network.nodes))
    stage = network_stage(still, options=StageOptions(cell_residence_s=120.0))
    # nodes hold a little water that the account of stored heat leaves out
    assert _imbalance(still, stage, np.random.default_rng(1)) < 1.0


@pytest.mark.parametrize("wall", list(WallModel))
def test_every_wall_model_reaches_the_same_steady_supply(wall):
    network = read_network("models/networks/destest8")
    stage = network_stage(network, options=StageOptions(cells=2, wall=wall))
    u, p = _controls(stage), _parameters(stage, network)
    y = _outputs(stage, steady_state(stage, u, p), u, p)
    taken = SHARE * sum(unit.design_heat_W for unit in network.substations)
    assert y["boiler.heat"] == pytest.approx(taken + y["network.heat_loss"], rel=1e-6)
    farthest = min(y[f"{unit.name}.supply_temperature"] for unit in network.substations)
    assert 333.0 < farthest < 343.15


def test_delay_and_loss_agree_with_the_plug_flow_plant():
    options = RandomOptions(reach=1, length_m=(300.0, 600.0))
    network = random_tree(3, seed=2, options=options)
    step, before, after = 60.0, 348.15, 353.15
    stage = network_stage(network, step, StageOptions(cells=6))
    u, p = _controls(stage), _parameters(stage, network)
    hot = stage.index(stage.controls, "plant.supply_temperature")
    u[hot] = before
    x = steady_state(stage, u, p)
    lost = _outputs(stage, x, u, p)["network.heat_loss"]
    u[hot] = after
    plant = make_plant(network, Method.PLUGFLOW)
    values = np.array([signal.default for signal in plant.controls])
    acting = np.array(
        [
            next(SHARE * s.design_heat_W for s in network.substations if s.name == d.component)
            if d.quantity == "heat_demand"
            else d.default
            for d in plant.disturbances
        ]
    )
    place = [s.name for s in plant.controls].index("plant.supply_temperature")
    values[place] = before
    state = plant.init(Inputs(values, acting))
    state, out = plant.advance(state, Inputs(values, acting), Inputs(values, acting), step)
    losses = out.records["energy_lost"]
    truth_lost = float(losses[-1] - losses[0]) / (out.times_s[-1] - out.times_s[0])
    raised = values.copy()
    raised[place] = after
    ours, theirs = [], []
    for k in range(90):
        here = Inputs(raised, acting)
        state, out = plant.advance(state, here, here, step * (k + 2))
        theirs.append(out.records["substation_supply_temperature"][-1].copy())
        y = _outputs(stage, x, u, p)
        x = np.asarray(stage.advance(x, u, p)).ravel()
        ours.append([y[f"{unit.name}.supply_temperature"] for unit in network.substations])
    model, truth = np.array(ours), np.array(theirs)
    risen = after - before
    delays = [((v[-1] - v) / risen).sum(axis=0) * step for v in (model, truth)]
    assert delays[0] == pytest.approx(delays[1], rel=0.1, abs=90.0)
    assert model[-1] == pytest.approx(truth[-1], abs=0.1)
    assert lost == pytest.approx(truth_lost, rel=0.02)


def test_a_ring_gets_one_free_flow_and_one_equation_per_line():
    network = random_mesh(6, 1, 1)
    stage = network_stage(network)
    free = [s for s in stage.controls if s.quantity == "mass_flow"]
    closing = [row for row in stage.rows if row.quantity == "ring_pressure"]
    assert len(free) == len(closing) == 2
    assert all(row.lower == row.upper == 0.0 for row in closing)


def test_the_delay_grows_as_demand_falls():
    network = random_tree(4, seed=1)
    half = {unit.name: 0.5 * unit.design_heat_W for unit in network.substations}
    assert transport_delay(network, half) == pytest.approx(2.0 * transport_delay(network))


def test_an_island_without_a_balancing_plant_is_refused_with_a_remedy():
    network = random_tree(3, seed=1)
    (plant,) = network.plants
    feeding = replace(plant, control=PlantControl.HEAT)
    with pytest.raises(InputError, match="control = 'pressure'"):
        network_stage(replace(network, plants=(feeding,)))


def test_a_commanded_valve_is_refused_with_a_remedy():
    network = random_tree(2, seed=1)
    first = replace(network.substations[0], control=SubstationControl.VALVE)
    commanded = replace(network, substations=(first, *network.substations[1:]))
    with pytest.raises(InputError, match="control = 'heat'"):
        network_stage(commanded)


def test_negative_weights_are_refused_by_name():
    with pytest.raises(InputError, match="temperature_penalty"):
        StageOptions(temperature_penalty_EUR_per_Kh=-1.0)


def test_a_second_plant_that_holds_a_pressure_gets_a_free_flow():
    network = random_tree(3, seed=1)
    (plant,) = network.plants
    places = {unit.supply_node: unit.return_node for unit in network.substations}
    supply, back = next(iter(places.items()))
    other: Plant = replace(plant, name="other", supply_node=supply, return_node=back)
    both = replace(network, plants=(plant, replace(other, capacity_W=plant.capacity_W / 2)))
    names = [signal.name for signal in network_stage(both).controls]
    assert "other.mass_flow" in names
    assert "other.differential_pressure" not in names
