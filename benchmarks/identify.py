"""The suite `identify`: speed of the likelihood, and truth found again on synthetic buildings.

Speed is CPU time in one process: likelihood against a plain NumPy Kalman filter for 12 zones
with air and mass over 1,344 rows, and likelihood with gradient against likelihood alone.
Truth: buildings of 4 floors x 3 flats, 14 days of 15-minute rows (`rexdynnet.identify.synthetic`,
seeds 1 to 20), all 66 pairs as candidates. `python -m benchmarks.identify --first N` runs only N
buildings and prints one line for each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rexdynnet.identify import Criterion, FitOptions, Shape, identify
from rexdynnet.identify.likelihood import step_model, value, value_and_gradient
from rexdynnet.identify.record import Record, make_record
from rexdynnet.identify.structure import Model, Structure, build_model, prior_of
from rexdynnet.identify.synthetic import make_building, simulate_meters
from rexdynnet.network.rc import Verdict
from rexdynnet.study.bench import Measurement, Sense

BUILDINGS = 20
Report = Callable[[str], None]


@dataclass(frozen=True)
class Recovery:
    """How much of a building's truth was found again.

    Parameters
    ----------
    f1 : float
        Harmonic mean of precision and recall of the selected couplings.
    false_share : float
        Of the selected couplings.
    identified_share : float
        True conductances that are selected and declared identified.
    errors : tuple of float
        Relative errors of those.
    """

    f1: float
    false_share: float
    identified_share: float
    errors: tuple[float, ...]


def recover(seed: int) -> Recovery:
    """Fit one building and compare with its truth."""
    truth = make_building(4, 3, seed)
    options = FitOptions(Criterion.LIKELIHOOD, iterations=1500, select=True)
    shape = Shape(mass=False, sectors_h=(12.0,))
    found = identify(simulate_meters(truth, seed), shape=shape, options=options).network
    true = {(pair.zone, pair.other): pair.conductance.value for pair in truth.couplings}
    chosen = {(p.zone, p.other): p.conductance for p in found.couplings if p.selected}
    right = chosen.keys() & true.keys()
    errors = tuple(
        abs(chosen[pair].value / true[pair] - 1.0)
        for pair in sorted(right)
        if chosen[pair].verdict is Verdict.IDENTIFIED
    )
    return Recovery(
        2 * len(right) / (len(chosen) + len(true)),
        (len(chosen) - len(right)) / max(len(chosen), 1),
        len(errors) / len(true),
        errors,
    )


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
    return [*speed(report), *recovery(report, BUILDINGS)]


def speed(report: Report) -> list[Measurement]:
    """CPU times of likelihood and gradient."""
    meters = simulate_meters(make_building(4, 3, 1), 1)
    structure = Structure(meters.zones, tuple(combinations(meters.zones, 2)))
    model, prior = build_model(structure), prior_of(structure)
    record = make_record(meters, True, structure.sectors_h, 0)
    theta = np.where(prior.lower == 0.0, 1.0, prior.centre)
    ours = _cpu_s(lambda: value(model, record, theta), 10)
    both = _cpu_s(lambda: value_and_gradient(model, record, theta), 10)
    plain = _cpu_s(lambda: plain_kalman(model, record, theta), 3)
    gap = abs(value(model, record, theta) / plain_kalman(model, record, theta) - 1.0)
    report(
        f"likelihood {ours * 1e3:.1f} ms, with gradient {both * 1e3:.1f} ms, NumPy {plain:.3f} s"
    )
    at = "12 zones with air and mass, 1,344 rows, CPU time, median"
    return [
        Measurement("gradient over likelihood", both / ours, "1", Sense.AT_MOST, 5.0, remark=at),
        Measurement(
            "NumPy filter over likelihood",
            plain / ours,
            "1",
            Sense.AT_LEAST,
            10.0,
            remark=f"{at}; values differ by {gap:.1e}",
        ),
    ]


def recovery(report: Report, buildings: int) -> list[Measurement]:
    """Truth found again, over buildings."""
    found: list[Recovery] = []
    for seed in range(1, buildings + 1):
        one = recover(seed)
        found.append(one)
        report(f"building {seed}: F1 {one.f1:.3f}, false {one.false_share:.3f}")
    errors = np.concatenate([one.errors for one in found])
    at = f"{buildings} buildings of 12 flats, 14 days of 15-minute rows, 66 candidates"
    figures = (
        ("F1 of the couplings", np.mean([one.f1 for one in found]), Sense.AT_LEAST, 0.95),
        ("false couplings", np.mean([one.false_share for one in found]), Sense.AT_MOST, 0.05),
        ("identified", np.mean([one.identified_share for one in found]), Sense.AT_LEAST, 0.8),
        ("median error", np.median(errors), Sense.AT_MOST, 0.1),
        ("90th percentile of errors", np.quantile(errors, 0.9), Sense.AT_MOST, 0.2),
    )
    return [
        Measurement(name, float(number), "1", sense, target, remark=at)
        for name, number, sense, target in figures
    ]


def _cpu_s(job: Callable[[], object], times: int) -> float:
    job()
    taken = []
    for _ in range(times):
        begin = time.process_time()
        job()
        taken.append(time.process_time() - begin)
    return float(np.median(taken))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=BUILDINGS, help="how many buildings")
    for figure in [*speed(print), *recovery(print, parser.parse_args().first)]:
        print(f"{figure.name}: {figure.value:.3g} (target {figure.target:g})")
