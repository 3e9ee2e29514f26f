"""Reading network files: what the tables mean, and how errors are told."""

from __future__ import annotations

from datetime import UTC, datetime
from math import log, pi
from pathlib import Path

import pytest

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.catalogue import pipe_type, pipe_types
from rexdynnet.network.graph import Network
from rexdynnet.network.read import read_network
from rexdynnet.network.spec import (
    Exchanger,
    FixedReturn,
    Limited,
    Line,
    PlantControl,
    PlantKind,
    SubstationControl,
)
from tests.unit.network.projects import MODELS, change, good_folder

NAMES = (
    "destest8",
    "destest16",
    "destest32",
    "destest_ce0",
    "destest16_two_plants",
    "meshed_two_plants",
    "one_pipe_bench",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return good_folder(tmp_path)


def only_finding(folder: Path) -> Finding:
    with pytest.raises(InputError) as caught:
        read_network(folder)
    assert len(caught.value.findings) == 1, str(caught.value)
    return caught.value.findings[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_network_is_sound_and_says_where_it_comes_from(name: str) -> None:
    network = read_network(MODELS / name)
    assert network.name == name
    assert network.provenance.source
    assert network.provenance.licence


@pytest.mark.parametrize(("name", "count"), [("destest8", 8), ("destest16", 16), ("destest32", 32)])
def test_destest_networks_have_their_buildings_and_peak_loads(name: str, count: int) -> None:
    network = read_network(MODELS / name)
    assert len(network.substations) == count
    assert {item.design_heat_W for item in network.substations} == {19347.0}


def test_ce0_draws_its_flow_at_design() -> None:
    from rexdynnet.network.design import design_flow

    network = read_network(MODELS / "destest_ce0")
    assert {item.control for item in network.substations} == {SubstationControl.FLOW}
    for item in network.substations:
        assert design_flow(network, item) * 3600 == pytest.approx(553.0, rel=1e-4)


def test_a_trench_makes_two_pipes_that_flow_against_each_other(folder: Path) -> None:
    network = read_network(folder)
    pipe = network.component_by_name["corner-school_supply"]
    back = network.component_by_name["corner-school_return"]
    assert (pipe.from_node, pipe.to_node) == ("corner_supply", "school_supply")
    assert (back.from_node, back.to_node) == ("school_return", "corner_return")
    assert (pipe.partner, back.partner) == (back.name, pipe.name)
    assert pipe.trench == back.trench == "corner-school"


def test_units_in_names_are_converted_to_si(folder: Path) -> None:
    network = read_network(folder)
    assert network.node_by_name["corner_supply"].elevation_m == 35.0
    assert network.component_by_name["school"].design_heat_W == 120e3
    assert network.holdings[0].pressure_Pa == 3e5
    assert network.heating_curve.points[0] == pytest.approx((261.15, 353.15))
    change(folder, "pipes.csv", "length_m", "length_km")
    change(folder, "pipes.csv", "85,DN65", "0.085,DN65")
    for old, new in (("48,", "0.048,"), ("95,", "0.095,"), ("75,", "0.075,"), ("72,", "0.072,")):
        change(folder, "pipes.csv", old, new)
    assert read_network(folder).pipes[0].length_m == pytest.approx(85.0)


def test_a_blank_cell_takes_the_default_and_a_filled_one_wins(folder: Path) -> None:
    network = read_network(folder)
    laws = {item.name: item.return_law for item in network.substations}
    assert laws["mill"] == FixedReturn(318.15)
    assert laws["school"] == FixedReturn(323.15)


def test_pipe_types_come_from_the_catalogue(folder: Path) -> None:
    pipe = read_network(folder).pipes[0]
    assert pipe.inner_diameter_m == pytest.approx(0.0703)
    assert pipe.wall is not None
    assert pipe.wall.thickness_m == pytest.approx(0.0029)
    # between the bare-casing loss and none: soil and the partner add resistance
    layers = log(0.154 / 0.0761) / (2 * pi * 0.029) + log(0.16 / 0.154) / (2 * pi * 0.4)
    assert 0.7 / layers < pipe.loss_W_per_mK < 1 / layers
    assert pipe.coupling_W_per_mK > 0


def test_own_pipe_types_are_used(folder: Path) -> None:
    change(
        folder,
        "network.toml",
        "[defaults.pipes]",
        "[pipe_types.plastic]\ninner_diameter_mm = 40.8\nheat_loss_W_per_mK = 0.2\n\n"
        "[defaults.pipes]",
    )
    change(folder, "pipes.csv", "DN50 series 2,0.29", "plastic,")
    pipe = read_network(folder).component_by_name["corner-school_supply"]
    assert (pipe.inner_diameter_m, pipe.loss_W_per_mK) == (pytest.approx(0.0408), 0.2)


def test_exchangers_kv_values_and_buildings_are_read(folder: Path) -> None:
    (folder / "substations.csv").write_text(
        "name,node,design_heat_kW,return_temperature_degC,exchanger_ua_kW_per_K,"
        "secondary_supply_temperature_degC,secondary_return_temperature_degC,valve_kv_m3_per_h,"
        "building_capacity_kWh_per_K,building_loss_kW_per_K\n"
        "school,school,120,,12,60,35,6.3,,\n"
        "mill,mill,30,45,,,,,5,0.8\n"
        "east_house,east_house,60,,,,,,,\nnorth_house,north_house,25,,,,,,,\n",
        encoding="utf-8",
    )
    network = read_network(folder)
    school, mill = network.substations[:2]
    assert school.return_law == Exchanger(12e3, 333.15, 308.15)
    # Kv in m3/h is the flow of water of 1000 kg/m3 at 1 bar
    assert school.valve_kv_kg_per_s == pytest.approx(6.3 * (1000 * 983.2) ** 0.5 / 3600)
    assert mill.building is not None
    assert mill.building.capacity_J_per_K == pytest.approx(5 * 3.6e6)


def test_nodes_and_pipes_of_one_line_are_read(folder: Path) -> None:
    change(folder, "nodes.csv", "node,x_m,y_m,elevation_m", "node,x_m,y_m,elevation_m,line")
    with (folder / "nodes.csv").open("a") as table:
        table.write("booster_out,90,0,35,supply\n")
    change(folder, "pipes.csv", "pipe_type,spacing_m", "pipe_type,spacing_m,line,name")
    change(
        folder,
        "pipes.csv",
        "corner,school,95,DN50 series 2,0.29",
        "booster_out,school,95,DN50 series 2,,supply,one",
    )
    with (folder / "pipes.csv").open("a") as table:
        table.write("school,corner,95,DN50 series 2,,return,two\n")
    with (folder / "network.toml").open("a") as text:
        text.write(
            '\n[[pumps]]\nname = "booster"\nfrom_node = "corner"\nto_node = "booster_out"\n'
            "shut_off_bar = 0.5\ncurvature_Pa_per_kg2s2 = 1000.0\n"
        )
    network = read_network(folder)
    pump, one = network.pumps[0], network.component_by_name["one"]
    assert (pump.from_node, pump.to_node) == ("corner_supply", "booster_out")
    assert (one.from_node, one.to_node, one.line) == ("booster_out", "school_supply", Line.SUPPLY)
    assert network.component_by_name["two"].to_node == "corner_return"


def test_dated_limits_and_outages_are_read_in_utc_and_si() -> None:
    network = read_network(MODELS / "destest16_two_plants")
    outage, limit = network.outages[0], network.limits[0]
    assert outage.start == datetime(2027, 2, 9, 6, tzinfo=UTC)
    assert (limit.quantity, limit.upper) == (Limited.HEAT_W, 320e3)
    assert network.limits[1].upper == pytest.approx(348.15)
    pump = network.plants[1]
    assert (pump.kind, pump.control) == (PlantKind.HEAT_PUMP, PlantControl.HEAT)


def test_catalogue_dimensions_add_up() -> None:
    for name in pipe_types():
        found = pipe_type(name)
        outer = found.inner_diameter_m + 2 * found.wall_thickness_m
        if found.spacing_m is None:
            layers = found.insulation_thickness_m + found.casing_thickness_m
            assert outer + 2 * layers == pytest.approx(found.casing_diameter_m)
        else:
            assert outer < found.spacing_m < found.casing_diameter_m - outer


@pytest.mark.parametrize(
    ("file", "old", "new", "row", "field", "words"),
    [
        ("pipes.csv", "length_m", "lenght_m", 2, "lenght_m", "did you mean 'length_m'?"),
        ("pipes.csv", "school,east_house,75", "school,east_house,-75", 6, "length_m", "above 0"),
        ("pipes.csv", "school,east_house,75", "school,east_house,nan", 6, "length_m", "finite"),
        ("pipes.csv", "school,east_house,75", "school,east_house,7 5", 6, "length_m", "number"),
        ("pipes.csv", "school,east_house", "schol,east_house", 6, "from_node", "'school'"),
        ("pipes.csv", "DN32 series 2", "DN33 series 2", 7, "pipe_type", "did you mean"),
        ("pipes.csv", "DN65 series 2,0.31", "DN65 series 2,0.11", 3, "spacing_m", "centres"),
        ("nodes.csv", "mill,230", "mill,east", 8, "x_m", "number"),
        ("substations.csv", "mill,mill,30", "mill,mil,30", 6, "node", "did you mean 'mill'?"),
        ("substations.csv", "mill,mill,30", "mill,mill,0", 6, "design_heat_W", "above 0"),
        ("substations.csv", "mill,mill", "school,mill", 6, "name", "own name"),
        ("network.toml", 'kind = "boiler"', 'kind = "boiller"', 32, "kind", "'boiler'"),
        ("network.toml", "pressure_bar = 3.0", "presure_bar = 3.0", 44, "presure_bar", "pressure"),
        ("network.toml", "[[plants]]", "[[plantz]]", 29, "plantz", "did you mean 'plants'?"),
        ("network.toml", "worst_point = true", "worst_point = 7", 39, "worst_point", "true or"),
    ],
)
def test_a_single_slip_is_named_with_file_row_field_and_remedy(
    folder: Path, file: str, old: str, new: str, row: int, field: str, words: str
) -> None:
    change(folder, file, old, new)
    with pytest.raises(InputError) as caught:
        read_network(folder)
    first = next(item for item in caught.value.findings if item.field == field)
    assert first.file is not None
    assert first.file.name == file
    assert first.row == row
    assert words in first.remedy


def test_a_missing_column_is_named_once_at_the_header(folder: Path) -> None:
    change(folder, "substations.csv", "design_heat_kW", "")
    text = (folder / "substations.csv").read_text().replace("node,,", "node,")
    (folder / "substations.csv").write_text(
        text.replace(",25,", ",").replace(",120,", ",").replace(",60,", ",").replace(",30,", ",")
    )
    with pytest.raises(InputError) as caught:
        read_network(folder)
    rows = [item.row for item in caught.value.findings if item.field == "design_heat_W"]
    assert rows == [2]


def test_all_findings_come_at_once(folder: Path) -> None:
    change(folder, "pipes.csv", "school,east_house,75", "school,east_house,-75")
    change(folder, "substations.csv", "mill,mill,30", "mill,mil,30")
    change(folder, "network.toml", 'kind = "boiler"', 'kind = "boiller"')
    with pytest.raises(InputError) as caught:
        read_network(folder)
    files = [item.file.name for item in caught.value.findings if item.file is not None]
    assert {"pipes.csv", "substations.csv", "network.toml"} <= set(files)


@pytest.mark.parametrize("name", ["network.toml", "nodes.csv", "pipes.csv", "substations.csv"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"the file {name} does not exist"):
        read_network(folder)


def test_a_missing_folder_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_network(tmp_path / "nowhere")


def test_tables_with_semicolons_are_refused_with_a_remedy(folder: Path) -> None:
    text = (folder / "nodes.csv").read_text().replace(",", ";")
    (folder / "nodes.csv").write_text(text)
    with pytest.raises(InputError, match="save the table with commas"):
        read_network(folder)


def test_a_comma_as_decimal_mark_is_told(folder: Path) -> None:
    change(folder, "pipes.csv", "school,east_house,75,,", "school,east_house,75,5,,")
    with pytest.raises(InputError) as caught:
        read_network(folder)
    assert any("decimal" in item.remedy for item in caught.value.findings)


def test_a_time_without_zone_is_refused(folder: Path) -> None:
    with (folder / "network.toml").open("a") as text:
        text.write(
            '\n[[outages]]\ncomponent = "boiler"\nstart = 2027-07-05T06:00:00\n'
            "end = 2027-07-06T06:00:00Z\n"
        )
    found = only_finding(folder)
    assert found.field == "start"
    assert "time zone" in found.what


def test_a_limit_in_a_wrong_quantity_is_refused(folder: Path) -> None:
    with (folder / "network.toml").open("a") as text:
        text.write(
            '\n[[limits]]\ncomponent = "boiler"\nquantity = "heat_degC"\n'
            "start = 2027-07-05T06:00:00Z\nend = 2027-07-06T06:00:00Z\nupper = 3.0\n"
        )
    assert only_finding(folder).field == "quantity"


def test_both_a_loss_and_an_insulation_are_refused(folder: Path) -> None:
    (folder / "pipes.csv").write_text(
        "from_node,to_node,length_m,inner_diameter_m,heat_loss_W_per_mK,insulation_thickness_m\n"
        "heating_plant,corner,85,0.07,0.3,0.04\ncorner,north_house,48,0.03,,\n"
        "corner,school,95,,,\nschool,east_house,75,,,\nschool,mill,72,,,\n"
    )
    found = only_finding(folder)
    assert (found.row, found.field) == (2, "heat_loss_W_per_mK")


def test_reading_gives_a_network(folder: Path) -> None:
    assert isinstance(read_network(folder / "network.toml"), Network)
