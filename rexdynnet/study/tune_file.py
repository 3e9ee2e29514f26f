"""From a tuning file to a `TuningPlan`, with every defect named."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import section
from rexdynnet.network.fields import Name, Record
from rexdynnet.study.plan_file import SeededRecord, read_common, read_plan, read_record
from rexdynnet.study.tuning import Objective, TuningPlan

_SECTIONS = ("fixed", "vary", "prune")


class TuningRecord(SeededRecord):
    """Keys above the first section."""

    scenario: Name
    minimise: tuple[Name, ...] = ()
    maximise: tuple[Name, ...] = ()
    trials: Annotated[int, Field(ge=1)] = 40
    cvar: Annotated[float, Field(ge=0, lt=1)] = 0.0


class PruneRecord(Record):
    """Section `[prune]`."""

    after: tuple[Name, ...]


def read_tuning(path: str | PathLike[str]) -> TuningPlan:
    """Read and check a tuning file.

    Parameters
    ----------
    path : str or path
        A TOML file; `docs/reference` lists its keys. Paths in it are relative to it.

    Returns
    -------
    TuningPlan

    Raises
    ------
    InputError
        With every finding, each naming file, row, field and remedy.
    """
    file = Path(path)
    findings: list[Finding] = []
    document, record = read_plan(TuningRecord, file, "tuning", _SECTIONS, findings)
    prune = None
    if "prune" in document.values:
        prune = read_record(PruneRecord, section(document, "prune", findings), findings)
    common = read_common(document, record, "tuning", findings)
    if record is None or findings:
        raise InputError(*findings)
    wanted = [Objective(name) for name in record.minimise]
    wanted += [Objective(name, largest=True) for name in record.maximise]
    return TuningPlan(
        scenario=file.parent / record.scenario,
        vary=common.vary,
        seeds=common.seeds,
        objectives=tuple(wanted),
        trials=record.trials,
        fixed=common.fixed,
        cvar=record.cvar,
        prune_after=prune.after if prune else (),
        seed=record.seed,
        source=file,
    )
