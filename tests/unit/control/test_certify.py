"""The check of answers sees what is wrong with them."""

from __future__ import annotations

from dataclasses import replace

import casadi as ca
import numpy as np
import pytest

from rexdynnet.control.certify import nlp_check

X, P = ca.MX.sym("x", 2), ca.MX.sym("p")
NLP = {"x": X, "p": P, "f": (X[0] - 2) ** 2 + X[1] ** 2, "g": X[0] + X[1] - P}
BOUNDS = (np.array([-np.inf, 0.5]), np.array([1.0, np.inf]))
ROWS = (np.array([-np.inf]), np.array([0.0]))


def _answer():
    solver = ca.nlpsol(
        "s", "ipopt", NLP, {"print_time": False, "ipopt.print_level": 0, "ipopt.sb": "yes"}
    )
    found = solver(x0=[0, 1], p=2.0, lbx=BOUNDS[0], ubx=BOUNDS[1], lbg=ROWS[0], ubg=ROWS[1])
    return tuple(np.asarray(found[name]).ravel() for name in ("x", "lam_x", "lam_g"))


def _certify(x, lam_x, lam_g):
    return nlp_check(NLP).certify(x, np.array([2.0]), BOUNDS, ROWS, (lam_x, lam_g))


def test_a_solved_problem_is_certified():
    assert _certify(*_answer()).holds(1e-6)


@pytest.mark.parametrize(
    ("part", "shift", "said"),
    [(0, 1e-2, "stationarity"), (1, 1e-2, "stationarity"), (0, 0.5, "feasibility")],
)
def test_a_spoiled_answer_is_refused_with_its_cause(part, shift, said):
    answer = list(_answer())
    answer[part] = answer[part] + shift
    certificate = _certify(*answer)
    assert not certificate.holds(1e-6)
    assert said in certificate.cause(1e-6)


def test_a_multiplier_of_the_wrong_sign_is_refused():
    x, lam_x, lam_g = _answer()
    assert not _certify(x, -lam_x, lam_g).holds(1e-6)


def test_a_value_that_is_not_a_number_never_passes():
    x, lam_x, lam_g = _answer()
    certificate = _certify(x * np.nan, lam_x, lam_g)
    assert not certificate.holds(1e6)
    assert replace(certificate).residual == np.inf
