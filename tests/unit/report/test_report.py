from __future__ import annotations

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.cli_output import write_result
from rexdynnet.report import Bound, find_violations, run_page
from rexdynnet.report.definitions import DEFINITIONS, defined
from rexdynnet.report.page import Page, Section, paragraph, render, table
from rexdynnet.study.run_kpis import Kpis
from tests.unit.plot.synthetic import cross_result
from tests.unit.report.browser import find_browser, look

HOUR_S = 3600.0


def with_bounds(result: xr.Dataset, coldest_K: float) -> xr.Dataset:
    each = np.full(result.sizes["substation"], 1.0)
    return result.assign_coords(
        substation_minimum_supply_temperature=("substation", coldest_K * each),
        substation_minimum_differential_pressure=("substation", 0.0 * each),
    )


def cold_result() -> xr.Dataset:
    """The second substation is 2 K too cold for one hour, ramping up and down beside it."""
    result = with_bounds(cross_result(), 320.0)
    supply = np.full(result["substation_supply_temperature"].shape, 330.0)
    supply[5:7, 1] = 318.0
    supply[4, 1] = supply[7, 1] = 320.0
    shape = ("time", "substation")
    return result.assign(
        substation_supply_temperature=(shape, supply),
        substation_unserved_heat=(shape, np.zeros_like(supply)),
    )


@pytest.fixture(scope="module")
def page() -> str:
    result = cold_result().assign_attrs(
        scenario="demo",
        scenario_hash="ab12",
        seed=7,
        scenario_text='network = "x & y"\n# ' + "x" * 300,
    )
    return run_page(result, {"cost_EUR": 12.5})


def test_a_violation_is_found_where_when_and_how_large_it_was() -> None:
    result = cold_result()
    (found,) = find_violations(result)
    spans = np.diff(result["time"].to_numpy())
    assert found.bound is Bound.SUPPLY_TEMPERATURE
    assert found.component == str(result["substation"].to_numpy()[1])
    assert found.worst_s == result["time"].to_numpy()[5]
    assert found.worst == pytest.approx(2.0)
    # Trapezoids: half of 2 K up, 2 K for one row, half of 2 K down.
    assert found.total == pytest.approx((spans[4] + 2 * spans[5] + spans[6]) / HOUR_S)
    assert found.duration_s == pytest.approx(spans[4:7].sum())


def test_heat_not_served_adds_up_to_the_energy_that_lacks() -> None:
    result = cross_result()
    unserved = np.zeros(result["substation_heat"].shape)
    unserved[3:5, 0] = 2e3
    found = find_violations(
        result.assign(substation_unserved_heat=(("time", "substation"), unserved))
    )
    spans = np.diff(result["time"].to_numpy())
    lacking = [one for one in found if one.bound is Bound.HEAT]
    assert [one.total for one in lacking] == [pytest.approx(2.0 * spans[2:4].sum() / HOUR_S)]


def test_a_run_within_its_bounds_has_no_violations() -> None:
    calm = cold_result().assign(
        substation_supply_temperature=(
            ("time", "substation"),
            np.full(cross_result()["substation_heat"].shape, 330.0),
        )
    )
    assert find_violations(calm) == ()


def test_every_key_figure_of_a_run_is_defined() -> None:
    named = {item.name for item in fields(Kpis)} - {"rungs"}
    assert named <= set(DEFINITIONS)


def test_figures_without_a_definition_are_shown_and_nan_is_not() -> None:
    rows = list(defined({"something_new": 3.5, "imbalance_percent": float("nan"), "starts": 2.0}))
    assert [(row[0], row[1]) for row in rows] == [("starts", "2"), ("something_new", "3.50")]


def test_text_of_others_cannot_become_markup() -> None:
    body = paragraph("<script>alert(1)</script>") + table(("a",), [("<b>x</b>",)])
    text = render(Page("<i>t</i>", "", (Section("s", "S", body),), "g"))
    assert "<script>alert" not in text
    assert "<b>x</b>" not in text
    assert "<i>t</i>" not in text


def test_every_link_of_a_page_has_its_anchor(page: str) -> None:
    anchors = re.findall(r'id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert "instant-1" in links
    assert links <= set(anchors)


def test_the_page_carries_what_is_needed_to_run_again(page: str) -> None:
    for word in ("ab12", "network = &quot;x &amp; y&quot;", "12.50", "lost load", "SHA-256"):
        assert word in page


def test_a_phone_shows_the_page_without_scrolling_sideways_and_without_a_network(page: str) -> None:
    find_browser()
    assert len(page) < 5e6
    seen = look(page, width=390)
    assert seen.client_width == 390
    assert seen.scroll_width <= 390
    assert seen.images > 4
    assert seen.broken == 0
    assert seen.console == ()
    assert seen.loaded == ()
    assert seen.requested == {"/probe.html", "/page.html"}


def test_the_probe_sees_a_page_that_is_too_wide_broken_or_noisy() -> None:
    find_browser()
    bad = (
        "<!DOCTYPE html><html><body><div style='width:900px'>x</div>"
        "<img src='data:image/png;base64,AAAA'><script>console.error('no')</script></body></html>"
    )
    seen = look(bad, width=390)
    assert seen.scroll_width > 390
    assert seen.broken == 1
    assert seen.console


def test_the_page_prints(page: str, tmp_path: Path) -> None:
    browser = find_browser()
    file, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    file.write_text(page, encoding="utf-8")
    options = ["--headless=new", "--no-sandbox", "--disable-gpu"]
    options += [f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={paper}"]
    subprocess.run([browser, *options, file.as_uri()], check=True, capture_output=True, timeout=120)
    data = paper.read_bytes()
    assert data.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", data)) > 1


def test_the_command_writes_the_page_beside_the_result(tmp_path: Path) -> None:
    write_result(cold_result(), tmp_path / "result.nc")
    (tmp_path / "kpis.json").write_text(json.dumps({"cost_EUR": 3.0, "rungs": {"warm": 1}}))
    done = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(tmp_path / "report.html")
    assert "3.00" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("figures", "out", "word"),
    [
        ("[1]", "page.html", "key figures cannot be read"),
        ('{"cost_EUR": "dear"}', "page.html", "key figures cannot be read"),
        ("{}", "page.pdf", "let it end in .html"),
    ],
)
def test_bad_input_of_a_report_is_named(tmp_path: Path, figures: str, out: str, word: str) -> None:
    write_result(cold_result(), tmp_path / "result.nc")
    (tmp_path / "kpis.json").write_text(figures)
    done = CliRunner().invoke(app, ["report", str(tmp_path), "-o", str(tmp_path / out)])
    assert done.exit_code == 2
    assert word in done.output
    assert not (tmp_path / out).exists()
