"""Where the stages' derivatives stand in the sparse matrices of a staged quadratic program."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class Pattern:
    """Rows and columns of a stage matrix's nonzeros, in the order of their values."""

    rows: Ints
    columns: Ints


@dataclass(frozen=True)
class Scatter:
    """A sparse matrix whose values are gathered from a flat array.

    Parameters
    ----------
    matrix : scipy.sparse.csc_matrix
        Its `data` is overwritten by `fill`.
    source : ndarray of int, shape (nnz,)
        Place of each value in the flat array.
    """

    matrix: sp.csc_matrix
    source: Ints

    @classmethod
    def build(cls, rows: Ints, columns: Ints, source: Ints, shape: tuple[int, int]) -> Scatter:
        """Sort entries (no two at one place) into columns."""
        order = np.lexsort((rows, columns))
        starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=shape[1]))])
        matrix = sp.csc_matrix(
            (np.ones(len(order)), rows[order].astype(np.int32), starts.astype(np.int32)), shape
        )
        return cls(matrix, source[order])

    def fill(self, values: Floats) -> sp.csc_matrix:
        """The matrix with new values."""
        np.take(values, self.source, out=self.matrix.data)
        return self.matrix


@dataclass(frozen=True)
class QpLayout:
    """Staged order of variables: u_0, s_1, u_1, s_2, ..., u_{K-1}, s_K.

    Parameters
    ----------
    horizon, states, controls, rows : int
        K, n_s, n_u and n_g.
    held : tuple of int
        Stages whose controls equal those of the stage before (move blocking).
    """

    horizon: int
    states: int
    controls: int
    rows: int
    held: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Variables per stage."""
        return self.states + self.controls

    @property
    def size(self) -> int:
        """Number of variables."""
        return self.horizon * self.width

    @property
    def equalities(self) -> int:
        """Number of equations: dynamics and held controls."""
        return self.horizon * self.states + len(self.held) * self.controls

    def column(self, stage: int) -> int:
        """Where (s_k, u_k) of a stage starts; −n_s for the first, whose state is given."""
        return stage * self.width - self.states

    def dynamics(self, pattern: Pattern) -> Scatter:
        """Matrix of s_{k+1} − J (s_k, u_k) and of u_k − u_{k−1} at held stages.

        Values are gathered from (minus J's of all stages, then 1, then −1).
        """
        count = len(pattern.rows)
        rows, columns, source = self._stages(pattern, self.states)
        units, less = self.horizon * count, self.horizon * count + 1
        every = np.arange(self.states)
        for k in range(self.horizon):
            rows.append(k * self.states + every)
            columns.append(self.column(k + 1) + every)
            source.append(np.full(self.states, units))
        moves = np.arange(self.controls)
        for i, k in enumerate(self.held):
            for stage, place in ((k, units), (k - 1, less)):
                rows.append(self.horizon * self.states + i * self.controls + moves)
                columns.append(self.column(stage) + self.states + moves)
                source.append(np.full(self.controls, place))
        return _joined(rows, columns, source, (self.equalities, self.size))

    def limits(self, pattern: Pattern) -> Scatter:
        """Matrix of the rows' Jacobians with respect to (s_k, u_k)."""
        rows, columns, source = self._stages(pattern, self.rows)
        return _joined(rows, columns, source, (self.horizon * self.rows, self.size))

    def hessian(self, active: Ints) -> Scatter:
        """Upper triangle with dense blocks of the active variables and the diagonal elsewhere.

        Values are gathered from dense blocks of shape (K + 1, width, width).
        """
        first, second = np.triu_indices(len(active))
        rest = np.setdiff1d(np.arange(self.width), active)
        block_rows = np.concatenate([active[first], rest])
        block_columns = np.concatenate([active[second], rest])
        # The last block holds the terminal state alone.
        rows: list[Ints] = []
        columns: list[Ints] = []
        source: list[Ints] = []
        for k in range(self.horizon + 1):
            r, c = block_rows + self.column(k), block_columns + self.column(k)
            inside = (r >= 0) & (c < self.size)
            rows.append(r[inside])
            columns.append(c[inside])
            flat = (k * self.width + block_rows) * self.width + block_columns
            source.append(flat[inside])
        return _joined(rows, columns, source, (self.size, self.size))

    def _stages(self, pattern: Pattern, height: int) -> tuple[list[Ints], list[Ints], list[Ints]]:
        rows: list[Ints] = []
        columns: list[Ints] = []
        source: list[Ints] = []
        for k in range(self.horizon):
            column = pattern.columns + self.column(k)
            inside = np.flatnonzero(column >= 0)
            rows.append(pattern.rows[inside] + k * height)
            columns.append(column[inside])
            source.append(inside + k * len(pattern.rows))
        return rows, columns, source


def _joined(
    rows: list[Ints], columns: list[Ints], source: list[Ints], shape: tuple[int, int]
) -> Scatter:
    r, c, s = (np.concatenate(parts).astype(np.intp) for parts in (rows, columns, source))
    return Scatter.build(r, c, s, shape)
