"""Nodal prices: what one more unit of heat would cost, from the trajectory's multipliers."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import casadi as ca
import numpy as np

from rexdynnet.control.evaluator import Evaluator
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
# Of the value of lost load: a plan leaves heat unserved before it pays more.
_DEAREST = 2.0


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
    sweep = adjoint or AdjointSweep(stage)
    of_rows = plan.row_multipliers
    scarce = np.array([row.quantity in _SCARCE for row in stage.rows], dtype=float)
    terms = np.array([float(term in _ENERGY_TERMS) for term in stage.cost_terms])
    unserved = np.array([float(term in _SCARCITY_TERMS) for term in stage.cost_terms])
    rewarded = Lane(weights=terms, end=1.0)
    pumped = Lane(weights=1.0 - terms - unserved)
    congested = Lane(rows=of_rows * (1.0 - scarce), bounds=1.0)
    short = Lane(weights=unserved, rows=of_rows * scarce)
    own = Lane(np.ones_like(terms), of_rows, end=1.0, onto=plan.dynamics_multipliers)
    lanes = (rewarded, pumped, congested, short, own, _heat_lane(trajectory, network))
    slopes = sweep.slopes(trajectory, lanes)[:, :, columns]
    response = slopes[5]
    fuel, pumping, congestion, scarcity, direct = slopes[:5] * (_MWH_J / stage.step_s)
    served = 1.0 - np.column_stack(
        [trajectory.control(f"{name}.curtailed_share") for name in priced(network)]
    )
    firm = np.abs(response) > _LEAST_RESPONSE
    unit = np.divide(fuel, response, out=np.zeros_like(fuel), where=firm)
    energy = np.where(firm, unit * served, fuel)
    loss = fuel - energy + pumping
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
        and the adjoints disagree, where a substation's demand is not served at all, or where a
        price is more than twice the value of lost load in either direction: no heat is worth it.
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
    column = stage.index(stage.parameters, "network.lost_load_price")
    lost_load = trajectory.parameters[: len(prices.total), column, None]
    sound &= np.abs(prices.total) <= _DEAREST * np.maximum(lost_load, 0.0)
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


@dataclass(frozen=True)
class Lane:
    """One adjoint of the trajectory: what is summed up along it.

    Parameters
    ----------
    weights : ndarray, shape (n_terms,), optional
        On the cost terms; left out: 0.
    rows : ndarray, shape (K, n_g), optional
        Multipliers of the rows.
    outputs : ndarray, shape (K, n_y), optional
        Weights on outputs.
    end : float
        Weight of the terminal cost.
    bounds : float
        Weight of the multipliers of bounds on states.
    onto : ndarray, shape (K, n_x), optional
        Slopes by the next state that hold instead of those that are carried back.
    """

    weights: Floats | None = None
    rows: Floats | None = None
    outputs: Floats | None = None
    end: float = 0.0
    bounds: float = 0.0
    onto: Floats | None = None


class AdjointSweep:
    """Adjoint sweeps of a stage for chosen cost terms and rows, some of them abreast.

    Parameters
    ----------
    stage : StageModel
    lanes : int
        How many go abreast.
    """

    def __init__(self, stage: StageModel, lanes: int = 6) -> None:
        self.stage, self.lanes = stage, lanes
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
        one = ca.Function("sweep", [x, u, p, onto, of_rows, weights, of_outputs], slopes)
        self._sweep = Evaluator(one.map("sweeps", "serial", lanes, [0, 1, 2], []), lanes)
        end = stage.terminal(x, p)
        by_end = [ca.densify(ca.gradient(end, v)) for v in (x, p)]
        self._end = Evaluator(ca.Function("end", [x, p], by_end), 1)

    def slopes(self, trajectory: Trajectory, lanes: Sequence[Lane]) -> Floats:
        """Slopes with respect to p under fixed controls.

        Parameters
        ----------
        trajectory : Trajectory
        lanes : sequence of Lane
            At most as many as go abreast.

        Returns
        -------
        ndarray, shape (number of lanes, K, n_p)
        """
        stage, plan, count = self.stage, trajectory.plan, len(lanes)
        K, n_x, n_p = plan.horizon, len(stage.states), len(stage.parameters)
        weights = np.zeros((self.lanes, len(stage.cost_terms)))
        rows = np.zeros((K, self.lanes, len(stage.rows)))
        outputs = np.zeros((K, self.lanes, len(stage.output_signals)))
        for place, lane in enumerate(lanes):
            weights[place] = 0.0 if lane.weights is None else lane.weights
            rows[:, place] = 0.0 if lane.rows is None else lane.rows
            outputs[:, place] = 0.0 if lane.outputs is None else lane.outputs
        end = np.array([lane.end for lane in lanes])[:, None]
        bounds = np.array([lane.bounds for lane in lanes])[:, None]
        by_x, by_p = self._end(plan.states[-1], trajectory.parameters[-1])
        onto = np.zeros((self.lanes, n_x))
        onto[:count] = end * by_x.ravel() + bounds * plan.state_multipliers[-1]
        found = np.empty((count, K, n_p))
        last = end * by_p.ravel()
        for k in range(K - 1, -1, -1):
            for place, lane in enumerate(lanes):
                if lane.onto is not None:
                    onto[place] = lane.onto[k]
            slopes = self._sweep(
                plan.states[k],
                plan.controls[k],
                trajectory.parameters[k],
                onto,
                rows[k],
                weights,
                outputs[k],
            )
            found[:, k] = slopes[1][:count]
            onto[:count] = slopes[0][:count]
            if k:
                onto[:count] += bounds * plan.state_multipliers[k - 1]
        found[:, -1] += last
        return found


def _heat_lane(trajectory: Trajectory, network: Network) -> Lane:
    """How much more heat plants give, or stores keep less."""
    stage = trajectory.stage
    plants = {plant.name for plant in network.plants}
    heats = [float(s.quantity == "heat" and s.component in plants) for s in stage.output_signals]
    outputs = np.tile(np.array(heats), (trajectory.plan.horizon, 1))
    stored = stage.index(stage.output_signals, "network.stored_heat")
    outputs[-1, stored] = -1.0 / stage.step_s
    return Lane(outputs=outputs)
