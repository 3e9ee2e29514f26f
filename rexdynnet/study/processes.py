"""Independent jobs in processes of their own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from typing import TypeVar

Key = TypeVar("Key")
Job = TypeVar("Job")
Result = TypeVar("Result")


def in_processes(
    work: Callable[[Job], Result], jobs: Mapping[Key, Job], workers: int
) -> Iterator[tuple[Key, Result]]:
    """Do independent jobs side by side.

    Parameters
    ----------
    work : callable
        Of a module, so that a process can import it.
    jobs : mapping of key to job
    workers : int
        Processes; one: this one.

    Yields
    ------
    key
    result
        As they are done.

    Examples
    --------
    >>> dict(in_processes(abs, {"a": -1, "b": 2}, workers=1))
    {'a': 1, 'b': 2}
    """
    if workers <= 1:
        yield from ((key, work(job)) for key, job in jobs.items())
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=end_with_parent) as pool:
        going = {pool.submit(work, job): key for key, job in jobs.items()}
        for done in as_completed(going):
            yield going[done], done.result()


def end_with_parent() -> None:
    """End this process when its parent does, however that ends."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
