"""Checks of a closed-loop run before its first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.network.spec import Line
from rexdynnet.study.run_settings import FaultKind, RunSettings
from rexdynnet.study.run_world import World
from rexdynnet.timeline import Schedule
from rexdynnet.units import format_duration

_STANDING_KG_PER_S = 1e-4


def longest_delay_s(network: Network, pipe_flows_kg_per_s: NDArray[np.float64]) -> float:
    """Longest time that water takes from a plant to a substation on the supply line.

    Parameters
    ----------
    network : Network
    pipe_flows_kg_per_s : ndarray, shape (n_pipes,)
        Signed, in the network's order; pipes in which water stands are left out.

    Returns
    -------
    float
        Seconds; 0 where nothing flows.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    density = network.fluid.density_kg_per_m3
    for pipe, flow in zip(network.pipes, pipe_flows_kg_per_s, strict=True):
        if pipe.line is not Line.SUPPLY or abs(flow) < _STANDING_KG_PER_S:
            continue
        ends = (pipe.from_node, pipe.to_node) if flow > 0 else (pipe.to_node, pipe.from_node)
        delay = pipe.volume_m3 * density / abs(float(flow))
        known = graph.get_edge_data(*ends, default={"weight": 0.0})
        graph.add_edge(*ends, weight=max(delay, known["weight"]))
    if not nx.is_directed_acyclic_graph(graph):
        return 0.0
    return float(nx.dag_longest_path_length(graph, weight="weight")) if graph else 0.0


def warnings_of(
    network: Network,
    settings: RunSettings,
    pipe_flows_kg_per_s: NDArray[np.float64],
    schedule: Schedule | None = None,
) -> tuple[Finding, ...]:
    """What is allowed and still unwise.

    Parameters
    ----------
    network : Network
    settings : RunSettings
    pipe_flows_kg_per_s : ndarray, shape (n_pipes,)
        At the start of the run.
    schedule : Schedule or None

    Returns
    -------
    tuple of Finding
        A horizon shorter than the longest transport delay: what the controller decides
        then never arrives within its sight. Weights, or plants' commitments, that the
        kind of controller does not look at.
    """
    return (
        *_unheeded(network, settings, schedule),
        *_short(network, settings, pipe_flows_kg_per_s),
    )


def _unheeded(network: Network, settings: RunSettings, schedule: Schedule | None) -> list[Finding]:
    kind, found = settings.control.kind, list[Finding]()
    if kind is ControllerKind.MPC:
        return found
    name = kind.name.lower()
    if settings.control.weights:
        found.append(
            Finding(
                f"the {name} controller has no weights; {', '.join(settings.control.weights)} "
                "mean nothing to it",
                'remove them, or use kind = "mpc"',
                field="control.weights",
            )
        )
    plants = {plant.name for plant in network.plants}
    fed = [one for one in schedule.participants if one in plants] if schedule else []
    if fed:
        found.append(
            Finding(
                f"the {name} controller does not follow what {', '.join(fed)} committed",
                'use kind = "mpc", or commit substations only',
                field="schedule",
            )
        )
    return found


def _short(
    network: Network, settings: RunSettings, pipe_flows_kg_per_s: NDArray[np.float64]
) -> tuple[Finding, ...]:
    if settings.control.kind is ControllerKind.BASELINE:
        return ()
    delay_s, horizon_s = longest_delay_s(network, pipe_flows_kg_per_s), settings.control.horizon_s
    if delay_s <= horizon_s:
        return ()
    return (
        Finding(
            f"the horizon of {format_duration(horizon_s)} is shorter than the longest transport "
            f"delay, {format_duration(round(delay_s))} at the flows of the start",
            "give a horizon of the delay and some hours more",
            field="control.horizon",
        ),
    )


def check_faults(world: World, sensors: Sequence[str], source: Path | None) -> None:
    """Check that faults concern what is there, with values that can be.

    Parameters
    ----------
    world : World
    sensors : sequence of str
        What can be measured.
    source : Path or None
        The scenario's file.

    Raises
    ------
    InputError
        With every finding.
    """
    signals = {
        s.name: s
        for s in (
            *world.plant.disturbances,
            *world.plant.parameters,
            *world.plant.controls,
        )
    }
    findings: list[Finding] = []
    for fault in world.faults:
        place: Mapping[str, Any] = {"file": source, "field": "faults"}
        known = signals if fault.kind is FaultKind.SIGNAL else sensors
        if fault.name not in known:
            findings.append(
                Finding(
                    f"{fault.name!r} is no {fault.kind.name.lower()}",
                    nearest(fault.name, known),
                    **place,
                )
            )
        elif fault.kind is FaultKind.SIGNAL:
            signal = signals[fault.name]
            if not signal.lower <= fault.value <= signal.upper:
                findings.append(
                    Finding(
                        f"the fault sets {fault.name} to {fault.value:g}",
                        f"give a value from {signal.lower:g} to {signal.upper:g}",
                        **place,
                    )
                )
    if findings:
        raise InputError(*findings)
