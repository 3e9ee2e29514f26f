"""The journal: what a full disk, a second writer or a flipped bit can do to it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.ledger import LedgerError
from rexdynnet.market.reservex import Reservex
from tests.unit.market.small_market import open_market, order, small_market

ROOT = Path(__file__).parents[3]


def three_groups(path: Path) -> list[int]:
    """A journal of three groups after the head; where each of them begins, and the end."""
    exchange = open_market(journal=path)
    exchange.commit()
    edges = [path.stat().st_size]
    for number in (1, 2, 3):
        exchange.place(order(number=number, lots=number))
        edges.append(path.stat().st_size)
    exchange.close()
    return edges


def trades_of(path: Path) -> list[int]:
    exchange = Reservex(small_market(), path)
    found = [trade.lots for trade in exchange.trades()]
    exchange.close()
    return found


def test_no_flipped_bit_loses_an_earlier_group_or_changes_history(tmp_path: Path):
    path = tmp_path / "market.journal"
    edges = three_groups(path)
    whole = path.read_bytes()
    assert trades_of(path) == [1, 2, 3]
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        try:
            found = trades_of(path)
        except InputError:
            assert path.read_bytes() == bytes(damaged)
            continue
        # a last group that ends in zeros cannot be told from one that was cut short
        assert at >= edges[-2]
        assert found == [1, 2]


@pytest.mark.parametrize("zeros", [0, 1, 5000])
def test_a_last_group_cut_short_at_any_byte_is_dropped_alone(tmp_path: Path, zeros: int):
    path = tmp_path / "market.journal"
    edges = three_groups(path)
    whole = path.read_bytes()
    for end in range(edges[-2] + 1, len(whole)):
        room = min(zeros, len(whole) - end)
        path.write_bytes(whole[:end] + bytes(room))
        if path.read_bytes() == whole:  # it ended in zeros anyway
            continue
        assert trades_of(path) == [1, 2]


def test_a_disk_that_fills_amid_a_group_acknowledges_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "market.journal"
    exchange = open_market(journal=path)
    exchange.place(order(number=1))
    journal = exchange._journal
    assert journal is not None
    whole, real = path.stat().st_size, journal._file

    class Full:
        """Takes seven bytes, and then no more."""

        taken = 0

        def write(self, data: memoryview) -> int:
            if self.taken:
                raise OSError(28, "No space left on device")
            self.taken = 7
            return real.write(data[:7]) or 0

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    monkeypatch.setattr(journal, "_file", Full())
    exchange.submit(order(number=2))
    with pytest.raises(InputError, match="No space left"):
        exchange.commit()
    for go_on in (exchange.commit, exchange.close):
        with pytest.raises(LedgerError):
            go_on()
    assert path.stat().st_size == whole
    assert trades_of(path) == [10]


def test_a_write_that_takes_less_than_it_was_given_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "market.journal"
    exchange = open_market(journal=path)
    journal = exchange._journal
    assert journal is not None
    real = journal._file

    class Slow:
        """Takes 50 bytes at a time."""

        def write(self, data: memoryview) -> int:
            return real.write(data[:50]) or 0

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

    monkeypatch.setattr(journal, "_file", Slow())
    for number in (1, 2):
        exchange.submit(order(number=number))
    exchange.close()
    assert trades_of(path) == [10, 10]


def test_two_exchanges_cannot_write_one_journal(tmp_path: Path):
    path = tmp_path / "market.journal"
    exchange = open_market(journal=path)
    exchange.place(order(number=1))
    before = path.read_bytes()
    with pytest.raises(InputError, match="another exchange writes"):
        Reservex(small_market(), path)
    code = (
        "from pathlib import Path; from rexdynnet.market.reservex import Reservex; "
        "from tests.unit.market.small_market import small_market; "
        f"Reservex(small_market(), Path({str(path)!r}))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "another exchange writes" in other.stderr
    assert path.read_bytes() == before
    exchange.close()
    assert trades_of(path) == [10]
