"""Pictures of a market's books: the ledger by cause, and how bills are spread."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.risk import conditional_value_at_risk
from rexdynnet.plot.read import labels, variable
from rexdynnet.plot.style import (
    DASHES,
    Colour,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
    new_picture,
)

Floats = NDArray[np.float64]

_J_PER_MWh = 3.6e9
_SHADES = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#F0E442", "#8C8C8C",
    "#882255", "#44AA99", "#999933", "#332288",
)  # fmt: skip
_LEAST_EUR = 5e-3


def ledger_by_cause(result: xr.Dataset, ax: Axes | None = None) -> Figure:
    """What every account gained and paid on settled units, by cause.

    Parameters
    ----------
    result : xr.Dataset
        Of `rexdynnet.run` with a section `[market]`.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
        Bars to the right are gains, to the left payments; a diamond is their sum. In a new figure
        each cause has a panel and a scale of its own, given axes show all in one.

    Raises
    ------
    InputError
        The run had no market.
    """
    _need(result)
    amounts = variable(result, "ledger_gain")
    accounts, causes = labels(result, "account"), labels(result, "cause")
    moved = np.abs(amounts).max(axis=1) > _LEAST_EUR
    table = amounts[moved]
    names = [name for name, used in zip(accounts, moved, strict=True) if used]
    if ax is None:
        return _by_cause(table, names, causes)
    at = np.arange(len(names))
    right, left = np.zeros(len(names)), np.zeros(len(names))
    for column, cause in enumerate(causes):
        values = table[:, column]
        if np.abs(values).max(initial=0.0) <= _LEAST_EUR:
            continue
        base = np.where(values >= 0, right, left)
        shade = _SHADES[column % len(_SHADES)]
        ax.barh(at, values, left=base, color=shade, label=cause.replace("_", " "), height=0.7)
        right += np.maximum(values, 0.0)
        left += np.minimum(values, 0.0)
    ax.plot(table.sum(axis=1), at, "D", color=Colour.DEMAND.value, markersize=4, label="sum")
    ax.axvline(0.0, color=Colour.DEMAND.value, linewidth=0.8)
    ax.set_yticks(at, names, fontsize=8)
    ax.invert_yaxis()
    ax.margins(x=0.05)
    dress(ax, x="gained (EUR)", title="ledger by cause, settled units")
    legend_beside(ax)
    return figure_of(ax)


def _by_cause(table: Floats, names: list[str], causes: tuple[str, ...]) -> Figure:
    """A panel for each cause, because trade would hide all others."""
    whole = np.abs(table).max(axis=0, initial=0.0) > _LEAST_EUR
    shown = [(causes[at].replace("_", " "), table[:, at]) for at in np.flatnonzero(whole)]
    shown.append(("sum", table.sum(axis=1)))
    figure = new_picture(1.1 + 0.2 * len(names))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False).ravel()
    at = np.arange(len(names))
    for place, (panel, (word, values)) in enumerate(zip(panels, shown, strict=True)):
        shade = Colour.DEMAND.value if word == "sum" else _SHADES[place % len(_SHADES)]
        panel.barh(at, values, color=shade, height=0.7)
        panel.axvline(0.0, color=Colour.DEMAND.value, linewidth=0.6)
        panel.set_title(word, fontsize=8)
        panel.tick_params(axis="x", labelsize=7)
        panel.xaxis.set_major_locator(MaxNLocator(2, min_n_ticks=2))
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.08)
    panels[0].set_yticks(at, names, fontsize=7)
    panels[0].invert_yaxis()
    figure.supxlabel("gained on settled units (EUR), each cause on its own scale", fontsize=9)
    return figure


def bills(result: xr.Dataset | Floats, ax: Axes | None = None, *, level: float = 0.8) -> Figure:
    """How bills per MWh are spread, with their mean and conditional value at risk.

    Parameters
    ----------
    result : xr.Dataset or ndarray, shape (runs, participants)
        Of `rexdynnet.run` with a section `[market]`: one dot per consumer. Or bills of several
        runs, EUR/MWh: their distribution.
    ax : Axes or None
    level : float
        The CVaR is the mean of the dearest 1 − `level` of all bills.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        A level outside (0, 1), bills that are no numbers, or a run without a market.
    """
    if not 0.0 < level < 1.0:
        raise InputError(Finding(f"the level is {level:g}", "give one between 0 and 1"))
    ax = axes_or_new(ax)
    if isinstance(result, xr.Dataset):
        names, values = _bills_of(result)
        order = np.argsort(values)
        ax.plot(np.arange(len(values)), values[order], "o", color=Colour.RETURN.value)
        ax.grid(axis="x", color="0.9")
        ax.set_xticks(
            np.arange(len(values)), [names[i] for i in order], rotation=60, ha="right", fontsize=8
        )
        dress(ax, y="bill (EUR/MWh)", title="bills of all consumers, true-up included")
        draw, of = ax.axhline, "consumers"
    else:
        values = np.asarray(result, dtype=np.float64).ravel()
        if not values.size or not np.isfinite(values).all():
            raise InputError(Finding("bills are missing or no numbers", "give finite EUR/MWh"))
        ax.hist(values, bins="auto", color=Colour.RETURN.value, alpha=0.7)
        dress(ax, x="bill (EUR/MWh)", y="bills", title=f"{values.size} bills")
        draw, of = ax.axvline, "bills"
    for value, word, dash in (
        (values.mean(), "mean", DASHES[0]),
        (conditional_value_at_risk(values, level), f"CVaR {level:.0%} over {of}", DASHES[1]),
    ):
        text = f"{word} {value:.2f} EUR/MWh"
        draw(float(value), color=Colour.SUPPLY.value, linewidth=1.4, linestyle=dash, label=text)
    legend_beside(ax)
    return figure_of(ax)


def _bills_of(result: xr.Dataset) -> tuple[list[str], Floats]:
    _need(result)
    gains, accounts = variable(result, "ledger_gain"), list(labels(result, "account"))
    taken = variable(result, "market_delivered_energy").sum(axis=0)
    names = [
        name
        for name, energy in zip(labels(result, "participant"), taken, strict=True)
        if energy > 0
    ]
    paid = [-gains[accounts.index(name)].sum() for name in names]
    return names, np.array(paid) / (taken[taken > 0] / _J_PER_MWh)


def _need(result: xr.Dataset) -> None:
    if "ledger_gain" not in result.variables:
        raise InputError(
            Finding(
                "the run had no market",
                "run a scenario with a section [market], for example destest16_reservex.toml",
            )
        )
