"""Results go to pandas, Parquet and CSV with units in the column names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import rexdynnet as rdn
from rexdynnet.cli import app
from rexdynnet.cli_output import write_result
from rexdynnet.errors import InputError
from rexdynnet.interchange.results import to_frame, write_table
from tests.data import ROOT


@pytest.fixture(scope="module")
def result():
    network = rdn.read_network(ROOT / "models" / "networks" / "one_pipe_bench")
    forcing = rdn.read_forcing(ROOT / "models" / "series" / "one_pipe_step.csv", network)
    return rdn.simulate(network, forcing, until="1h")


def test_every_trajectory_is_a_column_with_its_unit(result) -> None:
    frame = to_frame(result)
    assert frame.index.name == "time_s"
    for name, unit in (("heat", "W"), ("mass_flow", "kg_per_s"), ("supply_temperature", "K")):
        np.testing.assert_array_equal(
            frame[f"consumer.{name}_{unit}"], rdn.series(result, f"consumer.{name}")
        )
    np.testing.assert_array_equal(frame["outdoor.temperature_K"], result["outdoor_temperature"])
    np.testing.assert_array_equal(frame["energy_lost_J"], result["energy_lost"])


def test_a_run_with_a_date_is_indexed_by_instants(result) -> None:
    frame = to_frame(result.assign_attrs(start_utc="2027-01-15T00:00:00Z"))
    assert frame.index.name == "time_utc"
    assert frame.index[0] == pd.Timestamp("2027-01-15T00:00:00Z")
    assert (frame.index[1] - frame.index[0]).total_seconds() == result.time.values[1]


def test_parquet_gives_the_same_numbers_back(result, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    file = write_table(result, tmp_path / "result.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(file), to_frame(result))
    assert pd.read_parquet(file).attrs["network"] == result.attrs["network"]


def test_csv_keeps_nine_digits(result, tmp_path: Path) -> None:
    back = pd.read_csv(write_table(result, tmp_path / "result.csv"), index_col=0)
    np.testing.assert_allclose(back, to_frame(result), rtol=1e-8, atol=1e-30)


def test_the_command_makes_a_table_of_a_result(result, tmp_path: Path) -> None:
    write_result(result, tmp_path / "result.nc")
    words = ["convert", str(tmp_path / "result.nc"), str(tmp_path / "result.csv")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert f"{result.sizes['time']} rows" in done.output
    assert len(pd.read_csv(tmp_path / "result.csv")) == result.sizes["time"]


def test_another_ending_is_refused(result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no table"):
        write_table(result, tmp_path / "result.xlsx")
