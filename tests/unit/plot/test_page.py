"""The page of trajectories, and how every picture is saved."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from rexdynnet.errors import InputError
from rexdynnet.plot import network_map, overview
from rexdynnet.plot.style import Colour
from tests.unit.plot.synthetic import cross_result, drop


def test_the_page_has_weather_water_heat_flow_and_pressure_on_one_time_axis() -> None:
    figure = overview(cross_result())
    labels = [ax.get_ylabel() for ax in figure.axes]
    for word in ("°C", "kW", "kg/s", "bar"):
        assert any(f"({word})" in label for label in labels)
    assert len({ax.get_xlim() for ax in figure.axes}) == 1
    assert [bool(ax.get_xlabel()) for ax in figure.axes].count(True) == 1


def test_panels_without_data_are_left_away() -> None:
    bare = drop(
        cross_result(),
        "outdoor_temperature",
        "ground_temperature",
        "substation_differential_pressure",
    )
    assert len(overview(bare).axes) == len(overview(cross_result()).axes) - 2


def test_a_page_without_plants_is_an_error() -> None:
    with pytest.raises(InputError, match="plant_supply_temperature"):
        overview(drop(cross_result(), "plant_supply_temperature"))


def test_small_symbols_keep_their_colour_in_a_png(tmp_path: Path) -> None:
    file = tmp_path / "map.png"
    network_map(cross_result()).savefig(file)
    pixels = np.asarray(Image.open(file).convert("RGB")).astype(int).reshape(-1, 3)
    for colour in (Colour.UNSERVED, Colour.STORED, Colour.DELIVERED):
        distance = np.abs(pixels - 255 * np.array(to_rgb(colour.value))).max(axis=1)
        assert np.count_nonzero(distance <= 3) > 100, colour.name


def test_drawing_leaves_the_global_state_of_matplotlib_alone() -> None:
    code = "import sys, rexdynnet.plot; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
