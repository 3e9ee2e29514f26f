"""Benchmarks report in one form and fail with a remedy."""

from __future__ import annotations

import json
import math

import pytest

from rexdynnet.errors import InputError
from rexdynnet.study import bench
from rexdynnet.study.bench import Measurement, Sense, Timing


def test_a_row_has_exactly_the_agreed_keys() -> None:
    one = Measurement("speed", 60.0, "1", Sense.AT_LEAST, 50.0, Timing((0.1, 0.1)), Timing((6.0,)))
    (row,) = json.loads(bench.to_json([one]))
    assert row == {
        "name": "speed",
        "value": 60.0,
        "unit": "1",
        "sense": "at_least",
        "target": 50.0,
        "met": True,
        "ours_s": 0.1,
        "peer_s": 6.0,
        "ratio": pytest.approx(60.0),
    }


def test_times_are_null_where_there_is_no_peer() -> None:
    row = Measurement("import", 0.4, "s", Sense.AT_MOST, 1.0, Timing((0.4,))).row()
    assert row["ours_s"] is row["peer_s"] is row["ratio"] is None
    assert row["met"] is True


def test_a_value_that_is_not_a_number_is_never_met_and_stays_valid_json() -> None:
    one = Measurement("x", math.nan, "1", Sense.AT_MOST, 1.0)
    assert not one.met
    assert json.loads(bench.to_json([one]))[0]["value"] is None


def test_timing_gives_median_and_spread_and_leaves_out_the_first_run() -> None:
    runs: list[int] = []
    timing = bench.time_repeatedly(lambda: runs.append(1), 3)
    assert len(runs) == 4
    assert len(timing.seconds) == 3
    assert Timing((3.0, 1.0, 2.0)).median_s == 2.0
    assert Timing((3.0, 1.0, 2.0)).spread == 1.0


def test_jobs_side_by_side_take_turns() -> None:
    order: list[str] = []
    bench.time_side_by_side(lambda: order.append("a"), lambda: order.append("b"), 2)
    assert "".join(order) == "ababab"


def test_growth_exponent_recovers_a_power_law() -> None:
    sizes = [100.0, 400.0, 2000.0]
    assert bench.growth_exponent(sizes, [3 * n**1.07 for n in sizes]) == pytest.approx(1.07)


def test_an_unknown_suite_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"choose one of .*sim"):
        bench.run_suite("nonsense")


def test_a_missing_folder_says_where_benchmarks_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "FOLDER", "no_such_folder")
    with pytest.raises(InputError, match="checkout"):
        bench.run_suite("sim")


def test_the_table_shows_medians_spread_and_verdict() -> None:
    text = bench.to_table(
        [Measurement("speed", 40.0, "1", Sense.AT_LEAST, 50.0, Timing((0.1, 0.12)), Timing((4.0,)))]
    )
    assert "MISSED" in text
    assert "n=2" in text
