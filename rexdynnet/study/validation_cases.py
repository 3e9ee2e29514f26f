"""Measured cases to predict: a folder with `case.toml` and `series.csv` becomes a network.

A case of kind `pipe` is one pipe whose outlet temperature was measured; a case
of kind `network` is a supply line with one inlet and several outlets. Inlet
temperature, flows and ambient temperature are given and drive the model; the
outlet temperatures are what it has to predict. Nothing is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from pathlib import Path

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.graph import Network
from rexdynnet.network.insulation import Layers, loss_in_air
from rexdynnet.network.spec import (
    FixedReturn,
    Fluid,
    Ground,
    Line,
    Node,
    Pipe,
    PipeWall,
    Plant,
    PlantControl,
    PlantKind,
    PressureHolding,
    Provenance,
    Substation,
    SubstationControl,
)
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.study.case_files import (
    CASE_FILE,
    SERIES_FILE,
    CaseFiles,
    PipeRecord,
    read_case_files,
)

Floats = NDArray[np.float64]

SOURCE = "the_inlet"
RETURN = "the_return"

# Sensors sit in the pipe itself, so a node must not delay what passes it.
_POINT_m3 = 1e-6
_COLD_K = 274.15
_PUMP_Pa = 20e5
_PRESSURE_Pa = 3e5
_UNLIMITED_W = 1e9
_ROUND_OFF = 1e-9
_FASTEST_m_per_s = 20.0


@dataclass(frozen=True)
class Sensor:
    """A measured temperature that the model has to predict.

    Parameters
    ----------
    name : str
        Name of the outlet.
    node : str
        Where it sits in the network.
    measured_K : (n,) array
        At the times of the case's forcing.
    reference_K : float or None
        Published RMSE of another model, for comparison.
    """

    name: str
    node: str
    measured_K: Floats
    reference_K: float | None


@dataclass(frozen=True)
class Case:
    """One measured case, ready to run.

    Parameters
    ----------
    name : str
        Name of its folder.
    title : str
    network : Network
        A plant feeds the inlet, a flow-controlled substation draws at every outlet;
        what they draw returns over one common node, without a return line.
    forcing : Forcing
        All columns linear between rows.
    initial_K : mapping of node to K, or None
        None: start in the steady state of the first row.
    sensors : tuple of Sensor
    skip_s : float
        How much of the beginning is not scored.
    """

    name: str
    title: str
    network: Network
    forcing: Forcing
    initial_K: Mapping[str, float] | None
    sensors: tuple[Sensor, ...]
    skip_s: float


def find_cases(data_dir: Path) -> tuple[Path, ...]:
    """Folders below (or equal to) a directory that hold a `case.toml`, by name.

    Parameters
    ----------
    data_dir : Path

    Returns
    -------
    tuple of Path
    """
    if (data_dir / CASE_FILE).is_file():
        return (data_dir,)
    return tuple(sorted(path.parent for path in data_dir.glob(f"*/{CASE_FILE}")))


def read_case(folder: Path) -> Case:
    """Read a measured case.

    Parameters
    ----------
    folder : Path
        Holds `case.toml` and `series.csv`.

    Returns
    -------
    Case

    Raises
    ------
    InputError
        A field or column is missing, unknown, not a number or impossible; every
        finding names the file and, where it has one, the row.
    """
    files = read_case_files(folder)
    findings = _check_layout(files)
    draws = _draws(files, findings)
    if findings:
        raise InputError(*findings)
    name = folder.resolve().name
    nodes = [Node(node, Line.SUPPLY, volume_m3=_POINT_m3) for node in _node_names(files)]
    nodes.append(Node(RETURN, Line.RETURN, volume_m3=_POINT_m3))
    network = Network(
        name=name,
        nodes=tuple(nodes),
        pipes=tuple(_pipe(record) for record in files.pipes),
        substations=tuple(_draw(node, flow) for node, flow in draws.items()),
        plants=(
            Plant(
                name=SOURCE,
                supply_node=files.inlet.node,
                return_node=RETURN,
                kind=PlantKind.BOILER,
                control=PlantControl.PRESSURE,
                capacity_W=_UNLIMITED_W,
                maximum_supply_temperature_K=_UNLIMITED_W,
                differential_pressure_Pa=_PUMP_Pa,
                maximum_differential_pressure_Pa=_PUMP_Pa,
            ),
        ),
        holdings=(PressureHolding(RETURN, _PRESSURE_Pa),),
        fluid=Fluid(**files.fluid.model_dump()),
        ground=Ground(temperature_K=float(files.ambient_K[0])),
        provenance=Provenance(files.title, files.source, files.licence),
    )
    initial = files.initial
    return Case(
        name=name,
        title=files.title,
        network=network,
        forcing=_forcing(files, draws),
        initial_K=None
        if initial is None
        else {files.inlet.node: initial.T_in_K, "outlet": initial.T_out_K, RETURN: _COLD_K},
        sensors=tuple(
            Sensor(
                outlet.node,
                outlet.node,
                files.columns[outlet.T_column],
                _reference(files, outlet.node),
            )
            for outlet in files.outlets
            if outlet.T_column is not None
        ),
        skip_s=files.score.skip_first_s,
    )


def draw_name(node: str) -> str:
    """Name of the substation that draws at an outlet."""
    return f"draw_at_{node}"


def _node_names(files: CaseFiles) -> tuple[str, ...]:
    names = [files.inlet.node]
    for pipe in files.pipes:
        names += [pipe.from_node, pipe.to_node]
    return tuple(dict.fromkeys(names))


def _check_layout(files: CaseFiles) -> list[Finding]:
    file = files.folder / CASE_FILE
    names = _node_names(files)
    graph = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from((pipe.from_node, pipe.to_node) for pipe in files.pipes)
    reached = nx.node_connected_component(graph, files.inlet.node)
    findings: list[Finding] = []
    taking = [outlet.node for outlet in files.outlets]
    if files.balance is not None:
        taking.append(files.balance.node)
    for node in taking:
        if node not in names:
            what, remedy = f"no pipe ends at node {node}", nearest(node, names)
        elif node not in reached:
            what, remedy = f"no way leads from the inlet to node {node}", "add the missing pipe"
        else:
            continue
        findings.append(Finding(what, remedy, file, field="node", component=node))
    for group in (taking, [pipe.name for pipe in files.pipes]):
        findings += [
            Finding(f"{name} stands twice", "give each its own name", file, component=name)
            for name in sorted({name for name in group if group.count(name) > 1})
        ]
    for pipe in files.pipes:
        if pipe.heat_loss_W_per_mK is None and pipe.insulation_conductivity_W_per_mK is None:
            findings.append(
                Finding(
                    "nothing says how much heat the pipe loses",
                    "give heat_loss_W_per_mK, or insulation_thickness_m and "
                    "insulation_conductivity_W_per_mK",
                    file,
                    component=pipe.name,
                )
            )
    return findings


def _draws(files: CaseFiles, findings: list[Finding]) -> dict[str, Floats]:
    draws = {outlet.node: files.columns[outlet.mass_flow_column] for outlet in files.outlets}
    if files.balance is not None and files.inlet.mass_flow_column is not None:
        inflow = files.columns[files.inlet.mass_flow_column]
        draws[files.balance.node] = inflow - sum(draws.values())
    for node, flow in draws.items():
        scale = max(1e-3, float(np.max(np.abs(flow))))
        for at in np.flatnonzero(flow < -_ROUND_OFF * scale)[:1]:
            findings.append(
                Finding(
                    f"{flow[at]:g} kg/s flow in at outlet {node}",
                    "an outlet only draws; exchange the ends or correct the flow",
                    files.folder / SERIES_FILE,
                    files.rows[int(at)],
                    component=node,
                )
            )
    for node, flow in draws.items():
        findings += _too_fast(files, node, flow)
    return {node: np.maximum(flow, 0.0) for node, flow in draws.items()}


def _too_fast(files: CaseFiles, node: str, flow: Floats) -> list[Finding]:
    widest = max(
        (p.inner_diameter_m for p in files.pipes if node in (p.from_node, p.to_node)), default=0.0
    )
    if widest == 0.0:
        return []
    speed = flow / (files.fluid.density_kg_per_m3 * pi * widest**2 / 4)
    return [
        Finding(
            f"{flow[at]:g} kg/s to {node} are {speed[at]:.3g} m/s in a pipe of {widest:g} m",
            "check the unit of the flow and the diameter",
            files.folder / SERIES_FILE,
            files.rows[int(at)],
            component=node,
        )
        for at in np.flatnonzero(speed > _FASTEST_m_per_s)[:1]
    ]


def _pipe(record: PipeRecord) -> Pipe:
    walled = record.wall_thickness_m > 0
    loss = record.heat_loss_W_per_mK
    if loss is None:
        loss = loss_in_air(
            Layers(
                inner_diameter_m=record.inner_diameter_m,
                wall_thickness_m=record.wall_thickness_m,
                wall_conductivity_W_per_mK=record.wall_conductivity_W_per_mK,
                insulation_thickness_m=record.insulation_thickness_m or 0.0,
                insulation_conductivity_W_per_mK=record.insulation_conductivity_W_per_mK or 1.0,
            ),
            record.outer_heat_transfer_W_per_m2K,
        ).loss_W_per_mK
    wall = PipeWall(
        thickness_m=record.wall_thickness_m,
        density_kg_per_m3=record.wall_density_kg_per_m3,
        specific_heat_J_per_kgK=record.wall_specific_heat_J_per_kgK,
        conductivity_W_per_mK=record.wall_conductivity_W_per_mK,
    )
    return Pipe(
        name=record.name,
        line=Line.SUPPLY,
        from_node=record.from_node,
        to_node=record.to_node,
        length_m=record.length_m,
        inner_diameter_m=record.inner_diameter_m,
        loss_W_per_mK=loss,
        wall=wall if walled else None,
        roughness_m=record.roughness_m,
    )


def _draw(node: str, flow: Floats) -> Substation:
    largest = max(float(np.max(flow)), 1e-3)
    return Substation(
        name=draw_name(node),
        supply_node=node,
        return_node=RETURN,
        design_heat_W=largest * 4180.0 * 50.0,
        valve_kv_kg_per_s=10.0 * largest,
        control=SubstationControl.FLOW,
        return_law=FixedReturn(_COLD_K),
        minimum_differential_pressure_Pa=0.0,
        minimum_supply_temperature_K=_COLD_K,
    )


def _forcing(files: CaseFiles, draws: Mapping[str, Floats]) -> Forcing:
    columns = {
        Signal(SOURCE, "supply_temperature", "K", hold=Hold.LINEAR): files.columns[
            files.inlet.T_column
        ],
        Signal("ground", "temperature", "K", hold=Hold.LINEAR): files.ambient_K,
        Signal("outdoor", "temperature", "K", hold=Hold.LINEAR): files.ambient_K,
    }
    for node, flow in draws.items():
        columns[Signal(draw_name(node), "mass_flow_demand", "kg/s", hold=Hold.LINEAR)] = flow
    return Forcing(
        files.time_s - files.time_s[0], np.column_stack(list(columns.values())), tuple(columns)
    )


def _reference(files: CaseFiles, outlet: str) -> float | None:
    ending = "rmse_K" if len(files.outlets) == 1 else f"_{outlet}_rmse_K"
    found = [value for key, value in files.reference.items() if key.endswith(ending)]
    return min(found) if found else None
