"""Scaled form of a stage model, split into states that a QP keeps and states it need not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.stage import StageModel
from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


def passive_states(stage: StageModel) -> tuple[int, ...]:
    """Numbers of the states that act on nothing but the cost.

    They have no bounds, no row depends on them, nor does the next value of any other state
    that bounds or rows need. In a heating network with given flows these are the return
    line's temperatures, as long as no limit (a plant's capacity) reads them.

    Parameters
    ----------
    stage : StageModel

    Returns
    -------
    tuple of int
        Empty where no state is bounded and no row reads one: then nothing tells them apart.
    """
    onto_next = _pattern(stage.evaluate, 0)
    needed = _pattern(stage.evaluate, 2).any(axis=0)
    needed |= np.array([np.isfinite([s.lower, s.upper]).any() for s in stage.states], dtype=bool)
    while needed.any():
        grown = needed | onto_next[needed].any(axis=0)
        if (grown == needed).all():
            return tuple(int(i) for i in np.flatnonzero(~needed))
        needed = grown
    return ()


def _pattern(function: ca.Function, output: int) -> NDArray[np.bool_]:
    """Which outputs depend on which states."""
    sparsity = function.jac_sparsity(output, 0)
    found = np.zeros(sparsity.shape, dtype=bool)
    rows, columns = sparsity.get_triplet()
    found[rows, columns] = True
    return found


@dataclass(frozen=True)
class ScaledStage:
    """A stage in scaled variables, with kept states s and eliminated states r.

    Parameters
    ----------
    stage : StageModel
        With hard rows only; see `stage_forms.softened`.
    eliminated : tuple of int
        Numbers of the states r; see `passive_states`.
    cost_scale_EUR : float
        What counts as one unit of cost.
    """

    stage: StageModel
    eliminated: tuple[int, ...] = ()
    cost_scale_EUR: float = 1.0

    def __post_init__(self) -> None:
        soft = [row.name for row in self.stage.rows if row.penalty is not None]
        if soft:
            raise InputError(
                Finding(f"rows {', '.join(soft[:4])} are soft", "apply stage_forms.softened first")
            )

    @cached_property
    def kept(self) -> Ints:
        """Numbers of the states s."""
        return np.setdiff1d(np.arange(len(self.stage.states)), np.array(self.eliminated, int))

    @cached_property
    def dropped(self) -> Ints:
        """Numbers of the states r."""
        return np.array(self.eliminated, dtype=np.intp)

    @cached_property
    def state_scale(self) -> Floats:
        """SI per scaled unit of every state."""
        return np.array([signal.nominal for signal in self.stage.states])

    @cached_property
    def control_scale(self) -> Floats:
        """SI per scaled unit of every control."""
        return np.array([signal.nominal for signal in self.stage.controls])

    @cached_property
    def row_scale(self) -> Floats:
        """SI per scaled unit of every row."""
        return np.array([row.nominal for row in self.stage.rows])

    def symbols(self) -> tuple[ca.SX, ca.SX, ca.SX, ca.SX]:
        """Scaled s, r and u, and p."""
        _, n_u, n_p = self.stage.sizes
        sizes = (len(self.kept), len(self.dropped), n_u, n_p)
        s, r, u, p = (ca.SX.sym(n, k) for n, k in zip("srup", sizes, strict=True))
        return s, r, u, p

    def expressions(
        self, s: ca.SX, r: ca.SX, u: ca.SX, p: ca.SX
    ) -> tuple[ca.SX, ca.SX, ca.SX, ca.SX]:
        """Scaled s_next, r_next, g and the cost on symbols."""
        after, _, g, cost = self.stage.evaluate(self._state(s, r), u * self.control_scale, p)
        after = after / self.state_scale
        rows = g / self.row_scale if len(self.stage.rows) else ca.SX(0, 1)
        kept, dropped = after[self.kept.tolist()], after[self.dropped.tolist()]
        return kept, dropped, rows, ca.sum1(cost) / self.cost_scale_EUR

    def terminal(self, s: ca.SX, r: ca.SX, p: ca.SX) -> ca.SX:
        """Scaled terminal cost on symbols."""
        return self.stage.terminal(self._state(s, r), p) / self.cost_scale_EUR

    def _state(self, s: ca.SX, r: ca.SX) -> ca.SX:
        order = np.argsort(np.concatenate([self.kept, self.dropped]))
        return ca.vertcat(s, r)[order.tolist()] * self.state_scale
