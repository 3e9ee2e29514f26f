"""Double-entry book-keeping in whole micro-euros: what leaves one account enters another."""

from __future__ import annotations

import csv
import hashlib
import json
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np

from rexdynnet.errors import Finding, InputError, RexdynnetError

_pack = Struct("=6q").pack
COLUMNS = ("event", "unit", "cause", "debit", "credit", "amount_uEUR")
"""Of an exported ledger."""


class Cause(IntEnum):
    """Why money moved."""

    TRADE = 0
    PAYMENT = 1
    IMBALANCE = 2
    PENALTY = 3
    COMPENSATION = 4
    DISCARD = 5
    LOSSES = 6
    QUALITY = 7
    SUPPLY = 8
    SHARE = 9
    TRUE_UP = 10
    REMAINDER = 11
    CORRECTION = 12


class Account(IntEnum):
    """Accounts that every market has; those of participants follow."""

    MAKER = 0
    BANK = 1
    """Money that participants pay in or draw out."""
    NETWORK = 2
    """The network maintainer: losses."""
    SUPPLY = 3
    """Plants and stores of the operator that balance the network."""
    POOL = 4
    """Proceeds of penalties until they are distributed."""
    REMAINDER = 5
    """What division into whole micro-euros leaves over."""


class Entry(NamedTuple):
    """One transfer.

    Parameters
    ----------
    event : int
        Number of the exchange's event that caused it.
    unit : int
    cause : Cause
    debit, credit : str
        Account that pays and account that is paid.
    amount_uEUR : int
        Never negative.
    """

    event: int
    unit: int
    cause: Cause
    debit: str
    credit: str
    amount_uEUR: int


class LedgerError(RexdynnetError):
    """The books do not agree with themselves."""


class Ledger:
    """Balances and every transfer that led to them.

    Parameters
    ----------
    participants : sequence of str

    Notes
    -----
    There is no other way to move money than `transfer`, which takes from one account what
    it gives to another; so the balances sum to zero after each of them, not only at the end.

    Examples
    --------
    >>> ledger = Ledger(["a", "b"])
    >>> ledger.transfer(1, 0, Cause.TRADE, ledger.account("a"), Account.MAKER, 500)
    >>> ledger.balances()["a"], ledger.total
    (-500, 0)
    """

    def __init__(self, participants: Sequence[str]) -> None:
        self.names = (*(account.name.lower() for account in Account), *participants)
        self._index = {name: at for at, name in enumerate(self.names)}
        if len(self._index) < len(self.names):
            raise InputError(
                Finding("two accounts have one name", "rename the participant; see Account")
            )
        self.balance: list[int] = [0] * len(self.names)
        # six numbers per transfer in one flat array: a million transfers are 48 MB
        self._entries = array("q")

    def account(self, name: str) -> int:
        """Index of an account."""
        return self._index[name]

    @property
    def total(self) -> int:
        """Sum over all accounts; 0."""
        return sum(self.balance)

    def __len__(self) -> int:
        return len(self._entries) // 6

    def transfer(
        self, event: int, unit: int, cause: int, debit: int, credit: int, amount_uEUR: int
    ) -> None:
        """Move money; a negative amount moves the other way."""
        if amount_uEUR < 0:
            debit, credit, amount_uEUR = credit, debit, -amount_uEUR
        # what cannot be packed fails before any balance has moved
        entry = _pack(event, unit, cause, debit, credit, amount_uEUR)
        balance = self.balance
        balance[debit] -= amount_uEUR
        balance[credit] += amount_uEUR
        self._entries.frombytes(entry)

    def balances(self) -> dict[str, int]:
        """Balance of every account in µEUR."""
        return dict(zip(self.names, self.balance, strict=True))

    def entries(self, since: int = 0) -> Iterator[Entry]:
        """Every transfer, oldest first; the first `since` of them left out."""
        flat = self._entries
        for at in range(6 * since, len(flat), 6):
            event, unit, cause, debit, credit, amount = flat[at : at + 6]
            yield Entry(event, unit, Cause(cause), self.names[debit], self.names[credit], amount)

    def columns(self) -> tuple[array[int], ...]:
        """Numbers of every transfer by column, as in `COLUMNS`; accounts and causes as indices."""
        return tuple(self._entries[at::6] for at in range(6))

    def gains_uEUR(self, units: Collection[int]) -> dict[str, int]:
        """What every account gained or lost by transfers of some units, µEUR."""
        flat = np.array(self._entries, dtype=np.int64).reshape(-1, 6)
        rows = flat[np.isin(flat[:, 1], list(units))]
        gains = np.zeros(len(self.names), dtype=np.int64)
        np.subtract.at(gains, rows[:, 3], rows[:, 5])
        np.add.at(gains, rows[:, 4], rows[:, 5])
        return dict(zip(self.names, gains.tolist(), strict=True))

    def by_cause(self) -> Mapping[Cause, dict[str, int]]:
        """What every account gained or lost by cause, µEUR."""
        found: dict[Cause, dict[str, int]] = {}
        for entry in self.entries():
            of = found.setdefault(entry.cause, {})
            of[entry.debit] = of.get(entry.debit, 0) - entry.amount_uEUR
            of[entry.credit] = of.get(entry.credit, 0) + entry.amount_uEUR
        return found

    def audit(self) -> int:
        """Add everything up again from the entries.

        Returns
        -------
        int
            How many transfers agree.

        Raises
        ------
        LedgerError
            A negative amount, balances that the entries do not lead to, or a sum other
            than zero.
        """
        again = [0] * len(self.names)
        flat = self._entries
        for at in range(0, len(flat), 6):
            amount = flat[at + 5]
            if amount < 0:
                raise LedgerError(f"transfer {at // 6} moves {amount} µEUR; restore the journal")
            again[flat[at + 3]] -= amount
            again[flat[at + 4]] += amount
        for name, told, found in zip(self.names, self.balance, again, strict=True):
            if told != found:
                raise LedgerError(
                    f"{name} stands at {told} µEUR and its transfers add up to {found}; "
                    "recover the exchange from its journal"
                )
        if sum(again):
            raise LedgerError(f"balances sum to {sum(again)} µEUR; recover from the journal")
        return len(self)

    def to_csv(self, path: Path) -> None:
        """Write every transfer as CSV, and beside it the seal that `audit_csv` compares.

        The seal (`ledger.csv.seal.json`) holds the number of transfers, the balances in µEUR
        and the file's SHA-256. Keep a copy of it elsewhere: whoever can alter both files can
        make them agree.
        """
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for entry in self.entries():
                writer.writerow((*entry[:2], entry.cause.name.lower(), *entry[3:]))
        moved = {self.names[at] for at in (*self._entries[3::6], *self._entries[4::6])}
        seal = {
            "transfers": len(self),
            "sha256": _sha256(path),
            "balances_uEUR": {k: v for k, v in self.balances().items() if k in moved},
        }
        seal_path(path).write_text(json.dumps(seal, indent=1) + "\n", encoding="utf-8")


def seal_path(path: Path) -> Path:
    """File beside an exported ledger that says what it must hold."""
    return path.with_name(path.name + ".seal.json")


def split(amount_uEUR: int, weights: Sequence[int]) -> tuple[list[int], int]:
    """Share an amount pro rata, in whole micro-euros.

    Parameters
    ----------
    amount_uEUR : int
        Not negative.
    weights : sequence of int
        Not negative.

    Returns
    -------
    shares : list of int
        Rounded down.
    left : int
        What remains; goes to `Account.REMAINDER`.

    Examples
    --------
    >>> split(100, [1, 1, 1])
    ([33, 33, 33], 1)
    """
    whole = sum(weights)
    if whole <= 0:
        return [0] * len(weights), amount_uEUR
    shares = [amount_uEUR * weight // whole for weight in weights]
    return shares, amount_uEUR - sum(shares)


def audit_csv(path: Path) -> dict[str, int]:
    """Add up an exported ledger without the exchange that wrote it.

    Returns
    -------
    dict of str to int
        Balance per account, µEUR.

    Raises
    ------
    InputError
        No such file or seal, another header, a row that cannot be read or has a negative
        amount, or a line that was lost, added, moved or altered since the export.
    """
    balance: dict[str, int] = {}
    if not path.is_file():
        raise InputError(
            Finding("there is no such ledger", "export one with `Ledger.to_csv`", file=path)
        )
    transfers = 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise InputError(
                Finding(
                    "the file is no exported ledger",
                    f"its header must be {','.join(COLUMNS)}",
                    file=path,
                    row=1,
                )
            )
        for number, row in enumerate(rows, start=2):
            text = row.get("amount_uEUR") or ""
            if not (text.isascii() and text.isdecimal()):
                raise InputError(
                    Finding(
                        f"amount_uEUR is {text!r}",
                        "export the ledger again; amounts are whole and not negative",
                        file=path,
                        row=number,
                        field="amount_uEUR",
                    )
                )
            transfers += 1
            balance[row["debit"]] = balance.get(row["debit"], 0) - int(text)
            balance[row["credit"]] = balance.get(row["credit"], 0) + int(text)
    _compare(path, transfers, balance)
    return balance


def _compare(path: Path, transfers: int, balance: Mapping[str, int]) -> None:
    """Refuse a ledger that is not what its seal says."""
    remedy = "export the ledger again from the exchange's journal"
    beside = seal_path(path)
    try:
        seal = json.loads(beside.read_text(encoding="utf-8"))
        told: tuple[int, dict[str, int], str] = (
            seal["transfers"],
            seal["balances_uEUR"],
            seal["sha256"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the seal of {path.name} is missing or cannot be read"
        raise InputError(Finding(message, remedy, file=beside)) from error
    if transfers != told[0]:
        message = f"{transfers} transfers, {told[0]} were written"
    elif balance != told[1]:
        names = sorted(balance.keys() | told[1])
        wrong = [name for name in names if balance.get(name) != told[1].get(name)]
        message = f"balances differ from those written: {', '.join(wrong)}"
    elif _sha256(path) != told[2]:
        message = "a line was altered or moved since the file was written"
    else:
        return
    raise InputError(Finding(message, remedy, file=path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
