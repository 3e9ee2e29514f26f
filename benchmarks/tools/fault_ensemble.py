"""Random days with faults on destest16 under the safety maintainer; resumable.

`python -m benchmarks.tools.fault_ensemble OUT.jsonl --count 500` appends a line per case that
OUT does not hold yet, and prints what failed. Cases alternate between the network with a tank
and a heat pump, and the one with a booster, two zones and a solar field that can feed in more than
twice what is taken.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter

from rexdynnet.control.settings import ControllerKind
from rexdynnet.study.fault_cases import examine, random_case
from rexdynnet.study.scenario import read_scenario

SCENARIOS = Path(__file__).parents[2] / "models" / "scenarios"
BASES = ("destest16_two_plants_run", "destest16_pump_trip_run")


def main() -> None:
    """Run the cases that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--controller", default="baseline")
    given = parser.parse_args()
    kind = ControllerKind[given.controller.upper()]
    bases = [read_scenario(SCENARIOS / f"{name}.toml") for name in BASES]
    rows = (
        [json.loads(line) for line in given.out.read_text().splitlines()]
        if given.out.exists()
        else []
    )
    known = {row["number"] for row in rows}
    begin = perf_counter()
    for number in range(given.first, given.first + given.count):
        if number in known or perf_counter() - begin > 60.0 * given.minutes:
            continue
        verdict = examine(random_case(bases[number % len(bases)], number, kind=kind))
        row = {
            "number": number,
            "name": verdict.name,
            "failures": list(verdict.failures),
            **verdict.figures,
        }
        rows.append(row)
        with given.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        if verdict.failures:
            print(number, verdict.failures, flush=True)
    failed = [row for row in rows if row["failures"]]
    worst = {
        name: max((row.get(name, 0.0) for row in rows), default=0.0)
        for name in ("demand_unbooked", "dump_unbooked", "balance_unbooked", "seconds")
    }
    exempt = sum(row.get("exempt", 0.0) > 0.0 for row in rows)
    print(f"{len(rows)} cases, {len(failed)} failed, {exempt} exempt by a witness; worst {worst}")


if __name__ == "__main__":
    main()
