"""Pictures of the safety maintainer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import rexdynnet as rdn
from rexdynnet.errors import InputError
from rexdynnet.plot import automaton, curtailment, modes, robustness
from rexdynnet.plot.style import new_picture
from rexdynnet.safety.maintainer import make_maintainer
from rexdynnet.study.run_settings import Fault
from tests.data import ROOT


@pytest.fixture(scope="module")
def tripped() -> xr.Dataset:
    scenario = rdn.read_scenario(ROOT / "models/scenarios/destest16_plant_trip_run.toml")
    faults = (
        Fault("boiler.availability", 3600.0, 2 * 3600.0, 0.0),
        Fault("tank.availability", 3600.0, 2 * 3600.0, 0.0),
    )
    loop = replace(scenario.closed_loop, faults=faults)  # type: ignore[type-var]
    return rdn.run(replace(scenario, duration_s=3 * 3600.0, closed_loop=loop, faults=faults)).data


def test_modes_show_a_band_per_zone_and_name_the_guards_that_fired(tripped: xr.Dataset) -> None:
    figure = modes(tripped)
    assert len(figure.axes) == 4
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["normal", "ration"]
    told = figure.get_supxlabel()
    assert "1  ration, a balancing plant or a pump of the zone is out (boiler)" in told
    assert "2  normal, all margins recovered" in told


def test_curtailment_shows_what_each_participant_lost(tripped: xr.Dataset) -> None:
    figure = curtailment(tripped)
    bars = np.array([patch.get_height() for patch in figure.axes[1].patches])
    expected = tripped["unit_curtailed_energy"].sum("safety_unit").values / 3.6e6
    np.testing.assert_allclose(bars, expected)
    assert bars.min() > 1.0


def test_robustness_has_a_panel_per_rule_that_says_whether_it_holds(tripped: xr.Dataset) -> None:
    figure = robustness(tripped)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert len(titles) == 4
    assert titles[1].startswith("never too hot: holds (+")


def test_every_picture_draws_into_given_axes(tripped: xr.Dataset) -> None:
    for draw in (modes, curtailment, robustness):
        ax = new_picture().subplots()
        assert draw(tripped, ax) is ax.get_figure()


def test_the_diagram_names_every_mode_and_guard() -> None:
    plant = rdn.make_plant(rdn.read_network(ROOT / "models/networks/destest16"))
    texts = [text.get_text() for text in automaton(make_maintainer(plant).automaton).axes[0].texts]
    assert {"normal", "discard", "ration", "both"} <= set(texts)
    assert "ladder\ntrip\ncapacity\ncold\nweak\nlow" in texts
    assert "recovers after 900 s" in texts


@pytest.mark.parametrize("draw", [modes, curtailment, robustness])
def test_a_result_without_a_maintainer_is_refused(tripped: xr.Dataset, draw) -> None:
    bare = tripped.drop_vars(
        ["safety_mode", "unit_curtailed_energy", "monitor_robustness_over_time"]
    )
    with pytest.raises(InputError, match="run a scenario with"):
        draw(bare)
