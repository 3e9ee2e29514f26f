"""The files of the repository, as version control sees them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.data import ROOT

PACKAGE = ROOT / "rexdynnet"


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every tracked file that exists; without version control, every file outside .venv."""
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return tuple(path for path in paths if path.is_file())


def text_of(path: Path) -> str | None:
    """Contents of a text file; None for a picture or another binary."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def modules() -> tuple[Path, ...]:
    """Every module of the package."""
    return tuple(sorted(PACKAGE.rglob("*.py")))


def public_definitions(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Public functions, classes and methods of a module, with their dotted names."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    scopes: list[tuple[str, ast.Module | ast.ClassDef]] = [("", tree)]
    while scopes:
        prefix, scope = scopes.pop()
        for child in scope.body:
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if child.name.startswith("_") or _is_overload(child):
                continue
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                scopes.append((f"{prefix}{child.name}.", child))


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    names = (ast.unparse(decorator) for decorator in node.decorator_list)
    return any(name.endswith(("overload", ".setter")) for name in names)
