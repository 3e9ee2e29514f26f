"""Which plants run when: a small mixed-integer programme over the horizon."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from rexdynnet.errors import Finding, InputError, SolverError

Floats: TypeAlias = NDArray[np.float64]

_MWH_J = 3.6e9
_NODES = 20_000
_IDLE_EUR_per_h = 1e-3
_SOLVED, _LIMIT = 0, 1


@dataclass(frozen=True)
class Candidate:
    """A plant that may be committed.

    Parameters
    ----------
    name : str
    capacity_W : ndarray, shape (K,)
        What it could give in each stage; 0 during an outage.
    minimum_load_W : float
        While it runs; a smaller capacity lowers it.
    cost_EUR_per_MWh : ndarray, shape (K,)
        Per heat.
    start_cost_EUR : float
    running : bool
        Just before the first stage.
    must_run : bool
        It balances its island and runs whenever it is available.
    """

    name: str
    capacity_W: Floats
    minimum_load_W: float
    cost_EUR_per_MWh: Floats
    start_cost_EUR: float = 0.0
    running: bool = False
    must_run: bool = False


@dataclass(frozen=True)
class HeatStore:
    """All tanks of an island as one store of energy.

    Parameters
    ----------
    capacity_J, level_J : float
    charge_W, discharge_W : ndarray, shape (K,)
        Limits in each stage.
    loss_per_s : float
        Share of the level that is lost in a second.
    value_EUR_per_MWh : float
        Of what is left at the end.
    """

    capacity_J: float
    level_J: float
    charge_W: Floats
    discharge_W: Floats
    loss_per_s: float = 0.0
    value_EUR_per_MWh: float = 0.0


@dataclass(frozen=True)
class Commitment:
    """Result of `commit`.

    Parameters
    ----------
    names : tuple of str, length n
    on : ndarray of bool, shape (K, n)
    heat_W : ndarray, shape (K, n)
        A rough dispatch without the network's dynamics.
    started : ndarray of bool, shape (K, n)
    start_cost_EUR : ndarray, shape (K,)
    unserved_W, reserve_short_W : ndarray, shape (K,)
    store_W : ndarray, shape (K,)
        Into the store; negative while it gives.
    cost_EUR : float
        Objective, with shortages at their prices.
    gap : float
        Relative optimality gap that is left.
    """

    names: tuple[str, ...]
    on: NDArray[np.bool_]
    heat_W: Floats
    started: NDArray[np.bool_]
    start_cost_EUR: Floats
    unserved_W: Floats
    reserve_short_W: Floats
    store_W: Floats
    cost_EUR: float
    gap: float

    def of(self, name: str) -> NDArray[np.bool_]:
        """Whether a plant runs, shape (K,)."""
        return self.on[:, self.names.index(name)]

    def at(self, stages: NDArray[np.intp]) -> Commitment:
        """The same decisions at other stages, shape (m,) of old stage numbers."""
        by_stage = ("on", "heat_W", "started", "start_cost_EUR")
        by_stage += ("unserved_W", "reserve_short_W", "store_W")
        return replace(self, **{name: getattr(self, name)[stages] for name in by_stage})


def commit(
    candidates: tuple[Candidate, ...],
    demand_W: Floats,
    step_s: float,
    *,
    margin: float = 0.0,
    store: HeatStore | None = None,
    lost_load_EUR_per_MWh: float = 3000.0,
    reserve_EUR_per_MWh: float = 300.0,
) -> Commitment:
    """Choose the plants on line at least cost.

    Parameters
    ----------
    candidates : tuple of Candidate
    demand_W : ndarray, shape (K,)
        Heat and losses.
    step_s : float
    margin : float
        Capacity on line is at least (1 + margin) times the demand; short of it costs
        `reserve_EUR_per_MWh`.
    store : HeatStore or None
    lost_load_EUR_per_MWh, reserve_EUR_per_MWh : float

    Returns
    -------
    Commitment

    Raises
    ------
    InputError
        A negative margin or price, or arrays that do not fit.
    SolverError
        HiGHS found no plan within its budget of nodes.

    Notes
    -----
    Three-binary formulation without minimum up times: Morales-España, Latorre and Ramos,
    IEEE Trans. Power Syst. 28 (2013) 4897.

    Examples
    --------
    >>> one = np.ones(2)
    >>> boiler = Candidate("boiler", 100e3 * one, 20e3, 60 * one, must_run=True)
    >>> pump = Candidate("pump", 50e3 * one, 10e3, 30 * one, start_cost_EUR=1.0)
    >>> commit((boiler, pump), np.array([25e3, 90e3]), 3600.0).on.tolist()
    [[True, False], [True, True]]
    """
    _check(candidates, demand_W, step_s, margin, (lost_load_EUR_per_MWh, reserve_EUR_per_MWh))
    K, n = len(demand_W), len(candidates)
    # MW and MWh keep the programme well scaled
    hours = step_s / 3600.0
    capacity = np.array([c.capacity_W for c in candidates]).T.reshape(K, n) / 1e6
    least = np.minimum(np.array([c.minimum_load_W for c in candidates]) / 1e6, capacity)
    price = np.array([c.cost_EUR_per_MWh for c in candidates]).T.reshape(K, n)
    demand = demand_W / 1e6
    layout = _Layout(K, n)
    cost, low, high = np.zeros(layout.size), np.zeros(layout.size), np.full(layout.size, np.inf)
    binary = np.zeros(layout.size)
    for i, candidate in enumerate(candidates):
        on, heat = layout.on[:, i], layout.heat[:, i]
        cost[heat] = price[:, i] * hours
        cost[layout.start[:, i]] = candidate.start_cost_EUR
        # a plant that would give nothing stays off
        cost[on] = _IDLE_EUR_per_h * hours
        available = (capacity[:, i] > 0).astype(float)
        high[on], binary[on] = available, 1
        high[layout.start[:, i]] = 1.0
        if candidate.must_run:
            low[on] = available
    cost[layout.unserved] = lost_load_EUR_per_MWh * hours
    # a must-run plant whose least load is too much: the surplus is worth nothing
    cost[layout.surplus] = 0.1 * lost_load_EUR_per_MWh * hours
    cost[layout.short] = reserve_EUR_per_MWh * hours
    kept = 1.0
    for name in ("charge", "discharge", "level"):
        high[getattr(layout, name)] = 0.0
    if store is not None:
        kept = 1.0 - min(store.loss_per_s * step_s, 1.0)
        high[layout.charge] = store.charge_W / 1e6
        high[layout.discharge] = store.discharge_W / 1e6
        high[layout.level] = store.capacity_J / _MWH_J
        cost[layout.level[-1]] = -store.value_EUR_per_MWh
    rows = _Rows(layout.size)
    first = 0.0 if store is None else store.level_J / _MWH_J
    for k in range(K):
        served = {layout.heat[k, i]: 1.0 for i in range(n)}
        served |= {layout.discharge[k]: 1.0, layout.charge[k]: -1.0}
        served |= {layout.unserved[k]: 1.0, layout.surplus[k]: -1.0}
        rows.add(served, demand[k], demand[k])
        ready = {layout.on[k, i]: capacity[k, i] for i in range(n)}
        rows.add(ready | {layout.short[k]: 1.0}, (1 + margin) * demand[k], np.inf)
        level = {layout.level[k]: 1.0, layout.charge[k]: -hours, layout.discharge[k]: hours}
        if k:
            level[layout.level[k - 1]] = -kept
        known = 0.0 if k else kept * first
        rows.add(level, known, known)
        for i, candidate in enumerate(candidates):
            on, heat = layout.on[k, i], layout.heat[k, i]
            rows.add({heat: 1.0, on: -capacity[k, i]}, -np.inf, 0.0)
            rows.add({heat: 1.0, on: -least[k, i]}, 0.0, np.inf)
            begin = {layout.start[k, i]: 1.0, on: -1.0}
            if k:
                begin[layout.on[k - 1, i]] = 1.0
            rows.add(begin, 0.0 if k else -float(candidate.running), np.inf)
    # SciPy's own annotations of Bounds know scalars only
    bounds: Any = Bounds(cast(Any, low), cast(Any, high))
    found = milp(
        cost,
        integrality=binary,
        bounds=bounds,
        constraints=rows.constraint(),
        options={"node_limit": _NODES, "mip_rel_gap": 1e-6},
    )
    if found.x is None or found.status not in (_SOLVED, _LIMIT):
        raise SolverError(
            f"unit commitment failed: {found.message}",
            "shorten the horizon or lengthen its step",
        )
    return _read(found.x, float(found.fun), float(found.mip_gap or 0.0), candidates, layout)


class _Layout:
    """Where each variable stands."""

    def __init__(self, stages: int, plants: int) -> None:
        size = stages * plants
        self.on = np.arange(size).reshape(stages, plants)
        self.start, self.heat = self.on + size, self.on + 2 * size
        after = 3 * size + np.arange(6 * stages).reshape(6, stages)
        self.charge, self.discharge, self.level, self.unserved, self.surplus, self.short = after
        self.size = 3 * size + 6 * stages


class _Rows:
    """Linear rows, gathered one by one."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.entries: list[tuple[int, int, float]] = []
        self.bounds: list[tuple[float, float]] = []

    def add(self, row: dict[int, float], lower: float, upper: float) -> None:
        number = len(self.bounds)
        self.entries += [(number, int(column), value) for column, value in row.items()]
        self.bounds.append((lower, upper))

    def constraint(self) -> LinearConstraint:
        row, column, value = zip(*self.entries, strict=True)
        shape = (len(self.bounds), self.columns)
        lower, upper = np.array(self.bounds).T
        return LinearConstraint(sparse.csr_matrix((value, (row, column)), shape), lower, upper)


def _read(
    x: Floats, objective: float, gap: float, candidates: tuple[Candidate, ...], layout: _Layout
) -> Commitment:
    on = x[layout.on] > 0.5
    before = np.vstack([[c.running for c in candidates], on[:-1]]).astype(bool)
    started = on & ~before
    costs = np.array([c.start_cost_EUR for c in candidates])
    return Commitment(
        tuple(c.name for c in candidates),
        on,
        x[layout.heat] * 1e6,
        started,
        started.astype(float) @ costs,
        x[layout.unserved] * 1e6,
        x[layout.short] * 1e6,
        (x[layout.charge] - x[layout.discharge]) * 1e6,
        objective,
        gap,
    )


def _check(
    candidates: tuple[Candidate, ...],
    demand_W: Floats,
    step_s: float,
    margin: float,
    prices: tuple[float, float],
) -> None:
    findings: list[Finding] = []
    count = len(demand_W)
    if not (step_s > 0 and count):
        findings.append(Finding("the horizon is empty", "give at least one stage of some seconds"))
    if not candidates:
        findings.append(Finding("no plant can be committed", "add a plant to the network"))
    if not np.all(np.isfinite(demand_W)) or np.any(demand_W < 0):
        findings.append(Finding("a demand is negative or NaN", "give each stage its heat in W"))
    if not (margin >= 0 and min(prices) >= 0):
        findings.append(
            Finding(
                f"margin {margin:g} or prices {prices} are negative",
                "give a margin and prices from 0 up",
            )
        )
    for c in candidates:
        if len(c.capacity_W) != count or len(c.cost_EUR_per_MWh) != count:
            findings.append(
                Finding(
                    f"capacity or cost of {c.name} does not have {count} stages",
                    "give one value per stage",
                    component=c.name,
                )
            )
    if findings:
        raise InputError(*findings)
