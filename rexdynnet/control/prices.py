"""Nodal prices: what one more unit of heat would cost, from the trajectory's multipliers."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import casadi as ca
import numpy as np

from rexdynnet.control.stage import Floats, StageModel
from rexdynnet.control.trajectory import Trajectory
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import SubstationControl
from rexdynnet.timeline import PriceSurface, units_from

_MWH_J = 3.6e9
_SCARCE = frozenset({"spare_capacity", "minimum_load", "heat_change"})
_ENERGY_TERMS = frozenset({"fuel", "power_sold", "loss"})
_SCARCITY_TERMS = frozenset({"unserved"})
_LEAST_RESPONSE = 1e-3
# Below it, prices of a plan of residual 1e-2 were within 0.2 % of those of residual 1e-5.
_AGREEMENT = 1e-3


@dataclass(frozen=True)
class StagePrices:
    """Prices per stage and substation, EUR/MWh, each of shape (K, n).

    Parameters
    ----------
    total, energy, loss, congestion, scarcity : ndarray
        The first is the sum of the others.
    mismatch : ndarray
        Between this sum and the slope of the Lagrangian with the solver's own multipliers.
    heat_response : ndarray
        Heat that plants give more, or stores keep less, per heat demanded more.
    """

    total: Floats
    energy: Floats
    loss: Floats
    congestion: Floats
    scarcity: Floats
    mismatch: Floats
    heat_response: Floats


def stage_prices(
    trajectory: Trajectory, network: Network, adjoint: AdjointSweep | None = None
) -> StagePrices:
    """Price one more unit of heat demanded at each substation in each stage.

    Parameters
    ----------
    trajectory : Trajectory
    network : Network
        Its substations with a heat demand are priced.
    adjoint : AdjointSweep, optional
        Of the trajectory's stage model, kept by whoever prices again and again.

    Returns
    -------
    StagePrices

    Notes
    -----
    At an optimum the controls' slopes vanish, so that the derivative of the optimal cost is
    that of the Lagrangian under fixed controls (envelope theorem; A. V. Fiacco, Introduction
    to Sensitivity and Stability Analysis in Nonlinear Programming, 1983, section 3.2). Under fixed
    controls each cost term and each active limit has its own adjoint, and their sum is exact.
    Fuel, power sold and the value of stored heat make energy and loss: the mean cost of the
    heat that answers the demand, wherever and whenever it is made, times the heat that
    arrives (energy) and the heat that is lost on the way (loss, with the pumps' power).
    Limits of plants and unserved heat make scarcity; limits of pipes, pressures and
    temperatures make congestion.
    """
    stage, plan = trajectory.stage, trajectory.plan
    columns = [stage.index(stage.parameters, f"{unit}.heat_demand") for unit in priced(network)]
    groups = adjoint or AdjointSweep(stage)
    of_rows = plan.row_multipliers
    scarce = np.array([row.quantity in _SCARCE for row in stage.rows], dtype=float)
    nothing = np.zeros(len(stage.cost_terms))
    terms = np.array([float(term in _ENERGY_TERMS) for term in stage.cost_terms])
    unserved = np.array([float(term in _SCARCITY_TERMS) for term in stage.cost_terms])
    pumps = 1.0 - terms - unserved
    no_rows = np.zeros_like(of_rows)
    per_MWh = _MWH_J / stage.step_s

    def part(weights: Floats, rows: Floats, end: float = 0.0, bounds: float = 0.0) -> Floats:
        return groups.slopes(trajectory, weights, rows, end, bounds)[:, columns] * per_MWh

    fuel = part(terms, no_rows, end=1.0)
    pumping = part(pumps, no_rows)
    congestion = part(nothing, of_rows * (1.0 - scarce), bounds=1.0)
    scarcity = part(unserved, of_rows * scarce)
    heats = _heat_outputs(stage, network)
    response = groups.heat_slopes(trajectory, heats)[:, columns]
    served = 1.0 - np.column_stack(
        [trajectory.control(f"{name}.curtailed_share") for name in priced(network)]
    )
    firm = np.abs(response) > _LEAST_RESPONSE
    unit = np.divide(fuel, response, out=np.zeros_like(fuel), where=firm)
    energy = np.where(firm, unit * served, fuel)
    loss = fuel - energy + pumping
    direct = groups.direct(trajectory)[:, columns] * per_MWh
    total = energy + loss + congestion + scarcity
    return StagePrices(total, energy, loss, congestion, scarcity, np.abs(total - direct), response)


def price_surface(
    trajectory: Trajectory, network: Network, start_utc: datetime, unit_s: float = 3600.0
) -> PriceSurface:
    """Average stage prices over time units.

    Parameters
    ----------
    trajectory : Trajectory
        Its first edge is the start of the first unit.
    network : Network
    start_utc : datetime
        Second 0 of the trajectory's clock.
    unit_s : float
        Whole stages.

    Returns
    -------
    PriceSurface
        Not valid where the answer is not certified, where the multipliers of the solver
        and the adjoints disagree, or where a substation's demand is not served at all.
    """
    stage = trajectory.stage
    each = max(round(unit_s / stage.step_s), 1)
    count = trajectory.plan.horizon // each
    prices = stage_prices(trajectory, network)

    def mean(values: Floats) -> Floats:
        return values[: count * each].reshape(count, each, -1).mean(axis=1)

    parts = [
        mean(part) for part in (prices.energy, prices.loss, prices.congestion, prices.scarcity)
    ]
    total = parts[0] + parts[1] + parts[2] + parts[3]
    agree = prices.mismatch <= _AGREEMENT * np.maximum(np.abs(prices.total), 1.0)
    sound = agree & np.isfinite(prices.total) & (np.abs(prices.heat_response) > _LEAST_RESPONSE)
    valid = mean(sound.astype(float)) == 1.0
    started = trajectory.commitment.start_cost_EUR[: count * each].reshape(count, each)
    first = start_utc + timedelta(seconds=float(trajectory.edges_s[0]))
    return PriceSurface(
        priced(network),
        tuple(units_from(first, each * stage.step_s, count)),
        total,
        parts[0],
        parts[1],
        parts[2],
        parts[3],
        valid & trajectory.certified,
        started.sum(axis=1),
    )


def priced(network: Network) -> tuple[str, ...]:
    """Substations that have a price: those that ask for heat."""
    return tuple(
        unit.name for unit in network.substations if unit.control is not SubstationControl.FLOW
    )


class AdjointSweep:
    """Adjoint sweeps of a stage for chosen cost terms and rows.

    Parameters
    ----------
    stage : StageModel
    """

    def __init__(self, stage: StageModel) -> None:
        self.stage = stage
        n_x, n_g, n_c = len(stage.states), len(stage.rows), len(stage.cost_terms)
        n_y = len(stage.output_signals)
        x, u, p = (ca.SX.sym(label, size) for label, size in zip("xup", stage.sizes, strict=True))
        onto, of_rows, weights, of_outputs = (
            ca.SX.sym(label, size) for label, size in zip("ardy", (n_x, n_g, n_c, n_y), strict=True)
        )
        after, y, g, cost = stage.evaluate(x, u, p)
        whole = ca.dot(weights, cost) + ca.dot(onto, after) + ca.dot(of_outputs, y)
        if n_g:
            whole = whole + ca.dot(of_rows, g)
        slopes = [ca.densify(ca.gradient(whole, v)) for v in (x, p)]
        self.sweep = ca.Function("sweep", [x, u, p, onto, of_rows, weights, of_outputs], slopes)
        end = stage.terminal(x, p)
        self.end = ca.Function("end", [x, p], [ca.densify(ca.gradient(end, v)) for v in (x, p)])

    def slopes(
        self, trajectory: Trajectory, weights: Floats, rows: Floats, end: float, bounds: float
    ) -> Floats:
        """Slopes with respect to p of chosen terms under fixed controls, shape (K, n_p)."""
        plan = trajectory.plan
        by_x, by_p = self.end(plan.states[-1], trajectory.parameters[-1])
        onto = end * np.asarray(by_x, dtype=float).ravel()
        last = end * np.asarray(by_p, dtype=float).ravel()
        onto = onto + bounds * plan.state_multipliers[-1]
        nothing = np.zeros(len(self.stage.output_signals))
        outputs = np.tile(nothing, (plan.horizon, 1))
        found = self._back(trajectory, onto, weights, rows, outputs, bounds)
        found[-1] += last
        return found

    def heat_slopes(self, trajectory: Trajectory, heats: Floats) -> Floats:
        """How much more heat is given, or kept less in store, per W demanded more."""
        K = trajectory.plan.horizon
        outputs = np.tile(heats, (K, 1))
        stored = self.stage.index(self.stage.output_signals, "network.stored_heat")
        outputs[-1, stored] = -1.0 / self.stage.step_s
        nothing = np.zeros(len(self.stage.cost_terms))
        rows = np.zeros((K, len(self.stage.rows)))
        onto = np.zeros(len(self.stage.states))
        return self._back(trajectory, onto, nothing, rows, outputs, 0.0)

    def direct(self, trajectory: Trajectory) -> Floats:
        """Slopes of the Lagrangian with the solver's own multipliers, shape (K, n_p)."""
        plan = trajectory.plan
        everything = np.ones(len(self.stage.cost_terms))
        nothing = np.zeros(len(self.stage.output_signals))
        found = np.empty((plan.horizon, len(self.stage.parameters)))
        for k in range(plan.horizon):
            _, by_p = self.sweep(
                plan.states[k],
                plan.controls[k],
                trajectory.parameters[k],
                plan.dynamics_multipliers[k],
                plan.row_multipliers[k],
                everything,
                nothing,
            )
            found[k] = np.asarray(by_p, dtype=float).ravel()
        _, by_p = self.end(plan.states[-1], trajectory.parameters[-1])
        found[-1] += np.asarray(by_p, dtype=float).ravel()
        return found

    def _back(
        self,
        trajectory: Trajectory,
        onto: Floats,
        weights: Floats,
        rows: Floats,
        outputs: Floats,
        bounds: float,
    ) -> Floats:
        plan = trajectory.plan
        found = np.empty((plan.horizon, len(self.stage.parameters)))
        for k in range(plan.horizon - 1, -1, -1):
            by_x, by_p = self.sweep(
                plan.states[k],
                plan.controls[k],
                trajectory.parameters[k],
                onto,
                rows[k],
                weights,
                outputs[k],
            )
            found[k] = np.asarray(by_p, dtype=float).ravel()
            onto = np.asarray(by_x, dtype=float).ravel()
            if k:
                onto = onto + bounds * plan.state_multipliers[k - 1]
        return found


def _heat_outputs(stage: StageModel, network: Network) -> Floats:
    """1 for each plant's heat among the outputs."""
    plants = {plant.name for plant in network.plants}
    return np.array(
        [float(s.quantity == "heat" and s.component in plants) for s in stage.output_signals]
    )
