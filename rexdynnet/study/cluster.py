"""A `dask.distributed` cluster as the workers of a study: the same runs, the same results."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from rexdynnet.errors import Finding, InputError
from rexdynnet.study.execute import RunOutcome, execute
from rexdynnet.study.plan import RunTask

_GLANCE_S = 2.0


class ClusterWorkers:
    """Workers behind a scheduler: `dask scheduler` and `dask worker ADDRESS --nthreads 1`.

    Parameters
    ----------
    address : str
        Of the scheduler, such as `tcp://10.0.0.1:8786`.
    patience_s : float
        How long to wait for the scheduler and for its first worker.

    Raises
    ------
    InputError
        The extra `cluster` is not installed, or nobody is at the address.
    """

    def __init__(self, address: str, patience_s: float = 30.0) -> None:
        self._address = address
        self._dask = _package()
        self._tasks: dict[Any, RunTask] = {}
        try:
            self._client = self._dask.Client(
                address, timeout=patience_s, set_as_default=False, name="rexdynnet study"
            )
        except (OSError, ValueError) as error:
            remedy = "start it with `dask scheduler`, and give the address that it prints"
            raise InputError(
                Finding(f"there is no scheduler at {address} ({error})", remedy)
            ) from None
        try:
            self._client.wait_for_workers(1, timeout=patience_s)
        except TimeoutError:
            self._client.close()
            remedy = f"start some with `dask worker {address} --nthreads 1`"
            raise InputError(Finding(f"the scheduler {address} has no workers", remedy)) from None

    def free(self) -> int:
        """How many runs may be submitted now: two per thread, so that none waits for work."""
        return max(2 * sum(self._threads().values()), 1) - len(self._tasks)

    def submit(self, task: RunTask) -> None:
        """Begin a run; where its worker dies the scheduler begins it again elsewhere."""
        future = self._client.submit(execute, task, key=f"rexdynnet-{task.key}", pure=False)
        self._tasks[future] = task

    def wait(self) -> list[tuple[RunTask, RunOutcome]]:
        """Runs that have finished; waits for the first.

        Raises
        ------
        InputError
            The scheduler went away.
        """
        while self._tasks:
            try:
                with self._client.as_current():
                    done = self._dask.wait(
                        list(self._tasks), timeout=_GLANCE_S, return_when="FIRST_COMPLETED"
                    ).done
            except TimeoutError:
                done = ()
            except (OSError, self._dask.CancelledError):
                raise self._gone() from None
            if self._client.status != "running" or any(f.cancelled() for f in self._tasks):
                raise self._gone()
            if done:
                return [(self._tasks.pop(future), self._result(future)) for future in done]
        return []

    def close(self) -> None:
        """Withdraw what has not finished, and leave the cluster to others."""
        if self._client.status == "running":
            self._client.cancel(list(self._tasks))
        self._tasks.clear()
        self._client.close(timeout=_GLANCE_S)

    def _threads(self) -> dict[str, int]:
        try:
            return self._client.nthreads()
        except OSError:
            raise self._gone() from None

    def _result(self, future: Any) -> RunOutcome:
        error = future.exception()
        if error is None:
            return future.result()
        return RunOutcome({}, f"the cluster gave up on this run: {error}")

    def _gone(self) -> InputError:
        return InputError(
            Finding(
                f"the scheduler {self._address} went away",
                "start it and its workers again and repeat the command: finished runs are kept",
            )
        )


def _package() -> Any:
    try:
        return import_module("distributed")
    except ImportError:
        raise InputError(
            Finding("dask.distributed is not installed", "run `pip install 'rexdynnet[cluster]'`")
        ) from None
