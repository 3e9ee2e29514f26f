"""The suite `sim`: how fast and how right the plug-flow plant is beside its peers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.tools.characteristics import exact_temperatures
from benchmarks.tools.finite_volumes import finite_volumes
from benchmarks.tools.pandapipes_day import (
    STEPS,
    run_schutterwald,
    schutterwald_day,
    schutterwald_inputs,
    step_pandapipes,
)
from benchmarks.tools.plug_flow import run_plant, segments
from benchmarks.tools.scaling import SIZES, cost_of
from benchmarks.tools.tree_day import STEP_s, TreeDay, WARM_UP_s, tree_arrays, tree_day
from rexdynnet.physics.friction import FrictionLaw
from rexdynnet.simulation.plugflow import PlugFlowOptions, PlugFlowPlant
from rexdynnet.study.bench import (
    Measurement,
    Sense,
    Timing,
    growth_exponent,
    time_repeatedly,
    time_side_by_side,
)

Floats = NDArray[np.float64]
Report = Callable[[str], None]

SUBSTATIONS = 200
CELLS = 10
REPEATS = 5
PANDAPIPES_STEPS = 30


def measure(report: Report) -> Iterator[Measurement]:
    """Measure everything, cheapest first."""
    report("importing the package in fresh processes")
    yield import_time()
    report(f"a day of a tree with {SUBSTATIONS} substations: exact, ours, CVODES")
    yield from tree_against_cvodes()
    report("the same with steel walls")
    yield tree_with_walls_against_cvodes()
    report("a day of Schutterwald by the minute: ours, pandapipes")
    yield schutterwald_against_pandapipes()
    report(f"growth up to {SIZES[-1]} substations")
    yield from growth()


def import_time() -> Measurement:
    """Seconds that `import rexdynnet` takes."""
    code = "from time import perf_counter as now; t = now(); import rexdynnet; print(now() - t)"
    runs = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(7)
    ]
    timing = Timing(tuple(runs[1:]))
    return Measurement("import_time", timing.median_s, "s", Sense.AT_MOST, 1.0, timing)


def tree_against_cvodes() -> tuple[Measurement, Measurement]:
    """Speed and error of plug flow beside CVODES on upwind cells."""
    case = tree_day(SUBSTATIONS, seed=1)
    plant = PlugFlowPlant(case.network, PlugFlowOptions(STEP_s))
    pieces = segments(case, plant)
    ours = run_plant(case, plant, pieces)
    tree = tree_arrays(case, ours.drawn)
    peer = finite_volumes(case, tree, CELLS)
    ours_time, peer_time = time_side_by_side(
        lambda: run_plant(case, plant, pieces), peer.run, REPEATS
    )
    exact = exact_temperatures(case, tree)
    ours_K = _rms(case, exact, (ours.supply_K, ours.return_K))
    peer_K = _rms(case, exact, peer.run())
    speed = Measurement(
        "tree_day_speed",
        peer_time.median_s / ours_time.median_s,
        "1",
        Sense.AT_LEAST,
        50.0,
        ours_time,
        peer_time,
        f"24 h, {SUBSTATIONS} substations, inputs step every 15 min, {len(case.output_s)} outputs; "
        f"ours in steps of at most {plant.options.step_s:g} s with hydraulics and start, peer "
        f"CVODES on {CELLS} upwind cells a pipe ({peer.states} states) with flows given",
    )
    error = Measurement(
        "tree_day_error",
        peer_K / ours_K,
        "1",
        Sense.AT_LEAST,
        10.0,
        remark=f"RMS against the exact solution over all substation supply and the plant return "
        f"temperatures: ours {ours_K:.4f} K, peer {peer_K:.4f} K",
    )
    return speed, error


def tree_with_walls_against_cvodes() -> Measurement:
    """Speed with a steel wall around every pipe on both sides."""
    case = tree_day(SUBSTATIONS, seed=1, wall=True)
    plant = PlugFlowPlant(case.network)
    pieces = segments(case, plant)
    ours = run_plant(case, plant, pieces)
    peer = finite_volumes(case, tree_arrays(case, ours.drawn), CELLS, wall=True)
    ours_time, peer_time = time_side_by_side(lambda: run_plant(case, plant, pieces), peer.run, 3)
    apart = _rms(case, (ours.supply_K, ours.return_K), peer.run())
    return Measurement(
        "tree_day_wall_speed",
        peer_time.median_s / ours_time.median_s,
        "1",
        Sense.AT_LEAST,
        50.0,
        ours_time,
        peer_time,
        f"as tree_day_speed, with walls on both sides; {apart:.2f} K RMS apart",
    )


def schutterwald_against_pandapipes() -> Measurement:
    """Speed beside pandapipes' quasi-steady steps, warm-started from each other."""
    case = schutterwald_day()
    plant = PlugFlowPlant(case.network, PlugFlowOptions(60.0, friction=FrictionLaw.NIKURADSE))
    rows = schutterwald_inputs(case, plant)
    ours_time = time_repeatedly(lambda: run_schutterwald(plant, rows), REPEATS)
    day = {
        transient: time_repeatedly(step_pandapipes(case, transient=transient), PANDAPIPES_STEPS)
        for transient in (True, False)
    }
    dynamic, steady = (Timing(tuple(STEPS * s for s in day[key].seconds)) for key in (True, False))
    return Measurement(
        "schutterwald_day_speed",
        steady.median_s / ours_time.median_s,
        "1",
        Sense.AT_LEAST,
        100.0,
        ours_time,
        steady,
        f"1440 steps of 60 s with new inputs each; the peer's day is extrapolated from "
        f"{PANDAPIPES_STEPS} quasi-steady steps (its implicit-Euler mode would be "
        f"{dynamic.median_s / ours_time.median_s:.0f} times ours)",
    )


def growth() -> tuple[Measurement, Measurement]:
    """Exponents of time and memory over the number of substations."""
    costs = [cost_of(size) for size in SIZES]
    sizes = [float(cost.substations) for cost in costs]
    timings = [Timing(cost.seconds) for cost in costs]
    table = ", ".join(
        f"{cost.substations}: {timing.median_s:.2f} s ± {50 * timing.spread:.0f} %, "
        f"{cost.megabytes:.0f} MB"
        for cost, timing in zip(costs, timings, strict=True)
    )
    time_exponent = growth_exponent(sizes, [timing.median_s for timing in timings])
    memory_exponent = growth_exponent(sizes, [cost.megabytes for cost in costs])
    return (
        Measurement(
            "growth_of_time",
            time_exponent,
            "1",
            Sense.AT_MOST,
            1.1,
            remark=f"exponent over the number of substations, start and 2 h; {table}",
        ),
        Measurement(
            "growth_of_memory",
            memory_exponent,
            "1",
            Sense.AT_MOST,
            1.1,
            remark="exponent of the peak over the number of substations",
        ),
    )


def _rms(case: TreeDay, one: tuple[Floats, Floats], other: tuple[Floats, Floats]) -> float:
    """RMS over all substations and the plant return, after the warm-up."""
    warm = case.output_s > WARM_UP_s
    apart = [(a - b)[warm].ravel() for a, b in zip(one, other, strict=True)]
    return float(np.sqrt(np.mean(np.concatenate(apart) ** 2)))
