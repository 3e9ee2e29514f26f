"""Results by seed, each kept in a file as it is done, so that a suite goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from rexdynnet.simulation.plant import write_atomically
from rexdynnet.study.processes import in_processes
from rexdynnet.study.provenance import code_digest

Result = TypeVar("Result")


def kept(
    work: Callable[[int], Result], files: Mapping[int, Path], report: Callable[[str], None]
) -> dict[int, Result]:
    """Result of every seed: read where its file is there, worked out where it is not."""
    # results of other code are not taken up
    files = {seed: file.parent / code_digest()[:12] / file.name for seed, file in files.items()}
    for folder in {file.parent for file in files.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    missing = {seed: seed for seed, file in files.items() if not file.exists()}
    workers = int(os.environ.get("REXDYNNET_BENCH_WORKERS", os.cpu_count() or 1))
    for count, (seed, result) in enumerate(in_processes(work, missing, workers), start=1):
        write_atomically(files[seed], json.dumps(result).encode())
        report(f"{count} of {len(missing)} seeds")
    return {seed: json.loads(file.read_text()) for seed, file in files.items()}
