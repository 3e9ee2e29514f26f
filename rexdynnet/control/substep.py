"""One implicit Euler substep of a network's control model, and the means over several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import casadi as ca

from rexdynnet.control.draws import Draws, draw, positive
from rexdynnet.control.flows import FlowTree, SMALL_FLOW_kg_per_s
from rexdynnet.control.line_heat import Feed, Surroundings, step_heat
from rexdynnet.control.stage_options import StageOptions

By = Mapping[str, ca.SX]


@dataclass(frozen=True)
class Account:
    """Means over a substep, by component, and the return temperatures at its end.

    Parameters
    ----------
    leads, flow : dict of name to SX scalar
        kg/s through pipes, pumps and valves, and through what stands between the lines.
    heat : dict of name to SX scalar
        W given by plants and tanks (discharging), taken by substations and dumps.
    demanded : dict of substation name to SX scalar
    lost_W : SX scalar
        By pipes and tanks.
    nodes : dict of node to SX scalar
        Temperatures at the end.
    """

    leads: dict[str, ca.SX]
    flow: dict[str, ca.SX]
    heat: dict[str, ca.SX]
    demanded: dict[str, ca.SX]
    lost_W: ca.SX
    nodes: dict[str, ca.SX]


def advance_substep(
    tree: FlowTree, options: StageOptions, step_s: float, old: By, u: By, p: By
) -> tuple[dict[str, ca.SX], Account]:
    """Advance all temperatures by one implicit Euler step.

    Parameters
    ----------
    tree : FlowTree
    options : StageOptions
    step_s : float
    old, u, p : mapping of signal name to SX scalar

    Returns
    -------
    new : dict of state name to SX scalar
    account : Account
    """
    network = tree.network
    cp = network.fluid.specific_heat_J_per_kgK
    draws = draw(tree, options, old, u, p)
    flow = dict(draws.flow)
    leads, references = tree.flows(_into(tree, flow), _chord_flows(tree, u))
    flow.update(references)
    forward, backward = _split(tree, leads)
    given, taken = _plant_flows(tree, flow)
    charging = {t.name: positive(flow[t.name], SMALL_FLOW_kg_per_s) for t in network.tanks}
    discharging = {name: charge - flow[name] for name, charge in charging.items()}
    step = step_heat(
        tree,
        options,
        Surroundings(
            step_s,
            old,
            forward,
            backward,
            _feeds(tree, draws, given, taken, u),
            p["ground.temperature"],
            p["outdoor.temperature"],
            p["network.loss_factor"],
            charging,
            discharging,
        ),
    )
    heat = dict(draws.heat)
    for plant in network.plants:
        offset = p[f"{plant.name}.return_temperature_offset"]
        lift = u[f"{plant.name}.supply_temperature"] - step.nodes[plant.return_node] - offset
        heat[plant.name] = cp * given[plant.name] * lift
    for tank in network.tanks:
        top = step.states[f"{tank.name}.temperature_0"]
        bottom = step.states[f"{tank.name}.temperature_{min(tank.layers, options.tank_layers) - 1}"]
        heat[tank.name] = cp * (
            discharging[tank.name] * (top - step.nodes[tank.return_node])
            - charging[tank.name] * (step.nodes[tank.supply_node] - bottom)
        )
    new = {**old, **step.states}
    return new, Account(leads, flow, heat, draws.demanded, step.lost_W, step.nodes)


def mean_account(accounts: Sequence[Account]) -> Account:
    """Means over equal substeps; node temperatures of the last."""
    share = 1.0 / len(accounts)

    def mean(parts: Sequence[dict[str, ca.SX]]) -> dict[str, ca.SX]:
        total = dict(parts[0])
        for part in parts[1:]:
            total = {name: total[name] + value for name, value in part.items()}
        return {name: value * share for name, value in total.items()}

    lost = ca.SX(0.0)
    for account in accounts:
        lost = lost + account.lost_W * share
    return Account(
        mean([account.leads for account in accounts]),
        mean([account.flow for account in accounts]),
        mean([account.heat for account in accounts]),
        mean([account.demanded for account in accounts]),
        lost,
        accounts[-1].nodes,
    )


def _into(tree: FlowTree, flow: By) -> dict[str, ca.SX]:
    """What components between the lines bring into each node."""
    network, into = tree.network, dict[str, ca.SX]()

    def bring(node: str, amount: ca.SX) -> None:
        into[node] = into.get(node, ca.SX(0.0)) + amount

    for unit in (*network.substations, *network.dumps, *network.bypasses, *network.tanks):
        bring(unit.supply_node, -flow[unit.name])
        bring(unit.return_node, flow[unit.name])
    for plant in network.plants:
        if plant not in tree.references:
            bring(plant.supply_node, flow[plant.name])
            bring(plant.return_node, -flow[plant.name])
    return into


def _chord_flows(tree: FlowTree, u: By) -> dict[str, ca.SX]:
    return {chord.name: u[f"{chord.name}.mass_flow"] for chord in tree.chords}


def _split(tree: FlowTree, leads: By) -> tuple[dict[str, ca.SX], dict[str, ca.SX]]:
    forward: dict[str, ca.SX] = {}
    backward: dict[str, ca.SX] = {}
    for name, m in leads.items():
        sign = tree.direction[name]
        ahead = m if sign > 0 else ca.SX(0.0) if sign < 0 else positive(m, SMALL_FLOW_kg_per_s)
        forward[name] = ahead
        backward[name] = ca.SX(0.0) if sign > 0 else -m if sign < 0 else ahead - m
    return forward, backward


def _plant_flows(tree: FlowTree, flow: By) -> tuple[dict[str, ca.SX], dict[str, ca.SX]]:
    """Flow that each plant heats, and what surplus runs back through a reference plant."""
    given: dict[str, ca.SX] = {}
    taken: dict[str, ca.SX] = {}
    for plant in tree.network.plants:
        m = flow[plant.name]
        given[plant.name] = m
        if plant.name in tree.balances_surplus:
            given[plant.name] = positive(m, SMALL_FLOW_kg_per_s)
            taken[plant.name] = given[plant.name] - m
    return given, taken


def _feeds(tree: FlowTree, draws: Draws, given: By, taken: By, u: By) -> list[Feed]:
    """What plants, substations, dumps and bypasses bring into the nodes."""
    network = tree.network
    cp = network.fluid.specific_heat_J_per_kgK
    feeds: list[Feed] = []
    for plant in network.plants:
        m = given[plant.name]
        feeds.append(Feed(plant.supply_node, m, None, m * u[f"{plant.name}.supply_temperature"]))
        if plant.name in taken:
            back = taken[plant.name]
            feeds.append(Feed(plant.return_node, back, plant.supply_node, ca.SX(0.0)))
    for unit in (*network.substations, *network.dumps, *network.bypasses):
        cooled = -draws.heat[unit.name] / cp
        feeds.append(Feed(unit.return_node, draws.flow[unit.name], unit.supply_node, cooled))
    return feeds
