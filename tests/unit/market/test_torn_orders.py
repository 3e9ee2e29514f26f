"""A crash between a trade and its place in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from rexdynnet.market.contracts import Flow, Side
from rexdynnet.market.ledger import LedgerError
from rexdynnet.market.refusals import Reason
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.setup import MechanismKind
from tests.unit.market.small_market import open_market, order, small_market, state

TRADING = (MechanismKind.MAKER, MechanismKind.CONTINUOUS)


def waiting_market(kind: MechanismKind, journal: Path) -> Reservex:
    """Somebody sells, so that a purchase trades by either mechanism."""
    exchange = open_market(kind, journal)
    offer = order("sun", 1, Flow.INJECTION, Side.SELL, unit=3, lots=20, limit_uEUR=5000)
    assert exchange.place(offer).refusal is None
    return exchange


@pytest.mark.parametrize("kind", TRADING)
def test_an_order_torn_before_the_ledger_is_never_acknowledged_and_leaves_no_trace(
    kind: MechanismKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "market.journal"
    exchange = waiting_market(kind, path)
    before = state(exchange)

    def crash(*_: int) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(exchange.ledger, "transfer", crash)
        with pytest.raises(MemoryError):
            exchange.submit(order("anna", 1))
    for go_on in (exchange.commit, lambda: exchange.place(order("anna", 2)), exchange.close):
        with pytest.raises(LedgerError, match="open its journal again"):
            go_on()
    found = Reservex(small_market(kind), path)
    assert state(found) == before
    assert found.place(order("anna", 1)).lots == 10
    found.ledger.audit()
    found.close()


@pytest.mark.parametrize("kind", TRADING)
def test_an_order_durable_but_unacknowledged_counts_once_when_it_is_sent_again(
    kind: MechanismKind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "market.journal"
    exchange = waiting_market(kind, path)
    exchange.submit(order("anna", 1))
    assert exchange._journal is not None
    exchange._journal.close()  # it is durable, and the power fails before the reply is sent
    found = Reservex(small_market(kind), path)
    assert state(found) == state(exchange)
    again = found.place(order("anna", 1)).refusal
    assert again is not None
    assert again.reason is Reason.REPLAYED
    assert found.position("anna", "a", 3)[Flow.EJECTION] == 10
    found.ledger.audit()
    found.close()
