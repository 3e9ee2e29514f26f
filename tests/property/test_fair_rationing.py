"""What each rationing policy promises, for any demands, reservations and rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from rexdynnet.errors import InputError
from rexdynnet.safety.rationing import Policy, Requests, Rows, allocate, objections

WATTS = st.one_of(st.just(0.0), st.floats(0.1, 100.0))


@st.composite
def shortages(draw: st.DrawFn) -> tuple[Requests, Rows]:
    count = draw(st.integers(1, 6))
    rows = draw(st.integers(1, 4))
    demanded = np.array(draw(st.lists(WATTS, min_size=count, max_size=count)))
    reserved = np.array(draw(st.lists(WATTS, min_size=count, max_size=count)))
    classes = np.array(draw(st.lists(st.integers(1, 3), min_size=count, max_size=count)))
    factors = st.one_of(st.just(0.0), st.floats(0.5, 2.0))
    size = rows * count
    matrix = np.array(draw(st.lists(factors, min_size=size, max_size=size))).reshape(rows, count)
    # limits next to nothing are beyond what the linear programmes below resolve
    levels = st.one_of(st.just(0.0), st.floats(0.001, 1.2))
    shares = np.array(draw(st.lists(levels, min_size=rows, max_size=rows)))
    names = tuple(f"p{i}" for i in range(count))
    requests = Requests(names, demanded, reserved, classes)
    return requests, Rows(tuple(f"r{i}" for i in range(rows)), matrix, shares * (matrix @ demanded))


@given(shortages(), st.sampled_from(Policy))
@settings(max_examples=300, deadline=None)
def test_every_policy_keeps_every_row_and_its_own_promise(
    shortage: tuple[Requests, Rows], policy: Policy
) -> None:
    requests, rows = shortage
    served = allocate(policy, requests, rows).served_W
    assert np.all(rows.matrix @ served <= rows.limit_W + 1e-7 * (1.0 + rows.limit_W))
    assert np.all(served >= 0.0)
    assert np.all(served <= requests.demanded_W + 1e-9)
    assert objections(policy, requests, rows, served) == ()


@given(shortages())
@settings(max_examples=60, deadline=None)
def test_under_max_min_the_sorted_shares_are_the_lexicographic_optimum(
    shortage: tuple[Requests, Rows],
) -> None:
    requests, rows = shortage
    entitled = requests.entitled_W
    served = allocate(Policy.MAX_MIN, requests, rows).served_W
    mine = entitled > 0.0
    ours = np.sort(np.minimum(served[mine] / entitled[mine], 1.0))
    np.testing.assert_allclose(ours, np.sort(_by_linear_programmes(entitled, rows)), atol=1e-6)


def _by_linear_programmes(entitled: np.ndarray, rows: Rows) -> np.ndarray:
    """Raise the smallest share, fix who cannot have more, and go on: an LP for each."""
    mine = np.flatnonzero(entitled > 0.0)
    matrix = rows.matrix[:, mine] * entitled[mine]
    fixed: dict[int, float] = {}
    while len(fixed) < len(mine):
        free = [i for i in range(len(mine)) if i not in fixed]
        level = _highest(matrix, rows.limit_W, fixed, free, free)
        stuck = [
            i
            for i in free
            if _highest(matrix, rows.limit_W, fixed | dict.fromkeys(free, level), free, [i])
            <= level + 1e-7
        ]
        fixed |= dict.fromkeys(stuck or free, level)
    return np.array([fixed[i] for i in range(len(mine))])


def _highest(
    matrix: np.ndarray,
    limit: np.ndarray,
    least: dict[int, float],
    free: list[int],
    raised: list[int],
) -> float:
    """Largest t with share >= t for the raised, the others at least as given, the fixed exactly.

    A slack of 1e-9 of every share: round-off must not make a limit of 0 impossible.
    """
    count = matrix.shape[1]
    cost = np.zeros(count + 1)
    cost[-1] = -1.0
    above = np.zeros((len(raised), count + 1))
    for row, i in enumerate(raised):
        above[row, i], above[row, -1] = -1.0, 1.0
    bounds = [
        (max(least.get(i, 0.0) - 1e-9, 0.0), 1.0 if i in free else least[i]) for i in range(count)
    ]
    found = linprog(
        cost,
        A_ub=np.vstack([np.hstack([matrix, np.zeros((len(matrix), 1))]), above]),
        b_ub=np.concatenate([limit + 1e-9 * matrix.sum(axis=1), np.zeros(len(raised))]),
        bounds=[*bounds, (0.0, 1.0)],
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10},
    )
    assert found.status == 0, found.message
    return float(found.x[-1])


@given(shortages())
@settings(max_examples=200, deadline=None)
def test_under_cascading_excess_goes_before_anybody_is_cut_within_his_reservation(
    shortage: tuple[Requests, Rows],
) -> None:
    requests, rows = shortage
    served, entitled = allocate(Policy.CASCADING, requests, rows).served_W, requests.entitled_W
    slack = 1e-6 * (1.0 + requests.demanded_W.max())
    full = rows.matrix @ served >= rows.limit_W - 1e-9 * (1.0 + rows.limit_W)
    for i in np.flatnonzero(served < entitled - slack):
        binding = full & (rows.matrix[:, i] > 0.0)
        assert binding.any()
        for j in np.flatnonzero(served > entitled + slack):
            assert not np.all(rows.matrix[binding, j] > 0.0)


def test_priority_serves_the_first_class_before_the_second() -> None:
    asked = np.array([6.0, 6.0, 6.0])
    requests = Requests(("a", "b", "c"), asked, asked, np.array([2, 1, 2]))
    rows = Rows(("capacity",), np.ones((1, 3)), np.array([10.0]))
    found = allocate(Policy.PRIORITY, requests, rows)
    np.testing.assert_allclose(found.served_W, [2.0, 6.0, 2.0])
    assert found.binding == ("capacity",)


def test_what_speaks_against_an_unfair_share_is_told() -> None:
    asked = np.array([4.0, 8.0])
    requests = Requests(("a", "b"), asked, np.array([4.0, 4.0]), np.array([1, 1]))
    rows = Rows(("capacity",), np.ones((1, 2)), np.array([8.0]))
    unfair = np.array([2.0, 6.0])
    assert "within his reservation" in objections(Policy.CASCADING, requests, rows, unfair)[0]
    assert "bottleneck" in objections(Policy.MAX_MIN, requests, rows, unfair)[0]
    assert "exceeded" in objections(Policy.MAX_MIN, requests, rows, asked)[0]
    assert "could get more" in objections(Policy.MAX_MIN, requests, rows, 0.5 * unfair)[0]


def test_rows_that_would_reward_drawing_are_refused() -> None:
    with pytest.raises(InputError, match="must not be negative"):
        Rows(("odd",), np.array([[1.0, -1.0]]), np.array([1.0]))
    with pytest.raises(InputError, match="no number"):
        Requests(("a",), np.array([np.nan]), np.array([1.0]), np.array([1]))
