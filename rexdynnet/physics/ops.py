"""Elementary functions that floats, NumPy arrays, CasADi symbols and numba share.

A law written with these names is stated once and evaluated everywhere: on
numbers, inside a compiled kernel and as a symbolic expression.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.extending import overload

__all__ = ["absolute", "exp", "log", "maximum", "minimum", "sqrt", "tanh"]


def _is_casadi(x: Any) -> bool:
    return type(x).__module__.startswith("casadi")


def exp(x: Any) -> Any:
    """Exponential."""
    return x.exp() if _is_casadi(x) else np.exp(x)


def log(x: Any) -> Any:
    """Natural logarithm."""
    return x.log() if _is_casadi(x) else np.log(x)


def sqrt(x: Any) -> Any:
    """Square root."""
    return x.sqrt() if _is_casadi(x) else np.sqrt(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent."""
    return x.tanh() if _is_casadi(x) else np.tanh(x)


def absolute(x: Any) -> Any:
    """Magnitude."""
    return x.fabs() if _is_casadi(x) else np.abs(x)


def maximum(x: Any, y: Any) -> Any:
    """Larger of two."""
    if _is_casadi(x):
        return x.fmax(y)
    return y.fmax(x) if _is_casadi(y) else np.maximum(x, y)


def minimum(x: Any, y: Any) -> Any:
    """Smaller of two."""
    if _is_casadi(x):
        return x.fmin(y)
    return y.fmin(x) if _is_casadi(y) else np.minimum(x, y)


def _share_unary(ours: Callable[..., Any], scalar: Callable[[float], float]) -> None:
    # numba compares signatures with their annotations, so these inner ones have none
    @overload(ours)
    def _(x):  # pyright: ignore[reportUnusedFunction]
        return lambda x: scalar(x)


for _ours, _scalar in ((exp, math.exp), (log, math.log), (sqrt, math.sqrt), (tanh, math.tanh)):
    _share_unary(_ours, _scalar)
_share_unary(absolute, math.fabs)


@overload(maximum)
def _maximum(x, y):  # pyright: ignore[reportUnusedFunction]
    return lambda x, y: x if x > y else y


@overload(minimum)
def _minimum(x, y):  # pyright: ignore[reportUnusedFunction]
    return lambda x, y: x if x < y else y
