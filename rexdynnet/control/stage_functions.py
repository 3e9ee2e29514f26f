"""A stage's values, derivatives, rollout and adjoint over all stages of a horizon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.codegen import CodeOptions, Compiled, compiled
from rexdynnet.control.evaluator import Evaluator
from rexdynnet.control.qp_layout import Pattern
from rexdynnet.control.scaling import ScaledStage

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class Values:
    """Values of all stages: shapes (K, n_s), (K, n_g), (K,), (K, n_s + n_u)."""

    after: Floats
    rows: Floats
    costs: Floats
    gradient: Floats


@dataclass(frozen=True)
class Derivatives:
    """Nonzeros of dynamics' and rows' Jacobians, dense Hessian blocks (K, width, width)."""

    dynamics: Floats
    rows: Floats
    hessian: Floats


class StageFunctions:
    """Compiled functions of a scaled stage over a horizon.

    Parameters
    ----------
    scaled : ScaledStage
    horizon : int
    code : CodeOptions
    """

    def __init__(self, scaled: ScaledStage, horizon: int, code: CodeOptions) -> None:
        self.scaled, self.horizon = scaled, horizon
        s, r, u, p = scaled.symbols()
        w = ca.vertcat(s, u)
        after, after_r, rows, cost = scaled.expressions(s, r, u, p)
        onto_s, onto_r, onto_g = (
            ca.SX.sym(name, part.numel())
            for name, part in (("ls", after), ("lr", after_r), ("mu", rows))
        )
        seen = cost + ca.dot(onto_r, after_r)
        gradient = ca.gradient(seen, w)
        lagrangian = seen + ca.dot(onto_s, after) + ca.dot(onto_g, rows)
        jacobian, row_jacobian = ca.jacobian(after, w), ca.jacobian(rows, w)
        hessian = ca.triu(ca.hessian(lagrangian, w)[0])
        name = "".join(c if c.isalnum() else "_" for c in scaled.stage.name) or "stage"
        inputs = [s, r, u, p, onto_r]
        values = [after, rows, cost, ca.densify(gradient)]
        densified = [ca.densify(value) for value in values]
        adjoint = ca.gradient(seen, r)
        end = scaled.terminal(s, r, p)
        end_parts = [end, *(ca.densify(ca.gradient(end, x)) for x in (s, r))]
        self.code: list[Compiled] = []

        def make(kind: str, arguments: list[ca.SX], results: list[ca.SX]) -> ca.Function:
            made = compiled(ca.Function(f"{name}_{kind}", arguments, results), code)
            self.code.append(made)
            return made.function

        K = horizon
        everything = [*densified, jacobian, row_jacobian, hessian]
        self._values = Evaluator(make("values", inputs, densified).map(K), K)
        self._all = Evaluator(make("all", [*inputs, onto_s, onto_g], everything).map(K), K)
        self._terminal = Evaluator(
            make("terminal", [s, r, p], [*end_parts, ca.densify(ca.hessian(end, s)[0])]), 1
        )
        self._has_r = after_r.numel() > 0
        if self._has_r:
            roll = make("roll", [r, s, u, p], [ca.densify(after_r)])
            back = make("adjoint", [onto_r, s, r, u, p], [ca.densify(adjoint)])
            self._roll = Evaluator(roll.mapaccum("roll", K), K)
            self._back = Evaluator(back.mapaccum("back", K), K)
        self.dynamics_pattern = _pattern(jacobian)
        self.row_pattern = _pattern(row_jacobian)
        self._hessian_pattern = _pattern(hessian)
        width = w.numel()
        ends = np.array(_pattern(ca.hessian(end, s)[0]).rows)
        h = self._hessian_pattern
        self.active: Ints = np.unique(np.concatenate([h.rows, h.columns, ends])).astype(np.intp)
        self._blocks = np.zeros((K + 1, width, width))

    def rollout(self, s: Floats, u: Floats, r_first: Floats, p: Floats) -> Floats:
        """Eliminated states at the start of each stage and at the end, shape (K + 1, n_r)."""
        r = np.empty((self.horizon + 1, len(self.scaled.dropped)))
        r[0] = r_first
        if self._has_r:
            r[1:] = self._roll(r_first, s[:-1], u, p)[0]
        return r

    def adjoint(self, s: Floats, r: Floats, u: Floats, p: Floats, last: Floats) -> Floats:
        """What one more unit of each eliminated next state costs, shape (K, n_r)."""
        onto = np.empty((self.horizon, len(self.scaled.dropped)))
        if self._has_r:
            backwards = [part[::-1] for part in (s[:-1], r[:-1], u, p)]
            onto[-1] = last
            onto[:-1] = self._back(last, *backwards)[0][-2::-1]
        return onto

    def values(self, s: Floats, r: Floats, u: Floats, p: Floats, onto_r: Floats) -> Values:
        """Dynamics, rows, cost and gradient of every stage."""
        return Values(*(part.copy() for part in self._values(s[:-1], r[:-1], u, p, onto_r)))

    def all(
        self,
        s: Floats,
        r: Floats,
        u: Floats,
        p: Floats,
        onto_r: Floats,
        onto_s: Floats,
        onto_g: Floats,
    ) -> tuple[Values, Derivatives]:
        """Values and derivatives; the Hessian is that of the stage's Lagrangian."""
        found = self._all(s[:-1], r[:-1], u, p, onto_r, onto_s, onto_g)
        values = Values(*(part.copy() for part in found[:4]))
        blocks = self._blocks
        blocks[:] = 0.0
        rows, columns = self._hessian_pattern.rows, self._hessian_pattern.columns
        entries = found[6].reshape(self.horizon, -1)
        blocks[:-1, rows, columns] = entries
        blocks[:-1, columns, rows] = entries
        n_s = len(self.scaled.kept)
        blocks[0, :n_s] = 0.0
        blocks[0, :, :n_s] = 0.0
        return values, Derivatives(found[4].ravel(), found[5].ravel(), blocks)

    def terminal(self, s: Floats, r: Floats, p: Floats) -> tuple[float, Floats, Floats, Floats]:
        """Terminal cost, its gradients with respect to s and r, its Hessian in s."""
        value, by_s, by_r, hessian = self._terminal(s, r, p)
        n = len(s)
        return float(value[0, 0]), by_s.ravel().copy(), by_r.ravel().copy(), hessian.reshape(n, n)


def _pattern(matrix: ca.SX) -> Pattern:
    rows, columns = matrix.sparsity().get_triplet()
    return Pattern(np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp))
