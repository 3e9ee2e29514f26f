"""Published worked examples of order matching and uniform-price clearing."""

from __future__ import annotations

from rexdynnet.market.auction import ContinuousAuction
from rexdynnet.market.call import clear
from rexdynnet.market.mechanism import Ask, Fill, Level


def _book(*waiting: tuple[int, int, int, int]) -> ContinuousAuction:
    """Orders as (number, sign, lots, price), each of its own sender."""
    book = ContinuousAuction(1, (0,))
    for number, sign, lots, price in waiting:
        assert not book.take(Ask(number, number, sign, 0, 0, lots, price)).fills
    return book


def test_a_limit_order_trades_what_it_meets_and_books_the_rest():
    """TSX, Order Types and Functionality Guide, p. 28, section 4.3 "Limit Orders".

    https://tsx.com/ebooks/en/order-types-guide/28
    """
    book = _book((1, 1, 100, 1000), (2, 1, 100, 999), (3, -1, 400, 1002), (4, -1, 100, 1002))
    outcome = book.take(Ask(5, 5, -1, 0, 0, 500, 1000))
    assert outcome.fills == [Fill(1, 5, 100, 100 * 1000)]
    assert outcome.resting == 400
    quote = book.quote(0, 0, (0, 0))
    assert quote.bids == (Level(999, 100),)
    assert quote.asks == (Level(1000, 400), Level(1002, 500))


def test_orders_of_one_price_fill_first_come_first_served():
    """S. Ghosh and S. Donadio, Learn Algorithmic Trading, Packt 2019, "FIFO matching"."""
    a, b, c, d, x, y, z, k = range(1, 9)
    book = _book(
        (a, 1, 1, 10), (b, 1, 2, 10), (c, 1, 3, 10), (d, 1, 1, 9),
        (x, -1, 1, 11), (y, -1, 2, 11), (z, -1, 2, 12),
    )  # fmt: skip
    outcome = book.take(Ask(k, k, -1, 0, 0, 4, 10))
    assert outcome.fills == [Fill(a, k, 1, 10), Fill(b, k, 2, 20), Fill(c, k, 1, 10)]
    assert book.quote(0, 0, (0, 0)).bids == (Level(10, 2), Level(9, 1))


def test_a_market_order_walks_up_the_book():
    """AcadiFi, "Limit order book mechanics, price priority" (CFA level 1): mean 52.0125.

    https://acadifi.com/community/limit-order-book-mechanics-price-priority-cfa-level-1
    """
    book = _book((1, -1, 300, 5200), (2, -1, 500, 5205), (3, 1, 400, 5195))
    outcome = book.take(Ask(4, 4, 1, 0, 0, 400, None))
    assert sum(fill.amount_uEUR for fill in outcome.fills) / 400 == 5201.25
    assert book.quote(0, 0, (0, 0)).asks == (Level(5205, 400),)


def test_the_pressure_of_buyers_takes_an_opening_price_to_its_upper_end():
    """UNSW, Trading Engine course, session 3, appendix: the new call algorithm of the ASX.

    Greatest volume 1,000 between 6.10 and 6.39, least surplus 500 up to 6.39, on the buy side.
    https://cgi.cse.unsw.edu.au/~fethir/TradingEngineCourse/session3/
    """
    bids = [(640, 500), (639, 500), (639, 500), (634, 1000), (633, 500)]
    asks = [(610, 1000), (640, 500), (641, 520), (642, 550), (643, 519)]
    found = clear(bids, asks)
    assert found is not None
    assert (found.price_uEUR, found.lots) == (639, 1000)


def test_a_double_auction_of_electricity_clears_at_the_last_pair():
    """SmartSolve, "You are the Independent System Operator (ISO) ...", question 12: price 10.

    https://smartsolve.ai/question/you-are-the-independent-system-operator-iso-in-an-electricity-market-that-runs-by-auction-you-have-received-th-3aab6a52c6
    """
    bids = [(price, 1) for price in (1, 3, 20, 10, 3)]
    asks = [(price, 1) for price in (17, 15, 5, 10, 16)]
    found = clear(bids, asks)
    assert found is not None
    assert (found.price_uEUR, found.lots) == (10, 2)


def test_nothing_clears_where_no_bid_reaches_an_ask():
    assert clear([(9, 5)], [(10, 5)]) is None
    assert clear([], [(10, 5)]) is None
