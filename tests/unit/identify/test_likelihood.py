"""The likelihood and its gradient against a plain filter, closed forms and differences."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from scipy.linalg import expm

from rexdynnet.identify.discrete import discretise
from rexdynnet.identify.likelihood import step_model, sweep, value, value_and_gradient
from rexdynnet.identify.record import make_record, weighted
from rexdynnet.identify.structure import Structure, build_model, prior_of
from rexdynnet.identify.synthetic import drop_samples, make_building, simulate_meters
from rexdynnet.network.rc import Quantity


def random_model(n=5, seed=0):
    rng = np.random.default_rng(seed)
    A = -np.eye(n) * 1e-3 + rng.normal(size=(n, n)) * 2e-4
    L = rng.normal(size=(n, n)) * 1e-3
    return A, L @ L.T, rng


def test_discretisation_equals_van_loans_matrix_exponential():
    A, Q, _ = random_model()
    n, h = len(A), 3600.0
    found = discretise(A, Q, h)
    block = expm(np.block([[-A, Q], [np.zeros((n, n)), A.T]]) * h)
    transition = block[n:, n:].T
    assert np.allclose(found.transition, transition, rtol=0, atol=1e-12)
    noise = transition @ block[:n, n:]
    assert np.allclose(found.noise, noise, rtol=1e-10, atol=1e-12 * np.abs(noise).max())
    integral = np.linalg.solve(A, transition - np.eye(n))
    assert np.allclose(found.integral, integral, rtol=1e-9)


def test_derivative_of_the_discretisation_equals_differences():
    A, Q, rng = random_model()
    n, h = len(A), 3600.0
    bars = [rng.normal(size=(n, n)) for _ in range(3)]
    bars[1] /= 1e3
    bars[2] = bars[2] + bars[2].T
    A_bar, Q_bar = discretise(A, Q, h).pull(*bars)
    dA, dQ = rng.normal(size=(n, n)), rng.normal(size=(n, n))
    dQ = dQ + dQ.T

    def told(a, q):
        one = discretise(a, q, h)
        parts = (one.transition, one.integral, one.noise)
        return sum((bar * part).sum() for bar, part in zip(bars, parts, strict=True))

    step = 1e-8
    along_A = (told(A + step * dA, Q) - told(A - step * dA, Q)) / (2 * step)
    assert along_A == pytest.approx((A_bar * dA).sum(), rel=1e-6)
    along_Q = (told(A, Q + dQ) - told(A, Q - dQ)) / 2
    assert along_Q == pytest.approx((Q_bar * dQ).sum(), rel=1e-9)


def case(gaps=0.0, coarse=0.0, unmetered=(), mass=True):
    truth = make_building(2, 2, seed=3)
    meters = simulate_meters(truth, seed=3, days=3.0)
    if gaps or unmetered:
        meters = drop_samples(meters, gaps, 3, unmetered)
    if coarse:
        meters = replace(meters, resolution_J=(coarse, 0.0, 0.0, coarse))
    sectors = (9.0, 15.0)
    structure = Structure(
        meters.zones,
        tuple(combinations(meters.zones, 2)),
        mass,
        sectors,
        common=True,
        unmetered=meters.unmetered,
    )
    record = make_record(meters, mass, sectors, 1 + len(meters.unmetered))
    prior = prior_of(structure)
    theta = prior.centre + np.random.default_rng(5).normal(0.0, 0.2, len(prior.centre))
    theta = np.where(prior.lower == 0.0, np.abs(theta) + 0.3, theta)
    return build_model(structure), record, theta


def plain_kalman(model, record, theta):
    """Textbook filter of the same discrete model, with the joint update of all channels."""
    stepped = step_model(model.at(theta), record)
    extra = [1.0] * len(record.coarse)
    x = np.append(record.mean, np.zeros(len(extra)))
    P = np.diag(np.append(record.deviation, extra)) ** 2
    total = 0.0
    for t, y in enumerate(record.rows.observed):
        seen = np.flatnonzero(np.isfinite(y))
        if len(seen):
            H = np.eye(len(x))[seen]
            R = np.diag(stepped.matrices.variance[seen] * record.rows.scale[t, seen])
            S = H @ P @ H.T + R
            e = y[seen] - H @ x
            K = P @ H.T @ np.linalg.inv(S)
            total += 0.5 * (np.linalg.slogdet(2 * np.pi * S)[1] + e @ np.linalg.solve(S, e))
            x = x + K @ e
            P = P - K @ S @ K.T
        phi = stepped.transition[record.rows.step[t]]
        x = phi @ x + stepped.drive[t]
        P = phi @ P @ phi.T + stepped.noise[record.rows.noise[t]]
    return total


CASES = {
    "regular rows": {},
    "gaps in every channel and a zone without a heat meter": {
        "gaps": 0.2,
        "unmetered": ("flat_1_2",),
    },
    "heat meters that count in kWh": {"coarse": 3.6e6},
}


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_likelihood_equals_that_of_a_textbook_filter(options):
    model, record, theta = case(**options)
    assert value(model, record, theta) == pytest.approx(
        plain_kalman(model, record, theta), rel=1e-7
    )


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_gradient_equals_differences(options, weight):
    model, record, theta = case(**options)
    gradient = value_and_gradient(model, record, theta, weight)[1]
    way = np.random.default_rng(6).normal(size=len(theta))
    step = 1e-5
    up = value_and_gradient(model, record, theta + step * way, weight)[0]
    down = value_and_gradient(model, record, theta - step * way, weight)[0]
    assert gradient @ way == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_gradient_holds_where_outliers_are_weighted():
    model, record, theta = case()
    scale = np.ones_like(record.rows.observed)
    scale[40, 1], scale[41, 2], scale[150] = 30.0, 5.0, 2.0
    record = weighted(record, scale)
    assert value(model, record, theta) == pytest.approx(
        plain_kalman(model, record, theta), rel=1e-7
    )
    gradient = value_and_gradient(model, record, theta)[1]
    way = np.random.default_rng(6).normal(size=len(theta))
    up, down = (value(model, record, theta + side * 1e-5 * way) for side in (1, -1))
    assert gradient @ way == pytest.approx((up - down) / 2e-5, rel=1e-5)


def test_covariance_of_regular_rows_is_computed_only_until_it_has_converged():
    model, record, theta = case(mass=False)
    swept = sweep(step_model(model.at(theta), record), record)
    assert len(swept.gains) < len(record.rows.step) / 2


def test_matrices_of_casadi_and_of_the_finished_network_agree():
    truth = make_building(2, 2, seed=3)
    space = truth.state_space()
    edges = tuple((pair.zone, pair.other) for pair in truth.couplings)
    structure = Structure(truth.zones, edges, False)
    prior = prior_of(structure)
    theta = np.empty_like(prior.centre)
    from rexdynnet.identify.structure import BELIEFS

    conduct = {(pair.zone, pair.other): pair.conductance.value for pair in truth.couplings}
    for row, one in enumerate(structure.parameters):
        number = (
            conduct[one.zone, one.other]
            if one.quantity is Quantity.COUPLING
            else truth.estimates[one].value
        )
        theta[row] = BELIEFS[one.quantity].to_theta(number)
    found = build_model(structure).at(theta)
    assert np.allclose(found.A, space.A, rtol=1e-12)
    assert np.allclose(found.B, space.B, rtol=1e-12)
    assert np.allclose(np.diag(found.Q), space.Q, rtol=1e-12)
    assert np.allclose(found.variance, space.variance, rtol=1e-12)
