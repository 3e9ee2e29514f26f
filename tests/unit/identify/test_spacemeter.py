"""From meters to a network: truth found again, files, prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.identify import (
    Criterion,
    FitOptions,
    Layout,
    Shape,
    cross_validate,
    identify,
    predict,
    read_meters,
    whiteness,
)
from rexdynnet.identify.record import make_record, with_rows
from rexdynnet.identify.synthetic import (
    drop_samples,
    make_building,
    meters_table,
    simulate_meters,
)
from rexdynnet.identify.validation import residuals
from rexdynnet.network.rc import Quantity, Verdict
from rexdynnet.network.rc_files import read_building, write_building
from tests.unit.identify.house import FILE, needs_house

ONE_NODE = Shape(mass=False, sectors_h=(12.0,))
LIKELY = FitOptions(Criterion.LIKELIHOOD)


@pytest.fixture(scope="module")
def found():
    truth = make_building(2, 2, seed=4)
    meters = simulate_meters(truth, seed=4, days=10.0)
    return truth, meters, identify(meters, shape=ONE_NODE, options=LIKELY)


def test_conductances_of_a_known_building_are_found_again(found):
    truth, _, got = found
    true = {(pair.zone, pair.other): pair.conductance.value for pair in truth.couplings}
    for pair in got.network.couplings:
        value = true.get((pair.zone, pair.other))
        if value is None:
            assert pair.conductance.lower < 5.0
        else:
            assert pair.conductance.value == pytest.approx(value, rel=0.1)
            assert pair.conductance.verdict is Verdict.IDENTIFIED


def test_capacities_and_losses_of_a_known_building_are_found_again(found):
    truth, _, got = found
    for zone in truth.zones:
        for quantity in (Quantity.CAPACITY, Quantity.OUTDOOR):
            true = truth.value(quantity, zone)
            assert got.network.value(quantity, zone) == pytest.approx(true, rel=0.15)


def test_one_step_errors_of_the_right_model_are_white(found):
    _, meters, got = found
    assert all(one.white for one in whiteness(got.network, meters))
    assert residuals(got.network, meters)[100:].std() == pytest.approx(1.0, abs=0.05)


def test_a_layout_keeps_zones_apart_that_do_not_touch(found):
    _, meters, _ = found
    layout = Layout(adjacent=(("flat_1_2", "flat_1_1"),))
    short = FitOptions(Criterion.LIKELIHOOD, iterations=5)
    got = identify(meters, layout, shape=ONE_NODE, options=short)
    assert [(p.zone, p.other) for p in got.network.couplings] == [("flat_1_1", "flat_1_2")]
    with pytest.raises(InputError, match="flat_9"):
        identify(meters, Layout(adjacent=(("flat_9", "flat_1_1"),)), shape=ONE_NODE)


def test_a_building_file_gives_the_same_network_back(found, tmp_path):
    network = replace(found[2].network, resolution_J={"flat_1_1": 3.6e6})
    file = write_building(network, tmp_path / "building.toml")
    back = read_building(file)
    assert back == network
    assert np.array_equal(back.state_space().A, network.state_space().A)


def test_a_building_file_with_a_wrong_field_names_it(found, tmp_path):
    file = write_building(found[2].network, tmp_path / "building.toml")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("value_J_per_K", "value_kWh_per_K", 1), encoding="utf-8")
    with pytest.raises(InputError, match="give value_J_per_K"):
        read_building(file)


def test_prediction_has_one_row_per_future_row_and_is_near_the_truth(found):
    _, meters, got = found
    frame = meters_table(meters)
    temperatures = [f"{zone}_T_degC" for zone in meters.zones]
    history, future = frame[:400], frame[400:496]
    told = predict(got.network, history, future.drop(columns=temperatures))
    assert list(told.index) == list(future.index)
    assert (told["time_local"] == future["time_local"]).all()
    error = told[temperatures].to_numpy() - future[temperatures].to_numpy()
    assert np.sqrt(np.mean(error**2)) < 0.15


def test_temperatures_in_the_future_are_not_used(found):
    _, meters, got = found
    frame = meters_table(meters)
    temperatures = [f"{zone}_T_degC" for zone in meters.zones]
    blind = predict(got.network, frame[:400], frame[400:450].drop(columns=temperatures))
    seeing = predict(got.network, frame[:400], frame[400:450])
    assert np.array_equal(blind[temperatures], seeing[temperatures])


def test_too_short_a_history_is_refused(found):
    _, meters, got = found
    frame = meters_table(meters)
    with pytest.raises(InputError, match="at least 48 h"):
        predict(got.network, frame[:100], frame[100:110])


def test_a_future_without_heat_is_refused(found):
    _, meters, got = found
    frame = meters_table(meters)
    with pytest.raises(InputError, match="flat_1_1_heat_kWh"):
        predict(got.network, frame[:400], frame[400:410].drop(columns="flat_1_1_heat_kWh"))


def test_outliers_move_a_robust_fit_less():
    truth = make_building(1, 2, seed=6)
    clean = simulate_meters(truth, seed=6, days=5.0)
    struck = clean.temperature_K.copy()
    struck[np.arange(30, 470, 23), 0] += 4.0
    dirty = replace(clean, temperature_K=struck)
    answers = [
        identify(dirty, shape=ONE_NODE, options=replace(LIKELY, robust=robust)).network
        for robust in (False, True)
    ]
    true = truth.couplings[0].conductance.value
    plain, robust = (abs(one.couplings[0].conductance.value / true - 1.0) for one in answers)
    assert robust < 0.1
    assert robust < plain


def test_selection_keeps_the_true_couplings_and_drops_the_others(found):
    truth, meters, _ = found
    options = FitOptions(Criterion.LIKELIHOOD, select=True)
    network = identify(meters, shape=ONE_NODE, options=options).network
    chosen = {(pair.zone, pair.other) for pair in network.couplings if pair.selected}
    assert chosen == {(pair.zone, pair.other) for pair in truth.couplings}
    for pair in network.couplings:
        assert (pair.probability > 0.5) == pair.selected
        assert pair.conductance.lower <= pair.conductance.value <= pair.conductance.upper


def test_true_couplings_are_kept_in_every_half_of_the_record_and_false_ones_in_few(found):
    truth, meters, got = found
    options = FitOptions(Criterion.LIKELIHOOD, select=True, halves=4)
    network = identify(meters, shape=ONE_NODE, options=options, start=got.network).network
    true = {(pair.zone, pair.other) for pair in truth.couplings}
    for pair in network.couplings:
        real = (pair.zone, pair.other) in true
        assert pair.selected == real
        assert pair.probability == 1.0 if real else pair.probability <= 0.5
    again = identify(meters, shape=ONE_NODE, options=options, start=got.network).network
    assert again == network


def test_a_record_too_short_to_be_halved_is_refused(found):
    _, meters, got = found
    short = replace(
        meters,
        time=meters.time[:400],
        temperature_K=meters.temperature_K[:400],
        heat_W=meters.heat_W[:400],
        outdoor_K=meters.outdoor_K[:400],
        radiation_W_per_m2=meters.radiation_W_per_m2[:400],
    )
    options = FitOptions(Criterion.LIKELIHOOD, select=True, halves=2)
    with pytest.raises(InputError, match="5 days are too few to be halved"):
        identify(short, shape=ONE_NODE, options=options, start=got.network)


def test_halves_without_a_selection_are_refused():
    with pytest.raises(InputError, match="4 halves without a selection"):
        FitOptions(halves=4)


def test_halves_of_a_record_are_complementary_blocks_of_time():
    meters = simulate_meters(make_building(1, 2, seed=6), seed=6, days=7.0, step_s=3600.0)
    record = make_record(meters, False, (12.0,), 0)
    day = np.arange(len(meters.time)) // 24
    shown = np.isin(day, (0, 2, 3))
    one, other = with_rows(record, shown), with_rows(record, ~shown)
    seen = [np.isfinite(half.rows.observed).any(axis=1) for half in (one, other)]
    assert np.array_equal(seen[0], shown)
    assert np.array_equal(seen[1], ~shown)
    # the filter computes its covariance again where the sensors come or go
    assert not one.rows.same[[24, 48, 96]].any()


def test_a_search_begun_at_an_earlier_network_ends_where_the_long_one_did(found):
    _, meters, got = found
    again = identify(meters, shape=ONE_NODE, options=LIKELY, start=got.network)
    assert again.fit.iterations < got.fit.iterations / 2
    assert again.fit.value == pytest.approx(got.fit.value, abs=0.05)


def test_gaps_in_every_channel_and_a_zone_without_heat_meter_widen_the_intervals(found):
    truth, meters, got = found
    holed = drop_samples(meters, 0.2, 4, unmetered=("flat_2_2",))
    poor = identify(holed, shape=ONE_NODE, options=LIKELY, start=truth).network
    true = {(pair.zone, pair.other): pair.conductance.value for pair in truth.couplings}
    whole = {(pair.zone, pair.other): pair.conductance for pair in got.network.couplings}
    told = {(pair.zone, pair.other): pair.conductance for pair in poor.couplings}
    for ends, value in true.items():
        wide, narrow = (one.upper - one.lower for one in (told[ends], whole[ends]))
        assert wide > 1.05 * narrow
        # twice the declared half-width holds 99.9 %
        assert abs(told[ends].value - value) < wide


@needs_house
@pytest.mark.slow
def test_days_of_the_measured_house_are_predicted_better_than_by_autoregression():
    compared = cross_validate(read_meters(FILE))
    assert compared.network < compared.coupled < compared.uncoupled < compared.persistence
    assert compared.network < 0.36
