"""A forecast evolution is what it says: known truths in, known truths out."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.forecast import EvolutionPath, ForecastEvolution, RevisionLaw
from rexdynnet.market.forecast_fit import error_check, fit_evolution, variance_interval
from rexdynnet.market.martingale import foreseen_revisions, mincer_zarnowitz, revisions_of

LEADS = 12


def evolution(jump: RevisionLaw | None = None, later: RevisionLaw | None = None, **rest):
    lead = np.arange(1, LEADS)
    return ForecastEvolution(
        0.5,
        tuple(0.4 * 0.8**lead),
        tuple((float(0.1 * np.cos(k / 3)), float(0.1 * np.sin(k / 3))) for k in lead),
        (0.05,) * (LEADS - 1),
        jump or RevisionLaw(),
        later or RevisionLaw(),
        **rest,
    )


MARTINGALE = evolution()
TOOK_BACK = evolution(
    RevisionLaw(0.0, ((1, 0.2),)),
    RevisionLaw(0.0, ((1, 0.1), (4, -0.4))),
    cycle=(0.5, 0.5, 2.0, 1.0),
)


def issued(law: ForecastEvolution, count: int, seed: int = 1) -> np.ndarray:
    """Forecasts as issued, column 0 the truth, of a truth that is its revisions alone."""
    leads = law.leads
    drawn = EvolutionPath(law, seed, "load").revisions(count + leads)
    out = np.full((count + leads, leads + 1), np.nan)
    out[leads:, 0] = sum(drawn[leads - k : len(drawn) - k, k] for k in range(leads))
    for k in range(1, leads + 1):
        out[:-1, k] = out[1:, k - 1] - drawn[1:, k - 1]
    return out[leads:]


@pytest.mark.parametrize("law", [MARTINGALE, TOOK_BACK])
def test_errors_of_simulated_forecasts_have_the_stated_variance_at_every_lead(
    law: ForecastEvolution,
) -> None:
    made = issued(law, 8000)
    errors = [np.nanvar(made[k:, 0] - made[:-k, k]) for k in range(1, LEADS + 1)]
    np.testing.assert_allclose(errors, law.error_variance(), rtol=0.1)
    np.testing.assert_allclose(
        np.nanvar(revisions_of(made), axis=0), law.revision_variance(), rtol=0.1
    )


def test_an_error_is_the_sum_of_the_revisions_to_come() -> None:
    path = EvolutionPath(TOOK_BACK, 3, "load")
    drawn = path.revisions(40)
    for ahead in (1, 5, LEADS):
        to_come = sum(drawn[20 + ahead - k, k] for k in range(ahead))
        assert path.error(21, np.array([20 + ahead])) == pytest.approx(to_come)


def test_an_hour_that_has_ended_is_known_exactly() -> None:
    path = EvolutionPath(TOOK_BACK, 3, "load")
    assert not path.error(5, np.arange(5)).any()
    assert path.error(5, np.arange(5, 30)).all()


def test_the_first_forecast_of_an_hour_misses_all_that_is_revised_later() -> None:
    path = EvolutionPath(TOOK_BACK, 3, "load")
    far = np.arange(40, 50)
    np.testing.assert_array_equal(path.error(20, far), path.deviation(far))


def test_a_longer_run_and_another_key_leave_the_numbers_as_they_are() -> None:
    path = EvolutionPath(TOOK_BACK, 3, "load")
    before = path.error(2, np.arange(2, 10))
    path.error(2, np.arange(2, 900))
    assert not np.array_equal(before, EvolutionPath(TOOK_BACK, 3, "b").error(2, np.arange(2, 10)))
    again = EvolutionPath(TOOK_BACK, 3, "load").error(2, np.arange(2, 900))
    np.testing.assert_array_equal(again[:8], before)
    np.testing.assert_array_equal(path.revisions(200)[:10], path.revisions(10))


def test_revisions_that_come_in_a_cycle_come_at_those_hours() -> None:
    law = evolution(cycle=(0.0, 0.0, 4.0, 0.0))
    drawn = EvolutionPath(law, 1, "load", first_hour=1).revisions(48)
    weather = drawn[:, 1:] - drawn[:, :1] * np.array(law.response)
    quiet = np.abs(weather).max(axis=1) < 1e-12
    np.testing.assert_array_equal(quiet, (1 + np.arange(48)) % 4 != 2)


def test_hours_with_a_large_regressor_are_revised_more() -> None:
    law = evolution(RevisionLaw(growth=0.5), RevisionLaw(growth=0.5))
    x = np.where(np.arange(6000 + LEADS - 1) % 2, 6.0, 0.0)
    drawn = EvolutionPath(law, 1, "load").revisions(6000, x)
    odd, even = (np.var(drawn[first::2, 0]) for first in (1, 0))
    assert odd / even == pytest.approx(4.0, rel=0.1)
    assert law.error_variance(6.0)[0] == pytest.approx(4 * law.error_variance(0.0)[0])


def test_a_martingale_is_rejected_about_as_often_as_the_level_says() -> None:
    rejected = {"foreseen": 0, "truth": 0}
    for seed in range(100):
        made = issued(MARTINGALE, 1000, seed)
        rejected["foreseen"] += foreseen_revisions(made, 3, (1, 4)).p_value < 0.05
        rejected["truth"] += mincer_zarnowitz(made, 2).p_value < 0.05
    # 5 of 100, with one chance in a thousand of more than 13
    assert all(1 <= count <= 13 for count in rejected.values()), rejected


def test_a_biased_forecast_is_rejected() -> None:
    made = issued(evolution(RevisionLaw(bias=0.15)), 600)
    assert foreseen_revisions(made, 0).p_value < 1e-4
    assert mincer_zarnowitz(made, 1).p_value < 1e-4


def test_revisions_that_are_taken_back_are_found() -> None:
    found = foreseen_revisions(issued(TOOK_BACK, 2000), 3, (1, 4))
    assert found.p_value < 1e-6
    assert found.coefficients[1] == pytest.approx(0.1, abs=0.08)
    assert found.coefficients[2] == pytest.approx(-0.4, abs=0.08)


def test_the_fit_finds_the_evolution_that_made_the_forecasts() -> None:
    made = issued(TOOK_BACK, 6000)
    hours = (np.arange(6000)) % 24
    found = fit_evolution(made, hours, np.zeros((6000, LEADS)), cycle_h=4, factors=2)
    np.testing.assert_allclose(found.error_variance(), TOOK_BACK.error_variance(), rtol=0.1)
    np.testing.assert_allclose(found.revision_variance(), TOOK_BACK.revision_variance(), rtol=0.1)
    np.testing.assert_allclose(found.cycle, TOOK_BACK.cycle, atol=0.12)
    np.testing.assert_allclose(found.response, TOOK_BACK.response, atol=0.02)
    assert dict(found.later.carry)[4] == pytest.approx(-0.4, abs=0.05)


def test_a_right_evolution_lies_in_the_interval_of_new_data_and_a_wrong_one_does_not() -> None:
    made = issued(MARTINGALE, 1500, seed=8)
    assert error_check(MARTINGALE, made, 0.0, samples=400).inside.mean() > 0.8
    assert not error_check(MARTINGALE.scaled(1.5), made, 0.0, samples=400).inside.any()


def test_the_interval_of_independent_normal_numbers_is_that_of_chi_squared() -> None:
    values = np.random.default_rng(2).normal(size=(2000, 1))
    low, high = variance_interval(values, 5, 1000, 0.9, 0)
    half = 1.645 * np.sqrt(2 / 2000) * values.var()
    assert 0.5 * (high - low)[0] == pytest.approx(half, rel=0.15)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: RevisionLaw(carry=((1, 0.6), (6, -0.5))),
        lambda: RevisionLaw(bias=float("nan")),
        lambda: evolution(cycle=(1.0, 2.0)),
        lambda: ForecastEvolution(1.0, (0.1,), ((0.0,), (0.0,)), (1.0,)),
        lambda: EvolutionPath(MARTINGALE, 0, "a").revisions(3, np.array([1.0])),
        lambda: variance_interval(np.zeros((10, 1)), 24, 10, 0.9, 0),
        lambda: foreseen_revisions(np.zeros((300, 4)), 0),
        lambda: mincer_zarnowitz(np.zeros((300, 4)), 4),
        lambda: revisions_of(np.zeros(3)),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(wrong) -> None:
    with pytest.raises(InputError) as caught:
        wrong()
    assert all(finding.remedy for finding in caught.value.findings)
