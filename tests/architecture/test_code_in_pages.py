"""Code that people copy is code that runs."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.architecture.tracked import ROOT, tracked_files

PYTHON_FENCE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize(
    "page",
    [
        path
        for path in tracked_files()
        if path.suffix == ".md" and path.is_relative_to(ROOT / "docs")
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_python_in_the_docs_is_in_executed_cells(page):
    # `make docs` executes code cells; a plain fence would never run.
    assert not PYTHON_FENCE.findall(page.read_text(encoding="utf-8"))


def test_python_in_the_readme_runs(tmp_path):
    blocks = PYTHON_FENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert blocks
    (tmp_path / "models").symlink_to(ROOT / "models")
    _run([sys.executable, "-W", "error", "-c", "\n".join(blocks)], tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example, tmp_path):
    (tmp_path / "models").symlink_to(ROOT / "models")
    _run([sys.executable, "-W", "error", str(example)], tmp_path)


def _run(command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
