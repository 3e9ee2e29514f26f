"""Broken series and scenario files: refused with a place and a remedy, or read in full."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.simulation.series import read_forcing
from rexdynnet.study.scenario import forcing_of, read_scenario
from tests.data import ROOT
from tests.unit.small_network import small_network

NETWORK = small_network()
HEADER = "time_s,outdoor.temperature_degC,house_1.heat_demand_kW,house_2.heat_demand_W,pump.heat_kW"
ROWS = [f"{hour * 3600},{hour - 5},{10 + hour},5000,20" for hour in range(6)]
SCENARIO = (ROOT / "models/scenarios/destest16_two_plants_week.toml").read_text()

damage = st.sampled_from(
    [
        "",
        "nan",
        "inf",
        "-inf",
        "x",
        "1e400",
        "-1",
        "1e9",
        '"',
        ",",
        "\n",
        "\x00",
        "ä",
        "#",
        " ",
        ";",
    ]
)


def check_told(error: InputError) -> None:
    assert all(finding.what and finding.remedy for finding in error.findings)


def read(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "series.csv"
        path.write_text(text, encoding="utf-8")
        try:
            forcing = read_forcing(path, NETWORK)
        except InputError as error:
            check_told(error)
        else:
            assert np.all(np.isfinite(forcing.values))
            assert np.all(np.diff(forcing.time_s) > 0)


@given(st.integers(0, 400), st.integers(0, 12), damage)
def test_damage_anywhere_in_a_series_is_refused_or_harmless(
    at: int, length: int, instead: str
) -> None:
    text = "\n".join([HEADER, *ROWS])
    at %= len(text)
    read(text[:at] + instead + text[at + length :])


@given(st.lists(st.sampled_from(ROWS), max_size=8), st.permutations(HEADER.split(",")))
def test_rows_and_columns_in_any_order_are_refused_or_read(
    rows: list[str], header: list[str]
) -> None:
    read("\n".join([",".join(header), *rows]))


@given(st.text(max_size=200))
def test_any_text_at_all_is_refused_or_read(text: str) -> None:
    read(text.encode("utf-8", "ignore").decode())


@given(st.integers(0, 2000), st.integers(0, 25), damage)
def test_damage_anywhere_in_a_scenario_is_refused_or_harmless(
    at: int, length: int, instead: str
) -> None:
    text = SCENARIO.replace("../networks", str(ROOT / "models" / "networks"))
    at %= len(text)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.toml"
        path.write_text(text[:at] + instead + text[at + length :], encoding="utf-8")
        try:
            forcing = forcing_of(read_scenario(path))
        except InputError as error:
            check_told(error)
        else:
            assert np.all(np.isfinite(forcing.values))
