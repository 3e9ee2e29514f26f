"""Buildings: who may live there, how flats meet, and bills worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.errors import InputError
from rexdynnet.market.building import Building, Flat, cross, share_out
from rexdynnet.market.building_bill import Use, bill_of, uses_of
from rexdynnet.market.building_book import check_mirror, open_book
from rexdynnet.market.deviation import Cascade, bins
from rexdynnet.market.ledger import Cause
from rexdynnet.market.policies import Inelastic, Memory, View, Wish
from rexdynnet.market.settle import Line, Terms
from tests.unit.market.small_building import Hour, area, play, tower

LOT_Wh, MARGINAL_uEUR = 100, 7_000
CASCADE = Cascade((50,), (100,))


def line(reserved_Wh: int, demanded_Wh: int, delivered_Wh: int, provisional: bool = False) -> Line:
    found = bins(reserved_Wh, demanded_Wh, delivered_Wh)
    return Line(
        "tower_node", "tower_node", reserved_Wh, demanded_Wh, delivered_Wh, found, 0, 0, 0, 0, 0,
        provisional,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flats", "said"),
    [
        ((Flat("a", 0.5), Flat("a", 0.5)), "a stands twice"),
        ((Flat("a", 0.5), Flat("b", 0.6)), "shares sum to 1.1"),
        ((Flat("a", 0.5), Flat("b", float("nan"))), "share nan"),
        ((Flat("a", 1.5), Flat("b", -0.5)), "share -0.5"),
        ((Flat("a", 1.0),), "1 flats"),
        ((Flat("maker", 0.5), Flat("b", 0.5)), "called maker, as an account"),
        ((Flat("tower_node", 0.5), Flat("b", 0.5)), "called tower_node, as an account"),
    ],
)
def test_flats_that_cannot_share_a_building_are_refused(flats: tuple[Flat, ...], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        Building("tower", "tower_node", flats)
    assert {finding.component for finding in caught.value.findings} == {"tower"}


def test_the_longer_side_of_a_crossing_shares_in_proportion() -> None:
    crossing = cross({"a": 8, "b": 4, "c": -3, "d": -3})
    assert crossing.inside == {"a": 4, "b": 2, "c": -3, "d": -3}
    assert crossing.outside == {"a": 4, "b": 2, "c": 0, "d": 0}


def test_equal_remainders_go_to_the_name_that_sorts_first() -> None:
    assert share_out(1, {"z": 1, "a": 1}) == {"z": 0, "a": 1}
    assert share_out(-1, {"z": 1, "a": 1}) == {"z": 0, "a": -1}


def test_a_shortage_is_netted_first_and_its_rest_pays_the_area() -> None:
    # left takes 200 Wh too much, right leaves 100: 100 are netted at 70 EUR/MWh
    uses = {"left": Use(1000, 1200, 1200), "right": Use(1000, 900, 900)}
    area_bill = {Cause.IMBALANCE: -9_000, Cause.PENALTY: -500, Cause.SHARE: 21}
    bill = bill_of(line(2000, 2100, 2100), uses, area_bill, MARGINAL_uEUR, LOT_Wh, CASCADE)
    assert bill.netted_Wh == {"left": 100, "right": -100}
    assert bill.netted_uEUR == {"left": -7_000, "right": 7_000}
    assert bill.area_uEUR[Cause.IMBALANCE] == {"left": -9_000, "right": 0}
    assert bill.area_uEUR[Cause.PENALTY] == {"left": -500, "right": 0}
    assert bill.area_uEUR[Cause.SHARE] == {"left": 12, "right": 9}


def test_a_penalty_falls_to_flats_by_what_their_own_misses_weigh() -> None:
    # left misses 4 % and would pay nothing alone; right misses 100 %
    uses = {"left": Use(1000, 1040, 1040), "right": Use(100, 200, 200)}
    bill = bill_of(
        line(1100, 1240, 1240), uses, {Cause.PENALTY: -800}, MARGINAL_uEUR, LOT_Wh, CASCADE
    )
    assert bill.area_uEUR[Cause.PENALTY] == {"left": 0, "right": -800}


def test_refunds_of_withheld_heat_reach_whoever_lacked_or_left_it() -> None:
    # a left 10 kWh, of which the network delivered 5 to b; c misses half of its 1 kWh
    reserved = {"a": 10_000, "b": 0, "c": 1_000}
    whole = line(11_000, 11_000, 5_500)
    uses = uses_of(whole, reserved, {"a": 0, "b": 10, "c": 1})
    assert uses["b"] == Use(0, 10_000, 5_000)
    refund = {Cause.COMPENSATION: 5_500}
    bill = bill_of(whole, uses, refund, MARGINAL_uEUR, LOT_Wh, CASCADE)
    assert bill.netted_Wh == {"a": -4_762, "b": 5_000, "c": -238}
    assert bill.area_uEUR[Cause.COMPENSATION] == {"a": 5_000, "b": 0, "c": 500}


def test_a_substituted_meter_is_divided_as_flats_reserved() -> None:
    uses = uses_of(line(400, 800, 800, provisional=True), {"a": 300, "b": 100}, {"a": 1, "b": 9})
    assert uses == {"a": Use(300, 600, 600), "b": Use(100, 200, 200)}


def test_reservations_that_do_not_sum_to_the_buildings_are_refused() -> None:
    with pytest.raises(InputError, match="flats reserved 300 Wh and the building 400 Wh"):
        uses_of(line(400, 800, 800), {"a": 200, "b": 100}, {"a": 1, "b": 1})


def test_flats_that_meet_inside_save_half_the_spread_each() -> None:
    wanted = Hour([[1000, 0, 0], [0, 0, 0]], [500, 500])
    changed = Hour([[400, 0, 0], [600, 0, 0]], [500, 500])
    # the second gate is of the next unit: repeat the first forecast for it
    first = wanted._replace(forecast_Wh=[[0, 1000, 0], [0, 0, 0]])
    played = play(tower((0.5, 0.5)), [first, changed])
    inside = [e for e in played.book.ledger.entries() if "pool" in (e.debit, e.credit)]
    trades = [e for e in inside if e.cause is Cause.TRADE]
    assert {e.amount_uEUR for e in trades} == {trades[0].amount_uEUR}
    (bought,) = [e for e in trades if e.debit == "b"]
    # 6 lots at the middle between the bid and the ask after 10 lots were sold
    exchange = area()
    unit = exchange.rules.first_open(0.0) + 1
    book = open_book(tower((0.5, 0.5)))
    mean = {"a": np.array([0.0, 1000.0, 0.0]), "b": np.zeros(3)}
    none = {"a": np.zeros(3), "b": np.zeros(3)}
    for order in book.orders(exchange, mean, none, Terms()):
        exchange.place(order)
    middle = exchange.quote("tower_node", unit).middle_uEUR
    assert middle is not None
    assert bought.amount_uEUR == 6 * int(middle)


class _Limited(Inelastic):
    """Wants two lots of the first open unit at no more than its limit."""

    def __init__(self, change_Wh: int, limit_uEUR: int) -> None:
        self.change_Wh, self.limit_uEUR = change_Wh, limit_uEUR

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        return [Wish(view.first, self.change_Wh, self.limit_uEUR)], memory


def test_no_flat_buys_beyond_its_limit() -> None:
    quoted = area().quote("tower_node", 2).asks[0].price_uEUR
    ticks = 10
    for limit, lots in ((quoted + 40 * ticks, 2), (quoted - 40 * ticks, 0)):
        book = open_book(tower((0.5, 0.5), (_Limited(200, limit), _Limited(0, limit))))
        mean = {"a": np.zeros(3), "b": np.zeros(3)}
        found = book.orders(area(), mean, mean, Terms())
        assert sum(order.energy_Wh for order in found) == 100 * lots
        assert {order.limit_uEUR for order in found} <= {limit}


def test_ledgers_of_different_runs_do_not_pass_as_one(tmp_path) -> None:
    with pytest.raises(InputError, match="share 0 accounts"):
        check_mirror({"house": 5, "pool": 0}, {"tower_node": 3, "pool": 0}, tmp_path)
    with pytest.raises(InputError, match="flats owe tower_node 3"):
        check_mirror({"tower_node": 5}, {"tower_node": 3}, tmp_path)
    assert check_mirror({"tower_node": -3}, {"tower_node": 3}, tmp_path) == "tower_node"
