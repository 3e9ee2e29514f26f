"""One self-contained HTML page that tells the story of a run, a study or a tuning."""

from __future__ import annotations

from rexdynnet.report.page import Page, Section, render
from rexdynnet.report.run import run_page
from rexdynnet.report.study import study_page, tuning_page
from rexdynnet.report.violations import Bound, Violation, find_violations

__all__ = [
    "Bound",
    "Page",
    "Section",
    "Violation",
    "find_violations",
    "render",
    "run_page",
    "study_page",
    "tuning_page",
]
