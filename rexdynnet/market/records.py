"""How the journal's frames are laid out: little-endian integers, tables after a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from struct import Struct
from zlib import compress, decompress

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Flow, Order, Side
from rexdynnet.market.pricing import Curve
from rexdynnet.market.setup import Market

NO_LIMIT = -(2**63)
_LARGEST_uEUR = 2**62
ORDER_BODY = Struct("<iqBbiqqqqq")
"""owner, number, flow, side, node, unit, lots, limit, then lots traded and µEUR paid."""
CANCEL_BODY = Struct("<iq")
CLOCK_BODY = Struct("<d")

ORDER_LENGTH = ORDER_BODY.size
pack_order = Struct("<BI" + ORDER_BODY.format[1:]).pack
"""Lay out a whole frame: kind, length of the body, body."""


def unpack_order(body: bytes, market: Market) -> tuple[Order, int, int]:
    """Read an order that was recorded, the lots it traded at once and the µEUR paid."""
    owner, number, flow, side, node, unit, lots, limit, traded, amount = ORDER_BODY.unpack(body)
    name, where = market.participants[int(owner)].name, market.nodes[int(node)]
    bound = None if limit == NO_LIMIT else limit
    energy_Wh = lots * market.rules.lot_Wh
    return (
        Order(name, number, Flow(flow), Side(side), where, unit, energy_Wh, bound),
        traded,
        amount,
    )


# Cause, debit, credit, µEUR.
Posting = tuple[int, int, int, int]


def pack_curves(curves: Mapping[int, Curve] | Curve) -> bytes:
    """Lay out curves, those of single units or the one for all."""
    if isinstance(curves, Curve):
        return json.dumps({"all": curves}).encode()
    return json.dumps({"units": [(unit, curves[unit]) for unit in sorted(curves)]}).encode()


def unpack_curves(body: bytes) -> Mapping[int, Curve] | Curve:
    """Read what `pack_curves` wrote."""
    found = json.loads(body)
    if "all" in found:
        return _curve(found["all"])
    return {unit: _curve(curve) for unit, curve in found["units"]}


def pack_rows(
    names: tuple[str, ...], first: int, rows: NDArray[np.int64], limit: NDArray[np.int64]
) -> bytes:
    """Lay out an envelope that is already in whole numbers."""
    head = json.dumps({"names": names, "first": first, "shape": rows.shape}).encode()
    tables = rows.astype("<i8").tobytes() + limit.astype("<i8").tobytes()
    # nearly all of an envelope is zeros
    return len(head).to_bytes(4, "little") + head + compress(tables, 1)


def unpack_rows(
    body: bytes,
) -> tuple[tuple[str, ...], int, NDArray[np.int64], NDArray[np.int64]]:
    """Read what `pack_rows` wrote."""
    end = 4 + int.from_bytes(body[:4], "little")
    head = json.loads(body[4:end])
    shape: tuple[int, int, int] = tuple(head["shape"])
    flat = np.frombuffer(decompress(body[end:]), "<i8").astype(np.int64)
    size = int(np.prod(shape))
    return tuple(head["names"]), head["first"], flat[:size].reshape(shape), flat[size:]


def pack_postings(
    unit: int, final: bool, postings: Sequence[Posting], undone: Sequence[Posting] | None = None
) -> bytes:
    """Lay out transfers that settle a unit or pay money in, and those that they undo."""
    before = None if undone is None else [list(map(int, each)) for each in undone]
    return json.dumps([unit, final, [list(map(int, each)) for each in postings], before]).encode()


def unpack_postings(
    body: bytes,
) -> tuple[int, bool, list[Posting], list[Posting] | None]:
    """Read what `pack_postings` wrote."""
    unit, final, postings, undone = json.loads(body)
    before = None if undone is None else [(c, d, k, a) for c, d, k, a in undone]
    return unit, final, [(c, d, k, a) for c, d, k, a in postings], before


def is_whole(value: object) -> bool:
    """Whether a value is an integer, of Python or of NumPy."""
    return isinstance(value, (int, np.integer))


def check_postings(postings: Sequence[Posting], accounts: int) -> Sequence[Posting]:
    """Refuse transfers that no ledger can hold, before any of them moves money.

    Raises
    ------
    InputError
        An account that is none, or an amount that is no whole number of µEUR.
    """
    for _, debit, credit, amount in postings:
        if not (0 <= debit < accounts and 0 <= credit < accounts):
            raise InputError(Finding("a posting names no account", "ask `Ledger.account` for it"))
        if not is_whole(amount) or not -_LARGEST_uEUR < amount < _LARGEST_uEUR:
            raise InputError(
                Finding(
                    f"an amount of {amount!r} µEUR",
                    "give whole µEUR below 4.6e18; energies of readings are whole Wh",
                )
            )
    return postings


def _curve(values: tuple[list[int], int, int, int]) -> Curve:
    base, premium, skew, neutral = values
    return Curve(tuple(base), premium, skew, neutral)
