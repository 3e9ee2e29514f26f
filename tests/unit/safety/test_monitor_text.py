"""Rules in words, and what is said about those that cannot be read."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.safety.monitor_text import read_rule
from rexdynnet.safety.monitors import score


def test_supply_back_within_half_an_hour_scores_in_kelvin():
    rule = read_rule(
        "always (house.supply_temperature >= 60 degC"
        " or eventually [0 min, 30 min] house.supply_temperature >= 60 degC)"
    )
    times = np.arange(0.0, 7201.0, 600.0)
    warm = np.full(len(times), 343.15)
    dip = warm.copy()
    dip[3:5] = 328.15
    long_dip = warm.copy()
    long_dip[3:8] = 328.15
    found = [score(rule, times, {"house.supply_temperature": each}) for each in (dip, long_dip)]
    assert [each.holds for each in found] == [True, False]
    assert found[1].unit == "K"
    assert found[1].robustness == pytest.approx(-5.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("always", "a comparison is missing here"),
        ("T >= 60 degF", "'degF' is no unit"),
        ("T 60 degC", "'T' is compared with nothing"),
        ("always [5 min, 1 min] T >= 1", "ends before it begins"),
        ("always [5] T >= 1", "no unit; write s, min, h or d"),
        ("(T >= 1", "close the bracket"),
        ("T >= 1 K p >= 2", "the rule has ended before this"),
        ("T >= 1 & p >= 2", "no word, number or sign"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused_at_its_place(text, message):
    with pytest.raises(InputError, match="at »") as caught:
        read_rule(text)
    assert message in str(caught.value)


def test_mixed_units_need_a_common_measure():
    times, signals = np.array([0.0, 60.0]), {"T": np.full(2, 350.0), "p": np.full(2, 6e5)}
    with pytest.raises(InputError, match="per 5 K"):
        score(read_rule("T >= 60 degC and p >= 5 bar"), times, signals)
    found = score(read_rule("T >= 60 degC per 5 K and p >= 5 bar per 0.5 bar"), times, signals)
    assert (found.unit, found.robustness) == ("1", pytest.approx(2.0))


def test_a_rule_that_looks_beyond_the_run_is_refused():
    with pytest.raises(InputError, match="run longer"):
        score(read_rule("always [0 s, 1 h] T >= 1"), np.array([0.0, 60.0]), {"T": np.ones(2)})
