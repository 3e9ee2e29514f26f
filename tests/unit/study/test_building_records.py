"""Tables `[[market.buildings]]`: what is read, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.building import Building
from rexdynnet.market.flexible import Flexible
from rexdynnet.market.hedging import Hedging
from rexdynnet.market.policies import ForecastFollowing
from rexdynnet.study.scenario import read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_building.toml"
SECOND = """[[market.buildings]]
name = "annexe"
substation = "substation_4"
flats = [{ name = "up", share = 0.5 }, { name = "down", share = 0.5 }]

[prices]"""


def changed(tmp_path: Path, before: str, after: str) -> Path:
    text = FILE.read_text(encoding="utf-8").replace('"../', f'"{ROOT}/models/')
    assert before in text
    file = tmp_path / "changed.toml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    return file


def buildings_of(file: Path) -> tuple[Building, ...]:
    settings = read_scenario(file).closed_loop
    assert settings is not None
    assert settings.market is not None
    return settings.market.buildings


def test_four_floors_with_three_flats_each_are_read_with_their_policies() -> None:
    (tower,) = buildings_of(FILE)
    assert (tower.name, tower.participant, len(tower.flats)) == ("tower", "substation_3", 12)
    policies = {flat.name: flat.policy for flat in tower.flats}
    assert policies["floor_1_left"] == Hedging(80.0, 0.8)
    assert policies["floor_1_right"] == ForecastFollowing()
    assert isinstance(policies["floor_4_right"], Flexible)


def test_flats_may_be_written_inline_and_trade_as_the_market_says(tmp_path: Path) -> None:
    file = changed(tmp_path, "[prices]", f'[market.policy]\nkind = "hedging"\n\n{SECOND}')
    _, annexe = buildings_of(file)
    assert annexe.shares == {"up": 0.5, "down": 0.5}
    assert {flat.policy for flat in annexe.flats} == {Hedging(60.0, 0.5)}


def line_of(file: Path, text: str) -> int:
    return file.read_text(encoding="utf-8").splitlines().index(text) + 1


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("share = 0.095", "share = 0.2", "shares sum to 1.105"),
        ("share = 0.095", "share = -0.1", "share is -0.1"),
        ("share = 0.095", "", "share is missing"),
        ('"floor_1_middle"', '"floor_1_left"', "flat floor_1_left stands twice"),
        ('"floor_1_middle"', '"pool"', "a flat is called pool"),
        ('"floor_1_middle"', '"substation_3"', "a flat is called substation_3"),
        ('name = "tower"', 'name = "the tower"', "called 'the tower'"),
        ('substation = "substation_3"', "", "substation is missing"),
        ("risk_aversion = 0.8", "risk_aversion = 1.8", "risk_aversion is 1.8"),
        ("risk_aversion = 0.8", "risk = 0.8", "risk is not a known field"),
        ("share = 0.07\npolicy = {", 'share = 0.07\npolicy = "hedging" #', "policy is not a table"),
        ("[prices]", SECOND.replace("[{", '["low", {'), "flats is not a list of tables"),
        ("[prices]", SECOND.replace('0.5 }, { name = "down", share = 0.5', "1.0"), "1 flats"),
        ("[prices]", SECOND.replace("annexe", "tower"), "2 buildings are called tower"),
        ("[prices]", SECOND.replace("_4", "_3"), "2 buildings stand behind substation_3"),
        (
            "[prices]",
            '[market.policies.substation_3]\nkind = "following"\n\n[prices]',
            "substation_3 has a policy, and flats that trade by theirs",
        ),
    ],
)
def test_a_wrong_building_is_refused_with_a_remedy(
    tmp_path: Path, before: str, after: str, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        buildings_of(changed(tmp_path, before, after))
    assert told in str(caught.value)
    assert all(finding.file is not None and finding.remedy for finding in caught.value.findings)


def test_a_wrong_flat_names_its_line(tmp_path: Path) -> None:
    file = changed(tmp_path, "share = 0.055", "share = 0")
    with pytest.raises(InputError) as caught:
        buildings_of(file)
    (finding,) = caught.value.findings
    assert (finding.field, finding.row) == ("share", line_of(file, "share = 0"))


def test_a_wrong_share_of_the_second_building_names_its_own_line(tmp_path: Path) -> None:
    flats = '[[market.buildings.flats]]\nname = "up"\nshare = "x"\n'
    text = SECOND.split("flats =", maxsplit=1)[0] + flats + "\n[prices]"
    file = changed(tmp_path, "[prices]", text)
    with pytest.raises(InputError) as caught:
        buildings_of(file)
    assert ("share", line_of(file, 'share = "x"')) in [
        (finding.field, finding.row) for finding in caught.value.findings
    ]
