"""Reference pages of the modules, made from the package as it stands."""

from __future__ import annotations

import ast
from pathlib import Path

GROUPS = {
    "rexdynnet": "Names for users",
    "network": "network: data and graphs",
    "physics": "physics: laws",
    "dae": "dae: the symbolic model",
    "simulation": "simulation: plants and results",
    "control": "control: controllers, observers, prices",
    "safety": "safety: the hybrid automaton and temporal rules",
    "market": "market: the reservation exchange",
    "identify": "identify: a building's thermal network from its meters",
    "interchange": "interchange: networks, weather, results and plants of other programs",
    "study": "study: scenarios, validation, benchmarks",
    "plot": "plot: pictures",
}


def write_api_pages(package: Path, docs: Path) -> None:
    """Write `generated/api/*.rst`, one page per module, and their index.

    Parameters
    ----------
    package : Path
        Folder of the package.
    docs : Path
        Folder of the documentation.
    """
    target = docs / "generated" / "api"
    target.mkdir(parents=True, exist_ok=True)
    names = sorted(name for path in package.rglob("*.py") if (name := _module(package, path)))
    wanted = {f"{name}.rst": _page(name) for name in names}
    wanted["index.rst"] = _index(names)
    for old in target.glob("*.rst"):
        if old.name not in wanted:
            old.unlink()
    for file, text in wanted.items():
        path = target / file
        # An unchanged page keeps its time stamp, so that Sphinx rebuilds only what changed.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _module(package: Path, path: Path) -> str:
    if path.name == "__main__.py":
        return ""
    parts = [package.name, *path.relative_to(package).with_suffix("").parts]
    if parts[-1] == "__init__":
        parts.pop()
        # A package that only gathers its modules has no page of its own.
        if len(parts) > 1 and not _defines(path):
            return ""
    return "" if any(part.startswith("_") for part in parts) else ".".join(parts)


def _defines(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in tree.body)


def _page(name: str) -> str:
    return f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n"


def _index(names: list[str]) -> str:
    lines = ["Modules", "=======", ""]
    grouped: dict[str, list[str]] = {}
    for name in names:
        part = name.split(".")[1] if name.count(".") else "rexdynnet"
        grouped.setdefault(part if part in GROUPS else "rexdynnet", []).append(name)
    for group, title in GROUPS.items():
        if group in grouped:
            lines += [".. toctree::", "   :maxdepth: 1", f"   :caption: {title}", ""]
            lines += [f"   {name}" for name in grouped[group]] + [""]
    return "\n".join(lines)
