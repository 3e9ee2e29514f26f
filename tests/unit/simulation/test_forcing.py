from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.network.inputs import controls, disturbances
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.forcing import Forcing, merge, shift
from rexdynnet.simulation.series import make_forcing, read_forcing
from tests.unit.small_network import small_network

GOOD = """\
# a remark
time_s,outdoor.temperature_degC,house_1.heat_demand_kW,house_2.heat_demand_W,pump.heat_kW
0,-5,10,5000,20
3600,-4,12,6000,20
7200,-4,12,6000,20
10800,-4,12,6000,20
14400,-4,12,6000,20
"""


@dataclass(frozen=True)
class Wanted:
    controls: tuple[Signal, ...]
    disturbances: tuple[Signal, ...]


def wanted() -> Wanted:
    network = small_network()
    return Wanted(controls(network), disturbances(network))


def written(folder: Path, text: str) -> Path:
    path = folder / "series.csv"
    path.write_text(text)
    return path


def test_a_good_file_becomes_si_values_with_defaults_for_what_is_not_given(tmp_path: Path) -> None:
    forcing = read_forcing(written(tmp_path, GOOD), small_network())
    assert forcing.column("outdoor.temperature")[0] == pytest.approx(268.15)
    assert forcing.column("house_1.heat_demand")[1] == 12e3
    assert np.all(forcing.column("boiler.differential_pressure") == 1e5)
    assert np.all(forcing.column("pump.availability") == 1)


def test_air_temperature_interpolates_and_demand_holds(tmp_path: Path) -> None:
    forcing = read_forcing(written(tmp_path, GOOD), small_network())
    now = dict(zip(forcing.names, forcing.at(1800.0), strict=True))
    assert now["outdoor.temperature"] == pytest.approx(268.65)
    assert now["house_1.heat_demand"] == 10e3


def test_a_remark_makes_a_column_interpolate(tmp_path: Path) -> None:
    text = GOOD.replace("# a remark", "# linear: house_1.heat_demand")
    forcing = read_forcing(written(tmp_path, text), small_network())
    now = dict(zip(forcing.names, forcing.at(1800.0), strict=True))
    assert now["house_1.heat_demand"] == pytest.approx(11e3)
    assert now["house_2.heat_demand"] == 5e3


def test_dated_times_set_the_start(tmp_path: Path) -> None:
    text = GOOD.replace("time_s", "time_utc")
    for hour in range(5):
        text = text.replace(f"\n{hour * 3600},", f"\n2026-01-15T0{hour}:00Z,")
    forcing = read_forcing(written(tmp_path, text), small_network())
    assert forcing.start_utc == datetime(2026, 1, 15, tzinfo=UTC)
    assert forcing.time_s[-1] == 14400
    moved = shift(forcing, datetime(2026, 1, 15, 1, tzinfo=UTC))
    assert moved.time_s[0] == -3600


@pytest.mark.parametrize(
    ("old", "new", "row", "field", "word"),
    [
        ("house_1.heat_demand_kW", "house_l.heat_demand_kW", 2, "house_l", "house_1"),
        ("house_1.heat_demand_kW", "house_1.heat_demnd_kW", 2, "heat_demnd", "heat_demand"),
        ("house_1.heat_demand_kW", "house_1.heat_demand_hp", 2, "heat_demand_hp", "_kW"),
        ("house_1.heat_demand_kW", "house_1.heat_demand_bar", 2, "heat_demand_bar", "_kW"),
        ("house_1.heat_demand_kW", "house_1.heat_demand", 2, "heat_demand", "_kW"),
        ("house_2.heat_demand_W", "house_1.heat_demand_W", 2, "heat_demand", "twice"),
        ("time_s", "when", 2, "when", "time_utc"),
        ("3600,-4,12", "3600,nan,12", 4, "outdoor.temperature_degC", "fill the gap"),
        ("3600,-4,12", "3600,,12", 4, "outdoor.temperature_degC", "fill the gap"),
        ("3600,-4,12", "3600,cold,12", 4, "outdoor.temperature_degC", "no number"),
        ("3600,-4,12", "36000,-4,12", 5, "time_s", "sort"),
        ("3600,-4,12", "0,-4,12", 4, "time_s", "duplicates"),
        ("3600,-4,12", "noon,-4,12", 4, "time_s", "number"),
        ("3600,-4,12", "3600,-4", 4, None, "cells"),
        ("3600,-4,12", "3600,268,12", 4, "outdoor.temperature_degC", "unit"),
        ("3600,-4,12", "3600,-4,-12", 4, "house_1.heat_demand_kW", "outside"),
        ("3600,-4,12,6000,20\n", "", 4, "time_s", "rows are missing"),
    ],
)
def test_a_broken_file_is_refused_with_file_row_field_and_remedy(
    tmp_path: Path, old: str, new: str, row: int, field: str | None, word: str
) -> None:
    text = GOOD.replace(old, new)
    if new == "":
        text += "18000,-4,12,6000,20\n21600,-4,12,6000,20\n"
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read_forcing(path, small_network())
    finding = caught.value.findings[0]
    assert finding.file == path
    assert finding.row == row
    assert field is None or field in (finding.field or "")
    assert word in str(finding)


def test_uneven_steps_pass_when_they_are_declared(tmp_path: Path) -> None:
    text = GOOD.replace("# a remark", "# irregular") + "36000,-4,12,6000,20\n"
    assert len(read_forcing(written(tmp_path, text), small_network()).time_s) == 6


def test_all_missing_required_signals_are_named(tmp_path: Path) -> None:
    path = written(tmp_path, "time_h,ground.temperature_degC\n0,8\n5,8\n")
    with pytest.raises(InputError) as caught:
        read_forcing(path, small_network())
    assert {finding.field for finding in caught.value.findings} == {
        "outdoor.temperature",
        "house_1.heat_demand",
        "house_2.heat_demand",
        "pump.heat",
    }


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.csv"):
        read_forcing(tmp_path / "nowhere.csv", small_network())


def test_a_series_shorter_than_the_run_is_refused(tmp_path: Path) -> None:
    forcing = read_forcing(written(tmp_path, GOOD), small_network())
    with pytest.raises(InputError, match="ends at 14400 s"):
        forcing.inputs(wanted(), 20000.0)


def test_segments_cover_the_run_and_skip_rows_where_nothing_changes(tmp_path: Path) -> None:
    forcing = read_forcing(written(tmp_path, GOOD), small_network())
    segments = forcing.inputs(wanted(), 14000.0)
    assert [segment.start_s for segment in segments] == [0.0, 3600.0]
    assert segments[-1].end_s == 14000.0
    outdoor = [signal.name for signal in wanted().disturbances].index("outdoor.temperature")
    assert segments[0].end.disturbances[outdoor] == pytest.approx(269.15)
    demand = [signal.name for signal in wanted().disturbances].index("house_1.heat_demand")
    assert segments[0].end.disturbances[demand] == 10e3


def test_arrays_become_a_forcing_and_misspelt_names_do_not() -> None:
    heat = {"house_1.heat_demand": 1e4, "house_2.heat_demand": [1e4, 2e4], "pump.heat": 0.0}
    forcing = make_forcing(small_network(), [0, 10], {**heat, "outdoor.temperature": 273.15})
    assert forcing.at(10.0)[forcing.names.index("house_2.heat_demand")] == 2e4
    with pytest.raises(InputError, match="did you mean the component house_1"):
        make_forcing(small_network(), [0, 10], {"hous_1.heat_demand": 1e4})
    with pytest.raises(InputError, match="outside"):
        make_forcing(small_network(), [0, 10], {**heat, "outdoor.temperature": 5.0})


def test_nan_and_disorder_in_arrays_are_refused() -> None:
    signal = Signal("a", "heat", "W")
    with pytest.raises(InputError, match=r"a\.heat is nan at 1 s"):
        Forcing(np.array([0.0, 1.0]), np.array([[1.0], [np.nan]]), (signal,))
    with pytest.raises(InputError, match="sort"):
        Forcing(np.array([0.0, 1.0, 1.0]), np.zeros((3, 1)), (signal,))
    with pytest.raises(InputError, match="given twice"):
        Forcing(np.array([0.0, 1.0]), np.zeros((2, 2)), (signal, signal))


@given(
    st.lists(st.floats(1, 1e4), min_size=1, max_size=12),
    st.lists(st.floats(1, 1e4), min_size=1, max_size=12),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.integers(0, 2**32),
)
def test_merging_changes_no_value_at_any_instant(
    steps_a: list[float], steps_b: list[float], fractions: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    held, ramped = Signal("a", "x", "1"), Signal("b", "x", "1", hold=Hold.LINEAR)
    times_a = np.concatenate(([0.0], np.cumsum(steps_a)))
    times_b = np.concatenate(([0.0], np.cumsum(steps_b)))
    one = Forcing(times_a, rng.normal(size=(len(times_a), 1)), (held,))
    two = Forcing(times_b, rng.normal(size=(len(times_b), 1)), (ramped,))
    both = merge([one, two])
    end = min(times_a[-1], times_b[-1])
    assert both.time_s[-1] == end
    for fraction in fractions:
        time_s = fraction * end
        assert both.at(time_s)[0] == one.at(time_s)[0]
        np.testing.assert_allclose(both.at(time_s)[1], two.at(time_s)[0], rtol=0, atol=1e-9)


def test_just_before_a_jump_the_old_value_still_holds() -> None:
    forcing = Forcing(
        np.array([0.0, 1.0, 2.0]), np.array([[1.0], [2.0], [3.0]]), (Signal("a", "x", "1"),)
    )
    assert forcing.before(1.0)[0] == 1.0
    assert forcing.at(1.0)[0] == 2.0
