"""What every test shares: one property-test profile and the doctests' small names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from matplotlib.backend_bases import RendererBase

from tests.data import ROOT, validation

# Same examples on every run: a red build must be reproducible. Timing is the machine's affair.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def validation_data() -> Path:
    """The folder of validation cases (skips where it is absent)."""
    return validation()


@pytest.fixture(scope="session")
def models() -> Path:
    """The shipped networks, scenarios and series."""
    return ROOT / "models"


_NEW_GRAPHICS_CONTEXT = RendererBase.new_gc


@pytest.fixture(autouse=True)
def _own_graphics_context() -> None:
    """Undo pandapipes' change of matplotlib: importing it breaks every later SVG file."""
    RendererBase.new_gc = _NEW_GRAPHICS_CONTEXT
