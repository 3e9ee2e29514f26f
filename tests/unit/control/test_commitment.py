"""Which plants run when."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet import InputError
from rexdynnet.control.commitment import Candidate, HeatStore, commit

HOUR = 3600.0


def _plant(name, capacity, price, hours=4, **more):
    flat = np.ones(hours)
    least = more.pop("least", 0.0)
    return Candidate(name, capacity * flat, least, price * flat, **more)


def test_the_cheapest_plants_serve_a_demand_they_can_cover():
    plants = (_plant("dear", 100e3, 80.0), _plant("cheap", 60e3, 30.0))
    found = commit(plants, np.array([50e3, 50e3, 90e3, 50e3]), HOUR)
    assert found.of("dear").tolist() == [False, False, True, False]
    assert found.heat_W.sum(axis=1) == pytest.approx([50e3, 50e3, 90e3, 50e3])


def test_a_start_that_costs_more_than_it_saves_is_not_made():
    plants = (_plant("boiler", 100e3, 60.0, running=True), _plant("pump", 50e3, 55.0))
    dear = (plants[0], _plant("pump", 50e3, 55.0, start_cost_EUR=50.0))
    demand = np.full(4, 50e3)
    assert commit(plants, demand, HOUR).of("pump").all()
    assert not commit(dear, demand, HOUR).of("pump").any()


def test_planned_outages_are_honoured_and_what_lacks_is_said():
    capacity = np.array([80e3, 0.0, 80e3, 80e3])
    plants = (Candidate("only", capacity, 10e3, 60.0 * np.ones(4), must_run=True),)
    found = commit(plants, np.full(4, 40e3), HOUR)
    assert found.of("only").tolist() == [True, False, True, True]
    assert found.unserved_W == pytest.approx([0.0, 40e3, 0.0, 0.0])


def test_the_reserve_margin_brings_another_plant_on_line():
    plants = (_plant("big", 100e3, 30.0, running=True), _plant("small", 30e3, 90.0))
    demand = np.full(4, 95e3)
    assert not commit(plants, demand, HOUR).of("small").any()
    assert commit(plants, demand, HOUR, margin=0.1).of("small").all()


def test_a_store_carries_cheap_heat_into_dear_hours():
    price = np.array([20.0, 20.0, 90.0, 90.0])
    plants = (Candidate("pump", 100e3 * np.ones(4), 0.0, price),)
    flat = 40e3 * np.ones(4)
    store = HeatStore(80e3 * HOUR, 0.0, flat, flat)
    found = commit(plants, flat, HOUR, store=store)
    assert found.heat_W[:2].sum() == pytest.approx(160e3)
    assert found.heat_W[2:].sum() == pytest.approx(0.0, abs=1e-3)


def test_negative_margins_are_refused():
    with pytest.raises(InputError, match="margin"):
        commit((_plant("a", 1e5, 30.0),), np.full(4, 1e4), HOUR, margin=-0.1)
