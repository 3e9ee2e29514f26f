"""The story of a study or a tuning: arms, intervals, bands, failures, and how to repeat it."""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.ensemble import fan
from rexdynnet.plot.instant import instant
from rexdynnet.report.definitions import DEFINITIONS, Definition
from rexdynnet.report.page import (
    Page,
    Section,
    heading,
    link,
    paragraph,
    picture,
    render,
    table,
    verbatim,
)
from rexdynnet.report.run import clock
from rexdynnet.report.violations import Bound, find_violations
from rexdynnet.study.ensemble import Ensemble, read_ensemble
from rexdynnet.study.paired import interval

_WORST_BY = ("shortfall_kWh", "temperature_violation_Kh", "pressure_violation_barh", "cost_EUR")
_MOST_BANDS, _MOST_TRIALS, _MOST_FAILED = 6, 200, 50


def study_page(folder: Path) -> str:
    """Tell the story of a study.

    Parameters
    ----------
    folder : Path
        That `rexdynnet study` wrote.

    Returns
    -------
    str
        One HTML page that loads nothing.

    Raises
    ------
    InputError
        The folder holds no study.
    """
    found = read_ensemble(folder)
    told = _told(folder)
    arms = sorted(set(found.kpis["arm"]))
    count, failed = len(found.kpis), len(found.failed)
    summary = f"{len(arms)} arms, {count} runs, {failed} failed."
    sections = [
        _varied(found, arms),
        _figures(found, arms),
        _worst(found),
        _bands(found, arms),
        _failures(found),
        _effort(told),
        _reproduce(told, "rexdynnet study STUDY.toml -o OUT"),
    ]
    kept = tuple(section for section in sections if section is not None)
    return render(Page(f"Study {folder.name}", summary, kept, _generator()))


def tuning_page(folder: Path) -> str:
    """Tell the story of a tuning.

    Parameters
    ----------
    folder : Path
        That `rexdynnet tune` wrote.

    Returns
    -------
    str
        One HTML page that loads nothing.

    Raises
    ------
    InputError
        Its table of trials cannot be read.
    """
    file = folder / "trials.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    if len(rows) < 2:
        raise InputError(Finding("there is no trial", "run the tuning again", file))
    head, trials = rows[0], rows[1:]
    best = sorted(folder.glob("best.toml")) + sorted((folder / "front").glob("*.toml"))
    states = [row[head.index("state")] for row in trials]
    summary = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) + "."
    sections = [
        Section("pictures", "How it went", "\n".join(_drawn(folder)) or paragraph("No pictures.")),
        Section(
            "trials",
            "Trials",
            table(head, trials[:_MOST_TRIALS], numbers=range(2, len(head) - 1))
            + _rest(len(trials), _MOST_TRIALS, "trials"),
        ),
        *(
            Section(f"winner-{number}", f"Winner: {one.name}", verbatim(one.read_text("utf-8")))
            for number, one in enumerate(best)
        ),
        _reproduce(_told(folder), "rexdynnet tune TUNING.toml -o OUT"),
    ]
    return render(Page(f"Tuning {folder.name}", summary, tuple(sections), _generator()))


def _told(folder: Path) -> list[dict[str, Any]]:
    """What each run says of itself."""
    found = []
    for file in sorted((folder / "runs").glob("*.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            raise InputError(
                Finding("a run cannot be read", "delete it and give the study again", file)
            ) from None
        found.append(content)
    return found


def _varied(found: Ensemble, arms: list[int]) -> Section:
    rows = [
        (str(arm), found.label(arm), str(len(found.kpis[found.kpis["arm"] == arm]))) for arm in arms
    ]
    names = ", ".join(found.varied) or "the scenario"
    body = paragraph(f"Varied: {names}. Every arm meets the same seeds.")
    return Section("arms", "Arms", body + table(("arm", "what it is", "runs"), rows, numbers=(2,)))


def _figures(found: Ensemble, arms: list[int]) -> Section:
    """A row per figure: the first arm's mean, and every other's paired difference to it."""
    known = [name for name in (*DEFINITIONS, *found.figures) if name in found.figures]
    head = ["figure", "unit", f"arm {arms[0]}, mean"]
    head += [f"arm {arm}, difference" for arm in arms[1:]] + ["definition"]
    rows = []
    for name in dict.fromkeys(known):
        meaning = DEFINITIONS.get(name, Definition(name, "", ""))
        base = found.values(arms[0], name)
        if not np.isfinite(base).any():
            continue
        if name.startswith("rung_") and not found.kpis[name].to_numpy().any():
            continue
        cells = [_with_interval(base, signed=False)]
        cells += [_with_interval(found.values(arm, name) - base) for arm in arms[1:]]
        rows.append((meaning.label, meaning.unit, *cells, meaning.meaning))
    text = "Means with 95 % intervals over seeds; differences are taken seed by seed."
    numbers = range(2, 2 + len(arms))
    return Section("figures", "Key figures", paragraph(text) + table(head, rows, numbers=numbers))


def _with_interval(values: Any, *, signed: bool = True) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return "-"
    if len(known) == 1 or not np.ptp(known):
        return f"{known[0]:.4g}"
    found = interval(known)
    return str(found) if signed else f"{found.mean:.4g} [{found.lower:.4g}, {found.upper:.4g}]"


def _bands(found: Ensemble, arms: list[int]) -> Section | None:
    """The first trajectories that every arm kept."""
    if not (found.folder / "trajectories").is_dir():
        return None
    pictures: list[str] = []
    for name in _trajectories(found, arms[0]):
        for arm in arms[:2]:
            try:
                figure = fan(found, name, arm=arm)
            except InputError:
                continue
            pictures.append(picture(figure, f"{name}, arm {arm}: {found.label(arm)}"))
            plt.close(figure)
        if len(pictures) >= _MOST_BANDS:
            break
    return Section("bands", "Trajectories", "\n".join(pictures)) if pictures else None


def _trajectories(found: Ensemble, arm: int) -> Iterator[str]:
    """Series by name: plants first, for there are few."""
    seeds = found.kpis[(found.kpis["arm"] == arm) & (found.kpis["error"] == "")]["seed"].tolist()
    if not seeds:
        return
    try:
        data = found.dataset(arm, int(seeds[0]))
    except InputError:
        return
    for variable in sorted(map(str, data.data_vars), key=lambda name: not name.startswith("plant")):
        kind, _, quantity = variable.partition("_")
        if kind in data.coords and data[variable].dims == ("time", kind):
            yield from (f"{each}.{quantity}" for each in data[kind].to_numpy()[:3])


def _failures(found: Ensemble) -> Section | None:
    rows = [
        (str(row["arm"]), str(row["seed"]), str(row["error"])) for _, row in found.failed.iterrows()
    ]
    if not rows:
        return None
    body = table(("arm", "seed", "error"), rows[:_MOST_FAILED], numbers=(0,))
    return Section("failed", "Failed runs", body + _rest(len(rows), _MOST_FAILED, "failed runs"))


def _effort(told: list[dict[str, Any]]) -> Section:
    spent = sum(float(each.get("cpu_s", 0.0)) for each in told)
    text = f"{len(told)} runs took {spent / 60:.1f} minutes of one core."
    return Section("runs", "Effort", paragraph(text))


def _worst(found: Ensemble) -> Section | None:
    """The run that came off worst by each figure, and its worst instants where they were kept."""
    worst: list[tuple[str, int, int, float]] = []
    for name in _WORST_BY:
        if name in found.figures and found.kpis[name].max() > 0:
            row = found.kpis.loc[found.kpis[name].idxmax()]
            worst.append((name, int(row["arm"]), int(row["seed"]), float(row[name])))
    if not worst:
        return None
    runs = list(dict.fromkeys((arm, seed) for _, arm, seed, _ in worst))
    stories = {run: _instants(found, *run, f"run-{n}") for n, run in enumerate(runs, start=1)}
    rows = []
    for name, arm, seed, value in worst:
        meaning = DEFINITIONS.get(name, Definition(name, "", ""))
        number, told = runs.index((arm, seed)) + 1, stories[arm, seed]
        look = link(f"run-{number}", "instants") if told else ""
        cells = (meaning.label, f"{value:,.4g}", meaning.unit, found.label(arm), str(seed), look)
        rows.append(cells)
    head = ("figure", "largest", "unit", "arm", "seed", "its worst")
    body = [table(head, rows, numbers=(1,))]
    for number, (arm, seed) in enumerate(runs, start=1):
        if stories[arm, seed]:
            body.append(heading(f"run-{number}", f"{found.label(arm)}, seed {seed}"))
            body += stories[arm, seed]
    return Section("worst", "Worst runs", "\n".join(body))


def _instants(found: Ensemble, arm: int, seed: int, key: str) -> list[str]:
    """Pictures of the worst instant of each bound that a run did not keep."""
    try:
        data = found.dataset(arm, seed)
    except InputError:
        return []
    told: list[str] = []
    for number, one in enumerate(find_violations(data, most=1), start=1):
        if one.bound is Bound.RULE:
            continue
        text = f"{one.component}, {clock(data, one.worst_s)}: {one.bound.text}, by "
        text += f"{one.worst:,.3g} {one.unit}"
        try:
            figure = instant(data, one.component, one.worst_s)
        except InputError:  # not all of what the picture shows was kept
            told.append(paragraph(text))
            continue
        told += [heading(f"{key}-{number}", text), picture(figure, text)]
        plt.close(figure)
    return told


def _reproduce(told: list[dict[str, Any]], command: str) -> Section:
    rows: list[tuple[str, str]] = []
    for label, key in (
        ("scenario", "scenario"),
        ("scenario hash (SHA-256)", "scenario_hash"),
        ("rexdynnet", "version"),
    ):
        rows += [(label, value) for value in dict.fromkeys(str(each.get(key, "")) for each in told)]
    seeds = ", ".join(str(seed) for seed in dict.fromkeys(each.get("seed") for each in told))
    rows.append(("seeds", seeds))
    text = f"The same scenario, seeds and version give the same numbers: {command}."
    return Section("reproduce", "To reproduce it", table(("what", "value"), rows) + paragraph(text))


def _drawn(folder: Path) -> Iterator[str]:
    """Pictures that the tuning left, inside the page."""
    texts = {
        "history": "every trial and the best so far",
        "front": "trials that no other beats in every objective",
        "importances": "how much of the difference between trials each parameter makes",
        "response": "the objective over each parameter; later trials are darker",
    }
    for name, text in texts.items():
        file = folder / f"{name}.png"
        if file.is_file():
            data = b64encode(file.read_bytes()).decode("ascii")
            yield (
                f'<figure><div class="wide"><img alt="{escape(text)}" '
                f'src="data:image/png;base64,{data}"></div><figcaption>{escape(text)}'
                "</figcaption></figure>"
            )


def _rest(count: int, shown: int, what: str) -> str:
    return paragraph(f"{count - shown} more {what} are in the folder.") if count > shown else ""


def _generator() -> str:
    from rexdynnet import __version__

    return f"rexdynnet {__version__}"
