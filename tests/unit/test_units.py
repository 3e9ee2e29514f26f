from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.units import UNITS, format_duration, parse_duration, split_unit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 604800),
        ("15min", 900),
        ("36 h", 129600),
        ("90 s", 90),
        ("1 week", 604800),
        ("1d 12h", 129600),
        ("1.5 hours", 5400),
        ("1 year", 31536000),
        (60, 60),
        ("60", None),
    ],
)
def test_durations_read_as_a_person_writes_them(text: str | float, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(InputError, match="unknown time unit"):
            parse_duration(text)
    else:
        assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "7 fortnights", "-3h", "0s", "h", "1 d, 2 h"])
def test_what_is_no_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match=r"for example|use s, min"):
        parse_duration(text, field="duration")


@given(st.integers(1, 10_000_000))
def test_a_written_duration_reads_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "quantity", "si"),
    [
        ("substation_7.heat_demand_kW", "substation_7.heat_demand", "W"),
        ("outdoor.temperature_degC", "outdoor.temperature", "K"),
        ("tank.mass_flow_kg_per_s", "tank.mass_flow", "kg/s"),
        ("outdoor.global_radiation_W_per_m2", "outdoor.global_radiation", "W/m2"),
        ("pump_s.speed", "pump_s.speed", "1"),
        ("valve.opening_percent", "valve.opening", "1"),
        ("inner_diameter_mm", "inner_diameter", "m"),
    ],
)
def test_a_name_splits_into_quantity_and_unit(name: str, quantity: str, si: str) -> None:
    stem, unit = split_unit(name)
    assert (stem, unit.si) == (quantity, si)


@given(st.sampled_from(sorted(UNITS)), st.floats(-1e6, 1e6))
def test_there_and_back_changes_no_value(suffix: str, value: float) -> None:
    unit = UNITS[suffix]
    assert unit.from_si(unit.to_si(value)) == pytest.approx(value, rel=1e-12, abs=1e-7)


def test_known_conversions() -> None:
    assert UNITS["bar"].to_si(3.0) == 3e5
    assert UNITS["MWh"].to_si(1.0) == 3.6e9
    assert UNITS["degC"].to_si(0.0) == 273.15
    assert UNITS["m3_per_h"].to_si(3600.0) == 1.0
