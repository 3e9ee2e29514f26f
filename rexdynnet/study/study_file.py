"""From a study file to a `StudyPlan`, with every defect named."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import section
from rexdynnet.network.fields import Name, Positive, Record
from rexdynnet.study.plan import Design, StopRule, StudyPlan
from rexdynnet.study.plan_file import SeededRecord, read_common, read_plan, read_record

_SECTIONS = ("fixed", "vary", "stop", "keep")


def _design(value: Any) -> Any:
    names = {design.name.lower(): design for design in Design}
    if isinstance(value, str) and value.lower() not in names:
        raise ValueError(f"the design {value!r} is unknown|use one of {', '.join(names)}")
    return names[value.lower()] if isinstance(value, str) else value


class StudyRecord(SeededRecord):
    """Keys above the first section."""

    scenarios: tuple[Name, ...]
    design: Annotated[Design, BeforeValidator(_design)] = Design.FULL_FACTORIAL
    samples: Annotated[int, Field(ge=0)] = 0


class StopRecord(Record):
    """Section `[stop]`."""

    figure: Name
    half_width: Positive
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    least: Annotated[int, Field(ge=2)] = 5


class KeepRecord(Record):
    """Section `[keep]`."""

    trajectories: tuple[Name, ...]


def read_study(path: str | PathLike[str]) -> StudyPlan:
    """Read and check a study file.

    Parameters
    ----------
    path : str or path
        A TOML file; `docs/reference` lists its keys. Paths in it are relative to it.

    Returns
    -------
    StudyPlan

    Raises
    ------
    InputError
        With every finding, each naming file, row, field and remedy.
    """
    file = Path(path)
    findings: list[Finding] = []
    document, record = read_plan(StudyRecord, file, "study", _SECTIONS, findings)
    stop = None
    if "stop" in document.values:
        found = read_record(StopRecord, section(document, "stop", findings), findings)
        stop = StopRule(**found.model_dump()) if found else None
    keep = None
    if "keep" in document.values:
        kept = read_record(KeepRecord, section(document, "keep", findings), findings)
        keep = kept.trajectories if kept else None
    common = read_common(document, record, "study", findings)
    if record is None or findings:
        raise InputError(*findings)
    return StudyPlan(
        scenarios=tuple(file.parent / name for name in record.scenarios),
        seeds=common.seeds,
        vary=common.vary,
        fixed=common.fixed,
        design=record.design,
        samples=record.samples,
        design_seed=record.seed,
        stop=stop,
        keep=keep,
        source=file,
    )
