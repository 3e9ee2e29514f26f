"""What flats behind one participant pay, whatever they forecast, need and get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexdynnet.market.building import Building, cross, share_out
from rexdynnet.market.deviation import Cascade, bins
from rexdynnet.market.ledger import Cause
from rexdynnet.market.settle import TRUE_UP_UNIT
from tests.unit.market.small_building import TERMS, WINDOW, Hour, LOT_Wh, play, tower

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
EVEN = (0.25, 0.25, 0.25, 0.25)


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


@given(hours)
def test_every_amount_of_the_area_is_shared_whole(happened: list[Hour]) -> None:
    played = play(tower(EVEN), happened)
    area = played.exchange.ledger.by_cause()
    for cause, accounts in played.book.ledger.by_cause().items():
        assert accounts.get("tower_node", 0) == -area.get(cause, {}).get("tower_node", 0)


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


@given(hours)
def test_energies_of_flats_sum_to_those_of_the_building(happened: list[Hour]) -> None:
    played = play(tower(EVEN), happened)
    for unit, line in played.lines.items():
        columns = tuple(map(sum, zip(*played.book.uses[unit].values(), strict=True)))
        assert columns == (line.reserved_Wh, line.demanded_Wh, line.delivered_Wh)
        assert sum(played.book.bills[unit].netted_Wh.values()) == 0


@given(hours)
def test_no_flat_pays_more_penalty_for_living_in_a_building(happened: list[Hour]) -> None:
    # the price that a penalty multiplies is the building's; weights are a flat's own
    played = play(tower(EVEN), happened)
    for unit, line in played.lines.items():
        whole, _ = TERMS.cascade.weighted_Wh(
            line.bins.short_Wh + line.bins.long_Wh, line.reserved_Wh
        )
        alone = 0
        for use in played.book.uses[unit].values():
            own = bins(*use)
            aside = own.long_Wh if line.bins.long_Wh else own.short_Wh
            alone += TERMS.cascade.weighted_Wh(aside, use.reserved_Wh)[0]
        # each weight is rounded down
        assert whole <= alone + FLATS


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


@pytest.mark.parametrize("missing", [True, False])
def test_a_cascade_weighs_a_sum_no_more_than_its_parts(missing: bool) -> None:
    # closed form behind the split of penalties: convex, and zero at zero
    cascade = Cascade((0,), (100,)) if missing else TERMS.cascade
    both = cascade.weighted_Wh(900, 2_000)[0]
    assert both <= cascade.weighted_Wh(800, 1_000)[0] + cascade.weighted_Wh(100, 1_000)[0]
