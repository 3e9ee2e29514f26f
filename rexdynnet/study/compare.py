"""Controllers compared pairwise: the same random numbers drive each of them."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rexdynnet.control.settings import ControlSettings
from rexdynnet.errors import Finding, InputError
from rexdynnet.study.loop import run
from rexdynnet.study.paired import Paired
from rexdynnet.study.processes import in_processes
from rexdynnet.study.run_kpis import Kpis
from rexdynnet.study.scenario import SimulationScenario

_Job: TypeAlias = tuple[SimulationScenario, Path | None]


def compare(
    scenario: SimulationScenario,
    arms: Mapping[str, ControlSettings],
    seeds: Sequence[int],
    *,
    report: Callable[[str, int, Kpis], None] | None = None,
    workers: int = 1,
    keep: Path | None = None,
) -> Paired:
    """Run several controllers on the same demands, forecast errors and sensor noise.

    Parameters
    ----------
    scenario : SimulationScenario
        With a `[control]` section, whose place each arm takes.
    arms : mapping of str to ControlSettings
    seeds : sequence of int
        At least two.
    report : callable, optional
        Called after each run with arm, seed and key figures.
    workers : int
        Processes; each run is the same whatever their number.
    keep : Path or None
        A folder for each run's key figures: a comparison that was broken off takes up where
        it was. A changed scenario or version starts anew.

    Returns
    -------
    Paired

    Raises
    ------
    InputError
        Fewer than two seeds, or a scenario without a controller.
    """
    settings = scenario.closed_loop
    if settings is None or len(seeds) < 2:
        raise InputError(
            Finding(
                f"a comparison over {len(seeds)} seeds of a scenario "
                f"{'without' if settings is None else 'with'} a controller",
                "give a scenario with a section [control] and at least two seeds",
                file=scenario.source,
            )
        )
    jobs = {
        (arm, seed): (
            replace(scenario, seed=seed, closed_loop=replace(settings, control=control)),
            keep,
        )
        for seed in seeds
        for arm, control in arms.items()
    }
    found: dict[tuple[str, int], Mapping[str, float]] = {}
    for (arm, seed), kpis in in_processes(_key_figures, jobs, workers):
        found[arm, seed] = kpis.numbers()
        if report is not None:
            report(arm, seed, kpis)
    return Paired(
        tuple(arms),
        tuple(seeds),
        {
            figure: np.array([[found[arm, seed][figure] for seed in seeds] for arm in arms])
            for figure in found[next(iter(jobs))]
        },
    )


def _key_figures(job: _Job) -> Kpis:
    """Run one scenario, unless its key figures are kept already."""
    scenario, keep = job
    if keep is None:
        return run(scenario).kpis
    from rexdynnet import __version__

    key = sha256(pickle.dumps((scenario, __version__))).hexdigest()[:24]
    file = keep / f"{scenario.name}_{scenario.seed}_{key}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())
    kpis = run(scenario).kpis
    keep.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(pickle.dumps(kpis))
    part.replace(file)
    return kpis
