"""Multiple shooting of a staged problem, solved to the end and certified."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.certify import Certificate, NlpCheck
from rexdynnet.control.plan import Limits, Plan, SolveStatus, simulated_plan, starting_plan
from rexdynnet.control.qp_layout import Pattern
from rexdynnet.control.stage import StageModel
from rexdynnet.control.transcription import NlpSolver
from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class NlpOptions:
    """How the nonlinear programme is solved.

    Parameters
    ----------
    solvers : tuple of NlpSolver
        Tried one after the other until an answer is certified.
    tolerance : float
        Of the solvers.
    certify_tolerance : float
        Largest residual of our own check at which an answer counts as certified.
    iterations : int
        Budget.
    cost_scale_EUR : float
        What counts as one unit of cost.
    """

    solvers: tuple[NlpSolver, ...] = (NlpSolver.IPOPT,)
    tolerance: float = 1e-8
    certify_tolerance: float = 1e-5
    iterations: int = 300
    cost_scale_EUR: float = 1.0


class ShootingProgram:
    """A staged problem as one sparse nonlinear programme; built once, solved for any p.

    Variables are u_0, x_1, u_1, x_2, ..., x_K, scaled by their nominals; each stage gives
    the rows x_{k+1} − F(x_k, u_k, p_k) and g(x_k, u_k, p_k).

    Parameters
    ----------
    stage : StageModel
        With hard rows only; see `stage_forms.softened` for exact penalties.
    horizon : int
        Number of stages K.
    options : NlpOptions, optional

    Notes
    -----
    Interior point methods: L. Vanroye, A. Sathya, J. De Schutter, W. Decré, "FATROP: a fast
    constrained optimal control problem solver", IROS 2023; A. Wächter, L. T. Biegler, Math.
    Program. 106 (2006) 25. The stages' derivatives are made once and mapped over the horizon.
    """

    def __init__(self, stage: StageModel, horizon: int, options: NlpOptions | None = None) -> None:
        soft = [row.name for row in stage.rows if row.penalty is not None]
        if soft:
            raise InputError(
                Finding(f"rows {', '.join(soft[:4])} are soft", "apply stage_forms.softened first")
            )
        self.stage, self.horizon, self.options = stage, horizon, options or NlpOptions()
        self.state_scale = np.array([signal.nominal for signal in stage.states])
        self.control_scale = np.array([signal.nominal for signal in stage.controls])
        self.row_scale = np.array([row.nominal for row in stage.rows])
        self._functions = self._assemble()
        self._solvers: dict[tuple[NlpSolver, bool], ca.Function] = {}

    @property
    def width(self) -> int:
        """Variables per stage."""
        return len(self.stage.states) + len(self.stage.controls)

    def solve(
        self,
        state: Floats,
        parameters: Floats,
        limits: Limits | None = None,
        start: Plan | None = None,
    ) -> Plan:
        """Solve to the end.

        Parameters
        ----------
        state : ndarray, shape (n_x,)
            At the start of the first stage.
        parameters : ndarray, shape (K, n_p)
        limits : Limits, optional
            Else the stage model's own bounds.
        start : Plan, optional
            Warm start with its multipliers, where it has some; else the model is simulated
            under its default controls.

        Returns
        -------
        Plan
            `CERTIFIED` only where our own residuals are small.
        """
        first, *others = self.options.solvers
        plan = self._solve_with(first, state, parameters, limits, start)
        for solver in others:
            if plan.status is SolveStatus.CERTIFIED:
                break
            plan = self._solve_with(solver, state, parameters, limits, start)
        return plan

    def _solve_with(
        self,
        kind: NlpSolver,
        state: Floats,
        parameters: Floats,
        limits: Limits | None,
        start: Plan | None,
    ) -> Plan:
        limits = limits or Limits.of(self.stage, self.horizon)
        begun = starting_plan(self.stage, self.horizon, state, parameters, limits, start)
        p = np.concatenate([state / self.state_scale, parameters.ravel()])
        lower, upper = self._bounds(limits)
        zeros = np.zeros((self.horizon, len(state)))
        rows_lower, rows_upper = (
            np.hstack([zeros, rows / self.row_scale]).ravel()
            for rows in (limits.rows_lower, limits.rows_upper)
        )
        warm = start is not None and bool(np.any(start.dynamics_multipliers))
        given = {"x0": np.clip(self._line_up(begun), lower, upper), "p": p}
        given |= {"lbx": lower, "ubx": upper, "lbg": rows_lower, "ubg": rows_upper}
        if warm:
            given |= dict(zip(("lam_x0", "lam_g0"), self._multipliers(begun), strict=True))
        solver = self._solver(kind, warm)
        answer = solver(**given)
        stats = solver.stats()
        x, lam_x, lam_g = (
            np.asarray(answer[name], dtype=float).ravel() for name in ("x", "lam_x", "lam_g")
        )
        certificate = self.check.certify(
            x, p, (lower, upper), (rows_lower, rows_upper), (lam_x, lam_g)
        )
        plan = self._read(state, x, lam_x, lam_g, float(answer["f"]))
        return replace(
            plan,
            status=self._status(plan, certificate, str(stats.get("return_status", ""))),
            residual=certificate.residual,
            iterations=int(stats.get("iter_count", 0)),
        )

    def simulate(self, state: Floats, controls: Floats, parameters: Floats) -> Floats:
        """States under given controls, shape (K + 1, n_x)."""
        return simulated_plan(self.stage, state, controls, parameters)

    @cached_property
    def check(self) -> NlpCheck:
        """The check that every answer goes through."""
        x, p = ca.MX.sym("x", self.horizon * self.width), ca.MX.sym("p", self._p_size)
        gradient = self._functions["nlp_grad_f"](x, p)[1]
        g, jacobian = self._functions["nlp_jac_g"](x, p)
        return NlpCheck(ca.Function("kkt", [x, p], [gradient, g, jacobian]))

    def _solver(self, kind: NlpSolver, warm: bool) -> ca.Function:
        """A solver for cold or warm starts; each is built when it is first needed."""
        if (kind, warm) not in self._solvers:
            make = self._fatrop if kind is NlpSolver.FATROP else self._ipopt
            self._solvers[kind, warm] = make(warm)
        return self._solvers[kind, warm]

    def _nlp(self) -> dict[str, ca.MX]:
        x, p = ca.MX.sym("x", self.horizon * self.width), ca.MX.sym("p", self._p_size)
        parts = {"f": self._functions["nlp_f"](x, p), "g": self._functions["nlp_g"](x, p)}
        return {"x": x, "p": p, **parts}

    def _fatrop(self, warm: bool) -> ca.Function:
        n_x = len(self.stage.states)
        equal = [True] * n_x + [row.lower == row.upper for row in self.stage.rows]
        return ca.nlpsol(
            "trajectory",
            "fatrop",
            self._nlp(),
            {
                "print_time": False,
                "error_on_fail": False,
                "cache": self._for_fatrop(),
                "structure_detection": "auto",
                "equality": equal * self.horizon,
                "fatrop.print_level": 0,
                "fatrop.tol": self.options.tolerance,
                "fatrop.max_iter": self.options.iterations,
                **({"fatrop.mu_init": 1e-4} if warm else {}),
            },
        )

    def _for_fatrop(self) -> dict[str, ca.Function]:
        """The derivatives as CasADi's interface to FATROP asks for them."""
        x, p = ca.MX.sym("x", self.horizon * self.width), ca.MX.sym("p", self._p_size)
        height = self.horizon * (len(self.stage.states) + len(self.stage.rows))
        lam_f, lam_g = ca.MX.sym("lam_f"), ca.MX.sym("lam_g", height)
        cost, gradient = self._functions["nlp_grad_f"](x, p)
        rows, jacobian = self._functions["nlp_jac_g"](x, p)
        hessian = ca.triu2symm(self._functions["nlp_hess_l"](x, p, lam_f, lam_g))
        slope = lam_f * gradient + ca.mtimes(jacobian.T, lam_g)
        all_in, names = [x, p, lam_f, lam_g], ["x", "p", "lam_f", "lam_g"]

        def make(name: str, count: int, outputs: dict[str, ca.MX]) -> ca.Function:
            return ca.Function(
                name, all_in[:count], list(outputs.values()), names[:count], list(outputs)
            )

        nothing = ca.MX.zeros(self._p_size)
        return dict(self._functions) | {
            "nlp_grad_f": make("nlp_grad_f", 2, {"grad_f_x": gradient}),
            "nlp_grad": make(
                "nlp_grad",
                4,
                {"f": cost, "g": rows, "grad_gamma_x": slope, "grad_gamma_p": nothing},
            ),
            "nlp_hess_l": make("nlp_hess_l", 4, {"grad_gamma_x": slope, "hess_gamma_x_x": hessian}),
        }

    def _ipopt(self, warm: bool) -> ca.Function:
        small = 1e-7
        more: dict[str, Any] = {
            "warm_start_init_point": "yes",
            "mu_init": small,
            "warm_start_bound_push": small,
            "warm_start_bound_frac": small,
            "warm_start_slack_bound_push": small,
            "warm_start_slack_bound_frac": small,
            "warm_start_mult_bound_push": small,
        }
        ipopt: dict[str, Any] = {
            "print_level": 0,
            "sb": "yes",
            "tol": self.options.tolerance,
            "max_iter": self.options.iterations,
            "bound_relax_factor": 0.0,
            # the stage is scaled already, and its start is a simulation
            "nlp_scaling_method": "none",
            "mu_init": 1e-2,
        }
        ipopt |= more if warm else {}
        return ca.nlpsol(
            "trajectory",
            "ipopt",
            self._nlp(),
            {
                "print_time": False,
                "cache": self._functions,
                "no_nlp_grad": True,
                "calc_lam_x": False,
                "calc_lam_p": False,
                "calc_f": False,
                "calc_g": False,
                **{f"ipopt.{name}": value for name, value in ipopt.items()},
            },
        )

    @property
    def _p_size(self) -> int:
        return len(self.stage.states) + self.horizon * len(self.stage.parameters)

    def _column(self, stage: int) -> int:
        """Where (x_k, u_k) starts; negative for the first, whose state is given."""
        return stage * self.width - len(self.stage.states)

    def _assemble(self) -> dict[str, ca.Function]:
        K, n_x, n_g = self.horizon, len(self.stage.states), len(self.stage.rows)
        of = _stage_derivatives(self.stage, self.options.cost_scale_EUR)
        variables, known = ca.MX.sym("x", K * self.width), ca.MX.sym("p", self._p_size)
        table = ca.reshape(variables, self.width, K)
        u, after = table[: self.width - n_x, :], table[self.width - n_x :, :]
        x = ca.horzcat(known[:n_x], after[:, : K - 1])
        p = ca.reshape(known[n_x:], len(self.stage.parameters), K)
        last, p_last = after[:, K - 1], p[:, K - 1]

        def mapped(name: str) -> Callable[..., Any]:
            return of[name].map(K)

        made: dict[str, ca.Function] = {}

        def keep(name: str, more: list[ca.MX], results: list[ca.MX], names: list[str]) -> None:
            inputs = ["x", "p", "lam_f", "lam_g"][: 2 + len(more)]
            made[name] = ca.Function(name, [variables, known, *more], results, inputs, names)

        cost = ca.sum2(mapped("cost")(x, u, p)) + of["end"](last, p_last)
        keep("nlp_f", [], [cost], ["f"])
        following, g = mapped("rows")(x, u, p)
        rows = ca.vec(ca.vertcat(after - following, g))
        keep("nlp_g", [], [rows], ["g"])
        gradient = ca.vec(mapped("gradient")(x, u, p))[n_x:]
        gradient = ca.vertcat(gradient, of["end_gradient"](last, p_last))
        keep("nlp_grad_f", [], [cost, gradient], ["f", "grad_f_x"])
        places = self._jacobian_places(_pattern(of["jacobian"].sparsity_out(0)), n_g)
        entries = mapped("jacobian")(x, u, p).nz[:]
        values = ca.vertcat(entries, ca.MX.ones(1))[places.source.tolist()]
        jacobian = ca.MX(places.sparsity(K * (n_x + n_g), K * self.width), values)
        keep("nlp_jac_g", [], [rows, jacobian], ["g", "jac_g_x"])
        lam_f, lam_g = ca.MX.sym("lam_f"), ca.MX.sym("lam_g", K * (n_x + n_g))
        onto = ca.reshape(lam_g, n_x + n_g, K)
        curved = mapped("hessian")(x, u, p, ca.repmat(lam_f, 1, K), onto).nz[:]
        end = of["end_hessian"](last, p_last)
        places = self._hessian_places(
            _pattern(of["hessian"].sparsity_out(0)), _pattern(end.sparsity())
        )
        values = ca.vertcat(curved, lam_f * end.nz[:])[places.source.tolist()]
        hessian = ca.MX(places.sparsity(K * self.width, K * self.width), values)
        keep("nlp_hess_l", [lam_f, lam_g], [hessian], ["triu_hess_gamma_x_x"])
        return made

    def _jacobian_places(self, pattern: Pattern, n_g: int) -> _Places:
        K, n_x = self.horizon, len(self.stage.states)
        count, every = len(pattern.rows), np.arange(n_x)
        parts: list[tuple[Ints, Ints, Ints]] = []
        for k in range(K):
            column = pattern.columns + self._column(k)
            inside = np.flatnonzero(column >= 0)
            rows = pattern.rows[inside] + k * (n_x + n_g)
            parts.append((rows, column[inside], inside + k * count))
            ones = np.full(n_x, K * count)
            parts.append((k * (n_x + n_g) + every, self._column(k + 1) + every, ones))
        return _joined(parts)

    def _hessian_places(self, pattern: Pattern, end: Pattern) -> _Places:
        K, count = self.horizon, len(pattern.rows)
        parts: list[tuple[Ints, Ints, Ints]] = []
        for k in range(K):
            rows, columns = pattern.rows + self._column(k), pattern.columns + self._column(k)
            inside = np.flatnonzero((rows >= 0) & (columns >= 0))
            parts.append((rows[inside], columns[inside], inside + k * count))
        place = self._column(K)
        source = np.arange(len(end.rows)) + K * count
        parts.append((end.rows + place, end.columns + place, source))
        return _joined(parts)

    def _line_up(self, plan: Plan) -> Floats:
        parts = [plan.controls / self.control_scale, plan.states[1:] / self.state_scale]
        return np.hstack(parts).ravel()

    def _multipliers(self, plan: Plan) -> tuple[Floats, Floats]:
        cost = self.options.cost_scale_EUR
        of_controls = plan.control_multipliers * self.control_scale / cost
        of_states = plan.state_multipliers * self.state_scale / cost
        onto = -plan.dynamics_multipliers * self.state_scale / cost
        of_rows = plan.row_multipliers * self.row_scale / cost
        return np.hstack([of_controls, of_states]).ravel(), np.hstack([onto, of_rows]).ravel()

    def _bounds(self, limits: Limits) -> tuple[Floats, Floats]:
        lined: list[Floats] = []
        for controls, states in (
            (limits.controls_lower, limits.states_lower),
            (limits.controls_upper, limits.states_upper),
        ):
            parts = [controls / self.control_scale, states / self.state_scale]
            lined.append(np.hstack(parts).ravel())
        return lined[0], lined[1]

    def _read(
        self, state: Floats, x: Floats, lam_x: Floats, lam_g: Floats, objective: float
    ) -> Plan:
        K, cost = self.horizon, self.options.cost_scale_EUR
        n_u, n_x = len(self.stage.controls), len(self.stage.states)
        table, of_x, of_g = (part.reshape(K, -1) for part in (x, lam_x, lam_g))
        states = np.vstack([state, table[:, n_u:] * self.state_scale])
        return Plan(
            states,
            table[:, :n_u] * self.control_scale,
            objective * cost,
            -of_g[:, :n_x] * cost / self.state_scale,
            of_g[:, n_x:] * cost / self.row_scale,
            of_x[:, :n_u] * cost / self.control_scale,
            of_x[:, n_u:] * cost / self.state_scale,
        )

    def _status(self, plan: Plan, certificate: Certificate, said: str) -> SolveStatus:
        if not plan.usable:
            return SolveStatus.FAILED
        if certificate.holds(self.options.certify_tolerance):
            return SolveStatus.CERTIFIED
        if said == "Infeasible_Problem_Detected":
            return SolveStatus.INFEASIBLE
        return SolveStatus.NOT_CERTIFIED


@dataclass(frozen=True)
class _Places:
    """Entries of a sparse matrix by column, and where each value is taken from."""

    rows: Ints
    columns: Ints
    source: Ints

    def sparsity(self, height: int, width: int) -> ca.Sparsity:
        return ca.Sparsity.triplet(height, width, self.rows.tolist(), self.columns.tolist())


def _joined(parts: list[tuple[Ints, Ints, Ints]]) -> _Places:
    rows, columns, source = (np.concatenate(side) for side in zip(*parts, strict=True))
    order = np.lexsort((rows, columns))
    return _Places(rows[order], columns[order], source[order])


def _stage_derivatives(stage: StageModel, cost_scale: float) -> dict[str, ca.Function]:
    """Scaled functions of one stage and their derivatives with respect to (x, u)."""
    x, u, p = (ca.SX.sym(label, size) for label, size in zip("xup", stage.sizes, strict=True))
    x_scale = ca.DM([signal.nominal for signal in stage.states])
    u_scale = ca.DM([signal.nominal for signal in stage.controls])
    after, _, g, cost = stage.evaluate(x * x_scale, u * u_scale, p)
    after = ca.densify(after / x_scale)
    g = ca.densify(g / ca.DM([row.nominal for row in stage.rows]))
    cost = ca.sum1(cost) / cost_scale
    end = stage.terminal(x * x_scale, p) / cost_scale
    w = ca.vertcat(x, u)
    lam_f, lam_g = ca.SX.sym("lam_f"), ca.SX.sym("lam_g", after.numel() + g.numel())
    rows = ca.vertcat(-after, g)
    hessian = ca.triu(ca.hessian(lam_f * cost + ca.dot(lam_g, rows), w)[0])
    results = {
        "cost": [cost],
        "rows": [after, g],
        "gradient": [ca.densify(ca.gradient(cost, w))],
        "jacobian": [ca.jacobian(rows, w)],
    }
    made = {name: ca.Function(f"stage_{name}", [x, u, p], out) for name, out in results.items()}
    made["hessian"] = ca.Function("stage_hessian", [x, u, p, lam_f, lam_g], [hessian])
    made["end"] = ca.Function("end", [x, p], [end])
    made["end_gradient"] = ca.Function("end_gradient", [x, p], [ca.densify(ca.gradient(end, x))])
    made["end_hessian"] = ca.Function("end_hessian", [x, p], [ca.triu(ca.hessian(end, x)[0])])
    return made


def _pattern(sparsity: ca.Sparsity) -> Pattern:
    rows, columns = sparsity.get_triplet()
    return Pattern(np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp))
