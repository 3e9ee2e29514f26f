"""One thread for small dense algebra: many cost more in waiting than they save."""

# threadpoolctl ships no types: what comes from it is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function with the linear algebra libraries on one thread.

    Parameters
    ----------
    function : callable

    Returns
    -------
    callable

    Notes
    -----
    Eigenvalues of a hundred matrices of 60 rows took 80 times as long on two busy cores
    with two threads as with one. The setting is put back afterwards.
    """

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited
