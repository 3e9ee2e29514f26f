"""Studies and tunings are told on one page, with what failed and how to repeat them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.errors import InputError
from rexdynnet.network.new import new_project
from rexdynnet.report import study_page, tuning_page
from rexdynnet.study.ensemble import read_ensemble
from rexdynnet.study.montecarlo import run_study
from rexdynnet.study.study_file import read_study
from tests.data import ROOT
from tests.unit.report.browser import find_browser, look

STUDY = """\
format = 1
scenarios = ["scenario.toml"]
draws = 2
seed = 7
[fixed]
time.duration = "30min"
[vary]
control.kind = ["baseline", "dispatch"]
[keep]
trajectories = ["plant_heat"]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mine") / "street"
    new_project(folder)
    scenario = folder / "scenario.toml"
    text = scenario.read_text()
    # without the market, which the page does not need
    begin, end = text.index("[market]"), text.index("[prices]")
    scenario.write_text(text[:begin] + text[end:])
    (folder / "study.toml").write_text(STUDY)
    out = folder / "out"
    words = ["study", str(folder / "study.toml"), "-o", str(out), "--workers", "1", "--json"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    return out


def test_a_study_is_told_with_its_arms_intervals_bands_and_seeds(study: Path) -> None:
    page = study_page(study)
    for word in ("kind=dispatch", "arm 1, difference", "boiler.heat", "SHA-256", "seed by seed"):
        assert word in page
    seeds = {str(json.loads(file.read_text())["seed"]) for file in (study / "runs").glob("*.json")}
    assert len(seeds) == 2
    assert all(seed in page for seed in seeds)
    anchors, links = re.findall(r'id="([^"]+)"', page), re.findall(r'href="#([^"]+)"', page)
    assert set(links) <= set(anchors)


def test_the_worst_run_is_shown_at_the_instant_that_it_did_not_keep(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    scenario = ROOT / "models/scenarios/destest16_plant_trip_run.toml"
    file.write_text(
        f'format = 1\nscenarios = ["{scenario}"]\nseeds = [3, 4]\n[fixed]\ntime.duration = "9h"\n'
    )
    run_study(read_study(file), tmp_path / "out", workers=1)
    page = study_page(tmp_path / "out")
    part = page[page.index('id="worst"') : page.index('id="bands"')]
    kpis = read_ensemble(tmp_path / "out").kpis
    assert kpis["shortfall_kWh"].max() > 0
    seed = int(kpis.loc[kpis["shortfall_kWh"].idxmax(), "seed"])
    assert f"<td>{seed}</td>" in part
    assert 'id="run-1-1"' in part
    assert "heat demanded and not delivered" in part
    assert part.count("<img") >= 1


def test_a_failed_run_is_told_with_its_error(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rexdynnet.report import study as module
    from rexdynnet.study.ensemble import Ensemble, read_ensemble

    def broken(folder: Path) -> Ensemble:
        found = read_ensemble(folder)
        found.kpis.loc[0, "error"] = "the pump <b>burst</b>"
        return found

    monkeypatch.setattr(module, "read_ensemble", broken)
    page = study_page(study)
    assert "Failed runs" in page
    assert "the pump &lt;b&gt;burst&lt;/b&gt;" in page


def test_the_command_tells_a_study_beside_its_tables(study: Path) -> None:
    said = CliRunner().invoke(app, ["report", str(study)])
    assert said.exit_code == 0, said.output
    assert said.stdout.strip() == str(study / "report.html")


def test_a_phone_shows_a_study_without_scrolling_sideways(study: Path) -> None:
    find_browser()
    page = study_page(study)
    assert len(page) < 5e6
    seen = look(page, width=360)
    assert seen.scroll_width <= 360
    assert seen.broken == 0
    assert seen.loaded == ()


def test_a_tuning_is_told_with_its_trials_and_its_winner(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text(
        "trial,state,control.margin,cost_EUR,error\n0,complete,0.1,33.2,\n1,pruned,0.4,,\n"
    )
    (tmp_path / "best.toml").write_text('name = "winner"\n')
    page = tuning_page(tmp_path)
    for word in ("1 complete, 1 pruned.", "33.2", "name = &quot;winner&quot;"):
        assert word in page


def test_a_tuning_without_trials_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trials.csv").write_text("trial,state\n")
    with pytest.raises(InputError, match="there is no trial"):
        tuning_page(tmp_path)
