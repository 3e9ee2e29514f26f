"""A flat's store against the thermal network that it came from."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.identify.synthetic import make_building
from rexdynnet.network.rc import Quantity
from rexdynnet.study.heat_store import heat_store


def test_a_shift_moves_the_rooms_as_the_networks_own_equations_say():
    network = make_building(2, 2, seed=3)
    store = heat_store(network, "flat_1_2", unit_s=900.0, band_K=1.0, most_W=6e3)
    space, x, y = network.state_space(), np.zeros(4), np.zeros(4)
    pulse = 500.0 * 4.0 * space.B[:, 2]
    for _ in range(90000):
        x = x + 0.01 * (space.A @ x + pulse)
    y = store.transition @ np.zeros(4) + store.gain_K_per_Wh * 500.0
    assert y == pytest.approx(x, rel=1e-3, abs=1e-7)
    assert store.most_Wh == 1500.0


def test_a_short_shift_is_bounded_by_band_times_capacity():
    network = make_building(2, 2, seed=3)
    store = heat_store(network, "flat_1_1", unit_s=900.0, band_K=0.5, most_W=20e3)
    charge, discharge = store.shiftable_Wh(np.full(1, 2500.0))
    held_Wh = 0.5 * network.value(Quantity.CAPACITY, "flat_1_1") / 3600.0
    assert charge == pytest.approx(held_Wh, rel=0.03)
    assert charge > held_Wh
    assert discharge == pytest.approx(-charge, rel=1e-6)


def test_a_flat_that_is_not_in_the_building_is_refused():
    with pytest.raises(InputError, match="attic"):
        heat_store(make_building(1, 2, 1), "attic", unit_s=900.0, band_K=1.0, most_W=6e3)
