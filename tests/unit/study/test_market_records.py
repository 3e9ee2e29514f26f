"""Section `[market]`: what is read, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.policies import AtCall
from rexdynnet.market.pricing import InventoryFeedback
from rexdynnet.market.setup import MechanismKind
from rexdynnet.study.scenario import read_scenario
from tests.data import ROOT

FILE = ROOT / "models/scenarios/destest16_reservex.toml"


def changed(tmp_path: Path, before: str, after: str) -> Path:
    text = FILE.read_text(encoding="utf-8").replace('"../', f'"{ROOT}/models/')
    assert before in text
    file = tmp_path / "changed.toml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    return file


def test_a_market_is_read_in_si(tmp_path: Path) -> None:
    file = changed(tmp_path, 'pricing = "marginal_cost"', 'pricing = "inventory"\nlot_kWh = 0.5')
    settings = read_scenario(file).closed_loop
    assert settings is not None
    assert settings.market is not None
    assert settings.market.gate_s == 3600.0
    assert settings.market.lot_J == 0.5 * 3.6e6
    assert settings.market.pricing == InventoryFeedback(60.0, 1.0)
    assert settings.market.terms.cascade.beyond_permille == (50, 150, 300)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('"marginal_cost"', '"free"', "free"),
        ('gate = "1h"', 'gate = "90min"', "market.gate"),
        ('unit = "1h"', 'unit = "7min"', "divide an hour"),
        ('unit = "1h"', 'unit = "90min"', "market.unit"),
        ("window = 12", "window = 0", "window"),
        ("credit_EUR = 500.0", "kredit = 500.0", "kredit"),
        ("[market]", '[schedule]\nunit = "1h"\n\n[market]', "keep one"),
        ("window = 12", 'mechanism = "auction"\nwindow = 12', "auction"),
        (
            "window = 12",
            'mechanism = "call"\nproducers = ["boiler"]\nwindow = 12',
            "none before it clears",
        ),
        (
            "[market.settlement]",
            "[market.policy]\nworth_EUR_per_MWh = -1\n[market.settlement]",
            "worth",
        ),
        ("factor = [0.1, 0.3, 0.6]", "factor = [0.6, 0.3, 0.1]", "penalty steps"),
    ],
)
def test_a_wrong_market_names_its_field(tmp_path: Path, before: str, after: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read_scenario(changed(tmp_path, before, after))
    assert told in str(caught.value)


def test_a_call_takes_bids_and_no_policy_that_trades_at_quotes(tmp_path: Path) -> None:
    call = 'mechanism = "call"\nlot_kWh = 0.5\nwindow = 12'
    settings = read_scenario(changed(tmp_path, "window = 12", call)).closed_loop
    assert settings is not None
    assert settings.market is not None
    assert settings.market.mechanism is MechanismKind.CALL
    assert settings.market.policy == AtCall(3000 * 500)
    text = changed(tmp_path, "window = 12", call).read_text(encoding="utf-8")
    file = tmp_path / "hedged.toml"
    file.write_text(text + '\n[market.policies.substation_3]\nkind = "hedging"\n', encoding="utf-8")
    with pytest.raises(InputError, match="at_call"):
        read_scenario(file)


def test_short_units_are_planned_for_hours_and_not_for_a_day(tmp_path: Path) -> None:
    for unit, hours in (("1h", 24.0), ("30min", 24.0), ("5min", 4.0)):
        settings = read_scenario(changed(tmp_path, 'unit = "1h"', f'unit = "{unit}"')).closed_loop
        assert settings is not None
        assert settings.market is not None
        assert settings.market.plan_horizon_s == hours * 3600.0
