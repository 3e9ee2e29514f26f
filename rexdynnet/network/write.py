"""Write a network as a folder of tables; reading it back gives the same network."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any, cast

from rexdynnet.network.graph import Network
from rexdynnet.network.spec import (
    Exchanger,
    FixedCooling,
    FixedReturn,
    Limited,
    Node,
    Pipe,
    Substation,
)
from rexdynnet.network.tables import DOCUMENT, NODES, PIPES, SUBSTATIONS

Row = dict[str, Any]


def write_network(network: Network, directory: str | PathLike[str]) -> tuple[Path, ...]:
    """Write a network as `network.toml`, `nodes.csv`, `pipes.csv` and `substations.csv`.

    Parameters
    ----------
    network : Network
    directory : str or path
        Made where it does not exist; files of these names are replaced.

    Returns
    -------
    tuple of Path
        The files written.

    Notes
    -----
    Everything is written in SI units with all digits, losses as coefficients, so
    `read_network` gives an equal `Network`.
    """
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        DOCUMENT: toml_text(document(network)),
        NODES: csv_text(node_rows(network), ("node",)),
        PIPES: csv_text(pipe_rows(network), ("from_node", "to_node", "length_m")),
        SUBSTATIONS: csv_text(substation_rows(network), ("name", "design_heat_W")),
    }
    written: list[Path] = []
    for name, text in texts.items():
        path = folder / name
        fresh = folder / f".{name}.new"
        fresh.write_text(text, encoding="utf-8", newline="")
        fresh.replace(path)
        written.append(path)
    return tuple(written)


def document(network: Network) -> Row:
    """Everything but the tables, as `network.toml` holds it.

    Parameters
    ----------
    network : Network

    Returns
    -------
    dict
        Sections by name; values are numbers, texts, dates and lists.
    """
    points = network.heating_curve.points
    content: Row = {
        "name": network.name,
        "provenance": {key: value for key, value in _plain(network.provenance).items() if value},
        "fluid": _plain(network.fluid),
        "ground": _plain(network.ground),
        "heating_curve": {
            "outdoor_K": [outdoor for outdoor, _ in points],
            "supply_K": [supply for _, supply in points],
        },
        "plants": [_between(network, item) for item in network.plants],
        "tanks": [_between(network, item) for item in network.tanks],
        "dumps": [_between(network, item) for item in network.dumps],
        "bypasses": [_between(network, item) for item in network.bypasses],
        "pumps": [
            {"name": p.name, "from_node": p.from_node, "to_node": p.to_node, **_plain(p.curve)}
            for p in network.pumps
        ],
        "valves": [_plain(item) for item in network.valves],
        "pressure_holding": [_plain(item) for item in network.holdings],
        "outages": [_plain(item) for item in network.outages],
        "limits": [_plain(item) for item in network.limits],
    }
    return {key: value for key, value in content.items() if value or key == "name"}


def node_rows(network: Network) -> list[Row]:
    """Rows of nodes.csv; two neighbouring nodes of one place make one row."""
    names = {node.name for node in network.nodes}
    rows: list[Row] = []
    rest = list(network.nodes)
    while rest:
        node = rest.pop(0)
        place = node.place
        pair = rest[0] if rest and _is_place(place, node, rest[0], names) else None
        body = {key: getattr(node, key) for key in ("x_m", "y_m", "elevation_m", "volume_m3")}
        if pair is not None:
            rest.pop(0)
            rows.append({"node": place, **body})
        else:
            rows.append({"node": node.name, "line": node.line.value, "place": place, **body})
    return rows


def _is_place(place: str, first: Node, second: Node, names: set[str]) -> bool:
    alike = all(
        getattr(first, key) == getattr(second, key)
        for key in ("x_m", "y_m", "elevation_m", "volume_m3", "place")
    )
    named = (first.name, second.name) == (f"{place}_supply", f"{place}_return")
    return bool(place) and alike and named and _lines(first, second) and place not in names


def _lines(first: Node | Pipe, second: Node | Pipe) -> bool:
    return (first.line.value, second.line.value) == ("supply", "return")


def pipe_rows(network: Network) -> list[Row]:
    """Rows of pipes.csv; the two neighbouring pipes of one trench make one row."""
    names = {node.name for node in network.nodes}
    rows: list[Row] = []
    rest = list(network.pipes)
    while rest:
        pipe = rest.pop(0)
        ends = _trench(pipe, rest[0], names) if rest else None
        body = _pipe_body(pipe)
        if ends is not None:
            rest.pop(0)
            rows.append({"name": pipe.trench, "from_node": ends[0], "to_node": ends[1], **body})
            continue
        single = {"line": pipe.line.value, "trench": pipe.trench, "partner": pipe.partner}
        head = {"name": pipe.name, "from_node": pipe.from_node, "to_node": pipe.to_node}
        rows.append({**head, **body, **single})
    return rows


def _trench(first: Pipe, second: Pipe, names: set[str]) -> tuple[str, str] | None:
    start, end = first.from_node.removesuffix("_supply"), first.to_node.removesuffix("_supply")
    named = (first.name, second.name) == (f"{first.trench}_supply", f"{first.trench}_return")
    nodes = (first.from_node, first.to_node, second.from_node, second.to_node)
    wanted = (f"{start}_supply", f"{end}_supply", f"{end}_return", f"{start}_return")
    partners = (first.partner, second.partner) == (second.name, first.name)
    alike = _pipe_body(first) == _pipe_body(second) and first.trench == second.trench
    sound = named and nodes == wanted and partners and alike and _lines(first, second)
    return (start, end) if sound and not names & {start, end} else None


def _pipe_body(pipe: Pipe) -> Row:
    body: Row = {
        "length_m": pipe.length_m,
        "inner_diameter_m": pipe.inner_diameter_m,
        "heat_loss_W_per_mK": pipe.loss_W_per_mK,
        "coupling_W_per_mK": pipe.coupling_W_per_mK,
        "roughness_m": pipe.roughness_m,
        "minor_loss": pipe.minor_loss,
    }
    if isfinite(pipe.maximum_flow_kg_per_s):
        body["maximum_flow_kg_per_s"] = pipe.maximum_flow_kg_per_s
    if pipe.wall is not None:
        body |= {f"wall_{key}": value for key, value in _plain(pipe.wall).items()}
    return body


def substation_rows(network: Network) -> list[Row]:
    """Rows of substations.csv."""
    return [_substation(network, item) for item in network.substations]


def _substation(network: Network, item: Substation) -> Row:
    row: Row = {
        "name": item.name,
        **_terminals(network, item),
        "design_heat_W": item.design_heat_W,
        "control": item.control.name.lower(),
        "valve_kv_kg_per_s": item.valve_kv_kg_per_s,
    }
    match item.return_law:
        case FixedReturn(temperature_K=temperature):
            row["return_temperature_K"] = temperature
        case FixedCooling(difference_K=difference):
            row["cooling_difference_K"] = difference
        case Exchanger(ua_W_per_K=ua, secondary_supply_K=warm, secondary_return_K=cool):
            row["exchanger_ua_W_per_K"] = ua
            row["secondary_supply_temperature_K"] = warm
            row["secondary_return_temperature_K"] = cool
    row |= {
        "minimum_differential_pressure_Pa": item.minimum_differential_pressure_Pa,
        "minimum_supply_temperature_K": item.minimum_supply_temperature_K,
        "priority": item.priority,
    }
    if item.building is not None:
        building = _plain(item.building)
        building["setpoint_temperature_K"] = building.pop("setpoint_K")
        row |= {f"building_{key}": value for key, value in building.items()}
    return row


def _terminals(network: Network, item: Any) -> Row:
    place = item.supply_node.removesuffix("_supply")
    pair = (item.supply_node, item.return_node) == (f"{place}_supply", f"{place}_return")
    if pair and place not in network.node_by_name:
        return {"node": place}
    return {"supply_node": item.supply_node, "return_node": item.return_node}


def _between(network: Network, item: Any) -> Row:
    body = _plain(item)
    for key in ("name", "supply_node", "return_node"):
        body.pop(key, None)
    return {"name": item.name, **_terminals(network, item), **body}


def _plain(record: Any) -> Row:
    """Fields of a record as numbers and texts, without what is absent or unlimited."""
    row: Row = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Limited):
            row[field.name] = value.value
        elif hasattr(value, "name") and not is_dataclass(value):
            row[field.name] = value.name.lower()
        elif value is None or (isinstance(value, float) and not isfinite(value)):
            continue
        else:
            row[field.name] = value
    return row


def csv_text(rows: Sequence[Row], first: Iterable[str] = ()) -> str:
    """Format rows as CSV with the union of their columns.

    Parameters
    ----------
    rows : sequence of dict
    first : iterable of str
        Columns of an empty table.

    Returns
    -------
    str
    """
    columns = list(dict.fromkeys(key for row in rows for key in row)) or list(first)
    used = [c for c in columns if not rows or any(row.get(c) not in (None, "") for row in rows)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(used)
    for row in rows:
        writer.writerow(["" if row.get(c) is None else _cell(row[c]) for c in used])
    return out.getvalue()


def _cell(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def toml_text(content: Mapping[str, Any]) -> str:
    """Format a document of sections and lists of sections as TOML.

    Parameters
    ----------
    content : mapping
        Texts, numbers, dates, lists, dicts and lists of dicts; what lies deeper is inline.

    Returns
    -------
    str

    Examples
    --------
    >>> print(toml_text({"name": "small", "ground": {"temperature_K": 283.15}}), end="")
    name = "small"
    <BLANKLINE>
    [ground]
    temperature_K = 283.15
    """
    lines = _body({key: value for key, value in content.items() if _is_scalar(value)})
    for key, value in content.items():
        if isinstance(value, dict):
            lines += ["", f"[{_key(key)}]", *_body(cast(Row, value))]
        elif not _is_scalar(value):
            for item in cast(list[Row], value):
                lines += ["", f"[[{_key(key)}]]", *_body(item)]
    return "\n".join(lines) + "\n"


def _is_scalar(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(item, dict) for item in cast(list[Any], value))
    return not isinstance(value, dict)


def _body(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in cast(list[Any], value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(_body(cast(Row, value))) + " }" if value else "{}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
