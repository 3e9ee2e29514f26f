"""The measured house of nine zones, where it is present."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[4] / "shared/validation/zones_house/zones_hourly.csv"
needs_house = pytest.mark.skipif(
    not FILE.is_file(), reason="../shared/validation/zones_house is absent"
)
