"""What a tuning found: its history, what matters, the front, and the response of each parameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.style import (
    Colour,
    axes_or_new,
    dress,
    figure_of,
    legend_beside,
    new_picture,
)

if TYPE_CHECKING:
    from rexdynnet.study.tuning import Tuning

_PRUNED, _BROKEN = "pruned", "failed"
_FEW_DECADES = 100.0


def tuning_history(tuning: Tuning, ax: Axes | None = None) -> Figure:
    """Every trial's value of the first objective, and the best so far.

    Parameters
    ----------
    tuning : Tuning
        Of `rexdynnet.tune`.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
        Trials that were given up early or failed have a tick at the lower edge.

    Raises
    ------
    InputError
        No trial was completed.
    """
    costs = _costs(tuning)[:, 0]
    name = tuning.objectives[0]
    values = tuning.table[name].to_numpy(float)
    done = np.flatnonzero(np.isfinite(costs))
    best = values[done][[int(np.argmin(costs[done][: at + 1])) for at in range(len(done))]]
    ax = axes_or_new(ax, 3.6)
    ax.plot(done, values[done], "o", color=Colour.RETURN.value, markersize=4, label="trial")
    ax.step(done, best, where="post", color=Colour.SUPPLY.value, label="best so far")
    for state, colour in ((_PRUNED, Colour.STORED), (_BROKEN, Colour.DEMAND)):
        where = np.flatnonzero((tuning.table["state"] == state).to_numpy())
        if len(where):
            ax.plot(
                where,
                np.full(len(where), 0.02),
                "|",
                color=colour.value,
                markersize=9,
                label=state,
                transform=ax.get_xaxis_transform(),
            )
    dress(ax, x="trial", y=_title(name))
    legend_beside(ax)
    return figure_of(ax)


def tuning_importances(tuning: Tuning, ax: Axes | None = None) -> Figure:
    """How much of the difference between good and bad trials each parameter makes.

    Parameters
    ----------
    tuning : Tuning
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
        Shares that add up to one for each objective.

    Raises
    ------
    InputError
        There were too few trials to tell.

    Notes
    -----
    S. Watanabe et al., PED-ANOVA: Efficiently quantifying hyperparameter importance in
    arbitrary subspaces, IJCAI 2023, as Optuna computes it.
    """
    if not tuning.importances:
        remedy = "go on with more trials, or vary more than one parameter"
        raise InputError(Finding("too few trials to tell what matters", remedy))
    first = next(iter(tuning.importances.values()))
    names = sorted(tuning.varied, key=lambda name: first.get(name, 0.0))
    ax = axes_or_new(ax, 1.2 + 0.35 * len(names) * len(tuning.importances))
    height = 0.8 / len(tuning.importances)
    colours = (Colour.RETURN, Colour.STORED, Colour.DELIVERED, Colour.SUPPLY)
    for at, (objective, shares) in enumerate(tuning.importances.items()):
        places = np.arange(len(names)) + 0.4 - height * (at + 0.5)
        ax.barh(
            places,
            [shares.get(name, 0.0) for name in names],
            height=0.9 * height,
            color=colours[at % len(colours)].value,
            label=_title(objective),
        )
    ax.set_yticks(np.arange(len(names)), names)
    dress(ax, x="share of the difference between good and bad trials")
    ax.grid(visible=False, axis="y")
    legend_beside(ax)
    return figure_of(ax)


def tuning_front(tuning: Tuning, ax: Axes | None = None) -> Figure:
    """Two objectives against each other, and the trials that no other beats in both.

    Parameters
    ----------
    tuning : Tuning
        With at least two objectives; the first two are drawn.
    ax : Axes or None

    Returns
    -------
    matplotlib.figure.Figure
        Points of the front carry the number of their trial.

    Raises
    ------
    InputError
        There is one objective, or no trial was completed.
    """
    if len(tuning.objectives) < 2:
        remedy = "draw tuning_history, or tune for two objectives"
        raise InputError(Finding("one objective has no front", remedy))
    _costs(tuning)
    one, other = tuning.objectives[:2]
    ax = axes_or_new(ax, 4.4)
    x, y = tuning.table[one].to_numpy(float), tuning.table[other].to_numpy(float)
    front = sorted(tuning.front, key=lambda trial: x[trial])
    ax.plot(x, y, "o", color=Colour.LOST.value, markersize=4, label="trial")
    ax.plot(
        x[front],
        y[front],
        "o-",
        color=Colour.SUPPLY.value,
        markersize=5,
        linewidth=1,
        label="front",
    )
    last: tuple[float, float] | None = None
    for trial in front:
        here = ax.transData.transform((x[trial], y[trial]))
        # numbers that would stand on each other are left out
        if last is None or np.hypot(here[0] - last[0], here[1] - last[1]) > 14.0:
            ax.annotate(
                str(trial), (x[trial], y[trial]), (4, 4), textcoords="offset points", fontsize=8
            )
            last = float(here[0]), float(here[1])
    dress(ax, x=_title(one), y=_title(other))
    legend_beside(ax)
    return figure_of(ax)


def tuning_response(tuning: Tuning) -> Figure:
    """The first objective over each parameter, one panel for each.

    Parameters
    ----------
    tuning : Tuning

    Returns
    -------
    matplotlib.figure.Figure
        The winner, or the front, is marked.

    Raises
    ------
    InputError
        No trial was completed.
    """
    costs = _costs(tuning)[:, 0]
    done = np.flatnonzero(np.isfinite(costs))
    name = tuning.objectives[0]
    values = tuning.table[name].to_numpy(float)
    columns = min(len(tuning.varied), 3)
    rows = -(-len(tuning.varied) // columns)
    picture = new_picture(0.6 + 2.4 * rows)
    panels = picture.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for panel, parameter in zip(panels, tuning.varied, strict=False):
        _response(panel, tuning, parameter, done, values)
    for panel in panels[len(tuning.varied) :]:
        panel.set_axis_off()
    for panel in panels[::columns]:
        dress(panel, y=_title(name))
    return picture


def _response(panel: Axes, tuning: Tuning, parameter: str, done: Any, values: Any) -> None:
    given: list[object] = tuning.table[parameter].tolist()
    if all(isinstance(given[at], int | float) for at in done):
        places = np.array([float(str(given[at])) for at in done])
        if parameter in tuning.logarithmic:
            panel.set_xscale("log")
            _tick_log(panel, float(places.max() / places.min()))
    else:
        words = sorted({str(given[at]) for at in done})
        places = np.array([words.index(str(given[at])) for at in done], float)
        panel.set_xticks(range(len(words)), words)
        panel.margins(x=0.25)
    shade = panel.scatter(places, values[done], c=done, cmap="cividis_r", s=16)
    shade.set_label("trial")
    front = [at for at, trial in enumerate(done) if trial in tuning.front]
    panel.plot(
        places[front],
        values[done][front],
        "o",
        markersize=9,
        fillstyle="none",
        color=Colour.SUPPLY.value,
    )
    dress(panel, x=_short(parameter, tuning.varied))


def _tick_log(panel: Axes, ratio: float) -> None:
    """Few labels that do not touch: powers of ten, or 1, 2, 5 where these would be too few."""
    if ratio < _FEW_DECADES:
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=5))
        panel.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    panel.xaxis.set_minor_formatter(NullFormatter())


def _short(parameter: str, among: Sequence[str]) -> str:
    """The last part of a dotted path, where no other parameter ends alike."""
    last = parameter.rpartition(".")[2]
    alike = [name for name in among if name.rpartition(".")[2] == last]
    return last if len(alike) == 1 else parameter


def _costs(tuning: Tuning) -> Any:
    costs = tuning.costs
    if not np.isfinite(costs).any():
        remedy = "see the column error of its table"
        raise InputError(Finding("the tuning has no completed trial", remedy))
    return costs


def _title(figure: str) -> str:
    name, _, unit = figure.rpartition("_")
    return f"{name.replace('_', ' ')} ({unit})" if name else figure
