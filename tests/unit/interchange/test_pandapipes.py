"""Networks go to pandapipes and back; what one side cannot say is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rexdynnet.errors import InputError
from rexdynnet.interchange.pandapipes import from_pandapipes, junction_nodes
from rexdynnet.interchange.pandapipes_export import to_pandapipes
from rexdynnet.network.random import RandomOptions, random_mesh
from rexdynnet.network.spec import (
    Exchanger,
    FixedCooling,
    FixedReturn,
    Fluid,
    Line,
    SubstationControl,
    Tank,
    Valve,
)

pp: Any = pytest.importorskip("pandapipes")

OPTIONS = RandomOptions(fluid=Fluid(viscosity_Pa_s=4e-4))


def test_a_network_survives_the_way_there_and_back() -> None:
    network = random_mesh(12, 3, 2, OPTIONS)
    back = from_pandapipes(to_pandapipes(network))
    assert back.fluid == network.fluid
    assert back.ground.temperature_K == network.ground.temperature_K
    assert len(back.nodes) == len(network.nodes)
    for ours, theirs in zip(network.pipes, back.pipes, strict=True):
        assert theirs.line is ours.line
        assert theirs.length_m == pytest.approx(ours.length_m)
        assert theirs.inner_diameter_m == pytest.approx(ours.inner_diameter_m)
        assert theirs.loss_W_per_mK == pytest.approx(ours.loss_W_per_mK)
        assert theirs.roughness_m == pytest.approx(ours.roughness_m)
    for ours, theirs in zip(network.substations, back.substations, strict=True):
        assert theirs.control is SubstationControl.HEAT
        assert theirs.design_heat_W == pytest.approx(ours.design_heat_W)
        assert theirs.return_law == ours.return_law
    (plant,) = back.plants
    assert plant.differential_pressure_Pa == pytest.approx(
        network.plants[0].differential_pressure_Pa
    )
    held = network.holdings[0].pressure_Pa + plant.differential_pressure_Pa
    assert back.holdings[0].pressure_Pa == pytest.approx(held)


@pytest.fixture
def small() -> Any:
    """Return a pump, two junctions a line and one consumer."""
    net = pp.create_empty_network(fluid="water")
    j = [pp.create_junction(net, 5, 330) for _ in range(4)]
    for tail, head in ((0, 1), (2, 3)):
        pp.create_pipe_from_parameters(
            net, j[tail], j[head], 0.1, 50.0, k_mm=0.1, u_w_per_m2k=1.0, text_k=283.15
        )
    pp.create_heat_consumer(net, j[1], j[2], controlled_mdot_kg_per_s=0.4, qext_w=30e3)
    pp.create_circ_pump_const_pressure(net, j[3], j[0], 5.0, 2.0, 353.15)
    return net


def test_prescribed_heat_and_flow_become_flow_and_cooling(small: Any) -> None:
    network = from_pandapipes(small)
    (substation,) = network.substations
    assert substation.control is SubstationControl.FLOW
    assert isinstance(substation.return_law, FixedCooling)
    cp = network.fluid.specific_heat_J_per_kgK
    assert substation.return_law.difference_K == pytest.approx(30e3 / (0.4 * cp))


def test_prescribed_flow_and_return_temperature_are_kept(small: Any) -> None:
    small.heat_consumer["qext_w"] = float("nan")
    small.heat_consumer["treturn_k"] = 313.15
    (substation,) = from_pandapipes(small).substations
    assert substation.return_law == FixedReturn(313.15)


def test_lines_are_told_apart_by_what_the_pump_feeds(small: Any) -> None:
    line = {node.name: node.line for node in from_pandapipes(small).nodes}
    assert line["junction_0"] is line["junction_1"] is Line.SUPPLY
    assert line["junction_2"] is line["junction_3"] is Line.RETURN


def test_junctions_joined_without_length_or_resistance_become_one_node(small: Any) -> None:
    extra = pp.create_junction(small, 5, 330)
    valve_end = pp.create_junction(small, 5, 330)
    pp.create_pipe_from_parameters(small, 1, extra, 0.0, 50.0)
    pp.create_valve(small, extra, valve_end, et="ju", inner_diameter_mm=50, opened=True)
    node = junction_nodes(small)
    assert node[1] == node[extra] == node[valve_end]
    assert len(from_pandapipes(small).pipes) == 2


def test_a_valve_with_resistance_passes_its_flow_at_one_bar(small: Any) -> None:
    end = pp.create_junction(small, 5, 330)
    pp.create_valve(small, 1, end, et="ju", inner_diameter_mm=50, opened=True, loss_coefficient=4.0)
    (valve,) = from_pandapipes(small).valves
    speed = valve.kv_kg_per_s / (983.1205 * 3.141592653589793 * 0.025**2)
    assert 4.0 * 983.1205 * speed**2 / 2 == pytest.approx(1e5, rel=1e-6)


def test_a_valve_comes_back_with_its_size() -> None:
    network = random_mesh(3, 1, 0, OPTIONS)
    cut = network.pipes[0]
    ahead = replace(network.node_by_name[cut.to_node], name="ahead", place="ahead")
    network = replace(
        network,
        nodes=(*network.nodes, ahead),
        pipes=(replace(cut, to_node="ahead"), *network.pipes[1:]),
        valves=(Valve("gate", "ahead", cut.to_node, 12.5),),
    )
    (valve,) = from_pandapipes(to_pandapipes(network)).valves
    assert (valve.name, valve.from_node, valve.to_node) == ("gate", "ahead", cut.to_node)
    assert valve.kv_kg_per_s == pytest.approx(12.5)


def test_names_and_places_survive() -> None:
    network = random_mesh(4, 1, 0, OPTIONS)
    back = from_pandapipes(to_pandapipes(network))
    assert [node.name for node in back.nodes] == [node.name for node in network.nodes]
    assert [(n.x_m, n.y_m) for n in back.nodes] == [(n.x_m, n.y_m) for n in network.nodes]
    assert {pipe.name for pipe in back.pipes} == {pipe.name for pipe in network.pipes}


def test_names_that_two_pipes_share_are_replaced_by_indices(small: Any) -> None:
    small.pipe["name"] = ["same", "same"]
    assert [pipe.name for pipe in from_pandapipes(small).pipes] == ["pipe_0", "pipe_1"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda net: pp.create_sink(net, 1, 0.1), "sink is not supported"),
        (lambda net: pp.create_ext_grid(net, 0, 5, 330), "ext_grid is not supported"),
        (lambda net: net.pipe.__setitem__("text_k", [280.0, 290.0]), "2 different ambient"),
        (lambda net: pp.create_junction(net, 5, 330), "the pump does not reach it"),
        (
            lambda net: pp.create_pipe_from_parameters(net, 1, 2, 0.1, 50.0, text_k=283.15),
            "join the supply and the return line",
        ),
        (
            lambda net: pp.create_circ_pump_const_pressure(net, 2, 1, 5.0, 2.0, 353.15),
            "2 pressure-controlled circulation pumps",
        ),
    ],
)
def test_what_a_network_cannot_say_is_refused(small: Any, spoil: Any, message: str) -> None:
    spoil(small)
    with pytest.raises(InputError, match=message):
        from_pandapipes(small)


def test_what_pandapipes_cannot_say_is_refused_all_at_once() -> None:
    network = random_mesh(3, 1, 0)
    tank = Tank("tank", "0_supply", "0_return", 10.0, 3.0)
    odd = replace(network.substations[0], return_law=Exchanger(1e3))
    network = replace(network, tanks=(tank,), substations=(odd, *network.substations[1:]))
    with pytest.raises(InputError) as caught:
        to_pandapipes(network)
    text = str(caught.value)
    assert "tank" in text
    assert odd.name in text
