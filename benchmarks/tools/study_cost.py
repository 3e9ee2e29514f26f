"""What a study costs: its own process, and the processes that it starts.

`python -m benchmarks.tools.study_cost STUDY.toml OUT` prints one line of JSON.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from rexdynnet.study.montecarlo import run_study
from rexdynnet.study.study_file import read_study


def main(study: str, out: str) -> None:
    """Run a study on two processes."""
    began = time.perf_counter()
    found = run_study(read_study(Path(study)), Path(out), workers=2)
    elapsed_s = time.perf_counter() - began
    own = resource.getrusage(resource.RUSAGE_SELF)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    files = [file for file in Path(out).rglob("*") if file.is_file()]
    print(
        json.dumps(
            {
                "runs": len(found.kpis),
                "elapsed_s": elapsed_s,
                "own_processor_s": own.ru_utime + own.ru_stime,
                "own_memory_MB": own.ru_maxrss / 1e3,
                "worker_processor_s": workers.ru_utime + workers.ru_stime,
                "worker_memory_MB": workers.ru_maxrss / 1e3,
                "disk_MB": sum(file.stat().st_size for file in files) / 1e6,
                "files": len(files),
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
