"""What `rexdynnet report` does: read a run's folder, write its page."""

from __future__ import annotations

import json
from pathlib import Path

from rexdynnet.cli_output import KPIS, LEDGER, RESULT, read_result, staged
from rexdynnet.errors import Finding, InputError

REPORT = "report.html"


def report_to_file(run: Path, out: Path | None) -> Path:
    """Write the report of a run, a study or a tuning.

    Parameters
    ----------
    run : Path
        Folder that `simulate`, `run`, `study` or `tune` wrote, or a run's result.
    out : Path or None
        HTML file to write; None: report.html beside the result.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        No result there, damaged figures or ledger, or `out` cannot be written.
    """
    folder = run if run.is_dir() else run.parent
    file = folder / REPORT if out is None else out
    if file.suffix.lower() not in {".html", ".htm"}:
        raise InputError(Finding(f"{file} is no name of a page", "let it end in .html", file=file))
    text = _page(run, folder)
    with staged(file.parent) as aside:
        (aside / file.name).write_text(text, encoding="utf-8")
    return file


def _page(run: Path, folder: Path) -> str:
    from rexdynnet.report import run_page, study_page, tuning_page
    from rexdynnet.study.store import KPIS as STUDY_KPIS
    from rexdynnet.study.tune import TRIALS

    if run.is_dir() and not (run / RESULT).is_file():
        if (run / TRIALS).is_file():
            return tuning_page(run)
        if (run / STUDY_KPIS).is_file():
            return study_page(run)
    result = read_result(run)
    ledger = folder / LEDGER
    return run_page(result, _figures(folder / KPIS), ledger=ledger if ledger.is_file() else None)


def _figures(file: Path) -> dict[str, float] | None:
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return {key: float(value) for key, value in found.items() if key != "rungs"}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            Finding(
                f"the key figures cannot be read ({error})", "run the scenario again", file=file
            )
        ) from None
