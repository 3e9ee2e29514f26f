from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.seeds import Purpose, stream


def test_a_stream_is_the_same_on_every_machine() -> None:
    # Computed once; a change here would change every published result.
    drawn = stream(1, Purpose.DEMAND_SHIFT, "substation_1", 3).integers(0, 2**31, 3)
    assert drawn.tolist() == [128237743, 1723195756, 514739397]


def test_every_part_of_the_key_makes_another_stream() -> None:
    keys = [
        (1, Purpose.DEMAND_SHIFT, "a", 0),
        (2, Purpose.DEMAND_SHIFT, "a", 0),
        (1, Purpose.DEMAND_DAY, "a", 0),
        (1, Purpose.DEMAND_SHIFT, "b", 0),
        (1, Purpose.DEMAND_SHIFT, "a", 1),
    ]
    draws = [stream(*key).normal(size=4) for key in keys]
    assert len({tuple(draw) for draw in draws}) == len(keys)


def test_streams_of_neighbouring_units_are_uncorrelated() -> None:
    draws = np.array([stream(1, Purpose.SENSOR_NOISE, "a", unit).normal() for unit in range(2000)])
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 0.08
    assert abs(draws.mean()) < 0.08


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="negative"):
        stream(-1, Purpose.NETWORK)
