"""What holds for every module of the package."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib

import pytest

from tests.architecture.tracked import PACKAGE, ROOT, modules, public_definitions

LONGEST_MODULE = 500


def _name(path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_point_only_downward():
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_has_its_place_in_the_layers():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    placed = {
        part.strip().strip("()") for layer in layers for part in layer.replace("|", ":").split(":")
    }
    present = {
        f"rexdynnet.{path.stem}"
        for path in PACKAGE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem != "__init__"
    }
    assert present <= placed


@pytest.mark.parametrize("path", modules(), ids=_name)
def test_a_module_is_read_in_one_sitting(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < LONGEST_MODULE, f"{_name(path)} has {lines} lines: it holds more than one idea"


@pytest.mark.parametrize("path", modules(), ids=_name)
def test_a_module_and_what_it_offers_are_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [] if ast.get_docstring(tree) else ["the module itself"]
    bare += [name for name, node in public_definitions(path) if not ast.get_docstring(node)]
    assert not bare, f"without a docstring in {_name(path)}: {bare}"


@pytest.mark.parametrize("path", modules(), ids=_name)
def test_a_module_validates_without_assert(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not lines, f"python -O would drop the checks on lines {lines}; raise an error instead"
