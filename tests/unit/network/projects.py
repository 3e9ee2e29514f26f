"""A good network folder, and ways to change single texts in it."""

from __future__ import annotations

from pathlib import Path

from rexdynnet.network.new import new_project

MODELS = Path(__file__).resolve().parents[3] / "models" / "networks"


def good_folder(where: Path) -> Path:
    """A fresh copy of the starting project's network."""
    new_project(where / "project")
    return where / "project" / "network"


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text in one file; it must be there."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
