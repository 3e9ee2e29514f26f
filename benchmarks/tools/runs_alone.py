"""What a user's own loop does: run a scenario over seeds, one after another, in this process.

`python -m benchmarks.tools.runs_alone SCENARIO DURATION SEED ...`
"""

from __future__ import annotations

import sys
from pathlib import Path

from rexdynnet.study.loop import run
from rexdynnet.study.scenario import read_scenario


def main(scenario: str, duration: str, *seeds: str) -> None:
    """Run, and print the cost of each run."""
    for seed in seeds:
        wanted = read_scenario(Path(scenario), {"time.duration": duration, "seed": int(seed)})
        print(seed, run(wanted).kpis.cost_EUR, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
