"""Values planted into the plug-flow plant are found again from what its sensors record."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.identify.calibrate import Law, Recorded, Unknown, calibrate, calibrated
from rexdynnet.network.rc import Verdict
from rexdynnet.network.spec import Exchanger
from rexdynnet.signals import Hold, Signal
from rexdynnet.simulation.dataset import series
from rexdynnet.simulation.forcing import Forcing
from rexdynnet.simulation.simulate import make_plant, simulate
from tests.unit.dae.cases import house, pair, trench

HOURS = 24
UNTIL = HOURS * 3600.0
PIPES = ("i-h_supply", "i-h_return")
UNKNOWNS = (
    Unknown("supply loss", Law.HEAT_LOSS, ("i-h_supply",)),
    Unknown("roughness", Law.ROUGHNESS, PIPES),
    Unknown("exchanger", Law.CLEANNESS, ("house_h",)),
)
PLANTED = {"supply loss": 1.5, "roughness": 3.0, "exchanger": 0.75}
SENSORS = {
    "h_supply.temperature": 0.1,
    "house_h.return_temperature": 0.1,
    "house_h.mass_flow": 0.005,
    "house_h.differential_pressure": 500.0,
}


def network():
    unit = house(return_law=Exchanger(4000.0, 328.15, 308.15))
    return pair(unit, pipes=trench("i", "h", 400.0))


def forcing(size=1.0):
    hours = np.arange(HOURS + 1.0)
    demand = 25e3 + size * (15e3 * np.sin(2 * np.pi * hours / 12) + 5e3 * (hours % 5 > 3))
    supply = 353.15 + size * 5.0 * np.sin(2 * np.pi * hours / 24)
    columns = (
        Signal("house_h", "heat_demand", "W"),
        Signal("boiler", "supply_temperature", "K", hold=Hold.LINEAR),
    )
    return Forcing(3600.0 * hours, np.column_stack([demand, supply]), columns)


def recorded(seed=1, gaps=0.0):
    plant = make_plant(network())
    names = [signal.name for signal in plant.parameters]
    values = np.array([signal.default or 0.0 for signal in plant.parameters])
    for one in UNKNOWNS:
        for component in one.components:
            at = names.index(f"{component}.{one.law.quantity}")
            values[at] = one.law.parameter(PLANTED[one.name])
    run = simulate(plant, forcing(), UNTIL, parameters=values)
    draws = np.random.default_rng(seed)
    found = []
    for name, deviation in SENSORS.items():
        clean = np.asarray(series(run, name))
        noisy = clean + deviation * draws.normal(size=clean.shape)
        noisy[draws.uniform(size=clean.shape) < gaps] = np.nan
        found.append(Recorded(name, noisy, deviation))
    return found


def fit(channels, unknowns=UNKNOWNS):
    return calibrate(
        network(), forcing(), channels, unknowns, until_s=UNTIL, output_step_s=600.0, skip_s=7200.0
    )


@pytest.fixture(scope="module")
def found():
    return fit(recorded())


def test_planted_loss_roughness_and_fouling_are_found_within_their_intervals(found):
    for unknown, estimate in found.factors.items():
        true = PLANTED[unknown.name]
        assert estimate.value == pytest.approx(true, rel=0.1)
        assert estimate.lower * 0.98 < true < estimate.upper * 1.02
        assert estimate.verdict is Verdict.IDENTIFIED


def test_what_is_left_is_the_noise_of_the_sensors(found):
    for name, deviation in SENSORS.items():
        assert found.error_after[name] == pytest.approx(deviation, rel=0.2)
        assert found.error_before[name] > found.error_after[name]
        assert found.correlation[name] < 0.25


def test_gaps_widen_the_intervals(found):
    gappy = fit(recorded(gaps=0.6))
    for unknown, estimate in gappy.factors.items():
        whole = found.factors[unknown]
        assert np.log(estimate.upper / estimate.lower) > np.log(whole.upper / whole.lower)


def test_a_law_that_no_sensor_sees_is_not_identifiable_and_an_experiment_is_named():
    thermometer = [one for one in recorded() if one.name == "h_supply.temperature"]
    unknowns = (UNKNOWNS[0], Unknown("return loss", Law.HEAT_LOSS, ("i-h_return",)))
    told = {one.name: estimate for one, estimate in fit(thermometer, unknowns).factors.items()}
    assert told["return loss"].verdict is Verdict.NOT_IDENTIFIABLE
    assert "record a temperature at its end" in told["return loss"].reason
    assert told["return loss"].upper > 2.0
    assert told["supply loss"].verdict is Verdict.IDENTIFIED


def test_the_calibrated_network_answers_like_the_plant_that_was_recorded(found):
    better = calibrated(network(), found)
    run = simulate(better, forcing(), UNTIL)
    for one in recorded():
        error = (np.asarray(series(run, one.name)) - one.values)[12:]
        # parcels of the plug-flow plant add a little to the sensors' noise
        assert np.sqrt(np.mean(error**2)) < 1.3 * one.resolution


def test_unusable_records_are_refused_with_every_finding():
    short = [Recorded("h_supply.temperature", np.ones(5), 0.1)]
    with pytest.raises(InputError, match=r"5 values for 145 rows"):
        fit(short)
    blind = [Recorded("h_supply.temperature", np.full(145, np.nan), 0.0)]
    with pytest.raises(InputError, match="no resolution"):
        fit(blind)
    with pytest.raises(InputError, match="has no fouling"):
        fit(recorded(), (Unknown("exchanger", Law.CLEANNESS, ("i-h_supply",)),))
