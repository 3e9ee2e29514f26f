"""A network says what it is in one line."""

from __future__ import annotations

from pathlib import Path

from rexdynnet.network.read import read_network


def test_a_network_is_shown_in_one_short_line(models: Path) -> None:
    shown = repr(read_network(models / "networks" / "destest16_two_plants"))
    assert shown.startswith("Network('destest16_two_plants': ")
    assert "16 substations" in shown
    assert "1 tank" in shown
    assert "bypass" not in shown
    assert len(shown) < 150
