"""Writing networks: what is written reads back as the same network."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rexdynnet.errors import InputError
from rexdynnet.network.geojson import write_geojson
from rexdynnet.network.graph import Network
from rexdynnet.network.new import new_project
from rexdynnet.network.read import read_network
from rexdynnet.network.spec import (
    Building,
    Exchanger,
    FixedCooling,
    Fluid,
    Ground,
    Line,
    Node,
    Pump,
    PumpCurve,
    SubstationControl,
    Valve,
)
from rexdynnet.network.write import write_network
from tests.unit.network.projects import MODELS, good_folder

NAMES = sorted(path.name for path in MODELS.iterdir() if path.is_dir())


def everything() -> Network:
    """A network with every kind of record and awkward texts and numbers."""
    base = read_network(MODELS / "destest16_two_plants")
    first, second, third, *rest = base.substations
    split = replace(base.pipes[0], to_node="mid", partner=None, name='odd, "name"', trench="")
    lone = replace(base.pipes[1], partner=None, trench="", name="lone")
    return replace(
        base,
        name='awkward "name" \\ ü',
        nodes=(*base.nodes, Node("mid", Line.SUPPLY, 1 / 3, 0.1 + 0.2)),
        pipes=(split, lone, *base.pipes[2:]),
        pumps=(Pump("booster", "mid", "d_supply", PumpCurve(1e5 / 3, 12.5)),),
        valves=(
            Valve("check", "mid", "d_supply", 7.0, check=True),
            Valve("v", "mid", "d_supply", 8.0),
        ),
        substations=(
            replace(first, return_law=Exchanger(1e4 / 7, 330.0, 305.0)),
            replace(
                second, return_law=FixedCooling(29.9), control=SubstationControl.FLOW, priority=3
            ),
            replace(third, building=Building(1e7 / 3, 250.0, solar_area_m2=4.0)),
            *rest,
        ),
        fluid=Fluid(985.0, 4181.3, 5e-4, 0.65),
        ground=Ground(281.2, 1.7),
    )


@pytest.mark.parametrize("name", NAMES)
def test_shipped_networks_survive_writing_and_reading(name: str, tmp_path: Path) -> None:
    network = read_network(MODELS / name)
    write_network(network, tmp_path / "copy")
    assert read_network(tmp_path / "copy") == network
    write_geojson(network, tmp_path / "copy.geojson", origin_deg=(4.7, 50.9))
    assert read_network(tmp_path / "copy.geojson") == network


def test_every_kind_of_record_survives_writing_and_reading(tmp_path: Path) -> None:
    network = everything()
    write_network(network, tmp_path / "copy")
    assert read_network(tmp_path / "copy") == network
    write_geojson(network, tmp_path / "copy.geojson")
    assert read_network(tmp_path / "copy.geojson") == network


def test_trenches_are_written_in_one_row(tmp_path: Path) -> None:
    network = read_network(MODELS / "destest16")
    write_network(network, tmp_path)
    assert len((tmp_path / "pipes.csv").read_text().splitlines()) == 1 + 24
    assert len((tmp_path / "nodes.csv").read_text().splitlines()) == 1 + 25


def test_geojson_without_names_is_joined_by_position(tmp_path: Path) -> None:
    degree = 111_195.08  # metres per degree of latitude on the mean sphere

    def point(x: float, y: float) -> list[float]:
        return [x / degree, y / degree]

    def feature(shape: str, coordinates: object, **properties: object) -> dict[str, object]:
        geometry = {"type": shape, "coordinates": coordinates}
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    pipe = {"inner_diameter_mm": 40, "heat_loss_W_per_mK": 0.2}
    house = {"design_heat_kW": 20, "return_temperature_degC": 40}
    content = {
        "type": "FeatureCollection",
        "origin_deg": [0, 0],
        "network": {"name": "map", "pressure_holding": [{"node": "plant"}]},
        "features": [
            feature(
                "Point",
                point(0, 0),
                feature="plant",
                name="plant",
                kind="boiler",
                control="pressure",
                capacity_kW=60,
            ),
            feature("Point", point(200, 50), name="a", **house),
            feature("Point", point(200, -50), name="b", **house),
            feature("LineString", [point(0, 0), point(100, 0), point(200, 0.2)], **pipe),
            feature("LineString", [point(200, 0), point(200, 50)], **pipe),
            feature("LineString", [point(200, 0), point(200, -50.3)], **pipe),
        ],
    }
    path = tmp_path / "map.geojson"
    path.write_text(json.dumps(content))
    network = read_network(path)
    assert {node.place for node in network.nodes} == {"plant", "a", "b", "junction_4"}
    lengths = sorted(pipe.length_m for pipe in network.pipes if pipe.line is Line.SUPPLY)
    assert lengths == pytest.approx([50.0, 50.3, 200.0], rel=1e-3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "no FeatureCollection"),
        ('{"features": [7]}', "no geometry"),
        ('{"features": [{"geometry": {"type": "Polygon", "coordinates": []}}]}', "cannot be used"),
        (
            '{"features": [{"geometry": {"type": "Point", "coordinates": [1e9, 1]}}]}',
            "cannot be used",
        ),
        (
            '{"features": [{"geometry": {"type": "Point", "coordinates": [1, 1]}, '
            '"properties": {"feature": "pipe"}}]}',
            "a Point cannot be feature 'pipe'",
        ),
        ('{"origin_deg": 7, "features": []}', "give .longitude, latitude."),
    ],
)
def test_broken_geojson_is_an_input_error(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "map.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_network(path)


def test_a_new_project_is_sound_and_never_overwrites(tmp_path: Path) -> None:
    folder = good_folder(tmp_path)
    assert len(read_network(folder).substations) == 4
    with pytest.raises(InputError, match="not empty"):
        new_project(folder.parent)


def test_a_new_project_has_a_scenario_that_reads(tmp_path: Path) -> None:
    from rexdynnet.study.scenario import forcing_of, read_scenario

    scenario = read_scenario(good_folder(tmp_path).parent / "scenario.toml")
    assert scenario.network.name == "first_network"
    assert forcing_of(scenario).values.shape[0] > 2 * 24
