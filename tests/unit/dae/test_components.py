"""Every kind of component, in the steady state, against what its law says by hand."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, pi, sqrt

import numpy as np
import pytest

from rexdynnet.dae import DaeOptions, build_dae, consistent
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Building,
    Bypass,
    Dump,
    Exchanger,
    FixedCooling,
    FixedReturn,
    PlantControl,
    PlantKind,
    Pump,
    PumpCurve,
    SubstationControl,
    Tank,
    Valve,
)
from rexdynnet.physics.friction import pressure_loss
from rexdynnet.physics.heat import film_conductance
from tests.unit.dae.cases import STEEL, WATER, boiler, house, nodes, outputs, pair, settled, trench

CP, RHO = WATER.specific_heat_J_per_kgK, WATER.density_kg_per_m3


def answers(
    network: Network, options: DaeOptions | None = None, **given: float
) -> dict[str, float]:
    dae = build_dae(network, options)
    return outputs(dae, settled(dae, **given))


def test_a_pipe_with_wall_cools_exponentially_by_film_wall_and_insulation() -> None:
    fine = DaeOptions(cell_length_m=2.0, maximum_cells=50)
    y = answers(pair(), fine)
    flow = y["i-h_supply.mass_flow"]
    film = film_conductance(flow, 0.05, 1e-4, STEEL.thickness_m, 50.0, 4.5e-4, 0.65, CP)
    total = 1.0 / (1.0 / film + 1.0 / 0.3)
    expected = 283.15 + (353.15 - 283.15) * exp(-total * 100.0 / (flow * CP))
    assert y["i-h_supply.outlet_temperature"] == pytest.approx(expected, abs=1e-4)


def test_a_pipe_loses_pressure_by_its_friction_law() -> None:
    y = answers(pair())
    loss = pressure_loss(y["house_h.mass_flow"], 100.0, 0.05, 1e-4, 0.0, RHO, 4.5e-4)
    assert y["house_h.differential_pressure"] == pytest.approx(1e5 - 2 * float(loss), abs=1e-3)


def test_twin_pipes_warm_the_return_through_their_walls() -> None:
    apart, together = (answers(pair(pipes=trench("i", "h", 400.0, **more))) for more in
                       ({}, {"coupling_W_per_mK": 0.2}))  # fmt: skip
    assert together["boiler.return_temperature"] > apart["boiler.return_temperature"] + 0.1
    assert together["house_h.supply_temperature"] < apart["house_h.supply_temperature"] - 0.1
    lost = sum(v for k, v in together.items() if k.endswith("heat_loss"))
    assert together["boiler.heat"] - together["house_h.heat"] == pytest.approx(lost, rel=1e-6)


def test_absolute_pressure_falls_with_elevation() -> None:
    flat = pair(house(control=SubstationControl.FLOW))
    high = tuple(replace(n, elevation_m=20.0 if n.place == "h" else 0.0) for n in flat.nodes)
    given = {"house_h__mass_flow_demand": 0.2}
    low_y, high_y = answers(flat, **given), answers(replace(flat, nodes=high), **given)
    drop = low_y["h_supply.pressure"] - high_y["h_supply.pressure"]
    assert drop == pytest.approx(RHO * 9.80665 * 20.0, rel=1e-9)
    assert high_y["house_h.differential_pressure"] == pytest.approx(
        low_y["house_h.differential_pressure"], abs=1e-3
    )


def test_a_substation_draws_the_flow_that_its_heat_needs() -> None:
    y = answers(pair(house(return_law=FixedReturn(313.15))))
    needed = 20e3 / (CP * (y["house_h.supply_temperature"] - 313.15))
    assert y["house_h.mass_flow"] == pytest.approx(needed, rel=1e-6)
    assert y["house_h.return_temperature"] == pytest.approx(313.15, abs=1e-9)
    assert y["house_h.unserved_heat"] < 0.1


def test_fixed_cooling_cools_by_its_difference() -> None:
    y = answers(pair(house(return_law=FixedCooling(25.0))))
    difference = y["house_h.supply_temperature"] - y["house_h.return_temperature"]
    assert difference == pytest.approx(25.0, abs=1e-9)


def test_an_exchanger_gives_its_heat_at_the_logarithmic_mean_difference() -> None:
    y = answers(pair(house(return_law=Exchanger(1500.0, 333.15, 308.15))))
    hot = y["house_h.supply_temperature"] - 333.15
    cold = y["house_h.return_temperature"] - 308.15
    assert y["house_h.heat"] == pytest.approx(20e3, rel=1e-4)
    assert 1500.0 * (hot - cold) / log(hot / cold) == pytest.approx(20e3, rel=1e-4)


def test_fouling_raises_flow_and_return_temperature() -> None:
    network = pair(house(return_law=Exchanger(1500.0, 333.15, 308.15)))
    clean, foul = answers(network), answers(network, house_h__fouling=0.2)
    assert foul["house_h.mass_flow"] > clean["house_h.mass_flow"] * 1.01
    assert foul["house_h.return_temperature"] > clean["house_h.return_temperature"] + 0.5


def test_more_demand_than_the_valve_carries_is_booked_as_unserved() -> None:
    y = answers(pair(house(valve_kv_kg_per_s=0.1)))
    most = 0.1 * sqrt(y["house_h.differential_pressure"] / 1e5)
    assert y["house_h.mass_flow"] == pytest.approx(most, rel=1e-3)
    assert y["house_h.unserved_heat"] == pytest.approx(20e3 - y["house_h.heat"], rel=1e-9)
    assert y["house_h.unserved_heat"] > 1e3


def test_a_prescribed_flow_is_drawn() -> None:
    network = pair(house(control=SubstationControl.FLOW, return_law=FixedCooling(30.0)))
    y = answers(network, house_h__mass_flow_demand=0.25)
    assert y["house_h.mass_flow"] == pytest.approx(0.25, rel=1e-5)
    assert y["house_h.heat"] == pytest.approx(0.25 * CP * 30.0, rel=1e-5)


def test_a_commanded_valve_passes_what_pressure_drives() -> None:
    y = answers(pair(house(control=SubstationControl.VALVE)), house_h__opening=0.3)
    expected = 0.3 * sqrt(y["house_h.differential_pressure"] / 1e5)
    assert y["house_h.mass_flow"] == pytest.approx(expected, rel=1e-6)


def test_a_room_settles_where_radiator_and_losses_agree() -> None:
    building = Building(2e7, 500.0, setpoint_K=294.15, band_K=2.0)
    network = pair(house(building=building))
    y = answers(network, outdoor__temperature=268.15)
    room = y["house_h.temperature"]
    assert y["house_h.heat"] == pytest.approx(500.0 * (room - 268.15), rel=1e-6)
    assert y["house_h.heat_demand"] == pytest.approx(50e3 * (295.15 - room) / 2.0, rel=1e-6)


def test_a_plant_of_too_little_capacity_supplies_colder_water() -> None:
    y = answers(pair(plants=(boiler(capacity_W=15e3),)))
    assert y["boiler.heat"] == pytest.approx(15e3, rel=1e-6)
    assert y["boiler.supply_temperature"] < 353.15 - 1.0
    assert y["boiler.fuel_power"] == pytest.approx(15e3 / 0.95, rel=1e-6)


def test_pump_power_is_flow_times_head_over_efficiency() -> None:
    y = answers(pair())
    expected = y["boiler.mass_flow"] * 1e5 / (RHO * 0.6)
    assert y["boiler.pump_power"] == pytest.approx(expected, rel=1e-6)


def two_plants(kind: PlantKind = PlantKind.BOILER, **settings: float) -> Network:
    """A second plant at the substation's place, feeding a given heat."""
    second = boiler("h", name="second", kind=kind, control=PlantControl.HEAT, **settings)
    return pair(plants=(boiler(), second))


def test_a_plant_of_given_heat_feeds_just_that() -> None:
    y = answers(two_plants(), second__heat=8e3)
    assert y["second.heat"] == pytest.approx(8e3, rel=1e-6)
    assert y["second.mass_flow"] == pytest.approx(
        8e3 / (CP * (353.15 - y["second.return_temperature"])), rel=1e-6
    )
    assert y["boiler.mass_flow"] + y["second.mass_flow"] == pytest.approx(
        y["house_h.mass_flow"], rel=1e-9
    )


def test_a_heat_pump_takes_electricity_by_its_share_of_carnot() -> None:
    y = answers(
        two_plants(PlantKind.HEAT_PUMP, efficiency=0.5, source_temperature_K=283.15),
        second__heat=8e3,
    )
    cop = 0.5 * 353.15 / (353.15 - 283.15)
    assert y["second.fuel_power"] == pytest.approx(8e3 / cop, rel=1e-6)


def test_waste_heat_is_limited_by_what_is_available() -> None:
    network = two_plants(PlantKind.WASTE_HEAT)
    y = answers(network, second__heat=8e3, second__available_heat=5e3)
    assert y["second.heat"] == pytest.approx(5e3, rel=1e-6)
    assert y["second.fuel_power"] == 0.0


def test_solar_heat_follows_radiation_and_collector_temperature() -> None:
    network = two_plants(PlantKind.SOLAR, collector_area_m2=20.0)
    sun = {"outdoor__global_radiation": 800.0, "outdoor__temperature": 283.15}
    y = answers(network, second__heat=300e3, **sun)
    middle = 0.5 * (353.15 + y["second.return_temperature"])
    expected = 20.0 * (0.75 * 800.0 - 3.5 * (middle - 283.15))
    assert y["second.heat"] == pytest.approx(expected, rel=1e-6)


def test_a_plant_that_trips_stands_still_and_the_rest_is_unserved() -> None:
    y = answers(two_plants(), second__heat=8e3, second__availability=0.0)
    assert abs(y["second.mass_flow"]) < 1e-9
    y = answers(pair(), boiler__availability=0.0)
    assert abs(y["boiler.mass_flow"]) < 1e-5
    assert y["house_h.unserved_heat"] == pytest.approx(20e3, rel=1e-3)


def test_surplus_of_another_plant_flows_back_through_the_balancing_one() -> None:
    dae = build_dae(two_plants())
    point = settled(dae, second__heat=15e3)
    fallen = point.d.copy()
    fallen[[s.name for s in dae.d].index("house_h.heat_demand")] = 10e3
    z = consistent(dae, point.x, point.u, fallen, point.p)
    y = outputs(dae, replace(point, z=z, d=fallen))
    assert y["boiler.mass_flow"] < 0
    assert y["boiler.heat"] == 0.0


def three_houses() -> Network:
    return Network(
        "line",
        nodes("i", "a", "b", "c"),
        (*trench("i", "a", 300.0), *trench("a", "b", 300.0), *trench("b", "c", 300.0)),
        tuple(house(p, minimum_differential_pressure_Pa=0.4e5) for p in "abc"),
        (boiler(worst_point=True, maximum_differential_pressure_Pa=3e5),),
        pair().holdings,
        fluid=WATER,
    )


def test_the_worst_point_gets_just_its_minimum() -> None:
    demands = {f"house_{place}__heat_demand": 80e3 for place in "abc"}
    y = answers(three_houses(), boiler__differential_pressure=0.2e5, **demands)
    assert y["house_c.differential_pressure"] == pytest.approx(0.4e5, abs=1.0)
    assert y["boiler.differential_pressure"] > 0.41e5


def test_worst_point_control_stays_within_the_plants_bounds() -> None:
    little = {f"house_{place}__heat_demand": 5e3 for place in "abc"}
    y = answers(three_houses(), boiler__differential_pressure=0.9e5, **little)
    assert y["boiler.differential_pressure"] == pytest.approx(0.9e5, abs=1.0)
    much = {f"house_{place}__heat_demand": 900e3 for place in "abc"}
    y = answers(three_houses(), boiler__differential_pressure=0.2e5, **much)
    assert y["boiler.differential_pressure"] == pytest.approx(3e5, abs=1.0)


def test_a_dump_discards_the_heat_asked_up_to_its_capacity() -> None:
    network = pair(dumps=(Dump("cooler", "h_supply", "h_return", 12e3),))
    y = answers(network, cooler__heat=10e3)
    assert y["cooler.heat"] == pytest.approx(10e3, rel=1e-6)
    assert answers(network, cooler__heat=50e3)["cooler.heat"] == pytest.approx(12e3, rel=1e-6)


def test_a_charging_tank_sends_its_coldest_water_to_the_return() -> None:
    tank = Tank("store", "i_supply", "i_return", 5.0, 3.0, layers=5, loss_W_per_m2K=0.0)
    dae = build_dae(pair(tanks=(tank,)))
    point = settled(dae, store__mass_flow=0.2)
    y = outputs(dae, point)
    # in the end the whole tank is as hot as the supply and nothing is stored any more
    assert y["store.temperature_4"] == pytest.approx(353.15, abs=1e-3)
    assert y["store.heat"] == pytest.approx(0.0, abs=1.0)
    assert y["boiler.mass_flow"] == pytest.approx(y["house_h.mass_flow"] + 0.2, rel=1e-9)


def test_an_idle_tank_loses_heat_through_its_surface() -> None:
    tank = Tank("store", "i_supply", "i_return", 5.0, 3.0, layers=4, loss_W_per_m2K=0.5)
    dae = build_dae(pair(tanks=(tank,)))
    point = settled(dae)
    rows = [i for i, name in enumerate(dae.x_names) if name.startswith("store.")]
    x = point.x.copy()
    x[rows] = 343.15
    y = outputs(dae, replace(point, x=x))
    area = 5.0 / 3.0
    surface = 2 * area + 2 * sqrt(pi * area) * 3.0
    outdoor = point.d[[s.name for s in dae.d].index("outdoor.temperature")]
    assert y["store.heat_loss"] == pytest.approx(0.5 * surface * (343.15 - outdoor), rel=1e-9)


def line_with(*, pumps: tuple[Pump, ...] = (), valves: tuple[Valve, ...] = ()) -> Network:
    """Plant at i, trench to m, and on the supply line something between m and h."""
    plain = pair()
    return replace(
        plain,
        nodes=nodes("i", "m", "h"),
        pipes=(
            *trench("i", "m"),
            replace(trench("m", "h")[1]),
        ),
        pumps=pumps,
        valves=valves,
    )


def test_a_booster_pump_adds_the_head_of_its_curve() -> None:
    curve = PumpCurve(0.5e5, 1e5)
    network = line_with(pumps=(Pump("booster", "m_supply", "h_supply", curve),))
    y = answers(network, booster__speed=0.9)
    flow = y["booster.mass_flow"]
    assert y["booster.head"] == pytest.approx(0.81 * 0.5e5 - 1e5 * flow**2, abs=1.0)
    assert y["house_h.differential_pressure"] > 1.3e5


def test_a_valve_in_the_line_throttles_by_its_opening() -> None:
    network = line_with(valves=(Valve("throttle", "m_supply", "h_supply", 1.0),))
    y = answers(network, throttle__opening=0.5)
    drop = (y["throttle.mass_flow"] / 0.5) ** 2 * 1e5
    passed = y["m_supply.pressure"] - y["h_supply.pressure"]
    assert passed == pytest.approx(drop, rel=1e-3)


def test_a_shut_valve_leaves_the_house_unserved_but_its_pressure_defined() -> None:
    network = line_with(valves=(Valve("throttle", "m_supply", "h_supply", 1.0),))
    y = answers(network, throttle__opening=0.0)
    assert y["throttle.mass_flow"] < 1e-5
    assert y["house_h.unserved_heat"] == pytest.approx(20e3, rel=1e-3)
    assert np.isfinite(y["h_supply.pressure"])


def test_a_check_valve_against_the_flow_blocks_it() -> None:
    network = line_with(valves=(Valve("flap", "h_supply", "m_supply", 1.0, check=True),))
    y = answers(network)
    assert abs(y["flap.mass_flow"]) < 1e-5
    network = line_with(valves=(Valve("flap", "m_supply", "h_supply", 1.0, check=True),))
    assert answers(network)["flap.mass_flow"] == pytest.approx(
        answers(network)["house_h.mass_flow"], rel=1e-9
    )


def test_a_bypass_opens_when_the_branch_gets_cold() -> None:
    bypass = Bypass("bypass", "h_supply", "h_return", 0.2, setpoint_K=338.15, band_K=4.0)
    pipes = trench("i", "h", 600.0, loss=0.5)
    idle = {"house_h__heat_demand": 0.0}
    cold = answers(pair(pipes=pipes), **idle)
    warm = answers(pair(pipes=pipes, bypasses=(bypass,)), **idle)
    assert cold["h_supply.temperature"] < 300.0
    assert 330.0 < warm["h_supply.temperature"] < 340.0
    served = answers(pair(pipes=pipes, bypasses=(bypass,)), house_h__heat_demand=45e3)
    assert served["bypass.mass_flow"] < 0.2 * warm["bypass.mass_flow"]


def test_a_leak_is_made_up_at_the_pressure_holding() -> None:
    name = "i-h_supply__leak"
    network = pair()
    dae = build_dae(network)
    u = settled(dae, **{name: 0.01})
    y = outputs(dae, u)
    outside = y["h_supply.pressure"] - 101325.0
    expected = 0.01 * sqrt(outside / 1e5)
    assert y["i_return.makeup_mass_flow"] == pytest.approx(expected, rel=1e-6)
    assert y["i-h_supply.mass_flow"] - y["i-h_return.mass_flow"] == pytest.approx(
        expected, rel=1e-6
    )
    lost = sum(v for k, v in y.items() if k.endswith("heat_loss"))
    makeup = y["i_return.makeup_heat"] + y["i-h_supply.leak_heat"]
    assert y["boiler.heat"] + makeup == pytest.approx(y["house_h.heat"] + lost, rel=1e-7)


def test_wet_insulation_loses_more() -> None:
    dry = answers(pair())["i-h_supply.heat_loss"]
    wet = answers(pair(), **{"i-h_supply__loss_factor": 3.0})["i-h_supply.heat_loss"]
    assert 2.5 * dry < wet < 3.0 * dry


def test_deposits_take_pressure() -> None:
    clean = answers(pair())["house_h.differential_pressure"]
    rough = answers(pair(), **{"i-h_supply__roughness_factor": 20.0})
    assert rough["house_h.differential_pressure"] < clean - 100.0
