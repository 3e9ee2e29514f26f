"""Every number of a result as one flat row, and back: what passes through an FMU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from rexdynnet.simulation.dataset import MEANS
from rexdynnet.simulation.plant import DenseOutput

Floats = NDArray[np.float64]

# Long enough to record something, too short for anything to move.
GLANCE_S = 1e-3


@dataclass(frozen=True)
class OutputTable:
    """Names and shapes of the records of a plant, in order.

    Parameters
    ----------
    shapes : tuple of (str, tuple of int)
        Record and its shape at one instant.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, listed: Sequence[Sequence[object]]) -> OutputTable:
        """From lists as JSON keeps them."""
        pairs = ((str(name), shape) for name, shape in listed)
        return cls(
            tuple((name, tuple(np.asarray(shape, dtype=int).tolist())) for name, shape in pairs)
        )

    @classmethod
    def from_output(cls, output: DenseOutput) -> OutputTable:
        """Of what a plant recorded."""
        return cls(tuple((name, row.shape[1:]) for name, row in sorted(output.records.items())))

    @cached_property
    def size(self) -> int:
        """Numbers in a row."""
        return sum(int(np.prod(shape)) for _, shape in self.shapes)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Name of every number, as `pipe_mass_flow[3]`; components count from 0."""
        return tuple(
            name + "".join(f"[{place}]" for place in places)
            for name, shape in self.shapes
            for places in product(*map(range, shape))
        )

    def records(self, rows: Floats) -> Mapping[str, Floats]:
        """Split rows of shape (n, size) into records."""
        found: dict[str, Floats] = {}
        first = 0
        for name, shape in self.shapes:
            last = first + int(np.prod(shape))
            found[name] = rows[:, first:last].reshape(len(rows), *shape)
            first = last
        return found


def outputs_of(table: OutputTable, output: DenseOutput, *, first: bool = False) -> Floats:
    """One row of a plant's output: values at its end, means over its span.

    Parameters
    ----------
    table : OutputTable
    output : DenseOutput
    first : bool
        The row at the start instead.

    Returns
    -------
    ndarray, shape (size,)
    """
    spans = np.diff(output.times_s)
    parts: list[Floats] = []
    for name, _ in table.shapes:
        values = output.records[name]
        row = values[0] if first else values[-1]
        if name in MEANS and not first and spans.sum() > 0:
            row = np.tensordot(spans, values[1:], axes=1) / spans.sum()
        parts.append(np.ravel(row))
    return np.concatenate(parts)
