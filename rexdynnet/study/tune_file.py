"""From a tuning file to a `TuningPlan`, with every defect named."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Annotated

from pydantic import Field

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.entries import read_toml, section
from rexdynnet.network.fields import Name, Record
from rexdynnet.study.plan import drawn_seeds
from rexdynnet.study.study_file import check_format, flat, read_head, read_record, read_spreads
from rexdynnet.study.tuning import Objective, TuningPlan

FORMAT = 1
_SECTIONS = ("fixed", "vary", "prune")


class TuningRecord(Record):
    """Keys above the first section."""

    format: int
    scenario: Name
    minimise: tuple[Name, ...] = ()
    maximise: tuple[Name, ...] = ()
    trials: Annotated[int, Field(ge=1)] = 40
    seeds: tuple[int, ...] = ()
    draws: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 1
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
    document = read_toml(file, findings)
    if document is None:
        raise InputError(*findings)
    check_format(document, FORMAT, "tuning")
    record = read_head(TuningRecord, document, _SECTIONS, findings)
    fixed = flat(section(document, "fixed", findings).values)
    vary = read_spreads(section(document, "vary", findings), findings)
    prune = None
    if "prune" in document.values:
        prune = read_record(PruneRecord, section(document, "prune", findings), findings)
    if record is not None and (not record.seeds) == (record.draws is None):
        what = f"the tuning has {'neither seeds nor' if not record.seeds else 'seeds and'} draws"
        findings.append(Finding(what, "give draws = 4, or a list of seeds", file, field="seeds"))
    if record is None or findings:
        raise InputError(*findings)
    wanted = [Objective(name) for name in record.minimise]
    wanted += [Objective(name, largest=True) for name in record.maximise]
    return TuningPlan(
        scenario=file.parent / record.scenario,
        vary=vary,
        seeds=record.seeds or drawn_seeds(record.draws or 0, record.seed),
        objectives=tuple(wanted),
        trials=record.trials,
        fixed=fixed,
        cvar=record.cvar,
        prune_after=prune.after if prune else (),
        seed=record.seed,
        source=file,
    )
