"""A big network becomes a small one that an engineer can follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.aggregate import aggregate
from rexdynnet.network.checks import check_network
from rexdynnet.network.graph import Network
from rexdynnet.network.random import RandomOptions, random_tree
from rexdynnet.network.read import read_network
from rexdynnet.network.spec import (
    Building,
    Exchanger,
    FixedReturn,
    Line,
    Outage,
    Pipe,
    PipeWall,
)
from rexdynnet.network.write import write_network


def chain(*lengths_m: float, wall: PipeWall | None = None) -> Network:
    """One substation at the end of pipes in series."""
    long = random_tree(len(lengths_m), 1, RandomOptions(reach=1, wall=wall, node_volume_m3=1e-6))
    lengths = {f"{i}-{i + 1}": length for i, length in enumerate(lengths_m)}
    return replace(
        long,
        pipes=tuple(
            replace(p, length_m=lengths[p.trench], inner_diameter_m=0.05 + 0.01 * len(p.trench))
            for p in long.pipes
        ),
        substations=long.substations[-1:],
    )


def test_pipes_in_series_become_one_of_the_same_water_loss_and_wall() -> None:
    network = chain(100.0, 50.0, 25.0, wall=PipeWall(0.004))
    small = aggregate(network, 1).network
    assert len(small.pipes) == 2
    for pipe in small.pipes:
        former = [p for p in network.pipes if p.line is pipe.line]
        assert pipe.length_m == pytest.approx(175.0)
        assert pipe.volume_m3 == pytest.approx(sum(p.volume_m3 for p in former), rel=1e-3)
        assert pipe.loss_W_per_mK == pytest.approx(former[0].loss_W_per_mK, rel=1e-6)
        held = sum(p.wall_heat_capacity_J_per_mK * p.length_m for p in former)
        assert pipe.wall_heat_capacity_J_per_mK * pipe.length_m == pytest.approx(held, rel=1e-6)


def test_water_of_a_fork_takes_the_flow_weighted_time() -> None:
    network = random_tree(2, 3, RandomOptions(reach=12, node_volume_m3=1e-6))
    small = aggregate(network, 1)
    flows = {s.name: s.design_heat_W for s in network.substations}
    for errors in (small.errors.supply_delay_s, small.errors.return_delay_s):
        mean = sum(flows[name] * error for name, error in errors.items()) / sum(flows.values())
        assert mean == pytest.approx(0.0, abs=1e-6)
        assert min(errors.values()) < 0.0 < max(errors.values())


def test_the_core_between_plants_and_stores_stays_as_it_is(models: Path) -> None:
    network = read_network(models / "networks" / "destest16_two_plants")
    small = aggregate(network, 6)
    assert small.network.plants == network.plants
    assert small.network.tanks == network.tanks
    assert small.network.dumps == network.dumps
    for plant in (*network.plants, *network.tanks, *network.dumps):
        assert plant.supply_node in small.network.node_by_name
    kept = [pipe for pipe in small.network.pipes if pipe in network.pipes]
    touched = {p.supply_node for p in (*network.plants, *network.tanks, *network.dumps)}
    assert touched <= {end for p in kept for end in (p.from_node, p.to_node)} | touched
    assert check_network(small.network) == ()


@pytest.mark.parametrize("name", ["destest8", "destest16", "destest32", "meshed_two_plants"])
def test_shipped_networks_reduce_and_can_be_written_and_read(
    models: Path, tmp_path: Path, name: str
) -> None:
    small = aggregate(read_network(models / "networks" / name), 4).network
    write_network(small, tmp_path / name)
    again = read_network(tmp_path / name)
    assert again.substations == small.substations
    assert again.pipes == small.pipes


def test_what_differs_in_kind_is_not_mixed() -> None:
    network = random_tree(6, 2)
    first, second, third, *rest = network.substations
    house = Building(1e8, 200.0)
    mixed = replace(
        network,
        substations=(
            replace(first, building=house),
            replace(second, building=replace(house, loss_W_per_K=600.0, setpoint_K=295.15)),
            replace(third, return_law=Exchanger(9e3)),
            *rest,
        ),
    )
    small = aggregate(mixed, 1)
    assert len(small.network.substations) == 3
    by_name = {item.name: item for item in small.network.substations}
    housed = by_name[small.members[first.name]]
    assert housed is by_name[small.members[second.name]]
    assert housed.building is not None
    assert housed.building.capacity_J_per_K == pytest.approx(2e8)
    assert housed.building.loss_W_per_K == pytest.approx(800.0)
    assert housed.building.setpoint_K == pytest.approx(294.9)
    assert isinstance(by_name[small.members[third.name]].return_law, Exchanger)


def test_return_temperatures_mix_by_flow() -> None:
    network = random_tree(2, 1)
    cold, hot = network.substations
    network = replace(
        network,
        substations=(
            replace(cold, return_law=FixedReturn(303.15)),
            replace(hot, return_law=FixedReturn(323.15)),
        ),
    )
    small = aggregate(network, 1)
    (both,) = small.network.substations
    assert isinstance(both.return_law, FixedReturn)
    assert 303.15 < both.return_law.temperature_K < 323.15
    assert small.errors.flow == pytest.approx(0.0, abs=1e-12)


def test_demands_add_up_over_the_members() -> None:
    network = random_tree(30, 5)
    small = aggregate(network, 4)
    demand = {item.name: float(i) for i, item in enumerate(network.substations)}
    assert sum(small.collect(demand).values()) == pytest.approx(sum(demand.values()))
    del demand["substation_3"]
    with pytest.raises(InputError, match="substation_3"):
        small.collect(demand)


def test_outages_of_components_that_are_gone_are_told() -> None:
    begin, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    network = replace(
        random_tree(10, 1),
        outages=(Outage("plant", begin, end), Outage("substation_4", begin, end)),
    )
    small = aggregate(network, 3)
    assert [outage.component for outage in small.network.outages] == ["plant"]
    assert small.dropped == ("substation_4",)


def test_dead_ends_disappear() -> None:
    network = random_tree(10, 1)
    end = max(network.substations, key=lambda item: int(item.name.split("_")[1]))
    without = replace(network, substations=tuple(s for s in network.substations if s is not end))
    small = aggregate(without, 20)
    assert len(small.network.substations) == 9
    assert check_network(small.network) == ()


def test_what_cannot_be_reduced_is_refused_with_a_remedy() -> None:
    network = random_tree(3, 1)
    with pytest.raises(InputError, match="at least one"):
        aggregate(network, 0)
    warm = replace(network.substations[0], return_law=FixedReturn(400.0))
    with pytest.raises(InputError, match="finite design flow"):
        aggregate(replace(network, substations=(warm, *network.substations[1:])), 2)


def test_limits_of_pipes_still_bound_the_flow() -> None:
    network = random_tree(10, 4)

    def limited(pipe: Pipe) -> Pipe:
        return replace(pipe, maximum_flow_kg_per_s=3.0) if pipe.trench == "0-1" else pipe

    bounded = replace(network, pipes=tuple(limited(pipe) for pipe in network.pipes))
    small = aggregate(bounded, 3).network
    first = [p for p in small.pipes if p.line is Line.SUPPLY and p.from_node == "0_supply"]
    assert min(pipe.maximum_flow_kg_per_s for pipe in first) == pytest.approx(3.0)
