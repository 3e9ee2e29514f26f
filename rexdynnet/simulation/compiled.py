"""How the kernels are compiled: once, kept on disk, cheap to compile.

Division follows IEEE (no exceptions inside kernels). Functions that only other
kernels call get no Python wrapper, which halves the time of a first compilation.
numba notices a change in a function's own file only, not in what it calls, so
the compiled code is kept under the version of all kernel sources together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba as nb

_IMPORTS_THIS = b"from rexdynnet.simulation.compiled import"

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


@cache
def sources_version() -> str:
    """Fingerprint of every source file that kernels are compiled from.

    Returns
    -------
    str
        Hexadecimal.
    """
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for path in sorted((here.parent / "physics").glob("*.py")):
        digest.update(path.read_bytes())
    for path in sorted(here.glob("*.py")):
        text = path.read_bytes()
        if _IMPORTS_THIS in text:
            digest.update(text)
    return digest.hexdigest()[:16]


def entry(function: Kernel) -> Kernel:
    """Compile a kernel that Python calls.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    return _compiled(function)


def inner(function: Kernel) -> Kernel:
    """Compile a kernel that only kernels call.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def hot(function: Kernel) -> Kernel:
    """Compile a small kernel of the innermost loops into its caller; it may not allocate.

    Handing a layout and a state to a function costs more than such a kernel's own
    work, and so does counting references to their arrays; neither is left.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable
    """
    return _compiled(
        function, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, _nrt=False
    )


def _compiled(function: Kernel, **options: Any) -> Kernel:
    compiler: Any = nb.njit
    dispatcher = compiler(cache=True, error_model="numpy", **options)(function)
    dispatcher._cache._cache_file._version = f"{nb.__version__} {sources_version()}"
    return dispatcher
