"""Trajectories come back from their file as they were."""

from __future__ import annotations

import io
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from rexdynnet.errors import InputError
from rexdynnet.study.trajectories import packed, read_trajectories

pytest.importorskip("zarr")

DATA = xr.Dataset(
    {
        "heat": (("time", "substation"), np.arange(6.0).reshape(3, 2), {"units": "W"}),
        "mode": (("time",), np.array([0, 1, 2], dtype=np.int8)),
        "cause": (("time",), np.array(["", "zu kalt – ü", "x"], dtype=object)),
        "length": ((), 900.0),
        "none": (("event",), np.zeros(0)),
    },
    coords={
        "time": ("time", [0.0, 600.0, np.nan], {"units": "s"}),
        "instant": ("time", np.array(["2027-03-28T00:30", "2027-03-28T01:30", "NaT"], "M8[ns]")),
        "substation": ["a", "b"],
        "node": ("substation", ["a_supply", "b_supply"]),
    },
    attrs={"seed": "3", "warnings": "", "share": np.float64(0.5)},
)


def back(data: xr.Dataset, folder: Path) -> xr.Dataset:
    file = folder / "run.zarr.zip"
    file.write_bytes(packed(data))
    return read_trajectories(file)


def test_every_kind_of_variable_comes_back(tmp_path: Path) -> None:
    found = back(DATA, tmp_path)
    xr.testing.assert_identical(found, DATA)
    assert set(found.coords) == set(DATA.coords)
    assert found["mode"].dtype == np.int8


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=st.floats()))
def test_any_numbers_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray
) -> None:
    dims = tuple(f"d{at}" for at in range(values.ndim))
    turned = xr.Dataset({"x": (dims, values), "turned": (dims[::-1], values.T)})
    found = back(turned, tmp_path_factory.mktemp("zarr"))
    assert found["x"].values.tobytes() == values.tobytes()
    np.testing.assert_array_equal(found["turned"].values, values.T)


def test_an_attribute_of_several_numbers_comes_back(tmp_path: Path) -> None:
    found = back(DATA.assign_attrs(edges=np.array([0.0, 900.0])), tmp_path)
    np.testing.assert_array_equal(found.attrs["edges"], [0.0, 900.0])


def test_the_same_result_gives_the_same_bytes() -> None:
    assert packed(DATA) == packed(DATA.copy(deep=True))


def test_the_package_zarr_reads_the_store_without_xarray(tmp_path: Path) -> None:
    zarr = import_module("zarr")
    file = tmp_path / "run.zarr.zip"
    file.write_bytes(packed(DATA))
    with zarr.storage.ZipStore(file, mode="r") as store:
        group = zarr.open_group(store, mode="r", zarr_format=2)
        np.testing.assert_array_equal(group["heat"][:], DATA["heat"].values)
        assert group["heat"].attrs["units"] == "W"


def test_only_what_is_wanted_is_kept() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(DATA, ["heat"]))) as file:
        assert "heat/0.0" in file.namelist()
        assert not any(name.startswith("mode") for name in file.namelist())


def test_an_unknown_variable_is_named_with_its_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'heat'"):
        packed(DATA, ["haet"])
