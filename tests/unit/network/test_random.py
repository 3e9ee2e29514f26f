"""Random networks are reproducible, valid and of the asked shape."""

from __future__ import annotations

import networkx as nx
import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.random import RandomOptions, random_mesh, random_tree
from rexdynnet.network.spec import Line, PipeWall


def test_the_same_seed_draws_the_same_network() -> None:
    assert random_mesh(40, 7, 5) == random_mesh(40, 7, 5)
    assert random_tree(40, 7) != random_tree(40, 8)


@pytest.mark.parametrize(("substations", "chords"), [(1, 0), (2, 0), (50, 0), (50, 8)])
def test_each_line_is_connected_and_has_the_asked_number_of_loops(
    substations: int, chords: int
) -> None:
    network = random_mesh(substations, 3, chords)
    for line in Line:
        graph = nx.MultiGraph(
            [(pipe.from_node, pipe.to_node) for pipe in network.pipes if pipe.line is line]
        )
        assert nx.is_connected(graph)
        assert graph.number_of_nodes() == substations + 1
        assert graph.number_of_edges() - graph.number_of_nodes() + 1 == chords


def test_names_are_unique_and_partners_mutual() -> None:
    network = random_mesh(30, 1, 4)
    names = [component.name for component in network.components()]
    assert len(set(names)) == len(names)
    partner = {pipe.name: pipe.partner for pipe in network.pipes}
    assert all(partner[str(partner[name])] == name for name in partner)


def test_pipes_run_at_design_speed_and_plant_pressure_covers_every_substation() -> None:
    network = random_tree(100, 5)
    flow = {s.supply_node: s.design_heat_W / (4185.0 * 40.0) for s in network.substations}
    root = next(p for p in network.pipes if p.from_node == "0_supply")
    carried = sum(flow.values())
    assert carried / (983.2 * root.area_m2) == pytest.approx(1.0, rel=1e-9)
    assert network.plants[0].differential_pressure_Pa > 1e5
    assert network.plants[0].capacity_W > sum(s.design_heat_W for s in network.substations)


def test_options_reach_the_pipes() -> None:
    wall = PipeWall(0.003)
    network = random_tree(3, 1, RandomOptions(wall=wall, loss_W_per_mK=0.4))
    assert all(pipe.wall == wall and pipe.loss_W_per_mK == 0.4 for pipe in network.pipes)


@pytest.mark.parametrize(("substations", "chords"), [(0, 0), (3, -1)])
def test_an_impossible_size_is_refused_with_a_remedy(substations: int, chords: int) -> None:
    with pytest.raises(InputError, match="at least one substation"):
        random_mesh(substations, 1, chords)
