"""An identified building behind substations: its zones against the matrices of its network."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.dae import build_dae, linearise
from rexdynnet.dae.components.flats import Flats
from rexdynnet.errors import InputError
from rexdynnet.identify.synthetic import make_building
from rexdynnet.network.rc import Estimate, Quantity, RCNetwork, parameters_of
from rexdynnet.network.spec import Building, FixedReturn, Substation
from tests.unit.dae.cases import house, outputs, ring, settled

AT = {"house_a": "flat_1_1", "house_b": "flat_1_2", "house_c": "flat_2_1"}
HEAT = {"house_a": 2.0e3, "house_b": 1.2e3, "house_c": 0.4e3}


def units(**settings: object) -> tuple[Substation, ...]:
    law = FixedReturn(313.15)
    chosen = {"design_heat_W": 6e3, "valve_kv_kg_per_s": 0.2, "return_law": law, **settings}
    return tuple(house(place, **chosen) for place in "abc")


def flats(thermal: RCNetwork) -> Flats:
    return Flats("tower", thermal, units(), AT)


def with_masses() -> RCNetwork:
    zones = ("flat_1_1", "flat_1_2", "flat_2_1")
    numbers = {
        Quantity.CAPACITY: 1e6,
        Quantity.MASS_CAPACITY: 2e7,
        Quantity.MASS_CONDUCTANCE: 150.0,
        Quantity.GAIN: 100.0,
        Quantity.OUTDOOR: 30.0,
        Quantity.MASS_OUTDOOR: 10.0,
    }
    given = {
        one: Estimate(*(numbers.get(one.quantity, 1e-3),) * 3)
        for one in parameters_of(zones, True, 1, ())
    }
    return RCNetwork(zones, True, (12.0,), given, ())


@pytest.mark.parametrize("thermal", [make_building(2, 2, seed=2), with_masses()])
def test_zones_settle_where_the_thermal_network_balances_the_substations_heat(thermal) -> None:
    network = replace(ring(), substations=units())
    dae = build_dae(network, extras=(flats(thermal),))
    given = {f"{name}__heat_demand": heat for name, heat in HEAT.items()}
    point = settled(dae, outdoor__temperature=268.15, tower__radiation_0=80.0, **given)
    y = outputs(dae, point)
    space, zones = thermal.state_space(), thermal.zones
    heat = np.zeros(len(zones))
    for name, zone in AT.items():
        assert y[f"{name}.heat"] == pytest.approx(HEAT[name], rel=1e-6)
        heat[zones.index(zone)] = y[f"{name}.heat"]
    u = np.concatenate([[268.15], heat, [80.0, 1.0]])
    balance = np.linalg.solve(space.A, -space.B @ u)
    for row, zone in enumerate(zones):
        # the steady state is told by rates: slow masses are left with a trace
        assert y[f"tower.{zone}_temperature"] == pytest.approx(balance[row], abs=1e-2)


def test_neighbouring_zones_conduct_in_the_linear_model_as_in_the_thermal_network() -> None:
    thermal = make_building(2, 2, seed=2)
    dae = build_dae(replace(ring(), substations=units()), extras=(flats(thermal),))
    given = {f"{name}__heat_demand": heat for name, heat in HEAT.items()}
    point = settled(dae, outdoor__temperature=268.15, **given)
    model = linearise(dae, point)
    a = dae.x_names.index("tower.flat_1_1_temperature")
    b = dae.x_names.index("tower.flat_1_2_temperature")
    assert np.asarray(model.A)[a, b] == pytest.approx(thermal.state_space().A[0, 1], rel=1e-6)


def test_a_model_with_flats_is_pickled_and_stated_anew() -> None:
    dae = build_dae(replace(ring(), substations=units()), extras=(flats(with_masses()),))
    back = pickle.loads(pickle.dumps(dae))
    assert back.x_names == dae.x_names
    assert "tower.flat_2_1_mass_temperature" in back.x_names


def test_flats_that_fit_no_substation_are_refused() -> None:
    thermal = make_building(2, 2, seed=2)
    with pytest.raises(InputError, match="house_c heats no zone"):
        Flats("tower", thermal, units(), {**AT, "house_c": "attic"})
    with pytest.raises(InputError, match="heated by two"):
        Flats("tower", thermal, units(), {**AT, "house_c": "flat_1_1"})
    own = Building(5e7, 200.0)
    with pytest.raises(InputError, match="building of its own"):
        Flats("tower", thermal, (house("a", building=own),), AT)
