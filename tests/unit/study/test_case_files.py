"""A measured case in files: what is read, and what a broken file is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.study.validation_cases import find_cases, read_case

PIPE = """\
kind = "pipe"
title = "a made-up bench"

[pipe]
length_m = 20.0
inner_diameter_m = 0.05
wall_thickness_m = 0.003
insulation_thickness_m = 0.02
insulation_conductivity_W_per_mK = 0.04
outer_heat_transfer_W_per_m2K = 5.0

[fluid]
density_kg_per_m3 = 1000.0
specific_heat_J_per_kgK = 4180.0

[ambient]
T_degC = 20.0

[initial]
T_in_K = 300.0
T_out_K = 299.0

[columns]
mass_flow = "flow_kg_per_s"
inlet = "T_in_degC"
outlet = "T_out_K"

[reference]
someone_rmse_K = 0.7
"""
SERIES = "time_s,flow_kg_per_s,T_in_degC,T_out_K\n0,1,26.85,299\n10,1,36.85,299\n20,2,36.85,301\n"

NETWORK = """\
kind = "network"

[fluid]
density_kg_per_m3 = 1000.0

[ambient]
column = "air_K"

[inlet]
node = "start"
T_column = "in_K"
mass_flow_column = "in_kg_per_s"

[balance]
node = "fork"

[score]
skip_first_s = 5.0

[[outlets]]
node = "left"
T_column = "left_K"
mass_flow_column = "left_kg_per_s"

[[outlets]]
node = "right"
mass_flow_column = "right_kg_per_s"

[[pipes]]
name = "main"
from_node = "start"
to_node = "fork"
length_m = 100.0
inner_diameter_m = 0.1
heat_loss_W_per_mK = 0.2

[[pipes]]
name = "west"
from_node = "fork"
to_node = "left"
length_m = 50.0
inner_diameter_m = 0.05
heat_loss_W_per_mK = 0.2

[[pipes]]
name = "east"
from_node = "fork"
to_node = "right"
length_m = 50.0
inner_diameter_m = 0.05
heat_loss_W_per_mK = 0.2
"""
NETWORK_SERIES = (
    "time_s,in_K,air_K,in_kg_per_s,left_K,left_kg_per_s,right_kg_per_s\n"
    "0,350,280,3,349,1,0.5\n10,351,280,3,349,1,0.5\n"
)


def write(folder: Path, case: str = PIPE, series: str = SERIES) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "case.toml").write_text(case, encoding="utf-8")
    (folder / "series.csv").write_text(series, encoding="utf-8")
    return folder


def told(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_case(folder)
    for finding in caught.value.findings:
        assert finding.file is not None
        assert finding.remedy
    return str(caught.value)


def test_a_pipe_case_becomes_one_pipe_with_wall_and_loss(tmp_path: Path) -> None:
    case = read_case(write(tmp_path / "bench"))
    (pipe,) = case.network.pipes
    resistance = np.log(0.056 / 0.053) / (2 * np.pi * 50.0)
    resistance += np.log(0.096 / 0.056) / (2 * np.pi * 0.04) + 1 / (np.pi * 0.096 * 5.0)
    assert pipe.loss_W_per_mK == pytest.approx(1 / resistance, rel=1e-12)
    assert pipe.wall is not None
    assert case.name == "bench"
    assert case.initial_K is not None
    assert case.initial_K["outlet"] == 299.0
    assert case.sensors[0].reference_K == 0.7


def test_columns_are_converted_by_the_unit_in_their_name(tmp_path: Path) -> None:
    case = read_case(write(tmp_path))
    assert case.forcing.column("the_inlet.supply_temperature")[1] == pytest.approx(310.0)
    assert case.forcing.column("ground.temperature")[0] == pytest.approx(293.15)


def test_the_balance_node_takes_what_the_outlets_leave(tmp_path: Path) -> None:
    case = read_case(write(tmp_path, NETWORK, NETWORK_SERIES))
    assert case.forcing.column("draw_at_fork.mass_flow_demand").tolist() == [1.5, 1.5]
    assert [sensor.name for sensor in case.sensors] == ["left"]
    assert case.skip_s == 5.0


def test_every_folder_with_a_case_file_is_found(tmp_path: Path) -> None:
    first, second = write(tmp_path / "b"), write(tmp_path / "a")
    (tmp_path / "notes").mkdir()
    assert find_cases(tmp_path) == (second, first)
    assert find_cases(first) == (first,)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("length_m = 20.0", "lenght_m = 20.0", ["row 5", "did you mean 'length_m'?"]),
        ("length_m = 20.0", "length_m = -1.0", ["row 5", "length_m is -1"]),
        ("inner_diameter_m = 0.05", "inner_diameter_m = 50", ["row 6", "inner_diameter_m is 50"]),
        ('kind = "pipe"', 'kind = "duct"', ["kind is 'duct'"]),
        ("[reference]", "[refrence]", ["did you mean 'reference'?"]),
        ("someone_rmse_K = 0.7", 'someone_rmse_K = "good"', ["give a number"]),
        ("T_degC = 20.0", "", ["write either T_K or column"]),
        ('"T_out_K"', '"T_exit_K"', ["no column T_exit_K", "did you mean 'T_out_K'?"]),
        ('"flow_kg_per_s"', '"T_out_K"', ["does not end with a unit of kg/s"]),
        ("insulation_conductivity_W_per_mK = 0.04", "", ["how much heat the pipe loses"]),
        ("[fluid]", "[score]\nskip_first_s = 99\n[fluid]", ["skip_first_s is 99"]),
        ("[pipe]", "[pipe", ["not valid TOML"]),
    ],
)
def test_a_broken_case_file_is_explained(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    message = told(write(tmp_path, PIPE.replace(old, new)))
    for word in ["case.toml" if "column" not in message else "", *words]:
        assert word in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("10,1,36.85,299", "10,1,nan,299", ["row 3", "T_in_degC is 'nan'"]),
        ("10,1,36.85,299", "10,1,,299", ["row 3", "T_in_degC is blank"]),
        ("10,1,36.85,299", "10,-1,36.85,299", ["row 3", "flow in at outlet"]),
        ("20,2", "10,2", ["row 4", "time 10 s is not after 10 s"]),
        ("T_in_degC", "T_in", ["no column T_in_degC"]),
        ("10,1,36.85,299\n20,2,36.85,301\n", "", ["fewer than two rows"]),
    ],
)
def test_a_broken_series_is_explained(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    message = told(write(tmp_path, PIPE, SERIES.replace(old, new)))
    for word in ["series.csv", *words]:
        assert word in message


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('\nnode = "left"', '\nnode = "lefty"', ["node lefty", "did you mean 'left'?"]),
        ('from_node = "fork"\nto_node = "left"', 'from_node = "x"\nto_node = "left"', ["no way"]),
        ('name = "west"', 'name = "main"', ["component main", "stands twice"]),
        ('mass_flow_column = "in_kg_per_s"', "", ["add mass_flow_column to [inlet]"]),
        ("[[outlets]]", "[[outlet]]", ["did you mean 'outlets'?"]),
    ],
)
def test_a_broken_network_case_is_explained(
    tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    message = told(write(tmp_path, NETWORK.replace(old, new), NETWORK_SERIES))
    for word in words:
        assert word in message


def test_outlets_that_draw_more_than_flows_in_are_explained(tmp_path: Path) -> None:
    message = told(write(tmp_path, NETWORK, NETWORK_SERIES.replace(",280,3,", ",280,1,", 1)))
    assert "row 2" in message
    assert "flow in at outlet fork" in message


def test_missing_files_are_named(tmp_path: Path) -> None:
    message = told(tmp_path)
    assert "case.toml does not exist" in message
    assert "series.csv does not exist" in message
