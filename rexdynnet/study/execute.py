"""One run of a study, from its files to its key figures and trajectories; a worker's work."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter, process_time

from rexdynnet.control.threads import on_one_thread
from rexdynnet.errors import Finding, InputError, RexdynnetError
from rexdynnet.study.plan import RunTask


@dataclass(frozen=True)
class RunOutcome:
    """What came of one run.

    Parameters
    ----------
    figures : mapping of str to float
        Key figures; empty where the run failed.
    error : str
        Why it failed; empty where it did not.
    trace : str
        Where an error that nobody foresaw arose.
    trajectories : bytes or None
        A zipped Zarr store.
    elapsed_s, cpu_s : float
        Spent on it, model building and packing included.
    """

    figures: Mapping[str, float]
    error: str = ""
    trace: str = ""
    trajectories: bytes | None = None
    elapsed_s: float = 0.0
    cpu_s: float = 0.0


def execute(task: RunTask) -> RunOutcome:
    """Build the model of a run from its files and run it.

    Parameters
    ----------
    task : RunTask

    Returns
    -------
    RunOutcome
        Also where the run failed: an exception never leaves.
    """
    began, cpu = perf_counter(), process_time()
    figures: dict[str, float] = {}
    packed, error, trace = None, "", ""
    try:
        figures, packed = _run(task)
    except RexdynnetError as failure:
        error = str(failure)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
        trace = traceback.format_exc()
    return RunOutcome(figures, error, trace, packed, perf_counter() - began, process_time() - cpu)


@on_one_thread
def _run(task: RunTask) -> tuple[dict[str, float], bytes | None]:
    from rexdynnet import __version__
    from rexdynnet.study.loop import run
    from rexdynnet.study.read_scenario import scenario_from_file

    if __version__ != task.version:
        raise InputError(
            Finding(
                f"the worker has rexdynnet {__version__}, the study {task.version}",
                "install the same version on every machine",
            )
        )
    scenario = scenario_from_file(task.scenario, {**task.overrides, "seed": task.seed})
    if scenario.hash != task.scenario_hash:
        raise InputError(
            Finding(
                "the scenario or a file that it names is not what the study began with",
                "let every worker see the same files, and leave them alone while a study runs",
                task.scenario,
            )
        )
    done = run(scenario)
    figures = done.kpis.numbers()
    figures |= {f"rung_{name}": float(count) for name, count in done.kpis.rungs.items()}
    if done.market is not None:
        figures |= done.market.figures()
    if task.keep == ():
        return figures, None
    from rexdynnet.study.trajectories import packed

    return figures, packed(done.data, task.keep)
