"""Trajectories of a run as one zipped Zarr store.

One file per run is written whole or not at all, needs one entry of the file system instead of
a hundred, and holds runs of different networks side by side. Zarr's format 2 has a stable
encoding of names, format 3 has not.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    zarr = zarr_package()
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
    entries: dict[str, Any] = {}
    data.to_zarr(zarr.storage.MemoryStore(entries), zarr_format=2, consolidated=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in sorted(entries):
            file.writestr(zipfile.ZipInfo(name), entries[name].to_bytes())
    return archive.getvalue()


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

    zarr = zarr_package()
    if not file.is_file():
        raise InputError(
            Finding("the run has no trajectories", "keep them: see [keep] in the study file", file)
        )
    with zarr.storage.ZipStore(file, mode="r") as store:
        return xr.open_zarr(store, zarr_format=2, chunks=None).load()


def zarr_package() -> Any:
    """The package zarr.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        return import_module("zarr")
    except ImportError:
        remedy = "run `pip install 'rexdynnet[zarr]'`, or keep none: [keep] trajectories = []"
        raise InputError(Finding("zarr is not installed", remedy)) from None
