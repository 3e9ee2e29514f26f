"""How the kernels are compiled: once, kept on disk, cheap to compile.

Division follows IEEE (no exceptions inside kernels). Functions that only other
kernels call get no Python wrapper, which halves the time of a first compilation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba as nb

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def entry(function: Kernel) -> Kernel:
    """Compile a kernel that Python calls.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    return nb.njit(cache=True, error_model="numpy")(function)


def inner(function: Kernel) -> Kernel:
    """Compile a kernel that only kernels call.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    return nb.njit(
        cache=True, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)
