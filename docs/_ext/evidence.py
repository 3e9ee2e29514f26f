"""Tables of the evidence pages, from what the commands printed as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

ROOT = Path(os.environ["REXDYNNET_ROOT"])
SHIPPED = ROOT / "docs" / "evidence"
VALIDATION = Path(os.environ.get("REXDYNNET_VALIDATION", ROOT.parent / "shared" / "validation"))


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


def validation_results() -> tuple[list[dict[str, Any]], list[Any], str]:
    """What `rexdynnet validate --json` answers, the predictions, and where they come from.

    Returns
    -------
    list of dict, list of Prediction, str
        Without the data: the last shipped answer and no predictions.
    """
    if not measured_now():
        note = "The validation data are not on this machine; these are the last shipped results."
        return _shipped("validation.json"), [], note
    from rexdynnet.study.validate import run_validation

    found = run_validation(VALIDATION)
    return found.records(), list(found.predictions), "Computed while this page was built."


def bench_results(name: str) -> list[dict[str, Any]]:
    """Last shipped answer of `rexdynnet bench NAME --json`; it takes too long for every build."""
    if not (SHIPPED / f"bench_{name}.json").exists():
        print("No figures are shipped yet; `make evidence` measures them.")
        return []
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


def fields(kind: Any) -> Html:
    """Show the fields of a record of a file, as the reader knows them.

    Parameters
    ----------
    kind : type of `rexdynnet.network.records.Record`
    """
    return table(
        ["field", "default"], [(name, _default(info)) for name, info in kind.model_fields.items()]
    )


def options(kind: Any) -> Html:
    """Show the fields of a dataclass of options with their defaults.

    Parameters
    ----------
    kind : type of dataclass
    """
    rows = [(item.name, item.default) for item in dataclasses.fields(kind)]
    return table(
        ["option", "default"],
        [
            (
                name,
                value.value
                if isinstance(value, Enum)
                else _text(list(value) if isinstance(value, tuple) else value),
            )
            for name, value in rows
        ],
    )


def _default(info: Any) -> str:
    if info.is_required():
        return "required"
    if info.default is None or info.default in ("", ()):
        return "optional"
    return info.default.name.lower() if isinstance(info.default, Enum) else _text(info.default)


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
