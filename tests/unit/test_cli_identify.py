"""`rexdynnet identify`, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.identify.synthetic import make_building, meters_table, simulate_meters
from rexdynnet.network.rc_files import read_building

RUNNER = CliRunner()


def run(table, folder, *options):
    file = Path(folder) / "meters.csv"
    table.to_csv(file, index=False)
    out = Path(folder) / "building.toml"
    return RUNNER.invoke(app, ["identify", str(file), "-o", str(out), *options]), out


def meters(days=7.0, step_s=3600.0):
    return meters_table(simulate_meters(make_building(1, 3, seed=2), 2, days=days, step_s=step_s))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identify")
    return run(meters(), folder, "--halves", "4", "--profile")


def test_halves_and_profiles_reach_the_terminal_the_file_and_the_page(asked):
    done, out = asked
    assert done.exit_code == 0
    assert "probability (kept in 4 halves of the record)" in done.output
    assert "half 4 of 4" in done.output
    assert "profile 3 of 3" in done.output
    network = read_building(out)
    assert {4 * pair.probability for pair in network.couplings} <= {0.0, 1.0, 2.0, 3.0, 4.0}
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "Couplings that the data know least" in page
    assert page.count("<img") == 4


def clock_back(table):
    table["time_local"] = table["time_local"].to_numpy().copy()
    table.loc[60, "time_local"] = table.loc[59, "time_local"]
    return table


def clock_jump(table):
    time = pd.to_datetime(table["time_local"])
    table["time_local"] = time + pd.to_timedelta(np.where(table.index > 80, 1500, 0), unit="s")
    return table


def mixed(table):
    return table.rename(columns={"flat_1_2_heat_kWh": "flat_1_2_heat_W"})


def stuck(table):
    return table.assign(flat_1_2_T_degC=20.5)


def unitless(table):
    return table.rename(columns={"flat_1_2_T_degC": "flat_1_2_T"})


def swapped(table):
    one, other = "flat_1_1_heat_kWh", "flat_1_3_heat_kWh"
    return table.assign(**{one: table[other], other: table[one]})


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (clock_back, "daylight saving"),
        (clock_jump, "the clock jumps by"),
        (mixed, "unit"),
        (stuck, "always reads 20.50 degC"),
        (unitless, "unit"),
        (swapped, "exchange their heat columns"),
    ],
)
def test_a_spoilt_export_is_refused_with_what_to_do_and_nothing_is_written(spoil, told, tmp_path):
    done, out = run(spoil(meters()), tmp_path)
    assert done.exit_code == 2
    assert told in done.output
    assert "meters.csv" in done.output
    assert not out.exists()
