"""Generated forecast errors have the sizes and correlations that they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.study.error_process import ErrorPath, ErrorProcess
from rexdynnet.study.forecast_error import lagged, read_forecast
from tests.data import ROOT

PROCESS = ErrorProcess(0.8, 0.05, 0.03)
LEADS = np.arange(1, 37)


@pytest.fixture(scope="module")
def errors() -> np.ndarray:
    """Rows are issues, columns leads 1 to 36."""
    path = ErrorPath(PROCESS, 7, "substation_1")
    return np.array([path.error(issue, issue - 1 + LEADS) for issue in range(1, 4000)])


def test_sizes_grow_with_lead_time_as_the_process_says(errors: np.ndarray) -> None:
    np.testing.assert_allclose(errors.std(axis=0), PROCESS.standard_deviation(LEADS), rtol=0.06)
    assert abs(errors.mean()) < 0.01


def test_neighbouring_hours_of_an_issue_are_correlated_as_the_process_says(
    errors: np.ndarray,
) -> None:
    for lead in (1, 6, 24):
        measured = np.corrcoef(errors[:, lead - 1], errors[:, lead])[0, 1]
        assert measured == pytest.approx(PROCESS.correlation(float(lead)), abs=0.06)


def test_revisions_of_a_forecast_are_a_martingale(errors: np.ndarray) -> None:
    # The same hour seen from two issues: what changes must not be foreseeable from the first.
    for lead in (3, 12):
        before, after = errors[:-1, lead], errors[1:, lead - 1]
        revision = before - after
        assert abs(np.corrcoef(revision, after)[0, 1]) < 0.06
        assert abs(revision.mean()) < 0.004


def test_hours_that_have_ended_are_known() -> None:
    assert not ErrorPath(PROCESS, 7, "a").error(10, np.arange(10)).any()


def test_errors_depend_on_seed_and_name_only() -> None:
    hours = np.arange(5, 400)
    first = ErrorPath(PROCESS, 1, "a").error(5, hours)
    np.testing.assert_array_equal(first[:20], ErrorPath(PROCESS, 1, "a").error(5, hours[:20]))
    assert not np.allclose(first, ErrorPath(PROCESS, 2, "a").error(5, hours))
    assert not np.allclose(first, ErrorPath(PROCESS, 1, "b").error(5, hours))


def test_an_issuer_who_does_not_see_the_present_is_wrong_at_once() -> None:
    blind = ErrorProcess(0.9, 0.1, 0.0, known=0.0)
    stationary = 0.1 / np.sqrt(1 - 0.81)
    np.testing.assert_allclose(blind.standard_deviation(LEADS), stationary)
    path = ErrorPath(blind, 3, "a")
    found = np.array([path.error(issue, np.array([issue])) for issue in range(1, 4000)])
    assert found.std() == pytest.approx(stationary, rel=0.1)


def test_shipped_figures_are_a_cold_climate_load() -> None:
    fitted = read_forecast(ROOT / "models/series/heat_load_forecast.toml")
    hours = np.arange(24.0)
    cold = fitted.load.load(np.full(24, -10.0), np.zeros(24), hours)
    mild = fitted.load.load(np.full(24, 10.0), np.zeros(24), hours)
    assert np.all(cold > 1.5 * mild)
    size = fitted.errors.load_common.standard_deviation(np.array([1.0, 24.0]))
    assert 0.05 < size[0] < size[1] < 0.12


def test_a_lag_keeps_a_constant_and_delays_a_step() -> None:
    np.testing.assert_allclose(lagged(np.full(5, 3.0), 6.0), 3.0)
    step = lagged(np.concatenate([[0.0], np.ones(6)]), 6.0)
    assert step[6] == pytest.approx(1 - np.exp(-1.0))


@pytest.mark.parametrize("figures", [(1.0, 0.1, 0.0), (0.5, -0.1, 0.0), (0.5, float("nan"), 0.0)])
def test_a_process_that_cannot_be_is_refused(figures: tuple[float, float, float]) -> None:
    with pytest.raises(InputError):
        ErrorProcess(*figures)
