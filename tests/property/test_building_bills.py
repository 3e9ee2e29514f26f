"""What flats behind one participant pay, whatever they forecast, need and get."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rexdynnet.market.building import Building, cross, share_out
from rexdynnet.market.contracts import Flow
from rexdynnet.market.deviation import bins
from rexdynnet.market.ledger import Cause
from rexdynnet.market.settle import TRUE_UP_UNIT
from tests.unit.market.small_building import TERMS, WINDOW, Hour, LOT_Wh, MARGINAL_uEUR, play, tower

FLATS = 4
energies = st.integers(0, 2_000)
forecasts = st.lists(
    st.lists(energies, min_size=WINDOW, max_size=WINDOW), min_size=FLATS, max_size=FLATS
)
needs = st.lists(energies, min_size=FLATS, max_size=FLATS)
delivered = st.sampled_from((1000, 1000, 950, 600, 0, 1001))
hours = st.lists(
    st.builds(Hour, forecasts, needs, delivered, st.booleans()), min_size=1, max_size=5
)
names = st.text("abcdef", min_size=1, max_size=3)
weights = st.dictionaries(names, st.integers(0, 10**6), min_size=1, max_size=9)
few = settings(max_examples=50)
EVEN = (0.25, 0.25, 0.25, 0.25)


@few
@given(hours)
def test_flats_together_pay_what_the_area_bills_their_building(happened: list[Hour]) -> None:
    # `play` compares the ledgers and the lots after every event
    played = play(tower(EVEN), happened)
    units = frozenset((TRUE_UP_UNIT, *played.statements))
    area = sum(
        entry.amount_uEUR * ((entry.credit == "tower_node") - (entry.debit == "tower_node"))
        for entry in played.exchange.ledger.entries()
        if entry.unit in units
    )
    assert sum(played.book.settled_uEUR(units).values()) == area
    played.book.ledger.audit()


@few
@given(hours)
def test_every_amount_of_the_area_is_shared_whole(happened: list[Hour]) -> None:
    played = play(tower(EVEN), happened)
    area = played.exchange.ledger.by_cause()
    for cause, accounts in played.book.ledger.by_cause().items():
        assert accounts.get("tower_node", 0) == -area.get(cause, {}).get("tower_node", 0)


@few
@given(hours)
def test_a_flat_that_keeps_to_its_reservation_pays_no_imbalance(happened: list[Hour]) -> None:
    played = play(tower(EVEN), happened)
    for unit, uses in played.book.uses.items():
        bill = played.book.bills[unit]
        for name, use in uses.items():
            if use.demanded_Wh == use.delivered_Wh == use.reserved_Wh:
                assert bill.netted_uEUR[name] == 0
                for cause in (Cause.IMBALANCE, Cause.PENALTY, Cause.DISCARD):
                    assert bill.area_uEUR.get(cause, {}).get(name, 0) == 0


@few
@given(hours)
def test_only_flats_that_deviate_to_the_buildings_side_pay_its_imbalance(
    happened: list[Hour],
) -> None:
    played = play(tower(EVEN), happened)
    for unit, line in played.lines.items():
        for name, use in played.book.uses[unit].items():
            own = bins(*use)
            aside = own.long_Wh if line.bins.long_Wh else own.short_Wh
            if aside == 0:
                for cause in (Cause.IMBALANCE, Cause.PENALTY, Cause.DISCARD):
                    assert played.book.bills[unit].area_uEUR.get(cause, {}).get(name, 0) == 0


@few
@given(hours)
def test_energies_of_flats_sum_to_those_of_the_building(happened: list[Hour]) -> None:
    played = play(tower(EVEN), happened)
    for unit, line in played.lines.items():
        columns = tuple(map(sum, zip(*played.book.uses[unit].values(), strict=True)))
        assert columns == (line.reserved_Wh, line.demanded_Wh, line.delivered_Wh)
        assert sum(played.book.bills[unit].netted_Wh.values()) == 0


@few
@given(hours)
def test_no_flat_pays_more_for_a_deviation_than_it_would_alone(happened: list[Hour]) -> None:
    # alone: the area's two prices and cascade on its own deviation, at the same forward price
    played = play(tower(EVEN), happened)
    for unit, line in played.lines.items():
        if line.demanded_Wh != line.delivered_Wh:
            continue
        opened = played.exchange.opened_at("tower_node", "tower_node", unit, Flow.EJECTION)
        marginal = MARGINAL_uEUR / LOT_Wh
        own = opened.amount_uEUR / opened.lots / LOT_Wh if line.reserved_Wh else marginal
        bill = played.book.bills[unit]
        for name, use in played.book.uses[unit].items():
            deviation = bins(*use)
            missed_Wh = deviation.short_Wh + deviation.long_Wh
            weighted, whole = TERMS.cascade.weighted_Wh(missed_Wh, use.reserved_Wh)
            alone = deviation.short_Wh * max(own, marginal) - deviation.long_Wh * min(own, marginal)
            alone += (weighted + 1) / whole * max(own, marginal)
            gained = bill.netted_uEUR[name]
            for cause in (Cause.IMBALANCE, Cause.PENALTY):
                gained += bill.area_uEUR.get(cause, {}).get(name, 0)
            # the area rounds up, a share by one more, and netted heat to its whole amount
            assert -gained <= alone + 4


@few
@given(hours, st.permutations(range(FLATS)))
def test_the_order_in_which_flats_are_listed_changes_no_transfer(
    happened: list[Hour], order: list[int]
) -> None:
    one = tower((0.4, 0.3, 0.2, 0.1))
    other = Building(one.name, one.participant, tuple(one.flats[at] for at in order))
    first, second = play(one, happened), play(other, happened)
    assert list(first.book.ledger.entries()) == list(second.book.ledger.entries())
    entries = [list(each.exchange.ledger.entries()) for each in (first, second)]
    assert entries[0] == entries[1]


@few
@given(hours)
def test_the_area_sees_what_it_would_see_of_one_prosumer_with_the_sum(
    happened: list[Hour],
) -> None:
    played = play(tower(EVEN), happened)
    for unit in range(len(happened)):
        held = played.book.held_in(unit)
        traded = {
            (trade.buyer, trade.seller) for trade in played.exchange.trades() if trade.unit == unit
        }
        assert len(traded) <= 2  # it buys from the maker or sells to it, never to itself
        assert sum(held.values()) * LOT_Wh == (
            played.exchange.schedule(unit, 1).energy_J[0, 0] / 3600.0
        )


@given(st.integers(-(10**9), 10**9), weights)
def test_an_amount_is_shared_whole_and_within_one_of_the_proportion(
    amount: int, by: dict[str, int]
) -> None:
    shares = share_out(amount, by)
    assert sum(shares.values()) == amount
    whole = sum(by.values())
    for name, share in shares.items():
        exact = amount * by[name] / whole if whole else amount / len(by)
        assert abs(share - exact) < 1.0 + 1e-6
        if whole and by[name] == 0:
            assert share == 0


@given(st.dictionaries(names, st.integers(-500, 500), min_size=1, max_size=9))
def test_flats_meet_as_far_as_the_shorter_side_goes(wanted: dict[str, int]) -> None:
    crossing = cross(wanted)
    assert sum(crossing.inside.values()) == 0
    assert sum(crossing.outside.values()) == sum(wanted.values())
    assert min(crossing.outside.values()) >= 0 or max(crossing.outside.values()) <= 0
    for name, lots in wanted.items():
        assert crossing.inside[name] * lots >= 0
        assert abs(crossing.inside[name]) <= abs(lots)
