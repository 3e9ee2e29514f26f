"""Networks as GeoJSON (RFC 7946), for maps and geographic information systems.

A LineString is a trench (a row of pipes.csv), a Point a node, substation or
plant; properties are named as the columns. The property `feature` says which
(`node`, `pipe`, `substation`, `plant`); without it a LineString is a pipe and a
Point with a design heat a substation. What network.toml holds stands in the
member `network`. Ends and substations that name no node are joined by position.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from math import cos, degrees, hypot, radians
from os import PathLike
from pathlib import Path
from typing import Any, cast

from rexdynnet.errors import Finding
from rexdynnet.network.entries import Entry, nearest, read_text
from rexdynnet.network.graph import Network
from rexdynnet.network.tables import Tables, check_sections
from rexdynnet.network.write import document, node_rows, pipe_rows, substation_rows

EARTH_RADIUS_m = 6_371_008.8
"""Mean radius (IUGG)."""
JOIN_WITHIN_m = 0.5
"""Ends nearer than this are one node."""

_KINDS = ("node", "pipe", "substation", "plant")
Point = tuple[float, float]


def write_geojson(
    network: Network, path: str | PathLike[str], *, origin_deg: Point = (0.0, 0.0)
) -> Path:
    """Write a network as a GeoJSON FeatureCollection.

    Parameters
    ----------
    network : Network
    path : str or path
    origin_deg : (float, float)
        Longitude and latitude of the point x = y = 0.

    Returns
    -------
    Path
        The file; `read_network` gives an equal network.
    """
    at = {node.name: (node.x_m, node.y_m) for node in network.nodes}
    at |= {node.place: (node.x_m, node.y_m) for node in network.nodes if node.place}
    features: list[dict[str, Any]] = []

    def add(kind: str, names: list[str], row: Mapping[str, Any]) -> None:
        points = [list(_to_degrees(at[name], origin_deg)) for name in names]
        shape = "LineString" if kind == "pipe" else "Point"
        geometry = {"type": shape, "coordinates": points if kind == "pipe" else points[0]}
        given = {key: value for key, value in row.items() if value not in (None, "")}
        properties = {"feature": kind, **given}
        features.append({"type": "Feature", "geometry": geometry, "properties": properties})

    for row in node_rows(network):
        add("node", [row["node"]], row)
    for row in pipe_rows(network):
        add("pipe", [row["from_node"], row["to_node"]], row)
    for row in substation_rows(network):
        add("substation", [row.get("node") or row["supply_node"]], row)
    content = {
        "type": "FeatureCollection",
        "origin_deg": list(origin_deg),
        "network": document(network),
        "features": features,
    }
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_text(
        json.dumps(content, indent=1, ensure_ascii=False, default=_date), encoding="utf-8"
    )
    fresh.replace(target)
    return target


def _date(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no place in JSON")


def _to_degrees(point: Point, origin: Point) -> Point:
    lat = origin[1] + degrees(point[1] / EARTH_RADIUS_m)
    lon = origin[0] + degrees(point[0] / (EARTH_RADIUS_m * cos(radians(origin[1]))))
    return lon, lat


def _to_metres(point: Point, origin: Point) -> Point:
    x = EARTH_RADIUS_m * cos(radians(origin[1])) * radians(point[0] - origin[0])
    return x, EARTH_RADIUS_m * radians(point[1] - origin[1])


@dataclass(frozen=True)
class _Feature:
    kind: str
    entry: Entry
    points: tuple[Point, ...]


def read_geojson(path: Path, findings: list[Finding]) -> Tables | None:
    """Read a GeoJSON FeatureCollection as tables.

    Parameters
    ----------
    path : Path
    findings : list of Finding
        The row of a finding is the number of the feature.

    Returns
    -------
    Tables or None
        None where the file cannot be read.

    Notes
    -----
    Degrees become metres on a plane that touches the earth at `origin_deg` (the mean
    of all points where that member is absent): 0.1 % within 30 km.
    """
    text = read_text(path, findings)
    if text is None:
        return None
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        findings.append(
            Finding(f"the file is not valid JSON ({error})", "mend that line", path, line)
        )
        return None
    body = cast(dict[str, Any], content) if isinstance(content, dict) else {}
    if not isinstance(body.get("features"), list):
        findings.append(
            Finding("the file is no FeatureCollection", "export it as GeoJSON", path, None)
        )
        return None
    features = _features(path, body["features"], findings)
    origin = _origin(path, body.get("origin_deg"), features, findings)
    held: Any = body.get("network", {})
    if not isinstance(held, dict):
        findings.append(Finding("network is not an object", "write it as {...}", path))
        held = {}
    head = Entry(cast(dict[str, Any], held), path)
    check_sections(head, findings)
    return _tables(head, features, origin)


def _features(path: Path, items: list[Any], findings: list[Finding]) -> list[_Feature]:
    found: list[_Feature] = []
    for number, item in enumerate(items, start=1):
        parts = cast(dict[str, Any], item) if isinstance(item, dict) else {}
        geometry: Any = parts.get("geometry")
        properties: Any = parts.get("properties") or {}
        if not isinstance(geometry, dict) or not isinstance(properties, dict):
            findings.append(
                Finding("the feature has no geometry or properties", "remove it", path, number)
            )
            continue
        values = {str(k): v for k, v in cast(dict[str, Any], properties).items() if v is not None}
        shape, points = _shape(cast(dict[str, Any], geometry))
        entry = Entry(values, path, number)
        if not points:
            remedy = "give a Point, or a LineString of at least two points, in degrees"
            findings.append(entry.finding(f"the geometry {shape} cannot be used", remedy))
            continue
        guess = "node"
        if shape == "LineString":
            guess = "pipe"
        elif any(key.startswith("design_heat_") for key in values):
            guess = "substation"
        kind = values.pop("feature", guess)
        if kind not in _KINDS or (kind == "pipe") != (shape == "LineString"):
            hint = nearest(str(kind), _KINDS)
            findings.append(entry.finding(f"a {shape} cannot be feature '{kind}'", hint, "feature"))
            continue
        found.append(_Feature(kind, entry, points))
    return found


def _shape(geometry: Mapping[str, Any]) -> tuple[str, tuple[Point, ...]]:
    shape, coordinates = str(geometry.get("type")), geometry.get("coordinates")
    listed: Any = [coordinates] if shape == "Point" else coordinates
    if shape not in ("Point", "LineString") or not isinstance(listed, list):
        return shape, ()
    points: list[Point] = []
    for pair in cast(list[Any], listed):
        if not isinstance(pair, list) or len(cast(list[Any], pair)) < 2:
            return shape, ()
        lon, lat = cast(list[Any], pair)[:2]
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (lon, lat))
        if not numbers or not (abs(lon) <= 360 and abs(lat) <= 90):
            return shape, ()
        points.append((float(lon), float(lat)))
    return shape, tuple(points) if shape == "Point" or len(points) > 1 else ()


def _origin(path: Path, given: Any, features: list[_Feature], findings: list[Finding]) -> Point:
    points = [point for feature in features for point in feature.points]
    if given is not None:
        _, origin = _shape({"type": "Point", "coordinates": given})
        if origin and abs(origin[0][1]) < 89:
            return origin[0]
        findings.append(
            Finding(
                f"origin_deg is {given!r}", "give [longitude, latitude]", path, field="origin_deg"
            )
        )
    if not points:
        return 0.0, 0.0
    lat = sum(point[1] for point in points) / len(points)
    return sum(point[0] for point in points) / len(points), max(-89.0, min(89.0, lat))


@dataclass
class _Joints:
    """Nodes by position while the tables are built."""

    nodes: list[Entry] = field(default_factory=list)
    cells: dict[tuple[int, int], list[tuple[Point, str]]] = field(default_factory=dict)

    def add(self, point: Point, name: str) -> None:
        self.cells.setdefault(_cell(point), []).append((point, name))

    def at(self, point: Point, wish: str | None, entry: Entry) -> str:
        """Name of the node at a position; a new one where there is none."""
        column, row = _cell(point)
        near = [
            (hypot(x - point[0], y - point[1]), name)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
            for (x, y), name in self.cells.get((column + i, row + j), [])
        ]
        if near and min(near)[0] <= JOIN_WITHIN_m:
            return min(near)[1]
        name = wish or f"junction_{len(self.nodes) + 1}"
        made = Entry({"node": name, "x_m": point[0], "y_m": point[1]}, entry.file, entry.row)
        self.nodes.append(made)
        self.add(point, name)
        return name


def _cell(point: Point) -> tuple[int, int]:
    return int(point[0] // (2 * JOIN_WITHIN_m)), int(point[1] // (2 * JOIN_WITHIN_m))


def _tables(head: Entry, features: list[_Feature], origin: Point) -> Tables:
    joints = _Joints()
    placed = [
        (item, tuple(_to_metres(point, origin) for point in item.points)) for item in features
    ]
    for item, points in placed:
        if item.kind == "node":
            x, y = points[0]
            values = {"x_m": x, "y_m": y, **item.entry.values}
            joints.nodes.append(Entry(values, item.entry.file, item.entry.row))
            if values.get("line", "both") == "both":
                joints.add(points[0], str(values.get("node", "")))
    substations: list[Entry] = []
    held: Any = head.values.get("plants")
    plants = list(cast(list[Any], held)) if isinstance(held, list) else []
    rows = dict(head.rows)
    for item, points in placed:
        if item.kind not in ("substation", "plant"):
            continue
        values = dict(item.entry.values)
        if not {"node", "supply_node", "return_node"} & values.keys():
            name = values.get("name")
            wish = name if isinstance(name, str) else None
            values["node"] = joints.at(points[0], wish, item.entry)
        if item.kind == "substation":
            substations.append(Entry(values, item.entry.file, item.entry.row))
        else:
            rows[f"plants.{len(plants)}"] = item.entry.row or 0
            plants.append(values)
    pipes: list[Entry] = []
    for item, points in placed:
        if item.kind != "pipe":
            continue
        values = dict(item.entry.values)
        for key, point in (("from_node", points[0]), ("to_node", points[-1])):
            if key not in values:
                values[key] = joints.at(point, None, item.entry)
        if not any(key.startswith("length_") for key in values):
            values["length_m"] = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points))
        pipes.append(Entry(values, item.entry.file, item.entry.row))
    added = {"plants": plants} if held is None or isinstance(held, list) else {}
    document_values = {**head.values, **(added if plants else {})}
    whole = Entry(document_values, head.file, head.row, rows)
    return Tables(whole, tuple(joints.nodes), tuple(pipes), tuple(substations))
