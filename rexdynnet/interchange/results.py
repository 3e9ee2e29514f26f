"""Results as tables: pandas in memory, Parquet and CSV on disk."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.dataset import KINDS
from rexdynnet.units import UNITS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_WHOLE = ("outdoor", "ground")


def to_frame(result: xr.Dataset) -> pd.DataFrame:
    """Lay a result out as a table: one row for each time, one column for each trajectory.

    Parameters
    ----------
    result : xarray.Dataset
        Of `rexdynnet.simulate` or `rexdynnet.run`.

    Returns
    -------
    pandas.DataFrame
        Columns `component.quantity_unit` in SI, as in series files; a tank's layers are
        `tank.temperature_0_K` (the top) and on. The index is `time_utc` where the run has a
        date, else `time_s`. Only what is over `time`; the dataset's attributes are in `attrs`.

    Raises
    ------
    InputError
        No time in it, or two components share a name and a quantity.

    Examples
    --------
    >>> import rexdynnet as rdn
    >>> network = rdn.read_network("models/networks/one_pipe_bench")
    >>> forcing = rdn.read_forcing("models/series/one_pipe_step.csv", network)
    >>> frame = to_frame(rdn.simulate(network, forcing, until="10min"))
    >>> frame["consumer.heat_W"].shape
    (2,)
    """
    import pandas as pd

    if "time" not in result.coords:
        raise InputError(Finding("the dataset has no time", "give a result of a run"))
    columns: dict[str, np.ndarray] = {}
    for key, variable in result.data_vars.items():
        name, unit = str(key), _suffix(str(variable.attrs.get("units", "")))
        if variable.dims[:1] != ("time",) or variable.dtype.kind not in "fiu":
            continue
        values = variable.to_numpy()
        for label, column in _columns(result, name, variable.dims, values):
            full = label + unit
            if full in columns:
                raise InputError(
                    Finding(f"two components have {full}", "rename one", component=full)
                )
            columns[full] = column
    seconds = result["time"].to_numpy()
    start = str(result.attrs.get("start_utc", ""))
    index = pd.Index(seconds, name="time_s")
    if start:
        stamps = pd.Timestamp(start) + pd.to_timedelta(seconds, unit="s")
        index = pd.DatetimeIndex(stamps, name="time_utc")
    frame = pd.DataFrame(columns, index=index)
    frame.attrs = {str(key): str(value) for key, value in result.attrs.items()}
    return frame


def write_table(result: xr.Dataset, path: Path) -> Path:
    """Write a result as a Parquet or CSV table of `to_frame`.

    Parameters
    ----------
    result : xarray.Dataset
    path : Path
        Ends in `.parquet` or `.csv`.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        Another ending, or the extra `parquet` (pyarrow) is not installed.
    """
    ending = path.suffix.lower()
    if ending not in {".parquet", ".csv"}:
        raise InputError(Finding(f"{path.name} is no table", "end it in .parquet or .csv", path))
    if ending == ".parquet" and find_spec("pyarrow") is None:
        raise InputError(
            Finding("pyarrow is not installed", "run `pip install 'rexdynnet[parquet]'`")
        )
    frame = to_frame(result)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    if ending == ".parquet":
        frame.to_parquet(fresh, engine="pyarrow")
    else:
        frame.to_csv(fresh, float_format="%.9g", date_format="%Y-%m-%dT%H:%M:%SZ")
    fresh.replace(path)
    return path


def _columns(
    result: xr.Dataset, name: str, dims: tuple[object, ...], values: np.ndarray
) -> list[tuple[str, np.ndarray]]:
    if len(dims) == 1:
        head = next((f"{word}_" for word in _WHOLE if name.startswith(f"{word}_")), "")
        label = f"{head[:-1]}.{name[len(head) :]}" if head else name
        return [(label, values)]
    kind = str(dims[1])
    if kind not in KINDS or not name.startswith(f"{kind}_"):
        return []
    quantity = name[len(kind) + 1 :]
    found: list[tuple[str, np.ndarray]] = []
    for place, component in enumerate(result[kind].to_numpy()):
        if values.ndim == 2:
            found.append((f"{component}.{quantity}", values[:, place]))
        else:
            layers = range(values.shape[2])
            found += [(f"{component}.{quantity}_{i}", values[:, place, i]) for i in layers]
    return found


def _suffix(unit: str) -> str:
    same = [each.suffix for each in UNITS.values() if each.si == unit and each.factor == 1.0]
    plain = [suffix for suffix in same if suffix and UNITS[suffix].offset == 0.0]
    return f"_{plain[0]}" if plain else ""
