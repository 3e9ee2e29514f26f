"""Real-time iteration: one linearisation and one quadratic program per control step."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import piqp
from numpy.typing import NDArray

from rexdynnet.control.codegen import Compiled
from rexdynnet.control.convexify import Negative, convexified
from rexdynnet.control.damping import Damper
from rexdynnet.control.plan import Limits, Plan, SolveStatus
from rexdynnet.control.qp_layout import QpLayout
from rexdynnet.control.rti_options import RtiOptions, held_stages
from rexdynnet.control.scaling import ScaledStage, passive_states
from rexdynnet.control.stage import StageModel
from rexdynnet.control.stage_functions import Derivatives, StageFunctions, Values
from rexdynnet.control.threads import on_one_thread

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class _Point:
    """Scaled variables and multipliers."""

    s: Floats
    u: Floats
    r: Floats
    onto_s: Floats
    onto_r: Floats
    onto_g: Floats


@dataclass(frozen=True)
class Preparation:
    """A linearisation that waits for the measured state.

    Parameters
    ----------
    first : ndarray, shape (n_x,)
        The state that was predicted, SI.
    parameters : ndarray, shape (K, n_p)
    limits : Limits
    residual : float
        Scaled optimality residual of the point with the multipliers it came with.
    """

    first: Floats
    parameters: Floats
    limits: Limits
    residual: float
    point: _Point = field(repr=False)
    values: Values = field(repr=False)
    derivatives: Derivatives = field(repr=False)
    end: tuple[float, Floats] = field(repr=False)

    @property
    def objective(self) -> float:
        """Scaled objective at the point."""
        return float(self.values.costs.sum()) + self.end[0]


class RealTimeIteration:
    """Sequential quadratic programming on a staged problem, one iteration at a time.

    Parameters
    ----------
    stage : StageModel
        With hard rows only; see `stage_forms.softened` for exact penalties.
    horizon : int
        Number of stages K.
    options : RtiOptions, optional

    Notes
    -----
    M. Diehl, H. G. Bock, J. P. Schlöder, "A real-time iteration scheme for nonlinear
    optimization in optimal feedback control", SIAM J. Control Optim. 43 (2005) 1714.
    The quadratic programs go to PIQP's multistage factorisation (R. Schwan, Y. Jiang,
    D. Kuhn, C. N. Jones, CDC 2023). Curvature is that of the exact Lagrangian, mirrored
    stage by stage; curvature across stages through eliminated states is left out, which
    slows the last digits and does not move the solution.

    The object keeps workspaces and the solver's factorisation pattern; what an iteration
    starts from is the plan it is given.
    """

    def __init__(self, stage: StageModel, horizon: int, options: RtiOptions | None = None) -> None:
        self.stage, self.horizon, self.options = stage, horizon, options or RtiOptions()
        dropped = passive_states(stage) if self.options.eliminate else ()
        self.scaled = ScaledStage(stage, dropped, self.options.cost_scale_EUR)
        self.functions = StageFunctions(self.scaled, horizon, self.options.code)
        self.layout = QpLayout(
            horizon,
            len(self.scaled.kept),
            len(stage.controls),
            len(stage.rows),
            held_stages(self.options.blocks, horizon),
        )
        self._dynamics = self.layout.dynamics(self.functions.dynamics_pattern)
        self._rows = self.layout.limits(self.functions.row_pattern)
        self._hessian = self.layout.hessian(self.functions.active)
        self._active = np.ix_(self.functions.active, self.functions.active)
        self._solver: Any = None
        self._lined: tuple[Limits, tuple[Floats, Floats]] | None = None

    @property
    def code(self) -> list[Compiled]:
        """How each stage function is evaluated."""
        return self.functions.code

    @cached_property
    def default_limits(self) -> Limits:
        """Bounds of the stage model itself."""
        return Limits.of(self.stage, self.horizon)

    @on_one_thread
    def prepare(
        self,
        plan: Plan,
        parameters: Floats,
        limits: Limits | None = None,
        *,
        negative: Negative = Negative.MIRRORED,
        damping: float = 0.0,
    ) -> Preparation:
        """Linearise around a plan before the state is measured.

        Parameters
        ----------
        plan : Plan
            Usually the last one, shifted; its first state is the prediction.
        parameters : ndarray, shape (K, n_p)
        limits : Limits, optional
            Else the stage model's own bounds.
        negative : Negative
            How negative curvature is replaced.
        damping : float
            Curvature added to every scaled variable: shorter steps.

        Returns
        -------
        Preparation
        """
        prepared, blocks = self._assessed(plan, parameters, limits)
        self._load(blocks, negative, damping)
        return prepared

    @on_one_thread
    def feedback(self, prepared: Preparation, state: Floats) -> Plan:
        """Solve the prepared quadratic program for a measured state.

        Parameters
        ----------
        prepared : Preparation
        state : ndarray, shape (n_x,)

        Returns
        -------
        Plan
            With status `STEP_TAKEN`, or `INFEASIBLE` or `FAILED` where the quadratic program
            had no answer; its residual is that of the point *before* the step.
        """
        if not np.array_equal(state, prepared.first):
            point = self._with_first(prepared.point, state, prepared.parameters)
            values = self.functions.values(
                point.s, point.r, point.u, prepared.parameters, point.onto_r
            )
            prepared = replace(prepared, point=point, values=values)
        return self._solve(prepared, self.options.qp_tolerance)

    @on_one_thread
    def step(
        self, plan: Plan, state: Floats, parameters: Floats, limits: Limits | None = None
    ) -> Plan:
        """One iteration from a plan for a measured state.

        Parameters
        ----------
        plan : Plan
        state : ndarray, shape (n_x,)
        parameters : ndarray, shape (K, n_p)
        limits : Limits, optional

        Returns
        -------
        Plan
        """
        if self.options.repeatable:
            self._solver = None
        states = plan.states.copy()
        states[0] = state
        return self.feedback(self.prepare(replace(plan, states=states), parameters, limits), state)

    @on_one_thread
    def converge(
        self, plan: Plan, state: Floats, parameters: Floats, limits: Limits | None = None
    ) -> Plan:
        """Iterate until the point's own residual is small.

        Parameters
        ----------
        plan : Plan
        state : ndarray, shape (n_x,)
        parameters : ndarray, shape (K, n_p)
        limits : Limits, optional

        Returns
        -------
        Plan
            `CERTIFIED` only if the scaled residual of this very point and its multipliers
            is below `options.tolerance`.
        """
        if self.options.repeatable:
            self._solver = None
        states = plan.states.copy()
        states[0] = state
        plan = replace(plan, states=states)
        prepared, blocks = self._assessed(plan, parameters, limits)
        damper = Damper()
        for count in range(self.options.iterations + 1):
            if prepared.residual <= self.options.tolerance:
                return replace(
                    self._plan_of(prepared, plan),
                    status=SolveStatus.CERTIFIED,
                    residual=prepared.residual,
                    iterations=count,
                )
            if count == self.options.iterations:
                break
            # Long steps at first; cautious ones where those do not settle.
            style = Negative.CLIPPED if count <= self.options.long_steps else Negative.MIRRORED
            self._load(blocks, style, damper.damping)
            plan = self._solve(prepared, self._precision(prepared.residual))
            if plan.status is not SolveStatus.STEP_TAKEN:
                return replace(plan, iterations=count + 1)
            damper = damper.after(prepared.residual)
            prepared, blocks = self._assessed(plan, parameters, limits)
        return replace(
            plan,
            status=SolveStatus.NOT_CERTIFIED,
            residual=prepared.residual,
            iterations=self.options.iterations,
        )

    def _precision(self, residual: float) -> float:
        """Tolerance of a quadratic program on the way: no finer than its step deserves."""
        finest = 1e-4 * self.options.tolerance
        return max(finest, min(self.options.qp_tolerance, 1e-3 * residual**2))

    def _scaled_point(self, plan: Plan, parameters: Floats) -> _Point:
        scaled, cost = self.scaled, self.scaled.cost_scale_EUR
        states = plan.states / scaled.state_scale
        controls = plan.controls / scaled.control_scale
        onto = plan.dynamics_multipliers * scaled.state_scale / cost
        s = np.ascontiguousarray(states[:, scaled.kept])
        r = self.functions.rollout(s, controls, states[0, scaled.dropped], parameters)
        return _Point(
            s,
            controls,
            r,
            onto[:, scaled.kept],
            np.zeros((self.horizon, r.shape[1])),
            plan.row_multipliers * scaled.row_scale / cost,
        )

    def _with_first(self, point: _Point, state: Floats, parameters: Floats) -> _Point:
        """The same controls and kept states with another first state."""
        first = state / self.scaled.state_scale
        s = point.s.copy()
        s[0] = first[self.scaled.kept]
        r = self.functions.rollout(s, point.u, first[self.scaled.dropped], parameters)
        end = self.functions.terminal(s[-1], r[-1], parameters[-1])
        onto_r = self.functions.adjoint(s, r, point.u, parameters, end[2])
        return replace(point, s=s, r=r, onto_r=onto_r)

    def _assessed(
        self, plan: Plan, parameters: Floats, limits: Limits | None
    ) -> tuple[Preparation, Floats]:
        """Linearise, and say how far from optimal the plan is; curvature of all stages besides."""
        point = self._scaled_point(plan, parameters)
        value, by_s, by_r, curved = self.functions.terminal(
            point.s[-1], point.r[-1], parameters[-1]
        )
        onto_r = self.functions.adjoint(point.s, point.r, point.u, parameters, by_r)
        point = replace(point, onto_r=onto_r)
        values, derivatives = self.functions.all(
            point.s, point.r, point.u, parameters, onto_r, point.onto_s, point.onto_g
        )
        n_s = self.layout.states
        blocks = derivatives.hessian
        blocks[-1, :n_s, :n_s] = curved
        units = np.array([1.0, -1.0])
        self._dynamics.fill(np.concatenate([-derivatives.dynamics, units]))
        self._rows.fill(derivatives.rows)
        limits = limits or self.default_limits
        end = (value, by_s)
        residual = self._residual(point, values, end, limits)
        made = Preparation(
            plan.states[0], parameters, limits, residual, point, values, derivatives, end
        )
        return made, blocks

    def _load(self, blocks: Floats, negative: Negative, damping: float) -> None:
        """Hand the matrices to the solver, with curvature made convex; it keeps their patterns."""
        rows, columns = self._active
        curved = convexified(blocks[:, rows, columns], self.options.floor, negative)
        diagonal = np.einsum("kii->ki", blocks)
        np.maximum(diagonal, self.options.floor, out=diagonal)
        blocks[:, rows, columns] = curved
        diagonal += damping
        hessian = self._hessian.fill(blocks.ravel())
        equations, rows = self._dynamics.matrix, self._rows.matrix
        limited = rows if self.layout.rows else None
        if self._solver is not None:
            self._solver.update(P=hessian, A=equations, G=limited)
            return
        solver = piqp.SparseSolver()
        settings = solver.settings
        settings.kkt_solver = piqp.KKTSolver.sparse_multistage
        settings.preconditioner_reuse_on_update = self.options.reuse_scaling
        n, m, k = self.layout.size, self.layout.equalities, self.layout.rows * self.horizon
        lower, upper = np.full(k, -1.0), np.full(k, 1.0)
        bounds = (lower, upper) if k else (None, None)
        # Finite bounds everywhere at first: the pattern must hold any that come later.
        solver.setup(
            hessian, np.zeros(n), equations, np.zeros(m), limited, *bounds,
            np.full(n, -1.0), np.full(n, 1.0),
        )  # fmt: skip
        self._solver = solver

    def _vector(self, by_stage: Floats, last: Floats) -> Floats:
        """Line up (K, n_s + n_u) values and those of the last state like the variables."""
        return np.concatenate([by_stage.ravel()[self.layout.states :], last])

    def _bounds(self, limits: Limits) -> tuple[Floats, Floats]:
        """Scaled bounds of the variables; the last limits' are kept."""
        if self._lined is None or self._lined[0] is not limits:
            self._lined = (limits, self._line_up(limits))
        return self._lined[1]

    def _line_up(self, limits: Limits) -> tuple[Floats, Floats]:
        scaled = self.scaled
        lined: list[Floats] = []
        for states, controls in (
            (limits.states_lower, limits.controls_lower),
            (limits.states_upper, limits.controls_upper),
        ):
            kept = (states / scaled.state_scale)[:, scaled.kept]
            lined.append(np.hstack([controls / scaled.control_scale, kept]).ravel())
        return lined[0], lined[1]

    def _row_bounds(self, limits: Limits) -> tuple[Floats, Floats]:
        scale = self.scaled.row_scale
        return (limits.rows_lower / scale).ravel(), (limits.rows_upper / scale).ravel()

    def _gaps(self, point: _Point, values: Values) -> Floats:
        """What the equations miss."""
        held = list(self.layout.held)
        moves = point.u[held] - point.u[[k - 1 for k in held]]
        return np.concatenate([(values.after - point.s[1:]).ravel(), -moves.ravel()])

    def _variables(self, point: _Point) -> Floats:
        return np.hstack([point.u, point.s[1:]]).ravel()

    def _residual(
        self,
        point: _Point,
        values: Values,
        end: tuple[float, Floats],
        limits: Limits,
    ) -> float:
        """Largest distance from what projection onto the limits would leave unchanged."""
        w = self._variables(point)
        slope = self._vector(values.gradient, end[1])
        onto_held = np.zeros(self.layout.equalities - self.horizon * self.layout.states)
        equations, rows = self._dynamics.matrix, self._rows.matrix
        slope = slope - equations.T @ np.concatenate([point.onto_s.ravel(), onto_held])
        slope = slope + rows.T @ point.onto_g.ravel()
        if self.layout.held:
            slope = self._without_held(slope)
        lower, upper = self._bounds(limits)
        parts = [np.abs(w - np.clip(w - slope, lower, upper)), np.abs(self._gaps(point, values))]
        if self.layout.rows:
            g = values.rows.ravel()
            lowest, highest = self._row_bounds(limits)
            parts.append(np.abs(g - np.clip(g + point.onto_g.ravel(), lowest, highest)))
        return float(max(part.max(initial=0.0) for part in parts))

    def _without_held(self, slope: Floats) -> Floats:
        """Sum the slopes of controls that move together at the first of each block."""
        summed = slope.copy()
        n_u, width = self.layout.controls, self.layout.width
        for k in sorted(self.layout.held, reverse=True):
            here, before = k * width, (k - 1) * width
            summed[before : before + n_u] += summed[here : here + n_u]
            summed[here : here + n_u] = 0.0
        return summed

    def _solve(self, prepared: Preparation, tolerance: float) -> Plan:
        point, values = prepared.point, prepared.values
        w = self._variables(point)
        lower, upper = self._bounds(prepared.limits)
        more: dict[str, Floats] = {}
        if self.layout.rows:
            g = values.rows.ravel()
            lowest, highest = self._row_bounds(prepared.limits)
            more = {"h_l": lowest - g, "h_u": highest - g}
        self._solver.update(
            c=self._vector(values.gradient, prepared.end[1]),
            b=self._gaps(point, values),
            x_l=lower - w,
            x_u=upper - w,
            **more,
        )
        settings = self._solver.settings
        settings.eps_abs = settings.eps_rel = tolerance
        settings.eps_duality_gap_abs = settings.eps_duality_gap_rel = tolerance
        status = self._solver.solve()
        found = self._solver.result
        K, n_s, n_u = self.horizon, self.layout.states, self.layout.controls
        # A last word on bounds, which the solver meets within its tolerance only.
        after = np.clip(w + found.x, lower, upper).reshape(K, n_u + n_s)
        moved = replace(
            point,
            u=np.ascontiguousarray(after[:, :n_u]),
            s=np.vstack([point.s[:1], after[:, n_u:]]),
            onto_s=-found.y[: K * n_s].reshape(K, n_s),
            onto_g=(found.z_u - found.z_l).reshape(K, -1) if self.layout.rows else point.onto_g,
        )
        bounds = (found.z_bu - found.z_bl).reshape(K, n_u + n_s)
        ended = {
            piqp.PIQP_SOLVED: SolveStatus.STEP_TAKEN,
            piqp.PIQP_PRIMAL_INFEASIBLE: SolveStatus.INFEASIBLE,
        }.get(status, SolveStatus.FAILED)
        plan = self._to_si(moved, prepared.parameters, prepared.objective, bounds)
        if not plan.usable:
            ended = SolveStatus.FAILED
        return replace(plan, status=ended, residual=prepared.residual, iterations=1)

    def _plan_of(self, prepared: Preparation, plan: Plan) -> Plan:
        """The prepared point itself, with the plan's bound multipliers."""
        zeros = np.zeros((self.horizon, self.layout.width))
        mine = self._to_si(prepared.point, prepared.parameters, prepared.objective, zeros)
        return replace(
            mine,
            control_multipliers=plan.control_multipliers,
            state_multipliers=plan.state_multipliers,
        )

    def _to_si(self, point: _Point, parameters: Floats, objective: float, bounds: Floats) -> Plan:
        scaled, cost = self.scaled, self.scaled.cost_scale_EUR
        n_u = self.layout.controls
        r = self.functions.rollout(point.s, point.u, point.r[0], parameters)

        def both(kept: Floats, dropped: Floats) -> Floats:
            joined = np.empty((len(kept), len(self.stage.states)))
            joined[:, scaled.kept], joined[:, scaled.dropped] = kept, dropped
            return joined

        return Plan(
            both(point.s, r) * scaled.state_scale,
            point.u * scaled.control_scale,
            objective * cost,
            both(point.onto_s, point.onto_r) * cost / scaled.state_scale,
            point.onto_g * cost / scaled.row_scale,
            bounds[:, :n_u] * cost / scaled.control_scale,
            both(bounds[:, n_u:], np.zeros_like(r[1:])) * cost / scaled.state_scale,
        )
