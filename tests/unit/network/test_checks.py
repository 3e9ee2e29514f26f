"""What the checks find: topology, values, and the design state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.checks import check_network, require_sound
from rexdynnet.network.design import design_supply_K, solve_design
from rexdynnet.network.explain import explain
from rexdynnet.network.graph import Network
from rexdynnet.network.random import random_mesh
from rexdynnet.network.read import read_network
from rexdynnet.network.spec import (
    DatedLimit,
    FixedCooling,
    FixedReturn,
    HeatingCurve,
    Limited,
    Line,
    Node,
    Outage,
    PlantControl,
    PressureHolding,
)
from rexdynnet.network.topology import islands
from rexdynnet.physics.friction import pressure_loss
from rexdynnet.physics.water import viscosity
from tests.unit.network.projects import MODELS, change, good_folder

START, END = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def network() -> Network:
    return read_network(MODELS / "destest8")


def _first_pipe(network: Network, **change: object) -> Network:
    first, *rest = network.pipes
    return replace(
        network,
        pipes=(replace(first, partner=None, **change), replace(rest[0], partner=None), *rest[1:]),
    )


def _first_plant(network: Network, **change: object) -> Network:
    return replace(network, plants=(replace(network.plants[0], **change), *network.plants[1:]))


def _first_substation(network: Network, **change: object) -> Network:
    first, *rest = network.substations
    return replace(network, substations=(replace(first, **change), *rest))


BROKEN: list[tuple[str, Callable[[Network], Network], str]] = [
    ("no nodes", lambda n: replace(n, nodes=()), "no nodes"),
    ("no plant", lambda n: replace(n, plants=()), "no plant"),
    (
        "lonely node",
        lambda n: replace(n, nodes=(*n.nodes, Node("far", Line.SUPPLY))),
        "'far' is connected to nothing",
    ),
    ("cut pipe", lambda n: replace(n, pipes=n.pipes[2:]), "has no plant|no pipe joins"),
    (
        "no balance",
        lambda n: _first_plant(n, control=PlantControl.HEAT),
        "no plant of the island .* balances",
    ),
    ("no holding", lambda n: replace(n, holdings=()), "nothing holds the absolute pressure"),
    (
        "two holdings",
        lambda n: replace(n, holdings=(*n.holdings, PressureHolding("h_return"))),
        "two points hold the absolute pressure",
    ),
    (
        "twice the same name",
        lambda n: _first_substation(n, name="boiler"),
        "'boiler' is used 2 times",
    ),
    ("diameter in mm", lambda n: _first_pipe(n, inner_diameter_m=50.0), "use inner_diameter_mm"),
    ("length in km", lambda n: _first_pipe(n, length_m=0.036), "use length_km"),
    ("negative length", lambda n: _first_pipe(n, length_m=-36.0), "length_m is -36"),
    ("roughness in mm", lambda n: _first_pipe(n, roughness_m=0.1), "use roughness_mm"),
    ("NaN", lambda n: _first_pipe(n, loss_W_per_mK=float("nan")), "heat_loss_W_per_mK is nan"),
    (
        "degrees Celsius as kelvins",
        lambda n: _first_plant(n, supply_temperature_K=70.0),
        "looks like degrees Celsius",
    ),
    (
        "kelvins as degrees Celsius",
        lambda n: _first_substation(n, return_law=FixedReturn(586.0)),
        "return_temperature_K is 586 K",
    ),
    ("kilowatts", lambda n: _first_substation(n, design_heat_W=9.0), "use design_heat_kW"),
    (
        "unknown node",
        lambda n: _first_substation(n, supply_node="SimpleDistrict_99_supply"),
        "did you mean 'SimpleDistrict_9_supply'",
    ),
    (
        "plant turned round",
        lambda n: _first_plant(n, supply_node="i_return", return_node="i_supply"),
        "lies on the return line",
    ),
    (
        "partner without pipe",
        lambda n: replace(n, pipes=(replace(n.pipes[0], partner="other"), *n.pipes[1:])),
        "is no other pipe",
    ),
    (
        "coupling without wall",
        lambda n: replace(
            n, pipes=tuple(replace(p, wall=None, coupling_W_per_mK=0.1) for p in n.pipes)
        ),
        "there is no wall",
    ),
    (
        "outage of nothing",
        lambda n: replace(n, outages=(Outage("boilr", START, END),)),
        "did you mean 'boiler'",
    ),
    (
        "outage that ends first",
        lambda n: replace(n, outages=(Outage("boiler", END, START),)),
        "not after its start",
    ),
    (
        "limit without bound",
        lambda n: replace(n, limits=(DatedLimit("boiler", Limited.HEAT_W, START, END),)),
        "no bound",
    ),
    (
        "crossed limit",
        lambda n: replace(n, limits=(DatedLimit("boiler", Limited.HEAT_W, START, END, 2.0, 1.0),)),
        "is above upper",
    ),
    (
        "curve out of order",
        lambda n: replace(n, heating_curve=HeatingCurve(((288.15, 340.0), (260.0, 343.0)))),
        "do not increase",
    ),
    (
        "too much heat",
        lambda n: _first_substation(n, design_heat_W=19.347e6),
        "no flow meets the design demand",
    ),
    (
        "too warm a return",
        lambda n: _first_substation(n, return_law=FixedReturn(345.0)),
        "no flow gives 19.35 kW",
    ),
    (
        "boiling",
        lambda n: replace(n, heating_curve=HeatingCurve(((261.15, 423.15), (288.15, 343.15)))),
        "boils below 4.76 bar",
    ),
    (
        "boiling on a hill",
        lambda n: replace(
            n,
            nodes=tuple(
                replace(x, elevation_m=30.0) if x.place == "SimpleDistrict_9" else x
                for x in n.nodes
            ),
            holdings=(PressureHolding("i_return", 1.5e5),),
        ),
        "SimpleDistrict_9_return .elevation 30 m. has -1.39 bar",
    ),
    (
        "freezing",
        lambda n: _first_substation(n, return_law=FixedCooling(71.0)),
        "freezes at -1.0 degC",
    ),
    (
        "promise above the curve",
        lambda n: _first_substation(n, minimum_supply_temperature_K=353.15),
        "above the heating curve's highest",
    ),
]


@pytest.mark.parametrize(
    ("change", "message"), [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN]
)
def test_a_broken_network_is_found(
    network: Network, change: Callable[[Network], Network], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        require_sound(change(network))


def test_a_sound_network_has_no_findings(network: Network) -> None:
    assert check_network(network) == ()


def test_several_plants_may_hold_differential_pressures(network: Network) -> None:
    second = replace(
        network.plants[0],
        name="second",
        supply_node="g_supply",
        return_node="g_return",
        worst_point=False,
    )
    assert check_network(replace(network, plants=(*network.plants, second))) == ()
    with pytest.raises(InputError, match="both hold the worst point"):
        require_sound(replace(network, plants=(*network.plants, replace(second, worst_point=True))))


@pytest.mark.parametrize(
    ("file", "old", "new", "row", "words"),
    [
        ("pipes.csv", "school,mill,72,DN32 series 2,", "", 8, "has no plant"),
        ("network.toml", "pressure_bar = 3.0", "pressure_bar = 0.3", 44, "boils"),
        ("network.toml", "pressure_bar = 3.0", "pressure_Pa = 3.0", 44, "use pressure_bar"),
        ("substations.csv", "school,school,120", "school,school,12000", 5, "no flow meets"),
        ("substations.csv", "120,50", "120,85", 4, "no flow gives"),
        (
            "network.toml",
            "supply_temperature_degC = 80",
            "supply_temperature_K = 80",
            37,
            "Celsius",
        ),
    ],
)
def test_findings_of_a_read_network_name_file_and_row(
    tmp_path: Path, file: str, old: str, new: str, row: int, words: str
) -> None:
    folder = good_folder(tmp_path)
    change(folder, file, old, new)
    with pytest.raises(InputError) as caught:
        read_network(folder)
    first = next(f for f in caught.value.findings if words in str(f))
    assert first.file is not None
    assert first.remedy
    assert first.row == row


def test_tree_design_flows_and_pressures_are_what_hand_sums_give(network: Network) -> None:
    state = solve_design(network, islands(network)[0])
    assert state is not None
    one = 19347.0 / (4180.0 * 30.0)
    assert state.flow_kg_per_s["boiler"] == pytest.approx(8 * one)
    assert state.flow_kg_per_s["i-d_supply"] == pytest.approx(4 * one)
    assert state.flow_kg_per_s["d-c_return"] == pytest.approx(2 * one)
    route = {"i-h": 4, "h-g": 2, "g-SimpleDistrict_9": 1}
    head = 0.3e5
    for trench, count in route.items():
        for line, temperature in (("supply", 343.15), ("return", 313.15)):
            pipe = network.component_by_name[f"{trench}_{line}"]
            head += float(
                pressure_loss(
                    count * one,
                    pipe.length_m,
                    pipe.inner_diameter_m,
                    pipe.roughness_m,
                    0.0,
                    988.0,
                    viscosity(temperature),
                )
            )
    assert state.head_Pa["boiler"] == pytest.approx(head, rel=1e-6)


def test_meshed_design_state_obeys_both_of_kirchhoffs_laws() -> None:
    network = read_network(MODELS / "meshed_two_plants")
    state = solve_design(network, islands(network)[0])
    assert state is not None
    balance = dict.fromkeys(network.node_by_name, 0.0)
    weight = network.fluid.density_kg_per_m3 * 9.80665
    level = {
        name: pressure + weight * network.node_by_name[name].elevation_m
        for name, pressure in state.pressure_Pa.items()
    }
    for pipe in network.pipes:
        flow = state.flow_kg_per_s[pipe.name]
        balance[pipe.from_node] -= flow
        balance[pipe.to_node] += flow
        if pipe.line is Line.SUPPLY:
            fall = level[pipe.from_node] - level[pipe.to_node]
            lost = pressure_loss(
                flow,
                pipe.length_m,
                pipe.inner_diameter_m,
                pipe.roughness_m,
                pipe.minor_loss,
                network.fluid.density_kg_per_m3,
                viscosity(358.15),
            )
            assert fall == pytest.approx(float(lost), abs=0.1)
    for plant in network.plants:
        balance[plant.supply_node] += state.flow_kg_per_s[plant.name]
        balance[plant.return_node] -= state.flow_kg_per_s[plant.name]
    for item in network.substations:
        balance[item.supply_node] -= state.flow_kg_per_s[item.name]
        balance[item.return_node] += state.flow_kg_per_s[item.name]
    assert np.abs(list(balance.values())).max() < 1e-9


@pytest.mark.parametrize("seed", range(12))
def test_random_meshes_close_their_cycles(seed: int) -> None:
    network = random_mesh(40, seed, 8)
    state = solve_design(network, islands(network)[0])
    assert state is not None
    edges = [pipe for pipe in network.pipes if pipe.line is Line.SUPPLY]
    graph = nx.Graph((pipe.from_node, pipe.to_node) for pipe in edges)
    along = {(pipe.from_node, pipe.to_node): pipe for pipe in edges}
    for cycle in nx.cycle_basis(graph):
        total = 0.0
        for start, end in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            sign = 1.0 if (start, end) in along else -1.0
            pipe = along[(start, end) if sign > 0 else (end, start)]
            total += sign * float(
                pressure_loss(
                    state.flow_kg_per_s[pipe.name],
                    pipe.length_m,
                    pipe.inner_diameter_m,
                    pipe.roughness_m,
                    pipe.minor_loss,
                    network.fluid.density_kg_per_m3,
                    network.fluid.viscosity_Pa_s or viscosity(design_supply_K(network)),
                )
            )
        assert abs(total) < 0.05


def test_explain_tells_contents_design_state_and_findings(network: Network) -> None:
    text = explain(network)
    assert "8 substations (8 heat): 154.8 kW connected" in text
    assert "1 hydraulic island, 0 cycles" in text
    assert "no findings" in text
    assert "2 cycles" in explain(read_network(MODELS / "meshed_two_plants"))
    broken = explain(replace(network, holdings=()))
    assert "1 finding:" in broken
    assert "add [[pressure_holding]]" in broken
