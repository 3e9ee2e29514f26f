"""What a restrictive mode does to the inputs, and in which order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import rexdynnet as rdn
from rexdynnet.safety.levers import Levers
from rexdynnet.safety.maintainer import SafetyMaintainer, make_maintainer
from rexdynnet.safety.margins import Cause
from rexdynnet.safety.zones import hydraulic_zones
from rexdynnet.simulation.plant import Inputs
from tests.data import ROOT

NETWORKS = ROOT / "models" / "networks"
DISCARD, RATION = (True, False), (False, True)


@pytest.fixture(scope="module")
def sunny() -> SafetyMaintainer:
    return make_maintainer(rdn.make_plant(rdn.read_network(NETWORKS / "destest16_solar")))


def given(maintainer: SafetyMaintainer, **values: float) -> Inputs:
    plant = maintainer.hand.plant
    named = {name.replace("__", "."): value for name, value in values.items()}
    rows = [
        [named.get(signal.name, signal.default or 0.0) for signal in signals]
        for signals in (plant.controls, plant.disturbances)
    ]
    return Inputs(np.array(rows[0]), np.array(rows[1]))


def discard(
    maintainer: SafetyMaintainer, withheld_W: float, stuck: frozenset[str] = frozenset()
) -> Levers:
    hand = maintainer.hand
    inputs = given(maintainer, heat_pump__heat=15e3, solar__heat=90e3)
    relief = replace(hand.fresh(), withheld_W=np.array([withheld_W]))
    return hand.levers(relief, (DISCARD,), inputs, None, None, 0.0, stuck)


def test_discard_refuses_plants_that_obey_before_it_opens_the_cooler(
    sunny: SafetyMaintainer,
) -> None:
    some, more = discard(sunny, 21e3), discard(sunny, 125e3)
    np.testing.assert_allclose(some.heat_W[1:], [72e3, 12e3])
    assert some.dump_W.tolist() == [0.0]
    np.testing.assert_allclose(more.heat_W[1:], [0.0, 0.0])
    assert more.dump_W.tolist() == [20e3]


def test_a_plant_that_follows_no_command_is_not_counted_on(sunny: SafetyMaintainer) -> None:
    found = discard(sunny, 40e3, frozenset({"solar.heat"}))
    assert np.isinf(found.heat_W[1])
    assert found.heat_W[2] == 0.0
    assert found.dump_W.tolist() == [25e3]


def test_water_that_no_set_point_cools_trips_the_plant(sunny: SafetyMaintainer) -> None:
    hand, inputs = sunny.hand, given(sunny)
    seen = replace(_seen(sunny), plant_K=np.array([375.0, 340.0, 340.0]))
    margins = np.array([[-1.0, 1.0]])
    found = hand.adapted(hand.fresh(), (DISCARD,), margins, seen, inputs, 60.0)
    assert dict(found.tripped) == {"boiler": 60.0 + hand.settings.reset_s}
    out = hand.apply(hand.levers(found, (DISCARD,), inputs, None, seen, 61.0), inputs, frozenset())
    at = hand.inputs["boiler.availability"]
    assert (inputs.disturbances[at], out.disturbances[at]) == (1.0, 0.0)


def test_a_plant_whose_set_point_still_reads_too_hot_is_not_reset(sunny: SafetyMaintainer) -> None:
    hand = sunny.hand
    tripped = replace(hand.fresh(), tripped={"boiler": 3600.0})
    stuck = given(sunny, boiler__supply_temperature=373.8)
    mended = given(sunny, boiler__supply_temperature=343.15)
    assert hand.out(tripped, mended, 3599.0) == ("boiler",)
    assert hand.out(tripped, mended, 3601.0) == ()
    assert hand.out(tripped, stuck, 3601.0) == ("boiler",)


def test_ration_shares_what_the_plants_can_give_less_the_losses(sunny: SafetyMaintainer) -> None:
    hand = sunny.hand
    demands = {f"{s.name}__heat_demand": 20e3 for s in hand.network.substations}
    inputs = given(sunny, boiler__availability=0.5, **demands)
    seen = replace(_seen(sunny), loss_W=8e3)
    found = hand.levers(hand.fresh(), (RATION,), inputs, None, seen, 0.0)
    np.testing.assert_allclose(found.share, (200e3 - 8e3) / 320e3)
    changed = hand.apply(found, inputs, frozenset())
    at = hand.inputs["substation_3.heat_demand"]
    assert changed.disturbances[at] == pytest.approx(20e3 * 192 / 320)


def test_pressure_that_stays_low_tightens_the_limit_and_recovery_loosens_it(
    sunny: SafetyMaintainer,
) -> None:
    hand = sunny.hand
    inputs = given(sunny, **{f"{s.name}__heat_demand": 1e4 for s in hand.network.substations})
    seen = replace(_seen(sunny), delivered_W=np.full(16, 1e4))
    relief = hand.entered(hand.fresh(), 0, Cause.WEAK, seen, inputs, 0.0)
    assert relief.limit_W[0] == pytest.approx(144e3)
    tighter = hand.adapted(relief, (RATION,), np.array([[1.0, -0.4]]), seen, inputs, 300.0)
    assert tighter.limit_W[0] < 0.8 * relief.limit_W[0]
    looser = hand.adapted(tighter, (RATION,), np.array([[1.0, 0.5]]), seen, inputs, 600.0)
    assert looser.limit_W[0] == pytest.approx(1.15 * tighter.limit_W[0])


def test_a_pump_parts_a_network_into_zones_named_by_what_feeds_them() -> None:
    zones = hydraulic_zones(rdn.read_network(NETWORKS / "destest16_two_zones"))
    assert [zone.name for zone in zones] == ["behind_booster", "at_boiler"]
    assert [len(zone.substations) for zone in zones] == [8, 8]
    assert zones[0].pumps == (0,)
    assert zones[0].plants == ()
    assert zones[0].balancing == zones[1].balancing == (0,)


def test_two_zones_make_the_product_of_their_modes() -> None:
    network = rdn.read_network(NETWORKS / "destest16_two_zones")
    machine = make_maintainer(rdn.make_plant(network)).automaton
    assert len(machine.modes) == 16
    assert machine.initial == "behind_booster normal | at_boiler normal"
    # entering never waits, returning always does
    for each in machine.transitions:
        assert (each.dwell_s > 0.0) is each.name.endswith("recovers")


def _seen(maintainer: SafetyMaintainer):
    from rexdynnet.safety.levers import Seen

    plants = len(maintainer.hand.network.plants)
    cool = np.full(plants, 313.15)
    return Seen(np.zeros(16), np.zeros(plants), cool, cool, 0.0, 0.0)
