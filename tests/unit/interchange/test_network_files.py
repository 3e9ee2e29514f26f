"""Networks are converted from file to file; what cannot be carried over is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.errors import InputError
from rexdynnet.interchange.network_files import format_of, read_any_network
from rexdynnet.network.read import read_network
from tests.data import ROOT

DESTEST = ROOT / "models" / "networks" / "destest8"


def convert(*words: str | Path):
    return CliRunner().invoke(app, ["convert", *map(str, words)])


def test_folder_to_geojson_and_back_is_the_same_network(tmp_path: Path) -> None:
    there = convert(DESTEST, tmp_path / "town.geojson", "--longitude", "4.7", "--latitude", "50.9")
    assert there.exit_code == 0, there.output
    assert "not carried over" not in there.output
    assert convert(tmp_path / "town.geojson", tmp_path / "town").exit_code == 0
    assert read_network(tmp_path / "town") == read_network(DESTEST)


def test_geojson_carries_units_in_its_names_and_degrees_as_coordinates(tmp_path: Path) -> None:
    convert(DESTEST, tmp_path / "town.geojson", "--longitude", "4.7", "--latitude", "50.9")
    features = json.loads((tmp_path / "town.geojson").read_text())["features"]
    pipe = next(f for f in features if f["properties"]["feature"] == "pipe")
    assert {"length_m", "inner_diameter_m", "heat_loss_W_per_mK"} <= set(pipe["properties"])
    longitude, latitude = pipe["geometry"]["coordinates"][0]
    assert abs(longitude - 4.7) < 0.01
    assert abs(latitude - 50.9) < 0.01


def test_pandapipes_files_are_told_from_geojson_by_their_content(tmp_path: Path) -> None:
    pytest.importorskip("pandapipes")
    there = convert(DESTEST, tmp_path / "town.json")
    assert there.exit_code == 0, there.output
    assert "not carried over: the heat capacity of 24 pipe walls" in there.output
    back = convert(tmp_path / "town.json", tmp_path / "town.geojson")
    assert back.exit_code == 0, back.output
    assert "to mend" not in back.output
    (tmp_path / "town.geojson").rename(tmp_path / "map.json")
    assert format_of(tmp_path / "map.json").name == "GEOJSON"
    network = read_any_network(tmp_path / "map.json")
    assert [s.name for s in network.substations] == [
        s.name for s in read_network(DESTEST).substations
    ]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("town.xlsx", "", "is no network"),
        ("town.json", "{", "is no JSON"),
        ("town.json", '{"_class": "pandapipesNet"}', "pandapipes"),
        ("missing.geojson", None, "does not exist"),
    ],
)
def test_files_that_hold_no_network_are_refused(
    tmp_path: Path, name: str, text: str | None, words: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=words):
        read_any_network(tmp_path / name)


def test_a_network_is_not_written_over_itself(tmp_path: Path) -> None:
    done = convert(DESTEST, DESTEST)
    assert done.exit_code == 2
    assert "name another target" in done.output
