"""A ledger as one Parquet file, for tables too long for a spreadsheet."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.ledger import COLUMNS, Cause, Ledger


def write_parquet(ledger: Ledger, path: Path) -> None:
    """Write every transfer of a ledger, in the columns of its CSV export.

    The file carries no seal: what is to be audited is exported by `Ledger.to_csv`.

    Parameters
    ----------
    ledger : Ledger
    path : Path
        File to write: event, unit, amount_uEUR as 64-bit integers; cause, debit, credit as
        dictionary-coded text. One row per transfer, oldest first.

    Raises
    ------
    InputError
        The extra `parquet` (pyarrow) is not installed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import pyarrow.parquet
    >>> ledger = Ledger(["anna"])
    >>> ledger.transfer(1, 0, Cause.TRADE, ledger.account("anna"), ledger.account("maker"), 500)
    >>> with TemporaryDirectory() as folder:
    ...     write_parquet(ledger, Path(folder) / "ledger.parquet")
    ...     pyarrow.parquet.read_table(Path(folder) / "ledger.parquet")["amount_uEUR"].to_pylist()
    [500]
    """
    arrow, parquet = _arrow("pyarrow"), _arrow("pyarrow.parquet")
    texts = [cause.name.lower() for cause in Cause]
    event, unit, cause, debit, credit, amount = map(np.asarray, ledger.columns())
    columns = [
        arrow.array(event),
        arrow.array(unit),
        *(
            arrow.DictionaryArray.from_arrays(arrow.array(codes, arrow.int32()), values)
            for codes, values in (
                (cause, texts),
                (debit, list(ledger.names)),
                (credit, list(ledger.names)),
            )
        ),
        arrow.array(amount),
    ]
    parquet.write_table(arrow.Table.from_arrays(columns, names=list(COLUMNS)), path)


def _arrow(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            Finding("pyarrow is not installed", "run `pip install 'rexdynnet[parquet]'`")
        ) from error
