"""Read fitted figures of how forecasts evolve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.forecast import ForecastEvolution, RevisionLaw
from rexdynnet.network.entries import read_toml


def read_evolution(path: str | Path) -> ForecastEvolution:
    """Read a fitted forecast evolution from a TOML file.

    Parameters
    ----------
    path : path
        As `models/series/heat_load_evolution.toml`.

    Returns
    -------
    ForecastEvolution

    Raises
    ------
    InputError
        A section or figure is missing, no number or out of range.

    Examples
    --------
    >>> read_evolution("models/series/heat_load_evolution.toml").leads
    36
    """
    file = Path(path)
    findings: list[Finding] = []
    document = read_toml(file, findings)
    if document is None:
        raise InputError(*findings)
    try:
        figures = document.values["evolution"]
        return ForecastEvolution(
            float(figures["size"]),
            _row(figures["response"]),
            tuple(_row(row) for row in figures["loadings"]),
            _row(figures["own"]),
            _law(figures["jump"]),
            _law(figures["later"]),
            _row(figures["cycle"]),
            float(figures["usual"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"the figure {error} is missing or no number"
        remedy = "write the file anew with benchmarks/tools/fit_forecast_evolution.py"
        raise InputError(Finding(what, remedy, file, field="evolution")) from None


def _row(values: Any) -> tuple[float, ...]:
    return tuple(float(one) for one in values)


def _law(values: Mapping[str, Any]) -> RevisionLaw:
    carry = tuple((int(lag), float(share)) for lag, share in values["carry"])
    return RevisionLaw(float(values["bias"]), carry, float(values["growth"]))
