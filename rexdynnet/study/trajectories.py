"""Trajectories of a run as one zipped Zarr store.

One file per run is written whole or not at all, needs one entry of the file system instead of
a hundred, and holds runs of different networks side by side. Zarr's format 2 has a stable
encoding of names, format 3 has not. Its entries are laid down here: through the library a
hundred small arrays take a quarter as long as the day that they hold took to simulate.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest

if TYPE_CHECKING:
    import xarray as xr

SUFFIX = ".zarr.zip"


def packed(data: xr.Dataset, keep: Sequence[str] | None = None) -> bytes:
    """Pack a result; the same result gives the same bytes.

    Parameters
    ----------
    data : xarray.Dataset
    keep : sequence of str or None
        Variables; None keeps all.

    Returns
    -------
    bytes
        A ZIP archive whose entries are a Zarr store of format 2.

    Raises
    ------
    InputError
        A variable is not in the result, or the extra `zarr` is not installed.
    """
    check_zarr()
    if keep is not None:
        stray = [str(name) for name in keep if name not in data.data_vars]
        if stray:
            raise InputError(
                *(
                    Finding(
                        f"the result has no variable {name!r}",
                        nearest(name, [str(known) for known in data.data_vars]),
                        field="keep",
                    )
                    for name in stray
                )
            )
        data = data[list(keep)]
    entries = _entries(data)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in sorted(entries):
            file.writestr(zipfile.ZipInfo(name), entries[name])
    return archive.getvalue()


def _entries(data: xr.Dataset) -> dict[str, bytes]:
    """A Zarr store, one chunk an array (Zarr storage specification version 2)."""
    from xarray.conventions import encode_dataset_coordinates

    blosc = import_module("numcodecs").Blosc(cname="lz4", clevel=5, shuffle=1)
    variables, attributes = encode_dataset_coordinates(data)
    about: dict[str, object] = {".zgroup": {"zarr_format": 2}, ".zattrs": attributes}
    chunks: dict[str, bytes] = {}
    for name, variable in variables.items():
        encoded = _plain(str(name), variable)
        values = np.ascontiguousarray(encoded.values).reshape(encoded.shape)
        if values.size:
            chunks[f"{name}/{'.'.join('0' * values.ndim) or '0'}"] = blosc.encode(values)
        about[f"{name}/.zattrs"] = {**encoded.attrs, "_ARRAY_DIMENSIONS": list(encoded.dims)}
        about[f"{name}/.zarray"] = {
            "zarr_format": 2,
            "shape": values.shape,
            "chunks": [max(length, 1) for length in values.shape],
            "dtype": values.dtype.str,
            "fill_value": None,
            "order": "C",
            "filters": None,
            "compressor": blosc.get_config(),
        }
    about[".zmetadata"] = {"zarr_consolidated_format": 1, "metadata": dict(about)}
    return chunks | {name: _json(value) for name, value in about.items()}


def _plain(name: str, variable: xr.Variable) -> xr.Variable:
    """Numbers, and text of fixed width; instants as numbers with their unit."""
    if variable.dtype.kind in "fiubU":
        return variable
    if variable.dtype.kind == "O":
        return variable.astype(str)
    from xarray.conventions import encode_cf_variable

    return encode_cf_variable(variable, name=name)


def _json(value: object) -> bytes:
    return json.dumps(value, default=lambda one: one.tolist()).encode()


def read_trajectories(file: Path) -> xr.Dataset:
    """Load what `packed` made.

    Parameters
    ----------
    file : Path

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    InputError
        There is no such file, or the extra `zarr` is not installed.
    """
    import xarray as xr

    check_zarr()
    if not file.is_file():
        raise InputError(
            Finding("the run has no trajectories", "keep them: see [keep] in the study file", file)
        )
    with import_module("zarr").storage.ZipStore(file, mode="r") as store:
        return xr.open_zarr(store, zarr_format=2, chunks=None).load()


def check_zarr() -> None:
    """Check that trajectories can be kept, without the time that loading the package takes.

    Raises
    ------
    InputError
        The package zarr is not installed.
    """
    if find_spec("zarr") is None or find_spec("numcodecs") is None:
        remedy = "run `pip install 'rexdynnet[zarr]'`, or keep none: [keep] trajectories = []"
        raise InputError(Finding("zarr is not installed", remedy))
