"""Meter files: what is understood, and what is refused with a remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rexdynnet.errors import InputError
from rexdynnet.identify.meters import meters_from, read_meters
from rexdynnet.identify.record import make_record
from rexdynnet.identify.synthetic import make_building, meters_table, simulate_meters
from rexdynnet.network.rc import RowLabel


@pytest.fixture
def table():
    meters = simulate_meters(make_building(1, 3, seed=2), seed=2, days=7.0, step_s=3600.0)
    return meters_table(meters)


def refusal(frame):
    with pytest.raises(InputError) as caught:
        meters_from(frame)
    return str(caught.value)


def test_units_of_the_columns_are_converted(table, tmp_path):
    table.to_csv(tmp_path / "meters.csv", index=False)
    found = read_meters(tmp_path / "meters.csv")
    assert found.zones == ("flat_1_1", "flat_1_2", "flat_1_3")
    assert found.temperature_K[5, 1] == pytest.approx(table["flat_1_2_T_degC"][5] + 273.15)
    assert found.heat_W[5, 1] == pytest.approx(table["flat_1_2_heat_kWh"][5] * 1e3)


def test_rows_labelled_at_their_end_act_on_the_row_before(table):
    start, end = meters_from(table), meters_from(table, rows=RowLabel.END)
    one, other = (make_record(m, False, (12.0,), 0).inputs[:, 1] for m in (start, end))
    assert np.allclose(other[:-1], one[1:])


def test_a_column_without_a_unit_is_refused(table):
    told = refusal(table.rename(columns={"flat_1_1_T_degC": "flat_1_1_T"}))
    assert "flat_1_1_T" in told
    assert "unit" in told


def test_mixed_units_are_refused(table):
    table["flat_1_1_T_K"] = table.pop("flat_1_1_T_degC") + 273.15
    assert "degC" in refusal(table)


def test_a_constant_thermometer_is_refused(table):
    table["flat_1_2_T_degC"] = 21.0
    assert "always reads 21.00" in refusal(table)


def test_exchanged_heat_columns_are_noticed(table):
    names = ["flat_1_1_heat_kWh", "flat_1_3_heat_kWh"]
    table[names] = table[names[::-1]].to_numpy()
    assert "seem swapped" in refusal(table)


def test_a_jump_of_the_clock_is_named(table):
    times = pd.to_datetime(table["time_local"])
    times[80:] += pd.Timedelta(minutes=17)
    table["time_local"] = times
    told = refusal(table)
    assert "+1020 s" in told
    assert "row 82" in told


def test_the_hour_that_daylight_saving_repeats_is_named(table):
    times = pd.to_datetime(table["time_local"])
    times[50:] -= pd.Timedelta(hours=1)
    table["time_local"] = times
    assert "daylight saving" in refusal(table)


def test_the_hour_that_daylight_saving_skips_is_named(table):
    times = pd.date_range("2024-03-28", periods=len(table), freq="h").to_series(index=table.index)
    times[times >= pd.Timestamp("2024-03-31 02:00")] += pd.Timedelta(hours=1)
    table["time_local"] = times
    told = refusal(table)
    assert "2024-03-31 03:00:00 follows 2024-03-31 01:00:00" in told
    assert "export in UTC" in told


def test_a_heat_meter_that_never_moves_is_refused_and_an_unheated_zone_is_not(table):
    table["flat_1_1_heat_kWh"] = 0.0
    assert meters_from(table).heat_W[:, 0].max() == 0.0
    table["flat_1_2_heat_kWh"] = 0.4
    assert "heat meter of flat_1_2 always reads 400 W" in refusal(table)


def test_fillers_instead_of_gaps_are_refused(table):
    table.loc[30, "flat_1_1_T_degC"] = -999.0
    assert "leave a gap blank" in refusal(table)


def test_gaps_stay_gaps_of_their_channel(table):
    table.loc[30, "flat_1_1_T_degC"] = np.nan
    table.loc[40, "flat_1_2_heat_kWh"] = np.nan
    found = meters_from(table)
    assert np.isnan(found.temperature_K[30, 0])
    assert np.isfinite(found.temperature_K[30, 1:]).all()
    record = make_record(found, False, (12.0,), 0)
    assert np.isfinite(record.inputs).all()
    assert record.filled[record.noise_of[record.rows.noise[40], 1], 2]
    assert record.input_variance[2] > 0


def test_too_few_rows_are_refused(table):
    assert "too few" in refusal(table[:20])
