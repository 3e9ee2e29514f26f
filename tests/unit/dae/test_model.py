from __future__ import annotations

import pickle
from dataclasses import dataclass, replace

import casadi as ca
import numpy as np
import pytest

from rexdynnet.dae import (
    Dae,
    DaeOptions,
    Point,
    Scheme,
    build_dae,
    consistent,
    defaults,
    index1_check,
    linearise,
)
from rexdynnet.dae.components.registry import contribute, disturbances_of, terminals
from rexdynnet.dae.context import Context, mean, through, value
from rexdynnet.dae.contribution import Account, Contribution, Port
from rexdynnet.errors import InputError, SolverError
from rexdynnet.network.inputs import controls, disturbances, parameters
from rexdynnet.network.spec import PlantControl, PressureHolding, SubstationControl
from rexdynnet.signals import Signal
from tests.unit.dae.cases import boiler, house, inputs, outputs, pair, ring, settled


@pytest.fixture(scope="module")
def dae() -> Dae:
    return build_dae(ring())


def test_symbols_are_named_uniquely_and_in_the_order_of_the_network_inputs(dae: Dae) -> None:
    network = dae.network
    assert (dae.u, dae.d, dae.p) == (controls(network), disturbances(network), parameters(network))
    names = [*dae.x_names, *dae.z_names, *(s.name for s in (*dae.u, *dae.d, *dae.p))]
    assert len(set(names)) == len(names)
    assert len(set(dae.y_names)) == len(dae.y_names)


def test_functions_take_time_states_algebraics_controls_disturbances_parameters(dae: Dae) -> None:
    for function in (dae.ode, dae.alg, dae.out):
        assert function.name_in() == ["t", "x", "z", "u", "d", "p"]
    assert dae.ode.size1_out(0) == len(dae.x)
    assert dae.alg.size1_out(0) == len(dae.z)
    assert dae.out.size1_out(0) == len(dae.y)


def test_a_symbol_is_reached_by_its_name(dae: Dae) -> None:
    room = dae.symbol("a-b_supply.water_temperature_0")
    assert room.name() == "a-b_supply.water_temperature_0" or room.is_symbolic()
    assert bool(ca.depends_on(dae.equations.ode, dae.symbol("house_b.mass_flow")))
    with pytest.raises(KeyError, match="no symbol"):
        dae.symbol("house_b.colour")


def test_the_repr_shows_size_and_equations(dae: Dae) -> None:
    text = repr(dae)
    assert f"{len(dae.x)} states, {len(dae.z)} algebraics" in text
    assert "d/dt" in text
    assert "0 = " in text
    assert max(len(line) for line in text.splitlines()) < 180


def test_a_pickled_model_comes_back_with_the_same_equations() -> None:
    first = build_dae(pair(), DaeOptions(scheme=Scheme.UPWIND, cell_length_m=50.0))
    second = pickle.loads(pickle.dumps(first))
    point = settled(first)
    assert second.x_names == first.x_names
    arguments = (0.0, point.x + 1.0, point.z, point.u, point.d, point.p)
    rates = [np.asarray(dae.ode(*arguments)) for dae in (first, second)]
    np.testing.assert_array_equal(*rates)


def test_an_island_without_pressure_holding_is_an_input_error() -> None:
    broken = replace(pair(), holdings=())
    with pytest.raises(InputError, match="0 pressure holdings"):
        _ = build_dae(broken).x


def test_a_second_pressure_holding_is_an_input_error() -> None:
    twice = (PressureHolding("i_return"), PressureHolding("h_return"))
    with pytest.raises(InputError, match="2 pressure holdings"):
        _ = build_dae(replace(pair(), holdings=twice)).x


def test_the_algebraics_have_index_one_in_service_and_at_rest(dae: Dae) -> None:
    assert index1_check(dae, settled(dae)).index_1
    still = {f"house_{place}__heat_demand": 0.0 for place in "abc"}
    assert index1_check(dae, settled(dae, **still)).index_1


def test_the_index_check_names_what_is_not_determined() -> None:
    # a shut valve and a plant of given flow: nothing decides the supply line's pressure
    feeding = boiler(control=PlantControl.HEAT)
    model = build_dae(pair(house(control=SubstationControl.VALVE), plants=(feeding,)))
    u, d, p = inputs(model, house_h__opening=0.0, boiler__heat=0.0)
    still = Point(np.full(len(model.x), 330.0), np.zeros(len(model.z)), u, d, p)
    report = index1_check(model, still)
    assert not report.index_1
    assert report.weakest in {"i_supply.pressure_difference", "h_supply.pressure_difference"}


def test_the_index_check_finds_values_that_are_no_numbers(dae: Dae) -> None:
    point = settled(dae)
    report = index1_check(dae, replace(point, z=np.full(len(dae.z), np.nan)))
    assert not report.index_1


def test_the_steady_state_is_where_nothing_changes(dae: Dae) -> None:
    point = settled(dae)
    arguments = (0.0, point.x, point.z, point.u, point.d, point.p)
    assert np.max(np.abs(np.asarray(dae.ode(*arguments)))) < 1e-8
    assert np.max(np.abs(np.asarray(dae.alg(*arguments)))) < 1e-9


def test_mass_balances_to_round_off_at_every_node(dae: Dae) -> None:
    point = settled(dae)
    left = dae.imbalance(0.0, point.x, point.z, point.u, point.d, point.p)
    assert np.max(np.abs(np.asarray(left))) < 1e-12


def test_steady_heat_of_the_plant_is_demand_plus_loss(dae: Dae) -> None:
    y = outputs(dae, settled(dae))
    lost = sum(heat for name, heat in y.items() if name.endswith(".heat_loss"))
    given = sum(y[f"house_{place}.heat"] for place in "abc")
    assert given == pytest.approx(60e3, rel=1e-6)
    assert y["boiler.heat"] == pytest.approx(given + lost, rel=1e-8)


def test_pressure_drops_sum_to_zero_around_the_ring(dae: Dae) -> None:
    y = outputs(dae, settled(dae, house_c__heat_demand=45e3))
    assert y["b-c_supply.mass_flow"] != pytest.approx(0.0)
    # both ways from the plant reach c at the same pressure, because nodes have one pressure;
    # the flows must then split so that neither way is idle
    assert y["i-c_supply.mass_flow"] > 0.1
    assert y["i-a_supply.mass_flow"] > 0.1


def test_flow_reverses_in_the_ring_when_demand_moves(dae: Dae) -> None:
    few = {"house_a__heat_demand": 1e3, "house_b__heat_demand": 1e3}
    far = outputs(dae, settled(dae, **few, house_c__heat_demand=60e3))
    few = {"house_b__heat_demand": 40e3, "house_c__heat_demand": 1e3}
    near = outputs(dae, settled(dae, **few, house_a__heat_demand=60e3))
    assert far["b-c_supply.mass_flow"] > 0.01
    assert near["b-c_supply.mass_flow"] < -0.01


def test_a_plant_that_feeds_against_a_shut_valve_stops_at_the_head_of_its_pump() -> None:
    feeding = boiler(control=PlantControl.HEAT)
    model = build_dae(pair(house(control=SubstationControl.VALVE), plants=(feeding,)))
    u, d, p = inputs(model, house_h__opening=0.0, boiler__heat=10e3)
    x = np.full(len(model.x), 330.0)
    y = outputs(model, Point(x, consistent(model, x, u, d, p), u, d, p))
    assert y["boiler.mass_flow"] == pytest.approx(0.0, abs=1e-6)
    lift = feeding.maximum_differential_pressure_Pa
    assert lift < y["boiler.differential_pressure"] <= 1.06 * lift


def test_hydraulics_without_solution_name_time_and_component() -> None:
    model = build_dae(pair(), extras=(Paradox("rod", "h_return", "h_supply", 0.02),))
    u, d, p = inputs(model)
    with pytest.raises(SolverError, match="hydraulics have no solution") as caught:
        consistent(model, np.full(len(model.x), 330.0), u, d, p, 60.0)
    assert caught.value.time_s == 60.0
    assert caught.value.component == "rod"


def test_a_temperature_that_is_no_number_is_named(dae: Dae) -> None:
    point = settled(dae)
    x = point.x.copy()
    x[3] = np.nan
    with pytest.raises(SolverError, match=dae.x_names[3]):
        consistent(dae, x, point.u, point.d, point.p)


def test_defaults_name_what_is_missing_or_unknown(dae: Dae) -> None:
    with pytest.raises(KeyError, match="house_a"):
        defaults(dae.d)
    with pytest.raises(KeyError, match="house_x"):
        defaults(dae.d, {"house_x.heat_demand": 1.0})


def test_the_linear_model_agrees_with_finite_differences() -> None:
    # upwind, because a limiter has kinks where no derivative exists
    dae = build_dae(ring(), DaeOptions(scheme=Scheme.UPWIND))
    point = settled(dae)
    linear = linearise(dae, point)

    def answer(x: np.ndarray, u: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = consistent(dae, x, u, d, point.p, 0.0, point.z)
        arguments = (0.0, x, z, u, d, point.p)
        return np.asarray(dae.ode(*arguments)).ravel(), np.asarray(dae.out(*arguments)).ravel()

    rng = np.random.default_rng(3)
    dx = rng.normal(size=len(point.x)) * 1e-3
    du = rng.normal(size=len(point.u)) * np.array([1e-3, 1.0])
    dd = np.array([1e-3 if s.unit == "K" else 1e-4 * s.nominal for s in dae.d])
    dd[[s.quantity == "availability" for s in dae.d]] = 0.0
    plus = answer(point.x + dx, point.u + du, point.d + dd)
    minus = answer(point.x - dx, point.u - du, point.d - dd)
    slope_x = linear.A @ dx + linear.B @ du + linear.E @ dd
    slope_y = linear.C @ dx + linear.D @ du + linear.F @ dd
    for found, high, low in ((slope_x, plus[0], minus[0]), (slope_y, plus[1], minus[1])):
        expected = 0.5 * (high - low)
        np.testing.assert_allclose(found, expected, atol=2e-5 * np.max(np.abs(expected)))


def test_a_heated_network_is_stable(dae: Dae) -> None:
    poles = np.linalg.eigvals(linearise(dae, settled(dae)).A)
    assert poles.real.max() < 0


@dataclass(frozen=True)
class ElectricHeater:
    """A kind the package does not know: heats a small stream from return to supply."""

    name: str
    return_node: str
    supply_node: str
    mass_flow_kg_per_s: float


@contribute.register
def _(component: ElectricHeater, tail: Port, head: Port, context: Context) -> Contribution:
    name = component.name
    flow = context.symbols(name, "mass_flow")
    power = context.inputs[f"{name}.power"]
    hot = tail.temperature + power / (context.specific_heat * component.mass_flow_kg_per_s)
    return Contribution(
        algebraics=(context.mass_flow(name, flow - component.mass_flow_kg_per_s, 1.0),),
        draws=through(tail, head, flow, head.temperature, hot),
        outputs=(
            value("heater", name, "mass_flow", "kg/s", flow),
            mean("heater", name, "heat", power, account=Account.PLANTS),
        ),
    )


class Paradox(ElectricHeater):
    """A kind whose flow no number satisfies."""


@contribute.register
def _(component: Paradox, tail: Port, head: Port, context: Context) -> Contribution:
    flow = context.symbols(component.name, "mass_flow")
    return Contribution(
        algebraics=(context.mass_flow(component.name, flow * flow + 1.0, 1.0),),
        draws=through(tail, head, flow, head.temperature, tail.temperature),
        outputs=(),
    )


@terminals.register
def _(component: ElectricHeater) -> tuple[str, str]:
    return component.return_node, component.supply_node


@disturbances_of.register
def _(component: ElectricHeater) -> tuple[Signal, ...]:
    return (Signal(component.name, "power", "W", 1e3, 0.0, default=0.0),)


def test_a_new_kind_of_component_needs_no_change_of_the_assembler() -> None:
    heater = ElectricHeater("rod", "h_return", "h_supply", 0.02)
    plain = build_dae(pair())
    heated = build_dae(pair(), extras=(heater,))
    assert heated.d[-1].name == "rod.power"
    before = outputs(plain, settled(plain))
    after = outputs(heated, settled(heated, rod__power=2e3))
    lost = [sum(v for k, v in y.items() if k.endswith("heat_loss")) for y in (before, after)]
    change = after["boiler.heat"] - before["boiler.heat"]
    assert change == pytest.approx(lost[1] - lost[0] - 2e3, abs=0.1)


def test_an_unregistered_kind_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="no equations are registered for str"):
        build_dae(pair(), extras=("a string",))


def test_renaming_places_changes_no_result() -> None:
    network = pair(house("h"), plants=(boiler("i"),))
    y = outputs(build_dae(network), settled(build_dae(network)))

    def renamed(name: str) -> str:
        return name.replace("h_", "zz_")

    other = replace(
        network,
        nodes=tuple(replace(n, name=renamed(n.name)) for n in network.nodes),
        pipes=tuple(
            replace(p, from_node=renamed(p.from_node), to_node=renamed(p.to_node))
            for p in network.pipes
        ),
        substations=tuple(
            replace(s, supply_node=renamed(s.supply_node), return_node=renamed(s.return_node))
            for s in network.substations
        ),
    )
    again = outputs(build_dae(other), settled(build_dae(other)))
    for name in ("boiler.heat", "house_h.mass_flow", "i-h_supply.outlet_temperature"):
        assert again[name] == pytest.approx(y[name], rel=1e-12)
