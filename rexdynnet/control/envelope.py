"""What can still be delivered: linear rows that every sold energy must meet together."""

# SciPy and CasADi ship no types: what comes from them is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import casadi as ca
import numpy as np
from scipy.stats import norm

from rexdynnet.control.flows import FlowTree, flow_tree
from rexdynnet.control.prices import priced
from rexdynnet.control.stage import Floats
from rexdynnet.control.trajectory import Trajectory
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import FixedCooling, FixedReturn, Substation
from rexdynnet.physics.devices import BAR_Pa
from rexdynnet.timeline import DeliveryEnvelope, units_from

_LEAST_COOLING_K = 3.0
_SCALES = 60


@dataclass(frozen=True)
class FlowBounds:
    """What the pumps can push through each lead to every substation at once.

    Parameters
    ----------
    limit_kg_per_s : mapping of pipe, pump or valve to float
    beyond : mapping of pipe, pump or valve of the supply line to names
        Substations that it leads to.
    """

    limit_kg_per_s: Mapping[str, float]
    beyond: Mapping[str, frozenset[str]]


def flow_bounds(network: Network) -> FlowBounds:
    """Find what a network's pumps can push; it depends on the network only.

    Parameters
    ----------
    network : Network

    Returns
    -------
    FlowBounds
        The largest multiple of all design flows that leaves every substation its pressure,
        within what each pipe may carry.
    """
    tree = flow_tree(network)
    scale, design = _flow_scale(tree)
    limits = {name: min(scale * flow, _pipe_limit(network, name)) for name, flow in design.items()}
    return FlowBounds(limits, _downstream(tree))


def delivery_envelope(
    trajectory: Trajectory,
    network: Network,
    start_utc: datetime,
    unit_s: float = 3600.0,
    *,
    probability: float = 1.0,
    deviation_W: Mapping[str, float] | None = None,
    bounds: FlowBounds | None = None,
) -> DeliveryEnvelope:
    """Approximate from inside what a network can deliver over the units of a trajectory.

    Parameters
    ----------
    trajectory : Trajectory
        Its commitment, outages and temperatures are taken as they are.
    network : Network
    start_utc : datetime
        Second 0 of the trajectory's clock.
    unit_s : float
        Whole stages.
    probability : float
        With which each row keeps what it promises when demands miss what was sold.
    deviation_W : mapping of substation to float, optional
        Standard deviations of these misses, independent of each other; needed below 1.
    bounds : FlowBounds, optional
        Of the network, kept by whoever asks again and again.

    Returns
    -------
    DeliveryEnvelope
        Per unit: all energies with the losses that they cause within the heat of the
        plants that are not out, for there is time to start one (`capacity`); each pipe's flow
        within what the pumps can push to every substation at once (`<pipe>`); each connection
        (`<substation>`).

    Raises
    ------
    InputError
        A probability outside [0.5, 1], or deviations that are missing or negative.

    Notes
    -----
    Pressure drops grow with every flow. So if all flows at a multiple s of the design flows
    leave every substation its pressure, then so do all flows below these, and the box of
    pipe flows is an inner approximation. Flows are taken as if the reference plant alone
    fed the network; temperatures are those of the trajectory, at their lowest in the unit.
    Tanks are left out: they are for deviations.
    """
    names = priced(network)
    each = max(round(unit_s / trajectory.stage.step_s), 1)
    count = trajectory.plan.horizon // each
    spans = [slice(k * each, (k + 1) * each) for k in range(count)]
    unit_s = each * trajectory.stage.step_s
    quantile = _quantile(probability, deviation_W, names)
    deviation = np.array([(deviation_W or {}).get(name, 0.0) for name in names]) * unit_s
    units = {unit.name: unit for unit in network.substations}
    most_kg_per_s = bounds or flow_bounds(network)
    labels: list[str] = []
    rows: list[Floats] = []
    limits: list[float] = []

    def add(label: str, unit: int, row: Floats, limit: float) -> None:
        full = np.zeros((count, len(names)))
        full[unit] = row
        labels.append(f"{label} {unit}")
        rows.append(full)
        reserve = quantile * float(np.sqrt(np.sum((row * deviation) ** 2)))
        limits.append(max(limit - reserve, 0.0))

    for number, span in enumerate(spans):
        losing, standing = _losses(trajectory, network, names, span)
        available = float(trajectory.available_W[span].min())
        add("capacity", number, losing, (available - standing) * unit_s)
        per_J = {
            name: 1.0 / (network.fluid.specific_heat_J_per_kgK * cooling * unit_s)
            for name, cooling in _coolings(trajectory, units, names, span).items()
        }
        for pipe, beyond in most_kg_per_s.beyond.items():
            row = np.array([per_J[name] if name in beyond else 0.0 for name in names])
            if row.any():
                add(pipe, number, row, most_kg_per_s.limit_kg_per_s[pipe])
        for column, name in enumerate(names):
            row = np.zeros(len(names))
            row[column] = 1.0
            add(name, number, row, units[name].design_heat_W * unit_s)
    first = start_utc + timedelta(seconds=float(trajectory.edges_s[0]))
    return DeliveryEnvelope(
        names,
        tuple(units_from(first, unit_s, count)),
        tuple(labels),
        np.array(rows),
        np.array(limits),
        probability,
    )


def _quantile(
    probability: float, deviation_W: Mapping[str, float] | None, names: tuple[str, ...]
) -> float:
    findings: list[Finding] = []
    if not 0.5 <= probability <= 1.0:
        findings.append(
            Finding(f"the probability is {probability:g}", "give one from 0.5 to 1 (no misses)")
        )
    given = deviation_W or {}
    bad = [name for name in names if not given.get(name, 0.0) >= 0]
    if bad or (probability < 1.0 and deviation_W is None):
        findings.append(
            Finding(
                f"deviations are missing or negative {bad}",
                "give each substation's standard deviation in W, or probability 1",
            )
        )
    if findings:
        raise InputError(*findings)
    return float(norm.ppf(probability)) if probability < 1.0 else 0.0


def _losses(
    trajectory: Trajectory, network: Network, names: tuple[str, ...], span: slice
) -> tuple[Floats, float]:
    """Heat made per heat delivered, and the standing loss at its worst in a unit, W.

    More demand moves water faster, so that less of its heat is lost per kilogram; the
    loss of the trajectory stands, and what a warmer supply would lose comes on top.
    """
    stage = trajectory.stage
    lost = trajectory.output("network.heat_loss")[span]
    hottest = max(plant.maximum_supply_temperature_K for plant in network.plants)
    hot = max(
        float(trajectory.control(f"{plant.name}.supply_temperature")[span].max())
        for plant in network.plants
    )
    ground = trajectory.parameters[span, stage.index(stage.parameters, "ground.temperature")]
    room = max((hottest - float(ground.min())) / max(hot - float(ground.min()), 1.0), 1.0)
    return np.ones(len(names)), float(lost.max()) * room


def _coolings(
    trajectory: Trajectory, units: Mapping[str, Substation], names: tuple[str, ...], span: slice
) -> dict[str, float]:
    """Smallest cooling of each substation's water in a unit, K."""
    found: dict[str, float] = {}
    for name in names:
        law = units[name].return_law
        if isinstance(law, FixedCooling):
            found[name] = law.difference_K
            continue
        arrived = float(trajectory.output(f"{name}.supply_temperature")[span].min())
        if isinstance(law, FixedReturn):
            back = law.temperature_K
        else:
            # at full load an exchanger's primary return lies this far above the secondary's
            warm = units[name].design_heat_W / law.ua_W_per_K
            back = law.secondary_return_K + warm
        found[name] = max(arrived - back, _LEAST_COOLING_K)
    return found


def _downstream(tree: FlowTree) -> dict[str, frozenset[str]]:
    """Substations that each pipe of the supply line leads to."""
    supply: dict[str, set[str]] = {}
    for unit in tree.network.substations:
        supply.setdefault(unit.supply_node, set()).add(unit.name)
    found: dict[str, frozenset[str]] = {}
    lines = {node.name: node.line for node in tree.network.nodes}
    roots = {plant.supply_node for plant in tree.references}
    kind = {lines[root] for root in roots}
    for branch in tree.branches:
        if lines[branch.child] not in kind:
            continue
        beyond = supply.get(branch.child, set())
        found[branch.component.name] = frozenset(beyond)
        supply.setdefault(branch.parent, set()).update(beyond)
    return found


def _design_flows(tree: FlowTree) -> tuple[dict[str, float], dict[str, float]]:
    """Flows of leads and substations when every substation takes its connected capacity."""
    network = tree.network
    cp = network.fluid.specific_heat_J_per_kgK
    hot = max(plant.supply_temperature_K for plant in tree.references)
    into: dict[str, ca.SX] = {}
    drawn: dict[str, float] = {}
    for unit in network.substations:
        law = unit.return_law
        back = law.temperature_K if isinstance(law, FixedReturn) else hot - 30.0
        cooling = law.difference_K if isinstance(law, FixedCooling) else hot - back
        drawn[unit.name] = unit.design_heat_W / (cp * max(cooling, _LEAST_COOLING_K))
        into[unit.supply_node] = into.get(unit.supply_node, ca.SX(0.0)) - drawn[unit.name]
        into[unit.return_node] = into.get(unit.return_node, ca.SX(0.0)) + drawn[unit.name]
    leads, _ = tree.flows(into, {chord.name: ca.SX(0.0) for chord in tree.chords})
    return {name: float(value) for name, value in leads.items()}, drawn


def _flow_scale(tree: FlowTree) -> tuple[float, dict[str, float]]:
    """Largest multiple of all design flows that leaves every substation its pressure."""
    network = tree.network
    leads, drawn = _design_flows(tree)
    lifts = {p.name: ca.SX(p.maximum_differential_pressure_Pa) for p in tree.references}
    settings = {f"{pump.name}.speed": ca.SX(1.0) for pump in network.pumps}
    scale = ca.SX.sym("scale")
    pressure = tree.pressures(lifts, {name: scale * leads[name] for name in leads}, settings)
    spare = [
        pressure[unit.supply_node]
        - pressure[unit.return_node]
        - ca.fmax(
            unit.minimum_differential_pressure_Pa,
            BAR_Pa * (scale * drawn[unit.name] / unit.valve_kv_kg_per_s) ** 2,
        )
        for unit in network.substations
    ]
    least = ca.Function("least", [scale], [ca.mmin(ca.vertcat(*spare))])

    def fits(scale: float) -> bool:
        return float(least(scale)) >= 0.0

    low, high = 0.0, 8.0
    for _ in range(_SCALES):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low, {name: abs(value) for name, value in leads.items()}


def _pipe_limit(network: Network, name: str) -> float:
    limits = {pipe.name: pipe.maximum_flow_kg_per_s for pipe in network.pipes}
    return limits.get(name, float("inf"))
