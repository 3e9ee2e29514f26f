"""Multiple shooting: a stage model over a horizon as a nonlinear program, solved to the end."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property
from math import isclose
from typing import Any, TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.certify import Certificate, NlpCheck, nlp_check
from rexdynnet.control.codegen import Backend, CodeOptions
from rexdynnet.control.plan import Limits, Plan, SolveStatus
from rexdynnet.control.rti_options import held_stages
from rexdynnet.control.scaling import ScaledStage
from rexdynnet.control.stage import StageModel
from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]


class NlpSolver(Enum):
    """Interior-point solvers that CasADi brings."""

    IPOPT = "ipopt"
    FATROP = "fatrop"


@dataclass(frozen=True)
class ScenarioTree:
    """Futures that share their first moves.

    Parameters
    ----------
    probabilities : tuple of float
        Of each branch; positive, their sum is 1.
    shared : int
        Number of first stages at which all branches apply the same controls.

    Raises
    ------
    InputError
        The probabilities do not sum to one, or nothing is shared.
    """

    probabilities: tuple[float, ...]
    shared: int = 1

    def __post_init__(self) -> None:
        positive = all(value > 0 for value in self.probabilities)
        if not positive or not isclose(sum(self.probabilities), 1.0, rel_tol=1e-9):
            raise InputError(
                Finding(
                    f"the branches' probabilities are {self.probabilities}",
                    "give positive probabilities that sum to 1",
                )
            )
        if self.shared < 1:
            raise InputError(
                Finding(f"the branches share {self.shared} stages", "share at least the first")
            )


_SINGLE = ScenarioTree((1.0,))


@dataclass(frozen=True)
class NlpOptions:
    """How the nonlinear program is made and solved.

    Parameters
    ----------
    solver : NlpSolver
        FATROP exploits the stages; it takes neither blocks nor branches.
    blocks : tuple of int
        Lengths of the blocks over which controls are held; empty: free at every stage.
    tree : ScenarioTree
    tolerance : float
        Of the solver, scaled.
    certified : float
        Residual of the optimality conditions up to which an answer is certified.
    iterations : int
    cost_scale_EUR : float
        What counts as one unit of cost.
    code : CodeOptions
        Kept for the stage functions.
    """

    solver: NlpSolver = NlpSolver.IPOPT
    blocks: tuple[int, ...] = ()
    tree: ScenarioTree = _SINGLE
    tolerance: float = 1e-8
    certified: float = 1e-5
    iterations: int = 300
    cost_scale_EUR: float = 1.0
    code: CodeOptions = field(default_factory=lambda: CodeOptions(Backend.VIRTUAL_MACHINE))


@dataclass(frozen=True)
class Solution:
    """Answer of a nonlinear program.

    Parameters
    ----------
    plans : tuple of Plan
        One for each branch; multipliers hold the branch's probability.
    objective : float
        EUR, expected over the branches.
    certificate : Certificate
        Computed from the answer alone.
    status : SolveStatus
    message : str
        What the solver said.
    iterations : int
    """

    plans: tuple[Plan, ...]
    objective: float
    certificate: Certificate
    status: SolveStatus
    message: str
    iterations: int

    @property
    def plan(self) -> Plan:
        """The first branch's plan; the only one without a tree."""
        return self.plans[0]


class Transcription:
    """A staged nonlinear program, built once, solved for any state, parameters and limits.

    Variables stand in the order u_0, x_1, u_1, ..., x_K, branch after branch; rows as the
    dynamics and the stage's rows of each stage, then held moves and shared first moves.

    Parameters
    ----------
    stage : StageModel
        With hard rows only; see `stage_forms.softened`.
    horizon : int
        Number of stages K.
    options : NlpOptions, optional

    Raises
    ------
    InputError
        FATROP is asked for with blocks or branches; the horizon is shorter than what
        branches share.
    """

    def __init__(self, stage: StageModel, horizon: int, options: NlpOptions | None = None) -> None:
        self.stage, self.horizon, self.options = stage, horizon, options or NlpOptions()
        self._check()
        self.scaled = ScaledStage(stage, (), self.options.cost_scale_EUR)
        self._held = held_stages(self.options.blocks, horizon)
        self.branches = len(self.options.tree.probabilities)
        self._nlp, self._equal = self._build()
        self._solvers: dict[bool, Any] = {}

    @cached_property
    def default_limits(self) -> Limits:
        """Bounds of the stage model itself."""
        return Limits.of(self.stage, self.horizon)

    def solve(
        self,
        start: Plan | tuple[Plan, ...],
        state: Floats,
        parameters: Floats,
        limits: Limits | None = None,
        *,
        warm: bool = False,
    ) -> Solution:
        """Solve from a start.

        Parameters
        ----------
        start : Plan or tuple of Plan
            One for each branch, or one for all.
        state : ndarray, shape (n_x,)
        parameters : ndarray, shape (K, n_p) or (branches, K, n_p)
        limits : Limits, optional
            The same in all branches; else the stage model's own bounds.
        warm : bool
            Trust the start's multipliers and begin close to it.

        Returns
        -------
        Solution
            Certified only if its own residual is small.
        """
        plans = start if isinstance(start, tuple) else (start,) * self.branches
        limits = limits or self.default_limits
        point, duals = self._pack(plans)
        bounds, row_bounds = self._bounds(limits)
        shape = (self.branches, self.horizon, len(self.stage.parameters))
        p = np.concatenate(
            [state / self.scaled.state_scale, np.broadcast_to(parameters, shape).ravel()]
        )
        solver = self._solver(warm)
        answer = solver(
            x0=point, p=p, lbx=bounds[0], ubx=bounds[1], lbg=row_bounds[0], ubg=row_bounds[1],
            lam_x0=duals[0], lam_g0=duals[1],
        )  # fmt: skip
        x, lam_x, lam_g = (
            np.asarray(answer[name], dtype=float).ravel() for name in ("x", "lam_x", "lam_g")
        )
        certificate = self._check_of.certify(x, p, bounds, row_bounds, (lam_x, lam_g))
        stats = solver.stats()
        message = str(stats.get("return_status", ""))
        status = SolveStatus.NOT_CERTIFIED
        if certificate.holds(self.options.certified):
            status = SolveStatus.CERTIFIED
        elif not np.isfinite(certificate.residual):
            status = SolveStatus.FAILED
        elif "nfeasib" in message or "Restoration" in message:
            status = SolveStatus.INFEASIBLE
        iterations = int(stats.get("iter_count", 0))
        objective = float(answer["f"]) * self.options.cost_scale_EUR
        unpacked = self._unpack(state, x, lam_x, lam_g, objective)
        plans = tuple(
            replace(plan, status=status, residual=certificate.residual, iterations=iterations)
            for plan in unpacked
        )
        return Solution(plans, objective, certificate, status, message, iterations)

    def parameter_slopes(self, plan: Plan, parameters: Floats) -> Floats:
        """How the optimal objective answers to each parameter of each stage.

        Parameters
        ----------
        plan : Plan
            A certified answer without branches.
        parameters : ndarray, shape (K, n_p)

        Returns
        -------
        ndarray, shape (K, n_p)
            EUR per unit of the parameter: the Lagrangian's slope, which is the objective's
            where the active set does not change. The terminal value's is in the last row.
        """
        slopes = self._parameter_gradient.map(self.horizon)(
            plan.states[:-1].T,
            plan.controls.T,
            parameters.T,
            plan.dynamics_multipliers.T,
            plan.row_multipliers.T,
        )
        found = np.asarray(slopes, dtype=float).T.copy()
        end = self._terminal_gradient(plan.states[-1], parameters[-1])
        found[-1] += np.asarray(end, dtype=float).ravel()
        return found

    @cached_property
    def _parameter_gradient(self) -> ca.Function:
        sizes = (*self.stage.sizes, self.stage.sizes[0], len(self.stage.rows))
        x, u, p, onto_x, onto_g = (ca.SX.sym(n, k) for n, k in zip("xuplm", sizes, strict=True))
        after, _, g, cost = self.stage.evaluate(x, u, p)
        lagrangian = ca.sum1(cost) + ca.dot(onto_x, after)
        if self.stage.rows:
            lagrangian += ca.dot(onto_g, g)
        slope = ca.densify(ca.gradient(lagrangian, p))
        return ca.Function("slope", [x, u, p, onto_x, onto_g], [slope])

    @cached_property
    def _terminal_gradient(self) -> ca.Function:
        n_x, _, n_p = self.stage.sizes
        x, p = ca.SX.sym("x", n_x), ca.SX.sym("p", n_p)
        slope = ca.densify(ca.gradient(self.stage.terminal(x, p), p))
        return ca.Function("terminal_slope", [x, p], [slope])

    def _check(self) -> None:
        tree = self.options.tree
        plain = not self.options.blocks and len(tree.probabilities) == 1
        if self.options.solver is NlpSolver.FATROP and not plain:
            raise InputError(
                Finding("fatrop takes neither blocks nor branches", "choose NlpSolver.IPOPT")
            )
        if len(tree.probabilities) > 1 and tree.shared > self.horizon:
            raise InputError(
                Finding(
                    f"branches share {tree.shared} of {self.horizon} stages",
                    "share fewer stages or lengthen the horizon",
                )
            )

    @property
    def _width(self) -> int:
        return len(self.stage.states) + len(self.stage.controls)

    def _build(self) -> tuple[dict[str, ca.MX], list[bool]]:
        n_x, n_u, n_p = self.stage.sizes
        K, S = self.horizon, self.branches
        s, r, u, p = self.scaled.symbols()
        after, _, rows, cost = self.scaled.expressions(s, r, u, p)
        stage = ca.Function("stage", [s, u, p], [after, rows, cost])
        end = ca.Function("end", [s, p], [self.scaled.terminal(s, r, p)])
        variables = ca.MX.sym("w", K * self._width * S)
        given = ca.MX.sym("p", n_x + n_p * K * S)
        first = given[:n_x]
        objective = ca.MX(0)
        constraints: list[ca.MX] = []
        moves: list[ca.MX] = []
        for branch, probability in enumerate(self.options.tree.probabilities):
            own = variables[branch * K * self._width : (branch + 1) * K * self._width]
            table = ca.reshape(own, self._width, K)
            controls, nexts = table[:n_u, :], table[n_u:, :]
            starts = ca.horzcat(first, nexts[:, : K - 1])
            at = n_x + branch * K * n_p
            values = ca.reshape(given[at : at + K * n_p], n_p, K)
            reached, limited, costs = stage.map(K)(starts, controls, values)
            objective += probability * (ca.sum2(costs) + end(nexts[:, K - 1], values[:, K - 1]))
            constraints.append(ca.vec(ca.vertcat(nexts - reached, limited)))
            for k in self._held:
                constraints.append(controls[:, k] - controls[:, k - 1])
            moves.append(ca.vec(controls[:, : self.options.tree.shared]))
        constraints += [moves[b] - moves[0] for b in range(1, S)]
        equal = ([True] * n_x + [row.lower == row.upper for row in self.stage.rows]) * K
        nlp = {"x": variables, "p": given, "f": objective, "g": ca.vertcat(*constraints)}
        return nlp, equal

    @cached_property
    def _check_of(self) -> NlpCheck:
        return nlp_check(self._nlp)

    def _solver(self, warm: bool) -> Any:
        """The solver for cold or for warm starts; each is built when it is first needed."""
        if warm not in self._solvers:
            options = self._solver_options(warm)
            name = self.options.solver.value
            self._solvers[warm] = ca.nlpsol("solver", name, self._nlp, options)
        return self._solvers[warm]

    def _solver_options(self, warm: bool) -> dict[str, Any]:
        tolerance, iterations = self.options.tolerance, self.options.iterations
        common: dict[str, Any] = {"print_time": False, "error_on_fail": False, "expand": True}
        if self.options.solver is NlpSolver.FATROP:
            made = common | {
                "structure_detection": "auto",
                "equality": self._equal,
                "fatrop.print_level": 0,
                "fatrop.tol": tolerance,
                "fatrop.max_iter": iterations,
            }
            return made | ({"fatrop.mu_init": 1e-3} if warm else {})
        made = common | {
            "ipopt.print_level": 0,
            "ipopt.sb": "yes",
            "ipopt.tol": tolerance,
            "ipopt.max_iter": iterations,
            "ipopt.linear_solver": "mumps",
            # Bounds relaxed by more would show as complementarity in the certificate.
            "ipopt.bound_relax_factor": 1e-10,
        }
        # In our own scaling: IPOPT's would let a steep objective hide large residuals.
        for kind in ("dual_inf", "constr_viol", "compl_inf"):
            made[f"ipopt.{kind}_tol"] = 0.3 * self.options.certified
        if not warm:
            return made
        pushes = ("bound_push", "bound_frac", "slack_bound_push", "slack_bound_frac")
        pushes += ("mult_bound_push",)
        return made | {
            "ipopt.warm_start_init_point": "yes",
            "ipopt.mu_init": 1e-4,
            **{f"ipopt.warm_start_{push}": 1e-6 for push in pushes},
        }

    def _stagewise(self, controls: Floats, states: Floats) -> Floats:
        return np.hstack([controls, states]).ravel()

    def _pack(self, plans: tuple[Plan, ...]) -> tuple[Floats, tuple[Floats, Floats]]:
        cost = self.options.cost_scale_EUR
        scaled = self.scaled
        points: list[Floats] = []
        duals: list[Floats] = []
        row_duals: list[Floats] = []
        for plan in plans:
            points.append(
                self._stagewise(
                    plan.controls / scaled.control_scale, plan.states[1:] / scaled.state_scale
                )
            )
            duals.append(
                self._stagewise(
                    plan.control_multipliers * scaled.control_scale / cost,
                    plan.state_multipliers * scaled.state_scale / cost,
                )
            )
            row_duals.append(
                self._stagewise(
                    -plan.dynamics_multipliers * scaled.state_scale / cost,
                    plan.row_multipliers * scaled.row_scale / cost,
                )
            )
            row_duals.append(np.zeros(len(self._held) * len(self.stage.controls)))
        row_duals.append(np.zeros(self._shared))
        return np.concatenate(points), (np.concatenate(duals), np.concatenate(row_duals))

    @property
    def _shared(self) -> int:
        """Number of equations that tie first moves of branches together."""
        return (self.branches - 1) * self.options.tree.shared * len(self.stage.controls)

    def _bounds(self, limits: Limits) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
        scaled = self.scaled
        sides: list[Floats] = []
        row_sides: list[Floats] = []
        for side in ("lower", "upper"):
            controls, states, rows = (
                getattr(limits, f"{kind}_{side}") for kind in ("controls", "states", "rows")
            )
            one = self._stagewise(controls / scaled.control_scale, states / scaled.state_scale)
            sides.append(np.tile(one, self.branches))
            gaps = np.zeros((self.horizon, len(self.stage.states)))
            held = np.zeros(len(self._held) * len(self.stage.controls))
            branch = np.concatenate([self._stagewise(gaps, rows / scaled.row_scale), held])
            row_sides.append(
                np.concatenate([np.tile(branch, self.branches), np.zeros(self._shared)])
            )
        return (sides[0], sides[1]), (row_sides[0], row_sides[1])

    def _unpack(
        self, state: Floats, x: Floats, lam_x: Floats, lam_g: Floats, objective: float
    ) -> tuple[Plan, ...]:
        n_x, n_u = len(self.stage.states), len(self.stage.controls)
        n_g, cost, scaled = len(self.stage.rows), self.options.cost_scale_EUR, self.scaled
        K, plans = self.horizon, list[Plan]()
        height = K * (n_x + n_g) + len(self._held) * n_u
        for branch in range(self.branches):
            own = slice(branch * K * self._width, (branch + 1) * K * self._width)
            values, duals = (part[own].reshape(K, self._width) for part in (x, lam_x))
            at = branch * height
            rows = lam_g[at : at + K * (n_x + n_g)].reshape(K, n_x + n_g)
            plans.append(
                Plan(
                    np.vstack([state, values[:, n_u:] * scaled.state_scale]),
                    values[:, :n_u] * scaled.control_scale,
                    objective,
                    -rows[:, :n_x] * cost / scaled.state_scale,
                    rows[:, n_x:] * cost / scaled.row_scale,
                    duals[:, :n_u] * cost / scaled.control_scale,
                    duals[:, n_u:] * cost / scaled.state_scale,
                )
            )
        return tuple(plans)
