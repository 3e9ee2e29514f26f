"""How a real-time iteration goes about its work."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from rexdynnet.control.codegen import CodeOptions


@dataclass(frozen=True)
class RtiOptions:
    """How real-time iterations are made.

    Parameters
    ----------
    eliminate : bool
        Take states that act on nothing but the cost (see `scaling.passive_states`) out of
        the quadratic program; their part of the gradient stays exact by an adjoint sweep.
    blocks : tuple of int
        Lengths of the blocks over which controls are held; empty: free at every stage.
    floor : float
        Smallest curvature of the convexified Hessian, scaled.
    cost_scale_EUR : float
        What counts as one unit of cost.
    tolerance : float
        Scaled residual at which `converge` is content.
    iterations : int
        Budget of `converge`.
    long_steps : int
        How many of these clip negative curvature before the others mirror it.
    reuse_scaling : bool
        Scale quadratic programs as the first was.
    repeatable : bool
        Set the solver up anew for every `step` and `converge`, so that the same arguments
        give the same bits; else rounding depends on what was solved before.
    qp_tolerance : float
        Of the quadratic program in a single iteration; `converge` asks for more.
    code : CodeOptions
    """

    eliminate: bool = True
    blocks: tuple[int, ...] = ()
    floor: float = 1e-4
    cost_scale_EUR: float = 1.0
    tolerance: float = 1e-5
    iterations: int = 60
    long_steps: int = 12
    reuse_scaling: bool = True
    repeatable: bool = False
    qp_tolerance: float = 1e-7
    code: CodeOptions = field(default_factory=CodeOptions)


def held_stages(blocks: tuple[int, ...], horizon: int) -> tuple[int, ...]:
    """Stages whose controls equal the ones before, from the lengths of the blocks.

    Examples
    --------
    >>> held_stages((1, 2, 3), 6)
    (2, 4, 5)
    """
    if not blocks:
        return ()
    if sum(blocks) != horizon or min(blocks) < 1:
        raise ValueError(f"blocks {blocks} do not fill a horizon of {horizon} stages")
    firsts = set(np.concatenate([[0], np.cumsum(blocks)]).tolist())
    return tuple(k for k in range(horizon) if k not in firsts)
