"""The plants by finite volumes, against exact solutions and their own balances."""

from __future__ import annotations

from dataclasses import replace
from math import exp, pi

import numpy as np
import pytest

from rexdynnet.dae import DaeOptions, Scheme, build_dae, defaults
from rexdynnet.dae.model import Dae
from rexdynnet.errors import InputError, SolverError
from rexdynnet.network.spec import (
    Building,
    Dump,
    FixedCooling,
    PlantControl,
    PlantKind,
    SubstationControl,
    Tank,
)
from rexdynnet.physics.heat import film_conductance
from rexdynnet.simulation.integrate import DaePlant, OdePlant
from rexdynnet.simulation.plant import Inputs, Method, PlantState, state_from_bytes
from rexdynnet.simulation.sundials import SolverOptions
from tests.unit.dae.cases import STEEL, WATER, boiler, house, inputs, pair, ring, trench

CP, RHO = WATER.specific_heat_J_per_kgK, WATER.density_kg_per_m3
KINDS = (DaePlant, OdePlant)


def acting(dae: Dae, **given: float) -> Inputs:
    u, d, _ = inputs(dae, **given)
    return Inputs(u, d)


def flow_driven(wall: bool, **settings: float) -> Dae:
    """One trench whose flow is prescribed and whose substation cools by 30 K."""
    pipes = trench("i", "h", 100.0, wall=STEEL if wall else None, **settings)
    unit = house(control=SubstationControl.FLOW, return_law=FixedCooling(30.0))
    network = pair(unit, pipes=pipes, volume_m3=1e-5)
    return build_dae(network, DaeOptions(cell_length_m=1.0, maximum_cells=100))


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_arrives_after_the_transport_time_less_its_loss(kind: type) -> None:
    dae = flow_driven(wall=False)
    plant = kind(dae, SolverOptions(dense_step_s=5.0, macro_step_s=20.0))
    cold = acting(dae, boiler__supply_temperature=343.15, house_h__mass_flow_demand=0.8)
    hot = acting(dae, boiler__supply_temperature=353.15, house_h__mass_flow_demand=0.8)
    state = plant.init(cold)
    _, output = plant.advance(state, hot, hot, 600.0)
    outlet = output.records["substation_supply_temperature"][:, 0]
    travel = RHO * pi * 0.05**2 / 4 * 100.0 / 0.8
    fade = exp(-0.3 * 100.0 / (0.8 * CP))
    before = 283.15 + 60.0 * fade
    after = 283.15 + 70.0 * fade
    assert outlet[0] == pytest.approx(before, abs=2e-3)
    assert outlet[-1] == pytest.approx(after, abs=2e-3)
    middle = np.interp(0.5 * (before + after), outlet, output.times_s)
    assert middle == pytest.approx(travel, rel=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_stagnant_water_and_wall_cool_with_their_two_time_constants(kind: type) -> None:
    dae = flow_driven(wall=True)
    plant = kind(dae)
    still = acting(dae, house_h__mass_flow_demand=0.0)
    state = plant.init(still, temperatures_K={"i_supply": 353.15, "h_supply": 353.15,
                                              "i_return": 353.15, "h_return": 353.15})  # fmt: skip
    state, _ = plant.advance(state, still, still, 6 * 3600.0)
    film = film_conductance(0.0, 0.05, 1e-4, STEEL.thickness_m, 50.0, 4.5e-4, 0.65, CP)
    water = RHO * CP * pi * 0.05**2 / 4
    wall = dae.network.pipes[0].wall_heat_capacity_J_per_mK
    matrix = np.array([[-film / water, film / water], [film / wall, -(film + 0.3) / wall]])
    values, vectors = np.linalg.eig(matrix)
    start = np.linalg.solve(vectors, np.array([70.0, 70.0]))
    expected = 283.15 + vectors @ (start * np.exp(values * 6 * 3600.0))
    middle = [dae.x_names.index(f"i-h_supply.{part}_temperature_50") for part in ("water", "wall")]
    np.testing.assert_allclose(state.arrays["x"][middle], expected, atol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_a_front_is_delayed_by_the_heat_of_the_wall(kind: type) -> None:
    dae = flow_driven(wall=True, loss=0.0)
    plant = kind(dae, SolverOptions(dense_step_s=5.0, macro_step_s=20.0))
    cold = acting(dae, boiler__supply_temperature=343.15, house_h__mass_flow_demand=0.8)
    hot = acting(dae, boiler__supply_temperature=353.15, house_h__mass_flow_demand=0.8)
    _, output = plant.advance(plant.init(cold), hot, hot, 1200.0)
    outlet = output.records["substation_supply_temperature"][:, 0]
    # the missing area of the front is the heat that water and wall took up, exactly
    missing = np.trapezoid(353.15 - outlet, output.times_s) * 0.8 * CP
    pipe = dae.network.pipes[0]
    capacity = RHO * CP * pipe.volume_m3 + pipe.wall_heat_capacity_J_per_mK * 100.0
    capacity += 2e-5 * RHO * CP
    assert missing == pytest.approx(10.0 * capacity, rel=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_steady_start_stays_where_it_is(kind: type) -> None:
    dae = build_dae(ring())
    plant = kind(dae)
    same = acting(dae)
    state = plant.init(same)
    later, _ = plant.advance(state, same, same, 86400.0)
    np.testing.assert_allclose(later.arrays["x"], state.arrays["x"], atol=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_long_integration_ends_in_the_steady_state(kind: type) -> None:
    dae = build_dae(ring())
    plant = kind(dae)
    before, after = acting(dae), acting(dae, house_b__heat_demand=45e3)
    state = plant.init(before)
    state, _ = plant.advance(state, after, after, 2 * 86400.0)
    np.testing.assert_allclose(state.arrays["x"], plant.init(after).arrays["x"], atol=0.01)


def test_a_pipe_described_from_its_other_end_gives_the_same_results() -> None:
    forward = ring()
    turned = replace(
        forward,
        pipes=tuple(
            replace(p, from_node=p.to_node, to_node=p.from_node) if "b-c" in p.name else p
            for p in forward.pipes
        ),
    )
    found = []
    for network in (forward, turned):
        dae = build_dae(network)
        plant = DaePlant(dae)
        start, then = acting(dae), acting(dae, house_a__heat_demand=45e3, house_c__heat_demand=2e3)
        _, output = plant.advance(plant.init(start), then, then, 3600.0)
        found.append(output.records)
    column = [p.name for p in forward.pipes].index("b-c_supply")
    flow = found[0]["pipe_mass_flow"][:, column]
    np.testing.assert_allclose(flow, -found[1]["pipe_mass_flow"][:, column], atol=1e-5)
    supply = "substation_supply_temperature"
    np.testing.assert_allclose(found[0][supply], found[1][supply], atol=0.02)
    first, second = (
        records[f"pipe_{end}_temperature"][-1, column]
        for records, end in zip(found, ("inlet", "outlet"), strict=True)
    )
    assert first == pytest.approx(second, abs=0.02)


def busy() -> Dae:
    """Everything at once: two plants, tank, dump, building, ring."""
    network = ring(
        tanks=(Tank("store", "a_supply", "a_return", 3.0, 2.0, layers=6),),
        dumps=(Dump("cooler", "c_supply", "c_return", 30e3),),
    )
    units = (*network.substations[:2], house("c", building=Building(3e7, 600.0)))
    second = boiler("b", name="pump", kind=PlantKind.HEAT_PUMP, control=PlantControl.HEAT)
    return build_dae(replace(network, substations=units, plants=(*network.plants, second)))


def day_of(dae: Dae) -> list[Inputs]:
    """Half-hours of a morning whose inputs jump."""
    hours = []
    for k in range(12):
        given = {
            "boiler__supply_temperature": 350.0 + 5.0 * np.sin(k / 3),
            "house_a__heat_demand": 15e3 + 10e3 * (k % 3),
            "house_b__heat_demand": 30e3 * (k % 2),
            "pump__heat": 12e3 * (k % 5 > 2),
            "store__mass_flow": (0.2, 0.0, -0.15)[k % 3],
            "cooler__heat": 20e3 * (k == 7),
            "outdoor__temperature": 270.0 + k / 4,
        }
        hours.append(acting(dae, **given))
    return hours


@pytest.fixture(scope="module")
def busy_dae() -> Dae:
    return busy()


@pytest.mark.parametrize("kind", KINDS)
def test_energy_and_mass_balance_while_everything_jumps(kind: type, busy_dae: Dae) -> None:
    plant = kind(busy_dae)
    day = day_of(busy_dae)
    state = plant.init(day[0])
    leak = defaults(busy_dae.p, {"a-b_supply.leak": 0.005, "i-c_return.loss_factor": 2.0})
    moved = worst = flow = 0.0
    for k, now in enumerate(day):
        if k == 6:
            state = plant.with_parameters(state, leak)
        ramp = Inputs(now.controls, day[(k + 1) % 12].disturbances)
        state, output = plant.advance(state, now, ramp, 1800.0 * (k + 1))
        worst = max(worst, float(output.records["mass_residual"].max()))
        flow = max(flow, float(output.records["plant_mass_flow"].max()))
    last = {name: values[-1] for name, values in output.records.items()}
    moved = sum(abs(last[f"energy_{name}"]) for name in ("plants", "makeup"))
    assert abs(last["energy_residual"]) < 1e-6 * moved
    assert worst < 1e-9 * flow
    assert last["energy_makeup"] != 0.0
    assert last["energy_dumped"] > 0.0


def test_both_methods_agree_on_a_busy_morning(busy_dae: Dae) -> None:
    day = day_of(busy_dae)
    series, lost = [], []
    for kind in KINDS:
        plant = kind(busy_dae)
        state = plant.init(day[0])
        rows = []
        for k, now in enumerate(day):
            state, output = plant.advance(state, now, now, 1800.0 * (k + 1))
            times = output.times_s[0] + np.arange(60.0, 1800.1, 60.0)
            supply = output.at("substation_supply_temperature", times)
            rows.append(np.hstack([supply, output.at("plant_return_temperature", times)]))
        series.append(np.vstack(rows))
        lost.append(output.records["energy_lost"][-1])
    assert np.sqrt(np.mean((series[0] - series[1]) ** 2)) < 0.1
    assert lost[0] == pytest.approx(lost[1], rel=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_state_resumes_to_the_same_bytes(kind: type) -> None:
    dae = build_dae(pair())
    plant = kind(dae)
    first, then = acting(dae), acting(dae, house_h__heat_demand=40e3)
    state, _ = plant.advance(plant.init(first), then, then, 900.0)
    kept = state.clone()
    straight, _ = plant.advance(state, first, first, 1800.0)
    resumed, _ = kind(dae).advance(state_from_bytes(kept.to_bytes()), first, first, 1800.0)
    assert straight.to_bytes() == resumed.to_bytes()
    assert straight.method is plant.method


def test_advancing_leaves_the_given_state_as_it_was() -> None:
    dae = build_dae(pair())
    plant = DaePlant(dae)
    state = plant.init(acting(dae))
    before = state.to_bytes()
    then = acting(dae, house_h__heat_demand=40e3)
    plant.advance(state, then, then, 900.0)
    assert state.to_bytes() == before


def test_records_are_named_like_the_result_and_start_at_the_state() -> None:
    dae = busy()
    plant = DaePlant(dae)
    now = day_of(dae)[0]
    _, output = plant.advance(plant.init(now), now, now, 600.0)
    names = set(output.records)
    expected = {
        "node_temperature",
        "node_pressure",
        "pipe_mass_flow",
        "pipe_inlet_temperature",
        "pipe_heat_loss",
        "substation_heat",
        "substation_unserved_heat",
        "plant_heat",
        "plant_fuel_power",
        "tank_heat",
        "tank_mass_flow",
        "dump_heat",
        "building_temperature",
        "energy_plants",
        "energy_residual",
        "mass_residual",
        "outdoor_temperature",
        "ground_temperature",
    }
    assert expected <= names
    assert output.times_s[0] == 0.0
    assert output.times_s[-1] == 600.0
    rows = len(output.times_s)
    assert output.records["tank_temperature"].shape == (rows, 1, 6)
    assert output.records["pipe_mass_flow"].shape == (rows, 8)
    assert all(len(values) == rows for values in output.records.values())
    assert output.records["tank_temperature"][0, 0, 0] == pytest.approx(353.15, abs=4.0)
    assert output.records["tank_temperature"][0, 0, 5] == pytest.approx(313.15, abs=1e-9)


def test_means_of_heats_add_up_to_the_cumulative_energies() -> None:
    dae = busy()
    plant = DaePlant(dae)
    day = day_of(dae)
    _, output = plant.advance(plant.init(day[0]), day[1], day[2], 1800.0)
    heat = output.records["substation_heat"][1:] * np.diff(output.times_s)[:, None]
    assert heat.sum() == pytest.approx(output.records["energy_delivered"][-1], rel=1e-9)


def test_a_start_from_given_temperatures_is_linear_along_pipes() -> None:
    dae = build_dae(pair())
    plant = DaePlant(dae)
    given = {"i_supply": 350.0, "h_supply": 340.0, "h_return": 312.0, "i_return": 310.0}
    state = plant.init(acting(dae), temperatures_K=given)
    at = dict(zip(dae.x_names, state.arrays["x"], strict=True))
    assert at["i-h_supply.water_temperature_0"] == pytest.approx(349.5)
    assert at["i-h_supply.wall_temperature_9"] == pytest.approx(340.5)
    assert at["i_return.temperature"] == 310.0
    with pytest.raises(InputError, match="attic"):
        plant.init(acting(dae), temperatures_K={"attic": 300.0})


def test_a_state_of_another_method_is_refused() -> None:
    dae = build_dae(pair())
    now = acting(dae)
    state = DaePlant(dae).init(now)
    with pytest.raises(InputError, match="advance it with the plant that made it"):
        OdePlant(dae).advance(state, now, now, 60.0)


def test_time_must_go_on() -> None:
    dae = build_dae(pair())
    plant, now = DaePlant(dae), acting(dae)
    state = plant.init(now)
    with pytest.raises(InputError, match="give a later time"):
        plant.advance(state, now, now, 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_an_input_that_is_no_number_is_named(kind: type) -> None:
    dae = build_dae(pair())
    plant, now = kind(dae), acting(dae)
    state = plant.init(now)
    disturbances = now.disturbances.copy()
    disturbances[2] = np.nan
    broken = Inputs(now.controls, disturbances)
    with pytest.raises((InputError, SolverError), match=r"ground\.temperature"):
        plant.advance(state, now, broken, 60.0)


def test_more_demand_than_can_be_carried_saturates_and_recovers() -> None:
    dae = build_dae(pair(house(valve_kv_kg_per_s=0.2)))
    plant = DaePlant(dae)
    calm, rush = acting(dae), acting(dae, house_h__heat_demand=120e3)
    state, output = plant.advance(plant.init(calm), rush, rush, 3600.0)
    assert output.records["substation_unserved_heat"][-1, 0] > 50e3
    state, output = plant.advance(state, calm, calm, 7200.0)
    assert output.records["substation_unserved_heat"][-1, 0] < 1.0


def test_first_order_cells_smear_a_front_more_than_limited_ones() -> None:
    steepest = {}
    for scheme in Scheme:
        dae = build_dae(pair(house(control=SubstationControl.FLOW)), DaeOptions(scheme=scheme))
        plant = DaePlant(dae, SolverOptions(dense_step_s=5.0))
        cold = acting(dae, boiler__supply_temperature=343.15, house_h__mass_flow_demand=0.8)
        hot = acting(dae, boiler__supply_temperature=353.15, house_h__mass_flow_demand=0.8)
        _, output = plant.advance(plant.init(cold), hot, hot, 900.0)
        outlet = output.records["substation_supply_temperature"][:, 0]
        steepest[scheme] = np.max(np.diff(outlet))
    assert steepest[Scheme.LIMITED] > 1.3 * steepest[Scheme.UPWIND]


def test_the_plant_says_its_method() -> None:
    dae = build_dae(pair())
    assert (DaePlant(dae).method, OdePlant(dae).method) == (Method.DAE, Method.ODE)
    state = DaePlant(dae).init(acting(dae))
    assert isinstance(state, PlantState)
