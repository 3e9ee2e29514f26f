"""The suite `identify`: speed of the likelihood, and truth found again on synthetic buildings.

Speed is CPU time in one process: likelihood against a plain NumPy Kalman filter for 12 zones
with air and mass over 1,344 rows, and likelihood with gradient against likelihood alone.
Truth: 20 buildings of 4 floors x 3 flats (seeds 1 to 20), 14 days of 15-minute rows
(`rexdynnet.identify.synthetic`), all 66 pairs as candidates, each fitted from the prior; for
the first 3 the selection is repeated on 6 halves of the record.
Coverage: the building of 3 floors x 2 flats of seed 1 in 400 winters (seeds 1 to 400), all 15
pairs as candidates, the search begun at the truth.

Each fit appends a row to `out/bench_identify.jsonl`; a run that was stopped goes on where it was.
Rows count only for the code that made them. `python -m benchmarks.identify --buildings 2
--repetitions 20` runs a part.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from rexdynnet.identify import Criterion, FitOptions, Shape, identify
from rexdynnet.identify.likelihood import step_model, value, value_and_gradient
from rexdynnet.identify.record import Record, make_record
from rexdynnet.identify.structure import Model, Structure, build_model, prior_of
from rexdynnet.identify.synthetic import make_building, simulate_meters
from rexdynnet.network.rc import RCNetwork, Verdict
from rexdynnet.study.bench import Measurement, Sense

ROOT = Path(__file__).parents[1]
ROWS = ROOT / "out" / "bench_identify.jsonl"
BUILDINGS, REPETITIONS = 20, 400
# selection on halves of the record takes four times as long: fewer buildings
HALVED, HALVES = 3, 6
SHAPE = Shape(mass=False, sectors_h=(12.0,))
OPTIONS = FitOptions(Criterion.LIKELIHOOD, iterations=1500, select=True)
# modules of `rexdynnet.identify` that a row depends on
MADE_BY = (
    *("discrete", "fit", "kernel", "likelihood", "record"),
    *("selection", "spacemeter", "structure", "synthetic", "verdict"),
)
Report = Callable[[str], None]
Row = dict[str, Any]


def recover(seed: int, halves: int = 0) -> Row:
    """Fit one building of 12 flats from the prior and compare with its truth."""
    truth = make_building(4, 3, seed)
    options = replace(OPTIONS, halves=halves)
    found = identify(simulate_meters(truth, seed), shape=SHAPE, options=options).network
    return compare(truth, found)


def repeat(seed: int) -> Row:
    """Fit the building of six flats in one winter, begun at its truth."""
    truth = make_building(3, 2, 1)
    meters = simulate_meters(truth, seed)
    return compare(truth, identify(meters, shape=SHAPE, options=OPTIONS, start=truth).network)


def compare(truth: RCNetwork, found: RCNetwork) -> Row:
    """How much of the truth a network has found again, and whether its intervals hold it."""
    true = {(pair.zone, pair.other): pair.conductance.value for pair in truth.couplings}
    told = {(pair.zone, pair.other): pair for pair in found.couplings}
    chosen = {ends for ends, pair in told.items() if pair.selected}
    right = chosen & true.keys()
    return {
        "f1": 2 * len(right) / (len(chosen) + len(true)),
        "false": len(chosen) - len(right),
        "selected": len(chosen),
        "true": len(true),
        "errors": [
            abs(told[ends].conductance.value / true[ends] - 1.0)
            for ends in sorted(right)
            if told[ends].conductance.verdict is Verdict.IDENTIFIED
        ],
        "covered": [
            told[ends].conductance.lower <= value <= told[ends].conductance.upper
            for ends, value in true.items()
        ],
    }


def plain_kalman(model: Model, record: Record, theta: np.ndarray) -> float:
    """Negative log likelihood by a textbook filter in NumPy."""
    stepped = step_model(model.at(theta), record)
    x, P = record.mean, np.diag(record.deviation**2)
    phi, noise = stepped.transition[0], stepped.noise[0]
    H = np.eye(len(x))[: record.rows.observed.shape[1]]
    R = np.diag(stepped.matrices.variance)
    total = 0.0
    for y, drive in zip(record.rows.observed, stepped.drive, strict=True):
        S = H @ P @ H.T + R
        e = y - H @ x
        K = np.linalg.solve(S, H @ P).T
        total += 0.5 * (np.linalg.slogdet(2 * np.pi * S)[1] + e @ np.linalg.solve(S, e))
        x = phi @ (x + K @ e) + drive
        P = phi @ (P - K @ H @ P) @ phi.T + noise
    return float(total)


def measure(report: Report) -> list[Measurement]:
    """Measure the suite."""
    return [
        *speed(report),
        *recovery(report, BUILDINGS),
        *stability(report, HALVED),
        *coverage(report, REPETITIONS),
    ]


def speed(report: Report) -> list[Measurement]:
    """CPU times of likelihood and gradient."""
    meters = simulate_meters(make_building(4, 3, 1), 1)
    structure = Structure(meters.zones, tuple(combinations(meters.zones, 2)))
    model, prior = build_model(structure), prior_of(structure)
    record = make_record(meters, True, structure.sectors_h, 0)
    theta = np.where(prior.lower == 0.0, 1.0, prior.centre)
    # in turns, so that a change of the clock's speed meets all three
    taken = np.array(
        [
            (
                _cpu_s(lambda: value(model, record, theta), 10),
                _cpu_s(lambda: value_and_gradient(model, record, theta), 10),
                _cpu_s(lambda: plain_kalman(model, record, theta), 1),
            )
            for _ in range(7)
        ]
    )
    ours, both, plain = np.median(taken, axis=0)
    gap = abs(value(model, record, theta) / plain_kalman(model, record, theta) - 1.0)
    report(
        f"likelihood {ours * 1e3:.1f} ms, with gradient {both * 1e3:.1f} ms, NumPy {plain:.3f} s"
    )
    at = "12 zones with air and mass, 1,344 rows, CPU time, median of 7"
    return [
        Measurement(
            "gradient over likelihood",
            float(np.median(taken[:, 1] / taken[:, 0])),
            "1",
            Sense.AT_MOST,
            5.0,
            remark=at,
        ),
        Measurement(
            "NumPy filter over likelihood",
            float(np.median(taken[:, 2] / taken[:, 0])),
            "1",
            Sense.AT_LEAST,
            10.0,
            remark=f"{at}; values differ by {gap:.1e}",
        ),
    ]


def recovery(report: Report, buildings: int) -> list[Measurement]:
    """Truth found again, over buildings."""
    rows = _rows("building", buildings, recover, report)
    errors = np.concatenate([one["errors"] for one in rows])
    at = f"{buildings} buildings of 12 flats, 14 days of 15-minute rows, 66 candidates"
    spurious = sum(one["false"] for one in rows) / max(1, sum(one["selected"] for one in rows))
    identified = len(errors) / sum(one["true"] for one in rows)
    figures = (
        ("F1 of the couplings", np.mean([one["f1"] for one in rows]), Sense.AT_LEAST, 0.95),
        ("false couplings", spurious, Sense.AT_MOST, 0.05),
        ("identified", identified, Sense.AT_LEAST, 0.8),
        ("median error", np.median(errors), Sense.AT_MOST, 0.1),
        ("90th percentile of errors", np.quantile(errors, 0.9), Sense.AT_MOST, 0.2),
    )
    return [
        Measurement(name, float(number), "1", sense, target, remark=at)
        for name, number, sense, target in figures
    ]


def stability(report: Report, buildings: int) -> list[Measurement]:
    """Truth found again where couplings must be kept in most halves of the record."""
    rows = _rows("halved", buildings, lambda seed: recover(seed, HALVES), report)
    at = f"{buildings} buildings of 12 flats, {HALVES} halves of 14 days of 15-minute rows each"
    spurious = sum(one["false"] for one in rows) / max(1, sum(one["selected"] for one in rows))
    f1 = float(np.mean([one["f1"] for one in rows]))
    return [
        Measurement("F1, stable couplings", f1, "1", Sense.AT_LEAST, 0.95, remark=at),
        Measurement("false, stable couplings", spurious, "1", Sense.AT_MOST, 0.05, remark=at),
    ]


def coverage(report: Report, repetitions: int) -> list[Measurement]:
    """Share of the intervals that hold the truth, pooled over all true edges."""
    rows = _rows("repetition", repetitions, repeat, report)
    share = float(np.mean([held for one in rows for held in one["covered"]]))
    at = f"six flats, {repetitions} repetitions, all true edges, 90 % declared; 0.86 to 0.94"
    return [
        Measurement("coverage, at least", share, "1", Sense.AT_LEAST, 0.86, remark=at),
        Measurement("coverage, at most", share, "1", Sense.AT_MOST, 0.94, remark=at),
    ]


def _rows(kind: str, count: int, make: Callable[[int], Row], report: Report) -> list[Row]:
    """Rows of seeds 1 to `count`; those that the file lacks are made and appended."""
    code = _code()
    ROWS.parent.mkdir(exist_ok=True)
    lines = ROWS.read_text(encoding="utf-8").splitlines() if ROWS.exists() else []
    # the last line of a run that was killed may be cut off
    kept = [json.loads(line) for line in lines if line.endswith("}")]
    known = {row["seed"]: row for row in kept if (row["kind"], row["code"]) == (kind, code)}
    for seed in range(1, count + 1):
        if seed in known:
            continue
        begin = time.process_time()
        known[seed] = {"kind": kind, "seed": seed, "code": code, **make(seed)}
        known[seed]["cpu_s"] = time.process_time() - begin
        with ROWS.open("a", encoding="utf-8") as file:
            file.write(json.dumps(known[seed]) + "\n")
        one = known[seed]
        held = np.mean(one["covered"])
        report(f"{kind} {seed}: F1 {one['f1']:.3f}, false {one['false']}, covered {held:.2f}")
    return [known[seed] for seed in range(1, count + 1)]


def _code() -> str:
    """Which code makes the rows."""
    files = [ROOT / "rexdynnet" / "identify" / f"{name}.py" for name in MADE_BY]
    files.append(ROOT / "rexdynnet" / "network" / "rc.py")
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]


def _cpu_s(job: Callable[[], object], times: int) -> float:
    begin = time.process_time()
    for _ in range(times):
        job()
    return (time.process_time() - begin) / times


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--buildings", type=int, default=BUILDINGS)
    parser.add_argument("--halved", type=int, default=HALVED)
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    given = parser.parse_args()
    found = speed(print)
    found += recovery(print, given.buildings) if given.buildings else []
    found += stability(print, given.halved) if given.halved else []
    found += coverage(print, given.repetitions) if given.repetitions else []
    for figure in found:
        print(f"{figure.name}: {figure.value:.4g} (target {figure.target:g})")
