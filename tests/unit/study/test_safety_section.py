"""Section `[safety]` of a scenario file, and the search for the worst scenario."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.safety.rationing import Policy
from rexdynnet.study.falsify import axes_of, disturbed, falsify, scenario_text
from rexdynnet.study.loop import check_run, run
from rexdynnet.study.scenario import read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_plant_trip_run.toml"


def written(tmp_path: Path, section: str) -> Path:
    text = FILE.read_text().replace('"../', f'"{ROOT}/models/')
    head, _, rest = text.partition("[safety]")
    file = tmp_path / "scenario.toml"
    file.write_text(head + section + "\n[[faults]]" + rest.partition("[[faults]]")[2])
    return file


def test_a_scenario_without_the_section_is_supervised_by_default(tmp_path: Path) -> None:
    loop = read_scenario(written(tmp_path, "")).closed_loop
    assert loop is not None
    assert loop.safety.enabled
    assert loop.safety.policy is Policy.CASCADING
    assert len(loop.safety.monitors) == 4


def test_thresholds_are_read_in_their_units(tmp_path: Path) -> None:
    section = (
        '[safety]\npolicy = "priority"\nhot_degC = 88.0\nhigh_pressure_bar = 6.0\ndwell = "20min"'
    )
    loop = read_scenario(written(tmp_path, section)).closed_loop
    assert loop is not None
    found = loop.safety
    assert found.policy is Policy.PRIORITY
    assert found.hot_K == pytest.approx(361.15)
    assert found.high_pressure_Pa == pytest.approx(6e5)
    assert found.dwell_s == 1200.0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('[safety]\npolicy = "fair"', "use one of cascading, priority, max_min"),
        ("[safety]\nweak_share = 1.5", "weak_share"),
        ("[safety]\nintervall = 3", "did you mean 'interval'"),
        ('[[safety.monitors]]\nname = "x"\nrule = "always always"', "a comparison is missing"),
        (
            '[[safety.monitors]]\nname = "x"\nrule = "a.b >= 1 K"\n'
            '[[safety.monitors]]\nname = "x"\nrule = "a.b >= 1 K"',
            "two rules are called 'x'",
        ),
    ],
)
def test_what_is_wrong_in_the_section_is_named(tmp_path: Path, section: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_scenario(written(tmp_path, section))


def test_a_rule_about_a_signal_that_a_run_does_not_have_is_refused_before_the_run(
    tmp_path: Path,
) -> None:
    section = '[[safety.monitors]]\nname = "x"\nrule = "always boiler.supply_temp <= 95 degC"'
    with pytest.raises(InputError, match=r"boiler\.supply_temperature"):
        check_run(read_scenario(written(tmp_path, section)))
    rule = "always (SUBSTATION.heat >= 0 W or PLANT.heat >= 0 W)"
    both = f'[[safety.monitors]]\nname = "x"\nrule = "{rule}"'
    with pytest.raises(InputError, match="a rule for each kind"):
        check_run(read_scenario(written(tmp_path, both)))


def test_a_falsification_is_written_as_a_scenario_that_reproduces_it(tmp_path: Path) -> None:
    scenario = replace(read_scenario(FILE), duration_s=4 * 3600.0)
    found = falsify(scenario, runs=5, seed=3, monitor="warm again")
    assert found.runs == 5
    assert found.robustness <= run(scenario).supervision.scores[0].robustness  # type: ignore[union-attr]
    assert np.all(np.diff(found.history) <= 0.0)
    file = tmp_path / "worst.toml"
    file.write_text(scenario_text(found, FILE, tmp_path))
    again = run(replace(read_scenario(file), duration_s=4 * 3600.0))
    assert again.supervision is not None
    score = next(s for s in again.supervision.scores if s.name == found.rule)
    assert score.robustness == pytest.approx(found.robustness, rel=1e-12)


def test_disturbances_of_a_search_lie_within_the_run() -> None:
    scenario = read_scenario(FILE)
    axes = axes_of(scenario)
    for corner in ([axis.lower for axis in axes], [axis.upper for axis in axes]):
        found = disturbed(scenario, corner).closed_loop
        assert found is not None
        assert all(0.0 <= f.start_s < f.end_s <= scenario.duration_s for f in found.faults)


def test_a_rule_that_is_not_there_cannot_be_falsified() -> None:
    scenario = replace(read_scenario(FILE), duration_s=2 * 3600.0)
    with pytest.raises(InputError, match="warm again"):
        falsify(scenario, runs=1, monitor="cosy")
