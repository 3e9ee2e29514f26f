"""Profile likelihood of couplings, against its definition and the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.identify import (
    Criterion,
    FitOptions,
    Shape,
    identify,
    profile_couplings,
    with_profiles,
)
from rexdynnet.identify.fit import objective
from rexdynnet.identify.synthetic import make_building, simulate_meters
from rexdynnet.identify.verdict import HALF_CHI2_90
from rexdynnet.network.rc import Parameter, Quantity, Verdict

SHAPE = Shape(mass=False, sectors_h=(12.0,))
OPTIONS = FitOptions(Criterion.LIKELIHOOD, select=True)


@pytest.fixture(scope="module")
def found():
    truth = make_building(2, 2, seed=3)
    meters = simulate_meters(truth, seed=3, days=6.0, step_s=1800.0)
    return truth, identify(meters, shape=SHAPE, options=OPTIONS)


@pytest.fixture(scope="module")
def profiles(found):
    return profile_couplings(found[1])


def test_every_candidate_has_a_profile_that_is_lowest_at_the_estimate(found, profiles):
    assert len(profiles) == 6
    for profile in profiles.values():
        best = int(np.argmin(profile.fall))
        assert profile.fall[best] == pytest.approx(0.0, abs=1e-2)
        assert profile.conductance[best] == pytest.approx(profile.estimate.value, abs=0.2)
        assert np.all(np.diff(profile.fall[best:]) >= 0)
        assert np.all(np.diff(profile.fall[: best + 1]) <= 0)


def test_an_interval_ends_where_the_log_posterior_has_fallen_by_half_the_chi_square(profiles):
    for profile in profiles.values():
        at = np.interp(profile.estimate.upper, profile.conductance, profile.fall)
        assert at == pytest.approx(HALF_CHI2_90, rel=0.05)
        if profile.estimate.lower > 0:
            at = np.interp(profile.estimate.lower, profile.conductance, profile.fall)
            assert at == pytest.approx(HALF_CHI2_90, rel=0.05)


def test_a_profile_lies_nowhere_above_the_slice_with_all_else_held(found, profiles):
    fit = found[1].fit
    for row, one in enumerate(fit.structure.parameters):
        if one.quantity is not Quantity.COUPLING:
            continue
        for value, fall in zip(profiles[one].conductance, profiles[one].fall, strict=True):
            held = fit.theta.copy()
            held[row] = value / 10.0
            slice_ = objective(fit.model, fit.prior, fit.record, held, 0.0)[0] - fit.value
            assert fall <= slice_ + 1e-2


def test_near_the_optimum_a_profile_agrees_with_the_curvature(found, profiles):
    for pair in found[1].network.couplings:
        if pair.selected:
            told = profiles[Parameter(Quantity.COUPLING, pair.zone, pair.other)].estimate
            width = pair.conductance.upper - pair.conductance.lower
            assert told.upper - told.lower == pytest.approx(width, rel=0.1)
            assert told.verdict is pair.conductance.verdict


def test_a_coupling_that_is_not_there_gets_an_upper_end_that_says_so(found, profiles):
    truth, got = found
    true = {(pair.zone, pair.other) for pair in truth.couplings}
    absent = [pair for pair in got.network.couplings if (pair.zone, pair.other) not in true]
    assert absent
    for pair in absent:
        told = profiles[Parameter(Quantity.COUPLING, pair.zone, pair.other)].estimate
        assert told.lower == 0.0
        if told.value == 0.0 and told.upper < 10.0:
            assert told.verdict is Verdict.IDENTIFIED
            assert "at most" in told.reason
        else:
            assert told.verdict is not Verdict.IDENTIFIED


def test_a_network_takes_the_intervals_and_keeps_its_conductances(found, profiles):
    before = found[1].network
    after = with_profiles(before, profiles)
    assert np.array_equal(after.state_space().A, before.state_space().A)
    for pair in after.couplings:
        told = profiles[Parameter(Quantity.COUPLING, pair.zone, pair.other)].estimate
        assert pair.conductance.upper == pytest.approx(told.upper)
        assert pair.conductance.lower <= pair.conductance.value <= pair.conductance.upper


def test_a_fit_for_prediction_and_a_pair_that_was_no_candidate_are_refused(found):
    got = found[1]
    with pytest.raises(InputError, match=r"fit with FitOptions\(Criterion.LIKELIHOOD\)"):
        profile_couplings(replace(got, options=FitOptions()))
    with pytest.raises(InputError, match="flat_1_1 and attic were no candidates"):
        profile_couplings(got, [("flat_1_1", "attic")])


def test_a_house_held_at_one_temperature_says_nothing_of_its_couplings_and_the_verdict_says_so():
    meters = simulate_meters(make_building(1, 3, seed=2), seed=2, days=4.0, step_s=3600.0)
    noise = np.random.default_rng(1).normal(scale=0.02, size=meters.temperature_K.shape)
    still = replace(meters, temperature_K=meters.temperature_K.mean() + noise)
    network = identify(still, shape=SHAPE, options=OPTIONS).network
    for pair in network.couplings:
        assert not pair.selected
        assert pair.conductance.verdict is Verdict.NOT_IDENTIFIABLE
        assert pair.conductance.upper > 50.0
        assert "alone by 3 K for 24 h" in pair.conductance.reason
