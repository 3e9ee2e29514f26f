"""Read a result dataset for a picture, with errors that say what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Values = NDArray[np.float64]


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not there, with the nearest ones that are.

    Parameters
    ----------
    kind : str
        What the name should have named, for example "substation".
    name : str
    known : iterable of str

    Returns
    -------
    InputError
    """
    names = [str(one) for one in known]
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        remedy = "did you mean " + " or ".join(near) + "?"
    elif names:
        remedy = f"choose one of {', '.join(names[:8])}{', …' if len(names) > 8 else ''}"
    else:
        remedy = f"this result has no {kind}"
    return InputError(Finding(f"there is no {kind} {name}", remedy, component=name))


def variable(dataset: xr.Dataset, name: str) -> Values:
    """Values of a variable or coordinate of a result.

    Parameters
    ----------
    dataset : xr.Dataset
        A result of `rexdynnet.simulate`.
    name : str

    Returns
    -------
    ndarray
        In SI units, shape as in the dataset.

    Raises
    ------
    InputError
        Where it is missing or holds NaN.
    """
    if name not in dataset.variables:
        near = get_close_matches(name, [str(key) for key in dataset.variables], n=3)
        remedy = (
            f"the nearest it has: {', '.join(near)}"
            if near
            else "give a dataset that rexdynnet.simulate returned or `rexdynnet simulate` wrote"
        )
        raise InputError(Finding(f"the dataset has no variable {name}", remedy, field=name))
    values = np.asarray(dataset[name].values, float)
    if np.isnan(values).any():
        raise InputError(
            Finding(
                f"{name} holds {int(np.isnan(values).sum())} NaN",
                "drop these times first, for example result.dropna('time')",
                field=name,
            )
        )
    return values


def optional(dataset: xr.Dataset, name: str) -> Values | None:
    """As `variable`, but None where the dataset does not have it.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str

    Returns
    -------
    ndarray or None
    """
    return variable(dataset, name) if name in dataset.variables else None


def labels(dataset: xr.Dataset, name: str) -> tuple[str, ...]:
    """A coordinate of names, for example `substation` or `pipe_from`.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str

    Returns
    -------
    tuple of str
        Empty where an index coordinate (a component kind) is absent.

    Raises
    ------
    InputError
        Where a static coordinate of a present kind is absent.
    """
    if name in dataset.variables:
        return tuple(str(one) for one in dataset[name].values)
    if "_" not in name or name.partition("_")[0] not in dataset.dims:
        return ()
    raise InputError(
        Finding(
            f"the dataset has no coordinate {name}",
            "give a dataset that rexdynnet.simulate returned, with its coordinates",
            field=name,
        )
    )


def position(dataset: xr.Dataset, kind: str, name: str) -> int:
    """Index of a component within its kind.

    Parameters
    ----------
    dataset : xr.Dataset
    kind : str
        A dimension, for example "substation".
    name : str

    Returns
    -------
    int

    Raises
    ------
    InputError
        Where there is no such component; names the nearest.
    """
    names = labels(dataset, kind)
    if name not in names:
        raise unknown(kind, name, names)
    return names.index(name)


def total(dataset: xr.Dataset, name: str) -> Values:
    """Sum of a variable over its components; zeros where it is absent.

    Parameters
    ----------
    dataset : xr.Dataset
    name : str

    Returns
    -------
    ndarray of shape (time,)
    """
    values = optional(dataset, name)
    return np.zeros(dataset.sizes["time"]) if values is None else values.sum(axis=1)
