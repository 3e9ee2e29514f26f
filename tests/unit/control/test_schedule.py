"""Committed schedules: what a file may say, and what is refused with row and remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.control.schedule import check_schedule, format_schedule, read_schedule
from rexdynnet.errors import InputError
from rexdynnet.timeline import Curtailment, Realisation, Schedule, parse_utc, units_from
from tests.unit.small_network import small_network

HEAD = "participant,unit_start_utc,energy_Wh\n"


def write(folder: Path, *rows: str) -> Path:
    file = folder / "schedule.csv"
    file.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def hours(*participants: str, energy_Wh: float = 1000.0, count: int = 3) -> list[str]:
    return [
        f"{name},2026-01-15T{hour:02d}:00:00Z,{energy_Wh}"
        for hour in range(count)
        for name in participants
    ]


def test_a_schedule_comes_back_from_its_own_text(tmp_path: Path) -> None:
    file = write(tmp_path, *hours("house_1", "house_2"))
    schedule = read_schedule(file, small_network())
    assert schedule.participants == ("house_1", "house_2")
    assert schedule.unit_s == 3600.0
    np.testing.assert_allclose(schedule.power_W, 1000.0)
    file.write_text(format_schedule(schedule), encoding="utf-8")
    again = read_schedule(file, small_network())
    np.testing.assert_array_equal(again.energy_J, schedule.energy_J)
    assert again.units == schedule.units


def test_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    rows = hours("house_1")
    schedule = read_schedule(write(tmp_path, rows[2], rows[0], rows[1]), small_network())
    assert [unit.start.hour for unit in schedule.units] == [0, 1, 2]


@pytest.mark.parametrize(
    ("rows", "row", "said", "remedy"),
    [
        ([*hours("house_1"), "hose_2,2026-01-15T00:00:00Z,1"], 5, "hose_2", "house_2"),
        ([*hours("house_1"), "house_1,2026-01-15T01:00:00Z,1"], 5, "twice", "remove"),
        ([*hours("house_1"), "house_1,2026-01-15T05:00:00Z,1"], 5, "missing between", "add a row"),
        ([*hours("house_1"), "house_1,2026-01-15T01:30:00Z,1"], 3, "missing between", "add a row"),
        ([*hours("house_1"), "house_2,2026-01-15T01:00:00Z,1"], None, "no row for", "add the"),
        (hours("house_1", energy_Wh=60e3), 2, "60 kW, more than its 50 kW", "commit less"),
        ([*hours("house_1"), "house_1,2026-01-15T03:00:00Z,"], 5, "is empty", "fill"),
        ([*hours("house_1"), "house_1,2026-01-15T03:00:00Z,nan"], 5, "no energy", "in Wh"),
        ([*hours("house_1"), "house_1,soon,1"], 5, "not a date", "ISO 8601"),
    ],
)
def test_each_defect_is_named_with_its_row_and_remedy(
    tmp_path: Path, rows: list[str], row: int | None, said: str, remedy: str
) -> None:
    file = write(tmp_path, *rows)
    with pytest.raises(InputError) as caught:
        read_schedule(file, small_network())
    found = [f for f in caught.value.findings if said in f.what]
    assert found, str(caught.value)
    assert found[0].file == file
    assert found[0].row == row
    assert remedy in found[0].remedy


def test_units_shorter_than_the_others_overlap(tmp_path: Path) -> None:
    file = write(tmp_path, *hours("house_1", count=5), "house_1,2026-01-15T01:30:00Z,1")
    with pytest.raises(InputError, match="overlaps"):
        read_schedule(file, small_network())


def test_commitments_beyond_all_plants_and_tanks_together_are_refused() -> None:
    network = small_network()
    units = tuple(units_from(parse_utc("2026-01-15"), 48 * 3600.0, 1))
    fine = np.array([[50e3, 30e3]]) * 48 * 3600.0
    check_schedule(Schedule(("house_1", "house_2"), units, fine), network)
    weak = replace(network, plants=(replace(network.plants[0], capacity_W=20e3),))
    with pytest.raises(InputError, match="together are 80 kW"):
        check_schedule(Schedule(("house_1", "house_2"), units, fine), weak)


@pytest.mark.parametrize(
    ("name", "kW", "said", "remedy"),
    [
        ("house_2", -1.0, "commits house_2 to feed heat in", "only takes heat"),
        ("pump", 1.0, "commits pump to take heat", "only feeds in"),
        ("boiler", -1.0, "boiler balances the network", "remove its rows"),
    ],
)
def test_what_a_participant_cannot_commit_is_refused(
    name: str, kW: float, said: str, remedy: str
) -> None:
    units = tuple(units_from(parse_utc("2026-01-15"), 3600.0, 1))
    with pytest.raises(InputError) as caught:
        check_schedule(Schedule((name,), units, np.array([[kW * 3.6e6]])), small_network())
    (finding,) = caught.value.findings
    assert said in finding.what
    assert remedy in finding.remedy
    assert finding.component == name


def test_a_plant_that_follows_commands_may_commit_what_it_feeds_in() -> None:
    network = small_network()
    units = tuple(units_from(parse_utc("2026-01-15"), 3600.0, 1))
    most = next(plant.capacity_W for plant in network.plants if plant.name == "pump")
    check_schedule(Schedule(("pump",), units, np.array([[-most * 3600]])), network)
    with pytest.raises(InputError, match="pump to"):
        check_schedule(Schedule(("pump",), units, np.array([[-1.01 * most * 3600]])), network)


def test_what_one_island_can_give_does_not_serve_another() -> None:
    network = small_network()
    far = replace(
        network,
        nodes=tuple(replace(node, name=f"far_{node.name}") for node in network.nodes),
        pipes=tuple(
            replace(
                pipe,
                name=f"far_{pipe.name}",
                from_node=f"far_{pipe.from_node}",
                to_node=f"far_{pipe.to_node}",
            )
            for pipe in network.pipes
        ),
        plants=tuple(
            replace(
                plant,
                name=f"far_{plant.name}",
                supply_node=f"far_{plant.supply_node}",
                return_node=f"far_{plant.return_node}",
                capacity_W=1e3,
            )
            for plant in network.plants
        ),
        substations=tuple(
            replace(
                unit,
                name=f"far_{unit.name}",
                supply_node=f"far_{unit.supply_node}",
                return_node=f"far_{unit.return_node}",
            )
            for unit in network.substations
        ),
    )
    both = replace(
        network,
        nodes=network.nodes + far.nodes,
        pipes=network.pipes + far.pipes,
        plants=network.plants + far.plants,
        substations=network.substations + far.substations,
    )
    units = tuple(units_from(parse_utc("2026-01-15"), 3600.0, 1))
    one = np.array([[40e3 * 3600.0]])
    check_schedule(Schedule(("house_1",), units, one), both)
    with pytest.raises(InputError, match="together are 40 kW, plants and tanks give 2 kW"):
        check_schedule(Schedule(("far_house_1",), units, one), both)


def test_power_beyond_the_schedule_is_the_forecast() -> None:
    start = parse_utc("2026-01-15")
    units = tuple(units_from(start, 3600.0, 2))
    schedule = Schedule(("a",), units, np.array([[3.6e6], [7.2e6]]))
    edges = np.array([1800.0, 5400.0, 9000.0])
    outside = np.full((2, 1), 500.0)
    # 30 min at 1 kW and 30 at 2 kW; then 30 min at 2 kW and 30 at the forecast's 0.5 kW.
    np.testing.assert_allclose(schedule.mean_power_W(start, edges, outside).ravel(), [1500, 1250])


def test_imbalance_is_the_prosumers_and_shortfall_the_networks() -> None:
    units = tuple(units_from(parse_utc("2026-01-15"), 3600.0, 1))
    kept = Realisation(
        ("a", "b"), units, np.array([[10.0, 10.0]]), np.array([[12.0, 7.0]]), np.array([[9.0, 7.0]])
    )
    np.testing.assert_array_equal(kept.imbalance_J, [[2.0, -3.0]])
    np.testing.assert_array_equal(kept.shortfall_J, [[3.0, 0.0]])


def test_energies_that_are_no_numbers_are_refused() -> None:
    units = tuple(units_from(parse_utc("2026-01-15"), 3600.0, 1))
    with pytest.raises(InputError, match="NaN"):
        Curtailment(("a",), units, np.array([[np.nan]]))
