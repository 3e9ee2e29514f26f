"""The story of a study or a tuning: arms, intervals, bands, failures, and how to repeat it."""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from collections.abc import Iterator
from html import escape
from math import isfinite
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.plot.ensemble import fan
from rexdynnet.report.definitions import DEFINITIONS, Definition
from rexdynnet.report.page import Page, Section, paragraph, picture, render, table, verbatim
from rexdynnet.study.ensemble import Ensemble, read_ensemble
from rexdynnet.study.paired import interval

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
        _bands(found, arms),
        _failures(found),
        _runs(found, told),
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
        cells = [_with_interval(base)]
        cells += [_with_interval(found.values(arm, name) - base) for arm in arms[1:]]
        rows.append((meaning.label, meaning.unit, *cells, meaning.meaning))
    text = "Means with 95 % intervals over seeds; differences are taken seed by seed."
    numbers = range(2, 2 + len(arms))
    return Section("figures", "Key figures", paragraph(text) + table(head, rows, numbers=numbers))


def _with_interval(values: Any) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return "-"
    if len(known) == 1 or not np.ptp(known):
        return f"{known[0]:.4g}"
    return str(interval(known))


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


def _runs(found: Ensemble, told: list[dict[str, Any]]) -> Section:
    """The dearest and the cheapest run, to look at one by one."""
    name = "cost_EUR" if "cost_EUR" in found.figures else next(iter(found.figures), "")
    values = {} if not name else dict(zip(found.kpis["run"], found.kpis[name], strict=True))
    good = {run: value for run, value in values.items() if isfinite(value)}
    spent = sum(float(each.get("cpu_s", 0.0)) for each in told)
    lines = [paragraph(f"{len(told)} runs took {spent / 60:.1f} minutes of one core.")]
    if good:
        ends = (("largest", max(good, key=lambda r: good[r])),)
        ends += (("smallest", min(good, key=lambda r: good[r])),)
        rows = []
        for words, run in ends:
            row = found.kpis[found.kpis["run"] == run].iloc[0]
            rows.append((words, f"{good[run]:.4g}", found.label(int(row["arm"])), str(row["seed"])))
        lines.append(table((name, "value", "arm", "seed"), rows, numbers=(1,)))
    return Section("runs", "Runs", "\n".join(lines))


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
