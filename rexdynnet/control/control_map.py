"""Controls of the plant and of the model beside each other, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.stage import StageModel

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class ControlMap:
    """Between a plant's controls and those of a control model.

    Parameters
    ----------
    bounds : ControlBounds
        Of the plant's controls.
    stage : StageModel
    """

    bounds: ControlBounds
    stage: StageModel

    @cached_property
    def _places(self) -> tuple[tuple[int, int], ...]:
        own = {signal.name: i for i, signal in enumerate(self.stage.controls)}
        return tuple(
            (i, own[signal.name])
            for i, signal in enumerate(self.bounds.signals)
            if signal.name in own
        )

    def to_plant(self, controls: Floats, time_s: float) -> Floats:
        """Controls of the plant, within its bounds; defaults where the model has none.

        Parameters
        ----------
        controls : ndarray, shape (n_u of the model,)
        time_s : float

        Returns
        -------
        ndarray, shape (n_u of the plant,)
        """
        values = self.bounds.defaults.copy()
        for here, there in self._places:
            values[here] = controls[there]
        return self.bounds.clipped(values, time_s)

    def from_plant(self, applied: Floats, otherwise: Floats) -> Floats:
        """Controls of the model that acted.

        Parameters
        ----------
        applied : ndarray, shape (n_u of the plant,)
        otherwise : ndarray, shape (n_u of the model,)
            For those that the plant does not have, or that are NaN.

        Returns
        -------
        ndarray, shape (n_u of the model,)
        """
        values = otherwise.copy()
        for here, there in self._places:
            if np.isfinite(applied[here]):
                values[there] = applied[here]
        return values
