"""Temperature at a node before a step: a cell next to it, a set-point, or a state of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import casadi as ca

from rexdynnet.control.flows import FlowTree
from rexdynnet.network.spec import PlantControl

if TYPE_CHECKING:
    from rexdynnet.control.stage_options import StageOptions


def kept_nodes(tree: FlowTree) -> tuple[str, ...]:
    """Nodes whose temperature is a state: where several flows meet and someone draws.

    Parameters
    ----------
    tree : FlowTree
    """
    network, single = tree.network, tree.only_inflows
    asked = [unit.supply_node for unit in (*network.substations, *network.dumps, *network.bypasses)]
    asked += [p.return_node for p in network.plants if p.control is PlantControl.HEAT]
    asked += [tank.return_node for tank in network.tanks]
    wanted = set(asked) - set(single)
    return tuple(node.name for node in network.nodes if node.name in wanted)


def arrival(
    tree: FlowTree,
    node: str,
    old: Mapping[str, ca.SX],
    controls: Mapping[str, ca.SX],
    options: StageOptions,
) -> ca.SX:
    """Temperature at a node at the start of a substep.

    Parameters
    ----------
    tree : FlowTree
    node : str
    old, controls : mapping of signal name to SX scalar
    options : StageOptions
    """
    source = tree.only_inflows.get(node)
    if source is None:
        return old[f"{node}.temperature"]
    if isinstance(source, str):
        return controls[f"{source}.supply_temperature"]
    last = options.cells_of(source) - 1 if source.to_node == node else 0
    return old[f"{source.name}.temperature_{last}"]
