"""Broken network files: always an InputError with a place and a remedy, never another failure."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.network.checks import check_network
from rexdynnet.network.geojson import write_geojson
from rexdynnet.network.graph import Network
from rexdynnet.network.new import new_project
from rexdynnet.network.read import read_network
from rexdynnet.network.write import write_network

TABLES = ("nodes.csv", "pipes.csv", "substations.csv")
FILES = (*TABLES, "network.toml")
NASTY = (
    "", "nan", "inf", "-inf", "-1", "0", "1e999", "-1e-300", "1e300", "x", "50", "0.00001", "70 K",
    "'", '"', ",", ";", "\n", "\x00", "true", "[]", "{}", "=", "#", "DN80 series 9", "mill", "i",
    "\u00e9", "\u202e", "1_0", "0x10", "1,5", "--", "None", "both", "supply", "2027-13-45",
)  # fmt: skip
MILD = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("good") / "project"
    new_project(where)
    return where / "network"


@pytest.fixture(scope="module")
def small(good: Path) -> Network:
    return read_network(good)


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Callable[[], Path]:
    def fresh() -> Path:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return Path(shutil.copytree(good, tmp_path / "copy"))

    return fresh


def judged(path: Path) -> Network | None:
    """The network, or None after an InputError whose findings all say what to do."""
    try:
        network = read_network(path)
    except InputError as error:
        for finding in error.findings:
            assert finding.what
            assert finding.remedy
            assert finding.file is not None, str(finding)
        return None
    assert check_network(network) == ()
    return network


@MILD
@given(data=st.data())
def test_any_cell_may_hold_anything(copy: Callable[[], Path], data: st.DataObject) -> None:
    folder = copy()
    name = data.draw(st.sampled_from(TABLES))
    lines = (folder / name).read_text().splitlines()
    number = data.draw(st.integers(1, len(lines) - 1))
    cells = lines[number].split(",")
    column = data.draw(st.integers(0, len(cells) - 1))
    cells[column] = data.draw(st.sampled_from(NASTY) | st.text(max_size=8))
    lines[number] = ",".join(cells)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
    judged(folder)


@MILD
@given(data=st.data())
def test_any_value_of_the_document_may_be_anything(
    copy: Callable[[], Path], data: st.DataObject
) -> None:
    folder = copy()
    path = folder / "network.toml"
    lines = path.read_text().splitlines()
    keyed = [i for i, line in enumerate(lines) if "=" in line and not line.startswith("#")]
    number = data.draw(st.sampled_from(keyed))
    key = lines[number].split("=")[0]
    bare = st.sampled_from(NASTY)
    quoted = (st.sampled_from(NASTY) | st.text(max_size=6)).map(json.dumps)
    plain = st.floats().map(repr) | st.integers().map(str)
    lines[number] = f"{key}= {data.draw(bare | quoted | plain)}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
    judged(folder)


@MILD
@given(data=st.data())
def test_any_line_may_be_lost_doubled_or_moved(
    copy: Callable[[], Path], data: st.DataObject
) -> None:
    folder = copy()
    name = data.draw(st.sampled_from(FILES))
    lines = (folder / name).read_text().splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1))
    match data.draw(st.sampled_from(("lose", "double", "swap", "cut"))):
        case "lose":
            del lines[number]
        case "double":
            lines.insert(other, lines[number])
        case "swap":
            lines[number], lines[other] = lines[other], lines[number]
        case _:
            lines = lines[:number]
    (folder / name).write_text("\n".join(lines) + "\n")
    judged(folder)


@MILD
@given(data=st.data())
def test_any_bytes_may_be_changed(copy: Callable[[], Path], data: st.DataObject) -> None:
    folder = copy()
    path = folder / data.draw(st.sampled_from(FILES))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    judged(folder)


@MILD
@given(data=st.data())
def test_any_value_of_a_geojson_may_be_anything(
    small: Network, tmp_path: Path, data: st.DataObject
) -> None:
    path = write_geojson(small, tmp_path / "map.geojson")
    content = json.loads(path.read_text())
    where = content
    while True:
        key = data.draw(
            st.sampled_from(sorted(where))
            if isinstance(where, dict)
            else st.integers(0, len(where) - 1)
        )
        inner = where[key]
        if isinstance(inner, dict | list) and inner and data.draw(st.integers(0, 4)):
            where = inner
            continue
        where[key] = data.draw(
            st.none() | st.booleans() | st.floats() | st.text(max_size=4) | st.sampled_from(NASTY)
            | st.just([]) | st.just({}) | st.just([7]) | st.just({"x": 1})
        )  # fmt: skip
        break
    path.write_text(json.dumps(content))
    judged(path)


SLIPS: tuple[tuple[str, str, str], ...] = (
    ("pipes.csv", "length_m", "length_mm"),
    ("pipes.csv", "from_node", "from_nod"),
    ("nodes.csv", "x_m", "xm"),
    ("substations.csv", "design_heat_kW", "design_heat_MW"),
    ("network.toml", "[[pressure_holding]]", "[[pressure_holdings]]"),
    ("network.toml", 'control = "pressure"', 'control = "heat"'),
    ("network.toml", "[[plants]]", "[plants]"),
    ("network.toml", "supply_degC = [80.0, 68.0]", "supply_degC = [80.0]"),
    ("network.toml", "supply_degC", "supply_K"),
)


@pytest.mark.parametrize(("name", "old", "new"), SLIPS)
def test_a_slip_never_passes(copy: Callable[[], Path], name: str, old: str, new: str) -> None:
    folder = copy()
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    assert judged(folder) is None


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf")),
    min_size=1,
).filter(lambda text: not text.startswith("#") and text == text.strip())


@MILD
@given(name=names, shift=st.floats(-1e6, 1e6), factor=st.floats(0.5, 2.0))
def test_writing_and_reading_changes_nothing(
    small: Network, tmp_path: Path, name: str, shift: float, factor: float
) -> None:
    network = small
    scaled = tuple(replace(pipe, length_m=pipe.length_m * factor) for pipe in network.pipes)
    moved = tuple(replace(node, x_m=node.x_m + shift) for node in network.nodes)
    first = replace(network.substations[0], name=f"{name}_x")
    network = replace(
        network,
        name=name,
        nodes=moved,
        pipes=scaled,
        substations=(first, *network.substations[1:]),
    )
    write_network(network, tmp_path / "copy")
    assert read_network(tmp_path / "copy") == network
    path = write_geojson(network, tmp_path / "copy.geojson")
    assert read_network(path) == network
