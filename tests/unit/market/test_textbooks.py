"""Published worked examples of order matching and uniform-price clearing."""

from __future__ import annotations

from rexdynnet.market.auction import ContinuousAuction
from rexdynnet.market.call import CallAuction, clear
from rexdynnet.market.mechanism import NO_BOUND, Ask, Fill, Level


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
    quote = book.quote(0, 0, (NO_BOUND, NO_BOUND))
    assert quote.bids == (Level(999, 100),)
    assert quote.asks == (Level(1000, 400), Level(1002, 500))


def test_a_market_order_takes_level_after_level_until_the_book_is_empty():
    """TSX, Order Types and Functionality Guide, p. 27, section 4.2 "Market Orders".

    The guide books the rest of 300 at the last price; here the rest of a market order is dropped.
    https://tsx.com/ebooks/en/order-types-guide/27
    """
    book = _book((1, 1, 100, 1000), (2, 1, 100, 999), (3, -1, 400, 1002), (4, -1, 100, 1002))
    outcome = book.take(Ask(5, 5, -1, 0, 0, 500, None))
    assert outcome.fills == [Fill(1, 5, 100, 100 * 1000), Fill(2, 5, 100, 100 * 999)]
    quote = book.quote(0, 0, (NO_BOUND, NO_BOUND))
    assert quote.bids == ()
    assert quote.asks == (Level(1002, 500),)


def test_orders_of_one_price_fill_first_come_first_served():
    """Evanot, Market Execution Mechanics, lesson 9 "Execution Priority Is Determined by Time".

    https://evanot.com/pages/tutorials/market-execution-mechanics/009-execution-priority-is-determined-by-time
    """
    book = _book((1, -1, 3, 14), (2, -1, 4, 14))
    outcome = book.take(Ask(3, 3, 1, 0, 0, 3, 14))
    assert outcome.fills == [Fill(3, 1, 3, 3 * 14)]
    assert outcome.resting == 0
    assert book.quote(0, 0, (NO_BOUND, NO_BOUND)).asks == (Level(14, 4),)


def test_a_market_order_walks_up_the_book():
    """By hand: 300 at 5200 and 100 at 5205 are 5201.25 on average."""
    book = _book((1, -1, 300, 5200), (2, -1, 500, 5205), (3, 1, 400, 5195))
    outcome = book.take(Ask(4, 4, 1, 0, 0, 400, None))
    assert sum(fill.amount_uEUR for fill in outcome.fills) / 400 == 5201.25
    assert book.quote(0, 0, (NO_BOUND, NO_BOUND)).asks == (Level(5205, 400),)


def test_the_pressure_of_buyers_takes_an_opening_price_to_its_upper_end():
    """By hand: volume 1,000 from 610 to 639, surplus of bids 500 at 639 and more below."""
    bids = [(640, 500), (639, 500), (639, 500), (634, 1000), (633, 500)]
    asks = [(610, 1000), (640, 500), (641, 520), (642, 550), (643, 519)]
    found = clear(bids, asks)
    assert found is not None
    assert (found.price_uEUR, found.lots) == (639, 1000)


def test_a_call_clears_where_most_can_be_executed():
    """MarketGrid documentation, "Single-Price Auction": 290 lots at 12,400.

    https://docs-240.pages.dev/marketgrid/concepts/trading/matching-algorithms/auction
    """
    bids = [
        (13000, 45), (12900, 95), (12800, 25), (12700, 35), (12600, 25),
        (12500, 55), (12400, 200), (12300, 80), (12200, 60),
    ]  # fmt: skip
    asks = [
        (13100, 35), (13000, 50), (12900, 10), (12800, 15), (12700, 10),
        (12600, 20), (12500, 90), (12400, 155), (12300, 125), (12200, 10),
    ]  # fmt: skip
    found = clear(bids, asks)
    assert found is not None
    assert (found.price_uEUR, found.lots) == (12400, 290)


def test_the_pool_of_a_textbook_clears_at_the_last_generator_that_is_needed():
    """D. S. Kirschen and G. Strbac, Fundamentals of Power System Economics, Wiley 2004, chapter 3.

    The pool of Syldavia, one hour: 450 MWh at 16.00 $/MWh; Red sells 250, Blue and Green 100 each.
    """
    sells = {"Red": [(1200, 200), (1500, 50), (2000, 50)]}
    sells |= {"Green": [(1600, 150), (1700, 50)], "Blue": [(1300, 100), (1800, 50)]}
    buys = {"Yellow": [(1300, 50), (2300, 100)]}
    buys |= {"Purple": [(1100, 50), (2200, 150)], "Orange": [(1000, 50), (2500, 200)]}
    owners = [*sells, *buys]
    pool, number, owner_of = CallAuction(1, (0,)), 0, {}
    for side, sign in ((sells, -1), (buys, 1)):
        for name, offers in side.items():
            for price, energy in offers:
                number += 1
                owner_of[number] = name
                pool.take(Ask(number, owners.index(name), sign, 0, 7, energy, price))
    fills = pool.close(7).fills
    assert {fill.amount_uEUR / fill.lots for fill in fills} == {1600}
    traded = dict.fromkeys(owners, 0)
    for fill in fills:
        traded[owner_of[fill.sell]] += fill.lots
        traded[owner_of[fill.buy]] += fill.lots
    assert traded == {
        "Red": 250, "Green": 100, "Blue": 100, "Yellow": 100, "Purple": 150, "Orange": 200,
    }  # fmt: skip


def test_nothing_clears_where_no_bid_reaches_an_ask():
    assert clear([(9, 5)], [(10, 5)]) is None
    assert clear([], [(10, 5)]) is None
