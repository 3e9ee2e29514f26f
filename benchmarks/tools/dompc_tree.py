"""The peer of the suite `mpc`: do-mpc on the same tree, with its own defaults."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from enum import Enum
from typing import Any

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.control_tree import ControlTree, STEP_s

Floats = NDArray[np.float64]


class Discretisation(Enum):
    """What do-mpc is given."""

    COLLOCATION = "the continuous-time model, by do-mpc's default orthogonal collocation"
    DISCRETE = "the same discrete-time model as ours"


@dataclass
class DoMpc:
    """A set-up controller; `step` solves for one measured state."""

    controller: Any

    def step(self, state: Floats) -> Floats:
        """Controls for a state."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # do-mpc's own, about CasADi and NumPy
            return np.asarray(self.controller.make_step(state)).ravel()

    @property
    def objective(self) -> float:
        """Of the last solve."""
        return float(self.controller.solver_stats["iterations"]["obj"][-1])

    @property
    def success(self) -> bool:
        """Of the last solve."""
        return bool(self.controller.solver_stats["success"])

    @property
    def iterations(self) -> int:
        """Of the last solve."""
        return int(self.controller.solver_stats["iter_count"])


def dompc_controller(
    tree: ControlTree, horizon: int, commitment: Floats, kind: Discretisation
) -> DoMpc:
    """Set do-mpc up.

    Parameters
    ----------
    tree : ControlTree
    horizon : int
    commitment : ndarray, shape (stages, n)
        Heats from the start of the closed loop on.
    kind : Discretisation
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import do_mpc

        discrete = kind is Discretisation.DISCRETE
        model = do_mpc.model.Model("discrete" if discrete else "continuous", "SX")
        x = model.set_variable("_x", "T", (len(tree.states), 1))
        u = model.set_variable("_u", "u", (len(tree.controls), 1))
        q = model.set_variable("_tvp", "q", (tree.size, 1))
        model.set_rhs("T", tree.advance(x, u) if discrete else tree.rate(x, u))
        model.setup()
        controller = do_mpc.controller.MPC(model)
        settings = controller.settings
        settings.n_horizon, settings.t_step, settings.n_robust = horizon, STEP_s, 0
        settings.store_full_solution = False
        # else the last state is free, which is another problem
        settings.use_terminal_bounds = True
        settings.nlpsol_opts = {"ipopt.print_level": 0, "print_time": 0, "ipopt.sb": "yes"}
        settings.nlpsol_opts["ipopt.linear_solver"] = "mumps"
        controller.set_objective(mterm=ca.DM(0), lterm=ca.sum1(tree.cost(x, u, q)))
        controller.set_rterm(u=np.zeros(len(tree.controls)))
        for variable, name, signals in (("_x", "T", tree.states), ("_u", "u", tree.controls)):
            controller.bounds["lower", variable, name] = np.array([s.lower for s in signals])
            controller.bounds["upper", variable, name] = np.array([s.upper for s in signals])
            controller.scaling[variable, name] = np.array([s.nominal for s in signals])
        preview = controller.get_tvp_template()

        def previewed(time: Any) -> Any:
            now = round(float(np.ravel(time)[0]) / STEP_s)
            for k in range(horizon + 1):
                preview["_tvp", k, "q"] = commitment[min(now + k, len(commitment) - 1)]
            return preview

        controller.set_tvp_fun(previewed)
        controller.setup()
        controller.x0, controller.u0 = tree.start(), tree.first_guess()
        controller.set_initial_guess()
        return DoMpc(controller)
