"""CasADi functions called on NumPy arrays without copies."""

from __future__ import annotations

from typing import Any, TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Evaluator:
    """A function with fixed argument and result arrays.

    A function mapped over K stages takes and gives matrices of K columns; column-major
    order makes each the same as a C array of shape (K, n).

    Parameters
    ----------
    function : casadi.Function
        With dense inputs.
    columns : int
        Into how many rows each result array is split; its nonzeros are spread evenly.

    Attributes
    ----------
    arguments, results : list of ndarray
        Write the first, call, read the second; results are overwritten by the next call.
    """

    def __init__(self, function: ca.Function, columns: int) -> None:
        self._buffer: Any
        self._buffer, self._evaluate = function.buffer()
        self.arguments: list[Floats] = []
        self.results: list[Floats] = []
        for i in range(function.n_in()):
            size = function.nnz_in(i)
            shape = (columns, size // columns) if size % columns == 0 else (size,)
            self.arguments.append(np.zeros(shape))
            self._buffer.set_arg(i, _view(self.arguments[i]))
        for i in range(function.n_out()):
            size = function.nnz_out(i)
            shape = (columns, size // columns) if size % columns == 0 else (size,)
            self.results.append(np.zeros(shape))
            self._buffer.set_res(i, _view(self.results[i]))

    def __call__(self, *values: Floats | None) -> list[Floats]:
        """Evaluate; None leaves an argument as it was."""
        for argument, value in zip(self.arguments, values, strict=True):
            if value is not None:
                argument[...] = value.reshape(argument.shape)
        self._evaluate()
        return self.results


def _view(values: Any) -> memoryview:
    """An array's memory as CasADi wants it: flat and without a copy."""
    return memoryview(values.reshape(-1))
