"""What aggregation promises, on random networks: totals are kept, errors are the true ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rexdynnet.network.aggregate import Aggregation, aggregate
from rexdynnet.network.checks import check_network
from rexdynnet.network.design import solve_design
from rexdynnet.network.graph import Network
from rexdynnet.network.random import RandomOptions, random_mesh
from rexdynnet.network.spec import Exchanger, FixedCooling, FixedReturn, PipeWall
from rexdynnet.network.topology import islands

LAWS = (FixedReturn(313.15), FixedCooling(35.0), Exchanger(9e3))
MILD = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


Case = tuple[int, int, int, RandomOptions]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """What a network is drawn from; the network itself is too long to be shown."""
    options = RandomOptions(
        reach=draw(st.integers(1, 30)),
        length_m=draw(st.sampled_from([(50.0, 150.0), (1.0, 800.0)])),
        loss_W_per_mK=draw(st.sampled_from([0.0, 0.25, 1.0])),
        wall=draw(st.sampled_from([None, PipeWall(0.003)])),
        node_volume_m3=draw(st.sampled_from([0.001, 0.02])),
        return_law=draw(st.sampled_from(LAWS)),
    )
    chords = draw(st.sampled_from([0, 0, 0, 2]))
    return draw(st.integers(1, 60)), draw(st.integers(0, 10**6)), chords, options


@MILD
@given(case=cases(), count=st.integers(1, 25))
def test_totals_are_kept_and_the_reduced_network_is_sound(case: Case, count: int) -> None:
    network = random_mesh(*case)
    small = aggregate(network, count)
    errors = small.errors
    assert abs(errors.flow) < 1e-9
    assert abs(errors.heat) < 1e-9
    # places closer than half a per cent of the longest way are one
    for total in (errors.volume, errors.loss, errors.head):
        assert abs(total) < 0.01
    if check_network(network) == ():
        assert check_network(small.network) == ()
    assert set(small.members) == {item.name for item in network.substations}
    assert set(small.members.values()) == {item.name for item in small.network.substations}
    if len(network.pipes) == 2 * len(network.substations):  # a tree
        assert len(small.network.substations) == min(count, len(network.substations))
    # a zone and its fork: at most two trenches each, besides the core
    core = set(network.pipes) & set(small.network.pipes)
    assert len(small.network.pipes) - len(core) <= 4 * len(small.network.substations)


@MILD
@given(case=cases(), count=st.integers(1, 25))
def test_a_pressure_that_suffices_for_the_equivalents_suffices_for_all(
    case: Case, count: int
) -> None:
    network = random_mesh(*case)
    small = aggregate(network, count)
    assert max(small.errors.differential_pressure_Pa.values()) <= 1.0
    assert head_Pa(small.network) == pytest.approx(head_Pa(network), rel=1e-3)


@MILD
@given(case=cases())
def test_as_many_equivalents_as_substations_change_next_to_nothing(case: Case) -> None:
    network = random_mesh(*case)
    small = aggregate(network, len(network.substations))
    assert small.errors.mean_delay_s <= 0.005 * small.errors.longest_delay_s + 1e-6


@MILD
@given(case=cases(), count=st.integers(1, 10))
def test_renaming_the_nodes_changes_nothing(case: Case, count: int) -> None:
    network = random_mesh(*case)

    def told(small: Aggregation) -> list[tuple[float, float]]:
        pipes = [(p.length_m, p.inner_diameter_m) for p in small.network.pipes]
        return sorted((round(a, 6), round(b, 6)) for a, b in pipes)

    new = {node.name: f"n{len(network.nodes) - i}" for i, node in enumerate(network.nodes)}
    renamed = replace(
        network,
        nodes=tuple(replace(n, name=new[n.name], place="") for n in network.nodes),
        pipes=tuple(
            replace(p, from_node=new[p.from_node], to_node=new[p.to_node]) for p in network.pipes
        ),
        substations=tuple(
            replace(s, supply_node=new[s.supply_node], return_node=new[s.return_node])
            for s in network.substations
        ),
        plants=tuple(
            replace(p, supply_node=new[p.supply_node], return_node=new[p.return_node])
            for p in network.plants
        ),
        holdings=tuple(replace(h, node=new[h.node]) for h in network.holdings),
    )
    assert told(aggregate(renamed, count)) == told(aggregate(network, count))


def head_Pa(network: Network) -> float:
    """By the independent solver of the design state."""
    (island,) = islands(network)
    state = solve_design(network, island)
    assert state is not None
    return state.head_Pa["plant"]
