"""Tables of the evidence pages, from what the commands printed as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["REXDYNNET_ROOT"])
SHIPPED = ROOT / "docs" / "evidence"
VALIDATION = Path(
    os.environ.get("REXDYNNET_VALIDATION", ROOT.parent / "shared" / "validation")
)


class Html:
    """A piece of HTML that a notebook cell shows."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.text


def measured_now() -> bool:
    """Whether the validation data are here, so that the pages can be computed anew."""
    return VALIDATION.is_dir()


def validation_results() -> tuple[list[dict[str, Any]], str]:
    """Answer of `rexdynnet validate --json`, and where it comes from.

    Returns
    -------
    list of dict, str
    """
    if not measured_now():
        note = "The validation data are not on this machine; these are the last shipped results."
        return _shipped("validation.json"), note
    command = [sys.executable, "-m", "rexdynnet", "validate", "--json", "--data", str(VALIDATION)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if not done.stdout.strip().startswith("["):
        raise RuntimeError(done.stderr or "rexdynnet validate --json printed nothing")
    return json.loads(done.stdout), "Computed while this page was built."


def bench_results(name: str) -> list[dict[str, Any]]:
    """Last shipped answer of `rexdynnet bench NAME --json`; it takes too long for every build."""
    return _shipped(f"bench_{name}.json")


def _shipped(name: str) -> list[dict[str, Any]]:
    path = SHIPPED / name
    if not path.exists():
        raise FileNotFoundError(f"docs/evidence/{name} is missing; run `make evidence`")
    return json.loads(path.read_text(encoding="utf-8"))


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """Show rows under a header.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequences
        Numbers are shown with four digits; None as a dash; True and False as yes and no.
    """
    head = "".join(f"<th>{cell}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return Html(
        f'<table class="docutils"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def _text(cell: Any) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    if isinstance(cell, dict):
        return ", ".join(f"{key}: {_text(value)}" for key, value in cell.items())
    return str(cell)
