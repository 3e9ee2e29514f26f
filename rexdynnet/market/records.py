"""How the journal's frames are laid out: little-endian integers, tables after a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from struct import Struct
from zlib import compress, decompress

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.pricing import Curve

NO_LIMIT = -(2**63)
ORDER_BODY = Struct("<iqBbiqqqqq")
"""owner, number, flow, side, node, unit, lots, limit, then lots traded and µEUR paid."""
CANCEL_BODY = Struct("<iq")
CLOCK_BODY = Struct("<d")

ORDER_LENGTH = ORDER_BODY.size
pack_order = Struct("<BI" + ORDER_BODY.format[1:]).pack
"""Lay out a whole frame: kind, length of the body, body."""

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


def pack_postings(unit: int, final: bool, postings: Sequence[Posting]) -> bytes:
    """Lay out transfers that settle a unit or pay money in."""
    return json.dumps([unit, final, [list(map(int, each)) for each in postings]]).encode()


def unpack_postings(body: bytes) -> tuple[int, bool, list[Posting]]:
    """Read what `pack_postings` wrote."""
    unit, final, postings = json.loads(body)
    return unit, final, [(c, d, k, a) for c, d, k, a in postings]


def _curve(values: tuple[list[int], int, int, int]) -> Curve:
    base, premium, skew, neutral = values
    return Curve(tuple(base), premium, skew, neutral)
