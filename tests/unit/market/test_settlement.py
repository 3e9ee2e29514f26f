"""Who pays what once a unit is over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from rexdynnet.cli import app
from rexdynnet.errors import InputError
from rexdynnet.market.contracts import Flow, Side
from rexdynnet.market.deviation import Cascade, Reading, bins
from rexdynnet.market.ledger import Account, Cause, audit_csv, seal_path, split
from rexdynnet.market.ledger_parquet import write_parquet
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import Statement, Terms, UnitCosts, book, settle, true_up
from tests.unit.market.small_market import open_market, order, small_market

ENERGY = st.integers(-3000, 3000)
NO_PENALTY = Terms(Cascade((), ()))


def reserved_market(journal: Path | None = None) -> Reservex:
    """anna reserves 1 kWh, bert 2 kWh, the sun promises 1 kWh; unit 3 is over."""
    exchange = open_market(journal=journal)
    exchange.place(order("anna"))
    exchange.place(order("bert", node="b", lots=20))
    exchange.place(order("sun", flow=Flow.INJECTION, side=Side.SELL))
    exchange.advance(4 * 900.0)
    return exchange


def readings(
    anna: tuple[int, int | None], bert: tuple[int, int | None], sun: tuple[int, int | None]
) -> list[Reading]:
    """Demanded and delivered Wh."""
    return [
        Reading("anna", "a", *anna),
        Reading("bert", "b", *bert),
        Reading("sun", "a", *sun),
    ]


def statement(
    exchange: Reservex,
    found: list[Reading],
    marginal_uEUR: int = 8000,
    costs: UnitCosts | None = None,
    terms: Terms | None = None,
) -> Statement:
    marginal = {"a": marginal_uEUR, "b": marginal_uEUR}
    return settle(exchange, 3, found, marginal, costs or UnitCosts(), terms or Terms())


@given(ENERGY, ENERGY, ENERGY)
def test_bins_account_for_every_wh(reserved: int, demanded: int, delivered: int):
    found = bins(reserved, demanded, delivered)
    assert min(found) >= 0
    back = reserved + found.short_Wh - found.long_Wh - found.withheld_Wh + found.refused_Wh
    assert back == delivered


@given(st.integers(1, 5000), st.integers(-2000, 20_000))
def test_a_shortage_pays_at_least_the_dearer_of_own_price_and_marginal_cost(
    short_Wh: int, marginal_uEUR: int
):
    exchange = reserved_market()
    used = 1000 + short_Wh
    line = statement(
        exchange,
        readings((used, used), (2000, 2000), (-1000, -1000)),
        marginal_uEUR,
        terms=NO_PENALTY,
    ).lines[0]
    opened = exchange.opened_at("anna", "a", 3, Flow.EJECTION)
    assert line.bins.short_Wh == short_Wh
    assert line.imbalance_uEUR * 100 * opened.lots >= opened.amount_uEUR * short_Wh
    assert line.imbalance_uEUR * 100 >= marginal_uEUR * short_Wh


@given(st.integers(0, 1000), st.integers(-2000, 20_000))
def test_heat_reserved_and_not_used_brings_no_more_than_it_cost(long_Wh: int, marginal_uEUR: int):
    exchange = reserved_market()
    used = 1000 - long_Wh
    line = statement(
        exchange, readings((used, used), (2000, 2000), (-1000, -1000)), marginal_uEUR
    ).lines[0]
    opened = exchange.opened_at("anna", "a", 3, Flow.EJECTION)
    assert -line.imbalance_uEUR * 100 * opened.lots <= opened.amount_uEUR * long_Wh
    assert line.penalty_uEUR >= 0


@given(
    *(st.tuples(ENERGY, st.none() | ENERGY) for _ in range(3)),
    st.integers(-2000, 20_000),
    st.builds(
        UnitCosts,
        *(st.integers(0, 10**6) for _ in range(2)),
        *(st.integers(0, 5000) for _ in range(3)),
    ),
)
def test_a_booked_unit_sums_to_zero_and_empties_the_pool(
    anna: tuple[int, int | None],
    bert: tuple[int, int | None],
    sun: tuple[int, int | None],
    marginal_uEUR: int,
    costs: UnitCosts,
):
    exchange = reserved_market()
    first = statement(exchange, readings(anna, bert, sun), marginal_uEUR, costs)
    book(exchange, first)
    exchange.ledger.audit()
    assert exchange.ledger.balance[Account.POOL] == 0
    true_up(exchange, {"anna": 3, "bert": 5, "sun": 0})
    assert exchange.ledger.balance[Account.MAKER] == 0
    assert exchange.ledger.total == 0


@given(*(st.tuples(ENERGY, st.none()) for _ in range(2)), st.tuples(ENERGY, ENERGY))
def test_a_unit_resettled_stands_as_if_its_meters_had_never_been_missing(
    anna: tuple[int, int | None], bert: tuple[int, int | None], real: tuple[int, int]
):
    late, prompt = reserved_market(), reserved_market()
    guessed = statement(late, readings(anna, bert, (-900, -900)))
    assert guessed.provisional
    book(late, guessed)
    read = readings(real, real, (-900, -900))
    book(late, statement(late, read), guessed)
    book(prompt, statement(prompt, read))
    assert late.ledger.balances() == prompt.ledger.balances()
    late.ledger.audit()


def test_penalties_pay_balancing_first_then_compensation_then_everybody():
    exchange = reserved_market()
    found = readings((1600, 1600), (2000, 1500), (-1000, -1000))
    told = statement(exchange, found, costs=UnitCosts(balancing_uEUR=3000))
    penalty = told.lines[0].penalty_uEUR
    # 600 Wh short of 1000: 550·0.1 + 450·0.2 + 300·0.3 = 235 Wh at 80 µEUR/Wh
    assert penalty == 18_800
    compensation = told.lines[1].compensation_uEUR
    assert told.lines[1].bins.withheld_Wh == 500
    assert compensation == 500 * 80 // 2
    book(exchange, told)
    by = exchange.ledger.by_cause()
    assert by[Cause.SUPPLY]["supply"] == 3000
    assert by[Cause.COMPENSATION]["pool"] == -(penalty - 3000)
    assert Cause.SHARE not in by


def test_losses_are_charged_to_the_network_and_dumped_heat_to_those_who_left_it():
    exchange = reserved_market()
    costs = UnitCosts(losses_Wh=250, losses_uEUR=4000, discarded_Wh=300)
    book(
        exchange,
        statement(exchange, readings((800, 800), (2000, 2000), (-1100, -1100)), costs=costs),
    )
    by = exchange.ledger.by_cause()
    assert by[Cause.LOSSES]["network"] == -10_000
    assert by[Cause.DISCARD] == {"anna": -2000, "sun": -1000, "maker": 3000}


def test_heat_too_cold_is_discounted_and_warm_return_water_surcharged():
    exchange = reserved_market()
    found = readings((1000, 1000), (2000, 2000), (-1000, -1000))
    found[0] = found[0]._replace(delivery_K=335.65, return_K=329.15)
    line = statement(exchange, found).lines[0]
    paid = exchange.opened_at("anna", "a", 3, Flow.EJECTION).amount_uEUR
    assert line.quality_uEUR == pytest.approx(paid * (-0.05 + 0.02), abs=2)


def test_a_unit_is_settled_once():
    exchange = reserved_market()
    told = statement(exchange, readings((1000, 1000), (2000, 2000), (-1000, -1000)))
    with pytest.raises(InputError, match="not settled"):
        book(exchange, told, told)
    book(exchange, told)
    before, held = exchange.ledger.balances(), list(exchange.holdings.held)
    with pytest.raises(InputError, match="settled already"):
        book(exchange, told)
    assert exchange.ledger.balances() == before
    assert exchange.holdings.held == held == [0, 0, 0]


def test_a_settled_unit_stays_settled_after_a_crash(tmp_path: Path):
    path = tmp_path / "market.journal"
    exchange = reserved_market(path)
    told = statement(exchange, readings((900, 900), (2000, 2000), (-1000, -1000)))
    book(exchange, told)
    exchange.close()
    again = Reservex(small_market(), path)
    assert again.ledger.balances() == exchange.ledger.balances()
    with pytest.raises(InputError, match="settled already"):
        book(again, told)
    again.close()


def test_a_correction_counts_once_also_after_a_crash(tmp_path: Path):
    path = tmp_path / "market.journal"
    exchange = reserved_market(path)
    first = statement(exchange, readings((900, 900), (2000, 2000), (-1000, -1000)))
    second = statement(exchange, readings((800, 800), (2000, 2000), (-1000, -1000)))
    third = statement(exchange, readings((700, 700), (2000, 2000), (-1000, -1000)))
    book(exchange, first)
    with pytest.raises(InputError, match="not the one that stands"):
        book(exchange, third, before=second)
    book(exchange, second, before=first)
    balances = exchange.ledger.balances()
    exchange.close()
    again = Reservex(small_market(), path)
    for before in (first, third):
        with pytest.raises(InputError, match="not the one that stands"):
            book(again, third, before=before)
    assert again.ledger.balances() == balances
    book(again, third, before=second)
    again.ledger.audit()
    again.close()


@pytest.mark.parametrize("amount", [1.5, 2**63, float("nan"), "5"])
def test_an_amount_that_no_ledger_holds_moves_nothing(amount: object):
    exchange = reserved_market()
    before = exchange.ledger.balances()
    with pytest.raises(InputError, match="whole µEUR"):
        exchange.pay("anna", amount)  # type: ignore[arg-type]
    assert exchange.ledger.balances() == before
    exchange.ledger.audit()
    exchange.pay("anna", 5)


def test_readings_of_nobody_or_of_parts_of_a_watt_hour_are_named():
    exchange = reserved_market()
    whole = readings((900, 900), (2000, 2000), (-1000, -1000))
    for wrong, said in (
        (whole[0]._replace(participant="nobody"), "'nobody', which is no participant"),
        (whole[0]._replace(node="nowhere"), "'nowhere', which is no node"),
        (whole[0]._replace(delivered_Wh=900.5), "whole Wh"),
    ):
        with pytest.raises(InputError, match=said):
            statement(exchange, [wrong, *whole[1:]])


@pytest.mark.parametrize("value", [-500, 0.5])
def test_terms_that_are_no_whole_share_are_refused(value: float):
    with pytest.raises(InputError, match="compensation_permille"):
        Terms(compensation_permille=value)  # type: ignore[arg-type]


def test_a_unit_that_is_not_over_or_not_fully_read_cannot_be_settled():
    whole = readings((1000, 1000), (2000, 2000), (-1000, -1000))
    exchange = reserved_market()
    with pytest.raises(InputError, match="bert reserved at b in unit 3 and has no reading"):
        statement(exchange, [whole[0], whole[2]])
    with pytest.raises(InputError, match="read twice"):
        statement(exchange, [*whole, whole[0]])
    with pytest.raises(InputError, match="not ended"):
        settle(exchange, 4, [], {}, UnitCosts(), Terms())


@pytest.mark.parametrize(
    ("beyond", "factor"), [((50,), ()), ((50, 50), (1, 2)), ((50, 60), (2, 1)), ((-1,), (1,))]
)
def test_penalty_steps_that_do_not_rise_are_refused(
    beyond: tuple[int, ...], factor: tuple[int, ...]
):
    with pytest.raises(InputError, match="penalty steps"):
        Cascade(beyond, factor)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), max_size=20))
def test_a_split_loses_nothing(amount: int, weights: list[int]):
    shares, left = split(amount, weights)
    assert sum(shares) + left == amount
    assert left >= 0
    assert all(share >= 0 for share in shares)


def test_an_exported_ledger_adds_up_without_the_exchange(tmp_path: Path):
    exchange = reserved_market()
    path = tmp_path / "ledger.csv"
    exchange.ledger.to_csv(path)
    found = audit_csv(path)
    assert sum(found.values()) == 0
    assert found == {name: b for name, b in exchange.ledger.balances().items() if name in found}
    path.write_text(path.read_text().replace(",maker,", ",maker,-", 1))
    with pytest.raises(InputError, match=r"ledger\.csv.*amount_uEUR is '-"):
        audit_csv(path)


def _without_the_last(lines: list[str]) -> list[str]:
    return lines[:-1]


def _with_one_twice(lines: list[str]) -> list[str]:
    return [*lines, lines[-1]]


def _with_another_amount(lines: list[str]) -> list[str]:
    return [lines[0], lines[1] + "0", *lines[2:]]


def _with_another_cause(lines: list[str]) -> list[str]:
    return [lines[0], lines[1].replace(",trade,", ",payment,"), *lines[2:]]


def _with_two_swapped(lines: list[str]) -> list[str]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        (_without_the_last, "transfers, .* were written"),
        (_with_one_twice, "transfers, .* were written"),
        (_with_another_amount, "balances differ .*maker"),
        (_with_another_cause, "altered or moved"),
        (_with_two_swapped, "altered or moved"),
    ],
)
def test_an_audit_finds_every_kind_of_tampering(
    tamper: Callable[[list[str]], list[str]], found: str, tmp_path: Path
):
    path = tmp_path / "ledger.csv"
    reserved_market().ledger.to_csv(path)
    lines = path.read_text().splitlines()
    changed = tamper(lines)
    assert changed != lines
    path.write_text("\n".join(changed) + "\n")
    with pytest.raises(InputError, match=found):
        audit_csv(path)


def test_a_ledger_without_its_seal_is_no_audited_ledger(tmp_path: Path):
    path = tmp_path / "ledger.csv"
    reserved_market().ledger.to_csv(path)
    seal_path(path).unlink()
    with pytest.raises(InputError, match=r"seal of ledger\.csv is missing"):
        audit_csv(path)


def test_the_command_line_audits_a_file_or_its_folder(tmp_path: Path):
    exchange = reserved_market()
    exchange.ledger.to_csv(tmp_path / "ledger.csv")
    for given_path in (tmp_path, tmp_path / "ledger.csv"):
        found = CliRunner().invoke(app, ["audit", str(given_path)])
        assert found.exit_code == 0, found.output
        last = found.output.splitlines()[-1].split()
        assert last == ["sum", "0.000000", "EUR"]
        assert f"{exchange.ledger.balances()['bert'] / 1e6:.6f} EUR" in found.output


@pytest.mark.parametrize("text", [None, "", "a,b\n1,2\n"])
def test_what_is_no_ledger_cannot_be_audited(text: str | None, tmp_path: Path):
    path = tmp_path / "ledger.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=r"ledger\.csv"):
        audit_csv(path)


def test_a_parquet_ledger_holds_the_rows_of_the_csv(tmp_path: Path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    ledger = reserved_market().ledger
    write_parquet(ledger, tmp_path / "ledger.parquet")
    ledger.to_csv(tmp_path / "ledger.csv")
    table = parquet.read_table(tmp_path / "ledger.parquet")
    rows = [",".join(map(str, row.values())) for row in table.to_pylist()]
    assert [",".join(table.column_names), *rows] == (
        (tmp_path / "ledger.csv").read_text().splitlines()
    )


def test_without_pyarrow_a_parquet_export_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pip install 'rexdynnet\[parquet\]'"):
        write_parquet(reserved_market().ledger, tmp_path / "ledger.parquet")
    assert not (tmp_path / "ledger.parquet").exists()
