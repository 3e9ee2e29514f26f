"""Sphinx configuration: every page's code is executed, every warning is an error."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "_ext"), str(ROOT)]

# Cells run in kernels of this interpreter, with this environment's commands, like the reader's.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["REXDYNNET_ROOT"] = str(ROOT)
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(ROOT), str(HERE / "_ext"), os.environ.get("PYTHONPATH", "")]
)
os.environ.setdefault("COLUMNS", "100")
os.environ.setdefault("NO_COLOR", "1")

import rexdynnet  # noqa: E402

project = "RexDynNet"
author = "RexDynNet developers"
copyright = "2026, RexDynNet developers"
version = release = rexdynnet.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
]
exclude_patterns = ["_build", "_ext", "jupyter_execute"]
suppress_warnings = ["mystnb.unknown_mime_type"]

html_theme = "furo"
html_title = f"RexDynNet {release}"
html_static_path = ["_static"]
html_copy_source = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "force"
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True

linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [r"https?://(localhost|127\.|10\.)"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "show-inheritance": False}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
python_use_unqualified_type_names = True

# Code spans are written with single backticks in docstrings.
default_role = "code"


def _escape_mathematics(_app, _what, _name, _obj, _options, lines: list[str]) -> None:
    # |Δp| is a magnitude and a*b a product in these docstrings, never markup.
    in_example = False
    for at, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            spans = re.split(r"(`[^`]*`)", line)
            spans[::2] = [re.sub(r"(?<!\\)([|*])", r"\\\1", text) for text in spans[::2]]
            # A letter right after a code span (plural s) would keep the span from ending.
            spans[2::2] = [rf"\ {text}" if text[:1].isalnum() else text for text in spans[2::2]]
            lines[at] = "".join(spans)


def _skip_foreign(_app, _what, _name, obj, _skip, _options) -> bool | None:
    # matplotlib writes members into subclasses of its own; they are documented there.
    return True if str(getattr(obj, "__module__", "")).startswith("matplotlib") else None


def setup(app: Sphinx) -> None:
    """Write one reference page per module before the sources are read."""
    from api_pages import write_api_pages

    app.connect("builder-inited", lambda _: write_api_pages(ROOT / "rexdynnet", HERE))
    app.connect("autodoc-process-docstring", _escape_mathematics, priority=100)
    app.connect("autodoc-skip-member", _skip_foreign)
