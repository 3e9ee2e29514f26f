import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.ledger import Cause
from rexdynnet.market.standing import StandingStatements

FIRST = [(int(Cause.IMBALANCE), 1, 2, 500), (int(Cause.PAYMENT), 0, 1, -20)]
SECOND = [(int(Cause.IMBALANCE), 1, 2, 450)]


def settled() -> StandingStatements:
    standing = StandingStatements()
    standing.stand(3, FIRST)
    return standing


def test_undoing_a_statement_sends_every_amount_back_the_way_it_came():
    assert settled().undo(3, FIRST) == [
        (Cause.CORRECTION, 2, 1, 500),
        (Cause.CORRECTION, 1, 0, -20),
    ]


def test_a_unit_is_settled_once():
    standing = settled()
    standing.refuse_if_settled(4)
    with pytest.raises(InputError, match="unit 3 is settled already"):
        standing.refuse_if_settled(3)


@pytest.mark.parametrize(("unit", "before"), [(3, SECOND), (3, []), (4, FIRST)])
def test_only_the_statement_that_stands_can_be_undone(
    unit: int, before: list[tuple[int, int, int, int]]
):
    with pytest.raises(InputError, match=f"the one that stands for unit {unit}"):
        settled().undo(unit, before)


def test_a_statement_that_was_replaced_stands_no_more():
    standing = settled()
    standing.stand(3, SECOND)
    assert 3 in standing
    with pytest.raises(InputError):
        standing.undo(3, FIRST)
    assert standing.undo(3, SECOND) == [(Cause.CORRECTION, 2, 1, 450)]
