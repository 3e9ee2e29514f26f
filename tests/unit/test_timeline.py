from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.errors import InputError
from rexdynnet.timeline import TimeUnit, as_utc, parse_utc, seconds_since, time_grid, units_from


def test_every_spelling_of_an_instant_is_the_same_instant() -> None:
    noon = datetime(2026, 1, 15, 12, tzinfo=UTC)
    assert parse_utc("2026-01-15T12:00Z") == noon
    assert parse_utc("2026-01-15T13:00+01:00") == noon
    assert parse_utc("2026-01-15 12:00") == noon
    assert parse_utc(date(2026, 1, 15)) == noon.replace(hour=0)


def test_what_is_no_instant_is_refused() -> None:
    with pytest.raises(InputError, match="ISO 8601"):
        parse_utc("15.1.2026", field="start_utc")
    with pytest.raises(InputError, match="time zone"):
        as_utc(datetime(2026, 1, 15))


def test_time_units_are_half_open_and_follow_one_another() -> None:
    first, second = units_from(datetime(2026, 1, 15, tzinfo=UTC), 900.0, 2)
    assert first.end == second.start
    assert first.following() == second
    assert first.contains(first.start)
    assert not first.contains(first.end)
    assert seconds_since(first.start, second.start) == 900.0
    with pytest.raises(ValueError, match="no span"):
        TimeUnit(first.start, 0.0)


@given(st.floats(1.0, 1e8), st.floats(0.5, 1e6))
def test_a_grid_begins_at_zero_ends_at_the_end_and_never_steps_too_far(
    until_s: float, step_s: float
) -> None:
    if until_s / step_s > 1e5:
        step_s = until_s / 1e5
    grid = time_grid(until_s, step_s)
    assert grid[0] == 0
    assert grid[-1] == until_s
    assert np.all(np.diff(grid) > 0)
    assert np.diff(grid).max() <= step_s * (1 + 1e-6)


def test_a_whole_number_of_steps_leaves_no_sliver() -> None:
    assert len(time_grid(604800.0, 600.0)) == 1009
    assert len(time_grid(0.3, 0.1)) == 4
    with pytest.raises(InputError, match="positive"):
        time_grid(0.0, 1.0)
