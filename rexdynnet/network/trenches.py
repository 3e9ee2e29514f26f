"""From rows of pipes.csv to pipes: pipe types, walls, and losses from layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from rexdynnet.errors import Finding, InputError
from rexdynnet.network import catalogue
from rexdynnet.network.entries import Entry, nearest
from rexdynnet.network.fields import Arrangement, Lines
from rexdynnet.network.insulation import (
    HeatLoss,
    Layers,
    TwinSection,
    loss_in_air,
    loss_in_ground,
    loss_of_twin,
)
from rexdynnet.network.parsing import parse, to_si
from rexdynnet.network.records import PipeRow, PipeTypeRecord
from rexdynnet.network.spec import Ground, Line, Pipe, PipeWall

BURIAL_DEPTH_m = 0.8
"""Depth of the pipe's centre where the files give a soil conductivity but no depth."""

_STATED = ("heat_loss_W_per_mK", "coupling_W_per_mK")
_LAYERED = (
    "insulation_thickness_m",
    "insulation_conductivity_W_per_mK",
    "casing_thickness_m",
    "casing_conductivity_W_per_mK",
    "casing_diameter_m",
    "arrangement",
    "spacing_m",
    "burial_depth_m",
    "outer_heat_transfer_W_per_m2K",
)


@dataclass(frozen=True)
class PipeTypes:
    """Pipe types by name: those of the network file, then the catalogue."""

    own: Mapping[str, Entry]

    def values(self, name: str, entry: Entry, findings: list[Finding]) -> Mapping[str, Any]:
        """Fields of a type; empty, with a finding, where there is no such type."""
        if name in self.own:
            return self.own[name].values
        try:
            found = catalogue.pipe_type(name)
        except InputError:
            hint = nearest(name, (*self.own, *catalogue.pipe_types()))
            findings.append(entry.finding(f"the pipe type '{name}' is unknown", hint, "pipe_type"))
            return {}
        values: dict[str, Any] = {
            "inner_diameter_m": found.inner_diameter_m,
            "wall_thickness_m": found.wall_thickness_m,
            "roughness_m": catalogue.STEEL_ROUGHNESS_m,
            "insulation_conductivity_W_per_mK": catalogue.FOAM_CONDUCTIVITY_W_per_mK,
        }
        if found.spacing_m is not None:
            twin = {
                "arrangement": Arrangement.TWIN,
                "casing_diameter_m": found.casing_diameter_m,
                "spacing_m": found.spacing_m,
            }
            return {**values, **twin}
        return {
            **values,
            "insulation_thickness_m": found.insulation_thickness_m,
            "casing_thickness_m": found.casing_thickness_m,
            "casing_conductivity_W_per_mK": catalogue.CASING_CONDUCTIVITY_W_per_mK,
        }


def read_pipe_types(document: Entry, findings: list[Finding]) -> PipeTypes:
    """Read `[pipe_types]`.

    Parameters
    ----------
    document : Entry
        Content of network.toml.
    findings : list of Finding

    Returns
    -------
    PipeTypes
    """
    own: dict[str, Entry] = {}
    section: Any = document.values.get("pipe_types", {})
    if not isinstance(section, Mapping):
        findings.append(
            document.finding(
                "pipe_types is not a table", 'write [pipe_types."my type"]', "pipe_types"
            )
        )
        return PipeTypes(own)
    for name, values in cast(Mapping[str, Any], section).items():
        if not isinstance(values, Mapping):
            findings.append(
                document.finding(
                    f"pipe type {name} is not a table",
                    f'write [pipe_types."{name}"]',
                    f"pipe_types.{name}",
                )
            )
            continue
        row = document.rows.get(f"pipe_types.{name}")
        raw = Entry(cast(Mapping[str, Any], values), document.file, row)
        entry = to_si(PipeTypeRecord, raw, findings)
        if parse(PipeTypeRecord, entry, findings) is not None:
            own[str(name)] = entry
    return PipeTypes(own)


def complete(
    entry: Entry, defaults: Mapping[str, Any], types: PipeTypes, findings: list[Finding]
) -> Entry:
    """Fill a row with the fields of its pipe type and the defaults; the row wins.

    Parameters
    ----------
    entry : Entry
        One row in SI fields.
    defaults : mapping
        Section `[defaults.pipes]` in SI fields.
    types : PipeTypes
    findings : list of Finding

    Returns
    -------
    Entry
    """
    name = entry.values.get("pipe_type", defaults.get("pipe_type"))
    typed: Mapping[str, Any] = types.values(name, entry, findings) if isinstance(name, str) else {}
    merged: dict[str, Any] = dict(defaults)
    for layer in (typed, entry.values):
        if any(key in layer for key in _STATED):
            merged = {key: value for key, value in merged.items() if key not in _LAYERED}
        if "insulation_thickness_m" in layer or "casing_diameter_m" in layer:
            merged = {key: value for key, value in merged.items() if key not in _STATED}
        merged.update(layer)
    return replace(entry, values=merged)


def pipe_of(
    row: PipeRow, entry: Entry, ground: Ground, findings: list[Finding], label: str
) -> Pipe | None:
    """Make the pipe that a row describes, without its nodes, line and partner.

    Parameters
    ----------
    row : PipeRow
        After `complete`.
    entry : Entry
        Where it was written.
    ground : Ground
    findings : list of Finding
    label : str
        The name for findings.

    Returns
    -------
    Pipe or None
        A pattern for the pipes of the row; None where diameter or loss is missing.
    """
    if row.inner_diameter_m is None:
        remedy = "add the column, or a pipe_type such as 'DN80 series 2'"
        findings.append(
            entry.finding("inner_diameter_m is missing", remedy, "inner_diameter_m", label)
        )
        return None
    wall = _wall(row)
    try:
        loss = _loss(row, ground)
    except InputError as error:
        for found in error.findings:
            findings.append(entry.finding(found.what, found.remedy, found.field, label))
        return None
    if loss.coupling_W_per_mK > 0 and wall is None:
        remedy = "give wall_thickness_m, or leave spacing_m and coupling_W_per_mK out"
        findings.append(
            entry.finding(
                "the two pipes exchange heat between their walls, but there is no wall",
                remedy,
                "wall_thickness_m",
                label,
            )
        )
        return None
    pattern = Pipe(
        name=label,
        line=row.line.line or Line.SUPPLY,
        from_node=row.from_node,
        to_node=row.to_node,
        length_m=row.length_m,
        inner_diameter_m=row.inner_diameter_m,
        loss_W_per_mK=loss.loss_W_per_mK,
        wall=wall,
        coupling_W_per_mK=loss.coupling_W_per_mK,
        partner=row.partner,
        trench=row.trench,
    )
    given = {
        field: value
        for field in ("roughness_m", "minor_loss", "maximum_flow_kg_per_s")
        if (value := getattr(row, field)) is not None
    }
    return replace(pattern, **given)


def _wall(row: PipeRow) -> PipeWall | None:
    if row.wall_thickness_m is None:
        return None
    given = {
        field: value
        for field in ("density_kg_per_m3", "specific_heat_J_per_kgK", "conductivity_W_per_mK")
        if (value := getattr(row, f"wall_{field}")) is not None
    }
    return replace(PipeWall(row.wall_thickness_m), **given)


def _loss(row: PipeRow, ground: Ground) -> HeatLoss:
    if row.heat_loss_W_per_mK is not None:
        if row.insulation_thickness_m is not None:
            raise InputError(
                Finding(
                    "heat_loss_W_per_mK and insulation_thickness_m are both given",
                    "keep one of them",
                    field="heat_loss_W_per_mK",
                )
            )
        return HeatLoss(row.heat_loss_W_per_mK, row.coupling_W_per_mK or 0.0)
    twin = row.arrangement is Arrangement.TWIN
    if row.insulation_conductivity_W_per_mK is None and (row.insulation_thickness_m or twin):
        raise InputError(
            Finding(
                "insulation_conductivity_W_per_mK is missing",
                "add it (0.026 to 0.035 for new foam)",
                field="insulation_conductivity_W_per_mK",
            )
        )
    stated = row.insulation_thickness_m is not None or row.outer_heat_transfer_W_per_m2K is not None
    if not stated and not twin:
        raise InputError(
            Finding(
                "nothing says how much heat the pipe loses",
                "give a pipe_type, insulation_thickness_m with insulation_conductivity_W_per_mK, "
                "or heat_loss_W_per_mK",
                field="heat_loss_W_per_mK",
            )
        )
    layers = _layers(row)
    if row.outer_heat_transfer_W_per_m2K is not None:
        return loss_in_air(layers, row.outer_heat_transfer_W_per_m2K)
    depth = row.burial_depth_m or BURIAL_DEPTH_m
    if twin:
        return _twin(row, layers, ground, depth)
    if ground.conductivity_W_per_mK is None:
        return loss_in_air(layers)
    spacing = row.spacing_m if row.line is Lines.BOTH else None
    return loss_in_ground(layers, ground.conductivity_W_per_mK, depth, spacing)


def _twin(row: PipeRow, layers: Layers, ground: Ground, depth_m: float) -> HeatLoss:
    needs = {
        "casing_diameter_m": row.casing_diameter_m,
        "spacing_m": row.spacing_m,
        "ground.conductivity_W_per_mK": ground.conductivity_W_per_mK,
    }
    lacking = [name for name, value in needs.items() if value is None]
    if row.casing_diameter_m and row.spacing_m and ground.conductivity_W_per_mK:
        section = TwinSection(layers, row.casing_diameter_m, row.spacing_m)
        return loss_of_twin(section, ground.conductivity_W_per_mK, depth_m)
    raise InputError(
        Finding(
            f"a twin pipe needs {' and '.join(lacking)}",
            "add it (moist soil conducts 1.5 to 2 W/(m K); [ground] stands in network.toml)",
            field=lacking[0],
        )
    )


def _layers(row: PipeRow) -> Layers:
    pattern = Layers(row.inner_diameter_m or 0.0)
    given = {
        field: value
        for field in Layers.__dataclass_fields__
        if field != "inner_diameter_m" and (value := getattr(row, field)) is not None
    }
    return replace(pattern, **given)
