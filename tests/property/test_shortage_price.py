"""Running short never pays less than having reserved, whatever the price turns out to be."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.market.deviation import Reading
from rexdynnet.market.settle import Terms, UnitCosts, settle
from tests.unit.market.small_market import open_market, order


@given(st.integers(1, 300), st.integers(0, 30_000), st.integers(0, 20_000))
def test_a_shortage_pays_at_least_the_dearer_of_own_and_marginal_price(
    lots: int, short_Wh: int, marginal_uEUR: int
):
    exchange = open_market()
    paid = exchange.place(order("anna", 1, lots=lots)).amount_uEUR
    exchange.advance(4 * 900.0)
    taken = 100 * lots + short_Wh
    statement = settle(
        exchange,
        3,
        [Reading("anna", "a", taken, taken)],
        {"a": marginal_uEUR},
        UnitCosts(),
        Terms(),
    )
    line = statement.lines[0]
    dearer = max(Fraction(paid, 100 * lots), Fraction(marginal_uEUR, 100))
    assert line.bins.short_Wh == short_Wh
    assert line.imbalance_uEUR >= dearer * short_Wh
    assert line.penalty_uEUR >= 0
