"""Processes of this machine that run what they are given, one run at a time each."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Protocol

from rexdynnet.study.execute import RunOutcome, execute
from rexdynnet.study.plan import RunTask
from rexdynnet.study.processes import end_with_parent

DIED = "the worker process died twice in this run: killed, or out of memory"


class Workers(Protocol):
    """What a study runs on."""

    def free(self) -> int:
        """How many runs may be submitted now."""
        ...

    def submit(self, task: RunTask) -> None:
        """Begin a run."""
        ...

    def wait(self) -> Sequence[tuple[RunTask, RunOutcome]]:
        """Runs that have finished; waits for the first."""
        ...

    def close(self) -> None:
        """End, and with it every run that has not finished."""
        ...


def finished(pool: Workers, tasks: Iterable[RunTask]) -> Iterator[tuple[RunTask, RunOutcome]]:
    """Run tasks, never more than the workers take.

    Parameters
    ----------
    pool : Workers
    tasks : iterable of RunTask

    Yields
    ------
    RunTask
    RunOutcome
        As they finish.
    """
    waiting = iter(tasks)
    flying = _feed(pool, waiting)
    while flying:
        done = pool.wait()
        # workers come first: what is done is written while they run on
        flying += _feed(pool, waiting) - len(done)
        yield from done


def _feed(pool: Workers, waiting: Iterator[RunTask]) -> int:
    begun = 0
    while pool.free() > 0:
        task = next(waiting, None)
        if task is None:
            break
        pool.submit(task)
        begun += 1
    return begun


def make_workers(count: int, cluster: str | None) -> Workers:
    """Processes of this machine, or a cluster where its address is given.

    Raises
    ------
    InputError
        As `ClusterWorkers`.
    """
    if cluster is None:
        return LocalWorkers(count)
    from rexdynnet.study.cluster import ClusterWorkers

    return ClusterWorkers(cluster)


class LocalWorkers:
    """Spawned processes; where one dies only its run is begun again, in a new process.

    Parameters
    ----------
    count : int
        Processes.
    """

    def __init__(self, count: int) -> None:
        self._idle: list[ProcessPoolExecutor] = []
        self._count = count
        self._busy: dict[Future[RunOutcome], tuple[ProcessPoolExecutor, RunTask]] = {}
        self._died: set[str] = set()

    def free(self) -> int:
        """How many runs may be submitted now."""
        return self._count - len(self._busy)

    def submit(self, task: RunTask) -> None:
        """Begin a run in an idle process."""
        slot = self._idle.pop() if self._idle else _new_slot()
        self._busy[slot.submit(execute, task)] = slot, task

    def wait(self) -> list[tuple[RunTask, RunOutcome]]:
        """Runs that have finished; waits for the first."""
        finished: list[tuple[RunTask, RunOutcome]] = []
        while not finished and self._busy:
            done, _ = wait(self._busy, return_when=FIRST_COMPLETED)
            for future in done:
                slot, task = self._busy.pop(future)
                if not isinstance(future.exception(), BrokenProcessPool):
                    self._idle.append(slot)
                    finished.append((task, future.result()))
                    continue
                slot.shutdown(wait=False)
                if task.key in self._died:
                    finished.append((task, RunOutcome({}, DIED)))
                else:
                    self._died.add(task.key)
                    self.submit(task)
        return finished

    def close(self) -> None:
        """End all processes; what still runs is not wanted any more."""
        for slot, _task in self._busy.values():
            for process in list((slot._processes or {}).values()):
                process.kill()
        for slot in [*self._idle, *(slot for slot, _task in self._busy.values())]:
            slot.shutdown(wait=True, cancel_futures=True)


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _new_slot() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=end_with_parent)
