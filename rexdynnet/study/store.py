"""The folder of a study: a record per run while it goes on, tables when it is done.

`runs/KEY.json` and `trajectories/KEY.zarr.zip` are each written whole or not at all, the record
last: where it is, the run is complete.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.plant import write_atomically
from rexdynnet.study.execute import RunOutcome
from rexdynnet.study.plan import RunTask
from rexdynnet.study.trajectories import SUFFIX

if TYPE_CHECKING:
    import pandas as pd

KPIS, TIMINGS = "kpis.parquet", "timings.parquet"
_RUNS, _TRAJECTORIES = "runs", "trajectories"
_FORMAT = 1


@dataclass(frozen=True)
class StudyFolder:
    """Where a study keeps what it has done.

    Parameters
    ----------
    path : Path
    """

    path: Path

    def found(self, task: RunTask) -> RunOutcome | None:
        """What a run gave, without its trajectories; None where it is still to be done."""
        try:
            text = (self.path / _RUNS / f"{task.key}.json").read_text(encoding="utf-8")
            record = json.loads(text)
            figures = {n: math.nan if v is None else float(v) for n, v in record["figures"].items()}
            error, trace = str(record["error"]), str(record["trace"])
            spent = float(record["elapsed_s"]), float(record["cpu_s"])
            kept = record["keep"]
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None  # a record that cannot be read is worth no more than none: run again
        complete = kept == _kept(task) and self.trajectories(task.key).exists()
        if not error and task.keep != () and not complete:
            return None
        return RunOutcome(figures, error, trace, None, *spent)

    def trajectories(self, key: str) -> Path:
        """File of a run's trajectories."""
        return self.path / _TRAJECTORIES / f"{key}{SUFFIX}"

    def keep(self, task: RunTask, outcome: RunOutcome) -> None:
        """Write what a run gave.

        Raises
        ------
        InputError
            The folder cannot be written, for example because the disk is full.
        """
        record = {
            "format": _FORMAT,
            "scenario": str(task.scenario),
            "scenario_hash": task.scenario_hash,
            "version": task.version,
            "seed": task.seed,
            "overrides": dict(task.overrides),
            "keep": _kept(task),
            "error": outcome.error,
            "trace": outcome.trace,
            "elapsed_s": outcome.elapsed_s,
            "cpu_s": outcome.cpu_s,
            "figures": {n: v if math.isfinite(v) else None for n, v in outcome.figures.items()},
        }
        text = json.dumps(record, indent=1, default=str) + "\n"
        if outcome.trajectories is not None:
            self.write(self.trajectories(task.key), outcome.trajectories)
        self.write(self.path / _RUNS / f"{task.key}.json", text.encode())

    def write(self, file: Path, data: bytes) -> None:
        """Write a file of the folder, whole or not at all.

        Raises
        ------
        InputError
            The folder cannot be written, for example because the disk is full.
        """
        try:
            write_atomically(file, data)
        except OSError as error:
            raise InputError(
                Finding(
                    f"{self.path} cannot be written ({error.strerror})",
                    "make room or mend its permissions and repeat the command: every finished "
                    "run that could be written is kept",
                    file,
                )
            ) from error


def _kept(task: RunTask) -> list[str] | None:
    return None if task.keep is None else list(task.keep)


def kpi_table(
    tasks: Sequence[RunTask], outcomes: Mapping[str, RunOutcome], varied: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of a study: what came of each run, and how long it took.

    Parameters
    ----------
    tasks : sequence of RunTask
    outcomes : mapping of key to RunOutcome
        Of all tasks.
    varied : sequence of str
        Overrides that differ from arm to arm; each becomes a column.

    Returns
    -------
    kpis : DataFrame
        A row per run, by arm and seed; NaN where a run failed.
    timings : DataFrame
        Apart from the figures, which depend on nothing but the study.
    """
    import pandas as pd

    ordered = sorted(tasks, key=lambda task: task.arm)  # stable: seeds stay in their order
    names = list(dict.fromkeys(name for one in outcomes.values() for name in one.figures))
    rows = [outcomes[task.key] for task in ordered]
    head = {
        "run": [task.key for task in ordered],
        "scenario": [task.scenario.stem for task in ordered],
        "arm": [task.arm for task in ordered],
        "seed": [task.seed for task in ordered],
    }
    changed = {name: _column([task.overrides.get(name) for task in ordered]) for name in varied}
    figures = {name: [row.figures.get(name, math.nan) for row in rows] for name in names}
    failed = {"error": [row.error for row in rows]}
    kpis = pd.DataFrame({**head, **changed, **failed, **figures})
    spent = {"elapsed_s": [r.elapsed_s for r in rows], "cpu_s": [r.cpu_s for r in rows]}
    return kpis, pd.DataFrame({"run": head["run"], **spent})


def _column(values: Sequence[object]) -> list[object]:
    """Values of one kind: numbers stay, all else becomes text."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return [float(value) for value in values if isinstance(value, int | float)]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


def parquet_bytes(table: pd.DataFrame, varied: Sequence[str] = ()) -> bytes:
    """A table as Parquet; the same table gives the same bytes.

    Parameters
    ----------
    table : DataFrame
    varied : sequence of str
        Noted in the file, so that a reader tells overrides from figures.

    Returns
    -------
    bytes
    """
    arrow, parquet = parquet_package(), import_module("pyarrow.parquet")
    made = arrow.Table.from_pandas(table, preserve_index=False)
    note = json.dumps({"format": _FORMAT, "varied": list(varied)})
    buffer = io.BytesIO()
    parquet.write_table(made.replace_schema_metadata({"rexdynnet": note}), buffer)
    return buffer.getvalue()


def read_table(file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Read a table that a study wrote.

    Parameters
    ----------
    file : Path

    Returns
    -------
    table : DataFrame
    varied : tuple of str

    Raises
    ------
    InputError
        There is none, it is not a study's, or of another version of the format.
    """
    arrow, parquet = parquet_package(), import_module("pyarrow.parquet")
    if not file.is_file():
        remedy = "run `rexdynnet study` first, or repeat it where it was broken off"
        raise InputError(Finding("the study has no table", remedy, file))
    try:
        found = parquet.read_table(file)
        note = json.loads((found.schema.metadata or {})[b"rexdynnet"])
    except (arrow.ArrowInvalid, KeyError, ValueError) as error:
        remedy = "name the folder that `rexdynnet study` wrote"
        raise InputError(
            Finding(f"the file is no table of a study ({error})", remedy, file)
        ) from None
    if note.get("format") != _FORMAT:
        what = f"the table is of format {note.get('format')}, this version reads {_FORMAT}"
        raise InputError(Finding(what, "repeat the study with this version", file))
    return found.to_pandas(), tuple(note["varied"])


def parquet_package() -> Any:
    """The package pyarrow.

    Raises
    ------
    InputError
        It is not installed.
    """
    check_parquet()
    return import_module("pyarrow")


def check_parquet() -> None:
    """Check that tables can be written, without the time that loading the package takes.

    Raises
    ------
    InputError
        The package pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise InputError(
            Finding("pyarrow is not installed", "run `pip install 'rexdynnet[parquet]'`")
        )
