"""Where the measured and published validation data are, or a skip that says what is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

VALIDATION = Path(
    os.environ.get("REXDYNNET_VALIDATION", ROOT.parent / "shared" / "validation")
).resolve()
"""The folder of validation cases; it may be absent, so read it through `validation`."""

needs_validation = pytest.mark.skipif(
    not VALIDATION.is_dir(),
    reason="the validation data are not here: no folder ../shared/validation beside the "
    "repository and none named by REXDYNNET_VALIDATION",
)
"""Mark for tests that read the validation data."""


def validation(*parts: str) -> Path:
    """Path of a validation file; skips the test where it is absent.

    Parameters
    ----------
    *parts : str
        Path below the folder of validation cases.

    Returns
    -------
    Path
    """
    path = VALIDATION.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"validation data are not here: {'/'.join(parts) or 'shared/validation'}")
    return path
