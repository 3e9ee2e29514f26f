"""Overrides: single values of a scenario file replaced before it is read."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from rexdynnet.control.mpc_options import MpcOptions, check_weights
from rexdynnet.control.settings import ControllerKind, ControlSettings
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import Entry, nearest

# The mere presence of these sections changes what a run is.
_SWITCHES = ("control", "market", "schedule", "monitor", "weather", "demand")
_BASELINE_OPTIONS = ("outdoor_averaging_s",)


def overridden(document: Entry, overrides: Mapping[str, object], findings: list[Finding]) -> Entry:
    """Replace values of a scenario document.

    Parameters
    ----------
    document : Entry
        As `read_toml` gives it; stays as it is.
    overrides : mapping of str to object
        Dotted path, such as `control.margin` or `prices.electricity_EUR_per_MWh`, to what
        a TOML file may hold. Entries of lists are counted from 0 (`faults.0.value`); all
        behind `parameters.` is one name (`parameters.pipe.loss_factor`).
    findings : list of Finding
        Gets paths that lead nowhere. Unknown last keys are found when the scenario is read.

    Returns
    -------
    Entry

    Examples
    --------
    >>> document = Entry({"control": {"margin": 0.1}})
    >>> overridden(document, {"control.margin": 0.2}, []).values
    {'control': {'margin': 0.2}}
    """
    if not overrides:
        return document
    values: dict[str, Any] = deepcopy(dict(document.values))
    for path, value in overrides.items():
        _replace(values, path, value, document, findings)
    return replace(document, values=values)


def _replace(
    values: dict[str, Any], path: str, value: object, document: Entry, findings: list[Finding]
) -> None:
    head, _, rest = path.partition(".")
    if head in _SWITCHES and head not in values:
        findings.append(
            Finding(
                f"{path} overrides a section [{head}] that the scenario does not have",
                f"add [{head}] to the scenario, or override something else",
                document.file,
                field=path,
            )
        )
        return
    parts = [head, rest] if head == "parameters" and rest else path.split(".")
    place: Any = values
    for depth, part in enumerate(parts[:-1]):
        inner: Any = None
        if isinstance(place, dict):
            inner = place.setdefault(part, {})
        elif isinstance(place, list) and part.isdigit() and int(part) < len(place):
            inner = place[int(part)]
        if not isinstance(inner, dict | list):
            above = ".".join(parts[: depth + 1])
            findings.append(
                Finding(
                    f"the override {path} leads nowhere: {above} holds no table",
                    "check the path; entries of lists are counted from 0",
                    document.file,
                    field=path,
                )
            )
            return
        place = inner
    last = parts[-1]
    if isinstance(place, dict):
        place[last] = deepcopy(value)
    elif last.isdigit() and int(last) < len(place):
        place[int(last)] = deepcopy(value)
    else:
        known = [str(index) for index in range(len(place))]
        findings.append(
            Finding(
                f"the override {path} leads nowhere: the list has {len(place)} entries",
                nearest(last, known),
                document.file,
                field=path,
            )
        )


def check_controller_names(settings: ControlSettings) -> None:
    """Refuse weights and options that the controller would not read.

    Parameters
    ----------
    settings : ControlSettings
        Of the scenario after the overrides.

    Raises
    ------
    InputError
        Names the controller and what it has.
    """
    if settings.kind is ControllerKind.MPC:
        check_weights(settings.weights)
        MpcOptions.read(settings.options)
        return
    has: dict[str, tuple[str, ...]] = {"weight": (), "option": _BASELINE_OPTIONS}
    findings = [
        Finding(
            f"the controller {settings.kind.name.lower()} has no {what} {name!r}",
            nearest(name, has[what]) if has[what] else 'override control.kind = "mpc" too',
            field=f"control.{what}s.{name}",
        )
        for what, given in (("weight", settings.weights), ("option", settings.options))
        for name in given
        if name not in has[what]
    ]
    if findings:
        raise InputError(*findings)
