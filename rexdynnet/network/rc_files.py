"""Thermal networks as TOML files, written and read back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.rc import (
    Coupling,
    Estimate,
    Parameter,
    Quantity,
    RCNetwork,
    RowLabel,
    Verdict,
)

_LABELS = {quantity.label: quantity for quantity in Quantity}


def write_building(network: RCNetwork, file: str | PathLike[str]) -> Path:
    """Write a thermal network as TOML; `read_building` gives an equal one back.

    Parameters
    ----------
    network : RCNetwork
    file : str or path

    Returns
    -------
    Path
    """
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(building_text(network), encoding="utf-8")
    return path


def building_text(network: RCNetwork) -> str:
    """The TOML text of a thermal network, with all digits."""
    head = {
        "zones": list(network.zones),
        "mass": network.mass,
        "solar_sectors_h": list(network.sectors_h),
        "unmetered": list(network.unmetered),
        "rows": network.rows.name.lower(),
        "provenance": network.provenance,
    }
    lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
    if network.resolution_J:
        lines += ["", "[resolution_J]"]
        lines += [f"{_toml(zone)} = {size!r}" for zone, size in network.resolution_J.items()]
    for pair in network.couplings:
        lines += ["", "[[couplings]]"]
        lines += [f"between = {_toml([pair.zone, pair.other])}"]
        lines += _estimate_lines(pair.conductance, Quantity.COUPLING.unit)
        lines += [f"probability = {pair.probability!r}", f"selected = {_toml(pair.selected)}"]
    for parameter, estimate in network.estimates.items():
        lines += ["", "[[parameters]]", f"quantity = {_toml(parameter.quantity.label)}"]
        lines += [f"zone = {_toml(parameter.zone)}"]
        if parameter.sector:
            lines.append(f"sector = {parameter.sector}")
        lines += _estimate_lines(estimate, parameter.quantity.unit)
    return "\n".join([*lines, ""])


def read_building(file: str | PathLike[str]) -> RCNetwork:
    """Read a thermal network from TOML.

    Parameters
    ----------
    file : str or path

    Returns
    -------
    RCNetwork

    Raises
    ------
    InputError
        With every finding: an unknown key, a missing parameter, a number that is none.
    """
    path = Path(file)
    try:
        entry = _Building.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(
            Finding(f"the file cannot be read ({error.strerror})", "name a building", file=path)
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(Finding(f"no TOML: {error}", "mend that line", file=path)) from None
    except ValidationError as error:
        raise InputError(
            *(
                Finding(
                    one["msg"],
                    "compare with a file that `rexdynnet identify` wrote",
                    file=path,
                    field=".".join(map(str, one["loc"])),
                )
                for one in error.errors()
            )
        ) from None
    estimates = {
        Parameter(_LABELS[one.quantity], one.zone, sector=one.sector): _estimate(
            one.model_extra or {}, _LABELS[one.quantity].unit, one, path
        )
        for one in entry.parameters
        if _known(one.quantity, path)
    }
    couplings = tuple(
        Coupling(
            *one.between,
            _estimate(one.model_extra or {}, Quantity.COUPLING.unit, one, path),
            one.probability,
            one.selected,
        )
        for one in entry.couplings
    )
    return RCNetwork(
        tuple(entry.zones),
        entry.mass,
        tuple(entry.solar_sectors_h),
        estimates,
        couplings,
        tuple(entry.unmetered),
        RowLabel[entry.rows.upper()],
        dict(entry.resolution_J),
        entry.provenance,
    )


class _Number(BaseModel):
    """The fields that carry a unit, value_… and interval_…, come as extras."""

    model_config = ConfigDict(extra="allow")
    verdict: str = Verdict.FIXED.name.lower()
    reason: str = ""


class _ParameterEntry(_Number):
    quantity: str
    zone: str
    sector: int = 0


class _CouplingEntry(_Number):
    between: tuple[str, str]
    probability: float = Field(default=1.0, ge=0.0, le=1.0)
    selected: bool = True


class _Building(BaseModel):
    model_config = ConfigDict(extra="forbid")
    zones: list[str]
    mass: bool
    solar_sectors_h: list[float]
    unmetered: list[str] = []
    rows: Literal["start", "end"] = "start"
    provenance: str = ""
    resolution_J: dict[str, float] = {}
    couplings: list[_CouplingEntry] = []
    parameters: list[_ParameterEntry]


def _known(label: str, path: Path) -> bool:
    if label not in _LABELS:
        raise InputError(
            Finding(
                f"{label!r} is no quantity",
                f"use one of {', '.join(_LABELS)}",
                file=path,
                field="quantity",
            )
        )
    return True


def _estimate(given: Mapping[str, Any], unit: str, entry: _Number, path: Path) -> Estimate:
    name, interval = f"value_{unit}", f"interval_{unit}"
    stray = sorted(set(given) - {name, interval})
    value, ends = given.get(name), given.get(interval)
    pair = cast("list[object]", ends) if isinstance(ends, list) else [value, value]
    numbers = [float(one) for one in (value, *pair) if isinstance(one, int | float)]
    if stray or len(numbers) != 3:
        raise InputError(
            Finding(
                f"the fields are {', '.join(sorted(given)) or 'missing'}",
                f"give {name} and {interval} = [lower, upper]",
                file=path,
                field=name,
            )
        )
    try:
        verdict = Verdict[entry.verdict.upper()]
    except KeyError:
        known = ", ".join(one.name.lower() for one in Verdict)
        raise InputError(
            Finding(f"{entry.verdict!r} is no verdict", f"use one of {known}", file=path)
        ) from None
    return Estimate(numbers[0], numbers[1], numbers[2], verdict, entry.reason)


def _estimate_lines(estimate: Estimate, unit: str) -> list[str]:
    lines = [
        f"value_{unit} = {estimate.value!r}",
        f"interval_{unit} = [{estimate.lower!r}, {estimate.upper!r}]",
        f"verdict = {_toml(estimate.verdict.name.lower())}",
    ]
    return [*lines, f"reason = {_toml(estimate.reason)}"] if estimate.reason else lines


def _toml(value: object) -> str:
    """Strings, booleans and lists of them are written alike in JSON and TOML."""
    return json.dumps(value, ensure_ascii=False)
