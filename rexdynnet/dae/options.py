"""Choices that shape the symbolic model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import ceil

from rexdynnet.network.spec import Pipe
from rexdynnet.physics.friction import FrictionLaw


class Scheme(Enum):
    """How heat is carried along a pipe's cells."""

    UPWIND = "first order, smooth and very diffusive: for control models"
    LIMITED = "second order, van Albada limiter: for simulation"


@dataclass(frozen=True)
class DaeOptions:
    """Discretisation and laws of a symbolic model.

    Parameters
    ----------
    scheme : Scheme
    cell_length_m : float
        Wanted length of a cell.
    minimum_cells, maximum_cells : int
        Bounds of a pipe's number of cells.
    friction : FrictionLaw

    Examples
    --------
    >>> DaeOptions(scheme=Scheme.UPWIND, minimum_cells=2).minimum_cells
    2
    """

    scheme: Scheme = Scheme.LIMITED
    cell_length_m: float = 10.0
    minimum_cells: int = 4
    maximum_cells: int = 40
    friction: FrictionLaw = FrictionLaw.COLEBROOK

    def __post_init__(self) -> None:
        if not self.cell_length_m > 0:
            raise ValueError(f"cell_length_m is {self.cell_length_m}; give a positive length")
        if not 1 <= self.minimum_cells <= self.maximum_cells:
            raise ValueError(
                f"cells go from {self.minimum_cells} to {self.maximum_cells}; "
                "give 1 <= minimum_cells <= maximum_cells"
            )

    def cells(self, pipe: Pipe) -> int:
        """Number of cells of a pipe.

        Parameters
        ----------
        pipe : Pipe

        Returns
        -------
        int
        """
        wanted = ceil(pipe.length_m / self.cell_length_m - 1e-9)
        return min(max(wanted, self.minimum_cells), self.maximum_cells)
